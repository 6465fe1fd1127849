/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A character backend: the far end of a serial line or console. It owns a bounded ring of output; a device
 * pushes into the ring from any thread and is never blocked; the loop drains it.
 *
 * Back-pressure: iol_char_write() takes what fits. While the reader makes progress nothing is
 * lost. When the ring is full and no byte left it for IOL_CHAR_STALL_NS, output is counted and dropped
 * until the reader takes some again: a dead reader cannot hold the guest for ever, but where that is asked for
 * (block=on).
 *
 * Readers that come and go (ops->lost: pseudo terminals, sockets): while there is none, nothing stalls; the
 * ring keeps the last bytes that nobody was sent, and whoever comes gets them first. Of a dead one, the
 * oldest bytes are dropped rather than the newest.
 *
 * Where the readers are programs that speak a protocol (private_peers), each is for itself: what was for one is sent
 * to no other.
 */
#ifndef IOLITE_CHAR_H
#define IOLITE_CHAR_H

#include <pthread.h>

#include <iolite/char_config.h>
#include <iolite/event.h>
#include <iolite/loop.h>

enum {
	IOL_CHAR_INPUT_BYTES = 256,
	IOL_CHAR_OUT_BYTES = 4096, /* written at once */
	IOL_CHAR_NAME_BYTES = 32,
};
#define IOL_CHAR_STALL_NS IOL_NS_PER_S

struct iol_char;

/* The device at the near end. All calls come on the loop's thread. */
struct iol_char_user {
	/* Takes up to @len bytes; returns how many. The rest is offered again after iol_char_ready(). */
	unsigned int (*receive)(struct iol_char_user *user, const uint8_t *data, unsigned int len);
	/* The ring has room again after a short iol_char_write(), or more of it than iol_char_room() said. */
	void (*writable)(struct iol_char_user *user);
	/*
	 * A peer came, or is gone: no operation uses its descriptor any more, and the next one is not let in yet. What it
	 * sent and was not taken goes with it. Not called by iol_char_stop(). NULL: nothing.
	 */
	void (*peer)(struct iol_char_user *user, bool present);
};

/* What a kind of backend provides. */
struct iol_char_ops {
	const char *name;
	/* The device is there: somebody can be let in. NULL: nothing. [loop] */
	void (*start)(struct iol_char *chr);
	/*
	 * For peers that come and go, else NULL: the peer reads no more, or, with chr->in_fd -1, it is gone and
	 * nothing uses its descriptor. Not after the stop. [loop]
	 */
	void (*lost)(struct iol_char *chr);
	/* What a peer sent before it left still waits for the device then, else it goes with the peer. */
	bool keeps_input;
	/* Ends the backend's own operations and lets nobody in any more. NULL: nothing. [loop] */
	void (*stop)(struct iol_char *chr);
	/* Restores what the backend changed and frees it; the common part is done. [loop] */
	void (*free)(struct iol_char *chr);
};

struct iol_char {
	const struct iol_char_ops *ops;
	struct iol_loop *loop;
	struct iol_char_user *user; /* NULL: input is dropped */
	char name[IOL_CHAR_NAME_BYTES]; /* for messages */
	/* Do not block. Owned, but for peers that come and go. -1: no input. */
	int in_fd;
	bool terminal; /* in_fd is the process's terminal */
	int wait_fd; /* an epoll that watches it then, made when it is first waited for; -1: none */
	int out_fd; /* -1: output vanishes, or waits for a peer. Written under the lock. */
	bool stopped; /* no more input and output; on the loop's thread */
	bool leaving; /* the peer is gone, operations with its descriptor are not yet */
	bool present; /* a peer is there, or is leaving */
	bool hanging_up; /* it is sent away once it has what is in the ring; its input is dropped */
	uint64_t hang_up_ns; /* since when */
	/*
	 * Set by the user before the start: nothing is kept while nobody is there, or for the next one when a peer is
	 * gone; one that ends its input gets what fits of its output yet; and one too many is closed without a word.
	 */
	bool private_peers;
	/* Filters input (escape keys) in place; returns the new length. NULL: none. */
	unsigned int (*filter)(struct iol_char *chr, uint8_t *data, unsigned int len);

	struct iol_op in_op; /* waits for input */
	struct iol_op
		hangup_op; /* the same for a peer's end, while its input waits for the device */
	unsigned int poll_failures; /* of in_op, in a row */
	unsigned int input_pos, input_len;
	uint64_t in_bytes; /* that the device took */
	uint8_t input[IOL_CHAR_INPUT_BYTES];
	/*
	 * With a filter: a device that took nothing for IOL_CHAR_STALL_NS does not keep escape keys from being
	 * seen. Input is read on, and what finds no room is dropped.
	 */
	struct iol_op starve_op;
	uint64_t offered_ns; /* when the device last took input, or some began to wait */
	bool starved;

	struct iol_op out_op; /* waits for room in out_fd */
	struct iol_op stall_op; /* waits for the reader to be called dead */
	struct iol_post out_post; /* there is something to write */
	struct iol_post ready_post; /* the device can receive again */
	struct iol_post hang_post; /* iol_char_hang_up() was called */
	struct iol_op hang_op; /* waits for a peer that is sent away to be called dead */
	uint8_t out[IOL_CHAR_OUT_BYTES]; /* on its way out */

	struct iol_char *log; /* gets a copy of the output; owned; NULL: none */
	struct iol_char_user log_user;
	bool hold; /* no reader is ever called dead */

	pthread_mutex_t lock; /* of what follows; taken before that of the log */
	uint8_t *ring;
	unsigned int ring_bytes, ring_head, ring_fill;
	uint64_t out_pos; /* bytes that ever left the ring, where head is */
	bool log_full; /* a write came back short for the log's sake */
	bool want_writable; /* a write came back short */
	bool want_room; /* somebody was told that there is less room than there could be */
	uint64_t progress_ns; /* when a byte last left the ring, or entered an empty one */
	uint64_t out_bytes; /* that iol_char_write() took; dropped ones are among them */
	uint64_t dropped_bytes;
};

/*
 * A backend as @config says. @name is what it is called in messages, such as "serial0"; @sink is told when a
 * person at the terminal asks for the end. Of IOL_CHAR_STDIO there is one in a process. [loop]
 */
int iol_char_new(struct iol_loop *loop, struct iol_event_sink *sink,
		 const struct iol_char_config *config, const char *name, struct iol_char **chr,
		 struct iol_error *err);

/* Names the device and begins to read. @user outlives the backend or iol_char_stop(). [loop] */
void iol_char_start(struct iol_char *chr, struct iol_char_user *user);

/*
 * Ends input; gives pending output, and that of the log, a last chance to leave within @wait_ns; ends output. No
 * callback comes afterwards. Idempotent. [loop]
 */
void iol_char_stop(struct iol_char *chr, uint64_t wait_ns);

/* Queues up to @len bytes; returns how many were taken (or dropped by the rule above). [any] */
unsigned int iol_char_write(struct iol_char *chr, const uint8_t *data, unsigned int len);

/*
 * How many bytes iol_char_write() takes now with nothing dropped. When that is not all that the ring can hold,
 * writable() is called once more has left it. [any]
 */
unsigned int iol_char_room(struct iol_char *chr);

struct iol_char_counts {
	uint64_t out_bytes, in_bytes; /* of the guest's output and input */
	uint64_t dropped_bytes; /* of output: its reader did not take them */
};

/* Since the backend was made. [loop] */
void iol_char_counts(struct iol_char *chr, struct iol_char_counts *counts);

/* The device can receive again. [any] */
void iol_char_ready(struct iol_char *chr);

/*
 * Sends the peer away once it has what is in the ring, of which it must take some within each IOL_CHAR_STALL_NS, and
 * all within ten of them. Nothing is received from it any more. peer() is called later, never from within. Nobody
 * there: nothing. [loop]
 */
void iol_char_hang_up(struct iol_char *chr);

/* Stops and frees any backend. NULL is allowed. [loop] */
void iol_char_free(struct iol_char *chr);

/* ---- For backends ---- */

/* The fields that all have in common. */
void iol_char_init(struct iol_char *chr, const struct iol_char_ops *ops, struct iol_loop *loop);

/*
 * What all kinds have of @config: name, ring, log. Before the start. -errno: the log cannot be opened; *@chr is freed
 * and NULL then.
 */
int iol_char_configure(struct iol_char **chr, const struct iol_char_config *config,
		       const char *name, struct iol_error *err);

/*
 * A peer came: its descriptors, which do not block, are used until lost() says that it is gone. @out_fd -1: it does
 * not read, but may begin to by another call; then it gets what the ring has. @in_fd -1: it sends nothing. [loop]
 */
void iol_char_attach(struct iol_char *chr, int in_fd, int out_fd);

/* Input from elsewhere, up to IOL_CHAR_INPUT_BYTES, before a peer is attached. [loop] */
void iol_char_inject(struct iol_char *chr, const uint8_t *data, unsigned int len);

/* Sends the peer away; lost() is called once it is gone, perhaps at once. [loop] */
void iol_char_detach(struct iol_char *chr);

/* For how long input has waited of which the device took nothing; 0: none waits. [loop] */
uint64_t iol_char_untaken_ns(const struct iol_char *chr);

/* To the person who started the machine, whatever the level of the log: "iolite: serial0 is on /dev/pts/3". */
void iol_char_announce(const struct iol_char *chr, const char *where);
/* The same for any @text: "iolite: gdb: target remote :1234". */
void iol_char_tell(const struct iol_char *chr, const char *text);

/*
 * Standard input and output. On a terminal: raw mode until the backend is freed or the process
 * dies, and Ctrl-A as the escape key (h: help, x: raises IOL_EVENT_STOP at @sink, a or Ctrl-A: the
 * key itself). One per process. [loop]
 */
int iol_char_stdio_new(struct iol_loop *loop, struct iol_event_sink *sink, struct iol_char **chr,
		       struct iol_error *err);

/* No input; output vanishes. [loop] */
int iol_char_null_new(struct iol_loop *loop, struct iol_char **chr, struct iol_error *err);

/* A pseudo terminal, whose other end is told of; at config->link there is a symbolic link to it. [loop] */
int iol_char_pty_new(struct iol_loop *loop, const struct iol_char_config *config, const char *name,
		     struct iol_char **chr, struct iol_error *err);

/* The other end's name, of a backend of that kind: "/dev/pts/3". The backend's. */
const char *iol_char_pty_where(struct iol_char *chr);

/* No input; output goes to the file @path, which is made; at the start it is emptied, or (@append) added to. [loop] */
int iol_char_file_new(struct iol_loop *loop, const char *path, bool append, struct iol_char **chr,
		      struct iol_error *err);

/*
 * Several lines at one terminal, one at a time: Ctrl-A and a digit switches to that one, in the order in which they were
 * made, and shows what it said meanwhile. The first one has standard input and output as iol_char_stdio_new(), the
 * others join it. [loop]
 */
int iol_char_mux_new(struct iol_loop *loop, struct iol_event_sink *sink, const char *name,
		     struct iol_char **chr, struct iol_error *err);
/* As iol_char_new(). @first was made with config->over_stdio, and may be freed before the others. [loop] */
int iol_char_mux_join(struct iol_char *first, const struct iol_char_config *config,
		      const char *name, struct iol_char **chr, struct iol_error *err);

/* One peer at a time, by a socket that listens, or that is connected again each second. [loop] */
int iol_char_socket_new(struct iol_loop *loop, const struct iol_char_config *config,
			const char *name, struct iol_char **chr, struct iol_error *err);
/* Where a backend of that kind listens, or connects to: "127.0.0.1:4555" or a path. The backend's. */
const char *iol_char_socket_where(struct iol_char *chr);

#endif
