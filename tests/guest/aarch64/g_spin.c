// SPDX-License-Identifier: Apache-2.0
/*
 * A guest that works until it is told otherwise, for the tests that pause, reset and stop machines. Each
 * vCPU counts at SPIN_COUNTERS + 64 * its index. The command line says what the first does:
 *
 *   user      counts, without an exit
 *   mmio      counts, with accesses of 8 bytes for each
 *   pio       the same with accesses of 4 bytes, for there are no ports
 *   read      copies a register of 8 bytes to its counter; SPIN_REGISTER is where
 *   halt      counts one and waits for interrupts that never come
 *   off       counts one and switches the machine off
 *   all       as mmio; the other vCPUs are started and do the same
 */
#include "guest.h"
#include "spin.h"

static volatile uint64_t *counter(uint64_t idx)
{
	return (volatile uint64_t *)(SPIN_COUNTERS + SPIN_STRIDE * idx);
}

static void count_one(uint64_t idx)
{
	*counter(idx) = *counter(idx) + 1;
}

static _Noreturn void spin_user(void)
{
	for (;;)
		count_one(0);
}

static _Noreturn void spin_mmio(uint64_t idx)
{
	for (;;) {
		count_one(idx);
		write64(IOL_ARM64_PCI_WINDOW, *counter(idx));
		if (read64(IOL_ARM64_PCI_WINDOW) != UINT64_MAX)
			*counter(SPIN_WRONG) = 1;
	}
}

static _Noreturn void spin_narrow(void)
{
	for (;;) {
		count_one(0);
		write32(IOL_ARM64_PCI_WINDOW, 0);
		if (read32(IOL_ARM64_PCI_WINDOW) != UINT32_MAX)
			*counter(SPIN_WRONG) = 1;
	}
}

static _Noreturn void spin_read(void)
{
	for (;;)
		*counter(0) = read64(SPIN_REGISTER);
}

void cpu_main(uint64_t idx)
{
	spin_mmio(idx);
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
		spin_mmio(0);
	if (told_to("pio"))
		spin_narrow();
	if (told_to("read"))
		spin_read();
	if (told_to("off"))
		power_off();
	if (told_to("all")) {
		for (unsigned int idx = 1; cpu_start(idx) == PSCI_SUCCESS;)
			idx++;
		spin_mmio(0);
	}
	for (;;)
		__asm__ volatile("wfi");
}
