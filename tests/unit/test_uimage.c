// SPDX-License-Identifier: Apache-2.0
/*
 * U-Boot's images as kernel and initrd of a Power Book E machine, and raw kernels: what is read of good files, where
 * they go, and the verdict on bad ones.
 */
#include <iolite/uimage.h>

#include <elf.h>
#include <errno.h>
#include <string.h>

#include <iolite/gzip.h>

#include "arch/powerpc/ppc.h"
#include "image_builder.h"

#define LOAD 0x400000u
#define BYTES 0x5000u
#define UNTOLD (24 * IOL_MIB)
#define ROOM (2 * IOL_MIB)

struct machine {
	struct iol_layout layout;
	struct iol_memory mem;
	struct iol_boot boot;
	struct iol_entry entry;
	struct iol_placement placement;
	struct iol_error err;
};

static void machine_init(struct machine *m, uint64_t bytes, GByteArray *kernel, GByteArray *initrd)
{
	const struct iol_layout_request request = { .memory_bytes = bytes,
						    .cpus = 1,
						    .serials = 1 };

	memset(m, 0, sizeof(*m));
	g_assert_cmpint(iol_ppc_layout(&request, &m->layout, NULL), ==, 0);
	g_assert_cmpint(iol_memory_init(&m->mem, m->layout.ram, m->layout.ram_count, NULL), ==, 0);
	build_open(&m->boot.kernel, kernel, "kernel");
	m->boot.initrd.fd = -1;
	if (initrd)
		build_open(&m->boot.initrd, initrd, "initrd");
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

static void check_pattern(const struct machine *m, uint64_t gpa, uint64_t len)
{
	const uint8_t *p = iol_memory_ptr(&m->mem, gpa, len + 1);

	g_assert_nonnull(p);
	for (uint64_t i = 0; i < len; i++)
		g_assert_cmpuint(p[i], ==, build_pattern(i));
	g_assert_cmpuint(p[len], ==, 0);
}

static uint64_t place_tree(struct machine *m)
{
	struct iol_fdt_blob tree = { g_malloc0(ROOM), ROOM };

	iol_arch_powerpc.place_tree(&m->layout, &m->mem, &m->placement, &tree, &m->entry, &m->err);
	g_assert_cmpstr(m->err.msg, ==, "");
	g_free(tree.data);
	return m->entry.args[IOL_PPC_ENTRY_TREE];
}

static GByteArray *uimage(uint32_t load, uint32_t entry, uint32_t bytes, bool gzip)
{
	return build_uimage(build_blob(bytes), &(struct build_uimage){ .load = load,
								       .entry = entry,
								       .gzip = gzip,
								       .name = "Linux-6.1.0" });
}

/* --- good files --- */

static void test_parse(void)
{
	static const struct iol_uimage_wanted wanted = { "powerpc", IOL_UIMAGE_ARCH_PPC,
							 IOL_UIMAGE_KERNEL };
	static const char *const names[][2] = {
		{ NULL, "" },
		{ "Linux-6.1.0", "Linux-6.1.0" },
		{ "12345678901234567890123456789012", "12345678901234567890123456789012" },
		{ "a\033[2J\nb\xff", "a?[2J?b?" },
	};

	for (unsigned int i = 0; i < G_N_ELEMENTS(names); i++) {
		struct iol_uimage uimage;
		struct iol_image image;

		build_open(&image,
			   build_uimage(build_blob(BYTES),
					&(struct build_uimage){ .load = LOAD,
								.entry = LOAD + 16,
								.name = names[i][0] }),
			   "kernel");
		g_assert_true(iol_uimage_probe(&image));
		g_assert_cmpint(iol_uimage_parse(&image, &wanted, &uimage, NULL), ==, 0);
		g_assert_false(uimage.packed);
		g_assert_cmphex(uimage.load, ==, LOAD);
		g_assert_cmphex(uimage.entry, ==, LOAD + 16);
		g_assert_cmphex(uimage.payload_bytes, ==, BYTES);
		g_assert_cmpstr(uimage.name, ==, names[i][1]);
		iol_image_close(&image);
	}
}

static void test_kernels(void)
{
	static const struct {
		uint32_t load, entry, bytes;
		uint64_t end, tree, initrd;
	} cases[] = {
		/* As Linux makes it. */
		{ 0, 0, BYTES, BYTES + UNTOLD, 0x1810000, 0x1a10000 },
		{ LOAD, LOAD + 4, BYTES, LOAD + BYTES + UNTOLD, 0x1c10000, 0x1e10000 },
		{ LOAD, LOAD + BYTES - 4, BYTES, LOAD + BYTES + UNTOLD, 0x1c10000, 0x1e10000 },
		/* With less behind it, for the sake of the tree. */
		{ 40 << 20, 40 << 20, BYTES, 62 << 20, 62 << 20, 64 << 20 },
		{ (62 << 20) - BYTES, (62 << 20) - BYTES, BYTES, 62 << 20, 62 << 20, 64 << 20 },
		/* The tree in front of it. */
		{ 0x3c00000, 0x3c00000, 3 << 20, 0x3f00000 + UNTOLD, 0x3a00000,
		  0x3f00000 + UNTOLD },
		{ 70 << 20, 70 << 20, BYTES, (94 << 20) + BYTES, 62 << 20, (94 << 20) + BYTES },
	};
	struct machine m;

	for (unsigned int i = 0; i < 2 * G_N_ELEMENTS(cases); i++) {
		unsigned int c = i / 2;

		machine_init(&m, 128 * IOL_MIB,
			     uimage(cases[c].load, cases[c].entry, cases[c].bytes, i % 2),
			     build_blob(4097));
		load_ok(&m);
		g_assert_cmphex(m.entry.pc, ==, cases[c].entry);
		g_assert_cmphex(m.placement.kernel_start, ==, cases[c].load);
		g_assert_cmphex(m.placement.kernel_end, ==, cases[c].end);
		g_assert_cmphex(m.placement.initrd_start, ==, cases[c].initrd);
		check_pattern(&m, cases[c].load, cases[c].bytes);
		check_pattern(&m, cases[c].initrd, 4097);
		g_assert_cmphex(place_tree(&m), ==, cases[c].tree);
		g_assert_cmphex(m.entry.args[IOL_PPC_ENTRY_MAP_END], ==,
				MAX(cases[c].end, cases[c].tree + ROOM));
		machine_finish(&m);
	}
}

/* Memory ends behind the kernel, to the byte, and a second load is the same. */
static void test_fits(void)
{
	struct machine m;

	for (unsigned int packed = 0; packed < 2; packed++) {
		machine_init(&m, 128 * IOL_MIB, uimage(0x7ff0000, 0x7ff0000, 0x10000, packed),
			     NULL);
		for (unsigned int i = 0; i < 2; i++) {
			load_ok(&m);
			g_assert_cmphex(m.placement.kernel_end, ==, 128 * IOL_MIB);
			g_assert_cmphex(*(uint8_t *)iol_memory_ptr(&m.mem, 0x7ffffff, 1), ==,
					build_pattern(0xffff));
			g_assert_cmpint(iol_memory_clear(&m.mem, NULL), ==, 0);
		}
		machine_finish(&m);
		machine_init(&m, 128 * IOL_MIB, uimage(0x7ff0000, 0x7ff0000, 0x10001, packed),
			     NULL);
		load_bad(&m, -ENOSPC, "kernel",
			 packed ? "more than the 0x10000 bytes that are free for it from 0x7ff0000"
				: "0x10001 bytes at 0x7ff0000 (ih_load) are not all below "
				  "0x8000000");
	}
	/* No processor starts with more than 1 GiB mapped. */
	machine_init(&m, 2 * IOL_GIB, uimage(0x3fff0000, 0x3fff0000, 0x10000, false), NULL);
	load_ok(&m);
	g_assert_cmphex(m.placement.kernel_end, ==, IOL_GIB);
	machine_finish(&m);
	machine_init(&m, 2 * IOL_GIB, uimage(0x3fff0000, 0x3fff0000, 0x10001, false), NULL);
	load_bad(&m, -ENOSPC, "kernel", "are not all below 0x40000000");
	machine_init(&m, 128 * IOL_MIB, uimage(0, 0, (62 << 20) + 1, false), NULL);
	load_bad(&m, -ENOSPC, "kernel", "which leaves no 2 MiB for the device tree");
}

/* A thousandfold in memory, and more than there is. */
static void test_bomb(void)
{
	GByteArray *zeros = g_byte_array_new();
	struct machine m;

	g_byte_array_set_size(zeros, 70 << 20);
	memset(zeros->data, 0, zeros->len);
	machine_init(&m, 64 * IOL_MIB, build_uimage(zeros, &(struct build_uimage){ .gzip = true }),
		     NULL);
	g_assert_cmpuint(m.boot.kernel.size_bytes, <, 1 << 20);
	load_bad(&m, -ENOSPC, "kernel", "unpacked: the kernel has more than the 0x4000000 bytes");
}

static GByteArray *ramdisk(uint32_t bytes)
{
	return build_uimage(build_blob(bytes), &(struct build_uimage){ .type = 3 });
}

static void test_initrd(void)
{
	static const uint32_t sizes[] = { 1, 12345 };
	struct machine m;
	GByteArray *bytes;

	for (unsigned int i = 0; i < G_N_ELEMENTS(sizes); i++) {
		machine_init(&m, 64 * IOL_MIB, uimage(0, 0, BYTES, true), ramdisk(sizes[i]));
		load_ok(&m);
		g_assert_cmphex(m.placement.initrd_end - m.placement.initrd_start, ==, sizes[i]);
		check_pattern(&m, m.placement.initrd_start, sizes[i]);
		machine_finish(&m);
	}
	/* It is the kernel that unpacks it, whatever the header says. */
	bytes = ramdisk(100);
	bytes->data[BUILD_UIMAGE_COMP] = 3;
	build_uimage_seal(bytes);
	machine_init(&m, 64 * IOL_MIB, uimage(0, 0, BYTES, true), bytes);
	load_ok(&m);
	check_pattern(&m, m.placement.initrd_start, 100);
	machine_finish(&m);
	/* What begins otherwise is not looked into. */
	bytes = ramdisk(100);
	bytes->data[0]++;
	machine_init(&m, 64 * IOL_MIB, uimage(0, 0, BYTES, true), bytes);
	load_ok(&m);
	g_assert_cmphex(m.placement.initrd_end - m.placement.initrd_start, ==, 164);
	machine_finish(&m);

	bytes = ramdisk(100);
	bytes->data[163] ^= 1;
	machine_init(&m, 64 * IOL_MIB, uimage(0, 0, BYTES, true), bytes);
	load_bad(&m, -EINVAL, "initrd", "damaged: the CRC of the image's data (ih_dcrc) is 0x");
	bytes = ramdisk(100);
	bytes->data[20] ^= 1;
	machine_init(&m, 64 * IOL_MIB, uimage(0, 0, BYTES, true), bytes);
	load_bad(&m, -EINVAL, "initrd", "damaged: the uImage header's CRC is 0x");
	machine_init(&m, 64 * IOL_MIB, uimage(0, 0, BYTES, true), uimage(0, 0, BYTES, true));
	load_bad(&m, -ENOEXEC, "initrd",
		 "ih_type is 2 (kernel), a uImage of a RAM disk (3) is needed");
	machine_init(&m, 64 * IOL_MIB, uimage(0, 0, BYTES, true), ramdisk(40 << 20));
	load_bad(&m, -ENOSPC, "initrd", "the initrd has 41943040 bytes, only");
}

static void test_packed_elf(void)
{
	struct machine m;

	machine_init(&m, 64 * IOL_MIB,
		     build_gzip(build_elf(
			     &(struct build_elf){ .is_big_endian = true, .machine = EM_PPC })),
		     NULL);
	for (unsigned int i = 0; i < 2; i++) {
		load_ok(&m);
		g_assert_cmphex(m.entry.pc, ==, BUILD_SEG0_GPA + BUILD_ENTRY_OFFSET);
		g_assert_cmphex(m.placement.kernel_end, ==, BUILD_SEG1_GPA + BUILD_SEG1_MEM);
		check_pattern(&m, BUILD_SEG0_GPA, BUILD_SEG0_BYTES);
		g_assert_cmpint(iol_memory_clear(&m.mem, NULL), ==, 0);
	}
	machine_finish(&m);
	machine_init(&m, 64 * IOL_MIB,
		     build_gzip(build_elf(
			     &(struct build_elf){ .is_64bit = true, .machine = EM_X86_64 })),
		     NULL);
	load_bad(&m, -ENOEXEC, "kernel", "this is a kernel for x86_64; this machine is powerpc");
	machine_init(&m, 64 * IOL_MIB, build_gzip(build_blob(1000)), NULL);
	load_bad(&m, -ENOEXEC, "kernel", "neither an ELF file (vmlinux) nor a uImage");
	machine_init(&m, 64 * IOL_MIB, build_gzip(g_byte_array_new()), NULL);
	load_bad(&m, -EINVAL, "kernel", "unpacked: there is nothing in it");
}

/* No file makes more memory ours than its reader allows. */
static void test_unpack_limit(void)
{
	static const uint32_t sizes[] = { 1, 0xffff, 0x10000, 0x10001, 0x40000 };

	for (unsigned int i = 0; i < G_N_ELEMENTS(sizes); i++) {
		struct iol_image image, unpacked;
		struct iol_error err = { 0 };
		uint8_t last;

		build_open(&image, build_gzip(build_blob(sizes[i])), "packed");
		if (sizes[i] > 0x10000) {
			g_assert_cmpint(iol_gzip_unpack(&image, 0x10000, &unpacked, &err), ==,
					-E2BIG);
			build_check_error(&err, -E2BIG, "packed",
					  "unpacked: more than 64K; unpack it first (gzip -d)");
			g_assert_cmpint(unpacked.fd, ==, -1);
		} else {
			g_assert_cmpint(iol_gzip_unpack(&image, 0x10000, &unpacked, &err), ==, 0);
			g_assert_cmpuint(unpacked.size_bytes, ==, sizes[i]);
			g_assert_cmpint(iol_image_read(&unpacked, sizes[i] - 1, &last, 1, NULL), ==,
					0);
			g_assert_cmpuint(last, ==, build_pattern(sizes[i] - 1));
			iol_image_close(&unpacked);
		}
		iol_image_close(&image);
	}
}

static void machine_init_raw(struct machine *m, uint64_t memory, uint64_t gpa, uint32_t bytes)
{
	machine_init(m, memory, build_blob(bytes), NULL);
	m->boot.kernel_is_raw = true;
	m->boot.kernel_gpa = gpa;
}

static void test_raw(void)
{
	static const struct {
		uint64_t gpa;
		uint32_t bytes;
		uint64_t end, tree;
	} cases[] = {
		{ 0, 1, UNTOLD + 1, 0x1810000 },
		{ 0x1000004, 4, 0x1000008 + UNTOLD, 0x2810000 },
		{ 0x8000000 - 4, 4, 0x8000000, 62 << 20 },
	};
	struct machine m;

	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		machine_init_raw(&m, 128 * IOL_MIB, cases[i].gpa, cases[i].bytes);
		load_ok(&m);
		g_assert_cmphex(m.entry.pc, ==, cases[i].gpa);
		g_assert_cmphex(m.placement.kernel_end, ==, cases[i].end);
		g_assert_cmphex(*(uint8_t *)iol_memory_ptr(&m.mem, cases[i].gpa, 1), ==,
				build_pattern(0));
		g_assert_cmphex(place_tree(&m), ==, cases[i].tree);
		machine_finish(&m);
	}
	/* Even what is of a known kind. */
	machine_init(&m, 64 * IOL_MIB, uimage(0x1000, 0x1000, 16, false), NULL);
	m.boot.kernel_is_raw = true;
	m.boot.kernel_gpa = 0x2000;
	load_ok(&m);
	g_assert_cmphex(be32_load(iol_memory_ptr(&m.mem, 0x2000, 4)), ==, 0x27051956);
	machine_finish(&m);

	machine_init_raw(&m, 64 * IOL_MIB, 0x4000000 - 4, 5);
	load_bad(&m, -ENOSPC, "kernel",
		 "0x5 bytes at 0x3fffffc (--kernel-address) are not all below 0x4000000; give a "
		 "lower address, or the guest more memory");
	machine_init_raw(&m, 64 * IOL_MIB, 0xfffffffffffffffc, 5);
	load_bad(&m, -ENOSPC, "kernel", "at 0xfffffffffffffffc (--kernel-address) are not all");
	machine_init_raw(&m, 2 * IOL_GIB, 0x40000000, 4);
	load_bad(&m, -ENOSPC, "kernel", "are not all below 0x40000000");
}

/* --- bad ones --- */

enum seal { BOTH, HEADER, NONE };

struct change {
	uint8_t offset, width; /* width 0: none */
	uint32_t value; /* big-endian */
};

static const struct bad {
	const char *name;
	bool gzip;
	enum seal seal;
	int32_t longer; /* bytes at the end; negative: off it */
	struct change changes[2];
	int code;
	const char *message;
} bad_images[] = {
#define F(field) BUILD_UIMAGE_##field
	/* clang-format off */
	/* the file's length */
	{ "magic alone", false, NONE, -(64 + 0x5000) + 4, {}, -EINVAL, "truncated: a uImage header has 64 bytes, the file has 4" },
	{ "header cut by a byte", false, NONE, -0x5001, {}, -EINVAL, "truncated: a uImage header has 64 bytes, the file has 63" },
	{ "header alone", false, NONE, -0x5000, {}, -EINVAL, "truncated: ih_size is 0x5000, 0x0 bytes follow the header" },
	{ "cut by a byte", false, BOTH, -1, {}, -EINVAL, "truncated: ih_size is 0x5000, 0x4fff bytes follow" },
	{ "cut in the middle", true, BOTH, -0x50, {}, -EINVAL, "truncated: ih_size is 0x" },
	{ "a byte more", false, BOTH, 1, {}, -EINVAL, "0x1 bytes follow the image's 0x5000 (ih_size); cut them off (truncate -s 20544)" },
	{ "a page more", true, BOTH, 4096, {}, -EINVAL, "0x1000 bytes follow the image's" },
	{ "size 0", false, HEADER, 0, { { F(SIZE), 4, 0 } }, -EINVAL, "ih_size is 0: there is nothing in it" },
	{ "size 1", false, BOTH, 0, { { F(SIZE), 4, 1 } }, -EINVAL, "0x4fff bytes follow the image's 0x1" },
	{ "size one less", false, BOTH, 0, { { F(SIZE), 4, 0x4fff } }, -EINVAL, "0x1 bytes follow the image's 0x4fff" },
	{ "size one more", false, BOTH, 0, { { F(SIZE), 4, 0x5001 } }, -EINVAL, "ih_size is 0x5001, 0x5000 bytes follow" },
	{ "size of 4 GiB", false, BOTH, 0, { { F(SIZE), 4, 0xffffffff } }, -EINVAL, "ih_size is 0xffffffff, 0x5000 bytes follow" },
	{ "size that wraps with the header", false, BOTH, 0, { { F(SIZE), 4, 0xffffffc0 } }, -EINVAL, "ih_size is 0xffffffc0" },
	/* CRCs */
	{ "header CRC 0", false, NONE, 0, { { F(HCRC), 4, 0 } }, -EINVAL, "damaged: the uImage header's CRC is 0x00000000, its bytes give 0x" },
	{ "header CRC of ones", false, NONE, 0, { { F(HCRC), 4, 0xffffffff } }, -EINVAL, "header's CRC is 0xffffffff" },
	{ "data CRC 0", false, HEADER, 0, { { F(DCRC), 4, 0 } }, -EINVAL, "damaged: the CRC of the image's data (ih_dcrc) is 0x00000000, its bytes give 0x" },
	{ "data CRC of ones", true, HEADER, 0, { { F(DCRC), 4, 0xffffffff } }, -EINVAL, "(ih_dcrc) is 0xffffffff" },
	{ "first byte of data", false, HEADER, 0, { { F(DATA), 1, 0xee } }, -EINVAL, "damaged: the CRC of the image's data" },
	/* other kinds */
	{ "OS 0", false, HEADER, 0, { { F(OS), 1, 0 } }, -ENOEXEC, "ih_os is 0 (none), a uImage of Linux (5) is needed" },
	{ "OS NetBSD", false, HEADER, 0, { { F(OS), 1, 2 } }, -ENOEXEC, "ih_os is 2 (NetBSD)" },
	{ "OS U-Boot", false, HEADER, 0, { { F(OS), 1, 17 } }, -ENOEXEC, "ih_os is 17 (U-Boot)" },
	{ "OS unknown", false, HEADER, 0, { { F(OS), 1, 255 } }, -ENOEXEC, "ih_os is 255 (unknown)" },
	{ "arch 0", false, HEADER, 0, { { F(ARCH), 1, 0 } }, -ENOEXEC, "this is a uImage for unknown (ih_arch 0); this machine is powerpc (7)" },
	{ "arch arm", false, HEADER, 0, { { F(ARCH), 1, 2 } }, -ENOEXEC, "this is a uImage for arm (ih_arch 2)" },
	{ "arch mips", false, HEADER, 0, { { F(ARCH), 1, 5 } }, -ENOEXEC, "this is a uImage for mips (ih_arch 5)" },
	{ "arch arm64", false, HEADER, 0, { { F(ARCH), 1, 22 } }, -ENOEXEC, "this is a uImage for arm64 (ih_arch 22)" },
	{ "arch of ones", false, HEADER, 0, { { F(ARCH), 1, 255 } }, -ENOEXEC, "(ih_arch 255)" },
	{ "type 0", false, HEADER, 0, { { F(TYPE), 1, 0 } }, -ENOEXEC, "ih_type is 0 (unknown), a uImage of a kernel (2) is needed here" },
	{ "type standalone", false, HEADER, 0, { { F(TYPE), 1, 1 } }, -ENOEXEC, "ih_type is 1 (standalone program)" },
	{ "type RAM disk", false, HEADER, 0, { { F(TYPE), 1, 3 } }, -ENOEXEC, "ih_type is 3 (RAM disk), a uImage of a kernel" },
	{ "type multi", false, HEADER, 0, { { F(TYPE), 1, 4 } }, -ENOEXEC, "has several files in it; take them out (dumpimage -p 0 -o FILE), and give the kernel with -k" },
	{ "type firmware", false, HEADER, 0, { { F(TYPE), 1, 5 } }, -ENOEXEC, "ih_type is 5 (firmware)" },
	{ "type script", false, HEADER, 0, { { F(TYPE), 1, 6 } }, -ENOEXEC, "ih_type is 6 (script)" },
	{ "type tree", false, HEADER, 0, { { F(TYPE), 1, 8 } }, -ENOEXEC, "ih_type is 8 (device tree)" },
	{ "type in place", false, HEADER, 0, { { F(TYPE), 1, 14 } }, -ENOEXEC, "ih_type is 14 (kernel that runs where it is)" },
	{ "type of ones", false, HEADER, 0, { { F(TYPE), 1, 255 } }, -ENOEXEC, "ih_type is 255 (unknown)" },
	{ "packed with bzip2", false, HEADER, 0, { { F(COMP), 1, 2 } }, -ENOEXEC, "packed with bzip2 (ih_comp 2); only gzip is read: make the uImage with mkimage -C gzip" },
	{ "packed with lzma", false, HEADER, 0, { { F(COMP), 1, 3 } }, -ENOEXEC, "packed with lzma (ih_comp 3)" },
	{ "packed with lzo", false, HEADER, 0, { { F(COMP), 1, 4 } }, -ENOEXEC, "packed with lzo (ih_comp 4)" },
	{ "packed with lz4", false, HEADER, 0, { { F(COMP), 1, 5 } }, -ENOEXEC, "packed with lz4 (ih_comp 5)" },
	{ "packed with zstd", false, HEADER, 0, { { F(COMP), 1, 6 } }, -ENOEXEC, "packed with zstd (ih_comp 6)" },
	{ "packed with something", false, HEADER, 0, { { F(COMP), 1, 255 } }, -ENOEXEC, "packed with unknown (ih_comp 255)" },
	/* gzip's own */
	{ "not packed, and said to be", false, HEADER, 0, { { F(COMP), 1, 1 } }, -EINVAL, "the gzip data are damaged" },
	{ "packed twice over", true, BOTH, 0, { { F(DATA), 2, 0x8b1f } }, -EINVAL, "the gzip data are damaged" },
	{ "gzip method", true, BOTH, 0, { { F(DATA) + 2, 1, 7 } }, -EINVAL, "the gzip data are damaged: unknown compression method" },
	{ "gzip flags", true, BOTH, 0, { { F(DATA) + 3, 1, 0xe0 } }, -EINVAL, "the gzip data are damaged: unknown header flags set" },
	{ "gzip cut", true, BOTH, -1, { { F(SIZE), 0, 0 } }, -EINVAL, "truncated: ih_size" },
	/* addresses */
	{ "load beyond the memory", false, HEADER, 0, { { F(LOAD), 4, 0x4000000 }, { F(ENTRY), 4, 0x4000000 } }, -ENOSPC, "0x5000 bytes at 0x4000000 (ih_load) are not all below 0x4000000; give the guest more memory" },
	{ "load at the end of the memory", false, HEADER, 0, { { F(LOAD), 4, 0x3ffc000 }, { F(ENTRY), 4, 0x3ffc000 } }, -ENOSPC, "0x5000 bytes at 0x3ffc000 (ih_load)" },
	{ "packed, load at the end", true, HEADER, 0, { { F(LOAD), 4, 0x3ffc000 }, { F(ENTRY), 4, 0x3ffc000 } }, -ENOSPC, "unpacked: the kernel has more than the 0x4000 bytes that are free for it from 0x3ffc000 (ih_load)" },
	{ "packed, load at the last byte", true, HEADER, 0, { { F(LOAD), 4, 0x3ffffff } }, -ENOSPC, "more than the 0x1 bytes that are free" },
	{ "load virtual", true, HEADER, 0, { { F(LOAD), 4, 0xc0000000 }, { F(ENTRY), 4, 0xc0000000 } }, -ENOSPC, "at 0xc0000000 (ih_load) are not all below 0x4000000" },
	{ "load of ones", false, HEADER, 0, { { F(LOAD), 4, 0xffffffff } }, -ENOSPC, "at 0xffffffff (ih_load)" },
	{ "entry 0", false, HEADER, 0, { { F(ENTRY), 4, 0 } }, -EINVAL, "ih_ep 0x0 is not in the kernel, which is from 0x400000 (ih_load) to 0x405000" },
	{ "entry in front", false, HEADER, 0, { { F(ENTRY), 4, 0x3ffffc } }, -EINVAL, "ih_ep 0x3ffffc is not in the kernel" },
	{ "entry behind", false, HEADER, 0, { { F(ENTRY), 4, 0x405000 } }, -EINVAL, "ih_ep 0x405000 is not in the kernel" },
	{ "entry behind what is packed", true, HEADER, 0, { { F(ENTRY), 4, 0x405000 } }, -EINVAL, "to 0x405000; make the uImage with another -e" },
	{ "entry virtual", false, HEADER, 0, { { F(ENTRY), 4, 0xc0000000 } }, -EINVAL, "ih_ep 0xc0000000 is not in the kernel" },
	{ "entry odd", false, HEADER, 0, { { F(ENTRY), 4, 0x400002 } }, -EINVAL, "ih_ep is 0x400002, not a multiple of an instruction's 4 bytes" },
	/* no uImage any more */
	{ "magic", false, HEADER, 0, { { 0, 4, 0x27051957 } }, -ENOEXEC, "not a kernel: neither an ELF file (vmlinux) nor a uImage" },
	{ "magic of the other end", false, HEADER, 0, { { 0, 4, 0x56190527 } }, -ENOEXEC, "not a kernel: neither an ELF file" },
	{ "a FIT image", false, HEADER, 0, { { 0, 4, 0xd00dfeed } }, -ENOEXEC, "this is a device tree or a FIT image; take the kernel out of a FIT image (dumpimage -T flat_dt -p 0 -o FILE)" },
	/* clang-format on */
};

static void change(GByteArray *bytes, const struct change *c)
{
	for (unsigned int i = 0; i < c->width; i++)
		bytes->data[c->offset + i] = (uint8_t)(c->value >> 8 * (c->width - 1 - i));
}

static void test_bad(gconstpointer data)
{
	const struct bad *bad = data;
	GByteArray *bytes = uimage(LOAD, LOAD, BYTES, bad->gzip);
	guint len = (guint)((int32_t)bytes->len + bad->longer);
	struct machine m;

	for (unsigned int i = 0; i < G_N_ELEMENTS(bad->changes); i++)
		change(bytes, &bad->changes[i]);
	if (len > bytes->len) {
		g_autofree guint8 *zeros = g_malloc0(len - bytes->len);

		g_byte_array_append(bytes, zeros, len - bytes->len);
	} else {
		g_byte_array_set_size(bytes, len);
	}
	if (bad->seal == BOTH)
		build_uimage_seal(bytes);
	else if (bad->seal == HEADER)
		build_uimage_seal_header(bytes);
	machine_init(&m, 64 * IOL_MIB, bytes, NULL);
	load_bad(&m, bad->code, "kernel: ", bad->message);
}

/* The gzip data end too early, though the header says that this is all. */
static void test_gzip_cut(void)
{
	GByteArray *bytes = uimage(LOAD, LOAD, BYTES, true);
	struct machine m;

	g_byte_array_set_size(bytes, bytes->len - 9);
	be32_store(bytes->data + BUILD_UIMAGE_SIZE, bytes->len - BUILD_UIMAGE_DATA);
	build_uimage_seal(bytes);
	machine_init(&m, 64 * IOL_MIB, bytes, NULL);
	load_bad(&m, -EINVAL, "kernel", "the gzip data are cut short");
	bytes = build_uimage(g_byte_array_new(), &(struct build_uimage){ .gzip = true });
	machine_init(&m, 64 * IOL_MIB, bytes, NULL);
	load_bad(&m, -EINVAL, "kernel", "unpacked: there is nothing in it");
}

/*
 * A header with one byte changed is refused for its CRC; with that made right it is as good as its parts, of which
 * the time and the name may be anything.
 */
static void test_every_byte(void)
{
	static const uint8_t values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };
	unsigned int refused = 0, loaded = 0;
	struct machine m;

	machine_init(&m, 64 * IOL_MIB, uimage(LOAD, LOAD, 256, false), NULL);
	for (unsigned int i = 0; i < 64 * G_N_ELEMENTS(values) * 2; i++) {
		unsigned int offset = i / 2 / G_N_ELEMENTS(values);
		GByteArray *bytes = uimage(LOAD, LOAD, 256, false);
		uint8_t value = values[i / 2 % G_N_ELEMENTS(values)];
		bool same = bytes->data[offset] == value;
		int rc;

		bytes->data[offset] = value;
		if (i % 2 && (offset < 4 || offset >= 8))
			build_uimage_seal_header(bytes);
		iol_image_close(&m.boot.kernel);
		build_open(&m.boot.kernel, bytes, "fuzz");
		m.err = (struct iol_error){ 0 };
		rc = load(&m);
		g_assert_cmpint(iol_memory_clear(&m.mem, NULL), ==, 0);
		if (rc)
			build_check_error(&m.err, rc, "fuzz: ", "");
		if (i % 2 == 0 || offset < 8 || (offset >= 24 && offset < 31))
			g_assert_cmpint(!rc, ==, same);
		if ((offset >= 8 && offset < 12) || offset >= BUILD_UIMAGE_NAME)
			g_assert_cmpint(rc, ==, i % 2 || same ? 0 : -EINVAL);
		refused += rc != 0;
		loaded += rc == 0;
	}
	g_test_message("%u refused, %u loaded", refused, loaded);
	g_assert_cmpuint(refused, >, 300);
	machine_finish(&m);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/uimage/parse", test_parse);
	g_test_add_func("/uimage/kernels", test_kernels);
	g_test_add_func("/uimage/fits", test_fits);
	g_test_add_func("/uimage/bomb", test_bomb);
	g_test_add_func("/uimage/initrd", test_initrd);
	g_test_add_func("/uimage/packed-elf", test_packed_elf);
	g_test_add_func("/uimage/unpack-limit", test_unpack_limit);
	g_test_add_func("/uimage/raw", test_raw);
	g_test_add_func("/uimage/gzip-cut", test_gzip_cut);
	g_test_add_func("/uimage/every-byte", test_every_byte);
	for (unsigned int i = 0; i < G_N_ELEMENTS(bad_images); i++) {
		g_autofree char *path = g_strdup_printf("/uimage/bad/%s", bad_images[i].name);

		g_test_add_data_func(path, &bad_images[i], test_bad);
	}
	return g_test_run();
}
