// SPDX-License-Identifier: Apache-2.0
/* The console, ends, orders. See guest.h. */
#include "guest.h"
#include "user.h"

#include <iolite/acpi_pm_regs.h>

/* At CPL 3: a call costs as much as a hundred bytes. */
static void put_line(char c)
{
	static char line[256];
	static unsigned int len;

	line[len++] = c;
	if (c == '\n' || len == sizeof(line)) {
		user_call(USER_SEND, (uint64_t)line, len);
		len = 0;
	}
}

void say(const char *text)
{
	bool user = cpl() != 0;

	for (; *text; text++) {
		if (user)
			put_line(*text);
		else
			outb(IOL_X86_COM1, (uint8_t)*text);
	}
}

void power_off(void)
{
	if (cpl())
		user_call(USER_POWER_OFF, 0, 0);
	for (;;) {
		outb(IOL_X86_ACPI_PM + IOL_ACPI_PM_SLEEP_CONTROL,
		     IOL_ACPI_PM_SLP_EN | IOL_ACPI_PM_SLP_TYP_S5 << IOL_ACPI_PM_SLP_TYP_SHIFT);
		__asm__ volatile("cli; hlt");
	}
}

void triple_fault(void)
{
	static const struct __attribute__((packed)) {
		uint16_t limit;
		uint64_t base;
	} no_idt;

	__asm__ volatile("lidt %0; ud2" : : "m"(no_idt));
	__builtin_unreachable();
}

bool told_to(const char *order)
{
	return strings_equal((const char *)start_info()->cmdline_paddr, order);
}
