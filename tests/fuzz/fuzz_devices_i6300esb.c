// SPDX-License-Identifier: Apache-2.0
/*
 * A hostile guest at the watchdog i6300esb: accesses of any place, width and value to its registers and its configuration space,
 * between pauses, resets and the passing of time.
 *
 * An input is a byte for how it is started, and a sequence of operations. Oracles: registers read as a model of them says; a
 * stage ends within a millisecond of the time that the model gives, neither before nor unheard; the loop has one timer, which never
 * sleeps for less (the rig looks), and is woken by writes no more often than there are; the interrupt is what the registers say; after a
 * reset the device works; the heap is flat.
 *
 * The clock and the loop are the rig's (i6300esb_rig.h).
 */
#include "fuzz.h"
#include "heap.h"

#include "i6300esb_rig.h"

enum {
	OPS_MAX = 500,
	BITS = 0xfffff,
	STAGE_NONE = 0,
	FREE_RUNNING = 4,
	ENABLE = 2,
	LOCKED = 1,
	AUTOSTARTS = 3,
};

/* What the data sheet says. */
struct model {
	uint32_t preload[2];
	uint16_t config;
	uint8_t lock;
	unsigned int steps;
	bool interrupted, timed_out, low, intx_off, memory;
	unsigned int stage;
	bool runs;
	uint64_t end_ns; /* or what is left while it stands */
};

struct fuzz {
	struct esb_rig r;
	struct model m;
	struct fuzz_input in;
	unsigned int autostart_s;
	unsigned int pretimeouts, timeouts; /* as the model has them */
	unsigned int changes; /* what may have woken the loop */
};

static uint64_t period_ns(const struct model *m)
{
	uint64_t ticks = m->preload[m->stage - 1] ? m->preload[m->stage - 1] : 1;

	return (ticks << (m->config & 4 ? 5 : 15)) * 1000 / 33;
}

static void begin(struct model *m, unsigned int stage, uint64_t now_ns)
{
	m->stage = stage;
	m->end_ns = (m->runs ? now_ns : 0) + period_ns(m);
}

static void restart(struct model *m)
{
	m->low = false;
	begin(m, m->lock & FREE_RUNNING ? 2 : 1, world.now_ns);
}

static void power_on(struct fuzz *f)
{
	bool timed_out = f->m.timed_out;

	f->m = (struct model){ .preload = { BITS, BITS }, .timed_out = timed_out };
	if (!f->autostart_s)
		return;
	f->m.preload[0] = (uint32_t)(((uint64_t)f->autostart_s * 33000000 + 32767) / 32768);
	f->m.preload[1] = f->m.preload[0] - f->m.preload[0] / 2;
	f->m.preload[0] /= 2;
	f->m.config = 3;
	f->m.lock = ENABLE;
	restart(&f->m);
}

/* A stage ended at the time that the device has just told, or now where nothing was told of it. */
static void end_stage(struct fuzz *f, uint64_t now_ns)
{
	struct model *m = &f->m;

	fuzz_check(m->runs && now_ns >= m->end_ns && now_ns <= m->end_ns + ESB_MS);
	if (m->stage == 1) {
		m->interrupted = true;
		f->pretimeouts++;
		begin(m, 2, now_ns);
		return;
	}
	m->timed_out = true;
	m->low = !(m->lock & FREE_RUNNING) || !m->low;
	f->timeouts += m->low && !(m->config & 0x20);
	if (m->lock & FREE_RUNNING) {
		begin(m, 2, now_ns);
		if (m->end_ns < now_ns + 10 * ESB_MS)
			m->end_ns = now_ns + 10 * ESB_MS;
	} else {
		m->stage = STAGE_NONE;
	}
}

/* The loop's turns, one wake at a time, each followed by the model. */
static void pass(struct fuzz *f, uint64_t ns)
{
	uint64_t end_ns = world.now_ns + ns;

	world_turn();
	while (world.timer && world.timer_ns <= end_ns) {
		world.now_ns = world.timer_ns;
		world_turn();
		if (f->m.stage && f->m.runs && world.now_ns >= f->m.end_ns)
			end_stage(f, world.now_ns);
		fuzz_check(f->r.pretimeouts == f->pretimeouts && f->r.timeouts == f->timeouts);
	}
	world.now_ns = end_ns;
	/* Nothing is left that should have been seen. */
	fuzz_check(!f->m.stage || !f->m.runs || f->m.end_ns + ESB_MS > end_ns);
}

static void write_lock(struct model *m, uint8_t value)
{
	bool was_enabled = m->lock & ENABLE;

	if (m->lock & LOCKED)
		return;
	m->lock = value & 7;
	if (!(value & ENABLE))
		m->stage = STAGE_NONE;
	else if (!was_enabled)
		restart(m);
}

static void model_config(struct model *m, unsigned int offset, unsigned int len, uint64_t value)
{
	for (unsigned int i = 0; i < len; i++) {
		uint8_t byte = (uint8_t)(value >> 8 * i);

		if (offset + i == PCI_COMMAND)
			m->memory = byte & PCI_COMMAND_MEMORY;
		else if (offset + i == PCI_COMMAND + 1)
			m->intx_off = byte & PCI_COMMAND_INTX_DISABLE >> 8;
		else if (offset + i == ESB_CONFIG)
			m->config = byte & 0x27;
		else if (offset + i == ESB_LOCK)
			write_lock(m, byte);
	}
}

static void model_reload(struct model *m, uint16_t value)
{
	bool is_open = m->steps == 2;

	if (value == 0x80) {
		m->steps = 1;
		return;
	}
	if (value == 0x86 && m->steps == 1) {
		m->steps = 2;
		return;
	}
	m->steps = 0;
	if (is_open && value & 0x200)
		m->timed_out = false;
	if (is_open && value & 0x100 && m->lock & ENABLE)
		restart(m);
}

static void model_write(struct model *m, unsigned int offset, unsigned int len, uint64_t value)
{
	if (offset == ESB_RELOAD) {
		model_reload(m, (uint16_t)value);
		return;
	}
	if (offset == ESB_STATUS && value & 1)
		m->interrupted = false;
	if ((offset == ESB_TIMER1 || offset == ESB_TIMER2) && len == 4 && m->steps == 2)
		m->preload[offset / 4] = value & BITS;
	m->steps = 0;
}

static void check_registers(struct fuzz *f)
{
	const struct model *m = &f->m;

	fuzz_check(esb_get_config(&f->r, ESB_CONFIG, 2) == m->config);
	fuzz_check(esb_get_config(&f->r, ESB_LOCK, 1) == m->lock);
	fuzz_check(f->r.wire.asserted == (m->interrupted && !(m->config & 3) && !m->intx_off));
	if (!m->memory || esb_get_config(&f->r, PCI_BASE_ADDRESS_0, 4) != ESB_WINDOW)
		return;
	fuzz_check(esb_get(&f->r, ESB_TIMER1, 4) == m->preload[0]);
	fuzz_check(esb_get(&f->r, ESB_TIMER2, 4) == m->preload[1]);
	fuzz_check(esb_get(&f->r, ESB_STATUS, 4) == m->interrupted);
	fuzz_check(esb_get(&f->r, ESB_RELOAD, 2) == (m->timed_out ? 0x200 : 0));
}

/* --- operations --- */

static unsigned int take_width(struct fuzz *f)
{
	return 1U << fuzz_u8(&f->in) % 4;
}

static void op_write(struct fuzz *f)
{
	static const unsigned int places[] = { ESB_TIMER1, ESB_TIMER2, ESB_STATUS, ESB_RELOAD };
	unsigned int place = fuzz_u8(&f->in), len = take_width(f);
	uint64_t value = fuzz_number(&f->in, len);
	unsigned int offset = place < 0xc0 ? places[place % 4] : place;

	if (!f->m.memory || esb_get_config(&f->r, PCI_BASE_ADDRESS_0, 4) != ESB_WINDOW)
		return;
	esb_put(&f->r, offset, len, value);
	model_write(&f->m, offset, len, value);
}

/* With the sequence before it; the value is of 20 bits, small ones more often. */
static void op_unlocked(struct fuzz *f)
{
	static const unsigned int places[] = { ESB_TIMER1, ESB_TIMER2, ESB_RELOAD };
	unsigned int offset = places[fuzz_u8(&f->in) % IOL_ARRAY_LEN(places)];
	unsigned int len = offset == ESB_RELOAD ? 2 : 4;
	uint64_t value = fuzz_u16(&f->in);

	if (!f->m.memory || esb_get_config(&f->r, PCI_BASE_ADDRESS_0, 4) != ESB_WINDOW)
		return;
	esb_unlock(&f->r);
	model_reload(&f->m, 0x80);
	model_reload(&f->m, 0x86);
	esb_put(&f->r, offset, len, value);
	model_write(&f->m, offset, len, value);
}

static void op_config(struct fuzz *f)
{
	static const unsigned int places[] = { PCI_COMMAND, ESB_CONFIG, ESB_LOCK, ESB_LOCK };
	unsigned int place = fuzz_u8(&f->in), len = take_width(f);
	uint64_t value = fuzz_number(&f->in, len);
	unsigned int offset = place < 0xf0 ? places[place % 4] : fuzz_u8(&f->in);

	/* An access across a register of four bytes comes to nothing. */
	esb_put_config(&f->r, offset, len, value);
	if (offset % 4 + len <= 4)
		model_config(&f->m, offset, len, value);
}

static void op_map(struct fuzz *f)
{
	esb_put_config(&f->r, PCI_BASE_ADDRESS_0, 4, ESB_WINDOW);
	esb_map(&f->r);
	model_config(&f->m, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
}

/* From a microsecond to minutes. */
static void op_pass(struct fuzz *f)
{
	uint64_t us = fuzz_u16(&f->in);

	pass(f, us * IOL_NS_PER_US << fuzz_u8(&f->in) % 11);
}

static void op_read(struct fuzz *f)
{
	unsigned int offset = fuzz_u8(&f->in), len = take_width(f);

	esb_get_config(&f->r, offset, len);
	if (f->m.memory && esb_get_config(&f->r, PCI_BASE_ADDRESS_0, 4) == ESB_WINDOW)
		esb_get(&f->r, offset, len);
}

static void op_run(struct fuzz *f)
{
	bool runs = fuzz_u8(&f->in) % 2;
	struct model *m = &f->m;

	pass(f, 0);
	iol_i6300esb_run(f->r.watchdog, runs);
	if (runs && !m->runs)
		m->end_ns += world.now_ns;
	else if (!runs && m->runs)
		m->end_ns -= m->end_ns < world.now_ns ? m->end_ns : world.now_ns;
	m->runs = runs;
}

static void reset(struct fuzz *f)
{
	pass(f, 0);
	esb_reset(&f->r);
	power_on(f);
	f->m.runs = true;
	f->m.end_ns += world.now_ns;
}

static void (*const ops[])(struct fuzz *f) = {
	op_write, op_unlocked, op_unlocked, op_config, op_pass, op_read, op_run, op_map, reset,
};

/* After all that: a second by the watchdog. */
static void must_work(struct fuzz *f)
{
	f->autostart_s = 0; /* the model's: the device's own start is undone */
	reset(f);
	op_map(f);
	esb_put_config(&f->r, ESB_LOCK, 1, 0);
	esb_put_config(&f->r, ESB_CONFIG, 2, 0);
	f->m.timed_out = false;
	f->r.pretimeouts = f->r.timeouts = f->pretimeouts = f->timeouts = 0;
	esb_unlock(&f->r);
	esb_put(&f->r, ESB_RELOAD, 2, 0x200);
	esb_preload(&f->r, 500, 500);
	f->m.preload[0] = f->m.preload[1] = 500;
	esb_put_config(&f->r, ESB_LOCK, 1, ENABLE);
	write_lock(&f->m, ENABLE);
	check_registers(f);
	pass(f, IOL_NS_PER_S + 2 * ESB_MS);
	fuzz_check(f->r.pretimeouts == 1 && f->r.timeouts == 1);
	check_registers(f);
}

static void run(const uint8_t *data, size_t len)
{
	static const unsigned int starts[AUTOSTARTS] = { 0, 1, 2046 };
	struct fuzz f = { .in = { data, len } };

	f.autostart_s = starts[fuzz_u8(&f.in) % AUTOSTARTS];
	esb_rig_init(&f.r, f.autostart_s);
	power_on(&f);
	iol_i6300esb_run(f.r.watchdog, true);
	f.m.runs = true;
	f.m.end_ns += world.now_ns;
	for (unsigned int i = 0; i < OPS_MAX && f.in.len; i++) {
		unsigned int posts = world.posts;

		ops[fuzz_u8(&f.in) % IOL_ARRAY_LEN(ops)](&f);
		fuzz_check(world.posts <= posts + 2);
		check_registers(&f);
	}
	must_work(&f);
	esb_rig_finish(&f.r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	size_t bytes;

	run(data, len);
	bytes = heap_bytes();
	run(data, len);
	fuzz_check(heap_bytes() <= bytes + HEAP_CACHED_BYTES);
	return 0;
}
