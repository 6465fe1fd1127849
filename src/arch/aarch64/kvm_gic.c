// SPDX-License-Identifier: Apache-2.0
/*
 * The in-kernel interrupt controllers: a GICv3 with an ITS, or a GICv2 where the host has no better
 * (kvm-api devices/arm-vgic-v3, arm-vgic-its, arm-vgic). On the loop's thread, while vCPUs stand still.
 *
 * KVM resets an ITS when told to, and a GIC never. The GIC's registers are read when it is new, those of
 * the first vCPU standing for all, and written at each reset (gic.h). What depends on wires and timers
 * follows by itself: devices lower their wires, and KVM_ARM_VCPU_INIT the timers'.
 */
#include "kvm_arm64.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <sys/ioctl.h>

#include <iolite/log.h>

#include "gic.h"

struct iol_arm64_gic_value {
	enum iol_arm64_gic_bank bank;
	uint32_t reg; /* offset or encoding */
	uint64_t value;
};

/* KVM's names of the banks. */
static const struct {
	uint32_t group;
	bool wide; /* values of 64 bits */
} banks[IOL_ARM64_BANKS] = {
	[IOL_ARM64_BANK_V3_DIST] = { KVM_DEV_ARM_VGIC_GRP_DIST_REGS, false },
	[IOL_ARM64_BANK_V3_REDIST] = { KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, false },
	[IOL_ARM64_BANK_V3_CPU] = { KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, true },
	[IOL_ARM64_BANK_V2_DIST] = { KVM_DEV_ARM_VGIC_GRP_DIST_REGS, false },
	[IOL_ARM64_BANK_V2_DIST_CPU] = { KVM_DEV_ARM_VGIC_GRP_DIST_REGS, false },
	[IOL_ARM64_BANK_V2_CPU] = { KVM_DEV_ARM_VGIC_GRP_CPU_REGS, false },
};

/* --- making them --- */

static bool can_make(int vm_fd, uint32_t type)
{
	struct kvm_create_device device = { .type = type, .flags = KVM_CREATE_DEVICE_TEST };

	return !ioctl(vm_fd, KVM_CREATE_DEVICE, &device);
}

unsigned int iol_arm64_gic_version(int vm_fd)
{
	if (can_make(vm_fd, KVM_DEV_TYPE_ARM_VGIC_V3))
		return 3;
	return can_make(vm_fd, KVM_DEV_TYPE_ARM_VGIC_V2) ? 2 : 0;
}

static int create(struct iol_vm *vm, uint32_t type, int *fd, const char *name,
		  struct iol_error *err)
{
	struct kvm_create_device device = { .type = type };

	if (ioctl(vm->vm_fd, KVM_CREATE_DEVICE, &device))
		return iol_error_errno(err, -errno, "cannot create the %s (KVM_CREATE_DEVICE)",
				       name);
	*fd = (int)device.fd;
	return 0;
}

static int set_attr(int fd, uint32_t group, uint64_t attr, const void *value)
{
	struct kvm_device_attr set = {
		.group = group,
		.attr = attr,
		.addr = (uintptr_t)value,
	};

	return ioctl(fd, KVM_SET_DEVICE_ATTR, &set) ? -errno : 0;
}

static int set_address(int fd, uint64_t attr, uint64_t gpa, struct iol_error *err)
{
	int ret = set_attr(fd, KVM_DEV_ARM_VGIC_GRP_ADDR, attr, &gpa);

	return ret ? iol_error_errno(err, ret,
				     "cannot place interrupt controller part %" PRIu64
				     " at 0x%" PRIx64,
				     attr, gpa)
		   : 0;
}

static int create_v2(struct iol_vm *vm, struct iol_error *err)
{
	struct iol_arm64_vm *arm = iol_arm64_vm_of(vm);
	int ret = create(vm, KVM_DEV_TYPE_ARM_VGIC_V2, &arm->gic_fd, "GICv2", err);

	if (!ret)
		ret = set_address(arm->gic_fd, KVM_VGIC_V2_ADDR_TYPE_DIST, IOL_ARM64_GICD, err);
	if (!ret)
		ret = set_address(arm->gic_fd, KVM_VGIC_V2_ADDR_TYPE_CPU, IOL_ARM64_GICC, err);
	return ret;
}

/* One region of redistributors with room for each vCPU, of index 0. */
static uint64_t redistributors(unsigned int cpus)
{
	enum { COUNT_SHIFT = 52 };

	return (uint64_t)cpus << COUNT_SHIFT | IOL_ARM64_GICR;
}

static int create_v3(struct iol_vm *vm, struct iol_error *err)
{
	struct iol_arm64_vm *arm = iol_arm64_vm_of(vm);
	int ret = create(vm, KVM_DEV_TYPE_ARM_VGIC_V3, &arm->gic_fd, "GICv3", err);

	if (!ret)
		ret = set_address(arm->gic_fd, KVM_VGIC_V3_ADDR_TYPE_DIST, IOL_ARM64_GICD, err);
	if (!ret)
		ret = set_address(arm->gic_fd, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION,
				  redistributors(vm->layout.cpus), err);
	if (!ret)
		ret = create(vm, KVM_DEV_TYPE_ARM_VGIC_ITS, &arm->its_fd, "ITS", err);
	if (!ret)
		ret = set_address(arm->its_fd, KVM_VGIC_ITS_ADDR_TYPE, IOL_ARM64_ITS, err);
	return ret;
}

int iol_arm64_gic_create(struct iol_vm *vm, struct iol_error *err)
{
	const uint32_t irqs = IOL_ARM64_GIC_PRIVATE + IOL_ARM64_IRQ_PINS;
	int ret = vm->layout.facts.gic_version == 2 ? create_v2(vm, err) : create_v3(vm, err);

	if (ret)
		return ret;
	ret = set_attr(iol_arm64_vm_of(vm)->gic_fd, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &irqs);
	return ret ? iol_error_errno(err, ret, "cannot have %" PRIu32 " interrupts", irqs) : 0;
}

void iol_arm64_gic_finish(struct iol_vm *vm)
{
	struct iol_arm64_vm *arm = iol_arm64_vm_of(vm);

	g_free(arm->values);
	iol_fd_close(&arm->its_fd);
	iol_fd_close(&arm->gic_fd);
}

/* --- their registers --- */

/* Whose register it is: of a GICv2 by index, of a GICv3 by affinity. */
static uint64_t attr_of(enum iol_arm64_gic_bank bank, uint32_t reg, unsigned int cpu)
{
	bool by_index = bank == IOL_ARM64_BANK_V2_DIST_CPU || bank == IOL_ARM64_BANK_V2_CPU;
	uint64_t owner = by_index ? cpu : iol_arm64_affinity(cpu);

	return owner << KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT | reg;
}

static int get_value(int fd, enum iol_arm64_gic_bank bank, uint32_t reg, uint64_t *value)
{
	uint32_t narrow = 0;
	struct kvm_device_attr get = {
		.group = banks[bank].group,
		.attr = attr_of(bank, reg, 0),
		.addr = banks[bank].wide ? (uintptr_t)value : (uintptr_t)&narrow,
	};

	if (ioctl(fd, KVM_GET_DEVICE_ATTR, &get))
		return -errno;
	if (!banks[bank].wide)
		*value = narrow;
	return 0;
}

static int set_value(int fd, const struct iol_arm64_gic_value *v, unsigned int cpu)
{
	uint32_t narrow = (uint32_t)v->value;
	const void *value = banks[v->bank].wide ? (const void *)&v->value : &narrow;

	return set_attr(fd, banks[v->bank].group, attr_of(v->bank, v->reg, cpu), value);
}

static int capture_run(const struct iol_arm64_gic_run *run, int fd, GArray *values,
		       struct iol_error *err)
{
	for (uint32_t i = 0; i < run->count; i++) {
		struct iol_arm64_gic_value v = {
			.bank = run->bank,
			.reg = run->first + i * run->step,
			.value = UINT32_MAX,
		};
		int ret = 0;

		if (run->write == IOL_ARM64_GIC_KEPT)
			ret = get_value(fd, v.bank, v.reg, &v.value);
		if (ret && run->optional)
			return 0;
		if (ret)
			return iol_error_errno(err, ret,
					       "cannot read register 0x%" PRIx32
					       " of the interrupt controller (bank %d)",
					       v.reg, (int)v.bank);
		g_array_append_val(values, v);
	}
	return 0;
}

static int capture(struct iol_vm *vm, struct iol_error *err)
{
	struct iol_arm64_vm *arm = iol_arm64_vm_of(vm);
	GArray *values = g_array_new(FALSE, FALSE, sizeof(struct iol_arm64_gic_value));
	const struct iol_arm64_gic_run *runs;
	unsigned int count;
	int ret = 0;

	runs = iol_arm64_gic_runs(vm->layout.facts.gic_version, &count);
	for (unsigned int i = 0; i < count && !ret; i++)
		ret = capture_run(&runs[i], arm->gic_fd, values, err);
	arm->value_count = values->len;
	arm->values = (struct iol_arm64_gic_value *)(void *)g_array_free(values, FALSE);
	return ret;
}

int iol_arm64_gic_ready(struct iol_vm *vm, struct iol_error *err)
{
	struct iol_arm64_vm *arm = iol_arm64_vm_of(vm);
	int ret =
		set_attr(arm->gic_fd, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);

	if (!ret && arm->its_fd >= 0)
		ret = set_attr(arm->its_fd, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT,
			       NULL);
	if (ret)
		return iol_error_errno(err, ret, "cannot start the interrupt controllers");
	return capture(vm, err);
}

static int restore(struct iol_vm *vm, const struct iol_arm64_gic_value *v, struct iol_error *err)
{
	unsigned int cpus = iol_arm64_gic_bank_is_per_cpu(v->bank) ? vm->vcpu_count : 1;
	int ret = 0;

	for (unsigned int cpu = 0; cpu < cpus && !ret; cpu++)
		ret = set_value(iol_arm64_vm_of(vm)->gic_fd, v, cpu);
	return ret ? iol_error_errno(err, ret,
				     "cannot reset register 0x%" PRIx32
				     " of the interrupt controller (bank %d)",
				     v->reg, (int)v->bank)
		   : 0;
}

int iol_arm64_gic_reset(struct iol_vm *vm, struct iol_error *err)
{
	struct iol_arm64_vm *arm = iol_arm64_vm_of(vm);
	int ret = 0;

	for (unsigned int i = 0; i < arm->value_count && !ret; i++)
		ret = restore(vm, &arm->values[i], err);
	if (ret || arm->its_fd < 0)
		return ret;
	ret = set_attr(arm->its_fd, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_CTRL_RESET, NULL);
	return ret ? iol_error_errno(err, ret, "cannot reset the ITS") : 0;
}
