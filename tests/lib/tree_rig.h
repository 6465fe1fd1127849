/* SPDX-License-Identifier: Apache-2.0 */
/* The device tree of a machine that is only described, and looks into it. */
#ifndef IOLITE_TESTS_TREE_RIG_H
#define IOLITE_TESTS_TREE_RIG_H

#include <iolite/tree.h>

struct tree_rig {
	const struct iol_arch *arch;
	struct iol_config config;
	struct iol_layout layout;
	struct iol_boot boot; /* no files; the test fills in the rest */
	struct iol_placement placement;
	const uint8_t *seed; /* NULL: none */
	const char *reset_cause; /* NULL: it was not */
	struct iol_fdt_blob blob;
};

/* A machine of 1 GiB and @cpus on a host of @facts (NULL: a typical one). */
void tree_rig_init(struct tree_rig *rig, const struct iol_arch *arch, unsigned int cpus,
		   const struct iol_host_facts *facts);
/* With so many serial lines; without the call: one. Before the build. */
void tree_rig_set_serials(struct tree_rig *rig, unsigned int serials);
/* Generates its tree, which must be valid (iol_fdt_validate()), in the place of the one before. */
void tree_rig_build(struct tree_rig *rig);
void tree_rig_finish(struct tree_rig *rig);

bool tree_has(const struct tree_rig *rig, const char *path);
bool tree_has_prop(const struct tree_rig *rig, const char *path, const char *prop);

/* The value of a property is exactly this. */
void tree_check_bytes(const struct tree_rig *rig, const char *path, const char *prop,
		      const void *bytes, size_t len);
/* A list of strings, written with bars between them: "a|b". */
void tree_check_strings(const struct tree_rig *rig, const char *path, const char *prop,
			const char *strings);
void tree_check_cells(const struct tree_rig *rig, const char *path, const char *prop,
		      const uint32_t *cells, size_t count);
#define TREE_CHECK_CELLS(rig, path, prop, ...)                                     \
	tree_check_cells((rig), (path), (prop), (const uint32_t[]){ __VA_ARGS__ }, \
			 sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

/* Of the node at @path, which must have one. */
uint32_t tree_phandle(const struct tree_rig *rig, const char *path);

#endif
