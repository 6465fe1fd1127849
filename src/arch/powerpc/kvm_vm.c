// SPDX-License-Identifier: Apache-2.0
/*
 * The machine-wide part of powerpc on KVM: capabilities, what this host is, and the exits that only Book E has. On
 * the loop's thread but ppc_handle_exit().
 *
 * A kernel-mode instruction that KVM does not know becomes a program interrupt of the guest's, as on a processor that
 * does not have it; KVM tells us all the same.
 */
#include "kvm_debug.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <inttypes.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <iolite/log.h>

#include "host_faults.h"

static const struct iol_kvm_cap caps[] = {
	{ KVM_CAP_PPC_BOOKE_SREGS, "ppc-booke-sregs", NULL },
	{ KVM_CAP_SW_TLB, "sw-tlb", NULL },
	{ KVM_CAP_USER_MEMORY, "user-memory", NULL },
	{ KVM_CAP_ENABLE_CAP, "enable-cap", NULL },
	{ KVM_CAP_ONE_REG, "one-reg", NULL },
	{ KVM_CAP_DEVICE_CTRL, "device-ctrl", NULL },
	{ KVM_CAP_IRQ_MPIC, "irq-mpic", NULL },
	{ KVM_CAP_IRQ_ROUTING, "irq-routing", NULL },
	{ KVM_CAP_IRQFD, "irqfd", NULL },
	{ KVM_CAP_PPC_GET_PVINFO, "ppc-get-pvinfo", NULL },
	{ KVM_CAP_IMMEDIATE_EXIT, "immediate-exit", NULL },
	{ KVM_CAP_IOEVENTFD, "ioeventfd", "each request of a virtio driver costs a longer exit" },
	{ KVM_CAP_PPC_BOOKE_WATCHDOG, "ppc-booke-watchdog",
	  "a guest's watchdog that runs out is not noticed" },
	{ 0, NULL, NULL },
};

/* --- what this host is --- */

enum { CPUINFO_BYTES = 4096 }; /* the first processor's part and, with few of them, the rest */

static void read_cpuinfo(struct iol_host_facts *facts)
{
	iol_auto(iol_fd_close) int fd = open("/proc/cpuinfo", O_RDONLY | O_CLOEXEC);
	char text[CPUINFO_BYTES];
	ssize_t len = 0, n = 1;

	while (fd >= 0 && n > 0 && len < CPUINFO_BYTES - 1) {
		n = read(fd, text + len, (size_t)(CPUINFO_BYTES - 1 - len));
		len += n > 0 ? n : 0;
	}
	text[len] = '\0';
	iol_ppc_parse_cpuinfo(text, facts);
}

static int read_pvinfo(int vm_fd, struct iol_host_facts *facts, struct iol_error *err)
{
	struct kvm_ppc_pvinfo pvinfo = { .flags = 0 };
	int ret = iol_kvm_ioctl(vm_fd, KVM_PPC_GET_PVINFO, &pvinfo, "KVM_PPC_GET_PVINFO", err);

	if (ret)
		return ret;
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(facts->hcall_instructions); i++)
		facts->hcall_instructions[i] = pvinfo.hcall[i];
	facts->has_idle_hcall = pvinfo.flags & KVM_PPC_PVINFO_FLAGS_EV_IDLE;
	return 0;
}

/* A guest's processor version is that of its host: KVM tells only by a vCPU's registers. */
static int read_pvr(int vm_fd, struct iol_host_facts *facts, struct iol_error *err)
{
	iol_auto(iol_fd_close) int vcpu_fd = ioctl(vm_fd, KVM_CREATE_VCPU, 0UL);
	struct kvm_sregs sregs = { .pvr = 0 };
	int ret;

	if (vcpu_fd < 0)
		return iol_error_errno(err, -errno, "KVM_CREATE_VCPU");
	ret = iol_kvm_ioctl(vcpu_fd, KVM_GET_SREGS, &sregs, "KVM_GET_SREGS", err);
	facts->pvr = sregs.pvr;
	return ret;
}

static int probe(int kvm_fd, struct iol_host_facts *facts, struct iol_error *err)
{
	int most = ioctl(kvm_fd, KVM_CHECK_EXTENSION, (unsigned long)KVM_CAP_MAX_VCPUS);
	iol_auto(iol_fd_close) int vm_fd = -1;
	int ret;

	do {
		vm_fd = ioctl(kvm_fd, KVM_CREATE_VM, 0UL);
	} while (vm_fd < 0 && errno == EINTR);
	if (vm_fd < 0)
		return iol_error_errno(err, -errno,
				       "cannot create a virtual machine (KVM_CREATE_VM)");
	facts->cpus_max = most > 0 ? (unsigned int)most : 0;
	read_cpuinfo(facts);
	ret = read_pvinfo(vm_fd, facts, err);
	return ret ? ret : read_pvr(vm_fd, facts, err);
}

/* --- the machine --- */

static int ppc_vm_init(struct iol_vm *vm, struct iol_error *err)
{
	struct iol_ppc_vm *ppc = g_new0(struct iol_ppc_vm, 1);
	int ret;

	ppc->mpic_fd = -1;
	vm->arch_state = ppc;
	ret = iol_ppc_spin_new(vm, iol_ppc_vcpu_start, &ppc->spin, err);
	return ret ? ret : iol_ppc_mpic_create(vm, err);
}

static void ppc_vm_finish(struct iol_vm *vm)
{
	struct iol_ppc_vm *ppc = iol_ppc_vm_of(vm);

	iol_ppc_spin_free(ppc->spin);
	iol_ppc_vcpu_finish(vm);
	iol_fd_close(&ppc->mpic_fd);
	g_free(ppc->gdb);
	g_free(ppc);
	vm->arch_state = NULL;
}

static int ppc_vm_reset(struct iol_vm *vm, struct iol_error *err)
{
	int ret;

	iol_ppc_spin_restore(iol_ppc_vm_of(vm)->spin);
	ret = iol_ppc_mpic_restore(vm, err);
	return ret ? ret : iol_ppc_drain(vm, err);
}

/* --- exits --- */

static enum iol_vcpu_action give_up(struct iol_vcpu *vcpu)
{
	iol_ppc_dump(vcpu);
	iol_vm_raise(vcpu->vm, IOL_EVENT_KVM_ERROR);
	return IOL_VCPU_HOLD;
}

/* KVM's mark for an instruction that it has made an interrupt of; the instruction is in the lower half. */
#define UNKNOWN_INSTRUCTION UINT32_MAX

static enum iol_vcpu_action exit_unknown(struct iol_vcpu *vcpu)
{
	uint64_t reason = vcpu->run->hw.hardware_exit_reason;

	if (reason >> 32 == UNKNOWN_INSTRUCTION) {
		iol_log(IOL_LOG_DEBUG,
			"vCPU %u: KVM does not know the instruction 0x%08x of its kernel",
			vcpu->idx, (uint32_t)reason);
		return IOL_VCPU_CONTINUE;
	}
	iol_log(IOL_LOG_ERROR, "vCPU %u: the processor left the guest for the reason 0x%" PRIx64,
		vcpu->idx, reason);
	return give_up(vcpu);
}

/*
 * KVM stops for the instruction that debuggers put in the place of others whether or not there is one. It is no other
 * instruction than those that nobody knows.
 */
static enum iol_vcpu_action exit_trap(struct iol_vcpu *vcpu)
{
	int ret = iol_ppc_give_back(vcpu);

	if (!ret)
		return IOL_VCPU_CONTINUE;
	iol_log(IOL_LOG_ERROR, "vCPU %u: its registers cannot be set: %s", vcpu->idx,
		g_strerror(-ret));
	return give_up(vcpu);
}

/* KVM's timer rests until the guest touches TSR or TCR: the guest may as well go on. */
static enum iol_vcpu_action exit_watchdog(struct iol_vcpu *vcpu)
{
	enum { TCR_WRC = 0x30000000 };
	uint32_t tcr = 0;

	iol_ppc_get_reg32(vcpu->fd, KVM_REG_PPC_TCR, &tcr, NULL);
	iol_ppc_vm_of(vcpu->vm)->watchdog_wrc = tcr & TCR_WRC;
	iol_vm_raise(vcpu->vm, IOL_EVENT_WATCHDOG);
	return IOL_VCPU_CONTINUE;
}

static enum iol_vcpu_action ppc_handle_exit(struct iol_vcpu *vcpu)
{
	switch (vcpu->run->exit_reason) {
	case KVM_EXIT_UNKNOWN:
		return exit_unknown(vcpu);
	case KVM_EXIT_DEBUG:
		return exit_trap(vcpu);
	case KVM_EXIT_WATCHDOG:
		return exit_watchdog(vcpu);
	case KVM_EXIT_INTR:
		return IOL_VCPU_CONTINUE;
	default:
		iol_log(IOL_LOG_ERROR, "vCPU %u: KVM exit reason %u is unknown here", vcpu->idx,
			vcpu->run->exit_reason);
		return give_up(vcpu);
	}
}

const struct iol_arch_kvm_ops iol_ppc_kvm_ops = {
	.probe = probe,
	.caps = caps,
	.no_device_remedy =
		"the kernel needs KVM for this core (CONFIG_KVM_E500V2 or CONFIG_KVM_E500MC, and "
		"CONFIG_KVM_MPIC); `dmesg` says whether the firmware left it the hypervisor's mode",
	.emulated_remedy = "use a host with an e500 core",
	.host_faults = iol_ppc_host_faults,
	.time_kernel_loop = iol_ppc_time_kernel_loop,
	.vm_init = ppc_vm_init,
	.vm_finish = ppc_vm_finish,
	/* As after a reset: what KVM makes new depends on how many vCPUs it has been wired to. */
	.vm_ready = iol_ppc_mpic_restore,
	.init_router = iol_ppc_mpic_init_router,
	.vcpu_init = iol_ppc_vcpu_init,
	.vcpu_reset = iol_ppc_vcpu_reset,
	.vm_reset = ppc_vm_reset,
	.handle_exit = ppc_handle_exit,
	.dump = iol_ppc_dump,
	.debug = &iol_ppc_debug_ops,
};
