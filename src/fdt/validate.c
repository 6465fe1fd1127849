// SPDX-License-Identifier: Apache-2.0
/*
 * Whether a tree keeps to DTSpec-0.4. See include/iolite/fdt.h. Any thread.
 *
 * Every check reads the index, in O(log n) a look-up, and none changes anything. A flaw does not end
 * the validation, and what follows from it is not told again: a number that cannot be used counts as absent.
 */
#include "validate.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <libfdt.h>

#include <iolite/endian.h>

void iol_fdt_flaw(struct iol_fdt_validation *v, unsigned int node, const char *prop,
		  const char *fmt, ...)
{
	char path[IOL_FDT_PATH_TEXT_BYTES];
	g_autoptr(GString) text = g_string_new(NULL);
	struct iol_error printable;
	va_list args;

	g_string_printf(text, "node %s: ", iol_fdt_index_text(&v->index, node, path));
	if (prop)
		g_string_append_printf(text, "property '%.64s': ", prop);
	va_start(args, fmt);
	g_string_append_vprintf(text, fmt, args);
	va_end(args);
	iol_error_set(&printable, -EINVAL, "%s", text->str);
	if (!v->flaws++)
		iol_error_set(v->err, -EINVAL, "device tree: %s", text->str);
	if (v->report)
		v->report(v->data, printable.msg);
}

bool iol_fdt_is_hardware(const struct iol_fdt_validation *v, unsigned int node)
{
	for (; node; node = v->index.nodes[node].parent)
		if (g_str_has_prefix(v->index.nodes[node].name, "__"))
			return false;
	return true;
}

const struct iol_fdt_prop *iol_fdt_require(struct iol_fdt_validation *v, unsigned int node,
					   const char *prop, const char *section)
{
	const struct iol_fdt_prop *found = iol_fdt_index_prop(&v->index, node, prop);

	if (!found)
		iol_fdt_flaw(v, node, prop, "is missing (%s)", section);
	return found;
}

bool iol_fdt_get_u32(struct iol_fdt_validation *v, unsigned int node, const char *prop,
		     uint32_t *value)
{
	const struct iol_fdt_prop *found = iol_fdt_index_prop(&v->index, node, prop);

	if (!found)
		return false;
	if (found->len != sizeof(*value)) {
		iol_fdt_flaw(v, node, prop, "%" PRIu32 " bytes, one cell is needed", found->len);
		return false;
	}
	*value = be32_load(found->value);
	return true;
}

bool iol_fdt_says(const struct iol_fdt_validation *v, unsigned int node, const char *prop,
		  const char *text)
{
	const struct iol_fdt_prop *found = iol_fdt_index_prop(&v->index, node, prop);

	return found && iol_fdt_is_string_list(found->value, found->len) &&
	       fdt_stringlist_contains((const char *)found->value, (int)found->len, text);
}

/* DTSpec-0.4 2.3.3. */
static void check_phandles(struct iol_fdt_validation *v)
{
	const struct iol_fdt_phandle *phandles = v->index.phandles;
	char path[IOL_FDT_PATH_TEXT_BYTES];

	for (unsigned int i = 1; i < v->index.phandle_count; i++)
		if (phandles[i].value == phandles[i - 1].value)
			iol_fdt_flaw(
				v, phandles[i].node, "phandle",
				"0x%" PRIx32
				" is the phandle of %s, too: each is unique (DTSpec-0.4 2.3.3)",
				phandles[i].value,
				iol_fdt_index_text(&v->index, phandles[i - 1].node, path));
}

struct reserved {
	uint64_t base, last;
};

static int compare_reserved(const void *a, const void *b)
{
	const struct reserved *x = a, *y = b;

	return x->base < y->base ? -1 : x->base > y->base;
}

/* DTSpec-0.4 5.3.2. */
static void check_reserved(struct iol_fdt_validation *v)
{
	g_autoptr(GArray) ranges = g_array_new(FALSE, FALSE, sizeof(struct reserved));
	int count = fdt_num_mem_rsv(v->fdt);

	for (int i = 0; i < count; i++) {
		struct reserved range;
		uint64_t bytes = 0;

		fdt_get_mem_rsv(v->fdt, i, &range.base, &bytes);
		range.last = range.base + (bytes - 1);
		if (range.last >= range.base) {
			g_array_append_val(ranges, range);
			continue;
		}
		iol_fdt_flaw(v, 0, NULL,
			     "/memreserve/ 0x%" PRIx64 " 0x%" PRIx64
			     " is beyond the end of the address space",
			     range.base, bytes);
	}
	g_array_sort(ranges, compare_reserved);
	for (unsigned int i = 1; i < ranges->len; i++) {
		const struct reserved *before = &g_array_index(ranges, struct reserved, i - 1);
		const struct reserved *range = &g_array_index(ranges, struct reserved, i);

		if (range->base <= before->last)
			iol_fdt_flaw(v, 0, NULL,
				     "/memreserve/ at 0x%" PRIx64 " overlaps that at 0x%" PRIx64
				     " (DTSpec-0.4 5.3.2)",
				     range->base, before->base);
	}
}

int iol_fdt_validate(const struct iol_fdt_blob *blob, void (*report)(void *data, const char *text),
		     void *data, struct iol_error *err)
{
	struct iol_fdt_validation v = {
		.fdt = blob->data,
		.report = report,
		.data = data,
		.err = err,
	};
	int rc;

	rc = iol_fdt_index_init(&v.index, blob, err);
	if (rc)
		return iol_error_prefix(err, "device tree");
	v.cells = g_new0(struct iol_fdt_cells, v.index.node_count);
	iol_fdt_validate_cells(&v);
	iol_fdt_validate_machine(&v);
	check_phandles(&v);
	for (unsigned int node = 0; node < v.index.node_count; node++) {
		if (!iol_fdt_is_hardware(&v, node))
			continue;
		iol_fdt_validate_node(&v, node);
		iol_fdt_validate_bindings(&v, node);
	}
	iol_fdt_validate_interrupts(&v);
	check_reserved(&v);
	iol_fdt_index_finish(&v.index);
	g_free(v.cells);
	return v.flaws ? -EINVAL : 0;
}
