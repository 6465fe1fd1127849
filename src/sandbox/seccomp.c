// SPDX-License-Identifier: Apache-2.0
/* See seccomp.h. Filters are made while there is one thread, and only read from then on. */
#include "seccomp.h"

#include <errno.h>
#include <glib.h>
#include <sys/prctl.h>

#include "calls.h"
#include "report.h"

static const struct filter_list *const lists[] = {
	[IOL_SANDBOX_MAIN] = &sandbox_main_list,
	[IOL_SANDBOX_VCPU] = &sandbox_vcpu_list,
	[IOL_SANDBOX_IO] = &sandbox_io_list,
};

static struct filter filters[IOL_SANDBOX_THREAD_COUNT];

const struct filter_list *seccomp_list(enum iol_sandbox_thread kind)
{
	return lists[kind];
}

int seccomp_probe(struct iol_error *err)
{
	/* Without a filter's address it fails, by an error that tells. */
	if (!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) || errno == EFAULT)
		return 0;
	if (errno == EINVAL)
		return iol_error_set(err, -ENOTSUP,
				     "the kernel has no filters of system calls "
				     "(CONFIG_SECCOMP_FILTER)");
	return iol_error_errno(err, -errno, "the kernel refuses filters of system calls");
}

int seccomp_make(enum iol_sandbox_mode mode, unsigned int needs, struct iol_error *err)
{
	struct report_way way = { .action = SECCOMP_RET_KILL_PROCESS };
	int ret = mode == IOL_SANDBOX_LOG ? report_init(&way, err) : 0;

	for (unsigned int i = 0; i < IOL_SANDBOX_THREAD_COUNT && !ret; i++) {
		g_free(filters[i].code);
		filter_build(&filters[i], lists[i], needs, way.action, way.open_start,
			     way.open_bytes);
	}
	return ret;
}

int seccomp_enter(enum iol_sandbox_thread kind, struct iol_error *err)
{
	return filter_enter(&filters[kind], err);
}
