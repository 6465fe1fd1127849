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

#include <iolite/endian.h>
#include <iolite/kernel_kind.h>

static const struct iol_kernel_wanted wanted = {
	.machine = "x86_64",
	.elf_machine = EM_X86_64,
	.give = "a bzImage (vmlinuz) or an ELF file (vmlinux)",
	.is_not = "neither a bzImage (vmlinuz) nor an ELF file (vmlinux)",
};

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
	return iol_kernel_refuse_machine(image->path, elf->machine, &wanted, err);
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

	rc = iol_bzimage_probe(&boot->kernel, err);
	if (rc)
		return rc < 0 ? rc : load_bzimage(&ld, entry, err);
	rc = iol_elf_probe(&boot->kernel, err);
	if (rc)
		return rc < 0 ? rc : load_elf(&ld, entry, err);
	return iol_kernel_refuse(&boot->kernel, &wanted, err);
}
