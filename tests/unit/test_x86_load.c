// SPDX-License-Identifier: Apache-2.0
/*
 * What a guest finds in memory when it is entered: by each kind of kernel, byte by byte where a
 * protocol says so; and the errors for files that are no kernel and for what does not fit.
 */
#include "arch/x86_64/x86.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include <iolite/endian.h>

#include "host_memory.h"
#include "image_builder.h"

#define ENTRY (BUILD_SEG0_GPA + BUILD_ENTRY_OFFSET)

/* A machine with memory and what is to be loaded into it. */
struct machine {
	struct iol_layout layout;
	struct iol_memory mem;
	struct iol_boot boot;
	struct iol_entry entry;
	struct iol_placement placement;
	struct iol_error err;
};

static void machine_init(struct machine *m, uint64_t bytes, GByteArray *kernel)
{
	memset(m, 0, sizeof(*m));
	g_assert_cmpint(iol_x86_layout(&(struct iol_layout_request){ .memory_bytes = bytes,
								     .cpus = 4,
								     .serials = 1 },
				       &m->layout, NULL),
			==, 0);
	g_assert_cmpint(iol_memory_init(&m->mem, m->layout.ram, m->layout.ram_count, NULL), ==, 0);
	build_open(&m->boot.kernel, kernel, "kernel");
	m->boot.initrd.fd = -1;
	m->boot.cmdline = "console=ttyS0";
}

static void machine_finish(struct machine *m)
{
	iol_image_close(&m->boot.kernel);
	iol_image_close(&m->boot.initrd);
	iol_memory_finish(&m->mem);
}

static int load(struct machine *m)
{
	return iol_arch_x86_64.load(&m->layout, &m->mem, &m->boot, &m->entry, &m->placement,
				    &m->err);
}

static void load_ok(struct machine *m)
{
	load(m);
	g_assert_cmpstr(m->err.msg, ==, "");
}

static uint64_t peek(const struct machine *m, uint64_t gpa, unsigned int width)
{
	uint8_t bytes[8] = { 0 };

	g_assert_cmpint(iol_memory_read(&m->mem, gpa, bytes, width), ==, 0);
	return iol_le_load(bytes, width);
}

static void check_pattern(const struct machine *m, uint64_t gpa, uint64_t len)
{
	const uint8_t *p = iol_memory_ptr(&m->mem, gpa, len);

	g_assert_nonnull(p);
	for (uint64_t i = 0; i < len; i++)
		g_assert_cmpuint(p[i], ==, build_pattern(i));
}

static void check_string(const struct machine *m, uint64_t gpa, const char *text)
{
	g_assert_cmpmem(iol_memory_ptr(&m->mem, gpa, strlen(text) + 1), strlen(text) + 1, text,
			strlen(text) + 1);
}

static GByteArray *elf(uint16_t machine, bool pvh)
{
	const struct build_elf spec = { .is_64bit = true, .machine = machine, .pvh = pvh };

	return build_elf(&spec);
}

/* Follows the page tables as the CPU would. */
static uint64_t translate(const struct machine *m, uint64_t va)
{
	uint64_t pml4e = peek(m, IOL_X86_CR3 + (va >> 39 & 511) * 8, 8);
	uint64_t pdpte, pde;

	g_assert_cmphex(pml4e & 3, ==, 3);
	pdpte = peek(m, (pml4e & ~UINT64_C(0xfff)) + (va >> 30 & 511) * 8, 8);
	g_assert_cmphex(pdpte & 0x83, ==, 3);
	pde = peek(m, (pdpte & ~UINT64_C(0xfff)) + (va >> 21 & 511) * 8, 8);
	g_assert_cmphex(pde & 0x83, ==, 0x83);
	return (pde & ~UINT64_C(0x1fffff)) + (va & 0x1fffff);
}

static void check_common(const struct machine *m, uint64_t code_descriptor)
{
	g_assert_cmphex(peek(m, IOL_X86_RESET_FLAG, 2), ==, IOL_X86_RESET_FLAG_SENTINEL);
	/* mov al, 6; mov dx, 0xcf9; out dx, al */
	g_assert_cmphex(peek(m, 0xffff0, 6), ==, UINT64_C(0xee0cf9ba06b0));
	g_assert_cmphex(peek(m, IOL_X86_GDT, 8), ==, 0);
	g_assert_cmphex(peek(m, IOL_X86_GDT + 0x10, 8), ==, code_descriptor);
	g_assert_cmphex(peek(m, IOL_X86_GDT + 0x18, 8), ==, UINT64_C(0x00cf93000000ffff));
	check_string(m, IOL_X86_CMDLINE, m->boot.cmdline);
}

static void check_zero_page(const struct machine *m)
{
	const uint64_t zp = IOL_X86_ZERO_PAGE;
	struct iol_x86_e820 map[IOL_X86_E820_MAX];
	unsigned int count = iol_x86_e820(&m->layout, map);
	static const uint64_t mapped[] = { 0, 0x1fffff, BUILD_SEG0_GPA, 0xc0000000, 0xffffffff };

	check_common(m, UINT64_C(0x00af9b000000ffff));
	g_assert_cmpint(m->entry.mode, ==, IOL_X86_ENTRY_LONG);
	g_assert_cmphex(m->entry.args[0], ==, zp);
	g_assert_cmphex(peek(m, zp + 0x1fe, 2), ==, 0xaa55);
	g_assert_cmphex(peek(m, zp + 0x202, 4), ==, 0x53726448);
	g_assert_cmphex(peek(m, zp + 0x1ef, 1), ==, 0);
	g_assert_cmphex(peek(m, zp + 0x210, 1), ==, 0xff);
	g_assert_cmphex(peek(m, zp + 0x211, 1) & 1, ==, 1);
	g_assert_cmphex(peek(m, zp + 0x228, 4), ==, IOL_X86_CMDLINE);
	g_assert_cmphex(peek(m, zp + 0x250, 8), ==, 0);
	g_assert_cmphex(peek(m, zp + 0x070, 8), ==, IOL_X86_ACPI);
	g_assert_cmpmem(iol_memory_ptr(&m->mem, IOL_X86_ACPI, 8), 8, "RSD PTR ", 8);
	g_assert_cmpuint(peek(m, zp + 0x1e8, 1), ==, count);
	for (unsigned int i = 0; i < count; i++) {
		g_assert_cmphex(peek(m, zp + 0x2d0 + i * 20, 8), ==, map[i].base);
		g_assert_cmphex(peek(m, zp + 0x2d8 + i * 20, 8), ==, map[i].size_bytes);
		g_assert_cmphex(peek(m, zp + 0x2e0 + i * 20, 4), ==, map[i].type);
	}
	for (unsigned int i = 0; i < G_N_ELEMENTS(mapped); i++)
		g_assert_cmphex(translate(m, mapped[i]), ==, mapped[i]);
}

static void test_bzimage(void)
{
	struct machine m;

	machine_init(&m, 64 * IOL_MIB, build_bzimage());
	load_ok(&m);
	g_assert_cmphex(m.entry.pc, ==, BUILD_BZ_PREF_ADDRESS + 0x200);
	check_pattern(&m, BUILD_BZ_PREF_ADDRESS, BUILD_BZ_PAYLOAD_BYTES);
	check_zero_page(&m);
	/* The header came along: version, alignment; and no initrd. */
	g_assert_cmphex(peek(&m, IOL_X86_ZERO_PAGE + 0x1f1, 1), ==, 4);
	g_assert_cmphex(peek(&m, IOL_X86_ZERO_PAGE + 0x206, 2), ==, 0x020f);
	g_assert_cmphex(peek(&m, IOL_X86_ZERO_PAGE + 0x230, 4), ==, 0x200000);
	g_assert_cmphex(peek(&m, IOL_X86_ZERO_PAGE + 0x214, 4), ==, BUILD_BZ_PREF_ADDRESS);
	g_assert_cmphex(peek(&m, IOL_X86_ZERO_PAGE + 0x218, 8), ==, 0);
	machine_finish(&m);
}

/* Only the header's true length goes into the zero page: what follows is code. */
static void test_header_length(void)
{
	GByteArray *kernel = build_bzimage();
	struct machine m;

	memset(kernel->data + 0x26c, 0xcc, 0x290 - 0x26c);
	memset(kernel->data + 0x1e0, 0xcc, 0x11); /* and what is before, neither */
	build_patch(kernel, &(struct build_patch){ 0x250, 8, 0x1234 }); /* setup_data */
	build_patch(kernel, &(struct build_patch){ 0x226, 2, 0xffff }); /* ext_loader_* */
	machine_init(&m, 64 * IOL_MIB, kernel);
	load_ok(&m);
	check_zero_page(&m);
	g_assert_cmphex(peek(&m, IOL_X86_ZERO_PAGE + 0x26c, 8), ==, 0);
	g_assert_cmphex(peek(&m, IOL_X86_ZERO_PAGE + 0x288, 8), ==, 0);
	g_assert_cmphex(peek(&m, IOL_X86_ZERO_PAGE + 0x1e0, 8), ==, 0);
	g_assert_cmphex(peek(&m, IOL_X86_ZERO_PAGE + 0x226, 2), ==, 0);
	machine_finish(&m);
}

static void test_no_pref_address(void)
{
	GByteArray *kernel = build_bzimage();
	struct machine m;

	build_patch(kernel, &(struct build_patch){ 0x258, 8, 0 });
	machine_init(&m, 8 * IOL_MIB, kernel);
	load_ok(&m);
	/* The first multiple of kernel_alignment from 1 MiB on. */
	g_assert_cmphex(m.entry.pc, ==, 2 * IOL_MIB + 0x200);
	check_pattern(&m, 2 * IOL_MIB, BUILD_BZ_PAYLOAD_BYTES);
	machine_finish(&m);
}

/* init_size fits to the byte, and no more. */
static void test_kernel_edges(void)
{
	uint64_t exact = BUILD_BZ_PREF_ADDRESS + BUILD_BZ_INIT_BYTES;
	struct machine m;

	machine_init(&m, exact, build_bzimage());
	load_ok(&m);
	machine_finish(&m);
	machine_init(&m, exact - 4096, build_bzimage());
	g_assert_cmpint(load(&m), ==, -ENOSPC);
	build_check_error(
		&m.err, -ENOSPC, "kernel: ",
		"0x400000 bytes (init_size) from 0x1000000, RAM below 4 GiB ends at 0x13ff000");
	machine_finish(&m);
}

static void test_pvh(void)
{
	struct iol_x86_e820 map[IOL_X86_E820_MAX];
	const uint64_t si = IOL_X86_START_INFO;
	struct machine m;
	unsigned int count;
	uint64_t memmap, mod;

	if (!host_maps(5 * IOL_GIB))
		return;
	machine_init(&m, 5 * IOL_GIB, elf(EM_X86_64, true));
	build_open(&m.boot.initrd, build_blob(5000), "initrd");
	load_ok(&m);
	check_common(&m, UINT64_C(0x00cf9b000000ffff));
	g_assert_cmpint(m.entry.mode, ==, IOL_X86_ENTRY_PROTECTED);
	g_assert_cmphex(m.entry.pc, ==, ENTRY);
	g_assert_cmphex(m.entry.args[0], ==, si);
	check_pattern(&m, BUILD_SEG0_GPA, BUILD_SEG0_BYTES);
	check_pattern(&m, BUILD_SEG1_GPA, BUILD_SEG1_BYTES);
	g_assert_cmphex(peek(&m, si, 4), ==, 0x336ec578);
	g_assert_cmphex(peek(&m, si + 4, 4), ==, 1);
	g_assert_cmphex(peek(&m, si + 12, 4), ==, 1);
	g_assert_cmphex(peek(&m, si + 24, 8), ==, IOL_X86_CMDLINE);
	g_assert_cmphex(peek(&m, si + 32, 8), ==, IOL_X86_ACPI);

	mod = peek(&m, si + 16, 8);
	g_assert_cmphex(peek(&m, mod, 8), ==, 3 * IOL_GIB - 8192);
	g_assert_cmphex(peek(&m, mod + 8, 8), ==, 5000);
	check_pattern(&m, 3 * IOL_GIB - 8192, 5000);

	count = iol_x86_e820(&m.layout, map);
	memmap = peek(&m, si + 40, 8);
	g_assert_cmpuint(peek(&m, si + 48, 4), ==, count);
	for (unsigned int i = 0; i < count; i++) {
		g_assert_cmphex(peek(&m, memmap + i * 24, 8), ==, map[i].base);
		g_assert_cmphex(peek(&m, memmap + i * 24 + 8, 8), ==, map[i].size_bytes);
		g_assert_cmphex(peek(&m, memmap + i * 24 + 16, 4), ==, map[i].type);
	}
	machine_finish(&m);
}

static void test_pvh_i386(void)
{
	const struct build_elf spec = { .machine = EM_386, .pvh = true };
	struct machine m;

	machine_init(&m, 64 * IOL_MIB, build_elf(&spec));
	load_ok(&m);
	g_assert_cmpint(m.entry.mode, ==, IOL_X86_ENTRY_PROTECTED);
	g_assert_cmphex(m.entry.pc, ==, ENTRY);
	g_assert_cmphex(peek(&m, IOL_X86_START_INFO + 12, 4), ==, 0);
	g_assert_cmphex(peek(&m, IOL_X86_START_INFO + 16, 8), ==, 0);
	machine_finish(&m);
}

/* A plain ELF file: e_entry physical, then virtual. */
static void test_elf64(void)
{
	static const uint64_t entries[] = { ENTRY, BUILD_ELF_VIRTUAL_BASE + ENTRY };

	for (unsigned int i = 0; i < G_N_ELEMENTS(entries); i++) {
		const struct build_patch patch = { offsetof(Elf64_Ehdr, e_entry), 8, entries[i] };
		GByteArray *kernel = elf(EM_X86_64, false);
		struct machine m;

		build_patch(kernel, &patch);
		machine_init(&m, 64 * IOL_MIB, kernel);
		load_ok(&m);
		g_assert_cmphex(m.entry.pc, ==, ENTRY);
		check_zero_page(&m);
		check_pattern(&m, BUILD_SEG0_GPA, BUILD_SEG0_BYTES);
		machine_finish(&m);
	}
}

/* A segment above 4 GiB is loaded too, and does not push the initrd about. */
static void test_elf64_high(void)
{
	GByteArray *kernel;
	struct machine m;

	if (!host_maps(4 * IOL_GIB))
		return;
	kernel = elf(EM_X86_64, false);
	build_patch(kernel, &(struct build_patch){ BUILD_PHDR64(1, p_paddr), 8, 4 * IOL_GIB });
	machine_init(&m, 4 * IOL_GIB, kernel);
	build_open(&m.boot.initrd, build_blob(1), "initrd");
	load_ok(&m);
	check_pattern(&m, 4 * IOL_GIB, BUILD_SEG1_BYTES);
	g_assert_cmphex(peek(&m, IOL_X86_ZERO_PAGE + 0x218, 4), ==, 3 * IOL_GIB - 4096);
	machine_finish(&m);
}

static void test_initrd_places(void)
{
	/* clang-format off */
	static const struct {
		const char *name;
		uint64_t memory;
		uint32_t initrd_addr_max;
		uint64_t pref_address;
		unsigned int bytes;
		uint64_t start; /* 0: does not fit */
		const char *message;
	} cases[] = {
		{ "top of RAM", 64 * IOL_MIB, 0x7fffffff, 0x1000000, 4096, 64 * IOL_MIB - 4096,
		  NULL },
		{ "rounded down", 64 * IOL_MIB, 0x7fffffff, 0x1000000, 1, 64 * IOL_MIB - 4096,
		  NULL },
		{ "two pages", 64 * IOL_MIB, 0x7fffffff, 0x1000000, 4097, 64 * IOL_MIB - 8192,
		  NULL },
		{ "below its limit", 3 * IOL_GIB, 0x7fffffff, 0x1000000, 4096, 2 * IOL_GIB - 4096,
		  NULL },
		{ "odd limit", 64 * IOL_MIB, 0x2ffffff - 1, 0x1000000, 4096, 0x2ffe000, NULL },
		{ "all that is free", 0x1401000, 0x7fffffff, 0x1000000, 4096, 0x1400000, NULL },
		{ "above 4 GiB is not used", 8 * IOL_GIB, 0xffffffff, 0x1000000, 1,
		  3 * IOL_GIB - 4096,
		  NULL },
		{ "below a high kernel", 0x1400000, 0x7fffffff, 0x1000000, 4096, 0xfff000, NULL },
		{ "limit below the kernel", 64 * IOL_MIB, 0x3fffff, 0x1000000, 4096, 0x3ff000,
		  NULL },
		{ "no room", 0x600000, 0x7fffffff, 0x200000, 0x200000, 0,
		  "the initrd has 2097152 bytes, only 1048576 are free beside the kernel "
		  "below 0x600000" },
		{ "one byte too many", 0x600000, 0x7fffffff, 0x200000, 0x100001, 0,
		  "1048577 bytes" },
		{ "limit 0", 64 * IOL_MIB, 0, 0x1000000, 1, 0,
		  "only 0 are free beside the kernel below 0x1;" },
		{ "limit in low memory", 64 * IOL_MIB, 0xfffff, 0x1000000, 1, 0,
		  "only 0 are free" },
	};
	/* clang-format on */

	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		GByteArray *kernel;
		struct machine m;

		if (!host_maps(cases[i].memory))
			continue;
		kernel = build_bzimage();
		build_patch(kernel, &(struct build_patch){ 0x22c, 4, cases[i].initrd_addr_max });
		build_patch(kernel, &(struct build_patch){ 0x258, 8, cases[i].pref_address });
		machine_init(&m, cases[i].memory, kernel);
		build_open(&m.boot.initrd, build_blob(cases[i].bytes), "initrd");
		g_test_message("%s", cases[i].name);
		if (cases[i].start) {
			load_ok(&m);
			g_assert_cmphex(peek(&m, IOL_X86_ZERO_PAGE + 0x218, 4), ==, cases[i].start);
			g_assert_cmpuint(peek(&m, IOL_X86_ZERO_PAGE + 0x21c, 4), ==,
					 cases[i].bytes);
			g_assert_cmphex(peek(&m, IOL_X86_ZERO_PAGE + 0x0c0, 8), ==, 0);
			check_pattern(&m, cases[i].start, cases[i].bytes);
			check_pattern(&m, cases[i].pref_address, BUILD_BZ_PAYLOAD_BYTES);
		} else {
			g_assert_cmpint(load(&m), ==, -ENOSPC);
			build_check_error(&m.err, -ENOSPC, "initrd: ", cases[i].message);
		}
		machine_finish(&m);
	}
}

static void test_cmdline(void)
{
	g_autofree char *longest = g_strnfill(BUILD_BZ_CMDLINE_MAX, 'a');
	g_autofree char *too_long = g_strnfill(BUILD_BZ_CMDLINE_MAX + 1, 'a');
	g_autofree char *huge = g_strnfill(IOL_X86_CMDLINE_BYTES, 'a');

	for (unsigned int kind = 0; kind < 3; kind++) {
		struct machine m;

		machine_init(&m, 64 * IOL_MIB, kind ? elf(EM_X86_64, kind == 1) : build_bzimage());
		m.boot.cmdline = longest;
		load_ok(&m);
		check_string(&m, IOL_X86_CMDLINE, longest);
		m.boot.cmdline = too_long;
		g_assert_cmpint(load(&m), ==, -E2BIG);
		build_check_error(&m.err, -E2BIG, "kernel: ",
				  "command line has 2048 bytes, this kernel takes at most 2047");
		m.boot.cmdline = NULL;
		m.err = (struct iol_error){ 0 };
		load_ok(&m);
		g_assert_cmpuint(peek(&m, IOL_X86_CMDLINE, 1), ==, 0);
		machine_finish(&m);
	}

	for (unsigned int fits = 0; fits <= 1; fits++) {
		GByteArray *kernel = build_bzimage();
		struct machine m;

		/* A header that takes 4 GiB gets what there is room for. */
		build_patch(kernel, &(struct build_patch){ 0x238, 4, 0xffffffff });
		machine_init(&m, 64 * IOL_MIB, kernel);
		m.boot.cmdline = huge + fits;
		g_assert_cmpint(load(&m), ==, fits ? 0 : -E2BIG);
		machine_finish(&m);
	}
}

static void test_again(void)
{
	struct machine m;
	g_autofree uint8_t *first = NULL;

	machine_init(&m, 64 * IOL_MIB, build_bzimage());
	build_open(&m.boot.initrd, build_blob(100000), "initrd");
	load_ok(&m);
	first = g_memdup2(iol_memory_ptr(&m.mem, 0, 64 * IOL_MIB), 64 * IOL_MIB);
	memset(iol_memory_ptr(&m.mem, 0, 64 * IOL_MIB), 0xa5, 64 * IOL_MIB);
	g_assert_cmpint(iol_memory_clear(&m.mem, NULL), ==, 0);
	load_ok(&m);
	g_assert_cmpint(memcmp(first, iol_memory_ptr(&m.mem, 0, 64 * IOL_MIB), 64 * IOL_MIB), ==,
			0);
	machine_finish(&m);
}

/* Files that are something else: begin of the file, and what the user is told. */
/* clang-format off */
static const struct {
	const char *name;
	unsigned int offset;
	unsigned int len;
	const char *bytes;
	const char *message;
} not_kernels[] = {
	{ "zeros", 0, 0, "", "neither a bzImage (vmlinuz) nor an ELF file" },
	{ "arm64 Image", 0x38, 4, "ARM\x64",
	  "this is an arm64 (aarch64) Image; this machine is x86_64" },
	{ "riscv Image", 0x38, 4, "RSC\x05", "this is a riscv Image; this machine is x86_64" },
	{ "uImage", 0, 4, "\x27\x05\x19\x56", "U-Boot uImage" },
	{ "device tree", 0, 4, "\xd0\x0d\xfe\xed", "device tree or a FIT image" },
	{ "gzip", 0, 2, "\x1f\x8b", "gzip file; unpack it first (gzip -d)" },
	{ "xz", 0, 6, "\xfd" "7zXZ", "xz file; unpack it first" },
	{ "zstd", 0, 4, "\x28\xb5\x2f\xfd", "zstd file; unpack it first" },
	{ "bzip2", 0, 4, "BZh9", "bzip2 file; unpack it first" },
	{ "lz4", 0, 4, "\x04\x22\x4d\x18", "lz4 file; unpack it first" },
	{ "initramfs", 0, 6, "070701", "cpio archive; an initrd is given with -i" },
	{ "qcow2", 0, 4, "QFI\xfb", "qcow2 disk image" },
	{ "Debian package", 0, 8, "!<arch>\n", "archive or Debian package" },
	{ "EFI program", 0, 2, "MZ", "EFI or DOS program" },
	{ "disk image", 510, 2, "\x55\xaa", "boot sector or disk image" },
};
/* clang-format on */

static void test_not_kernels(void)
{
	for (unsigned int i = 0; i < G_N_ELEMENTS(not_kernels); i++) {
		GByteArray *bytes = g_byte_array_new();
		struct machine m;

		g_byte_array_set_size(bytes, 1024);
		memset(bytes->data, 0, bytes->len);
		memcpy(bytes->data + not_kernels[i].offset, not_kernels[i].bytes,
		       not_kernels[i].len);
		machine_init(&m, IOL_MIB, bytes);
		g_assert_cmpint(load(&m), ==, -ENOEXEC);
		build_check_error(&m.err, -ENOEXEC,
				  "kernel: not a kernel: ", not_kernels[i].message);
		machine_finish(&m);
	}
}

static void test_text(void)
{
	static const char *const texts[] = { "x", "#!/bin/sh\nexit 0\n",
					     "{ \"kernel\": \"a\" }\n" };

	for (unsigned int i = 0; i < G_N_ELEMENTS(texts); i++) {
		GByteArray *bytes = g_byte_array_new();
		struct machine m;

		g_byte_array_append(bytes, (const guint8 *)texts[i], (guint)strlen(texts[i]));
		machine_init(&m, IOL_MIB, bytes);
		g_assert_cmpint(load(&m), ==, -ENOEXEC);
		build_check_error(&m.err, -ENOEXEC, "kernel: ", "this is text; give a bzImage");
		machine_finish(&m);
	}
}

/* ELF files that parse but are not for this machine, or do not fit it. */
static void test_wrong_elfs(void)
{
	/* clang-format off */
	static const struct {
		const char *name;
		struct build_elf spec;
		uint64_t memory;
		struct build_patch patch;
		int code;
		const char *message;
	} cases[] = {
		{ "aarch64", { true, false, EM_AARCH64, false }, IOL_GIB, { 0 }, -ENOEXEC,
		  "this is a kernel for aarch64; this machine is x86_64" },
		{ "aarch64 with the note", { true, false, EM_AARCH64, true }, IOL_GIB, { 0 },
		  -ENOEXEC,
		  "for aarch64;" },
		{ "powerpc", { false, true, EM_PPC, false }, IOL_GIB, { 0 }, -ENOEXEC,
		  "for powerpc;" },
		{ "riscv", { true, false, EM_RISCV, false }, IOL_GIB, { 0 }, -ENOEXEC,
		  "for riscv;" },
		{ "loongarch", { true, false, 258, false }, IOL_GIB, { 0 }, -ENOEXEC,
		  "for loongarch;" },
		{ "unknown", { true, false, 4242, false }, IOL_GIB, { 0 }, -ENOEXEC,
		  "e_machine is 4242" },
		{ "i386", { false, false, EM_386, false }, IOL_GIB, { 0 }, -ENOEXEC,
		  "i386 kernel without a PVH note" },
		{ "x32", { false, false, EM_X86_64, false }, IOL_GIB, { 0 }, -ENOEXEC,
		  "32-bit ELF (x32)" },
		{ "big-endian", { true, true, EM_X86_64, true }, IOL_GIB, { 0 }, -ENOEXEC,
		  "is big-endian; x86_64 is little-endian" },
		{ "too little RAM", { true, false, EM_X86_64, true }, 16 * IOL_MIB, { 0 }, -ENOSPC,
		  "segment at 0x1000000 with 0x1000 bytes is not all in RAM" },
		{ "too little RAM for bss", { true, false, EM_X86_64, false },
		  16 * IOL_MIB + 0x3000,
		  { 0 }, -ENOSPC, "segment at 0x1002000 with 0x3000 bytes is not all in RAM" },
		{ "on our boot data", { true, false, EM_X86_64, false }, IOL_GIB,
		  { BUILD_PHDR64(1, p_paddr), 8, 0xfffff }, -ENOSPC, "0xfffff is below 0x100000" },
		{ "in the hole", { true, false, EM_X86_64, true }, 8 * IOL_GIB,
		  { BUILD_PHDR64(1, p_paddr), 8, 0xbfffe000 }, -ENOSPC, "not all in RAM" },
		{ "entry nowhere", { true, false, EM_X86_64, false }, IOL_GIB,
		  { offsetof(Elf64_Ehdr, e_entry), 8, 0 }, -EINVAL,
		  "e_entry 0x0 is in no loadable segment" },
		{ "entry in bss", { true, false, EM_X86_64, false }, IOL_GIB,
		  { offsetof(Elf64_Ehdr, e_entry), 8, BUILD_SEG0_GPA + 0x200 }, -EINVAL,
		  "e_entry 0x1000200 is in no loadable segment" },
		{ "entry above 4 GiB", { true, false, EM_X86_64, false }, 8 * IOL_GIB,
		  { BUILD_PHDR64(0, p_paddr), 8, 0x100000000 }, -EINVAL,
		  "is in no loadable segment" },
	};
	/* clang-format on */

	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		GByteArray *bytes;
		struct machine m;

		if (!host_maps(cases[i].memory))
			continue;
		bytes = build_elf(&cases[i].spec);
		build_patch(bytes, &cases[i].patch);
		machine_init(&m, cases[i].memory, bytes);
		g_assert_cmpint(load(&m), ==, cases[i].code);
		build_check_error(&m.err, cases[i].code, "kernel: ", cases[i].message);
		machine_finish(&m);
	}
}

static void test_high_entry(void)
{
	GByteArray *bytes;
	struct machine m;

	if (!host_maps(8 * IOL_GIB))
		return;
	bytes = elf(EM_X86_64, false);
	build_patch(bytes, &(struct build_patch){ BUILD_PHDR64(0, p_paddr), 8, 4 * IOL_GIB });
	build_patch(bytes, &(struct build_patch){ offsetof(Elf64_Ehdr, e_entry), 8, 4 * IOL_GIB });
	machine_init(&m, 8 * IOL_GIB, bytes);
	g_assert_cmpint(load(&m), ==, -EINVAL);
	build_check_error(&m.err, -EINVAL, "kernel: ", "entry 0x100000000 is above 0xc0000000");
	machine_finish(&m);
}

static void test_fixed_low_kernel(void)
{
	GByteArray *bytes = build_bzimage();
	struct machine m;

	build_patch(bytes, &(struct build_patch){ 0x258, 8, 0xe0000 });
	build_patch(bytes, &(struct build_patch){ 0x234, 1, 0 });
	machine_init(&m, IOL_GIB, bytes);
	g_assert_cmpint(load(&m), ==, -EINVAL);
	build_check_error(&m.err, -EINVAL,
			  "kernel: ", "0xe0000 is below 0x100000 and the kernel is");
	machine_finish(&m);
}

/* Slots with virtio-mmio devices reach the ACPI tables, each load anew. */
static void test_virtio_mmio_slots(void)
{
	static const uint32_t slots[] = { 0x402, 0, 1u << 31 };
	struct machine m;

	machine_init(&m, 64 * IOL_MIB, elf(EM_X86_64, false));
	for (unsigned int i = 0; i < G_N_ELEMENTS(slots); i++) {
		uint64_t xsdt, last, tables;
		uint8_t *acpi;

		m.boot.virtio_mmio_slots = slots[i];
		load_ok(&m);
		xsdt = peek(&m, IOL_X86_ACPI + 24, 8);
		tables = (peek(&m, xsdt + 4, 4) - 36) / 8;
		g_assert_cmpuint(tables, ==, slots[i] ? 4 : 3);
		last = peek(&m, xsdt + 36 + 8 * (tables - 1), 8);
		g_assert_cmpuint(peek(&m, last, 4) == 0x54445353, ==, slots[i] != 0);
		acpi = iol_memory_ptr(&m.mem, IOL_X86_ACPI, IOL_X86_ACPI_BYTES);
		acpi = memmem(acpi, IOL_X86_ACPI_BYTES, "\x08VSLT\x0c", 6);
		if (slots[i])
			g_assert_cmphex(le32_load(acpi + 6), ==, slots[i]);
		memset(iol_memory_ptr(&m.mem, 0, IOL_MIB), 0, IOL_MIB);
	}
	machine_finish(&m);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/x86/load/bzimage", test_bzimage);
	g_test_add_func("/x86/load/header-length", test_header_length);
	g_test_add_func("/x86/load/no-pref-address", test_no_pref_address);
	g_test_add_func("/x86/load/kernel-edges", test_kernel_edges);
	g_test_add_func("/x86/load/fixed-low-kernel", test_fixed_low_kernel);
	g_test_add_func("/x86/load/pvh", test_pvh);
	g_test_add_func("/x86/load/pvh-i386", test_pvh_i386);
	g_test_add_func("/x86/load/elf64", test_elf64);
	g_test_add_func("/x86/load/elf64-high", test_elf64_high);
	g_test_add_func("/x86/load/high-entry", test_high_entry);
	g_test_add_func("/x86/load/initrd-places", test_initrd_places);
	g_test_add_func("/x86/load/cmdline", test_cmdline);
	g_test_add_func("/x86/load/again", test_again);
	g_test_add_func("/x86/load/not-kernels", test_not_kernels);
	g_test_add_func("/x86/load/text", test_text);
	g_test_add_func("/x86/load/wrong-elfs", test_wrong_elfs);
	g_test_add_func("/x86/load/virtio-mmio-slots", test_virtio_mmio_slots);
	return g_test_run();
}
