/* SPDX-License-Identifier: Apache-2.0 */
/* What a 32-bit host cannot try: guests larger than its addresses. */
#ifndef TESTS_HOST_MEMORY_H
#define TESTS_HOST_MEMORY_H

#include <glib.h>
#include <stdint.h>

#include <iolite/size.h>

/* Whether a guest of @bytes can be mapped here; where not, the test says that it left something out. */
static inline bool host_maps(uint64_t bytes)
{
	if (UINTPTR_MAX > UINT32_MAX || bytes <= 2 * IOL_GIB)
		return true;
	g_test_skip("guests of more than 2 GiB need a 64-bit host; what is smaller was tried");
	return false;
}

#endif
