// SPDX-License-Identifier: Apache-2.0
/* Synthetic kernels for tests. See image_builder.h. */
#include "image_builder.h"

#include <elf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include <iolite/endian.h>

uint8_t build_pattern(uint64_t i)
{
	return (uint8_t)(i * 31 + (i >> 8) + 7);
}

static void put(GByteArray *bytes, uint64_t offset, unsigned int width, bool big, uint64_t value)
{
	g_assert_cmpuint(offset + width, <=, bytes->len);
	for (unsigned int i = 0; i < width; i++) {
		unsigned int shift = 8 * (big ? width - 1 - i : i);

		bytes->data[offset + i] = (uint8_t)(value >> shift);
	}
}

static GByteArray *zeros(guint len)
{
	GByteArray *bytes = g_byte_array_new();

	g_byte_array_set_size(bytes, len);
	memset(bytes->data, 0, len);
	return bytes;
}

static void fill(GByteArray *bytes, guint offset, guint len)
{
	for (guint i = 0; i < len; i++)
		bytes->data[offset + i] = build_pattern(i);
}

GByteArray *build_blob(guint len)
{
	GByteArray *bytes = zeros(len);

	fill(bytes, 0, len);
	return bytes;
}

GByteArray *build_bzimage(void)
{
	static const struct build_patch fields[] = {
		{ 0x1f1, 1, BUILD_BZ_PAYLOAD / 512 - 1 }, /* setup_sects */
		{ 0x1f4, 4, BUILD_BZ_PAYLOAD_BYTES / 16 }, /* syssize */
		{ 0x1fe, 2, 0xaa55 }, /* boot_flag */
		{ 0x200, 2, 0x6aeb }, /* jump to 0x26c */
		{ 0x202, 4, 0x53726448 }, /* "HdrS" */
		{ 0x206, 2, 0x020f }, /* version */
		{ 0x211, 1, 0x01 }, /* loadflags: LOADED_HIGH */
		{ 0x214, 4, 0x100000 }, /* code32_start */
		{ 0x22c, 4, 0x7fffffff }, /* initrd_addr_max */
		{ 0x230, 4, 0x200000 }, /* kernel_alignment */
		{ 0x234, 1, 1 }, /* relocatable_kernel */
		{ 0x236, 2, 0x7f }, /* xloadflags */
		{ 0x238, 4, BUILD_BZ_CMDLINE_MAX }, /* cmdline_size */
		{ 0x248, 4, 0x300 }, /* payload_offset */
		{ 0x24c, 4, 0x1000 }, /* payload_length */
		{ 0x258, 8, BUILD_BZ_PREF_ADDRESS }, /* pref_address */
		{ 0x260, 4, BUILD_BZ_INIT_BYTES }, /* init_size */
	};
	GByteArray *bytes = zeros(BUILD_BZ_PAYLOAD + BUILD_BZ_PAYLOAD_BYTES);

	for (guint i = 0; i < G_N_ELEMENTS(fields); i++)
		build_patch(bytes, &fields[i]);
	fill(bytes, BUILD_BZ_PAYLOAD, BUILD_BZ_PAYLOAD_BYTES);
	return bytes;
}

GByteArray *build_arm64_image(void)
{
	enum { TEXT = BUILD_ARM64_SECTIONS, DATA = TEXT + 40 };
	static const struct build_patch fields[] = {
		{ 0x00, 4, 0xfa405a4d }, /* code0: an instruction that spells "MZ" */
		{ 0x04, 4, 0x1400003f }, /* code1: b 0x100 */
		{ 0x10, 8, BUILD_ARM64_MEM }, /* image_size */
		{ 0x18, 8, 0x0a }, /* flags: 4 KiB pages, anywhere */
		{ 0x38, 4, 0x644d5241 }, /* "ARM\x64" */
		{ 0x3c, 4, BUILD_ARM64_PE },
		{ BUILD_ARM64_PE, 4, 0x4550 },
		{ BUILD_ARM64_PE + 6, 2, 2 }, /* NumberOfSections */
		{ BUILD_ARM64_PE + 20, 2, 0xa0 }, /* SizeOfOptionalHeader */
		{ TEXT + 16, 4, 0x1000 }, /* SizeOfRawData, PointerToRawData */
		{ TEXT + 20, 4, 0x1000 },
		{ DATA + 16, 4, BUILD_ARM64_BYTES - 0x2000 },
		{ DATA + 20, 4, 0x2000 },
	};
	GByteArray *bytes = zeros(BUILD_ARM64_BYTES);

	for (guint i = 0; i < G_N_ELEMENTS(fields); i++)
		build_patch(bytes, &fields[i]);
	fill(bytes, BUILD_ARM64_PATTERN, BUILD_ARM64_BYTES - BUILD_ARM64_PATTERN);
	return bytes;
}

GByteArray *build_gzip(GByteArray *plain)
{
	z_stream z = { .next_in = plain->data, .avail_in = plain->len };
	GByteArray *packed;

	g_assert_cmpint(deflateInit2(&z, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), ==,
			Z_OK);
	packed = zeros((guint)deflateBound(&z, plain->len));
	z.next_out = packed->data;
	z.avail_out = packed->len;
	g_assert_cmpint(deflate(&z, Z_FINISH), ==, Z_STREAM_END);
	g_byte_array_set_size(packed, (guint)z.total_out);
	deflateEnd(&z);
	g_byte_array_free(plain, TRUE);
	return packed;
}

void build_uimage_seal_header(GByteArray *bytes)
{
	uint8_t *at = bytes->data + BUILD_UIMAGE_HCRC;

	be32_store(at, 0);
	be32_store(at, (uint32_t)crc32(0, bytes->data, BUILD_UIMAGE_DATA));
}

void build_uimage_seal(GByteArray *bytes)
{
	be32_store(bytes->data + BUILD_UIMAGE_DCRC,
		   (uint32_t)crc32(0, bytes->data + BUILD_UIMAGE_DATA,
				   bytes->len - BUILD_UIMAGE_DATA));
	build_uimage_seal_header(bytes);
}

GByteArray *build_uimage(GByteArray *payload, const struct build_uimage *spec)
{
	GByteArray *bytes = zeros(BUILD_UIMAGE_DATA);
	uint8_t *h = bytes->data;

	if (spec->gzip)
		payload = build_gzip(payload);
	be32_store(h, 0x27051956);
	be32_store(h + 8, 1700000000); /* the time */
	be32_store(h + BUILD_UIMAGE_SIZE, payload->len);
	be32_store(h + BUILD_UIMAGE_LOAD, spec->load);
	be32_store(h + BUILD_UIMAGE_ENTRY, spec->entry);
	h[BUILD_UIMAGE_OS] = 5;
	h[BUILD_UIMAGE_ARCH] = 7;
	h[BUILD_UIMAGE_TYPE] = spec->type ? spec->type : 2;
	h[BUILD_UIMAGE_COMP] = spec->gzip;
	for (unsigned int i = 0; spec->name && spec->name[i] && i < 32; i++)
		h[BUILD_UIMAGE_NAME + i] = (uint8_t)spec->name[i];
	g_byte_array_append(bytes, payload->data, payload->len);
	g_byte_array_unref(payload);
	build_uimage_seal(bytes);
	return bytes;
}

GByteArray *build_zboot(GByteArray *payload, const char *method)
{
	GByteArray *bytes = zeros(BUILD_ZBOOT_PAYLOAD);

	memcpy(bytes->data, "MZ\0\0zimg", 8);
	build_patch(bytes, &(struct build_patch){ 8, 4, BUILD_ZBOOT_PAYLOAD });
	build_patch(bytes, &(struct build_patch){ 12, 4, payload->len });
	memcpy(bytes->data + 24, method, strlen(method));
	build_patch(bytes, &(struct build_patch){ 0x38, 4, 0x818223cd }); /* LINUX_PE_MAGIC */
	g_byte_array_append(bytes, payload->data, payload->len);
	/* What an EFI program has behind it, such as a signature. */
	g_byte_array_set_size(bytes, bytes->len + 64);
	memset(bytes->data + bytes->len - 64, 0xee, 64);
	g_byte_array_free(payload, TRUE);
	return bytes;
}

static void put_phdr(GByteArray *b, const struct build_elf *spec, unsigned int idx,
		     const Elf64_Phdr *ph)
{
	bool big = spec->is_big_endian;
	uint64_t at;

#define PUT(type, field) \
	put(b, at + offsetof(type, field), sizeof(((type *)0)->field), big, ph->field)
	if (spec->is_64bit) {
		at = sizeof(Elf64_Ehdr) + idx * sizeof(Elf64_Phdr);
		PUT(Elf64_Phdr, p_type);
		PUT(Elf64_Phdr, p_offset);
		PUT(Elf64_Phdr, p_vaddr);
		PUT(Elf64_Phdr, p_paddr);
		PUT(Elf64_Phdr, p_filesz);
		PUT(Elf64_Phdr, p_memsz);
		PUT(Elf64_Phdr, p_align);
	} else {
		at = sizeof(Elf32_Ehdr) + idx * sizeof(Elf32_Phdr);
		PUT(Elf32_Phdr, p_type);
		PUT(Elf32_Phdr, p_offset);
		PUT(Elf32_Phdr, p_vaddr);
		PUT(Elf32_Phdr, p_paddr);
		PUT(Elf32_Phdr, p_filesz);
		PUT(Elf32_Phdr, p_memsz);
		PUT(Elf32_Phdr, p_align);
	}
#undef PUT
}

static void put_ehdr(GByteArray *b, const struct build_elf *spec)
{
	const Elf64_Ehdr eh = {
		.e_type = ET_EXEC,
		.e_machine = spec->machine,
		.e_version = EV_CURRENT,
		.e_entry = BUILD_SEG0_GPA + BUILD_ENTRY_OFFSET,
		.e_phoff = spec->is_64bit ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr),
		.e_phentsize = spec->is_64bit ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr),
		.e_phnum = BUILD_PHDRS,
	};
	bool big = spec->is_big_endian;

	memcpy(b->data, ELFMAG, SELFMAG);
	b->data[EI_CLASS] = spec->is_64bit ? ELFCLASS64 : ELFCLASS32;
	b->data[EI_DATA] = big ? ELFDATA2MSB : ELFDATA2LSB;
	b->data[EI_VERSION] = EV_CURRENT;
#define PUT(type, field) put(b, offsetof(type, field), sizeof(((type *)0)->field), big, eh.field)
	PUT(Elf64_Ehdr, e_type);
	PUT(Elf64_Ehdr, e_machine);
	PUT(Elf64_Ehdr, e_version);
	if (spec->is_64bit) {
		PUT(Elf64_Ehdr, e_entry);
		PUT(Elf64_Ehdr, e_phoff);
		PUT(Elf64_Ehdr, e_phentsize);
		PUT(Elf64_Ehdr, e_phnum);
	} else {
		PUT(Elf32_Ehdr, e_entry);
		PUT(Elf32_Ehdr, e_phoff);
		PUT(Elf32_Ehdr, e_phentsize);
		PUT(Elf32_Ehdr, e_phnum);
	}
#undef PUT
}

/* "Linux" with an empty description, then "Xen" with the entry in 8 bytes. */
static void put_notes(GByteArray *b, const struct build_elf *spec)
{
	bool big = spec->is_big_endian;

	put(b, BUILD_NOTES, 4, big, 6);
	put(b, BUILD_NOTES + 4, 4, big, 4);
	put(b, BUILD_NOTES + 8, 4, big, 18);
	memcpy(b->data + BUILD_NOTES + 12, "Linux", 6);

	put(b, BUILD_NOTE_PVH, 4, big, 4);
	put(b, BUILD_NOTE_PVH + 4, 4, big, 8);
	put(b, BUILD_NOTE_PVH + 8, 4, big, spec->pvh ? 18 : 6);
	memcpy(b->data + BUILD_NOTE_PVH + 12, "Xen", 4);
	put(b, BUILD_NOTE_PVH + 16, 8, big, BUILD_SEG0_GPA + BUILD_ENTRY_OFFSET);
}

GByteArray *build_elf(const struct build_elf *spec)
{
	const Elf64_Phdr phdrs[BUILD_PHDRS] = {
		{
			.p_type = PT_LOAD,
			.p_offset = BUILD_SEG0,
			.p_vaddr = BUILD_ELF_VIRTUAL_BASE + BUILD_SEG0_GPA,
			.p_paddr = BUILD_SEG0_GPA,
			.p_filesz = BUILD_SEG0_BYTES,
			.p_memsz = BUILD_SEG0_MEM,
			.p_align = 0x1000,
		},
		{
			.p_type = PT_LOAD,
			.p_offset = BUILD_SEG1,
			.p_vaddr = BUILD_ELF_VIRTUAL_BASE + BUILD_SEG1_GPA,
			.p_paddr = BUILD_SEG1_GPA,
			.p_filesz = BUILD_SEG1_BYTES,
			.p_memsz = BUILD_SEG1_MEM,
			.p_align = 0x1000,
		},
		{
			.p_type = PT_NOTE,
			.p_offset = BUILD_NOTES,
			.p_filesz = BUILD_NOTES_BYTES,
			.p_memsz = BUILD_NOTES_BYTES,
			.p_align = 4,
		},
	};
	GByteArray *b = zeros(BUILD_NOTES + BUILD_NOTES_BYTES);

	put_ehdr(b, spec);
	for (unsigned int i = 0; i < BUILD_PHDRS; i++)
		put_phdr(b, spec, i, &phdrs[i]);
	fill(b, BUILD_SEG0, BUILD_SEG0_BYTES);
	fill(b, BUILD_SEG1, BUILD_SEG1_BYTES);
	put_notes(b, spec);
	return b;
}

void build_patch(GByteArray *bytes, const struct build_patch *patch)
{
	put(bytes, patch->offset, patch->width, false, patch->value);
}

void build_spoil(GByteArray *bytes, const struct build_bad *bad)
{
	for (guint i = 0; i < G_N_ELEMENTS(bad->patches); i++)
		build_patch(bytes, &bad->patches[i]);
	if (bad->cut) {
		g_assert_cmpuint(bad->cut, <, bytes->len);
		g_byte_array_set_size(bytes, bad->cut);
	}
}

void build_open(struct iol_image *image, GByteArray *bytes, const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(write(fd, bytes->data, bytes->len), ==, bytes->len);
	g_byte_array_unref(bytes);
	g_assert_cmpint(iol_image_from_fd(image, fd, name, NULL), ==, 0);
}

void build_check_error(const struct iol_error *err, int code, const char *path, const char *part)
{
	g_test_message("%s", err->msg);
	g_assert_cmpint(err->code, ==, code);
	g_assert_true(g_str_has_prefix(err->msg, path));
	g_assert_null(strchr(err->msg, '\n'));
	if (!strstr(err->msg, part))
		g_error("\"%s\" lacks \"%s\"", err->msg, part);
}
