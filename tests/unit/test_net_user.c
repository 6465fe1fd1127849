// SPDX-License-Identifier: Apache-2.0
/* User-mode networking: a guest of hand-made frames before the process of libslirp, in a network of the test's own. */
#include <iolite/net.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <iolite/endian.h>
#include <iolite/log.h>

#include "backend/net_user_confine.h"
#include "net_rig.h"

enum {
	ETHERNET = 14,
	IP = 20,
	UDP = 8,
	TCP = 20,
	TYPE_IP = 0x0800,
	TYPE_ARP = 0x0806,
	TYPE_IP6 = 0x86dd,
	GUEST = 0x0a00020f, /* 10.0.2.15 */
	HOST = 0x0a000202,
	FIN = 1,
	SYN = 2,
	ACK = 16,
};

static const uint8_t guest_mac[6] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };

static int try_user(struct net_fixture *f, struct iol_net_user_config config, struct iol_net **net,
		    struct iol_error *err)
{
	config.name = "net u";
	config.ipv4 = true;
	config.ipv6 = true;
	return iol_net_user_new(&f->loop, &config, net, err);
}

static void start_user(struct net_fixture *f, struct iol_net_user_config config)
{
	struct iol_error err = { 0 };
	struct iol_net *net = NULL;

	if (try_user(f, config, &net, &err))
		g_error("%s", err.msg);
	net_device_start(&f->dev, net);
	g_assert_true(net->link_up);
}

/* --- frames --- */

static uint32_t sum_of(const uint8_t *data, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += i & 1 ? data[i] : (uint32_t)data[i] << 8;
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void send_frame(struct net_fixture *f, const uint8_t *frame, size_t len)
{
	int ret = net_device_send(&f->dev, 0, frame, len);

	while (ret == -EAGAIN) {
		f->dev.writable[0] = 0;
		iol_net_await(f->dev.net, 0, false, true);
		NET_TURN_UNTIL(&f->loop, f->dev.writable[0]);
		ret = net_device_send(&f->dev, 0, frame, len);
	}
	g_assert_cmpint(ret, ==, 0);
}

/* Of the next packet: where in a longer one it is. */
static uint16_t fragment;

/* Fills what is before the data, which is at its place in @frame, and sends it all. */
static void send_ip(struct net_fixture *f, uint8_t *frame, uint8_t protocol, uint32_t from,
		    uint32_t to, size_t len)
{
	uint8_t *ip = frame + ETHERNET;

	memset(frame, 0xff, 6);
	memcpy(frame + 6, guest_mac, 6);
	be16_store(frame + 12, TYPE_IP);
	memset(ip, 0, IP);
	ip[0] = 0x45;
	be16_store(ip + 2, (uint16_t)(IP + len));
	be16_store(ip + 6, fragment);
	ip[8] = 64;
	ip[9] = protocol;
	be32_store(ip + 12, from);
	be32_store(ip + 16, to);
	be16_store(ip + 10, fold(sum_of(ip, IP)));
	send_frame(f, frame, ETHERNET + IP + len);
}

static void send_udp(struct net_fixture *f, uint32_t from, uint16_t port, uint32_t to,
		     uint16_t to_port, const void *data, size_t len)
{
	uint8_t frame[1500] = { 0 }, *udp = frame + ETHERNET + IP;

	be16_store(udp, port);
	be16_store(udp + 2, to_port);
	be16_store(udp + 4, (uint16_t)(UDP + len));
	memcpy(udp + UDP, data, len);
	send_ip(f, frame, IPPROTO_UDP, from, to, UDP + len);
}

static void send_tcp(struct net_fixture *f, uint32_t to, uint16_t port, uint16_t to_port,
		     uint32_t seq, uint32_t ack, uint8_t flags, const char *data)
{
	uint8_t frame[1500] = { 0 }, *tcp = frame + ETHERNET + IP, pseudo[12] = { 0 };
	size_t len = TCP + strlen(data);

	be16_store(tcp, port);
	be16_store(tcp + 2, to_port);
	be32_store(tcp + 4, seq);
	be32_store(tcp + 8, ack);
	tcp[12] = TCP / 4 << 4;
	tcp[13] = flags;
	be16_store(tcp + 14, 8192);
	memcpy(tcp + TCP, data, strlen(data));
	be32_store(pseudo, GUEST);
	be32_store(pseudo + 4, to);
	pseudo[9] = IPPROTO_TCP;
	be16_store(pseudo + 10, (uint16_t)len);
	be16_store(tcp + 16, fold(sum_of(pseudo, sizeof(pseudo)) + sum_of(tcp, len)));
	send_ip(f, frame, IPPROTO_TCP, GUEST, to, len);
}

/* The guest is 10.0.2.15, and says so. */
static void answer_arp(struct net_fixture *f)
{
	uint8_t *arp = f->frame + ETHERNET, reply[60] = { 0 };

	if (f->len < ETHERNET + 28 || be16_load(f->frame + 12) != TYPE_ARP ||
	    be16_load(arp + 6) != 1 || be32_load(arp + 24) != GUEST)
		return;
	memcpy(reply, f->frame + 6, 6);
	memcpy(reply + 6, guest_mac, 6);
	be16_store(reply + 12, TYPE_ARP);
	memcpy(reply + ETHERNET, arp, 8);
	be16_store(reply + ETHERNET + 6, 2);
	memcpy(reply + ETHERNET + 8, guest_mac, 6);
	be32_store(reply + ETHERNET + 14, GUEST);
	memcpy(reply + ETHERNET + 18, arp + 8, 10);
	send_frame(f, reply, sizeof(reply));
}

static void next_frame(struct net_fixture *f)
{
	ssize_t len = net_device_wait_frame(&f->dev, 1, f->frame, sizeof(f->frame));

	g_assert_cmpint(len, >=, ETHERNET);
	f->len = (size_t)len;
	answer_arp(f);
}

/* What follows the IP header of the next frame of @protocol, at most 10 s away. */
static const uint8_t *await_ip(struct net_fixture *f, uint8_t protocol)
{
	do
		next_frame(f);
	while (f->len < ETHERNET + IP + UDP || be16_load(f->frame + 12) != TYPE_IP ||
	       f->frame[ETHERNET + 9] != protocol);
	return f->frame + ETHERNET + IP;
}

/* The next segment of TCP with data or @flags in it. */
static const uint8_t *await_tcp(struct net_fixture *f, uint8_t flags, const char **data)
{
	const uint8_t *tcp;

	do {
		tcp = await_ip(f, IPPROTO_TCP);
		*data = (const char *)tcp + (tcp[12] >> 4) * 4;
		f->frame[MIN(ETHERNET + (size_t)be16_load(f->frame + ETHERNET + 2),
			     sizeof(f->frame) - 1)] = '\0';
	} while (flags ? (tcp[13] & flags) != flags : !**data);
	return tcp;
}

/* A guest that asks for its address: what it is offered. */
static uint32_t ask_dhcp(struct net_fixture *f)
{
	uint8_t request[548] = { 1, 1, 6, 0, 0xde, 0xad, 0xbe, 0xef };
	const uint8_t *udp;

	memcpy(request + 28, guest_mac, 6);
	memcpy(request + 236, "\x63\x82\x53\x63\x35\x01\x01\xff", 8); /* DISCOVER */
	send_udp(f, 0, 68, 0xffffffff, 67, request, sizeof(request));
	do
		udp = await_ip(f, IPPROTO_UDP);
	while (be16_load(udp + 2) != 68);
	g_assert_cmphex(be32_load(udp + UDP + 4), ==, 0xdeadbeef);
	g_assert_cmpmem(udp + UDP + 236, 7, "\x63\x82\x53\x63\x35\x01\x02", 7); /* OFFER */
	return be32_load(udp + UDP + 16);
}

/* --- the host --- */

static int host_socket(int type, uint16_t port, bool binds)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	struct timeval limit = { .tv_sec = 10 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (binds)
		g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	else
		g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	return fd;
}

/* As recvfrom(2). Work of io_uring's may interrupt it. */
static ssize_t host_receive(int fd, void *buf, size_t size, struct sockaddr_in *from)
{
	socklen_t from_len = sizeof(*from);
	ssize_t len;

	do
		len = recvfrom(fd, buf, size, 0, (struct sockaddr *)from, from ? &from_len : NULL);
	while (len < 0 && errno == EINTR);
	if (len < 0)
		g_error("nothing came: %s", g_strerror(errno));
	return len;
}

/* --- tests --- */

static void test_dhcp(struct net_fixture *f, gconstpointer data)
{
	(void)data;
	start_user(f, (struct iol_net_user_config){ .hostname = "guest" });
	g_assert_cmpuint(f->dev.net->limits.mtu, ==, 1500);
	g_assert_cmphex(ask_dhcp(f), ==, GUEST);
	iol_net_free(f->dev.net);
	start_user(f, (struct iol_net_user_config){ .net4 = "192.168.5.0/24",
						    .dhcp_start = "192.168.5.77",
						    .mtu = 9000 });
	g_assert_cmphex(ask_dhcp(f), ==, 0xc0a8054d);
	g_assert_cmpuint(f->dev.net->limits.mtu, ==, 9000);
	iol_net_free(f->dev.net);
}

static void test_tcp_forward(struct net_fixture *f, gconstpointer data)
{
	const char *forwards[] = { "tcp:127.0.0.1:2222-:22", NULL }, *text;
	const uint8_t *tcp;
	uint32_t seq, peer;
	uint16_t port;
	char got[16] = "";
	int host;

	(void)data;
	start_user(f, (struct iol_net_user_config){ .forwards = forwards });
	host = host_socket(SOCK_STREAM, 2222, false);
	tcp = await_tcp(f, SYN, &text);
	g_assert_cmpuint(be16_load(tcp + 2), ==, 22);
	port = be16_load(tcp);
	seq = be32_load(tcp + 4);
	peer = be32_load(f->frame + ETHERNET + 12);
	send_tcp(f, peer, 22, port, 1000, seq + 1, SYN | ACK, "");
	await_tcp(f, ACK, &text);
	g_assert_cmpint(send(host, "from the host", 13, 0), ==, 13);
	await_tcp(f, 0, &text);
	g_assert_cmpstr(text, ==, "from the host");
	send_tcp(f, peer, 22, port, 1001, seq + 1 + 13, ACK, "from guest");
	g_assert_cmpint(host_receive(host, got, sizeof(got) - 1, NULL), ==, 10);
	g_assert_cmpstr(got, ==, "from guest");
	iol_fd_close(&host);
	await_tcp(f, FIN, &text);
	iol_net_free(f->dev.net);
}

static void test_udp(struct net_fixture *f, gconstpointer data)
{
	const char *forwards[] = { "udp:127.0.0.1:5353-:53", NULL };
	struct sockaddr_in from;
	const uint8_t *udp;
	char got[16] = "";
	int host;

	(void)data;
	start_user(f, (struct iol_net_user_config){ .forwards = forwards });
	g_assert_cmphex(ask_dhcp(f), ==, GUEST);
	/* Out, and the answer. */
	host = host_socket(SOCK_DGRAM, 7777, true);
	send_udp(f, GUEST, 4000, HOST, 7777, "ping", 4);
	g_assert_cmpint(host_receive(host, got, sizeof(got), &from), ==, 4);
	g_assert_cmpstr(got, ==, "ping");
	g_assert_cmpint(sendto(host, "pong", 4, 0, (struct sockaddr *)&from, sizeof(from)), ==, 4);
	udp = await_ip(f, IPPROTO_UDP);
	g_assert_cmphex(be32_load(f->frame + ETHERNET + 12), ==, HOST);
	g_assert_cmpuint(be16_load(udp), ==, 7777);
	g_assert_cmpuint(be16_load(udp + 2), ==, 4000);
	g_assert_cmpmem(udp + UDP, 4, "pong", 4);
	iol_fd_close(&host);
	/* In. */
	host = host_socket(SOCK_DGRAM, 5353, false);
	g_assert_cmpint(send(host, "query", 5, 0), ==, 5);
	udp = await_ip(f, IPPROTO_UDP);
	g_assert_cmpuint(be16_load(udp + 2), ==, 53);
	g_assert_cmpmem(udp + UDP, 5, "query", 5);
	iol_fd_close(&host);
	iol_net_free(f->dev.net);
}

/* The first IPv4 name server of the host's, which is made one of this network: its socket; -1: there is none. */
static int play_name_server(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(53) };
	struct ifreq ifr = { .ifr_name = "lo:1" };
	struct timeval limit = { .tv_sec = 10 };
	char line[512], text[64] = "";
	FILE *file = fopen("/etc/resolv.conf", "re");
	bool found = false;
	int fd;

	while (file && !found && fgets(line, sizeof(line), file))
		found = sscanf(line, "nameserver %63s", text) == 1 &&
			inet_pton(AF_INET, text, &address.sin_addr) == 1;
	if (file)
		fclose(file);
	if (!found)
		return -1;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	memcpy(&ifr.ifr_addr, &address, sizeof(address));
	ioctl(fd, SIOCSIFADDR, &ifr); /* may be the loopback's already */
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	return fd;
}

/* libslirp looks it up when the guest asks, by which time it may open no file. */
static void test_name_server(struct net_fixture *f, gconstpointer data)
{
	struct sockaddr_in from;
	const uint8_t *udp;
	char got[16] = "";
	int server;

	(void)data;
	if (getenv("IOLITE_EMULATED")) {
		g_test_skip(
			"qemu-user has /etc/resolv.conf in a folder that the process of libslirp may not enter");
		return;
	}
	server = play_name_server();
	if (server < 0) {
		g_test_skip("this host's /etc/resolv.conf names no IPv4 server");
		return;
	}
	start_user(f, (struct iol_net_user_config){ 0 });
	g_assert_cmphex(ask_dhcp(f), ==, GUEST);
	send_udp(f, GUEST, 4000, HOST + 1, 53, "query", 5);
	g_assert_cmpint(host_receive(server, got, sizeof(got), &from), ==, 5);
	g_assert_cmpint(sendto(server, "answer", 6, 0, (struct sockaddr *)&from, sizeof(from)), ==,
			6);
	do
		udp = await_ip(f, IPPROTO_UDP);
	while (be16_load(udp) != 53);
	g_assert_cmphex(be32_load(f->frame + ETHERNET + 12), ==, HOST + 1);
	g_assert_cmpmem(udp + UDP, 6, "answer", 6);
	iol_fd_close(&server);
	iol_net_free(f->dev.net);
}

/* A packet longer than a frame, in pieces. */
static void test_pieces(struct net_fixture *f, gconstpointer data)
{
	enum { DATA = 3000, PIECE = 1480 };
	g_autofree uint8_t *packet = g_malloc0(UDP + DATA), *got = g_malloc0(DATA + 1);
	uint8_t frame[1514];
	int host;

	(void)data;
	start_user(f, (struct iol_net_user_config){ 0 });
	g_assert_cmphex(ask_dhcp(f), ==, GUEST);
	host = host_socket(SOCK_DGRAM, 7777, true);
	be16_store(packet, 4000);
	be16_store(packet + 2, 7777);
	be16_store(packet + 4, UDP + DATA);
	for (size_t i = 0; i < DATA; i++)
		packet[UDP + i] = (uint8_t)(i * 2654435761u >> 24);
	for (size_t at = 0; at < UDP + DATA; at += PIECE) {
		size_t len = MIN(UDP + DATA - at, PIECE);

		memcpy(frame + ETHERNET + IP, packet + at, len);
		fragment = (uint16_t)(at / 8 | (at + len < UDP + DATA ? 0x2000 : 0));
		send_ip(f, frame, IPPROTO_UDP, GUEST, HOST, len);
	}
	fragment = 0;
	g_assert_cmpint(host_receive(host, got, DATA + 1, NULL), ==, DATA);
	g_assert_cmpmem(got, DATA, packet + UDP, DATA);
	iol_fd_close(&host);
	iol_net_free(f->dev.net);
}

static void test_forward_by_ipv6(struct net_fixture *f, gconstpointer data)
{
	const char *forwards[] = { "tcp:[::1]:8080-[fec0::15]:80", NULL };
	struct sockaddr_in6 address = { .sin6_family = AF_INET6,
					.sin6_port = htons(8080),
					.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	const uint8_t target[16] = { 0xfe, 0xc0, [15] = 0x15 };
	int host = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)data;
	if (host < 0 || (bind(host, (struct sockaddr *)&address, sizeof(address)))) {
		g_test_skip("this host has no IPv6");
		iol_fd_close(&host);
		return;
	}
	iol_fd_close(&host);
	host = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	start_user(f, (struct iol_net_user_config){ .forwards = forwards });
	g_assert_cmpint(connect(host, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	/* libslirp asks who has the guest's address. */
	do
		next_frame(f);
	while (be16_load(f->frame + 12) != TYPE_IP6 || f->len < ETHERNET + 40 + 24 ||
	       f->frame[ETHERNET + 40] != 135);
	g_assert_cmpmem(f->frame + ETHERNET + 48, 16, target, 16);
	iol_fd_close(&host);
	iol_net_free(f->dev.net);
}

static void test_restricted(struct net_fixture *f, gconstpointer data)
{
	struct pollfd pfd = { .events = POLLIN };

	(void)data;
	start_user(f, (struct iol_net_user_config){ .restricted = true });
	g_assert_cmphex(ask_dhcp(f), ==, GUEST);
	pfd.fd = host_socket(SOCK_DGRAM, 7777, true);
	send_udp(f, GUEST, 4000, HOST, 7777, "ping", 4);
	/* Its answer shows that the frame before was looked at. */
	g_assert_cmphex(ask_dhcp(f), ==, GUEST);
	g_assert_cmpint(poll(&pfd, 1, 100), ==, 0);
	iol_fd_close(&pfd.fd);
	iol_net_free(f->dev.net);
}

static void test_descriptors(struct net_fixture *f, gconstpointer data)
{
	int extra = fcntl(0, F_DUPFD, 50); /* without close-on-exec */
	g_autofree char *resolv_conf = realpath("/etc/resolv.conf", NULL);
	unsigned int fds, links = 0;
	pid_t pid;

	(void)data;
	net_turn(&f->loop);
	fds = net_open_fds();
	start_user(f, (struct iol_net_user_config){ 0 });
	iol_net_await(f->dev.net, 0, true, true);
	pid = net_child_of(getpid());
	g_assert_cmpint(pid, >, 0);
	for (unsigned int fd = 0; fd < 100; fd++) {
		g_autofree char *path = g_strdup_printf("/proc/%d/fd/%u", (int)pid, fd);
		char link[64] = "";

		if (readlink(path, link, sizeof(link) - 1) < 0)
			continue;
		links++;
		if (strcmp(link, "/dev/null") && !(fd == 3 && g_str_has_prefix(link, "socket:")) &&
		    g_strcmp0(link, resolv_conf))
			g_error("descriptor %u of the child is %s", fd, link);
	}
	if (links) { /* nobody may look into another's, in some containers */
		g_assert_cmpuint(links, >=, 4);
		g_assert_cmpuint(links, <=, 5);
	}
	iol_net_free(f->dev.net);
	g_assert_cmpuint(net_open_fds(), ==, fds);
	iol_fd_close(&extra);
}

static void test_child_killed(struct net_fixture *f, gconstpointer data)
{
	uint8_t frame[64] = { 0 };

	(void)data;
	for (unsigned int round = 0; round < 3; round++) {
		start_user(f, (struct iol_net_user_config){ 0 });
		if (round)
			iol_net_await(f->dev.net, 0, true, false);
		g_assert_cmpint(kill(net_child_of(getpid()), SIGKILL), ==, 0);
		if (round == 2) /* by what it sends, or by the loop: whatever is first */
			while (net_device_send(&f->dev, 0, frame, sizeof(frame)) != -ENETDOWN)
				net_turn(&f->loop);
		NET_TURN_UNTIL(&f->loop, !f->dev.net->link_up && !net_child_of(getpid()));
		g_assert_cmpuint(f->dev.link_changes, ==, 1);
		g_assert_cmpint(net_device_send(&f->dev, 0, frame, sizeof(frame)), ==, -ENETDOWN);
		g_assert_cmpint(net_device_receive(&f->dev, 0, frame, sizeof(frame)), ==,
				-ENETDOWN);
		iol_net_await(f->dev.net, 0, true, true);
		net_turn_for(&f->loop, 40);
		iol_net_free(f->dev.net);
	}
}

/* Whether this build and this kernel have a filter of system calls. */
static bool has_filter(void)
{
	struct iol_error err;
	int status = 0;
	pid_t pid = fork();

	if (!pid)
		_exit(iol_net_user_confine(&err) != 0);
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	return !status;
}

static void test_confined(struct net_fixture *f, gconstpointer data)
{
	static const char *const lines[] = { "Name:\tiolite-user", "NoNewPrivs:\t1",
					     "CapEff:\t0000000000000000",
					     "CapPrm:\t0000000000000000", "Threads:\t1" };
	bool filters = has_filter();
	pid_t child;

	(void)data;
	start_user(f, (struct iol_net_user_config){ 0 });
	child = net_child_of(getpid());
	/* The last one only where no emulator has threads of its own. */
	for (unsigned int i = 0; i < G_N_ELEMENTS(lines) - !!getenv("IOLITE_EMULATED"); i++)
		net_expect_status(child, lines[i]);
	/* What of it holds: test_net_user_confine.c. */
	if (filters)
		net_expect_status(child, "Seccomp:\t2");
	iol_net_free(f->dev.net);
}

/* By a file, which everybody may read: prlimit() is refused in some containers. */
static struct rlimit descriptor_limit_of(pid_t pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/limits", (int)pid), *text = NULL;
	unsigned long soft = 0, hard = 0;
	const char *line;

	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	line = strstr(text, "Max open files");
	g_assert_nonnull(line);
	g_assert_cmpint(sscanf(line, "Max open files %lu %lu", &soft, &hard), ==, 2);
	return (struct rlimit){ soft, hard };
}

/* A low soft limit of the user's is kept, and nothing raises it beyond what the child has room for. */
static void test_descriptor_limit(struct net_fixture *f, gconstpointer data)
{
	struct rlimit saved, limit;

	(void)data;
	g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &saved), ==, 0);
	for (rlim_t soft = MIN(saved.rlim_max, 2048); soft >= 512; soft /= 2) {
		limit = (struct rlimit){ soft, saved.rlim_max };
		g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &limit), ==, 0);
		start_user(f, (struct iol_net_user_config){ 0 });
		limit = descriptor_limit_of(net_child_of(getpid()));
		g_assert_cmpuint(limit.rlim_cur, ==, MIN(soft, 1024));
		g_assert_cmpuint(limit.rlim_max, ==, MIN(saved.rlim_max, 1024));
		iol_net_free(f->dev.net);
	}
	g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &saved), ==, 0);
}

static pid_t start_alone(void)
{
	struct net_fixture f;

	net_setup(&f, NULL);
	start_user(&f, (struct iol_net_user_config){ 0 });
	return net_child_of(getpid());
}

/* However we end, the child does, too. */
static void test_parent_killed(struct net_fixture *f, gconstpointer data)
{
	(void)f;
	(void)data;
	net_status_without_parent(start_alone);
}

static void expect_error(struct net_fixture *f, struct iol_net_user_config config, int code,
			 const char *text)
{
	unsigned int fds = net_open_fds();
	struct iol_error err = { 0 };
	struct iol_net *net = NULL;
	int ret = try_user(f, config, &net, &err);

	net_expect_refused(ret, net, &err, code, text);
	g_assert_cmpuint(net_open_fds(), ==, fds);
}

static void test_errors(struct net_fixture *f, gconstpointer data)
{
	const char *forwards[] = { "tcp:127.0.0.1:2223-:22", "tcp:127.0.0.1:2222-:22", NULL };
	const char *elsewhere[] = { "udp:192.0.2.1:2222-:22", NULL };
	int host = host_socket(SOCK_STREAM, 2222, true);

	(void)data;
	g_assert_cmpint(listen(host, 1), ==, 0);
	expect_error(
		f, (struct iol_net_user_config){ .forwards = forwards }, -EADDRINUSE,
		"hostfwd=tcp:127.0.0.1:2222-:22: cannot listen on the host: Address already in "
		"use; another program has the port");
	iol_fd_close(&host);
	expect_error(f, (struct iol_net_user_config){ .forwards = elsewhere }, -EADDRNOTAVAIL,
		     "hostfwd=udp:192.0.2.1:2222-:22");
	expect_error(f, (struct iol_net_user_config){ .net4 = "10.0.2.0/40" }, -EINVAL,
		     "net=10.0.2.0/40");
}

static void test_what_is_no_frame(struct net_fixture *f, gconstpointer data)
{
	g_autofree uint8_t *frame = g_malloc0(2000);
	uint8_t small[20];

	(void)data;
	start_user(f, (struct iol_net_user_config){ 0 });
	g_assert_cmpint(net_device_send(&f->dev, 0, frame, 13), ==, -EINVAL);
	g_assert_cmpint(net_device_send(&f->dev, 0, frame, 1500 + 14 + 5), ==, -EMSGSIZE);
	g_assert_cmpint(net_device_send(&f->dev, 0, frame, 1500 + 14 + 4), ==, 0);
	g_assert_cmpint(net_device_send(&f->dev, 1, frame, 60), ==, -EINVAL);
	g_assert_cmphex(ask_dhcp(f), ==, GUEST);
	/* Longer than where it is read to. */
	ask_dhcp(f);
	send_udp(f, GUEST, 1, HOST, 1, "x", 1);
	g_assert_cmpint(net_device_wait_frame(&f->dev, 1, small, sizeof(small)), ==, -EMSGSIZE);
	iol_net_free(f->dev.net);
}

/* Something that looks like a frame, with mistakes. */
static size_t make_hostile(GRand *rand, uint8_t *frame, size_t max)
{
	static const uint16_t types[] = {
		TYPE_IP, TYPE_IP, TYPE_IP, TYPE_ARP, TYPE_IP6, 0x8100, 0
	};
	static const uint8_t protocols[] = { 1, 2, 6, 17, 17, 58, 255 };
	size_t len = (size_t)g_rand_int_range(rand, ETHERNET, (int)max);
	uint8_t *ip = frame + ETHERNET;

	for (size_t i = 0; i < max; i++)
		frame[i] = (uint8_t)(g_rand_int(rand) >> 24);
	be16_store(frame + 12, types[g_rand_int_range(rand, 0, G_N_ELEMENTS(types))]);
	if (g_rand_boolean(rand))
		memset(frame, 0xff, 6);
	ip[0] = g_rand_boolean(rand) ? 0x45 : ip[0];
	if (be16_load(frame + 12) == TYPE_IP6)
		ip[0] = 0x60;
	if (g_rand_boolean(rand))
		be16_store(ip + 2, (uint16_t)(len - ETHERNET));
	if (g_rand_int_range(rand, 0, 4))
		be16_store(ip + 6,
			   (uint16_t)(g_rand_boolean(rand) ? 0 : g_rand_int(rand) & 0x3fff));
	ip[9] = protocols[g_rand_int_range(rand, 0, G_N_ELEMENTS(protocols))];
	if (g_rand_boolean(rand))
		be32_store(ip + 12, GUEST);
	be32_store(ip + 16, g_rand_boolean(rand) ? HOST : HOST + 1);
	be16_store(ip + 10, 0);
	if (g_rand_int_range(rand, 0, 8) && len >= ETHERNET + IP)
		be16_store(ip + 10, fold(sum_of(ip, IP)));
	if (g_rand_boolean(rand)) /* DHCP, TFTP */
		be16_store(ip + IP + 2, g_rand_boolean(rand) ? 67 : 69);
	if (g_rand_boolean(rand))
		be16_store(ip + IP + 4, (uint16_t)(len - ETHERNET - IP));
	be16_store(ip + IP + 6, 0);
	return len;
}

static void hostile_round(struct net_fixture *f, GRand *rand)
{
	uint8_t frame[1514];

	for (unsigned int sent = 0; sent < 32;) {
		int ret = net_device_send(&f->dev, 0, frame,
					  make_hostile(rand, frame, sizeof(frame)));

		g_assert_true(!ret || ret == -EAGAIN || ret == -ENETDOWN);
		if (ret == -ENETDOWN)
			break;
		sent += !ret;
		if (ret == -EAGAIN)
			net_turn(&f->loop);
	}
	for (unsigned int i = 0; i < 64; i++)
		if (net_device_receive(&f->dev, 0, f->frame, sizeof(f->frame)) < 0)
			break;
	iol_net_await(f->dev.net, 0, true, true);
	net_turn(&f->loop);
}

/* It may well be libslirp's end, and is nobody else's. */
static void test_hostile_guest(struct net_fixture *f, gconstpointer data)
{
	enum { ROUNDS = 10000 / 32 + 1 };
	GRand *rand = g_rand_new_with_seed(0x10117e);
	unsigned int ends = 0, fds;

	(void)data;
	iol_log_set_level(IOL_LOG_ERROR);
	net_turn(&f->loop);
	fds = net_open_fds();
	start_user(f, (struct iol_net_user_config){ 0 });
	for (unsigned int i = 0; i < ROUNDS; i++) {
		hostile_round(f, rand);
		if (f->dev.net->link_up)
			continue;
		iol_net_free(f->dev.net);
		start_user(f, (struct iol_net_user_config){ 0 });
		ends++;
	}
	g_test_message("the process of libslirp ended %u times in %d frames", ends, 32 * ROUNDS);
	iol_net_free(f->dev.net);
	g_assert_cmpuint(net_open_fds(), ==, fds);
	g_rand_free(rand);
	iol_log_set_level(IOL_LOG_WARN);
}

/* Why user-mode networking does not work here; NULL: it does. */
static const char *why_unusable(void)
{
	static struct iol_error err;
	const char *why = net_own_network();
	struct net_fixture f;
	struct iol_net *net;
	int ret;

	if (why)
		return why;
	net_setup(&f, NULL);
	ret = try_user(&f, (struct iol_net_user_config){ 0 }, &net, &err);
	if (!ret)
		iol_net_free(net);
	iol_loop_finish(&f.loop);
	return ret == -ENOTSUP || ret == -ENOENT ? err.msg : NULL;
}

int main(int argc, char **argv)
{
	static const struct net_test tests[] = {
		{ "/net-user/dhcp", test_dhcp },
		{ "/net-user/tcp-forward", test_tcp_forward },
		{ "/net-user/udp", test_udp },
		{ "/net-user/name-server", test_name_server },
		{ "/net-user/pieces", test_pieces },
		{ "/net-user/forward-by-ipv6", test_forward_by_ipv6 },
		{ "/net-user/restricted", test_restricted },
		{ "/net-user/descriptors", test_descriptors },
		{ "/net-user/confined", test_confined },
		{ "/net-user/child-killed", test_child_killed },
		{ "/net-user/parent-killed", test_parent_killed },
		{ "/net-user/descriptor-limit", test_descriptor_limit },
		{ "/net-user/errors", test_errors },
		{ "/net-user/what-is-no-frame", test_what_is_no_frame },
		{ "/net-user/hostile-guest", test_hostile_guest },
	};
	const char *unusable = why_unusable();

	g_test_init(&argc, &argv, NULL);
	net_add_tests(tests, IOL_ARRAY_LEN(tests), unusable);
	return g_test_run();
}
