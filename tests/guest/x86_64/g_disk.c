// SPDX-License-Identifier: Apache-2.0
/*
 * Virtio disks as a driver uses them. The command line says where they are (see vio_open()) and
 * which test it is: "test=basic", "msix", "intx", "queues", "pci_cfg", "reset", "reboot" or "smp".
 */
#include "ap.h"
#include "cpu.h"
#include "disk.h"
#include "disk_image.h"

#include <linux/pci_regs.h>
#define VIRTIO_PCI_NO_LEGACY
#include <linux/virtio_pci.h>

enum {
	VECTOR = 0x31,
	VECTOR_CONFIG = 0x32,
	CHUNK = 4096,
	SECTORS_PER_CHUNK = CHUNK / DISK_SECTOR,
	LOAD = 64,
	ROUNDS = 200,
	BOOTS = 4,
	QUIET_MS = 20, /* long enough for a device that writes though it must not */
	CMOS_BOOT = 0x41,
};

#define RING_FEATURES (VIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) | VIO_BIT(VIRTIO_RING_F_EVENT_IDX))
#define ALL_FEATURES                                                                 \
	(VIO_BIT(VIRTIO_F_VERSION_1) | RING_FEATURES | VIO_BIT(VIRTIO_BLK_F_FLUSH) | \
	 VIO_BIT(VIRTIO_BLK_F_DISCARD) | VIO_BIT(VIRTIO_BLK_F_WRITE_ZEROES) |        \
	 VIO_BIT(VIRTIO_BLK_F_MQ) | VIO_BIT(VIRTIO_BLK_F_SEG_MAX) |                  \
	 VIO_BIT(VIRTIO_BLK_F_BLK_SIZE))

static struct disk disk;

static bool holds(const uint64_t *data, uint64_t sector, uint32_t len, bool inverted)
{
	uint64_t flip = inverted ? UINT64_MAX : 0;

	for (uint32_t i = 0; i < len / 8; i++)
		if (data[i] != (disk_word(0, sector * DISK_SECTOR + 8ull * i) ^ flip))
			return false;
	return true;
}

static bool is_zero(const uint64_t *data, uint32_t len)
{
	for (uint32_t i = 0; i < len / 8; i++)
		if (data[i])
			return false;
	return true;
}

static bool read_is_right(struct disk_queue *q, uint64_t sector, void *data)
{
	return disk_request(q, VIRTIO_BLK_T_IN, sector, data, CHUNK) == VIRTIO_BLK_S_OK &&
	       holds(data, sector, CHUNK, false);
}

/* --- reads, writes and the rest of the requests --- */

static void check_reads(struct disk_queue *q, void *data)
{
	static const uint64_t sectors[] = { 0, 1, 1000, 2040 };
	uint32_t wide = 65536;
	bool right = true;

	for (unsigned int i = 0; i < 4; i++)
		right = right && read_is_right(q, sectors[i], data);
	check("read: data", right);
	check_eq("read: used length", q->slots[0].used_len || q->indirect, 1);
	check_eq("read: the last sector",
		 disk_request(q, VIRTIO_BLK_T_IN, disk.sectors - 1, data, DISK_SECTOR),
		 VIRTIO_BLK_S_OK);
	check("read: data of the last sector", holds(data, disk.sectors - 1, DISK_SECTOR, false));
	check_eq("read: one sector beyond the end",
		 disk_request(q, VIRTIO_BLK_T_IN, disk.sectors, data, DISK_SECTOR),
		 VIRTIO_BLK_S_IOERR);
	check_eq("read: across the end",
		 disk_request(q, VIRTIO_BLK_T_IN, disk.sectors - 1, data, 2 * DISK_SECTOR),
		 VIRTIO_BLK_S_IOERR);
	check_eq("read: 64 KiB", disk_request(q, VIRTIO_BLK_T_IN, 1024, data, wide),
		 VIRTIO_BLK_S_OK);
	check("read: data of 64 KiB", holds(data, 1024, wide, false));
	check_eq("unknown type", disk_request(q, 77, 0, data, DISK_SECTOR), VIRTIO_BLK_S_UNSUPP);
}

static void check_writes(struct disk_queue *q, uint64_t *data)
{
	uint32_t len = DISK_CHANGED_SECTORS * DISK_SECTOR;

	for (uint32_t i = 0; i < len / 8; i++)
		data[i] = ~disk_word(0, DISK_WRITTEN * DISK_SECTOR + 8ull * i);
	check_eq("write", disk_request(q, VIRTIO_BLK_T_OUT, DISK_WRITTEN, data, len),
		 VIRTIO_BLK_S_OK);
	for (uint32_t i = 0; i < len / 8; i++)
		data[i] = 0;
	check_eq("write: read back", disk_request(q, VIRTIO_BLK_T_IN, DISK_WRITTEN, data, len),
		 VIRTIO_BLK_S_OK);
	check("write: data", holds(data, DISK_WRITTEN, len, true));
	check("write: not before it", read_is_right(q, DISK_WRITTEN - SECTORS_PER_CHUNK, data));
	check("write: not behind it", read_is_right(q, DISK_WRITTEN + DISK_CHANGED_SECTORS, data));
	check_eq("write: beyond the end",
		 disk_request(q, VIRTIO_BLK_T_OUT, disk.sectors, data, DISK_SECTOR),
		 VIRTIO_BLK_S_IOERR);
	if (disk.v.features & VIO_BIT(VIRTIO_BLK_F_FLUSH))
		check_eq("flush", disk_request(q, VIRTIO_BLK_T_FLUSH, 0, NULL, 0), VIRTIO_BLK_S_OK);
}

static uint8_t range_request(struct disk_queue *q, uint32_t type, uint64_t sector, uint32_t count,
			     uint32_t flags)
{
	struct virtio_blk_discard_write_zeroes *range = vio_alloc(sizeof(*range), 16);

	range->sector = sector;
	range->num_sectors = count;
	range->flags = flags;
	return disk_request(q, type, 0, range, sizeof(*range));
}

static void check_ranges(struct disk_queue *q, void *data)
{
	uint32_t len = DISK_CHANGED_SECTORS * DISK_SECTOR;

	check("zeroes: offered", disk.v.features & VIO_BIT(VIRTIO_BLK_F_WRITE_ZEROES));
	check_eq("zeroes",
		 range_request(q, VIRTIO_BLK_T_WRITE_ZEROES, DISK_ZEROED, DISK_CHANGED_SECTORS, 0),
		 VIRTIO_BLK_S_OK);
	check_eq("zeroes: read back", disk_request(q, VIRTIO_BLK_T_IN, DISK_ZEROED, data, len),
		 VIRTIO_BLK_S_OK);
	check("zeroes: data", is_zero(data, len));
	check("zeroes: not before it", read_is_right(q, DISK_ZEROED - SECTORS_PER_CHUNK, data));
	check("zeroes: not behind it", read_is_right(q, DISK_ZEROED + DISK_CHANGED_SECTORS, data));
	check_eq("zeroes: beyond the end",
		 range_request(q, VIRTIO_BLK_T_WRITE_ZEROES, disk.sectors - 1, 2, 0),
		 VIRTIO_BLK_S_IOERR);
	check("discard: offered", disk.v.features & VIO_BIT(VIRTIO_BLK_F_DISCARD));
	check_eq("discard",
		 range_request(q, VIRTIO_BLK_T_DISCARD, DISK_DISCARDED, DISK_CHANGED_SECTORS, 0),
		 VIRTIO_BLK_S_OK);
	check("discard: not before it", read_is_right(q, DISK_DISCARDED - SECTORS_PER_CHUNK, data));
	check("discard: not behind it",
	      read_is_right(q, DISK_DISCARDED + DISK_CHANGED_SECTORS, data));
	check_eq("discard: unmap is no flag of it",
		 range_request(q, VIRTIO_BLK_T_DISCARD, DISK_DISCARDED, 8, 1), VIRTIO_BLK_S_UNSUPP);
}

static void check_id(struct disk_queue *q)
{
	char *id = vio_alloc(VIRTIO_BLK_ID_BYTES + 1, 16);

	check_eq("get id", disk_request(q, VIRTIO_BLK_T_GET_ID, 0, id, VIRTIO_BLK_ID_BYTES),
		 VIRTIO_BLK_S_OK);
	say("id '");
	say(id);
	say("'\n");
}

static void test_basic(void)
{
	static const uint64_t features[] = { 0, RING_FEATURES, VIO_BIT(VIRTIO_RING_F_INDIRECT_DESC),
					     VIO_BIT(VIRTIO_RING_F_EVENT_IDX) };

	for (unsigned int i = 0; i < 4; i++) {
		struct disk_queue *q = &disk.queues[0];
		void *data;

		vio_arena_reset();
		data = vio_alloc(65536, 4096);
		say("ring features ");
		say_hex(features[i]);
		say("\n");
		check("starts",
		      disk_start(&disk, 0, 1, 128, (ALL_FEATURES & ~RING_FEATURES) | features[i]));
		check_eq("ring features are offered", disk.v.features & RING_FEATURES, features[i]);
		check_reads(q, data);
		if (i == 0) {
			check_writes(q, data);
			check_ranges(q, data);
			check_id(q);
		}
	}
}

/* --- interrupts --- */

static volatile uint32_t isr_reads;

static bool wait_count(unsigned int vector, uint32_t seen)
{
	uint64_t end = rdtsc() + VIO_WAIT_MS * user_ticks_per_ms;

	while (cpu_interrupts[vector] == seen)
		if (rdtsc() > end)
			return false;
	return true;
}

/* A request whose end is learned from an interrupt alone. */
static bool interrupted_read(unsigned int vector, void *data)
{
	struct disk_queue *q = &disk.queues[0];
	uint32_t seen = cpu_interrupts[vector];
	uint16_t head;

	vio_want_interrupts(&q->ring, true);
	head = disk_submit(q, VIRTIO_BLK_T_IN, 8, data, CHUNK);
	vio_kick(&q->ring);
	if (!wait_count(vector, seen))
		return false;
	disk_poll(q);
	return q->slots[head].done && q->slots[head].status == VIRTIO_BLK_S_OK &&
	       holds(data, 8, CHUNK, false);
}

static void test_msix(void)
{
	void *data = vio_alloc(CHUNK, 4096);
	bool right = true;
	uint16_t head;

	check("starts", vio_open(&disk.v, 0));
	check("has MSI-X", disk.v.msix);
	vio_msix_set(&disk.v, 0, VECTOR_CONFIG, false);
	vio_msix_set(&disk.v, 1, VECTOR, false);
	vio_msix_enable(&disk.v, true);
	check_eq("vector out of range is refused", vio_queue_vector(&disk.v, 0, 2000), 0xffff);
	check("starts with a vector", disk_restart_with_vector(&disk, 64, ALL_FEATURES, 1));
	for (unsigned int i = 0; i < 20; i++)
		right = right && interrupted_read(VECTOR, data);
	check("an interrupt for each request", right);
	check_eq("no configuration interrupt", cpu_interrupts[VECTOR_CONFIG], 0);

	/* Masked it is remembered, unmasked it comes. */
	vio_msix_set(&disk.v, 1, VECTOR, true);
	isr_reads = cpu_interrupts[VECTOR];
	vio_want_interrupts(&disk.queues[0].ring, true);
	head = disk_submit(&disk.queues[0], VIRTIO_BLK_T_IN, 8, data, CHUNK);
	vio_kick(&disk.queues[0].ring);
	check_eq("masked: the request ends", disk_wait(&disk.queues[0], head, VIO_WAIT_MS),
		 VIRTIO_BLK_S_OK);
	check_eq("masked: no interrupt", cpu_interrupts[VECTOR], isr_reads);
	vio_msix_set(&disk.v, 1, VECTOR, false);
	check("unmasked: it comes", wait_count(VECTOR, isr_reads));
}

static void on_intx(unsigned int vector)
{
	/* Reading lets go of the line. */
	if (vector == VECTOR && read8(disk.v.isr) & 1)
		isr_reads++;
}

static void test_intx(void)
{
	void *data = vio_alloc(CHUNK, 4096);
	unsigned int slot = (unsigned int)option_number("pci", 0, 0);
	unsigned int line = IOL_X86_SLOT_GSI + slot % IOL_X86_SLOT_GSI_COUNT;
	bool right = true;

	check("starts", disk_start(&disk, 0, 1, 64, ALL_FEATURES));
	disk.queues[0].indirect = false;
	check_eq("pin is INTA#", read8(disk.v.function + PCI_INTERRUPT_PIN), 1);
	cpu_on_interrupt = on_intx;
	ioapic_route_level(line, VECTOR);
	for (unsigned int i = 0; i < 20; i++)
		right = right && interrupted_read(VECTOR, data);
	check("an interrupt for each request", right);
	check_eq("ISR said so each time", isr_reads, 20);
	check_eq("ISR: reading clears", read8(disk.v.isr), 0);
	write16(disk.v.function + PCI_COMMAND,
		PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
	isr_reads = cpu_interrupts[VECTOR];
	vio_want_interrupts(&disk.queues[0].ring, true);
	check_eq("disabled: the request ends",
		 disk_request(&disk.queues[0], VIRTIO_BLK_T_IN, 0, data, CHUNK), VIRTIO_BLK_S_OK);
	check_eq("disabled: no interrupt", cpu_interrupts[VECTOR], isr_reads);
}

/* --- several queues --- */

static void test_queues(void)
{
	unsigned int count = (unsigned int)option_number("queues", 0, 4);
	uint16_t heads[VIO_QUEUES_MAX];
	uint8_t *data = vio_alloc(VIO_QUEUES_MAX * CHUNK, 4096);
	bool right = true;

	check("starts", disk_start(&disk, 0, count, 64, ALL_FEATURES));
	check("queues are offered", disk.v.features & VIO_BIT(VIRTIO_BLK_F_MQ));
	check_eq("their number is told",
		 read16(disk.v.config + offsetof(struct virtio_blk_config, num_queues)), count);
	check_eq("there are no more", vio_queue_max(&disk.v, (uint16_t)count), 0);
	for (unsigned int round = 0; round < ROUNDS / 4; round++) {
		for (unsigned int i = 0; i < count; i++) {
			heads[i] = disk_submit(&disk.queues[i], VIRTIO_BLK_T_IN, round + 16ull * i,
					       data + i * CHUNK, CHUNK);
			vio_kick(&disk.queues[i].ring);
		}
		for (unsigned int i = count; i--;)
			right = right &&
				disk_wait(&disk.queues[i], heads[i], VIO_WAIT_MS) ==
					VIRTIO_BLK_S_OK &&
				holds((uint64_t *)(data + i * CHUNK), round + 16ull * i, CHUNK,
				      false);
	}
	check("reads on all of them", right);
}

/* --- the configuration access capability (4.1.4.9) --- */

static uint32_t pci_cfg_read(uint8_t bar, uint32_t offset, uint32_t len)
{
	uint64_t cap = disk.v.function + disk.v.pci_cfg_capability;

	write8(cap + VIRTIO_PCI_CAP_BAR, bar);
	write32(cap + VIRTIO_PCI_CAP_OFFSET, offset);
	write32(cap + VIRTIO_PCI_CAP_LENGTH, len);
	switch (len) {
	case 1:
		return read8(cap + sizeof(struct virtio_pci_cap));
	case 2:
		return read16(cap + sizeof(struct virtio_pci_cap));
	default:
		return read32(cap + sizeof(struct virtio_pci_cap));
	}
}

static void test_pci_cfg(void)
{
	struct vio *v = &disk.v;
	uint64_t bar_start = v->common;
	uint32_t common;
	uint8_t bar;

	check("starts", disk_start(&disk, 0, 1, 64, ALL_FEATURES));
	check("has the capability", v->pci_cfg_capability);
	bar = (uint8_t)option_number("bar", 0, 0);
	bar_start = read32(v->function + PCI_BASE_ADDRESS_0 + 4u * bar) & ~0xfu;
	common = (uint32_t)(v->common - bar_start);
	check_eq("status", pci_cfg_read(bar, common + VIRTIO_PCI_COMMON_STATUS, 1),
		 vio_get(v, VIO_STATUS));
	check_eq("queue size", pci_cfg_read(bar, common + VIRTIO_PCI_COMMON_Q_SIZE, 2), 64);
	check_eq("capacity", pci_cfg_read(bar, (uint32_t)(v->config - bar_start), 4),
		 (uint32_t)disk.sectors);
	pci_cfg_read(bar, common + VIRTIO_PCI_COMMON_Q_SELECT, 2);
	write16(v->function + v->pci_cfg_capability + sizeof(struct virtio_pci_cap), 5);
	check_eq("a write arrives", vio_get(v, VIO_QUEUE_SELECT), 5);
	/* Works with decoding off, too: that is what it is for. */
	write16(v->function + PCI_COMMAND, PCI_COMMAND_MASTER);
	check_eq("status, decoding off", pci_cfg_read(bar, common + VIRTIO_PCI_COMMON_STATUS, 1),
		 VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
			 VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK);
	check_eq("registers, decoding off", read8(vio_address(v, VIO_STATUS)), 0xff);
	write16(v->function + PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

/* --- reset --- */

static bool used_is(const struct vio_queue *q, uint16_t idx)
{
	return *(volatile uint16_t *)&q->used->idx == idx;
}

static void reset_once(unsigned int round, bool *in_time, bool *right, bool *silent)
{
	struct vio_queue old;
	uint8_t *data;
	uint16_t idx;

	vio_arena_reset();
	data = vio_alloc((LOAD + 1) * CHUNK, 4096);
	*in_time = *in_time && disk_restart(&disk, 1, 256, ALL_FEATURES);
	for (unsigned int i = 0; i < LOAD; i++)
		disk_submit(&disk.queues[0], VIRTIO_BLK_T_IN, i * 8ull, data + i * CHUNK, CHUNK);
	vio_kick(&disk.queues[0].ring);
	for (unsigned int i = 0; i < round % 7; i++)
		disk_poll(&disk.queues[0]);
	*in_time = *in_time && vio_reset(&disk.v);
	old = disk.queues[0].ring;
	idx = *(volatile uint16_t *)&old.used->idx;
	for (unsigned int i = 0; i < LOAD * CHUNK; i++)
		data[i] = 0x5a;
	/* New rings, behind the old ones. */
	*in_time = *in_time && disk_restart(&disk, 1, 256, ALL_FEATURES);
	*right = *right && read_is_right(&disk.queues[0], 24, data + LOAD * CHUNK);
	*silent = *silent && used_is(&old, idx);
	for (unsigned int i = 0; i < LOAD * CHUNK; i++)
		*silent = *silent && data[i] == 0x5a;
}

static void test_reset(void)
{
	bool in_time = vio_open(&disk.v, 0), right = true, silent = true;

	for (unsigned int round = 0; round < 50; round++)
		reset_once(round, &in_time, &right, &silent);
	check("resets end", in_time);
	check("requests after a reset", right);
	check("nothing is written after a reset", silent);
}

/* --- the machine is reset with requests in flight --- */

static uint8_t boot;

static bool arena_is_zero(void)
{
	/* Its bounds are laundered: for the compiler nothing lies there. */
	for (uint64_t at = VIO_ARENA; at < VIO_ARENA + (LOAD + 16) * CHUNK; at += 8)
		if (read64(at))
			return false;
	return true;
}

static void test_reboot(void)
{
	uint64_t end = rdtsc() + QUIET_MS * user_ticks_per_ms;
	bool zero = arena_is_zero();
	uint8_t *data;

	while (rdtsc() < end)
		zero = zero && arena_is_zero();
	check("memory is zero and stays so", zero);
	check("starts", disk_start(&disk, 0, 1, 256, ALL_FEATURES));
	data = vio_alloc(LOAD * CHUNK, 4096);
	check("reads", read_is_right(&disk.queues[0], 24, data));
	say("boot ");
	say_number(boot);
	say("\n");
	if (boot == BOOTS)
		return;
	for (unsigned int i = 0; i < LOAD; i++)
		disk_submit(&disk.queues[0], VIRTIO_BLK_T_IN, i * 8ull, data + i * CHUNK, CHUNK);
	vio_kick(&disk.queues[0].ring);
	end = rdtsc() + VIO_WAIT_MS * user_ticks_per_ms;
	user_call(USER_RESET, 0, 0);
	while (rdtsc() < end)
		__asm__ volatile("pause");
	say("FAIL no reset\n");
}

/* --- two processors, a queue each --- */

static volatile uint32_t ap_done;
static volatile bool ap_right = true;
static uint8_t ap_stack[8192] __attribute__((aligned(16)));

static bool many_reads(struct disk_queue *q, uint8_t *data, unsigned int which)
{
	uint64_t seed = which + 1;
	bool right = true;

	for (unsigned int i = 0; i < ROUNDS; i++)
		right = right && read_is_right(q, random_next(&seed) % 512 + 1024, data);
	return right;
}

static void ap_user(void)
{
	ap_right = many_reads(&disk.queues[1], vio_alloc(CHUNK, 4096), 1);
	ap_done = 1;
	for (;;)
		__asm__ volatile("pause");
}

void ap_main(uint32_t number)
{
	(void)number;
	cpu_load_idt();
	cpu_load_task(1);
	cpu_enter_user_on(ap_user, ap_stack + sizeof(ap_stack));
}

static void test_smp(void)
{
	uint64_t end = rdtsc() + 4 * VIO_WAIT_MS * user_ticks_per_ms;
	uint8_t *data = vio_alloc(CHUNK, 4096);
	uint8_t *to = (uint8_t *)AP_TRAMPOLINE;

	check("starts", disk_start(&disk, 0, 2, 64, ALL_FEATURES));
	for (const uint8_t *from = ap_trampoline; from < ap_trampoline_end;)
		*to++ = *from++;
	lapic_send(1, LAPIC_ICR_INIT | LAPIC_ICR_ASSERT);
	lapic_send(1, LAPIC_ICR_STARTUP | LAPIC_ICR_ASSERT | AP_TRAMPOLINE >> 12);
	check("reads of the first", many_reads(&disk.queues[0], data, 0));
	while (!ap_done && rdtsc() < end)
		__asm__ volatile("pause");
	check_eq("the second came to its end", ap_done, 1);
	check("reads of the second", ap_right);
}

static void test(void)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} tests[] = {
		{ "basic", test_basic },   { "msix", test_msix },     { "intx", test_intx },
		{ "queues", test_queues }, { "reset", test_reset },   { "pci_cfg", test_pci_cfg },
		{ "smp", test_smp },       { "reboot", test_reboot },
	};

	for (unsigned int i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		if (!option_is("test", tests[i].name))
			continue;
		tests[i].run();
		check("no reset is needed at the end", !vio_needs_reset(&disk.v));
		end();
	}
	say("FAIL no such test\n");
	end();
}

int main(void)
{
	outb(IOL_X86_RTC, CMOS_BOOT);
	boot = (uint8_t)(inb(IOL_X86_RTC + 1) + 1);
	outb(IOL_X86_RTC + 1, boot);
	user_run(test);
}
