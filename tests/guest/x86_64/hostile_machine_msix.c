// SPDX-License-Identifier: Apache-2.0
/* Violations of MSI-X. See ../hostile_machine_list.h. */
#include "cpu.h"
#include "hostile_machine.h"

enum { ENTRY = 1, CONTROL = PCI_MSIX_FLAGS };

static uint64_t control(void)
{
	return h.v->function + h.v->msix_capability + CONTROL;
}

static unsigned int entries(void)
{
	return (read16(control()) & PCI_MSIX_FLAGS_QSIZE) + 1u;
}

static uint64_t entry_at(unsigned int entry)
{
	return h.v->msix + (uint64_t)entry * PCI_MSIX_ENTRY_SIZE;
}

static uint64_t pending_at(void)
{
	uint64_t capability = h.v->function + h.v->msix_capability;
	uint32_t table = read32(capability + PCI_MSIX_TABLE);
	uint32_t pending = read32(capability + PCI_MSIX_PBA);

	return h.v->msix - (table & PCI_MSIX_TABLE_OFFSET) + (pending & PCI_MSIX_PBA_OFFSET);
}

static uint32_t came(void)
{
	return cpu_interrupts[VECTOR_DEVICE];
}

/* Interrupts of the queue, by entry 1. Addresses and data count from the next unmasking on (PCI 3.0, 6.8.2). */
static void interrupts_on(void)
{
	vio_msix_enable(h.v, true);
	write32(entry_at(ENTRY) + PCI_MSIX_ENTRY_VECTOR_CTRL, 1);
	for (unsigned int i = 0; i < entries(); i++)
		vio_msix_set(h.v, i, VECTOR_DEVICE, i != ENTRY);
	vio_queue_vector(h.v, h.q->index, ENTRY);
	vio_want_interrupts(h.q, true);
}

/* A request whose interrupt comes, or does not within a moment. */
static bool request_interrupts(void)
{
	uint32_t before = came();
	uint64_t end;

	vio_want_interrupts(h.q, true);
	if (request(VIRTIO_BLK_T_IN, 0, READ_BYTES) != PASS)
		want("request", 0, 1);
	for (end = hostile_deadline(SILENCE_MS); came() == before && rdtsc() < end;)
		;
	return came() != before;
}

static bool interrupt_comes(uint32_t before)
{
	uint64_t end = hostile_deadline(ANSWER_MS);

	while (came() == before && rdtsc() < end)
		;
	return came() != before;
}

/* As before: interrupts come. */
static enum verdict interrupts_still_come(void)
{
	uint32_t before = came();

	interrupts_on();
	vio_want_interrupts(h.q, true);
	if (request(VIRTIO_BLK_T_IN, 0, READ_BYTES) != PASS || !interrupt_comes(before))
		return FAIL;
	return nothing_wrong();
}

static enum verdict load_and_interrupts(void)
{
	vio_kick_always(h.q);
	return load_ends() == PASS ? interrupts_still_come() : FAIL;
}

enum verdict v_msix_table_edges(void)
{
	unsigned int count = entries();

	touch_all_widths(entry_at(0), 16, false);
	touch_all_widths(entry_at(count - 1), 16, false);
	touch_all_widths(entry_at(count), 32, false);
	touch_all_widths(entry_at(count), 32, true);
	touch_all_widths(pending_at(), 8, false);
	touch_all_widths(pending_at(), 8, true);
	touch_all_widths(pending_at() + count / 8, 16, true);
	touch_all_widths(entry_at(count - 1), 16, true);
	return interrupts_still_come();
}

enum verdict v_msix_across_end(void)
{
	uint64_t end = (pending_at() | 0xfff) + 1;

	for (unsigned int i = 1; i < 8; i++) {
		read64(end - i);
		read32(end - i);
		write64(end - i, UINT64_MAX);
		write32(end - i, UINT32_MAX);
		read64(entry_at(0) - i);
		write64(entry_at(0) - i, 0);
	}
	return interrupts_still_come();
}

enum verdict v_msix_addresses(void)
{
	uint64_t places[] = { 0,           0x1000,        (uint64_t)h.data, IOL_X86_ECAM,
			      h.v->common, 0xd0000000,    0xfec00000,       0xfeefffff & ~3ull,
			      NOWHERE,     UINT64_MAX - 3 };

	interrupts_on();
	for (unsigned int i = 0; i < ITEMS(places); i++) {
		write32(entry_at(ENTRY) + PCI_MSIX_ENTRY_VECTOR_CTRL, 1);
		write32(entry_at(ENTRY), (uint32_t)places[i]);
		write32(entry_at(ENTRY) + 4, (uint32_t)(places[i] >> 32));
		/* A processor that does not exist, should the address be taken for an APIC's. */
		write32(entry_at(ENTRY) + PCI_MSIX_ENTRY_DATA, VECTOR_DEVICE);
		write32(entry_at(ENTRY) + PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
		if (request(VIRTIO_BLK_T_IN, 0, READ_BYTES) != PASS)
			want("request", i, UINT64_MAX);
	}
	return interrupts_still_come();
}

enum verdict v_msix_modes(void)
{
	interrupts_on();
	for (unsigned int mode = 0; mode < 8; mode++)
		for (unsigned int vector = 0; vector < 256; vector += 15) {
			write32(entry_at(ENTRY) + PCI_MSIX_ENTRY_VECTOR_CTRL, 1);
			write32(entry_at(ENTRY), 0xfee00000 | 0x55 << 12 | (mode & 1) << 3);
			write32(entry_at(ENTRY) + 4, mode & 2 ? 0xffffff00 : 0);
			write32(entry_at(ENTRY) + PCI_MSIX_ENTRY_DATA, mode << 8 | vector | 0xc000);
			write32(entry_at(ENTRY) + PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
			if (request(VIRTIO_BLK_T_IN, 0, READ_BYTES) != PASS)
				want("request", mode, UINT64_MAX);
		}
	return interrupts_still_come();
}

enum verdict v_msix_mask_storm(void)
{
	interrupts_on();
	load();
	for (unsigned int i = 0; i < 1000; i++)
		write32(entry_at(ENTRY) + PCI_MSIX_ENTRY_VECTOR_CTRL, ~i & 1);
	return load_and_interrupts();
}

static void function_mask(bool masked)
{
	write16(control(), PCI_MSIX_FLAGS_ENABLE | (masked ? PCI_MSIX_FLAGS_MASKALL : 0));
}

enum verdict v_msix_function_mask(void)
{
	uint32_t before;

	interrupts_on();
	function_mask(true);
	want("interrupt though masked", request_interrupts(), false);
	want("pending", read32(pending_at()) >> ENTRY & 1, 1);
	before = came();
	function_mask(false);
	want("interrupt when unmasked", interrupt_comes(before), true);
	want("pending", read32(pending_at()), 0);
	return interrupts_still_come();
}

enum verdict v_msix_function_mask_storm(void)
{
	interrupts_on();
	load();
	for (unsigned int i = 0; i < 500; i++)
		function_mask(!(i & 1));
	return load_and_interrupts();
}

enum verdict v_msix_entry_pending(void)
{
	uint32_t before;

	interrupts_on();
	write32(entry_at(ENTRY) + PCI_MSIX_ENTRY_VECTOR_CTRL, 1);
	want("interrupt though masked", request_interrupts(), false);
	want("pending", read32(pending_at()) >> ENTRY & 1, 1);
	before = came();
	write32(entry_at(ENTRY) + PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
	want("interrupt when unmasked", interrupt_comes(before), true);
	return interrupts_still_come();
}

enum verdict v_msix_off_pending(void)
{
	interrupts_on();
	function_mask(true);
	request_interrupts();
	vio_msix_enable(h.v, false);
	vio_want_interrupts(h.q, false);
	request(VIRTIO_BLK_T_IN, 0, READ_BYTES);
	return interrupts_still_come();
}

enum verdict v_msix_control_junk(void)
{
	unsigned int count = entries();
	uint64_t at = control();

	for (unsigned int i = 0; i < 256; i++) {
		write8(at, (uint8_t)i);
		write8(at + 1, (uint8_t)(i * 85));
		write16(at, (uint16_t)(i * 257));
		write32(at - 2, i * 0x01010101u);
	}
	want("entries", entries(), count);
	return interrupts_still_come();
}

enum verdict v_msix_places_written(void)
{
	uint64_t capability = h.v->function + h.v->msix_capability;
	uint32_t table = read32(capability + PCI_MSIX_TABLE);
	uint32_t pending = read32(capability + PCI_MSIX_PBA);

	write32(capability + PCI_MSIX_TABLE, ~table);
	write32(capability + PCI_MSIX_PBA, ~pending);
	write16(capability, 0);
	want("table", read32(capability + PCI_MSIX_TABLE), table);
	want("pending bits", read32(capability + PCI_MSIX_PBA), pending);
	return interrupts_still_come();
}

enum verdict v_msix_bar_moved(void)
{

	bars_save();
	interrupts_on();
	for (unsigned int i = 0; i < 15; i++) {
		load();
		bars_set(0xdc000000 + 0x100000 * i);
		write32(entry_at(ENTRY) + PCI_MSIX_ENTRY_VECTOR_CTRL, 1);
		bars_restore();
		vio_kick_always(h.q);
		if (load_ends() != PASS)
			want("load", i, UINT64_MAX);
	}
	want("address", read32(entry_at(ENTRY)), 0xfee00000);
	want("data", read32(entry_at(ENTRY) + PCI_MSIX_ENTRY_DATA), VECTOR_DEVICE);
	return interrupts_still_come();
}

enum verdict v_msix_same_vector(void)
{
	vio_msix_enable(h.v, true);
	for (unsigned int i = 0; i < entries(); i++)
		vio_msix_set(h.v, i, VECTOR_DEVICE, false);
	write16(h.v->common + 16, 0); /* the configuration's */
	vio_queue_vector(h.v, h.q->index, 0);
	vio_want_interrupts(h.q, true);
	load();
	return load_and_interrupts();
}

enum verdict v_msix_rewritten(void)
{
	uint64_t seed = 29;

	interrupts_on();
	load();
	for (unsigned int i = 0; i < 1000; i++) {
		uint32_t random = (uint32_t)random_next(&seed);

		/* To a processor that does not exist, or ours with our vector. */
		write32(entry_at(ENTRY), random & 1 ? 0xfee00000 : 0xfee55000);
		write32(entry_at(ENTRY) + PCI_MSIX_ENTRY_DATA, VECTOR_DEVICE);
		if (i % 8 == 0)
			write32(entry_at(ENTRY) + PCI_MSIX_ENTRY_VECTOR_CTRL, i >> 3 & 1);
	}
	return load_and_interrupts();
}
