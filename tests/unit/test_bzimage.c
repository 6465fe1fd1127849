// SPDX-License-Identifier: Apache-2.0
/* The bzImage header: what a good one says, and that each kind of lie is named. */
#include <iolite/bzimage.h>

#include <errno.h>
#include <string.h>

#include "image_builder.h"

#define END (BUILD_BZ_PAYLOAD + BUILD_BZ_PAYLOAD_BYTES)

/* clang-format off */
static const struct build_bad bad_images[] = {
	/* not a bzImage, or not one for us */
	{ "one byte", 1, { { 0 } }, -ENOEXEC, "not a bzImage" },
	{ "boot sector's flag cut off", 0x1ff, { { 0 } }, -ENOEXEC, "not a bzImage" },
	{ "magic cut off", 0x205, { { 0 } }, -ENOEXEC, "not a bzImage" },
	{ "boot_flag 0", 0, { { 0x1fe, 2, 0 } }, -ENOEXEC, "boot flag 0xaa55" },
	{ "boot_flag swapped", 0, { { 0x1fe, 2, 0x55aa } }, -ENOEXEC, "boot flag 0xaa55" },
	{ "magic lower case", 0, { { 0x202, 4, 0x73726468 } }, -ENOEXEC, "\"HdrS\"" },
	{ "version cut off", 0x206, { { 0 } }, -ENOEXEC, "version is 0.00" },
	{ "version 0", 0, { { 0x206, 2, 0 } }, -ENOEXEC, "version is 0.00, 2.12 or later" },
	{ "version 1.99", 0, { { 0x206, 2, 0x0163 } }, -ENOEXEC, "version is 1.99, 2.12" },
	{ "version 2.00", 0, { { 0x206, 2, 0x0200 } }, -ENOEXEC, "version is 2.00, 2.12" },
	{ "version 2.11", 0, { { 0x206, 2, 0x020b } }, -ENOEXEC, "version is 2.11, 2.12" },
	{ "zImage", 0, { { 0x211, 1, 0x80 } }, -ENOEXEC, "loadflags 0x80 has no LOADED_HIGH" },
	{ "32-bit", 0, { { 0x236, 2, 0x7e } }, -ENOEXEC, "xloadflags 0x007e has no XLF_KERNEL_64" },
	{ "xloadflags cut off", 0x236, { { 0 } }, -ENOEXEC, "xloadflags 0x0000" },

	/* the header's extent */
	{ "no jump", 0, { { 0x200, 1, 0 } }, -EINVAL, "jump at 0x200 is 0x00" },
	{ "long jump", 0, { { 0x200, 1, 0xe9 } }, -EINVAL, "a short jump (0xeb) is needed" },
	{ "header of no bytes", 0, { { 0x201, 1, 0 } }, -EINVAL, "header ends at 0x202" },
	{ "header before init_size", 0, { { 0x201, 1, 0x61 } }, -EINVAL, "header ends at 0x263" },
	{ "header beyond the zero page's", 0, { { 0x201, 1, 0x8f } }, -EINVAL, "ends at 0x291" },
	{ "largest header", 0, { { 0x201, 1, 0xff } }, -EINVAL, "0x301 (byte at 0x201 is 0xff)" },
	{ "header cut short", 0x26b, { { 0 } }, -EINVAL,
	  "truncated: the setup header ends at 0x26c" },
	{ "header cut in init_size", 0x262, { { 0 } }, -EINVAL, "truncated: the setup header" },

	/* the kernel in the file */
	{ "header only", 0x26c, { { 0 } }, -EINVAL, "setup_sects 4 puts the kernel at 0xa00" },
	{ "setup only", BUILD_BZ_PAYLOAD, { { 0 } }, -EINVAL, "the file has 0xa00 bytes" },
	{ "setup_sects 0 means 4", BUILD_BZ_PAYLOAD, { { 0x1f1, 1, 0 } }, -EINVAL,
	  "setup_sects 4 " },
	{ "setup_sects 255", 0, { { 0x1f1, 1, 255 } }, -EINVAL,
	  "setup_sects 255 puts the kernel at 0x20000" },
	{ "setup_sects one too many", 0, { { 0x1f1, 1, 5 } }, -EINVAL,
	  "syssize says the kernel has 0x2000 bytes, 0x1e00 are" },
	{ "syssize 0", 0, { { 0x1f4, 4, 0 } }, -EINVAL, "syssize is 0x0 paragraphs" },
	{ "syssize up to the entry", 0, { { 0x1f4, 4, 0x20 } }, -EINVAL,
	  "more than 0x20 are needed" },
	{ "syssize one more", 0, { { 0x1f4, 4, BUILD_BZ_PAYLOAD_BYTES / 16 + 1 } }, -EINVAL,
	  "truncated: syssize says the kernel has 0x2010 bytes, 0x2000 are" },
	{ "syssize wraps in 32 bits", 0, { { 0x1f4, 4, 0x10000001 } }, -EINVAL,
	  "the kernel has 0x100000010 bytes" },
	{ "syssize max", 0, { { 0x1f4, 4, 0xffffffff } }, -EINVAL, "0xffffffff0 bytes" },
	{ "a paragraph cut off", END - 16, { { 0 } }, -EINVAL, "0x2000 bytes, 0x1ff0 are" },
	{ "half cut off", END - BUILD_BZ_PAYLOAD_BYTES / 2, { { 0 } }, -EINVAL, "0x1000 are" },
	{ "payload_offset at the end", 0, { { 0x248, 4, 0x2000 } }, -EINVAL,
	  "payload_offset 0x2000 + payload_length 0x1000 is beyond the kernel's 0x2000" },
	{ "payload one byte out", 0, { { 0x248, 4, 0x1001 } }, -EINVAL, "payload_offset 0x1001" },
	{ "payload_length max", 0, { { 0x24c, 4, 0xffffffff } }, -EINVAL,
	  "payload_length 0xffffffff" },
	{ "payload sum wraps in 32 bits", 0, { { 0x248, 4, 0xfffff000 }, { 0x24c, 4, 0x1000 } },
	  -EINVAL, "payload_offset 0xfffff000" },

	/* memory */
	{ "init_size 0", 0, { { 0x260, 4, 0 } }, -EINVAL, "init_size is 0x0, at least" },
	{ "init_size below the kernel", 0, { { 0x260, 4, 0x1fff } }, -EINVAL,
	  "init_size is 0x1fff" },
	{ "pref_address max", 0, { { 0x258, 8, UINT64_MAX } }, -EINVAL,
	  "pref_address 0xffffffffffffffff" },
	{ "pref_address wraps", 0, { { 0x258, 8, UINT64_C(0xffffffffffe00000) } }, -EINVAL,
	  "beyond the end of the address space" },
	{ "kernel_alignment 0", 0, { { 0x230, 4, 0 } }, -EINVAL, "kernel_alignment is 0x0" },
	{ "kernel_alignment odd", 0, { { 0x230, 4, 3 } }, -EINVAL, "kernel_alignment is 0x3" },
	{ "kernel_alignment two bits", 0, { { 0x230, 4, 0x300000 } }, -EINVAL, "a power of two" },
	{ "kernel_alignment all bits", 0, { { 0x230, 4, 0xffffffff } }, -EINVAL,
	  "0xffffffff, a power" },
	{ "pref_address not aligned", 0, { { 0x258, 8, 0x1100000 } }, -EINVAL,
	  "0x1100000 is not a multiple of kernel_alignment 0x200000" },
};
/* clang-format on */

static void test_bad(gconstpointer data)
{
	const struct build_bad *bad = data;
	GByteArray *bytes = build_bzimage();
	struct iol_bzimage bz;
	struct iol_image image;
	struct iol_error err;

	build_spoil(bytes, bad);
	build_open(&image, bytes, "bad");
	g_assert_cmpint(iol_bzimage_parse(&image, &bz, &err), ==, bad->code);
	build_check_error(&err, bad->code, "bad: ", bad->message);
	iol_image_close(&image);
}

static void test_good(void)
{
	struct iol_bzimage bz;
	struct iol_image image;
	struct iol_error err;

	build_open(&image, build_bzimage(), "good");
	g_assert_cmpint(iol_bzimage_probe(&image, NULL), ==, 1);
	g_assert_cmpint(iol_bzimage_parse(&image, &bz, &err), ==, 0);
	g_assert_cmpuint(bz.version, ==, 0x020f);
	g_assert_cmpuint(bz.payload_offset, ==, BUILD_BZ_PAYLOAD);
	g_assert_cmpuint(bz.payload_bytes, ==, BUILD_BZ_PAYLOAD_BYTES);
	g_assert_cmpuint(bz.init_bytes, ==, BUILD_BZ_INIT_BYTES);
	g_assert_cmpuint(bz.pref_address, ==, BUILD_BZ_PREF_ADDRESS);
	g_assert_cmpuint(bz.alignment, ==, 0x200000);
	g_assert_true(bz.relocatable);
	g_assert_cmpuint(bz.cmdline_max, ==, BUILD_BZ_CMDLINE_MAX);
	g_assert_cmpuint(bz.initrd_max, ==, 0x7fffffff);
	g_assert_cmpuint(bz.header_bytes, ==, 0x26c - 0x1f1);
	g_assert_cmpuint(bz.header[0], ==, 4);
	g_assert_cmpuint(bz.header[0x211 - 0x1f1], ==, 0x01);
	iol_image_close(&image);
}

/* Variants that are unusual but right. */
static void test_accepted(void)
{
	/* clang-format off */
	static const struct build_bad cases[] = {
		{ "setup_sects 0", 0, { { 0x1f1, 1, 0 } }, 0, NULL },
		{ "version 2.12", 0, { { 0x206, 2, 0x020c } }, 0, NULL },
		{ "shortest header", 0, { { 0x201, 1, 0x62 } }, 0, NULL },
		{ "longest header", 0, { { 0x201, 1, 0x8e } }, 0, NULL },
		{ "init_size exact", 0, { { 0x260, 4, BUILD_BZ_PAYLOAD_BYTES } }, 0, NULL },
		{ "last paragraph short", END - 15, { { 0 } }, 0, NULL },
		{ "payload_length 0", 0, { { 0x24c, 4, 0 }, { 0x248, 4, 0xffffffff } }, 0, NULL },
		{ "not relocatable", 0, { { 0x234, 1, 0 }, { 0x230, 4, 3 } }, 0, NULL },
		{ "pref_address 0", 0, { { 0x258, 8, 0 } }, 0, NULL },
		{ "a signature follows", 0, { { 0x1f4, 4, 0x180 } }, 0, NULL },
	};
	/* clang-format on */

	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		GByteArray *bytes = build_bzimage();
		struct iol_bzimage bz;
		struct iol_image image;
		struct iol_error err = { 0 };

		build_spoil(bytes, &cases[i]);
		build_open(&image, bytes, cases[i].name);
		iol_bzimage_parse(&image, &bz, &err);
		g_assert_cmpstr(err.msg, ==, "");
		g_assert_cmpuint(bz.payload_offset, ==, BUILD_BZ_PAYLOAD);
		g_assert_cmpuint(bz.payload_offset + bz.payload_bytes, <=, image.size_bytes);
		iol_image_close(&image);
	}
}

/* Whatever a byte of the header is and wherever the file ends: a verdict, in bounds. */
static void test_every_byte(void)
{
	static const uint8_t values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };

	for (unsigned int offset = 0x1f1; offset < 0x290; offset++) {
		for (unsigned int i = 0; i < G_N_ELEMENTS(values); i++) {
			const struct build_patch patch = { offset, 1, values[i] };
			GByteArray *bytes = build_bzimage();
			struct iol_bzimage bz;
			struct iol_image image;
			struct iol_error err = { 0 };

			build_patch(bytes, &patch);
			build_open(&image, bytes, "fuzz");
			if (iol_bzimage_parse(&image, &bz, &err)) {
				g_assert_true(g_str_has_prefix(err.msg, "fuzz: "));
			} else {
				g_assert_cmpuint(bz.payload_bytes, >, 0x200);
				g_assert_cmpuint(bz.payload_offset, <, image.size_bytes);
				g_assert_cmpuint(bz.payload_bytes, <=,
						 image.size_bytes - bz.payload_offset);
				g_assert_cmpuint(bz.init_bytes, >=, bz.payload_bytes);
			}
			iol_image_close(&image);
		}
	}
}

/* What cannot be read is no other kind of file. */
static void test_unreadable(void)
{
	struct iol_image image;
	struct iol_error err;
	int fd;

	build_open(&image, build_bzimage(), "bad");
	fd = image.fd;
	image.fd = -1;
	g_assert_cmpint(iol_bzimage_probe(&image, &err), ==, -EBADF);
	build_check_error(&err, -EBADF, "bad: ", "read at 0x0");
	image.fd = fd;
	iol_image_close(&image);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/bzimage/unreadable", test_unreadable);
	g_test_add_func("/bzimage/good", test_good);
	g_test_add_func("/bzimage/accepted", test_accepted);
	g_test_add_func("/bzimage/every-byte", test_every_byte);
	for (unsigned int i = 0; i < G_N_ELEMENTS(bad_images); i++) {
		g_autofree char *path = g_strdup_printf("/bzimage/bad/%s", bad_images[i].name);

		g_test_add_data_func(path, &bad_images[i], test_bad);
	}
	return g_test_run();
}
