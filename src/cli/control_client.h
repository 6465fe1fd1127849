/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client of a machine's control socket (QMP's wire format, see iolite/control.h). It blocks, with a limit for each step: what is
 * at the other end may be slow, broken, or no machine at all. One thread.
 */
#ifndef IOL_CLI_CONTROL_CLIENT_H
#define IOL_CLI_CONTROL_CLIENT_H

#include <jansson.h>
#include <sys/types.h>

#include <iolite/error.h>

struct iol_client;

enum {
	IOL_CLIENT_LIMIT_MS = 10000, /* of a step: connecting, an answer */
	IOL_CLIENT_LINE_BYTES_MAX = 16 * 1024 * 1024, /* of one message */
	IOL_CLIENT_EVENTS_MAX = 1024, /* kept for iol_client_event(); older ones are dropped */
};

/*
 * Connects to @path and negotiates. @limit_ms: of each step, here and later. -ENOENT: no such socket; -ECONNREFUSED:
 * nobody listens there; -ETIMEDOUT; -ECONNRESET: it was closed; -EPROTO: that is no control socket; -EREMOTEIO: refused.
 */
int iol_client_open(const char *path, unsigned int limit_ms, struct iol_client **client,
		    struct iol_error *err);
void iol_client_close(struct iol_client *client); /* NULL is allowed */

/*
 * Has the machine do @command. Steals @args (NULL: none). @result: a new reference; may be NULL. -EREMOTEIO: the machine says no,
 * with its text; -ECONNRESET: it ended meanwhile; -EINTR: the interrupt came, and the answer will be ignored;
 * else as above.
 */
int iol_client_execute(struct iol_client *client, const char *command, json_t *args,
		       json_t **result, struct iol_error *err);

/* The next command goes with @fd (SCM_RIGHTS), which stays the caller's. */
void iol_client_pass(struct iol_client *client, int fd);

/* Waits up to @limit_ms (0: looks) for the next event. A new reference. -ETIMEDOUT: none came; -EINTR; else as above. */
int iol_client_event(struct iol_client *client, unsigned int limit_ms, json_t **event,
		     struct iol_error *err);

/* Waits up to @limit_ms for the end of the connection. 0, -ETIMEDOUT, -EINTR. */
int iol_client_wait_end(struct iol_client *client, unsigned int limit_ms, struct iol_error *err);

/* What becomes readable when something arrives; the client's. */
int iol_client_fd(const struct iol_client *client);

/* While @fd is readable, waiting ends with -EINTR. Borrowed; -1: none, as in the beginning. */
void iol_client_set_interrupt(struct iol_client *client, int fd);

/* Who listens; 0: not known. */
pid_t iol_client_pid(const struct iol_client *client);

#endif
