// SPDX-License-Identifier: Apache-2.0
/*
 * bench_net_peer [key=value...] -- COMMAND [ARGUMENT...]: runs COMMAND, a VMM or a program without a machine,
 * in a network namespace of its own, beside a tap "tap0", and is what lives at the other end of that. The
 * namespace goes with its last process, and the tap with the namespace; COMMAND is the first process of a process
 * namespace, so that what it has started goes with it: nothing is left behind, whatever ends us.
 *
 * Who answers, so that as little as possible runs beside what is measured:
 *   frames to nobody     nobody: the kernel counts and drops them
 *   pings                the kernel, within the system call that sends the ping
 *   op=sink, sink_tso    a process of ours that sends short frames, or TCP packets of 64 KiB that are yet to be
 *                        cut into segments: a part of the window for each credit of the receiver
 *   op=tcp               a process of ours that takes TCP streams at 127.0.0.1 and throws them away, for user
 *                        networks: the namespace has a loopback and a default route, to nowhere
 *
 * Prints what COMMAND took and what the tap saw: "peer cpu_ns=N user_ns=N sleeps=N frames=N bytes=N sent=N
 * lost=N taken=N", the first three without our own; frames came from COMMAND, sent and lost went to it, taken are bytes
 * of streams. Exit status: COMMAND's, 1 what went wrong, 77 there is no namespace or no tap to be had.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net_frames.h"

#define TAP "tap0"

enum {
	LIMIT_S = 60,
	DRAIN_S = 5,
	SKIPPED = 77,
	BATCH_MAX = NET_WINDOW_SMALL / NET_CREDITS,
	TAKE_BYTES = 1 << 20,
	BUFFER_BYTES = 16 << 20,
};

static struct {
	bool active, large;
	int credits, frames; /* packet sockets */
} sender;

static struct {
	bool active;
	int listener;
	uint64_t *taken; /* shared with the process that takes */
} stream;

static pid_t command_pid, helper_pid; /* the latter 0: there is none */

static _Noreturn void fail(int status, const char *what)
{
	fprintf(stderr, "bench_net_peer: %s: %s\n", what, strerror(errno));
	exit(status);
}

/* --- the namespace --- */

static void make_tap(void)
{
	struct ifreq ifr = { .ifr_name = TAP, .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) || ioctl(fd, TUNSETPERSIST, 1))
		fail(SKIPPED, "/dev/net/tun, a tap");
	close(fd);
}

/* Neighbour discovery would be frames that nobody asked for. */
static void leave_out_ipv6(void)
{
	int fd = open("/proc/sys/net/ipv6/conf/" TAP "/disable_ipv6", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return; /* a kernel without it */
	if (write(fd, "1", 1) != 1)
		fail(1, "disable_ipv6");
	close(fd);
}

static void set_mac(struct sockaddr *to, enum net_station station)
{
	uint8_t frame[NET_ETHERNET];

	net_make_ethernet(frame, station, station, 0);
	to->sa_family = ARPHRD_ETHER;
	memcpy(to->sa_data, frame, 6);
}

static void set_address(struct sockaddr *to, uint32_t address)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(address) };

	memcpy(to, &in, sizeof(in));
}

static void switch_on(int fd, const char *name)
{
	struct ifreq ifr = { .ifr_flags = IFF_UP | IFF_BROADCAST | IFF_MULTICAST };

	strncpy(ifr.ifr_name, name, sizeof(ifr.ifr_name) - 1);
	if (ioctl(fd, SIOCSIFFLAGS, &ifr))
		fail(1, "an interface cannot be switched on");
}

static void set_up_interface(int fd, enum net_station station)
{
	struct ifreq ifr = { .ifr_name = TAP };

	set_mac(&ifr.ifr_hwaddr, NET_HOST);
	if (ioctl(fd, SIOCSIFHWADDR, &ifr))
		fail(1, "the tap's MAC address");
	set_address(&ifr.ifr_addr, NET_ADDRESS | station);
	if (ioctl(fd, SIOCSIFADDR, &ifr))
		fail(1, "the tap's IP address");
	set_address(&ifr.ifr_netmask, 0xffffff00);
	if (ioctl(fd, SIOCSIFNETMASK, &ifr))
		fail(1, "the tap's netmask");
	switch_on(fd, TAP);
}

/* Where the guest is: nobody has to ask. */
static void set_up_neighbour(int fd)
{
	struct arpreq guest = { .arp_flags = ATF_PERM | ATF_COM, .arp_dev = TAP };

	set_address(&guest.arp_pa, NET_ADDRESS | NET_GUEST);
	set_mac(&guest.arp_ha, NET_GUEST);
	if (ioctl(fd, SIOCSARP, &guest))
		fail(1, "the guest as a neighbour");
}

/* Passt takes the address and the gateway of the host for those of the guest. */
static void set_up_route(int fd)
{
	struct rtentry route = { .rt_flags = RTF_UP | RTF_GATEWAY };

	switch_on(fd, "lo");
	set_address(&route.rt_dst, 0);
	set_address(&route.rt_genmask, 0);
	set_address(&route.rt_gateway, NET_ADDRESS | NET_USER_GATEWAY);
	if (ioctl(fd, SIOCADDRT, &route))
		fail(1, "a default route");
}

static void set_up_network(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		fail(1, "a socket");
	set_up_interface(fd, stream.active ? NET_USER_GUEST : NET_HOST);
	if (stream.active)
		set_up_route(fd);
	else
		set_up_neighbour(fd);
	close(fd);
}

/* --- the sender --- */

static int packet_socket(unsigned int type)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_protocol = htons((uint16_t)type),
				  .sll_ifindex = (int)if_nametoindex(TAP) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)))
		fail(1, "a packet socket");
	return fd;
}

/* Before the command starts, so that its first credits are not missed. */
static void prepare_sender(void)
{
	int on = 1;

	sender.credits = packet_socket(NET_TYPE_CREDIT);
	sender.frames = packet_socket(0);
	/* No queue before that of the tap, which is longer than the window: no loss that we would not see. */
	if (setsockopt(sender.frames, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)) ||
	    setsockopt(sender.frames, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)))
		fail(1, "options of a packet socket");
}

/* The tap drops frames when there is nobody at it (any more), and counts them. */
static void send_batch(struct mmsghdr *messages, unsigned int count)
{
	unsigned int done = 0;

	while (done < count) {
		int n = sendmmsg(sender.frames, messages + done, count - done, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != ENOBUFS && errno != ENETDOWN)
			fail(1, "sending a frame");
		done += n > 0 ? (unsigned int)n : 1;
	}
}

/* Until it is killed. */
static _Noreturn void send_for_credits(void)
{
	static uint8_t frame[NET_FRAME_MAX];
	struct virtio_net_hdr header = { 0 };
	struct iovec iov[] = { { &header, sizeof(header) }, { frame, NET_SMALL } };
	unsigned int batch = (sender.large ? NET_WINDOW_LARGE : NET_WINDOW_SMALL) / NET_CREDITS;
	struct mmsghdr messages[BATCH_MAX];
	uint8_t credit[NET_SMALL];

	if (sender.large) {
		iov[1].iov_len = NET_LARGE;
		net_make_large(&header, frame, NET_GUEST, NET_HOST);
	} else {
		net_make_small(frame, NET_GUEST, NET_HOST, NET_TYPE_LOAD);
	}
	for (unsigned int i = 0; i < batch; i++)
		messages[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = iov, .msg_iovlen = 2 } };
	for (;;) {
		if (recv(sender.credits, credit, sizeof(credit), 0) > 0)
			send_batch(messages, batch);
		else if (errno != EINTR)
			fail(1, "receiving a credit");
	}
}

/* --- the taker of streams --- */

/*
 * Before the command starts, so that it finds us. With room for what comes while we wait for a processor: libslirp
 * tells a guest of a window that opens again only when it is asked, and guests ask five times a second.
 */
static void prepare_taker(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons(NET_PORT),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int bytes = BUFFER_BYTES;

	stream.taken = mmap(NULL, sizeof(*stream.taken), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	stream.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (stream.taken == MAP_FAILED || stream.listener < 0 ||
	    setsockopt(stream.listener, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) ||
	    bind(stream.listener, (struct sockaddr *)&at, sizeof(at)) || listen(stream.listener, 1))
		fail(1, "a listening socket");
}

/* Until nobody listens any more. Nothing is copied: what is measured is how it gets here. */
static _Noreturn void take_streams(void)
{
	for (;;) {
		int fd = accept4(stream.listener, NULL, NULL, SOCK_CLOEXEC);
		ssize_t n;

		if (fd < 0)
			_exit(0); /* end_helper() */
		while ((n = recv(fd, NULL, TAKE_BYTES, MSG_TRUNC)) > 0)
			__atomic_fetch_add(stream.taken, (uint64_t)n, __ATOMIC_RELAXED);
		close(fd);
	}
}

/* --- processes --- */

/* The signals that we wait for; children have them as usual. */
static void signals_of_interest(sigset_t *set)
{
	const int wanted[] = { SIGCHLD, SIGINT, SIGTERM, SIGHUP };

	sigemptyset(set);
	for (unsigned int i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		sigaddset(set, wanted[i]);
}

/* A child that does not outlive us, in a process group of its own. */
static pid_t fork_child(void)
{
	pid_t pid = fork();
	sigset_t set;

	if (pid < 0)
		fail(1, "fork");
	if (pid)
		return pid;
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signals_of_interest(&set);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	return 0;
}

/* The command's process group still has its number: nobody has waited for it yet. */
static void kill_command(void)
{
	setpgid(command_pid, command_pid); /* it may not have come to it */
	kill(-command_pid, SIGKILL);
}

/* After the command. Whoever takes a stream has some time to come to its end. */
static void end_helper(void)
{
	struct timespec limit = { .tv_sec = DRAIN_S };
	siginfo_t ended = { 0 };
	sigset_t set;

	if (!helper_pid)
		return;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (stream.active && !shutdown(stream.listener, SHUT_RD))
		while (!waitid(P_PID, (id_t)helper_pid, &ended, WEXITED | WNOHANG | WNOWAIT) &&
		       !ended.si_pid)
			if (sigtimedwait(&set, NULL, &limit) < 0 && errno == EAGAIN)
				break;
	kill(helper_pid, SIGKILL);
	waitpid(helper_pid, NULL, 0);
}

/* Until the command ends; its status. What else ends us, or takes too long, ends it, too. */
static int await_command(struct rusage *usage)
{
	struct timespec limit = { .tv_sec = LIMIT_S };
	siginfo_t ended = { 0 };
	int status, signal;
	sigset_t set;

	signals_of_interest(&set);
	while (!waitid(P_PID, (id_t)command_pid, &ended, WEXITED | WNOHANG | WNOWAIT) &&
	       !ended.si_pid) {
		signal = sigtimedwait(&set, NULL, &limit);
		if (signal == SIGCHLD || (signal < 0 && errno == EINTR))
			continue;
		kill_command();
		fprintf(stderr, "bench_net_peer: %s\n",
			signal < 0 ? "it took too long" : "ended by a signal");
		waitpid(command_pid, NULL, 0);
		exit(1);
	}
	kill_command();
	if (wait4(command_pid, &status, 0, usage) != command_pid)
		fail(1, "wait4");
	return status;
}

/* --- what came of it --- */

static uint64_t ns_of(struct timeval tv)
{
	return (uint64_t)tv.tv_sec * 1000000000u + (uint64_t)tv.tv_usec * 1000u;
}

/* As the namespace's /sys/class/net/tap0/statistics, which would have to be mounted to be seen. */
static void print_result(const struct rusage *usage)
{
	unsigned long long bytes = 0, frames = 0, sent = 0, lost = 0;
	char line[512];
	FILE *f = fopen("/proc/self/net/dev", "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, " " TAP ": %llu %llu %*u %*u %*u %*u %*u %*u %*u %llu %*u %llu",
			   &bytes, &frames, &sent, &lost) == 4)
			break;
	if (f)
		fclose(f);
	printf("peer cpu_ns=%ju user_ns=%ju sleeps=%ld frames=%llu bytes=%llu sent=%llu lost=%llu taken=%ju\n",
	       (uintmax_t)(ns_of(usage->ru_utime) + ns_of(usage->ru_stime)),
	       (uintmax_t)ns_of(usage->ru_utime), usage->ru_nvcsw, frames, bytes, sent, lost,
	       (uintmax_t)(stream.active ? *stream.taken : 0));
}

static char **parse(char **argv)
{
	for (; *argv && strcmp(*argv, "--") != 0; argv++) {
		sender.large = sender.large || !strcmp(*argv, "op=sink_tso");
		sender.active = sender.active || !strcmp(*argv, "op=sink");
		stream.active = stream.active || !strcmp(*argv, "op=tcp");
	}
	sender.active = sender.active || sender.large;
	if (!argv[0] || !argv[1]) {
		fprintf(stderr, "usage: bench_net_peer [key=value...] -- COMMAND [ARGUMENT...]\n");
		exit(2);
	}
	return argv + 1;
}

int main(int argc, char **argv)
{
	char **command = parse(argv + (argc > 0));
	struct rusage usage;
	sigset_t set;
	int status;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	signals_of_interest(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (unshare(CLONE_NEWNET))
		fail(SKIPPED, "a network namespace (root may make one)");
	make_tap();
	leave_out_ipv6();
	set_up_network();
	if (sender.active)
		prepare_sender();
	if (stream.active)
		prepare_taker();
	if (sender.active || stream.active) {
		helper_pid = fork_child();
		if (!helper_pid && stream.active)
			take_streams();
		if (!helper_pid)
			send_for_credits();
	}
	if (unshare(CLONE_NEWPID))
		fail(SKIPPED, "a process namespace");
	command_pid = fork_child();
	if (!command_pid) {
		execvp(command[0], command);
		fail(127, command[0]);
	}
	status = await_command(&usage);
	end_helper();
	print_result(&usage);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
