/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the freestanding guests share: instructions, ends, orders. Guests run in 64-bit mode at
 * CPL 0 with the first 8 GiB mapped one to one; main() is called by start.S. They report on COM1.
 */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/x86_64/platform.h"
#include "entry_state.h"
#include "report.h"

int main(void);

/* --- instructions --- */

static inline void outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void outw(uint16_t port, uint16_t value)
{
	__asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static inline void outl(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline uint16_t inw(uint16_t port)
{
	uint16_t value;

	__asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline uint32_t inl(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline uint64_t rdmsr(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return low | (uint64_t)high << 32;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
}

static inline uint64_t rdtsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return low | (uint64_t)high << 32;
}

/* The privilege level that runs: 0 or 3. */
static inline unsigned int cpl(void)
{
	uint16_t cs;

	__asm__ volatile("movw %%cs, %0" : "=r"(cs));
	return cs & 3;
}

struct cpuid {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(uint32_t leaf, uint32_t index)
{
	struct cpuid r;

	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(index));
	return r;
}

/*
 * One access of exactly this width. The address is laundered: for the compiler nothing lies in the
 * first page.
 */
#define MMIO(width)                                                           \
	static inline uint##width##_t read##width(uint64_t addr)              \
	{                                                                     \
		__asm__("" : "+r"(addr));                                     \
		return *(volatile uint##width##_t *)addr;                     \
	}                                                                     \
	static inline void write##width(uint64_t addr, uint##width##_t value) \
	{                                                                     \
		__asm__("" : "+r"(addr));                                     \
		*(volatile uint##width##_t *)addr = value;                    \
	}
MMIO(8)
MMIO(16)
MMIO(32)
MMIO(64)
#undef MMIO

/* --- reports and ends: report.h. At CPL 3 text is sent at the end of a line, with user.c. --- */

_Noreturn void triple_fault(void);

/* --- what a PVH guest was told --- */

struct start_info {
	uint32_t magic, version, flags, nr_modules;
	uint64_t modlist_paddr, cmdline_paddr, rsdp_paddr, memmap_paddr;
	uint32_t memmap_entries, reserved;
};

struct memmap_entry {
	uint64_t addr, size;
	uint32_t type, reserved;
};

struct modlist_entry {
	uint64_t paddr, size, cmdline_paddr, reserved;
};

static inline const struct start_info *start_info(void)
{
	return (const struct start_info *)entry.rbx;
}

/* The guest's orders: its whole command line. PVH guests only. */
bool told_to(const char *order);

#endif
