// SPDX-License-Identifier: Apache-2.0
/*
 * Linux kernels entered in 64-bit mode with a zero page (struct boot_params): bzImage, and plain
 * 64-bit ELF, which takes the same entry state. (Linux x86 boot protocol, "64-bit Boot Protocol";
 * Documentation/arch/x86/zero-page.rst.) Runs on the loop's thread while all vCPUs stand still.
 *
 * The header in the zero page is the file's own copy; its numbers were judged by the parsers, and
 * what matters here is checked against guest RAM before anything is loaded.
 */
#include "x86.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>

#include <iolite/endian.h>

#define PAGE_BYTES (4 * IOL_KIB)

#define TYPE_OF_LOADER_UNDEFINED 0xff
#define LOADED_HIGH 0x01
#define VID_MODE_NORMAL 0xffff
#define BOOT_FLAG 0xaa55
#define MAGIC_HDRS 0x53726448 /* "HdrS" */
#define VERSION_2_12 0x020c
#define E820_TABLE_MAX 128

/* The fields of struct boot_params that a loader writes. */
struct __attribute__((packed)) zero_page_e820 {
	le64 addr;
	le64 size;
	le32 type;
};

struct __attribute__((packed)) zero_page {
	uint8_t pad_000[0x070];
	le64 acpi_rsdp_addr;
	uint8_t pad_078[0x0c0 - 0x078];
	le32 ext_ramdisk_image;
	le32 ext_ramdisk_size;
	le32 ext_cmd_line_ptr;
	uint8_t pad_0cc[0x1e8 - 0x0cc];
	uint8_t e820_entries;
	uint8_t pad_1e9[0x1ef - 0x1e9];
	uint8_t sentinel; /* 0: what lies before the header is ours to say */
	uint8_t pad_1f0[0x1f1 - 0x1f0];
	/* struct setup_header */
	uint8_t setup_sects;
	uint8_t pad_1f2[0x1fa - 0x1f2];
	le16 vid_mode;
	uint8_t pad_1fc[0x1fe - 0x1fc];
	le16 boot_flag;
	uint8_t pad_200[0x202 - 0x200];
	le32 magic;
	le16 version;
	uint8_t pad_208[0x210 - 0x208];
	uint8_t type_of_loader;
	uint8_t loadflags;
	uint8_t pad_212[0x214 - 0x212];
	le32 code32_start;
	le32 ramdisk_image;
	le32 ramdisk_size;
	uint8_t pad_220[0x226 - 0x220];
	uint8_t ext_loader_ver;
	uint8_t ext_loader_type;
	le32 cmd_line_ptr;
	uint8_t pad_22c[0x250 - 0x22c];
	le64 setup_data;
	uint8_t pad_258[0x2d0 - 0x258];
	struct zero_page_e820 e820_table[E820_TABLE_MAX];
	uint8_t pad_cd0[0x1000 - 0xcd0];
};

static_assert(offsetof(struct zero_page, acpi_rsdp_addr) == 0x070, "zero-page.rst");
static_assert(offsetof(struct zero_page, ext_ramdisk_image) == 0x0c0, "zero-page.rst");
static_assert(offsetof(struct zero_page, e820_entries) == 0x1e8, "zero-page.rst");
static_assert(offsetof(struct zero_page, sentinel) == 0x1ef, "zero-page.rst");
static_assert(offsetof(struct zero_page, setup_sects) == IOL_BZIMAGE_HEADER_OFFSET, "boot.rst");
static_assert(offsetof(struct zero_page, vid_mode) == 0x1fa, "boot.rst");
static_assert(offsetof(struct zero_page, magic) == 0x202, "boot.rst");
static_assert(offsetof(struct zero_page, type_of_loader) == 0x210, "boot.rst");
static_assert(offsetof(struct zero_page, ramdisk_image) == 0x218, "boot.rst");
static_assert(offsetof(struct zero_page, cmd_line_ptr) == 0x228, "boot.rst");
static_assert(offsetof(struct zero_page, setup_data) == 0x250, "boot.rst");
static_assert(offsetof(struct zero_page, e820_table) == 0x2d0, "zero-page.rst");
static_assert(sizeof(struct zero_page) == 0x1000, "zero-page.rst");
static_assert(IOL_X86_E820_MAX <= E820_TABLE_MAX, "the map fits the zero page");

static void fill_e820(const struct iol_x86_loader *ld, struct zero_page *zp)
{
	struct iol_x86_e820 map[IOL_X86_E820_MAX];
	unsigned int count = iol_x86_e820(ld->layout, map);

	zp->e820_entries = (uint8_t)count;
	for (unsigned int i = 0; i < count; i++)
		zp->e820_table[i] = (struct zero_page_e820){
			.addr = le64_of(map[i].base),
			.size = le64_of(map[i].size_bytes),
			.type = le32_of(map[i].type),
		};
}

/* What does not depend on the kind of kernel; the header's own part is already there. */
static void fill_zero_page(const struct iol_x86_loader *ld, struct zero_page *zp,
			   const struct iol_x86_range *initrd)
{
	uint64_t initrd_bytes = initrd->end - initrd->start;

	zp->acpi_rsdp_addr = le64_of(ld->rsdp_gpa);
	zp->vid_mode = le16_of(VID_MODE_NORMAL);
	zp->type_of_loader = TYPE_OF_LOADER_UNDEFINED;
	zp->ext_loader_ver = 0;
	zp->ext_loader_type = 0;
	zp->loadflags |= LOADED_HIGH;
	zp->cmd_line_ptr = le32_of(IOL_X86_CMDLINE);
	zp->ramdisk_image = le32_of((uint32_t)initrd->start);
	zp->ramdisk_size = le32_of((uint32_t)initrd_bytes);
	zp->ext_ramdisk_image = le32_of((uint32_t)(initrd->start >> 32));
	zp->ext_ramdisk_size = le32_of((uint32_t)(initrd_bytes >> 32));
	zp->setup_data = le64_of(0); /* the file may have left something here */
	fill_e820(ld, zp);
}

/* Writes what both kinds need around the kernel, which lies in @kernel. */
static int place_around(const struct iol_x86_loader *ld, struct zero_page *zp,
			const struct iol_x86_range *kernel, uint32_t cmdline_max,
			uint64_t initrd_max, struct iol_error *err)
{
	struct iol_x86_range initrd;
	int rc;

	rc = iol_x86_place_cmdline(ld, cmdline_max, err);
	if (!rc)
		rc = iol_x86_place_initrd(ld, kernel, initrd_max, &initrd, err);
	if (rc)
		return rc;
	fill_zero_page(ld, zp, &initrd);
	iol_x86_place_gdt(ld, IOL_X86_ENTRY_LONG);
	iol_x86_place_page_tables(ld);
	return 0;
}

/*
 * Where a bzImage runs. A kernel moves itself up to pref_address when it finds itself below
 * (boot.rst, pref_address and init_size), and RAM below the hole has no gap: when it does not fit
 * at pref_address it fits nowhere. Without one, a relocatable kernel runs where we like.
 */
static int choose_range(const struct iol_x86_loader *ld, const struct iol_bzimage *bz,
			struct iol_x86_range *kernel, struct iol_error *err)
{
	uint64_t end = iol_x86_low_ram_end(ld->layout);
	uint64_t start = bz->pref_address;
	uint64_t align = bz->alignment > PAGE_BYTES ? bz->alignment : PAGE_BYTES;
	const char *path = ld->boot->kernel.path;

	if (start < IOL_X86_KERNEL_MIN) {
		if (!bz->relocatable)
			return iol_error_set(err, -EINVAL,
					     "%s: pref_address 0x%" PRIx64
					     " is below 0x%x and the kernel is not relocatable",
					     path, start, IOL_X86_KERNEL_MIN);
		start = IOL_ALIGN_UP((uint64_t)IOL_X86_KERNEL_MIN, align);
	}
	if (start > end || bz->init_bytes > end - start)
		return iol_error_set(
			err, -ENOSPC,
			"%s: the kernel needs 0x%" PRIx64 " bytes (init_size) from 0x%" PRIx64
			", RAM below 4 GiB ends at 0x%" PRIx64 "; give the guest more memory",
			path, bz->init_bytes, start, end);
	*kernel = (struct iol_x86_range){ start, start + bz->init_bytes };
	return 0;
}

int iol_x86_load_bzimage(const struct iol_x86_loader *ld, const struct iol_bzimage *bz,
			 struct iol_entry *entry, struct iol_error *err)
{
	struct zero_page *zp = iol_x86_low_ptr(ld, IOL_X86_ZERO_PAGE, sizeof(*zp));
	struct iol_x86_range kernel = { 0 };
	int rc;

	rc = choose_range(ld, bz, &kernel, err);
	if (rc)
		return rc;
	memcpy((uint8_t *)zp + IOL_BZIMAGE_HEADER_OFFSET, bz->header, bz->header_bytes);
	zp->code32_start = le32_of((uint32_t)kernel.start);
	rc = place_around(ld, zp, &kernel, bz->cmdline_max, bz->initrd_max, err);
	if (!rc)
		rc = iol_image_load(&ld->boot->kernel, bz->payload_offset, bz->payload_bytes,
				    ld->mem, kernel.start, err);
	if (rc)
		return rc;
	*entry = (struct iol_entry){
		.pc = kernel.start + IOL_BZIMAGE_ENTRY64_OFFSET,
		.mode = IOL_X86_ENTRY_LONG,
		.args = { IOL_X86_ZERO_PAGE },
	};
	return 0;
}

/* boot.rst, "setup_data": the newest is the head of the list. */
void iol_x86_link_setup_data(const struct iol_memory *mem, uint64_t gpa)
{
	struct zero_page *zp = iol_memory_ptr(mem, IOL_X86_ZERO_PAGE, sizeof(*zp));
	uint8_t *next = iol_memory_ptr(mem, gpa, sizeof(uint64_t));

	assert(zp && next);
	le64_store(next, le64_get(zp->setup_data));
	zp->setup_data = le64_of(gpa);
}

int iol_x86_load_elf64(const struct iol_x86_loader *ld, const struct iol_elf *elf,
		       struct iol_entry *entry, struct iol_error *err)
{
	struct zero_page *zp = iol_x86_low_ptr(ld, IOL_X86_ZERO_PAGE, sizeof(*zp));
	const struct iol_image *image = &ld->boot->kernel;
	struct iol_x86_range kernel = iol_x86_elf_range(elf);
	uint64_t pc = 0;
	int rc;

	rc = iol_elf_physical_entry(elf, image, &pc, err);
	if (rc)
		return rc;
	if (pc >= IOL_X86_RAM_LOW_END)
		return iol_error_set(err, -EINVAL,
				     "%s: entry 0x%" PRIx64 " is above 0x%" PRIx64
				     ", where no page tables are yet",
				     image->path, pc, (uint64_t)IOL_X86_RAM_LOW_END);
	rc = iol_elf_load(elf, image, ld->mem, IOL_X86_KERNEL_MIN, err);
	if (rc)
		return rc;
	zp->boot_flag = le16_of(BOOT_FLAG);
	zp->magic = le32_of(MAGIC_HDRS);
	zp->version = le16_of(VERSION_2_12);
	rc = place_around(ld, zp, &kernel, IOL_X86_CMDLINE_MAX_DEFAULT, UINT32_MAX, err);
	if (rc)
		return rc;
	*entry = (struct iol_entry){
		.pc = pc,
		.mode = IOL_X86_ENTRY_LONG,
		.args = { IOL_X86_ZERO_PAGE },
	};
	return 0;
}
