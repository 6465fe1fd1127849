// SPDX-License-Identifier: Apache-2.0
/* The arm64 Image and what it is packed in: what is read of good files, and the verdict on bad ones. */
#include <iolite/arm64_image.h>

#include <elf.h>
#include <errno.h>
#include <string.h>

#include <iolite/gzip.h>

#include "image_builder.h"

#define GPA UINT64_C(0x40000000)

enum packing { PLAIN, GZIP, ZBOOT, ZBOOT_ZSTD };

/* Packs @bytes, which it takes. */
static GByteArray *pack(GByteArray *bytes, enum packing packing)
{
	if (packing != PLAIN)
		bytes = build_gzip(bytes);
	if (packing == ZBOOT)
		bytes = build_zboot(bytes, "gzip");
	if (packing == ZBOOT_ZSTD)
		bytes = build_zboot(bytes, "zstd22");
	return bytes;
}

/* A mistake in the Image, or in the file around it. */
struct bad {
	enum packing packing;
	bool outside; /* spoil the file; else the Image, before it is packed */
	struct build_bad what;
};

#define IMAGE(packing, ...)         \
	{                           \
		packing, false,     \
		{                   \
			__VA_ARGS__ \
		}                   \
	}
#define AROUND(packing, ...)        \
	{                           \
		packing, true,      \
		{                   \
			__VA_ARGS__ \
		}                   \
	}

/* clang-format off */
static const struct bad bad_images[] = {
	/* no such kernel */
	IMAGE(PLAIN, "magic", 0, { { 0x38, 4, 0x644d5240 } }, -ENOEXEC,
	  "not a kernel: this is an EFI or DOS program"),
	IMAGE(PLAIN, "zeros", 0, { { 0, 8, 0 }, { 0x38, 4, 0 }, { 0x3c, 4, 0 } }, -ENOEXEC,
	  "neither an arm64 Image (vmlinuz) nor a gzip file or EFI zboot image with one"),
	IMAGE(PLAIN, "one byte", 1, { { 0, 1, 0 } }, -ENOEXEC, "neither an arm64 Image"),
	IMAGE(PLAIN, "header cut by a byte", 0x3f, { { 0, 4, 0 } }, -ENOEXEC,
	  "neither an arm64 Image"),
	IMAGE(PLAIN, "riscv Image", 0, { { 0x38, 4, 0x05435352 } }, -ENOEXEC,
	  "this is a riscv Image; this machine is aarch64"),
	IMAGE(PLAIN, "bzImage", 0, { { 0x38, 4, 0 }, { 0x202, 4, 0x53726448 } }, -ENOEXEC,
	  "this is an x86 bzImage; this machine is aarch64"),
	IMAGE(PLAIN, "uImage", 0, { { 0x38, 4, 0 }, { 0, 4, 0x56190527 } }, -ENOEXEC,
	  "U-Boot uImage"),
	IMAGE(PLAIN, "device tree", 0, { { 0x38, 4, 0 }, { 0, 4, 0xedfe0dd0 } }, -ENOEXEC,
	  "device tree or a FIT image"),
	IMAGE(PLAIN, "zstd", 0, { { 0x38, 4, 0 }, { 0, 4, 0xfd2fb528 } }, -ENOEXEC,
	  "this is a zstd file; unpack it first (zstd -d)"),
	IMAGE(PLAIN, "vmlinux", 0,
	  { { 0x38, 4, 0 }, { 0, 4, 0x464c457f }, { 4, 2, 0x0102 }, { 18, 2, EM_AARCH64 } }, -ENOEXEC,
	  "this is an ELF file (vmlinux); give an arm64 Image"),
	IMAGE(PLAIN, "vmlinux of x86_64", 0,
	  { { 0x38, 4, 0 }, { 0, 4, 0x464c457f }, { 4, 2, 0x0102 }, { 18, 2, EM_X86_64 } }, -ENOEXEC,
	  "this is a kernel for x86_64; this machine is aarch64"),
	IMAGE(PLAIN, "vmlinux of ppc, big-endian", 0,
	  { { 0x38, 4, 0 }, { 0, 4, 0x464c457f }, { 4, 2, 0x0201 }, { 18, 2, EM_PPC << 8 } }, -ENOEXEC,
	  "this is a kernel for powerpc; this machine is aarch64"),
	IMAGE(GZIP, "bzImage in gzip", 0, { { 0x38, 4, 0 }, { 0x202, 4, 0x53726448 } }, -ENOEXEC,
	  "unpacked: not a kernel: this is an x86 bzImage"),
	IMAGE(GZIP, "little in gzip", 0x3f, { { 0, 4, 0 } }, -ENOEXEC,
	  "unpacked: not a kernel: neither"),
	IMAGE(ZBOOT, "no Image in zboot", 0, { { 0x38, 4, 0 }, { 0, 4, 0 } }, -ENOEXEC,
	  "unpacked: not a kernel: neither"),

	/* header */
	IMAGE(PLAIN, "big-endian", 0, { { 0x18, 8, 0x0b } }, -ENOEXEC, "flags 0xb say big-endian"),
	IMAGE(GZIP, "big-endian in gzip", 0, { { 0x18, 8, 0x0b } }, -ENOEXEC,
	  "flags 0xb say big-endian"),
	IMAGE(PLAIN, "image_size 1", 0, { { 0x10, 8, 1 } }, -EINVAL, "image_size is 0x1, less than"),
	IMAGE(PLAIN, "image_size below the header", 0, { { 0x10, 8, 63 } }, -EINVAL, "0x3f, less than"),
	IMAGE(PLAIN, "image_size below the file", 0, { { 0x10, 8, BUILD_ARM64_BYTES - 1 } }, -EINVAL,
	  "the file has 0x3000 bytes, more than the kernel takes in memory (image_size 0x2fff)"),
	IMAGE(PLAIN, "text_offset odd", 0, { { 0x08, 8, 0x80002 } }, -EINVAL,
	  "text_offset is 0x80002, not a multiple"),
	IMAGE(PLAIN, "sum wraps", 0, { { 0x08, 8, UINT64_MAX - 3 } }, -EINVAL,
	  "text_offset 0xfffffffffffffffc + image_size 0x40000 is beyond the end"),
	IMAGE(PLAIN, "image_size max", 0, { { 0x10, 8, UINT64_MAX }, { 0x08, 8, 4 } }, -EINVAL,
	  "image_size 0xffffffffffffffff is beyond the end"),
	IMAGE(GZIP, "sum wraps in gzip", 0, { { 0x08, 8, UINT64_MAX - 3 } }, -EINVAL,
	  "beyond the end of the address space"),
	IMAGE(PLAIN, "cut short", BUILD_ARM64_BYTES - 1, { { 0 } }, -EINVAL,
	  "truncated: a section of the kernel ends at 0x3000, the file has 0x2fff bytes"),
	IMAGE(PLAIN, "first section beyond", 0, { { BUILD_ARM64_SECTIONS + 16, 4, 0xffffffff } },
	  -EINVAL, "a section of the kernel ends at 0x100000fff"),

	/* gzip */
	AROUND(GZIP, "cut in its header", 9, { { 0 } }, -EINVAL, "cut short"),
	AROUND(GZIP, "cut in the data", 400, { { 0 } }, -EINVAL, "cut short"),
	AROUND(GZIP, "method", 0, { { 2, 1, 7 } }, -EINVAL, "damaged: unknown compression method"),
	AROUND(GZIP, "flags", 0, { { 3, 1, 0xe0 } }, -EINVAL, "damaged: unknown header flags set"),
	AROUND(GZIP, "block type", 0, { { 10, 1, 0xff } }, -EINVAL, "damaged: invalid block type"),

	/* zboot */
	IMAGE(ZBOOT_ZSTD, "method zstd22", 0, { { 0 } }, -ENOEXEC,
	  "EFI zboot image packed with 'zstd22', only gzip is read"),
	AROUND(ZBOOT, "no method", 0, { { 24, 4, 0 } }, -ENOEXEC, "packed with ''"),
	AROUND(ZBOOT, "method without an end", 0,
	  { { 24, 8, 0x6161616161616161 }, { 32, 8, 0x6161616161616161 },
	    { 40, 8, 0x6161616161616161 }, { 48, 8, 0x6161616161616161 } }, -ENOEXEC,
	  "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', only"),
	AROUND(ZBOOT, "payload in the header", 0, { { 8, 4, 0x37 } }, -EINVAL,
	  "its payload, 0x"),
	AROUND(ZBOOT, "payload at the end", 0, { { 8, 4, 0x7fffffff } }, -EINVAL,
	  "bytes at 0x7fffffff, is not inside the file"),
	AROUND(ZBOOT, "payload too long", 0, { { 12, 4, 0xffffffff } }, -EINVAL,
	  "0xffffffff bytes at 0x1000, is not inside the file"),
	AROUND(ZBOOT, "file cut short", 0x1100, { { 0 } }, -EINVAL,
	  "is not inside the file of 0x1100 bytes (truncated?)"),
	AROUND(ZBOOT, "payload empty", 0, { { 12, 4, 0 } }, -EINVAL, "cut short"),
	AROUND(ZBOOT, "payload is no gzip", 0, { { 0x1000, 2, 0 } }, -EINVAL,
	  "damaged: incorrect header check"),
};
/* clang-format on */

static void test_bad(gconstpointer data)
{
	const struct bad *bad = data;
	GByteArray *bytes = build_arm64_image();
	struct iol_arm64_image arm;
	struct iol_image image;
	struct iol_error err = { 0 };

	if (!bad->outside)
		build_spoil(bytes, &bad->what);
	bytes = pack(bytes, bad->packing);
	if (bad->outside)
		build_spoil(bytes, &bad->what);
	build_open(&image, bytes, "bad");
	g_assert_cmpint(iol_arm64_image_parse(&image, &arm, &err), ==, bad->what.code);
	build_check_error(&err, bad->what.code, "bad: ", bad->what.message);
	iol_image_close(&image);
}

static void init_memory(struct iol_memory *mem, uint64_t size_bytes)
{
	const struct iol_memory_region region = { .gpa = GPA, .size_bytes = size_bytes };

	g_assert_cmpint(iol_memory_init(mem, &region, 1, NULL), ==, 0);
}

static void test_good(void)
{
	static const enum packing packings[] = { PLAIN, GZIP, ZBOOT };
	GByteArray *plain = build_arm64_image();

	for (unsigned int i = 0; i < G_N_ELEMENTS(packings); i++) {
		struct iol_arm64_image arm;
		struct iol_image image;
		struct iol_memory mem;
		struct iol_error err = { 0 };
		uint64_t bytes;

		init_memory(&mem, BUILD_ARM64_MEM);
		build_open(&image, pack(build_arm64_image(), packings[i]), "good");
		iol_arm64_image_parse(&image, &arm, &err);
		g_assert_cmpstr(err.msg, ==, "");
		g_assert_cmpint(arm.packed, ==, packings[i] != PLAIN);
		g_assert_cmphex(arm.text_offset, ==, 0);
		g_assert_cmphex(arm.mem_bytes, ==, BUILD_ARM64_MEM);
		g_assert_cmpuint(arm.page_kib, ==, 4);
		g_assert_cmphex(arm.payload_offset, ==,
				packings[i] == ZBOOT ? BUILD_ZBOOT_PAYLOAD : 0);
		iol_arm64_image_load(&arm, &image, &mem, GPA, BUILD_ARM64_MEM, &bytes, &err);
		g_assert_cmpstr(err.msg, ==, "");
		g_assert_cmphex(bytes, ==, BUILD_ARM64_BYTES);
		g_assert_cmpmem(mem.regions[0].hva, plain->len, plain->data, plain->len);
		g_assert_cmpint(mem.regions[0].hva[BUILD_ARM64_BYTES], ==, 0);
		iol_image_close(&image);
		iol_memory_finish(&mem);
	}
	g_byte_array_unref(plain);
}

/* Headers that are unusual but right, and what is read of them. */
static void test_accepted(void)
{
	/* clang-format off */
	static const struct {
		struct build_bad what;
		uint64_t text_offset, mem_bytes;
		unsigned int page_kib;
	} cases[] = {
		{ { "pages unsaid", 0, { { 0x18, 8, 0x08 } }, 0, NULL }, 0, BUILD_ARM64_MEM, 0 },
		{ { "16 KiB pages", 0, { { 0x18, 8, 0x0c } }, 0, NULL }, 0, BUILD_ARM64_MEM, 16 },
		{ { "64 KiB pages", 0, { { 0x18, 8, 0x0e } }, 0, NULL }, 0, BUILD_ARM64_MEM, 64 },
		{ { "flags to come", 0, { { 0x18, 8, 0xfffffffffffffff2 } }, 0, NULL },
		  0, BUILD_ARM64_MEM, 4 },
		{ { "near RAM's base", 0, { { 0x18, 8, 2 }, { 8, 8, 0x80000 } }, 0, NULL },
		  0x80000, BUILD_ARM64_MEM, 4 },
		{ { "before 3.17", 0, { { 0x10, 8, 0 }, { 8, 8, 0x800000000 }, { 0x18, 8, 0 } }, 0, NULL },
		  0x80000, 0, 0 },
		{ { "image_size exact", 0, { { 0x10, 8, BUILD_ARM64_BYTES } }, 0, NULL },
		  0, BUILD_ARM64_BYTES, 4 },
		{ { "image_size huge", 0, { { 0x10, 8, UINT64_MAX } }, 0, NULL }, 0, UINT64_MAX, 4 },
		{ { "header alone", 0x40, { { 0x3c, 4, 0 } }, 0, NULL }, 0, BUILD_ARM64_MEM, 4 },
		{ { "no EFI program", 0x2000, { { 0x3c, 4, 0 } }, 0, NULL }, 0, BUILD_ARM64_MEM, 4 },
		{ { "PE far away", 0, { { 0x3c, 4, 0xffffffff } }, 0, NULL }, 0, BUILD_ARM64_MEM, 4 },
		{ { "PE at the end of the head", 0, { { 0x3c, 4, 1023 } }, 0, NULL },
		  0, BUILD_ARM64_MEM, 4 },
		{ { "PE of another kind", 0x2000, { { BUILD_ARM64_PE, 4, 0x4551 } }, 0, NULL },
		  0, BUILD_ARM64_MEM, 4 },
		{ { "many sections", 0, { { BUILD_ARM64_PE + 6, 2, 0xffff },
		  { BUILD_ARM64_PATTERN, 8, 0 } }, 0, NULL }, 0, BUILD_ARM64_MEM, 4 },
		{ { "sections far away", 0x2000, { { BUILD_ARM64_PE + 20, 2, 0xffff } }, 0, NULL },
		  0, BUILD_ARM64_MEM, 4 },
		{ { "no sections", 0x2000, { { BUILD_ARM64_PE + 6, 2, 0 } }, 0, NULL },
		  0, BUILD_ARM64_MEM, 4 },
	};
	/* clang-format on */

	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		GByteArray *bytes = build_arm64_image();
		struct iol_arm64_image arm;
		struct iol_image image;
		struct iol_error err = { 0 };

		/* What lies behind the two sections is none that ends beyond the file. */
		memset(bytes->data + BUILD_ARM64_PATTERN, 0, 0x400 - BUILD_ARM64_PATTERN);
		build_spoil(bytes, &cases[i].what);
		build_open(&image, bytes, cases[i].what.name);
		iol_arm64_image_parse(&image, &arm, &err);
		g_assert_cmpstr(err.msg, ==, "");
		g_assert_cmphex(arm.text_offset, ==, cases[i].text_offset);
		g_assert_cmphex(arm.mem_bytes, ==, cases[i].mem_bytes);
		g_assert_cmpuint(arm.page_kib, ==, cases[i].page_kib);
		iol_image_close(&image);
	}
}

/* Loads what parse() took; the memory around [gpa, gpa + room) must stay as it is. */
static int load(GByteArray *bytes, uint64_t room, struct iol_error *err)
{
	enum { RAM_BYTES = 0x100000, FILL = 0xa5 };
	struct iol_arm64_image arm;
	struct iol_image image;
	struct iol_memory mem;
	uint64_t got, start = GPA + 0x10000;
	int ret;

	g_assert_cmphex(room, <=, RAM_BYTES - 0x20000);
	init_memory(&mem, RAM_BYTES);
	memset(mem.regions[0].hva, FILL, RAM_BYTES);
	build_open(&image, bytes, "kernel");
	g_assert_cmpint(iol_arm64_image_parse(&image, &arm, NULL), ==, 0);
	ret = iol_arm64_image_load(&arm, &image, &mem, start, room, &got, err);
	g_assert_cmphex(got, <=, room);
	for (uint64_t i = 0; i < RAM_BYTES; i++)
		if (i < 0x10000 || i >= 0x10000 + room)
			g_assert_cmphex(mem.regions[0].hva[i], ==, FILL);
	iol_image_close(&image);
	iol_memory_finish(&mem);
	return ret;
}

/* A kernel gets exactly the room it asks for. */
static void test_room(void)
{
	for (enum packing packing = PLAIN; packing <= ZBOOT; packing++) {
		struct iol_error err = { 0 };

		g_assert_cmpint(load(pack(build_arm64_image(), packing), BUILD_ARM64_MEM, &err), ==,
				0);
		g_assert_cmpint(load(pack(build_arm64_image(), packing), BUILD_ARM64_MEM - 1, &err),
				==, -ENOSPC);
		build_check_error(
			&err, -ENOSPC, "kernel: ",
			"needs 0x40000 bytes at 0x40010000, 0x3ffff are free there; give");
	}
}

/* An old one has as much as its file, which is seen only while it is unpacked. */
static void test_room_unknown(void)
{
	for (enum packing packing = PLAIN; packing <= ZBOOT; packing++) {
		for (unsigned int fits = 0; fits <= 1; fits++) {
			GByteArray *bytes = build_arm64_image();
			struct iol_error err = { 0 };

			build_patch(bytes, &(struct build_patch){ 0x10, 8, 0 });
			g_assert_cmpint(load(pack(bytes, packing), BUILD_ARM64_BYTES - 1 + fits,
					     &err),
					==, fits ? 0 : -ENOSPC);
			if (!fits)
				build_check_error(&err, -ENOSPC,
						  "kernel: ", "give the guest more memory");
		}
	}
}

/* What unpacks to more than the header says, a little or a lot, is refused and writes no further. */
static void test_bomb(void)
{
	static const guint lengths[] = { BUILD_ARM64_MEM + 1, 64 * 1024 * 1024 };

	for (unsigned int i = 0; i < 2 * G_N_ELEMENTS(lengths); i++) {
		GByteArray *bytes = build_arm64_image();
		struct iol_error err = { 0 };

		g_byte_array_set_size(bytes, lengths[i / 2]);
		memset(bytes->data + BUILD_ARM64_BYTES, 0, bytes->len - BUILD_ARM64_BYTES);
		g_assert_cmpint(load(pack(bytes, i % 2 ? ZBOOT : GZIP), 2 * BUILD_ARM64_MEM, &err),
				==, -EINVAL);
		build_check_error(&err, -EINVAL, "kernel: ",
				  "unpacked: more than the 0x40000 bytes that the kernel takes");
	}
}

/* Whole files as packed, with something wrong that only the end shows. */
static void test_gzip_end(void)
{
	/* clang-format off */
	static const struct {
		const char *name;
		guint cut; /* from the end */
		const char *behind;
		guint flip; /* a bit of the byte so far from the end; 0: none */
		const char *message;
	} cases[] = {
		{ "no length", 4, "", 0, "the gzip data are cut short" },
		{ "a byte short", 1, "", 0, "the gzip data are cut short" },
		{ "no CRC", 8, "", 0, "the gzip data are cut short" },
		{ "CRC", 0, "", 8, "damaged: incorrect data check" },
		{ "length", 0, "", 1, "damaged: incorrect length check" },
		{ "data", 0, "", 100, "the gzip data are " },
		{ "a byte behind", 0, "x", 0, "0x1 bytes follow the gzip data" },
		{ "another member", 0, "\x1f\x8b\x08", 0, "0x3 bytes follow the gzip data" },
		{ "appended device tree", 0, "\xd0\x0d\xfe\xed", 0, "0x4 bytes follow" },
	};
	/* clang-format on */

	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		GByteArray *bytes = build_gzip(build_arm64_image());
		struct iol_error err = { 0 };

		g_test_message("%s", cases[i].name);
		if (cases[i].flip)
			bytes->data[bytes->len - cases[i].flip] ^= 1;
		g_byte_array_set_size(bytes, bytes->len - cases[i].cut);
		g_byte_array_append(bytes, (const guint8 *)cases[i].behind,
				    (guint)strlen(cases[i].behind));
		g_assert_cmpint(load(bytes, BUILD_ARM64_MEM, &err), ==, -EINVAL);
		build_check_error(&err, -EINVAL, "kernel: ", cases[i].message);
	}
}

/* Fields of a gzip header that are seldom used: extra field, name, comment, header CRC. */
static void test_gzip_header(void)
{
	static const uint8_t header[] = { 0x1f, 0x8b, 8, 0x1c, 0,   0, 0,   0,   0, 3,
					  2,    0,    1, 2,    'n', 0, 'c', 'o', 0 };
	GByteArray *plain = build_gzip(build_arm64_image()), *bytes = g_byte_array_new();
	struct iol_error err = { 0 };

	g_byte_array_append(bytes, header, sizeof(header));
	g_byte_array_append(bytes, plain->data + 10, plain->len - 10);
	g_byte_array_unref(plain);
	load(bytes, BUILD_ARM64_MEM, &err);
	g_assert_cmpstr(err.msg, ==, "");
}

/* Reads of any size give the same bytes; the end comes once, and stays. */
static void test_gzip_steps(void)
{
	static const uint64_t steps[] = {
		1, 7, 4096, BUILD_ARM64_BYTES - 1, BUILD_ARM64_BYTES, BUILD_ARM64_BYTES + 1
	};
	GByteArray *plain = build_arm64_image();

	for (unsigned int i = 0; i < G_N_ELEMENTS(steps); i++) {
		uint8_t out[BUILD_ARM64_BYTES + 16];
		struct iol_image image;
		struct iol_gzip *gz = NULL;
		uint64_t total = 0, got;

		build_open(&image, build_gzip(build_arm64_image()), "file");
		g_assert_true(iol_gzip_probe(&image, 0));
		g_assert_false(iol_gzip_probe(&image, 1));
		g_assert_false(iol_gzip_probe(&image, image.size_bytes - 1));
		g_assert_cmpint(iol_gzip_open(&image, 0, image.size_bytes, &gz, NULL), ==, 0);
		do {
			uint64_t len = MIN(steps[i], sizeof(out) - total);

			g_assert_cmpint(iol_gzip_read(gz, out + total, len, &got, NULL), ==, 0);
			total += got;
		} while (got);
		g_assert_cmpmem(out, total, plain->data, plain->len);
		g_assert_cmpint(iol_gzip_read(gz, out, 0, &got, NULL), ==, 0);
		g_assert_cmpint(iol_gzip_read(gz, out, 1, &got, NULL), ==, 0);
		g_assert_cmpuint(got, ==, 0);
		iol_gzip_close(gz);
		iol_image_close(&image);
	}
	g_byte_array_unref(plain);
}

static void test_gzip_range(void)
{
	struct iol_error err = { 0 };
	struct iol_gzip *gz = NULL;
	struct iol_image image;

	build_open(&image, build_blob(100), "file");
	g_assert_cmpint(iol_gzip_open(&image, 50, 51, &gz, &err), ==, -EINVAL);
	build_check_error(&err, -EINVAL, "file: ", "truncated: 0x33 bytes of gzip data at 0x32");
	g_assert_cmpint(iol_gzip_open(&image, 101, 0, &gz, &err), ==, -EINVAL);
	g_assert_cmpint(iol_gzip_open(&image, 1, UINT64_MAX, &gz, &err), ==, -EINVAL);
	g_assert_null(gz);
	iol_gzip_close(gz);
	iol_image_close(&image);
}

/* The file became shorter since it was opened. */
static void test_shrunk(void)
{
	for (enum packing packing = PLAIN; packing <= ZBOOT; packing++) {
		struct iol_arm64_image arm;
		struct iol_error err = { 0 };
		struct iol_memory mem;
		struct iol_image image;
		uint64_t bytes;

		init_memory(&mem, BUILD_ARM64_MEM);
		build_open(&image, pack(build_arm64_image(), packing), "kernel");
		g_assert_cmpint(iol_arm64_image_parse(&image, &arm, NULL), ==, 0);
		g_assert_cmpint(ftruncate(image.fd, 100), ==, 0);
		g_assert_cmpint(iol_arm64_image_load(&arm, &image, &mem, GPA, BUILD_ARM64_MEM,
						     &bytes, &err),
				==, -EIO);
		build_check_error(&err, -EIO, "kernel: ", "became shorter");
		g_assert_cmpint(iol_arm64_image_parse(&image, &arm, NULL), ==, -EIO);
		iol_image_close(&image);
		iol_memory_finish(&mem);
	}
}

/* Whatever a byte of the head is: a verdict, in bounds. */
static void test_every_byte(void)
{
	static const uint8_t values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };

	for (unsigned int offset = 0; offset < 3 * 0x140; offset++) {
		for (unsigned int i = 0; i < G_N_ELEMENTS(values); i++) {
			const struct build_patch patch = { offset / 3, 1, values[i] };
			struct iol_arm64_image arm;
			struct iol_error err = { 0 };
			struct iol_image image;
			GByteArray *bytes = pack(build_arm64_image(), offset % 3);

			if (patch.offset < bytes->len)
				build_patch(bytes, &patch);
			build_open(&image, bytes, "fuzz");
			if (iol_arm64_image_parse(&image, &arm, &err)) {
				g_assert_true(g_str_has_prefix(err.msg, "fuzz: "));
			} else {
				g_assert_cmpuint(arm.payload_offset, <=, image.size_bytes);
				g_assert_cmpuint(arm.payload_bytes, <=,
						 image.size_bytes - arm.payload_offset);
				g_assert_cmpuint(arm.text_offset, <=, UINT64_MAX - arm.mem_bytes);
			}
			iol_image_close(&image);
		}
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/arm64-image/good", test_good);
	g_test_add_func("/arm64-image/accepted", test_accepted);
	g_test_add_func("/arm64-image/room", test_room);
	g_test_add_func("/arm64-image/room-unknown", test_room_unknown);
	g_test_add_func("/arm64-image/bomb", test_bomb);
	g_test_add_func("/arm64-image/shrunk", test_shrunk);
	g_test_add_func("/arm64-image/every-byte", test_every_byte);
	g_test_add_func("/gzip/end", test_gzip_end);
	g_test_add_func("/gzip/header", test_gzip_header);
	g_test_add_func("/gzip/steps", test_gzip_steps);
	g_test_add_func("/gzip/range", test_gzip_range);
	for (unsigned int i = 0; i < G_N_ELEMENTS(bad_images); i++) {
		g_autofree char *path =
			g_strdup_printf("/arm64-image/bad/%s", bad_images[i].what.name);

		g_test_add_data_func(path, &bad_images[i], test_bad);
	}
	return g_test_run();
}
