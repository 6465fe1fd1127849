// SPDX-License-Identifier: Apache-2.0
/*
 * The watchdog i6300esb (Intel 300641). The command line says what the guest does:
 *
 *   interrupt  lets the first stage run out, hears of it by INTA#, and stops it in the second
 *   starve     lets both run out; when the machine goes on all the same, says so and ends
 *   idle       starts nothing, and waits for what was started before it
 *
 * When it starts again, the reload register says that this was the watchdog.
 */
#include "cpu.h"

#include <linux/pci_regs.h>

enum {
	SLOT = 27,
	CONFIG = 0x60,
	LOCK = 0x68,
	LOCK_ENABLE = 2,
	TIMER1 = 0x00,
	TIMER2 = 0x04,
	STATUS = 0x08,
	RELOAD = 0x0c,
	RELOAD_TIMEOUT = 0x200,
	TICKS = 100, /* of a millisecond each */
	LONG = 0xfffff,
	VECTOR = CPU_VECTOR_IRQ + 5,
	WAIT_MS = 20000,
};
#define FUNCTION (IOL_X86_ECAM + (SLOT << 15))

static uint64_t bar;

static void unlock(void)
{
	write16(bar + RELOAD, 0x80);
	write16(bar + RELOAD, 0x86);
}

static void start(uint32_t first, uint32_t second)
{
	unlock();
	write32(bar + TIMER1, first);
	unlock();
	write32(bar + TIMER2, second);
	write8(FUNCTION + LOCK, LOCK_ENABLE);
}

static void stop(void)
{
	write8(FUNCTION + LOCK, 0);
	check_eq("stopped", read8(FUNCTION + LOCK), 0);
}

/* Lowers the line, which is a level. */
static void acknowledge(unsigned int vector)
{
	(void)vector;
	write32(bar + STATUS, 1);
}

static void interrupt(void)
{
	cpu_init();
	lapic_on();
	cpu_on_interrupt = acknowledge;
	ioapic_route_level(read8(FUNCTION + PCI_INTERRUPT_LINE), VECTOR);
	start(TICKS, LONG);
	check("interrupt at the end of the first stage", cpu_wait_interrupt(VECTOR, 0, WAIT_MS));
	check_eq("once", cpu_interrupts[VECTOR], 1);
	check_eq("it can be cleared", read32(bar + STATUS), 0);
	stop();
}

static void wait_ms(unsigned int ms)
{
	for (uint64_t limit = rdtsc() + ms * tsc_per_ms(); rdtsc() < limit;)
		__asm__ volatile("pause");
}

/* Where nothing ends or resets the machine, the guest sees that it ran out. */
static void starve(void)
{
	say("starving\n");
	start(TICKS, TICKS);
	for (unsigned int i = 0; i < WAIT_MS && !(read16(bar + RELOAD) & RELOAD_TIMEOUT); i++)
		wait_ms(1);
	check_eq("ran out", read16(bar + RELOAD), RELOAD_TIMEOUT);
	wait_ms(1000); /* what is to happen happens within */
	check("the machine goes on", true);
}

int main(void)
{
	check_eq("identity", read32(FUNCTION), 0x25ab8086);
	check_eq("class", read32(FUNCTION + PCI_CLASS_REVISION) >> 8, 0x088000);
	bar = read32(FUNCTION + PCI_BASE_ADDRESS_0) & ~UINT32_C(0xf);
	write16(FUNCTION + PCI_COMMAND, PCI_COMMAND_MEMORY);
	if (read16(bar + RELOAD) & RELOAD_TIMEOUT) {
		say("reset by the watchdog\n");
		check_eq("times", read32(bar + TIMER1) == TICKS, 0);
		unlock();
		write16(bar + RELOAD, RELOAD_TIMEOUT);
		check_eq("the cause can be cleared", read16(bar + RELOAD), 0);
	} else if (told_to("idle")) {
		say("idle\n");
		wait_ms(WAIT_MS);
		check("the watchdog was started before the guest", false);
	} else if (told_to("interrupt")) {
		interrupt();
	} else {
		starve();
	}
	end();
}
