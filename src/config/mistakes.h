/* SPDX-License-Identifier: Apache-2.0 */
/* Mistakes and their places, within src/config. See include/iolite/config.h. Before any thread. */
#ifndef IOL_CONFIG_MISTAKES_H
#define IOL_CONFIG_MISTAKES_H

#include <iolite/config.h>

#include "json_position.h"

/* The file that places are in, for messages. @text must stay for as long as places are asked for; NULL: it has none. */
void iol_mistakes_set_file(struct iol_mistakes *mistakes, const char *name, const char *text,
			   size_t len);
/* @text is theirs now, and freed with them. */
void iol_mistakes_keep_text(struct iol_mistakes *mistakes, char *text);
/* @path is the place of a --set, which is no longer the file's. */
void iol_mistakes_set_option(struct iol_mistakes *mistakes, const char *path);

/* The file is a system's: what is not at partitions.NAME stands in its defaults, and is told of once. */
void iol_mistakes_set_system(struct iol_mistakes *mistakes);

/* Whether what stands at @at came by a --set. */
bool iol_mistakes_is_option(const struct iol_mistakes *mistakes, const struct iol_json_place *at);

/* "web.json:7:14: disks[1].cache", "--set disks[1].cache"; long ones by their ends. To be freed with g_free(). */
char *iol_mistakes_where(const struct iol_mistakes *mistakes, const struct iol_json_place *at);

/* Puts where @at is before @err's text and keeps it. */
void iol_mistakes_put(struct iol_mistakes *mistakes, const struct iol_json_place *at,
		      struct iol_error *err);

/* As iol_mistakes_put(), where the file has such a place; @what, which may be NULL, tells of it where it has not. */
void iol_mistakes_put_found(struct iol_mistakes *mistakes, const struct iol_json_place *at,
			    const char *what, struct iol_error *err);

/* The place as text: disks[1].cache. To be freed with g_free(). */
char *iol_json_chain(const struct iol_json_place *at);

/* The first one, in the form of an error; 0 when there is none. */
int iol_mistakes_first(const struct iol_mistakes *mistakes, struct iol_error *err);

#endif
