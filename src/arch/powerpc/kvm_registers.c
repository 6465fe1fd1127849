// SPDX-License-Identifier: Apache-2.0
/*
 * Where KVM has the registers of registers.h, reading and writing them. On the loop's thread while the vCPU stands.
 *
 * KVM says by bits which parts of its structure it fills; the others stay 0, and so do single registers that it does not know.
 */
#include "kvm_debug.h"

#include <errno.h>
#include <glib.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>

enum where { REGS, SREGS, ONE };

struct place {
	enum where where;
	size_t offset, bytes; /* of a member */
	uint64_t id; /* of a single register */
};

#define PLACE_REGS(member)                                                                         \
	{                                                                                          \
		REGS, offsetof(struct kvm_regs, member), sizeof(((struct kvm_regs *)0)->member), 0 \
	}
#define PLACE_SREGS(member)                                        \
	{                                                          \
		SREGS, offsetof(struct kvm_sregs, member),         \
			sizeof(((struct kvm_sregs *)0)->member), 0 \
	}
#define PLACE_ONE(name)                       \
	{                                     \
		ONE, 0, 0, KVM_REG_PPC_##name \
	}
#define PLACE(name, width, where, place, access, cores, type) PLACE_##where(place),

static const struct place places[] = { IOL_PPC_REGISTERS(PLACE) };

struct state {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
};

static int load_state(int vcpu_fd, struct state *state)
{
	memset(state, 0, sizeof(*state));
	if (ioctl(vcpu_fd, KVM_GET_REGS, &state->regs) ||
	    ioctl(vcpu_fd, KVM_GET_SREGS, &state->sregs))
		return -errno;
	return 0;
}

static void *member_of(struct state *state, const struct place *place)
{
	char *base = place->where == REGS ? (char *)&state->regs : (char *)&state->sregs;

	return base + place->offset;
}

static size_t id_bytes(uint64_t id)
{
	return (size_t)1 << ((id & KVM_REG_SIZE_MASK) >> KVM_REG_SIZE_SHIFT);
}

static int get_one(int vcpu_fd, uint64_t id, uint64_t *value)
{
	uint32_t value32 = 0;
	struct kvm_one_reg reg = { .id = id };

	reg.addr = id_bytes(id) == sizeof(value32) ? (uintptr_t)&value32 : (uintptr_t)value;
	*value = 0;
	if (ioctl(vcpu_fd, KVM_GET_ONE_REG, &reg))
		return -errno;
	if (id_bytes(id) == sizeof(value32))
		*value = value32;
	return 0;
}

static int set_one(int vcpu_fd, uint64_t id, uint64_t value)
{
	const uint32_t value32 = (uint32_t)value;
	struct kvm_one_reg reg = { .id = id };

	reg.addr = id_bytes(id) == sizeof(value32) ? (uintptr_t)&value32 : (uintptr_t)&value;
	return ioctl(vcpu_fd, KVM_SET_ONE_REG, &reg) ? -errno : 0;
}

static uint64_t value_of(int vcpu_fd, struct state *state, const struct place *place)
{
	uint32_t value32;
	uint64_t value = 0;

	if (place->where == ONE) {
		if (get_one(vcpu_fd, place->id, &value))
			return 0;
		return value;
	}
	if (place->bytes == sizeof(value)) {
		memcpy(&value, member_of(state, place), sizeof(value));
		return value;
	}
	memcpy(&value32, member_of(state, place), sizeof(value32));
	return value32;
}

static void set_member(struct state *state, const struct place *place, uint64_t value)
{
	const uint32_t value32 = (uint32_t)value;

	if (place->bytes == sizeof(value))
		memcpy(member_of(state, place), &value, sizeof(value));
	else
		memcpy(member_of(state, place), &value32, sizeof(value32));
}

const struct iol_gdb_description *iol_ppc_debug_describe(struct iol_vm *vm)
{
	struct iol_ppc_vm *ppc = iol_ppc_vm_of(vm);
	uint64_t value;

	if (!ppc->gdb) {
		const struct iol_ppc_machine *machine = iol_ppc_machine_of(&vm->layout);
		bool has_fpu =
			!machine->has_spe && !get_one(vm->vcpus[0].fd, KVM_REG_PPC_FPR0, &value);

		ppc->gdb = g_new0(struct iol_ppc_gdb, 1);
		iol_ppc_gdb_describe(ppc->gdb, machine, has_fpu);
	}
	return &ppc->gdb->description;
}

static const struct iol_ppc_gdb *gdb_of(struct iol_vcpu *vcpu)
{
	iol_ppc_debug_describe(vcpu->vm);
	return iol_ppc_vm_of(vcpu->vm)->gdb;
}

int iol_ppc_read_registers(struct iol_vcpu *vcpu, uint8_t *buf)
{
	const struct iol_ppc_gdb *gdb = gdb_of(vcpu);
	struct state state;
	int ret = load_state(vcpu->fd, &state);

	if (ret)
		return ret;
	for (unsigned int n = 0; n < gdb->count; n++)
		iol_ppc_gdb_put(gdb, n, buf, value_of(vcpu->fd, &state, &places[gdb->rows[n]]));
	return 0;
}

/* What of kvm_sregs KVM takes only when told to. */
static uint32_t special_of(unsigned int row)
{
	switch (row) {
	case IOL_PPC_ROW_mcsr:
		return KVM_SREGS_E_UPDATE_MCSR;
	case IOL_PPC_ROW_tsr:
		return KVM_SREGS_E_UPDATE_TSR;
	case IOL_PPC_ROW_dec:
		return KVM_SREGS_E_UPDATE_DEC;
	default:
		return 0;
	}
}

/* @dirty: bits of enum where */
static int change(int vcpu_fd, struct state *state, unsigned int row, uint64_t value,
		  unsigned int *dirty)
{
	const struct place *place = &places[row];

	/* Setting all registers to what they are is no mistake. */
	if (iol_ppc_row_read_only(row))
		return value_of(vcpu_fd, state, place) == value ? 0 : -EPERM;
	if (place->where == ONE)
		return set_one(vcpu_fd, place->id, value);
	set_member(state, place, value);
	if (place->where == SREGS)
		state->sregs.u.e.update_special |= special_of(row);
	*dirty |= 1u << place->where;
	return 0;
}

int iol_ppc_write_registers(struct iol_vcpu *vcpu, unsigned int first, unsigned int count,
			    const uint8_t *buf)
{
	const struct iol_ppc_gdb *gdb = gdb_of(vcpu);
	unsigned int dirty = 0;
	struct state state;
	int ret;

	if (first > gdb->count || count > gdb->count - first)
		return -EINVAL;
	ret = load_state(vcpu->fd, &state);
	for (unsigned int n = first; n < first + count && !ret; n++)
		ret = change(vcpu->fd, &state, gdb->rows[n], iol_ppc_gdb_get(gdb, n, buf), &dirty);
	if (ret)
		return ret;
	if (dirty & 1u << SREGS && ioctl(vcpu->fd, KVM_SET_SREGS, &state.sregs))
		return -errno;
	if (dirty & 1u << REGS && ioctl(vcpu->fd, KVM_SET_REGS, &state.regs))
		return -errno;
	return 0;
}
