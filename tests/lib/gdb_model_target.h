/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine for the GDB stub, and the far end of its link, for tests and fuzzers: memory,
 * registers and points are plain arrays, calls are recorded, and what the seam (gdb_target.h,
 * gdb.h) demands of a session is checked in each.
 */
#ifndef IOLITE_TESTS_GDB_MODEL_TARGET_H
#define IOLITE_TESTS_GDB_MODEL_TARGET_H

#include <glib.h>

#include <iolite/gdb.h>
#include <iolite/macros.h>

enum {
	GDB_MODEL_THREADS = 3,
	GDB_MODEL_MEMORY_BYTES = 96 * 1024,
	GDB_MODEL_BASE = 0x10000, /* the first address that there is */
	GDB_MODEL_POINTS = 8,
	GDB_MODEL_REGISTERS_BYTES = 8 + 4 + 8 + 16 + 2,
	GDB_MODEL_GENERAL_BYTES = 8 + 4 + 8,
};

struct gdb_model_point {
	enum iol_gdb_point kind;
	uint64_t address, bytes;
};

struct gdb_model {
	struct iol_gdb_target target;
	struct iol_gdb_link link;
	struct iol_gdb_session *session;

	/* The machine. */
	bool attached, runs;
	bool let_go; /* the last client said goodbye */
	unsigned int stopped_thread;
	uint8_t memory[GDB_MODEL_MEMORY_BYTES];
	uint8_t registers[GDB_MODEL_THREADS][GDB_MODEL_REGISTERS_BYTES];
	unsigned int point_count;
	struct gdb_model_point points[GDB_MODEL_POINTS];
	enum iol_gdb_action actions[GDB_MODEL_THREADS]; /* of the last resume() */
	char command[128]; /* the last of a person's, cut */
	size_t last_read_bytes; /* what the last read_memory() was for */

	/* How it behaves. */
	int fail; /* 0, or the -errno of what can fail */
	bool stops_in_resume, stops_in_interrupt;
	struct iol_gdb_stop next_stop; /* of those two */
	const char *info; /* of thread_info() */
	const char *says; /* of monitor(); NULL: the command itself */
	unsigned int says_times; /* is 1 after more than that */
	bool exits_in_monitor, ends_in_monitor, exits_in_kill, exits_in_resume;
	bool ends_in_hang_up; /* the client is gone at once */

	/* What was called how often. */
	unsigned int attaches, detaches, kills, resumes, interrupts, writes, monitors;

	/* The far end. */
	GString *sent; /* and not yet taken by gdb_model_take() */
	size_t capacity; /* of the link, sent is in it */
	bool hung_up;
	bool no_ack; /* neither side acknowledges: gdb_model_ask() */
	unsigned int stop_replies; /* that were seen by gdb_model_take() */
};

/* With a session that has no client yet. */
void gdb_model_init(struct gdb_model *model);
void gdb_model_finish(struct gdb_model *model);

/* The target, if it runs, stops with that. */
void gdb_model_stop(struct gdb_model *model, const struct iol_gdb_stop *stop);

/*
 * The next thing that the session sent: "+", "-", or a packet's data behind "$", unescaped. NULL:
 * nothing is left. What is not as the protocol has it is an error.
 */
char *gdb_model_take(struct gdb_model *model, size_t *bytes);

/* Bytes of the client, all of which are taken. */
void gdb_model_say(struct gdb_model *model, const char *text);
/*
 * A packet of the client's with these data, which need no escape: returns what the answer has
 * behind "$", and acknowledges it. NULL: there was none. More than one is an error.
 */
char *gdb_model_ask(struct gdb_model *model, const char *data);
/* Likewise; @answer is what it must be, NULL: none. */
#define gdb_model_expect(model, data, answer)                              \
	do {                                                               \
		g_autofree char *expect_text = gdb_model_ask(model, data); \
		g_assert_cmpstr(expect_text, ==, answer);                  \
	} while (0)

/* "$data#sum", of data that needs no escape. */
char *gdb_model_frame(const char *data);

#endif
