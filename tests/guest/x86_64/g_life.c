// SPDX-License-Identifier: Apache-2.0
/*
 * What a guest does to its machine as a whole, by the command line. Which boot this is lies in CMOS RAM, which a
 * battery keeps.
 *
 *   panic         tells pvpanic, and waits
 *   panic 3 boots the same but in the third boot, which powers off
 *   crash         a triple fault
 *   reboot        the reset register
 *   poweroff      at once
 *   button        powers off when the power button is pressed, however late that is
 */
#include "cpu.h"

#include <iolite/acpi_pm_regs.h>

enum {
	EVENT_STATUS = IOL_X86_ACPI_PM + IOL_ACPI_PM_EVENT_STATUS,
	CMOS_BOOT = 0x40,
	PANICKED = 1,
	KNOWN_EVENTS = 3,
	WAIT_MS = 1000,
};

static unsigned int count_boot(void)
{
	uint8_t boot;

	outb(IOL_X86_RTC, CMOS_BOOT);
	boot = (uint8_t)(inb(IOL_X86_RTC + 1) + 1);
	outb(IOL_X86_RTC + 1, boot);
	return boot;
}

static _Noreturn void wait_for_ever(void)
{
	for (;;)
		__asm__ volatile("cli\n\thlt");
}

/* Looks at the event itself: an edge that came before there was anybody to be interrupted does not come again. */
static void wait_for_button(void)
{
	uint32_t events;

	say("ready\n");
	do {
		__asm__ volatile("pause");
		events = inl(EVENT_STATUS);
	} while (!events);
	check_eq("event: power button", events, IOL_ACPI_PM_EVENT_POWER_BUTTON);
}

int main(void)
{
	unsigned int boot = count_boot();

	say("boot ");
	say_hex(boot);
	say("\n");
	if (told_to("button")) {
		wait_for_button();
	} else if (boot >= 3 && told_to("panic 3 boots")) {
		end();
	} else if (told_to("panic") || told_to("panic 3 boots")) {
		check_eq("pvpanic: events", inb(IOL_X86_PVPANIC), KNOWN_EVENTS);
		outb(IOL_X86_PVPANIC, PANICKED);
		wait_for_ever();
	} else if (told_to("crash")) {
		triple_fault();
	} else if (told_to("reboot")) {
		outb(IOL_X86_RESET_PORT, 0x02);
		outb(IOL_X86_RESET_PORT, IOL_X86_RESET_VALUE);
		wait_for_ever();
	}
	end();
}
