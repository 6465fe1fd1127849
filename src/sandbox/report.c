// SPDX-License-Identifier: Apache-2.0
/*
 * See report.h. Where the handler knows how a processor passes arguments, such a call traps; the handler names it once and
 * then makes it by libc's syscall(), whose instructions the filter lets pass. Elsewhere the kernel writes it into its log.
 */
#include "report.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <iolite/log.h>

#include "call_names.h"

#if defined(__x86_64__) || defined(__aarch64__)

enum {
	SYSCALL_BYTES = 64, /* of libc's function */
	CALLS = 512,
};

static atomic_bool told[CALLS];

static void tell(int nr)
{
	const char *name = sandbox_call_name(nr);

	if (nr < 0 || nr >= CALLS || atomic_exchange(&told[nr], true))
		return;
	iol_log(IOL_LOG_WARN,
		"sandbox: system call %d (%s) is on no list of this thread; with "
		"--sandbox=on it ends the process",
		nr, name ? name : "unknown here");
}

static void trapped(int sig, siginfo_t *info, void *context)
{
	mcontext_t *cpu = &((ucontext_t *)context)->uc_mcontext;
	int kept_errno = errno;
	long ret;

	(void)sig;
	tell(info->si_syscall);
#if defined(__x86_64__)
	ret = syscall(info->si_syscall, cpu->gregs[REG_RDI], cpu->gregs[REG_RSI],
		      cpu->gregs[REG_RDX], cpu->gregs[REG_R10], cpu->gregs[REG_R8],
		      cpu->gregs[REG_R9]);
	cpu->gregs[REG_RAX] = ret < 0 ? -errno : ret;
#else
	ret = syscall(info->si_syscall, cpu->regs[0], cpu->regs[1], cpu->regs[2], cpu->regs[3],
		      cpu->regs[4], cpu->regs[5]);
	cpu->regs[0] = (unsigned long long)(ret < 0 ? -errno : ret);
#endif
	errno = kept_errno;
}

int report_init(struct report_way *way, struct iol_error *err)
{
	/* One may come within another. */
	struct sigaction action = { .sa_sigaction = trapped, .sa_flags = SA_SIGINFO | SA_NODEFER };

	if (sigaction(SIGSYS, &action, NULL))
		return iol_error_errno(err, -errno, "cannot handle SIGSYS");
	*way = (struct report_way){ SECCOMP_RET_TRAP, (uintptr_t)&syscall, SYSCALL_BYTES };
	return 0;
}

#else

int report_init(struct report_way *way, struct iol_error *err)
{
	(void)err;
	*way = (struct report_way){ .action = SECCOMP_RET_LOG };
	iol_log(IOL_LOG_WARN,
		"sandbox: system calls that are on no list are written to the kernel's log (dmesg)");
	return 0;
}

#endif
