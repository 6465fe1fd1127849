// SPDX-License-Identifier: Apache-2.0
/*
 * Cross builds only: what qemu-user lacks. A test that comes to such a place ends as skipped, and is
 * run whole in level 1 of the lab, on a kernel of its own architecture (the lab's scenario `unit`).
 * Without IOLITE_EMULATED in the environment, which only the test presets of cross builds set,
 * nothing is skipped.
 */
#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>

#include "iolite/loop.h"

enum { SKIPPED = 77 };

int __wrap_iol_loop_init(struct iol_loop *loop, struct iol_error *err);
int __real_iol_loop_init(struct iol_loop *loop, struct iol_error *err);
void __wrap_g_test_trap_subprocess(const char *path, guint64 usec, GTestSubprocessFlags flags);
void __real_g_test_trap_subprocess(const char *path, guint64 usec, GTestSubprocessFlags flags);

static void skip(const char *reason)
{
	printf("Bail out! skipped: %s\n", reason);
	exit(SKIPPED);
}

int __wrap_iol_loop_init(struct iol_loop *loop, struct iol_error *err)
{
	int ret = __real_iol_loop_init(loop, err);

	if (ret == -ENOSYS && getenv("IOLITE_EMULATED"))
		skip("qemu-user has no io_uring");
	return ret;
}

/* It starts the program once more, which the host's kernel cannot do. */
void __wrap_g_test_trap_subprocess(const char *path, guint64 usec, GTestSubprocessFlags flags)
{
	if (getenv("IOLITE_EMULATED"))
		skip("a test that runs itself anew needs a kernel of its architecture");
	__real_g_test_trap_subprocess(path, usec, flags);
}
