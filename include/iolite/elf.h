/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ELF executables as kernels: headers, loadable segments, and the Xen note that names the PVH
 * entry. (System V ABI, chapters 4 and 5; Xen public/elfnote.h, XEN_ELFNOTE_PHYS32_ENTRY.) 32 and
 * 64 bit, both byte orders; reading only.
 */
#ifndef IOLITE_ELF_H
#define IOLITE_ELF_H

#include <iolite/image.h>

enum { IOL_ELF_SEGMENTS_MAX = 64 };

struct iol_elf_segment {
	uint64_t offset; /* in the file */
	uint64_t file_bytes; /* <= mem_bytes; inside the file */
	uint64_t gpa; /* p_paddr; gpa + mem_bytes does not wrap */
	uint64_t vaddr;
	uint64_t mem_bytes; /* not 0 */
};

struct iol_elf {
	bool is_64bit;
	bool is_big_endian;
	uint16_t machine; /* EM_* */
	uint64_t entry; /* e_entry as it stands */
	bool has_pvh_entry;
	uint32_t pvh_entry; /* physical, in a segment's file_bytes */
	unsigned int segment_count;
	/* PT_LOAD, in file order; disjoint in guest memory */
	struct iol_elf_segment segments[IOL_ELF_SEGMENTS_MAX];
};

/* 1: the file has the ELF magic; 0: it has not; -errno: it cannot be read. */
int iol_elf_probe(const struct iol_image *image, struct iol_error *err);

/* Reads and judges all headers. -ENOEXEC, -EINVAL with a text that starts with the path. */
int iol_elf_parse(const struct iol_image *image, struct iol_elf *elf, struct iol_error *err);

/*
 * e_entry as a guest-physical address: kernels linked high give a virtual one, which the segment that holds it
 * translates. -EINVAL when none does.
 */
int iol_elf_physical_entry(const struct iol_elf *elf, const struct iol_image *image, uint64_t *pc,
			   struct iol_error *err);

/*
 * Loads all segments into zeroed guest memory: the part of a segment beyond file_bytes is not
 * written, so that it costs no pages. -ENOSPC when a segment is not in RAM or touches
 * [0, @low_limit), which the loader keeps for itself.
 */
int iol_elf_load(const struct iol_elf *elf, const struct iol_image *image,
		 const struct iol_memory *mem, uint64_t low_limit, struct iol_error *err);

#endif
