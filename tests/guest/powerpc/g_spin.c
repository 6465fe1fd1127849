// SPDX-License-Identifier: Apache-2.0
/*
 * A guest that works until it is told otherwise, for the tests that pause, reset and stop machines. Each
 * vCPU counts at SPIN_COUNTERS + 64 * its index, in its own byte order; there is one. The command line says what the first does:
 *
 *   user      counts, without an exit
 *   mmio      counts, with accesses of 4 bytes for each
 *   pio       the same with accesses of 2 bytes, for there are no ports
 *   read      copies a register of 4 bytes to its counter; SPIN_REGISTER is where
 *   halt      counts one and waits for interrupts that never come
 *   off       counts one and switches the machine off
 */
#include "guest.h"
#include "spin.h"

enum { MSR_WE = 0x40000 };

static volatile uint64_t *counter(uint32_t idx)
{
	return (volatile uint64_t *)(SPIN_COUNTERS + SPIN_STRIDE * idx);
}

static void count_one(uint32_t idx)
{
	*counter(idx) = *counter(idx) + 1;
}

static _Noreturn void spin_user(void)
{
	for (;;)
		count_one(0);
}

static _Noreturn void spin_mmio(void)
{
	for (;;) {
		count_one(0);
		write32(IOL_PPC32_PCI_WINDOW, (uint32_t)*counter(0));
		if (read32(IOL_PPC32_PCI_WINDOW) != UINT32_MAX)
			*counter(SPIN_WRONG) = 1;
	}
}

static _Noreturn void spin_narrow(void)
{
	for (;;) {
		count_one(0);
		write16(IOL_PPC32_PCI_WINDOW, 0);
		if (read16(IOL_PPC32_PCI_WINDOW) != UINT16_MAX)
			*counter(SPIN_WRONG) = 1;
	}
}

static _Noreturn void spin_read(void)
{
	for (;;)
		*counter(0) = read32le(SPIN_REGISTER);
}

int main(void)
{
	/* Memory is zero in a new machine and after a reset. */
	if (*counter(0))
		*counter(SPIN_WRONG) = 1;
	*counter(0) = 1;
	if (told_to("user"))
		spin_user();
	if (told_to("mmio"))
		spin_mmio();
	if (told_to("pio"))
		spin_narrow();
	if (told_to("read"))
		spin_read();
	if (told_to("off"))
		power_off();
	for (;;)
		__asm__ volatile("sync\n\tmtmsr %0\n\tisync" : : "r"(MSR_EE | MSR_WE) : "memory");
}
