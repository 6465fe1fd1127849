// SPDX-License-Identifier: Apache-2.0
/*
 * A program that a processor runs at each reset, in supervisor mode, for what of it KVM gives user space no way to
 * reset. Pure: only makes the program.
 *
 * - An exception that KVM has noted and not yet delivered when a vCPU was stopped. KVM delivers one at each
 *   entry: all vectors lead to the start of this program, which allows all kinds and then leaves and enters the
 *   guest, so that none is left when it comes to its end.
 * - The magic page (Linux, virt/kvm/ppc-pv.rst), in KVM of e500v2: where it is mapped, and what a guest has left
 *   in it. Its "critical" field can keep interrupts out.
 * - Registers that have no place in struct kvm_sregs.
 *
 * It ends by a store where no memory is.
 */
#include "ppc.h"

#include <assert.h>

/* Book E: I, D and X forms. */
enum {
	OP_ADDI = 14u << 26,
	OP_ADDIS = 15u << 26,
	OP_ORI = 24u << 26,
	OP_STW = 36u << 26,
	OP_STB = 38u << 26,
	OP_MTMSR = 31u << 26 | 146u << 1,
	OP_MTSPR = 31u << 26 | 467u << 1,
	OP_EVXOR = 4u << 26 | 0x216,
	OP_EVMRA = 4u << 26 | 0x4c4,
	OP_SELF = 18u << 26, /* b . */
};

enum {
	MSR_SPE = 0x2000000,
	MSR_CE = 0x20000,
	MSR_EE = 0x8000,
	MSR_ME = 0x1000,
	MSR_DE = 0x200,
	HC_MAP_MAGIC_PAGE = 42 << 16 | 4, /* KVM's vendor number, and the call */
	MAGIC_PAGE_NX = 1, /* "not mapped without execution", as today's kernels say */
	MAGIC_PAGE_LEFT_BYTES = 32, /* scratch1 to scratch3, critical */
	MAGIC_GPA = IOL_PPC_DRAIN_GPA + 0x10000,
	R_ZERO = 0,
	R_TEMP = 5,
	R_TOKEN = 11,
};

/* 0 in all of them, as after power-on: DBCR1, DBCR2, DSRR0, DSRR1, HID1, L1CSR0, L1CSR1. */
static const unsigned int zeroed_sprs[] = { 309, 310, 574, 575, 1009, 1010, 1011 };
enum { SPR_SPEFSCR = 512, SPR_DBSR = 304 };

struct code {
	uint32_t *words;
	unsigned int count;
};

static void emit(struct code *c, uint32_t word)
{
	assert(c->count < IOL_PPC_DRAIN_WORDS_MAX);
	c->words[c->count++] = word;
}

static void load(struct code *c, unsigned int reg, uint32_t value)
{
	emit(c, OP_ADDIS | reg << 21 | value >> 16);
	emit(c, OP_ORI | reg << 21 | reg << 16 | (value & 0xffff));
}

static void mtspr(struct code *c, unsigned int spr, unsigned int reg)
{
	emit(c, OP_MTSPR | reg << 21 | (spr & 31) << 16 | spr >> 5 << 11);
}

static void hcall(struct code *c, const uint32_t instructions[4], uint32_t token, uint32_t arg0,
		  uint32_t arg1)
{
	load(c, R_TOKEN, token);
	load(c, 3, arg0);
	load(c, 4, arg1);
	for (unsigned int i = 0; i < 4; i++)
		emit(c, instructions[i]);
}

/* The upper halves of all registers, the accumulator, the status. */
static void clear_spe(struct code *c)
{
	for (uint32_t r = 0; r < IOL_PPC_GPRS; r++)
		emit(c, OP_EVXOR | r << 21 | r << 16 | r << 11);
	emit(c, OP_EVMRA | R_ZERO << 21 | R_ZERO << 16);
	mtspr(c, SPR_SPEFSCR, R_ZERO);
}

static void clear_magic_page(struct code *c, const uint32_t instructions[4])
{
	hcall(c, instructions, HC_MAP_MAGIC_PAGE, MAGIC_GPA, MAGIC_GPA | MAGIC_PAGE_NX);
	load(c, R_ZERO, 0);
	load(c, R_TEMP, MAGIC_GPA);
	for (uint32_t i = 0; i < MAGIC_PAGE_LEFT_BYTES; i += 4)
		emit(c, OP_STW | R_ZERO << 21 | R_TEMP << 16 | i);
}

unsigned int iol_ppc_drain_program(bool has_spe, const uint32_t hcall_instructions[4],
				   uint32_t words[IOL_PPC_DRAIN_WORDS_MAX])
{
	struct code c = { words, 0 };

	load(&c, R_ZERO, (has_spe ? MSR_SPE : 0) | MSR_CE | MSR_EE | MSR_ME | MSR_DE);
	emit(&c, OP_MTMSR | R_ZERO << 21);
	if (has_spe) {
		clear_spe(&c);
		load(&c, R_TEMP, UINT32_MAX);
		mtspr(&c, SPR_DBSR, R_TEMP);
		for (unsigned int i = 0; i < IOL_ARRAY_LEN(zeroed_sprs); i++)
			mtspr(&c, zeroed_sprs[i], R_ZERO);
		clear_magic_page(&c, hcall_instructions);
	}
	/* Where a new vCPU has it. Where there is none, this is no more than a way out and in. */
	hcall(&c, hcall_instructions, HC_MAP_MAGIC_PAGE, 0, MAGIC_PAGE_NX);
	load(&c, R_TEMP, IOL_PPC_DRAIN_END);
	emit(&c, OP_STB | R_ZERO << 21 | R_TEMP << 16);
	emit(&c, OP_SELF);
	return c.count;
}
