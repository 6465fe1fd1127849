/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of network backends share: a loop, devices that count their calls, frames, a network of the test's own. */
#ifndef IOLITE_TESTS_NET_RIG_H
#define IOLITE_TESTS_NET_RIG_H

#include <glib.h>

#include <iolite/net.h>

/* Turns @loop until @condition, at most 10 s; no processor is burnt meanwhile. */
#define NET_TURN_UNTIL(loop, condition)                                                         \
	do {                                                                                    \
		uint64_t limit_ns_ = iol_loop_now_ns() + 10 * IOL_NS_PER_S;                     \
		while (!(condition)) {                                                          \
			if (iol_loop_now_ns() > limit_ns_)                                      \
				g_error("%s:%d: 10 s without " #condition, __FILE__, __LINE__); \
			net_turn(loop);                                                         \
		}                                                                               \
	} while (0)

/* One turn that ends within 20 ms. */
void net_turn(struct iol_loop *loop);
/* Turns for @ms: for what must not happen. */
void net_turn_for(struct iol_loop *loop, unsigned int ms);

struct net_device {
	struct iol_net_user user;
	struct iol_net *net;
	unsigned int readable[IOL_NET_PAIRS_MAX], writable[IOL_NET_PAIRS_MAX], link_changes;
	bool in_call; /* a call of ours is under way: none of the backend's may come */
};

void net_device_start(struct net_device *dev, struct iol_net *net);

/* What a test runs in; all zeros but for the loop. No child process may be left when it ends. */
struct net_fixture {
	struct iol_loop loop;
	struct net_device dev; /* for a test of one device */
	uint8_t frame[2048]; /* the last one it received, where the test keeps it */
	size_t len;
};

struct net_test {
	const char *path;
	void (*run)(struct net_fixture *f, gconstpointer data); /* @data: NULL */
};

void net_setup(struct net_fixture *f, gconstpointer data);

/* All are skipped where @unusable says why they cannot run here; NULL: they can. It outlives them. */
void net_add_tests(const struct net_test *tests, size_t count, const char *unusable);

/* A backend that was to be refused: with @code, and @text in the reason; none is there, nor a child process of it. */
void net_expect_refused(int ret, const struct iol_net *net, const struct iol_error *err, int code,
			const char *text);

/* Sends @len bytes behind a header of zeros. As iol_net_send(). */
int net_device_send(struct net_device *dev, unsigned int pair, const void *frame, size_t len);

/* The next frame without its header, which must be zeros but for @header where that is wanted. As iol_net_receive(). */
ssize_t net_device_receive(struct net_device *dev, unsigned int pair, void *frame, size_t size);

/* Waits at most 10 s for a frame of any pair below @pairs. */
ssize_t net_device_wait_frame(struct net_device *dev, unsigned int pairs, void *frame, size_t size);

/*
 * Moves the test into a network of its own, with a loopback that is up: as root, or in a user namespace.
 * NULL, or why that does not work here. Before any thread.
 */
const char *net_own_network(void);

/* A child of process @parent, zombies included; 0: none. */
pid_t net_child_of(pid_t parent);

/* @line, without its end, is one of /proc/@pid/status. */
void net_expect_status(pid_t pid, const char *line);

/*
 * Runs @start in a process of its own, which is then killed: the process that it started, and whose id it returned, must
 * end, too, within 10 s. Its status as of waitpid(); -1: cannot be tried here, the test is skipped.
 */
int net_status_without_parent(pid_t (*start)(void));

/* The open descriptors of the process. */
unsigned int net_open_fds(void);
/* Bytes of heap in use; 0 where nobody can tell. */
size_t net_heap_bytes(void);

#endif
