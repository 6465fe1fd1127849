// SPDX-License-Identifier: Apache-2.0
/*
 * The in-kernel interrupt controller (kvm-api devices/mpic). On the loop's thread, while vCPUs stand still.
 *
 * KVM gives its pins no routes by itself.
 */
#include "kvm_ppc.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/ioctl.h>

static const struct {
	const char *name;
	uint32_t type;
} models[] = {
	[IOL_PPC_MPIC_20] = { "MPIC 2.0", KVM_DEV_TYPE_FSL_MPIC_20 },
	[IOL_PPC_MPIC_42] = { "MPIC 4.2", KVM_DEV_TYPE_FSL_MPIC_42 },
};

static int attr_ioctl(int fd, unsigned long request, uint32_t group, uint64_t attr, void *value)
{
	struct kvm_device_attr a = { .group = group, .attr = attr, .addr = (uintptr_t)value };

	return ioctl(fd, request, &a) ? -errno : 0;
}

int iol_ppc_mpic_create(struct iol_vm *vm, struct iol_error *err)
{
	struct iol_ppc_vm *ppc = iol_ppc_vm_of(vm);
	uint64_t base = iol_ppc_machine_of(&vm->layout)->map->ccsr + IOL_PPC_MPIC;
	enum iol_ppc_mpic mpic = iol_ppc_mpic_of(&vm->layout);
	struct kvm_create_device device = { .type = models[mpic].type };
	int ret;

	if (ioctl(vm->vm_fd, KVM_CREATE_DEVICE, &device))
		return iol_error_errno(err, -errno, "cannot create the %s (KVM_CREATE_DEVICE)",
				       models[mpic].name);
	ppc->mpic_fd = (int)device.fd;
	ppc->mpic = mpic;
	ret = attr_ioctl(ppc->mpic_fd, KVM_SET_DEVICE_ATTR, KVM_DEV_MPIC_GRP_MISC,
			 KVM_DEV_MPIC_BASE_ADDR, &base);
	return ret ? iol_error_errno(err, ret, "cannot place the %s at 0x%" PRIx64,
				     models[mpic].name, base)
		   : 0;
}

int iol_ppc_mpic_connect(struct iol_vcpu *vcpu, struct iol_error *err)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_IRQ_MPIC,
		.args = { (uint64_t)iol_ppc_vm_of(vcpu->vm)->mpic_fd, vcpu->idx },
	};

	return iol_kvm_ioctl(vcpu->fd, KVM_ENABLE_CAP, &cap, "KVM_CAP_IRQ_MPIC", err);
}

int iol_ppc_mpic_init_router(struct iol_vm *vm, struct iol_error *err)
{
	if (iol_ppc_vm_of(vm)->mpic == IOL_PPC_MPIC_42)
		iol_irq_router_convert_data(vm->router, iol_ppc_mpic_msi_data);
	return iol_irq_router_route_pins(vm->router, err);
}

static int do_step(void *ctx, const struct iol_ppc_mpic_step *step)
{
	int fd = *(const int *)ctx;
	uint32_t value = step->value;

	switch (step->what) {
	case IOL_PPC_MPIC_WRITE:
		return attr_ioctl(fd, KVM_SET_DEVICE_ATTR, KVM_DEV_MPIC_GRP_REGISTER, step->reg,
				  &value);
	case IOL_PPC_MPIC_READ:
		return attr_ioctl(fd, KVM_GET_DEVICE_ATTR, KVM_DEV_MPIC_GRP_REGISTER, step->reg,
				  &value);
	case IOL_PPC_MPIC_LOWER:
		return attr_ioctl(fd, KVM_SET_DEVICE_ATTR, KVM_DEV_MPIC_GRP_IRQ_ACTIVE, step->reg,
				  &value);
	}
	return -EINVAL;
}

int iol_ppc_mpic_restore(struct iol_vm *vm, struct iol_error *err)
{
	struct iol_ppc_vm *ppc = iol_ppc_vm_of(vm);
	int ret = iol_ppc_mpic_reset(ppc->mpic, vm->layout.cpus, do_step, &ppc->mpic_fd);

	return ret ? iol_error_errno(err, ret, "cannot reset the %s", models[ppc->mpic].name) : 0;
}
