/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the values of a JSON text stand, for jansson tells of that only for what is no JSON. Pure: no files, no
 * allocation beyond the index, which is bounded by the text.
 */
#ifndef IOL_CONFIG_JSON_POSITION_H
#define IOL_CONFIG_JSON_POSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a value stands, from the value up; on the stacks of the readers. NULL: the whole. */
struct iol_json_place {
	const struct iol_json_place *up;
	const char *key; /* NULL: an item of a list */
	size_t idx;
	bool is_key; /* the key itself, not its value */
};

/* Of a character, as editors count them: from 1, columns in characters. */
struct iol_json_position {
	uint32_t line, column;
};

struct iol_json_index;

/* Of @len bytes of @text, which is JSON and stays there for as long as the index. Anything else gives some index. */
struct iol_json_index *iol_json_index_new(const char *text, size_t len);
void iol_json_index_free(struct iol_json_index *index);

/* False: there is no such value. */
bool iol_json_index_find(const struct iol_json_index *index, const struct iol_json_place *at,
			 struct iol_json_position *position);

#endif
