// SPDX-License-Identifier: Apache-2.0
/*
 * Going on: "vCont", and the older "c", "s", "C", "S". A signal to go on with is passed over: a
 * machine has none.
 */
#include "session.h"

#include <errno.h>
#include <string.h>

/* Some thread does not stand, or else a stop would never come. */
static int resume(struct iol_gdb_session *s, const enum iol_gdb_action *actions)
{
	int ret;

	s->resumed = 0;
	for (unsigned int i = 0; i < s->thread_count; i++)
		s->resumed |= (uint64_t)(actions[i] != IOL_GDB_STAND) << i;
	s->state = GDB_RUNS;
	s->interrupted = false;
	ret = s->target->ops->resume(s->target, actions);
	/* It may have stopped in the call, and that may have been answered. */
	if (ret >= 0 || s->state != GDB_RUNS)
		return GDB_NO_REPLY;
	s->state = GDB_STANDS;
	return ret;
}

/*
 * What "Hc" selected does it, and others stand; if that is any or all threads, the current one
 * does it and the others run, as gdbserver has it.
 */
static int resume_one(struct iol_gdb_session *s, enum iol_gdb_action action)
{
	enum iol_gdb_action actions[IOL_GDB_THREADS_MAX];
	unsigned int thread = s->run_thread < 0 ? s->thread : (unsigned int)s->run_thread;

	for (unsigned int i = 0; i < s->thread_count; i++)
		actions[i] = s->run_thread < 0 ? IOL_GDB_CONTINUE : IOL_GDB_STAND;
	actions[thread] = action;
	return resume(s, actions);
}

/*
 * With an address to go on at: refused, rather than passed over. GDB sets the pc by "P" or "G".
 */
static int nothing_left(struct gdb_cursor *args)
{
	return iol_gdb_cursor_left(args) ? -EOPNOTSUPP : 0;
}

/* Behind "C" and "S", and in actions of these names. */
static bool skip_signal(struct gdb_cursor *args)
{
	uint64_t number;

	return iol_gdb_cursor_number(args, &number) && number <= UINT8_MAX;
}

int iol_gdb_do_continue(struct iol_gdb_session *s, struct gdb_cursor *args)
{
	int ret = nothing_left(args);

	return ret ? ret : resume_one(s, IOL_GDB_CONTINUE);
}

int iol_gdb_do_step(struct iol_gdb_session *s, struct gdb_cursor *args)
{
	int ret = nothing_left(args);

	return ret ? ret : resume_one(s, IOL_GDB_STEP);
}

int iol_gdb_do_continue_signal(struct iol_gdb_session *s, struct gdb_cursor *args)
{
	return skip_signal(args) ? iol_gdb_do_continue(s, args) : -EINVAL;
}

int iol_gdb_do_step_signal(struct iol_gdb_session *s, struct gdb_cursor *args)
{
	return skip_signal(args) ? iol_gdb_do_step(s, args) : -EINVAL;
}

/* "vCont?" */
int iol_gdb_do_vcont_what(struct iol_gdb_session *s, struct gdb_cursor *args)
{
	(void)args;
	iol_gdb_reply_text(&s->reply, "vCont;c;C;s;S");
	return GDB_ANSWERED;
}

/* action [":" thread-id] */
static bool read_action(struct gdb_cursor *args, enum iol_gdb_action *action, int *thread)
{
	uint8_t name;

	if (!iol_gdb_cursor_left(args))
		return false;
	name = *args->at++;
	if (name != 'c' && name != 'C' && name != 's' && name != 'S')
		return false;
	/* A capital has a signal behind it. */
	if ((name == 'C' || name == 'S') && !skip_signal(args))
		return false;
	*action = name == 's' || name == 'S' ? IOL_GDB_STEP : IOL_GDB_CONTINUE;
	*thread = GDB_THREAD_ALL;
	return !iol_gdb_cursor_char(args, ':') || iol_gdb_cursor_thread(args, thread);
}

/* "vCont;" actions with ';' between them: for each thread the leftmost that is for it. */
int iol_gdb_do_vcont(struct iol_gdb_session *s, struct gdb_cursor *args)
{
	enum iol_gdb_action actions[IOL_GDB_THREADS_MAX] = { IOL_GDB_STAND };

	do {
		enum iol_gdb_action action;
		unsigned int thread;
		int named;

		if (!read_action(args, &action, &named) ||
		    !iol_gdb_session_thread(s, named, &thread))
			return -EINVAL;
		for (unsigned int i = 0; i < s->thread_count; i++)
			if (actions[i] == IOL_GDB_STAND && (named == GDB_THREAD_ALL || i == thread))
				actions[i] = action;
	} while (iol_gdb_cursor_char(args, ';'));
	return iol_gdb_cursor_left(args) ? -EINVAL : resume(s, actions);
}
