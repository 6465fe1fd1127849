// SPDX-License-Identifier: Apache-2.0
/*
 * A session: who may speak when. See include/iolite/gdb.h.
 *
 * While the target runs the client has a stop reply to wait for; what may come from it is an
 * interrupt (GDB manual, "Interrupts"). Packets that come all the same are taken, as an interrupt
 * may be behind them, and refused with EBUSY, but for those that let go of the target or end it.
 */
#include "session.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* With ample room for a packet in each direction, and nothing else of size. */
static_assert(sizeof(struct iol_gdb_session) < 3 * IOL_GDB_PACKET_BYTES, "a session is bounded");
/* A packet's answer with an acknowledgement, and a stop or the end at any time. */
static_assert(IOL_GDB_THREADS_MAX <= 64, "a bit per thread");
static_assert(IOL_GDB_OUT_BYTES >= sizeof(((struct gdb_reply *)0)->frame) + 256,
	      "an answer has room");

struct iol_gdb_session *iol_gdb_session_new(struct iol_gdb_target *target,
					    struct iol_gdb_link *link)
{
	struct iol_gdb_session *s = g_new0(struct iol_gdb_session, 1);

	s->target = target;
	s->link = link;
	target->session = s;
	return s;
}

void iol_gdb_session_free(struct iol_gdb_session *s)
{
	if (!s)
		return;
	iol_gdb_session_end(s);
	s->target->session = NULL;
	g_free(s);
}

void iol_gdb_session_begin(struct iol_gdb_session *s)
{
	const struct iol_gdb_target_ops *ops = s->target->ops;

	if (s->state != GDB_GONE)
		return;
	s->no_ack = false;
	s->unacked = false;
	s->says_swbreak = false;
	s->says_hwbreak = false;
	s->interrupted = false;
	s->over = false;
	iol_gdb_packet_reset(&s->packet);
	s->state = GDB_STANDS;
	s->attached = true;
	ops->attach(s->target);
	s->description = ops->describe(s->target);
	s->thread_count = ops->thread_count(s->target);
	assert(iol_gdb_registers_bytes(s->description) <= IOL_GDB_REGISTERS_BYTES_MAX);
	assert(s->thread_count && s->thread_count <= IOL_GDB_THREADS_MAX);
	s->thread = ops->stopped_thread(s->target);
	s->run_thread = GDB_THREAD_ANY;
	s->stop = (struct iol_gdb_stop){
		.reason = IOL_GDB_STOPPED_INTERRUPT,
		.thread = s->thread,
	};
}

void iol_gdb_session_detach(struct iol_gdb_session *s, bool let_go)
{
	bool attached = s->attached;

	s->attached = false;
	if (attached)
		s->target->ops->detach(s->target, let_go);
}

void iol_gdb_session_end(struct iol_gdb_session *s)
{
	if (s->state == GDB_GONE)
		return;
	s->state = GDB_GONE;
	iol_gdb_monitor_drop(s);
	iol_gdb_session_detach(s, false);
}

void iol_gdb_session_leave(struct iol_gdb_session *s)
{
	if (s->state == GDB_GONE || s->state == GDB_LEAVING)
		return;
	s->state = GDB_LEAVING;
	iol_gdb_monitor_drop(s);
	s->link->hang_up(s->link);
}

int iol_gdb_session_ok(struct iol_gdb_session *s)
{
	iol_gdb_reply_text(&s->reply, "OK");
	return GDB_ANSWERED;
}

void iol_gdb_session_send(struct iol_gdb_session *s)
{
	if (s->state == GDB_GONE || s->state == GDB_LEAVING)
		return;
	iol_gdb_reply_finish(&s->reply);
	s->unacked = !s->no_ack;
	s->link->send(s->link, s->reply.frame, s->reply.frame_bytes);
}

bool iol_gdb_session_thread(struct iol_gdb_session *s, int named, unsigned int *thread)
{
	if (named >= 0 && (unsigned int)named >= s->thread_count)
		return false;
	*thread = named >= 0 ? (unsigned int)named : s->thread;
	return true;
}

static void send_error(struct iol_gdb_session *s, int error)
{
	uint8_t number = (uint8_t)-error;

	iol_gdb_reply_begin(&s->reply);
	iol_gdb_reply_text(&s->reply, "E");
	iol_gdb_reply_hex(&s->reply, &number, 1);
	iol_gdb_session_send(s);
}

static void acknowledge(struct iol_gdb_session *s, char how)
{
	if (!s->no_ack)
		s->link->send(s->link, (const uint8_t *)&how, 1);
}

static void packet_came(struct iol_gdb_session *s)
{
	struct gdb_cursor cursor = { s->packet.data, s->packet.data + s->packet.bytes };
	int ret;

	acknowledge(s, '+');
	iol_gdb_reply_begin(&s->reply);
	ret = iol_gdb_command(s, cursor);
	if (ret == GDB_ANSWERED && s->reply.cut)
		ret = -E2BIG;
	if (ret < 0)
		send_error(s, ret);
	else if (ret == GDB_ANSWERED)
		iol_gdb_session_send(s);
}

/*
 * A packet that cannot be used, though it arrived as it was sent: asking for it again is of no
 * use.
 */
static void refuse(struct iol_gdb_session *s, int error)
{
	acknowledge(s, '+');
	send_error(s, error);
}

static void garbled(struct iol_gdb_session *s)
{
	/* Without acknowledgements there is no asking again, and silence would leave the client waiting. */
	if (s->no_ack)
		send_error(s, -EILSEQ);
	else
		acknowledge(s, '-');
}

static void interrupt(struct iol_gdb_session *s)
{
	/* One that met a stop on its way is done with. */
	if (s->state != GDB_RUNS || s->interrupted)
		return;
	s->interrupted = true;
	s->target->ops->interrupt(s->target);
}

static void handle(struct iol_gdb_session *s, enum gdb_event event)
{
	switch (event) {
	case GDB_EVENT_NONE:
		break;
	case GDB_EVENT_PACKET:
		packet_came(s);
		break;
	case GDB_EVENT_TOO_LONG:
		refuse(s, -E2BIG);
		break;
	case GDB_EVENT_MALFORMED:
		refuse(s, -EINVAL);
		break;
	case GDB_EVENT_GARBLED:
		garbled(s);
		break;
	case GDB_EVENT_ACK:
		s->unacked = false;
		break;
	case GDB_EVENT_NAK:
		if (s->unacked)
			s->link->send(s->link, s->reply.frame, s->reply.frame_bytes);
		break;
	case GDB_EVENT_INTERRUPT:
		interrupt(s);
		break;
	}
}

static bool takes_input(struct iol_gdb_session *s)
{
	return !s->output && s->link->room(s->link) >= IOL_GDB_OUT_BYTES;
}

size_t iol_gdb_session_receive(struct iol_gdb_session *s, const uint8_t *data, size_t bytes)
{
	enum gdb_event event;
	size_t taken = 0;

	while (taken < bytes) {
		if (s->state == GDB_GONE || s->state == GDB_LEAVING)
			return bytes;
		if (!takes_input(s))
			break;
		taken += iol_gdb_packet_take(&s->packet, data + taken, bytes - taken, &event);
		handle(s, event);
	}
	return taken;
}

bool iol_gdb_session_writable(struct iol_gdb_session *s)
{
	iol_gdb_monitor_pump(s);
	return s->state == GDB_GONE || s->state == GDB_LEAVING || takes_input(s);
}

void iol_gdb_session_stopped(struct iol_gdb_session *s, const struct iol_gdb_stop *stop)
{
	if (s->state != GDB_RUNS)
		return;
	s->state = GDB_STANDS;
	s->interrupted = false;
	s->stop = *stop;
	/* What stops the whole machine may be said of any thread; GDB 13 dies of one that it had not resumed. */
	if (!(s->resumed >> stop->thread & 1))
		s->stop.thread = (unsigned int)__builtin_ctzll(s->resumed);
	/* The client takes the thread of a stop reply for selected (see "Hg"). */
	s->thread = s->stop.thread;
	iol_gdb_reply_begin(&s->reply);
	iol_gdb_stop_reply(s, &s->stop);
	iol_gdb_session_send(s);
}

void iol_gdb_session_exited(struct iol_gdb_session *s, unsigned int status)
{
	uint8_t number = (uint8_t)status;

	if (s->in_monitor) {
		s->over = true;
		return;
	}
	/* A client that waits for no stop reply learns of the end by its connection's. */
	if (s->state == GDB_RUNS) {
		iol_gdb_reply_begin(&s->reply);
		iol_gdb_reply_text(&s->reply, "W");
		iol_gdb_reply_hex(&s->reply, &number, 1);
		iol_gdb_session_send(s);
	}
	iol_gdb_session_leave(s);
}
