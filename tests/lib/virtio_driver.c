// SPDX-License-Identifier: Apache-2.0
/* The driver's side of a split virtqueue, for tests. See virtio_driver.h; virtio-v1.2 2.7. */
#include "virtio_driver.h"

#include <errno.h>
#include <string.h>

#include <iolite/endian.h>

enum {
	DESC_BYTES = 16,
	USED_ELEM_BYTES = 8,
	RING_HEAD_BYTES = 4, /* flags and idx */
	F_NEXT = 1,
	F_WRITE = 2,
	F_INDIRECT = 4,
	F_NO_NOTIFY = 1,
	F_NO_INTERRUPT = 1,
};

uint64_t virtio_driver_layout(struct virtio_driver_setup *setup, uint64_t base)
{
	const uint64_t size = setup->size;

	setup->desc_gpa = IOL_ALIGN_UP(base, 16);
	setup->avail_gpa = setup->desc_gpa + size * DESC_BYTES;
	setup->used_gpa = IOL_ALIGN_UP(setup->avail_gpa + 2 * size + 6, 4);
	setup->tables_gpa = IOL_ALIGN_UP(setup->used_gpa + size * USED_ELEM_BYTES + 6, 16);
	return setup->tables_gpa + size * size * DESC_BYTES;
}

static bool zero(const struct iol_memory *memory, uint64_t gpa, uint64_t bytes)
{
	void *p = iol_memory_ptr(memory, gpa, bytes);

	if (p)
		memset(p, 0, bytes);
	return p;
}

int virtio_driver_init(struct virtio_driver *d, const struct iol_memory *memory,
		       const struct virtio_driver_setup *setup)
{
	uint16_t size = setup->size;

	if (!size || size > IOL_VIRTQUEUE_SIZE_MAX || (size & (size - 1)))
		return -EINVAL;
	if (setup->desc_gpa % 16 || setup->avail_gpa % 2 || setup->used_gpa % 4)
		return -EINVAL;
	if (!zero(memory, setup->desc_gpa, (uint64_t)size * DESC_BYTES) ||
	    !zero(memory, setup->avail_gpa, 2u * size + 6) ||
	    !zero(memory, setup->used_gpa, (uint64_t)size * USED_ELEM_BYTES + 6))
		return -EINVAL;

	/* @setup may be our own: a driver that starts anew. */
	*d = (struct virtio_driver){ .memory = memory, .setup = *setup, .free_count = size };
	for (uint16_t i = 0; i < size; i++)
		d->next_free[i] = (uint16_t)(i + 1);
	return 0;
}

void virtio_driver_queue_setup(const struct virtio_driver *d, struct iol_virtqueue_setup *setup)
{
	*setup = (struct iol_virtqueue_setup){
		.size = d->setup.size,
		.desc_gpa = d->setup.desc_gpa,
		.avail_gpa = d->setup.avail_gpa,
		.used_gpa = d->setup.used_gpa,
		.indirect = d->setup.indirect,
		.event_idx = d->setup.event_idx,
	};
}

/* --- words of the rings --- */

static void put16(const struct virtio_driver *d, uint64_t gpa, uint16_t value)
{
	uint16_t *p = iol_memory_ptr(d->memory, gpa, sizeof(*p));

	if (p)
		__atomic_store_n(p, htole16(value), __ATOMIC_RELEASE);
}

static uint16_t get16(const struct virtio_driver *d, uint64_t gpa)
{
	const uint16_t *p = iol_memory_ptr(d->memory, gpa, sizeof(*p));

	return p ? le16toh(__atomic_load_n(p, __ATOMIC_ACQUIRE)) : 0;
}

static uint32_t get32(const struct virtio_driver *d, uint64_t gpa)
{
	const uint32_t *p = iol_memory_ptr(d->memory, gpa, sizeof(*p));

	return p ? le32toh(__atomic_load_n(p, __ATOMIC_RELAXED)) : 0;
}

static uint64_t used_elem_gpa(const struct virtio_driver *d, uint16_t idx)
{
	return d->setup.used_gpa + RING_HEAD_BYTES +
	       (uint64_t)(idx % d->setup.size) * USED_ELEM_BYTES;
}

uint16_t virtio_driver_used_idx(const struct virtio_driver *d)
{
	return get16(d, d->setup.used_gpa + 2);
}

uint16_t virtio_driver_used_flags(const struct virtio_driver *d)
{
	return get16(d, d->setup.used_gpa);
}

uint16_t virtio_driver_avail_event(const struct virtio_driver *d)
{
	return get16(d, d->setup.used_gpa + RING_HEAD_BYTES +
				(uint64_t)d->setup.size * USED_ELEM_BYTES);
}

uint64_t virtio_driver_table_gpa(const struct virtio_driver *d, uint16_t head)
{
	return d->setup.tables_gpa + (uint64_t)head * d->setup.size * DESC_BYTES;
}

void virtio_driver_put_desc(struct virtio_driver *d, uint64_t table_gpa, uint32_t idx,
			    const struct virtio_driver_desc *desc)
{
	uint8_t bytes[DESC_BYTES];

	le64_store(bytes, desc->addr);
	le32_store(bytes + 8, desc->len);
	le16_store(bytes + 12, desc->flags);
	le16_store(bytes + 14, desc->next);
	iol_memory_write(d->memory, table_gpa + (uint64_t)idx * DESC_BYTES, bytes, sizeof(bytes));
}

struct virtio_driver_desc virtio_driver_get_desc(const struct virtio_driver *d, uint64_t table_gpa,
						 uint32_t idx)
{
	uint8_t bytes[DESC_BYTES] = { 0 };

	iol_memory_read(d->memory, table_gpa + (uint64_t)idx * DESC_BYTES, bytes, sizeof(bytes));
	return (struct virtio_driver_desc){
		.addr = le64_load(bytes),
		.len = le32_load(bytes + 8),
		.flags = le16_load(bytes + 12),
		.next = le16_load(bytes + 14),
	};
}

void virtio_driver_put_avail(struct virtio_driver *d, uint16_t idx, uint16_t head)
{
	put16(d, d->setup.avail_gpa + RING_HEAD_BYTES + 2u * (idx % d->setup.size), head);
}

void virtio_driver_put_avail_idx(struct virtio_driver *d, uint16_t idx)
{
	put16(d, d->setup.avail_gpa + 2, idx);
}

void virtio_driver_put_avail_flags(struct virtio_driver *d, uint16_t flags)
{
	put16(d, d->setup.avail_gpa, flags);
}

void virtio_driver_put_used_event(struct virtio_driver *d, uint16_t idx)
{
	put16(d, d->setup.avail_gpa + RING_HEAD_BYTES + 2u * d->setup.size, idx);
}

/* --- chains out --- */

static struct virtio_driver_desc part_desc(const struct virtio_driver_part *part)
{
	return (struct virtio_driver_desc){
		.addr = part->gpa,
		.len = part->len,
		.flags = part->write ? F_WRITE : 0,
	};
}

static uint16_t take_free(struct virtio_driver *d)
{
	uint16_t idx = d->free_head;

	d->free_head = d->next_free[idx];
	d->free_count--;
	return idx;
}

/* The parts of the indirect table of @head, one after the other. */
static void fill_table(struct virtio_driver *d, uint16_t head,
		       const struct virtio_driver_part *parts, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct virtio_driver_desc desc = part_desc(&parts[i]);

		if (i + 1 < count) {
			desc.flags |= F_NEXT;
			desc.next = (uint16_t)(i + 1);
		}
		virtio_driver_put_desc(d, virtio_driver_table_gpa(d, head), i, &desc);
	}
}

int virtio_driver_add(struct virtio_driver *d, const struct virtio_driver_part *parts,
		      unsigned int count, unsigned int direct)
{
	unsigned int in_table = count - direct;
	unsigned int descs = direct + (in_table ? 1 : 0);
	struct virtio_driver_chain *chain;
	uint16_t head = d->free_head, idx;

	if (!count || direct > count || in_table > d->setup.size)
		return -EINVAL;
	if (descs > d->free_count)
		return -ENOSPC;

	chain = &d->chains[head];
	*chain = (struct virtio_driver_chain){
		.added = true,
		.descs = (uint16_t)descs,
		.number = ++d->added,
	};
	for (unsigned int i = 0; i < count; i++)
		chain->writable_bytes += parts[i].write ? parts[i].len : 0;
	fill_table(d, head, parts + direct, in_table);
	for (unsigned int i = 0; i < descs; i++) {
		struct virtio_driver_desc desc = {
			.addr = virtio_driver_table_gpa(d, head),
			.len = in_table * DESC_BYTES,
			.flags = F_INDIRECT,
		};

		if (i < direct)
			desc = part_desc(&parts[i]);
		idx = take_free(d);
		if (i + 1 < descs) {
			desc.flags |= F_NEXT;
			desc.next = d->free_head;
		}
		virtio_driver_put_desc(d, d->setup.desc_gpa, idx, &desc);
	}
	virtio_driver_put_avail(d, d->avail_idx++, head);
	return head;
}

bool virtio_driver_show(struct virtio_driver *d)
{
	uint16_t old = d->avail_shown, event, count = (uint16_t)(d->avail_idx - old);

	if (!count)
		return false;
	d->shown += count;
	d->avail_shown = d->avail_idx;
	/* The full barrier between showing and asking (2.7.13.4.1). */
	virtio_driver_put_avail_idx(d, d->avail_shown);
	__sync_synchronize();
	if (!d->setup.event_idx)
		return !(virtio_driver_used_flags(d) & F_NO_NOTIFY);
	/* One of the entries old .. avail_idx - 1 is the one asked for. */
	event = virtio_driver_avail_event(d);
	return (uint16_t)(event - old) < count;
}

/* --- chains back --- */

static int mistake(struct virtio_driver *d, const char *what)
{
	if (!d->mistake)
		d->mistake = what;
	return -EPROTO;
}

/* The descriptors of a chain of the ring are where we put them: the device does not write there. */
static void free_chain(struct virtio_driver *d, uint16_t head)
{
	struct virtio_driver_chain *chain = &d->chains[head];
	uint16_t idx = head;

	for (unsigned int i = 0; i < chain->descs; i++) {
		/* While in use, next_free[] still says what follows: chains are taken in order. */
		uint16_t next = d->next_free[idx];

		if (i + 1 == chain->descs)
			d->next_free[idx] = d->free_head;
		idx = next;
	}
	d->free_head = head;
	d->free_count = (uint16_t)(d->free_count + chain->descs);
	chain->added = false;
}

int virtio_driver_take_used(struct virtio_driver *d, struct virtio_driver_used *used)
{
	uint16_t waiting = (uint16_t)(virtio_driver_used_idx(d) - d->used_idx);
	uint32_t id, len;

	if (d->mistake)
		return -EPROTO;
	if (!waiting)
		return 0;
	if (waiting > d->shown - d->used)
		return mistake(d, "used index is ahead of what is in flight");
	id = get32(d, used_elem_gpa(d, d->used_idx));
	len = get32(d, used_elem_gpa(d, d->used_idx) + 4);
	if (id >= d->setup.size)
		return mistake(d, "used id is no entry of the queue");
	if (!d->chains[id].added || d->chains[id].number > d->shown)
		return mistake(d, "used id is not in flight");
	if (len > d->chains[id].writable_bytes)
		return mistake(d, "used length is more than was writable");
	free_chain(d, (uint16_t)id);
	d->used_idx++;
	d->used++;
	*used = (struct virtio_driver_used){ .head = (uint16_t)id, .len = len };
	return 1;
}

bool virtio_driver_want_interrupts(struct virtio_driver *d, bool want)
{
	if (d->setup.event_idx)
		virtio_driver_put_used_event(d, (uint16_t)(want ? d->used_idx : d->used_idx - 1));
	else
		virtio_driver_put_avail_flags(d, want ? 0 : F_NO_INTERRUPT);
	__sync_synchronize();
	return want && virtio_driver_used_idx(d) != d->used_idx;
}

const char *virtio_driver_check(const struct virtio_driver *d)
{
	return d->mistake;
}

bool virtio_driver_is_drained(const struct virtio_driver *d)
{
	return !d->mistake && d->used == d->shown && virtio_driver_used_idx(d) == d->used_idx;
}
