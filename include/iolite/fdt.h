/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device trees (DTSpec-0.4): a builder on libfdt's sequential-write functions, and what is done with
 * whole trees. Nothing here knows a machine; anything may run on any thread.
 *
 * The builder grows as needed and remembers its first mistake (our own: a name too long, an end without a
 * begin), which iol_fdt_finish() reports; in between nothing needs checking. Properties come before
 * the children of their node, as the format demands. Numbers are host numbers; the builder writes
 * them big-endian.
 */
#ifndef IOLITE_FDT_H
#define IOLITE_FDT_H

#include <iolite/error.h>

struct iol_fdt;

enum {
	IOL_FDT_BYTES_MAX = 2 * 1024 * 1024, /* of a whole tree */
	IOL_FDT_DEPTH_MAX = 32, /* the root is the first level */
	IOL_FDT_ITEMS_MAX = 64 * 1024, /* nodes and properties */
	IOL_FDT_STRINGS_MAX = 128 * 1024, /* of the names of properties */
	/*
	 * Nodes, properties and references of an overlay. libfdt walks over the whole tree for each, so the
	 * product of these and the tree's items is bounded, too: 2048 in a tree of 8192, 256 in the largest.
	 * The slowest that can be then takes some five seconds.
	 */
	IOL_FDT_OVERLAY_ITEMS_MAX = 2048,
	IOL_FDT_OVERLAY_WORK_MAX = 16 * 1024 * 1024,
};

/* A finished tree: an aligned block of exactly its totalsize. Owned: iol_fdt_blob_finish(). */
struct iol_fdt_blob {
	void *data;
	size_t bytes;
};

struct iol_fdt *iol_fdt_new(void);
/* NULL is fine. */
void iol_fdt_free(struct iol_fdt *fdt);

/*
 * Starts a node below the open one; the first is the root, and is called "/". Names have 1 to 31 characters
 * before the '@' (DTSpec-0.4 2.2.1); IOL_FDT_DEPTH_MAX levels.
 */
void iol_fdt_begin(struct iol_fdt *fdt, const char *name_fmt, ...) iol_printf(2, 3);
void iol_fdt_end(struct iol_fdt *fdt);

/*
 * Writes #address-cells and #size-cells of the open node, 0 to 2 (3 addresses for PCI), and so decides how
 * its children's reg are encoded. A node without has 2 and 1 (DTSpec-0.4 2.3.5).
 */
void iol_fdt_cells(struct iol_fdt *fdt, unsigned int address, unsigned int size);

void iol_fdt_empty(struct iol_fdt *fdt, const char *prop);
void iol_fdt_bytes(struct iol_fdt *fdt, const char *prop, const void *bytes, size_t len);
void iol_fdt_string(struct iol_fdt *fdt, const char *prop, const char *text);
/* A string list, ended by NULL: compatible and the like. */
void iol_fdt_strings(struct iol_fdt *fdt, const char *prop, ...) __attribute__((sentinel));
void iol_fdt_u32(struct iol_fdt *fdt, const char *prop, uint32_t value);
void iol_fdt_u64(struct iol_fdt *fdt, const char *prop, uint64_t value);
void iol_fdt_u32s(struct iol_fdt *fdt, const char *prop, const uint32_t *values, size_t count);
/* Cells as arguments: IOL_FDT_U32S(fdt, "interrupts", 0, 5, 4). */
#define IOL_FDT_U32S(fdt, prop, ...)                                   \
	iol_fdt_u32s((fdt), (prop), (const uint32_t[]){ __VA_ARGS__ }, \
		     sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

/*
 * Addresses and sizes of the open node as its parent's cells say: pairs of address and size, @count of
 * them. A number that does not fit its cells is a mistake of ours.
 */
struct iol_fdt_range {
	uint64_t base, size_bytes;
};
void iol_fdt_reg(struct iol_fdt *fdt, const struct iol_fdt_range *ranges, size_t count);

/*
 * The phandle that belongs to @label, a name that is ours alone; the first mention decides the number
 * (1, 2 ...). iol_fdt_label() gives it to the open node. A label is a label of DTS: up to 31 letters, digits
 * and underscores. One that is mentioned and given to no node, or to two, is a mistake of ours; so are two
 * at a node.
 */
uint32_t iol_fdt_phandle(struct iol_fdt *fdt, const char *label);
void iol_fdt_label(struct iol_fdt *fdt, const char *label);

/* The path of the node that has @label; NULL: none so far. Valid until @fdt is freed. */
const char *iol_fdt_path_of(const struct iol_fdt *fdt, const char *label);

/*
 * Asks for /__symbols__: every label with the path of its node, as "dtc -@" makes it. Without it an overlay
 * can name no node of this tree by label (&uart0), only by target-path. Any time before the finish.
 */
void iol_fdt_symbols(struct iol_fdt *fdt);

/* Reserves memory by the memory reservation block (DTSpec-0.4 5.3); before the root is begun. */
void iol_fdt_reserve(struct iol_fdt *fdt, uint64_t base, uint64_t size_bytes);

/* The whole tree; @fdt can only be freed afterwards. -EINVAL: our first mistake, with node and property. */
int iol_fdt_finish(struct iol_fdt *fdt, struct iol_fdt_blob *blob, struct iol_error *err);

void iol_fdt_blob_finish(struct iol_fdt_blob *blob);

/* ---- Whole trees, which may be a user's: nothing in them is believed ---- */

/*
 * Reads a tree from the file @path, at most IOL_FDT_BYTES_MAX. It is checked by our own walk and by
 * fdt_check_full(), and its blocks are put in order; bytes behind it are no part of it. Errors start with the
 * path and say what is wrong: no device tree, cut short, version, structure with place and node.
 */
int iol_fdt_load(const char *path, struct iol_fdt_blob *blob, struct iol_error *err);

/* Takes a copy of @bytes of @data, checked the same way; @name for messages (tests, fuzzing). */
int iol_fdt_from_bytes(const void *data, size_t bytes, const char *name, struct iol_fdt_blob *blob,
		       struct iol_error *err);

/*
 * Applies the overlay @overlay (a "dtbo") to @blob, in place. Its target-path may be an alias. A node of the tree
 * that has a phandle keeps it. -EINVAL with the overlay (@name) and the fragment, node or property at fault;
 * @blob is then as before, and @overlay is so always. Work is bounded by IOL_FDT_OVERLAY_WORK_MAX.
 */
int iol_fdt_apply_overlay(struct iol_fdt_blob *blob, const struct iol_fdt_blob *overlay,
			  const char *name, struct iol_error *err);

struct iol_tree_edit;
/*
 * Applies edits in order. In their paths a unit address may be left out where that leaves one node. -EINVAL or
 * -ENOENT with edit->where, node and property; @blob is then as before. Each costs a few walks over the tree.
 */
int iol_fdt_apply_edits(struct iol_fdt_blob *blob, const struct iol_tree_edit *edits, size_t count,
			struct iol_error *err);

/*
 * Sets one property of the node at @path, which is made if it is not there (its parent must be). For what the
 * machine has to say in a tree that is the user's: /chosen. Errors as above, without a place.
 */
int iol_fdt_set(struct iol_fdt_blob *blob, const char *path, const char *prop, const void *bytes,
		size_t len, struct iol_error *err);

/*
 * Holds a tree against what DTSpec-0.4 2 to 5 (ePAPR-1.1 3 and 6) require of every machine: root, cpus and cpu,
 * memory, reserved memory, chosen, aliases that resolve, unit addresses that match reg, names, reg and ranges of a
 * length that the cells allow, interrupts whose parent resolves and whose cells divide, phandles that are
 * unique and resolve, simple-bus and PCI nodes with what they need. -EINVAL with node, property and
 * section of the first mistake; @report, if not NULL, is called for every one. O(n log n). docs/device-tree.md
 * says where it is looser than the text.
 */
int iol_fdt_validate(const struct iol_fdt_blob *blob, void (*report)(void *data, const char *text),
		     void *data, struct iol_error *err);

/*
 * The tree as DTS source (dtc's form: strings, cells in hex, bytes), which dtc compiles to a tree that is
 * equal. @text is owned by the caller, freed with free(). -EINVAL when @blob is no tree, never when it was checked.
 */
int iol_fdt_to_dts(const struct iol_fdt_blob *blob, char **text, struct iol_error *err);

#endif
