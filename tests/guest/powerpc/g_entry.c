// SPDX-License-Identifier: Apache-2.0
/*
 * The state at entry (ePAPR-1.1 5.3, 5.4) and what the tree says that only this run decides. The case gives a
 * command line, an initrd of 100 bytes (byte i is i * 7), 64 MiB.
 */
#include "guest.h"

enum { INITRD_BYTES = 100, R_TREE = 3, R_MAGIC = 6, R_MAP_BYTES = 7, TCR_WRC = 0x30000000 };
#define MEMORY_BYTES (64u << 20)
#define CMDLINE "hello=\"guest\" x"
#define MAGIC 0x45504150

enum {
	MAS0_TLB1 = 0x10000000,
	MAS1_VALID = 0x80000000,
	MAS1_TSIZE_64M = 0x800, /* 4^8 KiB */
	MAS1_TSIZE_MASK = 0xf80,
	TLB1_ENTRIES = 16,
	TLB1_MINE = 3, /* entries 1 to 3 are start.S's */
};

static uint32_t number_of(const char *name)
{
	uint32_t bytes = 0, value = 0;
	const uint8_t *at = tree_property(name, &bytes);

	for (uint32_t i = 0; at && i < bytes; i++)
		value = value << 8 | at[i];
	return value;
}

static void check_registers(void)
{
	uint32_t others = 0;

	check_eq("r1", entry.gpr[1], (16u << 20) - 8);
	check_eq("r6", entry.gpr[R_MAGIC], MAGIC);
	check_eq("r7", entry.gpr[R_MAP_BYTES], MEMORY_BYTES);
	for (unsigned int i = 0; i < 32; i++)
		if (i != 1 && i != R_TREE && i != R_MAGIC && i != R_MAP_BYTES)
			others |= entry.gpr[i];
	check_eq("the other registers", others, 0);
	check_eq("MSR", entry.msr, 0);
	check_eq("no watchdog resets", entry.tcr & TCR_WRC, 0);
	check_eq("TCR", entry.tcr, 0);
	check_eq("TSR", entry.tsr & ~TSR_DIS, 0);
	check_eq("PID", entry.pid, 0);
	check_eq("PIR", read_spr(SPR_PIR), 0);
}

static void read_tlb1(unsigned int i)
{
	write_spr(SPR_MAS0, MAS0_TLB1 | i << 16);
	write_spr(SPR_MAS2, 0);
	__asm__ volatile("tlbre\n\tisync" : : : "memory");
}

static void check_tlb(void)
{
	uint32_t valid = 0;

	read_tlb1(0);
	check_eq("first mapping: valid", read_spr(SPR_MAS1) & MAS1_VALID, MAS1_VALID);
	check_eq("first mapping: size", read_spr(SPR_MAS1) & MAS1_TSIZE_MASK, MAS1_TSIZE_64M);
	check_eq("first mapping: from", read_spr(SPR_MAS2) >> 12, 0);
	check_eq("first mapping: to", read_spr(SPR_MAS3) >> 12, 0);
	check_eq("first mapping: above 4 GiB", read_spr(SPR_MAS7), 0);
	for (unsigned int i = 1 + TLB1_MINE; i < TLB1_ENTRIES; i++) {
		read_tlb1(i);
		valid |= read_spr(SPR_MAS1) & MAS1_VALID;
	}
	check_eq("no other mapping", valid, 0);
}

static void check_initrd(void)
{
	uint32_t start = number_of("linux,initrd-start"), stop = number_of("linux,initrd-end");
	bool same = true;

	check_eq("initrd: size", stop - start, INITRD_BYTES);
	check("initrd: in memory", stop <= MEMORY_BYTES);
	for (unsigned int i = 0; i < stop - start && i < INITRD_BYTES; i++)
		same = same && read8(start + i) == (uint8_t)(i * 7);
	check("initrd: contents", same);
}

enum { HCALL_FEATURES = 42 << 16 | 3, HCALL_UNKNOWN = 42 << 16 | 0x1234, EV_UNIMPLEMENTED = 12 };

static uint32_t hypercall(const uint32_t *code, uint32_t token)
{
	register uint32_t r3 __asm__("r3") = 0xdead;
	register uint32_t r11 __asm__("r11") = token;

	__asm__ volatile("mtctr %2\n\tbctrl"
			 : "+r"(r3), "+r"(r11)
			 : "r"(code)
			 : "r0", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r12", "ctr", "lr",
			   "cc", "memory");
	return r3;
}

/* By the instructions that the tree gives (ePAPR-1.1, "hcall-instructions"). */
static void check_hypercall(void)
{
	static uint32_t code[5] __attribute__((aligned(32)));
	uint32_t bytes = 0;
	const uint8_t *at = tree_property("hcall-instructions", &bytes);

	check_eq("hypercall: instructions", at ? bytes : 0, 16);
	for (uint32_t i = 0; at && i < bytes && i < 16; i++)
		((uint8_t *)code)[i] = at[i];
	code[4] = 0x4e800020; /* blr */
	__asm__ volatile("dcbst 0, %0\n\tsync\n\ticbi 0, %0\n\tsync\n\tisync"
			 :
			 : "r"(code)
			 : "memory");
	check_eq("hypercall: features", hypercall(code, HCALL_FEATURES), 0);
	check_eq("hypercall: unknown", hypercall(code, HCALL_UNKNOWN), EV_UNIMPLEMENTED);
}

int main(void)
{
	extern const uint8_t guest_end[];
	uint32_t bytes = 0, tree = entry.gpr[R_TREE];
	const uint8_t *seed;
	uint8_t any = 0;

	check_registers();
	check_tlb();
	check("tree: in memory, on 8 bytes",
	      tree % 8 == 0 && tree >= (uint32_t)guest_end && tree < MEMORY_BYTES);
	check("tree: command line", told_to(CMDLINE));
	check("tree: a time base", tree_cell("timebase-frequency") >= 1000000);
	check_initrd();
	check_hypercall();
	seed = tree_property("rng-seed", &bytes);
	for (uint32_t i = 0; seed && i < bytes; i++)
		any |= seed[i];
	check("tree: a seed", seed && any);
	end();
}
