/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors that a person reads. A function that can fail for a reason of the user's, the host's or
 * a file's takes a caller-owned struct iol_error as its last argument and returns -errno; the text
 * is one line that names the place, the value and the remedy.
 */
#ifndef IOLITE_ERROR_H
#define IOLITE_ERROR_H

#include <iolite/macros.h>

struct iol_error {
	int code; /* -errno, 0 when nothing failed */
	bool host_fault; /* the host refused; otherwise what was asked for is wrong */
	char msg[480]; /* one line, no newline at its end */
};

/*
 * Records @code (negative errno) and the text; control characters from the arguments are replaced
 * by '?', so that a hostile file name cannot write to a terminal. @err may be NULL. Returns @code.
 */
int iol_error_set(struct iol_error *err, int code, const char *fmt, ...) iol_printf(3, 4);

/* As iol_error_set, followed by ": " and the host's words for @code. Returns @code. */
int iol_error_errno(struct iol_error *err, int code, const char *fmt, ...) iol_printf(3, 4);

/*
 * Whether a @code is the host's own: it has no descriptors or memory left, or its storage fails. Whoever asks for something else gets
 * the same.
 */
bool iol_error_is_hosts(int code);

/* Puts context before the text on the way up: "kernel vmlinuz: " + "empty file". Returns err->code. */
int iol_error_prefix(struct iol_error *err, const char *fmt, ...) iol_printf(2, 3);

#endif
