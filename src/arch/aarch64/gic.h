/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of the interrupt controllers is not power-on state by itself after a reset: KVM has no call for
 * that, so their registers are read when they are new and written back. Offsets and encodings are
 * the architecture's (GICv3: ARM IHI 0069, chapter 12; GICv2: ARM IHI 0048, chapter 4); pure.
 */
#ifndef IOLITE_ARM64_GIC_H
#define IOLITE_ARM64_GIC_H

#include <stdbool.h>
#include <stdint.h>

/* SGIs and PPIs come before the first SPI. */
enum { IOL_ARM64_GIC_PRIVATE = 32 };

/* The INTID of shared peripheral interrupt @gsi. */
static inline uint32_t iol_arm64_intid(uint32_t gsi)
{
	return IOL_ARM64_GIC_PRIVATE + gsi;
}

/* A system register as its instruction encodes it: op0, op1, CRn, CRm, op2. */
#define IOL_ARM64_SYSREG(op0, op1, crn, crm, op2) \
	((op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))

enum iol_arm64_gic_bank {
	/* GICv3: distributor, and of each vCPU redistributor and CPU interface. */
	IOL_ARM64_BANK_V3_DIST,
	IOL_ARM64_BANK_V3_REDIST,
	IOL_ARM64_BANK_V3_CPU, /* system registers, 64 bits */
	/* GICv2: distributor, the part of it that each vCPU has for itself, and the CPU interface. */
	IOL_ARM64_BANK_V2_DIST,
	IOL_ARM64_BANK_V2_DIST_CPU,
	IOL_ARM64_BANK_V2_CPU,
	IOL_ARM64_BANKS,
};

/* Whether each vCPU has one. */
bool iol_arm64_gic_bank_is_per_cpu(enum iol_arm64_gic_bank bank);

enum iol_arm64_gic_write {
	IOL_ARM64_GIC_KEPT, /* what was read when it was new */
	IOL_ARM64_GIC_ONES, /* clears, bit by bit, what a set register keeps */
};

/* Registers that follow each other. */
struct iol_arm64_gic_run {
	enum iol_arm64_gic_bank bank;
	uint32_t first; /* offset, or encoding of a system register */
	uint32_t count, step;
	enum iol_arm64_gic_write write;
	bool optional; /* how many there are is the implementation's */
};

/* All of them for GIC @version (2 or 3), in the order in which they are to be written. Static. */
const struct iol_arm64_gic_run *iol_arm64_gic_runs(unsigned int version, unsigned int *count);

#endif
