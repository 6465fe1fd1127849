// SPDX-License-Identifier: Apache-2.0
/* Reports and the regular end. See report.h. */
#include "report.h"

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

void end(void)
{
	say("end\n");
	power_off();
}

bool strings_equal(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}
