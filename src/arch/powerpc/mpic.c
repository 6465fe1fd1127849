// SPDX-License-Identifier: Apache-2.0
/*
 * The interrupt controller (MPC8544E and P4080 reference manuals, "Programmable interrupt controller"; what KVM has
 * of it: Linux, arch/powerpc/kvm/mpic.c). Pure: which one a machine has, what it takes for the data of a
 * message, and how it is put back to power-on.
 *
 * KVM has revisions 2.0 and 4.2. Machines get 2.0: in 4.2 a guest chooses by ILR which output of a processor a
 * source is for, and KVM counts what is active on it in an array of three without a look at the number (up to
 * 6.1 at least), so that a hostile guest could write to its host's memory. With 2.0 there is no ILR; Linux then
 * reads IACK instead of a proxied vector. More processors than 2.0 has room for in an IDR need 4.2.
 */
#include "ppc.h"

#include <assert.h>

/* IDR of 2.0: a bit for each processor from 0 up, and one for its critical input from bit 30 down. */
enum { MPIC_20_CPUS_MAX = 15 };

enum iol_ppc_mpic iol_ppc_mpic_of(const struct iol_layout *layout)
{
	return layout->cpus <= MPIC_20_CPUS_MAX ? IOL_PPC_MPIC_20 : IOL_PPC_MPIC_42;
}

/*
 * KVM takes the data for what is written to MSIIR, a big-endian register. A device writes a little-endian
 * number, which arrives there the other way round; but 2.0 has erratum PIC1, for which Linux has turned it
 * already (arch/powerpc/sysdev/fsl_msi.c).
 */
uint32_t iol_ppc_mpic_msi_data(uint32_t data)
{
	le32 bytes = le32_of(data);

	return be32_load(&bytes);
}

/* Offsets and bits of registers. */
enum {
	REG_GCR = 0x1020,
	GCR_RESET = 0x80000000,
	REG_IPI_IVPR = 0x10a0, /* 0x10 apart */
	REG_MSIR = 0x1600, /* 0x10 apart; reading clears */
	REG_IVPR = 0x10000, /* of a source; 0x20 apart */
	REG_ILR = 0x10018,
	IVPR_MASK = 0x80000000,
	IVPR_LEVEL = 0x00400000,
	IVPR_PRIORITY_MAX = 0x000f0000,
	REG_CTPR = 0x20080, /* of a processor; 0x1000 apart */
	REG_IACK = 0x200a0,
	REG_EOI = 0x200b0,
	CTPR_NOTHING = 15,
	IPIS = 4,
	SOURCES = 256,
};

struct walk {
	int (*step)(void *ctx, const struct iol_ppc_mpic_step *step);
	void *ctx;
	int ret; /* of the first step that failed */
};

static void step(struct walk *w, enum iol_ppc_mpic_do what, uint32_t reg, uint32_t value)
{
	const struct iol_ppc_mpic_step s = { .what = what, .reg = reg, .value = value };

	if (!w->ret)
		w->ret = w->step(w->ctx, &s);
}

/* A pin from outside that was an edge stays pending for ever: no level lowers it. */
static void lower_pins(struct walk *w)
{
	for (uint32_t i = 0; i < IOL_PPC_SOURCE_INTERNAL; i++) {
		step(w, IOL_PPC_MPIC_WRITE, REG_IVPR + 0x20 * i, IVPR_MASK | IVPR_LEVEL);
		step(w, IOL_PPC_MPIC_LOWER, i, 0);
	}
}

/* Interrupts between processors are edges as well, and taking them is all that ends them. */
static void take_ipis(struct walk *w)
{
	step(w, IOL_PPC_MPIC_WRITE, REG_CTPR, 0);
	for (uint32_t i = 0; i < IPIS; i++)
		step(w, IOL_PPC_MPIC_WRITE, REG_IPI_IVPR + 0x10 * i, IVPR_PRIORITY_MAX);
	for (uint32_t i = 0; i < IPIS; i++) {
		step(w, IOL_PPC_MPIC_READ, REG_IACK, 0);
		step(w, IOL_PPC_MPIC_WRITE, REG_EOI, 0);
	}
}

/*
 * KVM's own reset forgets what is pending, messages, ILR, and what processors have been told. It is done twice,
 * as the steps in between need a controller that nobody has programmed.
 */
int iol_ppc_mpic_reset(enum iol_ppc_mpic mpic, unsigned int cpus,
		       int (*do_step)(void *ctx, const struct iol_ppc_mpic_step *step), void *ctx)
{
	struct walk w = { do_step, ctx, 0 };

	assert(cpus && cpus <= IOL_PPC_CPUS_MAX);
	lower_pins(&w);
	step(&w, IOL_PPC_MPIC_WRITE, REG_GCR, GCR_RESET);
	if (mpic == IOL_PPC_MPIC_42)
		for (uint32_t i = 0; i < SOURCES; i++)
			step(&w, IOL_PPC_MPIC_WRITE, REG_ILR + 0x20 * i, 0);
	for (uint32_t i = 0; i < IOL_PPC_MSI_SOURCE_COUNT; i++)
		step(&w, IOL_PPC_MPIC_READ, REG_MSIR + 0x10 * i, 0);
	take_ipis(&w);
	step(&w, IOL_PPC_MPIC_WRITE, REG_GCR, GCR_RESET);
	/* The priority is that of reset; writing it is what lowers a processor's input. */
	for (uint32_t i = 0; i < cpus; i++)
		step(&w, IOL_PPC_MPIC_WRITE, REG_CTPR + 0x1000 * i, CTPR_NOTHING);
	return w.ret;
}
