// SPDX-License-Identifier: Apache-2.0
/*
 * A vCPU that stands in the middle of a trap, as after a step over a breakpoint on an instruction that is shorter than the trap: it
 * goes on with what the guest has there (vmm/debug.c, "Out of the middle of a trap").
 */
#include <glib.h>

#include "debug_rig.h"

#define CODE (FAKE_VM_BASE + 0x1000)

static const struct iol_debug_hit step = { .kind = IOL_DEBUG_HIT_STEP };

/* vCPU 1 is in the middle. */
static void start(struct debug_rig *rig)
{
	debug_rig_init(rig);
	debug_rig_start(rig, false);
	rig->target->ops->attach(rig->target);
	*debug_rig_byte(rig, CODE) = 0x55;
	*debug_rig_byte(rig, CODE + 1) = 0x48;
	g_assert_cmpint(rig->target->ops->insert(rig->target, 0, IOL_GDB_SOFT_BREAK, CODE, 1), ==,
			0);
	rig->pc[1] = CODE + 1;
}

static void check_memory(struct debug_rig *rig, uint8_t first, uint8_t second)
{
	g_assert_cmphex(*debug_rig_byte(rig, CODE), ==, first);
	g_assert_cmphex(*debug_rig_byte(rig, CODE + 1), ==, second);
}

/* Only @idx goes on, by a step. */
static void check_passing(struct debug_rig *rig, unsigned int idx)
{
	check_memory(rig, 0x55, 0x48);
	g_assert_cmpint(rig->vm->lifecycle.state, ==, IOL_STATE_RUNNING);
	g_assert_cmpuint(rig->stops, ==, 0);
	for (unsigned int i = 0; i < DEBUG_RIG_CPUS; i++) {
		g_assert_cmpint(rig->setups[i].step, ==, i == idx);
		g_assert_cmpint(rig->vm->vcpus[i].debug_stands, ==, i != idx);
	}
}

static void check_all_run(struct debug_rig *rig)
{
	check_memory(rig, 0xe6, 0xdb);
	g_assert_cmpint(rig->vm->lifecycle.state, ==, IOL_STATE_RUNNING);
	g_assert_cmpuint(rig->stops, ==, 0);
	for (unsigned int i = 0; i < DEBUG_RIG_CPUS; i++) {
		g_assert_false(rig->setups[i].step);
		g_assert_false(rig->vm->vcpus[i].debug_stands);
	}
}

static void go(struct debug_rig *rig)
{
	g_assert_cmpint(debug_rig_resume(rig, IOL_GDB_CONTINUE, -1, 0), ==, 0);
}

static void check_stop(struct debug_rig *rig, enum iol_gdb_stop_reason reason, unsigned int thread)
{
	check_memory(rig, 0xe6, 0xdb);
	g_assert_cmpuint(rig->stops, ==, 1);
	g_assert_cmpint(rig->stop.reason, ==, reason);
	g_assert_cmpuint(rig->stop.thread, ==, thread);
	g_assert_cmpint(rig->vm->lifecycle.state, ==, IOL_STATE_PAUSED);
}

static void test_goes_on(void)
{
	struct debug_rig rig;

	start(&rig);
	go(&rig);
	check_passing(&rig, 1);
	rig.pc[1] = CODE + 4;
	debug_rig_hit(&rig, 1, &step);
	check_all_run(&rig);
	debug_rig_finish(&rig);
}

static void test_two(void)
{
	struct debug_rig rig;

	start(&rig);
	rig.pc[3] = CODE + 1;
	go(&rig);
	check_passing(&rig, 1);
	rig.pc[1] = CODE + 4;
	debug_rig_hit(&rig, 1, &step);
	check_passing(&rig, 3);
	rig.pc[3] = CODE + 4;
	debug_rig_hit(&rig, 3, &step);
	check_all_run(&rig);
	debug_rig_finish(&rig);
}

/* Nobody moves whom the debugger lets stand, and at the trap's start a breakpoint is met. */
static void test_nobody(void)
{
	struct debug_rig rig;

	start(&rig);
	g_assert_cmpint(debug_rig_resume(&rig, IOL_GDB_CONTINUE, 1, IOL_GDB_STAND), ==, 0);
	check_memory(&rig, 0xe6, 0xdb);
	g_assert_true(rig.vm->vcpus[1].debug_stands);
	g_assert_false(rig.vm->vcpus[0].debug_stands);
	debug_rig_finish(&rig);

	start(&rig);
	rig.pc[1] = CODE;
	go(&rig);
	check_all_run(&rig);
	debug_rig_finish(&rig);
}

/* The step that was asked for is that step. */
static void test_step(void)
{
	struct debug_rig rig;

	start(&rig);
	g_assert_cmpint(debug_rig_resume(&rig, IOL_GDB_STAND, 1, IOL_GDB_STEP), ==, 0);
	check_passing(&rig, 1);
	rig.pc[1] = CODE + 4;
	debug_rig_hit(&rig, 1, &step);
	check_stop(&rig, IOL_GDB_STOPPED_STEP, 1);
	debug_rig_finish(&rig);
}

static void test_interrupt(void)
{
	struct debug_rig rig;

	start(&rig);
	go(&rig);
	rig.target->ops->interrupt(rig.target);
	check_stop(&rig, IOL_GDB_STOPPED_INTERRUPT, 0);
	/* It has still to get out. */
	rig.stops = 0;
	go(&rig);
	check_passing(&rig, 1);
	/* The step is done when the interrupt comes: nobody asked for it. */
	rig.pc[1] = CODE + 4;
	rig.debug->cpus[1].hit = step;
	rig.target->ops->interrupt(rig.target);
	check_stop(&rig, IOL_GDB_STOPPED_INTERRUPT, 0);
	debug_rig_finish(&rig);
}

/* What is met by it is told. */
static void test_another_breakpoint(void)
{
	struct debug_rig rig;
	const struct iol_debug_hit met = { .kind = IOL_DEBUG_HIT_BREAK, .address = CODE + 4 };

	start(&rig);
	g_assert_cmpint(rig.target->ops->insert(rig.target, 0, IOL_GDB_HARD_BREAK, CODE + 4, 1), ==,
			0);
	go(&rig);
	check_passing(&rig, 1);
	debug_rig_hit(&rig, 1, &met);
	check_stop(&rig, IOL_GDB_STOPPED_HARD_BREAK, 1);
	debug_rig_finish(&rig);
}

static void test_detach(void)
{
	struct debug_rig rig;

	start(&rig);
	go(&rig);
	rig.target->ops->detach(rig.target, false);
	check_memory(&rig, 0x55, 0x48);
	g_assert_cmpint(rig.vm->lifecycle.state, ==, IOL_STATE_RUNNING);
	for (unsigned int i = 0; i < DEBUG_RIG_CPUS; i++) {
		g_assert_false(rig.setups[i].step);
		g_assert_false(rig.vm->vcpus[i].debug_stands);
	}
	debug_rig_finish(&rig);
}

static void test_reset(void)
{
	struct debug_rig rig;

	start(&rig);
	go(&rig);
	iol_vm_raise(rig.vm, IOL_EVENT_RESET);
	debug_rig_turn(&rig);
	g_assert_cmpuint(rig.vm->lifecycle.reset_count, ==, 1);
	check_memory(&rig, 0, 0);
	g_assert_cmpuint(rig.stops, ==, 0);
	g_assert_cmpint(rig.vm->lifecycle.state, ==, IOL_STATE_RUNNING);
	for (unsigned int i = 0; i < DEBUG_RIG_CPUS; i++) {
		g_assert_false(rig.setups[i].step);
		g_assert_false(rig.vm->vcpus[i].debug_stands);
	}
	debug_rig_finish(&rig);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/debug/middle/goes-on", test_goes_on);
	g_test_add_func("/debug/middle/two", test_two);
	g_test_add_func("/debug/middle/nobody", test_nobody);
	g_test_add_func("/debug/middle/step", test_step);
	g_test_add_func("/debug/middle/interrupt", test_interrupt);
	g_test_add_func("/debug/middle/another-breakpoint", test_another_breakpoint);
	g_test_add_func("/debug/middle/detach", test_detach);
	g_test_add_func("/debug/middle/reset", test_reset);
	return g_test_run();
}
