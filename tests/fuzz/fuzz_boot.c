// SPDX-License-Identifier: Apache-2.0
/*
 * Loads hostile kernel files into the memory of an x86_64 machine (bzImage, ELF with and without a PVH note) or of
 * an aarch64 one (Image, plain, packed with gzip, in an EFI zboot image); either gets anything else, too.
 *
 * An input is a number for the architecture, the machine and its other boot parameters, the kind of file, changes
 * to a valid file of that kind, and bytes that go behind it. One kind has no valid file: all of it is
 * from the input. What is packed is changed before and after.
 */
#include "fuzz.h"

#include <elf.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include <sanitizer/asan_interface.h>

#include <iolite/arm64_image.h>

#include "arch/aarch64/arm64.h"
#include "arch/x86_64/x86.h"
#include "image_builder.h"

enum {
	KERNEL_BYTES_MAX = 128 * 1024,
	INITRD_BYTES = 256 * 1024, /* of the file; what it is said to have may be more */
	CMDLINE_BYTES_MAX = 0x10010,
	PAGE_BYTES = 4096,
	CHANGES_MAX = 16,
};

/* A machine's memory, used for all inputs that ask for its size. */
struct machine {
	struct iol_layout layout;
	struct iol_memory mem;
};

/* RAM of x86_64 ends exactly behind the largest kernel of the builder, a page behind, ..., above 4 GiB. */
static const uint64_t x86_sizes[] = {
	IOL_MIB,      2 * IOL_MIB,
	16 * IOL_MIB, BUILD_BZ_PREF_ADDRESS + BUILD_BZ_INIT_BYTES,
	0x1401000,    64 * IOL_MIB,
#if UINTPTR_MAX > UINT32_MAX /* a 32-bit host has no addresses for them */
	3 * IOL_GIB,  3 * IOL_GIB + PAGE_BYTES,
	5 * IOL_GIB,
#endif
};
/* That of aarch64 with the tree at its end, before its end, and with much behind the tree. */
static const uint64_t arm64_sizes[] = {
	16 * IOL_MIB, 16 * IOL_MIB + 64 * IOL_KIB, 18 * IOL_MIB, 512 * IOL_MIB, 514 * IOL_MIB,
#if UINTPTR_MAX > UINT32_MAX
	5 * IOL_GIB,
#endif
};

static struct machine x86_machines[IOL_ARRAY_LEN(x86_sizes)];
static struct machine arm64_machines[IOL_ARRAY_LEN(arm64_sizes)];

/* Maps RAM with something that must not be touched around each region. */
static void map_memory(struct machine *m)
{
	struct iol_memory_region regions[IOL_MEMORY_REGIONS_MAX];
	struct iol_memory *mem = &m->mem;
	unsigned int count = 0;
	uint8_t *end;

	regions[count++] = m->layout.ram[0];
	regions[count++] = (struct iol_memory_region){
		.gpa = m->layout.ram[0].gpa + m->layout.ram[0].size_bytes,
		.size_bytes = PAGE_BYTES,
	};
	if (m->layout.ram_count > 1)
		regions[count++] = m->layout.ram[1];
	fuzz_check(!iol_memory_init(mem, regions, count, NULL));
	/* A huge page takes longer to clear than an input to run. */
	madvise(mem->mapping, mem->mapping_bytes, MADV_NOHUGEPAGE);

	end = mem->regions[count - 1].hva + mem->regions[count - 1].size_bytes;
	ASAN_POISON_MEMORY_REGION(mem->mapping, (size_t)(mem->regions[0].hva - mem->mapping));
	ASAN_POISON_MEMORY_REGION(mem->regions[1].hva, PAGE_BYTES);
	ASAN_POISON_MEMORY_REGION(end, (size_t)(mem->mapping + mem->mapping_bytes - end));
	mem->regions[1] = mem->regions[2];
	mem->region_count = m->layout.ram_count;
}

static struct machine *get_machine(const struct iol_arch *arch, uint8_t idx, uint8_t cpus)
{
	bool arm64 = arch == &iol_arch_aarch64;
	size_t which = idx % (arm64 ? IOL_ARRAY_LEN(arm64_sizes) : IOL_ARRAY_LEN(x86_sizes));
	struct machine *m = arm64 ? &arm64_machines[which] : &x86_machines[which];
	const struct iol_layout_request request = {
		.memory_bytes = arm64 ? arm64_sizes[which] : x86_sizes[which],
		.cpus = 1,
		.serials = 1,
		.facts = arch->typical_host,
	};

	if (!m->mem.mapping) {
		fuzz_check(!arch->layout(&request, &m->layout, NULL));
		map_memory(m);
	}
	m->layout.cpus = 1 + cpus % IOL_X86_CPUS_MAX;
	return m;
}

/* A number in a header, for changes that matter. */
struct field {
	uint16_t offset;
	uint8_t width;
};

static const struct field bz_fields[] = {
	{ 0x1f1, 1 }, { 0x1f4, 4 }, { 0x1fe, 2 }, { 0x200, 1 }, { 0x201, 1 }, { 0x202, 4 },
	{ 0x206, 2 }, { 0x211, 1 }, { 0x214, 4 }, { 0x22c, 4 }, { 0x230, 4 }, { 0x234, 1 },
	{ 0x236, 2 }, { 0x238, 4 }, { 0x248, 4 }, { 0x24c, 4 }, { 0x258, 8 }, { 0x260, 4 },
};

#define FIELD(type, f, base)                                       \
	{                                                          \
		(base) + offsetof(type, f), sizeof(((type *)0)->f) \
	}
#define EHDR_FIELDS(type)                                                                    \
	{ EI_CLASS, 1 }, { EI_DATA, 1 }, FIELD(type, e_type, 0), FIELD(type, e_machine, 0),  \
		FIELD(type, e_version, 0), FIELD(type, e_entry, 0), FIELD(type, e_phoff, 0), \
		FIELD(type, e_phentsize, 0), FIELD(type, e_phnum, 0)
#define PHDR_FIELDS(type, base)                                                             \
	FIELD(type, p_type, base), FIELD(type, p_offset, base), FIELD(type, p_vaddr, base), \
		FIELD(type, p_paddr, base), FIELD(type, p_filesz, base),                    \
		FIELD(type, p_memsz, base), FIELD(type, p_align, base)
#define NOTE_FIELDS                                                                               \
	{ BUILD_NOTES, 4 }, { BUILD_NOTES + 4, 4 }, { BUILD_NOTE_PVH, 4 },                        \
		{ BUILD_NOTE_PVH + 4, 4 }, { BUILD_NOTE_PVH + 8, 4 }, { BUILD_NOTE_PVH + 12, 4 }, \
	{                                                                                         \
		BUILD_NOTE_PVH + 16, 8                                                            \
	}

static const struct field elf64_fields[] = {
	EHDR_FIELDS(Elf64_Ehdr),
	PHDR_FIELDS(Elf64_Phdr, sizeof(Elf64_Ehdr)),
	PHDR_FIELDS(Elf64_Phdr, sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr)),
	PHDR_FIELDS(Elf64_Phdr, sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Phdr)),
	NOTE_FIELDS,
};

static const struct field elf32_fields[] = {
	EHDR_FIELDS(Elf32_Ehdr),
	PHDR_FIELDS(Elf32_Phdr, sizeof(Elf32_Ehdr)),
	PHDR_FIELDS(Elf32_Phdr, sizeof(Elf32_Ehdr) + sizeof(Elf32_Phdr)),
	PHDR_FIELDS(Elf32_Phdr, sizeof(Elf32_Ehdr) + 2 * sizeof(Elf32_Phdr)),
	NOTE_FIELDS,
};

static const struct field arm64_fields[] = {
	{ 0x00, 2 },
	{ 0x08, 8 },
	{ 0x10, 8 },
	{ 0x18, 8 },
	{ 0x38, 4 },
	{ 0x3c, 4 },
	{ BUILD_ARM64_PE, 4 },
	{ BUILD_ARM64_PE + 6, 2 },
	{ BUILD_ARM64_PE + 20, 2 },
	{ BUILD_ARM64_SECTIONS + 16, 4 },
	{ BUILD_ARM64_SECTIONS + 20, 4 },
	{ BUILD_ARM64_SECTIONS + 56, 4 },
	{ BUILD_ARM64_SECTIONS + 60, 4 },
};

/* Of gzip's header and of a zboot image's. */
static const struct field packed_fields[] = {
	{ 0, 1 }, { 1, 1 }, { 2, 1 }, { 3, 1 }, { 8, 4 }, { 12, 4 }, { 24, 4 }, { 4096, 2 },
};

/* A kind of file to start from. */
struct kind {
	GByteArray *valid; /* made at its first use; NULL: none */
	const struct build_elf *elf; /* NULL: bzImage, or nothing at all */
	const struct field *fields;
	unsigned int field_count;
};

enum { KIND_BZIMAGE, KIND_RAW = 6, KIND_COUNT };

static struct kind *get_kind(uint8_t idx)
{
	static const struct build_elf pvh64 = { .is_64bit = true,
						.machine = EM_X86_64,
						.pvh = true };
	static const struct build_elf plain64 = { .is_64bit = true, .machine = EM_X86_64 };
	static const struct build_elf pvh32 = { .machine = EM_386, .pvh = true };
	static const struct build_elf big64 = { .is_64bit = true,
						.is_big_endian = true,
						.machine = EM_PPC64 };
	static const struct build_elf big32 = { .is_big_endian = true,
						.machine = EM_X86_64,
						.pvh = true };
#define KIND(spec, table)                               \
	{                                               \
		NULL, spec, table, IOL_ARRAY_LEN(table) \
	}
	static struct kind kinds[KIND_COUNT] = {
		[KIND_BZIMAGE] = KIND(NULL, bz_fields),
		KIND(&pvh64, elf64_fields),
		KIND(&plain64, elf64_fields),
		KIND(&pvh32, elf32_fields),
		KIND(&big64, elf64_fields),
		KIND(&big32, elf32_fields),
		[KIND_RAW] = { 0 },
	};
#undef KIND
	struct kind *kind = &kinds[idx % KIND_COUNT];

	if (!kind->valid && kind->fields)
		kind->valid = kind->elf ? build_elf(kind->elf) : build_bzimage();
	return kind;
}

static uint64_t load_number(const uint8_t *p, unsigned int width, bool big)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < width; i++)
		value |= (uint64_t)p[i] << 8 * (big ? width - 1 - i : i);
	return value;
}

static void store_number(uint8_t *p, unsigned int width, bool big, uint64_t value)
{
	for (unsigned int i = 0; i < width; i++)
		p[i] = (uint8_t)(value >> 8 * (big ? width - 1 - i : i));
}

/* A new value for a number that is @old. */
static uint64_t change_number(struct fuzz_input *in, uint64_t old)
{
	static const uint64_t notable[] = {
		0,
		1,
		0x200,
		0x1000,
		0x7fffffff,
		0x80000000,
		0xffffffff,
		0x100000000,
		0x8000000000000000,
		0xffffffffffffffff,
		0xfffffffffffff000,
		IOL_X86_KERNEL_MIN,
		IOL_X86_RAM_LOW_END,
		IOL_X86_ECAM,
		BUILD_SEG0_GPA,
		BUILD_SEG1_GPA,
		BUILD_SEG0,
		BUILD_NOTES,
	};

	switch (fuzz_u8(in) % 4) {
	case 0:
		return fuzz_number(in, 8);
	case 1:
		return notable[fuzz_u8(in) % IOL_ARRAY_LEN(notable)];
	case 2:
		return old + fuzz_u8(in) - 128;
	default:
		return old ^ UINT64_C(1) << fuzz_u8(in) % 64;
	}
}

static void change_field(struct fuzz_input *in, const struct field *fields, unsigned int count,
			 bool big, uint8_t *file, size_t len)
{
	uint8_t which = fuzz_u8(in);
	struct field f;

	/* Mostly a field, sometimes a number anywhere. */
	if (which < 0xe0) {
		f = fields[which % count];
	} else {
		f.width = (uint8_t)(1 << which % 4);
		f.offset = fuzz_u16(in);
	}
	if (f.offset + (size_t)f.width <= len)
		store_number(file + f.offset, f.width, big,
			     change_number(in, load_number(file + f.offset, f.width, big)));
}

static void change_file(struct fuzz_input *in, const struct kind *kind, uint8_t *file, size_t len)
{
	change_field(in, kind->fields, kind->field_count, kind->elf && kind->elf->is_big_endian,
		     file, len);
}

/* The rest of the input goes behind the @len bytes of @file. Returns its length, which is not 0. */
static size_t add_rest(struct fuzz_input *in, uint8_t file[KERNEL_BYTES_MAX], size_t len)
{
	size_t got;
	const uint8_t *rest = fuzz_take(in, KERNEL_BYTES_MAX - len, &got);

	memcpy(file + len, rest, got);
	len += got;
	if (!len)
		file[len++] = 0;
	return len;
}

/* Makes a file in @file; returns its length, which is not 0. */
static size_t make_x86_kernel(struct fuzz_input *in, uint8_t file[KERNEL_BYTES_MAX])
{
	const struct kind *kind = get_kind(fuzz_u8(in));
	size_t len = 0;

	if (kind->valid) {
		uint8_t changes = fuzz_u8(in);

		len = kind->valid->len;
		memcpy(file, kind->valid->data, len);
		for (unsigned int i = 0; i < changes % CHANGES_MAX; i++)
			change_file(in, kind, file, len);
		if (changes & 0x80)
			len = fuzz_u16(in) % len;
	}
	return add_rest(in, file, len);
}

enum { ARM64_PLAIN, ARM64_GZIP, ARM64_ZBOOT, ARM64_RAW, ARM64_KIND_COUNT };

/* An Image, changed; sometimes longer than it says, which packs well. */
static GByteArray *make_image(struct fuzz_input *in)
{
	GByteArray *image = build_arm64_image();
	uint8_t changes = fuzz_u8(in);

	for (unsigned int i = 0; i < changes % CHANGES_MAX; i++)
		change_field(in, arm64_fields, IOL_ARRAY_LEN(arm64_fields), false, image->data,
			     image->len);
	if (changes & 0x40)
		g_byte_array_set_size(image, BUILD_ARM64_BYTES + 16 * (guint)fuzz_u16(in));
	if (image->len > BUILD_ARM64_BYTES)
		memset(image->data + BUILD_ARM64_BYTES, 0, image->len - BUILD_ARM64_BYTES);
	return image;
}

static size_t make_arm64_kernel(struct fuzz_input *in, uint8_t file[KERNEL_BYTES_MAX])
{
	uint8_t kind = fuzz_u8(in) % ARM64_KIND_COUNT, changes;
	GByteArray *image;
	size_t len = 0;

	if (kind == ARM64_RAW)
		return add_rest(in, file, 0);
	image = make_image(in);
	if (kind != ARM64_PLAIN)
		image = build_gzip(image);
	if (kind == ARM64_ZBOOT)
		image = build_zboot(image, "gzip");
	changes = fuzz_u8(in);
	for (unsigned int i = 0; kind != ARM64_PLAIN && i < changes % CHANGES_MAX; i++)
		change_field(in, packed_fields, IOL_ARRAY_LEN(packed_fields), false, image->data,
			     image->len);
	len = MIN(image->len, KERNEL_BYTES_MAX);
	memcpy(file, image->data, len);
	g_byte_array_unref(image);
	if (changes & 0x80)
		len = fuzz_u16(in) % len;
	return add_rest(in, file, len);
}

/* A file of @len bytes that says it has @more. */
static void set_kernel(struct iol_image *image, const uint8_t *file, size_t len, uint64_t more)
{
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("kernel", MFD_CLOEXEC);
	fuzz_check(pwrite(fd, file, len, 0) == (ssize_t)len);
	fuzz_check(!ftruncate(fd, (off_t)len));
	*image = (struct iol_image){ .fd = fd, .size_bytes = len + more, .path = "kernel" };
}

static const uint8_t *initrd_bytes(void)
{
	static uint8_t bytes[INITRD_BYTES];

	if (!bytes[0])
		for (unsigned int i = 0; i < INITRD_BYTES; i++)
			bytes[i] = build_pattern(i);
	return bytes;
}

static void set_initrd(struct fuzz_input *in, struct iol_image *image)
{
	static int fd = -1;
	uint64_t size;

	if (fd < 0) {
		fd = memfd_create("initrd", MFD_CLOEXEC);
		fuzz_check(pwrite(fd, initrd_bytes(), INITRD_BYTES, 0) == INITRD_BYTES);
	}
	switch (fuzz_u8(in) % 4) {
	case 0:
		*image = (struct iol_image){ .fd = -1 };
		return;
	case 1:
		size = 1 + (uint64_t)fuzz_u16(in);
		break;
	case 2:
		size = 1 + 4 * (uint64_t)fuzz_u16(in);
		break;
	default: /* more than the file has: -ENOSPC, or -EIO at its true end */
		size = INITRD_BYTES + 1 + fuzz_number(in, 4);
		break;
	}
	*image = (struct iol_image){ .fd = fd, .size_bytes = size, .path = "initrd" };
}

static const char *make_cmdline(struct fuzz_input *in)
{
	static char text[CMDLINE_BYTES_MAX + 1];
	uint16_t len = fuzz_u16(in);

	memset(text, 'a', CMDLINE_BYTES_MAX);
	if (len == UINT16_MAX)
		return NULL;
	/* Many are around what low memory has room for. */
	if (len >= 0xf000)
		return text + CMDLINE_BYTES_MAX - (IOL_X86_CMDLINE_BYTES - 8 + len % 16);
	return text + CMDLINE_BYTES_MAX - len;
}

/* True when [gpa, gpa + len) touches the initrd. */
static bool touches(const struct iol_x86_range *initrd, uint64_t gpa, uint64_t len)
{
	return initrd->start < gpa + len && gpa < initrd->end;
}

static void check_bytes(const struct iol_memory *mem, uint64_t gpa, const uint8_t *bytes,
			uint64_t len)
{
	const uint8_t *p = iol_memory_ptr(mem, gpa, len);

	fuzz_check(!len || (p && !memcmp(p, bytes, len)));
}

/* The initrd that the guest is told of is where it can be, and complete. */
static struct iol_x86_range check_initrd(const struct machine *m, const struct iol_boot *boot,
					 const struct iol_entry *entry)
{
	const uint8_t *low = iol_memory_ptr(&m->mem, 0, IOL_X86_RAM_MIN_BYTES);
	uint64_t start, bytes;

	if (entry->mode == IOL_X86_ENTRY_LONG) {
		start = le32_load(low + IOL_X86_ZERO_PAGE + 0x218);
		bytes = le32_load(low + IOL_X86_ZERO_PAGE + 0x21c);
	} else {
		start = le64_load(low + IOL_X86_START_INFO_MODLIST);
		bytes = le64_load(low + IOL_X86_START_INFO_MODLIST + 8);
	}
	fuzz_check(bytes == (boot->initrd.fd < 0 ? 0 : boot->initrd.size_bytes));
	fuzz_check(bytes <= INITRD_BYTES);
	fuzz_check(!bytes || start >= IOL_X86_KERNEL_MIN);
	check_bytes(&m->mem, start, initrd_bytes(), bytes);
	return (struct iol_x86_range){ start, start + bytes };
}

static void check_bzimage(const struct machine *m, const struct iol_boot *boot, uint64_t start,
			  const struct iol_x86_range *initrd, const uint8_t *file)
{
	struct iol_bzimage bz;

	fuzz_check(!iol_bzimage_parse(&boot->kernel, &bz, NULL));
	fuzz_check(bz.init_bytes >= bz.payload_bytes);
	fuzz_check(iol_memory_ptr(&m->mem, start, bz.init_bytes));
	fuzz_check(!touches(initrd, start, bz.init_bytes));
	fuzz_check(initrd->end == initrd->start || initrd->end - 1 <= bz.initrd_max);
	fuzz_check(!boot->cmdline || strlen(boot->cmdline) <= bz.cmdline_max);
	check_bytes(&m->mem, start, file + bz.payload_offset, bz.payload_bytes);
}

static void check_elf(const struct machine *m, const struct iol_boot *boot,
		      const struct iol_x86_range *initrd, const uint8_t *file)
{
	struct iol_elf elf;

	fuzz_check(!iol_elf_parse(&boot->kernel, &elf, NULL));
	for (unsigned int i = 0; i < elf.segment_count; i++) {
		const struct iol_elf_segment *seg = &elf.segments[i];

		fuzz_check(seg->gpa >= IOL_X86_KERNEL_MIN);
		fuzz_check(iol_memory_ptr(&m->mem, seg->gpa, seg->mem_bytes));
		fuzz_check(!touches(initrd, seg->gpa, seg->mem_bytes));
		check_bytes(&m->mem, seg->gpa, file + seg->offset, seg->file_bytes);
	}
	fuzz_check(!boot->cmdline || strlen(boot->cmdline) <= IOL_X86_CMDLINE_MAX_DEFAULT);
}

static void check_x86_loaded(const struct machine *m, const struct iol_boot *boot,
			     const struct iol_entry *entry, const uint8_t *file)
{
	const char *cmdline = boot->cmdline ? boot->cmdline : "";
	struct iol_x86_range initrd = check_initrd(m, boot, entry);

	fuzz_check(entry->mode == IOL_X86_ENTRY_LONG || entry->mode == IOL_X86_ENTRY_PROTECTED);
	fuzz_check(entry->args[0] ==
		   (entry->mode == IOL_X86_ENTRY_LONG ? IOL_X86_ZERO_PAGE : IOL_X86_START_INFO));
	fuzz_check(strlen(cmdline) < IOL_X86_CMDLINE_BYTES);
	check_bytes(&m->mem, IOL_X86_CMDLINE, (const uint8_t *)cmdline, strlen(cmdline) + 1);
	check_bytes(&m->mem, IOL_X86_ACPI, (const uint8_t *)"RSD PTR ", 8);
	/* What was loaded is what the file has, all of it and undisturbed by what came later. */
	fuzz_check(iol_memory_ptr(&m->mem, entry->pc, 1));
	fuzz_check(entry->pc >= IOL_X86_KERNEL_MIN && entry->pc < IOL_X86_RAM_LOW_END);
	if (iol_bzimage_probe(&boot->kernel, NULL) > 0)
		check_bzimage(m, boot, entry->pc - IOL_BZIMAGE_ENTRY64_OFFSET, &initrd, file);
	else
		check_elf(m, boot, &initrd, file);
}

/* What is in guest memory from @gpa on is all that zlib, asked by us, unpacks from the file. */
static uint64_t check_unpacked(const struct machine *m, const struct iol_arm64_image *arm,
			       const uint8_t *file, uint64_t gpa)
{
	static uint8_t bytes[64 * 1024];
	z_stream z = {
		.next_in = (uint8_t *)(uintptr_t)(file + arm->payload_offset),
		.avail_in = (unsigned int)arm->payload_bytes,
	};
	uint64_t total = 0;
	int ret;

	fuzz_check(inflateInit2(&z, MAX_WBITS + 16) == Z_OK);
	do {
		z.next_out = bytes;
		z.avail_out = sizeof(bytes);
		ret = inflate(&z, Z_NO_FLUSH);
		fuzz_check(ret == Z_OK || ret == Z_STREAM_END);
		check_bytes(&m->mem, gpa + total, bytes, sizeof(bytes) - z.avail_out);
		total += sizeof(bytes) - z.avail_out;
	} while (ret == Z_OK);
	fuzz_check(!z.avail_in);
	inflateEnd(&z);
	return total;
}

static bool is_apart(uint64_t a_start, uint64_t a_end, uint64_t b_start, uint64_t b_end)
{
	return a_end <= b_start || b_end <= a_start;
}

/* booting.rst: where kernel, initrd and tree may be. */
static void check_arm64_places(const struct machine *m, const struct iol_boot *boot,
			       const struct iol_placement *p)
{
	const uint64_t ram = m->layout.ram[0].gpa, end = ram + m->layout.ram[0].size_bytes;
	const uint64_t tree = iol_arm64_tree_gpa(&m->layout), tree_end = tree + IOL_FDT_BYTES_MAX;

	fuzz_check(p->kernel_start >= ram && p->kernel_end <= end);
	fuzz_check(tree % IOL_FDT_BYTES_MAX == 0 && tree >= ram && tree_end <= end);
	fuzz_check(is_apart(p->kernel_start, p->kernel_end, tree, tree_end));
	if (boot->initrd.fd < 0) {
		fuzz_check(p->initrd_start == p->initrd_end);
		return;
	}
	fuzz_check(p->initrd_end - p->initrd_start == boot->initrd.size_bytes);
	fuzz_check(p->initrd_start >= ram && p->initrd_end <= end);
	fuzz_check(p->initrd_end <= ram + 32 * IOL_GIB);
	fuzz_check(is_apart(p->initrd_start, p->initrd_end, tree, tree_end));
	fuzz_check(is_apart(p->initrd_start, p->initrd_end, p->kernel_start, p->kernel_end));
	fuzz_check(boot->initrd.size_bytes <= INITRD_BYTES);
	check_bytes(&m->mem, p->initrd_start, initrd_bytes(), boot->initrd.size_bytes);
}

static void check_arm64_loaded(const struct machine *m, const struct iol_boot *boot,
			       const struct iol_entry *entry, const struct iol_placement *placement,
			       const uint8_t *file)
{
	uint64_t start = placement->kernel_start, bytes;
	struct iol_entry with_tree = *entry;
	struct iol_arm64_image arm;
	static uint8_t blob[64];
	const struct iol_fdt_blob tree = { blob, sizeof(blob) };

	fuzz_check(!iol_arm64_image_parse(&boot->kernel, &arm, NULL));
	fuzz_check(!boot->cmdline || strlen(boot->cmdline) <= IOL_ARM64_CMDLINE_MAX);
	fuzz_check(entry->pc == start && start == m->layout.ram[0].gpa + arm.text_offset);
	for (unsigned int i = 0; i < IOL_ENTRY_ARGS_MAX; i++)
		fuzz_check(!entry->args[i]);
	check_arm64_places(m, boot, placement);
	if (arm.packed) {
		bytes = check_unpacked(m, &arm, file, start);
	} else {
		bytes = arm.payload_bytes;
		check_bytes(&m->mem, start, file, bytes);
	}
	fuzz_check(!arm.mem_bytes || bytes <= arm.mem_bytes);
	fuzz_check(placement->kernel_end - start == (arm.mem_bytes ? arm.mem_bytes : bytes));
	fuzz_check(!iol_arm64_place_tree(&m->layout, &m->mem, placement, &tree, &with_tree, NULL));
	fuzz_check(with_tree.args[0] == iol_arm64_tree_gpa(&m->layout));
}

static void check_refused(const struct iol_error *err, int ret)
{
	fuzz_check_error(err, ret);
	fuzz_check(g_str_has_prefix(err->msg, "kernel: ") ||
		   g_str_has_prefix(err->msg, "initrd: "));
	fuzz_check(ret == -ENOEXEC || ret == -EINVAL || ret == -ENOSPC || ret == -E2BIG ||
		   ret == -EIO);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static uint8_t file[KERNEL_BYTES_MAX];
	struct fuzz_input in = { data, len };
	bool arm64 = fuzz_u8(&in) & 1;
	const struct iol_arch *arch = arm64 ? &iol_arch_aarch64 : &iol_arch_x86_64;
	uint8_t memory_idx = fuzz_u8(&in), more = fuzz_u8(&in);
	struct machine *m = get_machine(arch, memory_idx, fuzz_u8(&in));
	struct iol_boot boot = { .cmdline = make_cmdline(&in) };
	struct iol_entry entry = { 0 };
	struct iol_placement placement;
	struct iol_error err = { 0 };
	size_t file_bytes;
	int ret;

	set_initrd(&in, &boot.initrd);
	file_bytes = arm64 ? make_arm64_kernel(&in, file) : make_x86_kernel(&in, file);
	set_kernel(&boot.kernel, file, file_bytes, more < 0xf0 ? 0 : (more - 0xefu) * 16);

	ret = arch->load(&m->layout, &m->mem, &boot, &entry, &placement, &err);
	fuzz_check(ret <= 0);
	if (ret)
		check_refused(&err, ret);
	else if (arm64)
		check_arm64_loaded(m, &boot, &entry, &placement, file);
	else
		check_x86_loaded(m, &boot, &entry, file);
	fuzz_check(!iol_memory_clear(&m->mem, NULL));
	/* Nobody has to listen. */
	if (more & 1) {
		fuzz_check(arch->load(&m->layout, &m->mem, &boot, &entry, &placement, NULL) == ret);
		fuzz_check(!iol_memory_clear(&m->mem, NULL));
	}
	return 0;
}
