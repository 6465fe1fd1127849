// SPDX-License-Identifier: Apache-2.0
/*
 * The kernel of a Power Book E machine: an ELF file, plain or packed with gzip, a uImage, or a file that is taken as it
 * is. Loads it, and says where it lies and is entered. Runs on the loop's thread, at start and at each reset, while
 * all vCPUs stand still. Files are hostile: every number is judged before it is used.
 *
 * An ELF file tells how much memory the kernel takes; the others end where their bytes end, and what the kernel
 * keeps behind them (its .bss) is not known. Some memory stays free for that.
 */
#include "ppc.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>

#include <iolite/gzip.h>
#include <iolite/kernel_kind.h>
#include <iolite/log.h>
#include <iolite/uimage.h>

/* Linux with all that costs memory has less; QEMU leaves as much. */
#define UNTOLD_BYTES (24 * IOL_MIB)
/* Of a packed ELF file: a kernel without what debuggers want has a tenth. */
#define PACKED_ELF_BYTES_MAX (256 * IOL_MIB)

static const struct iol_kernel_wanted wanted = {
	.machine = "powerpc",
	.elf_machine = EM_PPC,
	.give = "an ELF file (vmlinux) or a uImage",
	.is_not =
		"neither an ELF file (vmlinux) nor a uImage; --kernel-address=ADDR takes a raw image",
};

static const struct iol_uimage_wanted wanted_uimage = {
	.machine = "powerpc",
	.arch = IOL_UIMAGE_ARCH_PPC,
	.type = IOL_UIMAGE_KERNEL,
};

/* Kernels end below. */
static uint64_t limit_of(const struct iol_layout *layout)
{
	uint64_t ram_end = layout->ram[0].size_bytes;

	return ram_end < IOL_PPC_MAP_MAX_BYTES ? ram_end : IOL_PPC_MAP_MAX_BYTES;
}

/* @kernel takes @bytes bytes from its start on, and more that is not known; the tree still finds room, if it can. */
static void guess_end(const struct iol_layout *layout, uint64_t bytes,
		      struct iol_ppc_kernel *kernel)
{
	const uint64_t last = IOL_PPC_MAP_MIN_BYTES - IOL_FDT_BYTES_MAX;
	uint64_t end = kernel->start + bytes;

	kernel->end = end + UNTOLD_BYTES;
	if (end <= last && kernel->end > last)
		kernel->end = last;
	if (kernel->end > limit_of(layout))
		kernel->end = limit_of(layout);
}

static int check_elf(const struct iol_layout *layout, const struct iol_image *image,
		     const struct iol_elf *elf, struct iol_error *err)
{
	const struct iol_ppc_machine *machine = iol_ppc_machine_of(layout);

	if (elf->machine != EM_PPC && elf->machine != EM_PPC64)
		return iol_kernel_refuse_machine(image->path, elf->machine, &wanted, err);
	if (!elf->is_big_endian)
		return iol_error_set(err, -ENOEXEC,
				     "%s: ELF data encoding is little-endian; Book E kernels are "
				     "big-endian",
				     image->path);
	if (elf->is_64bit && !machine->is_64bit)
		return iol_error_set(err, -ENOEXEC,
				     "%s: this is a 64-bit kernel and the machine '%s' has 32 "
				     "bits; give a 32-bit kernel, or the machine 'e5500'",
				     image->path, machine->name);
	return 0;
}

static void take_range(const struct iol_elf *elf, struct iol_ppc_kernel *kernel)
{
	kernel->start = UINT64_MAX;
	kernel->end = 0;
	for (unsigned int i = 0; i < elf->segment_count; i++) {
		const struct iol_elf_segment *seg = &elf->segments[i];

		if (seg->gpa < kernel->start)
			kernel->start = seg->gpa;
		if (seg->gpa + seg->mem_bytes > kernel->end)
			kernel->end = seg->gpa + seg->mem_bytes;
	}
}

static int load_elf(const struct iol_layout *layout, const struct iol_memory *mem,
		    const struct iol_image *image, struct iol_ppc_kernel *kernel,
		    struct iol_error *err)
{
	struct iol_elf elf;
	int rc = iol_elf_parse(image, &elf, err);

	if (!rc)
		rc = check_elf(layout, image, &elf, err);
	if (rc)
		return rc;
	take_range(&elf, kernel);
	kernel->is_64bit = elf.is_64bit;
	if (kernel->end > IOL_PPC_MAP_MAX_BYTES)
		return iol_error_set(err, -ENOSPC,
				     "%s: the kernel ends at 0x%" PRIx64
				     ", and processors start with at most 0x%" PRIx64
				     " mapped; link it lower",
				     image->path, kernel->end, IOL_PPC_MAP_MAX_BYTES);
	rc = iol_elf_physical_entry(&elf, image, &kernel->pc, err);
	return rc ? rc : iol_elf_load(&elf, image, mem, 0, err);
}

/* Only an ELF file has all that is needed to know of it in it: a packed raw image would be a uImage. */
static int load_packed(const struct iol_layout *layout, const struct iol_memory *mem,
		       const struct iol_image *image, struct iol_ppc_kernel *kernel,
		       struct iol_error *err)
{
	struct iol_image unpacked;
	int rc = iol_gzip_unpack(image, PACKED_ELF_BYTES_MAX, &unpacked, err);

	if (rc)
		return rc;
	rc = iol_elf_probe(&unpacked, err);
	if (rc > 0)
		rc = load_elf(layout, mem, &unpacked, kernel, err);
	else if (!rc)
		rc = iol_kernel_refuse(&unpacked, &wanted, err);
	iol_image_close(&unpacked);
	return rc;
}

static int check_entry(const struct iol_image *image, const struct iol_uimage *uimage,
		       uint64_t bytes, struct iol_error *err)
{
	uint64_t end = uimage->load + bytes;

	if (uimage->entry % 4)
		return iol_error_set(err, -EINVAL,
				     "%s: ih_ep is 0x%" PRIx32
				     ", not a multiple of an instruction's 4 bytes; make the "
				     "uImage with another -e",
				     image->path, uimage->entry);
	if (uimage->entry < uimage->load || uimage->entry >= end)
		return iol_error_set(err, -EINVAL,
				     "%s: ih_ep 0x%" PRIx32 " is not in the kernel, which is from "
				     "0x%" PRIx32 " (ih_load) to 0x%" PRIx64
				     "; make the uImage with another -e",
				     image->path, uimage->entry, uimage->load, end);
	return 0;
}

static int load_uimage(const struct iol_layout *layout, const struct iol_memory *mem,
		       const struct iol_image *image, struct iol_ppc_kernel *kernel,
		       struct iol_error *err)
{
	struct iol_uimage uimage;
	uint64_t bytes = 0;
	int rc = iol_uimage_parse(image, &wanted_uimage, &uimage, err);

	if (!rc)
		rc = iol_uimage_load(&uimage, image, mem, limit_of(layout), &bytes, err);
	if (!rc)
		rc = check_entry(image, &uimage, bytes, err);
	if (rc)
		return rc;
	iol_log(IOL_LOG_INFO, "kernel: uImage '%s'", uimage.name);
	kernel->start = uimage.load;
	kernel->pc = uimage.entry;
	guess_end(layout, bytes, kernel);
	return 0;
}

static int load_raw(const struct iol_layout *layout, const struct iol_memory *mem,
		    const struct iol_boot *boot, struct iol_ppc_kernel *kernel,
		    struct iol_error *err)
{
	const struct iol_image *image = &boot->kernel;
	uint64_t gpa = boot->kernel_gpa, limit = limit_of(layout);

	if (gpa > limit || image->size_bytes > limit - gpa)
		return iol_error_set(err, -ENOSPC,
				     "%s: the kernel's 0x%" PRIx64 " bytes at 0x%" PRIx64
				     " (--kernel-address) are not all below 0x%" PRIx64
				     "; give a lower address, or the guest more memory",
				     image->path, image->size_bytes, gpa, limit);
	kernel->start = kernel->pc = gpa;
	guess_end(layout, image->size_bytes, kernel);
	return iol_image_load(image, 0, image->size_bytes, mem, gpa, err);
}

int iol_ppc_load_kernel(const struct iol_layout *layout, const struct iol_memory *mem,
			const struct iol_boot *boot, struct iol_ppc_kernel *kernel,
			struct iol_error *err)
{
	const struct iol_image *image = &boot->kernel;
	int rc;

	*kernel = (struct iol_ppc_kernel){ 0 };
	if (boot->kernel_is_raw)
		return load_raw(layout, mem, boot, kernel, err);
	rc = iol_elf_probe(image, err);
	if (rc)
		return rc < 0 ? rc : load_elf(layout, mem, image, kernel, err);
	if (iol_uimage_probe(image))
		return load_uimage(layout, mem, image, kernel, err);
	if (iol_gzip_probe(image, 0))
		return load_packed(layout, mem, image, kernel, err);
	return iol_kernel_refuse(image, &wanted, err);
}
