// SPDX-License-Identifier: Apache-2.0
/* The watchdog i6300esb by Intel's data sheet (300641), as Linux' driver uses it, and as a hostile guest does. */
#include "i6300esb_rig.h"

enum { SLOW_1000_NS = 992969696, FAST_1000_NS = 969696, MORE = 100 };

static void setup(struct esb_rig *r, const void *data)
{
	(void)data;
	esb_rig_init(r, 0);
	iol_i6300esb_run(r->watchdog, true);
	esb_map(r);
}

static void setup_autostart(struct esb_rig *r, const void *data)
{
	(void)data;
	esb_rig_init(r, 30);
}

static void teardown(struct esb_rig *r, const void *data)
{
	(void)data;
	esb_rig_finish(r);
}

static void expect(const struct esb_rig *r, unsigned int pretimeouts, unsigned int timeouts)
{
	g_assert_cmpuint(r->pretimeouts, ==, pretimeouts);
	g_assert_cmpuint(r->timeouts, ==, timeouts);
}

static void test_registers(struct esb_rig *r, const void *data)
{
	(void)data;
	g_assert_cmphex(esb_get_config(r, PCI_VENDOR_ID, 4), ==, 0x25ab8086);
	g_assert_cmphex(esb_get_config(r, PCI_CLASS_REVISION, 4) >> 8, ==, 0x088000);
	g_assert_cmphex(esb_get_config(r, PCI_INTERRUPT_PIN, 1), ==, 1);
	g_assert_cmphex(esb_get_config(r, PCI_INTERRUPT_LINE, 1), ==, ESB_GSI);
	g_assert_cmphex(esb_get_config(r, ESB_CONFIG, 2), ==, 0);
	g_assert_cmphex(esb_get_config(r, ESB_LOCK, 1), ==, 0);
	esb_put_config(r, ESB_CONFIG, 2, 0xffff);
	g_assert_cmphex(esb_get_config(r, ESB_CONFIG, 2), ==, 0x27);
	g_assert_cmphex(esb_get(r, ESB_TIMER1, 4), ==, 0xfffff);
	g_assert_cmphex(esb_get(r, ESB_TIMER2, 4), ==, 0xfffff);
	g_assert_cmphex(esb_get(r, ESB_STATUS, 4), ==, 0);
	g_assert_cmphex(esb_get(r, ESB_RELOAD, 2), ==, 0);
	/* Behind the registers there are none, nor between them. */
	g_assert_cmphex(esb_get(r, 0x10, 4), ==, 0);
	g_assert_cmphex(esb_get(r, 0x0e, 2), ==, 0);
	g_assert_cmphex(esb_get(r, 0x01, 1), ==, 0);
	g_assert_cmphex(esb_get(r, 0xffc, 4), ==, 0);
}

/* A write without the sequence before it does nothing; the sequence is for one write. */
static void test_unlock(struct esb_rig *r, const void *data)
{
	static const uint16_t wrong[][3] = {
		{ 0x86, 0x80, 0 }, { 0x80, 0, 0 },       { 0x86, 0, 0 },
		{ 0x80, 0x80, 0 }, { 0x80, 0x81, 0x86 }, { 0x80, 0x100, 0x86 },
	};

	(void)data;
	esb_put(r, ESB_TIMER1, 4, 5);
	g_assert_cmphex(esb_get(r, ESB_TIMER1, 4), ==, 0xfffff);
	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
		for (size_t step = 0; step < 3 && wrong[i][step]; step++)
			esb_put(r, ESB_RELOAD, 2, wrong[i][step]);
		esb_put(r, ESB_TIMER1, 4, 6);
		g_assert_cmphex(esb_get(r, ESB_TIMER1, 4), ==, 0xfffff);
	}
	esb_unlock(r);
	esb_put(r, ESB_TIMER1, 4, 0xfff12345);
	g_assert_cmphex(esb_get(r, ESB_TIMER1, 4), ==, 0x12345);
	esb_put(r, ESB_TIMER1, 4, 7);
	esb_put(r, ESB_TIMER2, 4, 7);
	g_assert_cmphex(esb_get(r, ESB_TIMER1, 4), ==, 0x12345);
	g_assert_cmphex(esb_get(r, ESB_TIMER2, 4), ==, 0xfffff);
	/* Whatever is written between uses it up. */
	esb_unlock(r);
	esb_put(r, ESB_STATUS, 4, 0);
	esb_put(r, ESB_TIMER2, 4, 7);
	esb_put(r, ESB_RELOAD, 2, 0x80);
	esb_put(r, 0x20, 4, 0);
	esb_put(r, ESB_RELOAD, 2, 0x86);
	esb_put(r, ESB_TIMER2, 4, 7);
	/* A preload register is of 32 bits. */
	esb_unlock(r);
	esb_put(r, ESB_TIMER2, 2, 7);
	g_assert_cmphex(esb_get(r, ESB_TIMER2, 4), ==, 0xfffff);
}

/* Two stages, the second one's end is told once, and nothing comes after it before a reload. */
static void check_stages(struct esb_rig *r, uint64_t first_ns, uint64_t second_ns)
{
	world_pass(first_ns - 1);
	expect(r, 0, 0);
	g_assert_cmphex(esb_get(r, ESB_STATUS, 1), ==, 0);
	world_pass(ESB_MS);
	expect(r, 1, 0);
	g_assert_cmphex(esb_get(r, ESB_STATUS, 1), ==, 1);
	g_assert_cmphex(esb_get(r, ESB_RELOAD, 2), ==, 0);
	world_pass(second_ns - ESB_MS);
	expect(r, 1, 0);
	world_pass(2 * ESB_MS);
	expect(r, 1, 1);
	g_assert_cmphex(esb_get(r, ESB_RELOAD, 2), ==, 0x200);
	world_pass(3600 * IOL_NS_PER_S);
	expect(r, 1, 1);
	g_assert_null(world.timer);
}

static void test_slow(struct esb_rig *r, const void *data)
{
	(void)data;
	esb_preload(r, 1000, 2000);
	world_pass(10 * IOL_NS_PER_S);
	expect(r, 0, 0); /* not enabled */
	esb_put_config(r, ESB_LOCK, 1, 2);
	check_stages(r, SLOW_1000_NS, 2 * (uint64_t)SLOW_1000_NS);
	esb_reload(r);
	world_pass(4 * IOL_NS_PER_S);
	expect(r, 2, 2);
	/* Only the guest takes back that it ran out, and only unlocked. */
	esb_put(r, ESB_RELOAD, 2, 0x200);
	g_assert_cmphex(esb_get(r, ESB_RELOAD, 2), ==, 0x200);
	esb_unlock(r);
	esb_put(r, ESB_RELOAD, 2, 0x200);
	g_assert_cmphex(esb_get(r, ESB_RELOAD, 2), ==, 0);
}

static void test_fast(struct esb_rig *r, const void *data)
{
	(void)data;
	esb_preload(r, 20000, 10000);
	esb_put_config(r, ESB_CONFIG, 2, 0x04);
	esb_put_config(r, ESB_LOCK, 1, 2);
	check_stages(r, 20 * FAST_1000_NS, 10 * FAST_1000_NS);
}

/* Served in time it does nothing, and wakes nobody for it. */
static void test_served(struct esb_rig *r, const void *data)
{
	enum { SERVES = 10000 };

	(void)data;
	esb_preload(r, 1000, 1000);
	esb_put_config(r, ESB_LOCK, 1, 2);
	for (unsigned int i = 0; i < SERVES; i++) {
		world_pass(10 * ESB_MS);
		esb_reload(r);
	}
	expect(r, 0, 0);
	g_assert_cmpuint(world.posts, ==, 1);
	/* A hundred seconds: once for each time that the first stage would have ended. */
	g_assert_cmpuint(world.wakes, <=, 110);
	/* In the second stage as well. */
	world_pass(1500 * ESB_MS);
	esb_reload(r);
	world_pass(900 * ESB_MS);
	expect(r, 1, 0);
}

static void test_disabled(struct esb_rig *r, const void *data)
{
	(void)data;
	esb_preload(r, 100, 100);
	esb_put_config(r, ESB_LOCK, 1, 2);
	world_pass(50 * ESB_MS);
	/* Enabled again it is not begun again. */
	esb_put_config(r, ESB_LOCK, 1, 2);
	world_pass(60 * ESB_MS);
	expect(r, 1, 0);
	esb_put_config(r, ESB_LOCK, 1, 0);
	world_pass(IOL_NS_PER_S);
	expect(r, 1, 0);
	esb_reload(r);
	world_pass(IOL_NS_PER_S);
	expect(r, 1, 0);
	g_assert_null(world.timer);
}

static void test_locked(struct esb_rig *r, const void *data)
{
	(void)data;
	esb_preload(r, 1000, 1000);
	esb_put_config(r, ESB_LOCK, 1, 3);
	for (unsigned int value = 0; value < 256; value++) {
		esb_put_config(r, ESB_LOCK, 1, value);
		g_assert_cmphex(esb_get_config(r, ESB_LOCK, 1), ==, 3);
	}
	esb_put_config(r, ESB_LOCK - 4, 4, 0);
	esb_put_config(r, ESB_LOCK, 4, 0);
	world_pass(3 * IOL_NS_PER_S);
	expect(r, 1, 1);
	esb_reset(r);
	g_assert_cmphex(esb_get_config(r, ESB_LOCK, 1), ==, 0);
	esb_put_config(r, ESB_LOCK, 1, 6);
	g_assert_cmphex(esb_get_config(r, ESB_LOCK, 1), ==, 6);
}

static void check_line(struct esb_rig *r, bool asserted)
{
	g_assert_cmpuint(r->wire.asserted, ==, asserted);
}

static void test_interrupt(struct esb_rig *r, const void *data)
{
	(void)data;
	esb_preload(r, 100, 0xfffff);
	esb_put_config(r, ESB_LOCK, 1, 2);
	check_line(r, false);
	world_pass(101 * ESB_MS);
	check_line(r, true);
	g_assert_cmphex(esb_get_config(r, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT, !=, 0);
	esb_put_config(r, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_DISABLE);
	check_line(r, false);
	g_assert_cmphex(esb_get_config(r, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT, !=, 0);
	esb_put_config(r, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	check_line(r, true);
	/* SMI, reserved, none: no line. */
	for (unsigned int type = 3; type > 0; type--) {
		esb_put_config(r, ESB_CONFIG, 2, type);
		check_line(r, false);
	}
	esb_put_config(r, ESB_CONFIG, 2, 0);
	check_line(r, true);
	esb_put(r, ESB_STATUS, 4, 0xfffffffe);
	check_line(r, true);
	esb_put(r, ESB_STATUS, 4, 1);
	check_line(r, false);
	g_assert_cmphex(esb_get_config(r, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT, ==, 0);
	esb_reload(r);
	world_pass(101 * ESB_MS);
	check_line(r, true);
	esb_reset(r);
	check_line(r, false);
	expect(r, 2, 0);
}

/* What the board does not hear of the guest can still read. */
static void test_output_off(struct esb_rig *r, const void *data)
{
	(void)data;
	esb_preload(r, 100, 100);
	esb_put_config(r, ESB_CONFIG, 2, 0x20);
	esb_put_config(r, ESB_LOCK, 1, 2);
	world_pass(IOL_NS_PER_S);
	expect(r, 1, 0);
	g_assert_cmphex(esb_get(r, ESB_RELOAD, 2), ==, 0x200);
}

/* The second stage alone, again and again; the board hears of each second end, as the output falls. */
static void test_free_running(struct esb_rig *r, const void *data)
{
	(void)data;
	esb_preload(r, 1, 1000);
	esb_put_config(r, ESB_LOCK, 1, 6);
	world_pass(SLOW_1000_NS + ESB_MS);
	expect(r, 0, 1);
	world_pass(SLOW_1000_NS + ESB_MS);
	expect(r, 0, 1);
	world_pass(8 * (uint64_t)SLOW_1000_NS + 8 * ESB_MS);
	expect(r, 0, 5);
	g_assert_cmphex(esb_get(r, ESB_STATUS, 4), ==, 0);
	/* As fast as the chip may be: not as fast as it would be. */
	esb_put_config(r, ESB_CONFIG, 2, 0x04);
	esb_preload(r, 0, 0);
	esb_reload(r);
	world.wakes = 0;
	world_pass(10 * IOL_NS_PER_S);
	g_assert_cmpuint(world.wakes, <=, 1002);
	g_assert_cmpuint(r->timeouts, <=, 510);
}

/* While vCPUs stand, time does. */
static void test_pause(struct esb_rig *r, const void *data)
{
	(void)data;
	esb_preload(r, 1000, 1000);
	esb_put_config(r, ESB_LOCK, 1, 2);
	world_pass(900 * ESB_MS);
	for (unsigned int i = 0; i < 3; i++) {
		iol_i6300esb_run(r->watchdog, false);
		iol_i6300esb_run(r->watchdog, false);
		world_pass(3600 * IOL_NS_PER_S);
		g_assert_null(world.timer);
		expect(r, 0, 0);
		iol_i6300esb_run(r->watchdog, true);
		iol_i6300esb_run(r->watchdog, true);
		world_pass(30 * ESB_MS);
	}
	expect(r, 0, 0);
	world_pass(4 * ESB_MS);
	expect(r, 1, 0);
	world_pass(900 * ESB_MS);
	iol_i6300esb_run(r->watchdog, false);
	world_pass(3600 * IOL_NS_PER_S);
	iol_i6300esb_run(r->watchdog, true);
	world_pass(80 * ESB_MS);
	expect(r, 1, 0);
	world_pass(20 * ESB_MS);
	expect(r, 1, 1);
}

/* By the timeout bit a guest knows that it was the watchdog. */
static void test_reset(struct esb_rig *r, const void *data)
{
	(void)data;
	esb_preload(r, 100, 100);
	esb_put_config(r, ESB_CONFIG, 2, 0x04);
	esb_put_config(r, ESB_LOCK, 1, 2);
	world_pass(IOL_NS_PER_S);
	expect(r, 1, 1);
	esb_reset(r);
	g_assert_cmpuint(r->quiet, ==, 0); /* nothing was in flight */
	esb_map(r);
	g_assert_cmphex(esb_get(r, ESB_RELOAD, 2), ==, 0x200);
	g_assert_cmphex(esb_get(r, ESB_TIMER1, 4), ==, 0xfffff);
	g_assert_cmphex(esb_get(r, ESB_TIMER2, 4), ==, 0xfffff);
	g_assert_cmphex(esb_get(r, ESB_STATUS, 4), ==, 0);
	g_assert_cmphex(esb_get_config(r, ESB_CONFIG, 2), ==, 0);
	world_pass(3600 * IOL_NS_PER_S);
	expect(r, 1, 1);
	/* A reset while it counts. */
	esb_preload(r, 100, 100);
	esb_put_config(r, ESB_LOCK, 1, 2);
	world_pass(50 * ESB_MS);
	esb_reset(r);
	g_assert_cmpuint(r->quiet, ==, 1);
	world_pass(3600 * IOL_NS_PER_S);
	expect(r, 1, 1);
	esb_reset(r);
	esb_map(r);
	g_assert_cmphex(esb_get(r, ESB_RELOAD, 2), ==, 0x200);
}

static void test_autostart(struct esb_rig *r, const void *data)
{
	(void)data;
	/* Not before there is a guest. */
	world_pass(3600 * IOL_NS_PER_S);
	expect(r, 0, 0);
	for (unsigned int start = 1; start <= 3; start++) {
		iol_i6300esb_run(r->watchdog, true);
		g_assert_cmphex(esb_get_config(r, ESB_CONFIG, 2), ==, 3);
		g_assert_cmphex(esb_get_config(r, ESB_LOCK, 1), ==, 2);
		world_pass(15 * IOL_NS_PER_S - 2 * ESB_MS);
		expect(r, start - 1, start - 1);
		world_pass(3 * ESB_MS);
		expect(r, start, start - 1);
		world_pass(15 * IOL_NS_PER_S - 3 * ESB_MS);
		expect(r, start, start - 1);
		world_pass(4 * ESB_MS);
		expect(r, start, start);
		check_line(r, false);
		esb_reset(r);
	}
}

/* What Linux' driver does, in its order: it takes over, sets its time, starts, serves, stops. */
static void test_linux(struct esb_rig *r, const void *data)
{
	enum { HEARTBEAT_S = 30 };

	(void)data;
	iol_i6300esb_run(r->watchdog, true);
	esb_map(r);
	world_pass(20 * IOL_NS_PER_S);
	esb_put_config(r, ESB_CONFIG, 2, 3);
	g_assert_cmphex(esb_get_config(r, ESB_LOCK, 1), ==, 2); /* not locked */
	esb_put_config(r, ESB_LOCK, 1, 0);
	esb_unlock(r);
	g_assert_cmphex(esb_get(r, ESB_RELOAD, 2), ==, 0);
	esb_put(r, ESB_RELOAD, 2, 0x200);
	esb_preload(r, HEARTBEAT_S << 9, HEARTBEAT_S << 9);
	esb_reload(r);
	world_pass(3600 * IOL_NS_PER_S);
	expect(r, 1, 0);
	esb_reload(r);
	esb_put_config(r, ESB_LOCK, 1, 2);
	for (unsigned int i = 0; i < MORE; i++) {
		world_pass(10 * IOL_NS_PER_S);
		esb_reload(r);
	}
	expect(r, 1, 0);
	esb_reload(r);
	esb_put_config(r, ESB_LOCK, 1, 0);
	g_assert_cmphex(esb_get_config(r, ESB_LOCK, 1), ==, 0);
	world_pass(3600 * IOL_NS_PER_S);
	expect(r, 1, 0);
	esb_put_config(r, ESB_LOCK, 1, 3); /* nowayout */
	world_pass((HEARTBEAT_S + 1) * IOL_NS_PER_S);
	expect(r, 2, 1);
}

/* A process that was stopped for an hour: its guest has the second stage to serve it in. */
static void test_late_loop(struct esb_rig *r, const void *data)
{
	(void)data;
	esb_preload(r, 1000, 1000);
	esb_put_config(r, ESB_LOCK, 1, 2);
	world_turn();
	world.now_ns += 3600 * IOL_NS_PER_S;
	world_turn();
	expect(r, 1, 0);
	world_pass(900 * ESB_MS);
	expect(r, 1, 0);
	esb_reload(r);
	world_pass(900 * ESB_MS);
	expect(r, 1, 0);
}

/* A guest that writes the shortest times as often as it can: a wake for a millisecond, and none for a write. */
static void test_storm(struct esb_rig *r, const void *data)
{
	enum { WRITES = 100000 };

	(void)data;
	esb_put_config(r, ESB_CONFIG, 2, 0x04);
	esb_preload(r, 0, 0);
	world_turn();
	world.wakes = 0;
	for (unsigned int i = 0; i < WRITES; i++) {
		esb_put_config(r, ESB_LOCK, 1, 2 | (i % 2 * 4));
		esb_reload(r);
		esb_put_config(r, ESB_LOCK, 1, i % 3 ? 2 : 0);
		world_pass(1000);
	}
	/* A tenth of a second. */
	g_assert_cmpuint(world.wakes, <=, 210);
	g_assert_cmpuint(r->timeouts + r->pretimeouts, <=, 210);
}

/* Every place, width and many values: it does not break, and works afterwards. */
static void test_hostile(struct esb_rig *r, const void *data)
{
	static const uint64_t values[] = { 0,     1,     0x80,    0x86,      0x100,
					   0x200, 0x300, 0xfffff, UINT64_MAX };

	(void)data;
	for (unsigned int len = 1; len <= 8; len *= 2)
		for (unsigned int at = 0; at <= 0x20; at++)
			for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
				esb_unlock(r);
				esb_put(r, at, len, values[i]);
				esb_get(r, at, len);
				world_pass(1000);
			}
	for (unsigned int at = 0x40; at < 0x100; at++)
		for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
			esb_put_config(r, at, 1, values[i]);
			world_pass(1000);
		}
	esb_reset(r);
	r->pretimeouts = r->timeouts = 0;
	esb_map(r);
	esb_unlock(r);
	esb_put(r, ESB_RELOAD, 2, 0x200);
	esb_preload(r, 1000, 2000);
	esb_put_config(r, ESB_LOCK, 1, 2);
	check_stages(r, SLOW_1000_NS, 2 * (uint64_t)SLOW_1000_NS);
}

/* The machine ends while it counts, and before the loop has heard of it. */
static void test_end(struct esb_rig *r, const void *data)
{
	(void)data;
	esb_preload(r, 1000, 1000);
	esb_put_config(r, ESB_LOCK, 1, 2);
	world_turn();
	g_assert_nonnull(world.timer);
	esb_preload(r, 1, 1);
	esb_reload(r);
	g_assert_nonnull(world.post);
}

static void test_slot_taken(struct esb_rig *r, const void *data)
{
	const struct iol_i6300esb_config config = {
		.host = iol_pci_host_of(r->host),
		.slot = ESB_SLOT,
		.sink = &r->sink,
	};
	struct iol_i6300esb *second;
	struct iol_error err;

	(void)data;
	g_assert_cmpint(iol_i6300esb_new(&config, &second, &err), ==, -EEXIST);
	g_assert_nonnull(strstr(err.msg, "i6300esb"));
}

#define ADD(name, fn) g_test_add("/i6300esb/" name, struct esb_rig, NULL, setup, fn, teardown)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("registers", test_registers);
	ADD("unlock", test_unlock);
	ADD("slow", test_slow);
	ADD("fast", test_fast);
	ADD("served", test_served);
	ADD("disabled", test_disabled);
	ADD("locked", test_locked);
	ADD("interrupt", test_interrupt);
	ADD("output-off", test_output_off);
	ADD("free-running", test_free_running);
	ADD("pause", test_pause);
	ADD("reset", test_reset);
	ADD("late-loop", test_late_loop);
	ADD("storm", test_storm);
	ADD("hostile", test_hostile);
	ADD("end", test_end);
	ADD("slot-taken", test_slot_taken);
	g_test_add("/i6300esb/autostart", struct esb_rig, NULL, setup_autostart, test_autostart,
		   teardown);
	g_test_add("/i6300esb/linux", struct esb_rig, NULL, setup_autostart, test_linux, teardown);
	return g_test_run();
}
