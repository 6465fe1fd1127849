// SPDX-License-Identifier: Apache-2.0
/*
 * Peers of character backends that come and go, or are sent away. See include/iolite/char.h. Runs on the loop's thread.
 *
 * One that leaves is gone when no operation uses its descriptor any more; only then is the next one let in. A hostile
 * one reads little, or sends without end: how long it takes to send it away is bounded.
 */
#include "char_internal.h"

#include <glib.h>
#include <unistd.h>

#include <iolite/log.h>

/* Reads in a row of what a peer sent that is sent away. */
enum { DISCARD_ROUNDS_MAX = 256 };
/* How long a peer may take, that is sent away, for its last output; however little it reads at a time. */
#define HANG_UP_NS (10 * IOL_CHAR_STALL_NS)

static void set_present(struct iol_char *chr, bool present)
{
	if (chr->present == present)
		return;
	chr->present = present;
	if (chr->user && chr->user->peer)
		chr->user->peer(chr->user, present);
}

/* The last operation with the descriptor of a peer that leaves has ended, or there was none. */
void iol_char_finish_leaving(struct iol_char *chr)
{
	if (!chr->leaving || chr->stopped || chr->in_op.in_flight || chr->out_op.in_flight ||
	    chr->hangup_op.in_flight)
		return;
	chr->leaving = false;
	chr->in_fd = -1;
	chr->hanging_up = false;
	if (!chr->ops->keeps_input || (chr->user && chr->user->peer))
		chr->input_pos = chr->input_len = 0;
	chr->starved = false;
	set_present(chr, false);
	chr->ops->lost(chr);
}

void iol_char_detach(struct iol_char *chr)
{
	if (chr->leaving || (chr->in_fd < 0 && chr->out_fd < 0))
		return;
	pthread_mutex_lock(&chr->lock);
	chr->out_fd = -1;
	if (chr->private_peers) /* and from here on nothing is put in */
		iol_char_ring_take(chr, chr->ring_fill);
	pthread_mutex_unlock(&chr->lock);
	chr->leaving = true;
	iol_loop_cancel(chr->loop, &chr->in_op);
	iol_loop_cancel(chr->loop, &chr->out_op);
	iol_loop_cancel(chr->loop, &chr->hangup_op);
	iol_char_offer_room(chr);
	iol_char_finish_leaving(chr);
}

void iol_char_attach(struct iol_char *chr, int in_fd, int out_fd)
{
	if (chr->stopped || chr->leaving)
		return;
	chr->in_fd = in_fd;
	chr->poll_failures = 0;
	if (out_fd >= 0 && chr->out_fd < 0) {
		pthread_mutex_lock(&chr->lock);
		chr->out_fd = out_fd;
		chr->progress_ns = iol_loop_now_ns();
		pthread_mutex_unlock(&chr->lock);
		iol_char_push_out(chr);
	}
	if (chr->input_pos == chr->input_len)
		iol_char_await_input(chr);
	else
		iol_char_await_device(chr);
	set_present(chr, true);
}

/* ---- Sending one away ---- */

/* With input left in it, a socket that is closed forgets the last output too. */
void iol_char_discard_input(struct iol_char *chr)
{
	uint8_t data[IOL_CHAR_INPUT_BYTES];

	for (unsigned int i = 0; i < DISCARD_ROUNDS_MAX && chr->in_fd >= 0; i++)
		if (read(chr->in_fd, data, sizeof(data)) <= 0)
			break;
}

void iol_char_cut_off(struct iol_char *chr)
{
	iol_char_discard_input(chr);
	iol_char_detach(chr);
}

static void hurry_hang_up(struct iol_char *chr)
{
	uint64_t now_ns = iol_loop_now_ns(), quiet_ns, total_ns = now_ns - chr->hang_up_ns;

	pthread_mutex_lock(&chr->lock);
	quiet_ns = now_ns - MAX(chr->progress_ns, chr->hang_up_ns);
	pthread_mutex_unlock(&chr->lock);
	if (quiet_ns >= IOL_CHAR_STALL_NS || total_ns >= HANG_UP_NS) {
		iol_log(IOL_LOG_DEBUG, "%s: the peer does not read its last output", chr->name);
		iol_char_cut_off(chr);
	} else if (!chr->hang_op.in_flight) {
		iol_loop_timeout(chr->loop, &chr->hang_op,
				 MIN(IOL_CHAR_STALL_NS - quiet_ns, HANG_UP_NS - total_ns));
	}
}

static void hang_done(struct iol_op *op, int res)
{
	struct iol_char *chr = iol_container_of(op, struct iol_char, hang_op);

	(void)res;
	if (chr->hanging_up && !chr->stopped && !chr->leaving)
		hurry_hang_up(chr);
}

static void run_hang_up(struct iol_post *post)
{
	struct iol_char *chr = iol_container_of(post, struct iol_char, hang_post);

	/* Another one may be there by now. */
	if (!chr->hanging_up || chr->stopped || chr->leaving)
		return;
	iol_char_push_out(chr);
	if (!chr->hanging_up || chr->leaving)
		return;
	if (iol_char_deliver_input(chr))
		iol_char_await_input(chr);
	hurry_hang_up(chr);
}

void iol_char_hang_up(struct iol_char *chr)
{
	if (!chr->present || chr->hanging_up || chr->stopped || chr->leaving)
		return;
	chr->hanging_up = true;
	chr->hang_up_ns = iol_loop_now_ns();
	iol_loop_post(chr->loop, &chr->hang_post);
}

void iol_char_init_peer(struct iol_char *chr)
{
	chr->hang_op.done = hang_done;
	chr->hang_post.run = run_hang_up;
}
