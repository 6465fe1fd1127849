// SPDX-License-Identifier: Apache-2.0
/*
 * The machine-wide part of x86_64 on KVM: capabilities, the in-kernel interrupt controllers, and exits that only x86
 * has. On the loop's thread but iol_x86_handle_exit().
 */
#include "kvm_x86.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>

#include <iolite/endian.h>
#include <iolite/log.h>

static const struct iol_kvm_cap caps[] = {
	{ KVM_CAP_IRQCHIP, "irqchip", NULL },
	{ KVM_CAP_USER_MEMORY, "user-memory", NULL },
	{ KVM_CAP_SET_TSS_ADDR, "set-tss-addr", NULL },
	{ KVM_CAP_EXT_CPUID, "ext-cpuid", NULL },
	{ KVM_CAP_MP_STATE, "mp-state", NULL },
	{ KVM_CAP_VCPU_EVENTS, "vcpu-events", NULL },
	{ KVM_CAP_DEBUGREGS, "debugregs", NULL },
	{ KVM_CAP_XSAVE, "xsave", NULL },
	{ KVM_CAP_IRQFD, "irqfd", NULL },
	{ KVM_CAP_IMMEDIATE_EXIT, "immediate-exit", NULL },
	{ KVM_CAP_XCRS, "xcrs", "guests cannot use AVX" },
	{ KVM_CAP_TSC_DEADLINE_TIMER, "tsc-deadline", "guests calibrate their timer at boot" },
	{ KVM_CAP_IRQ_ROUTING, "irq-routing", "PCI devices with MSI-X cannot be made" },
	{ KVM_CAP_IOEVENTFD, "ioeventfd", "each request of a virtio driver costs a longer exit" },
	{ 0, NULL, NULL },
};

/*
 * KVM's PICs start with everything unmasked and vector base 0. A Linux that was told of no legacy
 * hardware (ACPI hardware-reduced) never touches them, and would get the UART's interrupt a second
 * time, as exception 4.
 */
static int mask_pic(struct iol_vm *vm, struct kvm_irqchip *chip, struct iol_error *err)
{
	chip->chip.pic.imr = 0xff;
	return iol_kvm_ioctl(vm->vm_fd, KVM_SET_IRQCHIP, chip, "KVM_SET_IRQCHIP", err);
}

static int capture_irqchips(struct iol_vm *vm, struct iol_error *err)
{
	static const uint32_t ids[IOL_X86_IRQCHIPS] = { KVM_IRQCHIP_PIC_MASTER,
							KVM_IRQCHIP_PIC_SLAVE, KVM_IRQCHIP_IOAPIC };
	struct iol_x86_vm *x86 = vm->arch_state;

	for (size_t i = 0; i < IOL_ARRAY_LEN(ids); i++) {
		int ret;

		x86->chips[i].chip_id = ids[i];
		ret = iol_kvm_ioctl(vm->vm_fd, KVM_GET_IRQCHIP, &x86->chips[i], "KVM_GET_IRQCHIP",
				    err);
		if (!ret && ids[i] != KVM_IRQCHIP_IOAPIC)
			ret = mask_pic(vm, &x86->chips[i], err);
		if (ret)
			return ret;
	}
	return 0;
}

static int x86_vm_init(struct iol_vm *vm, struct iol_error *err)
{
	struct iol_x86_vm *x86 = g_new0(struct iol_x86_vm, 1);
	int ret;

	vm->arch_state = x86;
	if (ioctl(vm->vm_fd, KVM_SET_TSS_ADDR, (unsigned long)IOL_X86_KVM_TSS))
		return iol_error_errno(err, -errno, "KVM_SET_TSS_ADDR");
	if (ioctl(vm->vm_fd, KVM_CREATE_IRQCHIP, 0UL))
		return iol_error_errno(err, -errno,
				       "cannot create the interrupt controllers "
				       "(KVM_CREATE_IRQCHIP)");
	ret = capture_irqchips(vm, err);
	if (ret)
		return ret;
	x86->has_tsc_deadline =
		ioctl(vm->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0;
	return iol_x86_cpuid_init(vm, err);
}

static void x86_vm_finish(struct iol_vm *vm)
{
	struct iol_x86_vm *x86 = vm->arch_state;

	g_free(x86->cpuid);
	g_free(x86->msrs);
	g_free(x86);
	vm->arch_state = NULL;
}

/* PIC and IOAPIC at power-on: all of it, also what no guest can write (which bits of ELCR exist). */
static int x86_vm_reset(struct iol_vm *vm, struct iol_error *err)
{
	struct iol_x86_vm *x86 = vm->arch_state;

	for (size_t i = 0; i < IOL_ARRAY_LEN(x86->chips); i++) {
		int ret = iol_kvm_ioctl(vm->vm_fd, KVM_SET_IRQCHIP, &x86->chips[i],
					"KVM_SET_IRQCHIP", err);

		if (ret)
			return ret;
	}
	return 0;
}

static int x86_vcpu_init(struct iol_vcpu *vcpu, struct iol_error *err)
{
	struct iol_x86_vm *x86 = vcpu->vm->arch_state;
	int ret;

	if (vcpu->idx == 0) {
		int khz = ioctl(vcpu->fd, KVM_GET_TSC_KHZ, 0UL);

		x86->tsc_khz = khz > 0 ? (uint32_t)khz : 0;
	}
	ret = iol_x86_cpuid_set(vcpu, err);
	if (!ret && vcpu->idx == 0)
		ret = iol_x86_state_capture(vcpu, err);
	return ret;
}

/*
 * A triple fault is how a processor without a debugger dies, and also how PC software reboots when
 * nothing else works. Whoever does it on purpose first tells the firmware how to come up again, in
 * the reset flag of the BIOS data area (Linux: native_machine_emergency_restart). The loader left
 * a value there that no software writes.
 */
static enum iol_vcpu_action triple_fault(struct iol_vcpu *vcpu)
{
	struct iol_vm *vm = vcpu->vm;
	uint8_t flag[2] = { 0, 0 };

	if (!iol_memory_read(&vm->memory, IOL_X86_RESET_FLAG, flag, sizeof(flag)) &&
	    le16_load(flag) != IOL_X86_RESET_FLAG_SENTINEL) {
		iol_vm_raise(vm, IOL_EVENT_RESET);
		return IOL_VCPU_HOLD;
	}
	iol_log(IOL_LOG_ERROR, "vCPU %u: the guest crashed (triple fault)", vcpu->idx);
	iol_x86_dump(vcpu);
	iol_vm_raise(vm, IOL_EVENT_CRASH);
	return IOL_VCPU_HOLD;
}

static enum iol_vcpu_action x86_handle_exit(struct iol_vcpu *vcpu)
{
	switch (vcpu->run->exit_reason) {
	case KVM_EXIT_SHUTDOWN:
		return triple_fault(vcpu);
	case KVM_EXIT_INTR:
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		return IOL_VCPU_CONTINUE;
	default:
		iol_log(IOL_LOG_ERROR, "vCPU %u: KVM exit reason %u is unknown here", vcpu->idx,
			vcpu->run->exit_reason);
		iol_x86_dump(vcpu);
		iol_vm_raise(vcpu->vm, IOL_EVENT_KVM_ERROR);
		return IOL_VCPU_HOLD;
	}
}

const struct iol_arch_kvm_ops iol_x86_kvm_ops = {
	.caps = caps,
	.no_device_remedy =
		"enable virtualization in the firmware, or nesting where this is a guest itself; "
		"modprobe kvm_intel or kvm_amd",
	.emulated_remedy =
		"use a host whose processor shows vmx or svm in /proc/cpuinfo, or turn on "
		"nested virtualization for this one",
	.time_kernel_loop = iol_x86_time_kernel_loop,
	.vm_init = x86_vm_init,
	.vm_finish = x86_vm_finish,
	.vcpu_init = x86_vcpu_init,
	.vcpu_reset = iol_x86_vcpu_reset,
	.vm_reset = x86_vm_reset,
	.handle_exit = x86_handle_exit,
	.dump = iol_x86_dump,
	.debug = &iol_x86_debug_ops,
};
