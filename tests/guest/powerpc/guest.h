/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the freestanding guests share. Guests run in supervisor mode, with the memory that a processor starts with
 * and 256 MiB of registers mapped one to one; main() is called by start.S. They report on the UART. For the
 * machine e500v2.
 */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/powerpc/platform.h"
#include "entry_state.h"
#include "report.h"

int main(void);

#define UART ((uint32_t)(IOL_PPC32_CCSR + IOL_PPC_UART))
#define MPIC ((uint32_t)(IOL_PPC32_CCSR + IOL_PPC_MPIC))
#define GUTS ((uint32_t)(IOL_PPC32_CCSR + IOL_PPC_GUTS))
#define GPIO ((uint32_t)(IOL_PPC32_CCSR + IOL_PPC_GPIO))
#define PCI ((uint32_t)(IOL_PPC32_CCSR + IOL_PPC_PCI))
#define SPIN ((uint32_t)IOL_PPC32_SPIN_TABLE)

#define read_spr(n)                                                            \
	({                                                                     \
		uint32_t value_;                                               \
		__asm__ volatile("mfspr %0, " #n : "=r"(value_) : : "memory"); \
		value_;                                                        \
	})
#define write_spr(n, value) __asm__ volatile("mtspr " #n ", %0" : : "r"(value) : "memory")

/* Big-endian, as the instructions are: Linux's in_be32(); swapped: its readl(). */
#define MMIO(name, width, load, store)                                                     \
	static inline uint##width##_t read##name(uint32_t addr)                            \
	{                                                                                  \
		uint##width##_t value;                                                     \
		__asm__ volatile(load " %0, 0, %1" : "=r"(value) : "r"(addr) : "memory");  \
		return value;                                                              \
	}                                                                                  \
	static inline void write##name(uint32_t addr, uint##width##_t value)               \
	{                                                                                  \
		__asm__ volatile(store " %0, 0, %1" : : "r"(value), "r"(addr) : "memory"); \
	}
MMIO(8, 8, "lbzx", "stbx")
MMIO(16, 16, "lhzx", "sthx")
MMIO(32, 32, "lwzx", "stwx")
MMIO(16_le, 16, "lhbrx", "sthbrx")
MMIO(32_le, 32, "lwbrx", "stwbrx")
#undef MMIO

enum { MSR_EE = 0x8000, MSR_CE = 0x20000 };

static inline void set_msr(uint32_t msr)
{
	__asm__ volatile("mtmsr %0\n\tisync" : : "r"(msr) : "memory");
}

static inline uint32_t get_msr(void)
{
	uint32_t msr;

	__asm__ volatile("mfmsr %0" : "=r"(msr));
	return msr;
}

/* Of the timebase; wraps. */
static inline uint32_t ticks(void)
{
	return read_spr(268);
}
/* The tree's frequency. */
uint32_t ticks_of_ms(uint32_t ms);

/* The guest's, when it lets interrupts in: @ivor 4 or 10; the watchdog's. */
void on_irq(unsigned int ivor);
void on_critical(void);

/*
 * The first property of that name in the tree, and its length; NULL: none. Good enough for names that are in one
 * place.
 */
const uint8_t *tree_property(const char *name, uint32_t *bytes);
/* The first bytes of a property, up to 4 of them, as a number; 0 when there is none. */
uint32_t tree_number(const char *name, uint32_t offset);
bool told_to(const char *order);

#endif
