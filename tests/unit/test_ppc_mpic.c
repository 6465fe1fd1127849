// SPDX-License-Identifier: Apache-2.0
/*
 * The interrupt controller's reset, against a model of what KVM's keeps and of what its own reset forgets (Linux,
 * arch/powerpc/kvm/mpic.c): one that a guest has changed all over is as a new one afterwards. And which one a
 * machine has, and the data of messages.
 */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "arch/powerpc/ppc.h"

enum {
	EXTERNAL = 16,
	MSIS = 224,
	IPI0 = 256,
	IPIS = 4,
	SOURCES = 264,
	CPUS = 3,
	SPURIOUS = 0xffff
};
#define MASKED UINT32_C(0x80000000)
#define LEVEL UINT32_C(0x00400000)

struct source {
	uint32_t ivpr, ilr, destinations;
	bool pending, level;
};

struct model {
	bool has_ilr;
	uint32_t gcr;
	struct source src[SOURCES];
	uint32_t msir[8];
	struct {
		uint32_t ctpr;
		bool raised[SOURCES], serving[SOURCES];
		bool input; /* what the processor sees */
	} cpu[CPUS];
	unsigned int resets, steps;
	unsigned int fail_at; /* step; 0: none */
};

static unsigned int priority_of(const struct source *s)
{
	return s->ivpr >> 16 & 15;
}

static int next_of(const struct model *m, const bool *queue)
{
	int next = -1;

	for (int i = 0; i < SOURCES; i++)
		if (queue[i] && (next < 0 || priority_of(&m->src[i]) > priority_of(&m->src[next])))
			next = i;
	return next;
}

/* KVM's reset: no word of what is pending, of ILR, of MSIR, and none to the processors. */
static void model_reset(struct model *m)
{
	m->resets++;
	m->gcr = 0;
	for (int i = 0; i < SOURCES; i++) {
		m->src[i].ivpr = MASKED;
		m->src[i].destinations = 1;
		if (i < EXTERNAL)
			m->src[i].level = false;
	}
	for (int c = 0; c < CPUS; c++) {
		m->cpu[c].ctpr = 15;
		memset(m->cpu[c].raised, 0, sizeof(m->cpu[c].raised));
		memset(m->cpu[c].serving, 0, sizeof(m->cpu[c].serving));
	}
}

static void model_init(struct model *m, bool has_ilr)
{
	*m = (struct model){ .has_ilr = has_ilr };
	for (int i = EXTERNAL; i < IPI0; i++)
		m->src[i].level = true;
	model_reset(m);
	m->resets = 0;
}

static void update(struct model *m, int i)
{
	bool active = m->src[i].pending && !(m->src[i].ivpr & MASKED);

	for (int c = 0; c < CPUS; c++) {
		if (!(m->src[i].destinations >> c & 1))
			continue;
		m->cpu[c].raised[i] = active;
		if (active && priority_of(&m->src[i]) > m->cpu[c].ctpr)
			m->cpu[c].input = true;
	}
}

static uint32_t iack(struct model *m, int c)
{
	int i = next_of(m, m->cpu[c].raised);

	m->cpu[c].input = false;
	if (i < 0 || priority_of(&m->src[i]) <= m->cpu[c].ctpr)
		return SPURIOUS;
	m->cpu[c].serving[i] = true;
	if (!m->src[i].level) {
		m->src[i].pending = false;
		m->cpu[c].raised[i] = false;
	}
	return m->src[i].ivpr & 0xffff;
}

static void write_reg(struct model *m, uint32_t reg, uint32_t value)
{
	if (reg == 0x1020) {
		g_assert_cmphex(value, ==, 0x80000000);
		model_reset(m);
	} else if (reg >= 0x10a0 && reg < 0x10e0) {
		m->src[IPI0 + (reg - 0x10a0) / 0x10].ivpr = value;
		update(m, IPI0 + (int)(reg - 0x10a0) / 0x10);
	} else if (reg >= 0x10000 && reg < 0x12000) {
		int i = (int)(reg - 0x10000) / 0x20;

		if (reg % 0x20 == 0x18 && m->has_ilr) {
			m->src[i].ilr = value;
			return;
		}
		g_assert_cmphex(reg % 0x20, ==, 0);
		m->src[i].ivpr = value;
		if (i < EXTERNAL)
			m->src[i].level = value & LEVEL;
		update(m, i);
	} else {
		int c = (int)(reg - 0x20000) / 0x1000, i;

		g_assert_cmpint(c, <, CPUS);
		if ((reg & 0xfff) == 0x80) {
			m->cpu[c].ctpr = value;
			i = next_of(m, m->cpu[c].raised);
			m->cpu[c].input = i >= 0 && priority_of(&m->src[i]) > value;
			return;
		}
		g_assert_cmphex(reg & 0xfff, ==, 0xb0);
		i = next_of(m, m->cpu[c].serving);
		if (i >= 0)
			m->cpu[c].serving[i] = false;
	}
}

static void read_reg(struct model *m, uint32_t reg)
{
	if (reg == 0x200a0) {
		iack(m, 0);
		return;
	}
	g_assert_cmphex(reg, >=, 0x1600);
	g_assert_cmphex(reg, <, 0x1680);
	m->msir[(reg - 0x1600) / 0x10] = 0;
	m->src[MSIS + (reg - 0x1600) / 0x10].pending = false;
	update(m, MSIS + (int)(reg - 0x1600) / 0x10);
}

static int do_step(void *ctx, const struct iol_ppc_mpic_step *step)
{
	struct model *m = ctx;

	if (++m->steps == m->fail_at)
		return -EIO;
	switch (step->what) {
	case IOL_PPC_MPIC_WRITE:
		write_reg(m, step->reg, step->value);
		break;
	case IOL_PPC_MPIC_READ:
		read_reg(m, step->reg);
		break;
	case IOL_PPC_MPIC_LOWER:
		g_assert_cmpuint(step->reg, <, SOURCES);
		if (m->src[step->reg].level) {
			m->src[step->reg].pending = false;
			update(m, (int)step->reg);
		}
		break;
	}
	return 0;
}

/* All that a guest can reach, changed; wires are low, as those of devices that were reset. */
static void model_dirty(struct model *m)
{
	for (int i = 0; i < SOURCES; i++) {
		struct source *s = &m->src[i];

		s->destinations = 7;
		s->level = i < EXTERNAL ? i % 2 : s->level;
		s->ivpr = (i % 3 ? 0 : MASKED) | (s->level && i < EXTERNAL ? LEVEL : 0) |
			  (uint32_t)(i % 16) << 16 | (uint32_t)i;
		/* KVM's timers never run. */
		s->pending = (!s->level || i >= MSIS) && i < IPI0 + IPIS;
		s->ilr = m->has_ilr && i < IPI0 ? 1 : 0;
	}
	for (int c = 0; c < CPUS; c++)
		m->cpu[c].ctpr = 0;
	for (int i = 0; i < SOURCES; i++)
		update(m, i);
	for (int c = 0; c < CPUS; c++)
		iack(m, c);
	for (int c = 0; c < CPUS; c++)
		m->cpu[c].input = true;
	for (int i = 0; i < 8; i++)
		m->msir[i] = UINT32_MAX;
	for (int i = MSIS + 8; i < IPI0; i++)
		m->src[i].pending = false;
	m->gcr = 0x60000000;
}

static void check_as_new(const struct model *m)
{
	for (int i = 0; i < SOURCES; i++) {
		g_test_message("source %d", i);
		g_assert_false(m->src[i].pending);
		g_assert_cmphex(m->src[i].ivpr, ==, MASKED);
		g_assert_cmphex(m->src[i].ilr, ==, 0);
		g_assert_cmphex(m->src[i].destinations, ==, 1);
		g_assert_cmpint(m->src[i].level, ==, i >= EXTERNAL && i < IPI0);
	}
	for (int c = 0; c < CPUS; c++) {
		g_test_message("processor %d", c);
		g_assert_cmpuint(m->cpu[c].ctpr, ==, 15);
		g_assert_false(m->cpu[c].input);
		g_assert_cmpint(next_of(m, m->cpu[c].raised), ==, -1);
		g_assert_cmpint(next_of(m, m->cpu[c].serving), ==, -1);
	}
	for (int i = 0; i < 8; i++)
		g_assert_cmphex(m->msir[i], ==, 0);
	g_assert_cmphex(m->gcr, ==, 0);
}

static void test_reset(gconstpointer data)
{
	enum iol_ppc_mpic mpic = GPOINTER_TO_INT(data);
	struct model m;

	model_init(&m, mpic == IOL_PPC_MPIC_42);
	check_as_new(&m);
	model_dirty(&m);
	g_assert_cmpint(iol_ppc_mpic_reset(mpic, CPUS, do_step, &m), ==, 0);
	check_as_new(&m);
	g_assert_cmpuint(m.steps, <=, mpic == IOL_PPC_MPIC_42 ? 320 : 64);
	/* Twice is once. */
	g_assert_cmpint(iol_ppc_mpic_reset(mpic, CPUS, do_step, &m), ==, 0);
	check_as_new(&m);
}

static void test_failure(void)
{
	struct model m;

	model_init(&m, false);
	m.fail_at = 40;
	g_assert_cmpint(iol_ppc_mpic_reset(IOL_PPC_MPIC_20, CPUS, do_step, &m), ==, -EIO);
	g_assert_cmpuint(m.steps, ==, 40);
}

static void test_choice(void)
{
	struct iol_layout layout = { .cpus = 1 };

	g_assert_cmpint(iol_ppc_mpic_of(&layout), ==, IOL_PPC_MPIC_20);
	layout.cpus = 15;
	g_assert_cmpint(iol_ppc_mpic_of(&layout), ==, IOL_PPC_MPIC_20);
	layout.cpus = 16;
	g_assert_cmpint(iol_ppc_mpic_of(&layout), ==, IOL_PPC_MPIC_42);
}

static void test_data(void)
{
	g_assert_cmphex(iol_ppc_mpic_msi_data(0x000000e5), ==, 0xe5000000);
	g_assert_cmphex(iol_ppc_mpic_msi_data(0x12345678), ==, 0x78563412);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_data_func("/ppc/mpic/reset/2.0", GINT_TO_POINTER(IOL_PPC_MPIC_20), test_reset);
	g_test_add_data_func("/ppc/mpic/reset/4.2", GINT_TO_POINTER(IOL_PPC_MPIC_42), test_reset);
	g_test_add_func("/ppc/mpic/failure", test_failure);
	g_test_add_func("/ppc/mpic/choice", test_choice);
	g_test_add_func("/ppc/mpic/data", test_data);
	return g_test_run();
}
