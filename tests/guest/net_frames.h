/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames of network benchmarks, on which the guest (g_netbench.c), the host program without a machine
 * and the peer (tests/bench) agree. Freestanding.
 *
 * Frames that are only counted go to a station that does not exist: the host's stack drops them at once.
 */
#ifndef GUEST_NET_FRAMES_H
#define GUEST_NET_FRAMES_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	NET_HEADER =
		sizeof(struct virtio_net_hdr_mrg_rxbuf), /* with num_buffers always: virtio 1 */
	NET_ETHERNET = 14,
	NET_IP = 20,
	NET_SMALL =
		64, /* bytes of a short frame, without the check sequence that no one here sends */
	/* What a host's TCP gives its card in one piece, at an MTU of 1500. */
	NET_TCP_HEADERS = NET_ETHERNET + NET_IP + 20,
	NET_MSS = 1448,
	NET_SEGMENTS = 45,
	NET_LARGE = NET_TCP_HEADERS + NET_SEGMENTS * NET_MSS,
	NET_FRAME_MAX = 65536,
	/* Types for local experiments: IEEE 802. */
	NET_TYPE_LOAD = 0x88b5,
	NET_TYPE_CREDIT = 0x88b6,
	NET_TYPE_IP = 0x0800,
	NET_TYPE_ARP = 0x0806,
	NET_TCP = 6, /* a protocol of IP */
	NET_PORT = 5001, /* where the peer takes TCP streams */
	/*
	 * What the peer sends at most before it hears of the receiver, which answers to each fourth
	 * of it: less than a tap holds, so nothing is lost.
	 */
	NET_WINDOW_SMALL = 512,
	NET_WINDOW_LARGE = 32,
	NET_CREDITS = 4,
};

/*
 * Stations: the last byte of their addresses, 02:00:00:00:00:xx and 10.0.2.x. Those of user networks are what
 * libslirp gives out.
 */
enum net_station {
	NET_HOST = 1,
	NET_GUEST = 2,
	NET_NOBODY = 3,
	NET_USER_GATEWAY = 2, /* stands for the host itself */
	NET_USER_GUEST = 15,
};
#define NET_ADDRESS 0x0a000200u

static inline void net_put16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline void net_put32(uint8_t *at, uint32_t value)
{
	net_put16(at, value >> 16);
	net_put16(at + 2, value & 0xffff);
}

static inline unsigned int net_get16(const uint8_t *at)
{
	return (unsigned int)at[0] << 8 | at[1];
}

static inline uint32_t net_get32(const uint8_t *at)
{
	return (uint32_t)net_get16(at) << 16 | net_get16(at + 2);
}

/* The one's complement sum of an even number of bytes, RFC 1071; not yet complemented. */
static inline unsigned int net_sum(const uint8_t *at, unsigned int bytes, unsigned int sum)
{
	for (; bytes >= 2; bytes -= 2, at += 2)
		sum += net_get16(at);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static inline void net_make_ethernet(uint8_t *frame, enum net_station to, enum net_station from,
				     unsigned int type)
{
	for (unsigned int i = 0; i < 12; i++)
		frame[i] = 0;
	frame[0] = frame[6] = 2; /* administered locally */
	frame[5] = (uint8_t)to;
	frame[11] = (uint8_t)from;
	net_put16(frame + 12, type);
}

/* A short frame that is counted, or tells the peer to go on. */
static inline void net_make_small(uint8_t *frame, enum net_station to, enum net_station from,
				  unsigned int type)
{
	for (unsigned int i = 0; i < NET_SMALL; i++)
		frame[i] = 0;
	net_make_ethernet(frame, to, from, type);
}

/* RFC 791 3.1; @bytes: of the packet. */
static inline void net_make_ip(uint8_t *frame, enum net_station to, enum net_station from,
			       unsigned int protocol, unsigned int bytes)
{
	uint8_t *ip = frame + NET_ETHERNET;

	net_make_ethernet(frame, to, from, NET_TYPE_IP);
	net_put16(ip, 0x4500);
	net_put16(ip + 2, bytes);
	net_put16(ip + 4, 0);
	net_put16(ip + 6, 0x4000); /* not to be fragmented */
	net_put16(ip + 8, 64 << 8 | protocol);
	net_put16(ip + 10, 0);
	net_put32(ip + 12, NET_ADDRESS | from);
	net_put32(ip + 16, NET_ADDRESS | to);
	net_put16(ip + 10, ~net_sum(ip, NET_IP, 0));
}

/* An echo request from the guest to the host, RFC 792; NET_SMALL bytes. */
static inline void net_make_ping(uint8_t *frame, uint16_t number)
{
	uint8_t *icmp = frame + NET_ETHERNET + NET_IP;
	unsigned int bytes = NET_SMALL - NET_ETHERNET - NET_IP;

	for (unsigned int i = 0; i < bytes; i++)
		icmp[i] = 0;
	net_make_ip(frame, NET_HOST, NET_GUEST, 1, NET_IP + bytes);
	icmp[0] = 8;
	net_put16(icmp + 6, number);
	net_put16(icmp + 2, ~net_sum(icmp, bytes, 0));
}

/* Whether a frame is the answer to that. */
static inline bool net_is_pong(const uint8_t *frame, uint16_t number)
{
	const uint8_t *icmp = frame + NET_ETHERNET + NET_IP;

	return net_get16(frame + 12) == NET_TYPE_IP && frame[NET_ETHERNET + 9] == 1 && !icmp[0] &&
	       net_get16(icmp + 6) == number;
}

/* Whether a frame is one of those that are counted. */
static inline bool net_is_load(const uint8_t *frame)
{
	unsigned int type = net_get16(frame + 12);

	return type == NET_TYPE_LOAD || (type == NET_TYPE_IP && frame[NET_ETHERNET + 9] == NET_TCP);
}

/*
 * The headers of a TCP packet of NET_LARGE bytes that is to be cut into segments, RFC 9293, and what says
 * so (virtio-v1.2 5.1.6.2): the checksum is that of the pseudo header. The payload is the caller's.
 */
static inline void net_make_large(struct virtio_net_hdr *header, uint8_t *frame,
				  enum net_station to, enum net_station from)
{
	uint8_t *ip = frame + NET_ETHERNET, *tcp = ip + NET_IP;
	unsigned int bytes = NET_LARGE - NET_ETHERNET;

	for (unsigned int i = 0; i < NET_TCP_HEADERS - NET_ETHERNET; i++)
		ip[i] = 0;
	net_make_ip(frame, to, from, NET_TCP, bytes);
	net_put16(tcp, NET_PORT);
	net_put16(tcp + 2, NET_PORT);
	net_put16(tcp + 12, 5 << 12 | 0x10); /* 20 bytes, ACK */
	net_put16(tcp + 14, 0xffff);
	net_put16(tcp + 16, net_sum(ip + 12, 8, NET_TCP + bytes - NET_IP));
	*header = (struct virtio_net_hdr){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = NET_TCP_HEADERS,
		.gso_size = NET_MSS,
		.csum_start = NET_ETHERNET + NET_IP,
		.csum_offset = 16,
	};
}

#endif
