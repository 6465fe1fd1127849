// SPDX-License-Identifier: Apache-2.0
/*
 * Several processors at one device, see ../hostile_machine_list.h. The others run at CPL 0, each the same
 * job again and again until they are told to stop; the first one does its part at CPL 3 meanwhile.
 */
#include "ap.h"
#include "cpu.h"
#include "hostile_machine.h"

#define VIRTIO_PCI_NO_LEGACY
#include <linux/virtio_pci.h>

enum {
	VECTOR_WAKE = 0x32,
	ROUNDS = 120, /* of the first processor */
	OTHERS_MAX = 3,
	START_MS = 20000,
	JOB_BATCH = 8,
};

static void (*volatile job_of_all)(unsigned int number, uint64_t *seed);
static volatile bool started;
static volatile uint32_t here, busy;

static unsigned int others(void)
{
	unsigned int cpus = (unsigned int)option_number("cpus", 0, 1);

	return cpus - 1 < OTHERS_MAX ? cpus - 1 : OTHERS_MAX;
}

void ap_main(uint32_t number)
{
	uint64_t seed = 0x9e3779b97f4a7c15 * (number + 1);

	cpu_load_idt();
	lapic_on();
	__atomic_add_fetch(&here, 1, __ATOMIC_SEQ_CST);
	for (;;) {
		void (*job)(unsigned int, uint64_t *);

		__atomic_add_fetch(&busy, 1, __ATOMIC_SEQ_CST);
		while ((job = job_of_all) != NULL)
			for (unsigned int i = 0; i < JOB_BATCH; i++)
				job(number + 1, &seed);
		__atomic_sub_fetch(&busy, 1, __ATOMIC_SEQ_CST);
		__asm__ volatile("sti; hlt; cli");
	}
}

static bool await(const volatile uint32_t *what, uint32_t value)
{
	uint64_t end = hostile_deadline(START_MS);

	while (*what != value && rdtsc() < end)
		__asm__ volatile("pause");
	return *what == value;
}

bool others_start(void)
{
	uint8_t *to = (uint8_t *)AP_TRAMPOLINE;

	if (started)
		return true;
	for (const uint8_t *from = ap_trampoline; from < ap_trampoline_end;)
		*to++ = *from++;
	for (uint32_t id = 1; id <= others(); id++) {
		lapic_send(id, LAPIC_ICR_INIT | LAPIC_ICR_ASSERT);
		lapic_send(id, LAPIC_ICR_STARTUP | LAPIC_ICR_ASSERT | AP_TRAMPOLINE >> 12);
	}
	started = await(&here, others());
	return started;
}

bool others_run(void (*job)(unsigned int number, uint64_t *seed))
{
	uint64_t end = hostile_deadline(START_MS);

	if (!others_start())
		return false;
	job_of_all = job;
	do {
		for (uint32_t id = 1; id <= others(); id++)
			lapic_send(id, LAPIC_ICR_ASSERT | VECTOR_WAKE);
		hostile_pause(1);
	} while (busy != others() && rdtsc() < end);
	return busy == others();
}

bool others_stop(void)
{
	job_of_all = NULL;
	return await(&busy, 0);
}

/* --- a race: the first processor's part ROUNDS times, against the others' --- */

static bool race(void (*job)(unsigned int number, uint64_t *seed),
		 void (*part)(unsigned int number, uint64_t *seed))
{
	uint64_t seed = 37;

	if (!others_run(job))
		return false;
	for (unsigned int i = 0; i < ROUNDS; i++)
		part(0, &seed);
	return others_stop();
}

/* Everything may have been; that the device comes back is what counts. */
static enum verdict race_then_anything(void (*job)(unsigned int number, uint64_t *seed),
				       void (*part)(unsigned int number, uint64_t *seed))
{
	return race(job, part) ? PASS : WEDGED;
}

/* Requests are served as if nothing had been. */
static enum verdict race_then_works(void (*job)(unsigned int number, uint64_t *seed),
				    void (*part)(unsigned int number, uint64_t *seed))
{
	return race(job, part) ? load_and_nothing_wrong() : WEDGED;
}

/* One load after the other, as fast as they end. */
static void load_if_ended(unsigned int number, uint64_t *seed)
{
	(void)number;
	(void)seed;
	h.q->used_idx = *(volatile uint16_t *)&h.q->used->idx;
	if (h.q->used_idx == h.q->avail_idx)
		load();
}

/* --- registers --- */

static void queue_registers(unsigned int number, uint64_t *seed)
{
	uint64_t random = random_next(seed);

	vio_set(h.v, VIO_QUEUE_SELECT, random >> 60 ? 0 : random & 0xffff);
	vio_set(h.v, VIO_QUEUE_SIZE, random & 0x100 ? Q_SIZE : random & 0xff);
	vio_set(h.v, VIO_QUEUE_DESC, random & 0x1000 ? (uint64_t)h.q->desc : random);
	vio_set(h.v, VIO_QUEUE_AVAIL, random & 0x2000 ? (uint64_t)h.q->avail : random);
	vio_set(h.v, VIO_QUEUE_USED, random & 0x4000 ? (uint64_t)h.q->used : random);
	vio_set(h.v, VIO_QUEUE_ENABLE, random >> 20 & 1);
	vio_get(h.v, VIO_QUEUE_SIZE);
	if (!number)
		vio_set(h.v, VIO_STATUS, random & 0x8000 ? 0 : random >> 32 & ALL_STATUS);
}

enum verdict v_race_queue_registers(void)
{
	vio_reset(h.v);
	return race_then_anything(queue_registers, queue_registers);
}

static void status_and_reset(unsigned int number, uint64_t *seed)
{
	uint64_t random = random_next(seed);

	(void)number;
	vio_set(h.v, VIO_STATUS, random & 3 ? random >> 8 & ALL_STATUS : 0);
	vio_get(h.v, VIO_STATUS);
	vio_set(h.v, VIO_STATUS, ALL_STATUS);
}

enum verdict v_race_status(void)
{
	load();
	return race_then_anything(status_and_reset, status_and_reset);
}

static void notify_only(unsigned int number, uint64_t *seed)
{
	(void)number;
	write16(h.q->notify, random_next(seed) & 7 ? 0 : (uint16_t)random_next(seed));
}

static void load_and_reset(unsigned int number, uint64_t *seed)
{
	(void)number;
	(void)seed;
	load();
	start_victim(h.features);
}

enum verdict v_race_notify_reset(void)
{
	return race_then_anything(notify_only, load_and_reset);
}

enum verdict v_race_notify(void)
{
	load();
	return race_then_works(notify_only, load_if_ended);
}

static void choose_features(unsigned int number, uint64_t *seed)
{
	uint64_t random = random_next(seed);

	(void)number;
	vio_set(h.v, VIO_DEVICE_FEATURES_SELECT, random & 3);
	vio_get(h.v, VIO_DEVICE_FEATURES);
	vio_set(h.v, VIO_DRIVER_FEATURES_SELECT, random >> 2 & 3);
	vio_set(h.v, VIO_DRIVER_FEATURES, random >> 32);
}

static void negotiate(unsigned int number, uint64_t *seed)
{
	(void)number;
	(void)seed;
	vio_reset(h.v);
	vio_negotiate(h.v, h.features);
	vio_add_status(h.v, VIRTIO_CONFIG_S_DRIVER_OK);
}

enum verdict v_race_features(void)
{
	return race_then_anything(choose_features, negotiate);
}

static void configuration(unsigned int number, uint64_t *seed)
{
	uint64_t random = random_next(seed), at = h.v->config + (random & 0x3f);

	(void)number;
	vio_get(h.v, VIO_GENERATION);
	if (random & 0x40)
		write8(at, (uint8_t)(random >> 8));
	else
		read32(at & ~3ull);
	vio_get(h.v, VIO_GENERATION);
}

enum verdict v_race_configuration(void)
{
	load();
	return race_then_works(configuration, configuration);
}

static void cap_window(unsigned int number, uint64_t *seed)
{
	uint64_t cap = h.v->function + h.v->pci_cfg_capability;
	uint64_t random = random_next(seed);

	(void)number;
	/* Reads: what two make of the window between them could be any register. */
	write8(cap + VIRTIO_PCI_CAP_BAR, (uint8_t)(random & 7));
	write32(cap + VIRTIO_PCI_CAP_OFFSET, (uint32_t)(random >> 8) & 0x7fff);
	write32(cap + VIRTIO_PCI_CAP_LENGTH, 1u << (random >> 32 & 3));
	read32(cap + sizeof(struct virtio_pci_cap));
}

enum verdict v_race_cap_window(void)
{
	load();
	return race_then_works(cap_window, cap_window);
}

static void isr(unsigned int number, uint64_t *seed)
{
	(void)number;
	(void)seed;
	read8(h.v->isr);
}

enum verdict v_race_isr(void)
{
	vio_want_interrupts(h.q, true);
	load();
	return race_then_works(isr, load_if_ended);
}

/* --- MSI-X --- */

static void interrupts_on(void)
{
	vio_msix_enable(h.v, true);
	vio_msix_set(h.v, 0, VECTOR_DEVICE, false);
	vio_msix_set(h.v, 1, VECTOR_DEVICE, false);
	vio_queue_vector(h.v, h.q->index, 1);
	vio_want_interrupts(h.q, true);
	load();
}

static void msix_table(unsigned int number, uint64_t *seed)
{
	uint64_t random = random_next(seed), entry = h.v->msix + PCI_MSIX_ENTRY_SIZE * (random & 1);

	(void)number;
	write32(entry + PCI_MSIX_ENTRY_VECTOR_CTRL, 1);
	/* The first processor's, or one that does not exist. */
	write32(entry, random & 2 ? 0xfee00000 : 0xfee55000);
	write32(entry + PCI_MSIX_ENTRY_DATA, VECTOR_DEVICE);
	write32(entry + PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
	read64(entry);
}

enum verdict v_race_msix_table(void)
{
	interrupts_on();
	return race_then_works(msix_table, load_if_ended);
}

static void msix_mask(unsigned int number, uint64_t *seed)
{
	uint64_t control = h.v->function + h.v->msix_capability + PCI_MSIX_FLAGS;
	uint64_t random = random_next(seed);

	if (number & 1)
		write32(h.v->msix + PCI_MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_VECTOR_CTRL, random & 1);
	else
		write16(control, random & 1 ? PCI_MSIX_FLAGS_ENABLE
					    : PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	read32(h.v->msix + 0x800);
}

enum verdict v_race_msix_mask(void)
{
	interrupts_on();
	return race_then_works(msix_mask, load_if_ended);
}

static void msix_off(unsigned int number, uint64_t *seed)
{
	(void)number;
	vio_msix_enable(h.v, random_next(seed) & 1);
}

enum verdict v_race_msix_off(void)
{
	interrupts_on();
	return race_then_works(msix_off, load_if_ended);
}

static void vectors(unsigned int number, uint64_t *seed)
{
	uint64_t random = random_next(seed);

	(void)number;
	vio_queue_vector(h.v, 0, (uint16_t)(random & 4 ? random & 1 : 0xffff));
	write16(h.v->common + VIRTIO_PCI_COMMON_MSIX, (uint16_t)(random >> 8 & 1));
}

enum verdict v_race_vectors(void)
{
	interrupts_on();
	return race_then_works(vectors, load_if_ended);
}

/* --- BARs --- */

static void bars_move(unsigned int number, uint64_t *seed)
{
	uint64_t random = random_next(seed);
	unsigned int bar = (unsigned int)(random % BARS);

	(void)number;
	write32(bar_register(bar),
		random & 0x100 ? 0 : 0xdc000000 | ((uint32_t)(random >> 16) & 0xf00000));
}

static void access(unsigned int number, uint64_t *seed)
{
	(void)number;
	(void)seed;
	read8(vio_address(h.v, VIO_STATUS));
	write16(h.q->notify, 0);
	read32(h.v->msix);
	read32(h.v->config);
}

enum verdict v_race_bar_move(void)
{
	bool ended;

	bars_save();
	load();
	ended = race(bars_move, access);
	bars_restore();
	return ended ? load_and_nothing_wrong() : WEDGED;
}

enum verdict v_race_bars_both(void)
{
	bool ended;

	bars_save();
	load();
	ended = race(bars_move, bars_move);
	bars_restore();
	return ended ? load_and_nothing_wrong() : WEDGED;
}

static void decoding(unsigned int number, uint64_t *seed)
{
	(void)number;
	command_set(random_next(seed) & 1 ? PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER
					  : PCI_COMMAND_MASTER);
}

enum verdict v_race_decoding(void)
{
	bool ended;

	load();
	ended = race(decoding, access);
	command_set(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	return ended ? load_and_nothing_wrong() : WEDGED;
}

/* --- rings --- */

static void scribble(unsigned int number, uint64_t *seed)
{
	uint64_t random = random_next(seed);
	volatile struct vring_desc *desc = &h.q->desc[random % Q_SIZE];

	(void)number;
	switch (random >> 8 & 7) {
	case 0:
		desc->addr = random & 0x1000 ? (uint64_t)h.data : NOWHERE;
		break;
	case 1:
		desc->len = random >> 16 & 0xfff;
		break;
	case 2:
		desc->flags = (uint16_t)(random >> 16 & 7);
		break;
	case 3:
		desc->next = (uint16_t)(random >> 16 & (2 * Q_SIZE - 1));
		break;
	case 4:
		h.q->avail->ring[random >> 16 & (Q_SIZE - 1)] = (uint16_t)(random >> 32 & 0x7f);
		break;
	case 5:
		*(volatile uint16_t *)&h.q->avail->idx =
			(uint16_t)(h.q->avail->idx + (random >> 16 & 3));
		break;
	case 6:
		*(volatile uint16_t *)&h.q->used->idx = (uint16_t)(random >> 16);
		break;
	case 7:
		write16(h.q->notify, 0);
		break;
	}
}

static void request_made(unsigned int number, uint64_t *seed)
{
	(void)number;
	(void)seed;
	put_valid();
	vio_submit(h.q, 0);
	vio_kick_always(h.q);
}

enum verdict v_race_rings(void)
{
	load();
	if (!race(scribble, request_made))
		return WEDGED;
	return vio_needs_reset(h.v) ? REJECT : PASS;
}

enum verdict v_race_rings_reset(void)
{
	return race_then_anything(scribble, load_and_reset);
}

/* --- other devices --- */

static void conf1(unsigned int number, uint64_t *seed)
{
	uint64_t random = random_next(seed);

	(void)number;
	/* What one writes may go where another has pointed: at nothing but identities and what does not exist. */
	outl(IOL_X86_PCI_CONF1, 0x80000000 | ((uint32_t)random & 0xff0700));
	if (random & 0x1000000)
		outl(IOL_X86_PCI_CONF1 + 4, (uint32_t)(random >> 32));
	else
		inl(IOL_X86_PCI_CONF1 + 4);
}

static void ecam_read(unsigned int number, uint64_t *seed)
{
	(void)number;
	want("identity", read16(h.v->function + 4 * (random_next(seed) & 0)), 0x1af4);
}

enum verdict v_race_conf1(void)
{
	load();
	return race_then_works(conf1, ecam_read);
}

static void privileged(void (*code)(uint64_t))
{
	if (cpl())
		user_call(USER_PRIVILEGED, (uint64_t)code, 0);
	else
		code(0);
}

static uint64_t port_seed = 41;

static void uart_access(uint64_t unused)
{
	uint64_t random = random_next(&port_seed);
	uint16_t port = (uint16_t)(IOL_X86_COM2 + (random >> 16 & 7));

	(void)unused;
	if (random & 1)
		outb(port, (uint8_t)(random >> 24));
	else
		inb(port);
}

static void uart_race(unsigned int number, uint64_t *seed)
{
	(void)number;
	(void)seed;
	privileged(uart_access);
}

enum verdict v_race_uart(void)
{
	load();
	return race_then_works(uart_race, uart_race);
}

static void rtc_access(uint64_t unused)
{
	uint64_t random = random_next(&port_seed);

	(void)unused;
	outb(IOL_X86_RTC, (uint8_t)(random & 0x3f));
	if (random & 0x100)
		outb(IOL_X86_RTC + 1, (uint8_t)(random >> 24));
	else
		inb(IOL_X86_RTC + 1);
}

static void rtc_race(unsigned int number, uint64_t *seed)
{
	(void)number;
	(void)seed;
	privileged(rtc_access);
}

enum verdict v_race_rtc(void)
{
	load();
	return race_then_works(rtc_race, rtc_race);
}

static void small_access(uint64_t unused)
{
	uint64_t random = random_next(&port_seed);

	(void)unused;
	outb(IOL_X86_I8042 + 1, (uint8_t)random);
	inb(IOL_X86_I8042 + 1);
	outb(IOL_X86_I8042 + 4, (uint8_t)(random >> 8 & 0x7f));
	outb(IOL_X86_ACPI_PM, (uint8_t)(random >> 16 & 0x0c));
	inl(IOL_X86_ACPI_PM + 4);
	outb(IOL_X86_PVPANIC, (uint8_t)(random >> 24 & 0xfc));
	inb(IOL_X86_PVPANIC);
}

static void small_race(unsigned int number, uint64_t *seed)
{
	(void)number;
	(void)seed;
	privileged(small_access);
}

enum verdict v_race_small_devices(void)
{
	load();
	return race_then_works(small_race, small_race);
}

static void hole_race(unsigned int number, uint64_t *seed)
{
	uint64_t at = IOL_X86_ECAM + IOL_X86_ECAM_BYTES + (random_next(seed) & 0xfffff);

	(void)number;
	touch_all_widths(at, 1, false);
	touch_all_widths(at, 1, true);
}

enum verdict v_race_holes(void)
{
	load();
	return race_then_works(hole_race, hole_race);
}
