/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How guests of all architectures report: one line per check on the console, "ok NAME" or "FAIL NAME got=...
 * want=...", then "end", and the machine is switched off.
 */
#ifndef GUEST_REPORT_H
#define GUEST_REPORT_H

#include <stdbool.h>
#include <stdint.h>

/* The architecture's. */
void say(const char *text);
_Noreturn void power_off(void);

void say_hex(uint64_t value);
void say_number(uint64_t value);
void check_eq(const char *name, uint64_t got, uint64_t want);
void check(const char *name, bool ok);
_Noreturn void end(void);

bool strings_equal(const char *a, const char *b);

#endif
