// SPDX-License-Identifier: Apache-2.0
/*
 * U-Boot's legacy images. See include/iolite/uimage.h. (U-Boot include/image.h and boot/image.c; the CRC is that of
 * zlib.) The parser reads the file and touches no guest memory. Runs on the loop's thread.
 *
 * Every field is the file's word against ours; CRCs find damage, not malice. What is unpacked goes straight into
 * guest memory, never beyond the end that the caller gives.
 */
#include <iolite/uimage.h>

#include <assert.h>
#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <zlib.h>

#include <iolite/endian.h>
#include <iolite/gzip.h>

struct header {
	be32 magic;
	be32 header_crc; /* of the header with this field 0 */
	be32 time;
	be32 size; /* of what follows */
	be32 load, entry;
	be32 data_crc;
	uint8_t os, arch, type, comp;
	char name[IOL_UIMAGE_NAME_BYTES];
};

static_assert(sizeof(struct header) == IOL_UIMAGE_HEADER_BYTES, "U-Boot include/image.h");

enum {
	MAGIC = 0x27051956,
	OS_LINUX = 5,
	TYPE_MULTI = 4,
	COMP_NONE = 0,
	COMP_GZIP = 1,
	CHUNK_BYTES = 64 * 1024,
};

/* What the numbers mean, for messages. Not complete. */
struct name {
	uint8_t number;
	const char *text;
};

static const struct name oses[] = { { 0, "none" },      { 1, "OpenBSD" }, { 2, "NetBSD" },
				    { 3, "FreeBSD" },   { 5, "Linux" },   { 14, "VxWorks" },
				    { 17, "U-Boot" },   { 18, "RTEMS" },  { 22, "OSE" },
				    { 25, "OpenRTOS" }, { 0, NULL } };
static const struct name arches[] = { { 2, "arm" },    { 3, "x86" },     { 5, "mips" },
				      { 6, "mips64" }, { 7, "powerpc" }, { 8, "s390" },
				      { 9, "sh" },     { 10, "sparc" },  { 12, "m68k" },
				      { 22, "arm64" }, { 24, "x86_64" }, { 26, "riscv" },
				      { 0, NULL } };
static const struct name types[] = { { 1, "standalone program" },
				     { 2, "kernel" },
				     { 3, "RAM disk" },
				     { 4, "set of several files" },
				     { 5, "firmware" },
				     { 6, "script" },
				     { 7, "file system" },
				     { 8, "device tree" },
				     { 14, "kernel that runs where it is" },
				     { 0, NULL } };
static const struct name comps[] = { { 0, "nothing" }, { 1, "gzip" }, { 2, "bzip2" }, { 3, "lzma" },
				     { 4, "lzo" },     { 5, "lz4" },  { 6, "zstd" },  { 0, NULL } };

static const char *name_of(const struct name *names, uint8_t number)
{
	for (; names->text; names++)
		if (names->number == number)
			return names->text;
	return "unknown";
}

bool iol_uimage_probe(const struct iol_image *image)
{
	uint8_t magic[4];

	return image->size_bytes >= sizeof(magic) &&
	       !iol_image_read(image, 0, magic, sizeof(magic), NULL) && be32_load(magic) == MAGIC;
}

static int read_header(const struct iol_image *image, struct header *h, struct iol_error *err)
{
	struct header zeroed;
	uint32_t crc;
	int rc;

	if (image->size_bytes < sizeof(*h))
		return iol_error_set(err, -EINVAL,
				     "%s: truncated: a uImage header has %zu bytes, the file has "
				     "%" PRIu64,
				     image->path, sizeof(*h), image->size_bytes);
	rc = iol_image_read(image, 0, h, sizeof(*h), err);
	if (rc)
		return rc;
	zeroed = *h;
	zeroed.header_crc = be32_of(0);
	crc = (uint32_t)crc32(0, (const Bytef *)&zeroed, sizeof(zeroed));
	if (crc != be32_get(h->header_crc))
		return iol_error_set(err, -EINVAL,
				     "%s: damaged: the uImage header's CRC is 0x%08" PRIx32
				     ", its bytes give 0x%08" PRIx32 "; make or copy the file anew",
				     image->path, be32_get(h->header_crc), crc);
	return 0;
}

static int refuse_type(const struct iol_image *image, const struct header *h,
		       const struct iol_uimage_wanted *wanted, struct iol_error *err)
{
	if (h->type == TYPE_MULTI)
		return iol_error_set(err, -ENOEXEC,
				     "%s: this uImage (ih_type 4) has several files in it; take "
				     "them out (dumpimage -p 0 -o FILE), and give the kernel with "
				     "-k, the RAM disk with -i",
				     image->path);
	return iol_error_set(err, -ENOEXEC,
			     "%s: ih_type is %u (%s), a uImage of a %s (%u) is needed here",
			     image->path, h->type, name_of(types, h->type),
			     name_of(types, (uint8_t)wanted->type), wanted->type);
}

/* Kinds of image that are not for here: -ENOEXEC. */
static int check_kind(const struct iol_image *image, const struct header *h,
		      const struct iol_uimage_wanted *wanted, struct iol_error *err)
{
	if (h->arch != wanted->arch)
		return iol_error_set(err, -ENOEXEC,
				     "%s: this is a uImage for %s (ih_arch %u); this machine is %s "
				     "(%u)",
				     image->path, name_of(arches, h->arch), h->arch,
				     wanted->machine, wanted->arch);
	if (h->type != wanted->type)
		return refuse_type(image, h, wanted, err);
	if (h->os != OS_LINUX)
		return iol_error_set(err, -ENOEXEC,
				     "%s: ih_os is %u (%s), a uImage of Linux (%u) is needed",
				     image->path, h->os, name_of(oses, h->os), OS_LINUX);
	if (wanted->type == IOL_UIMAGE_KERNEL && h->comp != COMP_NONE && h->comp != COMP_GZIP)
		return iol_error_set(err, -ENOEXEC,
				     "%s: the kernel is packed with %s (ih_comp %u); only gzip is "
				     "read: make the uImage with mkimage -C gzip or none",
				     image->path, name_of(comps, h->comp), h->comp);
	return 0;
}

static int check_size(const struct iol_image *image, const struct header *h, struct iol_error *err)
{
	uint64_t size = be32_get(h->size), there = image->size_bytes - sizeof(*h);

	if (!size)
		return iol_error_set(err, -EINVAL, "%s: ih_size is 0: there is nothing in it",
				     image->path);
	if (size > there)
		return iol_error_set(err, -EINVAL,
				     "%s: truncated: ih_size is 0x%" PRIx64 ", 0x%" PRIx64
				     " bytes follow the header; copy the file anew",
				     image->path, size, there);
	if (size < there)
		return iol_error_set(err, -EINVAL,
				     "%s: 0x%" PRIx64 " bytes follow the image's 0x%" PRIx64
				     " (ih_size); cut them off (truncate -s %" PRIu64 ")",
				     image->path, there - size, size, size + sizeof(*h));
	return 0;
}

static int check_data(const struct iol_image *image, const struct header *h, struct iol_error *err)
{
	g_autofree uint8_t *chunk = g_malloc(CHUNK_BYTES);
	uint64_t at = sizeof(*h), len;
	uLong crc = 0;
	int rc;

	for (; at < image->size_bytes; at += len) {
		len = MIN(image->size_bytes - at, CHUNK_BYTES);
		rc = iol_image_read(image, at, chunk, len, err);
		if (rc)
			return rc;
		crc = crc32(crc, chunk, (uInt)len);
	}
	if ((uint32_t)crc == be32_get(h->data_crc))
		return 0;
	return iol_error_set(err, -EINVAL,
			     "%s: damaged: the CRC of the image's data (ih_dcrc) is 0x%08" PRIx32
			     ", its bytes give 0x%08" PRIx32 "; make or copy the file anew",
			     image->path, be32_get(h->data_crc), (uint32_t)crc);
}

static void take_name(struct iol_uimage *uimage, const char name[IOL_UIMAGE_NAME_BYTES])
{
	for (unsigned int i = 0; i < IOL_UIMAGE_NAME_BYTES && name[i]; i++)
		uimage->name[i] = g_ascii_isprint(name[i]) ? name[i] : '?';
}

int iol_uimage_parse(const struct iol_image *image, const struct iol_uimage_wanted *wanted,
		     struct iol_uimage *uimage, struct iol_error *err)
{
	struct header h;
	int rc = read_header(image, &h, err);

	*uimage = (struct iol_uimage){ 0 };
	if (rc)
		return rc;
	if (be32_get(h.magic) != MAGIC)
		return iol_error_set(err, -ENOEXEC,
				     "%s: not a uImage: it begins with 0x%08" PRIx32
				     ", 0x%08x is needed",
				     image->path, be32_get(h.magic), MAGIC);
	rc = check_kind(image, &h, wanted, err);
	if (!rc)
		rc = check_size(image, &h, err);
	if (!rc)
		rc = check_data(image, &h, err);
	if (rc)
		return rc;
	uimage->packed = wanted->type == IOL_UIMAGE_KERNEL && h.comp == COMP_GZIP;
	uimage->load = be32_get(h.load);
	uimage->entry = be32_get(h.entry);
	uimage->payload_bytes = be32_get(h.size);
	take_name(uimage, h.name);
	return 0;
}

static int unpack(const struct iol_uimage *uimage, const struct iol_image *image, uint8_t *to,
		  uint64_t room, uint64_t *bytes, struct iol_error *err)
{
	struct iol_gzip *gz = NULL;
	uint64_t more = 0;
	uint8_t byte;
	int rc = iol_gzip_open(image, IOL_UIMAGE_HEADER_BYTES, uimage->payload_bytes, &gz, err);

	if (!rc)
		rc = iol_gzip_read(gz, to, room, bytes, err);
	/* Only now is it known that the data end here, and are what was packed. */
	if (!rc)
		rc = iol_gzip_read(gz, &byte, 1, &more, err);
	iol_gzip_close(gz);
	if (!rc && more)
		rc = iol_error_set(err, -ENOSPC,
				   "%s: unpacked: the kernel has more than the 0x%" PRIx64
				   " bytes that are free for it from 0x%" PRIx32
				   " (ih_load); give the guest more memory, or another ih_load",
				   image->path, room, uimage->load);
	if (!rc && !*bytes)
		rc = iol_error_set(err, -EINVAL, "%s: unpacked: there is nothing in it",
				   image->path);
	return rc;
}

int iol_uimage_load(const struct iol_uimage *uimage, const struct iol_image *image,
		    const struct iol_memory *mem, uint64_t end, uint64_t *bytes,
		    struct iol_error *err)
{
	uint64_t room = uimage->load < end ? end - uimage->load : 0;
	uint8_t *to = room ? iol_memory_ptr(mem, uimage->load, room) : NULL;

	*bytes = 0;
	if (!to || (!uimage->packed && uimage->payload_bytes > room))
		return iol_error_set(err, -ENOSPC,
				     "%s: the kernel's 0x%" PRIx64 " bytes at 0x%" PRIx32
				     " (ih_load) are not all below 0x%" PRIx64
				     "; give the guest more memory, or another ih_load",
				     image->path, uimage->payload_bytes, uimage->load, end);
	if (uimage->packed)
		return unpack(uimage, image, to, room, bytes, err);
	*bytes = uimage->payload_bytes;
	return iol_image_read(image, IOL_UIMAGE_HEADER_BYTES, to, *bytes, err);
}
