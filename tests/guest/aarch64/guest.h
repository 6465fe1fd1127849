/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the freestanding guests share: instructions, PSCI, orders, ends. Guests run at EL1 with the first
 * 4 GiB mapped one to one, of which the first is device memory; main() is called by start.S. They report
 * on the UART.
 */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/aarch64/platform.h"
#include "entry_state.h"
#include "report.h"
#include "tree.h"

int main(void);

/* --- instructions --- */

#define read_sysreg(name)                                          \
	({                                                         \
		uint64_t value_;                                   \
		__asm__ volatile("mrs %0, " #name : "=r"(value_)); \
		value_;                                            \
	})
#define write_sysreg(name, value)                                                        \
	do {                                                                             \
		uint64_t value_ = (value);                                               \
		__asm__ volatile("msr " #name ", %0\n\tisb" : : "r"(value_) : "memory"); \
	} while (0)

/* The plainest form of access: KVM decodes no register pairs and no write-back. */
#define MMIO(width, load, store, reg)                                                            \
	static inline uint##width##_t read##width(uint64_t addr)                                 \
	{                                                                                        \
		uint##width##_t value;                                                           \
		__asm__ volatile(load " %" reg "0, [%1]" : "=r"(value) : "r"(addr) : "memory");  \
		return value;                                                                    \
	}                                                                                        \
	static inline void write##width(uint64_t addr, uint##width##_t value)                    \
	{                                                                                        \
		__asm__ volatile(store " %" reg "0, [%1]" : : "r"(value), "r"(addr) : "memory"); \
	}
MMIO(8, "ldrb", "strb", "w")
MMIO(16, "ldrh", "strh", "w")
MMIO(32, "ldr", "str", "w")
MMIO(64, "ldr", "str", "x")
#undef MMIO

static inline void barrier(void)
{
	__asm__ volatile("dsb sy\n\tisb" : : : "memory");
}

static inline void irqs_on(void)
{
	__asm__ volatile("msr daifclr, #2" : : : "memory");
}

static inline void irqs_off(void)
{
	__asm__ volatile("msr daifset, #2" : : : "memory");
}

/* The virtual counter, which is in order with what comes before. */
static inline uint64_t ticks(void)
{
	__asm__ volatile("isb" : : : "memory");
	return read_sysreg(cntvct_el0);
}

static inline uint64_t ticks_of_ms(uint64_t ms)
{
	return ms * read_sysreg(cntfrq_el0) / 1000;
}

/* --- PSCI (ARM DEN 0022), by HVC --- */

enum {
	PSCI_VERSION = 0x84000000,
	PSCI_CPU_OFF = 0x84000002,
	PSCI_SYSTEM_OFF = 0x84000008,
	PSCI_SYSTEM_RESET = 0x84000009,
};
#define PSCI_CPU_ON UINT64_C(0xc4000003)
#define PSCI_AFFINITY_INFO UINT64_C(0xc4000004)
#define PSCI_SYSTEM_RESET2 UINT64_C(0xc4000012)
enum { PSCI_SUCCESS = 0, PSCI_ALREADY_ON = -4, PSCI_IS_ON = 0, PSCI_IS_OFF = 1 };

int64_t psci(uint64_t function, uint64_t a, uint64_t b, uint64_t c);

/* --- other vCPUs --- */

/* As KVM numbers vCPUs, and as the tree has to say. */
static inline uint64_t affinity_of(unsigned int idx)
{
	return idx % 16 | idx / 16 << 8;
}

/* Starts vCPU @idx (1 and up, below GUEST_CPUS_MAX) in cpu_main(@idx). What PSCI says. */
int64_t cpu_start(unsigned int idx);
/* The guest's, when it starts any. Returning stops the vCPU in a loop. */
void cpu_main(uint64_t idx);

/* --- exceptions --- */

/* The guest's, when it lets interrupts in. */
void on_irq(void);

#endif
