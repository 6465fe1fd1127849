/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said to one client of a control socket: bytes in, lines out, calls of commands. Pure, without a descriptor or a
 * clock. QEMU's docs/interop/qmp-spec is the protocol.
 */
#ifndef IOL_CONTROL_SESSION_H
#define IOL_CONTROL_SESSION_H

#include "request.h"

/* What all clients of a socket have in common; outlives them. */
struct iol_control_service {
	const struct iol_control_command *commands;
	const char *const *events;
	void *machine;
};

struct iol_control_session {
	const struct iol_control_service *service;
	/* One whole line, with its end. It may come while a command runs, with events of that. */
	void (*send)(struct iol_control_session *session, const char *line, size_t len);
	struct iol_control_request request;
	bool negotiated;
};

/* Greets. @session->service and send are set. */
void iol_control_session_begin(struct iol_control_session *session);
void iol_control_session_end(struct iol_control_session *session);

/*
 * Offers @len bytes. Answers one request at most, and says how many bytes it took: fewer than all only if it
 * has answered.
 */
size_t iol_control_session_receive(struct iol_control_session *session, const char *data,
				   size_t len);

/* The line of an event for all who have negotiated, to be freed with g_free(). Steals @data; NULL: none. */
char *iol_control_event_line(const char *event, json_t *data, int64_t realtime_us);

/* The line for those who are not let in; to be freed with g_free(). */
char *iol_control_error_line(const char *desc);

/* ---- Of session.c, schema.c and arguments.c ---- */

/* @text as JSON, whatever bytes it has. */
json_t *iol_control_text(const char *text);

/* What is wrong with @args for @command, as QEMU says it. 0 or -EINVAL. */
int iol_control_arguments_check(const struct iol_control_command *command, const json_t *args,
				struct iol_error *err);

/* Of qmp_capabilities, query-commands and query-qmp-schema: ended by one without a name; machine is the session. */
extern const struct iol_control_command iol_control_builtins[];
json_t *iol_control_schema(const struct iol_control_service *service);

#endif
