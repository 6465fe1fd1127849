/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a virtio network device should do with frames and commands: a second reading of virtio-v1.2 5.1 for
 * fuzz_virtio_net.c.
 */
#ifndef IOLITE_TESTS_NET_MODEL_H
#define IOLITE_TESTS_NET_MODEL_H

#include "virtio_net_rig.h"

enum { NET_MODEL_MACS = 6 };

struct net_model {
	uint64_t features;
	unsigned int mtu, pairs_max;
	bool host_refuses; /* offloads and pairs */
	bool modes[6]; /* promisc, allmulti, alluni, nomulti, nouni, nobcast */
	bool mac_known;
	uint8_t mac[6];
	unsigned int unicast, multicast; /* bit per address of net_model_macs[]; all: ~0 */
	uint8_t vlans[4096];
	uint64_t offloads; /* feature bits */
	unsigned int pairs;
};

/* The only destinations that it knows; the first is the device's own. */
extern const uint8_t net_model_macs[NET_MODEL_MACS][6];
extern const uint64_t net_model_guest_offloads;

/* After DRIVER_OK. */
void net_model_start(struct net_model *m, uint64_t features, unsigned int pairs, unsigned int mtu);

/* The filters let the frame pass. */
bool net_model_wants(const struct net_model *m, const uint8_t *frame);

/* A frame with this header may come to the driver (5.1.6.4.1, 5.1.4.1). */
bool net_model_may_come(const struct net_model *m, const uint8_t *with_header, size_t frame_bytes);

/* 5.1.6.2; false: it must not be sent. @header is then what must be sent. */
bool net_model_judge(const struct net_model *m, uint8_t *header, size_t bytes);

/* Does the command; its answer. */
uint8_t net_model_command(struct net_model *m, uint8_t class, uint8_t command, const uint8_t *data,
			  uint32_t bytes);

#endif
