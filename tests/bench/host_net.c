// SPDX-License-Identifier: Apache-2.0
/*
 * bench_host_net TAP key=value...: the load of tests/guest/x86_64/g_netbench.c without a machine around it,
 * and its result line: a loop of write(2) and read(2) on the tap, a frame at a time. Keys: op= ticks=.
 *
 * With op=tcp, that of g_tcpbench.c: a stream to the peer at 127.0.0.1, from the host's own TCP.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <x86intrin.h>

#include "load_times.h"
#include "net_frames.h"

enum { WARM_UP = 512, WAIT_MS = 10, LIMIT_MS = 5000 };

static int fd;
static uint64_t requests, all;
static uint32_t out_bytes = NET_HEADER + NET_SMALL;
static bool large;

/* Headers and frames, one way and the other. */
static union {
	struct virtio_net_hdr_mrg_rxbuf header;
	uint8_t bytes[NET_HEADER + NET_FRAME_MAX];
} out, in;

static _Noreturn void fail(const char *what, int code)
{
	fprintf(stderr, "bench_host_net: %s: %s\n", what, strerror(code));
	exit(1);
}

static void send_frame(void)
{
	ssize_t n = write(fd, out.bytes, out_bytes);

	if (n != (ssize_t)out_bytes)
		fail("write", n < 0 ? errno : EIO);
	all++;
}

static void receive_frame(void)
{
	if (read(fd, in.bytes, sizeof(in.bytes)) < NET_HEADER + NET_ETHERNET)
		fail("read", errno);
}

static void flood(uint64_t end, uint64_t count)
{
	uint64_t before = requests;

	for (; requests - before < count || __rdtsc() < end; requests++)
		send_frame();
}

static void ping(void)
{
	uint64_t start = __rdtsc();

	net_make_ping(out.bytes + NET_HEADER, (uint16_t)requests);
	send_frame();
	do
		receive_frame();
	while (!net_is_pong(in.bytes + NET_HEADER, (uint16_t)requests));
	load_time_note(__rdtsc() - start);
	requests++;
}

static void echo(uint64_t end, uint64_t count)
{
	uint64_t before = requests;

	while (requests - before < count || __rdtsc() < end)
		ping();
}

static void sink(uint64_t end, uint64_t count)
{
	static unsigned int uncredited;
	unsigned int credit = (large ? NET_WINDOW_LARGE : NET_WINDOW_SMALL) / NET_CREDITS;
	uint64_t before = requests;

	while (requests - before < count || __rdtsc() < end) {
		receive_frame();
		if (!net_is_load(in.bytes + NET_HEADER))
			continue;
		requests++;
		if (++uncredited == credit) {
			send_frame();
			uncredited = 0;
		}
	}
}

/* Of 64 KiB; counted in KiB. */
static void write_stream(uint64_t end, uint64_t count)
{
	uint64_t before = requests;

	while (requests - before < count || __rdtsc() < end) {
		ssize_t n = write(fd, in.bytes, NET_FRAME_MAX);

		if (n != NET_FRAME_MAX)
			fail("write", n < 0 ? errno : EIO);
		requests += NET_FRAME_MAX / 1024;
		all += NET_FRAME_MAX / 1024;
	}
}

static void connect_stream(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(NET_PORT),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		fail("127.0.0.1", errno);
}

/* The kernel notices only some time after us that there is somebody at the tap, and drops until then. */
static void await_answer(void)
{
	const uint16_t number = UINT16_MAX;

	net_make_ping(out.bytes + NET_HEADER, number);
	for (unsigned int i = 0; i < LIMIT_MS / WAIT_MS; i++) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };

		send_frame();
		while (poll(&pfd, 1, WAIT_MS) > 0) {
			receive_frame();
			if (net_is_pong(in.bytes + NET_HEADER, number))
				return;
		}
	}
	fail("a ping", ETIMEDOUT);
}

static void open_tap(const char *name, bool receives_large)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int header = NET_HEADER;

	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	strncpy(ifr.ifr_name, name, sizeof(ifr.ifr_name) - 1);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) || ioctl(fd, TUNSETVNETHDRSZ, &header) ||
	    ioctl(fd, TUNSETOFFLOAD, receives_large ? TUN_F_CSUM | TUN_F_TSO4 : 0))
		fail(name, errno);
}

/* What is sent again and again. */
static void make_frame(const char *op)
{
	uint8_t *frame = out.bytes + NET_HEADER;

	if (!strcmp(op, "tso")) {
		net_make_large(&out.header.hdr, frame, NET_NOBODY, NET_GUEST);
		out_bytes = NET_HEADER + NET_LARGE;
	} else if (!strncmp(op, "sink", 4)) {
		net_make_small(frame, NET_HOST, NET_GUEST, NET_TYPE_CREDIT);
	} else {
		net_make_small(frame, NET_NOBODY, NET_GUEST, NET_TYPE_LOAD);
	}
}

typedef void load_function(uint64_t end, uint64_t count);

static load_function *make_ready(const char *tap, const char *op)
{
	if (!strcmp(op, "tcp")) {
		connect_stream();
		return write_stream;
	}
	large = !strcmp(op, "sink_tso");
	open_tap(tap, large);
	make_frame(op);
	if (!strcmp(op, "echo")) {
		await_answer();
		return echo;
	}
	if (strncmp(op, "sink", 4) != 0)
		return flood;
	for (unsigned int i = 0; i < NET_CREDITS; i++)
		send_frame();
	return sink;
}

int main(int argc, char **argv)
{
	uint64_t duration = 100000000, start, ticks;
	const char *op = "flood";
	load_function *load;

	for (int i = 2; i < argc; i++) {
		if (!strncmp(argv[i], "op=", 3))
			op = argv[i] + 3;
		else if (!strncmp(argv[i], "ticks=", 6))
			duration = strtoull(argv[i] + 6, NULL, 0);
	}
	if (argc < 2) {
		fprintf(stderr, "usage: bench_host_net TAP key=value...\n");
		return 2;
	}
	load = make_ready(argv[1], op);
	load(0, WARM_UP);
	requests = 0;
	load_times_clear();
	start = __rdtsc();
	load(start + duration, 1);
	ticks = __rdtsc() - start;
	printf("bench requests=%ju ticks=%ju p50=%ju p99=%ju all=%ju\n", (uintmax_t)requests,
	       (uintmax_t)ticks, (uintmax_t)load_time_quantile(requests, 50),
	       (uintmax_t)load_time_quantile(requests, 99), (uintmax_t)all);
	return 0;
}
