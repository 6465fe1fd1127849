/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the files of this folder: the machine's pure half and its KVM half (kvm_*.c). The pure half
 * is compiled on every host, so nothing here needs <asm/...> headers.
 *
 *   layout.c   where RAM and devices are
 *   load.c     kernel, initrd and device tree into memory
 *   tree.c     device tree
 *   gdb.h      what debuggers need: gdb.c, paging.c, points.c, exception.c, step.c
 */
#ifndef IOLITE_ARM64_H
#define IOLITE_ARM64_H

#include <iolite/arch.h>

#include "platform.h"

/* The KVM half, kvm_*.c; only on aarch64 hosts. */
extern const struct iol_arch_kvm_ops iol_arm64_kvm_ops;

/*
 * The affinity of vCPU @idx, as in MPIDR_EL1: KVM has 16 in a cluster, as many as a GICv3 reaches with one
 * message.
 */
static inline uint64_t iol_arm64_affinity(unsigned int idx)
{
	return (idx & 0xf) | (uint64_t)(idx >> 4 & 0xff) << 8;
}

/*
 * struct iol_arch of include/iolite/arch.h. vCPU 0 starts at iol_entry.pc in EL1 with the MMU off and all
 * interrupts masked, args[0] to args[3] in x0 to x3; mode is not used. The others wait for PSCI's CPU_ON.
 */
int iol_arm64_layout(const struct iol_layout_request *request, struct iol_layout *layout,
		     struct iol_error *err);
int iol_arm64_load(const struct iol_layout *layout, const struct iol_memory *mem,
		   const struct iol_boot *boot, struct iol_entry *entry,
		   struct iol_placement *placement, struct iol_error *err);
void iol_arm64_describe(const struct iol_describe *d, struct iol_fdt *fdt);
void iol_arm64_place(const struct iol_layout *layout, const struct iol_layout_device *dev,
		     struct iol_fdt_place *place);
int iol_arm64_place_tree(const struct iol_layout *layout, const struct iol_memory *mem,
			 const struct iol_placement *placement, const struct iol_fdt_blob *tree,
			 struct iol_entry *entry, struct iol_error *err);

/* The device tree's place: IOL_FDT_BYTES_MAX from here on are kept for it. */
uint64_t iol_arm64_tree_gpa(const struct iol_layout *layout);

/* COMMAND_LINE_SIZE of Linux, which cuts longer ones without a word, without the NUL. */
enum { IOL_ARM64_CMDLINE_MAX = 2047 };

#endif
