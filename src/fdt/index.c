// SPDX-License-Identifier: Apache-2.0
/*
 * The index of a device tree. See index.h. (DTSpec-0.4 5.) Any thread.
 *
 * The tree is hostile. libfdt is not asked before this walk is done: some of its versions trust
 * lengths and alignments. Work is O(n log n): what is looked up is sorted, never hashed, so that no
 * choice of names makes it slow.
 */
#include "index.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <libfdt.h>

#include <iolite/endian.h>

#include "names.h"

enum { VERSION = 17, HEADER_BYTES = sizeof(struct fdt_header), RESERVE_BYTES = 16 };

/* A block of the tree. */
struct block {
	const char *name;
	uint32_t offset, bytes;
};

/* State of the walk over the structure block. */
struct walk {
	const uint8_t *fdt;
	struct block structure, strings;
	uint32_t pos; /* in the structure block */
	unsigned int open[IOL_FDT_DEPTH_MAX]; /* the open nodes */
	unsigned int depth;
	unsigned int items; /* with those that were deleted: FDT_NOP */
	GArray *nodes, *props;
	struct iol_error *err;
};

static uint32_t field(const uint8_t *fdt, size_t offset)
{
	return be32_load(fdt + offset);
}

#define FIELD(fdt, name) field((fdt), offsetof(struct fdt_header, name))

static int check_size(const struct iol_fdt_blob *blob, struct iol_error *err)
{
	const uint8_t *fdt = blob->data;
	uint32_t total;

	if (blob->bytes < HEADER_BYTES)
		return iol_error_set(err, -EINVAL,
				     "%zu bytes are no device tree blob: its header alone has %d",
				     blob->bytes, HEADER_BYTES);
	if (FIELD(fdt, magic) != FDT_MAGIC)
		return iol_error_set(err, -EINVAL,
				     "no device tree blob: the first bytes are %08" PRIx32
				     ", not %08x (DTS source is compiled with dtc first)",
				     FIELD(fdt, magic), FDT_MAGIC);
	total = FIELD(fdt, totalsize);
	if (total > IOL_FDT_BYTES_MAX)
		return iol_error_set(err, -EINVAL,
				     "totalsize is %" PRIu32 " bytes, at most %d are possible",
				     total, IOL_FDT_BYTES_MAX);
	if (total > blob->bytes)
		return iol_error_set(err, -EINVAL,
				     "cut short: totalsize is %" PRIu32 " bytes, %zu are there",
				     total, blob->bytes);
	if (total < HEADER_BYTES)
		return iol_error_set(err, -EINVAL,
				     "totalsize is %" PRIu32 " bytes, the header alone has %d",
				     total, HEADER_BYTES);
	/* DTSpec-0.4 5.1. Older versions have not been written since 2007. */
	if (FIELD(fdt, version) < VERSION || FIELD(fdt, last_comp_version) > VERSION)
		return iol_error_set(err, -EINVAL,
				     "version is %" PRIu32 ", compatible with %" PRIu32
				     ": version %d is needed; compile it anew (dtc)",
				     FIELD(fdt, version), FIELD(fdt, last_comp_version), VERSION);
	return 0;
}

static int check_block(const struct block *block, uint32_t total, unsigned int align,
		       struct iol_error *err)
{
	if (block->offset < HEADER_BYTES || block->offset > total ||
	    block->bytes > total - block->offset)
		return iol_error_set(err, -EINVAL,
				     "the %s block, 0x%" PRIx32 " bytes at 0x%" PRIx32
				     ", does not lie between header and end (0x%" PRIx32 ")",
				     block->name, block->bytes, block->offset, total);
	if (block->offset % align)
		return iol_error_set(err, -EINVAL,
				     "the %s block is at 0x%" PRIx32 ", a multiple of %u is needed",
				     block->name, block->offset, align);
	return 0;
}

static bool are_apart(const struct block *a, const struct block *b)
{
	return a->offset >= b->offset + b->bytes || b->offset >= a->offset + a->bytes;
}

/* The length of the reservation block, which only its end mark says. */
static int measure_reserved(const uint8_t *fdt, uint32_t total, struct block *block,
			    struct iol_error *err)
{
	int rc;

	block->offset = FIELD(fdt, off_mem_rsvmap);
	rc = check_block(block, total, 8, err);
	if (rc)
		return rc;
	while (total - block->offset - block->bytes >= RESERVE_BYTES) {
		const uint8_t *entry = fdt + block->offset + block->bytes;

		block->bytes += RESERVE_BYTES;
		if (!be64_load(entry + 8))
			return 0;
	}
	return iol_error_set(err, -EINVAL,
			     "the memory reservation block at 0x%" PRIx32 " has no end",
			     block->offset);
}

static int check_blocks(struct walk *w)
{
	uint32_t total = FIELD(w->fdt, totalsize);
	struct block reserved = { .name = "memory reservation" };
	int rc;

	rc = measure_reserved(w->fdt, total, &reserved, w->err);
	if (!rc)
		rc = check_block(&w->structure, total, 4, w->err);
	if (!rc)
		rc = check_block(&w->strings, total, 1, w->err);
	if (rc)
		return rc;
	if (!are_apart(&reserved, &w->structure) || !are_apart(&reserved, &w->strings) ||
	    !are_apart(&w->structure, &w->strings))
		return iol_error_set(w->err, -EINVAL,
				     "its blocks overlap (off_mem_rsvmap 0x%" PRIx32
				     ", off_dt_struct 0x%" PRIx32 ", off_dt_strings 0x%" PRIx32 ")",
				     reserved.offset, w->structure.offset, w->strings.offset);
	if (w->strings.bytes > IOL_FDT_STRINGS_MAX)
		return iol_error_set(w->err, -EINVAL,
				     "size_dt_strings is %" PRIu32
				     " bytes, at most %d are possible",
				     w->strings.bytes, IOL_FDT_STRINGS_MAX);
	return 0;
}

static struct iol_fdt_node *node_at(const struct walk *w, unsigned int idx)
{
	return &g_array_index(w->nodes, struct iol_fdt_node, idx);
}

/* The path of the innermost open node, for messages. */
static const char *place(const struct walk *w, char text[IOL_FDT_PATH_TEXT_BYTES])
{
	const struct iol_fdt_index index = {
		.nodes = (struct iol_fdt_node *)(void *)w->nodes->data,
	};

	return iol_fdt_index_text(&index, w->depth ? w->open[w->depth - 1] : 0, text);
}

iol_printf(2, 3) static int damaged(struct walk *w, const char *fmt, ...)
{
	char path[IOL_FDT_PATH_TEXT_BYTES] = "/";
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, fmt);
	text = g_strdup_vprintf(fmt, args);
	va_end(args);
	if (w->nodes->len)
		place(w, path);
	return iol_error_set(w->err, -EINVAL, "structure block at 0x%" PRIx32 ", node %s: %s",
			     w->pos, path, text);
}

static int count_item(struct walk *w)
{
	if (++w->items <= IOL_FDT_ITEMS_MAX)
		return 0;
	return damaged(w, "more than %d nodes and properties", IOL_FDT_ITEMS_MAX);
}

/* What is left of the structure block. */
static uint32_t bytes_left(const struct walk *w)
{
	return w->structure.bytes - w->pos;
}

/* The length of a name that starts at @name, with @left bytes up to the end of its block. */
static int name_length(struct walk *w, const char *what, const char *name, uint32_t left,
		       size_t *len)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789,._+*#?@-";
	size_t limit = MIN((size_t)left, (size_t)NAME_BYTES_MAX + 1);

	*len = strnlen(name, limit);
	if (*len == limit)
		return damaged(w, "the name of a %s does not end within %d bytes, or its block",
			       what, NAME_BYTES_MAX);
	if (!only_has(name, *len, chars))
		return damaged(w,
			       "'%.64s' cannot be the name of a %s: letters, digits and "
			       ",._+*#?@- can",
			       name, what);
	return 0;
}

static int begin_node(struct walk *w)
{
	struct iol_fdt_node node = {
		.offset = (int)w->pos,
		.depth = w->depth + 1,
		.first_prop = w->props->len,
	};
	uint32_t next = w->pos + FDT_TAGSIZE;
	size_t len;
	int rc;

	node.name = (const char *)w->fdt + w->structure.offset + next;
	rc = name_length(w, "node", node.name, w->structure.bytes - next, &len);
	if (rc)
		return rc;
	if (!w->depth && len)
		return damaged(w, "the root is called '%.64s', it has no name", node.name);
	if (w->depth && !len)
		return damaged(w, "a child without a name");
	if (w->depth >= IOL_FDT_DEPTH_MAX)
		return damaged(w, "'%.64s' is deeper than %d levels", node.name, IOL_FDT_DEPTH_MAX);
	if (w->depth)
		node.parent = w->open[w->depth - 1];
	w->open[w->depth++] = w->nodes->len;
	g_array_append_val(w->nodes, node);
	w->pos = next + (uint32_t)IOL_ALIGN_UP(len + 1, FDT_TAGSIZE);
	return 0;
}

static void end_node(struct walk *w)
{
	node_at(w, w->open[--w->depth])->end = w->nodes->len;
	w->pos += FDT_TAGSIZE;
}

static int add_prop(struct walk *w)
{
	const uint8_t *token = w->fdt + w->structure.offset + w->pos;
	struct iol_fdt_prop prop = { 0 };
	struct iol_fdt_node *node;
	uint32_t name;
	size_t len;
	int rc;

	prop.node = w->open[w->depth - 1];
	node = node_at(w, prop.node);
	if (bytes_left(w) < sizeof(struct fdt_property))
		return damaged(w, "a property is cut short");
	name = be32_load(token + offsetof(struct fdt_property, nameoff));
	if (name >= w->strings.bytes)
		return damaged(w,
			       "the name of a property is at 0x%" PRIx32
			       ", the strings block has 0x%" PRIx32 " bytes",
			       name, w->strings.bytes);
	prop.name = (const char *)w->fdt + w->strings.offset + name;
	rc = name_length(w, "property", prop.name, w->strings.bytes - name, &len);
	if (rc)
		return rc;
	if (!len)
		return damaged(w, "a property without a name");
	if (w->nodes->len - 1 != prop.node)
		return damaged(w, "property '%.64s' comes behind a child of its node", prop.name);
	prop.len = be32_load(token + offsetof(struct fdt_property, len));
	if (prop.len > bytes_left(w) - sizeof(struct fdt_property))
		return damaged(w,
			       "property '%.64s' has 0x%" PRIx32
			       " bytes, which is beyond the end of the block",
			       prop.name, prop.len);
	prop.value = token + sizeof(struct fdt_property);
	node->prop_count++;
	g_array_append_val(w->props, prop);
	w->pos += (uint32_t)(sizeof(struct fdt_property) + IOL_ALIGN_UP(prop.len, FDT_TAGSIZE));
	return 0;
}

static int end_tree(struct walk *w)
{
	if (w->depth)
		return damaged(w, "the tree ends inside a node");
	w->pos += FDT_TAGSIZE;
	if (bytes_left(w))
		return damaged(w, "0x%" PRIx32 " bytes behind the end of the tree", bytes_left(w));
	return 0;
}

static int walk_structure(struct walk *w)
{
	uint32_t token;
	int rc = 0;

	while (!rc) {
		/* Values and names are padded to whole tokens, which may be beyond the end. */
		if (w->pos > w->structure.bytes || bytes_left(w) < FDT_TAGSIZE)
			return damaged(w, "the block ends without FDT_END");
		token = be32_load(w->fdt + w->structure.offset + w->pos);
		/* The format has room for FDT_NOP here, but to libfdt and dtc the root is at 0. */
		if (!w->nodes->len && token != FDT_BEGIN_NODE)
			return damaged(w, "the tree does not start with its root");
		if (token == FDT_END)
			return end_tree(w);
		if (w->nodes->len && !w->depth)
			return damaged(w, "token 0x%" PRIx32 " behind the end of the root", token);
		if (token == FDT_END_NODE) {
			end_node(w);
			continue;
		}
		rc = count_item(w);
		if (rc)
			return rc;
		if (token == FDT_BEGIN_NODE)
			rc = begin_node(w);
		else if (token == FDT_PROP)
			rc = add_prop(w);
		else if (token == FDT_NOP)
			w->pos += FDT_TAGSIZE;
		else
			rc = damaged(w, "0x%" PRIx32 " is no token", token);
	}
	return rc;
}

/* Compares (@owner, @name) with (@other_owner, @other). */
static int compare(unsigned int owner, const char *name, unsigned int other_owner,
		   const char *other)
{
	if (owner != other_owner)
		return owner < other_owner ? -1 : 1;
	return strcmp(name, other);
}

static int compare_nodes(const void *a, const void *b, void *data)
{
	const struct iol_fdt_node *nodes = data;
	const struct iol_fdt_node *x = &nodes[*(const unsigned int *)a];
	const struct iol_fdt_node *y = &nodes[*(const unsigned int *)b];

	return compare(x->parent, x->name, y->parent, y->name);
}

static int compare_props(const void *a, const void *b, void *data)
{
	const struct iol_fdt_prop *props = data;
	const struct iol_fdt_prop *x = &props[*(const unsigned int *)a];
	const struct iol_fdt_prop *y = &props[*(const unsigned int *)b];

	return compare(x->node, x->name, y->node, y->name);
}

/* The numbers from 0 to @count, in the order of @compare_items. */
static unsigned int *sort(void *items, unsigned int count, GCompareDataFunc compare_items)
{
	unsigned int *order = g_new(unsigned int, MAX(count, 1));

	for (unsigned int i = 0; i < count; i++)
		order[i] = i;
	g_qsort_with_data(order, (gint)count, sizeof(*order), compare_items, items);
	return order;
}

static int check_unique(const struct iol_fdt_index *index, struct iol_error *err)
{
	char path[IOL_FDT_PATH_TEXT_BYTES];

	for (unsigned int i = 1; i < index->node_count; i++) {
		const struct iol_fdt_node *node = &index->nodes[index->nodes_by_name[i]];

		/* The root sorts first, as a child of itself, and is like no child of its: nameless. */
		if (!compare_nodes(&index->nodes_by_name[i - 1], &index->nodes_by_name[i],
				   index->nodes))
			return iol_error_set(err, -EINVAL,
					     "node %s: two children are called '%.64s'",
					     iol_fdt_index_text(index, node->parent, path),
					     node->name);
	}
	for (unsigned int i = 1; i < index->prop_count; i++) {
		const struct iol_fdt_prop *prop = &index->props[index->props_by_name[i]];

		if (!compare_props(&index->props_by_name[i - 1], &index->props_by_name[i],
				   index->props))
			return iol_error_set(err, -EINVAL,
					     "node %s: property '%.64s' is there twice",
					     iol_fdt_index_text(index, prop->node, path),
					     prop->name);
	}
	return 0;
}

static int compare_phandles(const void *a, const void *b)
{
	const struct iol_fdt_phandle *x = a, *y = b;

	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	return x->node < y->node ? -1 : x->node > y->node;
}

static void collect_phandles(struct iol_fdt_index *index)
{
	index->phandles = g_new(struct iol_fdt_phandle, index->node_count);
	for (unsigned int i = 0; i < index->node_count; i++) {
		uint32_t value = iol_fdt_index_phandle_of(index, i);

		if (value)
			index->phandles[index->phandle_count++] =
				(struct iol_fdt_phandle){ value, i };
	}
	qsort(index->phandles, index->phandle_count, sizeof(*index->phandles), compare_phandles);
}

int iol_fdt_index_init(struct iol_fdt_index *index, const struct iol_fdt_blob *blob,
		       struct iol_error *err)
{
	struct walk w = { .fdt = blob->data, .err = err };
	int rc;

	*index = (struct iol_fdt_index){ 0 };
	rc = check_size(blob, err);
	if (rc)
		return rc;
	w.structure = (struct block){ "structure", FIELD(w.fdt, off_dt_struct),
				      FIELD(w.fdt, size_dt_struct) };
	w.strings = (struct block){ "strings", FIELD(w.fdt, off_dt_strings),
				    FIELD(w.fdt, size_dt_strings) };
	rc = check_blocks(&w);
	if (rc)
		return rc;

	w.nodes = g_array_new(FALSE, FALSE, sizeof(struct iol_fdt_node));
	w.props = g_array_new(FALSE, FALSE, sizeof(struct iol_fdt_prop));
	rc = walk_structure(&w);
	index->node_count = w.nodes->len;
	index->prop_count = w.props->len;
	index->nodes = (struct iol_fdt_node *)(void *)g_array_free(w.nodes, FALSE);
	index->props = (struct iol_fdt_prop *)(void *)g_array_free(w.props, FALSE);
	if (!rc) {
		index->nodes_by_name = sort(index->nodes, index->node_count, compare_nodes);
		index->props_by_name = sort(index->props, index->prop_count, compare_props);
		rc = check_unique(index, err);
	}
	if (!rc)
		collect_phandles(index);
	else
		iol_fdt_index_finish(index);
	return rc;
}

void iol_fdt_index_finish(struct iol_fdt_index *index)
{
	g_free(index->nodes);
	g_free(index->props);
	g_free(index->nodes_by_name);
	g_free(index->props_by_name);
	g_free(index->phandles);
	*index = (struct iol_fdt_index){ 0 };
}

/* The first place in nodes_by_name that is not before (@parent, @name). */
static unsigned int first_node(const struct iol_fdt_index *index, unsigned int parent,
			       const char *name)
{
	unsigned int low = 0, high = index->node_count;

	while (low < high) {
		unsigned int mid = low + (high - low) / 2;
		const struct iol_fdt_node *node = &index->nodes[index->nodes_by_name[mid]];

		if (compare(node->parent, node->name, parent, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

int iol_fdt_index_child(const struct iol_fdt_index *index, unsigned int node, const char *name,
			size_t len)
{
	char wanted[NAME_BYTES_MAX + 2]; /* with an '@' behind it */
	const struct iol_fdt_node *child;
	unsigned int at;
	int found = -1;

	if (!len || len > NAME_BYTES_MAX)
		return -1;
	memcpy(wanted, name, len);
	wanted[len] = '\0';
	at = first_node(index, node, wanted);
	if (at < index->node_count) {
		child = &index->nodes[index->nodes_by_name[at]];
		if (!compare(child->parent, child->name, node, wanted))
			found = (int)index->nodes_by_name[at];
	}
	if (memchr(name, '@', len))
		return found;
	memcpy(wanted + len, "@", 2);
	for (at = first_node(index, node, wanted); at < index->node_count; at++) {
		unsigned int idx = index->nodes_by_name[at];

		child = &index->nodes[idx];
		if (child->parent != node || strncmp(child->name, wanted, len + 1))
			break;
		if (found < 0 || (int)idx < found)
			found = (int)idx;
	}
	return found;
}

int iol_fdt_index_path(const struct iol_fdt_index *index, const char *path, size_t len)
{
	const char *end = path + len;
	int node = 0;

	if (!len || *path != '/')
		return -1;
	while (node >= 0) {
		const char *next;

		while (path < end && *path == '/')
			path++;
		if (path == end)
			return node;
		next = memchr(path, '/', (size_t)(end - path));
		if (!next)
			next = end;
		node = iol_fdt_index_child(index, (unsigned int)node, path, (size_t)(next - path));
		path = next;
	}
	return node;
}

int iol_fdt_index_alias_path(const struct iol_fdt_index *index, const char *path, size_t len)
{
	g_autofree char *name = NULL, *whole = NULL;
	const struct iol_fdt_prop *prop;
	const char *rest;
	int aliases;

	if (len && *path == '/')
		return iol_fdt_index_path(index, path, len);
	aliases = iol_fdt_index_child(index, 0, "aliases", strlen("aliases"));
	if (aliases < 0)
		return -1;
	rest = memchr(path, '/', len);
	name = g_strndup(path, rest ? (size_t)(rest - path) : len);
	prop = iol_fdt_index_prop(index, (unsigned int)aliases, name);
	if (!prop || !iol_fdt_is_string(prop->value, prop->len))
		return -1;
	/* An alias that is no absolute path is none: nothing is followed further. */
	whole = g_strdup_printf("%s%.*s", (const char *)prop->value,
				rest ? (int)(path + len - rest) : 0, rest ? rest : "");
	return iol_fdt_index_path(index, whole, strlen(whole));
}

const struct iol_fdt_prop *iol_fdt_index_prop(const struct iol_fdt_index *index, unsigned int node,
					      const char *name)
{
	/* Properties sort by node, so a node's are where they are in the tree. */
	unsigned int low = index->nodes[node].first_prop;
	unsigned int high = low + index->nodes[node].prop_count;

	while (low < high) {
		unsigned int mid = low + (high - low) / 2;
		const struct iol_fdt_prop *prop = &index->props[index->props_by_name[mid]];
		int order = strcmp(prop->name, name);

		if (!order)
			return prop;
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

int iol_fdt_index_phandle(const struct iol_fdt_index *index, uint32_t value)
{
	unsigned int low = 0, high = index->phandle_count;

	while (low < high) {
		unsigned int mid = low + (high - low) / 2;

		if (index->phandles[mid].value < value)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == index->phandle_count || index->phandles[low].value != value)
		return -1;
	return (int)index->phandles[low].node;
}

uint32_t iol_fdt_index_phandle_of(const struct iol_fdt_index *index, unsigned int node)
{
	const struct iol_fdt_prop *prop = iol_fdt_index_prop(index, node, "phandle");

	if (!prop || prop->len != sizeof(uint32_t))
		prop = iol_fdt_index_prop(index, node, "linux,phandle");
	return prop && prop->len == sizeof(uint32_t) ? be32_load(prop->value) : 0;
}

char *iol_fdt_index_path_of(const struct iol_fdt_index *index, unsigned int node)
{
	const char *names[IOL_FDT_DEPTH_MAX];
	unsigned int count = 0;
	GString *path = g_string_new(node ? NULL : "/");

	for (; node; node = index->nodes[node].parent)
		names[count++] = index->nodes[node].name;
	while (count)
		g_string_append_printf(path, "/%s", names[--count]);
	return g_string_free(path, FALSE);
}

const char *iol_fdt_index_text(const struct iol_fdt_index *index, unsigned int node,
			       char text[IOL_FDT_PATH_TEXT_BYTES])
{
	g_autofree char *path = iol_fdt_index_path_of(index, node);
	size_t len = strlen(path);

	if (len < IOL_FDT_PATH_TEXT_BYTES)
		g_strlcpy(text, path, IOL_FDT_PATH_TEXT_BYTES);
	else
		g_snprintf(text, IOL_FDT_PATH_TEXT_BYTES, "...%s",
			   path + len - (IOL_FDT_PATH_TEXT_BYTES - 4));
	return text;
}

bool iol_fdt_is_string(const uint8_t *value, size_t len)
{
	return len && memchr(value, '\0', len) == value + len - 1;
}

bool iol_fdt_is_string_list(const uint8_t *value, size_t len)
{
	return len && !value[len - 1];
}
