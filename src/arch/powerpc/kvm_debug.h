/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by kvm_debug.c, kvm_debug_probe.c and kvm_registers.c. */
#ifndef IOL_PPC_KVM_DEBUG_H
#define IOL_PPC_KVM_DEBUG_H

#include "debug.h"
#include "kvm_ppc.h"

/* struct iol_arch_debug_ops */
int iol_ppc_debug_probe(int kvm_fd, struct iol_debug_caps *caps, struct iol_error *err);
const struct iol_gdb_description *iol_ppc_debug_describe(struct iol_vm *vm);
int iol_ppc_read_registers(struct iol_vcpu *vcpu, uint8_t *buf);
int iol_ppc_write_registers(struct iol_vcpu *vcpu, unsigned int first, unsigned int count,
			    const uint8_t *buf);

/* Also without a debugger. [loop], [vcpu] */
int iol_ppc_give_back(struct iol_vcpu *vcpu);

/*
 * KVM_SET_GUEST_DEBUG with @count @points. What of it concerns the MSR, KVM does only when the MSR is set: so it is.
 * -errno
 */
int iol_ppc_set_guest_debug(int vcpu_fd, uint32_t control, const struct iol_ppc_point *points,
			    unsigned int count);

#endif
