// SPDX-License-Identifier: Apache-2.0
/*
 * Where kernel, tree and initrd of a Power Book E machine go; and the errors for files that are no kernel for it
 * and for what does not fit.
 */
#include "arch/powerpc/ppc.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "host_memory.h"
#include "image_builder.h"

#define KERNEL_END (BUILD_SEG1_GPA + BUILD_SEG1_MEM)
#define ENTRY (BUILD_SEG0_GPA + BUILD_ENTRY_OFFSET)
#define ROOM (2 * IOL_MIB)
#define PHDR32(idx, field) \
	(sizeof(Elf32_Ehdr) + (idx) * sizeof(Elf32_Phdr) + offsetof(Elf32_Phdr, field))
#define EHDR32(field) offsetof(Elf32_Ehdr, field)

struct machine {
	struct iol_layout layout;
	struct iol_memory mem;
	struct iol_boot boot;
	struct iol_entry entry;
	struct iol_placement placement;
	struct iol_error err;
};

static void machine_init(struct machine *m, const char *name, uint64_t bytes, GByteArray *kernel)
{
	const struct iol_layout_request request = {
		.memory_bytes = bytes,
		.cpus = 1,
		.serials = 1,
		.machine = name,
	};

	memset(m, 0, sizeof(*m));
	g_assert_cmpint(iol_ppc_layout(&request, &m->layout, NULL), ==, 0);
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
	return iol_arch_powerpc.load(&m->layout, &m->mem, &m->boot, &m->entry, &m->placement,
				     &m->err);
}

static void load_ok(struct machine *m)
{
	load(m);
	g_assert_cmpstr(m->err.msg, ==, "");
}

static void load_bad(struct machine *m, int code, const char *path, const char *part)
{
	g_assert_cmpint(load(m), ==, code);
	build_check_error(&m->err, code, path, part);
	machine_finish(m);
}

static GByteArray *vmlinux(bool is_64bit)
{
	return build_elf(&(struct build_elf){
		.is_64bit = is_64bit,
		.is_big_endian = true,
		.machine = is_64bit ? EM_PPC64 : EM_PPC,
	});
}

static void patch32(GByteArray *bytes, uint32_t offset, uint32_t value)
{
	be32_store(bytes->data + offset, value);
}

/* A 32-bit kernel with its first segment at @gpa, @mem_bytes large, and the second one away. */
static GByteArray *vmlinux_at(uint32_t gpa, uint32_t mem_bytes)
{
	GByteArray *bytes = vmlinux(false);

	patch32(bytes, PHDR32(1, p_type), PT_NULL);
	patch32(bytes, PHDR32(0, p_paddr), gpa);
	patch32(bytes, PHDR32(0, p_vaddr), 0xc0000000 + gpa);
	patch32(bytes, PHDR32(0, p_memsz), mem_bytes);
	patch32(bytes, EHDR32(e_entry), 0xc0000000 + gpa + 4);
	return bytes;
}

static void check_pattern(const struct machine *m, uint64_t gpa, uint64_t len)
{
	const uint8_t *p = iol_memory_ptr(&m->mem, gpa, len);

	g_assert_nonnull(p);
	for (uint64_t i = 0; i < len; i++)
		g_assert_cmpuint(p[i], ==, build_pattern(i));
}

static void check_placement(const struct machine *m, uint64_t kernel_start, uint64_t kernel_end,
			    uint64_t initrd_start, uint64_t initrd_end)
{
	g_assert_cmphex(m->placement.kernel_start, ==, kernel_start);
	g_assert_cmphex(m->placement.kernel_end, ==, kernel_end);
	g_assert_cmphex(m->placement.initrd_start, ==, initrd_start);
	g_assert_cmphex(m->placement.initrd_end, ==, initrd_end);
	g_assert_false(m->placement.no_tree);
}

/* Places a tree of @bytes bytes and says where it is. */
static uint64_t place_tree(struct machine *m, size_t bytes)
{
	struct iol_fdt_blob tree = { g_malloc(bytes), bytes };

	for (size_t i = 0; i < bytes; i++)
		((uint8_t *)tree.data)[i] = build_pattern(i);
	iol_arch_powerpc.place_tree(&m->layout, &m->mem, &m->placement, &tree, &m->entry, &m->err);
	g_assert_cmpstr(m->err.msg, ==, "");
	check_pattern(m, m->entry.args[IOL_PPC_ENTRY_TREE], bytes);
	g_free(tree.data);
	return m->entry.args[IOL_PPC_ENTRY_TREE];
}

static void test_kernels(void)
{
	static const struct {
		const char *machine;
		bool is_64bit;
	} cases[] = { { "e500v2", false }, { "e500v2-36", false }, { "e500mc", false },
		      { "e5500", false },  { "e5500", true },      { "e6500", true } };
	struct machine m;

	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		machine_init(&m, cases[i].machine, 64 * IOL_MIB, vmlinux(cases[i].is_64bit));
		load_ok(&m);
		g_assert_cmphex(m.entry.pc, ==, ENTRY);
		check_placement(&m, BUILD_SEG0_GPA, KERNEL_END, 0, 0);
		check_pattern(&m, BUILD_SEG0_GPA, BUILD_SEG0_BYTES);
		/* Behind the kernel, at the next 64 KiB. */
		g_assert_cmphex(place_tree(&m, 0x3000), ==, 0x1010000);
		g_assert_cmphex(m.entry.args[IOL_PPC_ENTRY_MAP_END], ==, 0x1013000);
		machine_finish(&m);
	}
}

/* As Linux is linked: e_entry is virtual. */
static void test_virtual_entry(void)
{
	struct machine m;

	machine_init(&m, NULL, 64 * IOL_MIB, vmlinux_at(0, 0x900001));
	load_ok(&m);
	g_assert_cmphex(m.entry.pc, ==, 4);
	check_placement(&m, 0, 0x900001, 0, 0);
	g_assert_cmphex(place_tree(&m, 0x1000), ==, 0x910000);
	machine_finish(&m);
}

static void test_initrd(void)
{
	struct machine m;

	machine_init(&m, "e500mc", 64 * IOL_MIB, vmlinux(false));
	build_open(&m.boot.initrd, build_blob(12345), "initrd");
	load_ok(&m);
	/* Behind the room for the tree, which the tree does not leave. */
	check_placement(&m, BUILD_SEG0_GPA, KERNEL_END, 0x1210000, 0x1210000 + 12345);
	g_assert_cmphex(place_tree(&m, ROOM), ==, 0x1010000);
	check_pattern(&m, 0x1210000, 12345);
	machine_finish(&m);
}

/* Trees are below 64 MiB wherever the kernel is. */
static void test_tree_room(void)
{
	static const struct {
		uint32_t gpa, mem_bytes;
		uint64_t tree, initrd;
	} cases[] = {
		{ 0, 62 * IOL_MIB, 62 * IOL_MIB, 64 * IOL_MIB },
		{ 0x210000, 64 * IOL_MIB, 0x10000, 0x4210000 },
		{ 0x3f00000, IOL_MIB, 0x3d00000, 0x4000000 },
		{ 0x3f01000, 0x1000, 0x3d00000, 0x3f02000 },
		{ 0x8000000, IOL_MIB, 0x3e00000, 0x8100000 },
	};
	struct machine m;

	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		machine_init(&m, NULL, 256 * IOL_MIB, vmlinux_at(cases[i].gpa, cases[i].mem_bytes));
		build_open(&m.boot.initrd, build_blob(4096), "initrd");
		load_ok(&m);
		g_assert_cmphex(m.placement.initrd_start, ==, cases[i].initrd);
		g_assert_cmphex(place_tree(&m, ROOM), ==, cases[i].tree);
		g_assert_cmphex(m.entry.args[IOL_PPC_ENTRY_MAP_END], ==,
				MAX(cases[i].gpa + cases[i].mem_bytes, cases[i].tree + ROOM));
		check_pattern(&m, cases[i].initrd, 4096);
		machine_finish(&m);
	}
}

static void test_no_room(void)
{
	struct iol_fdt_blob large = { g_malloc0(ROOM + 1), ROOM + 1 };
	struct machine m;

	machine_init(&m, NULL, 256 * IOL_MIB, vmlinux_at(0, 62 * IOL_MIB + 1));
	load_bad(&m, -ENOSPC, "kernel", "from 0x0 to 0x3e00001, which leaves no 2 MiB");
	machine_init(&m, NULL, 256 * IOL_MIB, vmlinux_at(0x20ffff, 64 * IOL_MIB));
	load_bad(&m, -ENOSPC, "kernel", "which leaves no 2 MiB");
	if (host_maps(3 * IOL_GIB)) {
		machine_init(&m, NULL, 3 * IOL_GIB, vmlinux_at(0x3ff00000, IOL_MIB + 1));
		load_bad(&m, -ENOSPC, "kernel",
			 "ends at 0x40000001, and processors start with at most");
	}
	machine_init(&m, NULL, 64 * IOL_MIB, vmlinux_at(0x8000000, IOL_MIB));
	load_bad(&m, -ENOSPC, "kernel", "is not all in RAM");

	machine_init(&m, NULL, 64 * IOL_MIB, vmlinux(false));
	load_ok(&m);
	g_assert_cmpint(iol_ppc_place_tree(&m.layout, &m.mem, &m.placement, &large, &m.entry,
					   &m.err),
			==, -ENOSPC);
	g_assert_nonnull(strstr(m.err.msg, "2097153 bytes, there is room for 2097152"));
	machine_finish(&m);
	g_free(large.data);
}

static void test_initrd_does_not_fit(void)
{
	const uint32_t room = 64 * IOL_MIB - 0x1210000;
	struct machine m;

	machine_init(&m, NULL, 64 * IOL_MIB, vmlinux(false));
	build_open(&m.boot.initrd, build_blob(room), "initrd");
	load_ok(&m);
	g_assert_cmphex(m.placement.initrd_end, ==, 64 * IOL_MIB);
	machine_finish(&m);

	machine_init(&m, NULL, 64 * IOL_MIB, vmlinux(false));
	build_open(&m.boot.initrd, build_blob(room + 1), "initrd");
	load_bad(&m, -ENOSPC, "initrd", "below 0x4000000; give the guest more memory");
}

/* 32-bit Linux reaches 768 MiB directly; more memory does not help it. */
static void test_initrd_in_lowmem(void)
{
	struct machine m;

	machine_init(&m, "e500mc", 2 * IOL_GIB, vmlinux_at(0x2ff00000, IOL_MIB));
	build_open(&m.boot.initrd, build_blob(1), "initrd");
	g_assert_cmpint(load(&m), ==, -ENOSPC);
	build_check_error(&m.err, -ENOSPC, "initrd", "only 0 are free");
	g_assert_null(strstr(m.err.msg, "more memory"));
	machine_finish(&m);
}

static void test_cmdline(void)
{
	g_autofree char *fits = g_strnfill(2047, 'x'), *cut = g_strnfill(2048, 'x');
	struct machine m;

	machine_init(&m, NULL, 64 * IOL_MIB, vmlinux(false));
	m.boot.cmdline = fits;
	load_ok(&m);
	m.boot.cmdline = NULL;
	load_ok(&m);
	m.boot.cmdline = cut;
	load_bad(&m, -E2BIG, "kernel", "the command line has 2048 bytes");
}

static GByteArray *text(const char *what)
{
	GByteArray *bytes = g_byte_array_new();

	return g_byte_array_append(bytes, (const guint8 *)what, (guint)strlen(what));
}

static void test_no_kernel(void)
{
	struct machine m;

	machine_init(&m, NULL, 64 * IOL_MIB, vmlinux(true));
	load_bad(&m, -ENOEXEC, "kernel", "64-bit kernel and the machine 'e500v2' has 32 bits");
	machine_init(&m, "e5500", 64 * IOL_MIB,
		     build_elf(&(struct build_elf){ .is_64bit = true, .machine = EM_PPC64 }));
	load_bad(&m, -ENOEXEC, "kernel", "little-endian; Book E kernels are big-endian");
	machine_init(&m, NULL, 64 * IOL_MIB,
		     build_elf(&(struct build_elf){ .is_64bit = true, .machine = EM_AARCH64 }));
	load_bad(&m, -ENOEXEC, "kernel", "this is a kernel for aarch64; this machine is powerpc");
	machine_init(&m, NULL, 64 * IOL_MIB, build_bzimage());
	load_bad(&m, -ENOEXEC, "kernel", "x86 bzImage; this machine is powerpc");
	machine_init(&m, NULL, 64 * IOL_MIB, text("\x27\x05\x19\x56 a uImage"));
	load_bad(&m, -EINVAL, "kernel", "a uImage header has 64 bytes, the file has 13");
	machine_init(&m, NULL, 64 * IOL_MIB, text("hello"));
	load_bad(&m, -ENOEXEC, "kernel", "this is text; give an ELF file (vmlinux) or a uImage");
}

static void test_bad_entry(void)
{
	GByteArray *bytes = vmlinux_at(0, 0x1000);
	struct machine m;

	/* In the part of the segment that is not in the file. */
	patch32(bytes, EHDR32(e_entry), 0xc0000000 + BUILD_SEG0_BYTES);
	machine_init(&m, NULL, 64 * IOL_MIB, bytes);
	load_bad(&m, -EINVAL, "kernel", "e_entry 0xc0000200 is in no loadable segment");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ppc/load/kernels", test_kernels);
	g_test_add_func("/ppc/load/virtual-entry", test_virtual_entry);
	g_test_add_func("/ppc/load/initrd", test_initrd);
	g_test_add_func("/ppc/load/tree-room", test_tree_room);
	g_test_add_func("/ppc/load/no-room", test_no_room);
	g_test_add_func("/ppc/load/initrd-does-not-fit", test_initrd_does_not_fit);
	g_test_add_func("/ppc/load/initrd-in-lowmem", test_initrd_in_lowmem);
	g_test_add_func("/ppc/load/cmdline", test_cmdline);
	g_test_add_func("/ppc/load/no-kernel", test_no_kernel);
	g_test_add_func("/ppc/load/bad-entry", test_bad_entry);
	return g_test_run();
}
