/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the freestanding guests share: instructions, orders, ends. Guests run in supervisor mode with the
 * first 64 MiB or more mapped one to one, and the 32-bit map's PCI memory and devices from 0xc0000000 on; main() is
 * called by start.S. They report on the UART.
 */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/powerpc/platform.h"
#include "entry_state.h"
#include "report.h"
#include "tree.h"

int main(void);

/* --- instructions --- */

enum {
	SPR_DEC = 22,
	SPR_PID = 48,
	SPR_DECAR = 54,
	SPR_CSRR0 = 58,
	SPR_CSRR1 = 59,
	SPR_DEAR = 61,
	SPR_ESR = 62,
	SPR_SPRG4_READ = 260,
	SPR_TBL = 268,
	SPR_TBU = 269,
	SPR_SPRG0 = 272,
	SPR_SPRG4 = 276,
	SPR_PIR = 286,
	SPR_PVR = 287,
	SPR_TSR = 336,
	SPR_TCR = 340,
	SPR_MAS0 = 624,
	SPR_MAS1 = 625,
	SPR_MAS2 = 626,
	SPR_MAS3 = 627,
	SPR_MAS7 = 944,

	MSR_EE = 0x8000,
	TCR_DIE = 0x04000000,
	TCR_ARE = 0x00400000,
	TSR_ENW = 0x80000000,
	TSR_WIS = 0x40000000,
	TSR_WRS = 0x30000000,
	TSR_DIS = 0x08000000,
};

#define read_spr(number)                                                       \
	({                                                                     \
		uint32_t value_;                                               \
		__asm__ volatile("mfspr %0, %1" : "=r"(value_) : "i"(number)); \
		value_;                                                        \
	})
#define write_spr(number, value) \
	__asm__ volatile("mtspr %1, %0\n\tisync" : : "r"((uint32_t)(value)), "i"(number) : "memory")

/* In the guest's byte order, and turned. */
#define MMIO(name, type, load, store)                             \
	static inline type read##name(uint32_t addr)              \
	{                                                         \
		type value;                                       \
		__asm__ volatile("sync\n\t" load " %0, 0, %1"     \
				 : "=r"(value)                    \
				 : "r"(addr)                      \
				 : "memory");                     \
		return value;                                     \
	}                                                         \
	static inline void write##name(uint32_t addr, type value) \
	{                                                         \
		__asm__ volatile("sync\n\t" store " %0, 0, %1"    \
				 :                                \
				 : "r"(value), "r"(addr)          \
				 : "memory");                     \
	}
MMIO(8, uint8_t, "lbzx", "stbx")
MMIO(16, uint16_t, "lhzx", "sthx")
MMIO(32, uint32_t, "lwzx", "stwx")
MMIO(16le, uint16_t, "lhbrx", "sthbrx")
MMIO(32le, uint32_t, "lwbrx", "stwbrx")
#undef MMIO

static inline void barrier(void)
{
	__asm__ volatile("sync" : : : "memory");
}

static inline void irqs_on(void)
{
	__asm__ volatile("wrteei 1" : : : "memory");
}

static inline void irqs_off(void)
{
	__asm__ volatile("wrteei 0" : : : "memory");
}

/* The time base, of 64 bits. */
uint64_t ticks(void);
/* By the tree's "timebase-frequency". */
uint64_t ticks_of_ms(uint32_t ms);

/* --- exceptions --- */

/* The guest's, when it lets these interrupts in. */
void on_irq(void);
void on_decrementer(void);

/* --- the device tree --- */

/* The first cell of such a property; 0: none. */
uint32_t tree_cell(const char *name);

_Noreturn void reset(void);

#endif
