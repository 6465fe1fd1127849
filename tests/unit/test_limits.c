// SPDX-License-Identifier: Apache-2.0
/* Limits of a machine that runs. */
#include <iolite/limits.h>

#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/resource.h>

#include <iolite/privileges.h>

#include "confined.h"

static rlim_t limit_of(__rlimit_resource_t resource)
{
	struct rlimit limit = { 0 };

	getrlimit(resource, &limit);
	return limit.rlim_cur == limit.rlim_max ? limit.rlim_max : limit.rlim_cur - 1;
}

static int descriptors(void *data)
{
	const struct iol_limits limits = { .descriptors = 3 };
	struct iol_error err = { 0 };
	unsigned int opened = 0;
	int high;

	(void)data;
	/* What whoever started us has left open. */
	for (int fd = 3; fd < 1024; fd++)
		close(fd);
	high = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 40);
	if (iol_limits_set(&limits, &err))
		return confined_failed(-1, &err);
	if (limit_of(RLIMIT_NOFILE) != (rlim_t)high + 4)
		return 1;
	while (fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, high) >= 0)
		opened++;
	if (errno != EMFILE || opened != 3)
		return 2;
	/* A way back needs rights. */
	if (!geteuid() && setresuid(65534, 65534, 65534))
		return 3;
	return !setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 1000, 1000 }) ? 4 : 0;
}

static int others(void *data)
{
	static const __rlimit_resource_t as_found[] = { RLIMIT_CORE, RLIMIT_FSIZE, RLIMIT_NPROC,
							RLIMIT_AS,   RLIMIT_DATA,  RLIMIT_CPU };
	struct rlimit before[G_N_ELEMENTS(as_found)], now;
	const struct iol_limits limits = { .descriptors = 3 };
	struct iol_error err = { 0 };

	(void)data;
	for (unsigned int i = 0; i < G_N_ELEMENTS(as_found); i++)
		getrlimit(as_found[i], &before[i]);
	if (iol_limits_set(&limits, &err))
		return confined_failed(-1, &err);
	for (unsigned int i = 0; i < G_N_ELEMENTS(as_found); i++) {
		getrlimit(as_found[i], &now);
		if (now.rlim_cur != before[i].rlim_cur || now.rlim_max != before[i].rlim_max)
			return 10 + (int)i;
	}
	if (limit_of(RLIMIT_RTPRIO) || limit_of(RLIMIT_NICE) || limit_of(RLIMIT_MSGQUEUE))
		return 1;
	return 0;
}

/* What comes after capabilities are gone. */
static int needs(void *data)
{
	const struct iol_limits limits = {
		.descriptors = 3,
		.locked_bytes = 64 * IOL_MIB,
		.rt_priority = 7,
	};
	struct iol_error err = { 0 };

	(void)data;
	if (!iol_privileges_have(CAP_SYS_RESOURCE) ||
	    setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){ 4096, 4096 }))
		return CONFINED_SKIP;
	if (iol_limits_set(&limits, &err))
		return confined_failed(-1, &err);
	if (limit_of(RLIMIT_RTPRIO) != 7 || limit_of(RLIMIT_MEMLOCK) < 64 * IOL_MIB)
		return 1;
	return 0;
}

static void test_descriptors(void)
{
	check_confined(descriptors, NULL);
}

static void test_others(void)
{
	check_confined(others, NULL);
}

static void test_needs(void)
{
	check_confined(needs, NULL);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/limits/descriptors", test_descriptors);
	g_test_add_func("/limits/others", test_others);
	g_test_add_func("/limits/needs", test_needs);
	return g_test_run();
}
