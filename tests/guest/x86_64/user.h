/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guests that do their work at CPL 3, where a KVM without hardware behind it runs code natively.
 * Device registers in memory are within reach there, ports are not: what needs one calls CPL 0.
 */
#ifndef GUEST_USER_H
#define GUEST_USER_H

#include <stdbool.h>
#include <stdint.h>

/* Calls that CPL 0 serves, in RDI; their arguments in RSI and RDX, the result in RAX. */
enum user_call {
	USER_SEND, /* RDX bytes from RSI to COM1 */
	USER_RECEIVE, /* a byte from COM1, UINT64_MAX: there is none */
	USER_POWER_OFF,
	USER_RESET, /* the machine */
};

/*
 * By an undefined instruction: software interrupts are not to be had on every KVM.
 */
static inline uint64_t user_call(enum user_call call, uint64_t a, uint64_t b)
{
	uint64_t result, number = call;

	__asm__ volatile("ud2"
			 : "=a"(result), "+D"(number), "+S"(a), "+d"(b)
			 :
			 : "rcx", "r8", "r9", "r10", "r11", "memory", "cc");
	return result;
}

/* To be called at CPL 0: readies everything and runs @code at CPL 3, for good. */
_Noreturn void user_run(void (*code)(void));

/* --- at CPL 3 --- */

/* Waits for a byte on the serial line. */
char user_get(void);

/* --- anywhere --- */

/* Time stamps of a millisecond; an estimate where CPUID does not tell. */
extern uint64_t user_ticks_per_ms;

/*
 * Words "key=value" and "key" of the command line. The value's text up to a blank or comma: "" when
 * there is the key alone, NULL when there is none. Number @index of several with commas between.
 */
const char *option(const char *key, unsigned int index);
bool option_is(const char *key, const char *value);
/* Decimal, or hexadecimal after 0x. */
uint64_t option_number(const char *key, unsigned int index, uint64_t otherwise);

/* A generator of numbers that look random: xorshift64*. */
static inline uint64_t random_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(2685821657736338717);
}

#endif
