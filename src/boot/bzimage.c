// SPDX-License-Identifier: Apache-2.0
/*
 * The setup header of a Linux x86 bzImage. See include/iolite/bzimage.h. (Linux x86 boot protocol,
 * "The Real-Mode Kernel Header" and "Details of Header Fields".) Pure: reads the file, touches no
 * guest memory. Runs on the loop's thread.
 *
 * Every field is the file's word against ours. One bounded read takes the whole header; after the
 * checks here the numbers are inside the file, consistent, and safe to add up in 64 bits.
 */
#include <iolite/bzimage.h>

#include <errno.h>
#include <inttypes.h>

#include <iolite/endian.h>

/* Offsets in the file, which are those in the zero page. */
enum {
	OFF_SETUP_SECTS = 0x1f1,
	OFF_SYSSIZE = 0x1f4,
	OFF_BOOT_FLAG = 0x1fe,
	OFF_JUMP = 0x200, /* a short jump over the header: its length byte is at 0x201 */
	OFF_MAGIC = 0x202,
	OFF_VERSION = 0x206,
	OFF_LOADFLAGS = 0x211,
	OFF_INITRD_ADDR_MAX = 0x22c,
	OFF_KERNEL_ALIGNMENT = 0x230,
	OFF_RELOCATABLE = 0x234,
	OFF_XLOADFLAGS = 0x236,
	OFF_CMDLINE_SIZE = 0x238,
	OFF_PAYLOAD_OFFSET = 0x248,
	OFF_PAYLOAD_LENGTH = 0x24c,
	OFF_PREF_ADDRESS = 0x258,
	OFF_INIT_SIZE = 0x260,
	HEADER_END_MIN = 0x264, /* behind init_size */
	HEADER_END_MAX = IOL_BZIMAGE_HEADER_OFFSET + IOL_BZIMAGE_HEADER_BYTES_MAX,
};

#define BOOT_FLAG 0xaa55
#define MAGIC_HDRS 0x53726448 /* "HdrS" */
#define JUMP_SHORT 0xeb
#define VERSION_MIN 0x020c
#define LOADED_HIGH 0x01
#define XLF_KERNEL_64 0x0001
#define SECTOR_BYTES 512
#define PARAGRAPH_BYTES 16
#define SETUP_SECTS_DEFAULT 4

/* The start of the file up to the end of the largest header; shorter files read as zeros. */
struct head {
	uint8_t bytes[HEADER_END_MAX];
};

static int read_head(const struct iol_image *image, struct head *head, struct iol_error *err)
{
	uint64_t len = sizeof(head->bytes);

	memset(head, 0, sizeof(*head));
	if (len > image->size_bytes)
		len = image->size_bytes;
	return iol_image_read(image, 0, head->bytes, len, err);
}

static uint16_t get16(const struct head *head, unsigned int offset)
{
	return le16_load(head->bytes + offset);
}

static uint32_t get32(const struct head *head, unsigned int offset)
{
	return le32_load(head->bytes + offset);
}

static bool is_bzimage(const struct head *head)
{
	return get16(head, OFF_BOOT_FLAG) == BOOT_FLAG && get32(head, OFF_MAGIC) == MAGIC_HDRS;
}

int iol_bzimage_probe(const struct iol_image *image, struct iol_error *err)
{
	struct head head;
	int rc = read_head(image, &head, err);

	return rc ? rc : is_bzimage(&head);
}

/* Kinds of kernel that iolite does not start: -ENOEXEC. */
static int check_kind(const struct iol_image *image, const struct head *head, struct iol_error *err)
{
	uint16_t version = get16(head, OFF_VERSION);

	if (!is_bzimage(head))
		return iol_error_set(err, -ENOEXEC,
				     "%s: not a bzImage (no boot flag 0xaa55 and magic \"HdrS\")",
				     image->path);
	if (version < VERSION_MIN)
		return iol_error_set(
			err, -ENOEXEC,
			"%s: boot protocol version is %u.%02u, 2.12 or later is needed "
			"(Linux 3.8)",
			image->path, version >> 8, version & 0xffu);
	if (!(head->bytes[OFF_LOADFLAGS] & LOADED_HIGH))
		return iol_error_set(err, -ENOEXEC,
				     "%s: loadflags 0x%02x has no LOADED_HIGH: this is a zImage, a "
				     "bzImage is needed",
				     image->path, head->bytes[OFF_LOADFLAGS]);
	if (!(get16(head, OFF_XLOADFLAGS) & XLF_KERNEL_64))
		return iol_error_set(err, -ENOEXEC,
				     "%s: xloadflags 0x%04x has no XLF_KERNEL_64: this is a 32-bit "
				     "kernel, a 64-bit one is needed",
				     image->path, get16(head, OFF_XLOADFLAGS));
	return 0;
}

/* How much of the header there is. */
static int parse_extent(const struct iol_image *image, const struct head *head,
			struct iol_bzimage *bz, struct iol_error *err)
{
	uint32_t end = OFF_MAGIC + head->bytes[OFF_JUMP + 1];

	if (head->bytes[OFF_JUMP] != JUMP_SHORT)
		return iol_error_set(err, -EINVAL,
				     "%s: jump at 0x200 is 0x%02x, a short jump (0xeb) is needed",
				     image->path, head->bytes[OFF_JUMP]);
	if (end < HEADER_END_MIN || end > HEADER_END_MAX)
		return iol_error_set(err, -EINVAL,
				     "%s: setup header ends at 0x%x (byte at 0x201 is 0x%02x), "
				     "0x%x to 0x%x is possible",
				     image->path, end, head->bytes[OFF_JUMP + 1], HEADER_END_MIN,
				     HEADER_END_MAX);
	if (image->size_bytes < end)
		return iol_error_set(err, -EINVAL,
				     "%s: truncated: the setup header ends at 0x%x, the file has "
				     "0x%" PRIx64 " bytes",
				     image->path, end, image->size_bytes);
	bz->header_bytes = end - IOL_BZIMAGE_HEADER_OFFSET;
	memcpy(bz->header, head->bytes + IOL_BZIMAGE_HEADER_OFFSET, bz->header_bytes);
	return 0;
}

/* Where the protected-mode kernel lies in the file. */
static int parse_payload(const struct iol_image *image, const struct head *head,
			 struct iol_bzimage *bz, struct iol_error *err)
{
	uint64_t syssize_bytes = (uint64_t)get32(head, OFF_SYSSIZE) * PARAGRAPH_BYTES;
	uint64_t blob_end =
		(uint64_t)get32(head, OFF_PAYLOAD_OFFSET) + get32(head, OFF_PAYLOAD_LENGTH);
	unsigned int sects = head->bytes[OFF_SETUP_SECTS];
	uint64_t present;

	if (!sects)
		sects = SETUP_SECTS_DEFAULT;
	bz->payload_offset = (uint64_t)(sects + 1) * SECTOR_BYTES;
	if (bz->payload_offset >= image->size_bytes)
		return iol_error_set(err, -EINVAL,
				     "%s: truncated: setup_sects %u puts the kernel at 0x%" PRIx64
				     ", the file has 0x%" PRIx64 " bytes",
				     image->path, sects, bz->payload_offset, image->size_bytes);
	present = image->size_bytes - bz->payload_offset;
	if (syssize_bytes <= IOL_BZIMAGE_ENTRY64_OFFSET)
		return iol_error_set(err, -EINVAL,
				     "%s: syssize is 0x%x paragraphs, more than 0x%x are needed to "
				     "hold the 64-bit entry",
				     image->path, get32(head, OFF_SYSSIZE),
				     IOL_BZIMAGE_ENTRY64_OFFSET / PARAGRAPH_BYTES);
	/* syssize is rounded up to a paragraph; what follows it (a signature) is not the kernel. */
	if (syssize_bytes >= present + PARAGRAPH_BYTES)
		return iol_error_set(err, -EINVAL,
				     "%s: truncated: syssize says the kernel has 0x%" PRIx64
				     " bytes, 0x%" PRIx64 " are in the file",
				     image->path, syssize_bytes, present);
	bz->payload_bytes = syssize_bytes < present ? syssize_bytes : present;
	if (get32(head, OFF_PAYLOAD_LENGTH) && blob_end > bz->payload_bytes)
		return iol_error_set(err, -EINVAL,
				     "%s: payload_offset 0x%x + payload_length 0x%x is beyond the "
				     "kernel's 0x%" PRIx64 " bytes",
				     image->path, get32(head, OFF_PAYLOAD_OFFSET),
				     get32(head, OFF_PAYLOAD_LENGTH), bz->payload_bytes);
	return 0;
}

/* Where the kernel wants to be in memory. */
static int parse_placement(const struct iol_image *image, const struct head *head,
			   struct iol_bzimage *bz, struct iol_error *err)
{
	bz->init_bytes = get32(head, OFF_INIT_SIZE);
	bz->pref_address = le64_load(head->bytes + OFF_PREF_ADDRESS);
	bz->alignment = get32(head, OFF_KERNEL_ALIGNMENT);
	bz->relocatable = head->bytes[OFF_RELOCATABLE] != 0;

	if (bz->init_bytes < bz->payload_bytes)
		return iol_error_set(err, -EINVAL,
				     "%s: init_size is 0x%" PRIx64
				     ", at least the kernel's own 0x%" PRIx64 " bytes are needed",
				     image->path, bz->init_bytes, bz->payload_bytes);
	if (bz->pref_address > UINT64_MAX - bz->init_bytes)
		return iol_error_set(err, -EINVAL,
				     "%s: pref_address 0x%" PRIx64 " + init_size 0x%" PRIx64
				     " is beyond the end of the address space",
				     image->path, bz->pref_address, bz->init_bytes);
	if (!bz->relocatable)
		return 0;
	if (!bz->alignment || (bz->alignment & (bz->alignment - 1)))
		return iol_error_set(err, -EINVAL,
				     "%s: kernel_alignment is 0x%" PRIx64
				     ", a power of two is needed",
				     image->path, bz->alignment);
	if (bz->pref_address % bz->alignment)
		return iol_error_set(err, -EINVAL,
				     "%s: pref_address 0x%" PRIx64
				     " is not a multiple of kernel_alignment 0x%" PRIx64,
				     image->path, bz->pref_address, bz->alignment);
	return 0;
}

int iol_bzimage_parse(const struct iol_image *image, struct iol_bzimage *bz, struct iol_error *err)
{
	struct head head;
	int rc;

	memset(bz, 0, sizeof(*bz));
	rc = read_head(image, &head, err);
	if (!rc)
		rc = check_kind(image, &head, err);
	if (!rc)
		rc = parse_extent(image, &head, bz, err);
	if (!rc)
		rc = parse_payload(image, &head, bz, err);
	if (!rc)
		rc = parse_placement(image, &head, bz, err);
	if (rc)
		return rc;

	bz->version = get16(&head, OFF_VERSION);
	bz->cmdline_max = get32(&head, OFF_CMDLINE_SIZE);
	bz->initrd_max = get32(&head, OFF_INITRD_ADDR_MAX);
	return 0;
}
