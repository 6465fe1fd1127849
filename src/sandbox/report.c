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

#if defined(__x86_64__) || defined(__aarch64__) || (defined(__powerpc__) && !defined(__powerpc64__))

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

#ifdef __powerpc__
enum { CR = 38 }; /* PT_CCR */

#define CR0_SO 0x10000000UL

static mcontext_t *cpu_of(ucontext_t *context)
{
	return context->uc_mcontext.uc_regs;
}
#else
static mcontext_t *cpu_of(ucontext_t *context)
{
	return &context->uc_mcontext;
}
#endif

static void trapped(int sig, siginfo_t *info, void *context)
{
	mcontext_t *cpu = cpu_of(context);
	int kept_errno = errno;
	long ret;

	(void)sig;
	tell(info->si_syscall);
#if defined(__x86_64__)
	ret = syscall(info->si_syscall, cpu->gregs[REG_RDI], cpu->gregs[REG_RSI],
		      cpu->gregs[REG_RDX], cpu->gregs[REG_R10], cpu->gregs[REG_R8],
		      cpu->gregs[REG_R9]);
	cpu->gregs[REG_RAX] = ret < 0 ? -errno : ret;
#elif defined(__powerpc__)
	unsigned long *gpr = cpu->gregs;

	ret = syscall(info->si_syscall, gpr[3], gpr[4], gpr[5], gpr[6], gpr[7], gpr[8]);
	gpr[3] = (unsigned long)(ret < 0 ? errno : ret);
	/* An error is a bit beside the number. */
	gpr[CR] = ret < 0 ? gpr[CR] | CR0_SO : gpr[CR] & ~CR0_SO;
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
