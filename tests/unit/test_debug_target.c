// SPDX-License-Identifier: Apache-2.0
/* A machine as the target of a debugger: running, stopping, coming and going, resets and ends (vmm/debug.c). */
#include <errno.h>
#include <glib.h>

#include "debug_rig.h"

#define CODE (FAKE_VM_BASE + 0x1000)

static const struct iol_debug_hit trap = { .kind = IOL_DEBUG_HIT_TRAP };
static const struct iol_debug_hit step = { .kind = IOL_DEBUG_HIT_STEP };

static enum iol_state state(const struct debug_rig *rig)
{
	return rig->vm->lifecycle.state;
}

static void start(struct debug_rig *rig)
{
	debug_rig_init(rig);
	debug_rig_start(rig, false);
	rig->target->ops->attach(rig->target);
	g_assert_cmpint(state(rig), ==, IOL_STATE_PAUSED);
}

static void insert(struct debug_rig *rig, enum iol_gdb_point point, uint64_t address)
{
	g_assert_cmpint(rig->target->ops->insert(rig->target, 0, point, address, 4), ==, 0);
}

static void go(struct debug_rig *rig)
{
	g_assert_cmpint(debug_rig_resume(rig, IOL_GDB_CONTINUE, -1, 0), ==, 0);
	g_assert_cmpint(state(rig), ==, IOL_STATE_RUNNING);
}

static void check_stop(const struct debug_rig *rig, unsigned int stops,
		       enum iol_gdb_stop_reason reason, unsigned int thread)
{
	g_assert_cmpuint(rig->stops, ==, stops);
	g_assert_cmpint(rig->stop.reason, ==, reason);
	g_assert_cmpuint(rig->stop.thread, ==, thread);
	g_assert_cmpint(state(rig), ==, IOL_STATE_PAUSED);
	g_assert_false(rig->vm->vcpus_run);
}

static void test_break(void)
{
	struct debug_rig rig;

	start(&rig);
	insert(&rig, IOL_GDB_SOFT_BREAK, CODE);
	go(&rig);
	g_assert_true(rig.setups[3].traps);
	rig.pc[2] = CODE + 2;
	debug_rig_hit(&rig, 2, &trap);
	check_stop(&rig, 1, IOL_GDB_STOPPED_SOFT_BREAK, 2);
	g_assert_cmphex(rig.pc[2], ==, CODE);
	g_assert_cmpuint(rig.target->ops->stopped_thread(rig.target), ==, 2);
	/* It goes on like the others. */
	go(&rig);
	g_assert_false(rig.vm->vcpus[2].debug_stands);
	debug_rig_finish(&rig);
}

/* Two at once: one is told; the other is back at its breakpoint and meets it again. */
static void test_two_breaks(void)
{
	struct debug_rig rig;

	start(&rig);
	insert(&rig, IOL_GDB_SOFT_BREAK, CODE);
	go(&rig);
	rig.pc[1] = rig.pc[3] = CODE + 2;
	rig.debug->cpus[3].hit = trap;
	debug_rig_hit(&rig, 1, &trap);
	check_stop(&rig, 1, IOL_GDB_STOPPED_SOFT_BREAK, 1);
	g_assert_cmphex(rig.pc[1], ==, CODE);
	g_assert_cmphex(rig.pc[3], ==, CODE);
	/* Its own post comes late, and is about nothing. */
	go(&rig);
	iol_loop_post(&rig.vm->loop, &rig.debug->post);
	debug_rig_turn(&rig);
	g_assert_cmpuint(rig.stops, ==, 1);
	g_assert_cmpint(state(&rig), ==, IOL_STATE_RUNNING);
	g_assert_true(rig.vm->vcpus_run);
	debug_rig_finish(&rig);
}

/* Kernels have trap instructions of their own. */
static void test_guests_own_trap(void)
{
	struct debug_rig rig;

	start(&rig);
	insert(&rig, IOL_GDB_SOFT_BREAK, CODE);
	go(&rig);
	rig.pc[0] = CODE + 102;
	debug_rig_hit(&rig, 0, &trap);
	g_assert_cmpuint(rig.stops, ==, 0);
	g_assert_cmpuint(rig.given_back, ==, 1);
	g_assert_cmphex(rig.pc[0], ==, CODE + 102);
	g_assert_cmpint(state(&rig), ==, IOL_STATE_RUNNING);
	g_assert_true(rig.vm->vcpus_run);
	g_assert_false(rig.vm->vcpus[0].debug_stands);
	debug_rig_finish(&rig);
}

/* A write to the port that breakpoints use may be the guest's own. */
static void test_port(void)
{
	struct debug_rig rig;

	debug_rig_init(&rig);
	rig.caps.trap_port = 0xdb;
	debug_rig_start(&rig, false);
	rig.target->ops->attach(rig.target);
	go(&rig);
	g_assert_false(iol_debug_caught_port(&rig.vm->vcpus[0], 0xdb)); /* no breakpoints */
	rig.target->ops->interrupt(rig.target);
	insert(&rig, IOL_GDB_SOFT_BREAK, CODE);
	go(&rig);
	g_assert_false(iol_debug_caught_port(&rig.vm->vcpus[0], 0x80));
	g_assert_true(iol_debug_caught_port(&rig.vm->vcpus[0], 0xdb));
	rig.pc[0] = 0x4002;
	iol_debug_stands(&rig.vm->vcpus[0]);
	debug_rig_turn(&rig);
	g_assert_cmpuint(rig.stops, ==, 1); /* the interrupt's */
	g_assert_cmpuint(rig.given_back, ==, 0);
	g_assert_cmphex(rig.pc[0], ==, 0x4002);
	g_assert_cmpint(state(&rig), ==, IOL_STATE_RUNNING);
	debug_rig_finish(&rig);
}

static void test_step(void)
{
	struct debug_rig rig;

	start(&rig);
	g_assert_cmpint(debug_rig_resume(&rig, IOL_GDB_STAND, 1, IOL_GDB_STEP), ==, 0);
	g_assert_true(rig.setups[1].step);
	g_assert_false(rig.setups[0].step);
	g_assert_true(rig.vm->vcpus[0].debug_stands);
	g_assert_false(rig.vm->vcpus[1].debug_stands);
	debug_rig_hit(&rig, 1, &step);
	check_stop(&rig, 1, IOL_GDB_STOPPED_STEP, 1);
	go(&rig);
	g_assert_false(rig.setups[1].step);
	g_assert_false(rig.vm->vcpus[0].debug_stands);
	debug_rig_finish(&rig);
}

static void test_no_steps(void)
{
	struct debug_rig rig;

	debug_rig_init(&rig);
	rig.caps.steps = false;
	debug_rig_start(&rig, false);
	rig.target->ops->attach(rig.target);
	g_assert_cmpint(debug_rig_resume(&rig, IOL_GDB_STAND, 1, IOL_GDB_STEP), ==, -ENOTSUP);
	g_assert_cmpint(state(&rig), ==, IOL_STATE_PAUSED);
	debug_rig_finish(&rig);
}

/* An access that was watched does not happen again: it is told sooner or later. */
static void test_watch_is_kept(void)
{
	struct debug_rig rig;

	start(&rig);
	insert(&rig, IOL_GDB_WATCH_WRITE, CODE);
	insert(&rig, IOL_GDB_WATCH_WRITE, CODE + 8);
	go(&rig);
	rig.debug->cpus[2].hit =
		(struct iol_debug_hit){ .kind = IOL_DEBUG_HIT_WATCH, .address = CODE + 10 };
	debug_rig_hit(&rig, 0, &(struct iol_debug_hit){ .kind = IOL_DEBUG_HIT_WATCH, .points = 1 });
	check_stop(&rig, 1, IOL_GDB_STOPPED_WATCH_WRITE, 0);
	g_assert_cmphex(rig.stop.address, ==, CODE);
	g_assert_cmpint(debug_rig_resume(&rig, IOL_GDB_CONTINUE, -1, 0), ==, 0);
	check_stop(&rig, 2, IOL_GDB_STOPPED_WATCH_WRITE, 2);
	g_assert_cmphex(rig.stop.address, ==, CODE + 8);
	go(&rig);
	/* Not of a watchpoint that is gone. */
	rig.target->ops->interrupt(rig.target);
	rig.debug->cpus[2].hit =
		(struct iol_debug_hit){ .kind = IOL_DEBUG_HIT_WATCH, .address = CODE + 10 };
	rig.target->ops->remove(rig.target, 0, IOL_GDB_WATCH_WRITE, CODE + 8, 4);
	go(&rig);
	g_assert_cmpuint(rig.stops, ==, 3);
	debug_rig_finish(&rig);
}

static void test_interrupt(void)
{
	struct debug_rig rig;

	start(&rig);
	rig.target->ops->interrupt(rig.target); /* it stands */
	g_assert_cmpuint(rig.stops, ==, 0);
	go(&rig);
	rig.target->ops->interrupt(rig.target);
	check_stop(&rig, 1, IOL_GDB_STOPPED_INTERRUPT, 0);
	/* One that comes as a breakpoint is met. */
	insert(&rig, IOL_GDB_SOFT_BREAK, CODE);
	go(&rig);
	rig.pc[1] = CODE + 2;
	rig.debug->cpus[1].hit = trap;
	rig.target->ops->interrupt(rig.target);
	check_stop(&rig, 2, IOL_GDB_STOPPED_SOFT_BREAK, 1);
	debug_rig_finish(&rig);
}

static void test_somebody_else(void)
{
	struct debug_rig rig;

	start(&rig);
	/* While the debugger has it stand, nobody lets it run. */
	g_assert_cmpint(iol_vm_resume(rig.vm), ==, -EBUSY);
	go(&rig);
	g_assert_cmpint(iol_vm_pause(rig.vm), ==, 0);
	check_stop(&rig, 1, IOL_GDB_STOPPED_PAUSED, 0);
	debug_rig_finish(&rig);
}

static void test_detach(void)
{
	struct debug_rig rig;

	start(&rig);
	insert(&rig, IOL_GDB_SOFT_BREAK, CODE);
	insert(&rig, IOL_GDB_HARD_BREAK, CODE);
	go(&rig);
	/* It vanishes while the machine runs, and a breakpoint has just been met. */
	rig.pc[1] = CODE + 2;
	rig.debug->cpus[1].hit = trap;
	iol_debug_stands(&rig.vm->vcpus[1]);
	rig.target->ops->detach(rig.target, false);
	g_assert_cmpuint(rig.stops, ==, 0);
	g_assert_cmphex(rig.pc[1], ==, CODE);
	g_assert_cmphex(*debug_rig_byte(&rig, CODE), ==, 0);
	for (unsigned int i = 0; i < DEBUG_RIG_CPUS; i++) {
		g_assert_false(rig.setups[i].traps);
		g_assert_cmpuint(rig.setups[i].hard_count, ==, 0);
		g_assert_false(rig.vm->vcpus[i].debug_stands);
	}
	g_assert_cmpint(state(&rig), ==, IOL_STATE_RUNNING);
	debug_rig_turn(&rig); /* the late post */
	g_assert_cmpint(state(&rig), ==, IOL_STATE_RUNNING);
	g_assert_true(rig.vm->vcpus_run);
	rig.target->ops->detach(rig.target, false); /* nobody is there */
	debug_rig_finish(&rig);
}

/* A machine that waits for a debugger waits on when one has only looked; it runs when it was let go. */
static void test_wait(void)
{
	struct debug_rig rig;

	debug_rig_init(&rig);
	debug_rig_start(&rig, true);
	rig.target->ops->attach(rig.target);
	rig.target->ops->detach(rig.target, false);
	g_assert_cmpint(state(&rig), ==, IOL_STATE_PAUSED);
	rig.target->ops->attach(rig.target);
	rig.target->ops->detach(rig.target, true);
	g_assert_cmpint(state(&rig), ==, IOL_STATE_RUNNING);
	debug_rig_finish(&rig);

	debug_rig_init(&rig);
	debug_rig_start(&rig, true);
	rig.target->ops->attach(rig.target);
	go(&rig);
	rig.target->ops->interrupt(rig.target);
	rig.target->ops->detach(rig.target, false);
	g_assert_cmpint(state(&rig), ==, IOL_STATE_RUNNING);
	debug_rig_finish(&rig);
}

static void reset(struct debug_rig *rig)
{
	iol_vm_raise(rig->vm, IOL_EVENT_RESET);
	debug_rig_turn(rig);
}

/* What a kernel's file puts there is at the start of the virtual memory. */
static void test_reset(void)
{
	struct debug_rig rig;

	start(&rig);
	*debug_rig_byte(&rig, FAKE_VM_BASE) = 1;
	*debug_rig_byte(&rig, FAKE_VM_BASE + 1) = 2;
	*debug_rig_byte(&rig, CODE) = 0x33; /* will not be there */
	insert(&rig, IOL_GDB_SOFT_BREAK, FAKE_VM_BASE);
	insert(&rig, IOL_GDB_SOFT_BREAK, CODE);
	go(&rig);
	rig.vm->vcpus[1].debug_stands = true;
	reset(&rig);
	g_assert_cmpuint(rig.vm->lifecycle.reset_count, ==, 1);
	g_assert_cmpint(state(&rig), ==, IOL_STATE_RUNNING);
	g_assert_cmpuint(rig.stops, ==, 0);
	g_assert_false(rig.vm->vcpus[1].debug_stands);
	g_assert_cmphex(*debug_rig_byte(&rig, FAKE_VM_BASE), ==, 0xe6);
	g_assert_cmphex(*debug_rig_byte(&rig, CODE), ==, 0);
	rig.target->ops->detach(rig.target, true);
	g_assert_cmphex(*debug_rig_byte(&rig, FAKE_VM_BASE), ==, 1);
	g_assert_cmphex(*debug_rig_byte(&rig, CODE), ==, 0);
	debug_rig_finish(&rig);
}

/* A thread that steps stands at the machine's first instruction afterwards, and this is told. */
static void test_reset_in_step(void)
{
	struct debug_rig rig;

	start(&rig);
	g_assert_cmpint(debug_rig_resume(&rig, IOL_GDB_CONTINUE, 2, IOL_GDB_STEP), ==, 0);
	rig.setup_calls = 0;
	reset(&rig);
	check_stop(&rig, 1, IOL_GDB_STOPPED_RESET, 0);
	g_assert_cmpuint(rig.setup_calls, ==, 1); /* the one that has something set */
	/* By the debugger's order: it stands as before. */
	reset(&rig);
	g_assert_cmpuint(rig.stops, ==, 1);
	g_assert_cmpint(state(&rig), ==, IOL_STATE_PAUSED);
	go(&rig);
	debug_rig_finish(&rig);
}

static void check_end(enum iol_event event, unsigned int status)
{
	struct debug_rig rig;

	start(&rig);
	go(&rig);
	iol_vm_raise(rig.vm, event);
	debug_rig_turn(&rig);
	g_assert_true(rig.exited);
	g_assert_cmpuint(rig.status, ==, status);
	g_assert_cmpuint(rig.stops, ==, 0);
	g_assert_cmpint(debug_rig_resume(&rig, IOL_GDB_CONTINUE, -1, 0), ==, -ESRCH);
	rig.target->ops->interrupt(rig.target);
	rig.target->ops->detach(rig.target, true);
	g_assert_cmpint(state(&rig), ==, IOL_STATE_STOPPED);
	g_assert_cmpuint(rig.stops, ==, 0);
	debug_rig_finish(&rig);
}

static void test_ends(void)
{
	check_end(IOL_EVENT_POWEROFF, 0);
	check_end(IOL_EVENT_STOP, 0);
	check_end(IOL_EVENT_CRASH, 3);
	check_end(IOL_EVENT_PANIC, 4);
	check_end(IOL_EVENT_KVM_ERROR, 3);
	check_end(IOL_EVENT_EMULATION_FAILED, 3);
}

static void test_kill(void)
{
	struct debug_rig rig;

	start(&rig);
	rig.target->ops->kill(rig.target);
	debug_rig_turn(&rig);
	g_assert_cmpint(state(&rig), ==, IOL_STATE_STOPPED);
	g_assert_cmpint(rig.vm->lifecycle.cause, ==, IOL_CAUSE_STOP);
	g_assert_true(rig.exited);
	debug_rig_finish(&rig);
}

static void test_threads(void)
{
	struct debug_rig rig;
	char text[IOL_GDB_THREAD_INFO_BYTES];

	start(&rig);
	rig.vm->vcpus[1].held = true;
	iol_vcpu_park(&rig.vm->vcpus[2]);
	g_assert_cmpuint(rig.target->ops->thread_count(rig.target), ==, DEBUG_RIG_CPUS);
	rig.target->ops->thread_info(rig.target, 0, text);
	g_assert_cmpstr(text, ==, "stopped");
	rig.target->ops->thread_info(rig.target, 1, text);
	g_assert_cmpstr(text, ==, "waits for the machine's reset or end");
	rig.target->ops->thread_info(rig.target, 2, text);
	g_assert_cmpstr(text, ==, "parked: not started yet");
	go(&rig);
	rig.target->ops->thread_info(rig.target, 0, text);
	g_assert_cmpstr(text, ==, "running");
	debug_rig_finish(&rig);
}

/* Without a debugger's address there is nothing of it, and nothing is asked. */
static void test_none(void)
{
	struct debug_rig rig;

	debug_rig_init(&rig);
	rig.config.has_gdb = false;
	rig.vm = g_new0(struct iol_vm, 1);
	rig.vm->config = &rig.config;
	rig.vm->arch = &rig.arch;
	g_assert_cmpint(iol_debug_init(rig.vm, NULL), ==, 0);
	g_assert_null(rig.vm->debug);
	g_assert_null(iol_debug_target(rig.vm));
	g_assert_false(iol_debug_holds(rig.vm));
	g_assert_false(iol_debug_restored(rig.vm));
	iol_debug_paused(rig.vm);
	iol_debug_ended(rig.vm);
	iol_debug_finish(rig.vm);
	g_free(rig.vm);
	iol_config_finish(&rig.config);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/debug/target/break", test_break);
	g_test_add_func("/debug/target/two-breaks", test_two_breaks);
	g_test_add_func("/debug/target/guests-own-trap", test_guests_own_trap);
	g_test_add_func("/debug/target/port", test_port);
	g_test_add_func("/debug/target/step", test_step);
	g_test_add_func("/debug/target/no-steps", test_no_steps);
	g_test_add_func("/debug/target/watch-is-kept", test_watch_is_kept);
	g_test_add_func("/debug/target/interrupt", test_interrupt);
	g_test_add_func("/debug/target/somebody-else", test_somebody_else);
	g_test_add_func("/debug/target/detach", test_detach);
	g_test_add_func("/debug/target/wait", test_wait);
	g_test_add_func("/debug/target/reset", test_reset);
	g_test_add_func("/debug/target/reset-in-step", test_reset_in_step);
	g_test_add_func("/debug/target/ends", test_ends);
	g_test_add_func("/debug/target/kill", test_kill);
	g_test_add_func("/debug/target/threads", test_threads);
	g_test_add_func("/debug/target/none", test_none);
	return g_test_run();
}
