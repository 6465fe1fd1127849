// SPDX-License-Identifier: Apache-2.0
/*
 * The machine-wide part of aarch64 on KVM: capabilities, what this host can do, and the exits that only
 * arm64 has. On the loop's thread but arm64_handle_exit().
 *
 * PSCI is KVM's: a guest switches vCPUs on and off without us, and what concerns the machine comes as
 * KVM_EXIT_SYSTEM_EVENT. A guest that accesses what is no memory by an instruction that KVM does not
 * decode (a pair of registers, say) ends its machine: nothing of ours is to be accessed so.
 */
#include "kvm_arm64.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <sys/ioctl.h>

#include <iolite/log.h>

#include "gic.h"
#include "kvm_debug.h"

enum { IPA_BITS_DEFAULT = 40 };

static const struct iol_kvm_cap caps[] = {
	{ KVM_CAP_USER_MEMORY, "user-memory", NULL },
	{ KVM_CAP_IRQCHIP, "irqchip", NULL },
	{ KVM_CAP_DEVICE_CTRL, "device-ctrl", NULL },
	{ KVM_CAP_ONE_REG, "one-reg", NULL },
	{ KVM_CAP_ARM_PSCI_0_2, "arm-psci-0.2", NULL },
	{ KVM_CAP_IRQFD, "irqfd", NULL },
	{ KVM_CAP_IMMEDIATE_EXIT, "immediate-exit", NULL },
	{ KVM_CAP_IRQ_ROUTING, "irq-routing", "PCI devices with MSI-X cannot be made" },
	{ KVM_CAP_IOEVENTFD, "ioeventfd", "each request of a virtio driver costs a longer exit" },
	{ KVM_CAP_ARM_VM_IPA_SIZE, "arm-vm-ipa-size",
	  "machines need a host with 40 bits of guest-physical addresses" },
	{ KVM_CAP_ARM_NISV_TO_USER, "arm-nisv-to-user",
	  "where an access went that KVM cannot decode is not told" },
	{ 0, NULL, NULL },
};

unsigned int iol_arm64_ipa_bits(int kvm_fd)
{
	int most = ioctl(kvm_fd, KVM_CHECK_EXTENSION, (unsigned long)KVM_CAP_ARM_VM_IPA_SIZE);

	/* What every host has but small ones, and more than any machine of ours needs (platform.h). */
	return most > 0 ? MIN((unsigned int)most, IPA_BITS_DEFAULT) : IPA_BITS_DEFAULT;
}

unsigned long iol_arm64_vm_type(unsigned int ipa_bits)
{
	/* Kernels that know no sizes have this one, as 0 (kvm-api 4.2). */
	return ipa_bits == IPA_BITS_DEFAULT ? 0 : KVM_VM_TYPE_ARM_IPA_SIZE(ipa_bits);
}

static unsigned long vm_type(const struct iol_host_facts *facts)
{
	return iol_arm64_vm_type(facts->ipa_bits);
}

/* KVM tells what interrupt controllers it has only to those who have a machine. */
static int probe(int kvm_fd, struct iol_host_facts *facts, struct iol_error *err)
{
	iol_auto(iol_fd_close) int vm_fd = -1;

	facts->ipa_bits = iol_arm64_ipa_bits(kvm_fd);
	do {
		vm_fd = ioctl(kvm_fd, KVM_CREATE_VM, vm_type(facts));
	} while (vm_fd < 0 && errno == EINTR);
	if (vm_fd < 0)
		return iol_error_errno(err, -errno,
				       "cannot create a virtual machine (KVM_CREATE_VM)");
	facts->gic_version = iol_arm64_gic_version(vm_fd);
	if (!facts->gic_version)
		return iol_error_set(
			err, -ENOTSUP,
			"this host's KVM has no interrupt controller for guests; iolite "
			"needs a processor with a GICv3 or GICv2");
	return 0;
}

/* What has no decoded syndrome comes as an exit instead of an error of KVM_RUN (kvm-api 7.16). */
static int take_undecoded(struct iol_vm *vm, struct iol_error *err)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_ARM_NISV_TO_USER };

	if (ioctl(vm->vm_fd, KVM_CHECK_EXTENSION, (unsigned long)cap.cap) <= 0)
		return 0;
	return iol_kvm_ioctl(vm->vm_fd, KVM_ENABLE_CAP, &cap, "KVM_CAP_ARM_NISV_TO_USER", err);
}

static int arm64_vm_init(struct iol_vm *vm, struct iol_error *err)
{
	struct iol_arm64_vm *arm = g_new0(struct iol_arm64_vm, 1);
	int ret;

	arm->gic_fd = arm->its_fd = -1;
	vm->arch_state = arm;
	ret = take_undecoded(vm, err);
	return ret ? ret : iol_arm64_gic_create(vm, err);
}

static void arm64_vm_finish(struct iol_vm *vm)
{
	iol_arm64_gic_finish(vm);
	iol_arm64_vcpu_finish(vm);
	g_free(vm->arch_state);
	vm->arch_state = NULL;
}

static uint32_t irq_of_gsi(uint32_t gsi)
{
	return (uint32_t)KVM_ARM_IRQ_TYPE_SPI << KVM_ARM_IRQ_TYPE_SHIFT | iol_arm64_intid(gsi);
}

/* --- exits --- */

static enum iol_vcpu_action end_with(struct iol_vcpu *vcpu, enum iol_event event)
{
	iol_vm_raise(vcpu->vm, event);
	return IOL_VCPU_HOLD;
}

static enum iol_vcpu_action give_up(struct iol_vcpu *vcpu)
{
	iol_arm64_dump(vcpu);
	return end_with(vcpu, IOL_EVENT_KVM_ERROR);
}

static enum iol_vcpu_action exit_system_event(struct iol_vcpu *vcpu)
{
	uint32_t type = vcpu->run->system_event.type;

	switch (type) {
	case KVM_SYSTEM_EVENT_SHUTDOWN:
		return end_with(vcpu, IOL_EVENT_POWEROFF);
	case KVM_SYSTEM_EVENT_RESET:
		return end_with(vcpu, IOL_EVENT_RESET);
	case KVM_SYSTEM_EVENT_CRASH:
		iol_log(IOL_LOG_ERROR, "vCPU %u: the guest crashed", vcpu->idx);
		iol_arm64_dump(vcpu);
		return end_with(vcpu, IOL_EVENT_CRASH);
	default:
		/* Suspending and waking are not offered (KVM_CAP_ARM_SYSTEM_SUSPEND). */
		iol_log(IOL_LOG_ERROR, "vCPU %u: KVM system event %u is unknown here", vcpu->idx,
			type);
		return give_up(vcpu);
	}
}

static enum iol_vcpu_action arm64_handle_exit(struct iol_vcpu *vcpu)
{
	switch (vcpu->run->exit_reason) {
	case KVM_EXIT_SYSTEM_EVENT:
		return exit_system_event(vcpu);
	case KVM_EXIT_INTR:
		return IOL_VCPU_CONTINUE;
	case KVM_EXIT_ARM_NISV:
		iol_log(IOL_LOG_ERROR,
			"vCPU %u: the guest accessed 0x%" PRIx64
			", where no memory is, by an instruction that KVM does not decode",
			vcpu->idx, (uint64_t)vcpu->run->arm_nisv.fault_ipa);
		return give_up(vcpu);
	default:
		iol_log(IOL_LOG_ERROR, "vCPU %u: KVM exit reason %u is unknown here", vcpu->idx,
			vcpu->run->exit_reason);
		return give_up(vcpu);
	}
}

const struct iol_arch_kvm_ops iol_arm64_kvm_ops = {
	.probe = probe,
	.vm_type = vm_type,
	.caps = caps,
	.no_device_remedy =
		"the firmware must start this kernel at EL2 (where it does not, `dmesg` says \"HYP mode "
		"not available\"), or a hypervisor must nest where this is a guest itself",
	.emulated_remedy = "use a host with EL2 of its own",
	.time_kernel_loop = iol_arm64_time_kernel_loop,
	.vm_init = arm64_vm_init,
	.vm_finish = arm64_vm_finish,
	.vm_ready = iol_arm64_gic_ready,
	.irq_of_gsi = irq_of_gsi,
	.vcpu_init = iol_arm64_vcpu_init,
	.vcpu_reset = iol_arm64_vcpu_reset,
	.vm_reset = iol_arm64_gic_reset,
	.handle_exit = arm64_handle_exit,
	.dump = iol_arm64_dump,
	.debug = &iol_arm64_debug_ops,
};
