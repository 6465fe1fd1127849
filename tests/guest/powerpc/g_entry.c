// SPDX-License-Identifier: Apache-2.0
/*
 * The state at entry (ePAPR-1.1 5.4) and what the tree says that only this run decides. The case gives a command
 * line, an initrd of 100 bytes (byte i is i * 7), 64 MiB, one vCPU.
 */
#include "guest.h"

enum { INITRD_BYTES = 100, EPAPR_MAGIC = 0x45504150, MAP_BYTES = 64 << 20 };
#define CMDLINE "hello=\"guest\" x"

static void check_initrd(void)
{
	uint32_t start = tree_number("linux,initrd-start", 4);
	bool same = true;

	check_eq("initrd: size", tree_number("linux,initrd-end", 4) - start, INITRD_BYTES);
	check("initrd: in memory", start && start <= MAP_BYTES - INITRD_BYTES);
	for (unsigned int i = 0; start && i < INITRD_BYTES; i++)
		same = same && read8(start + i) == (uint8_t)(i * 7);
	check("initrd: contents", same);
}

static uint32_t call(const uint32_t *code, uint32_t token)
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

/* KVM's hypercall as the tree gives it: features (KVM_HC_FEATURES), whose status is 0. */
static void check_hypercall(void)
{
	static uint32_t code[5] __attribute__((aligned(32)));

	for (unsigned int i = 0; i < 4; i++)
		code[i] = tree_number("hcall-instructions", 4 * i);
	code[4] = 0x4e800020; /* blr */
	__asm__ volatile("dcbst 0, %0\n\tsync\n\ticbi 0, %0\n\tsync\n\tisync"
			 :
			 : "r"(code)
			 : "memory");
	check_eq("hypercall: status", call(code, 42 << 16 | 3), 0);
	check_eq("hypercall: unknown", call(code, 42 << 16 | 0x1234), 12);
}

int main(void)
{
	extern const uint8_t guest_end[];
	uint32_t others = 0;

	check_eq("r1: stack", entry.gpr[1], (16 << 20) - 8);
	check_eq("r6: magic", entry.gpr[6], EPAPR_MAGIC);
	check_eq("r7: mapped bytes", entry.gpr[7], MAP_BYTES);
	for (unsigned int i = 2; i < 32; i++)
		others |= i == 3 || i == 6 || i == 7 ? 0 : entry.gpr[i];
	check_eq("all others", others, 0);
	check_eq("MSR", entry.msr, 0);
	check_eq("watchdog", entry.tcr | entry.tsr, 0);
	check_eq("PIR", read_spr(286), 0);
	check_eq("PVR", read_spr(287) >> 16, 0x8021);
	check("tree: in memory, on 8 bytes", entry.gpr[3] % 8 == 0 &&
						     entry.gpr[3] > (uint32_t)guest_end &&
						     entry.gpr[3] < MAP_BYTES);
	check("tree: command line", told_to(CMDLINE));
	check("timebase", tree_number("timebase-frequency", 0) >= 1000000);
	/* One mapping, and it reaches as far as it says. */
	check_eq("the last mapped word", read32(MAP_BYTES - 4), 0);
	check_initrd();
	check_hypercall();
	end();
}
