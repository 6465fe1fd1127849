// SPDX-License-Identifier: Apache-2.0
/* See include/iolite/leftover.h. */
#include <iolite/leftover.h>

#include <glib.h>

enum { LOOKS_MAX = 50, LOOK_US = 20 * 1000 };

bool iol_leftover_wait(unsigned int *looks)
{
	if (++*looks > LOOKS_MAX)
		return false;
	g_usleep(LOOK_US);
	return true;
}
