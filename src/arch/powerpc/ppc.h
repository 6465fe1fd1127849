/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the files of this folder: Power Book E machines with an e500 core, as far as they need no KVM.
 *
 *   machines.c    the table of machines and what their cores are like
 *   layout.c      addresses
 *   kernel.c      the kernel in guest memory
 *   load.c        initrd and tree beside it
 *   tree.c        device tree
 *   boot_state.c  registers and first mapping of a processor that starts
 *   spin_table.c  where processors but the first wait for their start
 *   mpic.c        which interrupt controller a machine has, and how it is put back to power-on
 *   host_faults.c what a host says of faults of its KVM
 *   cpuinfo.c     what a host's kernel says of its processor
 *   drain.c       a program that takes a processor's last traces away
 *   debug.h       what a debugger needs
 *   kvm_*.c       all of this on KVM: kvm_ppc.h
 *
 * Linux sees QEMU's generic e500 platform (arch/powerpc/platforms/85xx/qemu_e500.c).
 */
#ifndef IOLITE_PPC_H
#define IOLITE_PPC_H

#include <iolite/arch.h>
#include <iolite/elf.h>
#include <iolite/endian.h>

#include "platform.h"

struct iol_ppc_map {
	uint64_t ram_end; /* RAM starts at 0 */
	uint64_t pci_window, pci_window_pci; /* memory of PCI devices: for CPUs, and on the bus */
	uint64_t ccsr;
	uint64_t platform; /* virtio-mmio, slot 0 */
	uint64_t spin_table;
};

enum { IOL_PPC_ISA_MAX = 24 };

struct iol_ppc_machine {
	const char *name; /* of the machine and its core */
	const char *model;
	const struct iol_ppc_map *map;
	const char *cpu_compatible;
	bool is_64bit;
	bool has_spe; /* vectors in the upper halves of registers; and KVM without a hypervisor mode */
	unsigned int cache_line_bytes; /* also what dcbz clears and lwarx reserves */
	unsigned int l1_bytes, l1_sets; /* of either L1 cache */
	struct {
		unsigned int entries, ways;
	} tlb[2];
	const char *isa_version;
	const char *isa[IOL_PPC_ISA_MAX]; /* properties of /cpus, ended by NULL */
	/* Where no host is asked. */
	uint32_t pvr;
	uint32_t hcall_instructions[4];
};

extern const struct iol_ppc_machine iol_ppc_machines[];
extern const unsigned int iol_ppc_machine_count;

/* The machine of that name; NULL: the first. NULL when there is none. */
const struct iol_ppc_machine *iol_ppc_machine_find(const char *name);
/* The machine of that core, whatever its revision; NULL when there is none. */
const struct iol_ppc_machine *iol_ppc_machine_by_pvr(uint32_t pvr);
/* Whether a processor of that version has the core of @machine. */
bool iol_ppc_machine_has_core(const struct iol_ppc_machine *machine, uint32_t pvr);
/* The machine of a layout that iol_ppc_layout() made. */
const struct iol_ppc_machine *iol_ppc_machine_of(const struct iol_layout *layout);

/* struct iol_arch of include/iolite/arch.h. */
int iol_ppc_layout(const struct iol_layout_request *request, struct iol_layout *layout,
		   struct iol_error *err);
int iol_ppc_load(const struct iol_layout *layout, const struct iol_memory *mem,
		 const struct iol_boot *boot, struct iol_entry *entry,
		 struct iol_placement *placement, struct iol_error *err);

/* What iol_ppc_load_kernel() has put where. */
struct iol_ppc_kernel {
	uint64_t start, end; /* with what it needs behind its file, as far as that is known */
	uint64_t pc;
	bool is_64bit;
};

/* The part of iol_ppc_load() that knows kinds of kernels. */
int iol_ppc_load_kernel(const struct iol_layout *layout, const struct iol_memory *mem,
			const struct iol_boot *boot, struct iol_ppc_kernel *kernel,
			struct iol_error *err);

void iol_ppc_describe(const struct iol_describe *d, struct iol_fdt *fdt);
void iol_ppc_place(const struct iol_layout *layout, const struct iol_layout_device *dev,
		   struct iol_fdt_place *place);
int iol_ppc_place_tree(const struct iol_layout *layout, const struct iol_memory *mem,
		       const struct iol_placement *placement, const struct iol_fdt_blob *tree,
		       struct iol_entry *entry, struct iol_error *err);

extern const struct iol_arch_kvm_ops iol_ppc_kvm_ops; /* only on Power hosts */

/* The layout's device.bus. */
enum { IOL_PPC_BUS_ROOT, IOL_PPC_BUS_SOC, IOL_PPC_BUS_PLATFORM, IOL_PPC_BUS_POWER };

/*
 * iol_entry.args. All else that a processor starts with is the same at every start, and boot_state.c's;
 * iol_entry.mode is unused.
 */
enum {
	IOL_PPC_ENTRY_TREE, /* guest-physical address of the device tree */
	IOL_PPC_ENTRY_MAP_END, /* the first mapping reaches at least up to here */
};

/*
 * Mappings of processors that start are 64 MiB or larger, so the tree lies below: Linux maps as much
 * before it has read it.
 */
#define IOL_PPC_MAP_MIN_BYTES (64 * IOL_MIB)
/* Behind that, a kernel's size would no longer be one that all cores can map and r7 can say. */
#define IOL_PPC_MAP_MAX_BYTES IOL_GIB

/* One entry of a TLB, as KVM_CAP_SW_TLB has it (struct kvm_book3e_206_tlb_entry). */
struct iol_ppc_tlb_entry {
	uint32_t mas8, mas1;
	uint64_t mas2, mas7_3;
};

enum { IOL_PPC_GPRS = 32 };

/* A processor at its first instruction. All registers that are not here are 0 or as the host has them. */
struct iol_ppc_boot_state {
	bool waits; /* in the spin table: does not run, all else here is meaningless but pir and pvr */
	uint64_t pc;
	uint64_t msr;
	uint64_t gpr[IOL_PPC_GPRS];
	uint32_t pir, pvr;
	uint32_t tcr; /* no watchdog (ePAPR-1.1 5.4.1) */
	struct iol_ppc_tlb_entry tlb1; /* entry 0 of TLB1; all others are invalid */
};

/* The state of @cpu at start and reset: processor 0 runs, the others wait. */
void iol_ppc_boot_state(const struct iol_layout *layout, const struct iol_entry *entry,
			unsigned int cpu, struct iol_ppc_boot_state *state);

/* An entry of the spin table (ePAPR-1.1 5.5.2), 32 bytes apart. */
struct iol_ppc_spin_entry {
	be64 entry_addr; /* bit 0: the processor waits */
	be64 r3;
	be32 reserved;
	be32 pir;
	be64 pad;
};

enum { IOL_PPC_SPIN_TABLE_BYTES = IOL_PPC_CPUS_MAX * sizeof(struct iol_ppc_spin_entry) };

/*
 * The table is registers, not memory: a processor that waits does not run, and a write releases it. Not
 * locked; who serves the registers does that.
 */
struct iol_ppc_spin_table {
	unsigned int cpus;
	bool released[IOL_PPC_CPUS_MAX];
	struct iol_ppc_spin_entry entries[IOL_PPC_CPUS_MAX];
};

void iol_ppc_spin_reset(struct iol_ppc_spin_table *table, unsigned int cpus);
/* As struct iol_bus_ops: @len is 1, 2, 4 or 8, and all of the access is in the table. */
uint64_t iol_ppc_spin_read(const struct iol_ppc_spin_table *table, uint64_t offset,
			   unsigned int len);
/* The processor that this write releases, or -1. Each is released once. */
int iol_ppc_spin_write(struct iol_ppc_spin_table *table, uint64_t offset, unsigned int len,
		       uint64_t value);

/* The state that a processor starts in which was released with @spin. */
void iol_ppc_release_state(const struct iol_layout *layout, const struct iol_ppc_spin_entry *spin,
			   unsigned int cpu, struct iol_ppc_boot_state *state);

/* Revisions of the interrupt controller. */
enum iol_ppc_mpic { IOL_PPC_MPIC_20, IOL_PPC_MPIC_42 };

enum iol_ppc_mpic iol_ppc_mpic_of(const struct iol_layout *layout);

/* What KVM's MPIC of revision 4.2 calls the data of a message that a device sends as @data; 2.0: the same. */
uint32_t iol_ppc_mpic_msi_data(uint32_t data);

enum iol_ppc_mpic_do {
	IOL_PPC_MPIC_WRITE, /* value to a register (KVM_DEV_MPIC_GRP_REGISTER) */
	IOL_PPC_MPIC_READ, /* for what that does */
	IOL_PPC_MPIC_LOWER, /* source reg (KVM_DEV_MPIC_GRP_IRQ_ACTIVE) */
};

struct iol_ppc_mpic_step {
	enum iol_ppc_mpic_do what;
	uint32_t reg, value;
};

/* Back to power-on, step by step, up to the first one that does not return 0; returns what it returned. */
int iol_ppc_mpic_reset(enum iol_ppc_mpic mpic, unsigned int cpus,
		       int (*do_step)(void *ctx, const struct iol_ppc_mpic_step *step), void *ctx);

/* Sets the clocks that the text of /proc/cpuinfo names; others stay. */
void iol_ppc_parse_cpuinfo(const char *text, struct iol_host_facts *facts);

/* drain.c's program: where it is, and the effective address of the byte that it ends by writing. */
#define IOL_PPC_DRAIN_GPA UINT32_C(0x10000)
#define IOL_PPC_DRAIN_END UINT32_C(0x40000000)
enum { IOL_PPC_DRAIN_WORDS_MAX = 128 };

/* @hcall_instructions are the host's. The number of instructions, as numbers of the host's order. */
unsigned int iol_ppc_drain_program(bool has_spe, const uint32_t hcall_instructions[4],
				   uint32_t words[IOL_PPC_DRAIN_WORDS_MAX]);

#endif
