// SPDX-License-Identifier: Apache-2.0
/* Stop replies (GDB manual, "Stop Reply Packets"). */
#include "session.h"

#include <errno.h>

/*
 * GDB's own numbers of signals, which are the same for all targets (include/gdb/signals.def of
 * GDB).
 */
enum { SIGNAL_INT = 2, SIGNAL_TRAP = 5, SIGNAL_STOP = 17 };

static uint8_t signal_of(enum iol_gdb_stop_reason reason)
{
	switch (reason) {
	case IOL_GDB_STOPPED_INTERRUPT:
		return SIGNAL_INT;
	case IOL_GDB_STOPPED_PAUSED:
		return SIGNAL_STOP;
	default:
		return SIGNAL_TRAP;
	}
}

static void watchpoint(struct gdb_reply *reply, const char *name, uint64_t address)
{
	iol_gdb_reply_text(reply, name);
	iol_gdb_reply_text(reply, ":");
	iol_gdb_reply_number(reply, address);
	iol_gdb_reply_text(reply, ";");
}

void iol_gdb_stop_reply(struct iol_gdb_session *s, const struct iol_gdb_stop *stop)
{
	struct gdb_reply *reply = &s->reply;
	uint8_t number = signal_of(stop->reason);

	iol_gdb_reply_text(reply, "T");
	iol_gdb_reply_hex(reply, &number, 1);
	switch (stop->reason) {
	case IOL_GDB_STOPPED_SOFT_BREAK:
		if (s->says_swbreak)
			iol_gdb_reply_text(reply, "swbreak:;");
		break;
	case IOL_GDB_STOPPED_HARD_BREAK:
		if (s->says_hwbreak)
			iol_gdb_reply_text(reply, "hwbreak:;");
		break;
	case IOL_GDB_STOPPED_WATCH_WRITE:
		watchpoint(reply, "watch", stop->address);
		break;
	case IOL_GDB_STOPPED_WATCH_READ:
		watchpoint(reply, "rwatch", stop->address);
		break;
	case IOL_GDB_STOPPED_WATCH_ACCESS:
		watchpoint(reply, "awatch", stop->address);
		break;
	default:
		break;
	}
	iol_gdb_reply_text(reply, "thread:");
	iol_gdb_reply_number(reply, (uint64_t)stop->thread + 1);
	iol_gdb_reply_text(reply, ";");
}

/* "?" */
int iol_gdb_do_why(struct iol_gdb_session *s, struct gdb_cursor *args)
{
	(void)args;
	s->thread = s->stop.thread;
	iol_gdb_stop_reply(s, &s->stop);
	return GDB_ANSWERED;
}
