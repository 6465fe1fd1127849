// SPDX-License-Identifier: Apache-2.0
/* What is asked of KVM while a machine runs. Machines, vCPUs, interrupt controllers and memory are all there. See calls.h. */
#include "calls.h"

#include <linux/kvm.h>

/* Seen only where something is wrong: what is written to the log of a vCPU. */
#define TOLD "a vCPU that KVM gave up is told of"
#define DEBUGGED "a vCPU says what it stopped for"

const struct filter_call sandbox_kvm_vcpu_calls[] = {
	IOCTL(KVM_RUN, "the guest"),
	/* Registers of devices, which the guest writes. */
	IOCTL(KVM_IRQFD, "a guest masks messages, or unmasks them"),
	IOCTL(KVM_SET_GSI_ROUTING, "a guest says where messages go"),
	IOCTL(KVM_IOEVENTFD, "a guest moves a device's doorbell"),
	IOCTL(KVM_IRQ_LINE, "a shared interrupt's level"),
	IOCTL(KVM_CHECK_EXTENSION, "the first of these asks what KVM can do"),
	IOCTL(KVM_GET_REGS, TOLD),
	IOCTL(KVM_GET_SREGS, TOLD),
	IOCTL(KVM_SET_REGS, DEBUGGED),
	IOCTL(KVM_GET_MP_STATE, DEBUGGED),
	IOCTL(KVM_SET_GUEST_DEBUG, DEBUGGED),
#if defined(__x86_64__)
	IOCTL(KVM_GET_DEBUGREGS, DEBUGGED),
	IOCTL(KVM_SET_DEBUGREGS, DEBUGGED),
	IOCTL(KVM_GET_MSRS, TOLD),
#else
	IOCTL(KVM_GET_ONE_REG, TOLD),
	IOCTL(KVM_SET_ONE_REG, DEBUGGED),
#endif
#if defined(__powerpc__)
	IOCTL(KVM_SET_SREGS, "a processor wakes another from the spin table"),
	IOCTL(KVM_DIRTY_TLB, "what it then sees"),
#endif
	{ .name = NULL },
};

#define RESET "a reset puts a vCPU into its first state"
#define LOOKED "a client looks at a vCPU"
#define WROTE "a debugger changes a vCPU"
#define TRIES "a debugger that comes later: what this KVM can do for it is tried in a small machine"

const struct filter_call sandbox_kvm_main_calls[] = {
	IOCTL(KVM_IRQFD, "an interrupt of a device is bound to an eventfd, or no more"),
	IOCTL(KVM_SET_GSI_ROUTING, "where messages go"),
	IOCTL(KVM_IOEVENTFD, "doorbells go with their device"),
	IOCTL(KVM_IRQ_LINE, "a shared interrupt's level"),
	IOCTL(KVM_CHECK_EXTENSION, "asked where it is needed"),
	IOCTL(KVM_SET_REGS, RESET),
	IOCTL(KVM_GET_REGS, LOOKED),
	IOCTL(KVM_SET_SREGS, RESET),
	IOCTL(KVM_GET_SREGS, LOOKED),
	IOCTL(KVM_SET_GUEST_DEBUG, RESET),
	IOCTL(KVM_GET_MP_STATE, LOOKED),
	IOCTL(KVM_SET_MP_STATE, RESET),
	IOCTL_FOR(IOL_SANDBOX_NEEDS_CLIENT, KVM_GET_STATS_FD,
		  "counters of a machine that is new to a client"),
	IOCTL_FOR(IOL_SANDBOX_NEEDS_CLIENT, KVM_CREATE_VM, TRIES),
	IOCTL_FOR(IOL_SANDBOX_NEEDS_CLIENT, KVM_CREATE_VCPU, TRIES),
	IOCTL_FOR(IOL_SANDBOX_NEEDS_CLIENT, KVM_GET_VCPU_MMAP_SIZE, TRIES),
	IOCTL_FOR(IOL_SANDBOX_NEEDS_CLIENT, KVM_SET_USER_MEMORY_REGION, TRIES),
	IOCTL_FOR(IOL_SANDBOX_NEEDS_CLIENT, KVM_RUN, TRIES),
#if defined(__x86_64__)
	IOCTL_FOR(IOL_SANDBOX_NEEDS_CLIENT, KVM_SET_TSS_ADDR, TRIES),
	IOCTL_FOR(IOL_SANDBOX_NEEDS_CLIENT, KVM_NMI, "inject-nmi"),
	IOCTL(KVM_SET_IRQCHIP, "a reset of the interrupt controllers"),
	IOCTL(KVM_GET_IRQCHIP, LOOKED),
	IOCTL(KVM_SET_LAPIC, RESET),
	IOCTL(KVM_GET_LAPIC, LOOKED),
	IOCTL(KVM_SET_MSRS, RESET),
	IOCTL(KVM_GET_MSRS, LOOKED),
	IOCTL(KVM_SET_VCPU_EVENTS, RESET),
	IOCTL(KVM_GET_VCPU_EVENTS, LOOKED),
	IOCTL(KVM_SET_DEBUGREGS, RESET),
	IOCTL(KVM_GET_DEBUGREGS, LOOKED),
	IOCTL(KVM_SET_XSAVE, RESET),
	IOCTL(KVM_GET_XSAVE, LOOKED),
#ifdef KVM_GET_XSAVE2
	IOCTL(KVM_GET_XSAVE2, LOOKED),
#endif
	IOCTL(KVM_SET_XCRS, RESET),
	IOCTL(KVM_GET_TSC_KHZ, LOOKED),
#else
	IOCTL(KVM_SET_ONE_REG, RESET),
	IOCTL(KVM_GET_ONE_REG, LOOKED),
	IOCTL(KVM_SET_DEVICE_ATTR, "a reset of the interrupt controller"),
	IOCTL(KVM_GET_DEVICE_ATTR, LOOKED),
#endif
#if defined(__aarch64__)
	IOCTL(KVM_ARM_VCPU_INIT, RESET),
	IOCTL(KVM_GET_REG_LIST, RESET),
	IOCTL_FOR(IOL_SANDBOX_NEEDS_CLIENT, KVM_ARM_PREFERRED_TARGET, TRIES),
#endif
#if defined(__powerpc__)
	IOCTL(KVM_RUN, "an access is completed before a reset"),
	IOCTL(KVM_DIRTY_TLB, RESET),
	IOCTL(KVM_TRANSLATE, LOOKED),
	IOCTL_FOR(IOL_SANDBOX_NEEDS_CLIENT, KVM_ENABLE_CAP, TRIES),
#endif
	{ .name = NULL },
};
