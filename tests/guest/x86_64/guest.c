// SPDX-License-Identifier: Apache-2.0
/* Reports and ends. See guest.h. */
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

void say_hex(uint64_t value)
{
	int shift = 60;

	say("0x");
	while (shift > 0 && !(value >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		say((char[]){ "0123456789abcdef"[value >> shift & 15], 0 });
}

void say_number(uint64_t value)
{
	char digits[21];
	char *at = digits + sizeof(digits) - 1;

	*at = 0;
	do
		*--at = (char)('0' + value % 10);
	while (value /= 10);
	say(at);
}

void check_eq(const char *name, uint64_t got, uint64_t want)
{
	say(got == want ? "ok " : "FAIL ");
	say(name);
	if (got != want) {
		say(" got=");
		say_hex(got);
		say(" want=");
		say_hex(want);
	}
	say("\n");
}

void check(const char *name, bool ok)
{
	check_eq(name, ok, true);
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

void end(void)
{
	say("end\n");
	power_off();
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

bool strings_equal(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

bool told_to(const char *order)
{
	return strings_equal((const char *)start_info()->cmdline_paddr, order);
}
