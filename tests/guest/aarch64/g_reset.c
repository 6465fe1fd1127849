// SPDX-License-Identifier: Apache-2.0
/*
 * Resets, three times over by the way that the command line names, and checks after each that memory, registers
 * and interrupt controllers are as in a new machine: KVM resets vCPUs and the ITS, all else is written back. Two
 * vCPUs. What boot this is lies in the clock, which a battery keeps.
 *
 *   reset, reset2   PSCI's calls
 *   other           PSCI's call by the second vCPU, while the first has switched itself off
 *   poweroff        no reset at all
 */
#include "irq.h"
#include "its.h"

enum {
	CPUS = 2,
	BOOTS = 4,
	BOOT_SHIFT = 20, /* of the clock's seconds, so that a run is no boot */
	RTC_LOAD = 8,
	UART_SCRATCH = 7,
	AGE_MS = 2000, /* what a machine gets at least, and has had no vCPU of at entry */
	BINARY_POINT = 7,
	SGI_ACTIVE = 3,
	SGI_PENDING = 4,
};
#define DIRTY_LOW (IOL_ARM64_RAM + 0x1000000)
#define DIRTY_HIGH (IOL_ARM64_RAM + 0x3000000)
#define DIRTY UINT64_C(0xdeadbeefdeadbeef)
/* What a system register of any meaning may hold. */
#define TRACE UINT64_C(0x5a5a5000)

static uint64_t data_of_the_image = 0x600d; /* loaded anew at each boot */
static volatile uint32_t second_is_ready;

/* System registers that Linux gives a meaning. EL0 and EL1 have them, without further conditions. */
#define EACH_REGISTER(apply)                                                                     \
	apply(ttbr1_el1) apply(tpidr_el0) apply(tpidrro_el0) apply(tpidr_el1)                    \
		apply(contextidr_el1) apply(esr_el1) apply(far_el1) apply(elr_el1) apply(sp_el0) \
			apply(afsr0_el1) apply(dbgbvr0_el1) apply(dbgwvr0_el1) apply(par_el1)

static void check_registers(void)
{
	check_eq("new: MMU and caches", entry.sctlr & 0x1005, 0);
	check_eq("new: x4 to x30", entry.others, 0);
	/* As start.S has set them by now. */
	check("new: TTBR0", entry.ttbr0 != read_sysreg(ttbr0_el1));
	check("new: TCR", entry.tcr != read_sysreg(tcr_el1));
	check("new: MAIR", entry.mair != read_sysreg(mair_el1));
	check("new: counter", entry.cntvct < ticks_of_ms(AGE_MS));
	check_eq("new: virtual timer", read_sysreg(cntv_ctl_el0) & 3, 0);
	check_eq("new: virtual timer's value", read_sysreg(cntv_cval_el0), 0);
	check_eq("new: physical timer", read_sysreg(cntp_ctl_el0) & 3, 0);
	check_eq("new: floating point is off", read_sysreg(cpacr_el1) >> 20 & 3, 0);
	check_eq("new: debugging is off", read_sysreg(mdscr_el1) & 0x8001, 0);
#define CHECK(name) check("new: " #name, read_sysreg(name) != TRACE);
	EACH_REGISTER(CHECK)
#undef CHECK
}

/* Registers of the interrupts from @first on: the distributor's layout at @base. */
static void check_irqs(uint64_t base, unsigned int first, uint32_t enabled, uint32_t edges)
{
	uint32_t priorities = 0;

	check_eq("new: group", read32(base + GICD_IGROUPR + first / 8), UINT32_MAX);
	check_eq("new: enabled", read32(base + GICD_ISENABLER + first / 8), enabled);
	check_eq("new: pending", read32(base + GICD_ISPENDR + first / 8), 0);
	check_eq("new: active", read32(base + GICD_ISACTIVER + first / 8), 0);
	for (unsigned int i = 0; i < 32; i += 4)
		priorities |= read32(base + GICD_IPRIORITYR + first + i);
	check_eq("new: priorities", priorities, 0);
	check_eq("new: edge or level, first half", read32(base + GICD_ICFGR + first / 4),
		 first ? edges : 0xaaaaaaaa);
	check_eq("new: edge or level", read32(base + GICD_ICFGR + first / 4 + 4), edges);
}

static void check_gic(void)
{
	uint64_t routers = 0;

	check_eq("new: distributor", read32(IOL_ARM64_GICD + GICD_CTLR) & 3, 0);
	check_irqs(IOL_ARM64_GICD, IRQ_SPI, 0, 0xaaaaaaaa);
	for (unsigned int irq = IRQ_SPI; irq < IRQS; irq++)
		routers |= read64(IOL_ARM64_GICD + GICD_IROUTER + irq * 8);
	check_eq("new: routers", routers, 0);
	for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
		check_eq("new: LPIs are off", read32(gicr(cpu) + GICR_CTLR) & GICR_CTLR_ENABLE_LPIS,
			 0);
		check_eq("new: table of LPIs", read64(gicr(cpu) + GICR_PROPBASER) & ITS_ADDRESS, 0);
		check_eq("new: table of pending LPIs",
			 read64(gicr(cpu) + GICR_PENDBASER) & ITS_ADDRESS, 0);
		/* KVM's SGIs are always on. */
		check_irqs(gicr(cpu) + GICR_SGI, 0, 0xffff, 0);
	}
	check_eq("new: priority mask", READ_ICC(icc_pmr_el1), 0);
	check_eq("new: groups", READ_ICC(icc_igrpen0_el1) | READ_ICC(icc_igrpen1_el1), 0);
	check_eq("new: control", READ_ICC(icc_ctlr_el1) & 3, 0);
	check("new: binary point", READ_ICC(icc_bpr1_el1) != BINARY_POINT);
	check_eq("new: active priorities", READ_ICC(icc_ap1r0_el1), 0);
}

/* With all doors open nothing comes. */
static void check_nothing_waits(void)
{
	irq_init();
	barrier();
	check("new: no interrupt waits", READ_ICC(icc_iar1_el1) >= IRQ_SPURIOUS);
}

static void check_its(void)
{
	check_eq("new: ITS", read32(IOL_ARM64_ITS + GITS_CTLR), GITS_CTLR_QUIESCENT);
	check_eq("new: ITS commands", read64(IOL_ARM64_ITS + GITS_CBASER), 0);
	check_eq("new: ITS read pointer", read64(IOL_ARM64_ITS + GITS_CREADR), 0);
	check_eq("new: ITS write pointer", read64(IOL_ARM64_ITS + GITS_CWRITER), 0);
	for (unsigned int i = 0; i < 2; i++)
		check_eq("new: ITS table", read64(IOL_ARM64_ITS + GITS_BASER + i * 8) >> 63, 0);
}

static void check_new(void)
{
	check_eq("new: low memory", read64(DIRTY_LOW), 0);
	check_eq("new: high memory", read64(DIRTY_HIGH), 0);
	check_eq("new: data of the image", data_of_the_image, 0x600d);
	check_eq("new: UART scratch", read8(IOL_ARM64_UART + UART_SCRATCH), 0);
	check_eq("new: second vCPU is off", (uint64_t)psci(PSCI_AFFINITY_INFO, 1, 0, 0),
		 PSCI_IS_OFF);
	check_registers();
	check_gic();
	check_its();
	check_nothing_waits();
}

/* --- traces everywhere --- */

static void dirty_registers(void)
{
#define SET(name) write_sysreg(name, TRACE);
	EACH_REGISTER(SET)
#undef SET
	write_sysreg(cpacr_el1, 3 << 20);
	write_sysreg(mdscr_el1, 0x8000);
	write_sysreg(cntv_cval_el0, 1);
	write_sysreg(cntv_ctl_el0, 1);
	write_sysreg(cntp_cval_el0, 1);
	write_sysreg(cntp_ctl_el0, 1);
}

static void dirty_irqs(uint64_t base, unsigned int first)
{
	for (unsigned int i = 0; i < 32; i += 4)
		write32(base + GICD_IPRIORITYR + first + i, 0xa0a0a0a0);
	write32(base + GICD_ICFGR + first / 4, 0x55555555);
	write32(base + GICD_ICFGR + first / 4 + 4, 0);
	write32(base + GICD_ISENABLER + first / 8, UINT32_MAX);
	write32(base + GICD_ISPENDR + first / 8, 0x10f0f0f0);
	write32(base + GICD_ISACTIVER + first / 8, 0x0f0f0f00);
	write32(base + GICD_IGROUPR + first / 8, 0xffff00ff);
}

/* One SGI is active, and its priority with it; another one waits. Interrupts stay masked. */
static void dirty_interface(void)
{
	irq_init();
	write32(gicr(0) + GICR_SGI + GICD_IPRIORITYR, 0x40404040);
	irq_send(SGI_ACTIVE, 0);
	barrier();
	check_eq("an SGI is taken", READ_ICC(icc_iar1_el1), SGI_ACTIVE);
	barrier();
	check("its priority is active", READ_ICC(icc_ap1r0_el1) != 0);
	irq_send(SGI_PENDING, 0);
	WRITE_ICC(icc_bpr1_el1, BINARY_POINT);
	WRITE_ICC(icc_ctlr_el1, 3); /* one binary point for both groups, split end of interrupt */
	WRITE_ICC(icc_igrpen0_el1, 1);
}

void cpu_main(uint64_t idx)
{
	(void)idx;
	dirty_registers();
	irq_init_cpu();
	second_is_ready = 1;
	/* The first vCPU may want the second to do it. */
	while (!told_to("other") || psci(PSCI_AFFINITY_INFO, 0, 0, 0) != PSCI_IS_OFF)
		barrier();
	psci(PSCI_SYSTEM_RESET, 0, 0, 0);
}

static void make_dirty(void)
{
	write64(DIRTY_LOW, DIRTY);
	write64(DIRTY_HIGH, DIRTY);
	data_of_the_image = DIRTY;
	write8(IOL_ARM64_UART + UART_SCRATCH, 0x77);
	its_make_pending();
	check_eq("second vCPU starts", (uint64_t)cpu_start(1), PSCI_SUCCESS);
	while (!second_is_ready)
		barrier();
	dirty_interface();
	for (unsigned int cpu = 0; cpu < CPUS; cpu++)
		dirty_irqs(gicr(cpu) + GICR_SGI, 0);
	dirty_irqs(IOL_ARM64_GICD, IRQ_SPI);
	for (unsigned int irq = IRQ_SPI; irq < IRQS; irq++)
		write64(IOL_ARM64_GICD + GICD_IROUTER + irq * 8, 1);
	dirty_registers();
	while (ticks() < ticks_of_ms(AGE_MS))
		;
}

static _Noreturn void reset(void)
{
	if (told_to("reset"))
		psci(PSCI_SYSTEM_RESET, 0, 0, 0);
	else if (told_to("reset2"))
		psci(PSCI_SYSTEM_RESET2, 0, 0, 0);
	else if (told_to("other"))
		psci(PSCI_CPU_OFF, 0, 0, 0);
	else
		end();
	check("the reset came", false);
	end();
}

int main(void)
{
	uint32_t boot = (read32(IOL_ARM64_RTC) >> BOOT_SHIFT) + 1;

	/* The clock of a new machine shows the date, which is more. */
	if (boot > BOOTS)
		boot = 1;
	write32(IOL_ARM64_RTC + RTC_LOAD, boot << BOOT_SHIFT);
	say("boot ");
	say_number(boot);
	say("\n");
	check_new();
	if (boot == BOOTS)
		end();
	make_dirty();
	reset();
}
