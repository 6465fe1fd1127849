// SPDX-License-Identifier: Apache-2.0
/*
 * What powerpc's KVM half tells KVM, in which order and with which values, from the first question to a reset; and
 * what it makes of exits. KVM is played; only on Power hosts, whose headers it needs.
 */
#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <iolite/log.h>

#include "arch/powerpc/kvm_ppc.h"

enum { KVM_FD = 0x3ffe0000, VM_FD, MPIC_FD, PROBE_FD, VCPU_FD /* and up */ };
enum { CPUS = 2, TLB0 = 512, TLB1 = 16 };
#define PVR 0x80210030

static struct fixture {
	struct iol_config config;
	struct iol_vm vm;
	GString *told; /* a word for each call, with its values */
	struct iol_ppc_tlb_entry *tlb[CPUS];
	struct kvm_regs regs[CPUS];
	struct kvm_sregs sregs[CPUS];
	uint32_t tcr;
	unsigned int interrupted; /* KVM_RUN: so often first */
	unsigned int bad_exit; /* KVM_RUN: this instead of the store */
	int refuse; /* errno of the call that comes next of */
	unsigned long refused;
	unsigned int mpic_steps;
	unsigned int events;
} * f;

static void say(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
static void say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	g_string_append_vprintf(f->told, fmt, args);
	g_string_append_c(f->told, '\n');
	va_end(args);
}

/* Compares what was told since the last time. */
#define EXPECT(text)                                     \
	do {                                             \
		g_assert_cmpstr(f->told->str, ==, text); \
		g_string_truncate(f->told, 0);           \
	} while (0)

/* --- KVM --- */

static int check_extension(unsigned long cap)
{
	return cap == KVM_CAP_MAX_VCPUS ? 4 : 1;
}

static void new_sregs(struct kvm_sregs *sregs, unsigned int cpu)
{
	memset(sregs, 0, sizeof(*sregs));
	sregs->pvr = PVR;
	sregs->u.e.features = KVM_SREGS_E_BASE | KVM_SREGS_E_IVOR;
	sregs->u.e.pir = cpu;
	sregs->u.e.ivpr = 0x55550000;
	sregs->u.e.ivor_low[3] = 0x770c;
	sregs->u.e.tb = 12345;
}

static int enable_cap(unsigned int cpu, const struct kvm_enable_cap *cap)
{
	const struct kvm_config_tlb *config = (const void *)(uintptr_t)cap->args[0];
	const struct kvm_book3e_206_tlb_params *params;

	switch (cap->cap) {
	case KVM_CAP_SW_TLB:
		params = (const void *)(uintptr_t)config->params;
		say("%u sw-tlb type %u bytes %u: %u/%u %u/%u %u", cpu, config->mmu_type,
		    config->array_len, params->tlb_sizes[0], params->tlb_ways[0],
		    params->tlb_sizes[1], params->tlb_ways[1], params->tlb_sizes[2]);
		f->tlb[cpu] = (void *)(uintptr_t)config->array;
		g_assert_cmpuint((uintptr_t)f->tlb[cpu] % 4096, ==, 0);
		return 0;
	case KVM_CAP_IRQ_MPIC:
		g_assert_cmpint((int)cap->args[0], ==, MPIC_FD);
		say("%u irq-mpic as %u", cpu, (unsigned int)cap->args[1]);
		return 0;
	case KVM_CAP_PPC_BOOKE_WATCHDOG:
		say("%u watchdog", cpu);
		return 0;
	default:
		return EINVAL;
	}
}

static int set_regs(unsigned int cpu, const struct kvm_regs *regs)
{
	f->regs[cpu] = *regs;
	say("%u regs pc %" PRIx64 " msr %" PRIx64 " r1 %" PRIx64 " r3 %" PRIx64 " r6 %" PRIx64
	    " r7 %" PRIx64,
	    cpu, (uint64_t)regs->pc, (uint64_t)regs->msr, (uint64_t)regs->gpr[1],
	    (uint64_t)regs->gpr[3], (uint64_t)regs->gpr[6], (uint64_t)regs->gpr[7]);
	return 0;
}

static int set_sregs(unsigned int cpu, const struct kvm_sregs *sregs)
{
	f->sregs[cpu] = *sregs;
	say("%u sregs pvr %x pir %u ivpr %" PRIx64 " ivor3 %x special %x tcr %x tsr %x dec %u", cpu,
	    sregs->pvr, sregs->u.e.pir, (uint64_t)sregs->u.e.ivpr, sregs->u.e.ivor_low[3],
	    sregs->u.e.update_special, sregs->u.e.tcr, sregs->u.e.tsr, sregs->u.e.dec);
	return 0;
}

static int dirty_tlb(unsigned int cpu, const struct kvm_dirty_tlb *dirty)
{
	const uint8_t *bitmap = (const void *)(uintptr_t)dirty->bitmap;
	unsigned int valid = 0;

	for (unsigned int i = 0; i < TLB0 + TLB1; i++) {
		g_assert_true(bitmap[i / 8] >> i % 8 & 1);
		valid += f->tlb[cpu][i].mas1 >> 31;
	}
	say("%u dirty-tlb %u: %u valid, %x %" PRIx64 " %" PRIx64, cpu, dirty->num_dirty, valid,
	    f->tlb[cpu][TLB0].mas1, f->tlb[cpu][TLB0].mas2, f->tlb[cpu][TLB0].mas7_3);
	return 0;
}

static int run(unsigned int cpu)
{
	struct kvm_run *run = f->vm.vcpus[cpu].run;

	if (run->immediate_exit)
		return EINTR;
	if (f->interrupted) {
		f->interrupted--;
		return EINTR;
	}
	say("%u run, second %x %" PRIx64, cpu, f->tlb[cpu][TLB0 + 1].mas1,
	    f->tlb[cpu][TLB0 + 1].mas7_3);
	run->exit_reason = f->bad_exit ? f->bad_exit : KVM_EXIT_MMIO;
	run->mmio.phys_addr = 0xe0000000;
	run->mmio.is_write = 1;
	return 0;
}

static int vcpu_ioctl(unsigned int cpu, unsigned long request, void *arg)
{
	const struct kvm_one_reg *reg = arg;

	switch (request) {
	case KVM_GET_SREGS:
		new_sregs(arg, cpu);
		return 0;
	case KVM_SET_SREGS:
		return set_sregs(cpu, arg);
	case KVM_SET_REGS:
		return set_regs(cpu, arg);
	case KVM_GET_REGS:
		memcpy(arg, &f->regs[cpu], sizeof(f->regs[cpu]));
		return 0;
	case KVM_ENABLE_CAP:
		return enable_cap(cpu, arg);
	case KVM_DIRTY_TLB:
		return dirty_tlb(cpu, arg);
	case KVM_GET_ONE_REG:
		g_assert_true(reg->id == KVM_REG_PPC_TCR);
		*(uint32_t *)(uintptr_t)reg->addr = f->tcr;
		return 0;
	case KVM_SET_ONE_REG:
		say("%u one-reg %x", cpu, (unsigned int)reg->id);
		return 0;
	case KVM_SET_GUEST_DEBUG:
		say("%u debug %x", cpu, ((struct kvm_guest_debug *)arg)->control);
		return 0;
	case KVM_RUN:
		return run(cpu);
	default:
		return ENOTTY;
	}
}

static int mpic_ioctl(unsigned long request, const struct kvm_device_attr *attr)
{
	const void *value = (const void *)(uintptr_t)attr->addr;

	if (request == KVM_SET_DEVICE_ATTR && attr->group == KVM_DEV_MPIC_GRP_MISC) {
		say("mpic at %" PRIx64, *(const uint64_t *)value);
		return 0;
	}
	g_assert_true(request == KVM_SET_DEVICE_ATTR || request == KVM_GET_DEVICE_ATTR);
	if (!f->mpic_steps++)
		say("mpic reset");
	return 0;
}

static int vm_ioctl(unsigned long request, void *arg)
{
	static const uint32_t hcall[4] = { 0x3c004b56, 0x60004d21, 0x44000002, 0x60000000 };
	struct kvm_ppc_pvinfo *pvinfo = arg;
	struct kvm_create_device *device = arg;

	switch (request) {
	case KVM_PPC_GET_PVINFO:
		memcpy(pvinfo->hcall, hcall, sizeof(hcall));
		pvinfo->flags = KVM_PPC_PVINFO_FLAGS_EV_IDLE;
		return 0;
	case KVM_CREATE_DEVICE:
		say("device %u", device->type);
		device->fd = MPIC_FD;
		return 0;
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
	if (fd < KVM_FD || fd >= VCPU_FD + CPUS)
		return __real_ioctl(fd, request, arg);
	if (request == KVM_CHECK_EXTENSION)
		return check_extension((unsigned long)arg);
	if (request == f->refused && f->refuse)
		errno = f->refuse;
	else if (fd == KVM_FD && request == KVM_CREATE_VM)
		return VM_FD;
	else if (fd == VM_FD && request == KVM_CREATE_VCPU)
		return PROBE_FD;
	else if (fd == PROBE_FD)
		errno = vcpu_ioctl(0, request, arg);
	else if (fd >= VCPU_FD)
		errno = vcpu_ioctl((unsigned int)(fd - VCPU_FD), request, arg);
	else
		errno = fd == MPIC_FD ? mpic_ioctl(request, arg) : vm_ioctl(request, arg);
	return errno ? -1 : 0;
}

/* --- the machine --- */

static void on_event(struct iol_event_sink *sink, enum iol_event event)
{
	(void)sink;
	f->events |= 1u << event;
}

static void setup(struct fixture *fixture, const void *data)
{
	struct iol_layout_request request = {
		.memory_bytes = 64 * IOL_MIB, .cpus = CPUS, .serials = 1, .runs = true
	};
	struct iol_error err = { 0 };

	(void)data;
	f = fixture;
	f->told = g_string_new(NULL);
	g_assert_cmpint(iol_ppc_kvm_ops.probe(KVM_FD, &request.facts, &err), ==, 0);
	g_assert_cmphex(request.facts.pvr, ==, PVR);
	g_assert_cmpuint(request.facts.cpus_max, ==, 4);
	g_assert_true(request.facts.has_idle_hcall);
	g_assert_cmphex(request.facts.hcall_instructions[2], ==, 0x44000002);
	EXPECT("");
	g_assert_cmpint(iol_ppc_layout(&request, &f->vm.layout, &err), ==, 0);
	g_assert_cmpint(iol_memory_init(&f->vm.memory, f->vm.layout.ram, 1, &err), ==, 0);
	f->vm.arch = &iol_arch_powerpc;
	f->vm.config = &f->config;
	f->vm.kvm_fd = KVM_FD;
	f->vm.vm_fd = VM_FD;
	f->vm.lifecycle.sink.raise = on_event;
	f->vm.entry = (struct iol_entry){ .pc = 0x100, .args = { 0x1800000, 0x1801000 } };
	f->vm.vcpu_count = CPUS;
	f->vm.vcpus = g_new0(struct iol_vcpu, CPUS);
	iol_bus_init(&f->vm.mmio);
	pthread_mutex_init(&f->vm.vcpu_lock, NULL);
	pthread_cond_init(&f->vm.vcpu_cond, NULL);
	for (unsigned int i = 0; i < CPUS; i++) {
		f->vm.vcpus[i].vm = &f->vm;
		f->vm.vcpus[i].idx = i;
		f->vm.vcpus[i].fd = VCPU_FD + (int)i;
		f->vm.vcpus[i].run = g_malloc0(sizeof(struct kvm_run));
	}
}

static void teardown(struct fixture *fixture, const void *data)
{
	(void)fixture;
	(void)data;
	if (f->vm.arch_state)
		iol_ppc_kvm_ops.vm_finish(&f->vm);
	for (unsigned int i = 0; i < CPUS; i++)
		g_free(f->vm.vcpus[i].run);
	g_free(f->vm.vcpus);
	iol_memory_finish(&f->vm.memory);
	iol_bus_finish(&f->vm.mmio);
	g_string_free(f->told, TRUE);
}

static void make(void)
{
	struct iol_error err = { 0 };

	g_assert_cmpint(iol_ppc_kvm_ops.vm_init(&f->vm, &err), ==, 0);
	for (unsigned int i = 0; i < CPUS; i++)
		g_assert_cmpint(iol_ppc_kvm_ops.vcpu_init(&f->vm.vcpus[i], &err), ==, 0);
	g_assert_cmpint(iol_ppc_kvm_ops.vm_ready(&f->vm, &err), ==, 0);
}

static void reset_vcpus(void)
{
	g_assert_cmpint(iol_vcpus_reset(&f->vm, NULL), ==, 0);
}

#define SREGS_0 "0 sregs pvr 80210030 pir 0 ivpr 55550000 ivor3 770c "
#define SREGS_1 "1 sregs pvr 80210030 pir 1 ivpr 55550000 ivor3 770c "
#define BOOT_0                                      \
	"0 dirty-tlb 528: 1 valid, c0000800 4 3f\n" \
	"0 regs pc 100 msr 0 r1 fffff8 r3 1800000 r6 45504150 r7 4000000\n"
#define WAIT_1                              \
	"1 dirty-tlb 528: 0 valid, 0 0 0\n" \
	"1 regs pc 0 msr 0 r1 0 r3 0 r6 0 r7 0\n"

static void test_start(struct fixture *fixture, const void *data)
{
	(void)fixture;
	(void)data;
	make();
	g_assert_cmpuint(f->mpic_steps, >, 16);
	EXPECT("device 1\n"
	       "mpic at e0040000\n" SREGS_0 "special 0 tcr 0 tsr 0 dec 0\n"
	       "0 sw-tlb type 0 bytes 12672: 512/4 16/16 0\n"
	       "0 irq-mpic as 0\n"
	       "0 watchdog\n" SREGS_1 "special 0 tcr 0 tsr 0 dec 0\n"
	       "1 sw-tlb type 0 bytes 12672: 512/4 16/16 0\n"
	       "1 irq-mpic as 1\n"
	       "1 watchdog\n"
	       "mpic reset\n");
	reset_vcpus();
	EXPECT(SREGS_0 "special ffffffff tcr 0 tsr 0 dec 0\n" BOOT_0 SREGS_1
		       "special ffffffff tcr 0 tsr 0 dec 0\n" WAIT_1);
	g_assert_false(f->vm.vcpus[0].parked);
	g_assert_true(f->vm.vcpus[1].parked);
}

#define DRAIN(cpu)                                                         \
	cpu " sregs pvr 80210030 pir " cpu                                 \
	    " ivpr 10000 ivor3 0 special ffffffff tcr 0 tsr 0 dec 0\n" cpu \
	    " dirty-tlb 528: 2 valid, 80000800 0 3f\n" cpu                 \
	    " regs pc 10000 msr 1000 r1 0 r3 0 r6 0 r7 0\n" cpu " run, second 80000100 e000003f\n"
#define OTHERS(cpu)                                                                      \
	cpu " one-reg 86\n" cpu " one-reg 2\n" cpu " one-reg 3\n" cpu " one-reg 6\n" cpu \
	    " one-reg 7\n" cpu " debug 0\n"

static void test_reset(struct fixture *fixture, const void *data)
{
	struct iol_error err = { 0 };

	(void)fixture;
	(void)data;
	make();
	reset_vcpus();
	g_string_truncate(f->told, 0);
	f->mpic_steps = 0;
	/* The guest's TLB, and what a kick left. */
	memset(f->tlb[0], 0xff, (TLB0 + TLB1) * sizeof(*f->tlb[0]));
	memset(f->tlb[1], 0xff, (TLB0 + TLB1) * sizeof(*f->tlb[1]));
	for (unsigned int i = 0; i < CPUS; i++)
		f->vm.vcpus[i].run->immediate_exit = 1;
	f->interrupted = 2;
	g_assert_cmpint(iol_ppc_kvm_ops.vm_reset(&f->vm, &err), ==, 0);
	EXPECT("mpic reset\n" DRAIN("0") DRAIN("1"));
	g_assert_cmphex(be32_load(iol_memory_ptr(&f->vm.memory, 0x10000, 4)), ==, 0x3c000202);
	reset_vcpus();
	EXPECT(SREGS_0 "special ffffffff tcr 0 tsr 0 dec 0\n" BOOT_0 OTHERS("0") SREGS_1
	       "special ffffffff tcr 0 tsr 0 dec 0\n" WAIT_1 OTHERS("1"));
	/* A program that does not come to its end. */
	f->bad_exit = KVM_EXIT_UNKNOWN + 100;
	g_assert_cmpint(iol_ppc_kvm_ops.vm_reset(&f->vm, &err), ==, -EIO);
	g_assert_cmpstr(err.msg, ==, "vCPU 0: it left the reset's program by KVM exit 100");
}

static void test_failures(struct fixture *fixture, const void *data)
{
	struct iol_error err = { 0 };

	(void)fixture;
	(void)data;
	f->refused = KVM_CREATE_DEVICE;
	f->refuse = ENODEV;
	g_assert_cmpint(iol_ppc_kvm_ops.vm_init(&f->vm, &err), ==, -ENODEV);
	g_assert_nonnull(strstr(err.msg, "cannot create the MPIC 2.0 (KVM_CREATE_DEVICE)"));
	iol_ppc_kvm_ops.vm_finish(&f->vm);
	f->refuse = 0;
	g_assert_cmpint(iol_ppc_kvm_ops.vm_init(&f->vm, &err), ==, 0);
	f->vm.layout.facts.pvr = 0x80210020;
	g_assert_cmpint(iol_ppc_kvm_ops.vcpu_init(&f->vm.vcpus[1], &err), ==, -ENOTSUP);
	g_assert_nonnull(strstr(err.msg, "vCPU 1: KVM gives it PVR 0x80210030 and PIR 1"));
}

static void test_exits(struct fixture *fixture, const void *data)
{
	struct iol_vcpu *vcpu = &f->vm.vcpus[0];

	(void)fixture;
	(void)data;
	make();
	reset_vcpus();
	iol_log_set_level(IOL_LOG_ERROR - 1);
	/* An instruction that KVM has made an interrupt of; a machine check. */
	vcpu->run->exit_reason = KVM_EXIT_UNKNOWN;
	vcpu->run->hw.hardware_exit_reason = UINT64_C(0xffffffff7c0004a6);
	g_assert_cmpint(iol_ppc_kvm_ops.handle_exit(vcpu), ==, IOL_VCPU_CONTINUE);
	g_assert_cmpuint(f->events, ==, 0);
	vcpu->run->hw.hardware_exit_reason = UINT64_C(0xfffffffe00000001);
	g_assert_cmpint(iol_ppc_kvm_ops.handle_exit(vcpu), ==, IOL_VCPU_HOLD);
	g_assert_cmpuint(f->events, ==, 1u << IOL_EVENT_KVM_ERROR);
	f->events = 0;
	vcpu->run->exit_reason = KVM_EXIT_EPR;
	g_assert_cmpint(iol_ppc_kvm_ops.handle_exit(vcpu), ==, IOL_VCPU_HOLD);
	g_assert_cmpuint(f->events, ==, 1u << IOL_EVENT_KVM_ERROR);
	vcpu->run->exit_reason = KVM_EXIT_INTR;
	g_assert_cmpint(iol_ppc_kvm_ops.handle_exit(vcpu), ==, IOL_VCPU_CONTINUE);
	/* A debugger's trap, where there is no debugger. */
	f->events = 0;
	f->regs[0].pc = 0x1234;
	f->regs[0].msr = 0x9000;
	vcpu->run->exit_reason = KVM_EXIT_DEBUG;
	g_assert_cmpint(iol_ppc_kvm_ops.handle_exit(vcpu), ==, IOL_VCPU_CONTINUE);
	g_assert_cmpuint(f->events, ==, 0);
	g_assert_cmphex(f->regs[0].pc, ==, 0x55550000);
	g_assert_cmphex(f->regs[0].srr0, ==, 0x1234);
	g_assert_cmphex(f->regs[0].srr1, ==, 0x9000);
	g_assert_cmphex(f->regs[0].msr, ==, 0x1000);
	g_assert_cmphex(f->sregs[0].u.e.esr, ==, 0x08000000);
}

/* The guest goes on, and knows after the reset; of the one after that it was not the cause. */
static void test_watchdog(struct fixture *fixture, const void *data)
{
	struct iol_vcpu *vcpu = &f->vm.vcpus[0];

	(void)fixture;
	(void)data;
	make();
	reset_vcpus();
	f->config.on_watchdog = IOL_WATCHDOG_RESET;
	f->tcr = 0xe8400000; /* WP, WRC 2, WIE, DIE... */
	vcpu->run->exit_reason = KVM_EXIT_WATCHDOG;
	g_assert_cmpint(iol_ppc_kvm_ops.handle_exit(vcpu), ==, IOL_VCPU_CONTINUE);
	g_assert_cmpuint(f->events, ==, 1u << IOL_EVENT_WATCHDOG);
	reset_vcpus();
	g_assert_cmphex(f->sregs[0].u.e.tsr, ==, 0x20000000);
	g_assert_cmphex(f->sregs[1].u.e.tsr, ==, 0x20000000);
	reset_vcpus();
	g_assert_cmphex(f->sregs[0].u.e.tsr, ==, 0);
	/* Where it does not reset the machine, what does is something else. */
	f->config.on_watchdog = IOL_WATCHDOG_NONE;
	iol_ppc_kvm_ops.handle_exit(vcpu);
	reset_vcpus();
	g_assert_cmphex(f->sregs[0].u.e.tsr, ==, 0);
}

/* By the spin table, on the bus: the registers of a processor that was waiting. */
static void test_secondary(struct fixture *fixture, const void *data)
{
	(void)fixture;
	(void)data;
	make();
	reset_vcpus();
	g_string_truncate(f->told, 0);
	/* The bytes of big-endian words as little-endian numbers: bus.h. */
	g_assert_true(iol_bus_write(&f->vm.mmio, 0xef000020, 4, 0));
	g_assert_true(f->vm.vcpus[1].parked);
	EXPECT("");
	g_assert_true(iol_bus_write(&f->vm.mmio, 0xef000024, 4, 0x00100004));
	g_assert_false(f->vm.vcpus[1].parked);
	EXPECT(SREGS_1 "special ffffffff tcr 0 tsr 0 dec 0\n"
		       "1 dirty-tlb 528: 1 valid, c0000800 4 400003f\n"
		       "1 regs pc 1000 msr 0 r1 0 r3 1 r6 0 r7 4000000\n");
	g_assert_cmpuint(f->events, ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(name, test) g_test_add(name, struct fixture, NULL, setup, test, teardown)
	ADD("/ppc/kvm/start", test_start);
	ADD("/ppc/kvm/reset", test_reset);
	ADD("/ppc/kvm/failures", test_failures);
	ADD("/ppc/kvm/exits", test_exits);
	ADD("/ppc/kvm/watchdog", test_watchdog);
	ADD("/ppc/kvm/secondary", test_secondary);
	return g_test_run();
}
