/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What virtqueue.c and chain.c share: the rings as they lie in guest memory, and the only two ways by
 * which these files read it. Every call is one read (G2); what was read is a local from then on.
 */
#ifndef DEVICES_VIRTIO_RING_H
#define DEVICES_VIRTIO_RING_H

#include <linux/virtio_ring.h>

#include <iolite/endian.h>
#include <iolite/virtqueue.h>

/* virtio-v1.2 2.7.5, 2.7.6 and 2.7.8. The event words behind the rings have no names there. */
struct ring_desc {
	le64 addr;
	le32 len;
	le16 flags;
	le16 next;
};

struct ring_avail {
	le16 flags;
	le16 idx;
	le16 ring[]; /* [size]: used_event */
};

struct ring_used_elem {
	le32 id;
	le32 len;
};

struct ring_used {
	le16 flags;
	le16 idx;
	struct ring_used_elem ring[]; /* [size].id, its first half: avail_event */
};

_Static_assert(sizeof(struct ring_desc) == sizeof(struct vring_desc), "descriptor");
_Static_assert(sizeof(struct ring_avail) == sizeof(struct vring_avail), "available ring");
_Static_assert(sizeof(struct ring_used_elem) == sizeof(struct vring_used_elem), "used element");
_Static_assert(sizeof(struct ring_used) == sizeof(struct vring_used), "used ring");

/* Fuzzers change guest memory in front of each read. */
#ifdef IOL_GUEST_READ_HOOK
extern void (*iol_guest_read_hook)(const volatile void *p, size_t len);
#else
static inline void iol_guest_read_hook(const volatile void *p, size_t len)
{
	(void)p;
	(void)len;
}
#endif

/* Acquires: what the driver wrote before this word is seen by later reads (G16). */
static inline uint16_t iol_guest_read16(const le16 *p)
{
	iol_guest_read_hook(p, sizeof(*p));
	return le16_get((le16){ __atomic_load_n(&p->raw, __ATOMIC_ACQUIRE) });
}

/*
 * Copies @len bytes, each of them read once. Indirect tables and headers lie at any address
 * (2.7.5.3); only what is aligned is read as words.
 */
static inline void iol_guest_copy(void *buf, const void *p, size_t len)
{
	const uint8_t *from = p;
	uint8_t *to = buf;

	iol_guest_read_hook(p, len);
	if (!((uintptr_t)from % sizeof(unsigned long))) {
		for (; len >= sizeof(unsigned long); len -= sizeof(unsigned long)) {
			unsigned long word = __atomic_load_n(
				(const unsigned long *)(const void *)from, __ATOMIC_RELAXED);

			memcpy(to, &word, sizeof(word));
			from += sizeof(word);
			to += sizeof(word);
		}
	}
	while (len--)
		*to++ = __atomic_load_n(from++, __ATOMIC_RELAXED);
}

/*
 * Follows the chain from @head, which is in range, into @iov (chain.c). 0 with @chain filled, or
 * -EPROTO with a text.
 */
int iol_chain_walk(const struct iol_virtqueue *vq, uint16_t head, struct iol_chain *chain,
		   struct iovec *iov, unsigned int iov_max, struct iol_error *err);

#endif
