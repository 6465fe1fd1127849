/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What vhost-net is told, without it: ioctl(2) with a request of linux/vhost.h comes here from any descriptor (all
 * tests are linked with --wrap=ioctl); /dev/null is one. It is as strict as the kernel, and remembers in the order of
 * calls.
 */
#ifndef TESTS_FAKE_VHOST_H
#define TESTS_FAKE_VHOST_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/vhost.h>

enum {
	FAKE_VHOST_RINGS = 2,
	FAKE_VHOST_DEVICES = 8,
	FAKE_VHOST_REGIONS = 8,
	FAKE_VHOST_LOG_BYTES = 8192,
};

struct fake_vhost_ring {
	unsigned int num, base;
	struct vhost_vring_addr addr;
	int kick, call, err, backend; /* -1: none */
};

struct fake_vhost_device {
	int fd;
	bool owned;
	uint64_t features;
	unsigned int region_count;
	struct vhost_memory_region regions[FAKE_VHOST_REGIONS];
	struct fake_vhost_ring rings[FAKE_VHOST_RINGS];
};

struct fake_vhost {
	/* What it shall do; the test's. */
	uint64_t features;
	unsigned long refuse; /* a request; 0: none */
	int refuse_errno;
	unsigned int refuse_after; /* so many calls of it pass */
	unsigned int advance; /* chains that a ring takes as soon as it has a backend */

	/* What it was told. In the order of their VHOST_GET_FEATURES. */
	unsigned int device_count;
	struct fake_vhost_device devices[FAKE_VHOST_DEVICES];
	char log[FAKE_VHOST_LOG_BYTES]; /* "OWNER FEATURES MEM NUM0 ... BACKEND0=on BACKEND0=off" */
};

extern struct fake_vhost fake_vhost;

/* A new kernel, with all features that we use. */
void fake_vhost_reset(void);
/* 0, or -1 with errno. */
int fake_vhost_ioctl(int fd, unsigned long request, void *arg);
/*
 * Takes a chain off the ring and gives it back with @len bytes written, none of them by us; calls. False: there is none, or
 * the ring has no backend.
 */
bool fake_vhost_serve(struct fake_vhost_device *device, unsigned int ring, uint32_t len);
/* The device holds on to no descriptor. */
bool fake_vhost_is_idle(const struct fake_vhost_device *device);

#endif
