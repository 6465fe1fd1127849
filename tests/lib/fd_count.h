/* SPDX-License-Identifier: Apache-2.0 */
/* How many descriptors this process has open, for tests of what is given back. */
#ifndef IOLITE_TESTS_FD_COUNT_H
#define IOLITE_TESTS_FD_COUNT_H

#include <glib.h>

static inline unsigned int fd_count(void)
{
	g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
	unsigned int count = 0;

	while (g_dir_read_name(dir))
		count++;
	return count;
}

#endif
