// SPDX-License-Identifier: Apache-2.0
/*
 * See tracee.h. A thread that was stopped in the middle of a call of its own would do that again, if its registers were as the
 * kernel left them when it goes on: so it is stopped a second time before it gets them back, in the same kind of stop as the
 * first one, where the kernel then sees to that (PTRACE_INTERRUPT, PTRACE_EVENT_STOP).
 */
#include "tracee.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	CALL_STOP = SIGTRAP | 0x80, /* PTRACE_O_TRACESYSGOOD */
	BELOW_STACK = 8192, /* beyond what its function may use without saying so */
};

#if defined(__x86_64__)
static const uint8_t entry[] = { 0x0f, 0x05 }; /* syscall */
enum { ENTRY_ALIGN = 1 };

static void set_call(tracee_regs *regs, uint64_t insn, long nr, const uint64_t args[6])
{
	regs->rip = insn;
	regs->rax = (uint64_t)nr;
	regs->orig_rax = UINT64_MAX; /* in no call: none is made again */
	regs->rdi = args[0];
	regs->rsi = args[1];
	regs->rdx = args[2];
	regs->r10 = args[3];
	regs->r8 = args[4];
	regs->r9 = args[5];
}

static long result_of(const tracee_regs *regs)
{
	return (long)regs->rax;
}

static uint64_t stack_of(const tracee_regs *regs)
{
	return regs->rsp;
}
#else
static const uint8_t entry[] = { 0x01, 0x00, 0x00, 0xd4 }; /* svc #0 */
enum { ENTRY_ALIGN = 4 };

static void set_call(tracee_regs *regs, uint64_t insn, long nr, const uint64_t args[6])
{
	regs->pc = insn;
	regs->regs[8] = (uint64_t)nr;
	for (unsigned int i = 0; i < 6; i++)
		regs->regs[i] = args[i];
}

static long result_of(const tracee_regs *regs)
{
	return (long)regs->regs[0];
}

static uint64_t stack_of(const tracee_regs *regs)
{
	return regs->sp;
}
#endif

void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("escape: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(2);
}

bool tracee_read(const struct tracee *t, uint64_t at, void *data, size_t len)
{
	return pread(t->mem, data, len, (off_t)at) == (ssize_t)len;
}

bool tracee_write(const struct tracee *t, uint64_t at, const void *data, size_t len)
{
	return pwrite(t->mem, data, len, (off_t)at) == (ssize_t)len;
}

bool tracee_maps(pid_t pid,
		 bool (*each)(void *ctx, uint64_t start, uint64_t end, const char *rights,
			      uint64_t offset, const char *name),
		 void *ctx)
{
	char path[64], line[4500];
	bool found = false;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	if (!maps)
		die("cannot open %s: %s", path, strerror(errno));
	while (!found && fgets(line, sizeof(line), maps)) {
		unsigned long long start, end, offset;
		char rights[5];
		int name = 0;

		if (sscanf(line, "%llx-%llx %4s %llx %*s %*s %n", &start, &end, rights, &offset,
			   &name) < 4)
			continue;
		line[strcspn(line, "\n")] = '\0';
		found = each(ctx, start, end, rights, offset, name ? line + name : "");
	}
	fclose(maps);
	return found;
}

/* The kernel's own code in each process has one, and nobody changes it. */
static bool find_entry(void *ctx, uint64_t start, uint64_t end, const char *rights, uint64_t offset,
		       const char *name)
{
	struct tracee *t = ctx;
	static uint8_t code[1 << 16];
	size_t len = end - start < sizeof(code) ? end - start : sizeof(code);

	(void)rights;
	(void)offset;
	if (strcmp(name, "[vdso]") != 0 || !tracee_read(t, start, code, len))
		return false;
	for (size_t at = 0; at + sizeof(entry) <= len && !t->insn; at += ENTRY_ALIGN)
		if (!memcmp(code + at, entry, sizeof(entry)))
			t->insn = start + at;
	return t->insn;
}

static void move_regs(int request, struct tracee *t, tracee_regs *regs)
{
	struct iovec where = { regs, sizeof(*regs) };

	if (ptrace(request, t->tid, (void *)NT_PRSTATUS, &where))
		die("registers of thread %d: %s", (int)t->tid, strerror(errno));
}

/* Until it stands in a stop of the kind that PTRACE_INTERRUPT makes, or (@in_call) in one of a system call. False: it ended. */
static bool await(struct tracee *t, bool in_call)
{
	for (;;) {
		int status;

		if (waitpid(t->tid, &status, __WALL) != t->tid)
			die("thread %d is gone: %s", (int)t->tid, strerror(errno));
		if (!WIFSTOPPED(status)) {
			t->ended_by = WIFSIGNALED(status) ? WTERMSIG(status) : -1;
			return false;
		}
		if (status >> 16 ? !in_call : in_call && WSTOPSIG(status) == CALL_STOP)
			return true;
		if (!(status >> 16) && WSTOPSIG(status) != CALL_STOP)
			t->kept_signal = WSTOPSIG(status);
		if (ptrace(in_call ? PTRACE_SYSCALL : PTRACE_CONT, t->tid, NULL, NULL))
			die("thread %d does not go on: %s", (int)t->tid, strerror(errno));
	}
}

void tracee_stop(struct tracee *t, pid_t pid, pid_t tid)
{
	char path[64];

	*t = (struct tracee){ .pid = pid, .tid = tid };
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	t->mem = open(path, O_RDWR | O_CLOEXEC);
	if (t->mem < 0)
		die("cannot open %s: %s", path, strerror(errno));
	if (!tracee_maps(pid, find_entry, t))
		die("process %d has no vDSO with a system call", (int)pid);
	if (ptrace(PTRACE_SEIZE, tid, NULL, (void *)PTRACE_O_TRACESYSGOOD) ||
	    ptrace(PTRACE_INTERRUPT, tid, NULL, NULL))
		die("cannot trace thread %d: %s", (int)tid, strerror(errno));
	if (!await(t, false))
		die("process %d ended by itself", (int)pid);
	move_regs(PTRACE_GETREGSET, t, &t->regs);
	t->room = (stack_of(&t->regs) - BELOW_STACK) & ~UINT64_C(15);
}

/* A signal of its own making waits for it, as that of a filter does for whom it ends. */
static bool is_doomed(const struct tracee *t)
{
	struct __ptrace_peeksiginfo_args first = { .nr = 1 };
	siginfo_t info;

	return ptrace(PTRACE_PEEKSIGINFO, t->tid, &first, &info) == 1 && info.si_signo == SIGSYS;
}

long tracee_call(struct tracee *t, long nr, const uint64_t args[6])
{
	tracee_regs regs = t->regs;

	if (t->ended_by)
		return TRACEE_ENDED;
	set_call(&regs, t->insn, nr, args);
	move_regs(PTRACE_SETREGSET, t, &regs);
	/* Into the call, and out of it. */
	for (unsigned int i = 0; i < 2; i++)
		if (ptrace(PTRACE_SYSCALL, t->tid, NULL, NULL) || !await(t, true))
			return TRACEE_ENDED;
	move_regs(PTRACE_GETREGSET, t, &regs);
	if (ptrace(PTRACE_INTERRUPT, t->tid, NULL, NULL) ||
	    ptrace(PTRACE_CONT, t->tid, NULL, NULL) || !await(t, false))
		return TRACEE_ENDED;
	if (is_doomed(t) && !ptrace(PTRACE_CONT, t->tid, NULL, NULL) && !await(t, false))
		return TRACEE_ENDED;
	return result_of(&regs);
}

void tracee_release(struct tracee *t)
{
	if (!t->ended_by) {
		move_regs(PTRACE_SETREGSET, t, &t->regs);
		if (t->kept_signal)
			syscall(SYS_tgkill, t->pid, t->tid, t->kept_signal);
		if (ptrace(PTRACE_DETACH, t->tid, NULL, NULL))
			die("cannot let thread %d go: %s", (int)t->tid, strerror(errno));
	}
	close(t->mem);
}

uint64_t tracee_put(struct tracee *t, const void *data, size_t len)
{
	uint64_t at = t->room + t->used;

	if (t->used + len > TRACEE_ROOM || !tracee_write(t, at, data, len))
		die("no room in thread %d", (int)t->tid);
	t->used += (len + 15) & ~(size_t)15;
	return at;
}
