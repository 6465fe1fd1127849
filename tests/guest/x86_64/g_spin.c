// SPDX-License-Identifier: Apache-2.0
/*
 * A guest that works until it is told otherwise, for the tests that pause, reset and stop machines.
 * Each processor counts at SPIN_COUNTERS + 64 * APIC id. The command line says what the boot
 * processor does:
 *
 *   user      counts at CPL 3, without an exit
 *   mmio      counts at CPL 3, with a register access of 8 bytes for each
 *   read      copies, at CPL 3, a register of 8 bytes to its counter; SPIN_REGISTER is where
 *   split     as read, from SPIN_REGISTER_SPLIT, which lies across two pages
 *   pio       counts at CPL 0, with port accesses, also by a string instruction
 *   halt      counts one and halts with interrupts off
 *   off       counts one and switches the machine off
 *   all       as pio; the other processors are started and do the same
 */
#include "ap.h"
#include "cpu.h"
#include "spin.h"

enum { ICR_ALL_BUT_SELF = 0xc0000, PORT_NOBODY = 0x2c0 };

static volatile uint64_t *counter(uint32_t id)
{
	return (volatile uint64_t *)(uint64_t)(SPIN_COUNTERS + SPIN_STRIDE * id);
}

static void spin_user(void)
{
	for (;;)
		++*counter(0);
}

static void spin_mmio(void)
{
	for (;;) {
		++*counter(0);
		write64(IOL_X86_PCI_WINDOW, *counter(0));
		if (read64(IOL_X86_PCI_WINDOW) != UINT64_MAX)
			*counter(SPIN_WRONG) = 1;
	}
}

static void spin_read(void)
{
	for (;;)
		*counter(0) = read64(SPIN_REGISTER);
}

static void spin_split(void)
{
	for (;;)
		*counter(0) = read64(SPIN_REGISTER_SPLIT);
}

static _Noreturn void spin_pio(uint32_t id)
{
	static const uint8_t bytes[4];

	for (;;) {
		const uint8_t *from = bytes;
		uint64_t count = sizeof(bytes);

		++*counter(id);
		__asm__ volatile("rep outsb"
				 : "+S"(from), "+c"(count)
				 : "d"(PORT_NOBODY)
				 : "memory");
		if (count || inl(PORT_NOBODY) != UINT32_MAX)
			*counter(SPIN_WRONG) = 1;
	}
}

void ap_main(uint32_t number)
{
	(void)number;
	spin_pio(lapic_read(LAPIC_ID) >> 24);
}

static void start_others(void)
{
	uint8_t *to = (uint8_t *)AP_TRAMPOLINE;

	for (const uint8_t *from = ap_trampoline; from < ap_trampoline_end;)
		*to++ = *from++;
	lapic_on();
	lapic_send(0, ICR_ALL_BUT_SELF | LAPIC_ICR_INIT | LAPIC_ICR_ASSERT);
	lapic_send(0,
		   ICR_ALL_BUT_SELF | LAPIC_ICR_STARTUP | LAPIC_ICR_ASSERT | AP_TRAMPOLINE >> 12);
}

int main(void)
{
	/* Memory is zero in a new machine and after a reset. */
	if (*counter(0))
		*counter(SPIN_WRONG) = 1;
	*counter(0) = 1;
	cpu_init();
	if (told_to("user"))
		cpu_enter_user(spin_user);
	if (told_to("mmio"))
		cpu_enter_user(spin_mmio);
	if (told_to("read"))
		cpu_enter_user(spin_read);
	if (told_to("split"))
		cpu_enter_user(spin_split);
	if (told_to("pio"))
		spin_pio(0);
	if (told_to("off"))
		power_off();
	if (told_to("all")) {
		start_others();
		spin_pio(0);
	}
	for (;;)
		__asm__ volatile("cli; hlt");
}
