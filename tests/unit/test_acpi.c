// SPDX-License-Identifier: Apache-2.0
/* The ACPI tables as a guest finds them: from the root pointer down, sums, fields, AML. */
#include "arch/x86_64/x86.h"

#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

#include <iolite/acpi_pm_regs.h>
#include <iolite/endian.h>

static struct iol_memory mem;
static unsigned int serials = 1;

static void write_tables_with(unsigned int cpus, uint32_t virtio_mmio_slots)
{
	struct iol_layout layout;
	uint64_t rsdp = 0;

	g_assert_cmpint(iol_x86_layout(&(struct iol_layout_request){ .memory_bytes = 16 * IOL_MIB,
								     .cpus = cpus,
								     .serials = serials },
				       &layout, NULL),
			==, 0);
	g_assert_cmpint(iol_memory_init(&mem, layout.ram, layout.ram_count, NULL), ==, 0);
	g_assert_cmpint(iol_x86_acpi_write(&layout, &mem, virtio_mmio_slots, &rsdp, NULL), ==, 0);
	g_assert_cmphex(rsdp, ==, IOL_X86_ACPI);
}

static void write_tables(unsigned int cpus)
{
	write_tables_with(cpus, 0);
}

static const uint8_t *at(uint64_t gpa, uint64_t len)
{
	const uint8_t *p = iol_memory_ptr(&mem, gpa, len);

	g_assert_nonnull(p);
	g_assert_cmphex(gpa, >=, IOL_X86_ACPI);
	g_assert_cmphex(gpa + len, <=, IOL_X86_ACPI + IOL_X86_ACPI_BYTES);
	return p;
}

static uint8_t sum(const uint8_t *p, uint64_t len)
{
	uint8_t total = 0;

	while (len--)
		total = (uint8_t)(total + *p++);
	return total;
}

/* A whole table whose head, length and sum are right. */
static const uint8_t *table(uint64_t gpa, const char *signature, uint32_t *len)
{
	const uint8_t *p = at(gpa, 36);

	*len = le32_load(p + 4);
	p = at(gpa, *len);
	g_assert_cmpmem(p, 4, signature, 4);
	g_assert_cmpuint(sum(p, *len), ==, 0);
	g_assert_cmpmem(p + 10, 6, "IOLITE", 6);
	return p;
}

static const uint8_t *root_table(unsigned int idx, const char *signature, uint32_t *len)
{
	const uint8_t *rsdp = at(IOL_X86_ACPI, 36);
	const uint8_t *xsdt = table(le64_load(rsdp + 24), "XSDT", len);

	g_assert_cmpuint(*len % 8, ==, 36 % 8);
	g_assert_cmpuint(idx, <, (*len - 36) / 8);
	return table(le64_load(xsdt + 36 + idx * 8), signature, len);
}

static unsigned int root_tables(void)
{
	uint32_t len;

	table(le64_load(at(IOL_X86_ACPI, 36) + 24), "XSDT", &len);
	return (len - 36) / 8;
}

static void test_rsdp(void)
{
	const uint8_t *p;
	unsigned int found = 0;

	write_tables(1);
	/* A guest that is told nothing scans at 16-byte steps (ACPI-6.5 5.2.5.1). */
	for (uint64_t gpa = 0xe0000; gpa < 0x100000; gpa += 16) {
		p = iol_memory_ptr(&mem, gpa, 36);
		if (p && !memcmp(p, "RSD PTR ", 8) && !sum(p, 20))
			found++;
	}
	g_assert_cmpuint(found, ==, 1);
	p = at(IOL_X86_ACPI, 36);
	g_assert_cmpuint(sum(p, 20), ==, 0);
	g_assert_cmpuint(sum(p, 36), ==, 0);
	g_assert_cmpuint(p[15], ==, 2);
	g_assert_cmpuint(le32_load(p + 16), ==, 0);
	g_assert_cmpuint(le32_load(p + 20), ==, 36);
	g_assert_cmpuint(root_tables(), ==, 3);
	iol_memory_finish(&mem);
}

static void check_gas(const uint8_t *gas, uint16_t port)
{
	static const uint8_t io_byte[] = { 1, 8, 0, 1 };

	g_assert_cmpmem(gas, 4, io_byte, 4);
	g_assert_cmphex(le64_load(gas + 4), ==, port);
}

static unsigned int count_marks(const uint8_t *p, uint32_t len, uint32_t mark)
{
	unsigned int count = 0;

	for (uint32_t i = 0; i + 4 <= len; i++)
		count += le32_load(p + i) == mark;
	return count;
}

/* The number of serial ports is put where the mark was, and nothing else changes but the sum. */
static void check_dsdt(const uint8_t *p, uint32_t len, uint32_t count)
{
	/* NameOp, the name, DWordPrefix */
	static const uint8_t head[] = { 0x08, 'C', 'O', 'M', 'N', 0x0c };
	g_autofree uint8_t *expected = g_memdup2(iol_x86_dsdt, iol_x86_dsdt_bytes);
	uint8_t *name = memmem(expected, iol_x86_dsdt_bytes, head, sizeof(head));

	g_assert_cmpuint(count_marks(expected, iol_x86_dsdt_bytes, IOL_X86_DSDT_SERIALS), ==, 1);
	g_assert_nonnull(name);
	g_assert_cmphex(le32_load(name + sizeof(head)), ==, IOL_X86_DSDT_SERIALS);
	le32_store(name + sizeof(head), count);
	expected[9] = p[9];
	g_assert_cmpmem(p, len, expected, iol_x86_dsdt_bytes);
}

static void test_fadt(void)
{
	const uint8_t *p;
	uint32_t len, flags, dsdt_len;

	write_tables(1);
	p = root_table(0, "FACP", &len);
	g_assert_cmpuint(len, ==, 276);
	g_assert_cmpuint(p[8], ==, 6);
	flags = le32_load(p + 112);
	g_assert_cmphex(flags & 1u << 20, !=, 0); /* HW_REDUCED_ACPI */
	g_assert_cmphex(flags & 1u << 10, !=, 0); /* RESET_REG_SUP */
	g_assert_cmphex(flags & 1u << 4, !=, 0); /* no fixed power button */
	g_assert_cmphex(le16_load(p + 109) & 1u << 1, ==, 0); /* no 8042 to be probed */
	g_assert_cmphex(le16_load(p + 109) & 1u << 5, ==, 0); /* CMOS RTC present */
	check_gas(p + 116, 0xcf9);
	g_assert_cmphex(p[128], ==, 6);
	check_gas(p + 244, IOL_X86_ACPI_PM + IOL_ACPI_PM_SLEEP_CONTROL);
	check_gas(p + 256, IOL_X86_ACPI_PM + IOL_ACPI_PM_SLEEP_STATUS);
	/* No fixed hardware: SCI, PM blocks in both sizes, FACS. */
	for (unsigned int i = 46; i < 96; i++)
		g_assert_cmpuint(p[i], ==, 0);
	for (unsigned int i = 148; i < 244; i++)
		g_assert_cmpuint(p[i], ==, 0);
	g_assert_cmphex(le32_load(p + 36), ==, 0);
	g_assert_cmphex(le64_load(p + 132), ==, 0);

	g_assert_cmphex(le32_load(p + 40), ==, le64_load(p + 140));
	p = table(le64_load(p + 140), "DSDT", &dsdt_len);
	check_dsdt(p, dsdt_len, 1);
	g_assert_cmpuint(p[8], ==, 2); /* 64-bit integers */
	iol_memory_finish(&mem);
}

static void test_madt(void)
{
	static const unsigned int cpus[] = { 1, 4, 64 };

	for (unsigned int i = 0; i < G_N_ELEMENTS(cpus); i++) {
		unsigned int lapics = 0, ioapics = 0;
		const uint8_t *p, *end;
		uint32_t len;

		write_tables(cpus[i]);
		p = root_table(1, "APIC", &len);
		end = p + len;
		g_assert_cmphex(le32_load(p + 36), ==, 0xfee00000);
		g_assert_cmphex(le32_load(p + 40), ==, 0);
		for (p += 44; p < end; p += p[1]) {
			g_assert_cmpuint(p[1], >=, 2);
			g_assert_cmpuint(p[1], <=, end - p);
			if (p[0] == 0) {
				g_assert_cmpuint(p[1], ==, 8);
				g_assert_cmpuint(p[2], ==, lapics);
				g_assert_cmpuint(p[3], ==, lapics++);
				g_assert_cmpuint(le32_load(p + 4), ==, 1);
			} else if (p[0] == 1) {
				g_assert_cmpuint(p[1], ==, 12);
				g_assert_cmphex(le32_load(p + 4), ==, 0xfec00000);
				g_assert_cmpuint(le32_load(p + 8), ==, 0);
				ioapics++;
			} else {
				g_assert_cmpuint(p[0], ==, 4);
				g_assert_cmpuint(p[1], ==, 6);
				g_assert_cmpuint(p[5], ==, 1);
			}
		}
		g_assert_true(p == end);
		g_assert_cmpuint(lapics, ==, cpus[i]);
		g_assert_cmpuint(ioapics, ==, 1);
		iol_memory_finish(&mem);
	}
}

static void test_mcfg(void)
{
	const uint8_t *p;
	uint32_t len;

	write_tables(1);
	p = root_table(2, "MCFG", &len);
	g_assert_cmpuint(len, ==, 60);
	g_assert_cmphex(le64_load(p + 44), ==, 0xe0000000);
	g_assert_cmpuint(le16_load(p + 52), ==, 0);
	g_assert_cmpuint(p[54], ==, 0);
	g_assert_cmpuint(p[55], ==, 0);
	iol_memory_finish(&mem);
}

static bool dsdt_has(const void *bytes, size_t len)
{
	return memmem(iol_x86_dsdt, iol_x86_dsdt_bytes, bytes, len) != NULL;
}

/* The few encodings that must agree with devices and layout (ACPI-6.5 6.4, 20.2). */
static void test_dsdt(void)
{
	static const uint8_t s5[] = { 0x08, '_', 'S', '5',  '_',
				      0x12, 7,   4,   0x0a, IOL_ACPI_PM_SLP_TYP_S5,
				      0 };
	static const uint8_t com1_io[] = { 0x47, 1, 0xf8, 3, 0xf8, 3, 1, 8 };
	static const uint8_t rtc_io[] = { 0x47, 1, 0x70, 0, 0x70, 0, 1, 2 };
	static const uint8_t pm_io[] = { 0x47, 1, 0, 6, 0, 6, 1, 8 };
	static const uint8_t pvpanic_io[] = { 0x47, 1, 5, 5, 5, 5, 1, 1 };
	/* extended interrupt: consumer, edge, active high, exclusive */
	static const uint8_t com1_irq[] = { 0x89, 6, 0, 3, 1, IOL_X86_COM1_GSI, 0, 0, 0 };
	static const uint8_t ged_irq[] = { 0x89, 6, 0, 3, 1, IOL_X86_GED_GSI, 0, 0, 0 };
	static const uint8_t ecam[] = { 0x86, 9, 0, 1, 0, 0, 0, 0xe0, 0, 0, 0x10, 0 };
	static const char *const names[] = { "COM1", "RTC0", "MBRD", "PCI0", "PWRB",    "ACPI0013",
					     "_EVT", "_OSC", "_BBN", "_PRT", "QEMU0001" };

	g_assert_cmpmem(iol_x86_dsdt, 4, "DSDT", 4);
	g_assert_cmpuint(le32_load(iol_x86_dsdt + 4), ==, iol_x86_dsdt_bytes);
	g_assert_cmpuint(sum(iol_x86_dsdt, iol_x86_dsdt_bytes), ==, 0);
	g_assert_true(dsdt_has(s5, sizeof(s5)));
	g_assert_true(dsdt_has(com1_io, sizeof(com1_io)));
	g_assert_true(dsdt_has(rtc_io, sizeof(rtc_io)));
	g_assert_true(dsdt_has(pm_io, sizeof(pm_io)));
	g_assert_true(dsdt_has(pvpanic_io, sizeof(pvpanic_io)));
	g_assert_true(dsdt_has(com1_irq, sizeof(com1_irq)));
	g_assert_true(dsdt_has(ged_irq, sizeof(ged_irq)));
	g_assert_true(dsdt_has(ecam, sizeof(ecam)));
	for (unsigned int i = 0; i < G_N_ELEMENTS(names); i++)
		g_assert_true(dsdt_has(names[i], strlen(names[i])));
}

/* The bits of slots are put where the mark was, and nothing else changes but the sum. */
static void test_ssdt(void)
{
	static const uint32_t slots[] = { 1u << 1, 1u << 31, 0x80000402, UINT32_MAX };
	/* NameOp, the name, DWordPrefix */
	static const uint8_t head[] = { 0x08, 'V', 'S', 'L', 'T', 0x0c };
	const uint8_t *aml = iol_x86_ssdt_virtio_mmio;
	uint32_t len = iol_x86_ssdt_virtio_mmio_bytes;
	const uint8_t *name = memmem(aml, len, head, sizeof(head));

	g_assert_cmpuint(count_marks(aml, len, IOL_X86_SSDT_SLOTS), ==, 1);
	g_assert_nonnull(name);
	g_assert_cmphex(le32_load(name + sizeof(head)), ==, IOL_X86_SSDT_SLOTS);
	for (unsigned int i = 0; i < G_N_ELEMENTS(slots); i++) {
		size_t place = (size_t)(name - aml) + sizeof(head);
		const uint8_t *p;
		uint32_t got;

		write_tables_with(4, slots[i]);
		g_assert_cmpuint(root_tables(), ==, 4);
		p = root_table(3, "SSDT", &got);
		g_assert_cmpuint(got, ==, len);
		g_assert_cmphex(le32_load(p + place), ==, slots[i]);
		g_assert_cmpuint(count_marks(p, len, IOL_X86_SSDT_SLOTS), ==, 0);
		for (size_t k = 0; k < len; k++)
			if (k != 9 && (k < place || k >= place + 4))
				g_assert_cmphex(p[k], ==, aml[k]);
		iol_memory_finish(&mem);
	}
}

static char *save_table(const char *dir, const char *name, const uint8_t *p, uint32_t len)
{
	char *path = g_build_filename(dir, name, NULL);

	g_assert_true(g_file_set_contents(path, (const char *)p, len, NULL));
	return path;
}

/*
 * What ACPICA's interpreter, which is Linux's too, says to @commands (its command line is short); NULL where it is
 * not installed.
 */
static char *interpret(const char *commands)
{
	g_autofree char *program = g_find_program_in_path("acpiexec");
	g_autofree char *dir = g_dir_make_tmp("iolite-acpi-XXXXXX", NULL);
	g_autofree char *dsdt = NULL, *ssdt = NULL, *batch = g_strdup("-b"), *said = NULL;
	g_autofree char *copy = g_strdup(commands);
	char *argv[] = { program, batch, copy, NULL, NULL, NULL };
	const uint8_t *p;
	int status = -1;
	uint32_t len;

	p = table(le32_load(root_table(0, "FACP", &len) + 40), "DSDT", &len);
	argv[3] = dsdt = save_table(dir, "dsdt.aml", p, len);
	if (root_tables() > 3) {
		p = root_table(3, "SSDT", &len);
		argv[4] = ssdt = save_table(dir, "ssdt.aml", p, len);
	}
	if (program) {
		g_assert_true(g_spawn_sync(dir, argv, NULL, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL,
					   &said, NULL, &status, NULL));
		g_assert_cmpint(status, ==, 0);
	}
	g_remove(dsdt);
	if (ssdt)
		g_remove(ssdt);
	g_rmdir(dir);
	return g_steal_pointer(&said);
}

/* Status and resources of slots @first to @last. */
static char *interpret_slots(unsigned int first, unsigned int last)
{
	g_autoptr(GString) commands = g_string_new(NULL);

	for (unsigned int n = first; n <= last; n++)
		g_string_append_printf(
			commands, "evaluate \\_SB.VM%02u._STA;evaluate \\_SB.VM%02u._CRS;", n, n);
	return interpret(commands->str);
}

/* The place behind @what, which must be in @said. */
static const char *behind(const char *said, const char *what)
{
	const char *found = strstr(said, what);

	if (!found)
		g_test_message("\"%s\" is not in: %s", what, said);
	g_assert_nonnull(found);
	return found + strlen(what);
}

static void check_slot(const char *said, unsigned int n, bool present)
{
	g_autofree char *sta = g_strdup_printf("Evaluation of \\_SB.VM%02u._STA", n);
	g_autofree char *crs = g_strdup_printf("Evaluation of \\_SB.VM%02u._CRS", n);
	/* Fixed memory; extended interrupt: consumer, level, active low, shared. */
	g_autofree char *memory = g_strdup_printf("0000: 86 09 00 01 00 %02X %02X F0 00 02 00 00 "
						  "89 06 00 0D",
						  n % 16 << 4, n / 16);
	g_autofree char *pin = g_strdup_printf("0010: 01 %02X 00 00 00 79", 16 + n % 8);

	said = behind(behind(said, sta), "[Integer] = 00000000000000");
	g_assert_cmpmem(said, 2, present ? "0F" : "00", 2);
	said = behind(behind(said, crs), "[Buffer] Length 17 =");
	said = behind(said, "0000: ") - strlen("0000: ");
	g_assert_cmpmem(said, strlen(memory), memory, strlen(memory));
	said = behind(said, "0010: ") - strlen("0010: ");
	g_assert_cmpmem(said, strlen(pin), pin, strlen(pin));
}

static void test_ssdt_evaluated(void)
{
	const uint32_t slots = 0x80000402;

	write_tables_with(1, slots);
	for (unsigned int first = 1; first < IOL_LAYOUT_SLOTS; first += 16) {
		unsigned int last = MIN(first + 15, IOL_LAYOUT_SLOTS - 1);
		g_autofree char *said = interpret_slots(first, last);

		if (!said) {
			g_test_skip("acpiexec (Debian: acpica-tools) is not installed");
			break;
		}
		for (unsigned int n = first; n <= last; n++)
			check_slot(said, n, slots >> n & 1);
	}
	iol_memory_finish(&mem);
}

/* Serial ports are there as many as the machine has. */
static void test_serials(void)
{
	for (serials = 0; serials <= IOL_LAYOUT_SERIALS_MAX; serials++) {
		g_autofree char *said = NULL;
		const char *at_fadt, *rest;
		uint32_t len;

		write_tables(1);
		at_fadt = (const char *)root_table(0, "FACP", &len);
		check_dsdt(table(le32_load(at_fadt + 40), "DSDT", &len), iol_x86_dsdt_bytes,
			   serials);
		said = interpret("evaluate \\_SB.COM1._STA;evaluate \\_SB.COM2._STA;"
				 "evaluate \\_SB.COM3._STA;evaluate \\_SB.COM4._STA;");
		iol_memory_finish(&mem);
		if (!said) {
			g_test_skip("acpiexec (Debian: acpica-tools) is not installed");
			break;
		}
		rest = said;
		for (unsigned int n = 1; n <= IOL_LAYOUT_SERIALS_MAX; n++) {
			g_autofree char *sta = g_strdup_printf("Evaluation of \\_SB.COM%u._STA", n);

			rest = behind(behind(rest, sta), "[Integer] = 00000000000000");
			g_assert_cmpmem(rest, 2, n <= serials ? "0F" : "00", 2);
		}
	}
	serials = 1;
}

/* _PRT: each slot's INTA, in the order of slots (ACPI-6.5 6.2.13). */
static void test_prt(void)
{
	static const uint8_t head[] = { 0x08, '_', 'P', 'R', 'T', 0x12 };
	const uint8_t *p = memmem(iol_x86_dsdt, iol_x86_dsdt_bytes, head, sizeof(head));

	g_assert_nonnull(p);
	p += sizeof(head);
	p += 1 + (p[0] >> 6); /* package length (20.2.4) */
	g_assert_cmpuint(*p++, ==, IOL_LAYOUT_SLOTS - 1);
	for (unsigned int n = 1; n < IOL_LAYOUT_SLOTS; n++) {
		/* PackageOp, its length, 4 elements: DWord address, Zero, Zero, Byte GSI */
		const uint8_t entry[] = { 0x12,       0x0b, 4, 0x0c, 0xff, 0xff,
					  (uint8_t)n, 0,    0, 0,    0x0a, (uint8_t)(16 + n % 8) };

		g_assert_cmpmem(p, sizeof(entry), entry, sizeof(entry));
		p += sizeof(entry);
	}
}

static void test_no_room(void)
{
	const struct iol_memory_region region = { .gpa = 0, .size_bytes = IOL_X86_ACPI };
	struct iol_layout layout;
	struct iol_error err;
	uint64_t rsdp;

	g_assert_cmpint(iol_x86_layout(&(struct iol_layout_request){ .memory_bytes = IOL_MIB,
								     .cpus = 1,
								     .serials = 1 },
				       &layout, NULL),
			==, 0);
	g_assert_cmpint(iol_memory_init(&mem, &region, 1, NULL), ==, 0);
	g_assert_cmpint(iol_x86_acpi_write(&layout, &mem, 0, &rsdp, &err), ==, -ENOSPC);
	g_assert_nonnull(strstr(err.msg, "ACPI tables: "));
	iol_memory_finish(&mem);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/acpi/rsdp", test_rsdp);
	g_test_add_func("/acpi/fadt", test_fadt);
	g_test_add_func("/acpi/madt", test_madt);
	g_test_add_func("/acpi/mcfg", test_mcfg);
	g_test_add_func("/acpi/dsdt", test_dsdt);
	g_test_add_func("/acpi/prt", test_prt);
	g_test_add_func("/acpi/serials", test_serials);
	g_test_add_func("/acpi/ssdt", test_ssdt);
	g_test_add_func("/acpi/ssdt-evaluated", test_ssdt_evaluated);
	g_test_add_func("/acpi/no-room", test_no_room);
	return g_test_run();
}
