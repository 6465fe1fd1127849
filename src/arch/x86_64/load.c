// SPDX-License-Identifier: Apache-2.0
/*
 * Fills guest memory for an x86_64 machine: finds out what kind of kernel the file is and has it
 * placed. Runs on the loop's thread, at start and at each reset, while all vCPUs stand still.
 *
 * A file that is no kernel for this machine gets an error that says what it is instead.
 */
#include "x86.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>

#include <iolite/endian.h>

/* Bytes at a fixed place that give a kind of file away, and what to do with it. */
struct clue {
	unsigned int offset;
	unsigned int len;
	const char *bytes;
	const char *text;
};

enum { CLUE_BYTES = 512 };

#define EM_LOONGARCH_NUMBER 258 /* EM_LOONGARCH is not in older <elf.h> */

/* More specific ones first: an arm64 Image may also begin as a PE program. */
/* clang-format off */
static const struct clue clues[] = {
	{ 0x38, 4, "ARM\x64", "this is an arm64 (aarch64) Image; this machine is x86_64" },
	{ 0x38, 4, "RSC\x05", "this is a riscv Image; this machine is x86_64" },
	{ 0, 4, "\x27\x05\x19\x56", "this is a U-Boot uImage; give the bzImage or vmlinux" },
	{ 0, 4, "\xd0\x0d\xfe\xed", "this is a device tree or FIT image, not a kernel" },
	{ 0, 2, "\x1f\x8b", "this is a gzip file; unpack it first (gzip -d)" },
	{ 0, 6, "\xfd" "7zXZ\0", "this is an xz file; unpack it first (xz -d)" },
	{ 0, 4, "\x28\xb5\x2f\xfd", "this is a zstd file; unpack it first (zstd -d)" },
	{ 0, 3, "BZh", "this is a bzip2 file; unpack it first (bzip2 -d)" },
	{ 0, 4, "\x04\x22\x4d\x18", "this is an lz4 file; unpack it first (lz4 -d)" },
	{ 0, 5, "07070", "this is a cpio archive; an initrd is given with -i" },
	{ 0, 4, "QFI\xfb", "this is a qcow2 disk image; a disk is given with -d" },
	{ 0, 7, "!<arch>", "this is an archive or Debian package; the kernel is inside" },
	{ 0, 2, "MZ", "this is an EFI or DOS program without a Linux setup header" },
	{ 510, 2, "\x55\xaa", "this is a boot sector or disk image; a disk is given with -d" },
};
/* clang-format on */

/* clang-format off */
static const struct {
	uint16_t machine;
	const char *name;
} machines[] = {
	{ EM_ARM, "arm" },
	{ EM_AARCH64, "aarch64" },
	{ EM_PPC, "powerpc" },
	{ EM_PPC64, "powerpc64" },
	{ EM_RISCV, "riscv" },
	{ EM_MIPS, "mips" },
	{ EM_S390, "s390x" },
	{ EM_SPARCV9, "sparc64" },
	{ EM_LOONGARCH_NUMBER, "loongarch" },
};
/* clang-format on */

static bool is_text(const uint8_t *bytes, uint64_t len)
{
	for (uint64_t i = 0; i < len; i++) {
		bool printable = bytes[i] >= 0x20 && bytes[i] != 0x7f;
		bool space = bytes[i] == '\n' || bytes[i] == '\r' || bytes[i] == '\t';

		if (!printable && !space)
			return false;
	}
	return true;
}

/* The error for a file that is neither bzImage nor ELF. */
static int unknown_kind(const struct iol_image *image, struct iol_error *err)
{
	uint8_t head[CLUE_BYTES];
	uint64_t len = sizeof(head);
	int rc;

	if (len > image->size_bytes)
		len = image->size_bytes;
	rc = iol_image_read(image, 0, head, len, err);
	if (rc)
		return rc;
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(clues); i++) {
		const struct clue *c = &clues[i];

		if (c->offset + c->len <= len && !memcmp(head + c->offset, c->bytes, c->len))
			return iol_error_set(err, -ENOEXEC, "%s: not a kernel: %s", image->path,
					     c->text);
	}
	if (is_text(head, len))
		return iol_error_set(err, -ENOEXEC,
				     "%s: not a kernel: this is text; give a bzImage (vmlinuz) or "
				     "an ELF file (vmlinux)",
				     image->path);
	return iol_error_set(err, -ENOEXEC,
			     "%s: not a kernel: neither a bzImage (vmlinuz) nor an ELF file "
			     "(vmlinux)",
			     image->path);
}

static int check_machine(const struct iol_image *image, const struct iol_elf *elf,
			 struct iol_error *err)
{
	/* The PVH entry is 32-bit code, so an i386 file with one is as good. */
	if (elf->machine == EM_X86_64 || (elf->machine == EM_386 && elf->has_pvh_entry))
		return 0;
	if (elf->machine == EM_386)
		return iol_error_set(err, -ENOEXEC,
				     "%s: this is an i386 kernel without a PVH note; a 64-bit one, "
				     "or one with the note, is needed",
				     image->path);
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(machines); i++) {
		if (machines[i].machine == elf->machine)
			return iol_error_set(err, -ENOEXEC,
					     "%s: this is a kernel for %s; this machine is x86_64",
					     image->path, machines[i].name);
	}
	return iol_error_set(err, -ENOEXEC,
			     "%s: e_machine is %u, a kernel for another machine; this machine is "
			     "x86_64 (%u)",
			     image->path, elf->machine, EM_X86_64);
}

static int load_elf(const struct iol_x86_loader *ld, struct iol_entry *entry, struct iol_error *err)
{
	const struct iol_image *image = &ld->boot->kernel;
	struct iol_elf elf;
	int rc;

	rc = iol_elf_parse(image, &elf, err);
	if (!rc)
		rc = check_machine(image, &elf, err);
	if (rc)
		return rc;
	if (elf.is_big_endian)
		return iol_error_set(err, -ENOEXEC,
				     "%s: ELF data encoding is big-endian; x86_64 is little-endian",
				     image->path);
	if (elf.has_pvh_entry)
		return iol_x86_load_pvh(ld, &elf, entry, err);
	if (!elf.is_64bit)
		return iol_error_set(
			err, -ENOEXEC,
			"%s: 32-bit ELF (x32) without a PVH note; ELF class 2 (64-bit) "
			"is needed",
			image->path);
	return iol_x86_load_elf64(ld, &elf, entry, err);
}

static int load_bzimage(const struct iol_x86_loader *ld, struct iol_entry *entry,
			struct iol_error *err)
{
	struct iol_bzimage bz;
	int rc;

	rc = iol_bzimage_parse(&ld->boot->kernel, &bz, err);
	if (rc)
		return rc;
	return iol_x86_load_bzimage(ld, &bz, entry, err);
}

int iol_x86_load(const struct iol_layout *layout, const struct iol_memory *mem,
		 const struct iol_boot *boot, struct iol_entry *entry,
		 struct iol_placement *placement, struct iol_error *err)
{
	struct iol_x86_loader ld = {
		.layout = layout,
		.mem = mem,
		.boot = boot,
		.placement = placement,
	};
	int rc;

	*placement = (struct iol_placement){ 0 };
	if (!iol_memory_ptr(mem, 0, IOL_X86_RAM_MIN_BYTES))
		return iol_error_set(err, -EINVAL,
				     "guest memory has less than the 1 MiB that an "
				     "x86_64 machine needs below its kernel");
	rc = iol_x86_acpi_write(layout, mem, boot->virtio_mmio_slots, &ld.rsdp_gpa, err);
	if (rc)
		return rc;
	le16_store(iol_x86_low_ptr(&ld, IOL_X86_RESET_FLAG, 2), IOL_X86_RESET_FLAG_SENTINEL);
	iol_x86_place_reset_vector(&ld);

	if (iol_bzimage_probe(&boot->kernel))
		return load_bzimage(&ld, entry, err);
	if (iol_elf_probe(&boot->kernel))
		return load_elf(&ld, entry, err);
	return unknown_kind(&boot->kernel, err);
}
