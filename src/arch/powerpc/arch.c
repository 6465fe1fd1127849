// SPDX-License-Identifier: Apache-2.0
/* Power Book E as the machine sees it. See include/iolite/arch.h. */
#include "ppc.h"

#include <elf.h>

const struct iol_arch iol_arch_powerpc = {
	.name = "powerpc",
	.elf_machine = EM_PPC, /* and EM_PPC64: load.c */
	.takes_raw_kernel = true,
	.seeds_in_tree = true,
	/* typical_host: it depends on the machine, and iol_ppc_layout() knows it. */
	.layout = iol_ppc_layout,
	.load = iol_ppc_load,
	.describe = iol_ppc_describe,
	.place = iol_ppc_place,
	.place_tree = iol_ppc_place_tree,
#if defined(__powerpc__)
	.kvm = &iol_ppc_kvm_ops,
#endif
};
