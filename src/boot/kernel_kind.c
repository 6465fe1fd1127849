// SPDX-License-Identifier: Apache-2.0
/*
 * Kinds of files that people take for kernels. See include/iolite/kernel_kind.h. Pure: looks at the first
 * bytes, which may be anything. Runs on the loop's thread.
 */
#include <iolite/kernel_kind.h>

#include <elf.h>
#include <errno.h>

#include <iolite/endian.h>

/* Bytes at a fixed place that give a kind of file away, and what to do with it. */
struct clue {
	unsigned int offset;
	unsigned int len;
	const char *bytes;
	const char *text;
};

#define EM_LOONGARCH_NUMBER 258 /* EM_LOONGARCH is not in older <elf.h> */

/* Kernels of other machines come first: an arm64 Image may also begin as a PE program. */
/* clang-format off */
static const struct {
	const char *machine;
	struct clue clue;
} kernels[] = {
	{ "aarch64", { 0x38, 4, "ARM\x64", "this is an arm64 (aarch64) Image" } },
	{ "riscv64", { 0x38, 4, "RSC\x05", "this is a riscv Image" } },
	{ "x86_64", { 0x202, 4, "HdrS", "this is an x86 bzImage" } },
};

static const struct clue clues[] = {
	{ 0, 4, "\x27\x05\x19\x56", "this is a U-Boot uImage; give the kernel that is in it (dumpimage -p 0 -o "
	  "FILE)" },
	{ 0, 4, "\xd0\x0d\xfe\xed", "this is a device tree or a FIT image; take the kernel out of a FIT image "
	  "(dumpimage -T flat_dt -p 0 -o FILE), a tree is given with --dtb" },
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

static const struct {
	uint16_t machine;
	const char *name;
} machines[] = {
	{ EM_386, "i386" },
	{ EM_X86_64, "x86_64" },
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

int iol_kernel_refuse_machine(const char *path, uint16_t elf_machine,
			      const struct iol_kernel_wanted *wanted, struct iol_error *err)
{
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(machines); i++)
		if (machines[i].machine == elf_machine)
			return iol_error_set(err, -ENOEXEC,
					     "%s: this is a kernel for %s; this machine is %s",
					     path, machines[i].name, wanted->machine);
	return iol_error_set(err, -ENOEXEC,
			     "%s: e_machine is %u, a kernel for another machine; this machine is "
			     "%s (%u)",
			     path, elf_machine, wanted->machine, wanted->elf_machine);
}

/* An ELF file where the machine takes none, or none packed. */
static int refuse_elf(const char *path, const uint8_t *head, uint64_t len,
		      const struct iol_kernel_wanted *wanted, struct iol_error *err)
{
	const uint8_t *at = head + offsetof(Elf32_Ehdr, e_machine);
	bool big = len > EI_DATA && head[EI_DATA] == ELFDATA2MSB;
	uint16_t machine = wanted->elf_machine;

	if (len >= sizeof(Elf32_Ehdr))
		machine = big ? be16_load(at) : le16_load(at);
	if (machine != wanted->elf_machine)
		return iol_kernel_refuse_machine(path, machine, wanted, err);
	return iol_error_set(err, -ENOEXEC, "%s: this is an ELF file (vmlinux); give %s", path,
			     wanted->give);
}

static bool fits(const struct clue *clue, const uint8_t *head, uint64_t len)
{
	return clue->offset + clue->len <= len &&
	       !memcmp(head + clue->offset, clue->bytes, clue->len);
}

int iol_kernel_refuse_head(const char *path, const uint8_t *head, uint64_t len,
			   const struct iol_kernel_wanted *wanted, struct iol_error *err)
{
	if (len >= SELFMAG && !memcmp(head, ELFMAG, SELFMAG))
		return refuse_elf(path, head, len, wanted, err);
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(kernels); i++) {
		/* One of this machine's that its parsers did not take is a coincidence. */
		if (!strcmp(kernels[i].machine, wanted->machine))
			continue;
		if (fits(&kernels[i].clue, head, len))
			return iol_error_set(err, -ENOEXEC,
					     "%s: not a kernel: %s; this machine is %s", path,
					     kernels[i].clue.text, wanted->machine);
	}
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(clues); i++)
		if (fits(&clues[i], head, len))
			return iol_error_set(err, -ENOEXEC, "%s: not a kernel: %s", path,
					     clues[i].text);
	if (len && is_text(head, len))
		return iol_error_set(err, -ENOEXEC, "%s: not a kernel: this is text; give %s", path,
				     wanted->give);
	return iol_error_set(err, -ENOEXEC, "%s: not a kernel: %s", path, wanted->is_not);
}

int iol_kernel_refuse(const struct iol_image *image, const struct iol_kernel_wanted *wanted,
		      struct iol_error *err)
{
	uint8_t head[IOL_KERNEL_HEAD_BYTES];
	uint64_t len = sizeof(head);
	int rc;

	if (len > image->size_bytes)
		len = image->size_bytes;
	rc = iol_image_read(image, 0, head, len, err);
	return rc ? rc : iol_kernel_refuse_head(image->path, head, len, wanted, err);
}
