// SPDX-License-Identifier: Apache-2.0
/*
 * The builder of device trees. See include/iolite/fdt.h. Any thread, one at a time.
 *
 * libfdt writes into a buffer that doubles whenever it is full. The root is closed only by
 * iol_fdt_finish(), for the sake of /__symbols__, whose contents are not known before.
 */
#include <iolite/fdt.h>

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <libfdt.h>
#include <stdarg.h>

#include <iolite/endian.h>

#include "names.h"

enum {
	BYTES_AT_FIRST = 4096,
	ADDRESS_CELLS_MAX = 3, /* PCI */
	SIZE_CELLS_MAX = 2,
};

/* A node that is open. */
struct frame {
	size_t path_len; /* of its parent */
	unsigned int address_cells, size_cells; /* for its children */
	bool has_children, has_phandle;
};

/* A label; its phandle is its index plus one. */
struct label {
	char *name; /* owned */
	char *path; /* owned; of the node that has it, NULL: none yet */
};

struct iol_fdt {
	void *buf;
	int bytes;
	GString *path; /* of the open node; "" for the root */
	GArray *frames; /* of struct frame, the root first */
	GArray *labels; /* of struct label */
	bool has_symbols;
	bool is_root_begun, is_root_ended, is_finished;
	char *mistake; /* the first one, NULL: none */
};

static void clear_label(void *data)
{
	struct label *label = data;

	g_free(label->name);
	g_free(label->path);
}

struct iol_fdt *iol_fdt_new(void)
{
	struct iol_fdt *fdt = g_new0(struct iol_fdt, 1);
	int rc;

	fdt->bytes = BYTES_AT_FIRST;
	fdt->buf = g_malloc0((size_t)fdt->bytes);
	fdt->path = g_string_new(NULL);
	fdt->frames = g_array_new(FALSE, TRUE, sizeof(struct frame));
	fdt->labels = g_array_new(FALSE, TRUE, sizeof(struct label));
	g_array_set_clear_func(fdt->labels, clear_label);
	rc = fdt_create_with_flags(fdt->buf, fdt->bytes, 0);
	g_assert(!rc); /* the buffer is large enough for a header */
	return fdt;
}

void iol_fdt_free(struct iol_fdt *fdt)
{
	if (!fdt)
		return;
	g_free(fdt->buf);
	g_string_free(fdt->path, TRUE);
	g_array_free(fdt->frames, TRUE);
	g_array_free(fdt->labels, TRUE);
	g_free(fdt->mistake);
	g_free(fdt);
}

/* Remembers the first mistake, with the open node and @prop (NULL: it is no property's). */
iol_printf(3, 4) static void mistake(struct iol_fdt *fdt, const char *prop, const char *fmt, ...)
{
	g_autofree char *text = NULL;
	const char *node = fdt->path->len ? fdt->path->str : "/";
	va_list args;

	if (fdt->mistake)
		return;
	va_start(args, fmt);
	text = g_strdup_vprintf(fmt, args);
	va_end(args);
	fdt->mistake = prop ? g_strdup_printf("node %s: property '%s': %s", node, prop, text)
			    : g_strdup_printf("node %s: %s", node, text);
}

/* Whether a call of libfdt's that gave @rc is to be made again, now with more room. */
static bool must_retry(struct iol_fdt *fdt, int rc)
{
	void *buf;

	if (rc >= 0)
		return false;
	if (rc != -FDT_ERR_NOSPACE) {
		mistake(fdt, NULL, "%s", fdt_strerror(rc));
		return false;
	}
	if (fdt->bytes >= IOL_FDT_BYTES_MAX) {
		mistake(fdt, NULL, "the tree is larger than %d bytes", IOL_FDT_BYTES_MAX);
		return false;
	}
	buf = g_malloc0((size_t)fdt->bytes * 2);
	rc = fdt_resize(fdt->buf, buf, fdt->bytes * 2);
	g_assert(!rc); /* it is larger */
	g_free(fdt->buf);
	fdt->buf = buf;
	fdt->bytes *= 2;
	return true;
}

/* The open node's; there is one. */
static struct frame *top(struct iol_fdt *fdt)
{
	return &g_array_index(fdt->frames, struct frame, fdt->frames->len - 1);
}

void iol_fdt_reserve(struct iol_fdt *fdt, uint64_t base, uint64_t size_bytes)
{
	if (fdt->mistake)
		return;
	if (fdt->is_root_begun) {
		mistake(fdt, NULL, "memory is reserved before the root begins");
		return;
	}
	/* A size of 0 ends the block (DTSpec-0.4 5.3.2). */
	if (!size_bytes || base + (size_bytes - 1) < base) {
		mistake(fdt, NULL, "reserved memory: 0x%" PRIx64 " bytes at 0x%" PRIx64, size_bytes,
			base);
		return;
	}
	while (must_retry(fdt, fdt_add_reservemap_entry(fdt->buf, base, size_bytes)))
		;
}

static void begin(struct iol_fdt *fdt, const char *name)
{
	struct frame frame = {
		.path_len = fdt->path->len,
		/* DTSpec-0.4 2.3.5: what holds when nothing is said. */
		.address_cells = 2,
		.size_cells = 1,
	};

	while (must_retry(fdt, fdt_begin_node(fdt->buf, name)))
		;
	if (fdt->frames->len) {
		top(fdt)->has_children = true;
		g_string_append_printf(fdt->path, "/%s", name);
	}
	g_array_append_val(fdt->frames, frame);
}

static void begin_root(struct iol_fdt *fdt, const char *name)
{
	if (strcmp(name, "/")) {
		mistake(fdt, NULL, "the first node is the root, \"/\", not '%s'", name);
		return;
	}
	while (must_retry(fdt, fdt_finish_reservemap(fdt->buf)))
		;
	fdt->is_root_begun = true;
	begin(fdt, "");
}

void iol_fdt_begin(struct iol_fdt *fdt, const char *name_fmt, ...)
{
	g_autofree char *name = NULL;
	va_list args;

	if (fdt->mistake)
		return;
	va_start(args, name_fmt);
	name = g_strdup_vprintf(name_fmt, args);
	va_end(args);
	if (!fdt->is_root_begun)
		begin_root(fdt, name);
	else if (!fdt->frames->len || fdt->is_root_ended)
		mistake(fdt, NULL, "'%s' begins behind the end of the root", name);
	else if (!is_node_name(name))
		mistake(fdt, NULL,
			"'%s' is no name of a node (1 to %d characters, then @ and an address)",
			name, NAME_CHARS_MAX);
	else if (fdt->frames->len >= IOL_FDT_DEPTH_MAX)
		mistake(fdt, NULL, "'%s' is deeper than %d levels", name, IOL_FDT_DEPTH_MAX);
	else
		begin(fdt, name);
}

static void end(struct iol_fdt *fdt)
{
	while (must_retry(fdt, fdt_end_node(fdt->buf)))
		;
	g_string_truncate(fdt->path, top(fdt)->path_len);
	g_array_set_size(fdt->frames, fdt->frames->len - 1);
}

void iol_fdt_end(struct iol_fdt *fdt)
{
	if (fdt->mistake)
		return;
	if (!fdt->frames->len || fdt->is_root_ended)
		mistake(fdt, NULL, "an end without a begin");
	else if (fdt->frames->len == 1)
		fdt->is_root_ended = true;
	else
		end(fdt);
}

/* Whether a property @prop of @len bytes may be written here. */
static bool may_write(struct iol_fdt *fdt, const char *prop, size_t len)
{
	if (fdt->mistake)
		return false;
	if (!fdt->frames->len || fdt->is_root_ended)
		mistake(fdt, prop, "there is no open node");
	else if (top(fdt)->has_children)
		mistake(fdt, prop, "comes behind a child of its node");
	else if (!is_prop_name(prop))
		mistake(fdt, prop, "is no name of a property (1 to %d characters)", NAME_CHARS_MAX);
	else if (len > IOL_FDT_BYTES_MAX)
		mistake(fdt, prop, "%zu bytes, at most %d are possible", len, IOL_FDT_BYTES_MAX);
	return !fdt->mistake;
}

void iol_fdt_bytes(struct iol_fdt *fdt, const char *prop, const void *bytes, size_t len)
{
	if (!may_write(fdt, prop, len))
		return;
	while (must_retry(fdt, fdt_property(fdt->buf, prop, len ? bytes : "", (int)len)))
		;
}

void iol_fdt_empty(struct iol_fdt *fdt, const char *prop)
{
	iol_fdt_bytes(fdt, prop, NULL, 0);
}

void iol_fdt_string(struct iol_fdt *fdt, const char *prop, const char *text)
{
	iol_fdt_bytes(fdt, prop, text, strlen(text) + 1);
}

void iol_fdt_strings(struct iol_fdt *fdt, const char *prop, ...)
{
	g_autoptr(GByteArray) list = g_byte_array_new();
	const char *text;
	va_list args;

	va_start(args, prop);
	while ((text = va_arg(args, const char *)))
		g_byte_array_append(list, (const uint8_t *)text, (guint)strlen(text) + 1);
	va_end(args);
	iol_fdt_bytes(fdt, prop, list->data, list->len);
}

void iol_fdt_u32(struct iol_fdt *fdt, const char *prop, uint32_t value)
{
	iol_fdt_u32s(fdt, prop, &value, 1);
}

void iol_fdt_u64(struct iol_fdt *fdt, const char *prop, uint64_t value)
{
	be64 cells = be64_of(value);

	iol_fdt_bytes(fdt, prop, &cells, sizeof(cells));
}

static void add_cell(GByteArray *cells, uint32_t value)
{
	be32 cell = be32_of(value);

	g_byte_array_append(cells, (const uint8_t *)&cell, sizeof(cell));
}

void iol_fdt_u32s(struct iol_fdt *fdt, const char *prop, const uint32_t *values, size_t count)
{
	g_autoptr(GByteArray) cells = g_byte_array_new();

	if (!may_write(fdt, prop, count * sizeof(*values)))
		return;
	for (size_t i = 0; i < count; i++)
		add_cell(cells, values[i]);
	iol_fdt_bytes(fdt, prop, cells->data, cells->len);
}

void iol_fdt_cells(struct iol_fdt *fdt, unsigned int address, unsigned int size)
{
	if (!may_write(fdt, "#address-cells", sizeof(uint32_t)))
		return;
	if (address > ADDRESS_CELLS_MAX || size > SIZE_CELLS_MAX) {
		mistake(fdt, NULL, "%u address and %u size cells, at most %d and %d are possible",
			address, size, ADDRESS_CELLS_MAX, SIZE_CELLS_MAX);
		return;
	}
	top(fdt)->address_cells = address;
	top(fdt)->size_cells = size;
	iol_fdt_u32(fdt, "#address-cells", address);
	iol_fdt_u32(fdt, "#size-cells", size);
}

/* Adds @value in @count cells; false when it does not fit them. */
static bool add_number(GByteArray *cells, uint64_t value, unsigned int count)
{
	if (count < 2 && value >> 32 * count)
		return false;
	if (count == 2)
		add_cell(cells, (uint32_t)(value >> 32));
	if (count)
		add_cell(cells, (uint32_t)value);
	return true;
}

void iol_fdt_reg(struct iol_fdt *fdt, const struct iol_fdt_range *ranges, size_t count)
{
	g_autoptr(GByteArray) cells = g_byte_array_new();
	const struct frame *parent;

	if (!may_write(fdt, "reg", count * sizeof(*ranges)))
		return;
	if (fdt->frames->len < 2) {
		mistake(fdt, "reg", "the root has no parent to say its cells");
		return;
	}
	parent = top(fdt) - 1;
	if (!count || !parent->address_cells || parent->address_cells > 2) {
		mistake(fdt, "reg", "%zu ranges in %u address cells", count, parent->address_cells);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (add_number(cells, ranges[i].base, parent->address_cells) &&
		    add_number(cells, ranges[i].size_bytes, parent->size_cells))
			continue;
		mistake(fdt, "reg",
			"0x%" PRIx64 " with 0x%" PRIx64 " bytes does not fit %u+%u cells",
			ranges[i].base, ranges[i].size_bytes, parent->address_cells,
			parent->size_cells);
		return;
	}
	iol_fdt_bytes(fdt, "reg", cells->data, cells->len);
}

/* The phandle of the label @name. */
static uint32_t find_label(struct iol_fdt *fdt, const char *name)
{
	struct label label = { 0 };

	for (unsigned int i = 0; i < fdt->labels->len; i++)
		if (!strcmp(g_array_index(fdt->labels, struct label, i).name, name))
			return i + 1;
	if (!is_label(name))
		mistake(fdt, NULL, "'%s' is no label (1 to %d letters, digits and _)", name,
			NAME_CHARS_MAX);
	label.name = g_strdup(name);
	g_array_append_val(fdt->labels, label);
	return fdt->labels->len;
}

uint32_t iol_fdt_phandle(struct iol_fdt *fdt, const char *label)
{
	return find_label(fdt, label);
}

void iol_fdt_label(struct iol_fdt *fdt, const char *label)
{
	uint32_t phandle = find_label(fdt, label);
	struct label *l = &g_array_index(fdt->labels, struct label, phandle - 1);

	if (!may_write(fdt, "phandle", sizeof(phandle)))
		return;
	if (l->path) {
		mistake(fdt, NULL, "the label '%s' is given already, to %s", label, l->path);
		return;
	}
	if (top(fdt)->has_phandle) {
		mistake(fdt, NULL, "the label '%s' is the second one of its node", label);
		return;
	}
	top(fdt)->has_phandle = true;
	l->path = g_strdup(fdt->path->len ? fdt->path->str : "/");
	iol_fdt_u32(fdt, "phandle", phandle);
}

const char *iol_fdt_path_of(const struct iol_fdt *fdt, const char *label)
{
	for (unsigned int i = 0; i < fdt->labels->len; i++) {
		const struct label *l = &g_array_index(fdt->labels, struct label, i);

		if (!strcmp(l->name, label))
			return l->path;
	}
	return NULL;
}

void iol_fdt_symbols(struct iol_fdt *fdt)
{
	fdt->has_symbols = true;
}

/* Ends the root, with the labels as /__symbols__ (DTSpec-0.4 has none; dtc's -@ makes the same). */
static void end_root(struct iol_fdt *fdt)
{
	const struct label *labels = (const struct label *)(void *)fdt->labels->data;

	if (!fdt->is_root_ended)
		mistake(fdt, NULL, "%s", fdt->is_root_begun ? "is not ended" : "was never begun");
	for (unsigned int i = 0; i < fdt->labels->len && !fdt->mistake; i++) {
		if (labels[i].path)
			continue;
		mistake(fdt, NULL, "the label '%s' is given to no node", labels[i].name);
		return;
	}
	if (fdt->mistake)
		return;
	fdt->is_root_ended = false;
	if (fdt->has_symbols && fdt->labels->len) {
		begin(fdt, "__symbols__");
		for (unsigned int i = 0; i < fdt->labels->len; i++)
			iol_fdt_string(fdt, labels[i].name, labels[i].path);
		end(fdt);
	}
	if (!fdt->mistake)
		end(fdt);
}

int iol_fdt_finish(struct iol_fdt *fdt, struct iol_fdt_blob *blob, struct iol_error *err)
{
	*blob = (struct iol_fdt_blob){ 0 };
	if (fdt->is_finished)
		mistake(fdt, NULL, "the tree is finished already");
	else
		end_root(fdt);
	if (!fdt->mistake)
		while (must_retry(fdt, fdt_finish(fdt->buf)))
			;
	if (fdt->mistake)
		return iol_error_set(err, -EINVAL, "device tree: %s", fdt->mistake);
	fdt->is_finished = true;
	blob->bytes = fdt_totalsize(fdt->buf);
	blob->data = g_memdup2(fdt->buf, blob->bytes);
	return 0;
}
