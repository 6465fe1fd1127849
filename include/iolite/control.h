/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine's control socket: QEMU's QMP wire format (greeting, qmp_capabilities, ids, errors, events with time stamps),
 * over commands that the machine provides. Several clients at once, on the loop's thread; one that does not read
 * is sent away, and one that sends nonsense is told so: neither holds up the machine or another client.
 *
 * Who may connect to the socket has the machine in their hands; it is its owner's alone (mode 0600).
 */
#ifndef IOLITE_CONTROL_H
#define IOLITE_CONTROL_H

#include <jansson.h>
#include <stdint.h>

#include <iolite/error.h>

struct iol_control;
struct iol_loop;

enum {
	IOL_CONTROL_CLIENTS_MAX = 16, /* more are told that it is full, and closed */
	IOL_CONTROL_REQUEST_BYTES_MAX = 256 * 1024, /* of one request */
	IOL_CONTROL_DEPTH_MAX = 32, /* of its objects and lists */
	IOL_CONTROL_OUT_BYTES_MAX =
		4 * 1024 * 1024, /* waiting for one client; then it is sent away */
};

enum iol_control_type {
	IOL_CONTROL_STR,
	IOL_CONTROL_INT,
	IOL_CONTROL_BOOL,
	IOL_CONTROL_OBJECT,
	IOL_CONTROL_LIST,
};

/* An argument of a command; a list of them ends with one without a name. */
struct iol_control_arg {
	const char *name;
	enum iol_control_type type;
	bool optional;
};

/*
 * A command, by the name that QMP has for it, or "x-iolite-...". Arguments were checked against the list: there are no
 * others, none is lacking, types are right (integers are not checked for range).
 */
struct iol_control_command {
	const char *name;
	const struct iol_control_arg *args; /* NULL: none */
	/*
	 * @result: a new reference, or left NULL for {}. -errno with the text for the client: -ENODEV is its class
	 * DeviceNotFound, all else GenericError. Does not block. Events that it brings about are told before its answer.
	 */
	int (*run)(void *machine, const json_t *args, json_t **result, struct iol_error *err);
};

struct iol_control_config {
	const char *path; /* of the socket; borrowed for the call */
	int fd; /* > 0: a non-blocking socket that listens there already; borrowed for the call */
	const struct iol_control_command
		*commands; /* ended by one without a name; outlives the socket */
	const char *const
		*events; /* names of all events that may come, ended by NULL; for the schema */
	void *machine; /* handed to the commands */
	const char *name; /* of the machine, for messages; outlives the socket */
};

/*
 * Listens at config->path, in place of a socket there that nobody listens at, or with config->fd; lets nobody in yet. Errors
 * are the user's: somebody listens there, a file is there, no such folder.
 */
int iol_control_new(struct iol_loop *loop, const struct iol_control_config *config,
		    struct iol_control **control, struct iol_error *err);
void iol_control_start(struct iol_control *control);

/* Tells all clients that have negotiated. Steals @data; NULL: none. Without a socket (NULL) there is nobody to tell. */
void iol_control_event(struct iol_control *control, const char *event, json_t *data);

/*
 * For a command that runs: the descriptor that its client passed last (SCM_RIGHTS), to be closed by the caller; -1: none. It is
 * whatever the client had.
 */
int iol_control_take_fd(struct iol_control *control);

/*
 * For the greeting, and the answer to query-version: {"qemu": {"major", "minor", "micro"}, "package": "iolite VERSION"}. The
 * numbers are of the QEMU whose protocol this is. A new reference.
 */
json_t *iol_control_version(void);

/* Gives clients what is on its way to them, for @wait_ns at most, closes, and removes the socket that it made. NULL is allowed. */
void iol_control_free(struct iol_control *control, uint64_t wait_ns);

#endif
