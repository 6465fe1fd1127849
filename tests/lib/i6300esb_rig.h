/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watchdog i6300esb on a PCI bus, read and written as a guest does, in a world whose clock and loop are the test's: the
 * linker puts the functions below in the place of the loop's. Registers are numbered anew, by Intel's data sheet (300641).
 */
#ifndef IOLITE_TESTS_I6300ESB_RIG_H
#define IOLITE_TESTS_I6300ESB_RIG_H

#include <iolite/i6300esb.h>

#include <errno.h>
#include <glib.h>
#include <string.h>

enum {
	ESB_SLOT = 27,
	ESB_GSI = 5,
	ESB_CONFIG = 0x60,
	ESB_LOCK = 0x68,
	ESB_TIMER1 = 0x00,
	ESB_TIMER2 = 0x04,
	ESB_STATUS = 0x08,
	ESB_RELOAD = 0x0c,
};

#define ESB_ECAM UINT64_C(0xe0000000)
#define ESB_WINDOW UINT64_C(0xc0000000)
#define ESB_MS (1000 * IOL_NS_PER_US)

/* The loop, as far as the device uses it. */
static struct {
	uint64_t now_ns;
	struct iol_op *timer; /* in flight */
	uint64_t timer_ns; /* when it is due */
	bool cancelled;
	struct iol_post *post;
	unsigned int wakes, posts;
} world;

uint64_t __wrap_iol_loop_now_ns(void);
uint64_t __wrap_iol_loop_now_ns(void)
{
	return world.now_ns;
}

void __wrap_iol_loop_timeout(struct iol_loop *loop, struct iol_op *op, uint64_t ns);
void __wrap_iol_loop_timeout(struct iol_loop *loop, struct iol_op *op, uint64_t ns)
{
	(void)loop;
	/* One timer, and none that is a storm. */
	g_assert_true(!world.timer && !op->in_flight);
	g_assert_cmpuint(ns, >=, ESB_MS);
	op->in_flight = true;
	world.timer = op;
	world.timer_ns = world.now_ns + ns;
	world.cancelled = false;
}

void __wrap_iol_loop_cancel(struct iol_loop *loop, struct iol_op *op);
void __wrap_iol_loop_cancel(struct iol_loop *loop, struct iol_op *op)
{
	(void)loop;
	if (op->in_flight)
		world.cancelled = true;
}

bool __wrap_iol_loop_post(struct iol_loop *loop, struct iol_post *post);
bool __wrap_iol_loop_post(struct iol_loop *loop, struct iol_post *post)
{
	(void)loop;
	world.posts += !world.post;
	world.post = post;
	return true;
}

void __wrap_iol_loop_post_cancel(struct iol_loop *loop, struct iol_post *post);
void __wrap_iol_loop_post_cancel(struct iol_loop *loop, struct iol_post *post)
{
	(void)loop;
	(void)post;
	world.post = NULL;
}

static inline void world_fire(int res)
{
	struct iol_op *op = world.timer;

	world.timer = NULL;
	world.wakes++;
	op->in_flight = false;
	op->done(op, res);
}

/* What the loop has to do at this time. */
static inline void world_turn(void)
{
	while (world.post || (world.timer && (world.cancelled || world.timer_ns <= world.now_ns))) {
		struct iol_post *post = world.post;

		world.post = NULL;
		if (post) {
			world.wakes++;
			post->run(post);
		} else {
			world_fire(world.cancelled ? -ECANCELED : -ETIME);
		}
	}
}

/* @ns pass, in which the loop wakes when it wants to. */
static inline void world_pass(uint64_t ns)
{
	uint64_t end_ns = world.now_ns + ns;

	world_turn();
	while (world.timer && world.timer_ns <= end_ns) {
		world.now_ns = world.timer_ns;
		world_turn();
	}
	world.now_ns = end_ns;
	world_turn();
}

struct esb_rig {
	struct iol_event_sink sink;
	unsigned int pretimeouts, timeouts;
	uint64_t event_ns; /* of the last one */
	struct iol_bus mmio;
	struct iol_device *host;
	struct iol_irq_wire wire;
	struct iol_i6300esb *watchdog;
	struct iol_device *dev;
	struct iol_quiesce quiesce;
	unsigned int quiet;
};

static inline void esb_hear(struct iol_event_sink *sink, enum iol_event event)
{
	struct esb_rig *r = iol_container_of(sink, struct esb_rig, sink);

	g_assert_true(event == IOL_EVENT_WATCHDOG || event == IOL_EVENT_WATCHDOG_PRETIMEOUT);
	*(event == IOL_EVENT_WATCHDOG ? &r->timeouts : &r->pretimeouts) += 1;
	r->event_ns = world.now_ns;
}

static inline void esb_count_quiet(struct iol_quiesce *quiesce)
{
	iol_container_of(quiesce, struct esb_rig, quiesce)->quiet++;
}

static inline uint64_t esb_config_place(unsigned int offset)
{
	return ESB_ECAM + ESB_SLOT * UINT64_C(0x8000) + offset;
}

static inline uint64_t esb_read(struct esb_rig *r, uint64_t addr, unsigned int len)
{
	uint64_t value;

	g_assert_true(iol_bus_read(&r->mmio, addr, len, &value));
	return value & UINT64_MAX >> (64 - 8 * len);
}

static inline uint64_t esb_get_config(struct esb_rig *r, unsigned int offset, unsigned int len)
{
	return esb_read(r, esb_config_place(offset), len);
}

static inline void esb_put_config(struct esb_rig *r, unsigned int offset, unsigned int len,
				  uint64_t value)
{
	g_assert_true(iol_bus_write(&r->mmio, esb_config_place(offset), len, value));
}

static inline uint64_t esb_get(struct esb_rig *r, unsigned int offset, unsigned int len)
{
	return esb_read(r, ESB_WINDOW + offset, len);
}

static inline void esb_put(struct esb_rig *r, unsigned int offset, unsigned int len, uint64_t value)
{
	g_assert_true(iol_bus_write(&r->mmio, ESB_WINDOW + offset, len, value));
}

static inline void esb_unlock(struct esb_rig *r)
{
	esb_put(r, ESB_RELOAD, 2, 0x80);
	esb_put(r, ESB_RELOAD, 2, 0x86);
}

static inline void esb_preload(struct esb_rig *r, uint32_t first, uint32_t second)
{
	esb_unlock(r);
	esb_put(r, ESB_TIMER1, 4, first);
	esb_unlock(r);
	esb_put(r, ESB_TIMER2, 4, second);
}

static inline void esb_reload(struct esb_rig *r)
{
	esb_unlock(r);
	esb_put(r, ESB_RELOAD, 2, 0x100);
}

/* A guest that has found the device. */
static inline void esb_map(struct esb_rig *r)
{
	esb_put_config(r, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
}

static inline void esb_rig_init(struct esb_rig *r, unsigned int autostart_s)
{
	const struct iol_pci_host_config pci = {
		.mmio = &r->mmio,
		.ecam_base = ESB_ECAM,
		.ecam_bytes = IOL_PCI_ECAM_BUS_BYTES,
		.window_base = ESB_WINDOW,
		.window_bytes = IOL_MIB,
		.sink = &r->sink,
	};
	struct iol_i6300esb_config config = {
		.slot = ESB_SLOT,
		.intx = &r->wire,
		.sink = &r->sink,
		.autostart_s = autostart_s,
	};

	memset(&world, 0, sizeof(world));
	world.now_ns = 1000 * IOL_NS_PER_S;
	memset(r, 0, sizeof(*r));
	r->sink.raise = esb_hear;
	r->quiesce.done = esb_count_quiet;
	iol_bus_init(&r->mmio);
	iol_irq_wire_init(&r->wire, -1, ESB_GSI, ESB_GSI);
	g_assert_cmpint(iol_pci_host_new(&pci, &r->host, NULL), ==, 0);
	config.host = iol_pci_host_of(r->host);
	g_assert_cmpint(iol_i6300esb_new(&config, &r->watchdog, NULL), ==, 0);
	r->dev = iol_i6300esb_device(r->watchdog);
}

/* As a machine's end and reset do. */
static inline void esb_quiesce(struct esb_rig *r)
{
	iol_i6300esb_run(r->watchdog, false);
	r->quiesce.pending = 1;
	if (r->dev->ops->quiesce(r->dev, &r->quiesce))
		r->quiesce.pending = 0;
	world_turn();
	g_assert_cmpuint(r->quiesce.pending, ==, 0);
	g_assert_null(world.timer);
}

static inline void esb_reset(struct esb_rig *r)
{
	esb_quiesce(r);
	r->dev->ops->reset(r->dev);
	r->host->ops->reset(r->host);
	iol_i6300esb_run(r->watchdog, true);
}

static inline void esb_rig_finish(struct esb_rig *r)
{
	esb_quiesce(r);
	r->dev->ops->free(r->dev);
	g_assert_null(world.post);
	g_assert_cmpuint(r->wire.asserted, ==, 0);
	iol_irq_wire_finish(&r->wire);
	r->host->ops->free(r->host);
	g_assert_cmpuint(r->mmio.count, ==, 0);
	iol_bus_finish(&r->mmio);
}

#endif
