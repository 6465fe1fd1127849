// SPDX-License-Identifier: Apache-2.0
/*
 * The state at entry (Linux Documentation/arch/arm64/booting.rst) and what the tree says that only this run
 * decides. The case gives a command line, an initrd of 100 bytes (byte i is i * 7), 64 MiB, two vCPUs.
 */
#include "guest.h"

enum { INITRD_BYTES = 100, DAIF_ALL = 0x3c0, EL1 = 1 << 2, SCTLR_MMU_CACHES = 0x1005 };
#define MEMORY_BYTES (64u << 20)
#define CMDLINE "hello=\"guest\" x"

static uint64_t number_of(const char *name)
{
	uint32_t bytes = 0;
	const uint8_t *at = tree_property(name, &bytes);
	uint64_t value = 0;

	for (uint32_t i = 0; at && i < bytes; i++)
		value = value << 8 | at[i];
	return value;
}

static void check_initrd(void)
{
	uint64_t start = number_of("linux,initrd-start"), stop = number_of("linux,initrd-end");
	bool same = true;

	check_eq("initrd: size", stop - start, INITRD_BYTES);
	check("initrd: in memory", start >= IOL_ARM64_RAM && stop <= IOL_ARM64_RAM + MEMORY_BYTES);
	for (unsigned int i = 0; i < stop - start && i < INITRD_BYTES; i++)
		same = same && read8(start + i) == (uint8_t)(i * 7);
	check("initrd: contents", same);
}

static void check_seed(const char *name, uint32_t want_bytes)
{
	uint32_t bytes = 0;
	const uint8_t *seed = tree_property(name, &bytes);
	uint8_t any = 0;

	say(name);
	say("\n");
	check_eq("seed: bytes", seed ? bytes : 0, want_bytes);
	for (uint32_t i = 0; seed && i < bytes; i++)
		any |= seed[i];
	check("seed: not zero", any);
}

int main(void)
{
	extern const uint8_t guest_end[];
	uint64_t tree = entry.x[0];

	check_eq("x1", entry.x[1], 0);
	check_eq("x2", entry.x[2], 0);
	check_eq("x3", entry.x[3], 0);
	check_eq("x4 to x30", entry.others, 0);
	check_eq("exception level", entry.el, EL1);
	check_eq("all interrupts masked", entry.daif, DAIF_ALL);
	check_eq("the level's own stack pointer", entry.spsel, 1);
	check_eq("MMU and caches off", entry.sctlr & SCTLR_MMU_CACHES, 0);
	check_eq("MPIDR", read_sysreg(mpidr_el1) & 0xff00ffffff, 0);
	check("the counter has begun", entry.cntvct > 0 && entry.cntvct < ticks_of_ms(60000));
	check("tree: in memory, on 8 bytes",
	      tree % 8 == 0 && tree > (uint64_t)guest_end && tree < IOL_ARM64_RAM + MEMORY_BYTES);
	check("tree: command line", told_to(CMDLINE));
	check_initrd();
	check_seed("kaslr-seed", 8);
	check_seed("rng-seed", 56);
	end();
}
