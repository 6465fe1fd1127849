// SPDX-License-Identifier: Apache-2.0
/* The reference model of a split virtqueue. See virtqueue_model.h. */
#include "virtqueue_model.h"

#include <stddef.h>

enum { NEXT = 1, WRITE = 2, INDIRECT = 4, DESC_BYTES = 16 };

static bool in_ram(const struct virtqueue_model *m, uint64_t gpa, uint64_t len)
{
	for (unsigned int i = 0; i < m->memory->region_count; i++) {
		const struct iol_memory_region *r = &m->memory->regions[i];
		uint64_t end;

		if (gpa >= r->gpa && !__builtin_add_overflow(gpa, len, &end) &&
		    end <= r->gpa + r->size_bytes) /* which does not wrap: memory.h */
			return true;
	}
	return false;
}

/* All that can be said about the parts so far. */
static bool parts_are_legal(const struct virtqueue_model *m)
{
	unsigned int not_empty = 0;
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < m->part_count; i++) {
		const struct virtio_driver_part *part = &m->parts[i];

		if (i && m->parts[i - 1].write && !part->write)
			return false;
		if (part->len && !in_ram(m, part->gpa, part->len))
			return false;
		bytes += part->len;
		not_empty += part->len != 0;
	}
	return m->part_count <= m->size && bytes <= UINT32_MAX && not_empty <= m->parts_max;
}

static bool table_is_legal(const struct virtqueue_model *m, const struct virtio_driver_desc *desc)
{
	return m->indirect && !(desc->flags & NEXT) && desc->len && desc->len % DESC_BYTES == 0 &&
	       desc->len / DESC_BYTES <= m->size && in_ram(m, desc->addr, desc->len);
}

static enum virtqueue_model_result follow(struct virtqueue_model *m)
{
	uint64_t table = m->desc_gpa, entries = m->size, idx = m->head;
	bool inside = false;

	m->part_count = 0;
	for (;;) {
		struct virtio_driver_desc desc;

		if (idx >= entries)
			return VIRTQUEUE_MODEL_BROKEN;
		if (!m->desc(m->opaque, table, idx, &desc)) {
			m->undecided_table = table;
			m->undecided_idx = idx;
			return VIRTQUEUE_MODEL_UNDECIDED;
		}
		if (desc.flags & INDIRECT) {
			if (inside || !table_is_legal(m, &desc))
				return VIRTQUEUE_MODEL_BROKEN;
			inside = true;
			table = desc.addr;
			entries = desc.len / DESC_BYTES;
			idx = 0;
			continue;
		}
		m->parts[m->part_count++] = (struct virtio_driver_part){
			.gpa = desc.addr, .len = desc.len, .write = desc.flags & WRITE
		};
		if (!parts_are_legal(m))
			return VIRTQUEUE_MODEL_BROKEN;
		if (!(desc.flags & NEXT))
			return VIRTQUEUE_MODEL_CHAIN;
		idx = desc.next;
	}
}

/* The driver's index is 16 bits of a count that is not below ours. */
static void look(struct virtqueue_model *m)
{
	if (m->promised == m->taken)
		m->promised += (uint16_t)(m->avail_idx - (uint16_t)m->taken);
}

enum virtqueue_model_result virtqueue_model_pop(struct virtqueue_model *m)
{
	enum virtqueue_model_result result = VIRTQUEUE_MODEL_BROKEN;

	if (m->dead)
		return VIRTQUEUE_MODEL_BROKEN;
	look(m);
	if (m->promised == m->taken)
		return VIRTQUEUE_MODEL_NONE;
	m->head = m->avail[m->taken % m->size];
	if (m->promised - m->taken <= m->size && m->taken - m->published < m->size &&
	    m->head < m->size && !m->away[m->head])
		result = follow(m);
	if (result == VIRTQUEUE_MODEL_BROKEN)
		m->dead = true;
	if (result == VIRTQUEUE_MODEL_CHAIN) {
		m->away[m->head] = true;
		m->taken++;
	}
	return result;
}

void virtqueue_model_push(struct virtqueue_model *m, uint16_t head)
{
	if (m->dead)
		return;
	m->away[head] = false;
	m->used[m->pushed++ % m->size] = head;
}

bool virtqueue_model_publish(struct virtqueue_model *m)
{
	bool interrupt = false;

	if (m->dead || m->pushed == m->published)
		return false;
	if (!m->event_idx)
		interrupt = !m->no_interrupt;
	/* 2.7.7.2, entry by entry. */
	for (; m->published < m->pushed; m->published++)
		if (m->event_idx && (uint16_t)m->published == m->used_event)
			interrupt = true;
	m->used_idx = (uint16_t)m->published;
	return interrupt;
}

bool virtqueue_model_want_kicks(struct virtqueue_model *m, bool want)
{
	if (m->dead)
		return false;
	if (!m->event_idx)
		m->no_notify = !want;
	if (!want)
		return false;
	if (m->event_idx)
		m->avail_event = (uint16_t)m->taken;
	look(m);
	return m->promised != m->taken;
}
