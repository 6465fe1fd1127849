// SPDX-License-Identifier: Apache-2.0
/*
 * Accesses: where nothing is, and of the widths that a register has. With the command line "pair" one that KVM
 * cannot decode, which ends the machine.
 */
#include "guest.h"

enum { UART_SCRATCH = 7 };
/* In the PCI window, in front of RAM, and behind the 64 MiB of it. */
static const uint64_t nowhere[] = { IOL_ARM64_PCI_WINDOW + 0x1000000, 0x3fffff00, 0x50000000 };

static void check_nowhere(uint64_t at)
{
	say("at ");
	say_hex(at);
	say("\n");
	check_eq("nowhere: 8 bits", read8(at), UINT8_MAX);
	check_eq("nowhere: 16 bits", read16(at), UINT16_MAX);
	check_eq("nowhere: 32 bits", read32(at), UINT32_MAX);
	check_eq("nowhere: 64 bits", read64(at), UINT64_MAX);
	write8(at, 0);
	write16(at, 0);
	write32(at, 0);
	write64(at, 0);
	check_eq("nowhere: writes are lost", read64(at), UINT64_MAX);
}

static void check_zero_register(void)
{
	write8(IOL_ARM64_UART + UART_SCRATCH, 0x80);
	__asm__ volatile("ldrb wzr, [%0]" : : "r"(IOL_ARM64_UART + UART_SCRATCH));
	check_eq("a load that goes nowhere", read8(IOL_ARM64_UART + UART_SCRATCH), 0x80);
	__asm__ volatile("strb wzr, [%0]" : : "r"(IOL_ARM64_UART + UART_SCRATCH) : "memory");
	check_eq("a store of the zero register", read8(IOL_ARM64_UART + UART_SCRATCH), 0);
}

int main(void)
{
	if (told_to("pair")) {
		uint64_t low, high;

		say("pair\n");
		__asm__ volatile("ldp %0, %1, [%2]" : "=r"(low), "=r"(high) : "r"(nowhere[0]));
		check("the machine ended", false);
		end();
	}
	for (unsigned int i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++)
		check_nowhere(nowhere[i]);
	check_zero_register();
	end();
}
