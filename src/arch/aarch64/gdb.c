// SPDX-License-Identifier: Apache-2.0
/*
 * Registers of a vCPU for GDB (GDB manual, "AArch64 Features"): core and fpu are GDB's standard features, the
 * system registers are a feature of our own, for people who debug a kernel.
 */
#include "gdb.h"

#define X(n)                                                   \
	{                                                      \
		.name = "x" #n, .bits = 64, .group = "general" \
	}
#define V(n)                                                                       \
	{                                                                          \
		.name = "v" #n, .bits = 128, .type = "aarch64v", .group = "vector" \
	}

/* As in SPSR_EL1 (DDI 0487, "SPSR_EL1"); bits that have no name are not shown. */
static const char core_types[] = "<flags id=\"cpsr_flags\" size=\"4\">"
				 "<field name=\"SP\" start=\"0\" end=\"0\"/>"
				 "<field name=\"EL\" start=\"2\" end=\"3\"/>"
				 "<field name=\"nRW\" start=\"4\" end=\"4\"/>"
				 "<field name=\"F\" start=\"6\" end=\"6\"/>"
				 "<field name=\"I\" start=\"7\" end=\"7\"/>"
				 "<field name=\"A\" start=\"8\" end=\"8\"/>"
				 "<field name=\"D\" start=\"9\" end=\"9\"/>"
				 "<field name=\"BTYPE\" start=\"10\" end=\"11\"/>"
				 "<field name=\"SSBS\" start=\"12\" end=\"12\"/>"
				 "<field name=\"IL\" start=\"20\" end=\"20\"/>"
				 "<field name=\"SS\" start=\"21\" end=\"21\"/>"
				 "<field name=\"PAN\" start=\"22\" end=\"22\"/>"
				 "<field name=\"UAO\" start=\"23\" end=\"23\"/>"
				 "<field name=\"DIT\" start=\"24\" end=\"24\"/>"
				 "<field name=\"TCO\" start=\"25\" end=\"25\"/>"
				 "<field name=\"V\" start=\"28\" end=\"28\"/>"
				 "<field name=\"C\" start=\"29\" end=\"29\"/>"
				 "<field name=\"Z\" start=\"30\" end=\"30\"/>"
				 "<field name=\"N\" start=\"31\" end=\"31\"/>"
				 "</flags>";

static const struct iol_gdb_register core_registers[] = {
	X(0),
	X(1),
	X(2),
	X(3),
	X(4),
	X(5),
	X(6),
	X(7),
	X(8),
	X(9),
	X(10),
	X(11),
	X(12),
	X(13),
	X(14),
	X(15),
	X(16),
	X(17),
	X(18),
	X(19),
	X(20),
	X(21),
	X(22),
	X(23),
	X(24),
	X(25),
	X(26),
	X(27),
	X(28),
	X(29),
	X(30),
	{ .name = "sp", .bits = 64, .type = "data_ptr", .group = "general" },
	{ .name = "pc", .bits = 64, .type = "code_ptr", .group = "general" },
	{ .name = "cpsr", .bits = 32, .type = "cpsr_flags", .group = "general" },
};

#define VECTOR(id, of, count) "<vector id=\"" id "\" type=\"" of "\" count=\"" #count "\"/>"
#define FIELD(name, of) "<field name=\"" name "\" type=\"" of "\"/>"
/* Elements of one size, as each kind of number that there is. */
#define INTEGERS(id, u, s) "<union id=\"" id "\">" FIELD("u", u) FIELD("s", s) "</union>"
#define NUMBERS(id, f, u, s) \
	"<union id=\"" id "\">" FIELD("f", f) FIELD("u", u) FIELD("s", s) "</union>"

/* A vector register by the size of its elements. No bfloat16: GDB before version 10 takes no feature that has it. */
static const char fpu_types[] = VECTOR("v2d", "ieee_double", 2) VECTOR("v2u", "uint64", 2)
	VECTOR("v2i", "int64", 2) VECTOR("v4f", "ieee_single", 4) VECTOR("v4u", "uint32", 4) VECTOR(
		"v4i", "int32", 4) VECTOR("v8f", "ieee_half", 8) VECTOR("v8u", "uint16", 8)
		VECTOR("v8i", "int16", 8) VECTOR("v16u", "uint8", 16) VECTOR("v16i", "int8", 16)
			VECTOR("v1u", "uint128", 1) VECTOR("v1i", "int128", 1) NUMBERS(
				"vnd", "v2d", "v2u", "v2i") NUMBERS("vns", "v4f", "v4u", "v4i")
				NUMBERS("vnh", "v8f", "v8u", "v8i") INTEGERS("vnb", "v16u", "v16i")
					INTEGERS("vnq", "v1u",
						 "v1i") "<union id=\"aarch64v\">" FIELD("d", "vnd")
						FIELD("s", "vns") FIELD("h", "vnh")
							FIELD("b", "vnb")
								FIELD("q", "vnq") "</union>";

static const struct iol_gdb_register fpu_registers[] = {
	V(0),
	V(1),
	V(2),
	V(3),
	V(4),
	V(5),
	V(6),
	V(7),
	V(8),
	V(9),
	V(10),
	V(11),
	V(12),
	V(13),
	V(14),
	V(15),
	V(16),
	V(17),
	V(18),
	V(19),
	V(20),
	V(21),
	V(22),
	V(23),
	V(24),
	V(25),
	V(26),
	V(27),
	V(28),
	V(29),
	V(30),
	V(31),
	{ .name = "fpsr", .bits = 32, .type = "int", .group = "float" },
	{ .name = "fpcr", .bits = 32, .type = "int", .group = "float" },
};

#define SYSTEM(as, of)                                                \
	{                                                             \
		.name = as, .bits = 64, .type = of, .group = "system" \
	}
#define SYSTEM_OF(name, op0, op1, crn, crm, op2) SYSTEM(#name, "uint64"),

static const struct iol_gdb_register system_registers[] = {
	SYSTEM("sp_el0", "data_ptr"),
	SYSTEM("sp_el1", "data_ptr"),
	SYSTEM("elr_el1", "code_ptr"),
	SYSTEM("spsr_el1", "uint64"),
	IOL_ARM64_SYSTEM_REGISTERS(SYSTEM_OF) SYSTEM("cntv_ctl_el0", "uint64"),
	SYSTEM("cntv_cval_el0", "uint64"),
	SYSTEM("cntvct_el0", "uint64"),
};

static const struct iol_gdb_feature core = {
	.name = "org.gnu.gdb.aarch64.core",
	.types = core_types,
	.registers = core_registers,
	.count = IOL_ARRAY_LEN(core_registers),
};

static const struct iol_gdb_feature fpu = {
	.name = "org.gnu.gdb.aarch64.fpu",
	.types = fpu_types,
	.registers = fpu_registers,
	.count = IOL_ARRAY_LEN(fpu_registers),
};

static const struct iol_gdb_feature kernel = {
	.name = "org.iolite.aarch64.system",
	.registers = system_registers,
	.count = IOL_ARRAY_LEN(system_registers),
};

_Static_assert(IOL_ARRAY_LEN(core_registers) == IOL_ARM64_GDB_V0, "numbers of registers");
_Static_assert(IOL_ARM64_GDB_V0 + IOL_ARRAY_LEN(fpu_registers) == IOL_ARM64_GDB_SP_EL0,
	       "numbers of registers");
_Static_assert(IOL_ARM64_GDB_SP_EL0 + IOL_ARRAY_LEN(system_registers) == IOL_ARM64_GDB_COUNT,
	       "numbers of registers");

const struct iol_gdb_description iol_arm64_gdb_description = {
	.architecture = "aarch64",
	.feature_count = 3,
	.features = { &core, &fpu, &kernel },
	.general_features = 2,
	.pc = IOL_ARM64_GDB_PC,
};

size_t iol_arm64_gdb_place(unsigned int n, unsigned int *bytes)
{
	/* cpsr, fpsr and fpcr are shorter than their neighbours. */
	const size_t cpsr = 8 * IOL_ARM64_GDB_CPSR, v0 = cpsr + 4, fpsr = v0 + 16 * 32;

	*bytes = 8;
	if (n < IOL_ARM64_GDB_CPSR)
		return (size_t)8 * n;
	if (n >= IOL_ARM64_GDB_SP_EL0)
		return fpsr + 8 + (size_t)8 * (n - IOL_ARM64_GDB_SP_EL0);
	*bytes = 4;
	if (n == IOL_ARM64_GDB_CPSR)
		return cpsr;
	if (n >= IOL_ARM64_GDB_FPSR)
		return fpsr + (size_t)4 * (n - IOL_ARM64_GDB_FPSR);
	*bytes = 16;
	return v0 + (size_t)16 * (n - IOL_ARM64_GDB_V0);
}
