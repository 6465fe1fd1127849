/* SPDX-License-Identifier: Apache-2.0 */
/* Whether two paths are one file, for there are many ways to write a path. Looks, and opens nothing. Before any thread. */
#ifndef IOL_CONFIG_FILE_ID_H
#define IOL_CONFIG_FILE_ID_H

#include <stdbool.h>
#include <sys/types.h>

/* What tells a file from others. Of one that is yet to be made: its folder and its name. */
struct iol_file_id {
	bool is_device;
	dev_t dev; /* of a block device: itself */
	ino_t ino;
	char *name; /* NULL: the file is there */
};

/* False: it is not what can be overwritten (a terminal, a pipe, a folder), or no place for a file. */
bool iol_file_id_of(const char *path, struct iol_file_id *id);
bool iol_file_id_same(const struct iol_file_id *a, const struct iol_file_id *b);
void iol_file_id_finish(struct iol_file_id *id);

#endif
