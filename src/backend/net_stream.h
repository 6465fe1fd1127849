/* SPDX-License-Identifier: Apache-2.0 */
/* Frames over a stream socket, each with its length before it: what the backends socket and passt share. */
#ifndef IOLITE_BACKEND_NET_STREAM_H
#define IOLITE_BACKEND_NET_STREAM_H

#include <iolite/log.h>
#include <iolite/net.h>
#include <iolite/unix_path.h>

enum {
	NET_STREAM_LENGTH_BYTES = 4,
	NET_STREAM_RECORD_MAX = NET_STREAM_LENGTH_BYTES + IOL_NET_FRAME_MAX,
	/* Room for one whole record behind the longest beginning of one. */
	NET_STREAM_RX_BYTES = 2 * NET_STREAM_RECORD_MAX,
};

struct net_stream {
	struct iol_net net;
	char *path; /* where the other end comes from; NULL: it does not come again */
	int fd; /* of the other end; -1: nobody is there */
	int listen_fd; /* -1: we connect to path */
	struct iol_unix_path_file listen_file;
	struct iol_op read_op, write_op, hangup_op; /* polls of fd; the last one a time, too */
	struct iol_op peer_op; /* poll of listen_fd, or the time until the next try */
	struct iol_turn_end turn_end;
	struct iol_log_limit limit;
	bool want_read, want_write; /* iol_net_await() */
	bool broken; /* fd is of no use any more; it is closed at the end of the turn */
	bool finished;
	bool taken; /* a frame was received; since when, the other end's hang-up asks */
	/* The other end went, and the descriptor is closed; says why. NULL: nobody is told, and the log has it. */
	void (*gone)(struct net_stream *stream);
	unsigned int rx_begin, rx_end, tx_begin, tx_end;
	uint8_t rx[NET_STREAM_RX_BYTES];
	/* The rest of a frame that the socket did not take whole. */
	uint8_t tx[NET_STREAM_RECORD_MAX];
};

/* @stream is zeros. Nobody is there, and the link is down. */
void iol_net_stream_init(struct net_stream *stream, const struct iol_net_ops *ops,
			 struct iol_loop *loop, const char *name);
/* The other end is @fd, which is taken over; the link is up. */
void iol_net_stream_attach(struct net_stream *stream, int fd);
/*
 * Connects to @path once, and again every second when the connection is lost. @patient: nobody there is no error
 * now, either. -errno with a text.
 */
int iol_net_stream_connect(struct net_stream *stream, const char *path, bool patient,
			   struct iol_error *err);
/* The other end is of no use any more: the link is down at the end of this turn. */
void iol_net_stream_lose(struct net_stream *stream);
/* Ends what is in flight, and frees what @stream holds. */
void iol_net_stream_finish(struct net_stream *stream);

/* For struct iol_net_ops; the iol_net is a net_stream's. */
ssize_t iol_net_stream_receive(struct iol_net *net, unsigned int pair, const struct iovec *iov,
			       unsigned int count);
int iol_net_stream_send(struct iol_net *net, unsigned int pair, const struct iovec *iov,
			unsigned int count);
void iol_net_stream_await(struct iol_net *net, unsigned int pair, bool readable, bool writable);

#endif
