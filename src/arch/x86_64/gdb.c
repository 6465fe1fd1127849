// SPDX-License-Identifier: Apache-2.0
/*
 * The registers of a vCPU as GDB knows them (GDB manual, "i386 Features"), and those of the
 * system in a feature of our own. GDB's amd64 has the general ones in the order of enum
 * iol_x86_gdb_number.
 */
#include "debug.h"

/* One bit, and several. */
#define BIT(name, n) "<field name=\"" name "\" start=\"" #n "\" end=\"" #n "\"/>"
#define BITS(name, first, last) "<field name=\"" name "\" start=\"" #first "\" end=\"" #last "\"/>"
#define FLAGS(id, bytes, ...) "<flags id=\"" id "\" size=\"" #bytes "\">" __VA_ARGS__ "</flags>"

/* SDM 1 3.4.3 */
#define EFLAGS_LOW BIT("CF", 0) BIT("PF", 2) BIT("AF", 4) BIT("ZF", 6) BIT("SF", 7)
#define EFLAGS_MIDDLE \
	BIT("TF", 8) BIT("IF", 9) BIT("DF", 10) BIT("OF", 11) BITS("IOPL", 12, 13) BIT("NT", 14)
#define EFLAGS_HIGH \
	BIT("RF", 16) BIT("VM", 17) BIT("AC", 18) BIT("VIF", 19) BIT("VIP", 20) BIT("ID", 21)

static const char core_types[] = FLAGS("i386_eflags", 4, EFLAGS_LOW EFLAGS_MIDDLE EFLAGS_HIGH);

#define GENERAL(n, t)                                                \
	{                                                            \
		.name = n, .bits = 64, .type = t, .group = "general" \
	}
#define SELECTOR(n)                                                        \
	{                                                                  \
		.name = n, .bits = 32, .type = "int32", .group = "general" \
	}
#define STACK(n)                                                            \
	{                                                                   \
		.name = n, .bits = 80, .type = "i387_ext", .group = "float" \
	}
#define X87(n)                                                         \
	{                                                              \
		.name = n, .bits = 32, .type = "int", .group = "float" \
	}

static const struct iol_gdb_register core_registers[] = {
	GENERAL("rax", "int64"),
	GENERAL("rbx", "int64"),
	GENERAL("rcx", "int64"),
	GENERAL("rdx", "int64"),
	GENERAL("rsi", "int64"),
	GENERAL("rdi", "int64"),
	GENERAL("rbp", "data_ptr"),
	GENERAL("rsp", "data_ptr"),
	GENERAL("r8", "int64"),
	GENERAL("r9", "int64"),
	GENERAL("r10", "int64"),
	GENERAL("r11", "int64"),
	GENERAL("r12", "int64"),
	GENERAL("r13", "int64"),
	GENERAL("r14", "int64"),
	GENERAL("r15", "int64"),
	GENERAL("rip", "code_ptr"),
	{ .name = "eflags", .bits = 32, .type = "i386_eflags", .group = "general" },
	SELECTOR("cs"),
	SELECTOR("ss"),
	SELECTOR("ds"),
	SELECTOR("es"),
	SELECTOR("fs"),
	SELECTOR("gs"),
	STACK("st0"),
	STACK("st1"),
	STACK("st2"),
	STACK("st3"),
	STACK("st4"),
	STACK("st5"),
	STACK("st6"),
	STACK("st7"),
	X87("fctrl"),
	X87("fstat"),
	X87("ftag"),
	X87("fiseg"),
	X87("fioff"),
	X87("foseg"),
	X87("fooff"),
	X87("fop"),
};

#define VECTOR(id, type, count) "<vector id=\"" id "\" type=\"" type "\" count=\"" #count "\"/>"
#define FIELD(name, type) "<field name=\"" name "\" type=\"" type "\"/>"

#define VECTORS_FLOAT VECTOR("v4f", "ieee_single", 4) VECTOR("v2d", "ieee_double", 2)
#define VECTORS_SMALL VECTOR("v16i8", "int8", 16) VECTOR("v8i16", "int16", 8)
#define VECTORS_WIDE VECTOR("v4i32", "int32", 4) VECTOR("v2i64", "int64", 2)
#define UNION(id, ...) "<union id=\"" id "\">" __VA_ARGS__ "</union>"
#define VIEWS_FLOAT FIELD("v4_float", "v4f") FIELD("v2_double", "v2d")
#define VIEWS_SMALL FIELD("v16_int8", "v16i8") FIELD("v8_int16", "v8i16")
#define VIEWS_WIDE FIELD("v4_int32", "v4i32") FIELD("v2_int64", "v2i64") FIELD("uint128", "uint128")

/* SDM 1 10.2.3 */
#define MXCSR_FLAGS \
	BIT("IE", 0) BIT("DE", 1) BIT("ZE", 2) BIT("OE", 3) BIT("UE", 4) BIT("PE", 5) BIT("DAZ", 6)
#define MXCSR_MASKS BIT("IM", 7) BIT("DM", 8) BIT("ZM", 9) BIT("OM", 10) BIT("UM", 11) BIT("PM", 12)
#define MXCSR_CONTROL BITS("RC", 13, 14) BIT("FZ", 15)

static const char sse_types[] =
	VECTORS_FLOAT VECTORS_SMALL VECTORS_WIDE UNION("vec128", VIEWS_FLOAT VIEWS_SMALL VIEWS_WIDE)
		FLAGS("i386_mxcsr", 4, MXCSR_FLAGS MXCSR_MASKS MXCSR_CONTROL);

#define XMM(n)                                                              \
	{                                                                   \
		.name = n, .bits = 128, .type = "vec128", .group = "vector" \
	}

static const struct iol_gdb_register sse_registers[] = {
	XMM("xmm0"),
	XMM("xmm1"),
	XMM("xmm2"),
	XMM("xmm3"),
	XMM("xmm4"),
	XMM("xmm5"),
	XMM("xmm6"),
	XMM("xmm7"),
	XMM("xmm8"),
	XMM("xmm9"),
	XMM("xmm10"),
	XMM("xmm11"),
	XMM("xmm12"),
	XMM("xmm13"),
	XMM("xmm14"),
	XMM("xmm15"),
	{ .name = "mxcsr", .bits = 32, .type = "i386_mxcsr", .group = "vector" },
};

static const struct iol_gdb_register segments_registers[] = {
	{ .name = "fs_base", .bits = 64, .type = "int", .group = "general" },
	{ .name = "gs_base", .bits = 64, .type = "int", .group = "general" },
};

/* The upper halves: GDB makes ymm0 of these and the xmm registers. */
#define YMM(n)                                                               \
	{                                                                    \
		.name = n, .bits = 128, .type = "uint128", .group = "vector" \
	}

static const struct iol_gdb_register avx_registers[] = {
	YMM("ymm0h"),  YMM("ymm1h"),  YMM("ymm2h"),  YMM("ymm3h"),  YMM("ymm4h"),  YMM("ymm5h"),
	YMM("ymm6h"),  YMM("ymm7h"),  YMM("ymm8h"),  YMM("ymm9h"),  YMM("ymm10h"), YMM("ymm11h"),
	YMM("ymm12h"), YMM("ymm13h"), YMM("ymm14h"), YMM("ymm15h"),
};

/* SDM 3A 2.5 */
#define CR0_LOW BIT("PE", 0) BIT("MP", 1) BIT("EM", 2) BIT("TS", 3) BIT("ET", 4) BIT("NE", 5)
#define CR0_HIGH BIT("WP", 16) BIT("AM", 18) BIT("NW", 29) BIT("CD", 30) BIT("PG", 31)
#define CR4_LOW       \
	BIT("VME", 0) \
	BIT("PVI", 1) BIT("TSD", 2) BIT("DE", 3) BIT("PSE", 4) BIT("PAE", 5) BIT("MCE", 6)
#define CR4_MIDDLE \
	BIT("PGE", 7) BIT("PCE", 8) BIT("OSFXSR", 9) BIT("OSXMMEXCPT", 10) BIT("UMIP", 11)
#define CR4_HIGH \
	BIT("LA57", 12) BIT("VMXE", 13) BIT("SMXE", 14) BIT("FSGSBASE", 16) BIT("PCIDE", 17)
#define CR4_HIGHER         \
	BIT("OSXSAVE", 18) \
	BIT("SMEP", 20) BIT("SMAP", 21) BIT("PKE", 22) BIT("CET", 23) BIT("PKS", 24)
/* SDM 3A 2.2.1; AMD APM 2 3.1.7 */
#define EFER_BITS \
	BIT("SCE", 0) BIT("LME", 8) BIT("LMA", 10) BIT("NXE", 11) BIT("SVME", 12) BIT("FFXSR", 14)
/* SDM 3A 10.4.4 */
#define APIC_BASE_BITS BIT("BSP", 8) BIT("EXTD", 10) BIT("EN", 11) BITS("BASE", 12, 51)
/* SDM 3B 17.2 */
#define DR6_BITS     \
	BIT("B0", 0) \
	BIT("B1", 1) BIT("B2", 2) BIT("B3", 3) BIT("BD", 13) BIT("BS", 14) BIT("BT", 15)
#define DR7_ENABLE_LOW BIT("L0", 0) BIT("G0", 1) BIT("L1", 2) BIT("G1", 3)
#define DR7_ENABLE_HIGH BIT("L2", 4) BIT("G2", 5) BIT("L3", 6) BIT("G3", 7)
#define DR7_OTHERS BIT("LE", 8) BIT("GE", 9) BIT("RTM", 11) BIT("GD", 13)
#define DR7_LOW BITS("RW0", 16, 17) BITS("LEN0", 18, 19) BITS("RW1", 20, 21) BITS("LEN1", 22, 23)
#define DR7_HIGH BITS("RW2", 24, 25) BITS("LEN2", 26, 27) BITS("RW3", 28, 29) BITS("LEN3", 30, 31)

static const char own_types[] = FLAGS("x86_cr0", 8, CR0_LOW CR0_HIGH)
	FLAGS("x86_cr4", 8, CR4_LOW CR4_MIDDLE CR4_HIGH CR4_HIGHER) FLAGS("x86_efer", 8, EFER_BITS)
		FLAGS("x86_apic_base", 8, APIC_BASE_BITS) FLAGS("x86_dr6", 8, DR6_BITS)
			FLAGS("x86_dr7", 8,
			      DR7_ENABLE_LOW DR7_ENABLE_HIGH DR7_OTHERS DR7_LOW DR7_HIGH);

#define SYSTEM(n, b, t)                                            \
	{                                                          \
		.name = n, .bits = b, .type = t, .group = "system" \
	}

static const struct iol_gdb_register own_registers[IOL_X86_GDB_SYSTEM_COUNT] = {
	[IOL_X86_GDB_CR0] = SYSTEM("cr0", 64, "x86_cr0"),
	[IOL_X86_GDB_CR2] = SYSTEM("cr2", 64, "int64"),
	[IOL_X86_GDB_CR3] = SYSTEM("cr3", 64, "int64"),
	[IOL_X86_GDB_CR4] = SYSTEM("cr4", 64, "x86_cr4"),
	[IOL_X86_GDB_CR8] = SYSTEM("cr8", 64, "int64"),
	[IOL_X86_GDB_EFER] = SYSTEM("efer", 64, "x86_efer"),
	[IOL_X86_GDB_K_GS_BASE] = SYSTEM("k_gs_base", 64, "int64"),
	[IOL_X86_GDB_APIC_BASE] = SYSTEM("apic_base", 64, "x86_apic_base"),
	[IOL_X86_GDB_CS_BASE] = SYSTEM("cs_base", 64, "int64"),
	[IOL_X86_GDB_GDT_BASE] = SYSTEM("gdt_base", 64, "int64"),
	[IOL_X86_GDB_GDT_LIMIT] = SYSTEM("gdt_limit", 32, "int32"),
	[IOL_X86_GDB_IDT_BASE] = SYSTEM("idt_base", 64, "int64"),
	[IOL_X86_GDB_IDT_LIMIT] = SYSTEM("idt_limit", 32, "int32"),
	[IOL_X86_GDB_DR0] = SYSTEM("dr0", 64, "int64"),
	[IOL_X86_GDB_DR1] = SYSTEM("dr1", 64, "int64"),
	[IOL_X86_GDB_DR2] = SYSTEM("dr2", 64, "int64"),
	[IOL_X86_GDB_DR3] = SYSTEM("dr3", 64, "int64"),
	[IOL_X86_GDB_DR6] = SYSTEM("dr6", 64, "x86_dr6"),
	[IOL_X86_GDB_DR7] = SYSTEM("dr7", 64, "x86_dr7"),
};

#define FEATURE(variable, feature, t)                         \
	static const struct iol_gdb_feature variable = {      \
		.name = feature,                              \
		.types = t,                                   \
		.registers = variable##_registers,            \
		.count = IOL_ARRAY_LEN(variable##_registers), \
	}

FEATURE(core, "org.gnu.gdb.i386.core", core_types);
FEATURE(sse, "org.gnu.gdb.i386.sse", sse_types);
FEATURE(segments, "org.gnu.gdb.i386.segments", NULL);
FEATURE(avx, "org.gnu.gdb.i386.avx", NULL);
FEATURE(own, "org.iolite.x86.system", own_types);

static const struct iol_gdb_description with_avx = {
	.architecture = "i386:x86-64",
	.feature_count = 5,
	.features = { &core, &sse, &segments, &avx, &own },
	.general_features = 4,
	.pc = IOL_X86_GDB_RIP,
};

static const struct iol_gdb_description without_avx = {
	.architecture = "i386:x86-64",
	.feature_count = 4,
	.features = { &core, &sse, &segments, &own },
	.general_features = 3,
	.pc = IOL_X86_GDB_RIP,
};

const struct iol_gdb_description *iol_x86_gdb_description(bool has_avx)
{
	return has_avx ? &with_avx : &without_avx;
}
