// SPDX-License-Identifier: Apache-2.0
/* Violations by register accesses, common and of PCI, of any device. See ../hostile_device_list.h. */
#include "hostile.h"

#include <linux/pci_regs.h>
#include <linux/virtio_mmio.h>
#define VIRTIO_PCI_NO_LEGACY
#include <linux/virtio_pci.h>

enum { BARS = 6, STORM = 2000 };

/* Whatever comes, the device is to serve a request afterwards; what is read is of no interest. */
static void read_all_widths(uint64_t at, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++) {
		read8(at + i);
		read16(at + i);
		read32(at + i);
		read64(at + i);
	}
}

static enum verdict works_and_load_ends(void)
{
	return load_ends() == PASS ? still_works() : FAIL;
}

/* --- notifications --- */

static void notify(uint32_t queue)
{
	if (h.v->mmio)
		write32(h.v->notify, queue);
	else
		write16(h.q->notify, (uint16_t)queue);
}

enum verdict v_notify_missing(void)
{
	static const uint32_t queues[] = {
		1, 2, 31, 32, 33, 64, 0x7fff, 0x8000, 0xffff, 0x10000, 0x80000000, UINT32_MAX
	};

	for (unsigned int i = 0; i < sizeof(queues) / sizeof(queues[0]); i++)
		notify(queues[i]);
	for (unsigned int i = 1; i < 40 && !h.v->mmio; i++)
		write16(h.v->notify + i * h.v->notify_multiplier, (uint16_t)i);
	return still_works();
}

enum verdict v_notify_storm(void)
{
	for (unsigned int i = 0; i < STORM; i++)
		vio_kick_always(h.q);
	return still_works();
}

enum verdict v_notify_storm_in_flight(void)
{
	load();
	for (unsigned int i = 0; i < 200; i++)
		vio_kick_always(h.q);
	return works_and_load_ends();
}

enum verdict v_notify_widths(void)
{
	write8(h.q->notify, 0);
	write16(h.q->notify, 0);
	write32(h.q->notify, 0);
	write64(h.q->notify, 0);
	write8(h.q->notify + 1, 0xff);
	write16(h.q->notify + 1, 0xffff);
	return still_works();
}

enum verdict v_notify_read(void)
{
	read_all_widths(h.v->notify, 16);
	return still_works();
}

/* --- configuration and interrupt status --- */

enum verdict v_config_beyond(void)
{
	if (!h.v->config)
		return still_works();
	for (unsigned int i = h.config_bytes; i < 256; i++) {
		write8(h.v->config + i, 0xff);
		read_all_widths(h.v->config + i, 1);
	}
	return still_works();
}

enum verdict v_config_read_only(void)
{
	uint32_t before;

	if (!h.v->config)
		return still_works();
	before = read32(h.v->config);
	write32(h.v->config, UINT32_MAX);
	write8(h.v->config, 0);
	write16(h.v->config + 2, 0xffff);
	write64(h.v->config, UINT64_MAX);
	return read32(h.v->config) == before ? still_works() : FAIL;
}

enum verdict v_config_widths(void)
{
	read_all_widths(h.v->config, h.config_bytes);
	return still_works();
}

enum verdict v_isr_storm(void)
{
	load();
	for (unsigned int i = 0; i < 1000; i++)
		read8(h.v->isr);
	for (unsigned int i = 0; i < 100; i++)
		write32(h.v->isr, UINT32_MAX);
	return works_and_load_ends();
}

static unsigned int register_bytes(void)
{
	return h.v->mmio ? VIRTIO_MMIO_CONFIG : sizeof(struct virtio_pci_common_cfg);
}

enum verdict v_registers_widths(void)
{
	read_all_widths(h.v->common, register_bytes());
	return still_works();
}

enum verdict v_registers_beyond(void)
{
	uint64_t at = h.v->common + register_bytes();

	/* MMIO has the configuration space next: that is another violation. */
	if (h.v->mmio)
		at = h.v->common + VIRTIO_MMIO_QUEUE_USED_HIGH + 4;
	for (unsigned int i = 0; i < 32; i++) {
		read_all_widths(at + i, 1);
		write8(at + i, 0xff);
	}
	return still_works();
}

enum verdict v_registers_read_only(void)
{
	uint64_t features = vio_offered(h.v);

	vio_set(h.v, VIO_DEVICE_FEATURES, UINT32_MAX);
	vio_set(h.v, VIO_GENERATION, UINT32_MAX);
	if (h.v->mmio) {
		write32(h.v->common + VIRTIO_MMIO_MAGIC_VALUE, 0);
		write32(h.v->common + VIRTIO_MMIO_VERSION, 0);
		write32(h.v->common + VIRTIO_MMIO_DEVICE_ID, 0);
		write32(h.v->common + VIRTIO_MMIO_QUEUE_NUM_MAX, 0);
	} else {
		write16(h.v->common + VIRTIO_PCI_COMMON_NUMQ, 0xffff);
		write16(h.v->common + VIRTIO_PCI_COMMON_Q_NOFF, 0xffff);
	}
	return vio_offered(h.v) == features ? still_works() : FAIL;
}

enum verdict v_ack_junk(void)
{
	for (unsigned int i = 0; i < 32; i++)
		write32(h.v->common + VIRTIO_MMIO_INTERRUPT_ACK, UINT32_MAX << i);
	return still_works();
}

enum verdict v_shared_memory(void)
{
	for (uint32_t i = 0; i < 8; i++) {
		write32(h.v->common + 0xac, i * 37);
		read_all_widths(h.v->common + 0xb0, 16);
	}
	return still_works();
}

/* --- MSI-X --- */

enum verdict v_msix_junk(void)
{
	uint64_t seed = 5;

	for (unsigned int i = 0; i < 2; i++) {
		vio_msix_set(h.v, i, 0, true);
		write32(h.v->msix + 16 * i, (uint32_t)random_next(&seed));
		write32(h.v->msix + 16 * i + 4, (uint32_t)random_next(&seed));
		write32(h.v->msix + 16 * i + 8, (uint32_t)random_next(&seed));
	}
	vio_msix_enable(h.v, true);
	vio_queue_vector(h.v, h.q->index, 1);
	write32(h.v->msix + 12, 0);
	write32(h.v->msix + 16 + 12, 0);
	vio_want_interrupts(h.q, true);
	load();
	return works_and_load_ends();
}

enum verdict v_msix_vector_far(void)
{
	vio_msix_enable(h.v, true);
	for (uint16_t entry = 0x7ff; entry >= 128; entry /= 2)
		if (vio_queue_vector(h.v, h.q->index, entry) != VIRTIO_MSI_NO_VECTOR)
			return FAIL;
	vio_want_interrupts(h.q, true);
	return still_works();
}

enum verdict v_msix_config_vector_far(void)
{
	vio_msix_enable(h.v, true);
	write16(h.v->common + VIRTIO_PCI_COMMON_MSIX, 0x7ff);
	if (read16(h.v->common + VIRTIO_PCI_COMMON_MSIX) != VIRTIO_MSI_NO_VECTOR)
		return FAIL;
	return still_works();
}

static uint64_t msix_pending(void)
{
	uint32_t pba = read32(h.v->function + h.v->msix_capability + PCI_MSIX_PBA);
	uint32_t table = read32(h.v->function + h.v->msix_capability + PCI_MSIX_TABLE);

	return h.v->msix + (pba & PCI_MSIX_PBA_OFFSET) - (table & PCI_MSIX_TABLE_OFFSET);
}

enum verdict v_msix_pending_written(void)
{
	uint64_t at = msix_pending();

	write64(at, UINT64_MAX);
	write32(at, UINT32_MAX);
	vio_msix_enable(h.v, true);
	return read32(at) ? FAIL : still_works();
}

enum verdict v_msix_widths(void)
{
	read_all_widths(h.v->msix, 32);
	read_all_widths(h.v->msix + 4096 - 16, 16);
	read_all_widths(msix_pending(), 16);
	for (unsigned int i = 0; i < 16; i++) {
		write8(h.v->msix + i, 0xff);
		write16(h.v->msix + i, 0xffff);
		write64(h.v->msix + i, UINT64_MAX);
		write32(h.v->msix + 4096 - 4 * i - 4, UINT32_MAX);
	}
	return still_works();
}

enum verdict v_msix_storm(void)
{
	vio_msix_set(h.v, 0, 0x33, false);
	vio_msix_set(h.v, 1, 0x33, true);
	vio_queue_vector(h.v, h.q->index, 1);
	vio_want_interrupts(h.q, true);
	load();
	for (unsigned int i = 0; i < 100; i++) {
		vio_msix_enable(h.v, i & 1);
		write32(h.v->msix + 16 + 12, i >> 1 & 1);
	}
	vio_msix_set(h.v, 1, 0x33, true);
	return works_and_load_ends();
}

/* --- the configuration access capability --- */

static void cap_access(uint8_t bar, uint32_t offset, uint32_t len)
{
	uint64_t cap = h.v->function + h.v->pci_cfg_capability;
	uint64_t data = cap + sizeof(struct virtio_pci_cap);

	write8(cap + VIRTIO_PCI_CAP_BAR, bar);
	write32(cap + VIRTIO_PCI_CAP_OFFSET, offset);
	write32(cap + VIRTIO_PCI_CAP_LENGTH, len);
	read32(data);
	read16(data);
	read8(data);
	write32(data, UINT32_MAX);
	write16(data, 0xffff);
	write8(data, 0xff);
}

/* The BAR of the common configuration, and where in it that is. */
static uint8_t common_bar(uint32_t *offset)
{
	for (uint8_t i = 0; i < BARS; i++) {
		uint64_t bar = read32(h.v->function + PCI_BASE_ADDRESS_0 + 4u * i) & ~0xfu;

		*offset = (uint32_t)(h.v->common - bar);
		if (bar && h.v->common >= bar && *offset < 0x8000)
			return i;
	}
	return 0;
}

enum verdict v_cap_bar(void)
{
	static const uint8_t bars[] = { 5, 6, 7, 8, 0x7f, 0x80, 0xff };

	for (unsigned int i = 0; i < sizeof(bars); i++)
		for (uint32_t len = 1; len <= 4; len *= 2)
			cap_access(bars[i], 0, len);
	return still_works();
}

enum verdict v_cap_offset(void)
{
	static const uint32_t offsets[] = { 0x4000,     0x8000,     0x100000,  0x7ffffffc,
					    0x80000000, 0xfffff000, 0xfffffffc };
	uint32_t at;
	uint8_t bar = common_bar(&at);

	for (unsigned int i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++)
		for (uint32_t len = 1; len <= 4; len *= 2)
			cap_access(bar, offsets[i], len);
	return still_works();
}

enum verdict v_cap_length(void)
{
	static const uint32_t lengths[] = { 0, 3, 5, 8, 255, 0x80000000, UINT32_MAX };
	uint32_t at;
	uint8_t bar = common_bar(&at);

	for (unsigned int i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		cap_access(bar, at + VIRTIO_PCI_COMMON_DFSELECT, lengths[i]);
	return still_works();
}

enum verdict v_cap_unaligned(void)
{
	uint32_t at;
	uint8_t bar = common_bar(&at);

	for (uint32_t i = 1; i < 4; i++) {
		cap_access(bar, at + VIRTIO_PCI_COMMON_DF + i, 4);
		cap_access(bar, at + VIRTIO_PCI_COMMON_DF + i, 2);
	}
	return still_works();
}

enum verdict v_cap_notify(void)
{
	uint32_t at;
	uint8_t bar = common_bar(&at);

	at += (uint32_t)(h.v->notify - h.v->common);
	for (uint32_t i = 0; i < 100; i++)
		cap_access(bar, at + i % 8 * 4, i & 1 ? 4 : 2);
	return still_works();
}

/* --- BARs and command --- */

static void set_bars(uint32_t place)
{
	for (unsigned int i = 0; i < BARS; i++)
		write32(h.v->function + PCI_BASE_ADDRESS_0 + 4 * i, place);
}

static uint32_t old_bars[BARS];

static void save_bars(void)
{
	for (unsigned int i = 0; i < BARS; i++)
		old_bars[i] = read32(h.v->function + PCI_BASE_ADDRESS_0 + 4 * i);
}

static void restore_bars(void)
{
	for (unsigned int i = 0; i < BARS; i++)
		write32(h.v->function + PCI_BASE_ADDRESS_0 + 4 * i, old_bars[i]);
}

/* Elsewhere for a moment, with requests in flight. */
static enum verdict bars_elsewhere(uint32_t place)
{
	save_bars();
	load();
	set_bars(place);
	write16(h.q->notify, 0);
	read32(place + 0x10);
	restore_bars();
	return works_and_load_ends();
}

enum verdict v_bar_moved(void)
{
	for (uint32_t place = 0xdc000000; place < 0xdd000000; place += 0x200000)
		if (bars_elsewhere(place) != PASS)
			return FAIL;
	return PASS;
}

enum verdict v_bar_over_ram(void)
{
	uint64_t address = VIO_ARENA + VIO_ARENA_BYTES;

	return bars_elsewhere((uint32_t)address);
}

enum verdict v_bar_over_other(void)
{
	enum verdict verdict = bars_elsewhere((uint32_t)(h.other->common & ~UINT64_C(0x3fff)));

	/* Its requests go to the right one. */
	return verdict == PASS && vio_get(h.other, VIO_STATUS) == ALL_STATUS ? PASS : FAIL;
}

enum verdict v_bar_over_apic(void)
{
	static const uint32_t places[] = { VIO_INTERRUPTS_0, VIO_INTERRUPTS_1, VIO_ECAM,
					   0xfffff000 };

	for (unsigned int i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (bars_elsewhere(places[i]) != PASS)
			return FAIL;
	return PASS;
}

enum verdict v_bar_sized(void)
{
	save_bars();
	load();
	for (unsigned int i = 0; i < 20; i++) {
		set_bars(UINT32_MAX);
		restore_bars();
	}
	return works_and_load_ends();
}

static void set_command(uint16_t command)
{
	write16(h.v->function + PCI_COMMAND, command);
}

enum verdict v_decoding_off(void)
{
	load();
	set_command(PCI_COMMAND_MASTER);
	write16(h.q->notify, 0);
	if (read8(vio_address(h.v, VIO_STATUS)) != 0xff)
		return FAIL;
	set_command(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	return works_and_load_ends();
}

enum verdict v_master_off(void)
{
	load();
	set_command(PCI_COMMAND_MEMORY);
	write16(h.q->notify, 0);
	silent();
	set_command(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	/* The device may have stopped: QEMU takes DRIVER_OK back. */
	return vio_get(h.v, VIO_STATUS) == ALL_STATUS ? works_and_load_ends() : REJECT;
}

enum verdict v_command_junk(void)
{
	load();
	for (unsigned int i = 0; i < 100; i++)
		set_command(i & 1 ? 0 : 0xffff);
	set_command(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	return vio_get(h.v, VIO_STATUS) == ALL_STATUS ? works_and_load_ends() : REJECT;
}

enum verdict v_pci_config_junk(void)
{
	uint64_t seed = 13;

	load();
	for (unsigned int round = 0; round < 8; round++)
		for (unsigned int i = 0; i < 256; i += 4)
			write32(h.v->function + i,
				round ? (uint32_t)random_next(&seed) : UINT32_MAX);
	return PASS; /* that the device comes back is what counts */
}
