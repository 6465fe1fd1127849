// SPDX-License-Identifier: Apache-2.0
/* See user.h. */
#include "user.h"

#include "guest.h"

enum { UART_RX = 0, UART_LSR = 5, LSR_DATA = 0x01 };

uint64_t user_ticks_per_ms;

const char *user_orders(void)
{
	return orders();
}

uint64_t user_ticks(void)
{
	return ticks();
}

void user_run(void (*code)(void))
{
	user_ticks_per_ms = ticks_of_ms(1);
	code();
	power_off();
}

char user_get(void)
{
	while (!(read8(IOL_ARM64_UART + UART_LSR) & LSR_DATA))
		;
	return (char)read8(IOL_ARM64_UART + UART_RX);
}

/* Compilers call these by themselves. */
void *memset(void *to, int byte, size_t len);
void *memcpy(void *to, const void *from, size_t len);

void *memset(void *to, int byte, size_t len)
{
	uint8_t *at = to;
	uint64_t word = (uint8_t)byte * UINT64_C(0x0101010101010101);

	for (; len && (uintptr_t)at % 8; len--)
		*at++ = (uint8_t)byte;
	for (; len >= 8; len -= 8, at += 8)
		*(uint64_t *)at = word;
	for (; len; len--)
		*at++ = (uint8_t)byte;
	return to;
}

void *memcpy(void *to, const void *from, size_t len)
{
	const uint8_t *source = from;
	uint8_t *at = to;

	while (len--)
		*at++ = *source++;
	return to;
}
