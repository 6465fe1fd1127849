// SPDX-License-Identifier: Apache-2.0
/*
 * What an arm64 kernel finds in memory when it is entered (booting.rst), at every edge of the places there are; and
 * the errors for what does not fit. Files that are no kernel are test_arm64_image.c's.
 */
#include "arch/aarch64/arm64.h"

#include <errno.h>
#include <string.h>

#include "host_memory.h"
#include "image_builder.h"

#define BASE UINT64_C(0x40000000)
#define TREE_BYTES (2 * IOL_MIB)

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
	const struct iol_layout_request request = {
		.memory_bytes = bytes,
		.cpus = 4,
		.serials = 1,
		.facts = { .gic_version = 3, .ipa_bits = 40 },
	};

	memset(m, 0, sizeof(*m));
	g_assert_cmpint(iol_arm64_layout(&request, &m->layout, NULL), ==, 0);
	g_assert_cmpint(iol_memory_init(&m->mem, m->layout.ram, m->layout.ram_count, NULL), ==, 0);
	build_open(&m->boot.kernel, kernel, "kernel");
	m->boot.initrd.fd = -1;
	m->boot.cmdline = "console=ttyS0";
	memset(&m->entry, 0xa5, sizeof(m->entry));
	memset(&m->placement, 0xa5, sizeof(m->placement));
}

static void machine_finish(struct machine *m)
{
	iol_image_close(&m->boot.kernel);
	iol_image_close(&m->boot.initrd);
	iol_memory_finish(&m->mem);
}

static int load(struct machine *m)
{
	return iol_arch_aarch64.load(&m->layout, &m->mem, &m->boot, &m->entry, &m->placement,
				     &m->err);
}

static void load_ok(struct machine *m)
{
	load(m);
	g_assert_cmpstr(m->err.msg, ==, "");
}

static void load_fails(struct machine *m, int code, const char *path, const char *part)
{
	g_assert_cmpint(load(m), ==, code);
	build_check_error(&m->err, code, path, part);
}

/* An Image that says where it goes and what it takes. */
static GByteArray *image_of(uint64_t text_offset, uint64_t mem_bytes)
{
	GByteArray *bytes = build_arm64_image();

	build_patch(bytes, &(struct build_patch){ 8, 8, text_offset });
	build_patch(bytes, &(struct build_patch){ 16, 8, mem_bytes });
	return bytes;
}

static void check_pattern(const struct machine *m, uint64_t gpa, uint64_t len)
{
	const uint8_t *p = iol_memory_ptr(&m->mem, gpa, len);

	g_assert_nonnull(p);
	for (uint64_t i = 0; i < len; i++)
		g_assert_cmpuint(p[i], ==, build_pattern(i));
}

static void check_kernel(const struct machine *m, uint64_t gpa)
{
	g_assert_cmpmem(iol_memory_ptr(&m->mem, gpa + 0x38, 4), 4, "ARM\x64", 4);
	check_pattern(m, gpa + BUILD_ARM64_PATTERN, BUILD_ARM64_BYTES - BUILD_ARM64_PATTERN);
	g_assert_cmphex(m->entry.pc, ==, gpa);
	g_assert_cmpuint(m->entry.mode, ==, 0);
	for (unsigned int i = 0; i < IOL_ENTRY_ARGS_MAX; i++)
		g_assert_cmphex(m->entry.args[i], ==, 0);
	g_assert_cmphex(m->placement.kernel_start, ==, gpa);
	g_assert_false(m->placement.no_tree);
}

static bool is_apart(uint64_t a_start, uint64_t a_end, uint64_t b_start, uint64_t b_end)
{
	return a_end <= b_start || b_end <= a_start;
}

/* What booting.rst asks of any placement. */
static void check_rules(const struct machine *m)
{
	const struct iol_placement *p = &m->placement;
	uint64_t end = BASE + m->layout.ram[0].size_bytes;
	uint64_t tree = iol_arm64_tree_gpa(&m->layout);

	g_assert_cmphex(p->kernel_start, >=, BASE);
	g_assert_cmphex(p->kernel_end, <=, end);
	g_assert_cmphex(tree % TREE_BYTES, ==, 0);
	g_assert_cmphex(tree, >=, BASE);
	g_assert_cmphex(tree + TREE_BYTES, <=, end);
	g_assert_cmphex(tree + TREE_BYTES, <=, BASE + 512 * IOL_MIB);
	g_assert_true(is_apart(tree, tree + TREE_BYTES, p->kernel_start, p->kernel_end));
	if (m->boot.initrd.fd < 0) {
		g_assert_cmphex(p->initrd_start, ==, p->initrd_end);
		return;
	}
	g_assert_cmphex(p->initrd_end - p->initrd_start, ==, m->boot.initrd.size_bytes);
	g_assert_cmphex(p->initrd_start % (64 * IOL_KIB), ==, 0);
	g_assert_cmphex(p->initrd_start, >=, BASE);
	g_assert_cmphex(p->initrd_end, <=, end);
	g_assert_cmphex(p->initrd_end, <=, BASE + 32 * IOL_GIB);
	g_assert_true(is_apart(tree, tree + TREE_BYTES, p->initrd_start, p->initrd_end));
	g_assert_true(is_apart(p->kernel_start, p->kernel_end, p->initrd_start, p->initrd_end));
}

/* The kernel is text_offset from RAM's start, however it is packed. */
static void test_kernel(void)
{
	static const uint64_t text_offsets[] = { 0, 0x80000, 0x1ff000, 4 * IOL_MIB };

	for (unsigned int i = 0; i < 3 * G_N_ELEMENTS(text_offsets); i++) {
		GByteArray *bytes = image_of(text_offsets[i / 3], BUILD_ARM64_MEM);
		struct machine m;

		if (i % 3)
			bytes = build_gzip(bytes);
		if (i % 3 == 2)
			bytes = build_zboot(bytes, "gzip");
		machine_init(&m, 64 * IOL_MIB, bytes);
		load_ok(&m);
		check_kernel(&m, BASE + text_offsets[i / 3]);
		g_assert_cmphex(m.placement.kernel_end, ==,
				m.placement.kernel_start + BUILD_ARM64_MEM);
		check_rules(&m);
		machine_finish(&m);
	}
}

/* Before 3.17: 0x80000, and the file is all that is known. */
static void test_old_kernel(void)
{
	for (unsigned int packed = 0; packed <= 1; packed++) {
		GByteArray *bytes = image_of(0x800000000, 0);
		struct machine m;

		machine_init(&m, 64 * IOL_MIB, packed ? build_gzip(bytes) : bytes);
		load_ok(&m);
		check_kernel(&m, BASE + 0x80000);
		g_assert_cmphex(m.placement.kernel_end, ==, BASE + 0x80000 + BUILD_ARM64_BYTES);
		check_rules(&m);
		machine_finish(&m);
	}
}

/* Up to the tree to the byte, and no more. */
static void test_kernel_edges(void)
{
	/* clang-format off */
	static const struct {
		uint64_t memory, text_offset, mem_bytes;
		const char *message; /* NULL: it fits */
	} cases[] = {
		{ 16 * IOL_MIB, 0, 14 * IOL_MIB, NULL },
		{ 16 * IOL_MIB, 0, 14 * IOL_MIB + 1,
		  "the kernel needs 0xe00001 bytes at 0x40000000, 0xe00000 are free there; give the" },
		{ 16 * IOL_MIB, 0x80000, 14 * IOL_MIB - 0x80000, NULL },
		{ 16 * IOL_MIB, 0x80000, 14 * IOL_MIB - 0x80000 + 1, "at 0x40080000, 0xd80000 are" },
		{ 16 * IOL_MIB, 14 * IOL_MIB, BUILD_ARM64_MEM,
		  "text_offset 0xe00000 is beyond the 0xe00000 bytes that are free" },
		{ 16 * IOL_MIB, 0xfffffffffff00000, BUILD_ARM64_MEM,
		  "text_offset 0xfffffffffff00000 is beyond" },
		{ 16 * IOL_MIB, 14 * IOL_MIB - 4, BUILD_ARM64_MEM, "at 0x40dffffc, 0x4 are free" },
		{ 16 * IOL_MIB + 64 * IOL_KIB, 0, 14 * IOL_MIB, NULL },
		{ 18 * IOL_MIB - 64 * IOL_KIB, 0, 14 * IOL_MIB + 1, "0xe00000 are free" },
		{ 18 * IOL_MIB, 0, 16 * IOL_MIB, NULL },
		{ 512 * IOL_MIB, 0, 510 * IOL_MIB, NULL },
		{ 64 * IOL_GIB, 0, 510 * IOL_MIB, NULL },
		{ 64 * IOL_GIB, 0, 510 * IOL_MIB + 1, "0x1fe00000 are free" },
		{ 64 * IOL_GIB, 4, UINT64_MAX - 4, "needs 0xfffffffffffffffb bytes" },
	};
	/* clang-format on */

	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct machine m;

		if (!host_maps(cases[i].memory))
			continue;
		machine_init(&m, cases[i].memory,
			     image_of(cases[i].text_offset, cases[i].mem_bytes));
		if (cases[i].message) {
			load_fails(&m, -ENOSPC, "kernel: ", cases[i].message);
		} else {
			load_ok(&m);
			check_kernel(&m, BASE + cases[i].text_offset);
			check_rules(&m);
		}
		machine_finish(&m);
	}
}

static void test_tree_places(void)
{
	/* clang-format off */
	static const struct {
		uint64_t memory, gpa;
	} cases[] = {
		{ 16 * IOL_MIB, BASE + 14 * IOL_MIB },
		{ 16 * IOL_MIB + 64 * IOL_KIB, BASE + 14 * IOL_MIB },
		{ 18 * IOL_MIB - 64 * IOL_KIB, BASE + 14 * IOL_MIB },
		{ 18 * IOL_MIB, BASE + 16 * IOL_MIB },
		{ 512 * IOL_MIB - 64 * IOL_KIB, BASE + 508 * IOL_MIB },
		{ 512 * IOL_MIB, BASE + 510 * IOL_MIB },
		{ 512 * IOL_MIB + 64 * IOL_KIB, BASE + 510 * IOL_MIB },
		{ 64 * IOL_GIB, BASE + 510 * IOL_MIB },
	};
	/* clang-format on */

	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct machine m;

		if (!host_maps(cases[i].memory))
			continue;
		machine_init(&m, cases[i].memory, build_arm64_image());
		g_assert_cmphex(iol_arm64_tree_gpa(&m.layout), ==, cases[i].gpa);
		load_ok(&m);
		check_rules(&m);
		machine_finish(&m);
	}
}

/* The tree goes to its place whole, x0 says where, and nothing else changes. */
static void test_tree(void)
{
	g_autofree uint8_t *bytes = g_malloc(TREE_BYTES + 1);
	struct iol_fdt_blob tree = { bytes, TREE_BYTES };
	struct machine m;
	uint64_t gpa;

	for (uint64_t i = 0; i <= TREE_BYTES; i++)
		bytes[i] = build_pattern(i);
	machine_init(&m, 16 * IOL_MIB, image_of(0, 8 * IOL_MIB));
	build_open(&m.boot.initrd, build_blob(6 * IOL_MIB), "initrd");
	load_ok(&m);
	gpa = iol_arm64_tree_gpa(&m.layout);
	g_assert_cmphex(m.placement.initrd_end, ==, gpa);
	iol_arch_aarch64.place_tree(&m.layout, &m.mem, &m.placement, &tree, &m.entry, &m.err);
	g_assert_cmpstr(m.err.msg, ==, "");
	check_pattern(&m, gpa, TREE_BYTES);
	check_pattern(&m, m.placement.initrd_start, 6 * IOL_MIB);
	g_assert_cmphex(m.entry.args[0], ==, gpa);
	g_assert_cmphex(m.entry.pc, ==, BASE);
	m.entry.args[0] = 0;
	check_kernel(&m, BASE);

	tree.bytes++;
	g_assert_cmpint(iol_arch_aarch64.place_tree(&m.layout, &m.mem, &m.placement, &tree,
						    &m.entry, &m.err),
			==, -ENOSPC);
	build_check_error(&m.err, -ENOSPC, "the device tree has 2097153 bytes",
			  "reads at most 2097152; make it smaller");
	g_assert_cmphex(m.entry.args[0], ==, 0);
	machine_finish(&m);
}

static void test_initrd_places(void)
{
	/* clang-format off */
	static const struct {
		const char *name;
		uint64_t memory, mem_bytes;
		uint32_t bytes;
		uint64_t start; /* from RAM's start; 0: does not fit */
		const char *message;
	} cases[] = {
		{ "below the tree", 64 * IOL_MIB, BUILD_ARM64_MEM, 0x10000, 0x3df0000, NULL },
		{ "rounded down", 64 * IOL_MIB, BUILD_ARM64_MEM, 1, 0x3df0000, NULL },
		{ "two pages", 64 * IOL_MIB, BUILD_ARM64_MEM, 0x10001, 0x3de0000, NULL },
		{ "no higher in much memory", 8 * IOL_GIB, BUILD_ARM64_MEM, 1, 0x1fdf0000, NULL },
		{ "all that is free", 16 * IOL_MIB, 8 * IOL_MIB, 6 * IOL_MIB, 8 * IOL_MIB, NULL },
		{ "a byte too many", 16 * IOL_MIB, 8 * IOL_MIB, 6 * IOL_MIB + 1, 0,
		  "the initrd has 6291457 bytes, only 6291456 are free beside kernel and device tree" },
		{ "no page with the kernel", 16 * IOL_MIB, 8 * IOL_MIB + 1, 6 * IOL_MIB - 0xffff, 0,
		  "only 6225920 are free" },
		{ "but the next", 16 * IOL_MIB, 8 * IOL_MIB + 1, 6 * IOL_MIB - 0x10000,
		  8 * IOL_MIB + 0x10000, NULL },
		{ "no room at all", 16 * IOL_MIB, 14 * IOL_MIB, 1, 0, "only 0 are free" },
		{ "behind the tree", 512 * IOL_MIB + 4 * IOL_MIB, 509 * IOL_MIB, 4 * IOL_MIB,
		  512 * IOL_MIB, NULL },
		{ "behind the tree, a byte too many", 512 * IOL_MIB + 4 * IOL_MIB, 509 * IOL_MIB,
		  4 * IOL_MIB + 1, 0, "only 4194304 are free" },
		{ "behind a tree with little behind it", 18 * IOL_MIB - 0x10000, 14 * IOL_MIB,
		  2 * IOL_MIB - 0x10000, 16 * IOL_MIB, NULL },
	};
	/* clang-format on */

	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct machine m;

		if (!host_maps(cases[i].memory))
			continue;
		g_test_message("%s", cases[i].name);
		machine_init(&m, cases[i].memory, image_of(0, cases[i].mem_bytes));
		build_open(&m.boot.initrd, build_blob(cases[i].bytes), "initrd");
		if (cases[i].message) {
			load_fails(&m, -ENOSPC, "initrd: ", cases[i].message);
		} else {
			load_ok(&m);
			check_rules(&m);
			g_assert_cmphex(m.placement.initrd_start, ==, BASE + cases[i].start);
			check_pattern(&m, m.placement.initrd_start, cases[i].bytes);
			check_kernel(&m, BASE);
		}
		machine_finish(&m);
	}
}

/* 32 GiB from the kernel's GiB on: said by size alone, nothing so large is written. */
static void test_initrd_window(void)
{
	const uint64_t room = 32 * IOL_GIB - 512 * IOL_MIB;

	for (unsigned int fits = 0; fits <= 1; fits++) {
		struct machine m;

		if (!host_maps(64 * IOL_GIB))
			return;
		machine_init(&m, 64 * IOL_GIB, build_arm64_image());
		build_open(&m.boot.initrd, build_blob(1), "initrd");
		m.boot.initrd.size_bytes = room + !fits;
		/* What fits is then not in the file. */
		load_fails(&m, fits ? -EIO : -ENOSPC,
			   "initrd: ", fits ? "became shorter" : "only 33822867456 are free");
		machine_finish(&m);
	}
}

static void test_cmdline(void)
{
	g_autofree char *longest = g_strnfill(2047, 'a');
	g_autofree char *too_long = g_strnfill(2048, 'a');
	struct machine m;

	machine_init(&m, 64 * IOL_MIB, build_arm64_image());
	m.boot.cmdline = too_long;
	load_fails(&m, -E2BIG,
		   "kernel: ", "the command line has 2048 bytes, arm64 kernels take at most 2047");
	m.err = (struct iol_error){ 0 };
	m.boot.cmdline = longest;
	load_ok(&m);
	m.boot.cmdline = NULL;
	load_ok(&m);
	machine_finish(&m);
}

/* A reset loads the same again. */
static void test_again(void)
{
	g_autofree uint8_t *first = NULL;
	struct machine m;

	machine_init(&m, 16 * IOL_MIB, build_gzip(build_arm64_image()));
	build_open(&m.boot.initrd, build_blob(100000), "initrd");
	load_ok(&m);
	first = g_memdup2(m.mem.regions[0].hva, 16 * IOL_MIB);
	memset(m.mem.regions[0].hva, 0xa5, 16 * IOL_MIB);
	g_assert_cmpint(iol_memory_clear(&m.mem, NULL), ==, 0);
	load_ok(&m);
	g_assert_cmpint(memcmp(first, m.mem.regions[0].hva, 16 * IOL_MIB), ==, 0);
	machine_finish(&m);
}

static void test_bad_kernel(void)
{
	struct machine m;

	machine_init(&m, 16 * IOL_MIB, build_bzimage());
	load_fails(&m, -ENOEXEC,
		   "kernel: not a kernel: ", "this is an x86 bzImage; this machine is aarch64");
	g_assert_cmphex(m.placement.kernel_end, ==, 0);
	machine_finish(&m);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/arm64-load/kernel", test_kernel);
	g_test_add_func("/arm64-load/old-kernel", test_old_kernel);
	g_test_add_func("/arm64-load/kernel-edges", test_kernel_edges);
	g_test_add_func("/arm64-load/tree-places", test_tree_places);
	g_test_add_func("/arm64-load/tree", test_tree);
	g_test_add_func("/arm64-load/initrd-places", test_initrd_places);
	g_test_add_func("/arm64-load/initrd-window", test_initrd_window);
	g_test_add_func("/arm64-load/cmdline", test_cmdline);
	g_test_add_func("/arm64-load/again", test_again);
	g_test_add_func("/arm64-load/bad-kernel", test_bad_kernel);
	return g_test_run();
}
