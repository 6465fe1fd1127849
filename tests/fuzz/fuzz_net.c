// SPDX-License-Identifier: Apache-2.0
/*
 * What comes from the other end of a stream of frames, in whatever pieces, and the texts of user-mode networking. The
 * first byte says which. What must hold: frames are those that a second reading finds, until a length that none has,
 * which ends the connection; errors of the texts are whole lines, and what is accepted lies where it says; the heap is flat.
 */
#include "fuzz_heap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/net_stream.h"
#include "backend/net_user_config.h"

enum { PIECES_MAX = 64, TEXTS = 8 };

static struct iol_loop *loop_of_all(void)
{
	static struct iol_loop loop;
	static bool ready;
	struct iol_error err;

	if (!ready && iol_loop_init(&loop, &err))
		exit(77); /* no io_uring here */
	ready = true;
	return &loop;
}

static const struct iol_net_ops ops = {
	.name = "fuzz",
	.receive = iol_net_stream_receive,
	.send = iol_net_stream_send,
	.await = iol_net_stream_await,
};

/* What the stream still has to give. */
struct model {
	const uint8_t *data;
	size_t len; /* that was sent so far */
	bool over; /* a length that no frame has was met */
};

/* The next whole frame: its length; 0: none. */
static size_t model_next(struct model *m)
{
	uint32_t len;

	if (m->over || m->len < 4)
		return 0;
	len = be32_load(m->data);
	m->over = len < IOL_NET_ETHERNET_BYTES || len > IOL_NET_FRAME_MAX;
	return m->over || m->len - 4 < len ? 0 : len;
}

static void check_frames(struct net_stream *s, struct model *m, uint8_t *room, size_t room_bytes)
{
	struct iovec iov[3] = { { room, 5 }, { room + 5, 30 }, { room + 35, room_bytes - 35 } };
	ssize_t got;
	size_t want;

	/* Each call reads once, so a frame may take some. */
	for (unsigned int i = 0; i < 4096; i++) {
		want = model_next(m);
		got = iol_net_receive(&s->net, 0, iov, 3);
		if (got == -EAGAIN && !want && !m->over)
			return;
		if (got == -EAGAIN)
			continue;
		if (m->over) {
			fuzz_check(got == -ENETDOWN);
			return;
		}
		fuzz_check(want);
		if (12 + want > room_bytes) {
			fuzz_check(got == -EMSGSIZE);
		} else {
			fuzz_check(got == (ssize_t)(12 + want));
			fuzz_check(!memcmp(room + 12, m->data + 4, want));
			for (unsigned int b = 0; b < 12; b++)
				fuzz_check(!room[b]);
		}
		m->data += 4 + want;
		m->len -= 4 + want;
	}
	fuzz_check(!"frames without end");
}

/* In the place of a line in the log. */
static void say_nothing(struct net_stream *s)
{
	(void)s;
}

static void fuzz_stream(struct fuzz_input *in)
{
	static struct net_stream s;
	static uint8_t room[12 + IOL_NET_FRAME_MAX];
	size_t room_bytes = fuzz_u8(in) & 1 ? sizeof(room) : 100;
	struct iol_loop *loop = loop_of_all();
	struct model m = { 0 };
	int pair[2];

	memset(&s, 0, sizeof(s));
	m.data = in->data;
	fuzz_check(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair));
	iol_net_stream_init(&s, &ops, loop, "net fuzz");
	s.gone = say_nothing;
	s.limit.burst = 0;
	iol_net_stream_attach(&s, pair[0]);
	for (unsigned int i = 0; i < PIECES_MAX && in->len && !m.over; i++) {
		/* Sizes of pieces come out of the bytes themselves. */
		size_t piece =
			i + 1 < PIECES_MAX ? (size_t)in->data[0] * (i % 3 ? 1 : 97) + 1 : in->len;
		size_t len;
		const uint8_t *data = fuzz_take(in, piece, &len);
		ssize_t sent = write(pair[1], data, len);

		if (sent < 0)
			break;
		m.len += (size_t)sent;
		check_frames(&s, &m, room, room_bytes);
		if ((size_t)sent < len)
			break;
	}
	iol_net_stream_finish(&s);
	g_free(s.net.name);
	close(pair[1]);
}

static bool same_net(struct in_addr a, const struct net_user_setup *setup)
{
	return !((a.s_addr ^ setup->net4.s_addr) & setup->mask4.s_addr);
}

static void check_setup(const struct net_user_setup *setup)
{
	if (setup->ipv4) {
		fuzz_check(same_net(setup->host4, setup) && same_net(setup->dns4, setup) &&
			   same_net(setup->dhcp_start, setup));
		fuzz_check(setup->host4.s_addr != setup->dns4.s_addr);
		fuzz_check(setup->host4.s_addr != setup->dhcp_start.s_addr);
		fuzz_check(!(setup->net4.s_addr & ~setup->mask4.s_addr));
	}
	for (unsigned int i = 0; i < setup->forward_count; i++) {
		const struct net_user_forward *f = &setup->forwards[i];

		fuzz_check(f->host.ss_family == f->guest.ss_family);
		fuzz_check(((const struct sockaddr_in *)(const void *)&f->host)->sin_port);
		fuzz_check(((const struct sockaddr_in *)(const void *)&f->guest)->sin_port);
	}
}

/* Lines: which option each is for says its first character. */
static void fuzz_texts(struct fuzz_input *in)
{
	g_autofree char *text = g_strndup((const char *)in->data, MIN(in->len, 4096));
	g_auto(GStrv) lines = g_strsplit(text, "\n", TEXTS);
	const char *forwards[TEXTS + 1] = { NULL };
	struct iol_net_user_config config = { .name = "net fuzz", .ipv4 = true, .ipv6 = true };
	const char **options[] = { &config.net4, &config.host4, &config.dns4, &config.dhcp_start,
				   &config.net6, &config.host6, &config.dns6 };
	struct net_user_setup setup;
	struct iol_error err = { 0 };
	unsigned int count = 0;
	int ret;

	config.forwards = forwards;
	for (char **line = lines; *line; line++) {
		unsigned int which = (unsigned char)**line - 'a';

		if (which < G_N_ELEMENTS(options))
			*options[which] = *line + 1;
		else if (**line)
			forwards[count++] = **line == '+' ? *line + 1 : *line;
	}
	ret = iol_net_user_parse(&setup, &config, &err);
	if (ret) {
		fuzz_check_error(&err, ret);
		return;
	}
	check_setup(&setup);
	iol_net_user_setup_finish(&setup);
}

static void run_once(const uint8_t *data, size_t len)
{
	struct fuzz_input in = { data, len };

	if (fuzz_u8(&in) & 1)
		fuzz_stream(&in);
	else
		fuzz_texts(&in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	bool warm = false; /* what libraries keep depends on the input */

	fuzz_keeps_nothing(run_once, data, len, &warm);
	return 0;
}
