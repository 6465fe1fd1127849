/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the files of this folder: the machine's pure half (layout, loading, tables) and its KVM
 * half. The pure half is compiled on every host, so nothing here needs <asm/...> headers.
 *
 *   load.c     which kind of kernel; low memory every kind gets
 *   linux64.c  bzImage and plain ELF: zero page, 64-bit entry
 *   pvh.c      ELF with a PVH note: start_info, 32-bit entry
 *   place.c    descriptor table, page tables, reset vector, command line, initrd
 *   e820.c     memory map
 *   acpi.c     tables; dsdt.asl, ssdt_virtio_mmio.asl
 *   tree.c     device tree
 *
 * What debuggers need is in debug.h.
 */
#ifndef IOLITE_X86_H
#define IOLITE_X86_H

#include <iolite/arch.h>
#include <iolite/bzimage.h>
#include <iolite/elf.h>

#include "platform.h"

/* iol_entry.mode: how vCPU 0 starts at iol_entry.pc, interrupts off. */
enum iol_x86_entry_mode {
	/* Long mode, paging through IOL_X86_CR3, args[0] in RSI (Linux boot protocol, 64-bit). */
	IOL_X86_ENTRY_LONG,
	/* 32-bit protected mode, no paging, args[0] in EBX (Xen PVH). */
	IOL_X86_ENTRY_PROTECTED,
};

/*
 * The descriptor table that load() leaves at IOL_X86_GDT: code of the entry's mode, data, TSS; all
 * flat. The selectors are what both protocols ask for.
 */
enum {
	IOL_X86_SELECTOR_CODE = 0x10,
	IOL_X86_SELECTOR_DATA = 0x18,
	IOL_X86_SELECTOR_TSS = 0x20, /* two slots in long mode */
	IOL_X86_GDT_ENTRIES = 6,
	IOL_X86_GDT_LIMIT = IOL_X86_GDT_ENTRIES * 8 - 1,
	IOL_X86_TSS_LIMIT = 0x67, /* base 0; never used, but must be present for VM entry */
};

/* Identity map of the first 4 GiB in 2 MiB pages: PML4, PDPT, four page directories. */
#define IOL_X86_CR3 IOL_X86_PAGE_TABLES
enum { IOL_X86_PAGE_TABLES_BYTES = 6 * 4096 };

/* The KVM half, kvm_*.c; only on x86_64 hosts. */
extern const struct iol_arch_kvm_ops iol_x86_kvm_ops;

/* struct iol_arch of include/iolite/arch.h. */
int iol_x86_layout(const struct iol_layout_request *request, struct iol_layout *layout,
		   struct iol_error *err);
int iol_x86_load(const struct iol_layout *layout, const struct iol_memory *mem,
		 const struct iol_boot *boot, struct iol_entry *entry,
		 struct iol_placement *placement, struct iol_error *err);
void iol_x86_describe(const struct iol_describe *d, struct iol_fdt *fdt);
void iol_x86_place(const struct iol_layout *layout, const struct iol_layout_device *dev,
		   struct iol_fdt_place *place);
int iol_x86_place_tree(const struct iol_layout *layout, const struct iol_memory *mem,
		       const struct iol_placement *placement, const struct iol_fdt_blob *tree,
		       struct iol_entry *entry, struct iol_error *err);

/* The layout's device.bus: what is on the root, and what is behind the ports. */
enum { IOL_X86_BUS_ROOT, IOL_X86_BUS_ISA };

/* Memory map entry types (ACPI-6.5 15.1); the same numbers in E820 and in PVH's memory map. */
enum iol_x86_e820_type {
	IOL_X86_E820_RAM = 1,
	IOL_X86_E820_RESERVED = 2,
	IOL_X86_E820_ACPI = 3,
};

struct iol_x86_e820 {
	uint64_t base;
	uint64_t size_bytes; /* not 0 */
	enum iol_x86_e820_type type;
};

enum { IOL_X86_E820_MAX = 8 + IOL_MEMORY_REGIONS_MAX };

/* Fills @map, ascending and disjoint; returns how many entries. */
unsigned int iol_x86_e820(const struct iol_layout *layout,
			  struct iol_x86_e820 map[IOL_X86_E820_MAX]);

/* Where RAM below the hole ends. */
uint64_t iol_x86_low_ram_end(const struct iol_layout *layout);

/* One load() under way. The first MiB is known to be RAM. */
struct iol_x86_loader {
	const struct iol_layout *layout;
	const struct iol_memory *mem;
	const struct iol_boot *boot;
	struct iol_placement *placement;
	uint64_t rsdp_gpa;
};

/* Half-open; empty when end == start. */
struct iol_x86_range {
	uint64_t start, end;
};

/* Fixed low addresses: never NULL within the first MiB once load() has begun. */
void *iol_x86_low_ptr(const struct iol_x86_loader *ld, uint64_t gpa, uint64_t len);

void iol_x86_place_gdt(const struct iol_x86_loader *ld, enum iol_x86_entry_mode mode);
void iol_x86_place_page_tables(const struct iol_x86_loader *ld);

/*
 * The firmware's entry point in real mode, which resets the machine. Linux jumps there to reboot when
 * ACPI is hardware-reduced: it then takes EFI for the way to reboot, and the BIOS where that fails.
 */
void iol_x86_place_reset_vector(const struct iol_x86_loader *ld);

/* Writes the command line to IOL_X86_CMDLINE. -E2BIG beyond @max bytes (without the NUL). */
int iol_x86_place_cmdline(const struct iol_x86_loader *ld, uint32_t max, struct iol_error *err);

/*
 * Notes where the kernel is, and loads the initrd page-aligned and as high as possible in RAM below the hole: last byte at or
 * below @max, outside @kernel. An empty range when there is no initrd; -ENOSPC when it does not
 * fit.
 */
int iol_x86_place_initrd(const struct iol_x86_loader *ld, const struct iol_x86_range *kernel,
			 uint64_t max, struct iol_x86_range *initrd, struct iol_error *err);

/* Places one kind of kernel and all it is told; notes where in ld->placement. */
int iol_x86_load_bzimage(const struct iol_x86_loader *ld, const struct iol_bzimage *bz,
			 struct iol_entry *entry, struct iol_error *err);
int iol_x86_load_elf64(const struct iol_x86_loader *ld, const struct iol_elf *elf,
		       struct iol_entry *entry, struct iol_error *err);
int iol_x86_load_pvh(const struct iol_x86_loader *ld, const struct iol_elf *elf,
		     struct iol_entry *entry, struct iol_error *err);

/* Links @gpa, a struct setup_data, into the zero page's list. */
void iol_x86_link_setup_data(const struct iol_memory *mem, uint64_t gpa);

/* From the lowest to the highest byte of @elf's segments below the hole. */
struct iol_x86_range iol_x86_elf_range(const struct iol_elf *elf);

/*
 * Command line limit of kernels whose file does not say one: Linux cuts longer ones at its
 * COMMAND_LINE_SIZE of 2048 without a word.
 */
enum { IOL_X86_CMDLINE_MAX_DEFAULT = 2047 };

/*
 * Writes all ACPI tables for @layout to IOL_X86_ACPI; @rsdp_gpa gets the root pointer's address.
 * @virtio_mmio_slots has a bit for each slot with a virtio-mmio device.
 */
int iol_x86_acpi_write(const struct iol_layout *layout, const struct iol_memory *mem,
		       uint32_t virtio_mmio_slots, uint64_t *rsdp_gpa, struct iol_error *err);

/* dsdt.asl and ssdt_virtio_mmio.asl as compiled at build time (dsdt.cmake). */
extern const uint8_t iol_x86_dsdt[];
extern const uint32_t iol_x86_dsdt_bytes;
extern const uint8_t iol_x86_ssdt_virtio_mmio[];
extern const uint32_t iol_x86_ssdt_virtio_mmio_bytes;

#endif
