// SPDX-License-Identifier: Apache-2.0
/*
 * The MPIC: a level from a device (the UART, source 42), an interrupt to oneself, priorities. Vectors come by
 * acknowledging: the MPIC of an e500v2 machine, 2.0, has no external proxy.
 */
#include "mpic.h"

enum {
	UART_IER = 1,
	UART_IIR = 2,
	IER_THRE = 2,
	WAIT_MS = 20000,
	IPI = 2,
	STORM = 50,
};
#define UART (uint32_t)(IOL_PPC32_CCSR + IOL_PPC_UART)

static void on_uart(unsigned int vector)
{
	/* Reading IIR takes the request back; writing a byte makes the next one. */
	if (vector != IOL_PPC_UART_GSI)
		return;
	(void)read8(UART + UART_IIR);
	if (irq_counts[0][vector] + 1 < STORM)
		write8(UART, '.');
	else
		write8(UART + UART_IER, 0);
}

static void check_uart(void)
{
	mpic_enable(IOL_PPC_UART_GSI);
	check("UART: quiet before", !irq_wait(IOL_PPC_UART_GSI, 0, 50));
	write8(UART + UART_IER, IER_THRE);
	for (uint32_t seen = 0; seen < STORM;) {
		if (!irq_wait(IOL_PPC_UART_GSI, seen, WAIT_MS))
			break;
		seen = irq_counts[0][IOL_PPC_UART_GSI];
	}
	say("\n");
	check_eq("UART: each came, and once", irq_counts[0][IOL_PPC_UART_GSI], STORM);
	check("UART: quiet after", !irq_wait(IOL_PPC_UART_GSI, STORM, 50));
}

static void check_ipi(void)
{
	mpic_enable_ipi(IPI);
	mpic_send_ipi(IPI, 0);
	check("to oneself", irq_wait(MPIC_IPI_VECTOR + IPI, 0, WAIT_MS));
	check_eq("to oneself: once", irq_counts[0][MPIC_IPI_VECTOR + IPI], 1);
}

/* A source that waits while the CPU takes none of its priority comes afterwards. */
static void check_priority(void)
{
	uint32_t seen = irq_counts[0][MPIC_IPI_VECTOR + IPI];

	write32(MPIC + MPIC_CPUS + MPIC_CTPR, MPIC_PRIORITY_MAX);
	mpic_send_ipi(IPI, 0);
	check("priority: held back", !irq_wait(MPIC_IPI_VECTOR + IPI, seen, 50));
	write32(MPIC + MPIC_CPUS + MPIC_CTPR, 0);
	check("priority: comes after", irq_wait(MPIC_IPI_VECTOR + IPI, seen, WAIT_MS));
}

int main(void)
{
	check_eq("this is CPU", read32(MPIC + MPIC_CPUS + MPIC_WHOAMI), 0);
	irq_handler = on_uart;
	mpic_init();
	check_uart();
	check_ipi();
	check_priority();
	end();
}
