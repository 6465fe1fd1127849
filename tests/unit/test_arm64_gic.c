// SPDX-License-Identifier: Apache-2.0
/*
 * The registers by which a GIC is reset, against models of a GICv3's and a GICv2's registers as KVM
 * gives them to the owner of a machine (kvm-api devices/arm-vgic-v3, arm-vgic): a GIC that a guest has
 * changed all over is as a new one after the table was written to it in its order.
 */
#include <glib.h>
#include <string.h>

#include "arch/aarch64/arm64.h"
#include "arch/aarch64/gic.h"

enum { IRQS = 64, SGIS = 16, FRAME = 0x10000, APRS_HERE = 1 };

/* One distributor and the redistributor and CPU interface of one vCPU. */
struct model {
	unsigned int version;
	uint32_t dist_ctlr, iidr_writes, redist_ctlr;
	uint32_t basers[4]; /* PROPBASER, PENDBASER */
	bool enabled[IRQS], pending[IRQS], active[IRQS], group[IRQS];
	uint8_t priority[IRQS], config[IRQS], targets[IRQS];
	uint64_t router[IRQS];
	uint64_t cpu[64]; /* the CPU interface, by cpu_slot() */
};

static void model_init(struct model *m, unsigned int version)
{
	*m = (struct model){ .version = version };
	for (unsigned int i = 0; i < IRQS; i++) {
		m->enabled[i] = i < SGIS;
		m->group[i] = version == 3;
		m->config[i] = i >= SGIS && i < 32 ? 0 : 2; /* PPIs are levels */
		m->targets[i] = i < 32;
	}
	m->basers[0] = 0x780;
	m->cpu[1] = 0x404; /* what a guest cannot change of ICC_CTLR_EL1 */
}

/* All that a guest can reach, changed. */
static void model_dirty(struct model *m)
{
	m->dist_ctlr ^= 3;
	m->redist_ctlr = 1; /* LPIs */
	for (unsigned int i = 0; i < 4; i++)
		m->basers[i] = 0x5a000000 + i;
	for (unsigned int i = 0; i < IRQS; i++) {
		/* Some are the other way round, some are on. */
		m->enabled[i] = i % 3 != 0;
		m->pending[i] = m->active[i] = i % 2;
		m->group[i] = !m->group[i];
		m->priority[i] = (uint8_t)(0xa0 + i);
		m->config[i] ^= i < 32 ? 0 : 2; /* private ones have theirs for good */
		if (i >= 32) {
			m->targets[i] = 0xff;
			m->router[i] = 0x80000101;
		}
	}
	for (unsigned int i = 0; i < G_N_ELEMENTS(m->cpu); i++)
		m->cpu[i] ^= 0x3;
}

/* A bit of each of 32 interrupts. */
static uint32_t get_bits(const bool *of, unsigned int first)
{
	uint32_t bits = 0;

	for (unsigned int i = 0; i < 32; i++)
		bits |= (uint32_t)of[first + i] << i;
	return bits;
}

/* Bits that are 1 become @to; the others become !@to when @all. */
static void put_bits(bool *of, unsigned int first, uint32_t value, bool to, bool all)
{
	for (unsigned int i = 0; i < 32; i++) {
		if (value >> i & 1)
			of[first + i] = to;
		else if (all)
			of[first + i] = !to;
	}
}

static void access_bytes(uint8_t *of, unsigned int first, uint32_t *value, bool write)
{
	for (unsigned int i = 0; i < 4; i++) {
		if (write)
			of[first + i] = (uint8_t)(*value >> 8 * i);
		else
			*value |= (uint32_t)of[first + i] << 8 * i;
	}
}

static void access_config(struct model *m, unsigned int first, uint32_t *value, bool write)
{
	for (unsigned int i = 0; i < 16; i++) {
		if (!write)
			*value |= (uint32_t)m->config[first + i] << 2 * i;
		else if (first + i >= 32)
			m->config[first + i] = *value >> 2 * i & 2;
	}
}

static void access_router(struct model *m, uint32_t offset, uint32_t *value, bool write)
{
	uint64_t *router = &m->router[offset / 8];
	unsigned int shift = offset % 8 * 8;

	if (!write)
		*value = (uint32_t)(*router >> shift);
	else
		*router = (*router & ~((uint64_t)UINT32_MAX << shift)) | (uint64_t)*value << shift;
}

static void access_pending(struct model *m, bool clear, unsigned int first, uint32_t *value,
			   bool write)
{
	/* GICv3: ISPENDR is the latch, ICPENDR is nothing. */
	if (m->version == 3 && clear)
		*value = 0;
	else if (!write)
		*value = get_bits(m->pending, first);
	else
		put_bits(m->pending, first, *value, !clear, m->version == 3);
}

/* Registers that hold something of each interrupt; @offset is the distributor's. */
static bool access_irqs(struct model *m, uint32_t offset, uint32_t *value, bool write)
{
	unsigned int first = offset % 0x80 * 8;

	switch (offset & ~0x7fu) {
	case 0x080:
		if (!write)
			*value = get_bits(m->group, first);
		else
			put_bits(m->group, first, *value, true, true);
		return true;
	case 0x100:
	case 0x180:
		if (!write)
			*value = get_bits(m->enabled, first);
		else
			put_bits(m->enabled, first, *value, (offset & ~0x7fu) == 0x100, false);
		return true;
	case 0x200:
	case 0x280:
		access_pending(m, (offset & ~0x7fu) == 0x280, first, value, write);
		return true;
	case 0x300:
	case 0x380:
		if (!write)
			*value = get_bits(m->active, first);
		else
			put_bits(m->active, first, *value, (offset & ~0x7fu) == 0x300, false);
		return true;
	case 0x400:
		access_bytes(m->priority, offset - 0x400, value, write);
		return true;
	case 0x800:
		g_assert_cmpuint(m->version, ==, 2);
		access_bytes(m->targets, offset - 0x800, value, write);
		return true;
	case 0xc00:
		access_config(m, (offset - 0xc00) * 4, value, write);
		return true;
	default:
		return false;
	}
}

static void access_dist(struct model *m, bool own, uint32_t offset, uint64_t *value, bool write)
{
	uint32_t narrow = (uint32_t)*value;

	g_assert_cmpuint(offset % 4, ==, 0);
	if (offset == 0) {
		if (write)
			m->dist_ctlr = narrow;
		narrow = m->dist_ctlr;
	} else if (offset == 8) {
		/* The kernel's own number; it wants it before all else. */
		g_assert_true(!write || narrow == 0x4b00243b);
		m->iidr_writes += write;
		narrow = 0x4b00243b;
	} else if (m->version == 3 && offset >= 0x6100 && offset < 0x6000 + 8 * IRQS) {
		access_router(m, offset - 0x6000, &narrow, write);
	} else {
		g_assert_true(!write || m->iidr_writes);
		/* What is a vCPU's own lies elsewhere (GICv3) or is asked for of a vCPU. */
		g_assert_true(access_irqs(m, offset, &narrow, write));
		if (offset >= 0x400 && offset < 0xc00)
			g_assert_cmpint(offset % 0x400 < 32, ==, own);
		else
			g_assert_cmpint((offset % 0x80) < (offset < 0x400 ? 4 : 8), ==, own);
	}
	*value = narrow;
}

static void access_redist(struct model *m, uint32_t offset, uint64_t *value, bool write)
{
	uint32_t narrow = (uint32_t)*value;

	if (offset >= FRAME) {
		offset -= FRAME;
		/* 32 interrupts, no more. */
		g_assert_cmpuint(offset % (offset < 0x400 ? 0x80 : 0x400), <,
				 offset < 0x400 ? 4 : 32);
		g_assert_true(access_irqs(m, offset, &narrow, write));
	} else if (offset == 0) {
		if (write)
			m->redist_ctlr = narrow;
		narrow = m->redist_ctlr;
	} else {
		g_assert_cmphex(offset, >=, 0x70);
		g_assert_cmphex(offset, <, 0x80);
		g_assert_cmpuint(offset % 4, ==, 0);
		/* Nobody moves the tables of LPIs that are on. */
		if (write && !(m->redist_ctlr & 1))
			m->basers[offset / 4 % 4] = narrow;
		narrow = m->basers[offset / 4 % 4];
	}
	*value = narrow;
}

/* The register's place in model.cpu; -1: this implementation does not have it. */
static int cpu_slot(unsigned int version, uint32_t reg)
{
	static const struct {
		uint32_t v3, v2; /* 0: none */
	} known[] = {
		{ 0xc230, 0x004 }, /* PMR */
		{ 0xc664, 0x1000 }, /* CTLR; of GICv2 at 0 */
		{ 0xc643, 0x008 }, /* BPR0 */
		{ 0xc663, 0x01c }, /* BPR1 */
		{ 0xc666, 0 }, /* IGRPEN0 */
		{ 0xc667, 0 }, /* IGRPEN1 */
		{ 0xc644, 0x0d0 }, /* AP0R0 */
		{ 0xc648, 0 }, /* AP1R0 */
	};

	if (version == 2 && reg == 0)
		reg = 0x1000;
	for (unsigned int i = 0; i < G_N_ELEMENTS(known); i++)
		if (reg == (version == 3 ? known[i].v3 : known[i].v2))
			return (int)i;
	/* Further active priorities, of which there may be four. */
	if (version == 3)
		g_assert_true((reg > 0xc644 && reg < 0xc648) || (reg > 0xc648 && reg < 0xc64c));
	else
		g_assert_true(reg > 0xd0 && reg < 0xe0);
	return -1;
}

/* As KVM_GET_DEVICE_ATTR and KVM_SET_DEVICE_ATTR; false where there is no such register. */
static bool access_register(struct model *m, enum iol_arm64_gic_bank bank, uint32_t reg,
			    uint64_t *value, bool write)
{
	int slot;

	switch (bank) {
	case IOL_ARM64_BANK_V3_DIST:
	case IOL_ARM64_BANK_V2_DIST:
		access_dist(m, false, reg, value, write);
		return true;
	case IOL_ARM64_BANK_V2_DIST_CPU:
		access_dist(m, true, reg, value, write);
		return true;
	case IOL_ARM64_BANK_V3_REDIST:
		access_redist(m, reg, value, write);
		return true;
	default:
		slot = cpu_slot(m->version, reg);
		if (slot < 0)
			return false;
		if (write)
			m->cpu[slot] = *value;
		*value = m->cpu[slot];
		return true;
	}
}

/* Reads @new, writes @used. */
static void reset(struct model *new, struct model *used)
{
	unsigned int count;
	const struct iol_arm64_gic_run *runs = iol_arm64_gic_runs(new->version, &count);

	for (unsigned int r = 0; r < count; r++) {
		for (unsigned int i = 0; i < runs[r].count; i++) {
			uint32_t reg = runs[r].first + i * runs[r].step;
			uint64_t value = UINT32_MAX;

			if (runs[r].write == IOL_ARM64_GIC_KEPT) {
				value = 0;
				if (!access_register(new, runs[r].bank, reg, &value, false)) {
					g_assert_true(runs[r].optional);
					break;
				}
			}
			g_assert_true(access_register(used, runs[r].bank, reg, &value, true));
		}
	}
}

static void check_version(unsigned int version)
{
	struct model new, used;

	model_init(&new, version);
	used = new;
	model_dirty(&used);
	reset(&new, &used);
	g_assert_cmphex(used.dist_ctlr, ==, new.dist_ctlr);
	for (unsigned int i = 0; i < IRQS; i++) {
		g_test_message("interrupt %u", i);
		g_assert_cmpint(used.enabled[i], ==, new.enabled[i]);
		g_assert_cmpint(used.pending[i], ==, new.pending[i]);
		g_assert_cmpint(used.active[i], ==, new.active[i]);
		g_assert_cmpint(used.group[i], ==, new.group[i]);
		g_assert_cmphex(used.priority[i], ==, new.priority[i]);
		g_assert_cmphex(used.config[i], ==, new.config[i]);
		if (version == 2)
			g_assert_cmphex(used.targets[i], ==, new.targets[i]);
		else
			g_assert_cmphex(used.router[i], ==, new.router[i]);
	}
	for (unsigned int i = 0; i < 8; i++) {
		bool v3_only = i == 4 || i == 5 || i == 7;

		g_test_message("CPU interface register %u", i);
		if (version == 3 || !v3_only)
			g_assert_cmphex(used.cpu[i], ==, new.cpu[i]);
	}
	if (version == 2)
		return;
	g_assert_cmphex(used.redist_ctlr, ==, 0);
	for (unsigned int i = 0; i < 4; i++)
		g_assert_cmphex(used.basers[i], ==, new.basers[i]);
}

static void test_v3(void)
{
	check_version(3);
}

static void test_v2(void)
{
	check_version(2);
}

static void test_numbers(void)
{
	g_assert_cmpuint(iol_arm64_intid(0), ==, 32);
	g_assert_cmpuint(iol_arm64_intid(IOL_ARM64_IRQ_PINS - 1), ==, 63);
	g_assert_cmphex(iol_arm64_affinity(0), ==, 0);
	g_assert_cmphex(iol_arm64_affinity(15), ==, 0x00f);
	g_assert_cmphex(iol_arm64_affinity(16), ==, 0x100);
	g_assert_cmphex(iol_arm64_affinity(IOL_ARM64_CPUS_MAX - 1), ==, 0x30f);
	for (int bank = 0; bank < IOL_ARM64_BANKS; bank++)
		g_assert_cmpint(iol_arm64_gic_bank_is_per_cpu(bank), ==,
				bank != IOL_ARM64_BANK_V3_DIST && bank != IOL_ARM64_BANK_V2_DIST);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/arm64-gic/numbers", test_numbers);
	g_test_add_func("/arm64-gic/v3", test_v3);
	g_test_add_func("/arm64-gic/v2", test_v2);
	return g_test_run();
}
