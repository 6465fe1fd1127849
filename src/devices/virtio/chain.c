// SPDX-License-Identifier: Apache-2.0
/*
 * Descriptor chains (virtio-v1.2 2.7.4, 2.7.5): from descriptors in guest memory to host memory, and
 * what devices do with the result. A chain belongs to the thread of its queue.
 *
 * A hostile guest chooses every bit of a descriptor and changes it while we look: each is copied
 * whole and only the copy is judged (G2). A chain takes a bounded number of steps (G5), whatever it
 * links to; each part lies in one region of RAM (G1).
 */
#include "ring.h"

#include <errno.h>
#include <inttypes.h>

/* The table that is being followed: the queue's own or an indirect one. */
struct table {
	const uint8_t *base;
	uint32_t entries;
	bool indirect;
};

struct walk {
	const struct iol_virtqueue *vq;
	struct iol_error *err;
	struct iol_chain *chain;
	unsigned int iov_max;
	struct table table;
	unsigned int steps_left;
	bool writable; /* such a descriptor was seen; no readable one may follow */
};

/*
 * Goes on in an indirect table (2.7.5.3). 2.7.5.3.1: "A driver MUST NOT create a descriptor chain
 * longer than the Queue Size of the device"; so no table needs more entries than the queue has.
 * The table lies at any address; the WRITE flag of what refers to it says nothing (2.7.5.3.2).
 */
static int enter_table(struct walk *w, const struct ring_desc *desc)
{
	uint64_t gpa = le64_get(desc->addr);
	uint32_t len = le32_get(desc->len);
	const uint32_t entry = sizeof(struct ring_desc);

	if (!w->vq->indirect)
		return iol_error_set(
			w->err, -EPROTO,
			"descriptor chain: an indirect table, and VIRTIO_F_INDIRECT_DESC "
			"was not negotiated");
	/* G6 */
	if (w->table.indirect)
		return iol_error_set(w->err, -EPROTO,
				     "descriptor chain: an indirect table in an indirect table");
	if (le16_get(desc->flags) & VRING_DESC_F_NEXT)
		return iol_error_set(w->err, -EPROTO,
				     "descriptor chain: the flag NEXT beside an indirect table");
	if (!len || len % entry || len / entry > w->vq->size)
		return iol_error_set(w->err, -EPROTO,
				     "descriptor chain: an indirect table of %u bytes, and 1 to %u "
				     "times %u are allowed",
				     len, w->vq->size, entry);
	w->table.base = iol_memory_ptr(w->vq->memory, gpa, len);
	if (!w->table.base)
		return iol_error_set(w->err, -EPROTO,
				     "descriptor chain: an indirect table of %u bytes at %#" PRIx64
				     " is not inside RAM",
				     len, gpa);
	w->table.entries = len / entry;
	w->table.indirect = true;
	return 0;
}

/* The part as an iovec behind those already there. */
static int add_iov(struct walk *w, uint64_t gpa, uint32_t len, bool writable)
{
	struct iol_chain *chain = w->chain;
	unsigned int count = chain->readable_count + chain->writable_count;
	void *hva = iol_memory_ptr(w->vq->memory, gpa, len);

	if (!hva)
		return iol_error_set(w->err, -EPROTO,
				     "descriptor chain: %u bytes at %#" PRIx64
				     " are not inside RAM",
				     len, gpa);
	/* The specification allows one byte more (2.7.5.2), which no length field of ours could say. */
	if (len > UINT32_MAX - chain->readable_bytes - chain->writable_bytes)
		return iol_error_set(w->err, -EPROTO, "descriptor chain: 4 GiB or more in all");
	if (count >= w->iov_max)
		return iol_error_set(
			w->err, -EPROTO,
			"descriptor chain: more than the %u parts that the device takes",
			w->iov_max);
	chain->iov[count] = (struct iovec){ .iov_base = hva, .iov_len = len };
	if (writable) {
		chain->writable_count++;
		chain->writable_bytes += len;
	} else {
		chain->readable_count++;
		chain->readable_bytes += len;
	}
	return 0;
}

static int add_part(struct walk *w, const struct ring_desc *desc)
{
	bool writable = le16_get(desc->flags) & VRING_DESC_F_WRITE;
	uint32_t len = le32_get(desc->len);

	/*
	 * G5. The descriptor that refers to a table is none of the parts and not counted: a table
	 * of as many entries as the queue has may be used up.
	 */
	if (!w->steps_left)
		return iol_error_set(w->err, -EPROTO,
				     "descriptor chain: longer than the %u entries of the queue",
				     w->vq->size);
	w->steps_left--;
	/* G7, 2.7.4.2; by the flag, empty or not. */
	if (w->writable && !writable)
		return iol_error_set(w->err, -EPROTO,
				     "descriptor chain: a readable part behind a writable one");
	w->writable = writable;
	/* G8: an empty part is nowhere, so its address does not count. */
	return len ? add_iov(w, le64_get(desc->addr), len, writable) : 0;
}

int iol_chain_walk(const struct iol_virtqueue *vq, uint16_t head, struct iol_chain *chain,
		   struct iovec *iov, unsigned int iov_max, struct iol_error *err)
{
	struct walk w = {
		.vq = vq,
		.err = err,
		.chain = chain,
		.iov_max = iov_max,
		.table = { .base = vq->desc, .entries = vq->size },
		.steps_left = vq->size,
	};
	uint32_t idx = head;
	struct ring_desc desc;
	uint16_t flags;
	int ret;

	*chain = (struct iol_chain){ .head = head, .iov = iov };
	/* Ends: a step is counted or enters a table, and only one table is entered. */
	for (;;) {
		iol_guest_copy(&desc, w.table.base + idx * sizeof(desc), sizeof(desc));
		flags = le16_get(desc.flags);
		/* 2.7.5.3.2: any number of parts may come before the table. */
		ret = flags & VRING_DESC_F_INDIRECT ? enter_table(&w, &desc) : add_part(&w, &desc);
		if (ret)
			return ret;
		if (flags & VRING_DESC_F_INDIRECT) {
			idx = 0;
			continue;
		}
		/* Flags that the specification does not know are ignored. */
		if (!(flags & VRING_DESC_F_NEXT))
			return 0;
		idx = le16_get(desc.next);
		if (idx >= w.table.entries)
			return iol_error_set(
				err, -EPROTO,
				"descriptor chain: next is %u in a table of %u entries", idx,
				w.table.entries);
	}
}

static void cut_front(struct iovec *part, size_t bytes)
{
	part->iov_base = (uint8_t *)part->iov_base + bytes;
	part->iov_len -= bytes;
}

/* Payload is copied out before anyone parses it (G3). */
bool iol_chain_take_header(struct iol_chain *chain, void *buf, uint32_t len)
{
	uint8_t *to = buf;

	if (len > chain->readable_bytes)
		return false;
	chain->readable_bytes -= len;
	while (len) {
		struct iovec *part = chain->iov;
		uint32_t bytes = len < part->iov_len ? len : (uint32_t)part->iov_len;

		iol_guest_copy(to, part->iov_base, bytes);
		to += bytes;
		len -= bytes;
		cut_front(part, bytes);
		if (!part->iov_len) {
			chain->iov++;
			chain->readable_count--;
		}
	}
	return true;
}

/* Found before data moves (G12). */
uint8_t *iol_chain_take_status(struct iol_chain *chain)
{
	struct iovec *last;

	if (!chain->writable_count)
		return NULL;
	last = &chain->iov[chain->readable_count + chain->writable_count - 1];
	last->iov_len--;
	chain->writable_bytes--;
	if (!last->iov_len)
		chain->writable_count--;
	return (uint8_t *)last->iov_base + last->iov_len;
}

uint32_t iol_chain_write(struct iol_chain *chain, const void *buf, uint32_t len)
{
	const struct iovec *part = chain->iov + chain->readable_count;
	const uint8_t *from = buf;
	uint32_t left = len < chain->writable_bytes ? len : chain->writable_bytes;
	uint32_t written = left;

	for (; left; part++) {
		uint32_t bytes = left < part->iov_len ? left : (uint32_t)part->iov_len;

		memcpy(part->iov_base, from, bytes);
		from += bytes;
		left -= bytes;
	}
	return written;
}
