/* SPDX-License-Identifier: Apache-2.0 */
/* The virtio entropy device (virtio-v1.2 5.4): random numbers of the host's kernel. */
#ifndef IOLITE_VIRTIO_RNG_H
#define IOLITE_VIRTIO_RNG_H

#include <iolite/virtio.h>

enum {
	IOL_VIRTIO_RNG_BYTES_PER_S = 1024 * 1024, /* for who has no other wish */
	IOL_VIRTIO_RNG_REQUEST_BYTES = 4096, /* one request gets no more */
};

struct iol_virtio_rng_config {
	const char *name; /* for messages; copied */
	/*
	 * What a guest gets in the long run; a 16th of a second's worth (64 KiB of 1 MiB/s) it gets at
	 * once. 0: no limit.
	 */
	uint64_t bytes_per_s;
};

/* -errno with a text where the host has no getrandom(2). [loop] */
int iol_virtio_rng_new(const struct iol_virtio_rng_config *config, const struct iol_virtio_env *env,
		       struct iol_virtio **v, struct iol_error *err);

#endif
