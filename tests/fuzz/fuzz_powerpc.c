// SPDX-License-Identifier: Apache-2.0
/*
 * The Power Book E machine: kernels that are hostile and where they are put, then accesses to the spin table and to the
 * registers of Freescale's devices, of which the PCI controller has a bus with a function that has BARs.
 *
 * An input is the machine, the kind of kernel (ELF, uImage, either packed with gzip, raw bytes), changes to a valid one,
 * the sizes of initrd, command line and tree; then accesses until it ends. The CRCs of a changed uImage are made
 * right for most inputs, for behind them is the rest of the code. An initrd may be a uImage, too.
 */
#include "fuzz.h"

#include <assert.h>
#include <elf.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include <sanitizer/asan_interface.h>

#include <iolite/fsl_gpio.h>
#include <iolite/fsl_guts.h>
#include <iolite/fsl_pci.h>
#include <iolite/log.h>
#include <iolite/uimage.h>

#include "arch/powerpc/ppc.h"
#include "image_builder.h"

enum {
	CHANGES_MAX = 16,
	INITRD_BYTES = 128 * 1024,
	CMDLINE_BYTES_MAX = 2060,
	PAYLOAD_BYTES_MAX = 4096, /* of a uImage: packing costs most of an input */
	ACCESSES_MAX = 256,
	GUTS = 0x10000,
	GPIO = 0x20000,
	PCI = 0x30000,
	PCI_SLOT = 1,
};

/* 36-bit machines' PCI window, but for its size: an input finds the end. */
#define WINDOW UINT64_C(0xc00000000)
#define WINDOW_PCI UINT64_C(0xe0000000)
#define WINDOW_BYTES UINT64_C(0x10000)

/* --- loading --- */

struct machine {
	const char *name;
	uint64_t memory_bytes;
	struct iol_layout layout;
	struct iol_memory mem;
};

static struct machine machines[] = {
	{ .name = "e500v2", .memory_bytes = 64 * IOL_MIB },
	{ .name = "e5500", .memory_bytes = 64 * IOL_MIB },
	{ .name = "e500mc", .memory_bytes = IOL_GIB + 4096 },
};

/* Used for all inputs that ask for it; nothing may touch the pages around RAM. */
static struct machine *get_machine(uint8_t idx)
{
	struct machine *m = &machines[idx % IOL_ARRAY_LEN(machines)];
	const struct iol_layout_request request = {
		.memory_bytes = m->memory_bytes,
		.cpus = 4,
		.serials = 1,
		.machine = m->name,
	};
	struct iol_memory_region regions[2];

	if (m->mem.mapping)
		return m;
	fuzz_check(!iol_ppc_layout(&request, &m->layout, NULL));
	regions[0] = m->layout.ram[0];
	regions[1] = (struct iol_memory_region){ .gpa = m->memory_bytes, .size_bytes = 4096 };
	fuzz_check(!iol_memory_init(&m->mem, regions, 2, NULL));
	madvise(m->mem.mapping, m->mem.mapping_bytes, MADV_NOHUGEPAGE);
	ASAN_POISON_MEMORY_REGION(m->mem.regions[1].hva, 4096);
	m->mem.region_count = 1;
	return m;
}

struct field {
	uint16_t offset;
	uint8_t width;
};

#define FIELD(type, f, base)                                       \
	{                                                          \
		(base) + offsetof(type, f), sizeof(((type *)0)->f) \
	}
#define PHDR_FIELDS(type, base)                                                             \
	FIELD(type, p_type, base), FIELD(type, p_offset, base), FIELD(type, p_vaddr, base), \
		FIELD(type, p_paddr, base), FIELD(type, p_filesz, base),                    \
		FIELD(type, p_memsz, base)

static const struct field fields32[] = {
	{ EI_CLASS, 1 },
	{ EI_DATA, 1 },
	FIELD(Elf32_Ehdr, e_machine, 0),
	FIELD(Elf32_Ehdr, e_entry, 0),
	FIELD(Elf32_Ehdr, e_phnum, 0),
	PHDR_FIELDS(Elf32_Phdr, sizeof(Elf32_Ehdr)),
	PHDR_FIELDS(Elf32_Phdr, sizeof(Elf32_Ehdr) + sizeof(Elf32_Phdr)),
};

static const struct field fields64[] = {
	{ EI_CLASS, 1 },
	{ EI_DATA, 1 },
	FIELD(Elf64_Ehdr, e_machine, 0),
	FIELD(Elf64_Ehdr, e_entry, 0),
	FIELD(Elf64_Ehdr, e_phnum, 0),
	PHDR_FIELDS(Elf64_Phdr, sizeof(Elf64_Ehdr)),
	PHDR_FIELDS(Elf64_Phdr, sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr)),
};

static_assert(IOL_ARRAY_LEN(fields32) == IOL_ARRAY_LEN(fields64),
	      "the same fields in both classes");

static uint64_t choose_number(struct fuzz_input *in)
{
	static const uint64_t notable[] = {
		0,
		1,
		0x1000,
		0x10000,
		0x200000,
		IOL_PPC_MAP_MIN_BYTES - 0x200000,
		IOL_PPC_MAP_MIN_BYTES,
		256 * IOL_MIB,
		768 * IOL_MIB,
		IOL_PPC_MAP_MAX_BYTES,
		0xc0000000,
		UINT32_MAX,
		UINT64_MAX,
		EM_PPC,
		EM_PPC64,
		BUILD_SEG0_GPA,
		BUILD_SEG1_GPA,
	};
	uint8_t how = fuzz_u8(in);

	if (how < 0x40)
		return fuzz_number(in, 8);
	return notable[how % IOL_ARRAY_LEN(notable)] + (how < 0xc0 ? 0 : fuzz_u8(in) - 128);
}

static void change_field(struct fuzz_input *in, GByteArray *file, struct field f)
{
	uint64_t value = choose_number(in);

	for (unsigned int i = 0; i < f.width && f.offset + i < file->len; i++)
		file->data[f.offset + i] = (uint8_t)(value >> 8 * (f.width - 1 - i));
}

static void change_file(struct fuzz_input *in, GByteArray *file, bool is_64bit)
{
	uint8_t which = fuzz_u8(in) % IOL_ARRAY_LEN(fields64);

	change_field(in, file, is_64bit ? fields64[which] : fields32[which]);
}

/* Of the header, of gzip's behind it, and one anywhere. */
static const struct field uimage_fields[] = {
	{ 0, 4 },
	{ BUILD_UIMAGE_HCRC, 4 },
	{ BUILD_UIMAGE_SIZE, 4 },
	{ BUILD_UIMAGE_LOAD, 4 },
	{ BUILD_UIMAGE_LOAD, 4 },
	{ BUILD_UIMAGE_ENTRY, 4 },
	{ BUILD_UIMAGE_ENTRY, 4 },
	{ BUILD_UIMAGE_DCRC, 4 },
	{ BUILD_UIMAGE_OS, 1 },
	{ BUILD_UIMAGE_ARCH, 1 },
	{ BUILD_UIMAGE_TYPE, 1 },
	{ BUILD_UIMAGE_COMP, 1 },
	{ BUILD_UIMAGE_DATA + 2, 1 },
	{ BUILD_UIMAGE_DATA + 3, 1 },
	{ 0, 0 },
};

enum { CUT = 0x08, LONGER = 0x10, SEAL_HEADER = 0x20, SEAL = 0xc0 };

/* @how: how many changes, what becomes of the end, which CRCs are made right. */
static GByteArray *change_uimage(struct fuzz_input *in, GByteArray *file, uint8_t how)
{
	for (unsigned int i = 0; i < (how & 7u); i++) {
		struct field f = uimage_fields[fuzz_u8(in) % IOL_ARRAY_LEN(uimage_fields)];

		if (!f.width)
			f = (struct field){ fuzz_u16(in), 1 };
		change_field(in, file, f);
	}
	if (how & CUT)
		g_byte_array_set_size(file, 1 + fuzz_u16(in) % file->len);
	if (how & LONGER)
		g_byte_array_append(file, (const guint8 *)"behind", 1 + fuzz_u8(in) % 6u);
	if (how & SEAL && file->len >= BUILD_UIMAGE_DATA)
		build_uimage_seal(file);
	else if (how & SEAL_HEADER && file->len >= BUILD_UIMAGE_DATA)
		build_uimage_seal_header(file);
	return file;
}

static GByteArray *make_uimage(struct fuzz_input *in, bool gzip)
{
	uint64_t load = choose_number(in);
	const struct build_uimage spec = {
		.load = (uint32_t)load,
		.entry = (uint32_t)load + (fuzz_u8(in) & 0xfcu),
		.gzip = gzip,
	};

	GByteArray *blob = build_blob(1u + fuzz_u16(in) % PAYLOAD_BYTES_MAX);

	return change_uimage(in, build_uimage(blob, &spec), fuzz_u8(in));
}

/* A file with @bytes, that is used again. */
static struct iol_image open_file(const char *name, const void *bytes, size_t len)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	fuzz_check(fd >= 0 && pwrite(fd, bytes, len, 0) == (ssize_t)len);
	return (struct iol_image){ .fd = fd, .size_bytes = len, .path = name };
}

static GByteArray *change_packed(struct fuzz_input *in, GByteArray *file)
{
	uint8_t how = fuzz_u8(in);

	for (unsigned int i = 0; i < (how & 3u); i++)
		change_field(in, file, (struct field){ (uint16_t)(fuzz_u16(in) % file->len), 1 });
	if (how & CUT)
		g_byte_array_set_size(file, 1 + fuzz_u16(in) % file->len);
	return file;
}

static GByteArray *make_elf(struct fuzz_input *in, uint8_t how)
{
	const struct build_elf spec = {
		.is_64bit = how & 1,
		.is_big_endian = true,
		.machine = how & 1 ? EM_PPC64 : EM_PPC,
	};
	GByteArray *file = build_elf(&spec);

	for (unsigned int i = 0; i < (unsigned int)(how >> 1) % CHANGES_MAX; i++)
		change_file(in, file, spec.is_64bit);
	return file;
}

/* What the input has, and a byte that is surely there. */
static GByteArray *make_rest(struct fuzz_input *in)
{
	size_t want = fuzz_u16(in) % 512u, got;
	const uint8_t *bytes = fuzz_take(in, want, &got);
	GByteArray *file = g_byte_array_new();

	g_byte_array_append(file, bytes, (guint)got);
	return g_byte_array_append(file, (const guint8 *)"", 1);
}

enum { PACKED_ELF = 3, UIMAGE, UIMAGE_GZIP, RAW, REST };

/* @boot gets what is said of the kernel beside its file. */
static GByteArray *make_kernel(struct fuzz_input *in, struct iol_boot *boot)
{
	uint8_t how = fuzz_u8(in), kind = how >> 5;

	switch (kind) {
	case PACKED_ELF:
		return change_packed(in, build_gzip(make_elf(in, how)));
	case UIMAGE:
	case UIMAGE_GZIP:
		return make_uimage(in, kind == UIMAGE_GZIP);
	case RAW:
		boot->kernel_is_raw = true;
		boot->kernel_gpa = choose_number(in) & ~UINT64_C(3);
		return build_blob(1u + fuzz_u16(in));
	case REST:
		return make_rest(in);
	default:
		return make_elf(in, how);
	}
}

static const uint8_t *pattern(void)
{
	static uint8_t bytes[INITRD_BYTES];

	if (!bytes[1])
		for (unsigned int i = 0; i < INITRD_BYTES; i++)
			bytes[i] = build_pattern(i);
	return bytes;
}

static const uint8_t *zeros(void)
{
	static const uint8_t bytes[4096];

	return bytes;
}

static void check_bytes(const struct iol_memory *mem, uint64_t gpa, const uint8_t *bytes,
			uint64_t len)
{
	const uint8_t *p = iol_memory_ptr(mem, gpa, len);

	fuzz_check(!len || (p && !memcmp(p, bytes, len)));
}

struct loaded {
	struct machine *m;
	struct iol_boot boot;
	struct iol_entry entry;
	struct iol_placement placement;
	uint64_t tree_bytes;
	const uint8_t *initrd; /* as the guest sees it */
	uint64_t initrd_bytes;
};

static bool touches(uint64_t a, uint64_t a_end, uint64_t b, uint64_t b_end)
{
	return a < b_end && b < a_end;
}

/* What of @file from @offset on unpacks to; it was found to be good. */
static GByteArray *unpacked(const GByteArray *file, uint32_t offset)
{
	z_stream z = { .next_in = file->data + offset, .avail_in = file->len - offset };
	GByteArray *plain = g_byte_array_new();
	uint8_t chunk[4096];
	int rc;

	fuzz_check(inflateInit2(&z, MAX_WBITS + 16) == Z_OK);
	do {
		z.next_out = chunk;
		z.avail_out = sizeof(chunk);
		rc = inflate(&z, Z_NO_FLUSH);
		fuzz_check(rc == Z_OK || rc == Z_STREAM_END);
		g_byte_array_append(plain, chunk, (guint)sizeof(chunk) - z.avail_out);
	} while (rc != Z_STREAM_END);
	fuzz_check(!z.avail_in && plain->len);
	inflateEnd(&z);
	return plain;
}

static void check_elf(const struct loaded *l, const GByteArray *file)
{
	struct iol_image image = open_file("again", file->data, file->len);
	struct iol_elf elf;

	fuzz_check(!iol_elf_parse(&image, &elf, NULL));
	for (unsigned int i = 0; i < elf.segment_count; i++) {
		const struct iol_elf_segment *seg = &elf.segments[i];

		fuzz_check(iol_memory_ptr(&l->m->mem, seg->gpa, seg->mem_bytes));
		fuzz_check(seg->gpa >= l->placement.kernel_start &&
			   seg->gpa + seg->mem_bytes <= l->placement.kernel_end);
		check_bytes(&l->m->mem, seg->gpa, file->data + seg->offset, seg->file_bytes);
	}
	close(image.fd);
}

/* @bytes are at @gpa, where the kernel begins, and nothing is behind them. */
static void check_flat(const struct loaded *l, uint64_t gpa, uint64_t pc, const uint8_t *bytes,
		       uint64_t len)
{
	const struct iol_placement *p = &l->placement;

	fuzz_check(p->kernel_start == gpa && l->entry.pc == pc && pc % 4 == 0 && pc - gpa < len);
	fuzz_check(p->kernel_end >= gpa + len && p->kernel_end <= l->m->layout.ram[0].size_bytes);
	check_bytes(&l->m->mem, gpa, bytes, len);
	check_bytes(&l->m->mem, gpa + len, zeros(), MIN(p->kernel_end - gpa - len, 4096));
}

static void check_uimage(const struct loaded *l, const GByteArray *file)
{
	const uint8_t *h = file->data;
	g_autoptr(GByteArray) plain = NULL;

	fuzz_check(file->len > BUILD_UIMAGE_DATA);
	fuzz_check(be32_load(h + BUILD_UIMAGE_SIZE) == file->len - BUILD_UIMAGE_DATA);
	fuzz_check(be32_load(h + BUILD_UIMAGE_DCRC) ==
		   crc32(0, h + BUILD_UIMAGE_DATA, file->len - BUILD_UIMAGE_DATA));
	fuzz_check(h[BUILD_UIMAGE_OS] == 5 && h[BUILD_UIMAGE_ARCH] == 7 &&
		   h[BUILD_UIMAGE_TYPE] == 2 && h[BUILD_UIMAGE_COMP] < 2);
	if (h[BUILD_UIMAGE_COMP])
		plain = unpacked(file, BUILD_UIMAGE_DATA);
	check_flat(l, be32_load(h + BUILD_UIMAGE_LOAD), be32_load(h + BUILD_UIMAGE_ENTRY),
		   plain ? plain->data : h + BUILD_UIMAGE_DATA,
		   plain ? plain->len : file->len - BUILD_UIMAGE_DATA);
}

static bool has_magic(const GByteArray *file)
{
	return file->len >= 4 && be32_load(file->data) == 0x27051956;
}

static void check_kernel(const struct loaded *l, const GByteArray *file)
{
	if (l->boot.kernel_is_raw) {
		check_flat(l, l->boot.kernel_gpa, l->boot.kernel_gpa, file->data, file->len);
	} else if (has_magic(file)) {
		check_uimage(l, file);
	} else if (file->data[0] == 0x1f) {
		g_autoptr(GByteArray) plain = unpacked(file, 0);

		check_elf(l, plain);
	} else {
		check_elf(l, file);
	}
}

/* All is there, complete and apart, and the first mapping covers what must be covered. */
static void check_loaded(const struct loaded *l, const GByteArray *file)
{
	const struct iol_placement *p = &l->placement;
	uint64_t tree = l->entry.args[IOL_PPC_ENTRY_TREE], tree_end = tree + l->tree_bytes;
	struct iol_ppc_boot_state state;

	check_kernel(l, file);
	fuzz_check(tree > 0 && tree % 8 == 0 && tree_end <= IOL_PPC_MAP_MIN_BYTES);
	fuzz_check(!touches(tree, tree_end, p->kernel_start, p->kernel_end));
	fuzz_check(!touches(tree, tree_end, p->initrd_start, p->initrd_end));
	fuzz_check(!touches(p->kernel_start, p->kernel_end, p->initrd_start, p->initrd_end));
	fuzz_check(p->initrd_end - p->initrd_start == l->initrd_bytes);
	check_bytes(&l->m->mem, tree, pattern(), l->tree_bytes);
	check_bytes(&l->m->mem, p->initrd_start, l->initrd, l->initrd_bytes);

	iol_ppc_boot_state(&l->m->layout, &l->entry, 0, &state);
	fuzz_check(state.pc == l->entry.pc && state.gpr[3] == tree);
	fuzz_check(state.pc < p->kernel_end && state.pc >= p->kernel_start);
	fuzz_check(state.gpr[7] >= p->kernel_end && state.gpr[7] >= tree_end);
	fuzz_check(state.gpr[7] == IOL_PPC_MAP_MIN_BYTES || state.gpr[7] / 4 < p->kernel_end);
}

/* A plain one of @bytes bytes, 0: none; or a uImage, which is returned. */
static GByteArray *make_initrd(struct fuzz_input *in, struct loaded *l, uint16_t bytes)
{
	static struct iol_image plain = { .fd = -1 };
	uint8_t how = fuzz_u8(in);
	GByteArray *file;

	if (how & 1 && bytes) {
		file = build_uimage(build_blob(bytes), &(struct build_uimage){ .type = 3 });
		change_uimage(in, file, how & ~1u);
		l->boot.initrd = open_file("initrd", file->data, file->len);
		l->initrd = file->data + (has_magic(file) ? BUILD_UIMAGE_DATA : 0);
		l->initrd_bytes = file->len - (has_magic(file) ? BUILD_UIMAGE_DATA : 0);
		return file;
	}
	if (plain.fd < 0)
		plain = open_file("initrd", pattern(), INITRD_BYTES);
	l->boot.initrd = bytes ? plain : (struct iol_image){ .fd = -1 };
	l->boot.initrd.size_bytes = bytes;
	l->initrd = pattern();
	l->initrd_bytes = bytes;
	return NULL;
}

static void load(struct fuzz_input *in)
{
	static char cmdline[CMDLINE_BYTES_MAX + 1];
	g_autoptr(GByteArray) file = NULL, initrd = NULL;
	struct loaded l = { .m = get_machine(fuzz_u8(in)) };
	struct iol_fdt_blob tree = { (void *)(uintptr_t)pattern(), 0 };
	struct iol_error err = { 0 };
	uint16_t initrd_bytes = fuzz_u16(in), cmdline_bytes = fuzz_u16(in);
	int ret;

	memset(cmdline, 'a', CMDLINE_BYTES_MAX);
	l.boot.cmdline = cmdline + CMDLINE_BYTES_MAX - cmdline_bytes % (CMDLINE_BYTES_MAX + 1);
	l.tree_bytes = tree.bytes = 1 + (size_t)fuzz_u16(in);
	file = make_kernel(in, &l.boot);
	initrd = make_initrd(in, &l, initrd_bytes);
	l.boot.kernel = open_file("kernel", file->data, file->len);

	ret = iol_ppc_load(&l.m->layout, &l.m->mem, &l.boot, &l.entry, &l.placement, &err);
	if (!ret) {
		fuzz_check(!iol_ppc_place_tree(&l.m->layout, &l.m->mem, &l.placement, &tree,
					       &l.entry, &err));
		check_loaded(&l, file);
	} else {
		fuzz_check_error(&err, ret);
		fuzz_check(g_str_has_prefix(err.msg, "kernel: ") ||
			   g_str_has_prefix(err.msg, "initrd: "));
	}
	close(l.boot.kernel.fd);
	if (initrd)
		close(l.boot.initrd.fd);
	fuzz_check(!iol_memory_clear(&l.m->mem, NULL));
}

/* --- registers --- */

struct events {
	struct iol_event_sink sink;
	unsigned int resets, poweroffs;
};

static void count_event(struct iol_event_sink *sink, enum iol_event event)
{
	struct events *events = iol_container_of(sink, struct events, sink);

	fuzz_check(event == IOL_EVENT_RESET || event == IOL_EVENT_POWEROFF);
	if (event == IOL_EVENT_RESET)
		events->resets++;
	else
		events->poweroffs++;
}

struct registers {
	struct iol_ppc_spin_table spin;
	uint8_t spin_model[IOL_PPC_SPIN_TABLE_BYTES];
	struct events events;
	struct iol_bus bus;
	struct iol_irq_wire wire;
	struct iol_fsl_gpio *gpio;
	struct iol_device *guts;
	struct iol_device *pci_host, *pci;
	struct iol_pci_function fn;
	unsigned int regions; /* without BARs */
};

static unsigned int access_len(uint8_t how)
{
	return 1u << (how >> 6);
}

/* A processor is released once, by the write that clears its bit, and memory is as written. */
static void access_spin(struct registers *r, uint8_t how, uint16_t at, uint64_t value)
{
	unsigned int len = access_len(how);
	uint64_t offset = at % (IOL_PPC_SPIN_TABLE_BYTES - len + 1);
	unsigned int cpu = (unsigned int)(offset / 0x20);
	bool was_released = r->spin.released[cpu];
	int released = -1;

	if (how & 1) {
		released = iol_ppc_spin_write(&r->spin, offset, len, value);
		if (offset % len == 0)
			iol_le_store(r->spin_model + offset, len, value);
	}
	fuzz_check(iol_ppc_spin_read(&r->spin, offset, len) ==
		   iol_le_load(r->spin_model + offset, len));
	if (released < 0)
		return;
	fuzz_check((unsigned int)released == cpu && cpu > 0 && cpu < r->spin.cpus && !was_released);
	fuzz_check(!(be64_load(r->spin_model + cpu * 0x20) & 1));
}

static void access_bus(struct registers *r, uint64_t base, uint8_t how, uint16_t at, uint64_t value)
{
	uint64_t addr = base + at % 0x1000, got;

	if (how & 1)
		iol_bus_write(&r->bus, addr, access_len(how), value);
	else
		iol_bus_read(&r->bus, addr, access_len(how), &got);
}

static uint32_t gpio_register(struct registers *r, uint64_t offset)
{
	uint64_t value = 0;

	fuzz_check(iol_bus_read(&r->bus, GPIO + offset, 4, &value));
	return iol_bus_be32(value);
}

static uint64_t bar_read(void *opaque, uint64_t offset, unsigned int len)
{
	const struct iol_pci_bar *bar = opaque;

	fuzz_check(len <= bar->size_bytes && offset <= bar->size_bytes - len);
	return 0;
}

static void bar_write(void *opaque, uint64_t offset, unsigned int len, uint64_t value)
{
	(void)value;
	bar_read(opaque, offset, len);
}

static const struct iol_bus_ops bar_ops = {
	.read = bar_read,
	.write = bar_write,
};

static void add_bar(struct iol_pci_function *fn, unsigned int idx, enum iol_pci_bar_kind kind,
		    uint64_t size_bytes)
{
	fn->bars[idx] = (struct iol_pci_bar){
		.kind = kind,
		.size_bytes = size_bytes,
		.ops = &bar_ops,
		.dev = &fn->bars[idx],
	};
}

static void bar_moved(struct iol_pci_function *fn, unsigned int bar, bool mapped, uint64_t base)
{
	fuzz_check(fn->bars[bar].mapped == mapped);
	fuzz_check(base == (mapped ? fn->bars[bar].mapped_base : 0));
}

static void make_pci(struct registers *r)
{
	static const struct iol_pci_identity identity = { .vendor = 0x1af4, .device = 0x1042 };
	const struct iol_pci_host_config config = {
		.mmio = &r->bus,
		.window_base = WINDOW,
		.window_bytes = WINDOW_BYTES,
		.window_pci_base = WINDOW_PCI,
		.no_bridge = true,
	};
	struct iol_pci_host *host;

	fuzz_check(!iol_pci_host_new(&config, &r->pci_host, NULL));
	host = iol_pci_host_of(r->pci_host);
	fuzz_check(!iol_fsl_pci_new(&r->bus, PCI, host, &r->pci, NULL));
	iol_pci_function_init(&r->fn, "function", &identity);
	add_bar(&r->fn, 0, IOL_PCI_BAR_MEM32, 4096);
	add_bar(&r->fn, 2, IOL_PCI_BAR_MEM64, 16384);
	r->fn.bar_moved = bar_moved;
	fuzz_check(!iol_pci_add(host, PCI_SLOT, &r->fn, NULL));
	r->regions = r->bus.count;
}

static void free_pci(struct registers *r)
{
	iol_pci_remove(&r->fn);
	r->pci->ops->free(r->pci);
	r->pci_host->ops->free(r->pci_host);
}

/* What Linux does: the address, then the data; of slot 0 (the controller), 1 or an absent one. */
static void access_config(struct registers *r, uint8_t how, uint16_t at, uint64_t value)
{
	uint32_t address = 0x80000000 | (at >> 8 & 3u) << 11 | (at & 0xfcu);

	iol_bus_write(&r->bus, PCI + IOL_FSL_PCI_CFG_ADDR, 4, iol_bus_be32(address));
	access_bus(r, PCI, how, IOL_FSL_PCI_CFG_DATA + (at & 3), value);
}

static uint32_t pci_register(struct registers *r, uint64_t offset)
{
	uint64_t value = 0;

	fuzz_check(iol_bus_read(&r->bus, PCI + offset, 4, &value));
	return iol_bus_be32(value);
}

/* BARs are in the window, where their registers say; what is read-only stays. */
static void check_pci(struct registers *r)
{
	unsigned int mapped = 0;

	for (unsigned int i = 0; i < IOL_PCI_BARS; i++) {
		const struct iol_pci_bar *bar = &r->fn.bars[i];
		const uint8_t *reg = r->fn.config + PCI_BASE_ADDRESS_0 + 4 * i;

		if (!bar->mapped)
			continue;
		mapped++;
		fuzz_check(bar->mapped_base >= WINDOW);
		fuzz_check(bar->mapped_base + bar->size_bytes <= WINDOW + WINDOW_BYTES);
		fuzz_check(bar->mapped_base - WINDOW + WINDOW_PCI ==
			   (le32_load(reg) & ~(uint32_t)0xf));
		fuzz_check(r->fn.config[PCI_COMMAND] & PCI_COMMAND_MEMORY);
	}
	fuzz_check(r->bus.count == r->regions + mapped);
	for (unsigned int i = 0; i < IOL_PCI_CONFIG_BYTES; i++)
		fuzz_check(!((r->fn.config[i] ^ r->fn.at_reset[i]) & ~r->fn.writable[i]));
	fuzz_check(!(pci_register(r, IOL_FSL_PCI_CFG_ADDR) & ~IOL_PCI_ADDRESS_BITS));
	fuzz_check(!pci_register(r, IOL_FSL_PCI_ERR_DR));
	fuzz_check((pci_register(r, IOL_FSL_PCI_POWAR(0)) & 0x8000003f) == 0x8000001f);
}

static void reset_all(struct registers *r)
{
	struct iol_device *gpio = iol_fsl_gpio_device(r->gpio);

	gpio->ops->reset(gpio);
	r->pci->ops->reset(r->pci);
	r->pci_host->ops->reset(r->pci_host);
	fuzz_check(!memcmp(r->fn.config, r->fn.at_reset, IOL_PCI_CONFIG_BYTES));
}

static void access_one(struct registers *r, struct fuzz_input *in)
{
	uint8_t how = fuzz_u8(in);
	uint16_t at = fuzz_u16(in);
	uint64_t value = fuzz_number(in, access_len(how));
	unsigned int resets = r->events.resets, poweroffs = r->events.poweroffs;

	switch (how >> 1 & 7) {
	case 0:
		access_spin(r, how, at, value);
		break;
	case 1:
		access_bus(r, PCI, how, at, value);
		break;
	case 2:
		access_bus(r, GUTS, how, at, value);
		break;
	case 3:
		iol_fsl_gpio_set_input(r->gpio, at % IOL_FSL_GPIO_LINES, value & 1);
		break;
	case 4:
		reset_all(r);
		break;
	case 5:
		access_config(r, how, at, value);
		break;
	case 6:
		access_bus(r, WINDOW, how, at, value);
		break;
	default:
		access_bus(r, GPIO, how, at, value);
		break;
	}
	/* One access, one event; the interrupt is what the registers say. */
	fuzz_check(r->events.resets - resets + r->events.poweroffs - poweroffs <= 1);
	fuzz_check(r->wire.asserted ==
		   !!(gpio_register(r, IOL_FSL_GPIO_IER) & gpio_register(r, IOL_FSL_GPIO_IMR)));
	check_pci(r);
}

static void access_registers(struct fuzz_input *in)
{
	struct registers r = { .events.sink.raise = count_event };

	iol_log_set_level(IOL_LOG_ERROR); /* BARs in each other's place */
	iol_ppc_spin_reset(&r.spin, 1 + fuzz_u8(in) % IOL_PPC_CPUS_MAX);
	memcpy(r.spin_model, r.spin.entries, sizeof(r.spin_model));
	iol_bus_init(&r.bus);
	iol_irq_wire_init(&r.wire, -1, 1, 1);
	fuzz_check(!iol_fsl_guts_new(&r.bus, GUTS, 1, &r.events.sink, &r.guts, NULL));
	fuzz_check(!iol_fsl_gpio_new(&r.bus, GPIO, &r.wire, &r.events.sink, &r.gpio, NULL));
	make_pci(&r);
	for (unsigned int i = 0; i < ACCESSES_MAX && in->len; i++)
		access_one(&r, in);
	free_pci(&r);
	r.guts->ops->reset(r.guts);
	r.guts->ops->free(r.guts);
	iol_fsl_gpio_device(r.gpio)->ops->free(iol_fsl_gpio_device(r.gpio));
	fuzz_check(!r.wire.asserted && !r.bus.count);
	iol_irq_wire_finish(&r.wire);
	iol_bus_finish(&r.bus);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_input in = { data, len };

	if (fuzz_u8(&in) & 1)
		load(&in);
	else
		access_registers(&in);
	return 0;
}
