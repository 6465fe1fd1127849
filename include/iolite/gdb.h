/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session of the GDB remote serial protocol (GDB manual, appendix E): bytes of a client in, bytes to it out, calls to the
 * target in between. Pure: it has no descriptor and no clock, and what it allocates is bounded, whatever a client does.
 *
 * The client is hostile to iolite, but has the guest in its hands.
 */
#ifndef IOLITE_GDB_H
#define IOLITE_GDB_H

#include <iolite/gdb_target.h>

enum {
	/* Of what is between '$' and '#', in both directions ("PacketSize"). */
	IOL_GDB_PACKET_BYTES = 64 * 1024,
	/*
	 * What one step of a session sends at most: it takes no packet while the link has less room. Framing and an acknowledgement come
	 * with a packet, and a stop may follow.
	 */
	IOL_GDB_OUT_BYTES = IOL_GDB_PACKET_BYTES + 1024,
};

/* Where a session's bytes go. Calls on the loop's thread. */
struct iol_gdb_link {
	/* Never fails: there was room(), or else it is a stop, or the end. */
	void (*send)(struct iol_gdb_link *link, const uint8_t *data, size_t bytes);
	/* How much send() can take now. */
	size_t (*room)(struct iol_gdb_link *link);
	/* Sends the client away once it has what was sent. It may still call iol_gdb_session_receive() before iol_gdb_session_end(). */
	void (*hang_up)(struct iol_gdb_link *link);
};

/* Both outlive it. Sets target->session. */
struct iol_gdb_session *iol_gdb_session_new(struct iol_gdb_target *target,
					    struct iol_gdb_link *link);
/* A client that is still there is ended. */
void iol_gdb_session_free(struct iol_gdb_session *session);

/* A client came, and the target stands; a client is gone, and the target goes on as it would without. Idempotent. */
void iol_gdb_session_begin(struct iol_gdb_session *session);
void iol_gdb_session_end(struct iol_gdb_session *session);

/*
 * Input; returns how much of it was taken: less when there is no room for the answer, then the rest is offered again after
 * iol_gdb_session_writable() returned true.
 */
size_t iol_gdb_session_receive(struct iol_gdb_session *session, const uint8_t *data, size_t bytes);
/* There may be room again: goes on with what it was at. True: input is taken again. */
bool iol_gdb_session_writable(struct iol_gdb_session *session);

/* ---- For targets ---- */

/* The target, which ran, stands. */
void iol_gdb_session_stopped(struct iol_gdb_session *session, const struct iol_gdb_stop *stop);
/*
 * The machine is over, with that exit status ('W', if it ran; who waits for no stop would take that for another answer); the
 * client is sent away. Also with no client, and from within monitor(): the client gets the text first.
 */
void iol_gdb_session_exited(struct iol_gdb_session *session, unsigned int status);

#endif
