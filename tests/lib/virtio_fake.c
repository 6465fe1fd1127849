// SPDX-License-Identifier: Apache-2.0
/* A virtio device for tests. See virtio_fake.h. */
#include "virtio_fake.h"

#include <limits.h>
#include <string.h>

uint8_t virtio_fake_config(unsigned int idx)
{
	return (uint8_t)(0x40 + idx);
}

uint8_t virtio_fake_writable(unsigned int idx)
{
	static const uint8_t masks[] = { 0xff, 0x0f, 0x80, 0xff };

	if (idx == VIRTIO_FAKE_CONFIG_BYTES - 1)
		return 0x3c;
	return idx >= 6 && idx < 10 ? masks[idx - 6] : 0;
}

static struct virtio_fake *of(struct iol_virtio *v)
{
	return iol_container_of(v, struct virtio_fake, v);
}

unsigned int virtio_fake_complete(struct virtio_fake *f, unsigned int count)
{
	if (count > f->held_count)
		count = f->held_count;
	for (unsigned int i = 0; i < count; i++)
		iol_virtio_push(&f->v, f->held[i].queue, f->held[i].head, f->held[i].written);
	f->held_count -= count;
	memmove(f->held, f->held + count, f->held_count * sizeof(f->held[0]));
	return count;
}

static void run_later(struct iol_post *post)
{
	struct virtio_fake *f = iol_container_of(post, struct virtio_fake, later);

	virtio_fake_complete(f, UINT_MAX);
}

static void answer(struct virtio_fake *f, unsigned int queue, struct iol_chain *chain)
{
	uint8_t echo[VIRTIO_FAKE_ECHO_BYTES];
	uint32_t len = chain->readable_bytes < sizeof(echo) ? chain->readable_bytes : sizeof(echo);

	if (!iol_chain_take_header(chain, echo, len))
		len = 0;
	f->held[f->held_count++] = (struct virtio_fake_held){
		.queue = (uint16_t)queue,
		.head = chain->head,
		.written = iol_chain_write(chain, echo, len),
	};
}

static bool fake_serve(struct iol_virtio *v, unsigned int queue)
{
	struct virtio_fake *f = of(v);
	unsigned int budget = f->budget ? f->budget : VIRTIO_FAKE_QUEUE_SIZE;
	struct iovec iov[VIRTIO_FAKE_PARTS_MAX];
	struct iol_chain chain;
	unsigned int n = 0;

	f->serves[queue]++;
	while (n < budget && iol_virtio_pop(v, queue, &chain, iov, VIRTIO_FAKE_PARTS_MAX)) {
		answer(f, queue, &chain);
		n++;
	}
	f->chains[queue] += n;
	if (f->mode == VIRTIO_FAKE_NOW)
		virtio_fake_complete(f, UINT_MAX);
	else if (f->mode == VIRTIO_FAKE_LATER && f->held_count)
		iol_loop_post(v->loop, &f->later);
	return n == budget;
}

static void fake_start(struct iol_virtio *v)
{
	of(v)->starts++;
}

static void fake_stop(struct iol_virtio *v)
{
	of(v)->stops++;
	if (of(v)->stop_ends)
		virtio_fake_complete(of(v), UINT_MAX);
}

static void fake_cancel(struct iol_virtio *v)
{
	of(v)->cancels++;
	iol_loop_post(v->loop, &of(v)->later);
}

static void fill_config(struct iol_virtio *v)
{
	for (unsigned int i = 0; i < VIRTIO_FAKE_CONFIG_BYTES; i++) {
		v->config[i] = virtio_fake_config(i);
		v->config_writable[i] = virtio_fake_writable(i);
	}
}

static void fake_reset(struct iol_virtio *v)
{
	of(v)->resets++;
	fill_config(v);
}

static void fake_config_written(struct iol_virtio *v, unsigned int offset, unsigned int len)
{
	of(v)->config_writes++;
	of(v)->config_offset = offset;
	of(v)->config_len = len;
}

static void fake_free(struct iol_virtio *v)
{
	iol_loop_post_cancel(v->loop, &of(v)->later);
	iol_virtio_finish(v);
	of(v)->frees++;
}

static const struct iol_virtio_ops ops = {
	.name = "virtio-fake",
	.device_id = VIRTIO_FAKE_ID,
	.pci_class = VIRTIO_FAKE_CLASS,
	.start = fake_start,
	.serve = fake_serve,
	.stop = fake_stop,
	.cancel = fake_cancel,
	.reset = fake_reset,
	.config_written = fake_config_written,
	.free = fake_free,
};

int virtio_fake_init(struct virtio_fake *f, const struct iol_virtio_env *env, unsigned int queues,
		     struct iol_error *err)
{
	int ret;

	memset(f, 0, sizeof(*f));
	f->later.run = run_later;
	ret = iol_virtio_init(&f->v, &ops, env, "fake", queues, VIRTIO_FAKE_QUEUE_SIZE,
			      UINT64_C(1) << VIRTIO_FAKE_FEATURE, VIRTIO_FAKE_CONFIG_BYTES, err);
	if (ret)
		return ret;
	fill_config(&f->v);
	f->resets = 0;
	return 0;
}
