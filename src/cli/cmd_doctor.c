// SPDX-License-Identifier: Apache-2.0
/*
 * `iolite doctor`: what this host can do for a guest, a line each, with the remedy for what is
 * missing. Changes nothing. Exit status 0 when nothing that iolite needs is missing.
 */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <iolite/arch.h>
#include <iolite/loop.h>
#include <iolite/vhost.h>

/*
 * Hardware runs a two-instruction loop at 10^8 turns a second and more, also inside a processor
 * emulated by software; KVM's instruction emulator at 10^5 to 3 * 10^6. Who else is busy makes a loop slower and never
 * faster, so the quickest of several counts.
 */
enum { LOOP_ITERATIONS = 100000, LOOP_TRIES = 3 };
#define LOOP_NS_MAX (10 * IOL_NS_PER_MS) /* at 10^7 a second */

enum verdict { OK, WARNING, MISSING };

struct doctor {
	bool missing; /* something that iolite needs */
};

iol_printf(4, 5) static void say(struct doctor *d, enum verdict verdict, const char *what,
				 const char *fmt, ...)
{
	static const char *const words[] = {
		[OK] = "ok", [WARNING] = "warning", [MISSING] = "missing"
	};
	va_list args;

	if (verdict == MISSING)
		d->missing = true;
	printf("%-8s %-19s ", words[verdict], what);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
}

static int check_device(struct doctor *d, const struct iol_arch *arch)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd >= 0) {
		say(d, OK, "kvm", "/dev/kvm can be opened");
		return fd;
	}
	if (errno == EACCES || errno == EPERM)
		say(d, MISSING, "kvm",
		    "/dev/kvm is not yours: join its group (usermod -aG kvm USER), then log in again");
	else if (errno == ENOENT)
		say(d, MISSING, "kvm", "no /dev/kvm: %s", arch->kvm->no_device_remedy);
	else
		say(d, MISSING, "kvm", "/dev/kvm: %s: is virtualization enabled in the firmware?",
		    strerror(errno));
	return -1;
}

static void check_version(struct doctor *d, int kvm_fd)
{
	int version = ioctl(kvm_fd, KVM_GET_API_VERSION, 0UL);

	if (version == KVM_API_VERSION)
		say(d, OK, "kvm-api", "version %d", version);
	else
		say(d, MISSING, "kvm-api", "version %d, needed is %d: a newer kernel", version,
		    KVM_API_VERSION);
}

static void check_caps(struct doctor *d, const struct iol_arch *arch, int kvm_fd)
{
	for (const struct iol_kvm_cap *cap = arch->kvm->caps; cap->name; cap++) {
		char what[32];

		snprintf(what, sizeof(what), "cap-%s", cap->name);
		if (ioctl(kvm_fd, KVM_CHECK_EXTENSION, (unsigned long)cap->cap) > 0)
			say(d, OK, what, "%s", cap->without ? "there" : "there (needed)");
		else if (cap->without)
			say(d, WARNING, what, "not there: %s; a newer kernel may have it",
			    cap->without);
		else
			say(d, MISSING, what, "needed: Linux 6.1 or newer has it");
	}
}

/* False: no guest should run here, not even for a test. */
static bool check_faults(struct doctor *d, const struct iol_arch *arch, int kvm_fd)
{
	struct iol_error why;

	if (!arch->kvm->host_faults)
		return true;
	fflush(stdout);
	switch (arch->kvm->host_faults(kvm_fd, true, &why)) {
	case IOL_HOST_OK:
		say(d, OK, "kvm-faults", "none: %s", why.msg);
		return true;
	case IOL_HOST_FAULTY:
		say(d, MISSING, "kvm-faults", "%s", why.msg);
		break;
	case IOL_HOST_UNKNOWN:
		say(d, WARNING, "kvm-faults", "%s", why.msg);
		break;
	}
	say(d, WARNING, "kernel-mode", "not tried, for what kvm-faults says");
	say(d, WARNING, "debug", "not tried, for what kvm-faults says");
	return false;
}

static void check_kernel_mode(struct doctor *d, const struct iol_arch *arch, int kvm_fd)
{
	uint64_t ns = UINT64_MAX;
	struct iol_error err;

	for (unsigned int i = 0; i < LOOP_TRIES && ns > LOOP_NS_MAX; i++) {
		uint64_t took_ns;

		if (arch->kvm->time_kernel_loop(kvm_fd, LOOP_ITERATIONS, &took_ns, &err)) {
			say(d, MISSING, "kernel-mode", "the test guest did not run: %s", err.msg);
			return;
		}
		if (took_ns < ns)
			ns = took_ns;
	}
	if (ns <= LOOP_NS_MAX) {
		say(d, OK, "kernel-mode",
		    "guest kernels run in hardware (%d loop turns in %" PRIu64 " us)",
		    LOOP_ITERATIONS, ns / 1000);
		return;
	}
	say(d, WARNING, "kernel-mode",
	    "guest kernels are emulated, not run (%d loop turns took %" PRIu64
	    " us): a Linux kernel will not boot; %s",
	    LOOP_ITERATIONS, ns / 1000, arch->kvm->emulated_remedy);
}

static bool points_lack(const struct iol_debug_caps *caps)
{
	return !caps->steps || (!caps->trap_bytes && !caps->hard_breaks) || !caps->hard_watches;
}

/* Runs guests without it all the same: nothing of it is ever missing. */
static void check_debug(struct doctor *d, const struct iol_arch *arch, int kvm_fd)
{
	const struct iol_arch_debug_ops *debug = arch->kvm->debug;
	struct iol_debug_caps caps = { .trap_port = -1 };
	struct iol_error err = { 0 };

	fflush(stdout);
	if (!debug)
		say(d, WARNING, "debug", "guests cannot be debugged on this architecture");
	else if (debug->probe(kvm_fd, &caps, &err))
		say(d, WARNING, "debug", "guests cannot be debugged (--gdb): %s", err.msg);
	else
		say(d, points_lack(&caps) ? WARNING : OK, "debug", "%s", caps.text);
}

static void check_io_uring(struct doctor *d)
{
	struct iol_error err;
	struct iol_loop loop;

	if (iol_loop_init(&loop, &err)) {
		say(d, MISSING, "io_uring", "%s", err.msg);
		return;
	}
	iol_loop_finish(&loop);
	say(d, OK, "io_uring", "rings can be set up");
}

static void check_tun(struct doctor *d)
{
	iol_auto(iol_fd_close) int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		say(d, OK, "tun", "/dev/net/tun can be opened");
	else
		say(d, WARNING, "tun",
		    "/dev/net/tun: %s: no tap networks; modprobe tun, and see to its permissions",
		    strerror(errno));
}

/* Nothing is lacking without it. */
static void check_vhost(struct doctor *d)
{
	iol_auto(iol_fd_close) int fd = open(IOL_VHOST_NET_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		say(d, OK, "vhost",
		    IOL_VHOST_NET_DEVICE " can be opened: the kernel passes the frames of taps");
	else
		say(d, OK, "vhost",
		    IOL_VHOST_NET_DEVICE
		    ": %s: iolite passes the frames of taps; faster: modprobe vhost_net, and see "
		    "to its permissions",
		    strerror(errno));
}

/* The first line of a small file of the kernel's, or NULL. */
static const char *read_line(const char *path, char *buf, size_t len)
{
	FILE *file = fopen(path, "re");
	const char *line = file ? fgets(buf, (int)len, file) : NULL;

	if (file)
		fclose(file);
	return line;
}

static void check_hugepages(struct doctor *d)
{
	char thp[128] = "", reserved[32] = "";

	read_line("/sys/kernel/mm/transparent_hugepage/enabled", thp, sizeof(thp));
	read_line("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", reserved,
		  sizeof(reserved));
	reserved[strcspn(reserved, "\n")] = '\0';
	if (strstr(thp, "[always]") || strstr(thp, "[madvise]"))
		say(d, OK, "hugepages",
		    "transparent huge pages back guest memory; %s of 2 MiB reserved",
		    *reserved ? reserved : "0");
	else
		say(d, WARNING, "hugepages",
		    "transparent huge pages are off, guests run slower: echo madvise > "
		    "/sys/kernel/mm/transparent_hugepage/enabled");
}

static void check_kvm(struct doctor *d)
{
	const struct iol_arch *arch = iol_arch_host();
	iol_auto(iol_fd_close) int kvm_fd = -1;

	if (!arch || !arch->kvm) {
		say(d, MISSING, "architecture", "iolite does not run guests on this one");
		return;
	}
	kvm_fd = check_device(d, arch);
	if (kvm_fd < 0)
		return;
	check_version(d, kvm_fd);
	check_caps(d, arch, kvm_fd);
	if (!check_faults(d, arch, kvm_fd))
		return;
	check_kernel_mode(d, arch, kvm_fd);
	check_debug(d, arch, kvm_fd);
}

int iol_cmd_doctor(int argc, char **argv)
{
	struct doctor d = { .missing = false };

	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		printf("Usage: iolite doctor\n\n"
		       "Prints what this host can do for guests: a line each, 'ok', 'warning' or "
		       "'missing',\nwith the remedy. Changes nothing. Exit status 1 when something is "
		       "missing that\niolite needs, else 0.\n");
		return IOL_EXIT_OK;
	}
	if (argc > 1)
		return iol_cli_fail(argv[0], IOL_EXIT_USAGE, "unexpected argument '%s'", argv[1]);
	check_kvm(&d);
	check_io_uring(&d);
	check_tun(&d);
	check_vhost(&d);
	check_hugepages(&d);
	return d.missing ? IOL_EXIT_HOST : IOL_EXIT_OK;
}
