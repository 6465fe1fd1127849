// SPDX-License-Identifier: Apache-2.0
/*
 * The header of an arm64 Image, and what it may be packed in. See include/iolite/arm64_image.h. (booting.rst;
 * Linux drivers/firmware/efi/libstub/zboot-header.S.) The parser reads the file and touches no guest memory. Runs
 * on the loop's thread.
 *
 * Every field is the file's word against ours. What is unpacked goes straight into guest memory, never beyond
 * what the header asked for: a file that unpacks to more than that, however much, is refused there.
 */
#include <iolite/arm64_image.h>

#include <assert.h>
#include <elf.h>
#include <errno.h>
#include <glib.h>
#include <inttypes.h>

#include <iolite/endian.h>
#include <iolite/gzip.h>
#include <iolite/kernel_kind.h>

struct header {
	le32 code[2];
	le64 text_offset;
	le64 image_size;
	le64 flags;
	le64 reserved[3];
	le32 magic;
	le32 pe_offset;
};

/* The beginning of an EFI zboot image; the rest is a PE program. */
struct zboot {
	uint8_t dos_magic[4]; /* "MZ" */
	uint8_t magic[4]; /* "zimg" */
	le32 payload_offset;
	le32 payload_bytes;
	le32 reserved[2];
	char method[32]; /* ended by NUL: "gzip", "zstd22" ... */
};

static_assert(sizeof(struct header) == 64, "booting.rst");
static_assert(offsetof(struct header, magic) == 56, "booting.rst");
static_assert(sizeof(struct zboot) == 0x38, "zboot-header.S");

enum {
	MAGIC = 0x644d5241, /* "ARM\x64" */
	FLAG_BIG_ENDIAN = 1,
	FLAG_PAGE_SHIFT = 1,
	FLAG_PAGE_MASK = 3,
	TEXT_OFFSET_OLD = 0x80000, /* of kernels before 3.17, whose image_size is 0 */
};

/* What is read of the PE headers of a kernel that is an EFI program too (PE/COFF 3.3, 4). */
enum {
	PE_MAGIC = 0x00004550, /* "PE" */
	PE_SECTION_COUNT = 6,
	PE_OPTIONAL_BYTES = 20,
	PE_HEADER_BYTES = 24,
	PE_SECTION_BYTES = 40,
	PE_SECTION_RAW_BYTES = 16,
	PE_SECTION_RAW_OFFSET = 20,
};

static const struct iol_kernel_wanted wanted = {
	.machine = "aarch64",
	.elf_machine = EM_AARCH64,
	.give = "an arm64 Image (vmlinuz, Image or Image.gz)",
	.is_not = "neither an arm64 Image (vmlinuz) nor a gzip file or EFI zboot image with one",
};

/* The first bytes of the Image, or of what is in its place. */
struct head {
	uint8_t bytes[IOL_KERNEL_HEAD_BYTES];
	uint64_t len;
};

static int read_head(const struct iol_image *image, struct head *head, struct iol_error *err)
{
	head->len = MIN(sizeof(head->bytes), image->size_bytes);
	return iol_image_read(image, 0, head->bytes, head->len, err);
}

static int unpack_head(const struct iol_arm64_image *arm, const struct iol_image *image,
		       struct head *head, struct iol_error *err)
{
	struct iol_gzip *gz = NULL;
	int rc = iol_gzip_open(image, arm->payload_offset, arm->payload_bytes, &gz, err);

	if (!rc)
		rc = iol_gzip_read(gz, head->bytes, sizeof(head->bytes), &head->len, err);
	iol_gzip_close(gz);
	return rc;
}

static bool is_zboot(const struct head *head)
{
	const uint8_t *b = head->bytes;

	return head->len >= sizeof(struct zboot) && !memcmp(b, "MZ", 2) &&
	       !memcmp(b + offsetof(struct zboot, magic), "zimg", 4);
}

/* Where the payload of a zboot image is: nothing else of it matters. */
static int parse_zboot(const struct iol_image *image, const struct head *head,
		       struct iol_arm64_image *arm, struct iol_error *err)
{
	struct zboot z;
	int method_len;

	memcpy(&z, head->bytes, sizeof(z));
	method_len = (int)strnlen(z.method, sizeof(z.method));
	arm->packed = true;
	arm->payload_offset = le32_get(z.payload_offset);
	arm->payload_bytes = le32_get(z.payload_bytes);
	if (strncmp(z.method, "gzip", sizeof(z.method)) != 0)
		return iol_error_set(
			err, -ENOEXEC,
			"%s: EFI zboot image packed with '%.*s', only gzip is read; give "
			"the Image that is in it",
			image->path, method_len, z.method);
	if (arm->payload_offset < sizeof(z) || arm->payload_offset > image->size_bytes ||
	    arm->payload_bytes > image->size_bytes - arm->payload_offset)
		return iol_error_set(err, -EINVAL,
				     "%s: EFI zboot image: its payload, 0x%" PRIx64
				     " bytes at 0x%" PRIx64 ", is not inside the file of 0x%" PRIx64
				     " bytes (truncated?)",
				     image->path, arm->payload_bytes, arm->payload_offset,
				     image->size_bytes);
	return 0;
}

/* Finds the Image in the file and reads its first bytes. */
static int find_image(const struct iol_image *image, struct iol_arm64_image *arm, struct head *head,
		      struct iol_error *err)
{
	int rc = read_head(image, head, err);

	if (rc)
		return rc;
	arm->payload_bytes = image->size_bytes;
	arm->packed = iol_gzip_probe(image, 0);
	if (is_zboot(head))
		rc = parse_zboot(image, head, arm, err);
	if (!rc && arm->packed)
		rc = unpack_head(arm, image, head, err);
	return rc;
}

/*
 * The header says what the kernel takes in memory, not how long its file is; the table of sections does, where the
 * kernel is an EFI program too, as nearly all are. Only plain files can be cut short without a notice otherwise.
 */
static int check_complete(const struct iol_image *image, const struct head *head,
			  struct iol_error *err)
{
	uint64_t pe = le32_load(head->bytes + offsetof(struct header, pe_offset)), at, end;

	if (pe + PE_HEADER_BYTES > head->len || le32_load(head->bytes + pe) != PE_MAGIC)
		return 0;
	at = pe + PE_HEADER_BYTES + le16_load(head->bytes + pe + PE_OPTIONAL_BYTES);
	for (unsigned int i = le16_load(head->bytes + pe + PE_SECTION_COUNT); i; i--) {
		if (at + PE_SECTION_BYTES > head->len)
			return 0;
		end = (uint64_t)le32_load(head->bytes + at + PE_SECTION_RAW_OFFSET) +
		      le32_load(head->bytes + at + PE_SECTION_RAW_BYTES);
		if (end > image->size_bytes)
			return iol_error_set(
				err, -EINVAL,
				"%s: truncated: a section of the kernel ends at 0x%" PRIx64
				", the file has 0x%" PRIx64 " bytes",
				image->path, end, image->size_bytes);
		at += PE_SECTION_BYTES;
	}
	return 0;
}

static int judge_header(const struct iol_image *image, const struct header *h,
			struct iol_arm64_image *arm, struct iol_error *err)
{
	static const unsigned int page_kib[] = { 0, 4, 16, 64 };
	uint64_t flags = le64_get(h->flags);

	arm->mem_bytes = le64_get(h->image_size);
	arm->text_offset = arm->mem_bytes ? le64_get(h->text_offset) : TEXT_OFFSET_OLD;
	arm->page_kib = page_kib[flags >> FLAG_PAGE_SHIFT & FLAG_PAGE_MASK];
	if (flags & FLAG_BIG_ENDIAN)
		return iol_error_set(err, -ENOEXEC,
				     "%s: flags 0x%" PRIx64
				     " say big-endian; this machine is little-endian",
				     image->path, flags);
	if (arm->mem_bytes && arm->mem_bytes < sizeof(*h))
		return iol_error_set(err, -EINVAL,
				     "%s: image_size is 0x%" PRIx64
				     ", less than the header's own %zu bytes",
				     image->path, arm->mem_bytes, sizeof(*h));
	if (arm->text_offset % sizeof(h->code[0]))
		return iol_error_set(err, -EINVAL,
				     "%s: text_offset is 0x%" PRIx64
				     ", not a multiple of an instruction's 4 bytes",
				     image->path, arm->text_offset);
	if (arm->text_offset > UINT64_MAX - arm->mem_bytes)
		return iol_error_set(err, -EINVAL,
				     "%s: text_offset 0x%" PRIx64 " + image_size 0x%" PRIx64
				     " is beyond the end of the address space",
				     image->path, arm->text_offset, arm->mem_bytes);
	if (!arm->packed && arm->mem_bytes && arm->payload_bytes > arm->mem_bytes)
		return iol_error_set(
			err, -EINVAL,
			"%s: the file has 0x%" PRIx64
			" bytes, more than the kernel takes in memory (image_size 0x%" PRIx64
			"); is something appended to it?",
			image->path, arm->payload_bytes, arm->mem_bytes);
	return 0;
}

int iol_arm64_image_parse(const struct iol_image *image, struct iol_arm64_image *arm,
			  struct iol_error *err)
{
	struct header header;
	struct head head;
	char *packed;
	int rc;

	*arm = (struct iol_arm64_image){ 0 };
	rc = find_image(image, arm, &head, err);
	if (rc)
		return rc;
	memset(&header, 0, sizeof(header));
	memcpy(&header, head.bytes, MIN(sizeof(header), head.len));
	if (head.len >= sizeof(header) && le32_get(header.magic) == MAGIC) {
		rc = judge_header(image, &header, arm, err);
		return rc || arm->packed ? rc : check_complete(image, &head, err);
	}
	packed = g_strdup_printf("%s: unpacked", image->path);
	rc = iol_kernel_refuse_head(arm->packed ? packed : image->path, head.bytes, head.len,
				    &wanted, err);
	g_free(packed);
	return rc;
}

static int unpack(const struct iol_arm64_image *arm, struct iol_gzip *gz, uint8_t *to,
		  uint64_t room, uint64_t *bytes, const char *path, struct iol_error *err)
{
	uint64_t max = arm->mem_bytes ? arm->mem_bytes : room, more;
	uint8_t byte;
	int rc;

	rc = iol_gzip_read(gz, to, max, bytes, err);
	/* Only now is it known that the data end here, and are what was packed. */
	if (!rc)
		rc = iol_gzip_read(gz, &byte, 1, &more, err);
	if (rc || !more)
		return rc;
	if (arm->mem_bytes)
		return iol_error_set(err, -EINVAL,
				     "%s: unpacked: more than the 0x%" PRIx64
				     " bytes that the kernel takes in memory (image_size)",
				     path, max);
	return iol_error_set(err, -ENOSPC,
			     "%s: unpacked: the kernel has more than the 0x%" PRIx64
			     " bytes that are free for it; give the guest more memory",
			     path, max);
}

int iol_arm64_image_load(const struct iol_arm64_image *arm, const struct iol_image *image,
			 const struct iol_memory *mem, uint64_t gpa, uint64_t room, uint64_t *bytes,
			 struct iol_error *err)
{
	uint64_t need = arm->packed ? arm->mem_bytes : MAX(arm->mem_bytes, arm->payload_bytes);
	uint8_t *to = iol_memory_ptr(mem, gpa, room);
	struct iol_gzip *gz = NULL;
	int rc;

	*bytes = 0;
	if (!to || need > room)
		return iol_error_set(err, -ENOSPC,
				     "%s: the kernel needs 0x%" PRIx64 " bytes at 0x%" PRIx64
				     ", 0x%" PRIx64 " are free there; give the guest more memory",
				     image->path, need, gpa, to ? room : 0);
	if (!arm->packed) {
		*bytes = arm->payload_bytes;
		return iol_image_load(image, 0, arm->payload_bytes, mem, gpa, err);
	}
	rc = iol_gzip_open(image, arm->payload_offset, arm->payload_bytes, &gz, err);
	if (!rc)
		rc = unpack(arm, gz, to, room, bytes, image->path, err);
	iol_gzip_close(gz);
	return rc;
}
