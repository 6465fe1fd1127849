/* SPDX-License-Identifier: Apache-2.0 */
/* What violations of ../hostile_net_list.h have to work with beside hostile.h. */
#ifndef GUEST_HOSTILE_NET_H
#define GUEST_HOSTILE_NET_H

#include <linux/virtio_net.h>

#include "hostile.h"

enum {
	NET_HEADER = sizeof(struct virtio_net_hdr_v1),
	ETHERNET = 14, /* addresses and type */
	MAC = 6,
	/* Descriptors of the receive queue from here on are buffers; those below are a violation's. */
	FIRST_BUFFER = 32,
	BUFFERS = Q_SIZE - FIRST_BUFFER,
	BUFFER_BYTES = 2048,
	ODD_BYTES = 65536,
	ACK_PENDING = 0xfd, /* in the place of an answer to a command */
	FRAME_MAX = 65535 + ETHERNET + 4, /* that a card takes */
};

#define BIT(feature) VIO_BIT(VIRTIO_NET_F_##feature)

/* A frame that the peer sends back: ../frame_peer.py. */
struct probe {
	uint8_t to[MAC], from[MAC], type[2];
	uint16_t copies, bytes, pause_ms, zero;
	uint64_t number;
	uint8_t fill[170];
} __attribute__((packed));

/* One frame, as it is sent and may come back. */
struct sent {
	struct virtio_net_hdr_v1 *header;
	struct probe *probe;
	uint64_t number;
	bool came;
};

/* A card with one pair of queues. */
struct card {
	struct vio v;
	struct vio_queue rx, tx, ctrl;
	uint8_t *buffers; /* BUFFERS times BUFFER_BYTES */
	uint8_t mac[MAC];
	unsigned int rest; /* buffers that still belong to the last frame */
	unsigned int odd; /* used chains of the receive queue that were a violation's */
	uint32_t odd_bytes; /* in the last one of those */
	bool mixed; /* frames may begin in a violation's chains: only whole ones are looked at */
	bool wrong; /* something came that was never sent */
	struct sent valid, check; /* put_valid()'s, and one that asks whether all is well */
};

/* card: that of h.v and h.q. */
extern struct net_victim {
	struct card card, other;
	uint8_t *odd; /* ODD_BYTES for received frames */
	uint8_t *command; /* class and command of the control queue */
	volatile uint8_t *ack;
} n;

/* set_up() that leaves the receive queue empty. */
bool set_up_empty(uint64_t features);
/* Makes all buffers available to the receive queue, and kicks. */
void fill_buffers(struct card *card);
/* Takes what came. */
void take_frames(struct card *card);
/* The parts of put_valid(); @copies come back, of @bytes (0: as sent), when the peer has slept. */
void put_probe(uint16_t copies, uint16_t bytes, uint16_t pause_ms);
/* put_probe(), makes it available and kicks. */
void ask(uint16_t copies, uint16_t bytes, uint16_t pause_ms);

/* still_works() with so many frames that one of them misses all chains of a violation. */
enum verdict recovers(void);

/* Descriptor @index of @q. */
void put_in(struct vio_queue *q, uint16_t index, uint64_t gpa, uint32_t len, uint16_t flags,
	    uint16_t next);
/* Makes @head of @q available, and kicks. */
void submit_to(struct vio_queue *q, uint16_t head);

/* Of the control queue, descriptors 0, 1, 2: class and command, @len bytes of n.odd, answer. */
void put_command(uint8_t class, uint8_t command, uint32_t len);
/* Makes @head of the control queue available; what the device says. */
enum verdict answered(uint16_t head);

#endif
