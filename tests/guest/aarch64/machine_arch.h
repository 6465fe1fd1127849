/* SPDX-License-Identifier: Apache-2.0 */
/* What test_machine.c has to know of aarch64, inside of it. */

#define MACHINE_MEMORY_BYTES (32 * IOL_MIB)
#define MACHINE_CPUS_MAX 4

static const struct machine_kind kinds[] = {
	{ "user/1", "user", 1, 0 }, { "user/4", "user", 4, 0 }, { "mmio/1", "mmio", 1, 0 },
	{ "mmio/4", "mmio", 4, 0 }, { "halt/1", "halt", 1, 0 }, { "halt/4", "halt", 4, 0 },
	{ "all/4", "all", 4, 3 },
};

/* Orders to read a register; an access of a device is never cut into pieces here. */
static const char *const trap_orders[] = { "read" };

#define MACHINE_BAD_MEMORY                                    \
	{ KERNEL, NULL, 16 * IOL_MIB - 65536, 1, -EINVAL },   \
	{                                                     \
		KERNEL, NULL, 16 * IOL_MIB + 4096, 1, -EINVAL \
	}

/* True when a register of vCPU 0, which stands, has @value. */
static bool vcpu_has(const struct iol_vm *vm, uint64_t value)
{
	for (uint64_t n = 0; n < 31; n++) {
		uint64_t got = 0;
		struct kvm_one_reg reg = {
			.id = KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | 2 * n,
			.addr = (uintptr_t)&got,
		};

		g_assert_cmpint(ioctl(vm->vcpus[0].fd, KVM_GET_ONE_REG, &reg), ==, 0);
		if (got == value)
			return true;
	}
	return false;
}
