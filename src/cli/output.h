/* SPDX-License-Identifier: Apache-2.0 */
/* What a verb leaves behind: standard output, or a file. */
#ifndef IOL_CLI_OUTPUT_H
#define IOL_CLI_OUTPUT_H

#include <iolite/error.h>

/*
 * Writes @len bytes to the file @path, or to standard output where that is NULL. A regular file appears whole
 * or not at all; one that was there is as before on failure, and keeps its permissions. -errno: a place
 * that cannot be written to is the user's mistake, a full disk the host's.
 */
int iol_output_write(const char *path, const void *data, size_t len, struct iol_error *err);

#endif
