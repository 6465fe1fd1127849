// SPDX-License-Identifier: Apache-2.0
/*
 * Runs a fuzz target over kept inputs, where the compiler has no libFuzzer:
 *   fuzz_NAME FILE_OR_FOLDER...
 * An input that fails ends the program by its abort or a sanitizer's; its name was printed last.
 */
#include "fuzz.h"

#include <glib.h>

static unsigned int run_file(const char *path)
{
	g_autofree char *data = NULL;
	gsize len;

	if (!g_file_get_contents(path, &data, &len, NULL)) {
		fprintf(stderr, "cannot read %s\n", path);
		exit(1);
	}
	/* In front of the run: it is what a failure leaves behind. */
	printf("%s\n", path);
	fflush(stdout);
	LLVMFuzzerTestOneInput((const uint8_t *)data, len);
	return 1;
}

static unsigned int run_folder(const char *path)
{
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	unsigned int count = 0;
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *file = g_build_filename(path, name, NULL);

		count += run_file(file);
	}
	return count;
}

int main(int argc, char **argv)
{
	unsigned int count = 0;

	for (int i = 1; i < argc; i++)
		count += g_file_test(argv[i], G_FILE_TEST_IS_DIR) ? run_folder(argv[i])
								  : run_file(argv[i]);
	printf("%u inputs\n", count);
	return count ? 0 : 1;
}
