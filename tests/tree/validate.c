// SPDX-License-Identifier: Apache-2.0
/*
 * Holds device trees (dtb files) against what iol_fdt_validate() knows; a line for each mistake. For
 * check_trees.py, which makes the trees.
 *
 * usage: validate FILE...
 */
#include <stdio.h>

#include <iolite/fdt.h>

static const char *file;

static void report(void *data, const char *text)
{
	(void)data;
	printf("%s: %s\n", file, text);
}

int main(int argc, char **argv)
{
	int status = 0;

	for (int i = 1; i < argc; i++) {
		struct iol_fdt_blob blob = { NULL, 0 };
		struct iol_error err = { 0 };

		file = argv[i];
		if (iol_fdt_load(file, &blob, &err)) {
			printf("%s\n", err.msg);
			status = 1;
		} else if (iol_fdt_validate(&blob, report, NULL, &err)) {
			status = 1;
		}
		iol_fdt_blob_finish(&blob);
	}
	return status;
}
