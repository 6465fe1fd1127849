// SPDX-License-Identifier: Apache-2.0
/* CPL 3 and its calls to CPL 0. See user.h. */
#include "user.h"
#include "cpu.h"

enum { LSR = IOL_X86_COM1 + 5, LSR_DATA = 0x01, FCR = IOL_X86_COM1 + 2, FCR_ENABLE = 0x01 };
#define TICKS_PER_MS_GUESS 2000000

uint64_t user_ticks_per_ms;

void user_gate(void);
uint64_t user_serve(uint64_t call, const char *text, uint64_t len);

uint64_t user_serve(uint64_t call, const char *text, uint64_t len)
{
	switch (call) {
	case USER_SEND:
		__asm__ volatile("rep outsb"
				 : "+S"(text), "+c"(len)
				 : "d"(IOL_X86_COM1)
				 : "memory");
		return 0;
	case USER_RECEIVE:
		return inb(LSR) & LSR_DATA ? inb(IOL_X86_COM1) : UINT64_MAX;
	case USER_RESET:
		outb(IOL_X86_RESET_PORT, IOL_X86_RESET_VALUE);
		return 0;
	case USER_PRIVILEGED:
		((void (*)(uint64_t))(uint64_t)text)(len);
		return 0;
	case USER_POWER_OFF:
		power_off();
	default:
		say("FAIL undefined instruction\n");
		power_off();
	}
}

void user_run(void (*code)(void))
{
	cpu_init();
	cpu_set_handler(CPU_VECTOR_UNDEFINED, user_gate);
	lapic_on();
	outb(FCR, FCR_ENABLE);
	user_ticks_per_ms = tsc_per_ms();
	/* What CPUID says for a leaf that it does not have is anything. */
	if (user_ticks_per_ms < TICKS_PER_MS_GUESS / 4 ||
	    user_ticks_per_ms > TICKS_PER_MS_GUESS * 4)
		user_ticks_per_ms = TICKS_PER_MS_GUESS;
	cpu_enter_user(code);
}

char user_get(void)
{
	uint64_t c;

	do
		c = user_call(USER_RECEIVE, 0, 0);
	while (c == UINT64_MAX);
	return (char)c;
}

/* Compilers call these by themselves. */
void *memset(void *to, int byte, size_t len);
void *memcpy(void *to, const void *from, size_t len);

void *memset(void *to, int byte, size_t len)
{
	void *at = to;

	__asm__ volatile("rep stosb" : "+D"(at), "+c"(len) : "a"(byte) : "memory");
	return to;
}

void *memcpy(void *to, const void *from, size_t len)
{
	void *at = to;

	__asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(len) : : "memory");
	return to;
}

const char *user_orders(void)
{
	return (const char *)start_info()->cmdline_paddr;
}

uint64_t user_ticks(void)
{
	return rdtsc();
}
