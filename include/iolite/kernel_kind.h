/* SPDX-License-Identifier: Apache-2.0 */
/* What a file is that is no kernel for the machine at hand, in words for the person who gave it. */
#ifndef IOLITE_KERNEL_KIND_H
#define IOLITE_KERNEL_KIND_H

#include <iolite/image.h>

/* What a machine would have taken. */
struct iol_kernel_wanted {
	const char *machine; /* as uname -m says it */
	uint16_t elf_machine;
	const char *give; /* "an Image" */
	const char *is_not; /* "neither this nor that" */
};

/* As many bytes of a file's beginning as tell its kind. */
enum { IOL_KERNEL_HEAD_BYTES = 1024 };

/*
 * The error for a file that none of the machine's parsers took: what it is instead, and what to do.
 * Returns -ENOEXEC, or what reading the file gave; the text starts with the path.
 */
int iol_kernel_refuse(const struct iol_image *image, const struct iol_kernel_wanted *wanted,
		      struct iol_error *err);

/* The same for the @len bytes at @head, of a file @path or of what was packed in it. */
int iol_kernel_refuse_head(const char *path, const uint8_t *head, uint64_t len,
			   const struct iol_kernel_wanted *wanted, struct iol_error *err);

/* The error for an ELF file of e_machine @elf_machine, which is not the one wanted. -ENOEXEC. */
int iol_kernel_refuse_machine(const char *path, uint16_t elf_machine,
			      const struct iol_kernel_wanted *wanted, struct iol_error *err);

#endif
