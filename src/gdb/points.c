// SPDX-License-Identifier: Apache-2.0
/* Breakpoints and watchpoints. */
#include "session.h"

#include <errno.h>

typedef int point_fn(struct iol_gdb_target *target, unsigned int thread, enum iol_gdb_point point,
		     uint64_t address, uint64_t bytes);

/* type "," address "," kind; conditions and commands behind it were not offered. */
static int change(struct iol_gdb_session *s, struct gdb_cursor *args, point_fn *fn)
{
	uint64_t type, address, kind;
	int ret;

	if (!iol_gdb_cursor_number(args, &type))
		return -EINVAL;
	if (type >= IOL_GDB_POINT_COUNT)
		return GDB_ANSWERED;
	if (!iol_gdb_cursor_char(args, ',') || !iol_gdb_cursor_pair(args, &address, &kind) ||
	    iol_gdb_cursor_left(args))
		return -EINVAL;
	/* A watchpoint has bytes, none of them behind the last address. */
	if (type >= IOL_GDB_WATCH_WRITE && (!kind || (kind - 1 > UINT64_MAX - address)))
		return -EINVAL;
	ret = fn(s->target, s->thread, (enum iol_gdb_point)type, address, kind);
	/* No answer says that there is no such point here, and GDB does without. */
	if (ret == -ENOTSUP)
		return GDB_ANSWERED;
	return ret < 0 ? ret : iol_gdb_session_ok(s);
}

int iol_gdb_do_insert(struct iol_gdb_session *s, struct gdb_cursor *args)
{
	return change(s, args, s->target->ops->insert);
}

int iol_gdb_do_remove(struct iol_gdb_session *s, struct gdb_cursor *args)
{
	return change(s, args, s->target->ops->remove);
}
