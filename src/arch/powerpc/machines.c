// SPDX-License-Identifier: Apache-2.0
/*
 * The machines, by their cores: e500v2 (e500 core family reference manual), e500mc, e5500, e6500 (their
 * reference manuals); categories of the architecture as the trees of boards with such cores have them (Linux,
 * arch/powerpc/boot/dts/fsl/..._power_isa.dtsi). Left out is what KVM keeps from its guests: the performance
 * monitor (e.pm), hypervisor state (e.hv, e.hv.lrat), hardware table walk (e.pt), threads (e.em).
 */
#include "ppc.h"

#include <assert.h>
#include <string.h>

#define ISA_E500MC                                                                      \
	"power-isa-b", "power-isa-e", "power-isa-atb", "power-isa-cs", "power-isa-ds",  \
		"power-isa-e.ed", "power-isa-e.pd", "power-isa-e.le", "power-isa-e.pc", \
		"power-isa-ecl", "power-isa-exp", "power-isa-fp", "power-isa-fp.r",     \
		"power-isa-mmc", "power-isa-scpm", "power-isa-wt", "fsl,eref-deo"

/* kvmppc of e500v2: lis r0; ori r0, r0, "KVM!"; sc; nop. With a hypervisor mode: sc 1; nops. */
#define HCALL_E500V2                                           \
	{                                                      \
		0x3c004b56, 0x60004d21, 0x44000002, 0x60000000 \
	}
#define HCALL_HV                                               \
	{                                                      \
		0x44000022, 0x60000000, 0x60000000, 0x60000000 \
	}

static const struct iol_ppc_map map32 = {
	.ram_end = IOL_PPC32_RAM_END,
	.pci_window = IOL_PPC32_PCI_WINDOW,
	.pci_window_pci = IOL_PPC32_PCI_WINDOW_PCI,
	.ccsr = IOL_PPC32_CCSR,
	.platform = IOL_PPC32_PLATFORM,
	.spin_table = IOL_PPC32_SPIN_TABLE,
};

/* Boards with these cores have their registers above 4 GiB, so that kernels for them know 36 bits. */
static const struct iol_ppc_map map36 = {
	.ram_end = IOL_PPC36_RAM_END,
	.pci_window = IOL_PPC36_PCI_WINDOW,
	.pci_window_pci = IOL_PPC36_PCI_WINDOW_PCI,
	.ccsr = IOL_PPC36_CCSR,
	.platform = IOL_PPC36_PLATFORM,
	.spin_table = IOL_PPC36_SPIN_TABLE,
};

/* The core knows 36 bits, its boards and their kernels either 32 or 36. */
#define E500V2(machine, address_map)                                                             \
	{                                                                                        \
		.name = machine, .model = "iolite " machine, .map = &address_map,                \
		.cpu_compatible = "PowerPC,8544", .has_spe = true, .cache_line_bytes = 32,       \
		.l1_bytes = 32 * 1024, .l1_sets = 128, .tlb = { { 512, 4 }, { 16, 16 } },        \
		.isa_version = "2.03",                                                           \
		.isa = { "power-isa-b",     "power-isa-e",     "power-isa-atb",  "power-isa-cs", \
			 "power-isa-e.le",  "power-isa-ecl",   "power-isa-mmc",  "power-isa-sp", \
			 "power-isa-sp.fd", "power-isa-sp.fs", "power-isa-sp.fv" },              \
		.pvr = 0x80210030, .hcall_instructions = HCALL_E500V2,                           \
	}

/* Of a core the usual one comes first. */
const struct iol_ppc_machine iol_ppc_machines[] = {
	E500V2("e500v2", map32),
	{
		.name = "e500mc",
		.model = "iolite e500mc",
		.map = &map36,
		.cpu_compatible = "PowerPC,e500mc",
		.cache_line_bytes = 64,
		.l1_bytes = 32 * 1024,
		.l1_sets = 64,
		.tlb = { { 512, 4 }, { 64, 64 } },
		.isa_version = "2.06",
		.isa = { ISA_E500MC },
		.pvr = 0x80230020,
		.hcall_instructions = HCALL_HV,
	},
	{
		.name = "e5500",
		.model = "iolite e5500",
		.map = &map36,
		.is_64bit = true,
		.cpu_compatible = "PowerPC,e5500",
		.cache_line_bytes = 64,
		.l1_bytes = 32 * 1024,
		.l1_sets = 64,
		.tlb = { { 512, 4 }, { 64, 64 } },
		.isa_version = "2.06",
		.isa = { ISA_E500MC, "power-isa-64" },
		.pvr = 0x80240020,
		.hcall_instructions = HCALL_HV,
	},
	{
		.name = "e6500",
		.model = "iolite e6500",
		.map = &map36,
		.is_64bit = true,
		.cpu_compatible = "PowerPC,e6500",
		.cache_line_bytes = 64,
		.l1_bytes = 32 * 1024,
		.l1_sets = 64,
		.tlb = { { 1024, 8 }, { 64, 64 } },
		.isa_version = "2.06",
		.isa = { ISA_E500MC, "power-isa-64", "power-isa-v", "fsl,eref-er" },
		.pvr = 0x80400020,
		.hcall_instructions = HCALL_HV,
	},
	E500V2("e500v2-36", map36),
};

const unsigned int iol_ppc_machine_count = IOL_ARRAY_LEN(iol_ppc_machines);

const struct iol_ppc_machine *iol_ppc_machine_find(const char *name)
{
	if (!name)
		return &iol_ppc_machines[0];
	for (unsigned int i = 0; i < iol_ppc_machine_count; i++)
		if (!strcmp(iol_ppc_machines[i].name, name))
			return &iol_ppc_machines[i];
	return NULL;
}

static uint32_t core_of(uint32_t pvr)
{
	enum { VERSION_SHIFT = 16 };

	return pvr >> VERSION_SHIFT;
}

bool iol_ppc_machine_has_core(const struct iol_ppc_machine *machine, uint32_t pvr)
{
	return core_of(machine->pvr) == core_of(pvr);
}

const struct iol_ppc_machine *iol_ppc_machine_by_pvr(uint32_t pvr)
{
	for (unsigned int i = 0; i < iol_ppc_machine_count; i++)
		if (iol_ppc_machine_has_core(&iol_ppc_machines[i], pvr))
			return &iol_ppc_machines[i];
	return NULL;
}

const struct iol_ppc_machine *iol_ppc_machine_of(const struct iol_layout *layout)
{
	const struct iol_ppc_machine *machine = iol_ppc_machine_find(layout->machine);

	assert(layout->machine && machine);
	return machine;
}
