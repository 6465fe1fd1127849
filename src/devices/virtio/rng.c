// SPDX-License-Identifier: Apache-2.0
/*
 * The virtio entropy device (virtio-v1.2 5.4). See include/iolite/virtio_rng.h and, clause by clause,
 * docs/conformance.md.
 *
 * A request is a chain of writable bytes; it gets at least one random byte and need not get more
 * (5.4.6.2). Requests are answered in order. The limit is a bucket that holds time: it fills with the
 * clock up to a 16th of a second, and an answer takes out what the limit grants it. It is kept over
 * resets, lest a guest come round it by resetting the device.
 *
 * Runs on the loop's thread. getrandom(2) is never waited for: while the host has just been started and
 * has no random numbers yet, requests wait and it is asked again by a timer.
 *
 * A hostile guest can make the host's kernel compute random numbers as fast as the limit says: an
 * answer is bounded, and there are no more in one go than the queue has entries. What it is
 * given passes through a buffer of ours, which is wiped.
 */
#include <iolite/virtio_rng.h>

#include <errno.h>
#include <glib.h>
#include <linux/virtio_ids.h>
#include <string.h>
#include <sys/random.h>

#include "held.h"

enum {
	QUEUE_SIZE = 8,
	PCI_CLASS = 0xff0000, /* none that is defined */
	BURSTS_PER_S = 16,
};

#define RETRY_NS (100 * IOL_NS_PER_MS)

struct rng {
	struct iol_virtio v;
	struct virtio_held requests;
	struct iol_op timer; /* in flight: requests wait */
	bool told; /* that the host has none */
	uint64_t bytes_per_s; /* 0: no limit */
	uint32_t request_max; /* bytes */
	uint64_t full_ns, held_ns; /* of the bucket */
	uint64_t filled_ns; /* the time up to which it is filled */
	uint8_t bytes[IOL_VIRTIO_RNG_REQUEST_BYTES];
};

static struct rng *rng_of(struct iol_virtio *v)
{
	return iol_container_of(v, struct rng, v);
}

/* --- the limit --- */

/* Rounded up, so that the limit is kept and not just approached. */
static uint64_t cost_ns(const struct rng *rng, uint32_t bytes)
{
	uint64_t ns = bytes * IOL_NS_PER_S;

	return rng->bytes_per_s ? ns / rng->bytes_per_s + (ns % rng->bytes_per_s != 0) : 0;
}

static void bucket_init(struct rng *rng, uint64_t bytes_per_s)
{
	const uint64_t per_burst = bytes_per_s / BURSTS_PER_S;

	rng->bytes_per_s = bytes_per_s;
	rng->request_max = IOL_VIRTIO_RNG_REQUEST_BYTES;
	/* The whole of an answer must fit the bucket; better short than late. */
	if (bytes_per_s && per_burst < rng->request_max)
		rng->request_max = (uint32_t)MAX(per_burst, 1);
	rng->full_ns = MAX(IOL_NS_PER_S / BURSTS_PER_S, cost_ns(rng, rng->request_max));
	rng->held_ns = rng->full_ns;
	rng->filled_ns = iol_loop_now_ns();
}

/* How long to wait for what costs @ns; 0: not at all. */
static uint64_t wait_for(struct rng *rng, uint64_t ns)
{
	uint64_t now_ns = iol_loop_now_ns();

	rng->held_ns += MIN(now_ns - rng->filled_ns, rng->full_ns - rng->held_ns);
	rng->filled_ns = now_ns;
	return ns > rng->held_ns ? ns - rng->held_ns : 0;
}

/* --- requests --- */

/* Puts up to @len random bytes into bytes[] and returns how many: 0 when there are none now. */
static uint32_t fetch(struct rng *rng, uint32_t len)
{
	ssize_t got = getrandom(rng->bytes, len, GRND_NONBLOCK);

	if (got > 0) {
		rng->told = false;
		return (uint32_t)got;
	}
	if (!rng->told)
		iol_log(IOL_LOG_WARN, "%s: the host has no random numbers: %s; the guest waits",
			rng->v.name, strerror(errno));
	rng->told = true;
	return 0;
}

/* Answers requests until there are no more, or the next one has to wait: then the timer runs. */
static void answer(struct rng *rng)
{
	struct iol_chain *chain;

	while (rng->v.state == IOL_VIRTIO_RUNNING && (chain = virtio_held_first(&rng->requests))) {
		uint32_t len = MIN(chain->writable_bytes, rng->request_max);
		uint64_t wait_ns = wait_for(rng, cost_ns(rng, len));

		if (!wait_ns) {
			len = fetch(rng, len);
			wait_ns = len ? 0 : RETRY_NS;
		}
		if (wait_ns) {
			if (!rng->timer.in_flight)
				iol_loop_timeout(rng->v.loop, &rng->timer, wait_ns);
			return;
		}
		rng->held_ns -= cost_ns(rng, len);
		iol_chain_write(chain, rng->bytes, len);
		explicit_bzero(rng->bytes, len);
		virtio_held_push(&rng->requests, len);
	}
}

static void timer_done(struct iol_op *op, int res)
{
	if (res != -ECANCELED)
		answer(iol_container_of(op, struct rng, timer));
}

/*
 * 5.4.6.1: "The driver MUST NOT place driver-readable buffers into the queue"; and where nothing can be
 * written there is no place for the byte that 5.4.6.2 demands.
 */
static bool is_sound(struct rng *rng, const struct iol_chain *chain)
{
	if (chain->readable_bytes)
		iol_virtio_break(&rng->v, "a request for random numbers has %u readable bytes",
				 chain->readable_bytes);
	else if (!chain->writable_bytes)
		iol_virtio_break(&rng->v, "a request for random numbers has no room for any");
	return rng->v.state == IOL_VIRTIO_RUNNING;
}

static bool serve(struct iol_virtio *v, unsigned int queue)
{
	unsigned int budget = v->queues[queue].vq.size;
	struct rng *rng = rng_of(v);
	const struct iol_chain *chain;

	while (budget && (chain = virtio_held_take(&rng->requests)) && is_sound(rng, chain))
		budget--;
	answer(rng);
	return !budget;
}

/* The timer may go on: it finds nothing to do, or requests that came since. */
static void stop(struct iol_virtio *v)
{
	virtio_held_push_all(&rng_of(v)->requests);
}

/* --- life --- */

static void rng_free(struct iol_virtio *v)
{
	struct rng *rng = rng_of(v);

	iol_loop_cancel(v->loop, &rng->timer);
	while (rng->timer.in_flight)
		if (iol_loop_turn(v->loop, true) < 0)
			break;
	iol_virtio_finish(v);
	virtio_held_finish(&rng->requests);
	g_free(rng);
}

static const struct iol_virtio_ops ops = {
	.name = "virtio-rng",
	.device_id = VIRTIO_ID_RNG,
	.pci_class = PCI_CLASS,
	.serve = serve,
	.stop = stop,
	.free = rng_free,
};

/* A host that is not ready yet is no error. */
static int probe(struct iol_error *err)
{
	uint8_t byte;

	if (getrandom(&byte, 1, GRND_NONBLOCK) < 0 && errno != EAGAIN && errno != EINTR)
		return iol_error_errno(err, -errno,
				       "virtio-rng: the host gives no random numbers (getrandom); "
				       "leave the device out");
	return 0;
}

int iol_virtio_rng_new(const struct iol_virtio_rng_config *config, const struct iol_virtio_env *env,
		       struct iol_virtio **v, struct iol_error *err)
{
	struct rng *rng;
	int ret = probe(err);

	if (ret)
		return ret;
	rng = g_new0(struct rng, 1);
	ret = iol_virtio_init(&rng->v, &ops, env, config->name, 1, QUEUE_SIZE, 0, 0, err);
	if (ret) {
		g_free(rng);
		return ret;
	}
	rng->timer.done = timer_done;
	bucket_init(rng, config->bytes_per_s);
	virtio_held_init(&rng->requests, &rng->v, 0, QUEUE_SIZE);
	*v = &rng->v;
	return 0;
}
