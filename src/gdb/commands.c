// SPDX-License-Identifier: Apache-2.0
/*
 * Which packets there are (GDB manual, "Packets", "General Query Packets"), and those that are
 * too small for a file.
 */
#include "session.h"

#include <errno.h>

struct command {
	const char *name;
	enum { WHOLE, PREFIX } form; /* whether there may be something behind it */
	bool running; /* also while the target runs */
	int (*run)(struct iol_gdb_session *s, struct gdb_cursor *args);
};

/* A name that begins with another one comes before that. */
static const struct command commands[] = {
	{ "?", WHOLE, false, iol_gdb_do_why },
	{ "g", WHOLE, false, iol_gdb_do_read_general },
	{ "G", PREFIX, false, iol_gdb_do_write_general },
	{ "p", PREFIX, false, iol_gdb_do_read_register },
	{ "P", PREFIX, false, iol_gdb_do_write_register },
	{ "m", PREFIX, false, iol_gdb_do_read_memory },
	{ "M", PREFIX, false, iol_gdb_do_write_memory },
	{ "x", PREFIX, false, iol_gdb_do_read_binary },
	{ "X", PREFIX, false, iol_gdb_do_write_binary },
	{ "c", PREFIX, false, iol_gdb_do_continue },
	{ "C", PREFIX, false, iol_gdb_do_continue_signal },
	{ "s", PREFIX, false, iol_gdb_do_step },
	{ "S", PREFIX, false, iol_gdb_do_step_signal },
	{ "vCont;", PREFIX, false, iol_gdb_do_vcont },
	{ "vCont?", WHOLE, true, iol_gdb_do_vcont_what },
	{ "Z", PREFIX, false, iol_gdb_do_insert },
	{ "z", PREFIX, false, iol_gdb_do_remove },
	{ "H", PREFIX, false, iol_gdb_do_select },
	{ "T", PREFIX, false, iol_gdb_do_alive },
	{ "D", PREFIX, true, iol_gdb_do_detach },
	{ "k", PREFIX, true, iol_gdb_do_kill },
	{ "vKill;", PREFIX, true, iol_gdb_do_vkill },
	{ "qSupported", PREFIX, false, iol_gdb_do_supported },
	{ "QStartNoAckMode", WHOLE, false, iol_gdb_do_no_ack },
	{ "qC", WHOLE, false, iol_gdb_do_current_thread },
	{ "qAttached", PREFIX, false, iol_gdb_do_attached },
	{ "qfThreadInfo", WHOLE, false, iol_gdb_do_threads },
	{ "qsThreadInfo", WHOLE, false, iol_gdb_do_more_threads },
	{ "qThreadExtraInfo,", PREFIX, false, iol_gdb_do_thread_extra },
	{ "qSymbol:", PREFIX, false, iol_gdb_do_symbols },
	{ "qRcmd,", PREFIX, false, iol_gdb_do_monitor },
	{ "qXfer:features:read:", PREFIX, false, iol_gdb_do_features },
	{ "qXfer:memory-map:read:", PREFIX, false, iol_gdb_do_memory_map },
	{ "qXfer:threads:read:", PREFIX, false, iol_gdb_do_threads_xml },
};

int iol_gdb_command(struct iol_gdb_session *s, struct gdb_cursor packet)
{
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(commands); i++) {
		const struct command *command = &commands[i];
		struct gdb_cursor args = packet;

		if (!iol_gdb_cursor_word(&args, command->name))
			continue;
		if (command->form == WHOLE && iol_gdb_cursor_left(&args))
			continue;
		if (s->state == GDB_RUNS && !command->running)
			return -EBUSY;
		return command->run(s, &args);
	}
	/* One that nobody knows is answered by nothing, so that the client does without. */
	return s->state == GDB_RUNS ? -EBUSY : GDB_ANSWERED;
}

/* "H" op thread-id */
int iol_gdb_do_select(struct iol_gdb_session *s, struct gdb_cursor *args)
{
	bool general = iol_gdb_cursor_char(args, 'g');
	unsigned int thread;
	int named;

	if ((!general && !iol_gdb_cursor_char(args, 'c')) || !iol_gdb_cursor_thread(args, &named) ||
	    iol_gdb_cursor_left(args) || !iol_gdb_session_thread(s, named, &thread))
		return -EINVAL;
	if (general)
		s->thread = thread;
	else
		s->run_thread = named;
	return iol_gdb_session_ok(s);
}

/* "T" thread-id */
int iol_gdb_do_alive(struct iol_gdb_session *s, struct gdb_cursor *args)
{
	unsigned int thread;
	int named;

	if (!iol_gdb_cursor_thread(args, &named) || iol_gdb_cursor_left(args) || named < 0 ||
	    !iol_gdb_session_thread(s, named, &thread))
		return -EINVAL;
	return iol_gdb_session_ok(s);
}

int iol_gdb_do_detach(struct iol_gdb_session *s, struct gdb_cursor *args)
{
	/* "D;pid" is for stubs that offered "multiprocess". */
	if (iol_gdb_cursor_left(args))
		return -EINVAL;
	iol_gdb_session_ok(s);
	iol_gdb_session_send(s);
	/* First: what the target says of itself is not for this client any more. */
	iol_gdb_session_leave(s);
	iol_gdb_session_detach(s, true);
	return GDB_NO_REPLY;
}

static int kill_target(struct iol_gdb_session *s)
{
	/* Before the call: the machine may be over in it. */
	iol_gdb_session_leave(s);
	s->target->ops->kill(s->target);
	return GDB_NO_REPLY;
}

/* "k" has no answer. */
int iol_gdb_do_kill(struct iol_gdb_session *s, struct gdb_cursor *args)
{
	(void)args;
	return kill_target(s);
}

int iol_gdb_do_vkill(struct iol_gdb_session *s, struct gdb_cursor *args)
{
	uint64_t pid;

	if (!iol_gdb_cursor_number(args, &pid) || iol_gdb_cursor_left(args))
		return -EINVAL;
	iol_gdb_session_ok(s);
	iol_gdb_session_send(s);
	return kill_target(s);
}
