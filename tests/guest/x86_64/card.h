/* SPDX-License-Identifier: Apache-2.0 */
/* A network card (virtio-v1.2 5.1) for benchmarks, over vio.h: two queues, polling, frames in as they come. */
#ifndef GUEST_CARD_H
#define GUEST_CARD_H

#include "net_frames.h"
#include "vio.h"

enum { CARD_RX, CARD_TX, CARD_QUEUES };
enum { CARD_RX_BYTES = 4096, CARD_PARTS_MAX = 3 };

/* What one descriptor of the transmit queue sends: a short frame, or headers and what is elsewhere. */
struct card_slot {
	struct virtio_net_hdr_mrg_rxbuf header;
	uint8_t frame[NET_SMALL];
	struct vring_desc table[CARD_PARTS_MAX];
} __attribute__((aligned(256)));

struct card {
	struct vio v;
	struct vio_queue rx, tx;
	struct card_slot *slots; /* by descriptor of tx */
	uint8_t *rx_data; /* CARD_RX_BYTES for each descriptor of rx */
	uint64_t sent; /* frames */
};

/* Says "FAIL @what" and ends. */
_Noreturn void card_fail(const char *what);

/*
 * The first card of the command line with EVENT_IDX, INDIRECT_DESC, MRG_RXBUF and @features, all of which it has to
 * have; its receive queue full of buffers. Fails otherwise.
 */
void card_start(struct card *card, uint64_t features);

/* The next used chain of a queue; fails when there is none in VIO_WAIT_MS. */
uint16_t card_await(struct vio_queue *q);

/* The slot that the next frame has; NULL: all are in flight. */
struct card_slot *card_next_slot(struct card *card);
/* Sends what is in the next slot, which the caller has filled: a frame of @bytes, at most NET_SMALL. No kick. */
void card_send(struct card *card, uint32_t bytes);
/* The same with @bytes of the slot, and up to two parts more. */
void card_send_parts(struct card *card, uint32_t bytes, const struct vio_part *more,
		     unsigned int count);

/* What came with a used chain of rx: a header and a frame. */
const struct virtio_net_hdr_mrg_rxbuf *card_header(const struct card *card, uint16_t head);
const uint8_t *card_frame(const struct card *card, uint16_t head);
/* The buffer that was used last is the device's again. No kick. */
void card_give_buffer(struct card *card);

/* The result line of a benchmark. */
void card_say_result(uint64_t requests, uint64_t ticks, uint64_t p50, uint64_t p99, uint64_t all);

#endif
