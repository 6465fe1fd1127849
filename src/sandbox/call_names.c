// SPDX-License-Identifier: Apache-2.0
/* See call_names.h. In a signal's handler: nothing here allocates. */
#include "call_names.h"

#include <iolite/macros.h>

#include "calls.h"
#include "seccomp.h"

#define NAME(call)                \
	{                         \
		SYS_##call, #call \
	}

static const struct {
	int nr;
	const char *name;
} others[] = {
	NAME(accept),         NAME(bind),
	NAME(chdir),          NAME(clock_nanosleep),
	NAME(clone),          NAME(dup),
	NAME(epoll_pwait),    NAME(execve),
	NAME(execveat),       NAME(fchmod),
	NAME(fchown),         NAME(fdatasync),
	NAME(flock),          NAME(fork),
	NAME(fstatfs),        NAME(fsync),
	NAME(getdents64),     NAME(geteuid),
	NAME(getppid),        NAME(getrlimit),
	NAME(getrusage),      NAME(getuid),
	NAME(io_uring_setup), NAME(kill),
	NAME(listen),         NAME(lseek),
	NAME(membarrier),     NAME(memfd_create),
	NAME(mincore),        NAME(mkdirat),
	NAME(mlock),          NAME(mlockall),
	NAME(nanosleep),      NAME(open),
	NAME(openat),         NAME(personality),
	NAME(pipe2),          NAME(prctl),
	NAME(prlimit64),      NAME(process_vm_readv),
	NAME(ptrace),         NAME(pwrite64),
	NAME(renameat),       NAME(restart_syscall),
	NAME(rt_sigaction),   NAME(rt_sigtimedwait),
	NAME(sched_getparam), NAME(set_robust_list),
	NAME(setitimer),      NAME(setuid),
	NAME(sigaltstack),    NAME(signalfd4),
	NAME(socket),         NAME(socketpair),
	NAME(statfs),         NAME(symlinkat),
	NAME(sysinfo),        NAME(timer_create),
	NAME(timerfd_create), NAME(umask),
	NAME(uname),          NAME(vfork),
	NAME(wait4),          NAME(waitid),
};

static const char *name_in(const struct filter_list *list, int nr)
{
	for (const struct filter_call *const *table = list->tables; *table; table++)
		for (const struct filter_call *call = *table; call->name; call++)
			if (call->nr == nr)
				return call->name;
	return NULL;
}

const char *sandbox_call_name(int nr)
{
	const char *name = name_in(seccomp_list(IOL_SANDBOX_MAIN), nr);

	for (unsigned int i = 0; i < IOL_ARRAY_LEN(others) && !name; i++)
		if (others[i].nr == nr)
			name = others[i].name;
	return name;
}
