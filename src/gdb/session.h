/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a session share: its state, and the packets that it answers. */
#ifndef IOLITE_GDB_SESSION_H
#define IOLITE_GDB_SESSION_H

#include <glib.h>

#include <iolite/gdb.h>
#include <iolite/macros.h>

#include "packet.h"
#include "text.h"

enum gdb_state {
	GDB_GONE, /* there is no client */
	GDB_STANDS,
	GDB_RUNS,
	GDB_LEAVING, /* the client is sent away; what it still says is not heard */
};

struct iol_gdb_session {
	struct iol_gdb_target *target;
	struct iol_gdb_link *link;
	const struct iol_gdb_description *description;
	unsigned int thread_count;

	enum gdb_state state;
	bool attached; /* a detach() is owed to the target */
	bool no_ack; /* QStartNoAckMode */
	bool unacked; /* the last reply may be asked for again */
	bool says_swbreak, says_hwbreak; /* the client knows these words in stop replies */
	bool interrupted; /* interrupt() was called, and the stop has not come */
	bool in_monitor, over; /* the machine ended within monitor(): the text goes out first */
	struct iol_gdb_stop stop; /* the last one, for '?' */
	uint64_t resumed; /* bit per thread that the last resume() was for */
	unsigned int thread; /* of 'g', 'm' and so on; "Hg" */
	int run_thread; /* of 'c' and 's', or GDB_THREAD_ANY, GDB_THREAD_ALL; "Hc" */

	GString *output; /* of a command of a person's; NULL: there is none */
	size_t output_sent;

	struct gdb_packet packet;
	struct gdb_reply reply;
	uint8_t registers[IOL_GDB_REGISTERS_BYTES_MAX];
};

/*
 * A packet's handler gets what is behind its name and returns one of these, or -errno, which is
 * the answer then.
 */
enum {
	GDB_ANSWERED = 0, /* s->reply, to be sent; empty means that there is no such packet */
	GDB_NO_REPLY = 1, /* there is none now, or it went out */
};

/* commands.c: what the packet says, to the table's handlers. */
int iol_gdb_command(struct iol_gdb_session *s, struct gdb_cursor packet);

/* session.c */
int iol_gdb_session_ok(struct iol_gdb_session *s);
/* The reply as it is, to the client. */
void iol_gdb_session_send(struct iol_gdb_session *s);
/* The client is sent away. */
void iol_gdb_session_leave(struct iol_gdb_session *s);
/* The target is let go of, unless it was. */
void iol_gdb_session_detach(struct iol_gdb_session *s, bool let_go);
/*
 * A thread as a packet has it: the idx of one that exists; ANY and ALL become the one that is
 * selected.
 */
bool iol_gdb_session_thread(struct iol_gdb_session *s, int named, unsigned int *thread);

/* monitor.c: sends of the output what there is room for, and the end of it. */
void iol_gdb_monitor_pump(struct iol_gdb_session *s);
void iol_gdb_monitor_drop(struct iol_gdb_session *s);

/* stop.c: fills the reply. */
void iol_gdb_stop_reply(struct iol_gdb_session *s, const struct iol_gdb_stop *stop);

/* Handlers. */
int iol_gdb_do_why(struct iol_gdb_session *s, struct gdb_cursor *args);
int iol_gdb_do_read_general(struct iol_gdb_session *s, struct gdb_cursor *args);
int iol_gdb_do_write_general(struct iol_gdb_session *s, struct gdb_cursor *args);
int iol_gdb_do_read_register(struct iol_gdb_session *s, struct gdb_cursor *args);
int iol_gdb_do_write_register(struct iol_gdb_session *s, struct gdb_cursor *args);
int iol_gdb_do_read_memory(struct iol_gdb_session *s, struct gdb_cursor *args);
int iol_gdb_do_read_binary(struct iol_gdb_session *s, struct gdb_cursor *args);
int iol_gdb_do_write_memory(struct iol_gdb_session *s, struct gdb_cursor *args);
int iol_gdb_do_write_binary(struct iol_gdb_session *s, struct gdb_cursor *args);
int iol_gdb_do_continue(struct iol_gdb_session *s, struct gdb_cursor *args);
int iol_gdb_do_continue_signal(struct iol_gdb_session *s, struct gdb_cursor *args);
int iol_gdb_do_step(struct iol_gdb_session *s, struct gdb_cursor *args);
int iol_gdb_do_step_signal(struct iol_gdb_session *s, struct gdb_cursor *args);
int iol_gdb_do_vcont(struct iol_gdb_session *s, struct gdb_cursor *args);
int iol_gdb_do_vcont_what(struct iol_gdb_session *s, struct gdb_cursor *args);
int iol_gdb_do_insert(struct iol_gdb_session *s, struct gdb_cursor *args);
int iol_gdb_do_remove(struct iol_gdb_session *s, struct gdb_cursor *args);
int iol_gdb_do_select(struct iol_gdb_session *s, struct gdb_cursor *args);
int iol_gdb_do_alive(struct iol_gdb_session *s, struct gdb_cursor *args);
int iol_gdb_do_detach(struct iol_gdb_session *s, struct gdb_cursor *args);
int iol_gdb_do_kill(struct iol_gdb_session *s, struct gdb_cursor *args);
int iol_gdb_do_vkill(struct iol_gdb_session *s, struct gdb_cursor *args);
int iol_gdb_do_supported(struct iol_gdb_session *s, struct gdb_cursor *args);
int iol_gdb_do_no_ack(struct iol_gdb_session *s, struct gdb_cursor *args);
int iol_gdb_do_current_thread(struct iol_gdb_session *s, struct gdb_cursor *args);
int iol_gdb_do_attached(struct iol_gdb_session *s, struct gdb_cursor *args);
int iol_gdb_do_threads(struct iol_gdb_session *s, struct gdb_cursor *args);
int iol_gdb_do_more_threads(struct iol_gdb_session *s, struct gdb_cursor *args);
int iol_gdb_do_thread_extra(struct iol_gdb_session *s, struct gdb_cursor *args);
int iol_gdb_do_symbols(struct iol_gdb_session *s, struct gdb_cursor *args);
int iol_gdb_do_monitor(struct iol_gdb_session *s, struct gdb_cursor *args);
int iol_gdb_do_features(struct iol_gdb_session *s, struct gdb_cursor *args);
int iol_gdb_do_memory_map(struct iol_gdb_session *s, struct gdb_cursor *args);
int iol_gdb_do_threads_xml(struct iol_gdb_session *s, struct gdb_cursor *args);

#endif
