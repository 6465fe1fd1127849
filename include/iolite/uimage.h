/* SPDX-License-Identifier: Apache-2.0 */
/*
 * U-Boot's legacy images (uImage): 64 bytes of big-endian header, then one file, a kernel or a RAM disk. (U-Boot
 * include/image.h, "Legacy format image header".) Both CRCs are checked. Kernels are plain or packed with gzip.
 */
#ifndef IOLITE_UIMAGE_H
#define IOLITE_UIMAGE_H

#include <iolite/image.h>

enum {
	IOL_UIMAGE_HEADER_BYTES = 64,
	IOL_UIMAGE_NAME_BYTES = 32, /* without the end */
};

/* ih_arch */
enum { IOL_UIMAGE_ARCH_PPC = 7 };

/* ih_type, as far as such files are taken. */
enum iol_uimage_type {
	IOL_UIMAGE_KERNEL = 2,
	IOL_UIMAGE_RAMDISK = 3,
};

/* What a machine would take. */
struct iol_uimage_wanted {
	const char *machine; /* as uname -m says it */
	uint8_t arch;
	enum iol_uimage_type type;
};

struct iol_uimage {
	bool packed; /* with gzip; always false for a RAM disk, which the kernel unpacks */
	uint32_t load, entry; /* of a kernel: guest-physical addresses, not judged yet */
	uint64_t payload_bytes; /* behind the header, up to the end of the file; not 0 */
	char name[IOL_UIMAGE_NAME_BYTES + 1]; /* printable ASCII */
};

/* True when the file begins with the magic of a uImage. */
bool iol_uimage_probe(const struct iol_image *image);

/*
 * Reads and judges the header, and reads all of the file for its CRC. -ENOEXEC for what is another kind of image,
 * -EINVAL for what is damaged, with a text that starts with the path.
 */
int iol_uimage_parse(const struct iol_image *image, const struct iol_uimage_wanted *wanted,
		     struct iol_uimage *uimage, struct iol_error *err);

/*
 * Loads a kernel to where it wants to be, unpacking it right there. All from there to @end must be RAM; @bytes gets how
 * many it had. -ENOSPC when it has more or begins outside of RAM, -EINVAL when damaged.
 */
int iol_uimage_load(const struct iol_uimage *uimage, const struct iol_image *image,
		    const struct iol_memory *mem, uint64_t end, uint64_t *bytes,
		    struct iol_error *err);

#endif
