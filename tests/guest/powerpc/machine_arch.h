/* SPDX-License-Identifier: Apache-2.0 */
/* What test_machine.c has to know of Power Book E, inside of it. */

#define MACHINE_MEMORY_BYTES (64 * IOL_MIB) /* the least that there is */
#define MACHINE_CPUS_MAX 1 /* the lab's KVM is one for a single processor */

static const struct machine_kind kinds[] = {
	{ "user/1", "user", 1, 0 },
	{ "mmio/1", "mmio", 1, 0 },
	{ "halt/1", "halt", 1, 0 },
};

/* Orders to read a register; an access of a device is never cut into pieces here. */
static const char *const trap_orders[] = { "read" };

#define MACHINE_BAD_MEMORY                                    \
	{ KERNEL, NULL, 64 * IOL_MIB - 65536, 1, -EINVAL },   \
	{                                                     \
		KERNEL, NULL, 64 * IOL_MIB + 2048, 1, -EINVAL \
	}

/* True when a register of vCPU 0, which stands, has @value, or half of it: the guest reads 4 bytes. */
static bool vcpu_has(const struct iol_vm *vm, uint64_t value)
{
	struct kvm_regs regs;

	g_assert_cmpint(ioctl(vm->vcpus[0].fd, KVM_GET_REGS, &regs), ==, 0);
	for (unsigned int n = 0; n < 32; n++)
		if (regs.gpr[n] == (uint32_t)value)
			return true;
	return false;
}
