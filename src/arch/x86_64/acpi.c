// SPDX-License-Identifier: Apache-2.0
/*
 * ACPI tables of the x86_64 machine: RSDP, XSDT, FADT, MADT, MCFG, the DSDT that iasl made of
 * dsdt.asl, and for virtio-mmio devices an SSDT made of ssdt_virtio_mmio.asl. (ACPI-6.5 5.2; MCFG:
 * PCI Firmware 3.3, 4.1.2.) Runs on the loop's thread at start and at each reset.
 *
 * The machine is hardware-reduced (ACPI-6.5 3.11.1, 4.1): a guest finds no SCI, PM timer, PM1 block
 * or FACS, and sets up neither legacy PIC nor PIT. MADT therefore has no interrupt source
 * overrides: every GSI is an IOAPIC pin, with the trigger that its resource says, or as PCI has it
 * when _PRT names it.
 *
 * The guest may overwrite the tables; nothing here is read back.
 */
#include "x86.h"

#include <assert.h>
#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <string.h>

#include <iolite/acpi_pm_regs.h>
#include <iolite/endian.h>

static_assert(IOL_ACPI_PM_BYTES == IOL_X86_ACPI_PM_BYTES, "one size of the ACPI power registers");

#define OEM_ID "IOLITE"
#define OEM_TABLE_ID "IOLITEPC"
#define OEM_REVISION 1
#define CREATOR_ID "IOLT"
#define CREATOR_REVISION 1

/* The RSDP is found by a scan at 16-byte steps (5.2.5.1); tables follow at cache lines. */
#define TABLE_ALIGN 64

#define RSDP_REVISION 2
#define XSDT_REVISION 1
#define FADT_REVISION 6
#define FADT_MINOR_REVISION 5
#define MADT_REVISION 6
#define MCFG_REVISION 1

/* FADT flags (5.2.9, table 5.10) */
#define FADT_WBINVD (1u << 0)
#define FADT_PROC_C1 (1u << 2)
#define FADT_PWR_BUTTON (1u << 4) /* none in fixed hardware: PWRB in the DSDT */
#define FADT_SLP_BUTTON (1u << 5) /* none in fixed hardware */
#define FADT_FIX_RTC (1u << 6) /* no RTC wake status in fixed hardware */
#define FADT_RESET_REG_SUP (1u << 10)
#define FADT_HW_REDUCED_ACPI (1u << 20)
#define FADT_FLAGS                                                                       \
	(FADT_WBINVD | FADT_PROC_C1 | FADT_PWR_BUTTON | FADT_SLP_BUTTON | FADT_FIX_RTC | \
	 FADT_RESET_REG_SUP | FADT_HW_REDUCED_ACPI)

/*
 * IAPC_BOOT_ARCH (5.2.9.3). Bit by bit: LEGACY_DEVICES for COM1; no 8042, so that Linux does not
 * probe for a keyboard (its reset line answers all the same); no VGA; MSI works; ASPM is left to
 * the guest, because Linux takes no PCIe control (_OSC) where ASPM is forbidden; the CMOS RTC is
 * there.
 */
#define BOOT_LEGACY_DEVICES (1u << 0)
#define BOOT_VGA_NOT_PRESENT (1u << 2)
#define FADT_BOOT_ARCH (BOOT_LEGACY_DEVICES | BOOT_VGA_NOT_PRESENT)

#define PM_PROFILE_ENTERPRISE_SERVER 4
#define RTC_CENTURY_INDEX 0x32
#define FADT_C_STATE_NONE 0xffff /* above 100 and 1000 us: no C2, no C3 */

/* Generic address structure (5.2.3.2) */
#define GAS_SYSTEM_IO 1
#define GAS_ACCESS_BYTE 1

struct __attribute__((packed)) gas {
	uint8_t space;
	uint8_t bit_width;
	uint8_t bit_offset;
	uint8_t access_size;
	le64 address;
};

struct __attribute__((packed)) rsdp {
	char signature[8];
	uint8_t checksum; /* of the first 20 bytes */
	char oem_id[6];
	uint8_t revision;
	le32 rsdt_address;
	le32 length;
	le64 xsdt_address;
	uint8_t extended_checksum;
	uint8_t reserved[3];
};

struct __attribute__((packed)) header {
	char signature[4];
	le32 length;
	uint8_t revision;
	uint8_t checksum;
	char oem_id[6];
	char oem_table_id[8];
	le32 oem_revision;
	char creator_id[4];
	le32 creator_revision;
};

enum { XSDT_ENTRIES_MAX = 4 };

struct __attribute__((packed)) xsdt {
	struct header header;
	le64 entries[XSDT_ENTRIES_MAX]; /* as many as there are tables */
};

struct __attribute__((packed)) fadt {
	struct header header;
	le32 firmware_ctrl;
	le32 dsdt;
	uint8_t reserved_44;
	uint8_t preferred_pm_profile;
	uint8_t pad_46[96 - 46]; /* SCI, fixed event and PM blocks: none */
	le16 p_lvl2_lat;
	le16 p_lvl3_lat;
	uint8_t pad_100[108 - 100];
	uint8_t century;
	le16 iapc_boot_arch;
	uint8_t reserved_111;
	le32 flags;
	struct gas reset_reg;
	uint8_t reset_value;
	le16 arm_boot_arch;
	uint8_t minor_revision;
	le64 x_firmware_ctrl;
	le64 x_dsdt;
	struct gas x_pm_blocks[8]; /* none */
	struct gas sleep_control_reg;
	struct gas sleep_status_reg;
	char hypervisor_vendor[8];
};

struct __attribute__((packed)) madt_lapic {
	uint8_t type; /* 0 */
	uint8_t length;
	uint8_t uid;
	uint8_t apic_id;
	le32 flags; /* bit 0: enabled */
};

struct __attribute__((packed)) madt_ioapic {
	uint8_t type; /* 1 */
	uint8_t length;
	uint8_t id;
	uint8_t reserved;
	le32 address;
	le32 gsi_base;
};

struct __attribute__((packed)) madt_lapic_nmi {
	uint8_t type; /* 4 */
	uint8_t length;
	uint8_t uid; /* 0xff: all */
	le16 flags;
	uint8_t lint;
};

struct __attribute__((packed)) madt {
	struct header header;
	le32 lapic_address;
	le32 flags; /* bit 0, PCAT_COMPAT, is clear: no 8259s to be found */
	struct madt_ioapic ioapic;
	struct madt_lapic_nmi nmi;
	struct madt_lapic lapics[IOL_X86_CPUS_MAX]; /* as many as there are vCPUs */
};

struct __attribute__((packed)) mcfg {
	struct header header;
	le64 reserved;
	le64 base; /* of bus 0, even if start_bus is another */
	le16 segment;
	uint8_t start_bus;
	uint8_t end_bus;
	le32 reserved_12;
};

static_assert(sizeof(struct gas) == 12, "ACPI-6.5 5.2.3.2");
static_assert(sizeof(struct rsdp) == 36, "ACPI-6.5 5.2.5.3");
static_assert(sizeof(struct header) == 36, "ACPI-6.5 5.2.6");
static_assert(offsetof(struct fadt, p_lvl2_lat) == 96, "ACPI-6.5 5.2.9");
static_assert(offsetof(struct fadt, century) == 108, "ACPI-6.5 5.2.9");
static_assert(offsetof(struct fadt, iapc_boot_arch) == 109, "ACPI-6.5 5.2.9");
static_assert(offsetof(struct fadt, flags) == 112, "ACPI-6.5 5.2.9");
static_assert(offsetof(struct fadt, reset_reg) == 116, "ACPI-6.5 5.2.9");
static_assert(offsetof(struct fadt, minor_revision) == 131, "ACPI-6.5 5.2.9");
static_assert(offsetof(struct fadt, x_dsdt) == 140, "ACPI-6.5 5.2.9");
static_assert(offsetof(struct fadt, sleep_control_reg) == 244, "ACPI-6.5 5.2.9");
static_assert(offsetof(struct fadt, hypervisor_vendor) == 268, "ACPI-6.5 5.2.9");
static_assert(sizeof(struct fadt) == 276, "ACPI-6.5 5.2.9");
static_assert(sizeof(struct madt_lapic) == 8, "ACPI-6.5 5.2.12.2");
static_assert(sizeof(struct madt_ioapic) == 12, "ACPI-6.5 5.2.12.3");
static_assert(sizeof(struct madt_lapic_nmi) == 6, "ACPI-6.5 5.2.12.7");
static_assert(offsetof(struct madt, ioapic) == 44, "ACPI-6.5 5.2.12");
static_assert(sizeof(struct mcfg) == 60, "PCI Firmware 3.3, 4.1.2");
static_assert(IOL_X86_CPUS_MAX < 255, "local APIC entries hold 8-bit ids (else x2APIC entries)");

/* Hands out the ACPI area from below. */
struct writer {
	const struct iol_memory *mem;
	uint64_t next;
	struct iol_error *err;
};

/* Copies a table; its address, or 0 and an error when the area is full. */
static uint64_t put(struct writer *w, const void *table, uint64_t len)
{
	uint64_t gpa = IOL_ALIGN_UP(w->next, TABLE_ALIGN);
	uint64_t end = IOL_X86_ACPI + IOL_X86_ACPI_BYTES;

	if (gpa > end || len > end - gpa || iol_memory_write(w->mem, gpa, table, len)) {
		iol_error_set(w->err, -ENOSPC,
			      "ACPI tables: 0x%" PRIx64 " bytes do not fit at 0x%" PRIx64, len,
			      gpa);
		return 0;
	}
	w->next = gpa + len;
	return gpa;
}

static uint8_t checksum(const void *p, size_t len)
{
	const uint8_t *bytes = p;
	uint8_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + bytes[i]);
	return (uint8_t)-sum;
}

/* Fills the header in front of a table whose body is complete. */
static void seal(void *table, const char *signature, uint8_t revision, size_t len)
{
	struct header *h = table;

	memcpy(h->signature, signature, sizeof(h->signature));
	h->length = le32_of((uint32_t)len);
	h->revision = revision;
	h->checksum = 0;
	memcpy(h->oem_id, OEM_ID, sizeof(h->oem_id));
	memcpy(h->oem_table_id, OEM_TABLE_ID, sizeof(h->oem_table_id));
	h->oem_revision = le32_of(OEM_REVISION);
	memcpy(h->creator_id, CREATOR_ID, sizeof(h->creator_id));
	h->creator_revision = le32_of(CREATOR_REVISION);
	h->checksum = checksum(table, len);
}

static struct gas io_byte(uint16_t port)
{
	return (struct gas){
		.space = GAS_SYSTEM_IO,
		.bit_width = 8,
		.access_size = GAS_ACCESS_BYTE,
		.address = le64_of(port),
	};
}

static uint64_t put_fadt(struct writer *w, uint64_t dsdt)
{
	struct fadt fadt = {
		.dsdt = le32_of((uint32_t)dsdt),
		.preferred_pm_profile = PM_PROFILE_ENTERPRISE_SERVER,
		.p_lvl2_lat = le16_of(FADT_C_STATE_NONE),
		.p_lvl3_lat = le16_of(FADT_C_STATE_NONE),
		.century = RTC_CENTURY_INDEX,
		.iapc_boot_arch = le16_of(FADT_BOOT_ARCH),
		.flags = le32_of(FADT_FLAGS),
		.reset_reg = io_byte(IOL_X86_RESET_PORT),
		.reset_value = IOL_X86_RESET_VALUE,
		.minor_revision = FADT_MINOR_REVISION,
		.x_dsdt = le64_of(dsdt),
		.sleep_control_reg = io_byte(IOL_X86_ACPI_PM + IOL_ACPI_PM_SLEEP_CONTROL),
		.sleep_status_reg = io_byte(IOL_X86_ACPI_PM + IOL_ACPI_PM_SLEEP_STATUS),
		.hypervisor_vendor = OEM_ID,
	};

	seal(&fadt, "FACP", FADT_REVISION, sizeof(fadt));
	return put(w, &fadt, sizeof(fadt));
}

static uint64_t put_madt(struct writer *w, unsigned int cpus)
{
	size_t len = offsetof(struct madt, lapics) + cpus * sizeof(struct madt_lapic);
	struct madt madt = {
		.lapic_address = le32_of(IOL_X86_LAPIC),
		.ioapic = {
			.type = 1,
			.length = sizeof(madt.ioapic),
			.id = 0, /* what its id register says after reset */
			.address = le32_of(IOL_X86_IOAPIC),
			.gsi_base = le32_of(0),
		},
		.nmi = { .type = 4, .length = sizeof(madt.nmi), .uid = 0xff, .lint = 1 },
	};

	for (unsigned int i = 0; i < cpus; i++)
		madt.lapics[i] = (struct madt_lapic){
			.type = 0,
			.length = sizeof(madt.lapics[i]),
			.uid = (uint8_t)i,
			.apic_id = (uint8_t)i,
			.flags = le32_of(1),
		};
	seal(&madt, "APIC", MADT_REVISION, len);
	return put(w, &madt, len);
}

static uint64_t put_mcfg(struct writer *w)
{
	struct mcfg mcfg = {
		.base = le64_of(IOL_X86_ECAM),
		.start_bus = 0,
		.end_bus = IOL_X86_ECAM_BYTES / IOL_MIB - 1,
	};

	seal(&mcfg, "MCFG", MCFG_REVISION, sizeof(mcfg));
	return put(w, &mcfg, sizeof(mcfg));
}

/* The table as iasl made it, with @value in the place of @mark. */
static uint64_t put_aml(struct writer *w, const uint8_t *aml, uint32_t len, uint32_t mark,
			uint32_t value)
{
	g_autofree uint8_t *table = g_memdup2(aml, len);
	const le32 marked = le32_of(mark);
	uint8_t *place = memmem(table, len, &marked, sizeof(marked));
	struct header *header = (void *)table;

	assert(place);
	le32_store(place, value);
	header->checksum = 0;
	header->checksum = checksum(table, len);
	return put(w, table, len);
}

static uint32_t count_serials(const struct iol_layout *layout)
{
	uint32_t count = 0;

	for (unsigned int i = 0; i < layout->device_count; i++)
		count += layout->devices[i].kind == IOL_LAYOUT_UART;
	return count;
}

static uint64_t put_xsdt(struct writer *w, const uint64_t *entries, unsigned int count)
{
	size_t len = offsetof(struct xsdt, entries) + count * sizeof(le64);
	struct xsdt xsdt = { 0 };

	for (unsigned int i = 0; i < count; i++)
		xsdt.entries[i] = le64_of(entries[i]);
	seal(&xsdt, "XSDT", XSDT_REVISION, len);
	return put(w, &xsdt, len);
}

static struct rsdp make_rsdp(uint64_t xsdt)
{
	struct rsdp rsdp = {
		.revision = RSDP_REVISION,
		.length = le32_of(sizeof(rsdp)),
		.xsdt_address = le64_of(xsdt),
	};

	memcpy(rsdp.signature, "RSD PTR ", sizeof(rsdp.signature));
	memcpy(rsdp.oem_id, OEM_ID, sizeof(rsdp.oem_id));
	rsdp.checksum = checksum(&rsdp, offsetof(struct rsdp, length));
	rsdp.extended_checksum = checksum(&rsdp, sizeof(rsdp));
	return rsdp;
}

int iol_x86_acpi_write(const struct iol_layout *layout, const struct iol_memory *mem,
		       uint32_t virtio_mmio_slots, uint64_t *rsdp_gpa, struct iol_error *err)
{
	/* The root pointer's place comes first, its content last. */
	struct writer w = { mem, IOL_X86_ACPI + sizeof(struct rsdp), err };
	uint64_t entries[XSDT_ENTRIES_MAX], dsdt, xsdt;
	unsigned int count = 0;
	struct rsdp rsdp;

	assert(layout->cpus >= 1 && layout->cpus <= IOL_X86_CPUS_MAX);
	dsdt = put_aml(&w, iol_x86_dsdt, iol_x86_dsdt_bytes, IOL_X86_DSDT_SERIALS,
		       count_serials(layout));
	if (!dsdt)
		return -ENOSPC;
	entries[count++] = put_fadt(&w, dsdt);
	entries[count++] = put_madt(&w, layout->cpus);
	entries[count++] = put_mcfg(&w);
	if (virtio_mmio_slots)
		entries[count++] =
			put_aml(&w, iol_x86_ssdt_virtio_mmio, iol_x86_ssdt_virtio_mmio_bytes,
				IOL_X86_SSDT_SLOTS, virtio_mmio_slots);
	xsdt = put_xsdt(&w, entries, count);
	for (unsigned int i = 0; i < count; i++)
		if (!entries[i])
			return -ENOSPC;
	if (!xsdt)
		return -ENOSPC;

	rsdp = make_rsdp(xsdt);
	w.next = IOL_X86_ACPI;
	*rsdp_gpa = put(&w, &rsdp, sizeof(rsdp));
	return *rsdp_gpa ? 0 : -ENOSPC;
}
