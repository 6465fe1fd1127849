// SPDX-License-Identifier: Apache-2.0
/* The system calls of a disk's worker, which discards what the guest does not want any more. See calls.h. */
#include "calls.h"

#include <linux/fs.h>

static const struct filter_call calls[] = {
	IOCTL(BLKDISCARD, "what the thread is for"),
	CALL(write, "the loop's eventfd"),
	{ .name = NULL },
};

static const struct filter_call *const tables[] = {
#ifdef IOL_SANDBOX_SANITIZED
	sandbox_sanitizer_calls,
#endif
	calls,
	sandbox_thread_calls,
	sandbox_memory_calls,
	sandbox_answered_calls,
	NULL,
};

const struct filter_list sandbox_io_list = { .tables = tables, .kind = "io" };
