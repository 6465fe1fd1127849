// SPDX-License-Identifier: Apache-2.0
/* Devices that come and go under their users. See stress.h. */
#include "stress.h"

#include <linux/pci_regs.h>
#define VIRTIO_PCI_NO_LEGACY
#include <linux/virtio_pci.h>

enum {
	CONFIG_ENTRY = 0,
	FIRST_ENTRY = 1,
	UNBOUND_READS = 20,
	DISTURBED_OF = 4, /* starts, one of which is */
	SETTLES_OF = 4,
};

void device_open(struct device *d, unsigned int number, unsigned int kind)
{
	if (!vio_open_kind(&d->v, number, kind))
		stress_fail(0, d->name, 0);
	for (unsigned int set = 0; set < SETS; set++)
		for (uint16_t i = 0; i < d->queues; i++) {
			if (vio_queue_max(&d->v, i) < d->size)
				stress_fail(0, "a queue is missing", i);
			vio_queue_make(&d->v, &d->rings[set][i], i, (uint16_t)d->size);
		}
}

static void await_reset(struct device *d)
{
	uint64_t since = user_ticks();

	vio_set(&d->v, VIO_STATUS, 0);
	while (vio_get(&d->v, VIO_STATUS))
		if (stress_late(since))
			stress_fail(0, "STALL: a reset does not end", vio_get(&d->v, VIO_STATUS));
	d->resets++;
}

/* As vio_queue_make() has made it, in the same memory. */
static void ring_renew(const struct vio *v, struct vio_queue *q)
{
	__builtin_memset((void *)q->desc, 0, 16ull * q->size);
	__builtin_memset((void *)q->avail, 0, 6 + 2ull * q->size);
	__builtin_memset((void *)q->used, 0, 6 + 8ull * q->size);
	for (uint16_t i = 0; i < q->size; i++)
		q->desc[i].next = (uint16_t)(i + 1);
	q->free_head = q->avail_idx = q->used_idx = q->kicked_idx = 0;
	q->free_count = q->size;
	q->event_idx = v->features & VIO_BIT(VIRTIO_RING_F_EVENT_IDX);
	vio_want_interrupts(q, false);
}

/* Queues of a processor interrupt it: those of the disk one each, those of the card two. */
static void interrupts_on(const struct device *d)
{
	unsigned int each = d->queues / CPUS;

	vio_msix_set(&d->v, CONFIG_ENTRY, VECTOR_CONFIG, false);
	write16(d->v.common + VIRTIO_PCI_COMMON_MSIX, CONFIG_ENTRY);
	for (uint16_t i = 0; i < each * CPUS; i++) {
		unsigned int cpu = i / each, entry = FIRST_ENTRY + i;

		vio_msix_set(&d->v, entry, d->vector + cpu, false);
		write32(d->v.msix + entry * PCI_MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_LOWER_ADDR,
			VIO_MSI_ADDRESS | cpu << 12);
		if (vio_queue_vector(&d->v, i, (uint16_t)entry) != entry)
			stress_fail(0, "no vector for queue", i);
	}
	vio_msix_enable(&d->v, true);
}

/* Up to DRIVER_OK. */
static void set_up(struct device *d, struct vio_queue *rings, uint64_t random)
{
	if (!vio_negotiate(&d->v, d->features | (d->maybe & random)))
		stress_fail(0, "no agreement about features", d->v.features);
	if ((d->v.features & d->features) != d->features)
		stress_fail(0, "features are missing", d->features & ~d->v.features);
	for (unsigned int i = 0; i < d->queues; i++) {
		ring_renew(&d->v, &rings[i]);
		vio_queue_enable(&d->v, &rings[i]);
	}
	interrupts_on(d);
	vio_add_status(&d->v, VIRTIO_CONFIG_S_DRIVER_OK);
}

/* What a driver may do that changes its mind, and what must change nothing: the device has begun to read all of this. */
static void disturb_start(struct device *d, struct vio_queue *rings, uint64_t random)
{
	if (!(random % DISTURBED_OF)) {
		await_reset(d);
		set_up(d, rings, random);
	}
	if (!(random / DISTURBED_OF % DISTURBED_OF))
		for (unsigned int i = 0; i < d->queues; i++)
			vio_queue_enable(&d->v, &rings[i]);
}

void device_start(struct device *d, uint64_t *seed)
{
	struct vio_queue *rings = device_rings(d, d->life / 2 + 1);
	uint64_t random = random_next(seed);

	set_up(d, rings, random);
	disturb_start(d, rings, random_next(seed) >> 32);
	if (vio_needs_reset(&d->v))
		stress_fail(0, "a device that was just started needs a reset", 0);
	if (d->started)
		d->started(rings, seed);
	d->due = user_ticks() + random_next(seed) % (2 * d->period_ms * user_ticks_per_ms);
	__atomic_store_n(&d->life, (d->life / 2 + 1) * 2, __ATOMIC_RELEASE);
	__atomic_store_n(&d->owner, 0, __ATOMIC_RELEASE);
}

enum look device_look(struct device *d, struct use *u)
{
	uint32_t life = __atomic_load_n(&d->life, __ATOMIC_ACQUIRE), epoch = life / 2;
	bool seen = u->epoch == epoch, taken = life & 1;

	if (taken && seen)
		return u->away ? LOOK_WAIT : LOOK_LEAVE;
	if (!taken && seen)
		return LOOK_USE;
	u->epoch = epoch;
	u->away = false;
	if (!taken)
		return LOOK_NEW;
	/* It has come and gone while this processor did not run. */
	device_leave(d, u);
	return LOOK_WAIT;
}

void device_leave(struct device *d, struct use *u)
{
	u->away = true;
	__atomic_add_fetch(&d->away, 1, __ATOMIC_RELEASE);
}

static bool settles(const struct device *d)
{
	return !(d->life / 2 % SETTLES_OF);
}

bool device_settles(const struct device *d)
{
	return settles(d) && user_ticks() > d->due;
}

void device_settled(struct device *d, struct use *u)
{
	if (u->settled == u->epoch)
		return;
	u->settled = u->epoch;
	__atomic_add_fetch(&d->settled, 1, __ATOMIC_RELEASE);
}

static bool is_due(const struct device *d)
{
	return user_ticks() > d->due &&
	       (!settles(d) || __atomic_load_n(&d->settled, __ATOMIC_ACQUIRE) == CPUS);
}

/* While all others use it. */
static void take_away(struct device *d, uint64_t *seed)
{
	bool unbind = random_next(seed) >> 63;

	d->since = user_ticks();
	d->settles += settles(d);
	d->settled = 0;
	if (unbind)
		vio_msix_enable(&d->v, false);
	await_reset(d);
	if (unbind) {
		/* Their notifications go nowhere now. */
		write16(d->v.function + PCI_COMMAND, 0);
		for (unsigned int i = 0; i < UNBOUND_READS; i++)
			read32(d->v.common);
		write16(d->v.function + PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
		d->unbinds++;
	}
	__atomic_store_n(&d->life, d->life + 1, __ATOMIC_RELEASE);
}

void device_drive(struct device *d, unsigned int cpu, uint64_t *seed)
{
	uint32_t nobody = 0;

	if (d->owner == cpu + 1) {
		if (__atomic_load_n(&d->away, __ATOMIC_ACQUIRE) == CPUS) {
			d->away = 0;
			device_start(d, seed);
		} else if (stress_late(d->since)) {
			stress_fail(cpu, "STALL: processors that have left a device", d->away);
		}
	} else if (is_due(d) && __atomic_compare_exchange_n(&d->owner, &nobody, cpu + 1, false,
							    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
		/* Somebody else may just have done so. */
		if (is_due(d))
			take_away(d, seed);
		else
			__atomic_store_n(&d->owner, 0, __ATOMIC_RELEASE);
	}
}

void device_mask(const struct device *d, unsigned int index, bool masked)
{
	uint64_t entry = d->v.msix + (FIRST_ENTRY + index) * PCI_MSIX_ENTRY_SIZE;

	write32(entry + PCI_MSIX_ENTRY_VECTOR_CTRL, masked);
}

void device_read_registers(struct device *d, uint64_t *seed)
{
	uint64_t random = random_next(seed);

	switch (random >> 62) {
	case 0:
		vio_get(&d->v, VIO_STATUS);
		break;
	case 1:
		vio_get(&d->v, VIO_GENERATION);
		break;
	case 2:
		/* What changes is in the first two words. */
		read32(d->v.config + (random & (random & 1 ? 4 : 0x3c)));
		break;
	default:
		read8(d->v.isr);
	}
}
