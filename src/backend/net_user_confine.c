// SPDX-License-Identifier: Apache-2.0
/*
 * What is left to the process of libslirp once it serves a guest. See net_user_confine.h. Runs in that process.
 *
 * Whoever takes it over by a frame has all that it may do. Without a filter that would be, for a plain user's, what
 * the user may do: iolite itself is the same user's, and its memory a file. So the filter is the boundary, and the
 * rest is there for who has none.
 *
 * libslirp looks at /etc/resolv.conf again and again, and a filter cannot tell one path from another. So those calls trap,
 * and the handler answers them by a descriptor that is open already.
 */
#include "net_user_confine.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <iolite/privileges.h>

/* The handler has to know where a trapped call's arguments are. */
#if !defined(__x86_64__) && !defined(__aarch64__)
#define WHY_NO_FILTER "no filter for this processor"
#elif !__has_include(<seccomp.h>)
#define WHY_NO_FILTER \
	"built without libseccomp's headers: apt install libseccomp-dev and build it anew"
#else
#include <linux/sockios.h>
#include <netinet/in.h>
#include <seccomp.h>
#define HAVE_FILTER 1
#endif

#define NO_FILTER "has no filter of system calls: "

enum { NOBODY = 65534 }; /* the kernel's overflow user, who owns nothing */

/*
 * Root owns files without any capability. Not to have the right to be another user, in a container, or no such user, in a user
 * namespace, is no reason to stop: root is less there, too.
 */
static int become_nobody(struct iol_error *err)
{
	return geteuid() ? 0 : iol_privileges_become(NOBODY, NOBODY, false, err);
}

/* A change of user takes the order back. */
static int end_with(pid_t parent, struct iol_error *err)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		return iol_error_errno(err, -errno, "cannot be ended with iolite");
	if (getppid() != parent)
		return iol_error_set(err, -ESRCH, "iolite has ended");
	return 0;
}

static int set_limits(struct iol_error *err)
{
	static const int limits[] = { RLIMIT_NPROC, RLIMIT_FSIZE, RLIMIT_CORE };
	const struct rlimit none = { 0 };

	for (unsigned int i = 0; i < IOL_ARRAY_LEN(limits); i++)
		if (setrlimit(limits[i], &none))
			return iol_error_errno(err, -errno, "cannot set a limit");
	return 0;
}

#ifdef HAVE_FILTER

/* --- calls that trap --- */

static const char resolv_conf[] = "/etc/resolv.conf";
/*
 * Opened with the rights of who started iolite: nobody may not be allowed to. -1: there was none, or none that could be
 * read. Of the whole process, as the handler is.
 */
static int resolv_fd = -1;

static void keep_resolv_conf(struct iol_error *err)
{
	resolv_fd = open(resolv_conf, O_RDONLY | O_CLOEXEC);
	if (resolv_fd < 0 && errno != ENOENT)
		iol_error_errno(err, -errno, "has no name server to forward to: cannot open %s",
				resolv_conf);
}

static long stat_resolv_conf(int dir, const char *path, void *buf, int flags)
{
	int fd = -1;

	if (!*path && flags & AT_EMPTY_PATH)
		fd = dir; /* libc's fstat() */
	else if (!strcmp(path, resolv_conf))
		fd = resolv_fd;
	else
		return -EACCES;
	if (!syscall(SYS_fstat, fd, buf))
		return 0;
	return errno == EBADF ? -ENOENT : -errno;
}

static long open_resolv_conf(const char *path)
{
	int fd;

	if (strcmp(path, resolv_conf))
		return -EACCES;
	fd = fcntl(resolv_fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return errno == EBADF ? -ENOENT : -errno;
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static void trapped(int sig, siginfo_t *info, void *context)
{
	mcontext_t *cpu = &((ucontext_t *)context)->uc_mcontext;
	int kept_errno = errno;
	long ret = -EPERM;

	(void)sig;
#ifdef __x86_64__
	const long long args[] = { cpu->gregs[REG_RDI], cpu->gregs[REG_RSI], cpu->gregs[REG_RDX],
				   cpu->gregs[REG_R10] };
#else
	const long long args[] = { (long long)cpu->regs[0], (long long)cpu->regs[1],
				   (long long)cpu->regs[2], (long long)cpu->regs[3] };
#endif
	if (info->si_syscall == SYS_openat)
		ret = open_resolv_conf((const char *)args[1]);
	else if (info->si_syscall == SYS_newfstatat)
		ret = stat_resolv_conf((int)args[0], (const char *)args[1], (void *)args[2],
				       (int)args[3]);
#ifdef __x86_64__
	cpu->gregs[REG_RAX] = ret;
#else
	cpu->regs[0] = (unsigned long long)ret;
#endif
	errno = kept_errno;
}

static int catch_traps(struct iol_error *err)
{
	/* One may come within another: libc's fopen() does what it likes. */
	struct sigaction action = { .sa_sigaction = trapped, .sa_flags = SA_SIGINFO | SA_NODEFER };

	if (sigaction(SIGSYS, &action, NULL))
		return iol_error_errno(err, -errno, "cannot handle SIGSYS");
	return 0;
}

/* --- the filter --- */

/* What is called of the library: as libslirp, it is in no other process's memory. */
struct seccomp_calls {
	__typeof__(seccomp_init) *init;
	__typeof__(seccomp_attr_set) *attr_set;
	__typeof__(seccomp_rule_add_array) *rule_add_array;
	__typeof__(seccomp_load) *load;
	__typeof__(seccomp_release) *release;
};

static int load_library(struct seccomp_calls *calls, struct iol_error *err)
{
	const struct {
		const char *name;
		void **call;
	} names[] = {
		{ "seccomp_init", (void **)&calls->init },
		{ "seccomp_attr_set", (void **)&calls->attr_set },
		{ "seccomp_rule_add_array", (void **)&calls->rule_add_array },
		{ "seccomp_load", (void **)&calls->load },
		{ "seccomp_release", (void **)&calls->release },
	};
	void *library = dlopen("libseccomp.so.2", RTLD_NOW | RTLD_LOCAL);

	if (!library)
		return iol_error_set(err, -ENOENT, "needs libseccomp: apt install libseccomp2; %s",
				     dlerror());
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(names); i++) {
		*names[i].call = dlsym(library, names[i].name);
		if (!*names[i].call)
			return iol_error_set(err, -ENOTSUP, "libseccomp has no %s", names[i].name);
	}
	return 0;
}

struct rule {
	uint32_t action;
	int call;
	unsigned int arg_count;
	struct scmp_arg_cmp args[3];
};

#define ARG(number, mask, value)                        \
	{                                               \
		number, SCMP_CMP_MASKED_EQ, mask, value \
	}
#define RULE(action, name, count, ...)         \
	{                                      \
		action, SCMP_SYS(name), count, \
		{                              \
			__VA_ARGS__            \
		}                              \
	}
#define ALLOW(name) RULE(SCMP_ACT_ALLOW, name, 0, { 0 })
#define ALLOW_IF(name, number, mask, value) RULE(SCMP_ACT_ALLOW, name, 1, ARG(number, mask, value))
#define ALLOW_SOCKET(family, type, protocol)                                     \
	RULE(SCMP_ACT_ALLOW, socket, 3, ARG(0, WORD, family), ARG(1, 0xf, type), \
	     ARG(2, WORD, protocol))
#define TRAP(name) RULE(SCMP_ACT_TRAP, name, 0, { 0 })

/* The kernel looks at 32 bits of such arguments. */
#define WORD 0xffffffffU

/* All else fails with EPERM. */
static const struct rule rules[] = {
	/*
	 * Frames, and the host's sockets: none but the internet's, which reach nothing of the host's else. TCP, UDP and
	 * pings: another number would have the kernel load SCTP and the like.
	 */
	ALLOW_SOCKET(AF_INET, SOCK_STREAM, 0),
	ALLOW_SOCKET(AF_INET, SOCK_DGRAM, 0),
	ALLOW_SOCKET(AF_INET, SOCK_DGRAM, IPPROTO_ICMP),
	ALLOW_SOCKET(AF_INET6, SOCK_STREAM, 0),
	ALLOW_SOCKET(AF_INET6, SOCK_DGRAM, 0),
	ALLOW_SOCKET(AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6),
	ALLOW(accept),
	ALLOW(accept4),
	ALLOW(bind),
	ALLOW(close),
	ALLOW(connect),
	ALLOW(getpeername),
	ALLOW(getsockname),
	ALLOW(getsockopt),
	ALLOW(listen),
	ALLOW(poll),
	ALLOW(ppoll),
	ALLOW(recvfrom),
	ALLOW(recvmsg),
	ALLOW(sendto),
	ALLOW(setsockopt),
	ALLOW(shutdown),
	/* Not those by which a descriptor's owner gets a signal of one's choice: that may be iolite. */
	ALLOW_IF(fcntl, 1, WORD, F_GETFD),
	ALLOW_IF(fcntl, 1, WORD, F_SETFD),
	ALLOW_IF(fcntl, 1, WORD, F_GETFL),
	ALLOW_IF(fcntl, 1, WORD, F_SETFL),
	ALLOW_IF(fcntl, 1, WORD, F_DUPFD_CLOEXEC),
	ALLOW_IF(ioctl, 1, WORD, FIONBIO),
	ALLOW_IF(ioctl, 1, WORD, FIONREAD),
	/* The scope of a name server such as fe80::1%wlan0. */
	ALLOW_IF(ioctl, 1, WORD, SIOCGIFINDEX),
	/* /etc/resolv.conf, and what is said to /dev/null. */
	TRAP(openat),
	TRAP(newfstatat),
	ALLOW(fstat),
	ALLOW(lseek),
	ALLOW(read),
	ALLOW(write),
	ALLOW(writev),
	/* Memory, but no new code. */
	ALLOW(brk),
	ALLOW(madvise),
	ALLOW(mremap),
	ALLOW(munmap),
	ALLOW_IF(mmap, 2, PROT_EXEC, 0),
	ALLOW_IF(mprotect, 2, PROT_EXEC, 0),
	/* Clocks where the vDSO has none, and what libc does by itself. */
	ALLOW(clock_gettime),
	ALLOW(gettimeofday),
	ALLOW(futex),
	ALLOW(getpid),
	ALLOW(getrandom),
	ALLOW(gettid),
	ALLOW(restart_syscall),
	ALLOW(rt_sigaction),
	ALLOW(rt_sigprocmask),
	ALLOW(rt_sigreturn),
	ALLOW(sched_yield),
	ALLOW(sigaltstack), /* AddressSanitizer's, of builds for tests */
	ALLOW(exit),
	ALLOW(exit_group),
};

static int add_rule(const struct seccomp_calls *calls, scmp_filter_ctx ctx, const struct rule *rule,
		    struct iol_error *err)
{
	int ret = calls->rule_add_array(ctx, rule->action, rule->call, rule->arg_count, rule->args);

	if (ret)
		return iol_error_errno(err, ret, "libseccomp refuses rule %d", rule->call);
	return 0;
}

static int fill_filter(const struct seccomp_calls *calls, scmp_filter_ctx ctx,
		       struct iol_error *err)
{
	/* abort(), so that its end tells why. */
	const struct rule own_signals = ALLOW_IF(tgkill, 0, WORD, (scmp_datum_t)getpid());
	int ret;

	ret = calls->attr_set(ctx, SCMP_FLTATR_API_SYSRAWRC, 1);
	if (ret)
		return iol_error_errno(err, ret, "libseccomp is too old: 2.5 is needed");
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(rules); i++) {
		ret = add_rule(calls, ctx, &rules[i], err);
		if (ret)
			return ret;
	}
	return add_rule(calls, ctx, &own_signals, err);
}

static int set_filter(const struct seccomp_calls *calls, struct iol_error *err)
{
	scmp_filter_ctx ctx = calls->init(SCMP_ACT_ERRNO(EPERM));
	int ret;

	if (!ctx)
		return iol_error_set(err, -ENOMEM, "libseccomp makes no filter");
	ret = fill_filter(calls, ctx, err);
	if (!ret) {
		ret = calls->load(ctx);
		if (ret)
			iol_error_errno(err, ret, "cannot set a filter of system calls");
	}
	calls->release(ctx);
	return ret;
}

/* As libc has no function for it: without a filter's address it fails, by an error that tells. */
static bool kernel_filters(void)
{
	return !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) || errno == EFAULT;
}

/* What needs the rights that are given up: 1 with a text where there will be no filter. */
static int prepare_filter(struct seccomp_calls *calls, struct iol_error *err)
{
	int ret;

	if (!kernel_filters()) {
		if (errno == EINVAL)
			iol_error_set(err, 0, NO_FILTER "the kernel has no CONFIG_SECCOMP_FILTER");
		else
			iol_error_errno(err, -errno, NO_FILTER "the kernel refuses one");
		return 1;
	}
	ret = load_library(calls, err);
	if (!ret)
		keep_resolv_conf(err);
	return ret;
}

static int filter(const struct seccomp_calls *calls, struct iol_error *err)
{
	int ret = catch_traps(err);

	return ret ? ret : set_filter(calls, err);
}

#else

struct seccomp_calls {
	char none;
};

static int prepare_filter(struct seccomp_calls *calls, struct iol_error *err)
{
	(void)calls;
	iol_error_set(err, 0, NO_FILTER WHY_NO_FILTER);
	return 1;
}

static int filter(const struct seccomp_calls *calls, struct iol_error *err)
{
	(void)calls;
	(void)err;
	return 0;
}

#endif

static int give_up_rights(pid_t parent, struct iol_error *err)
{
	int ret = become_nobody(err);

	if (!ret)
		ret = iol_privileges_drop_capabilities(err);
	if (!ret)
		ret = end_with(parent, err);
	return ret ? ret : set_limits(err);
}

int iol_net_user_confine(struct iol_error *err)
{
	/* Its end has been ours so far. */
	pid_t parent = getppid();
	struct seccomp_calls calls;
	int unfiltered, ret;

	*err = (struct iol_error){ 0 };
	unfiltered = prepare_filter(&calls, err);
	if (unfiltered < 0)
		return unfiltered;
	ret = give_up_rights(parent, err);
	if (!ret && !unfiltered)
		ret = filter(&calls, err);
	return ret ? ret : unfiltered;
}
