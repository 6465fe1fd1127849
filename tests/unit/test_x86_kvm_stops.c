// SPDX-License-Identifier: Apache-2.0
/*
 * What x86_64's part of debugging tells KVM and makes of its exits, also of what this host's KVM may not do: int3,
 * watchpoints, a guest that debugs itself. KVM is played.
 */
#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>

#include "arch/x86_64/kvm_x86.h"

enum { VM_FD = 0x3ffd0000, VCPU_FD };
enum { TRAP_EXCEPTION = 3, DEBUG_EXCEPTION = 1 };

static const struct iol_arch_debug_ops *const ops = &iol_x86_debug_ops;
static const struct iol_debug_caps int3 = {
	.steps = true,
	.trap_bytes = 1,
	.trap = { 0xcc },
	.trap_port = -1,
	.hard_breaks = 4,
	.hard_watches = 4,
	.hard_shared = true,
};
static const struct iol_debug_caps port = {
	.steps = true,
	.trap_bytes = 2,
	.trap = IOL_X86_PORT_TRAP,
	.trap_pc_behind = 2,
	.trap_port = IOL_X86_TRAP_PORT,
};

static struct fixture {
	struct iol_x86_vm x86;
	struct iol_vm vm;
	struct iol_vcpu vcpu;
	int debug_flags; /* KVM_CAP_SET_GUEST_DEBUG2 */
	int refuse; /* errno of KVM_SET_GUEST_DEBUG */
	unsigned int told; /* how often it came */
	struct kvm_guest_debug debug; /* the last */
	struct kvm_debugregs regs;
	uint32_t mp_state;
} * f;

int __wrap_ioctl(int fd, unsigned long request, ...);
int __real_ioctl(int fd, unsigned long request, ...);

static int play(unsigned long request, void *arg)
{
	switch (request) {
	case KVM_SET_GUEST_DEBUG:
		if (f->refuse)
			return f->refuse;
		f->told++;
		memcpy(&f->debug, arg, sizeof(f->debug));
		return 0;
	case KVM_GET_DEBUGREGS:
		memcpy(arg, &f->regs, sizeof(f->regs));
		return 0;
	case KVM_SET_DEBUGREGS:
		memcpy(&f->regs, arg, sizeof(f->regs));
		return 0;
	case KVM_GET_MP_STATE:
		((struct kvm_mp_state *)arg)->mp_state = f->mp_state;
		return 0;
	default:
		return ENOTTY;
	}
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;
	int error;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (fd != VM_FD && fd != VCPU_FD)
		return __real_ioctl(fd, request, arg);
	if (request == KVM_CHECK_EXTENSION) {
		g_assert_cmpuint((unsigned long)arg, ==, KVM_CAP_SET_GUEST_DEBUG2);
		return f->debug_flags;
	}
	error = play(request, arg);
	if (!error)
		return 0;
	errno = error;
	return -1;
}

static void begin(void)
{
	f = g_new0(struct fixture, 1);
	f->vm.vm_fd = VM_FD;
	f->vm.arch_state = &f->x86;
	f->vcpu.vm = &f->vm;
	f->vcpu.idx = 3;
	f->vcpu.fd = VCPU_FD;
}

static void end(void)
{
	g_free(f);
	f = NULL;
}

static const struct iol_debug_setup points = {
	.step = true,
	.traps = true,
	.hard_count = 2,
	.hard = { { IOL_GDB_HARD_BREAK, 0x5000, 1 }, { IOL_GDB_WATCH_WRITE, 0x6000, 8 } },
};

static void test_setup(void)
{
	static const struct iol_debug_setup nothing, traps = { .traps = true },
						     step = { .step = true };

	g_assert_cmpint(ops->setup(&f->vcpu, &int3, &points), ==, 0);
	g_assert_cmphex(f->debug.control, ==,
			KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_SW_BP |
				KVM_GUESTDBG_USE_HW_BP);
	g_assert_cmphex(f->debug.arch.debugreg[0], ==, 0x5000);
	g_assert_cmphex(f->debug.arch.debugreg[1], ==, 0x6000);
	g_assert_cmphex(f->debug.arch.debugreg[7], ==, 0x90060a);
	/* Interrupts are held back where KVM can do that, and only for steps. */
	f->debug_flags = 0x1f0003;
	g_assert_cmpint(ops->setup(&f->vcpu, &int3, &step), ==, 0);
	g_assert_cmphex(f->debug.control, ==,
			KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_BLOCKIRQ);
	g_assert_cmpint(ops->setup(&f->vcpu, &int3, &traps), ==, 0);
	g_assert_cmphex(f->debug.control, ==, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP);
	/* Accesses to a port need nothing. */
	g_assert_cmpint(ops->setup(&f->vcpu, &port, &traps), ==, 0);
	g_assert_cmphex(f->debug.control, ==, 0);
	g_assert_cmpint(ops->setup(&f->vcpu, &int3, &nothing), ==, 0);
	g_assert_cmphex(f->debug.control, ==, 0);
	g_assert_cmphex(f->debug.arch.debugreg[7], ==, 0);
}

/* What does not fit changes nothing; KVM's own refusal comes back. */
static void test_refused(void)
{
	g_assert_cmpint(ops->setup(&f->vcpu, &port, &points), ==, -ENOTSUP);
	g_assert_cmpuint(f->told, ==, 0);
	f->refuse = EINVAL;
	g_assert_cmpint(ops->setup(&f->vcpu, &int3, &points), ==, -EINVAL);
	g_assert_cmphex(f->x86.debugged[3].control.control, ==, 0);
}

static struct iol_debug_hit caught(const struct iol_debug_setup *setup, uint32_t exception,
				   uint64_t dr6)
{
	struct kvm_run *run = g_new0(struct kvm_run, 1);
	struct iol_debug_hit hit;

	run->exit_reason = KVM_EXIT_DEBUG;
	run->debug.arch.exception = exception;
	run->debug.arch.pc = 0x5000;
	run->debug.arch.dr6 = dr6;
	g_assert_cmpint(ops->setup(&f->vcpu, &int3, setup), ==, 0);
	f->told = 0;
	ops->caught(&f->vcpu, run, setup, &hit);
	g_free(run);
	return hit;
}

static void test_caught(void)
{
	struct iol_debug_hit hit = caught(&points, TRAP_EXCEPTION, 0);

	g_assert_cmpint((int)hit.kind, ==, IOL_DEBUG_HIT_TRAP);
	g_assert_cmphex(hit.address, ==, 0x5000);
	hit = caught(&points, DEBUG_EXCEPTION, 0xffff0ff1);
	g_assert_cmpint((int)hit.kind, ==, IOL_DEBUG_HIT_BREAK);
	g_assert_cmphex(hit.points, ==, 1);
	hit = caught(&points, DEBUG_EXCEPTION, 0xffff4ff2);
	g_assert_cmpint((int)hit.kind, ==, IOL_DEBUG_HIT_WATCH);
	g_assert_cmphex(hit.address, ==, 0x6000);
	g_assert_cmphex(hit.points, ==, 2);
	hit = caught(&points, DEBUG_EXCEPTION, 0xffff4ff0);
	g_assert_cmpint((int)hit.kind, ==, IOL_DEBUG_HIT_STEP);
	/* A step is done for whatever reason there is none. */
	hit = caught(&points, DEBUG_EXCEPTION, 0xffff0ff0);
	g_assert_cmpint((int)hit.kind, ==, IOL_DEBUG_HIT_STEP);
	hit = caught(&points, 14, 0);
	g_assert_cmpint((int)hit.kind, ==, IOL_DEBUG_NO_HIT);
	g_assert_cmpuint(f->told, ==, 0); /* nothing of this is the guest's */
}

/* A program in the guest is stepped by the guest's debugger while a point of ours is set. */
static void test_own_step(void)
{
	struct iol_debug_setup setup = points;
	struct iol_debug_hit hit;

	setup.step = false;
	f->regs.dr6 = 0xffff0ff3;
	hit = caught(&setup, DEBUG_EXCEPTION, 0xffff4ff0);
	g_assert_cmpint((int)hit.kind, ==, IOL_DEBUG_NO_HIT);
	g_assert_cmphex(f->regs.dr6, ==, 0xffff4ff0);
	g_assert_cmpuint(f->told, ==, 1);
	g_assert_cmphex(f->debug.control, ==,
			KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP | KVM_GUESTDBG_USE_HW_BP |
				KVM_GUESTDBG_INJECT_DB);
	g_assert_cmphex(f->debug.arch.debugreg[1], ==, 0x6000);
}

static void test_give_back(void)
{
	struct iol_debug_setup setup = points;

	setup.step = false;
	g_assert_cmpint(ops->setup(&f->vcpu, &int3, &setup), ==, 0);
	g_assert_cmpint(ops->give_back(&f->vcpu), ==, 0);
	/* With all that was set, and once only. */
	g_assert_cmphex(f->debug.control, ==,
			KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP | KVM_GUESTDBG_USE_HW_BP |
				KVM_GUESTDBG_INJECT_BP);
	g_assert_cmphex(f->debug.arch.debugreg[0], ==, 0x5000);
	g_assert_cmpint(ops->setup(&f->vcpu, &int3, &setup), ==, 0);
	g_assert_cmphex(f->debug.control & KVM_GUESTDBG_INJECT_BP, ==, 0);
	f->refuse = EBUSY;
	g_assert_cmpint(ops->give_back(&f->vcpu), ==, -EBUSY);
}

static void test_activity(void)
{
	f->mp_state = KVM_MP_STATE_RUNNABLE;
	g_assert_null(ops->activity(&f->vcpu));
	f->mp_state = KVM_MP_STATE_HALTED;
	g_assert_cmpstr(ops->activity(&f->vcpu), ==, "halted");
	f->mp_state = KVM_MP_STATE_UNINITIALIZED;
	g_assert_cmpstr(ops->activity(&f->vcpu), ==, "waits for INIT");
	f->mp_state = KVM_MP_STATE_INIT_RECEIVED;
	g_assert_cmpstr(ops->activity(&f->vcpu), ==, "waits for SIPI");
}

static void run_test(const void *test)
{
	void (*const *of)(void) = test;

	begin();
	(*of)();
	end();
}

static const struct {
	const char *path;
	void (*test)(void);
} tests[] = {
	{ "/x86/kvm_stops/setup", test_setup },
	{ "/x86/kvm_stops/refused", test_refused },
	{ "/x86/kvm_stops/caught", test_caught },
	{ "/x86/kvm_stops/own_step", test_own_step },
	{ "/x86/kvm_stops/give_back", test_give_back },
	{ "/x86/kvm_stops/activity", test_activity },
};

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add_data_func(tests[i].path, &tests[i].test, run_test);
	return g_test_run();
}
