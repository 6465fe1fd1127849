// SPDX-License-Identifier: Apache-2.0
/* x86_64 as the machine sees it. See include/iolite/arch.h. */
#include "x86.h"

#include <elf.h>

const struct iol_arch iol_arch_x86_64 = {
	.name = "x86_64",
	.elf_machine = EM_X86_64,
	.layout = iol_x86_layout,
	.load = iol_x86_load,
	.describe = iol_x86_describe,
	.place = iol_x86_place,
	.place_tree = iol_x86_place_tree,
#if defined(__x86_64__)
	.kvm = &iol_x86_kvm_ops,
#endif
};
