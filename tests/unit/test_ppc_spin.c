// SPDX-License-Identifier: Apache-2.0
/*
 * The spin table on the bus, with vCPU threads of a KVM that only stores to it: a vCPU waits until it is released,
 * starts with what the entry says, and waits again after a reset, at whatever moment that comes.
 */
#include <errno.h>
#include <glib.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <iolite/log.h>

#include "arch/powerpc/kvm_ppc.h"

enum { VM_FD = 0x3ffe0000, KVM_FD, CPUS = 3, RUN_BYTES = 16384, STORES_MAX = 8, ROUNDS = 200 };

#define LIMIT_US (20 * G_USEC_PER_SEC)

struct store {
	uint64_t offset; /* in the table */
	uint32_t value;
};

static struct fixture {
	struct iol_config config;
	struct iol_arch arch;
	struct iol_arch_kvm_ops kvm;
	struct iol_vm vm;
	struct iol_ppc_spin *spin;
	int fds[CPUS];
	unsigned int made;
	struct store stores[STORES_MAX]; /* what vCPU 0 does, in this order */
	unsigned int store_count, stores_done; /* atomic */
	unsigned int started[CPUS]; /* atomic: start() was called since the last reset */
	unsigned int runs[CPUS]; /* atomic: entries since the last reset */
	struct iol_ppc_boot_state states[CPUS]; /* start()'s */
	int refuse; /* what start() returns */
	unsigned int events; /* atomic: bits */
	struct iol_event_sink sink;
} * f;

static unsigned int get(const unsigned int *n)
{
	return __atomic_load_n(n, __ATOMIC_SEQ_CST);
}

static void set(unsigned int *n, unsigned int value)
{
	__atomic_store_n(n, value, __ATOMIC_SEQ_CST);
}

/* --- KVM --- */

static unsigned int cpu_of(int fd)
{
	unsigned int cpu = 0;

	while (cpu < CPUS && f->fds[cpu] != fd)
		cpu++;
	return cpu;
}

static void store(struct kvm_run *run, const struct store *s)
{
	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = iol_ppc_machine_of(&f->vm.layout)->map->spin_table + s->offset;
	run->mmio.len = sizeof(s->value);
	run->mmio.is_write = 1;
	be32_store(run->mmio.data, s->value);
}

/* A guest that has nothing to store goes round in circles. */
static int run(unsigned int cpu)
{
	struct kvm_run *run = f->vm.vcpus[cpu].run;

	while (!__atomic_load_n(&run->immediate_exit, __ATOMIC_RELAXED)) {
		g_atomic_int_inc(&f->runs[cpu]);
		g_assert_true(!cpu || get(&f->started[cpu]));
		if (!cpu && get(&f->stores_done) < get(&f->store_count)) {
			store(run, &f->stores[get(&f->stores_done)]);
			g_atomic_int_inc(&f->stores_done);
			return 0;
		}
		sched_yield();
	}
	return EINTR;
}

int __wrap_ioctl(int fd, unsigned long request, ...);
int __real_ioctl(int fd, unsigned long request, ...);

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	unsigned int cpu = f ? cpu_of(fd) : CPUS;
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (fd == VM_FD && request == KVM_CREATE_VCPU) {
		int made = memfd_create("vcpu", MFD_CLOEXEC);

		g_assert_cmpint(ftruncate(made, RUN_BYTES), ==, 0);
		return f->fds[f->made++] = made;
	}
	if (fd == KVM_FD && request == KVM_GET_VCPU_MMAP_SIZE)
		return RUN_BYTES;
	if (cpu < CPUS && request == KVM_RUN) {
		errno = run(cpu);
		return errno ? -1 : 0;
	}
	return __real_ioctl(fd, request, arg);
}

/* --- the architecture --- */

static int start(struct iol_vcpu *vcpu, const struct iol_ppc_boot_state *state,
		 struct iol_error *err)
{
	if (f->refuse)
		return iol_error_set(err, f->refuse, "no");
	f->states[vcpu->idx] = *state;
	g_assert_cmpuint(get(&f->started[vcpu->idx]), ==, 0);
	set(&f->started[vcpu->idx], 1);
	return 0;
}

static int vcpu_init(struct iol_vcpu *vcpu, struct iol_error *err)
{
	(void)vcpu;
	(void)err;
	return 0;
}

static int vcpu_reset(struct iol_vcpu *vcpu, struct iol_error *err)
{
	(void)err;
	set(&f->started[vcpu->idx], 0);
	set(&f->runs[vcpu->idx], 0);
	if (vcpu->idx)
		iol_vcpu_park(vcpu);
	return 0;
}

static void on_event(struct iol_event_sink *sink, enum iol_event event)
{
	(void)sink;
	g_atomic_int_or(&f->events, 1u << event);
}

static void reset_machine(void)
{
	set(&f->store_count, 0);
	set(&f->stores_done, 0);
	iol_ppc_spin_restore(f->spin);
	g_assert_cmpint(iol_vcpus_reset(&f->vm, NULL), ==, 0);
}

static void setup(struct fixture *fixture, const void *data)
{
	const struct iol_layout_request request = {
		.memory_bytes = 64 * IOL_MIB,
		.cpus = CPUS,
		.serials = 1,
		.machine = data,
	};

	f = fixture;
	f->arch = iol_arch_powerpc;
	f->kvm = (struct iol_arch_kvm_ops){ .vcpu_init = vcpu_init, .vcpu_reset = vcpu_reset };
	f->arch.kvm = &f->kvm;
	f->vm.arch = &f->arch;
	f->config.cpus = CPUS;
	f->vm.config = &f->config;
	f->vm.kvm_fd = KVM_FD;
	f->vm.vm_fd = VM_FD;
	f->vm.lifecycle.sink.raise = on_event;
	iol_bus_init(&f->vm.mmio);
	pthread_mutex_init(&f->vm.vcpu_lock, NULL);
	pthread_cond_init(&f->vm.vcpu_cond, NULL);
	g_assert_cmpint(iol_arch_powerpc.layout(&request, &f->vm.layout, NULL), ==, 0);
	g_assert_cmpint(iol_vcpus_init(&f->vm, CPUS, NULL), ==, 0);
	g_assert_cmpint(iol_ppc_spin_new(&f->vm, start, &f->spin, NULL), ==, 0);
	reset_machine();
	g_assert_cmpint(iol_vcpus_start(&f->vm, NULL), ==, 0);
}

static void teardown(struct fixture *fixture, const void *data)
{
	(void)fixture;
	(void)data;
	iol_vcpus_finish(&f->vm);
	iol_ppc_spin_free(f->spin);
	iol_bus_finish(&f->vm.mmio);
	pthread_cond_destroy(&f->vm.vcpu_cond);
	pthread_mutex_destroy(&f->vm.vcpu_lock);
	f = NULL;
}

/* Two stores, as Linux does: the upper half of the address is no release. */
static void add_release(unsigned int cpu, uint64_t addr, uint32_t r3)
{
	const uint64_t entry = cpu * sizeof(struct iol_ppc_spin_entry);
	unsigned int n = get(&f->store_count);

	g_assert_cmpuint(n + 3, <=, STORES_MAX);
	f->stores[n] = (struct store){ entry + 12, r3 };
	f->stores[n + 1] = (struct store){ entry, (uint32_t)(addr >> 32) };
	f->stores[n + 2] = (struct store){ entry + 4, (uint32_t)addr };
	set(&f->store_count, n + 3);
}

static void wait_for(const unsigned int *n, unsigned int value)
{
	const int64_t end = g_get_monotonic_time() + LIMIT_US;

	while (get(n) < value) {
		g_assert_cmpint(g_get_monotonic_time(), <, end);
		g_thread_yield();
	}
}

static void test_release(struct fixture *fixture, const void *data)
{
	(void)fixture;
	(void)data;
	for (unsigned int round = 0; round < 2; round++) {
		iol_vcpus_resume(&f->vm);
		wait_for(&f->runs[0], 1);
		add_release(1, UINT64_C(0x1080002000), 0x1234);
		wait_for(&f->runs[1], 1);
		g_assert_cmphex(f->states[1].pc, ==, 0x2000);
		g_assert_cmphex(f->states[1].gpr[3], ==, 0x1234);
		g_assert_cmpuint(f->states[1].pir, ==, 1);
		g_assert_cmphex(f->states[1].tlb1.mas7_3 >> 12, ==, 0x1080000);
		/* Once: what is written to the entry of one that runs means nothing. */
		f->stores[3] = f->stores[2];
		set(&f->store_count, 4);
		wait_for(&f->stores_done, 4);
		iol_vcpus_pause(&f->vm);
		g_assert_cmpuint(get(&f->started[2]), ==, 0);
		g_assert_cmpuint(get(&f->runs[2]), ==, 0);
		/* Released or not, all stand, and after a reset the first one runs alone. */
		reset_machine();
		g_assert_true(f->vm.vcpus[1].parked && f->vm.vcpus[2].parked);
	}
	iol_vcpus_resume(&f->vm);
	wait_for(&f->runs[0], 1);
	iol_vcpus_pause(&f->vm);
	g_assert_cmpuint(get(&f->runs[1]), ==, 0);
}

/* A vCPU that cannot be given its registers does not run, and the machine hears of it. */
static void test_refused(struct fixture *fixture, const void *data)
{
	(void)fixture;
	(void)data;
	iol_log_set_level(IOL_LOG_ERROR - 1);
	f->refuse = -EIO;
	add_release(2, 0x4000, 0);
	iol_vcpus_resume(&f->vm);
	wait_for(&f->stores_done, 3);
	iol_vcpus_pause(&f->vm);
	g_assert_cmpuint(get(&f->events), ==, 1u << IOL_EVENT_KVM_ERROR);
	g_assert_cmpuint(get(&f->runs[2]), ==, 0);
	g_assert_true(f->vm.vcpus[2].parked);
}

/* The loop's thread: pauses and resets while vCPUs are being released. run() finds who should not run. */
static void *reset_often(void *arg)
{
	(void)arg;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		add_release(1, 0x1000, round);
		add_release(2, 0x2000, round);
		iol_vcpus_resume(&f->vm);
		/* As far as it has come, from not at all to the end. */
		wait_for(&f->stores_done, round % 7);
		iol_vcpus_pause(&f->vm);
		for (unsigned int i = 0; i < CPUS; i++)
			g_assert_true(f->vm.vcpus[i].standing);
		reset_machine();
	}
	return NULL;
}

static void test_reset_races(struct fixture *fixture, const void *data)
{
	(void)fixture;
	(void)data;
	g_thread_join(g_thread_new("loop", reset_often, NULL));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add("/ppc/spin/release", struct fixture, "e5500", setup, test_release, teardown);
	g_test_add("/ppc/spin/refused", struct fixture, "e500v2", setup, test_refused, teardown);
	g_test_add("/ppc/spin/reset_races", struct fixture, "e500v2", setup, test_reset_races,
		   teardown);
	return g_test_run();
}
