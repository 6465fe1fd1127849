// SPDX-License-Identifier: Apache-2.0
/*
 * A long output, first as fast as it goes by one instruction, then byte by byte as a driver sends
 * it: nothing is lost or out of order. The case compares every byte.
 */
#include "guest.h"

enum { LINES = 64, LINE_BYTES = 64, LSR = IOL_X86_COM1 + 5, LSR_THRE = 0x20 };

static char text[LINES * LINE_BYTES];

static void fill(void)
{
	for (int i = 0; i < LINES; i++) {
		char *line = text + i * LINE_BYTES;

		for (int j = 0; j < LINE_BYTES - 1; j++)
			line[j] = (char)('0' + (i + j) % 64);
		line[LINE_BYTES - 1] = '\n';
	}
}

int main(void)
{
	const char *from = text;
	uint64_t count = sizeof(text);

	fill();
	__asm__ volatile("rep outsb" : "+S"(from), "+c"(count) : "d"(IOL_X86_COM1) : "memory");
	for (unsigned int i = 0; i < sizeof(text) / 4; i++) {
		while (!(inb(LSR) & LSR_THRE))
			__asm__ volatile("pause");
		outb(IOL_X86_COM1, (uint8_t)text[i]);
	}
	end();
}
