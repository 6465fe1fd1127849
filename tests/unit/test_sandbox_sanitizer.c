// SPDX-License-Identifier: Apache-2.0
/*
 * Builds with sanitizers: what one finds in a sandbox is reported, with names. Otherwise tests of whole machines would pass, or end
 * by a signal that says nothing.
 */
#include <glib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <iolite/landlock.h>
#include <iolite/sandbox.h>

#include "sandbox/seccomp.h"

static int raced;
static atomic_bool written;
static char *volatile freed; /* what compilers do not know of */

static void *write_first(void *arg)
{
	raced = 1;
	/* Which orders nothing: the two writes are a race, whenever they are. */
	atomic_store_explicit(&written, true, memory_order_relaxed);
	return arg;
}

/* What ThreadSanitizer finds, and AddressSanitizer. */
static __attribute__((noinline)) void do_wrong(void)
{
	raced = 2;
	*freed = 1;
}

static void check_report(enum iol_sandbox_thread kind)
{
	struct iol_error err;
	pthread_t first;

	freed = malloc(1);
	pthread_create(&first, NULL, write_first, NULL);
	while (!atomic_load_explicit(&written, memory_order_relaxed))
		;
	free(freed);
	if (iol_landlock_restrict(NULL, 0, &err) < 0 || seccomp_make(IOL_SANDBOX_ON, 0, &err) ||
	    seccomp_enter(kind, &err))
		g_error("%s", err.msg);
	do_wrong();
	exit(0);
}

static void test_report(gconstpointer kind)
{
	if (g_test_subprocess())
		check_report(GPOINTER_TO_UINT(kind));
	g_test_trap_subprocess(NULL, 60 * G_USEC_PER_SEC, G_TEST_SUBPROCESS_DEFAULT);
	g_test_trap_assert_failed();
	g_test_trap_assert_stderr("*Sanitizer: *in do_wrong*");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	if (getenv("IOLITE_EMULATED")) {
		puts("1..0 # SKIP qemu-user has no filters of system calls");
		return 77;
	}
	for (unsigned int kind = 0; kind < IOL_SANDBOX_THREAD_COUNT; kind++) {
		g_autofree char *path = g_strdup_printf("/sandbox/sanitizer/report/%u", kind);

		g_test_add_data_func(path, GUINT_TO_POINTER(kind), test_report);
	}
	return g_test_run();
}
