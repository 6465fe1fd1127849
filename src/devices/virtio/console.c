// SPDX-License-Identifier: Apache-2.0
/*
 * The virtio console (virtio-v1.2 5.3), with one port, a size and emergency writes. See
 * include/iolite/virtio_console.h and, clause by clause, docs/conformance.md.
 *
 * Output is copied out of the guest's buffers, a piece at a time, and given to the backend; a buffer
 * goes back when all of it was taken, so the guest waits for a slow reader and loses nothing. Input
 * goes into buffers that the guest has made available; while there are none, it waits in the
 * backend. What is still to be output when the device is reset is not output any more: its buffers
 * are the guest's again.
 *
 * Queues, receive() and writable() are the loop's; emergency writes come on vCPU threads under the
 * device's lock, and take the backend's lock in it.
 *
 * A hostile guest can have its own output, at the backend's pace: a piece has a buffer of its own
 * here, the bytes of one go are bounded, and there are no more buffers held than the queues have
 * entries.
 */
#include <iolite/virtio_console.h>

#include <glib.h>
#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>
#include <string.h>

#include <iolite/endian.h>

#include "held.h"

enum {
	RX,
	TX,
	QUEUES,
	QUEUE_SIZE = 32,
	PCI_CLASS = 0x078000, /* communication controller, other */
	CONFIG_BYTES = sizeof(struct virtio_console_config),
	COLS = offsetof(struct virtio_console_config, cols),
	ROWS = offsetof(struct virtio_console_config, rows),
	EMERG_WR = offsetof(struct virtio_console_config, emerg_wr),
	PIECE_BYTES = 1024,
	TX_BUDGET_BYTES = 64 * 1024, /* of one go */
};

_Static_assert(ROWS == COLS + 2 && EMERG_WR == 8 && CONFIG_BYTES == 12, "5.3.4");

struct console {
	struct iol_virtio v;
	struct iol_char *chr;
	struct iol_char_user user;
	struct virtio_held rx, tx;
	bool rx_refused; /* the backend has input that was not taken */
	unsigned int piece_pos,
		piece_len; /* what the backend has not taken yet of the last piece */
	uint8_t piece[PIECE_BYTES]; /* of the first chain in tx */
};

static struct console *console_of(struct iol_virtio *v)
{
	return iol_container_of(v, struct console, v);
}

/* --- output --- */

/* The next piece of @chain, of at most @max bytes; returns how many. */
static unsigned int next_piece(struct console *con, struct iol_chain *chain, unsigned int max)
{
	con->piece_pos = 0;
	con->piece_len = MIN(MIN(PIECE_BYTES, max), chain->readable_bytes);
	iol_chain_take_header(chain, con->piece, con->piece_len);
	return con->piece_len;
}

/* False: the backend has no room for all of the piece and will call writable(). */
static bool write_piece(struct console *con)
{
	con->piece_pos += iol_char_write(con->chr, con->piece + con->piece_pos,
					 con->piece_len - con->piece_pos);
	return con->piece_pos == con->piece_len;
}

static void transmit(struct console *con)
{
	unsigned int budget = TX_BUDGET_BYTES;
	struct iol_chain *chain;

	while (con->v.state == IOL_VIRTIO_RUNNING && (chain = virtio_held_first(&con->tx))) {
		if (con->piece_pos < con->piece_len && !write_piece(con))
			return;
		if (!chain->readable_bytes) {
			virtio_held_push(&con->tx, 0);
			continue;
		}
		if (!budget) {
			/* Others have their turn. A loop that polls would not look at a held chain. */
			iol_virtio_notify(&con->v, TX);
			return;
		}
		budget -= next_piece(con, chain, budget);
	}
}

static void console_writable(struct iol_char_user *user)
{
	transmit(iol_container_of(user, struct console, user));
}

/* 5.3.6.1: "The driver MUST NOT put a device-writable buffer in a transmitq." */
static bool serve_tx(struct console *con, unsigned int budget)
{
	const struct iol_chain *chain;

	while (budget && (chain = virtio_held_take(&con->tx))) {
		if (chain->writable_bytes)
			iol_virtio_break(&con->v, "output has %u writable bytes",
					 chain->writable_bytes);
		budget--;
	}
	transmit(con);
	return !budget;
}

/* --- input --- */

static unsigned int console_receive(struct iol_char_user *user, const uint8_t *data,
				    unsigned int len)
{
	struct console *con = iol_container_of(user, struct console, user);
	struct iol_chain *chain;
	unsigned int taken = 0;

	while (con->v.state == IOL_VIRTIO_RUNNING && taken < len &&
	       (chain = virtio_held_first(&con->rx))) {
		uint32_t written = iol_chain_write(chain, data + taken, len - taken);

		taken += written;
		virtio_held_push(&con->rx, written);
	}
	con->rx_refused = taken < len;
	return taken;
}

/*
 * 5.3.6.1: "The driver MUST NOT put a device-readable buffer in a receiveq." One without any bytes
 * breaks no rule; it comes back with no input in it when its turn comes.
 */
static bool serve_rx(struct console *con, unsigned int budget)
{
	const struct iol_chain *chain;

	while (budget && (chain = virtio_held_take(&con->rx))) {
		if (chain->readable_bytes)
			iol_virtio_break(&con->v, "a buffer for input has %u readable bytes",
					 chain->readable_bytes);
		budget--;
	}
	if (con->rx_refused && virtio_held_first(&con->rx)) {
		con->rx_refused = false;
		iol_char_ready(con->chr);
	}
	return !budget;
}

/* --- the device --- */

static bool serve(struct iol_virtio *v, unsigned int queue)
{
	unsigned int budget = v->queues[queue].vq.size;

	return queue == RX ? serve_rx(console_of(v), budget) : serve_tx(console_of(v), budget);
}

static void stop(struct iol_virtio *v)
{
	struct console *con = console_of(v);

	con->piece_pos = 0;
	con->piece_len = 0;
	virtio_held_push_all(&con->rx);
	virtio_held_push_all(&con->tx);
}

/*
 * Only the lower byte of emerg_wr is writable (5.3.5.1), at any time, and it is not kept. Where the
 * backend has no room it is lost: a vCPU does not wait.
 */
static void config_written(struct iol_virtio *v, unsigned int offset, unsigned int len)
{
	uint8_t byte = v->config[EMERG_WR];

	(void)offset;
	(void)len;
	v->config[EMERG_WR] = 0;
	iol_char_write(console_of(v)->chr, &byte, 1);
}

void iol_virtio_console_set_size(struct iol_virtio *v, uint16_t cols, uint16_t rows)
{
	const le16 size[] = { le16_of(cols), le16_of(rows) };
	bool differs;

	pthread_mutex_lock(&v->lock);
	differs = memcmp(v->config + COLS, size, sizeof(size)) != 0;
	pthread_mutex_unlock(&v->lock);
	if (differs)
		iol_virtio_set_config(v, COLS, size, sizeof(size));
}

struct iol_char_user *iol_virtio_console_char_user(struct iol_virtio *v)
{
	return &console_of(v)->user;
}

/* --- life --- */

static void console_free(struct iol_virtio *v)
{
	struct console *con = console_of(v);

	iol_virtio_finish(v);
	virtio_held_finish(&con->rx);
	virtio_held_finish(&con->tx);
	g_free(con);
}

static const struct iol_virtio_ops ops = {
	.name = "virtio-console",
	.device_id = VIRTIO_ID_CONSOLE,
	.pci_class = PCI_CLASS,
	.serve = serve,
	.stop = stop,
	.config_written = config_written,
	.free = console_free,
};

int iol_virtio_console_new(struct iol_char *chr, const struct iol_virtio_console_config *config,
			   const struct iol_virtio_env *env, struct iol_virtio **v,
			   struct iol_error *err)
{
	const uint64_t features =
		UINT64_C(1) << VIRTIO_CONSOLE_F_SIZE | UINT64_C(1) << VIRTIO_CONSOLE_F_EMERG_WRITE;
	struct console *con = g_new0(struct console, 1);
	int ret;

	ret = iol_virtio_init(&con->v, &ops, env, config->name, QUEUES, QUEUE_SIZE, features,
			      CONFIG_BYTES, err);
	if (ret) {
		g_free(con);
		return ret;
	}
	con->chr = chr;
	con->user.receive = console_receive;
	con->user.writable = console_writable;
	virtio_held_init(&con->rx, &con->v, RX, QUEUE_SIZE);
	virtio_held_init(&con->tx, &con->v, TX, QUEUE_SIZE);
	le16_store(con->v.config + COLS, config->cols);
	le16_store(con->v.config + ROWS, config->rows);
	con->v.config_writable[EMERG_WR] = 0xff;
	*v = &con->v;
	return 0;
}
