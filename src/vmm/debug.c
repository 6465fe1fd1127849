// SPDX-License-Identifier: Apache-2.0
/*
 * A machine as the target of a debugger. See debug.h.
 *
 * A vCPU that catches something (a step, a breakpoint, a watchpoint) notes it, stands, and posts to the loop; the loop brings
 * the others to their safe points, looks at what was caught and reports one thing. What is not reported is not lost: a
 * vCPU at a breakpoint meets it again when it goes on, and an access that was watched is reported at the next resume.
 *
 * iol_debug_caught(), _caught_port() and _stands() run on the vCPU's thread, the rest on the loop's.
 */
#include "control.h"
#include "debug_internal.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#include <iolite/exit_status.h>
#include <iolite/log.h>

#include "monitor.h"

static struct iol_debug *debug_of(struct iol_gdb_target *target)
{
	return iol_container_of(target, struct iol_debug, target);
}

static const struct iol_arch_debug_ops *ops_of(const struct iol_debug *debug)
{
	return debug->vm->arch->kvm->debug;
}

/* ---- What vCPUs catch ---- */

enum iol_vcpu_action iol_debug_caught(struct iol_vcpu *vcpu)
{
	struct iol_debug *debug = vcpu->vm->debug;
	struct iol_debug_cpu *cpu = &debug->cpus[vcpu->idx];

	memset(&cpu->hit, 0, sizeof(cpu->hit));
	ops_of(debug)->caught(vcpu, vcpu->run, &cpu->setup, &cpu->hit);
	return cpu->hit.kind == IOL_DEBUG_NO_HIT ? IOL_VCPU_CONTINUE : IOL_VCPU_STAND;
}

bool iol_debug_caught_port(struct iol_vcpu *vcpu, uint16_t port)
{
	struct iol_debug *debug = vcpu->vm->debug;
	struct iol_debug_cpu *cpu = &debug->cpus[vcpu->idx];

	if (port != debug->caps.trap_port || !cpu->setup.traps)
		return false;
	cpu->hit = (struct iol_debug_hit){ .kind = IOL_DEBUG_HIT_TRAP };
	return true;
}

void iol_debug_stands(struct iol_vcpu *vcpu)
{
	pthread_mutex_lock(&vcpu->vm->vcpu_lock);
	vcpu->debug_stands = true;
	pthread_mutex_unlock(&vcpu->vm->vcpu_lock);
	iol_loop_post(&vcpu->vm->loop, &vcpu->vm->debug->post);
}

/* ---- What of it is reported ---- */

/* A trap instruction was met: one of ours becomes a breakpoint at its place; the guest's own are given back to it. */
static void settle_trap(struct iol_debug *debug, unsigned int idx)
{
	struct iol_debug_hit *hit = &debug->cpus[idx].hit;
	struct iol_vcpu *vcpu = &debug->vm->vcpus[idx];
	uint64_t pc = 0;

	if (!ops_of(debug)->get_pc(vcpu, &pc)) {
		hit->address = pc - debug->caps.trap_pc_behind;
		if (iol_debug_is_soft(debug, hit->address)) {
			if (debug->caps.trap_pc_behind)
				ops_of(debug)->set_pc(vcpu, hit->address);
			return;
		}
	}
	/* A write to a port that was the guest's own is done, and needs nothing. */
	if (debug->caps.trap_port >= 0 ||
	    (ops_of(debug)->give_back && !ops_of(debug)->give_back(vcpu)))
		hit->kind = IOL_DEBUG_NO_HIT;
	/* Whoever steps over it is done; whoever could not give it back leaves it to a person to move the pc on. */
	if (hit->kind == IOL_DEBUG_HIT_TRAP || debug->cpus[idx].action == IOL_GDB_STEP)
		hit->kind = IOL_DEBUG_HIT_STEP;
}

static bool watch_stop(const struct iol_debug *debug, const struct iol_debug_hit *hit,
		       struct iol_gdb_stop *stop)
{
	int n = iol_debug_point_of(debug, hit);

	if (n < 0)
		return false;
	switch (debug->points.asked[n]) {
	case IOL_GDB_WATCH_READ:
		stop->reason = IOL_GDB_STOPPED_WATCH_READ;
		break;
	case IOL_GDB_WATCH_ACCESS:
		stop->reason = IOL_GDB_STOPPED_WATCH_ACCESS;
		break;
	default:
		stop->reason = IOL_GDB_STOPPED_WATCH_WRITE;
		break;
	}
	stop->address = debug->points.hard[n].address;
	return true;
}

/* What there is to say of a vCPU; false: nothing. */
static bool stop_of(const struct iol_debug *debug, unsigned int idx, struct iol_gdb_stop *stop)
{
	const struct iol_debug_hit *hit = &debug->cpus[idx].hit;
	int n;

	*stop = (struct iol_gdb_stop){ .thread = idx };
	switch (hit->kind) {
	case IOL_DEBUG_NO_HIT:
		return false;
	case IOL_DEBUG_HIT_STEP:
		stop->reason = IOL_GDB_STOPPED_STEP;
		return true;
	case IOL_DEBUG_HIT_TRAP:
		stop->reason = IOL_GDB_STOPPED_SOFT_BREAK;
		return true;
	case IOL_DEBUG_HIT_BREAK:
		n = iol_debug_point_of(debug, hit);
		stop->reason = n >= 0 && debug->points.asked[n] == IOL_GDB_SOFT_BREAK
				       ? IOL_GDB_STOPPED_SOFT_BREAK
				       : IOL_GDB_STOPPED_HARD_BREAK;
		return n >= 0;
	case IOL_DEBUG_HIT_WATCH:
		return watch_stop(debug, hit, stop);
	}
	return false;
}

/* A watched access does not come again, a step was asked for; breakpoints are met again. */
static unsigned int rank(const struct iol_gdb_stop *stop)
{
	switch (stop->reason) {
	case IOL_GDB_STOPPED_WATCH_WRITE:
	case IOL_GDB_STOPPED_WATCH_READ:
	case IOL_GDB_STOPPED_WATCH_ACCESS:
		return 3;
	case IOL_GDB_STOPPED_STEP:
		return 2;
	default:
		return 1;
	}
}

/*
 * Chooses among what the vCPUs, which all stand, have caught; false when there is nothing. Of the others watched accesses
 * stay for the next time.
 */
static bool choose_stop(struct iol_debug *debug, struct iol_gdb_stop *chosen)
{
	unsigned int best = 0;

	for (unsigned int i = 0; i < debug->vm->vcpu_count; i++) {
		struct iol_gdb_stop stop;

		if (debug->cpus[i].hit.kind == IOL_DEBUG_HIT_TRAP)
			settle_trap(debug, i);
		if (!stop_of(debug, i, &stop)) {
			debug->cpus[i].hit.kind = IOL_DEBUG_NO_HIT;
		} else if (rank(&stop) > best) {
			best = rank(&stop);
			*chosen = stop;
		}
	}
	for (unsigned int i = 0; i < debug->vm->vcpu_count; i++)
		if ((best && i == chosen->thread) || debug->cpus[i].hit.kind != IOL_DEBUG_HIT_WATCH)
			debug->cpus[i].hit.kind = IOL_DEBUG_NO_HIT;
	return best;
}

/* The machine stands. */
static void report(struct iol_debug *debug, const struct iol_gdb_stop *stop)
{
	debug->running = false;
	debug->stop_wanted = false;
	debug->stopped_thread = debug->asked_thread = stop->thread;
	if (debug->target.session)
		iol_gdb_session_stopped(debug->target.session, stop);
}

/* Who was caught and has nothing to say goes on as the others do. */
static void set_standing(struct iol_debug *debug)
{
	struct iol_vm *vm = debug->vm;

	pthread_mutex_lock(&vm->vcpu_lock);
	for (unsigned int i = 0; i < vm->vcpu_count; i++)
		vm->vcpus[i].debug_stands =
			debug->attached && debug->cpus[i].action == IOL_GDB_STAND;
	pthread_mutex_unlock(&vm->vcpu_lock);
}

static int arm_all(struct iol_debug *debug)
{
	int ret = 0;

	for (unsigned int i = 0; i < debug->vm->vcpu_count; i++) {
		int error = iol_debug_arm(debug, i, debug->cpus[i].action == IOL_GDB_STEP);

		ret = ret ? ret : error;
	}
	return ret;
}

/* ---- Out of the middle of a trap: one vCPU at a time, by a step that nobody is told of ---- */

static void end_pass(struct iol_debug *debug)
{
	debug->passing = false;
	for (unsigned int i = 0; i < debug->vm->vcpu_count; i++)
		debug->cpus[i].action = debug->cpus[i].wanted;
}

/* The vCPUs, which stand, are made to do what is wanted of them, or what has to come before. */
static int prepare(struct iol_debug *debug)
{
	int ret;

	end_pass(debug);
	for (unsigned int i = 0; i < debug->vm->vcpu_count && !debug->passing; i++) {
		if (debug->cpus[i].wanted == IOL_GDB_STAND || !iol_debug_lift(debug, i))
			continue;
		debug->passing = true;
		debug->passing_cpu = i;
	}
	for (unsigned int i = 0; i < debug->vm->vcpu_count && debug->passing; i++)
		debug->cpus[i].action = i == debug->passing_cpu ? IOL_GDB_STEP : IOL_GDB_STAND;
	ret = arm_all(debug);
	if (ret && debug->passing) {
		iol_debug_put_back(debug);
		end_pass(debug);
	}
	if (!ret)
		set_standing(debug);
	return ret;
}

/* The vCPUs stand, for @stop or for another reason (NULL): true when it is no more than the end of such a step. */
static bool passed(struct iol_debug *debug, const struct iol_gdb_stop *stop)
{
	if (!debug->passing)
		return false;
	iol_debug_put_back(debug);
	end_pass(debug);
	return stop && stop->reason == IOL_GDB_STOPPED_STEP &&
	       debug->cpus[stop->thread].wanted != IOL_GDB_STEP;
}

static void run_post(struct iol_post *post)
{
	struct iol_debug *debug = iol_container_of(post, struct iol_debug, post);
	struct iol_vm *vm = debug->vm;
	struct iol_gdb_stop stop;

	/* A client that left, or that was told of a stop, wants to know of none. */
	if (debug->attached && !debug->running)
		return;
	if (vm->lifecycle.state != IOL_STATE_RUNNING)
		return; /* looked at when it runs again, or is reset */
	iol_vcpus_pause(vm);
	if (!choose_stop(debug, &stop) || !debug->attached) {
		set_standing(debug);
	} else if (!passed(debug, &stop) || prepare(debug)) {
		vm->lifecycle.state = IOL_STATE_PAUSED;
		iol_vm_control_follow(vm);
		report(debug, &stop);
		return;
	}
	iol_vcpus_resume(vm);
}

/* ---- Coming and going ---- */

static void set_actions(struct iol_debug *debug, enum iol_gdb_action action)
{
	for (unsigned int i = 0; i < debug->vm->vcpu_count; i++)
		debug->cpus[i].action = debug->cpus[i].wanted = action;
}

/* The machine comes to stand for the client, now or when its reset is done. */
static void halt(struct iol_vm *vm)
{
	if (vm->lifecycle.state == IOL_STATE_RESETTING)
		vm->lifecycle.paused_before = true;
	else
		iol_vm_pause(vm);
}

static bool would_run(const struct iol_vm *vm)
{
	const struct iol_lifecycle *lc = &vm->lifecycle;

	return lc->state == IOL_STATE_RUNNING ||
	       (lc->state == IOL_STATE_RESETTING && !lc->paused_before);
}

static void let_run(struct iol_vm *vm)
{
	if (vm->lifecycle.state == IOL_STATE_RESETTING)
		vm->lifecycle.paused_before = false;
	else
		iol_vm_resume(vm);
}

static void target_attach(struct iol_gdb_target *target)
{
	struct iol_debug *debug = debug_of(target);

	debug->run_on_detach = would_run(debug->vm);
	halt(debug->vm);
	debug->attached = true;
	debug->running = debug->stop_wanted = false;
	debug->physical = false;
	debug->stopped_thread = debug->asked_thread = 0;
}

static void target_detach(struct iol_gdb_target *target, bool let_go)
{
	struct iol_debug *debug = debug_of(target);
	struct iol_vm *vm = debug->vm;
	struct iol_gdb_stop unsaid;

	if (!debug->attached)
		return;
	debug->running = false;
	if (vm->lifecycle.state == IOL_STATE_RUNNING)
		iol_vm_pause(vm);
	choose_stop(debug, &unsaid); /* a pc behind a trap of ours goes back to it */
	passed(debug, NULL);
	iol_debug_remove_all(debug);
	set_actions(debug, IOL_GDB_CONTINUE);
	if (arm_all(debug))
		iol_log(IOL_LOG_WARN, "gdb: KVM does not let go of a vCPU's breakpoints");
	for (unsigned int i = 0; i < vm->vcpu_count; i++)
		debug->cpus[i].hit.kind = IOL_DEBUG_NO_HIT;
	debug->attached = debug->stop_wanted = false;
	set_standing(debug);
	if (debug->run_on_detach || let_go)
		let_run(vm);
}

static void target_kill(struct iol_gdb_target *target)
{
	iol_log(IOL_LOG_INFO, "gdb: the debugger ends the machine");
	iol_vm_raise(debug_of(target)->vm, IOL_EVENT_STOP);
}

/* ---- Running ---- */

static bool may_step(const struct iol_debug *debug, const enum iol_gdb_action *actions)
{
	for (unsigned int i = 0; i < debug->vm->vcpu_count; i++)
		if (actions[i] == IOL_GDB_STEP && !debug->caps.steps)
			return false;
	return true;
}

static int target_resume(struct iol_gdb_target *target, const enum iol_gdb_action *actions)
{
	struct iol_debug *debug = debug_of(target);
	struct iol_vm *vm = debug->vm;
	struct iol_gdb_stop stop;
	int ret;

	if (vm->lifecycle.state == IOL_STATE_STOPPED)
		return -ESRCH;
	if (!may_step(debug, actions))
		return -ENOTSUP;
	if (choose_stop(debug, &stop)) {
		report(debug, &stop); /* left from the last time */
		return 0;
	}
	for (unsigned int i = 0; i < vm->vcpu_count; i++)
		debug->cpus[i].wanted = actions[i];
	ret = prepare(debug);
	if (ret)
		return ret;
	debug->running = true;
	debug->run_on_detach = true;
	let_run(vm);
	return 0;
}

static void target_interrupt(struct iol_gdb_target *target)
{
	struct iol_debug *debug = debug_of(target);

	if (!debug->running)
		return;
	/* Reported when the machine stands: at once, or when its reset is done. */
	debug->stop_wanted = true;
	halt(debug->vm);
}

/* ---- The machine's doings ---- */

bool iol_debug_holds(const struct iol_vm *vm)
{
	return vm->debug && vm->debug->attached && !vm->debug->running;
}

bool iol_debug_asks(const struct iol_vm *vm)
{
	return vm->debug && vm->debug->asks;
}

/* A step that a reset interrupted ends where the machine begins. */
static bool steps(const struct iol_debug *debug)
{
	for (unsigned int i = 0; i < debug->vm->vcpu_count; i++)
		if (debug->cpus[i].action == IOL_GDB_STEP)
			return debug->running;
	return false;
}

bool iol_debug_restored(struct iol_vm *vm)
{
	struct iol_debug *debug = vm->debug;

	if (!debug)
		return false;
	if (debug->passing) {
		end_pass(debug);
		arm_all(debug); /* the vCPU that stepped out of a trap is not in one any more */
	}
	iol_debug_replace(debug);
	for (unsigned int i = 0; i < vm->vcpu_count; i++) {
		debug->cpus[i].hit.kind = IOL_DEBUG_NO_HIT;
		iol_debug_rearm(debug, i);
	}
	set_standing(debug);
	return iol_debug_holds(vm) || debug->stop_wanted || steps(debug);
}

void iol_debug_paused(struct iol_vm *vm)
{
	struct iol_debug *debug = vm->debug;
	struct iol_gdb_stop stop;
	bool chosen;

	if (!debug || !debug->attached || !debug->running)
		return;
	chosen = choose_stop(debug, &stop);
	if (passed(debug, chosen ? &stop : NULL) || !chosen) {
		stop = (struct iol_gdb_stop){ .thread = debug->stopped_thread };
		stop.reason = debug->stop_wanted ? IOL_GDB_STOPPED_INTERRUPT
			      : steps(debug)     ? IOL_GDB_STOPPED_RESET
						 : IOL_GDB_STOPPED_PAUSED;
	}
	report(debug, &stop);
}

void iol_debug_ended(struct iol_vm *vm)
{
	if (vm->debug && vm->debug->target.session)
		iol_gdb_session_exited(vm->debug->target.session,
				       iol_cause_exit(vm->lifecycle.cause));
}

/* ---- The rest of the target ---- */

static const struct iol_gdb_description *target_describe(struct iol_gdb_target *target)
{
	struct iol_debug *debug = debug_of(target);

	return ops_of(debug)->describe(debug->vm);
}

static unsigned int target_thread_count(struct iol_gdb_target *target)
{
	return debug_of(target)->vm->vcpu_count;
}

static void target_thread_info(struct iol_gdb_target *target, unsigned int thread, char *text)
{
	struct iol_debug *debug = debug_of(target);
	const struct iol_arch_debug_ops *ops = ops_of(debug);
	struct iol_vcpu *vcpu = &debug->vm->vcpus[thread];
	const char *activity = NULL;
	bool held, parked;

	pthread_mutex_lock(&debug->vm->vcpu_lock);
	held = vcpu->held;
	parked = vcpu->parked;
	pthread_mutex_unlock(&debug->vm->vcpu_lock);
	if (held)
		activity = "waits for the machine's reset or end";
	else if (parked)
		activity = "parked: not started yet";
	else if (debug->running)
		activity = "running";
	else if (ops->activity)
		activity = ops->activity(vcpu);
	g_strlcpy(text, activity ? activity : "stopped", IOL_GDB_THREAD_INFO_BYTES);
}

static unsigned int target_stopped_thread(struct iol_gdb_target *target)
{
	return debug_of(target)->stopped_thread;
}

static int target_read_registers(struct iol_gdb_target *target, unsigned int thread, uint8_t *buf)
{
	struct iol_debug *debug = debug_of(target);

	debug->asked_thread = thread;
	return ops_of(debug)->read_registers(&debug->vm->vcpus[thread], buf);
}

static int target_write_registers(struct iol_gdb_target *target, unsigned int thread,
				  unsigned int first, unsigned int count, const uint8_t *buf)
{
	struct iol_debug *debug = debug_of(target);

	return ops_of(debug)->write_registers(&debug->vm->vcpus[thread], first, count, buf);
}

static long target_read_memory(struct iol_gdb_target *target, unsigned int thread, uint64_t address,
			       uint8_t *buf, size_t bytes)
{
	return iol_debug_read(debug_of(target), thread, address, buf, bytes);
}

static int target_write_memory(struct iol_gdb_target *target, unsigned int thread, uint64_t address,
			       const uint8_t *buf, size_t bytes)
{
	return iol_debug_write(debug_of(target), thread, address, buf, bytes);
}

static bool target_memory_range(struct iol_gdb_target *target, unsigned int n,
				struct iol_gdb_range *range)
{
	const struct iol_memory *mem = &debug_of(target)->vm->memory;

	if (n >= mem->region_count)
		return false;
	range->start = mem->regions[n].gpa;
	range->bytes = mem->regions[n].size_bytes;
	return true;
}

static int target_insert(struct iol_gdb_target *target, unsigned int thread,
			 enum iol_gdb_point point, uint64_t address, uint64_t bytes)
{
	return iol_debug_insert(debug_of(target), thread, point, address, bytes);
}

static int target_remove(struct iol_gdb_target *target, unsigned int thread,
			 enum iol_gdb_point point, uint64_t address, uint64_t bytes)
{
	(void)thread;
	return iol_debug_remove(debug_of(target), point, address, bytes);
}

static int target_monitor(struct iol_gdb_target *target, const char *command, void *out)
{
	struct iol_debug *debug = debug_of(target);
	g_autofree char *line = g_strstrip(g_strdup(command));
	int ret;

	if (!strcmp(line, "phys on") || !strcmp(line, "phys off")) {
		debug->physical = !strcmp(line, "phys on");
		g_string_append_printf(out, "addresses of memory are %s now\n",
				       debug->physical ? "guest-physical" : "virtual");
		return 0;
	}
	debug->asks = true;
	ret = iol_monitor_run(debug->vm, debug->asked_thread, line, out);
	debug->asks = false;
	if (!*line || !strcmp(line, "help"))
		g_string_append(out, "phys on|off                addresses of memory are "
				     "guest-physical\n");
	return ret;
}

static const struct iol_gdb_target_ops target_ops = {
	.attach = target_attach,
	.detach = target_detach,
	.kill = target_kill,
	.describe = target_describe,
	.thread_count = target_thread_count,
	.thread_info = target_thread_info,
	.stopped_thread = target_stopped_thread,
	.read_registers = target_read_registers,
	.write_registers = target_write_registers,
	.read_memory = target_read_memory,
	.write_memory = target_write_memory,
	.memory_range = target_memory_range,
	.insert = target_insert,
	.remove = target_remove,
	.resume = target_resume,
	.interrupt = target_interrupt,
	.monitor = target_monitor,
};

/* ---- Its own life ---- */

int iol_debug_init(struct iol_vm *vm, struct iol_error *err)
{
	return vm->config->has_gdb ? iol_debug_make(vm, err) : 0;
}

int iol_debug_make(struct iol_vm *vm, struct iol_error *err)
{
	const struct iol_arch_debug_ops *ops = vm->arch->kvm->debug;
	struct iol_debug *debug;
	struct iol_error why;

	if (vm->debug)
		return 0;
	if (!ops)
		return iol_error_set(err, -ENOTSUP,
				     "gdb: guests of this architecture cannot be debugged");
	debug = g_new0(struct iol_debug, 1);
	debug->target.ops = &target_ops;
	debug->vm = vm;
	debug->post.run = run_post;
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(debug->cpus); i++)
		debug->cpus[i].action = debug->cpus[i].wanted = IOL_GDB_CONTINUE;
	vm->debug = debug;
	if (ops->probe(vm->kvm_fd, &debug->caps, &why))
		iol_log(IOL_LOG_WARN, "gdb: registers and memory only: %s", why.msg);
	else
		iol_log(IOL_LOG_INFO, "gdb: %s", debug->caps.text);
	return 0;
}

void iol_debug_finish(struct iol_vm *vm)
{
	struct iol_debug *debug = g_steal_pointer(&vm->debug);

	if (!debug)
		return;
	g_free(debug->points.soft);
	g_free(debug);
}

struct iol_gdb_target *iol_debug_target(struct iol_vm *vm)
{
	return vm->debug ? &vm->debug->target : NULL;
}
