// SPDX-License-Identifier: Apache-2.0
/*
 * What powerpc's debugging tells KVM, and what it makes of KVM's answers, where KVM is played: points, the MSR that is to be set
 * again, registers that KVM takes only when told to, stops. test_ppc_kvm_debug.c has the same on a real one.
 */
#include <errno.h>
#include <glib.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "arch/powerpc/debug.h"
#include "arch/powerpc/kvm_ppc.h"

enum { VCPU_FD = 0x3ffe0000 };
#define TRAP UINT32_C(0x00dddd00)

static struct fixture {
	struct iol_vm vm;
	struct iol_vcpu vcpu;
	struct iol_ppc_vm ppc;
	struct kvm_run run;
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_guest_debug debug;
	uint64_t fpr0;
	bool has_fpu;
	unsigned int set_regs, set_sregs, set_debug; /* calls */
	int refuse; /* errno of all calls */
	uint8_t buf[IOL_GDB_REGISTERS_BYTES_MAX];
} * f;

static const struct iol_arch_debug_ops *ops;
static const struct iol_debug_caps caps = {
	.steps = true,
	.trap_bytes = 4,
	.trap = { 0x00, 0xdd, 0xdd, 0x00 },
	.trap_port = -1,
	.hard_breaks = 2,
	.hard_watches = 2,
};

/* --- KVM --- */

static int one_reg(const struct kvm_one_reg *reg, bool set)
{
	uint64_t *value = (void *)(uintptr_t)reg->addr;

	if (reg->id != KVM_REG_PPC_FPR0 || !f->has_fpu)
		return EINVAL;
	if (set)
		f->fpr0 = *value;
	else
		*value = f->fpr0;
	return 0;
}

static int vcpu_ioctl(unsigned long request, void *arg)
{
	switch (request) {
	case KVM_GET_REGS:
		memcpy(arg, &f->regs, sizeof(f->regs));
		return 0;
	case KVM_SET_REGS:
		memcpy(&f->regs, arg, sizeof(f->regs));
		f->set_regs++;
		return 0;
	case KVM_GET_SREGS:
		memcpy(arg, &f->sregs, sizeof(f->sregs));
		return 0;
	case KVM_SET_SREGS:
		memcpy(&f->sregs, arg, sizeof(f->sregs));
		f->set_sregs++;
		return 0;
	case KVM_SET_GUEST_DEBUG:
		memcpy(&f->debug, arg, sizeof(f->debug));
		f->set_debug++;
		/* The MSR is set afterwards. */
		f->set_regs = 0;
		return 0;
	case KVM_GET_ONE_REG:
	case KVM_SET_ONE_REG:
		return one_reg(arg, request == KVM_SET_ONE_REG);
	default:
		return ENOTTY;
	}
}

int __wrap_ioctl(int fd, unsigned long request, ...);
int __real_ioctl(int fd, unsigned long request, ...);

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (fd != VCPU_FD)
		return __real_ioctl(fd, request, arg);
	errno = f->refuse ? f->refuse : vcpu_ioctl(request, arg);
	return errno ? -1 : 0;
}

/* --- the machine --- */

static void setup(struct fixture *fixture, const void *data)
{
	const struct iol_memory_region ram = { .gpa = 0, .size_bytes = 2 * IOL_MIB };

	f = fixture;
	g_assert_cmpint(iol_memory_init(&f->vm.memory, &ram, 1, NULL), ==, 0);
	f->vm.layout.machine = data;
	f->vm.arch_state = &f->ppc;
	f->vm.vcpus = &f->vcpu;
	f->vm.vcpu_count = 1;
	pthread_mutex_init(&f->vm.vcpu_lock, NULL);
	f->vcpu = (struct iol_vcpu){ .vm = &f->vm, .fd = VCPU_FD, .run = &f->run };
	f->ppc.cpus[0].tlb = iol_ppc_tlb_new(iol_ppc_machine_find(data));
	/* All of RAM, at 0xc0000000. */
	f->ppc.cpus[0].tlb[iol_ppc_machine_find(data)->tlb[0].entries] = (struct iol_ppc_tlb_entry){
		.mas1 = UINT32_C(0x80000000) | 16 << 7,
		.mas2 = 0xc0000000,
		.mas7_3 = 0x3f,
	};
	f->regs.pc = 0xc0001000;
	f->sregs.pvr = iol_ppc_machine_find(data)->pvr;
}

static void teardown(struct fixture *fixture, const void *data)
{
	(void)fixture;
	(void)data;
	free(f->ppc.cpus[0].tlb);
	g_free(f->ppc.gdb);
	iol_memory_finish(&f->vm.memory);
	pthread_mutex_destroy(&f->vm.vcpu_lock);
}

static unsigned int number_of(const char *name)
{
	ops->describe(&f->vm);
	for (unsigned int n = 0; n < f->ppc.gdb->count; n++)
		if (!strcmp(f->ppc.gdb->registers[n].name, name))
			return n;
	g_error("no register %s", name);
}

static uint64_t get(const char *name)
{
	unsigned int n = number_of(name);

	g_assert_cmpint(ops->read_registers(&f->vcpu, f->buf), ==, 0);
	return iol_ppc_gdb_get(f->ppc.gdb, n, f->buf);
}

static int set(const char *name, uint64_t value)
{
	unsigned int n = number_of(name);

	memset(f->buf, 0xa5, sizeof(f->buf));
	iol_ppc_gdb_put(f->ppc.gdb, n, f->buf, value);
	f->set_regs = f->set_sregs = 0;
	return ops->write_registers(&f->vcpu, n, 1, f->buf);
}

static void test_registers(struct fixture *fixture, const void *data)
{
	(void)fixture;
	(void)data;
	f->regs.gpr[31] = 0x12345678;
	f->sregs.u.e.esr = 0x08000000;
	f->sregs.u.e.mcsr = 0x10000;
	f->sregs.u.e.mas7_3 = UINT64_C(0xfe000003f);
	g_assert_cmphex(get("r31"), ==, 0x12345678);
	g_assert_cmphex(get("esr"), ==, 0x08000000);
	g_assert_cmphex(get("mcsr"), ==, 0x10000);
	g_assert_cmphex(get("mas7_3"), ==, UINT64_C(0xfe000003f));
	/* What KVM does not know is 0. */
	g_assert_cmphex(get("iac1"), ==, 0);
	g_assert_cmpint(set("iac1", 1), ==, -EINVAL);
	g_assert_cmpint(set("r31", 1), ==, 0);
	g_assert_cmphex(f->regs.gpr[31], ==, 1);
	g_assert_cmphex(f->regs.gpr[30], ==, 0);
	g_assert_cmpuint(f->set_regs, ==, 1);
	g_assert_cmpuint(f->set_sregs, ==, 0);
	g_assert_cmpint(set("esr", 2), ==, 0);
	g_assert_cmphex(f->sregs.u.e.esr, ==, 2);
	g_assert_cmphex(f->sregs.u.e.update_special, ==, 0);
	g_assert_cmpuint(f->set_regs, ==, 0);
	g_assert_cmpint(set("dec", 77), ==, 0);
	g_assert_cmphex(f->sregs.u.e.dec, ==, 77);
	g_assert_cmphex(f->sregs.u.e.update_special, ==, KVM_SREGS_E_UPDATE_DEC);
	g_assert_cmpint(set("tb", 1), ==, -EPERM);
	g_assert_cmpuint(f->set_sregs, ==, 0);
	g_assert_cmpint(set("tb", 0), ==, 0);
	f->refuse = EIO;
	g_assert_cmpint(ops->read_registers(&f->vcpu, f->buf), ==, -EIO);
	g_assert_cmpint(set("r1", 1), ==, -EIO);
}

static void test_fpu(struct fixture *fixture, const void *data)
{
	(void)fixture;
	(void)data;
	f->has_fpu = true;
	f->fpr0 = UINT64_C(0x3ff0000000000000);
	g_assert_cmpuint(ops->describe(&f->vm)->feature_count, ==, 3);
	g_assert_cmphex(get("f0"), ==, UINT64_C(0x3ff0000000000000));
	g_assert_cmphex(get("f1"), ==, 0);
	g_assert_cmpint(set("f0", 5), ==, 0);
	g_assert_cmphex(f->fpr0, ==, 5);
}

static void test_setup(struct fixture *fixture, const void *data)
{
	struct iol_debug_setup s = { .step = true, .traps = true, .hard_count = 2 };
	struct iol_debug_caps less = caps;

	(void)fixture;
	(void)data;
	s.hard[0] = (struct iol_debug_point){ IOL_GDB_HARD_BREAK, 0xc0001234, 4 };
	s.hard[1] = (struct iol_debug_point){ IOL_GDB_WATCH_WRITE, 0xc0005678, 4 };
	g_assert_cmpint(ops->setup(&f->vcpu, &caps, &s), ==, 0);
	g_assert_cmphex(f->debug.control, ==,
			KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_SW_BP |
				KVM_GUESTDBG_USE_HW_BP);
	g_assert_cmphex(f->debug.arch.bp[0].addr, ==, 0xc0001234);
	g_assert_cmphex(f->debug.arch.bp[0].type, ==, KVMPPC_DEBUG_BREAKPOINT);
	g_assert_cmphex(f->debug.arch.bp[1].addr, ==, 0xc0005678);
	g_assert_cmphex(f->debug.arch.bp[1].type, ==, KVMPPC_DEBUG_WATCH_WRITE);
	g_assert_cmphex(f->debug.arch.bp[2].type, ==, KVMPPC_DEBUG_NONE);
	g_assert_cmpuint(f->set_regs, ==, 1);
	s = (struct iol_debug_setup){ .step = false };
	g_assert_cmpint(ops->setup(&f->vcpu, &caps, &s), ==, 0);
	g_assert_cmphex(f->debug.control, ==, 0);
	g_assert_cmpuint(f->set_regs, ==, 1);
	/* What is not there is not asked for. */
	f->set_debug = 0;
	less.steps = false;
	less.trap_bytes = 0;
	s.step = true;
	g_assert_cmpint(ops->setup(&f->vcpu, &less, &s), ==, -ENOTSUP);
	s = (struct iol_debug_setup){ .traps = true };
	g_assert_cmpint(ops->setup(&f->vcpu, &less, &s), ==, -ENOTSUP);
	g_assert_cmpuint(f->set_debug, ==, 0);
	f->refuse = EINVAL;
	g_assert_cmpint(ops->setup(&f->vcpu, &caps, &s), ==, -EINVAL);
}

/* A stop of which KVM says nothing is a trap where one is, in the guest's memory. */
static void test_caught(struct fixture *fixture, const void *data)
{
	const struct iol_debug_setup s = { .step = true, .traps = true };
	struct iol_debug_hit hit;

	(void)fixture;
	(void)data;
	g_assert_cmpint(ops->setup(&f->vcpu, &caps, &s), ==, 0);
	f->run.debug.arch.address = f->regs.pc;
	ops->caught(&f->vcpu, &f->run, &s, &hit);
	g_assert_cmpint(hit.kind, ==, IOL_DEBUG_HIT_STEP);
	be32_store(iol_memory_ptr(&f->vm.memory, 0x1000, 4), TRAP);
	ops->caught(&f->vcpu, &f->run, &s, &hit);
	g_assert_cmpint(hit.kind, ==, IOL_DEBUG_HIT_TRAP);
	/* Where nothing is mapped, or no memory is; over the end of a page. */
	f->regs.pc = 0xd0000000;
	ops->caught(&f->vcpu, &f->run, &s, &hit);
	g_assert_cmpint(hit.kind, ==, IOL_DEBUG_HIT_STEP);
	f->regs.pc = 0xc0000000 + 4 * IOL_MIB;
	ops->caught(&f->vcpu, &f->run, &s, &hit);
	g_assert_cmpint(hit.kind, ==, IOL_DEBUG_HIT_STEP);
	f->regs.pc = 0xc3fffffe;
	ops->caught(&f->vcpu, &f->run, &s, &hit);
	g_assert_cmpint(hit.kind, ==, IOL_DEBUG_HIT_STEP);
	f->run.debug.arch.status = KVMPPC_DEBUG_WATCH_WRITE;
	ops->caught(&f->vcpu, &f->run, &s, &hit);
	g_assert_cmpint(hit.kind, ==, IOL_DEBUG_HIT_WATCH);
}

static void test_others(struct fixture *fixture, const void *data)
{
	uint64_t value, left;

	(void)fixture;
	(void)data;
	g_assert_cmpint(ops->translate(&f->vcpu, 0xc0123456, &value, &left), ==, 0);
	g_assert_cmphex(value, ==, 0x123456);
	g_assert_cmphex(left, ==, 64 * IOL_MIB - 0x123456);
	g_assert_cmpint(ops->translate(&f->vcpu, 0x1000, &value, &left), ==, -EFAULT);
	g_assert_cmpint(ops->set_pc(&f->vcpu, 0xc0002000), ==, 0);
	g_assert_cmpint(ops->get_pc(&f->vcpu, &value), ==, 0);
	g_assert_cmphex(value, ==, 0xc0002000);
	g_assert_cmpstr(ops->activity(&f->vcpu), ==, NULL);
	f->regs.msr = IOL_PPC_MSR_WE | 0x9000;
	g_assert_cmpstr(ops->activity(&f->vcpu), ==, "halted");
	f->sregs.u.e.ivpr = 0xc0000000;
	f->sregs.u.e.ivor_low[6] = 0x700;
	g_assert_cmpint(ops->give_back(&f->vcpu), ==, 0);
	g_assert_cmphex(f->regs.pc, ==, 0xc0000700);
	g_assert_cmphex(f->regs.msr, ==, 0x1000);
	g_assert_cmphex(f->regs.srr0, ==, 0xc0002000);
	g_assert_cmphex(f->regs.srr1, ==, IOL_PPC_MSR_WE | 0x9000);
	g_assert_cmphex(f->sregs.u.e.esr, ==, 0x08000000);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ops = iol_ppc_kvm_ops.debug;
	g_test_add("/ppc-kvm-debug-ops/registers", struct fixture, "e500v2", setup, test_registers,
		   teardown);
	g_test_add("/ppc-kvm-debug-ops/fpu", struct fixture, "e500mc", setup, test_fpu, teardown);
	g_test_add("/ppc-kvm-debug-ops/setup", struct fixture, "e500v2", setup, test_setup,
		   teardown);
	g_test_add("/ppc-kvm-debug-ops/caught", struct fixture, "e500v2", setup, test_caught,
		   teardown);
	g_test_add("/ppc-kvm-debug-ops/others", struct fixture, "e500v2", setup, test_others,
		   teardown);
	return g_test_run();
}
