/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Diagnostics for the person who runs the machine: one line each, to standard error, never to the
 * guest's console. The level is the only global state of the program.
 */
#ifndef IOLITE_LOG_H
#define IOLITE_LOG_H

#include <iolite/macros.h>

enum iol_log_level {
	IOL_LOG_ERROR, /* the machine cannot go on, or data is at risk */
	IOL_LOG_WARN, /* something was refused, lost or is worse than asked for */
	IOL_LOG_INFO, /* life cycle events; shown with -v */
	IOL_LOG_DEBUG, /* internals; shown with -vv */
	IOL_LOG_LEVEL_COUNT,
};

/* Lines above @level are dropped. Starts at IOL_LOG_WARN. [any] */
void iol_log_set_level(enum iol_log_level level);
enum iol_log_level iol_log_level(void);

/* "error", "warn", "info", "debug", and back; false: that is none. [any] */
const char *iol_log_level_name(enum iol_log_level level);
bool iol_log_level_parse(const char *name, enum iol_log_level *level);

/* True when lines of @level are shown: guards work done only for the log. [any] */
bool iol_log_enabled(enum iol_log_level level);

/* Writes "iolite: text\n" in one write(2). Control characters become '?'. [any] */
void iol_log(enum iol_log_level level, const char *fmt, ...) iol_printf(2, 3);

/*
 * Shows @text in a line of a terminal that is written over by the next one and taken away by any other line, and by
 * NULL. Nothing where standard error is no terminal. One thread at a time.
 */
void iol_log_progress(const char *text);

/*
 * Rate limit for messages that a guest can provoke: at most @burst lines per second pass, the rest
 * are counted and reported by the next line that passes.
 */
struct iol_log_limit {
	uint64_t window_start_ns;
	uint32_t burst;
	uint32_t in_window;
	uint32_t suppressed;
};

/* As iol_log through @limit, which belongs to one thread or one lock. */
void iol_log_limited(struct iol_log_limit *limit, enum iol_log_level level, const char *fmt, ...)
	iol_printf(3, 4);

#endif
