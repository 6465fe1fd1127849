/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linux x86 bzImage: the setup header (Linux Documentation/arch/x86/boot.rst, "The Real-Mode Kernel
 * Header"). Reading only; placing it is the architecture's work.
 */
#ifndef IOLITE_BZIMAGE_H
#define IOLITE_BZIMAGE_H

#include <iolite/image.h>

enum {
	IOL_BZIMAGE_HEADER_OFFSET =
		0x1f1, /* of struct setup_header in the file and in the zero page */
	IOL_BZIMAGE_HEADER_BYTES_MAX = 0x290 - 0x1f1,
	IOL_BZIMAGE_ENTRY64_OFFSET = 0x200, /* of the 64-bit entry in the protected-mode part */
};

struct iol_bzimage {
	uint16_t version; /* 0x020c and up */
	uint64_t payload_offset; /* of the protected-mode kernel in the file */
	uint64_t payload_bytes;
	uint64_t
		init_bytes; /* memory the kernel needs from its load address before it reads the map */
	uint64_t pref_address;
	uint64_t alignment; /* a power of two; for relocatable kernels */
	bool relocatable;
	uint32_t cmdline_max; /* bytes without the final NUL */
	uint64_t initrd_max; /* highest address of the initrd's last byte */
	uint32_t header_bytes; /* of header[], from 0x1f1 on */
	uint8_t header[IOL_BZIMAGE_HEADER_BYTES_MAX];
};

/* 1: the file has the boot flag 0xaa55 and the magic "HdrS"; 0: it has not; -errno: it cannot be read. */
int iol_bzimage_probe(const struct iol_image *image, struct iol_error *err);

/* Reads and judges the header. -ENOEXEC, -EINVAL with a text that starts with the path. */
int iol_bzimage_parse(const struct iol_image *image, struct iol_bzimage *bz, struct iol_error *err);

#endif
