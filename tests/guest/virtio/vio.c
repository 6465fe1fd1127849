// SPDX-License-Identifier: Apache-2.0
/* The virtio driver of freestanding guests. See vio.h. */
#include "vio.h"

#include <linux/pci_regs.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mmio.h>
#define VIRTIO_PCI_NO_LEGACY
#include <linux/virtio_pci.h>

enum { VENDOR_VIRTIO = 0x1af4, DEVICE_MODERN = 0x1040, BARS = 6 };

/* Where BARs without an address go; far above where a firmware or VMM starts. */
#define BAR_PLACE VIO_BAR_PLACE
#define MSI_ADDRESS VIO_MSI_ADDRESS

static const struct {
	uint16_t pci, pci_bytes, mmio;
} registers[VIO_REG_COUNT] = {
	[VIO_DEVICE_FEATURES_SELECT] = { VIRTIO_PCI_COMMON_DFSELECT, 4,
					 VIRTIO_MMIO_DEVICE_FEATURES_SEL },
	[VIO_DEVICE_FEATURES] = { VIRTIO_PCI_COMMON_DF, 4, VIRTIO_MMIO_DEVICE_FEATURES },
	[VIO_DRIVER_FEATURES_SELECT] = { VIRTIO_PCI_COMMON_GFSELECT, 4,
					 VIRTIO_MMIO_DRIVER_FEATURES_SEL },
	[VIO_DRIVER_FEATURES] = { VIRTIO_PCI_COMMON_GF, 4, VIRTIO_MMIO_DRIVER_FEATURES },
	[VIO_STATUS] = { VIRTIO_PCI_COMMON_STATUS, 1, VIRTIO_MMIO_STATUS },
	[VIO_GENERATION] = { VIRTIO_PCI_COMMON_CFGGENERATION, 1, VIRTIO_MMIO_CONFIG_GENERATION },
	[VIO_QUEUE_SELECT] = { VIRTIO_PCI_COMMON_Q_SELECT, 2, VIRTIO_MMIO_QUEUE_SEL },
	[VIO_QUEUE_SIZE] = { VIRTIO_PCI_COMMON_Q_SIZE, 2, VIRTIO_MMIO_QUEUE_NUM },
	[VIO_QUEUE_ENABLE] = { VIRTIO_PCI_COMMON_Q_ENABLE, 2, VIRTIO_MMIO_QUEUE_READY },
	[VIO_QUEUE_DESC] = { VIRTIO_PCI_COMMON_Q_DESCLO, 8, VIRTIO_MMIO_QUEUE_DESC_LOW },
	[VIO_QUEUE_AVAIL] = { VIRTIO_PCI_COMMON_Q_AVAILLO, 8, VIRTIO_MMIO_QUEUE_AVAIL_LOW },
	[VIO_QUEUE_USED] = { VIRTIO_PCI_COMMON_Q_USEDLO, 8, VIRTIO_MMIO_QUEUE_USED_LOW },
};

static uint64_t arena_used, arena_kept;

void *vio_alloc(uint64_t bytes, uint64_t align)
{
	uint64_t at = (VIO_ARENA + arena_used + align - 1) & -align;
	uint64_t count = (bytes + 7) / 8;
	void *to = (void *)at;

	if (at + bytes > VIO_ARENA + VIO_ARENA_BYTES) {
		say("FAIL the arena is used up\n");
		power_off();
	}
	arena_used = at + bytes - VIO_ARENA;
	__builtin_memset(to, 0, count * 8);
	return (void *)at;
}

void vio_arena_reset(void)
{
	arena_used = arena_kept;
}

void vio_arena_keep(void)
{
	arena_kept = arena_used;
}

/* --- PCI --- */

static uint32_t bar_size(uint64_t bar)
{
	uint32_t old = read32(bar), mask;

	write32(bar, UINT32_MAX);
	mask = read32(bar) & ~0xfu;
	write32(bar, old);
	return -mask;
}

/* With memory decoding off. */
static void place_bars(uint64_t function)
{
	static uint64_t place = BAR_PLACE;

	for (unsigned int i = 0; i < BARS; i++) {
		uint64_t bar = function + PCI_BASE_ADDRESS_0 + 4 * i;
		uint32_t value = read32(bar), size;
		bool wide =
			(value & PCI_BASE_ADDRESS_MEM_TYPE_MASK) == PCI_BASE_ADDRESS_MEM_TYPE_64;

		if (!(value & PCI_BASE_ADDRESS_SPACE_IO) && !(value & ~0xfu)) {
			size = bar_size(bar);
			if (size) {
				place = (place + size - 1) & -(uint64_t)size;
				write32(bar, (uint32_t)place);
				if (wide)
					write32(bar + 4, 0);
				place += size;
			}
		}
		i += wide;
	}
}

static uint64_t bar_address(uint64_t function, unsigned int bar)
{
	uint64_t at = function + PCI_BASE_ADDRESS_0 + 4 * bar;
	uint32_t low = read32(at);
	uint64_t high = 0;

	if ((low & PCI_BASE_ADDRESS_MEM_TYPE_MASK) == PCI_BASE_ADDRESS_MEM_TYPE_64)
		high = read32(at + 4);
	return high << 32 | (low & ~0xfu);
}

static void take_virtio_capability(struct vio *v, unsigned int at)
{
	uint64_t cap = v->function + at;
	uint8_t type = read8(cap + offsetof(struct virtio_pci_cap, cfg_type));
	uint8_t bar = read8(cap + offsetof(struct virtio_pci_cap, bar));
	uint64_t place;

	if (type == VIRTIO_PCI_CAP_PCI_CFG)
		v->pci_cfg_capability = at;
	if (bar >= BARS)
		return;
	place = bar_address(v->function, bar) +
		read32(cap + offsetof(struct virtio_pci_cap, offset));
	switch (type) {
	case VIRTIO_PCI_CAP_COMMON_CFG:
		v->common = place;
		break;
	case VIRTIO_PCI_CAP_NOTIFY_CFG:
		v->notify = place;
		v->notify_multiplier =
			read32(cap + offsetof(struct virtio_pci_notify_cap, notify_off_multiplier));
		break;
	case VIRTIO_PCI_CAP_ISR_CFG:
		v->isr = place;
		break;
	case VIRTIO_PCI_CAP_DEVICE_CFG:
		v->config = place;
		break;
	}
}

static bool open_pci(struct vio *v, uint64_t slot, unsigned int kind)
{
	unsigned int at, steps = 0;
	uint32_t table;

	v->function = VIO_ECAM + (slot << 15);
	if (read16(v->function + PCI_VENDOR_ID) != VENDOR_VIRTIO ||
	    read16(v->function + PCI_DEVICE_ID) != DEVICE_MODERN + kind)
		return false;
	write16(v->function + PCI_COMMAND, 0);
	place_bars(v->function);
	write16(v->function + PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	at = read8(v->function + PCI_CAPABILITY_LIST);
	for (; at && steps < 48; steps++, at = read8(v->function + at + 1)) {
		uint8_t id = read8(v->function + at);

		if (id == PCI_CAP_ID_VNDR)
			take_virtio_capability(v, at);
		if (id != PCI_CAP_ID_MSIX)
			continue;
		table = read32(v->function + at + PCI_MSIX_TABLE);
		v->msix_capability = at;
		v->msix = bar_address(v->function, table & PCI_MSIX_TABLE_BIR) +
			  (table & PCI_MSIX_TABLE_OFFSET);
	}
	/* A source of entropy has nothing to configure. */
	return v->common && v->notify && v->isr && (v->config || kind == VIRTIO_ID_RNG);
}

/* --- MMIO --- */

static bool open_mmio(struct vio *v, uint64_t base, unsigned int kind)
{
	v->mmio = true;
	v->common = base;
	v->notify = base + VIRTIO_MMIO_QUEUE_NOTIFY;
	v->isr = base + VIRTIO_MMIO_INTERRUPT_STATUS;
	v->config = base + VIRTIO_MMIO_CONFIG;
	return read32(base + VIRTIO_MMIO_MAGIC_VALUE) == 0x74726976 &&
	       read32(base + VIRTIO_MMIO_VERSION) == 2 &&
	       read32(base + VIRTIO_MMIO_DEVICE_ID) == kind;
}

bool vio_open_kind(struct vio *v, unsigned int number, unsigned int kind)
{
	uint64_t slot = option_number("pci", number, 0);
	uint64_t base = option_number("mmio", number, 0);

	*v = (struct vio){ 0 };
	if (slot)
		return open_pci(v, slot, kind);
	return base && open_mmio(v, base, kind);
}

bool vio_open(struct vio *v, unsigned int number)
{
	return vio_open_kind(v, number, VIRTIO_ID_BLOCK);
}

/* --- registers --- */

uint64_t vio_address(const struct vio *v, enum vio_reg reg)
{
	return v->common + (v->mmio ? registers[reg].mmio : registers[reg].pci);
}

uint64_t vio_get(const struct vio *v, enum vio_reg reg)
{
	uint64_t at = vio_address(v, reg);

	if (v->mmio)
		return read32(at);
	switch (registers[reg].pci_bytes) {
	case 1:
		return read8(at);
	case 2:
		return read16(at);
	case 4:
		return read32(at);
	default:
		return read32(at) | (uint64_t)read32(at + 4) << 32;
	}
}

void vio_set(const struct vio *v, enum vio_reg reg, uint64_t value)
{
	uint64_t at = vio_address(v, reg);

	if (registers[reg].pci_bytes == 8) {
		write32(at, (uint32_t)value);
		write32(at + 4, (uint32_t)(value >> 32));
	} else if (v->mmio || registers[reg].pci_bytes == 4) {
		write32(at, (uint32_t)value);
	} else if (registers[reg].pci_bytes == 2) {
		write16(at, (uint16_t)value);
	} else {
		write8(at, (uint8_t)value);
	}
}

bool vio_reset(const struct vio *v)
{
	uint64_t end = user_ticks() + VIO_WAIT_MS * user_ticks_per_ms;

	vio_set(v, VIO_STATUS, 0);
	while (vio_get(v, VIO_STATUS))
		if (user_ticks() > end)
			return false;
	return true;
}

uint64_t vio_offered(const struct vio *v)
{
	uint64_t low;

	vio_set(v, VIO_DEVICE_FEATURES_SELECT, 0);
	low = vio_get(v, VIO_DEVICE_FEATURES);
	vio_set(v, VIO_DEVICE_FEATURES_SELECT, 1);
	return low | vio_get(v, VIO_DEVICE_FEATURES) << 32;
}

void vio_add_status(const struct vio *v, uint8_t bits)
{
	vio_set(v, VIO_STATUS, vio_get(v, VIO_STATUS) | bits);
}

bool vio_needs_reset(const struct vio *v)
{
	return vio_get(v, VIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET;
}

bool vio_negotiate(struct vio *v, uint64_t wanted)
{
	v->features = wanted & vio_offered(v);
	vio_set(v, VIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	vio_set(v, VIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	for (unsigned int half = 0; half < 2; half++) {
		vio_set(v, VIO_DRIVER_FEATURES_SELECT, half);
		vio_set(v, VIO_DRIVER_FEATURES, v->features >> 32 * half & UINT32_MAX);
	}
	vio_add_status(v, VIRTIO_CONFIG_S_FEATURES_OK);
	return vio_get(v, VIO_STATUS) & VIRTIO_CONFIG_S_FEATURES_OK;
}

uint16_t vio_queue_max(const struct vio *v, uint16_t index)
{
	vio_set(v, VIO_QUEUE_SELECT, index);
	return (uint16_t)(v->mmio ? read32(v->common + VIRTIO_MMIO_QUEUE_NUM_MAX)
				  : vio_get(v, VIO_QUEUE_SIZE));
}

void vio_queue_make(const struct vio *v, struct vio_queue *q, uint16_t index, uint16_t size)
{
	uint32_t notify_offset = 0;

	if (!v->mmio) {
		vio_set(v, VIO_QUEUE_SELECT, index);
		notify_offset = read16(v->common + VIRTIO_PCI_COMMON_Q_NOFF) * v->notify_multiplier;
	}
	*q = (struct vio_queue){
		.desc = vio_alloc(16ull * size, 4096),
		.avail = vio_alloc(6 + 2ull * size, 4096),
		.used = vio_alloc(6 + 8ull * size, 4096),
		.notify = v->notify + notify_offset,
		.wide_notify = v->mmio,
		.index = index,
		.size = size,
		.free_count = size,
		.event_idx = v->features & VIO_BIT(VIRTIO_RING_F_EVENT_IDX),
	};
	for (uint16_t i = 0; i < size; i++)
		q->desc[i].next = (uint16_t)(i + 1);
	vio_want_interrupts(q, false);
}

void vio_queue_enable(const struct vio *v, const struct vio_queue *q)
{
	vio_set(v, VIO_QUEUE_SELECT, q->index);
	vio_set(v, VIO_QUEUE_SIZE, q->size);
	vio_set(v, VIO_QUEUE_DESC, (uint64_t)q->desc);
	vio_set(v, VIO_QUEUE_AVAIL, (uint64_t)q->avail);
	vio_set(v, VIO_QUEUE_USED, (uint64_t)q->used);
	vio_set(v, VIO_QUEUE_ENABLE, 1);
}

bool vio_start(struct vio *v, struct vio_queue *q, unsigned int count, uint16_t size,
	       uint64_t wanted)
{
	if (!vio_reset(v) || !vio_negotiate(v, wanted))
		return false;
	for (uint16_t i = 0; i < count; i++) {
		uint16_t max = vio_queue_max(v, i);

		if (!max)
			return false;
		vio_queue_make(v, &q[i], i, size < max ? size : max);
		vio_queue_enable(v, &q[i]);
	}
	vio_add_status(v, VIRTIO_CONFIG_S_DRIVER_OK);
	return !vio_needs_reset(v);
}

/* --- chains --- */

static void fill(volatile struct vring_desc *desc, const struct vio_part *part, bool more)
{
	desc->addr = part->gpa;
	desc->len = part->len;
	desc->flags = (uint16_t)((part->writable ? VRING_DESC_F_WRITE : 0) |
				 (more ? VRING_DESC_F_NEXT : 0));
}

uint16_t vio_chain(struct vio_queue *q, const struct vio_part *parts, unsigned int count)
{
	uint16_t head = q->free_head;

	if (!count || count > q->free_count)
		return UINT16_MAX;
	for (unsigned int i = 0; i < count; i++) {
		fill(&q->desc[q->free_head], &parts[i], i + 1 < count);
		q->free_head = q->desc[q->free_head].next;
	}
	q->free_count = (uint16_t)(q->free_count - count);
	return head;
}

uint16_t vio_chain_indirect(struct vio_queue *q, struct vring_desc *table,
			    const struct vio_part *parts, unsigned int count)
{
	const struct vio_part whole = { (uint64_t)table, 16 * count, false };
	uint16_t head = vio_chain(q, &whole, 1);

	if (head == UINT16_MAX)
		return head;
	q->desc[head].flags = VRING_DESC_F_INDIRECT;
	for (unsigned int i = 0; i < count; i++) {
		fill(&table[i], &parts[i], i + 1 < count);
		table[i].next = (uint16_t)(i + 1);
	}
	return head;
}

void vio_submit(struct vio_queue *q, uint16_t head)
{
	q->avail->ring[q->avail_idx % q->size] = head;
	q->avail_idx++;
	__atomic_store_n(&q->avail->idx, q->avail_idx, __ATOMIC_RELEASE);
}

/* Behind the used ring: the index at which the device wants to be notified. */
static uint16_t avail_event(const struct vio_queue *q)
{
	return read16((uint64_t)&q->used->ring[q->size]);
}

void vio_kick(struct vio_queue *q)
{
	uint16_t old = q->kicked_idx;
	bool wanted;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (q->event_idx)
		wanted = vring_need_event(avail_event(q), q->avail_idx, old);
	else
		wanted = !(*(volatile uint16_t *)&q->used->flags & VRING_USED_F_NO_NOTIFY);
	q->kicked_idx = q->avail_idx;
	if (wanted)
		vio_kick_always(q);
}

void vio_kick_always(const struct vio_queue *q)
{
	/* What is available is in memory before the device hears of it. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (q->wide_notify)
		write32(q->notify, q->index);
	else
		write16(q->notify, q->index);
}

uint16_t vio_used(struct vio_queue *q, uint32_t *len)
{
	struct vring_used_elem elem;
	uint16_t last;

	if (__atomic_load_n(&q->used->idx, __ATOMIC_ACQUIRE) == q->used_idx)
		return UINT16_MAX;
	elem = q->used->ring[q->used_idx % q->size];
	q->used_idx++;
	if (len)
		*len = elem.len;
	last = (uint16_t)elem.id;
	q->free_count++;
	while (q->desc[last].flags & VRING_DESC_F_NEXT) {
		last = q->desc[last].next;
		q->free_count++;
	}
	q->desc[last].next = q->free_head;
	q->free_head = (uint16_t)elem.id;
	return (uint16_t)elem.id;
}

void vio_want_interrupts(struct vio_queue *q, bool want)
{
	volatile uint16_t *used_event = &q->avail->ring[q->size];

	/* With EVENT_IDX: the used index that interrupts; one that has just gone by is far away. */
	if (q->event_idx)
		*used_event = (uint16_t)(want ? q->used_idx : q->used_idx - 1);
	else
		*(volatile uint16_t *)&q->avail->flags = want ? 0 : VRING_AVAIL_F_NO_INTERRUPT;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* --- interrupts --- */

void vio_msix_set(const struct vio *v, unsigned int entry, unsigned int vector, bool masked)
{
	uint64_t at = v->msix + entry * PCI_MSIX_ENTRY_SIZE;

	write32(at + PCI_MSIX_ENTRY_LOWER_ADDR, MSI_ADDRESS);
	write32(at + PCI_MSIX_ENTRY_UPPER_ADDR, 0);
	write32(at + PCI_MSIX_ENTRY_DATA, vector);
	write32(at + PCI_MSIX_ENTRY_VECTOR_CTRL, masked);
}

void vio_msix_enable(const struct vio *v, bool on)
{
	write16(v->function + v->msix_capability + PCI_MSIX_FLAGS, on ? PCI_MSIX_FLAGS_ENABLE : 0);
}

uint16_t vio_queue_vector(const struct vio *v, uint16_t index, uint16_t entry)
{
	vio_set(v, VIO_QUEUE_SELECT, index);
	write16(v->common + VIRTIO_PCI_COMMON_Q_MSIX, entry);
	return read16(v->common + VIRTIO_PCI_COMMON_Q_MSIX);
}
