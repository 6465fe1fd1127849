/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A supervisor's connection to the control socket of one of its machines (QMP's wire format). The machine may be in the hands of its
 * guest: what it says is bounded, and believed about itself alone. On the loop's thread.
 */
#ifndef IOL_SYSTEM_LINK_H
#define IOL_SYSTEM_LINK_H

#include <glib.h>
#include <jansson.h>

#include <iolite/loop.h>

enum iol_link_request {
	IOL_LINK_NEGOTIATE = 1,
	IOL_LINK_STATUS,
	IOL_LINK_PAUSE,
	IOL_LINK_RESUME,
	IOL_LINK_BUTTON,
	IOL_LINK_QUIT,
};

struct iol_link;

struct iol_link_ops {
	/* An answer to a request; @result is NULL where the machine refused. */
	void (*answered)(struct iol_link *link, enum iol_link_request request,
			 const json_t *result);
	void (*event)(struct iol_link *link, const char *name, const json_t *data);
	/* It is closed, by whatever; not told for iol_link_close(). */
	void (*lost)(struct iol_link *link);
};

struct iol_link {
	struct iol_loop *loop;
	const struct iol_link_ops *ops;
	int fd; /* -1: closed */
	struct iol_op op; /* a poll of fd */
	GByteArray *in;
	bool again; /* it was opened while the last poll was on its way */
};

void iol_link_init(struct iol_link *link, struct iol_loop *loop, const struct iol_link_ops *ops);
/* Closes; its operation may still be in flight, see iol_loop_finish(). */
void iol_link_finish(struct iol_link *link);

/* Connects, where @pid listens: another process there is -EPERM. Then it negotiates and asks for the status. */
int iol_link_open(struct iol_link *link, const char *path, pid_t pid);
bool iol_link_is_open(const struct iol_link *link);
int iol_link_send(struct iol_link *link, enum iol_link_request request, struct iol_error *err);
/* What has arrived, at once: for one whose machine has ended. */
void iol_link_drain(struct iol_link *link);
void iol_link_close(struct iol_link *link);

#endif
