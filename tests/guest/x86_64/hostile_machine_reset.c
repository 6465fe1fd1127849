// SPDX-License-Identifier: Apache-2.0
/* Violations by notifications and resets, of devices and of the machine. See ../hostile_machine_list.h. */
#include "cpu.h"
#include "hostile_machine.h"

#define VIRTIO_PCI_NO_LEGACY
#include <linux/virtio_pci.h>

#define KEYBOARD_COMMAND (IOL_X86_I8042 + 4)
#define RESET_FLAG_WARM 0x1234

enum { KEYBOARD_RESET = 0xfe };

/* --- notifications --- */

enum verdict v_notify_numbers(void)
{
	load();
	for (unsigned int i = 0; i < 2048; i++)
		write16(h.q->notify, (uint16_t)i);
	return load_and_nothing_wrong();
}

enum verdict v_notify_everywhere(void)
{
	uint64_t page = h.v->notify & ~0xfffull;

	load();
	for (unsigned int i = 0; i < 0xff8; i += 5) {
		uint64_t at = h.v->notify + i;

		if (at >= page + 0xff8)
			break;
		write8(at, 0);
		write16(at, 0);
		write32(at, 0);
		write64(at, 0);
		read32(at);
	}
	return load_and_nothing_wrong();
}

enum verdict v_notify_against_reset(void)
{
	for (unsigned int i = 0; i < 300; i++) {
		write16(h.q->notify, 0);
		vio_set(h.v, VIO_STATUS, 0);
		write16(h.q->notify, 0);
	}
	return start_victim(h.features) ? nothing_wrong() : WEDGED;
}

enum verdict v_notify_before_setup(void)
{
	vio_reset(h.v);
	for (unsigned int i = 0; i < 2000; i++)
		write16(h.q->notify, (uint16_t)(i & 3));
	return start_victim(h.features) ? nothing_wrong() : WEDGED;
}

enum verdict v_notify_decoding_off(void)
{
	load();
	command_set(PCI_COMMAND_MASTER);
	for (unsigned int i = 0; i < 1000; i++)
		write16(h.q->notify, 0);
	command_set(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	return load_and_nothing_wrong();
}

enum verdict v_notify_storm_long(void)
{
	load();
	for (unsigned int i = 0; i < 20000; i++)
		write16(h.q->notify, 0);
	return load_and_nothing_wrong();
}

/* --- resets of the device --- */

enum verdict v_reset_thousands(void)
{
	for (unsigned int i = 0; i < 2000; i++)
		vio_set(h.v, VIO_STATUS, 0);
	return start_victim(h.features) ? nothing_wrong() : WEDGED;
}

enum verdict v_reset_in_flight_hundreds(void)
{
	for (unsigned int i = 0; i < 200; i++) {
		load();
		if (!start_victim(h.features))
			return WEDGED;
	}
	return nothing_wrong();
}

enum verdict v_reset_half_set_up(void)
{
	for (unsigned int step = 0; step < 8; step++) {
		vio_reset(h.v);
		if (step > 0)
			vio_add_status(h.v, VIRTIO_CONFIG_S_ACKNOWLEDGE);
		if (step > 1)
			vio_add_status(h.v, VIRTIO_CONFIG_S_DRIVER);
		if (step > 2)
			vio_set(h.v, VIO_DRIVER_FEATURES, UINT32_MAX);
		if (step > 3)
			vio_add_status(h.v, VIRTIO_CONFIG_S_FEATURES_OK);
		if (step > 4)
			vio_set(h.v, VIO_QUEUE_SIZE, Q_SIZE / 2);
		if (step > 5)
			vio_set(h.v, VIO_QUEUE_DESC, (uint64_t)h.data);
		if (step > 6)
			vio_set(h.v, VIO_QUEUE_ENABLE, 1);
		if (!start_victim(h.features) || still_works() != PASS)
			return WEDGED;
	}
	return nothing_wrong();
}

enum verdict v_reset_by_wide_write(void)
{
	load();
	write16(vio_address(h.v, VIO_STATUS), 0);
	write32(vio_address(h.v, VIO_STATUS), 0);
	write32(vio_address(h.v, VIO_STATUS) - 2, 0);
	if (vio_get(h.v, VIO_STATUS) != ALL_STATUS)
		return REJECT; /* taken for a reset */
	return load_and_nothing_wrong();
}

/* --- resets of the machine: hostile.c goes on with the next violation --- */

/* At CPL 0: the reset, and it was not if this returns. */
static enum verdict reset_by(void (*code)(uint64_t))
{
	uint64_t end = hostile_deadline(ANSWER_MS);

	hostile_arm();
	user_call(USER_PRIVILEGED, (uint64_t)code, 0);
	while (rdtsc() < end)
		;
	return FAIL;
}

static void by_port(uint64_t unused)
{
	(void)unused;
	outb(IOL_X86_RESET_PORT, IOL_X86_RESET_VALUE);
}

enum verdict v_machine_reset_port(void)
{
	load();
	return reset_by(by_port);
}

static void by_keyboard(uint64_t unused)
{
	(void)unused;
	outb(KEYBOARD_COMMAND, KEYBOARD_RESET);
}

enum verdict v_machine_reset_keyboard(void)
{
	load();
	return reset_by(by_keyboard);
}

static void by_triple_fault(uint64_t unused)
{
	(void)unused;
	write16(IOL_X86_RESET_FLAG, RESET_FLAG_WARM);
	triple_fault();
}

enum verdict v_machine_reset_triple(void)
{
	load();
	return reset_by(by_triple_fault);
}

static void by_storm(uint64_t unused)
{
	(void)unused;
	for (unsigned int i = 0; i < 1000; i++) {
		outb(IOL_X86_RESET_PORT, IOL_X86_RESET_VALUE);
		outb(KEYBOARD_COMMAND, KEYBOARD_RESET);
	}
}

enum verdict v_machine_reset_storm(void)
{
	load();
	return reset_by(by_storm);
}

enum verdict v_machine_reset_in_reset(void)
{
	load();
	vio_set(h.v, VIO_STATUS, 0);
	return reset_by(by_port);
}

enum verdict v_machine_reset_interrupts(void)
{
	for (unsigned int i = 0; i < 2; i++)
		vio_msix_set(h.v, i, VECTOR_DEVICE, false);
	vio_msix_enable(h.v, true);
	vio_queue_vector(h.v, h.q->index, 1);
	vio_want_interrupts(h.q, true);
	load();
	write16(h.v->function + h.v->msix_capability + PCI_MSIX_FLAGS,
		PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	return reset_by(by_port);
}

enum verdict v_machine_reset_moved(void)
{
	load();
	for (unsigned int i = 0; i < BARS; i++)
		write32(bar_register(i), 0xdc000000 + (i << 20));
	write8(h.v->function + PCI_COMMAND, PCI_COMMAND_MEMORY);
	return reset_by(by_port);
}

static void kick_and_read(unsigned int number, uint64_t *seed)
{
	(void)seed;
	write16(h.q->notify, 0);
	read8(vio_address(h.v, VIO_STATUS));
	if (number == 2)
		read32(h.v->function);
}

enum verdict v_machine_reset_by_other(void)
{
	if (!others_run(kick_and_read))
		return FAIL;
	load();
	return reset_by(by_port);
}
