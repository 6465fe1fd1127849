/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Synthetic kernels for tests: small valid bzImages and ELF files as byte arrays, which a test
 * patches or cuts to make them lie, in a memfd behind a struct iol_image.
 */
#ifndef IOLITE_TESTS_IMAGE_BUILDER_H
#define IOLITE_TESTS_IMAGE_BUILDER_H

#include <glib.h>

#include <iolite/image.h>

/* Where things are in the files, for patches. */
enum {
	BUILD_BZ_PAYLOAD = 0xa00, /* setup_sects 4 */
	BUILD_BZ_PAYLOAD_BYTES = 0x2000,
	BUILD_BZ_INIT_BYTES = 0x400000,
	BUILD_BZ_PREF_ADDRESS = 0x1000000,
	BUILD_BZ_CMDLINE_MAX = 2047,

	BUILD_EHDR64_BYTES = 64,
	BUILD_PHDR64_BYTES = 56,
	BUILD_PHDRS = 3, /* two PT_LOAD, one PT_NOTE */
	BUILD_SEG0 = 0x1000, /* file offsets */
	BUILD_SEG0_BYTES = 0x200,
	BUILD_SEG0_MEM = 0x1000,
	BUILD_SEG0_GPA = 0x1000000,
	BUILD_SEG1 = 0x1200,
	BUILD_SEG1_BYTES = 0x100,
	BUILD_SEG1_MEM = 0x3000,
	BUILD_SEG1_GPA = 0x1002000,
	BUILD_NOTES = 0x1300,
	BUILD_NOTE_PVH = BUILD_NOTES + 24, /* behind a note of another name */
	BUILD_NOTES_BYTES = 24 + 24,
	BUILD_ENTRY_OFFSET = 0x40, /* of both entries in segment 0 */

	BUILD_ARM64_BYTES = 0x3000,
	BUILD_ARM64_MEM = 0x40000, /* image_size */
	BUILD_ARM64_PE = 0x40, /* file offsets */
	BUILD_ARM64_SECTIONS = BUILD_ARM64_PE + 24 + 0xa0, /* two, of 40 bytes */
	BUILD_ARM64_PATTERN = 0x200, /* from here on */
	BUILD_ZBOOT_PAYLOAD = 0x1000,
};

#define BUILD_ELF_VIRTUAL_BASE UINT64_C(0xffffffff80000000)

/* A field of program header @idx of a 64-bit ELF file; offsets as in Elf64_Phdr. */
#define BUILD_PHDR64(idx, field) \
	(BUILD_EHDR64_BYTES + (idx)*BUILD_PHDR64_BYTES + offsetof(Elf64_Phdr, field))

struct build_elf {
	bool is_64bit;
	bool is_big_endian;
	uint16_t machine;
	bool pvh; /* else the note's type is another */
};

/* Byte @i of payloads and segments. */
uint8_t build_pattern(uint64_t i);

/* Protocol 2.15, relocatable, 64-bit. */
GByteArray *build_bzimage(void);
GByteArray *build_elf(const struct build_elf *spec);

/* An EFI program too; little-endian, 4 KiB pages, text_offset 0. */
GByteArray *build_arm64_image(void);

/* Packed with gzip; takes @plain. */
GByteArray *build_gzip(GByteArray *plain);

/* An EFI zboot image around @payload, which it takes. */
GByteArray *build_zboot(GByteArray *payload, const char *method);

/* Offsets in a uImage. */
enum {
	BUILD_UIMAGE_HCRC = 4,
	BUILD_UIMAGE_SIZE = 12,
	BUILD_UIMAGE_LOAD = 16,
	BUILD_UIMAGE_ENTRY = 20,
	BUILD_UIMAGE_DCRC = 24,
	BUILD_UIMAGE_OS = 28,
	BUILD_UIMAGE_ARCH,
	BUILD_UIMAGE_TYPE,
	BUILD_UIMAGE_COMP,
	BUILD_UIMAGE_NAME,
	BUILD_UIMAGE_DATA = 64,
};

/* A U-Boot image for Linux on powerpc around @payload, which it takes. */
struct build_uimage {
	uint32_t load, entry;
	uint8_t type; /* 0: a kernel */
	bool gzip; /* packs @payload, and says so */
	const char *name; /* up to 32 bytes; NULL: none */
};
GByteArray *build_uimage(GByteArray *payload, const struct build_uimage *spec);
/* Makes the CRCs of a changed one right: of all data that are there, and of the header. */
void build_uimage_seal(GByteArray *bytes);
/* That of the header alone. */
void build_uimage_seal_header(GByteArray *bytes);

/* @len bytes of the pattern. */
GByteArray *build_blob(guint len);

/* Writes a little-endian number of @width bytes; @width 0 does nothing. */
struct build_patch {
	uint32_t offset;
	uint32_t width;
	uint64_t value;
};

/* A file made of a valid one, and what its reader must say. */
struct build_bad {
	const char *name;
	uint32_t cut; /* new length; 0: uncut */
	struct build_patch patches[4];
	int code;
	const char *message; /* part of the text */
};

void build_patch(GByteArray *bytes, const struct build_patch *patch);
void build_spoil(GByteArray *bytes, const struct build_bad *bad);

/* Takes @bytes into a memfd. */
void build_open(struct iol_image *image, GByteArray *bytes, const char *name);

/* One line that begins with @path, and holds @part. */
void build_check_error(const struct iol_error *err, int code, const char *path, const char *part);

#endif
