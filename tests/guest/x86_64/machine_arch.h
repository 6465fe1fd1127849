/* SPDX-License-Identifier: Apache-2.0 */
/* What test_machine.c has to know of x86_64, inside of it. */

#define MACHINE_MEMORY_BYTES (32 * IOL_MIB)
#define MACHINE_CPUS_MAX 4

static const struct machine_kind kinds[] = {
	{ "user/1", "user", 1, 0 }, { "user/4", "user", 4, 0 }, { "mmio/1", "mmio", 1, 0 },
	{ "mmio/4", "mmio", 4, 0 }, { "pio/1", "pio", 1, 0 },   { "halt/1", "halt", 1, 0 },
	{ "halt/4", "halt", 4, 0 }, { "all/4", "all", 4, 3 },
};

/* Orders to read a register, and what reads it in two pieces. */
static const char *const trap_orders[] = { "read", "split" };

/* A MiB is a machine, but nothing that the guest fits into. */
#define MACHINE_BAD_MEMORY                                                       \
	{ KERNEL, NULL, IOL_MIB, 1, -ENOSPC },                                   \
		{ KERNEL, "/proc/self/exe", IOL_MIB + IOL_MIB / 4, 1, -ENOSPC }, \
	{                                                                        \
		KERNEL, NULL, IOL_MIB - 4096, 1, -EINVAL                         \
	}

/* True when a register of vCPU 0, which stands, has @value. */
static bool vcpu_has(const struct iol_vm *vm, uint64_t value)
{
	struct kvm_regs r;

	g_assert_cmpint(ioctl(vm->vcpus[0].fd, KVM_GET_REGS, &r), ==, 0);
	return r.rax == value || r.rbx == value || r.rcx == value || r.rdx == value ||
	       r.rsi == value || r.rdi == value || r.r8 == value || r.r9 == value;
}
