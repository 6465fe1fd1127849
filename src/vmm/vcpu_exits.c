// SPDX-License-Identifier: Apache-2.0
/* What vCPUs have exited for, in words and numbers. See include/iolite/vcpu.h. On any thread. */
#include <iolite/vcpu.h>

#include <iolite/macros.h>

/* As linux/kvm.h has them; the last two are of newer kernels than its oldest that iolite is built with. */
static const char *const names[] = {
	[KVM_EXIT_UNKNOWN] = "unknown",
	[KVM_EXIT_EXCEPTION] = "exception",
	[KVM_EXIT_IO] = "io",
	[KVM_EXIT_HYPERCALL] = "hypercall",
	[KVM_EXIT_DEBUG] = "debug",
	[KVM_EXIT_HLT] = "hlt",
	[KVM_EXIT_MMIO] = "mmio",
	[KVM_EXIT_IRQ_WINDOW_OPEN] = "irq-window-open",
	[KVM_EXIT_SHUTDOWN] = "shutdown",
	[KVM_EXIT_FAIL_ENTRY] = "fail-entry",
	[KVM_EXIT_INTR] = "intr",
	[KVM_EXIT_SET_TPR] = "set-tpr",
	[KVM_EXIT_TPR_ACCESS] = "tpr-access",
	[KVM_EXIT_S390_SIEIC] = "s390-sieic",
	[KVM_EXIT_S390_RESET] = "s390-reset",
	[KVM_EXIT_DCR] = "dcr",
	[KVM_EXIT_NMI] = "nmi",
	[KVM_EXIT_INTERNAL_ERROR] = "internal-error",
	[KVM_EXIT_OSI] = "osi",
	[KVM_EXIT_PAPR_HCALL] = "papr-hcall",
	[KVM_EXIT_S390_UCONTROL] = "s390-ucontrol",
	[KVM_EXIT_WATCHDOG] = "watchdog",
	[KVM_EXIT_S390_TSCH] = "s390-tsch",
	[KVM_EXIT_EPR] = "epr",
	[KVM_EXIT_SYSTEM_EVENT] = "system-event",
	[KVM_EXIT_S390_STSI] = "s390-stsi",
	[KVM_EXIT_IOAPIC_EOI] = "ioapic-eoi",
	[KVM_EXIT_HYPERV] = "hyperv",
	[KVM_EXIT_ARM_NISV] = "arm-nisv",
	[KVM_EXIT_X86_RDMSR] = "x86-rdmsr",
	[KVM_EXIT_X86_WRMSR] = "x86-wrmsr",
	[KVM_EXIT_DIRTY_RING_FULL] = "dirty-ring-full",
	[KVM_EXIT_AP_RESET_HOLD] = "ap-reset-hold",
	[KVM_EXIT_X86_BUS_LOCK] = "x86-bus-lock",
	[KVM_EXIT_XEN] = "xen",
	[KVM_EXIT_RISCV_SBI] = "riscv-sbi",
	[KVM_EXIT_RISCV_CSR] = "riscv-csr",
	[KVM_EXIT_NOTIFY] = "notify",
	[38] = "loongarch-iocsr",
	[39] = "memory-fault",
};

_Static_assert(IOL_ARRAY_LEN(names) < IOL_VCPU_EXIT_REASONS, "the last one is all others");

const char *iol_vcpu_exit_name(unsigned int reason)
{
	return reason < IOL_ARRAY_LEN(names) ? names[reason] : "other";
}

static enum iol_vcpu_exit_kind kind_of(unsigned int reason)
{
	switch (reason) {
	case KVM_EXIT_MMIO:
		return IOL_EXIT_MMIO;
	case KVM_EXIT_IO:
		return IOL_EXIT_PIO;
	case KVM_EXIT_INTR:
		return IOL_EXIT_KICK;
	default:
		return IOL_EXIT_OTHER;
	}
}

uint64_t iol_vcpu_exits(const struct iol_vcpu *vcpu, enum iol_vcpu_exit_kind kind)
{
	uint64_t sum = 0;

	for (unsigned int reason = 0; reason < IOL_VCPU_EXIT_REASONS; reason++)
		if (kind_of(reason) == kind)
			sum += iol_count_get(&vcpu->exits[reason]);
	return sum;
}
