// SPDX-License-Identifier: Apache-2.0
/*
 * vCPU threads. See include/iolite/vcpu.h. The thread function and what it calls run on the vCPU's
 * thread; the rest on the loop's. A vCPU waits for the loop only at its safe point, so that the loop may wait
 * for it.
 */
#include <iolite/vcpu.h>

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <iolite/endian.h>
#include <iolite/i6300esb.h>
#include <iolite/log.h>
#include <iolite/sandbox.h>
#include <iolite/vm.h>

#include "cpu_place.h"
#include "debug.h"
#include "gate.h"
#include "kvm_stats.h"

/* A vCPU's calls are shallow; the host backs only what is touched. */
enum { STACK_BYTES = 256 * 1024 };

/* Interrupts KVM_RUN. The handler need do nothing: immediate_exit closes the race before the entry. */
#define KICK_SIGNAL SIGRTMIN

static void on_kick(int sig)
{
	(void)sig;
}

/* --- exits, on the vCPU's thread --- */

static void count_exit(struct iol_vcpu *vcpu, uint32_t reason)
{
	iol_count_add_one(&vcpu->exits[MIN(reason, IOL_VCPU_EXIT_REASONS - 1)]);
}

static bool is_bus_width(uint32_t len)
{
	return len == 1 || len == 2 || len == 4 || len == 8;
}

static void exit_mmio(struct iol_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	uint32_t len = run->mmio.len;
	uint64_t value = UINT64_MAX;

	/* Odd widths come from accesses that cross a page; no register is that wide. */
	if (!is_bus_width(len)) {
		memset(run->mmio.data, 0xff, sizeof(run->mmio.data));
		return;
	}
	/* The bytes as memory would hold them, whatever the guest's byte order; our registers are little-endian. */
	if (run->mmio.is_write) {
		iol_bus_write(&vcpu->vm->mmio, run->mmio.phys_addr, len,
			      iol_le_load(run->mmio.data, len));
		return;
	}
	iol_bus_read(&vcpu->vm->mmio, run->mmio.phys_addr, len, &value);
	iol_le_store(run->mmio.data, len, value);
}

static enum iol_vcpu_action exit_pio(struct iol_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	unsigned int len = run->io.size;
	uint64_t value;

	if (vcpu->vm->debug && run->io.direction == KVM_EXIT_IO_OUT && len == 1 &&
	    iol_debug_caught_port(vcpu, run->io.port))
		return IOL_VCPU_STAND;
	/* A string instruction comes as several accesses to one port. */
	for (uint32_t i = 0; i < run->io.count; i++, data += len) {
		if (run->io.direction == KVM_EXIT_IO_OUT) {
			iol_bus_write(&vcpu->vm->pio, run->io.port, len, iol_le_load(data, len));
			continue;
		}
		iol_bus_read(&vcpu->vm->pio, run->io.port, len, &value);
		iol_le_store(data, len, value);
	}
	return IOL_VCPU_CONTINUE;
}

static enum iol_vcpu_action end_with(struct iol_vcpu *vcpu, enum iol_event event)
{
	iol_vm_raise(vcpu->vm, event);
	return IOL_VCPU_HOLD;
}

static enum iol_vcpu_action exit_internal_error(struct iol_vcpu *vcpu)
{
	uint32_t suberror = vcpu->run->internal.suberror;

	if (suberror == KVM_INTERNAL_ERROR_EMULATION) {
		iol_log(IOL_LOG_ERROR,
			"this KVM cannot run kernel code: it gave up on an instruction of vCPU %u that it "
			"had to emulate; `iolite doctor` says more",
			vcpu->idx);
		vcpu->vm->arch->kvm->dump(vcpu);
		return end_with(vcpu, IOL_EVENT_EMULATION_FAILED);
	}
	iol_log(IOL_LOG_ERROR, "vCPU %u: KVM internal error %u; the machine cannot go on",
		vcpu->idx, suberror);
	vcpu->vm->arch->kvm->dump(vcpu);
	return end_with(vcpu, IOL_EVENT_KVM_ERROR);
}

static enum iol_vcpu_action exit_fail_entry(struct iol_vcpu *vcpu)
{
	iol_log(IOL_LOG_ERROR,
		"vCPU %u: the processor refused to enter the guest, hardware reason 0x%" PRIx64,
		vcpu->idx, (uint64_t)vcpu->run->fail_entry.hardware_entry_failure_reason);
	vcpu->vm->arch->kvm->dump(vcpu);
	return end_with(vcpu, IOL_EVENT_KVM_ERROR);
}

static enum iol_vcpu_action handle_exit(struct iol_vcpu *vcpu)
{
	count_exit(vcpu, vcpu->run->exit_reason);
	switch (vcpu->run->exit_reason) {
	case KVM_EXIT_MMIO:
		exit_mmio(vcpu);
		return IOL_VCPU_CONTINUE;
	case KVM_EXIT_IO:
		return exit_pio(vcpu);
	case KVM_EXIT_INTERNAL_ERROR:
		return exit_internal_error(vcpu);
	case KVM_EXIT_FAIL_ENTRY:
		return exit_fail_entry(vcpu);
	default:
		/* Without a debugger some KVMs have it all the same (Book E). */
		if (vcpu->run->exit_reason == KVM_EXIT_DEBUG && vcpu->vm->debug)
			return iol_debug_caught(vcpu);
		return vcpu->vm->arch->kvm->handle_exit(vcpu);
	}
}

static enum iol_vcpu_action run_once(struct iol_vcpu *vcpu)
{
	int error;

	if (!ioctl(vcpu->fd, KVM_RUN, 0))
		return handle_exit(vcpu);
	error = errno;
	if (error == EINTR || error == EAGAIN) {
		count_exit(vcpu, KVM_EXIT_INTR);
		return IOL_VCPU_CONTINUE;
	}
	iol_log(IOL_LOG_ERROR, "vCPU %u: KVM_RUN: %s", vcpu->idx, strerror(error));
	return end_with(vcpu, IOL_EVENT_KVM_ERROR);
}

/* --- the safe point --- */

static bool may_run(const struct iol_vcpu *vcpu)
{
	return vcpu->vm->vcpus_run && !vcpu->held && !vcpu->parked && !vcpu->debug_stands &&
	       !(vcpu->gate && vcpu->gate->closed);
}

/* Stands until the machine runs; false when it is over. */
static bool safe_point(struct iol_vcpu *vcpu)
{
	struct iol_vm *vm = vcpu->vm;
	bool go_on;

	pthread_mutex_lock(&vm->vcpu_lock);
	if (!may_run(vcpu) && !vm->vcpus_exit) {
		vcpu->standing = true;
		pthread_cond_broadcast(&vm->vcpu_cond);
		while (!may_run(vcpu) && !vm->vcpus_exit)
			pthread_cond_wait(&vm->vcpu_cond, &vm->vcpu_lock);
		vcpu->standing = false;
	}
	vcpu->gate = NULL;
	/* Under the lock, so that a kick that comes after this is not lost. */
	__atomic_store_n(&vcpu->run->immediate_exit, 0, __ATOMIC_RELAXED);
	go_on = !vm->vcpus_exit;
	pthread_mutex_unlock(&vm->vcpu_lock);
	return go_on;
}

/* A gate that one of the accesses since the last safe point closed. */
static void take_gate(struct iol_vcpu *vcpu)
{
	struct iol_gate *gate = iol_gate_take();

	if (gate)
		vcpu->gate = gate;
}

/*
 * Completes the access that the last exit was for, so that the registers are those after it: KVM
 * does that on the next entry and then comes back at once (kvm-api 5, immediate_exit). An access
 * that KVM had to cut in pieces comes with an exit for each.
 */
static enum iol_vcpu_action complete_access(struct iol_vcpu *vcpu, enum iol_vcpu_action action)
{
	__atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_RELAXED);
	while (!ioctl(vcpu->fd, KVM_RUN, 0) && action == IOL_VCPU_CONTINUE)
		action = handle_exit(vcpu);
	take_gate(vcpu);
	return action;
}

static bool wanted_at_safe_point(struct iol_vcpu *vcpu)
{
	return __atomic_load_n(&vcpu->run->immediate_exit, __ATOMIC_RELAXED);
}

static void *vcpu_main(void *arg)
{
	struct iol_vcpu *vcpu = arg;
	char name[16];

	snprintf(name, sizeof(name), "vcpu/%u", vcpu->idx);
	prctl(PR_SET_NAME, name);
	vcpu->tid = gettid();
	if (iol_cpu_place_wanted(vcpu->vm->config))
		vcpu->start_ret = iol_cpu_place_vcpu(vcpu->vm, vcpu->idx, &vcpu->start_err);
	if (!vcpu->start_ret)
		vcpu->start_ret = iol_sandbox_enter(IOL_SANDBOX_VCPU, &vcpu->start_err);
	while (safe_point(vcpu)) {
		enum iol_vcpu_action action = IOL_VCPU_CONTINUE;

		while (action == IOL_VCPU_CONTINUE && !vcpu->gate && !wanted_at_safe_point(vcpu)) {
			action = run_once(vcpu);
			take_gate(vcpu);
		}
		action = complete_access(vcpu, action);
		if (action == IOL_VCPU_HOLD) {
			pthread_mutex_lock(&vcpu->vm->vcpu_lock);
			vcpu->held = true;
			pthread_mutex_unlock(&vcpu->vm->vcpu_lock);
		} else if (action == IOL_VCPU_STAND) {
			iol_debug_stands(vcpu);
		}
	}
	return NULL;
}

/* --- control, on the loop's thread --- */

static void kick_all_locked(struct iol_vm *vm)
{
	for (unsigned int i = 0; i < vm->vcpu_count; i++) {
		struct iol_vcpu *vcpu = &vm->vcpus[i];

		if (!vcpu->has_thread || vcpu->standing)
			continue;
		__atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_RELAXED);
		pthread_kill(vcpu->thread, KICK_SIGNAL);
	}
}

static bool all_standing_locked(const struct iol_vm *vm)
{
	for (unsigned int i = 0; i < vm->vcpu_count; i++)
		if (vm->vcpus[i].has_thread && !vm->vcpus[i].standing)
			return false;
	return true;
}

void iol_vcpus_pause(struct iol_vm *vm)
{
	pthread_mutex_lock(&vm->vcpu_lock);
	vm->vcpus_run = false;
	kick_all_locked(vm);
	while (!all_standing_locked(vm))
		pthread_cond_wait(&vm->vcpu_cond, &vm->vcpu_lock);
	pthread_mutex_unlock(&vm->vcpu_lock);
	if (vm->watchdog)
		iol_i6300esb_run(vm->watchdog, false);
}

void iol_vcpus_resume(struct iol_vm *vm)
{
	if (vm->watchdog)
		iol_i6300esb_run(vm->watchdog, true);
	pthread_mutex_lock(&vm->vcpu_lock);
	vm->vcpus_run = true;
	pthread_cond_broadcast(&vm->vcpu_cond);
	pthread_mutex_unlock(&vm->vcpu_lock);
}

static void set_parked(struct iol_vcpu *vcpu, bool parked)
{
	pthread_mutex_lock(&vcpu->vm->vcpu_lock);
	vcpu->parked = parked;
	if (!parked)
		pthread_cond_broadcast(&vcpu->vm->vcpu_cond);
	pthread_mutex_unlock(&vcpu->vm->vcpu_lock);
}

void iol_vcpu_park(struct iol_vcpu *vcpu)
{
	set_parked(vcpu, true);
}

void iol_vcpu_release(struct iol_vcpu *vcpu)
{
	set_parked(vcpu, false);
}

int iol_vcpus_reset(struct iol_vm *vm, struct iol_error *err)
{
	for (unsigned int i = 0; i < vm->vcpu_count; i++) {
		int ret;

		set_parked(&vm->vcpus[i], false);
		ret = vm->arch->kvm->vcpu_reset(&vm->vcpus[i], err);
		if (ret)
			return ret;
		pthread_mutex_lock(&vm->vcpu_lock);
		vm->vcpus[i].held = false;
		pthread_mutex_unlock(&vm->vcpu_lock);
	}
	return 0;
}

static int vcpu_init(struct iol_vcpu *vcpu, struct iol_vm *vm, unsigned int idx,
		     struct iol_error *err)
{
	int run_bytes;

	vcpu->vm = vm;
	vcpu->idx = idx;
	vcpu->fd = ioctl(vm->vm_fd, KVM_CREATE_VCPU, (unsigned long)idx);
	if (vcpu->fd < 0)
		return iol_error_errno(err, -errno, "cannot create vCPU %u of %u", idx,
				       vm->config->cpus);
	run_bytes = ioctl(vm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (run_bytes < 0)
		return iol_error_errno(err, -errno, "KVM_GET_VCPU_MMAP_SIZE");
	if (run_bytes < (int)sizeof(*vcpu->run))
		return iol_error_set(err, -EIO, "KVM_GET_VCPU_MMAP_SIZE: %d is too small",
				     run_bytes);
	vcpu->run_bytes = (size_t)run_bytes;
	/* Later it would wait until the vCPU comes out of KVM. Without these nobody can ask. */
	if (vm->config->control || vm->config->has_gdb)
		vcpu->stats_fd = iol_kvm_stats_open(vm->kvm_fd, vcpu->fd);
	vcpu->run = mmap(NULL, vcpu->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED) {
		vcpu->run = NULL;
		return iol_error_errno(err, -errno, "cannot map the shared page of vCPU %u", idx);
	}
	return vm->arch->kvm->vcpu_init(vcpu, err);
}

int iol_vcpus_init(struct iol_vm *vm, unsigned int count, struct iol_error *err)
{
	struct sigaction action = { .sa_handler = on_kick };

	sigaction(KICK_SIGNAL, &action, NULL);
	vm->vcpus = g_new0(struct iol_vcpu, count);
	for (unsigned int i = 0; i < count; i++)
		vm->vcpus[i].fd = vm->vcpus[i].stats_fd = -1;
	for (unsigned int i = 0; i < count; i++) {
		int ret;

		vm->vcpu_count = i + 1;
		ret = vcpu_init(&vm->vcpus[i], vm, i, err);
		if (ret)
			return ret;
	}
	return 0;
}

/* vCPU threads take no signal but the kick and those that a fault of ours raises. */
static void block_signals(sigset_t *old)
{
	static const int open[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS };
	sigset_t set;

	sigfillset(&set);
	sigdelset(&set, KICK_SIGNAL);
	for (size_t i = 0; i < IOL_ARRAY_LEN(open); i++)
		sigdelset(&set, open[i]);
	pthread_sigmask(SIG_SETMASK, &set, old);
}

/* Brings those that have started to their safe points, and says whether each is where it belongs, and in the sandbox. */
static int await_started(struct iol_vm *vm, struct iol_error *err)
{
	pthread_mutex_lock(&vm->vcpu_lock);
	while (!all_standing_locked(vm))
		pthread_cond_wait(&vm->vcpu_cond, &vm->vcpu_lock);
	pthread_mutex_unlock(&vm->vcpu_lock);
	for (unsigned int i = 0; i < vm->vcpu_count; i++) {
		const struct iol_vcpu *vcpu = &vm->vcpus[i];

		if (vcpu->start_ret)
			return iol_error_set(err, vcpu->start_ret, "%s", vcpu->start_err.msg);
	}
	return 0;
}

static int start_threads(struct iol_vm *vm, struct iol_error *err)
{
	pthread_attr_t attr;
	sigset_t old;
	int ret = 0;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	block_signals(&old);
	for (unsigned int i = 0; i < vm->vcpu_count && !ret; i++) {
		struct iol_vcpu *vcpu = &vm->vcpus[i];

		ret = pthread_create(&vcpu->thread, &attr, vcpu_main, vcpu);
		if (ret) {
			iol_error_errno(err, -ret, "cannot start the thread of vCPU %u", i);
			break;
		}
		vcpu->has_thread = true;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return -ret;
}

/*
 * KVM starts threads of its own from the first that runs a vCPU (x86: the recovery of large pages), and they are then where
 * that one is: let it be the loop's, and not one with a CPU for a guest alone. It enters no guest.
 */
static void start_helpers_of_kvm(struct iol_vm *vm)
{
	struct iol_vcpu *vcpu = &vm->vcpus[0];

	__atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_RELAXED);
	ioctl(vcpu->fd, KVM_RUN, 0);
}

int iol_vcpus_start(struct iol_vm *vm, struct iol_error *err)
{
	bool run = vm->vcpus_run; /* no thread yet that could change it */
	int ret;

	if (!iol_cpu_place_wanted(vm->config) && iol_sandbox_mode() == IOL_SANDBOX_OFF)
		return start_threads(vm, err);
	vm->vcpus_run = false;
	if (iol_cpu_place_wanted(vm->config))
		start_helpers_of_kvm(vm);
	ret = start_threads(vm, err);
	if (!ret)
		ret = await_started(vm, err);
	/* The last one: it started the others. */
	if (!ret)
		ret = iol_sandbox_enter(IOL_SANDBOX_MAIN, err);
	if (!ret && run)
		iol_vcpus_resume(vm);
	return ret;
}

void iol_vcpus_finish(struct iol_vm *vm)
{
	pthread_mutex_lock(&vm->vcpu_lock);
	vm->vcpus_exit = true;
	kick_all_locked(vm);
	pthread_cond_broadcast(&vm->vcpu_cond);
	pthread_mutex_unlock(&vm->vcpu_lock);
	for (unsigned int i = 0; i < vm->vcpu_count; i++) {
		struct iol_vcpu *vcpu = &vm->vcpus[i];

		if (vcpu->has_thread)
			pthread_join(vcpu->thread, NULL);
		if (vcpu->run)
			munmap(vcpu->run, vcpu->run_bytes);
		iol_fd_close(&vcpu->stats_fd);
		iol_fd_close(&vcpu->fd);
	}
	g_free(vm->vcpus);
	vm->vcpus = NULL;
	vm->vcpu_count = 0;
}
