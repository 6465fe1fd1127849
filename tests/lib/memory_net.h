/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network backend of memory, for tests and fuzzers of what uses one: frames that a test gives are
 * received, frames that are sent are kept, and it is busy, fails or loses its link when the test says so. Callbacks
 * come as the interface wants: from the loop, once for each time they were asked for.
 *
 * It checks its user: what the interface forbids ends the test.
 */
#ifndef IOLITE_TESTS_MEMORY_NET_H
#define IOLITE_TESTS_MEMORY_NET_H

#include <iolite/net.h>

enum {
	MEMORY_NET_KEPT = 256, /* frames for each pair and direction */
	MEMORY_NET_BYTES_MAX = IOL_NET_HEADER_BYTES + IOL_NET_FRAME_MAX,
};

/* With its header. */
struct memory_net_frame {
	size_t bytes;
	uint8_t *data; /* owned */
};

struct memory_net_pair {
	struct memory_net_frame given[MEMORY_NET_KEPT]; /* a ring; to be received */
	unsigned int given_first, given_count;
	struct memory_net_frame sent[MEMORY_NET_KEPT]; /* oldest first */
	unsigned int sent_count;
	bool await_readable, await_writable;
	unsigned int receives, sends; /* calls */
};

struct memory_net {
	struct iol_net net;
	struct iol_post post;
	struct memory_net_pair pairs[IOL_NET_PAIRS_MAX];
	bool busy; /* send: -EAGAIN */
	unsigned int busy_after; /* not 0: busy once so many more frames were sent */
	int send_error,
		receive_error; /* 0, or -errno of every call; receive takes a frame with it */
	int set_error; /* of set_offloads and set_pairs */
	int pairs_error; /* of set_pairs alone */
	unsigned int sets; /* calls of them */
	void (*on_pairs)(unsigned int pairs); /* called by set_pairs; NULL: nothing */
	bool forget; /* what is sent is not kept */
	uint32_t offloads; /* as set */
	unsigned int active_pairs; /* as set */
	bool *freed; /* NULL, or set by free() */
	int vhost_fd; /* of each pair in use, as long as the link is up; -1: none; owned */
	bool watched;
};

/* One pair, no offloads, no mtu; net.limits may be changed before a device is made. */
struct memory_net *memory_net_new(struct iol_loop *loop);

/* A frame with its header comes; false: too many wait. */
bool memory_net_give(struct memory_net *mn, unsigned int pair, const void *data, size_t bytes);

/* Takes the oldest frame sent, to be freed by g_free(); NULL: there is none. */
uint8_t *memory_net_take(struct memory_net *mn, unsigned int pair, size_t *bytes);

/* Frames are taken again. */
void memory_net_unblock(struct memory_net *mn);

/* All frames in both directions are gone. */
void memory_net_clear(struct memory_net *mn);

#endif
