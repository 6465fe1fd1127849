/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the files of this folder: the machine's pure half and its KVM half (kvm_*.c). The pure half
 * is compiled on every host, so nothing here needs <asm/...> headers.
 */
#ifndef IOLITE_ARM64_H
#define IOLITE_ARM64_H

#include <iolite/arch.h>

#include "platform.h"

/* The KVM half, kvm_*.c; only on aarch64 hosts. */
extern const struct iol_arch_kvm_ops iol_arm64_kvm_ops;

/*
 * The affinity of vCPU @idx, as in MPIDR_EL1: KVM has 16 in a cluster, as many as a GICv3 reaches with one
 * message.
 */
static inline uint64_t iol_arm64_affinity(unsigned int idx)
{
	return (idx & 0xf) | (uint64_t)(idx >> 4 & 0xff) << 8;
}

#endif
