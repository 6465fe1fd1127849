// SPDX-License-Identifier: Apache-2.0
/* The power button, as the DSDT's event device sees it: an interrupt, then the event status. */
#include "cpu.h"

#include <iolite/acpi_pm_regs.h>

enum {
	VECTOR = CPU_VECTOR_IRQ + IOL_X86_GED_GSI,
	EVENT_STATUS = IOL_X86_ACPI_PM + IOL_ACPI_PM_EVENT_STATUS,
};

int main(void)
{
	cpu_init();
	lapic_on();
	ioapic_route(IOL_X86_GED_GSI, VECTOR);
	check_eq("no event at first", inl(EVENT_STATUS), 0);
	say("ready\n");
	check("interrupt", cpu_wait_interrupt(VECTOR, 0, 20000));
	check_eq("event: power button", inl(EVENT_STATUS), IOL_ACPI_PM_EVENT_POWER_BUTTON);
	check_eq("event: reading clears", inl(EVENT_STATUS), 0);
	end();
}
