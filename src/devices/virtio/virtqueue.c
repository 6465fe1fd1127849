// SPDX-License-Identifier: Apache-2.0
/*
 * The device's side of a split virtqueue (virtio-v1.2 2.7): its rings. See include/iolite/virtqueue.h;
 * chains are followed in chain.c. A queue belongs to one thread.
 *
 * A hostile guest changes the rings at any time. Each word is read once (G2), our own positions never
 * come back from the guest (G9), and what breaks a rule makes the queue dead: until it is started
 * anew neither ring is touched. What a guest can do is to get its own chains wrong.
 */
#include "ring.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>

/* Sizes of the rings (2.7). The event words belong to them, negotiated or not. */
static uint64_t desc_bytes(uint16_t size)
{
	return size * sizeof(struct ring_desc);
}

static uint64_t avail_bytes(uint16_t size)
{
	return sizeof(struct ring_avail) + size * sizeof(le16) + sizeof(le16);
}

static uint64_t used_bytes(uint16_t size)
{
	return sizeof(struct ring_used) + size * sizeof(struct ring_used_elem) + sizeof(le16);
}

static const struct ring_avail *avail_ring(const struct iol_virtqueue *vq)
{
	return vq->avail;
}

static struct ring_used *used_ring(const struct iol_virtqueue *vq)
{
	return vq->used;
}

static le16 *avail_event(const struct iol_virtqueue *vq)
{
	return (le16 *)(void *)&used_ring(vq)->ring[vq->size];
}

static void write16(le16 *p, uint16_t value)
{
	__atomic_store_n(&p->raw, le16_of(value).raw, __ATOMIC_RELAXED);
}

static void write32(le32 *p, uint32_t value)
{
	__atomic_store_n(&p->raw, le32_of(value).raw, __ATOMIC_RELAXED);
}

/* gcc says that ThreadSanitizer does not follow fences; no access of ours relies on it to. */
#ifdef __SANITIZE_THREAD__
#pragma GCC diagnostic ignored "-Wtsan"
#endif

/* Between telling the driver something and looking at what it does (G16). */
static void full_barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* 2.7 and 2.7.1; @p is found once and for as long as the queue is in use (G1, G11). */
static int find_ring(const struct iol_memory *memory, const char *what, uint64_t gpa,
		     uint64_t bytes, unsigned int align, void **p, struct iol_error *err)
{
	if (gpa % align)
		return iol_error_set(err, -EINVAL,
				     "queue: the %s at %#" PRIx64
				     " is not aligned; the driver must put it at a multiple of %u",
				     what, gpa, align);
	*p = iol_memory_ptr(memory, gpa, bytes);
	if (!*p)
		return iol_error_set(err, -EINVAL,
				     "queue: the %s of %" PRIu64 " bytes at %#" PRIx64
				     " is not inside RAM; the driver must put it there",
				     what, bytes, gpa);
	return 0;
}

static int check_size(uint16_t size, struct iol_error *err)
{
	if (size && size <= IOL_VIRTQUEUE_SIZE_MAX && !(size & (size - 1)))
		return 0;
	return iol_error_set(
		err, -EINVAL,
		"queue: a size of %u; the driver must choose a power of two from 1 to %u", size,
		IOL_VIRTQUEUE_SIZE_MAX);
}

int iol_virtqueue_start(struct iol_virtqueue *vq, const struct iol_memory *memory,
			const struct iol_virtqueue_setup *setup, struct iol_error *err)
{
	uint16_t size = setup->size;
	void *desc, *avail, *used;
	int ret;

	ret = check_size(size, err);
	if (!ret)
		ret = find_ring(memory, "descriptor table", setup->desc_gpa, desc_bytes(size),
				VRING_DESC_ALIGN_SIZE, &desc, err);
	if (!ret)
		ret = find_ring(memory, "available ring", setup->avail_gpa, avail_bytes(size),
				VRING_AVAIL_ALIGN_SIZE, &avail, err);
	if (!ret)
		ret = find_ring(memory, "used ring", setup->used_gpa, used_bytes(size),
				VRING_USED_ALIGN_SIZE, &used, err);
	if (ret)
		return ret;

	*vq = (struct iol_virtqueue){
		.size = size,
		.indirect = setup->indirect,
		.event_idx = setup->event_idx,
		.kicks_wanted = true,
		.memory = memory,
		.desc = desc,
		.avail = avail,
		.used = used,
	};
	/* 2.7.10.2; the driver zeroes the flags too (2.7.10.1), but perhaps not the event word. */
	write16(&used_ring(vq)->flags, 0);
	if (vq->event_idx)
		write16(avail_event(vq), 0);
	return 0;
}

void iol_virtqueue_stop(struct iol_virtqueue *vq)
{
	*vq = (struct iol_virtqueue){ 0 };
}

/* Nothing may be read or written: never started, stopped, or the driver broke a rule. */
static bool is_closed(const struct iol_virtqueue *vq)
{
	return !vq->size || vq->dead;
}

/*
 * How many chains wait, as the driver says. Its index is read only when all it promised before was
 * taken. More than the ring has entries is for iol_virtqueue_pop() to judge.
 */
static uint16_t waiting(struct iol_virtqueue *vq)
{
	if (vq->avail_seen == vq->avail_idx)
		vq->avail_seen = iol_guest_read16(&avail_ring(vq)->idx);
	return (uint16_t)(vq->avail_seen - vq->avail_idx);
}

bool iol_virtqueue_pending(struct iol_virtqueue *vq)
{
	return !is_closed(vq) && waiting(vq);
}

static uint64_t *busy_word(struct iol_virtqueue *vq, uint16_t head)
{
	return &vq->busy[head / 64];
}

static uint64_t busy_bit(uint16_t head)
{
	return UINT64_C(1) << head % 64;
}

/* The head of the next of @count waiting chains, or -EPROTO. */
static int next_head(struct iol_virtqueue *vq, uint16_t count, struct iol_error *err)
{
	uint16_t head;

	/* G4 */
	if (count > vq->size)
		return iol_error_set(err, -EPROTO,
				     "available ring: index %u is %u ahead of ours, more than the "
				     "%u entries of the queue",
				     vq->avail_seen, count, vq->size);
	/*
	 * A chain's descriptors are free again when the driver has seen it used, so there are never
	 * more chains than entries. What was pushed and not published yet counts too: it
	 * has its place in the used ring.
	 */
	if ((uint16_t)(vq->avail_idx - vq->used_published) >= vq->size)
		return iol_error_set(err, -EPROTO,
				     "available ring: more chains than the %u entries of the queue",
				     vq->size);
	/* G5 */
	head = iol_guest_read16(&avail_ring(vq)->ring[vq->avail_idx & (vq->size - 1)]);
	if (head >= vq->size)
		return iol_error_set(err, -EPROTO,
				     "available ring: head %u, and the queue has %u entries", head,
				     vq->size);
	/* G10 */
	if (*busy_word(vq, head) & busy_bit(head))
		return iol_error_set(
			err, -EPROTO,
			"available ring: head %u, which the driver has not got back yet", head);
	return head;
}

int iol_virtqueue_pop(struct iol_virtqueue *vq, struct iol_chain *chain, struct iovec *iov,
		      unsigned int iov_max, struct iol_error *err)
{
	uint16_t count, head;
	int ret;

	if (vq->dead)
		return iol_error_set(err, -EPROTO,
				     "queue: the driver broke a rule and has not reset the device");
	count = vq->size ? waiting(vq) : 0;
	if (!count)
		return 0;
	ret = next_head(vq, count, err);
	if (ret < 0)
		goto broken;
	head = (uint16_t)ret;
	ret = iol_chain_walk(vq, head, chain, iov, iov_max, err);
	if (ret)
		goto broken;
	*busy_word(vq, head) |= busy_bit(head);
	vq->in_flight++;
	vq->avail_idx++;
	return 1;
broken:
	vq->dead = true;
	return ret;
}

void iol_virtqueue_push(struct iol_virtqueue *vq, uint16_t head, uint32_t written)
{
	struct ring_used_elem *elem;

	if (is_closed(vq))
		return;
	assert(head < vq->size && *busy_word(vq, head) & busy_bit(head));
	*busy_word(vq, head) &= ~busy_bit(head);
	vq->in_flight--;
	elem = &used_ring(vq)->ring[vq->used_idx & (vq->size - 1)];
	write32(&elem->id, head);
	write32(&elem->len, written);
	vq->used_idx++;
}

/* 2.7.7.2: whether the driver wants to hear of the used entries from @old on. */
static bool interrupt_wanted(const struct iol_virtqueue *vq, uint16_t old)
{
	const struct ring_avail *avail = avail_ring(vq);

	if (vq->event_idx)
		return vring_need_event(iol_guest_read16(&avail->ring[vq->size]), vq->used_idx,
					old);
	return !(iol_guest_read16(&avail->flags) & VRING_AVAIL_F_NO_INTERRUPT);
}

bool iol_virtqueue_publish(struct iol_virtqueue *vq)
{
	uint16_t old = vq->used_published;

	if (is_closed(vq) || vq->used_idx == old)
		return false;
	/* The elements, and all the device has written, come first (2.7.8.2, G16). */
	__atomic_store_n(&used_ring(vq)->idx.raw, le16_of(vq->used_idx).raw, __ATOMIC_RELEASE);
	vq->used_published = vq->used_idx;
	/* The driver asks for interrupts, then looks at the index; we do it the other way round. */
	full_barrier();
	return interrupt_wanted(vq, old);
}

/*
 * 2.7.10.2. With EVENT_IDX the driver notifies when it passes avail_event. Left where it is, the word
 * is soon behind, so that not wanting kicks needs no write; one in 65536 that comes all the same
 * does no harm.
 */
static void tell_kicks(struct iol_virtqueue *vq, bool want)
{
	if (!vq->event_idx && want != vq->kicks_wanted)
		write16(&used_ring(vq)->flags, want ? 0 : VRING_USED_F_NO_NOTIFY);
	if (vq->event_idx && want)
		write16(avail_event(vq), vq->avail_idx);
	vq->kicks_wanted = want;
}

void iol_virtqueue_rings(const struct iol_virtqueue *vq, struct iol_virtqueue_rings *rings)
{
	assert(!is_closed(vq) && !vq->in_flight && vq->used_idx == vq->used_published);
	*rings = (struct iol_virtqueue_rings){
		.size = vq->size,
		.avail_idx = vq->avail_idx,
		.desc = (void *)vq->desc,
		.avail = vq->avail,
		.used = vq->used,
	};
}

void iol_virtqueue_resume(struct iol_virtqueue *vq, uint16_t avail_idx)
{
	uint16_t lost;

	if (is_closed(vq))
		return;
	/*
	 * G9, as far as it goes: the index in the used ring is the other server's to write, and the driver can write it too. It
	 * is believed only if it leaves no more chains than the ring has; a lie costs the driver its own chains.
	 */
	lost = (uint16_t)(avail_idx - iol_guest_read16(&used_ring(vq)->idx));
	if (lost <= vq->size)
		avail_idx = (uint16_t)(avail_idx - lost);
	vq->avail_idx = avail_idx;
	vq->avail_seen = avail_idx;
	vq->used_idx = avail_idx;
	vq->used_published = avail_idx;
	/* What it told the driver is unknown: this way the next wish for kicks is told. */
	vq->kicks_wanted = false;
}

bool iol_virtqueue_want_kicks(struct iol_virtqueue *vq, bool want)
{
	if (is_closed(vq))
		return false;
	tell_kicks(vq, want);
	if (!want)
		return false;
	/* The driver shows a chain, then looks whether we want to know (2.7.13.4.1). */
	full_barrier();
	return waiting(vq);
}
