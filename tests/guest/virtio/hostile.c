// SPDX-License-Identifier: Apache-2.0
/*
 * Violations one after the other, on a device of any kind: each has a line "name: VERDICT". The command
 * line says where two devices are (see vio_open()), how much RAM there is ("ram=128", in MiB), and
 * perhaps which violation is wanted alone ("only=name").
 *
 * Says "ready" and waits for a byte before the first, "done" before it ends.
 */
#include "hostile_random.h"

#include <linux/pci_regs.h>

enum { HEADER_WORDS = 16 };

struct victim h;

/* --- pieces --- */

void put_at(uint16_t index, uint64_t gpa, uint32_t len, uint16_t flags, uint16_t next)
{
	h.q->desc[index].addr = gpa;
	h.q->desc[index].len = len;
	h.q->desc[index].flags = flags;
	h.q->desc[index].next = next;
}

void put(uint16_t index, const volatile void *addr, uint32_t len, uint16_t flags, uint16_t next)
{
	put_at(index, (uint64_t)addr, len, flags, next);
}

void put_entry(uint16_t index, const volatile void *addr, uint32_t len, uint16_t flags,
	       uint16_t next)
{
	h.table[index] = (struct vring_desc){ (uint64_t)addr, len, flags, next };
}

void put_indirect(void)
{
	put_valid();
	for (unsigned int i = 0; i < PARTS; i++)
		h.table[i] = h.q->desc[i];
	put(0, h.table, PARTS * sizeof(h.table[0]), VRING_DESC_F_INDIRECT, 0);
}

enum verdict await_used(void)
{
	uint64_t end = hostile_deadline(ANSWER_MS);
	volatile uint16_t *used_idx = &h.q->used->idx;

	do {
		if (*used_idx != h.q->used_idx) {
			h.q->used_idx++;
			return PASS;
		}
		if (vio_needs_reset(h.v))
			return REJECT;
	} while (user_ticks() < end);
	return FAIL;
}

enum verdict answer(uint16_t head)
{
	vio_submit(h.q, head);
	vio_kick_always(h.q);
	return outcome();
}

bool silent(void)
{
	uint64_t end = hostile_deadline(SILENCE_MS);

	while (user_ticks() < end)
		if (*(volatile uint16_t *)&h.q->used->idx != h.q->used_idx)
			return false;
	return true;
}

void load(void)
{
	put_valid();
	for (uint16_t i = 0; i < LOAD * PARTS; i++) {
		h.q->desc[i] = h.q->desc[i % PARTS];
		h.q->desc[i].next = (uint16_t)(i + 1);
		if (i % PARTS == 0)
			vio_submit(h.q, i);
	}
	vio_kick_always(h.q);
}

void load_ring(uint16_t count)
{
	put_indirect();
	for (uint16_t i = 0; i < count; i++) {
		h.q->desc[i] = h.q->desc[0];
		vio_submit(h.q, i);
	}
	vio_kick_always(h.q);
}

enum verdict load_ends(void)
{
	uint64_t end = hostile_deadline(ANSWER_MS);

	do {
		h.q->used_idx = *(volatile uint16_t *)&h.q->used->idx;
		if (h.q->used_idx == h.q->avail_idx)
			return PASS;
		if (vio_needs_reset(h.v))
			return REJECT;
	} while (user_ticks() < end);
	return FAIL;
}

enum verdict set_up_ends(void)
{
	vio_queue_enable(h.v, h.q);
	if (!vio_get(h.v, VIO_QUEUE_ENABLE))
		return REJECT;
	vio_add_status(h.v, VIRTIO_CONFIG_S_DRIVER_OK);
	if (vio_needs_reset(h.v))
		return REJECT;
	return still_works();
}

bool start_victim(uint64_t features)
{
	if (!set_up(features))
		return false;
	vio_queue_enable(h.v, h.q);
	vio_add_status(h.v, VIRTIO_CONFIG_S_DRIVER_OK);
	return true;
}

/* --- one after the other --- */

/* The victim's configuration header, to be put back. */
static uint32_t saved[HEADER_WORDS];

static void save_function(void)
{
	for (unsigned int i = 0; i < HEADER_WORDS && !h.v->mmio; i++)
		saved[i] = read32(h.v->function + 4 * i);
}

static void restore_function(void)
{
	if (h.v->mmio)
		return;
	write16(h.v->function + PCI_COMMAND, 0);
	for (unsigned int i = PCI_BASE_ADDRESS_0 / 4; i < PCI_BASE_ADDRESS_0 / 4 + 6; i++)
		write32(h.v->function + 4 * i, saved[i]);
	write8(h.v->function + PCI_INTERRUPT_LINE, (uint8_t)saved[PCI_INTERRUPT_LINE / 4]);
	if (h.v->msix)
		vio_msix_enable(h.v, false);
	write16(h.v->function + PCI_COMMAND, (uint16_t)saved[PCI_COMMAND / 4]);
}

/* The violation before the reset was this one. */
static enum verdict machine_was_reset(void)
{
	return PASS;
}

static void judge(const char *name, enum verdict (*run)(void))
{
	static const char *const names[] = { "PASS", "REJECT", "FAIL", "WEDGED" };
	enum verdict verdict = WEDGED;

	if (start_victim(h.features))
		verdict = run();
	restore_function();
	if (!start_victim(h.features) || still_works() != PASS || !other_works())
		verdict = WEDGED;
	say(name);
	say(": ");
	say(names[verdict]);
	say("\n");
}

static void start(void)
{
	if (!open_devices()) {
		say("FAIL no devices\n");
		end();
	}
	save_function();
	/* Touches it: the host's memory does not grow later. */
	vio_alloc(VIO_ARENA_BYTES / 2, 4096);
	vio_arena_reset();
	if (!restart_other())
		say("FAIL the other device\n");
	vio_arena_keep();
}

/* Instead of the list. */
static _Noreturn void run_random(void)
{
	say("ready\n");
	user_get();
	random_run(option_number("random", 0, 0), option_number("seed", 0, 1));
	say("done\n");
	user_get();
	end();
}

enum { PCI = 1, MMIO = 2, BOTH = 3 };

_Noreturn void hostile_run(void)
{
	static const struct {
		const char *name;
		enum verdict (*run)(void);
		uint8_t transports;
	} violations[] = {
#define VIOLATION(name, expected, transports, text) { #name, v_##name, transports },
#ifndef HOSTILE_MACHINE
#include "hostile_device_list.h"
#endif
#include HOSTILE_LIST
#undef VIOLATION
	};
	const char *only = option("only", 0);
	unsigned int first = 0;

#ifdef HOSTILE_MACHINE
	/* Runs what is no memory: whatever comes of it, it is the end. */
	if (option("fetch", 0))
		((void (*)(void))option_number("fetch", 0, 0))();
	first = (unsigned int)(hostile_armed() + 1);
#endif
	start();
	if (option("random", 0))
		run_random();
	if (first) {
		judge(violations[first - 1].name, machine_was_reset);
	} else {
		say("ready\n");
		user_get();
	}
	for (unsigned int i = first; i < sizeof(violations) / sizeof(violations[0]); i++) {
		if (!(violations[i].transports & (h.v->mmio ? MMIO : PCI)) ||
		    (only && !option_is("only", violations[i].name)))
			continue;
#ifdef HOSTILE_MACHINE
		hostile_note(i);
#endif
		judge(violations[i].name, violations[i].run);
	}
	say("done\n");
	user_get();
	end();
}
