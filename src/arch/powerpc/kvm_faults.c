// SPDX-License-Identifier: Apache-2.0
/*
 * Looks for the faults of host_faults.h on this host. On the loop's thread, or without one: before any guest runs.
 *
 * The first fault hangs a processor with interrupts off, against which no time limit helps. So it is looked for in what
 * the kernel says of itself; only where it is excluded a child process tries a guest of a few instructions. The
 * other faults are a BUG of the kernel in that child: it dies, and the kernel's log has a trace.
 */
#include "kvm_ppc.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <iolite/log.h>
#include <iolite/loop.h>

#include "host_faults.h"

/* --- what the kernel says of itself --- */

enum { TEXT_BYTES_MAX = 2 * 1024 * 1024 };

/* All of a small file, packed with gzip or not; NULL: it cannot be read, or there is no memory for it. */
static char *read_text(const char *path)
{
	gzFile file = gzopen(path, "re");
	char *text;
	int len;

	if (!file)
		return NULL;
	text = g_try_malloc(TEXT_BYTES_MAX + 1);
	len = text ? gzread(file, text, TEXT_BYTES_MAX) : -1;
	gzclose(file);
	if (len <= 0) {
		g_free(text);
		return NULL;
	}
	text[len] = '\0';
	return g_realloc(text, (gsize)len + 1);
}

struct texts {
	struct iol_ppc_host host;
	char *config_path, *config, *cmdline, *cpuinfo, *panic_on_oops;
};

static void read_config(struct texts *t)
{
	static const char *const paths[] = { "/proc/config.gz", "/boot/config-%s",
					     "/lib/modules/%s/config" };
	struct utsname uts;

	uname(&uts);
	for (unsigned int i = 0; !t->config && i < IOL_ARRAY_LEN(paths); i++) {
		const char *rest = strstr(paths[i], "%s");

		g_free(t->config_path);
		t->config_path = rest ? g_strdup_printf("%.*s%s%s", (int)(rest - paths[i]),
							paths[i], uts.release, rest + 2)
				      : g_strdup(paths[i]);
		t->config = read_text(t->config_path);
	}
}

static void read_texts(struct texts *t)
{
	*t = (struct texts){ .config = NULL };
	read_config(t);
	t->cmdline = read_text("/proc/cmdline");
	t->cpuinfo = read_text("/proc/cpuinfo");
	t->panic_on_oops = read_text("/proc/sys/kernel/panic_on_oops");
	if (t->panic_on_oops)
		g_strchomp(t->panic_on_oops);
	t->host = (struct iol_ppc_host){
		.config_path = t->config_path,
		.config = t->config,
		.cmdline = t->cmdline,
		.cpuinfo = t->cpuinfo,
		.panic_on_oops = t->panic_on_oops,
	};
}

static void free_texts(struct texts *t)
{
	g_free(t->config_path);
	g_free(t->config);
	g_free(t->cmdline);
	g_free(t->cpuinfo);
	g_free(t->panic_on_oops);
}

/* --- the guest --- */

#define GUEST_BYTES (128 * IOL_KIB)
/* Not in page 0, where KVM of e500v2 may have its magic page. */
#define CODE_GPA UINT64_C(0x10000)
#define NOWHERE_GPA UINT64_C(0x100000)
#define SYSCALL_OFFSET 0x100u /* what the code gives IVOR8 */

static const uint32_t code[] = {
	0x3ca00001, /* lis r5, CODE_GPA >> 16 */
	0x7cbf0ba6, /* mtspr IVPR, r5 */
	0x38c00100, /* li r6, SYSCALL_OFFSET */
	0x7cd863a6, /* mtspr IVOR8, r6 */
	0x90640000, /* stw r3, 0(r4): no memory is there */
	0x44000002, /* sc */
	0x48000000, /* b . */
};
static const uint32_t syscall_code[] = {
	0x90640004, /* stw r3, 4(r4) */
	0x48000000, /* b . */
};

static void put_code(const struct iol_memory *mem, uint64_t gpa, const uint32_t *words,
		     unsigned int count)
{
	uint8_t *place = iol_memory_ptr(mem, gpa, count * sizeof(*words));

	for (unsigned int i = 0; i < count; i++)
		be32_store(place + i * sizeof(*words), words[i]);
}

/* Until the guest stores to @gpa; false: it came out for another reason. */
static bool run_until(const struct iol_kvm_probe *p, uint64_t gpa)
{
	int ret;

	do {
		ret = ioctl(p->vcpu_fd, KVM_RUN, 0UL);
	} while (ret && errno == EINTR);
	return !ret && p->run->exit_reason == KVM_EXIT_MMIO && p->run->mmio.phys_addr == gpa;
}

static int make_guest(struct iol_kvm_probe *p, int kvm_fd, struct iol_error *err)
{
	const struct iol_memory_region ram = { .gpa = 0, .size_bytes = GUEST_BYTES };
	struct kvm_regs regs = { .pc = CODE_GPA };
	struct iol_ppc_tlb_entry *tlb; /* the process ends before anybody could free it */
	int ret = iol_kvm_probe_init(p, kvm_fd, 0, &ram, err);

	if (!ret)
		ret = iol_ppc_probe_add_vcpu(p, kvm_fd, CODE_GPA, &tlb, err);
	if (ret)
		return ret;
	put_code(&p->memory, CODE_GPA, code, IOL_ARRAY_LEN(code));
	put_code(&p->memory, CODE_GPA + SYSCALL_OFFSET, syscall_code, IOL_ARRAY_LEN(syscall_code));
	regs.gpr[4] = NOWHERE_GPA;
	return iol_kvm_ioctl(p->vcpu_fd, KVM_SET_REGS, &regs, "KVM_SET_REGS", err);
}

/* --- the child --- */

/* Each is told when it is reached. */
enum { TOLD_READY = 'r', TOLD_EXIT = 'e', TOLD_SYSCALL = 's' };

static void tell(int fd, char what)
{
	if (write(fd, &what, 1) != 1)
		_Exit(1);
}

static void child(int kvm_fd, int fd)
{
	struct iol_kvm_probe p;

	if (make_guest(&p, kvm_fd, NULL))
		_Exit(1);
	tell(fd, TOLD_READY);
	if (!run_until(&p, NOWHERE_GPA))
		_Exit(1);
	tell(fd, TOLD_EXIT);
	if (!run_until(&p, NOWHERE_GPA + 4))
		_Exit(1);
	tell(fd, TOLD_SYSCALL);
	_Exit(0);
}

/* --- its parent --- */

struct trial {
	pid_t pid;
	int fd; /* what the child tells */
	bool ready;
	enum iol_ppc_trial came;
	enum iol_ppc_trial_end end;
};

#define TRIAL_NS (10 * IOL_NS_PER_S)
#define REAP_NS (2 * IOL_NS_PER_S)
enum { REAP_STEP_MS = 10 };

static int ms_until(uint64_t deadline_ns)
{
	uint64_t now_ns = iol_loop_now_ns();

	return now_ns < deadline_ns ? (int)((deadline_ns - now_ns) / IOL_NS_PER_MS) + 1 : 0;
}

/* Until the child ends, which closes its end of the pipe, or has had its time. */
static void hear(struct trial *t)
{
	uint64_t deadline_ns = iol_loop_now_ns() + TRIAL_NS;
	struct pollfd pollfd = { .fd = t->fd, .events = POLLIN };
	char told;

	for (;;) {
		int ready = poll(&pollfd, 1, ms_until(deadline_ns));

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0 || read(t->fd, &told, 1) != 1)
			return;
		t->ready = true;
		if (told != TOLD_READY)
			t->came = told == TOLD_EXIT ? IOL_PPC_TRIAL_EXIT : IOL_PPC_TRIAL_SYSCALL;
	}
}

/* A child that a BUG has hit may never be gone: then it is left behind. */
static bool reap(struct trial *t)
{
	uint64_t deadline_ns = iol_loop_now_ns() + REAP_NS;
	int status;

	while (waitpid(t->pid, &status, WNOHANG) != t->pid) {
		if (!ms_until(deadline_ns))
			return false;
		poll(NULL, 0, REAP_STEP_MS);
	}
	t->end = WIFSIGNALED(status) ? IOL_PPC_TRIAL_KILLED : IOL_PPC_TRIAL_EXITED;
	return true;
}

static int start(struct trial *t, int kvm_fd, struct iol_error *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return iol_error_errno(err, -errno, "pipe");
	t->fd = ends[0];
	t->pid = fork();
	if (!t->pid)
		child(kvm_fd, ends[1]);
	close(ends[1]);
	if (t->pid < 0) {
		close(t->fd);
		return iol_error_errno(err, -errno, "fork");
	}
	return 0;
}

static enum iol_host_verdict try_guest(int kvm_fd, struct iol_error *why)
{
	struct trial t = { .came = IOL_PPC_TRIAL_NOTHING };

	if (start(&t, kvm_fd, why))
		return IOL_HOST_UNKNOWN;
	hear(&t);
	close(t.fd);
	if (!reap(&t)) {
		t.end = IOL_PPC_TRIAL_STUCK;
		kill(t.pid, SIGKILL);
		reap(&t);
		t.end = IOL_PPC_TRIAL_STUCK;
	}
	if (t.ready)
		return iol_ppc_judge_trial(t.came, t.end, why);
	iol_error_set(why, -ENOTSUP, "a test guest could not be made");
	return IOL_HOST_UNKNOWN;
}

enum iol_host_verdict iol_ppc_host_faults(int kvm_fd, bool try, struct iol_error *why)
{
	enum iol_host_verdict verdict;
	bool concerned;
	struct texts t;

	read_texts(&t);
	verdict = iol_ppc_judge_vectors(&t.host, &concerned, why);
	if (verdict == IOL_HOST_OK && concerned && try) {
		verdict = IOL_HOST_UNKNOWN;
		if (iol_ppc_may_try(&t.host, why)) {
			iol_log(IOL_LOG_WARN,
				"trying a small guest: if this kernel has one of the faults that are "
				"looked for, its log gets a BUG");
			verdict = try_guest(kvm_fd, why);
		}
	}
	free_texts(&t);
	return verdict;
}
