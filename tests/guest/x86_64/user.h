/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guests that do their work at CPL 3, where a KVM without hardware behind it runs code natively.
 * Device registers in memory are within reach there, ports are not: what needs one calls CPL 0.
 */
#ifndef GUEST_USER_H
#define GUEST_USER_H

#include "options.h"

/* Calls that CPL 0 serves, in RDI; their arguments in RSI and RDX, the result in RAX. */
enum user_call {
	USER_SEND, /* RDX bytes from RSI to COM1 */
	USER_RECEIVE, /* a byte from COM1, UINT64_MAX: there is none */
	USER_POWER_OFF,
	USER_RESET, /* the machine */
	USER_PRIVILEGED, /* calls the function at RSI with RDX, at CPL 0, interrupts off */
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

#endif
