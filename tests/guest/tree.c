// SPDX-License-Identifier: Apache-2.0
/* See tree.h. */
#include "tree.h"

#include <stddef.h>

#include "report.h"

enum {
	FDT_MAGIC = 0xd00dfeed,
	FDT_BEGIN_NODE = 1,
	FDT_END_NODE = 2,
	FDT_PROP = 3,
	FDT_NOP = 4,
	/* Of the header. */
	OFF_STRUCT = 8,
	OFF_STRINGS = 12,
};

static uint32_t be32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static const uint8_t *skip_name(const uint8_t *at)
{
	while (*at)
		at++;
	return (const uint8_t *)(((uintptr_t)at + 4) & ~(uintptr_t)3);
}

const uint8_t *tree_property(const char *name, uint32_t *bytes)
{
	const uint8_t *tree = tree_at_entry();
	const uint8_t *at;

	if (be32(tree) != FDT_MAGIC)
		return NULL;
	for (at = tree + be32(tree + OFF_STRUCT);;) {
		uint32_t token = be32(at);

		at += 4;
		if (token == FDT_BEGIN_NODE) {
			at = skip_name(at);
		} else if (token == FDT_PROP) {
			*bytes = be32(at);
			if (strings_equal((const char *)tree + be32(tree + OFF_STRINGS) +
						  be32(at + 4),
					  name))
				return at + 8;
			at += 8 + ((*bytes + 3) & ~3u);
		} else if (token != FDT_END_NODE && token != FDT_NOP) {
			return NULL;
		}
	}
}

const char *orders(void)
{
	uint32_t bytes;
	const uint8_t *text = tree_property("bootargs", &bytes);

	return text ? (const char *)text : "";
}

bool told_to(const char *order)
{
	return strings_equal(orders(), order);
}
