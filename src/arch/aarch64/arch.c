// SPDX-License-Identifier: Apache-2.0
/* aarch64 as the machine sees it. See include/iolite/arch.h. */
#include "arm64.h"

#include <elf.h>

const struct iol_arch iol_arch_aarch64 = {
	.name = "aarch64",
	.elf_machine = EM_AARCH64,
	.seeds_in_tree = true,
	.typical_host = { .gic_version = 3, .ipa_bits = 40 },
	.layout = iol_arm64_layout,
	.load = iol_arm64_load,
	.describe = iol_arm64_describe,
	.place = iol_arm64_place,
	.place_tree = iol_arm64_place_tree,
#if defined(__aarch64__)
	.kvm = &iol_arm64_kvm_ops,
#endif
};
