// SPDX-License-Identifier: Apache-2.0
/*
 * ELF executables as kernels. See include/iolite/elf.h. (System V ABI, chapter 4 "ELF Header" and
 * chapter 5 "Program Header", "Note Section"; Xen public/elfnote.h.) Runs on the loop's thread.
 *
 * The file is hostile: every number is judged before it is used or added to another. Work is
 * bounded by PHDRS_MAX headers and NOTES_BYTES_MAX bytes of notes, whatever the file says; nothing
 * is allocated but a buffer for one note segment.
 */
#include <iolite/elf.h>

#include <elf.h>
#include <errno.h>
#include <glib.h>
#include <inttypes.h>

#include <iolite/endian.h>

enum {
	PHDRS_MAX = 256, /* real kernels have fewer than ten */
	NOTES_BYTES_MAX = 64 * 1024, /* of all note segments; Linux has about half a KiB */
	NOTE_HEADER_BYTES = 12,
	XEN_ELFNOTE_PHYS32_ENTRY = 18,
};

/* One field of a header: where it is in the two classes, and how wide there. */
struct field {
	uint8_t off32, len32;
	uint8_t off64, len64;
};

#define FIELD(s, f)                                                                          \
	{                                                                                    \
		offsetof(Elf32_##s, f), sizeof(((Elf32_##s *)0)->f), offsetof(Elf64_##s, f), \
			sizeof(((Elf64_##s *)0)->f)                                          \
	}

static const struct field e_type = FIELD(Ehdr, e_type);
static const struct field e_machine = FIELD(Ehdr, e_machine);
static const struct field e_version = FIELD(Ehdr, e_version);
static const struct field e_entry = FIELD(Ehdr, e_entry);
static const struct field e_phoff = FIELD(Ehdr, e_phoff);
static const struct field e_phentsize = FIELD(Ehdr, e_phentsize);
static const struct field e_phnum = FIELD(Ehdr, e_phnum);
static const struct field p_type = FIELD(Phdr, p_type);
static const struct field p_offset = FIELD(Phdr, p_offset);
static const struct field p_vaddr = FIELD(Phdr, p_vaddr);
static const struct field p_paddr = FIELD(Phdr, p_paddr);
static const struct field p_filesz = FIELD(Phdr, p_filesz);
static const struct field p_memsz = FIELD(Phdr, p_memsz);
static const struct field p_align = FIELD(Phdr, p_align);

static uint64_t get_number(const struct iol_elf *elf, const uint8_t *p, unsigned int len)
{
	switch (len) {
	case 2:
		return elf->is_big_endian ? be16_load(p) : le16_load(p);
	case 4:
		return elf->is_big_endian ? be32_load(p) : le32_load(p);
	default:
		return elf->is_big_endian ? be64_load(p) : le64_load(p);
	}
}

static uint64_t get(const struct iol_elf *elf, const uint8_t *header, struct field f)
{
	return elf->is_64bit ? get_number(elf, header + f.off64, f.len64)
			     : get_number(elf, header + f.off32, f.len32);
}

/* The program header table, as judged by parse_header(). */
struct table {
	uint64_t offset;
	unsigned int count;
	unsigned int entry_bytes;
};

/* State of one parse. */
struct parser {
	const struct iol_image *image;
	struct iol_elf *elf;
	uint64_t notes_bytes; /* read so far */
	struct iol_error *err;
};

int iol_elf_probe(const struct iol_image *image, struct iol_error *err)
{
	uint8_t magic[SELFMAG];
	int rc;

	if (image->size_bytes < sizeof(magic))
		return 0;
	rc = iol_image_read(image, 0, magic, sizeof(magic), err);
	return rc ? rc : !memcmp(magic, ELFMAG, SELFMAG);
}

static int parse_ident(struct parser *p, uint8_t header[sizeof(Elf64_Ehdr)])
{
	uint64_t len = sizeof(Elf64_Ehdr);
	const char *path = p->image->path;
	int rc;

	memset(header, 0, len);
	if (len > p->image->size_bytes)
		len = p->image->size_bytes;
	rc = iol_image_read(p->image, 0, header, len, p->err);
	if (rc)
		return rc;
	if (memcmp(header, ELFMAG, SELFMAG))
		return iol_error_set(p->err, -ENOEXEC, "%s: not an ELF file", path);
	if (header[EI_CLASS] != ELFCLASS32 && header[EI_CLASS] != ELFCLASS64)
		return iol_error_set(p->err, -EINVAL,
				     "%s: ELF class is %u, 1 (32-bit) or 2 (64-bit) is needed",
				     path, header[EI_CLASS]);
	if (header[EI_DATA] != ELFDATA2LSB && header[EI_DATA] != ELFDATA2MSB)
		return iol_error_set(p->err, -EINVAL,
				     "%s: ELF data encoding is %u, 1 (little-endian) or 2 "
				     "(big-endian) is needed",
				     path, header[EI_DATA]);
	p->elf->is_64bit = header[EI_CLASS] == ELFCLASS64;
	p->elf->is_big_endian = header[EI_DATA] == ELFDATA2MSB;
	len = p->elf->is_64bit ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
	if (p->image->size_bytes < len)
		return iol_error_set(p->err, -EINVAL,
				     "%s: truncated: the ELF header has %" PRIu64
				     " bytes, the file has %" PRIu64,
				     path, len, p->image->size_bytes);
	return 0;
}

static int parse_table(struct parser *p, const uint8_t *header, struct table *table)
{
	unsigned int phentsize = p->elf->is_64bit ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	uint64_t bytes;

	table->offset = get(p->elf, header, e_phoff);
	table->count = (unsigned int)get(p->elf, header, e_phnum);
	table->entry_bytes = (unsigned int)get(p->elf, header, e_phentsize);
	if (!table->count)
		return iol_error_set(p->err, -EINVAL,
				     "%s: e_phnum is 0: nothing to load (an object file?)",
				     p->image->path);
	if (table->count > PHDRS_MAX)
		return iol_error_set(p->err, -EINVAL,
				     "%s: e_phnum is %u, at most %u program headers are read",
				     p->image->path, table->count, PHDRS_MAX);
	if (table->entry_bytes != phentsize)
		return iol_error_set(p->err, -EINVAL, "%s: e_phentsize is %u, %u is needed",
				     p->image->path, table->entry_bytes, phentsize);
	bytes = (uint64_t)table->count * phentsize;
	if (table->offset > p->image->size_bytes || bytes > p->image->size_bytes - table->offset)
		return iol_error_set(p->err, -EINVAL,
				     "%s: e_phoff 0x%" PRIx64 " + %u program headers is beyond the "
				     "file's 0x%" PRIx64 " bytes",
				     p->image->path, table->offset, table->count,
				     p->image->size_bytes);
	return 0;
}

static int parse_header(struct parser *p, struct table *table)
{
	uint8_t header[sizeof(Elf64_Ehdr)];
	uint64_t type, version;
	int rc;

	rc = parse_ident(p, header);
	if (rc)
		return rc;
	version = get(p->elf, header, e_version);
	if (version != EV_CURRENT)
		return iol_error_set(p->err, -EINVAL, "%s: e_version is %" PRIu64 ", 1 is needed",
				     p->image->path, version);
	type = get(p->elf, header, e_type);
	if (type != ET_EXEC && type != ET_DYN)
		return iol_error_set(p->err, -ENOEXEC,
				     "%s: e_type is %" PRIu64 ", 2 (executable) is needed",
				     p->image->path, type);
	p->elf->machine = (uint16_t)get(p->elf, header, e_machine);
	p->elf->entry = get(p->elf, header, e_entry);
	return parse_table(p, header, table);
}

static bool overlap(const struct iol_elf_segment *a, const struct iol_elf_segment *b)
{
	return a->gpa < b->gpa + b->mem_bytes && b->gpa < a->gpa + a->mem_bytes;
}

static int add_segment(struct parser *p, unsigned int idx, const struct iol_elf_segment *seg)
{
	struct iol_elf *elf = p->elf;

	if (elf->segment_count == IOL_ELF_SEGMENTS_MAX)
		return iol_error_set(
			p->err, -EINVAL,
			"%s: program header %u: at most %u loadable segments are taken",
			p->image->path, idx, IOL_ELF_SEGMENTS_MAX);
	for (unsigned int i = 0; i < elf->segment_count; i++) {
		const struct iol_elf_segment *other = &elf->segments[i];

		if (overlap(seg, other))
			return iol_error_set(
				p->err, -EINVAL,
				"%s: program header %u: p_paddr 0x%" PRIx64 " + p_memsz 0x%" PRIx64
				" overlaps the segment at 0x%" PRIx64 " with 0x%" PRIx64 " bytes",
				p->image->path, idx, seg->gpa, seg->mem_bytes, other->gpa,
				other->mem_bytes);
	}
	elf->segments[elf->segment_count++] = *seg;
	return 0;
}

/* [offset, offset + len) of the file, which a program header names. */
static int check_file_range(struct parser *p, unsigned int idx, uint64_t offset, uint64_t len)
{
	if (offset <= p->image->size_bytes && len <= p->image->size_bytes - offset)
		return 0;
	return iol_error_set(p->err, -EINVAL,
			     "%s: program header %u: p_offset 0x%" PRIx64 " + p_filesz 0x%" PRIx64
			     " is beyond the file's 0x%" PRIx64 " bytes (truncated?)",
			     p->image->path, idx, offset, len, p->image->size_bytes);
}

static int parse_load(struct parser *p, unsigned int idx, const uint8_t *ph)
{
	struct iol_elf_segment seg = {
		.offset = get(p->elf, ph, p_offset),
		.file_bytes = get(p->elf, ph, p_filesz),
		.gpa = get(p->elf, ph, p_paddr),
		.vaddr = get(p->elf, ph, p_vaddr),
		.mem_bytes = get(p->elf, ph, p_memsz),
	};
	int rc;

	if (seg.file_bytes > seg.mem_bytes)
		return iol_error_set(p->err, -EINVAL,
				     "%s: program header %u: p_filesz 0x%" PRIx64
				     " is more than p_memsz 0x%" PRIx64,
				     p->image->path, idx, seg.file_bytes, seg.mem_bytes);
	if (!seg.mem_bytes)
		return 0;
	rc = check_file_range(p, idx, seg.offset, seg.file_bytes);
	if (rc)
		return rc;
	if (seg.gpa > UINT64_MAX - seg.mem_bytes)
		return iol_error_set(p->err, -EINVAL,
				     "%s: program header %u: p_paddr 0x%" PRIx64
				     " + p_memsz 0x%" PRIx64
				     " is beyond the end of the address space",
				     p->image->path, idx, seg.gpa, seg.mem_bytes);
	return add_segment(p, idx, &seg);
}

static int take_note(struct parser *p, unsigned int idx, const uint8_t *name, uint32_t namesz,
		     uint32_t type, const uint8_t *desc, uint32_t descsz)
{
	uint64_t entry;

	if (type != XEN_ELFNOTE_PHYS32_ENTRY || namesz != 4 || memcmp(name, "Xen", 4) ||
	    p->elf->has_pvh_entry)
		return 0;
	if (descsz != 4 && descsz != 8)
		return iol_error_set(p->err, -EINVAL,
				     "%s: program header %u: the PVH note's descsz is %" PRIu32
				     ", 4 or 8 is needed",
				     p->image->path, idx, descsz);
	entry = get_number(p->elf, desc, descsz);
	if (entry > UINT32_MAX)
		return iol_error_set(p->err, -EINVAL,
				     "%s: program header %u: PVH entry 0x%" PRIx64
				     " is above 4 GiB, where 32-bit code cannot be",
				     p->image->path, idx, entry);
	p->elf->has_pvh_entry = true;
	p->elf->pvh_entry = (uint32_t)entry;
	return 0;
}

/* Walks the @len bytes of one note segment, whose fields are padded to @align. */
static int walk_notes(struct parser *p, unsigned int idx, const uint8_t *notes, uint64_t len,
		      uint64_t align)
{
	uint64_t pos = 0;
	int rc;

	/* What is too short for a header is padding. */
	while (len - pos >= NOTE_HEADER_BYTES) {
		uint32_t namesz = (uint32_t)get_number(p->elf, notes + pos, 4);
		uint32_t descsz = (uint32_t)get_number(p->elf, notes + pos + 4, 4);
		uint32_t type = (uint32_t)get_number(p->elf, notes + pos + 8, 4);
		uint64_t name = pos + NOTE_HEADER_BYTES;
		uint64_t desc = IOL_ALIGN_UP(name + namesz, align);

		if (desc > len || descsz > len - desc)
			return iol_error_set(p->err, -EINVAL,
					     "%s: program header %u: note at 0x%" PRIx64
					     ": namesz 0x%" PRIx32 " + descsz 0x%" PRIx32
					     " is beyond the segment's 0x%" PRIx64 " bytes",
					     p->image->path, idx, pos, namesz, descsz, len);
		rc = take_note(p, idx, notes + name, namesz, type, notes + desc, descsz);
		if (rc)
			return rc;
		pos = IOL_ALIGN_UP(desc + descsz, align);
		if (pos > len)
			break;
	}
	return 0;
}

static int parse_notes(struct parser *p, unsigned int idx, const uint8_t *ph)
{
	uint64_t offset = get(p->elf, ph, p_offset);
	uint64_t len = get(p->elf, ph, p_filesz);
	uint64_t align = get(p->elf, ph, p_align);
	g_autofree uint8_t *notes = NULL;
	int rc;

	rc = check_file_range(p, idx, offset, len);
	if (rc)
		return rc;
	if (len > NOTES_BYTES_MAX - p->notes_bytes)
		return iol_error_set(p->err, -EINVAL,
				     "%s: program header %u: notes of 0x%" PRIx64
				     " bytes, at most 0x%x in all are read",
				     p->image->path, idx, len, NOTES_BYTES_MAX);
	p->notes_bytes += len;
	notes = g_malloc(len + 1);
	rc = iol_image_read(p->image, offset, notes, len, p->err);
	if (rc)
		return rc;
	/* 8 is what newer tools write for 64-bit notes; anything else has always meant 4. */
	return walk_notes(p, idx, notes, len, align == 8 ? 8 : 4);
}

static int parse_phdr(struct parser *p, const struct table *table, unsigned int idx)
{
	uint8_t ph[sizeof(Elf64_Phdr)] = { 0 };
	int rc;

	rc = iol_image_read(p->image, table->offset + (uint64_t)idx * table->entry_bytes, ph,
			    table->entry_bytes, p->err);
	if (rc)
		return rc;
	switch (get(p->elf, ph, p_type)) {
	case PT_LOAD:
		return parse_load(p, idx, ph);
	case PT_NOTE:
		return parse_notes(p, idx, ph);
	case PT_INTERP:
		return iol_error_set(p->err, -ENOEXEC,
				     "%s: needs a dynamic loader (PT_INTERP): this is a program, "
				     "not a kernel",
				     p->image->path);
	default:
		return 0;
	}
}

static int check_pvh_entry(struct parser *p)
{
	const struct iol_elf *elf = p->elf;

	if (!elf->has_pvh_entry)
		return 0;
	for (unsigned int i = 0; i < elf->segment_count; i++) {
		const struct iol_elf_segment *seg = &elf->segments[i];

		if (elf->pvh_entry >= seg->gpa && elf->pvh_entry - seg->gpa < seg->file_bytes)
			return 0;
	}
	return iol_error_set(p->err, -EINVAL,
			     "%s: PVH entry 0x%" PRIx32 " is in no loadable segment",
			     p->image->path, elf->pvh_entry);
}

int iol_elf_parse(const struct iol_image *image, struct iol_elf *elf, struct iol_error *err)
{
	struct parser p = { .image = image, .elf = elf, .err = err };
	struct table table = { 0 };
	int rc;

	memset(elf, 0, sizeof(*elf));
	rc = parse_header(&p, &table);
	for (unsigned int i = 0; !rc && i < table.count; i++)
		rc = parse_phdr(&p, &table, i);
	if (rc)
		return rc;
	if (!elf->segment_count)
		return iol_error_set(err, -EINVAL, "%s: no loadable segment (PT_LOAD)",
				     image->path);
	return check_pvh_entry(&p);
}

int iol_elf_physical_entry(const struct iol_elf *elf, const struct iol_image *image, uint64_t *pc,
			   struct iol_error *err)
{
	for (unsigned int i = 0; i < elf->segment_count; i++) {
		const struct iol_elf_segment *seg = &elf->segments[i];

		if (elf->entry >= seg->gpa && elf->entry - seg->gpa < seg->file_bytes) {
			*pc = elf->entry;
			return 0;
		}
	}
	for (unsigned int i = 0; i < elf->segment_count; i++) {
		const struct iol_elf_segment *seg = &elf->segments[i];

		if (elf->entry >= seg->vaddr && elf->entry - seg->vaddr < seg->file_bytes) {
			*pc = elf->entry - seg->vaddr + seg->gpa;
			return 0;
		}
	}
	return iol_error_set(err, -EINVAL, "%s: e_entry 0x%" PRIx64 " is in no loadable segment",
			     image->path, elf->entry);
}

int iol_elf_load(const struct iol_elf *elf, const struct iol_image *image,
		 const struct iol_memory *mem, uint64_t low_limit, struct iol_error *err)
{
	int rc;

	for (unsigned int i = 0; i < elf->segment_count; i++) {
		const struct iol_elf_segment *seg = &elf->segments[i];

		if (seg->gpa < low_limit)
			return iol_error_set(err, -ENOSPC,
					     "%s: segment at 0x%" PRIx64 " is below 0x%" PRIx64
					     ", where the boot data lies; link it higher",
					     image->path, seg->gpa, low_limit);
		if (!iol_memory_ptr(mem, seg->gpa, seg->mem_bytes))
			return iol_error_set(err, -ENOSPC,
					     "%s: segment at 0x%" PRIx64 " with 0x%" PRIx64
					     " bytes is not all in RAM; give the guest more memory",
					     image->path, seg->gpa, seg->mem_bytes);
		rc = iol_image_load(image, seg->offset, seg->file_bytes, mem, seg->gpa, err);
		if (rc)
			return rc;
	}
	return 0;
}
