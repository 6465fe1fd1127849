// SPDX-License-Identifier: Apache-2.0
/* Names, addresses and properties of fixed types (DTSpec-0.4 2.2, 2.3). See validate.h. Any thread. */
#include "validate.h"

#include <glib.h>
#include <inttypes.h>
#include <libfdt.h>

#include <iolite/endian.h>

#include "names.h"

/* ---- Cells ---- */

/* Reads #address-cells or #size-cells. */
static bool get_cells(struct iol_fdt_validation *v, unsigned int node, const char *prop,
		      uint8_t *cells)
{
	uint32_t value;

	if (!iol_fdt_get_u32(v, node, prop, &value))
		return false;
	if (value > CELLS_MAX) {
		iol_fdt_flaw(v, node, prop, "%" PRIu32 " cells, at most %d are possible", value,
			     CELLS_MAX);
		return false;
	}
	*cells = (uint8_t)value;
	return true;
}

/* Whether a child of @node has a reg, and so counts on @node's cells. */
static bool *find_users(const struct iol_fdt_validation *v)
{
	bool *users = g_new0(bool, v->index.node_count);

	for (unsigned int node = 1; node < v->index.node_count; node++)
		if (iol_fdt_index_prop(&v->index, node, "reg"))
			users[v->index.nodes[node].parent] = true;
	return users;
}

/*
 * DTSpec-0.4 2.3.5 wants them at every node that has children. Nobody does that, and nothing depends on it where
 * no child has a reg, so they are required where one has.
 */
void iol_fdt_validate_cells(struct iol_fdt_validation *v)
{
	g_autofree bool *users = find_users(v);

	for (unsigned int node = 0; node < v->index.node_count; node++) {
		struct iol_fdt_cells *cells = &v->cells[node];

		cells->address = 2;
		cells->size = 1;
		cells->has_address = get_cells(v, node, "#address-cells", &cells->address);
		cells->has_size = get_cells(v, node, "#size-cells", &cells->size);
		/* The root's are required anyhow. */
		if (!users[node] || !node || !iol_fdt_is_hardware(v, node))
			continue;
		iol_fdt_require(v, node, "#address-cells", "DTSpec-0.4 2.3.5: a child has a reg");
		iol_fdt_require(v, node, "#size-cells", "DTSpec-0.4 2.3.5: a child has a reg");
	}
}

/* ---- Names ---- */

/* DTSpec-0.4 2.2.1.1. */
static void check_name(struct iol_fdt_validation *v, unsigned int node)
{
	const struct iol_fdt_node *n = &v->index.nodes[node];

	if (!is_node_name(n->name) || !g_ascii_isalpha(n->name[0]))
		iol_fdt_flaw(
			v, node, NULL,
			"its name is none: a letter and up to %d letters, digits and ,._+-, then "
			"perhaps @ and an address (DTSpec-0.4 2.2.1.1)",
			NAME_CHARS_MAX - 1);
	if (!strchr(n->name, '@') && iol_fdt_index_prop(&v->index, n->parent, n->name))
		iol_fdt_flaw(v, node, NULL,
			     "a property beside it has the same name (DTSpec-0.4 2.2.1.1)");
}

/* DTSpec-0.4 2.2.4.1. */
static void check_prop_names(struct iol_fdt_validation *v, unsigned int node)
{
	const struct iol_fdt_node *n = &v->index.nodes[node];

	for (unsigned int p = 0; p < n->prop_count; p++) {
		const char *name = v->index.props[n->first_prop + p].name;

		if (!is_prop_name(name))
			iol_fdt_flaw(v, node, name,
				     "its name is none: 1 to %d letters, digits and ,._+?#- "
				     "(DTSpec-0.4 2.2.4.1)",
				     NAME_CHARS_MAX);
	}
}

/* Reads all of the @len characters at @text as a hexadecimal number. */
static bool get_hex(const char *text, size_t len, uint64_t *value)
{
	*value = 0;
	if (!len || len > 16)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!g_ascii_isxdigit(text[i]))
			return false;
		*value = *value << 4 | (uint64_t)g_ascii_xdigit_value(text[i]);
	}
	return true;
}

/* Whether @unit stands for the address that @cells cells at @address are. */
static bool unit_matches(const char *unit, const uint8_t *address, unsigned int cells, bool is_pci)
{
	const char *comma = strchr(unit, ',');
	size_t len = comma ? (size_t)(comma - unit) : strlen(unit);
	uint64_t first, second = 0;

	if (!get_hex(unit, len, &first))
		return false;
	if (comma && !get_hex(comma + 1, strlen(comma + 1), &second))
		return false;
	/* PCI-1275-2.1 2.2.1.3: device, and function unless it is 0. */
	if (is_pci)
		return first == (be32_load(address) >> 11 & 31) &&
		       second == (be32_load(address) >> 8 & 7);
	if (cells == 1)
		return !comma && first == be32_load(address);
	if (cells == 2 && comma)
		return first == be32_load(address) && second == be32_load(address + 4);
	if (cells == 2)
		return first == be64_load(address);
	/* Of other buses only their bindings know. */
	return true;
}

/* ISA-1275 2.2.1.2: "i" and the port, or an address of its memory; bit 0 of the first cell says which. */
static bool isa_unit_matches(const char *unit, const uint8_t *address, unsigned int cells)
{
	bool is_port = be32_load(address) & 1;
	uint64_t value;

	if (cells != 2)
		return true;
	if (is_port && unit[0] != 'i')
		return false;
	return get_hex(unit + is_port, strlen(unit + is_port), &value) &&
	       value == be32_load(address + 4);
}

/* DTSpec-0.4 2.2.1.1. */
static void check_unit(struct iol_fdt_validation *v, unsigned int node)
{
	const struct iol_fdt_node *n = &v->index.nodes[node];
	const struct iol_fdt_prop *reg = iol_fdt_index_prop(&v->index, node, "reg");
	const struct iol_fdt_prop *ranges = iol_fdt_index_prop(&v->index, node, "ranges");
	const char *unit = strchr(n->name, '@');
	unsigned int cells = v->cells[n->parent].address;
	bool matches;

	if (!unit)
		return;
	/* A bus without registers is called after its window, and so has dtc it. */
	if (!reg && !(ranges && ranges->len))
		iol_fdt_flaw(v, node, NULL,
			     "a unit address, and no reg: leave it away (DTSpec-0.4 2.2.1.1)");
	if (!reg || !cells || reg->len < 4 * cells)
		return;
	if (iol_fdt_says(v, n->parent, "device_type", "isa"))
		matches = isa_unit_matches(unit + 1, reg->value, cells);
	else
		matches = unit_matches(unit + 1, reg->value, cells,
				       iol_fdt_says(v, n->parent, "device_type", "pci"));
	if (!matches)
		iol_fdt_flaw(
			v, node, NULL,
			"its unit address is not the first address of its reg, which starts with "
			"0x%" PRIx32 " (DTSpec-0.4 2.2.1.1)",
			be32_load(reg->value));
}

/* ---- Addresses ---- */

/* DTSpec-0.4 2.3.6. */
static void check_reg(struct iol_fdt_validation *v, unsigned int node)
{
	const struct iol_fdt_prop *reg = iol_fdt_index_prop(&v->index, node, "reg");
	const struct iol_fdt_cells *cells = &v->cells[v->index.nodes[node].parent];
	unsigned int bytes = 4U * (cells->address + cells->size);

	/* What a parent does not say has been told. */
	if (!reg || !cells->has_address || !cells->has_size)
		return;
	if (!cells->address)
		iol_fdt_flaw(v, node, "reg",
			     "its parent has no addresses: #address-cells is 0 "
			     "(DTSpec-0.4 2.3.6)");
	else if (!reg->len || reg->len % bytes)
		iol_fdt_flaw(v, node, "reg",
			     "%" PRIu32 " bytes, a multiple of %u is needed: its parent says %u "
			     "address and %u size cells (DTSpec-0.4 2.3.6)",
			     reg->len, bytes, cells->address, cells->size);
}

/* DTSpec-0.4 2.3.8 and 2.3.9. */
static void check_ranges(struct iol_fdt_validation *v, unsigned int node, const char *prop)
{
	const struct iol_fdt_prop *ranges = iol_fdt_index_prop(&v->index, node, prop);
	const struct iol_fdt_cells *own = &v->cells[node];
	const struct iol_fdt_cells *parent = &v->cells[v->index.nodes[node].parent];
	unsigned int bytes = 4U * (own->address + parent->address + own->size);

	if (!ranges)
		return;
	if (!node) {
		iol_fdt_flaw(v, node, prop, "the root is no bus below another (DTSpec-0.4 2.3.8)");
		return;
	}
	if (!ranges->len && own->address == parent->address && own->size == parent->size)
		return;
	if (!ranges->len)
		iol_fdt_flaw(
			v, node, prop,
			"it is empty, so both buses are one, but it has %u address and %u size "
			"cells and its parent %u and %u (DTSpec-0.4 2.3.8)",
			own->address, own->size, parent->address, parent->size);
	else if (!bytes || ranges->len % bytes)
		iol_fdt_flaw(v, node, prop,
			     "%" PRIu32
			     " bytes, a multiple of %u is needed: %u cells of its own, %u of "
			     "its parent's address, %u of size (DTSpec-0.4 2.3.8)",
			     ranges->len, bytes, own->address, parent->address, own->size);
}

/* ---- Types ---- */

/* DTSpec-0.4 2.3.4. */
static bool is_status(const struct iol_fdt_prop *prop)
{
	static const char *const values[] = { "okay", "disabled", "reserved", "fail" };
	const char *text = (const char *)prop->value;

	if (!iol_fdt_is_string(prop->value, prop->len))
		return false;
	for (size_t i = 0; i < IOL_ARRAY_LEN(values); i++)
		if (!strcmp(text, values[i]))
			return true;
	return g_str_has_prefix(text, "fail-") && text[strlen("fail-")];
}

static bool is_one_or_two_cells(const struct iol_fdt_prop *prop)
{
	return prop->len == 4 || prop->len == 8;
}

static bool is_phandle(const struct iol_fdt_prop *prop)
{
	return prop->len == 4 && be32_load(prop->value) &&
	       be32_load(prop->value) <= FDT_MAX_PHANDLE;
}

static bool is_string(const struct iol_fdt_prop *prop)
{
	return iol_fdt_is_string(prop->value, prop->len);
}

static bool is_string_list(const struct iol_fdt_prop *prop)
{
	return iol_fdt_is_string_list(prop->value, prop->len);
}

static bool is_empty(const struct iol_fdt_prop *prop)
{
	return !prop->len;
}

/* Properties that have a type wherever they are. */
static const struct {
	const char *name;
	bool (*fits)(const struct iol_fdt_prop *prop);
	const char *needed;
} types[] = {
	{ "compatible", is_string_list, "a list of strings is needed (DTSpec-0.4 2.3.1)" },
	{ "model", is_string, "a string is needed (DTSpec-0.4 2.3.2)" },
	{ "phandle", is_phandle, "a cell from 0x1 to 0xfffffffe is needed (DTSpec-0.4 2.3.3)" },
	{ "linux,phandle", is_phandle,
	  "a cell from 0x1 to 0xfffffffe is needed (DTSpec-0.4 2.3.3)" },
	{ "status", is_status,
	  "\"okay\", \"disabled\", \"reserved\", \"fail\" or \"fail-...\" is needed (DTSpec-0.4 2.3.4)" },
	{ "virtual-reg", is_one_or_two_cells, "one or two cells are needed (DTSpec-0.4 2.3.7)" },
	{ "dma-coherent", is_empty, "no value is needed (DTSpec-0.4 2.3.10)" },
	{ "device_type", is_string, "a string is needed (DTSpec-0.4 2.3)" },
	{ "interrupt-controller", is_empty, "no value is needed (DTSpec-0.4 2.4.2)" },
	{ "clock-frequency", is_one_or_two_cells,
	  "one or two cells are needed (DTSpec-0.4 4.1.2)" },
	{ "timebase-frequency", is_one_or_two_cells,
	  "one or two cells are needed (DTSpec-0.4 3.8)" },
};

static void check_types(struct iol_fdt_validation *v, unsigned int node)
{
	const struct iol_fdt_prop *a, *b;

	for (size_t i = 0; i < IOL_ARRAY_LEN(types); i++) {
		const struct iol_fdt_prop *prop =
			iol_fdt_index_prop(&v->index, node, types[i].name);

		if (prop && !types[i].fits(prop))
			iol_fdt_flaw(v, node, prop->name, "%s", types[i].needed);
	}
	a = iol_fdt_index_prop(&v->index, node, "phandle");
	b = iol_fdt_index_prop(&v->index, node, "linux,phandle");
	if (a && b && is_phandle(a) && is_phandle(b) && be32_load(a->value) != be32_load(b->value))
		iol_fdt_flaw(v, node, "linux,phandle",
			     "it differs from phandle (DTSpec-0.4 2.3.3)");
}

/* Properties whose value is the phandle of another node, wherever they are. */
static void check_links(struct iol_fdt_validation *v, unsigned int node)
{
	static const char *const links[] = { "next-level-cache", "phy-handle" };

	for (size_t i = 0; i < IOL_ARRAY_LEN(links); i++) {
		uint32_t phandle;

		if (iol_fdt_get_u32(v, node, links[i], &phandle) &&
		    iol_fdt_index_phandle(&v->index, phandle) < 0)
			iol_fdt_flaw(v, node, links[i], "no node has the phandle 0x%" PRIx32,
				     phandle);
	}
}

void iol_fdt_validate_node(struct iol_fdt_validation *v, unsigned int node)
{
	check_prop_names(v, node);
	check_types(v, node);
	check_links(v, node);
	check_ranges(v, node, "ranges");
	check_ranges(v, node, "dma-ranges");
	if (!node)
		return;
	check_name(v, node);
	check_unit(v, node);
	check_reg(v, node);
}
