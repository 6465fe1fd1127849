/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine's device tree as a whole: what architecture and devices say of themselves, memory, /chosen and
 * /aliases, then what the user wants changed (DTSpec-0.4 3).
 */
#ifndef IOLITE_TREE_H
#define IOLITE_TREE_H

#include <iolite/arch.h>
#include <iolite/config.h>

enum { IOL_TREE_SEED_BYTES = 64 };

/*
 * The tree of the machine that @config asks for, on @arch, which may be any: no KVM is needed, and what
 * depends on the host is as on a typical one (iol_arch.typical_host) unless it is this host's own
 * architecture and /dev/kvm can be asked. With a kernel, the initrd's place is in it; without,
 * only the sizes of the machine matter. There are no seeds in it: each start has its own.
 */
int iol_tree_make(const struct iol_config *config, const struct iol_arch *arch,
		  struct iol_fdt_blob *blob, struct iol_error *err);

/* Its parts: what is asked for, what is loaded, where it is, and random bytes (NULL: no seeds). */
struct iol_tree_source {
	const struct iol_config *config;
	const struct iol_arch *arch;
	const struct iol_layout *layout;
	const struct iol_boot *boot;
	const struct iol_placement *placement;
	const uint8_t *seed; /* IOL_TREE_SEED_BYTES */
	const char
		*reset_cause; /* why the guest starts again; NULL: it starts for the first time */
};

/*
 * Builds the tree, or reads the user's (boot->dtb), then applies overlays and edits. Errors name the
 * file or the place in the configuration.
 */
int iol_tree_build(const struct iol_tree_source *source, struct iol_fdt_blob *blob,
		   struct iol_error *err);

#endif
