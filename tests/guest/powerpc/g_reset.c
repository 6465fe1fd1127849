// SPDX-License-Identifier: Apache-2.0
/*
 * Resets, three times over, and checks after each that memory, registers, TLB and MPIC are as in a new machine. What
 * boot this is lies on the disk. With the command line "poweroff" there is no reset at all.
 */
#include "disk.h"
#include "mpic.h"

enum {
	BOOTS = 4,
	UART_SCRATCH = 7,
	GPIO_ODR = 4,
	MAS0_TLB1 = 0x10000000,
	MAS1_VALID = 0x80000000,
	TLB1_ENTRIES = 16,
	TLB1_MINE = 3, /* entries 1 to 3 are start.S's */
	SOURCE_DIRTY = 3,
	IPI = 1,
};
#define DIRTY_LOW 0x1000000u
#define DIRTY_HIGH 0x3800000u
#define DIRTY 0xdeadbeef
#define UART (uint32_t)(IOL_PPC32_CCSR + IOL_PPC_UART)
#define GPIO (uint32_t)(IOL_PPC32_CCSR + IOL_PPC_GPIO)

static uint32_t data_of_the_image = 0x600d; /* loaded anew at each boot */

static void write_tlb1(unsigned int i, uint32_t mas1, uint32_t mas2, uint32_t mas3)
{
	write_spr(SPR_MAS0, MAS0_TLB1 | i << 16);
	write_spr(SPR_MAS1, mas1);
	write_spr(SPR_MAS2, mas2);
	write_spr(SPR_MAS3, mas3);
	write_spr(SPR_MAS7, 0);
	__asm__ volatile("tlbwe\n\tisync" : : : "memory");
}

static void check_registers(void)
{
	uint32_t valid = 0;

	check_eq("new: MSR", entry.msr, 0);
	check_eq("new: TCR", entry.tcr, 0);
	check_eq("new: TSR", entry.tsr & ~TSR_DIS, 0);
	check_eq("new: PID", entry.pid, 0);
	check("new: SPRG0", read_spr(SPR_SPRG0) != DIRTY);
	check("new: SPRG4", read_spr(SPR_SPRG4_READ) != DIRTY);
	check("new: CSRR0", read_spr(SPR_CSRR0) != (DIRTY & ~3u));
	check("new: ESR", read_spr(SPR_ESR) != DIRTY);
	for (unsigned int i = 1 + TLB1_MINE; i < TLB1_ENTRIES; i++) {
		write_spr(SPR_MAS0, MAS0_TLB1 | i << 16);
		write_spr(SPR_MAS2, 0);
		__asm__ volatile("tlbre\n\tisync" : : : "memory");
		valid |= read_spr(SPR_MAS1) & MAS1_VALID;
	}
	check_eq("new: TLB1", valid, 0);
}

static void check_mpic(void)
{
	uint32_t at = MPIC + MPIC_SOURCES + SOURCE_DIRTY * 32;

	check_eq("new: mode", read32(MPIC + MPIC_GCR) & MPIC_GCR_MODE, 0);
	check_eq("new: priority of the CPU", read32(MPIC + MPIC_CPUS + MPIC_CTPR),
		 MPIC_PRIORITY_MAX);
	check_eq("new: source is masked", read32(at) & MPIC_MASKED, MPIC_MASKED);
	check_eq("new: source is not active", read32(at) & MPIC_ACTIVE, 0);
	check_eq("new: interrupt between CPUs is masked",
		 read32(MPIC + MPIC_IPIVPR + IPI * 16) & MPIC_MASKED, MPIC_MASKED);
	check("new: vector", (read32(at) & 0xffff) != 0x77);
}

static void check_new(void)
{
	check_eq("new: low memory", read32(DIRTY_LOW), 0);
	check_eq("new: high memory", read32(DIRTY_HIGH), 0);
	check_eq("new: data of the image", data_of_the_image, 0x600d);
	check_eq("new: UART scratch", read8(UART + UART_SCRATCH), 0);
	check_eq("new: GPIO", read32(GPIO + GPIO_ODR), 0);
	check_registers();
	check_mpic();
	mpic_init();
	irqs_on();
	irqs_off();
	check_eq("new: no interrupt waits", irq_counts[0][MPIC_IPI_VECTOR + IPI], 0);
}

static void make_dirty(void)
{
	uint32_t at = MPIC + MPIC_SOURCES + SOURCE_DIRTY * 32;

	write32(DIRTY_LOW, DIRTY);
	write32(DIRTY_HIGH, DIRTY);
	data_of_the_image = DIRTY;
	write8(UART + UART_SCRATCH, 0x77);
	write32(GPIO + GPIO_ODR, DIRTY);
	write_spr(SPR_SPRG0, DIRTY);
	write_spr(SPR_SPRG4, DIRTY);
	write_spr(SPR_CSRR0, DIRTY);
	write_spr(SPR_ESR, DIRTY);
	/* 256 MiB somewhere, and a time that runs out soon. */
	write_tlb1(7, 0xc0000900, 0x80000000, 0x00000005);
	write_spr(SPR_DECAR, 1000);
	write_spr(SPR_TCR, TCR_DIE | TCR_ARE);
	write_spr(SPR_DEC, 1000);
	mpic_init();
	write32(at, 8u << MPIC_PRIORITY_SHIFT | 0x77);
	write32(at + MPIC_IDR, 1);
	/* One waits at the core. */
	mpic_enable_ipi(IPI);
	mpic_send_ipi(IPI, 0);
}

int main(void)
{
	unsigned int boot = disk_count_boot();

	check("a disk", boot);
	say("boot ");
	say_number(boot);
	say("\n");
	check_new();
	if (boot == BOOTS || told_to("poweroff")) {
		check("the disk takes all", disk_change());
		end();
	}
	make_dirty();
	reset();
}
