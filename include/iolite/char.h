/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A character backend: the far end of a serial line. It owns a bounded ring of output; a device
 * pushes into the ring from any thread and is never blocked; the loop drains it.
 *
 * Back-pressure: iol_char_write() takes what fits. While the reader makes progress nothing is
 * lost. When the ring is full and no byte left it for IOL_CHAR_STALL_NS, output is counted and dropped
 * until the reader takes some again: a dead reader cannot hold the guest for ever.
 */
#ifndef IOLITE_CHAR_H
#define IOLITE_CHAR_H

#include <pthread.h>

#include <iolite/event.h>
#include <iolite/loop.h>

enum { IOL_CHAR_RING_BYTES = 64 * 1024, IOL_CHAR_INPUT_BYTES = 256 };
#define IOL_CHAR_STALL_NS IOL_NS_PER_S

struct iol_char;

/* The device at the near end. All calls come on the loop's thread. */
struct iol_char_user {
	/* Takes up to @len bytes; returns how many. The rest is offered again after iol_char_ready(). */
	unsigned int (*receive)(struct iol_char_user *user, const uint8_t *data, unsigned int len);
	/* The ring has room again after a short iol_char_write(). */
	void (*writable)(struct iol_char_user *user);
};

/* What a kind of backend provides. */
struct iol_char_ops {
	const char *name;
	/* Restores what the backend changed and frees it; the common part is done. [loop] */
	void (*free)(struct iol_char *chr);
};

struct iol_char {
	const struct iol_char_ops *ops;
	struct iol_loop *loop;
	struct iol_char_user *user; /* NULL: input is dropped */
	int in_fd; /* owned, does not block; -1: no input */
	int out_fd; /* owned, does not block; -1: output vanishes */
	bool stopped; /* no more input and output; on the loop's thread */
	/* Filters input (escape keys) in place; returns the new length. NULL: none. */
	unsigned int (*filter)(struct iol_char *chr, uint8_t *data, unsigned int len);

	struct iol_op in_op; /* waits for input */
	unsigned int poll_failures; /* of in_op, in a row */
	unsigned int input_pos, input_len;
	uint8_t input[IOL_CHAR_INPUT_BYTES];

	struct iol_op out_op; /* waits for room in out_fd */
	struct iol_op stall_op; /* waits for the reader to be called dead */
	struct iol_post out_post; /* there is something to write */
	struct iol_post ready_post; /* the device can receive again */

	pthread_mutex_t lock; /* of what follows */
	uint8_t *ring; /* IOL_CHAR_RING_BYTES */
	unsigned int ring_head, ring_fill;
	bool want_writable; /* a write came back short */
	uint64_t progress_ns; /* when a byte last left the ring, or entered an empty one */
	uint64_t dropped_bytes;
};

/*
 * Standard input and output. On a terminal: raw mode until the backend is freed or the process
 * dies, and Ctrl-A as the escape key (h: help, x: raises IOL_EVENT_STOP at @sink, a or Ctrl-A: the
 * key itself). One per process. [loop]
 */
int iol_char_stdio_new(struct iol_loop *loop, struct iol_event_sink *sink, struct iol_char **chr,
		       struct iol_error *err);

/* No input; output vanishes. [loop] */
int iol_char_null_new(struct iol_loop *loop, struct iol_char **chr, struct iol_error *err);

/* Names the device and begins to read. @user outlives the backend or iol_char_stop(). [loop] */
void iol_char_start(struct iol_char *chr, struct iol_char_user *user);

/*
 * Ends input; gives pending output a last chance to leave within @wait_ns; ends output. No callback
 * comes afterwards. Idempotent. [loop]
 */
void iol_char_stop(struct iol_char *chr, uint64_t wait_ns);

/* Queues up to @len bytes; returns how many were taken (or dropped by the rule above). [any] */
unsigned int iol_char_write(struct iol_char *chr, const uint8_t *data, unsigned int len);

/* The device can receive again. [any] */
void iol_char_ready(struct iol_char *chr);

/* Stops and frees any backend. NULL is allowed. [loop] */
void iol_char_free(struct iol_char *chr);

/* For backends: the fields that all have in common. */
void iol_char_init(struct iol_char *chr, const struct iol_char_ops *ops, struct iol_loop *loop);

#endif
