// SPDX-License-Identifier: Apache-2.0
/*
 * Cross builds only: what qemu-user lacks. A test that comes to such a place is skipped with the reason, and
 * runs whole in level 1 of the lab, on a kernel of its own architecture (the lab's scenario `unit`).
 * Without IOLITE_EMULATED in the environment, which only the test presets of cross builds set,
 * nothing is skipped. emulated_ring.c has what can be made up for.
 */
#include <glib.h>
#include <stdlib.h>
#include <sys/stat.h>

void __wrap_g_test_trap_subprocess(const char *path, guint64 usec, GTestSubprocessFlags flags);
void __real_g_test_trap_subprocess(const char *path, guint64 usec, GTestSubprocessFlags flags);
void __wrap_g_test_trap_assertions(const char *domain, const char *file, int line, const char *func,
				   guint64 flags, const char *pattern);
void __real_g_test_trap_assertions(const char *domain, const char *file, int line, const char *func,
				   guint64 flags, const char *pattern);

int __wrap_statx(int dir, const char *path, int flags, unsigned int mask, struct statx *st);
int __real_statx(int dir, const char *path, int flags, unsigned int mask, struct statx *st);

/* It hands on that the kernel told how direct accesses are aligned, and not what it told. */
int __wrap_statx(int dir, const char *path, int flags, unsigned int mask, struct statx *st)
{
	const unsigned int alignment = 0x2000; /* STATX_DIOALIGN, Linux 6.1 */
	int ret = __real_statx(dir, path, flags, mask, st);

	if (!ret && getenv("IOLITE_EMULATED"))
		st->stx_mask &= ~alignment;
	return ret;
}

/* It starts the program once more, which the host's kernel cannot do. */
void __wrap_g_test_trap_subprocess(const char *path, guint64 usec, GTestSubprocessFlags flags)
{
	if (getenv("IOLITE_EMULATED"))
		g_test_skip("a test that runs itself anew needs a kernel of its architecture");
	else
		__real_g_test_trap_subprocess(path, usec, flags);
}

/* What g_test_trap_assert_passed() and its kind call. */
void __wrap_g_test_trap_assertions(const char *domain, const char *file, int line, const char *func,
				   guint64 flags, const char *pattern)
{
	if (!getenv("IOLITE_EMULATED"))
		__real_g_test_trap_assertions(domain, file, line, func, flags, pattern);
}
