/* SPDX-License-Identifier: Apache-2.0 */
/* A virtio network device (virtio_device_rig.h) over a backend of memory (memory_net.h). */
#ifndef IOLITE_TESTS_VIRTIO_NET_RIG_H
#define IOLITE_TESTS_VIRTIO_NET_RIG_H

#include <linux/virtio_net.h>

#include <iolite/endian.h>
#include <iolite/virtio_net.h>

#include "memory_net.h"
#include "virtio_device_rig.h"

#ifndef VIRTIO_NET_F_GUEST_USO4
#define VIRTIO_NET_F_GUEST_USO4 54
#define VIRTIO_NET_F_GUEST_USO6 55
#define VIRTIO_NET_F_HOST_USO 56
#endif
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

enum {
	NET_RIG_PAIRS_MAX = 3,
	NET_RIG_RAM_BYTES = 0x2000000,
	NET_RIG_TX = 0x800000, /* frames to send, in slots */
	NET_RIG_TX_SLOTS = 32,
	NET_RIG_TX_SLOT_BYTES = 0x11000,
	NET_RIG_CTRL = 0xb00000, /* a command; its answer is at NET_RIG_ACK */
	NET_RIG_ACK = 0xbf0000,
	NET_RIG_RX = 0x1000000, /* receive buffers of each pair, one after the other */
	NET_RIG_RX_BYTES = 0x500000, /* of a pair */
	NET_RIG_FRAME_MAX = IOL_NET_FRAME_MAX,
	NET_RIG_OFFLOADS = IOL_NET_CSUM | IOL_NET_TSO4 | IOL_NET_TSO6 | IOL_NET_ECN | IOL_NET_USO,
	NET_RIG_NO_ACK = 0xee,
};

#define NET_RIG_BIT(feature) (UINT64_C(1) << (feature))

struct net_rig_buffer {
	uint64_t gpa;
	uint32_t bytes;
};

struct net_rig {
	struct device_rig dev;
	struct memory_net *mn;
	unsigned int pairs;
	struct net_rig_buffer buffers[NET_RIG_PAIRS_MAX][IOL_VIRTQUEUE_SIZE_MAX]; /* by head */
	uint64_t rx_next[NET_RIG_PAIRS_MAX]; /* where the next buffer goes */
	unsigned int tx_next; /* slot */
};

struct net_rig_setup {
	struct iol_loop *loop; /* NULL: one of its own */
	uint32_t send_offloads, receive_offloads;
	unsigned int pairs; /* 0: 1 */
	uint16_t queue_size; /* 0: 16 */
	unsigned int mtu;
	bool vhost; /* each pair has one (fake_vhost.h, after fake_vhost_reset()) */
};

/* 52:54:00:12:34:56 */
extern const uint8_t net_rig_mac[IOL_NET_MAC_BYTES];
extern const uint8_t net_rig_broadcast[IOL_NET_MAC_BYTES];

void net_rig_init(struct net_rig *r, const struct net_rig_setup *setup);
/* Drains the device, as a machine does, and frees it. */
void net_rig_finish(struct net_rig *r);

/* device_rig_start(), and the receive buffers begin anew. */
void net_rig_start(struct net_rig *r, uint64_t features);

static inline unsigned int net_rig_rx(unsigned int pair)
{
	return 2 * pair;
}

static inline unsigned int net_rig_tx(unsigned int pair)
{
	return 2 * pair + 1;
}

/* 5.1.2: behind the queues that the driver may use. */
unsigned int net_rig_ctrl(const struct net_rig *r);

/* A frame of @bytes for @mac: addresses, type 0x88b5, then bytes that depend on @seed. */
void net_rig_frame(uint8_t *frame, const uint8_t *mac, size_t bytes, uint8_t seed);

/* Header and frame as one part in the next slot; kicks. The head. */
int net_rig_send(struct net_rig *r, unsigned int pair, const struct virtio_net_hdr_v1 *hdr,
		 const uint8_t *frame, size_t bytes);

/* Adds @count receive buffers of @bytes each, one part; false: no place in the queue. Kicks. */
bool net_rig_post(struct net_rig *r, unsigned int pair, unsigned int count, uint32_t bytes);

/*
 * One frame that came back in receive buffers, header first, put together in @data
 * (MEMORY_NET_BYTES_MAX). Its bytes; 0: none came. Ends the test where the buffers are not used as
 * they must be (5.1.6.4.1).
 */
size_t net_rig_receive(struct net_rig *r, unsigned int pair, uint8_t *data);

/* Gives the backend a frame with a header of zeros, and lets the loop run. */
void net_rig_give(struct net_rig *r, unsigned int pair, const uint8_t *frame, size_t bytes);

/* A command with its data; what it is answered by. */
uint8_t net_rig_command(struct net_rig *r, uint8_t class, uint8_t command, const void *data,
			uint32_t bytes);
/* The same in two steps, for commands that may wait. NET_RIG_NO_ACK: there is no answer yet. */
void net_rig_start_command(struct net_rig *r, uint8_t class, uint8_t command, const void *data,
			   uint32_t bytes);
uint8_t net_rig_answer(struct net_rig *r);

struct iol_virtio_net_counts net_rig_counts(struct net_rig *r);

/* Frames of a few lengths go both ways on pair 0; ends the test otherwise. Drains used buffers before. */
void net_rig_check_alive(struct net_rig *r);

#endif
