/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linux arm64 Image (Linux Documentation/arch/arm64/booting.rst, "Call the kernel image"), plain, packed with gzip,
 * or inside an EFI program that unpacks it ("zboot", packed with gzip). Where it goes is the architecture's work.
 */
#ifndef IOLITE_ARM64_IMAGE_H
#define IOLITE_ARM64_IMAGE_H

#include <iolite/image.h>

enum { IOL_ARM64_IMAGE_ALIGN = 2 * 1024 * 1024 }; /* of the base that text_offset counts from */

struct iol_arm64_image {
	bool packed; /* with gzip */
	uint64_t payload_offset, payload_bytes; /* of the Image, as it is packed, in the file */
	uint64_t text_offset; /* of the Image from a base that is aligned to 2 MiB */
	uint64_t
		mem_bytes; /* that the kernel takes from its start; 0: it does not say (before 3.17) */
	unsigned int page_kib; /* 4, 16 or 64; 0: it does not say */
};

/*
 * Reads and judges the headers, of the unpacked Image too. -ENOEXEC, -EINVAL with a text that starts with the
 * path. Where it is no such kernel, the text says what it is.
 */
int iol_arm64_image_parse(const struct iol_image *image, struct iol_arm64_image *arm,
			  struct iol_error *err);

/*
 * Loads the Image to @gpa, unpacking it right there. @room bytes are free from @gpa on, and all RAM. @bytes gets
 * how many it had. -ENOSPC when it has more than @room, -EINVAL when more than mem_bytes or when damaged.
 */
int iol_arm64_image_load(const struct iol_arm64_image *arm, const struct iol_image *image,
			 const struct iol_memory *mem, uint64_t gpa, uint64_t room, uint64_t *bytes,
			 struct iol_error *err);

#endif
