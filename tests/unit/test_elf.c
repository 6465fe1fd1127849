// SPDX-License-Identifier: Apache-2.0
/* ELF kernels: both classes and byte orders, and that each kind of lie is named. */
#include <iolite/elf.h>

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "image_builder.h"

#define EHDR(field) offsetof(Elf64_Ehdr, field)
#define LOAD0(field) BUILD_PHDR64(0, field)
#define LOAD1(field) BUILD_PHDR64(1, field)
#define NOTE(field) BUILD_PHDR64(2, field)
#define END (BUILD_NOTES + BUILD_NOTES_BYTES)

/* clang-format off */
static const struct build_bad bad_images[] = {
	/* identification */
	{ "three bytes", 3, { { 0 } }, -ENOEXEC, "not an ELF file" },
	{ "magic", 0, { { 0, 4, 0x464c4500 } }, -ENOEXEC, "not an ELF file" },
	{ "magic only", 4, { { 0 } }, -EINVAL, "ELF class is 0" },
	{ "class 0", 0, { { EI_CLASS, 1, 0 } }, -EINVAL, "ELF class is 0, 1 (32-bit) or 2" },
	{ "class 3", 0, { { EI_CLASS, 1, 3 } }, -EINVAL, "ELF class is 3" },
	{ "data 0", 0, { { EI_DATA, 1, 0 } }, -EINVAL, "ELF data encoding is 0" },
	{ "data 255", 0, { { EI_DATA, 1, 255 } }, -EINVAL, "ELF data encoding is 255" },
	{ "header one byte short", 63, { { 0 } }, -EINVAL, "truncated: the ELF header has 64" },
	{ "header 52 bytes", 52, { { 0 } }, -EINVAL, "truncated: the ELF header has 64" },
	{ "wrong byte order", 0, { { EI_DATA, 1, 2 } }, -EINVAL, "e_version is 16777216" },
	{ "wrong class", 0, { { EI_CLASS, 1, 1 } }, -EINVAL, "e_phnum is 0" },
	{ "e_version", 0, { { EHDR(e_version), 4, 2 } }, -EINVAL, "e_version is 2, 1 is needed" },
	{ "object file", 0, { { EHDR(e_type), 2, ET_REL } }, -ENOEXEC, "e_type is 1, 2 (exec" },
	{ "core dump", 0, { { EHDR(e_type), 2, ET_CORE } }, -ENOEXEC, "e_type is 4" },

	/* the program header table */
	{ "phnum 0", 0, { { EHDR(e_phnum), 2, 0 } }, -EINVAL, "e_phnum is 0: nothing to load" },
	{ "phnum 257", 0, { { EHDR(e_phnum), 2, 257 } }, -EINVAL, "e_phnum is 257, at most 256" },
	{ "phnum PN_XNUM", 0, { { EHDR(e_phnum), 2, 0xffff } }, -EINVAL, "e_phnum is 65535" },
	{ "phnum beyond the file", 0, { { EHDR(e_phnum), 2, 200 } }, -EINVAL,
	  "e_phoff 0x40 + 200 program headers is beyond" },
	{ "phentsize 0", 0, { { EHDR(e_phentsize), 2, 0 } }, -EINVAL, "e_phentsize is 0, 56" },
	{ "phentsize 55", 0, { { EHDR(e_phentsize), 2, 55 } }, -EINVAL, "e_phentsize is 55, 56" },
	{ "phentsize of 32-bit", 0, { { EHDR(e_phentsize), 2, 32 } }, -EINVAL, "is 32, 56" },
	{ "phentsize max", 0, { { EHDR(e_phentsize), 2, 0xffff } }, -EINVAL, "is 65535, 56" },
	{ "phoff at the end", 0, { { EHDR(e_phoff), 8, END } }, -EINVAL, "e_phoff 0x1330 + 3" },
	{ "phoff one byte out", 0, { { EHDR(e_phoff), 8, END - 3 * 56 + 1 } }, -EINVAL, "e_phoff" },
	{ "phoff max", 0, { { EHDR(e_phoff), 8, UINT64_MAX } }, -EINVAL, "0xffffffffffffffff + 3" },
	{ "phoff wraps", 0, { { EHDR(e_phoff), 8, UINT64_MAX - 167 } }, -EINVAL, "is beyond the" },
	{ "table cut", 64 + 3 * 56 - 1, { { 0 } }, -EINVAL, "3 program headers is beyond" },

	/* segments */
	{ "no PT_LOAD", 0, { { LOAD0(p_type), 4, PT_NULL }, { LOAD1(p_type), 4, PT_PHDR } },
	  -EINVAL,
	  "no loadable segment (PT_LOAD)" },
	{ "all empty", 0, { { LOAD0(p_filesz), 8, 0 }, { LOAD0(p_memsz), 8, 0 },
			    { LOAD1(p_type), 4, PT_NULL } }, -EINVAL, "no loadable segment" },
	{ "interpreter", 0, { { LOAD1(p_type), 4, PT_INTERP } }, -ENOEXEC, "dynamic loader" },
	{ "filesz over memsz", 0, { { LOAD0(p_memsz), 8, 0x1ff } }, -EINVAL,
	  "program header 0: p_filesz 0x200 is more than p_memsz 0x1ff" },
	{ "memsz 0", 0, { { LOAD1(p_memsz), 8, 0 } }, -EINVAL, "program header 1: p_filesz 0x100" },
	{ "offset at the end", 0, { { LOAD0(p_offset), 8, END } }, -EINVAL, "p_offset 0x1330 +" },
	{ "offset max", 0, { { LOAD0(p_offset), 8, UINT64_MAX } }, -EINVAL, "beyond the file's" },
	{ "offset wraps", 0, { { LOAD0(p_offset), 8, UINT64_MAX - 0x1ff } }, -EINVAL,
	  "p_offset 0xfffffffffffffe00 + p_filesz 0x200 is beyond" },
	{ "filesz beyond the file", 0, { { LOAD0(p_filesz), 8, 0x331 } }, -EINVAL,
	  "p_filesz 0x331 is beyond the file's 0x1330 bytes" },
	{ "sizes max", 0, { { LOAD0(p_filesz), 8, UINT64_MAX }, { LOAD0(p_memsz), 8, UINT64_MAX } },
	  -EINVAL, "p_filesz 0xffffffffffffffff is beyond" },
	{ "segment cut", BUILD_SEG1 + 1, { { 0 } }, -EINVAL, "program header 1: p_offset 0x1200" },
	{ "paddr wraps", 0, { { LOAD0(p_paddr), 8, UINT64_MAX } }, -EINVAL,
	  "p_paddr 0xffffffffffffffff + p_memsz 0x1000 is beyond the end of the address" },
	{ "paddr wraps by one", 0, { { LOAD0(p_paddr), 8, UINT64_MAX - 0xffe } }, -EINVAL,
	  "is beyond the end of the address space" },
	{ "memsz wraps", 0, { { LOAD1(p_memsz), 8, UINT64_MAX } }, -EINVAL,
	  "beyond the end of the" },
	{ "same place", 0, { { LOAD1(p_paddr), 8, BUILD_SEG0_GPA } }, -EINVAL,
	  "program header 1: p_paddr 0x1000000 + p_memsz 0x3000 overlaps the segment at "
	  "0x1000000" },
	{ "last byte overlaps", 0, { { LOAD1(p_paddr), 8, BUILD_SEG0_GPA + 0xfff } }, -EINVAL,
	  "overlaps the segment" },
	{ "first byte overlaps", 0, { { LOAD1(p_paddr), 8, BUILD_SEG0_GPA - 0x2fff } }, -EINVAL,
	  "overlaps the segment" },
	{ "one inside the other", 0, { { LOAD0(p_memsz), 8, 0x100000 } }, -EINVAL, "overlaps" },

	/* notes */
	{ "note offset max", 0, { { NOTE(p_offset), 8, UINT64_MAX } }, -EINVAL,
	  "header 2: p_offset" },
	{ "notes beyond the file", 0, { { NOTE(p_filesz), 8, 0x31 } }, -EINVAL,
	  "header 2: p_offset" },
	{ "notes size max", 0, { { NOTE(p_filesz), 8, UINT64_MAX } }, -EINVAL, "beyond the file" },
	{ "namesz max", 0, { { BUILD_NOTES, 4, 0xffffffff } }, -EINVAL,
	  "program header 2: note at 0x0: namesz 0xffffffff + descsz 0x4 is beyond" },
	{ "descsz max", 0, { { BUILD_NOTES + 4, 4, 0xffffffff } }, -EINVAL,
	  "descsz 0xffffffff is" },
	{ "both max", 0, { { BUILD_NOTES, 8, UINT64_MAX } }, -EINVAL,
	  "is beyond the segment's 0x30" },
	{ "last note one byte long", 0, { { BUILD_NOTE_PVH + 4, 4, 9 } }, -EINVAL, "note at 0x18" },
	{ "notes cut", 0, { { NOTE(p_filesz), 8, BUILD_NOTES_BYTES - 1 } }, -EINVAL,
	  "note at 0x18" },
	{ "PVH descsz 0", 0, { { BUILD_NOTE_PVH + 4, 4, 0 } }, -EINVAL, "PVH note's descsz is 0" },
	{ "PVH descsz 5", 0, { { BUILD_NOTE_PVH + 4, 4, 5 } }, -EINVAL, "descsz is 5, 4 or 8" },
	{ "PVH entry above 4 GiB", 0, { { BUILD_NOTE_PVH + 16, 8, UINT64_C(0x100000000) } },
	  -EINVAL,
	  "PVH entry 0x100000000 is above 4 GiB" },
	{ "PVH entry 0", 0, { { BUILD_NOTE_PVH + 16, 8, 0 } }, -EINVAL, "in no loadable segment" },
	{ "PVH entry in bss", 0, { { BUILD_NOTE_PVH + 16, 8, BUILD_SEG0_GPA + 0x200 } }, -EINVAL,
	  "PVH entry 0x1000200 is in no loadable segment" },
};
/* clang-format on */

static const struct build_elf linux64 = {
	.is_64bit = true,
	.machine = EM_X86_64,
	.pvh = true,
};

static void test_bad(gconstpointer data)
{
	const struct build_bad *bad = data;
	GByteArray *bytes = build_elf(&linux64);
	struct iol_elf elf;
	struct iol_image image;
	struct iol_error err;

	build_spoil(bytes, bad);
	build_open(&image, bytes, "bad");
	g_assert_cmpint(iol_elf_parse(&image, &elf, &err), ==, bad->code);
	build_check_error(&err, bad->code, "bad: ", bad->message);
	iol_image_close(&image);
}

static void test_good(void)
{
	for (unsigned int i = 0; i < 8; i++) {
		const struct build_elf spec = { i & 1, i & 2, EM_PPC64, i & 4 };
		struct iol_elf elf;
		struct iol_image image;
		struct iol_error err = { 0 };

		build_open(&image, build_elf(&spec), "good");
		g_assert_cmpint(iol_elf_probe(&image, NULL), ==, 1);
		iol_elf_parse(&image, &elf, &err);
		g_assert_cmpstr(err.msg, ==, "");
		g_assert_cmpint(elf.is_64bit, ==, spec.is_64bit);
		g_assert_cmpint(elf.is_big_endian, ==, spec.is_big_endian);
		g_assert_cmpuint(elf.machine, ==, EM_PPC64);
		g_assert_cmpuint(elf.entry, ==, BUILD_SEG0_GPA + BUILD_ENTRY_OFFSET);
		g_assert_cmpint(elf.has_pvh_entry, ==, spec.pvh);
		g_assert_cmpuint(elf.pvh_entry, ==, spec.pvh ? elf.entry : 0);
		g_assert_cmpuint(elf.segment_count, ==, 2);
		g_assert_cmpuint(elf.segments[1].offset, ==, BUILD_SEG1);
		g_assert_cmpuint(elf.segments[1].file_bytes, ==, BUILD_SEG1_BYTES);
		g_assert_cmpuint(elf.segments[1].mem_bytes, ==, BUILD_SEG1_MEM);
		g_assert_cmpuint(elf.segments[1].gpa, ==, BUILD_SEG1_GPA);
		iol_image_close(&image);
	}
}

/* e_entry as physical, as virtual, and in no byte of the file. */
static void test_physical_entry(void)
{
	/* clang-format off */
	static const struct {
		uint64_t entry, pc;
	} cases[] = {
		{ BUILD_SEG0_GPA, BUILD_SEG0_GPA },
		{ BUILD_SEG0_GPA + BUILD_SEG0_BYTES - 1, BUILD_SEG0_GPA + BUILD_SEG0_BYTES - 1 },
		{ BUILD_SEG0_GPA + BUILD_SEG0_BYTES, 0 },
		{ BUILD_SEG0_GPA - 1, 0 },
		{ BUILD_ELF_VIRTUAL_BASE + BUILD_SEG0_GPA, BUILD_SEG0_GPA },
		{ BUILD_ELF_VIRTUAL_BASE + BUILD_SEG1_GPA + 4, BUILD_SEG1_GPA + 4 },
		{ BUILD_ELF_VIRTUAL_BASE + BUILD_SEG1_GPA + BUILD_SEG1_BYTES, 0 },
		{ 0, 0 },
		{ UINT64_MAX, 0 },
	};
	/* clang-format on */
	const struct build_elf spec = { .is_64bit = true,
					.is_big_endian = true,
					.machine = EM_PPC64 };
	struct iol_image image;
	struct iol_elf elf;

	build_open(&image, build_elf(&spec), "entry");
	g_assert_cmpint(iol_elf_parse(&image, &elf, NULL), ==, 0);
	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct iol_error err = { 0 };
		uint64_t pc = 0;

		elf.entry = cases[i].entry;
		g_assert_cmpint(iol_elf_physical_entry(&elf, &image, &pc, &err), ==,
				cases[i].pc ? 0 : -EINVAL);
		g_assert_cmphex(pc, ==, cases[i].pc);
		if (!cases[i].pc)
			build_check_error(&err, -EINVAL, "entry: ", "is in no loadable segment");
	}
	iol_image_close(&image);
}

/* Variants that are unusual but right. */
static void test_accepted(void)
{
	/* clang-format off */
	static const struct build_bad cases[] = {
		{ "position-independent", 0, { { EHDR(e_type), 2, ET_DYN } }, 0, NULL },
		{ "adjacent segments", 0, { { LOAD1(p_paddr), 8, BUILD_SEG0_GPA + 0x1000 } }, 0,
		  NULL },
		{ "at the end of the address space", 0,
		  { { LOAD1(p_paddr), 8, UINT64_MAX - 0x3000 } }, 0, NULL },
		{ "bss only, offset outside", 0,
		  { { LOAD1(p_filesz), 8, 0 }, { LOAD1(p_offset), 8, END } }, 0, NULL },
		{ "PVH entry in 4 bytes, padding behind", 0, { { BUILD_NOTE_PVH + 4, 4, 4 } }, 0,
		  NULL },
	};
	/* clang-format on */

	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		GByteArray *bytes = build_elf(&linux64);
		struct iol_elf elf;
		struct iol_image image;
		struct iol_error err = { 0 };

		build_spoil(bytes, &cases[i]);
		build_open(&image, bytes, cases[i].name);
		iol_elf_parse(&image, &elf, &err);
		g_assert_cmpstr(err.msg, ==, "");
		g_assert_true(elf.has_pvh_entry);
		g_assert_cmpuint(elf.segment_count, ==, 2);
		iol_image_close(&image);
	}
}

/* As many segments as can be, and one more; as many note bytes as are read, and more. */
static void test_caps(void)
{
	enum { TABLE = 0x2000, COUNT = IOL_ELF_SEGMENTS_MAX + 1, NOTES_MAX = 64 * 1024 };
	struct iol_elf elf;
	struct iol_image image;
	struct iol_error err = { 0 };

	for (unsigned int count = COUNT - 1; count <= COUNT; count++) {
		GByteArray *bytes = build_elf(&linux64);

		g_byte_array_set_size(bytes, TABLE + COUNT * BUILD_PHDR64_BYTES);
		memset(bytes->data + END, 0, bytes->len - END);
		build_patch(bytes, &(struct build_patch){ EHDR(e_phoff), 8, TABLE });
		build_patch(bytes, &(struct build_patch){ EHDR(e_phnum), 2, count });
		for (unsigned int i = 0; i < count; i++) {
			const Elf64_Phdr ph = {
				.p_type = GUINT32_TO_LE(PT_LOAD),
				.p_paddr = GUINT64_TO_LE(0x100000 + i * UINT64_C(0x1000)),
				.p_memsz = GUINT64_TO_LE(UINT64_C(0x1000)),
			};

			memcpy(bytes->data + TABLE + i * sizeof(ph), &ph, sizeof(ph));
		}
		build_open(&image, bytes, "many");
		g_assert_cmpint(iol_elf_parse(&image, &elf, &err), ==,
				count == COUNT ? -EINVAL : 0);
		iol_image_close(&image);
	}
	build_check_error(&err, -EINVAL, "many: ", "header 64: at most 64 loadable segments");

	for (unsigned int excess = 0; excess <= 1; excess++) {
		GByteArray *bytes = build_elf(&linux64);

		g_byte_array_set_size(bytes, BUILD_NOTES + NOTES_MAX + excess);
		memset(bytes->data + END, 0, bytes->len - END);
		build_patch(bytes, &(struct build_patch){ NOTE(p_filesz), 8, NOTES_MAX + excess });
		build_open(&image, bytes, "notes");
		g_assert_cmpint(iol_elf_parse(&image, &elf, &err), ==, excess ? -EINVAL : 0);
		iol_image_close(&image);
	}
	build_check_error(&err, -EINVAL, "notes: ", "notes of 0x10001 bytes, at most 0x10000");
}

static void test_notes_aligned_to_8(void)
{
	GByteArray *bytes = build_elf(&linux64);
	struct iol_elf elf;
	struct iol_image image;

	/* One note whose name ends at 16 and whose description would start there in both. */
	build_patch(bytes, &(struct build_patch){ NOTE(p_align), 8, 8 });
	build_patch(bytes, &(struct build_patch){ NOTE(p_offset), 8, BUILD_NOTE_PVH });
	build_patch(bytes, &(struct build_patch){ NOTE(p_filesz), 8, 24 });
	build_open(&image, bytes, "align");
	g_assert_cmpint(iol_elf_parse(&image, &elf, NULL), ==, 0);
	g_assert_true(elf.has_pvh_entry);
	g_assert_cmpuint(elf.pvh_entry, ==, BUILD_SEG0_GPA + BUILD_ENTRY_OFFSET);
	iol_image_close(&image);
}

static void check_byte(const struct iol_memory *mem, uint64_t gpa, uint8_t value)
{
	uint8_t byte = 0;

	g_assert_cmpint(iol_memory_read(mem, gpa, &byte, 1), ==, 0);
	g_assert_cmpuint(byte, ==, value);
}

static void test_load(void)
{
	struct iol_memory_region region = { .gpa = 0, .size_bytes = BUILD_SEG1_GPA + 0x3000 };
	struct iol_memory mem;
	struct iol_elf elf;
	struct iol_image image;
	struct iol_error err;

	build_open(&image, build_elf(&linux64), "load");
	g_assert_cmpint(iol_elf_parse(&image, &elf, NULL), ==, 0);

	g_assert_cmpint(iol_memory_init(&mem, &region, 1, NULL), ==, 0);
	g_assert_cmpint(iol_elf_load(&elf, &image, &mem, BUILD_SEG0_GPA, &err), ==, 0);
	check_byte(&mem, BUILD_SEG0_GPA, build_pattern(0));
	check_byte(&mem, BUILD_SEG0_GPA + 0x1ff, build_pattern(0x1ff));
	check_byte(&mem, BUILD_SEG0_GPA + 0x200, 0);
	check_byte(&mem, BUILD_SEG1_GPA + 0xff, build_pattern(0xff));
	check_byte(&mem, BUILD_SEG1_GPA + 0x100, 0);
	g_assert_cmpint(iol_elf_load(&elf, &image, &mem, BUILD_SEG0_GPA + 1, &err), ==, -ENOSPC);
	build_check_error(&err, -ENOSPC, "load: ", "segment at 0x1000000 is below 0x1000001");
	iol_memory_finish(&mem);

	region.size_bytes -= 0x1000;
	g_assert_cmpint(iol_memory_init(&mem, &region, 1, NULL), ==, 0);
	g_assert_cmpint(iol_elf_load(&elf, &image, &mem, 0, &err), ==, -ENOSPC);
	build_check_error(&err, -ENOSPC, "load: ", "0x1002000 with 0x3000 bytes is not all in RAM");
	iol_memory_finish(&mem);
	iol_image_close(&image);
}

/* Whatever a byte of the headers is: a verdict, and segments that are sane. */
static void test_every_byte(void)
{
	static const uint8_t values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };

	for (unsigned int offset = 0; offset < 64 + 3 * 56; offset++) {
		for (unsigned int i = 0; i < G_N_ELEMENTS(values); i++) {
			const struct build_patch patch = { offset, 1, values[i] };
			GByteArray *bytes = build_elf(&linux64);
			struct iol_elf elf;
			struct iol_image image;
			struct iol_error err = { 0 };

			build_patch(bytes, &patch);
			build_open(&image, bytes, "fuzz");
			if (iol_elf_parse(&image, &elf, &err))
				g_assert_true(g_str_has_prefix(err.msg, "fuzz: "));
			for (unsigned int s = 0; !err.code && s < elf.segment_count; s++) {
				const struct iol_elf_segment *seg = &elf.segments[s];

				g_assert_cmpuint(seg->file_bytes, <=, seg->mem_bytes);
				g_assert_cmpuint(seg->offset, <=, image.size_bytes);
				g_assert_cmpuint(seg->gpa, <=, UINT64_MAX - seg->mem_bytes);
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

	build_open(&image, build_elf(&linux64), "bad");
	fd = image.fd;
	image.fd = -1;
	g_assert_cmpint(iol_elf_probe(&image, &err), ==, -EBADF);
	build_check_error(&err, -EBADF, "bad: ", "read at 0x0");
	image.fd = fd;
	iol_image_close(&image);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/elf/unreadable", test_unreadable);
	g_test_add_func("/elf/good", test_good);
	g_test_add_func("/elf/physical-entry", test_physical_entry);
	g_test_add_func("/elf/accepted", test_accepted);
	g_test_add_func("/elf/caps", test_caps);
	g_test_add_func("/elf/notes-aligned-to-8", test_notes_aligned_to_8);
	g_test_add_func("/elf/load", test_load);
	g_test_add_func("/elf/every-byte", test_every_byte);
	for (unsigned int i = 0; i < G_N_ELEMENTS(bad_images); i++) {
		g_autofree char *path = g_strdup_printf("/elf/bad/%s", bad_images[i].name);

		g_test_add_data_func(path, &bad_images[i], test_bad);
	}
	return g_test_run();
}
