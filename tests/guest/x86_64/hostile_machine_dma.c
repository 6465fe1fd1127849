// SPDX-License-Identifier: Apache-2.0
/* Violations by requests and queues that lie where no memory is. See ../hostile_machine_list.h. */
#include "hostile_machine.h"

enum { HEADER, DATA, STATUS };

static enum verdict part_at(unsigned int part, uint64_t gpa)
{
	put_request(VIRTIO_BLK_T_IN, 0, READ_BYTES);
	h.q->desc[part].addr = gpa;
	return answer(0);
}

#define DMA(name, part, place)               \
	enum verdict v_dma_##name(void)      \
	{                                    \
		return part_at(part, place); \
	}

#define DMA_EVERYWHERE(name, part)                         \
	DMA(name##_registers, part, h.v->common)           \
	DMA(name##_other, part, h.other->common)           \
	DMA(name##_ecam, part, h.v->function)              \
	DMA(name##_ioapic, part, IOL_X86_IOAPIC)           \
	DMA(name##_lapic, part, IOL_X86_LAPIC)             \
	DMA(name##_hole, part, IOL_X86_VIRTIO_MMIO - 4096) \
	DMA(name##_ram_end, part, RAM_END)

DMA_EVERYWHERE(header, HEADER)
DMA_EVERYWHERE(data, DATA)
DMA_EVERYWHERE(status, STATUS)
DMA(header_across, HEADER, RAM_END - 8)
DMA(data_across, DATA, RAM_END - 64)
DMA(header_wraps, HEADER, UINT64_MAX - 7)
DMA(data_wraps, DATA, UINT64_MAX - 63)
DMA(status_last, STATUS, UINT64_MAX)

/* A queue from @place on. */
static enum verdict rings_at(uint64_t place)
{
	uint64_t end = hostile_deadline(ANSWER_MS);

	if (!set_up(h.features))
		return FAIL;
	h.q->desc = (volatile struct vring_desc *)place;
	h.q->avail = (struct vring_avail *)(place + 16 * Q_SIZE);
	h.q->used = (struct vring_used *)(place + 32 * Q_SIZE);
	vio_queue_enable(h.v, h.q);
	if (!vio_get(h.v, VIO_QUEUE_ENABLE))
		return REJECT;
	vio_add_status(h.v, VIRTIO_CONFIG_S_DRIVER_OK);
	while (!vio_needs_reset(h.v))
		if (rdtsc() > end)
			return FAIL;
	return REJECT;
}

enum verdict v_dma_rings_ecam(void)
{
	return rings_at(h.v->function);
}

enum verdict v_dma_rings_other(void)
{
	return rings_at(h.other->common & ~0xfffull);
}

enum verdict v_dma_rings_lapic(void)
{
	return rings_at(IOL_X86_LAPIC);
}

enum verdict v_dma_rings_hole(void)
{
	return rings_at(IOL_X86_VIRTIO_MMIO - 4096);
}

enum verdict v_dma_rings_ram_end(void)
{
	return rings_at(RAM_END);
}
