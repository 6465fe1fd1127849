// SPDX-License-Identifier: Apache-2.0
/* The nodes that every tree must or may have (DTSpec-0.4 3). See validate.h. Any thread. */
#include "validate.h"

#include <glib.h>
#include <inttypes.h>
#include <libfdt.h>

#include <iolite/endian.h>

/* The child of the root that is called exactly @name, or so with any unit address if @any_unit. */
static bool is_called(const struct iol_fdt_validation *v, unsigned int node, const char *name,
		      bool any_unit)
{
	const char *own = v->index.nodes[node].name;
	size_t len = strlen(name);

	return !strncmp(own, name, len) && (!own[len] || (any_unit && own[len] == '@'));
}

/* -1: the root has no such child. */
static int find_top(const struct iol_fdt_validation *v, const char *name)
{
	int node = iol_fdt_index_child(&v->index, 0, name, strlen(name));

	return node >= 0 && is_called(v, (unsigned int)node, name, false) ? node : -1;
}

/* Requires a string, or one string at least. */
static const struct iol_fdt_prop *require_text(struct iol_fdt_validation *v, unsigned int node,
					       const char *name, const char *section)
{
	const struct iol_fdt_prop *prop = iol_fdt_require(v, node, name, section);

	return prop && iol_fdt_is_string_list(prop->value, prop->len) ? prop : NULL;
}

/* DTSpec-0.4 3.2. Whether the types are right is told elsewhere. */
static void check_root(struct iol_fdt_validation *v)
{
	iol_fdt_require(v, 0, "#address-cells", "DTSpec-0.4 3.2");
	iol_fdt_require(v, 0, "#size-cells", "DTSpec-0.4 3.2");
	require_text(v, 0, "model", "DTSpec-0.4 3.2");
	require_text(v, 0, "compatible", "DTSpec-0.4 3.2");
}

/* Requires device_type to be @type. */
static void require_type(struct iol_fdt_validation *v, unsigned int node, const char *type,
			 const char *section)
{
	const struct iol_fdt_prop *prop = require_text(v, node, "device_type", section);

	if (prop && strcmp((const char *)prop->value, type))
		iol_fdt_flaw(v, node, "device_type", "'%.64s', \"%s\" is needed (%s)",
			     (const char *)prop->value, type, section);
}

/* DTSpec-0.4 3.1, 3.4. */
static void check_memory(struct iol_fdt_validation *v)
{
	bool found = false;

	for (unsigned int node = 1; node < v->index.node_count; node = v->index.nodes[node].end) {
		if (is_called(v, node, "memory", true)) {
			found = true;
			require_type(v, node, "memory", "DTSpec-0.4 3.4");
			iol_fdt_require(v, node, "reg", "DTSpec-0.4 3.4");
		} else if (iol_fdt_says(v, node, "device_type", "memory")) {
			iol_fdt_flaw(v, node, "device_type",
				     "\"memory\" is for nodes called memory (DTSpec-0.4 3.4)");
		}
	}
	if (!found)
		iol_fdt_flaw(v, 0, NULL, "there is no memory node (DTSpec-0.4 3.1)");
}

/* ---- Processors ---- */

/* The property of a cpu node, which all of them may have in common in /cpus (DTSpec-0.4 3.8). */
static const struct iol_fdt_prop *cpu_prop(const struct iol_fdt_validation *v, unsigned int cpu,
					   const char *name)
{
	const struct iol_fdt_prop *prop = iol_fdt_index_prop(&v->index, cpu, name);

	return prop ? prop : iol_fdt_index_prop(&v->index, v->index.nodes[cpu].parent, name);
}

/* DTSpec-0.4 3.8.1. */
static void check_start(struct iol_fdt_validation *v, unsigned int cpu)
{
	const struct iol_fdt_prop *method = cpu_prop(v, cpu, "enable-method");
	const struct iol_fdt_prop *address = cpu_prop(v, cpu, "cpu-release-addr");

	if (!method) {
		if (iol_fdt_says(v, cpu, "status", "disabled"))
			iol_fdt_flaw(v, cpu, "enable-method",
				     "is missing, and the cpu is \"disabled\" (DTSpec-0.4 3.8.1)");
		return;
	}
	if (!iol_fdt_is_string_list(method->value, method->len)) {
		iol_fdt_flaw(v, method->node, method->name,
			     "a list of strings is needed (DTSpec-0.4 3.8.1)");
		return;
	}
	if (!fdt_stringlist_contains((const char *)method->value, (int)method->len, "spin-table"))
		return;
	if (!address)
		iol_fdt_flaw(v, cpu, "cpu-release-addr",
			     "is missing, and enable-method is \"spin-table\" (DTSpec-0.4 3.8.1)");
	else if (address->len != 8)
		iol_fdt_flaw(v, address->node, address->name,
			     "%" PRIu32 " bytes, two cells are needed (DTSpec-0.4 3.8.1)",
			     address->len);
}

/* A processor or a thread of it, as reg numbers it. */
struct cpu_id {
	uint64_t value;
	unsigned int node;
};

static int compare_ids(const void *a, const void *b)
{
	const struct cpu_id *x = a, *y = b;

	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	return x->node < y->node ? -1 : x->node > y->node;
}

static void collect_ids(struct iol_fdt_validation *v, unsigned int cpu, GArray *ids)
{
	const struct iol_fdt_prop *reg = iol_fdt_require(v, cpu, "reg", "DTSpec-0.4 3.8");
	unsigned int cells = v->cells[v->index.nodes[cpu].parent].address;

	if (!reg || cells < 1 || cells > 2)
		return;
	for (uint32_t pos = 0; reg->len - pos >= 4 * cells; pos += 4 * cells) {
		struct cpu_id id = { .node = cpu };

		id.value = cells == 1 ? be32_load(reg->value + pos) : be64_load(reg->value + pos);
		g_array_append_val(ids, id);
	}
}

/* DTSpec-0.4 3.8, 5.2. */
static void check_ids(struct iol_fdt_validation *v, GArray *ids)
{
	uint32_t boot_id = fdt_boot_cpuid_phys(v->fdt);
	char path[IOL_FDT_PATH_TEXT_BYTES];
	bool found = false;

	g_array_sort(ids, compare_ids);
	for (unsigned int i = 0; i < ids->len; i++) {
		const struct cpu_id *id = &g_array_index(ids, struct cpu_id, i);
		const struct cpu_id *before = i ? id - 1 : NULL;

		found |= id->value == boot_id;
		if (before && before->value == id->value)
			iol_fdt_flaw(v, id->node, "reg",
				     "0x%" PRIx64 " is in reg of %s, too: each cpu has its own "
				     "(DTSpec-0.4 3.8)",
				     id->value, iol_fdt_index_text(&v->index, before->node, path));
	}
	if (ids->len && !found)
		iol_fdt_flaw(v, 0, NULL,
			     "boot_cpuid_phys is 0x%" PRIx32
			     ", which is in no cpu's reg: see dtc -b (DTSpec-0.4 5.2)",
			     boot_id);
}

/* DTSpec-0.4 3.7. */
static void check_cpus_node(struct iol_fdt_validation *v, unsigned int cpus)
{
	const struct iol_fdt_cells *cells = &v->cells[cpus];

	/* With cpus that have a reg, which is told elsewhere, they are required anyhow. */
	if (cells->has_size && cells->size)
		iol_fdt_flaw(v, cpus, "#size-cells", "%u, 0 is needed (DTSpec-0.4 3.7)",
			     cells->size);
}

static bool is_cpu(const struct iol_fdt_validation *v, unsigned int node)
{
	return is_called(v, node, "cpu", true) || iol_fdt_says(v, node, "device_type", "cpu");
}

/* DTSpec-0.4 3.8. */
static void check_cpus(struct iol_fdt_validation *v)
{
	g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(struct cpu_id));
	unsigned int count = 0, first, end;
	int cpus = find_top(v, "cpus");

	if (cpus < 0) {
		iol_fdt_flaw(v, 0, NULL, "there is no node /cpus (DTSpec-0.4 3.1)");
		return;
	}
	check_cpus_node(v, (unsigned int)cpus);
	first = (unsigned int)cpus + 1;
	end = v->index.nodes[cpus].end;
	for (unsigned int cpu = first; cpu < end; cpu = v->index.nodes[cpu].end)
		count += is_cpu(v, cpu);
	for (unsigned int cpu = first; cpu < end; cpu = v->index.nodes[cpu].end) {
		if (!is_cpu(v, cpu))
			continue;
		require_type(v, cpu, "cpu", "DTSpec-0.4 3.8");
		collect_ids(v, cpu, ids);
		if (count > 1)
			iol_fdt_require(v, cpu, "status",
					"DTSpec-0.4 3.8: there is more than one cpu");
		check_start(v, cpu);
	}
	if (!count)
		iol_fdt_flaw(v, (unsigned int)cpus, NULL, "there is no cpu in it (DTSpec-0.4 3.8)");
	check_ids(v, ids);
}

/* ---- Names of nodes ---- */

/* DTSpec-0.4 3.3. */
static void check_aliases(struct iol_fdt_validation *v)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	int aliases = find_top(v, "aliases");
	const struct iol_fdt_node *node;

	if (aliases < 0)
		return;
	node = &v->index.nodes[aliases];
	for (unsigned int p = 0; p < node->prop_count; p++) {
		const struct iol_fdt_prop *prop = &v->index.props[node->first_prop + p];
		const char *path = (const char *)prop->value;

		if (!strcmp(prop->name, "phandle") || !strcmp(prop->name, "linux,phandle"))
			continue;
		if (strspn(prop->name, chars) != strlen(prop->name))
			iol_fdt_flaw(
				v, prop->node, prop->name,
				"its name is none of an alias: lower case letters, digits and - "
				"(DTSpec-0.4 3.3)");
		if (!iol_fdt_is_string(prop->value, prop->len) || *path != '/')
			iol_fdt_flaw(v, prop->node, prop->name,
				     "the path of a node is needed, as a string (DTSpec-0.4 3.3)");
		else if (iol_fdt_index_path(&v->index, path, prop->len - 1) < 0)
			iol_fdt_flaw(v, prop->node, prop->name,
				     "there is no node '%.96s' (DTSpec-0.4 3.3)", path);
	}
}

/* DTSpec-0.4 3.6. */
static void check_chosen(struct iol_fdt_validation *v)
{
	static const char *const paths[] = { "stdout-path", "stdin-path", "linux,stdout-path",
					     "bootsource" };
	int chosen = find_top(v, "chosen");
	const struct iol_fdt_prop *prop;

	if (chosen < 0)
		return;
	prop = iol_fdt_index_prop(&v->index, (unsigned int)chosen, "bootargs");
	if (prop && !iol_fdt_is_string(prop->value, prop->len))
		iol_fdt_flaw(v, prop->node, prop->name, "a string is needed (DTSpec-0.4 3.6)");
	for (size_t i = 0; i < IOL_ARRAY_LEN(paths); i++) {
		const char *path;

		prop = iol_fdt_index_prop(&v->index, (unsigned int)chosen, paths[i]);
		if (!prop)
			continue;
		path = (const char *)prop->value;
		if (!iol_fdt_is_string(prop->value, prop->len))
			iol_fdt_flaw(v, prop->node, prop->name,
				     "a string is needed (DTSpec-0.4 3.6)");
		else if (iol_fdt_index_alias_path(&v->index, path, strcspn(path, ":")) < 0)
			iol_fdt_flaw(v, prop->node, prop->name,
				     "'%.96s' is neither the path of a node nor an alias "
				     "(DTSpec-0.4 3.6)",
				     path);
	}
}

/* ---- Reserved memory ---- */

/* DTSpec-0.4 3.5.2. */
static void check_region(struct iol_fdt_validation *v, unsigned int node, unsigned int size_cells)
{
	static const char *const sizes[] = { "size", "alignment" };

	if (!iol_fdt_index_prop(&v->index, node, "reg") &&
	    !iol_fdt_index_prop(&v->index, node, "size"))
		iol_fdt_flaw(v, node, NULL, "reg or size is needed (DTSpec-0.4 3.5.2)");
	if (iol_fdt_index_prop(&v->index, node, "no-map") &&
	    iol_fdt_index_prop(&v->index, node, "reusable"))
		iol_fdt_flaw(v, node, NULL,
			     "no-map and reusable exclude each other (DTSpec-0.4 3.5.2)");
	for (size_t i = 0; i < IOL_ARRAY_LEN(sizes); i++) {
		const struct iol_fdt_prop *prop = iol_fdt_index_prop(&v->index, node, sizes[i]);

		if (prop && prop->len != 4 * size_cells)
			iol_fdt_flaw(v, node, prop->name,
				     "%" PRIu32 " bytes, %u are needed (DTSpec-0.4 3.5.2)",
				     prop->len, 4 * size_cells);
	}
}

/* DTSpec-0.4 3.5.1. */
static void check_reserved_memory(struct iol_fdt_validation *v)
{
	int top = find_top(v, "reserved-memory");
	unsigned int end;

	if (top < 0)
		return;
	if (!v->cells[top].has_address || !v->cells[top].has_size)
		iol_fdt_flaw(v, (unsigned int)top, NULL,
			     "#address-cells and #size-cells are needed (DTSpec-0.4 3.5.1)");
	iol_fdt_require(v, (unsigned int)top, "ranges", "DTSpec-0.4 3.5.1");
	end = v->index.nodes[top].end;
	for (unsigned int node = (unsigned int)top + 1; node < end; node = v->index.nodes[node].end)
		check_region(v, node, v->cells[top].size);
}

void iol_fdt_validate_machine(struct iol_fdt_validation *v)
{
	check_root(v);
	check_cpus(v);
	check_memory(v);
	check_reserved_memory(v);
	check_aliases(v);
	check_chosen(v);
}
