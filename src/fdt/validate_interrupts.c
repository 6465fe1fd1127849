// SPDX-License-Identifier: Apache-2.0
/* Interrupts (DTSpec-0.4 2.4). See validate.h. Any thread. */
#include "validate.h"

#include <glib.h>
#include <inttypes.h>
#include <libfdt.h>

#include <iolite/endian.h>

/* Of a node: the root of the domain that its interrupts belong to. */
enum { NONE = -1, UNKNOWN = -2, BEING_FOUND = -3 };

struct interrupts {
	struct iol_fdt_validation *v;
	int *domain; /* by node */
	uint8_t *cells; /* by node: #interrupt-cells, 0: it is no root of a domain */
};

static bool has_prop(const struct interrupts *irq, unsigned int node, const char *prop)
{
	return iol_fdt_index_prop(&irq->v->index, node, prop);
}

/* DTSpec-0.4 2.4.2, 2.4.3: what makes a node the root of a domain. */
static void find_cells(const struct interrupts *irq, unsigned int node)
{
	bool is_root =
		has_prop(irq, node, "interrupt-controller") || has_prop(irq, node, "interrupt-map");
	uint32_t cells;

	if (!is_root)
		return;
	if (!iol_fdt_require(irq->v, node, "#interrupt-cells", "DTSpec-0.4 2.4.2, 2.4.3") ||
	    !iol_fdt_get_u32(irq->v, node, "#interrupt-cells", &cells))
		return;
	if (!cells || cells > INTERRUPT_CELLS_MAX)
		iol_fdt_flaw(irq->v, node, "#interrupt-cells",
			     "%" PRIu32 " cells, 1 to %d are possible", cells, INTERRUPT_CELLS_MAX);
	else
		irq->cells[node] = (uint8_t)cells;
}

/* The node that @phandle, in @node's @prop, means; it must be the root of a domain. NONE is a flaw. */
static int find_root(const struct interrupts *irq, unsigned int node, const char *prop,
		     uint32_t phandle)
{
	int found = iol_fdt_index_phandle(&irq->v->index, phandle);
	char path[IOL_FDT_PATH_TEXT_BYTES];

	if (found < 0) {
		iol_fdt_flaw(irq->v, node, prop, "no node has the phandle 0x%" PRIx32, phandle);
		return NONE;
	}
	if (irq->cells[found])
		return found;
	iol_fdt_flaw(
		irq->v, node, prop,
		"%s is neither a controller nor a nexus with #interrupt-cells (DTSpec-0.4 2.4)",
		iol_fdt_index_text(&irq->v->index, (unsigned int)found, path));
	return NONE;
}

/* DTSpec-0.4 2.4.1.2. */
static void check_parent(const struct interrupts *irq, unsigned int node)
{
	uint32_t phandle;

	if (iol_fdt_get_u32(irq->v, node, "interrupt-parent", &phandle))
		find_root(irq, node, "interrupt-parent", phandle);
}

/* Where @node's interrupts go next: its interrupt-parent, or else the node above it. NONE: nowhere. */
static int next_above(const struct interrupts *irq, unsigned int node)
{
	const struct iol_fdt_prop *prop =
		iol_fdt_index_prop(&irq->v->index, node, "interrupt-parent");

	if (prop)
		return prop->len == 4
			       ? iol_fdt_index_phandle(&irq->v->index, be32_load(prop->value))
			       : NONE;
	return node ? (int)irq->v->index.nodes[node].parent : NONE;
}

/*
 * Finds the domain of @node, and of all nodes on the way to its root: each is visited once, whatever the
 * tree. A way that comes back to itself leads nowhere.
 */
static int find_domain(const struct interrupts *irq, unsigned int node)
{
	int at = (int)node, found = NONE;

	while (irq->domain[at] == UNKNOWN) {
		int above = next_above(irq, (unsigned int)at);

		irq->domain[at] = BEING_FOUND;
		if (above >= 0 && irq->cells[above])
			found = above;
		if (above < 0 || irq->cells[above])
			break;
		at = above;
	}
	if (irq->domain[at] >= 0)
		found = irq->domain[at];
	for (at = (int)node; at >= 0 && irq->domain[at] == BEING_FOUND;
	     at = next_above(irq, (unsigned int)at))
		irq->domain[at] = found;
	return irq->domain[node];
}

/* DTSpec-0.4 2.4.1.1. */
static void check_interrupts(const struct interrupts *irq, unsigned int node)
{
	const struct iol_fdt_prop *prop = iol_fdt_index_prop(&irq->v->index, node, "interrupts");
	char path[IOL_FDT_PATH_TEXT_BYTES];
	unsigned int bytes;
	int domain;

	/* With interrupts-extended it counts for nothing (2.4.1.3). */
	if (!prop || has_prop(irq, node, "interrupts-extended"))
		return;
	domain = find_domain(irq, node);
	if (domain < 0) {
		iol_fdt_flaw(irq->v, node, prop->name,
			     "no interrupt-parent here or above it leads to a controller or nexus "
			     "(DTSpec-0.4 2.4)");
		return;
	}
	bytes = 4U * irq->cells[domain];
	if (!prop->len || prop->len % bytes)
		iol_fdt_flaw(irq->v, node, prop->name,
			     "%" PRIu32
			     " bytes, a multiple of %u is needed: #interrupt-cells of %s is "
			     "%u (DTSpec-0.4 2.4.1.1)",
			     prop->len, bytes,
			     iol_fdt_index_text(&irq->v->index, (unsigned int)domain, path),
			     irq->cells[domain]);
}

/* DTSpec-0.4 2.4.1.3. */
static void check_extended(const struct interrupts *irq, unsigned int node)
{
	const struct iol_fdt_prop *prop =
		iol_fdt_index_prop(&irq->v->index, node, "interrupts-extended");
	uint32_t pos = 0;

	if (!prop)
		return;
	if (!prop->len || prop->len % 4) {
		iol_fdt_flaw(irq->v, node, prop->name, "%" PRIu32 " bytes, cells are needed",
			     prop->len);
		return;
	}
	while (pos < prop->len) {
		int root = find_root(irq, node, prop->name, be32_load(prop->value + pos));

		if (root < 0)
			return;
		pos += 4 + 4U * irq->cells[root];
	}
	if (pos != prop->len)
		iol_fdt_flaw(irq->v, node, prop->name,
			     "its last interrupt is cut short: %" PRIu32 " bytes, %" PRIu32
			     " are needed (DTSpec-0.4 2.4.1.3)",
			     prop->len, pos);
}

/* The bytes of the row of @node's interrupt-map that starts at @pos; 0, which is a flaw: none. */
static uint32_t row_bytes(const struct interrupts *irq, unsigned int node,
			  const struct iol_fdt_prop *map, uint32_t pos)
{
	uint32_t child = 4U * (irq->v->cells[node].address + irq->cells[node]);
	uint32_t bytes;
	int root;

	if (map->len - pos < child + 4) {
		iol_fdt_flaw(irq->v, node, map->name,
			     "its row at byte %" PRIu32 " is cut short (DTSpec-0.4 2.4.3.1)", pos);
		return 0;
	}
	root = find_root(irq, node, map->name, be32_load(map->value + pos + child));
	if (root < 0)
		return 0;
	if (!irq->v->cells[root].has_address) {
		iol_fdt_flaw(irq->v, (unsigned int)root, "#address-cells",
			     "is missing, and an interrupt-map leads here (DTSpec-0.4 2.4.3.1)");
		return 0;
	}
	bytes = child + 4 + 4U * (irq->v->cells[root].address + irq->cells[root]);
	if (map->len - pos >= bytes)
		return bytes;
	iol_fdt_flaw(irq->v, node, map->name,
		     "its row at byte %" PRIu32 " has %" PRIu32 " bytes, %" PRIu32
		     " are needed (DTSpec-0.4 2.4.3.1)",
		     pos, map->len - pos, bytes);
	return 0;
}

/* DTSpec-0.4 2.4.3. */
static void check_map(const struct interrupts *irq, unsigned int node)
{
	const struct iol_fdt_prop *map = iol_fdt_index_prop(&irq->v->index, node, "interrupt-map");
	const struct iol_fdt_prop *mask =
		iol_fdt_index_prop(&irq->v->index, node, "interrupt-map-mask");
	uint32_t bytes = 4U * (irq->v->cells[node].address + irq->cells[node]);
	uint32_t pos = 0, row = 1;

	if (!map || !irq->cells[node])
		return;
	if (!irq->v->cells[node].has_address) {
		iol_fdt_require(irq->v, node, "#address-cells", "DTSpec-0.4 2.4.3.1");
		return;
	}
	if (mask && mask->len != bytes)
		iol_fdt_flaw(irq->v, node, mask->name,
			     "%" PRIu32 " bytes, %" PRIu32
			     " are needed: an address and an interrupt (DTSpec-0.4 2.4.3.2)",
			     mask->len, bytes);
	for (; row && pos < map->len; pos += row)
		row = row_bytes(irq, node, map, pos);
}

/*
 * The interrupt tree has no circles (DTSpec-0.4 2.4). A controller whose interrupts belong to its own
 * domain is its root.
 */
static void check_circles(const struct interrupts *irq)
{
	unsigned int count = irq->v->index.node_count;
	g_autofree unsigned int *seen =
		g_new0(unsigned int, count); /* in the walk from node n - 1 */

	for (unsigned int start = 0; start < count; start++) {
		unsigned int node = start;

		while (!seen[node]) {
			int next = has_prop(irq, node, "interrupts") ? irq->domain[node] : NONE;

			seen[node] = start + 1;
			if (next < 0 || (unsigned int)next == node)
				break;
			node = (unsigned int)next;
			if (seen[node] == start + 1)
				iol_fdt_flaw(irq->v, node, "interrupts",
					     "its interrupts come back to it: they must end at a "
					     "controller that has none (DTSpec-0.4 2.4)");
		}
	}
}

void iol_fdt_validate_interrupts(struct iol_fdt_validation *v)
{
	unsigned int count = v->index.node_count;
	g_autofree int *domain = g_new0(int, count);
	g_autofree uint8_t *cells = g_new0(uint8_t, count);
	const struct interrupts irq = { v, domain, cells };

	for (unsigned int node = 0; node < count; node++) {
		domain[node] = UNKNOWN;
		if (iol_fdt_is_hardware(v, node))
			find_cells(&irq, node);
	}
	for (unsigned int node = 0; node < count; node++) {
		if (!iol_fdt_is_hardware(v, node))
			continue;
		check_parent(&irq, node);
		check_interrupts(&irq, node);
		check_extended(&irq, node);
		check_map(&irq, node);
	}
	check_circles(&irq);
}
