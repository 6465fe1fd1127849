// SPDX-License-Identifier: Apache-2.0
/* Registers of interrupt controllers that a reset puts back. See gic.h. Pure, any thread. */
#include "gic.h"

#include <iolite/macros.h>

#include "platform.h"

enum {
	SPIS = IOL_ARM64_IRQ_PINS,
	PRIVATE = IOL_ARM64_GIC_PRIVATE,

	/* The distributor; the same in both versions as far as both have them. */
	DIST_CTLR = 0x000,
	DIST_IIDR = 0x008,
	DIST_IGROUPR = 0x080,
	DIST_ISENABLER = 0x100,
	DIST_ICENABLER = 0x180,
	DIST_ISPENDR = 0x200,
	DIST_ICPENDR = 0x280,
	DIST_ICACTIVER = 0x380,
	DIST_IPRIORITYR = 0x400,
	DIST_ITARGETSR = 0x800,
	DIST_ICFGR = 0xc00,
	DIST_IROUTER = 0x6000,

	REDIST_CTLR = 0x000,
	REDIST_BASERS = 0x070, /* PROPBASER and PENDBASER, 64 bits each */
	REDIST_SGI =
		0x10000, /* its second frame, laid out as the distributor for private interrupts */

	CPU_CTLR = 0x00,
	CPU_PMR = 0x04,
	CPU_BPR = 0x08,
	CPU_ABPR = 0x1c,
	CPU_APR = 0xd0,
	CPU_APRS = 4,
};

#define ICC_PMR IOL_ARM64_SYSREG(3, 0, 4, 6, 0)
#define ICC_BPR0 IOL_ARM64_SYSREG(3, 0, 12, 8, 3)
#define ICC_AP0R IOL_ARM64_SYSREG(3, 0, 12, 8, 4)
#define ICC_AP1R IOL_ARM64_SYSREG(3, 0, 12, 9, 0)
#define ICC_BPR1 IOL_ARM64_SYSREG(3, 0, 12, 12, 3)
#define ICC_CTLR IOL_ARM64_SYSREG(3, 0, 12, 12, 4)
#define ICC_IGRPEN0 IOL_ARM64_SYSREG(3, 0, 12, 12, 6)
#define ICC_IGRPEN1 IOL_ARM64_SYSREG(3, 0, 12, 12, 7)
enum { ICC_APRS = 4 };

/* @count_ registers of the implementation's choice or less, @step_ apart. */
#define UP_TO(bank_, first_, count_, step_)                                           \
	{                                                                             \
		.bank = IOL_ARM64_BANK_##bank_, .first = (first_), .count = (count_), \
		.step = (step_), .optional = true,                                    \
	}
#define SOME(bank_, first_, count_, write_)                                                      \
	{                                                                                        \
		.bank = IOL_ARM64_BANK_##bank_, .first = (first_), .count = (count_), .step = 4, \
		.write = IOL_ARM64_GIC_##write_,                                                 \
	}
#define ONE(bank_, first_) SOME(bank_, first_, 1, KEPT)
/* Registers that hold @bits_ of each interrupt: of the shared ones, and of a vCPU's own. */
#define SHARED(bank_, first_, bits_, write_) \
	SOME(bank_, (first_) + PRIVATE * (bits_) / 8, SPIS * (bits_) / 32, write_)
#define OWN(bank_, first_, bits_, write_) SOME(bank_, first_, PRIVATE *(bits_) / 32, write_)

/*
 * What KVM lets its owner read and write (kvm-api devices/arm-vgic-v3): ISPENDR is the latch itself there,
 * zeros included, and ICPENDR is nothing. LPIs are off before their tables move. The levels of the
 * wires are left alone: they follow the devices, which are reset first.
 */
static const struct iol_arm64_gic_run v3[] = {
	/* By its own number the kernel recognises an owner that knows what it writes. */
	ONE(V3_DIST, DIST_IIDR),
	ONE(V3_DIST, DIST_CTLR),
	SHARED(V3_DIST, DIST_ICENABLER, 1, ONES),
	SHARED(V3_DIST, DIST_ISENABLER, 1, KEPT),
	SHARED(V3_DIST, DIST_ICACTIVER, 1, ONES),
	SHARED(V3_DIST, DIST_ISPENDR, 1, KEPT),
	SHARED(V3_DIST, DIST_IGROUPR, 1, KEPT),
	SHARED(V3_DIST, DIST_IPRIORITYR, 8, KEPT),
	SHARED(V3_DIST, DIST_ICFGR, 2, KEPT),
	SHARED(V3_DIST, DIST_IROUTER, 64, KEPT),

	ONE(V3_REDIST, REDIST_CTLR),
	SOME(V3_REDIST, REDIST_BASERS, 4, KEPT),
	OWN(V3_REDIST, REDIST_SGI + DIST_ICENABLER, 1, ONES),
	OWN(V3_REDIST, REDIST_SGI + DIST_ISENABLER, 1, KEPT),
	OWN(V3_REDIST, REDIST_SGI + DIST_ICACTIVER, 1, ONES),
	OWN(V3_REDIST, REDIST_SGI + DIST_ISPENDR, 1, KEPT),
	OWN(V3_REDIST, REDIST_SGI + DIST_IGROUPR, 1, KEPT),
	OWN(V3_REDIST, REDIST_SGI + DIST_IPRIORITYR, 8, KEPT),
	OWN(V3_REDIST, REDIST_SGI + DIST_ICFGR, 2, KEPT),

	/* CTLR before BPR1, which is not its own register while CTLR.CBPR is set. */
	ONE(V3_CPU, ICC_CTLR),
	ONE(V3_CPU, ICC_PMR),
	ONE(V3_CPU, ICC_BPR0),
	ONE(V3_CPU, ICC_BPR1),
	ONE(V3_CPU, ICC_IGRPEN0),
	ONE(V3_CPU, ICC_IGRPEN1),
	UP_TO(V3_CPU, ICC_AP0R, ICC_APRS, 1),
	UP_TO(V3_CPU, ICC_AP1R, ICC_APRS, 1),
};

/* kvm-api devices/arm-vgic: ICPENDR clears, and with it who sent an SGI. */
static const struct iol_arm64_gic_run v2[] = {
	ONE(V2_DIST, DIST_IIDR),
	ONE(V2_DIST, DIST_CTLR),
	SHARED(V2_DIST, DIST_ICENABLER, 1, ONES),
	SHARED(V2_DIST, DIST_ISENABLER, 1, KEPT),
	SHARED(V2_DIST, DIST_ICACTIVER, 1, ONES),
	SHARED(V2_DIST, DIST_ICPENDR, 1, ONES),
	SHARED(V2_DIST, DIST_IGROUPR, 1, KEPT),
	SHARED(V2_DIST, DIST_IPRIORITYR, 8, KEPT),
	SHARED(V2_DIST, DIST_ITARGETSR, 8, KEPT),
	SHARED(V2_DIST, DIST_ICFGR, 2, KEPT),

	OWN(V2_DIST_CPU, DIST_ICENABLER, 1, ONES),
	OWN(V2_DIST_CPU, DIST_ISENABLER, 1, KEPT),
	OWN(V2_DIST_CPU, DIST_ICACTIVER, 1, ONES),
	OWN(V2_DIST_CPU, DIST_ICPENDR, 1, ONES),
	OWN(V2_DIST_CPU, DIST_IGROUPR, 1, KEPT),
	OWN(V2_DIST_CPU, DIST_IPRIORITYR, 8, KEPT),
	OWN(V2_DIST_CPU, DIST_ICFGR, 2, KEPT),

	ONE(V2_CPU, CPU_CTLR),
	ONE(V2_CPU, CPU_PMR),
	ONE(V2_CPU, CPU_BPR),
	ONE(V2_CPU, CPU_ABPR),
	UP_TO(V2_CPU, CPU_APR, CPU_APRS, 4),
};

bool iol_arm64_gic_bank_is_per_cpu(enum iol_arm64_gic_bank bank)
{
	return bank != IOL_ARM64_BANK_V3_DIST && bank != IOL_ARM64_BANK_V2_DIST;
}

const struct iol_arm64_gic_run *iol_arm64_gic_runs(unsigned int version, unsigned int *count)
{
	*count = version == 2 ? IOL_ARRAY_LEN(v2) : IOL_ARRAY_LEN(v3);
	return version == 2 ? v2 : v3;
}
