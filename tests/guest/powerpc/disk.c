// SPDX-License-Identifier: Apache-2.0
/* See disk.h. */
#include "disk.h"

#include "disk_image.h"

/* IOL_LAYOUT_SLOTS and their size (include/iolite/layout.h). */
enum { SLOTS = 32, SLOT_BYTES = 4096 };

enum {
	REG_MAGIC = 0x000,
	REG_DEVICE_ID = 0x008,
	REG_DRIVER_FEATURES = 0x020,
	REG_DRIVER_FEATURES_SEL = 0x024,
	REG_QUEUE_SEL = 0x030,
	REG_QUEUE_SIZE = 0x038,
	REG_QUEUE_READY = 0x044,
	REG_QUEUE_NOTIFY = 0x050,
	REG_STATUS = 0x070,
	REG_QUEUE_DESC = 0x080,
	REG_QUEUE_DRIVER = 0x090,
	REG_QUEUE_DEVICE = 0x0a0,
	MAGIC = 0x74726976, /* "virt" */
	DEVICE_BLK = 2,
	F_VERSION_1_WORD = 1, /* bit 32 */
	STATUS_ACKNOWLEDGE = 1,
	STATUS_DRIVER = 2,
	STATUS_FEATURES_OK = 8,
	STATUS_DRIVER_OK = 4,
	DESC_NEXT = 1,
	DESC_WRITE = 2,
	T_IN = 0,
	T_OUT = 1,
	S_OK = 0,
	QUEUE = 4,
	WAIT_MS = 20000,
	BOOT_MAGIC = 0x626f6f74,
};

struct desc {
	uint32_t addr_low, addr_high, len;
	uint16_t flags, next;
};

/* All fields are little-endian. */
static struct {
	struct desc desc[QUEUE];
	uint16_t avail_flags, avail_idx, avail[QUEUE];
	uint8_t gap[4];
	uint16_t used_flags, used_idx;
	struct {
		uint32_t id, len;
	} used[QUEUE];
} ring __attribute__((aligned(16)));

static struct {
	uint32_t type, reserved, sector_low, sector_high;
} head;
static volatile uint8_t status;
static uint32_t base;
static uint16_t sent;

static uint16_t le16(uint16_t value)
{
	return __builtin_bswap16(value);
}

static uint32_t le32(uint32_t value)
{
	return __builtin_bswap32(value);
}

static uint32_t find(void)
{
	for (unsigned int slot = 0; slot < SLOTS; slot++) {
		uint32_t at = (uint32_t)IOL_PPC32_PLATFORM + slot * SLOT_BYTES;

		if (read32le(at + REG_MAGIC) == MAGIC && read32le(at + REG_DEVICE_ID) == DEVICE_BLK)
			return at;
	}
	return 0;
}

static void set_address(uint32_t reg, const volatile void *at)
{
	write32le(base + reg, (uint32_t)at);
	write32le(base + reg + 4, 0);
}

bool disk_init(void)
{
	uint32_t wanted = STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK;

	base = find();
	if (!base)
		return false;
	write32le(base + REG_STATUS, 0);
	write32le(base + REG_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	write32le(base + REG_DRIVER_FEATURES_SEL, 0);
	write32le(base + REG_DRIVER_FEATURES, 0);
	write32le(base + REG_DRIVER_FEATURES_SEL, 1);
	write32le(base + REG_DRIVER_FEATURES, F_VERSION_1_WORD);
	write32le(base + REG_STATUS, wanted);
	if (read32le(base + REG_STATUS) != wanted)
		return false;
	write32le(base + REG_QUEUE_SEL, 0);
	write32le(base + REG_QUEUE_SIZE, QUEUE);
	set_address(REG_QUEUE_DESC, ring.desc);
	set_address(REG_QUEUE_DRIVER, &ring.avail_flags);
	set_address(REG_QUEUE_DEVICE, &ring.used_flags);
	write32le(base + REG_QUEUE_READY, 1);
	write32le(base + REG_STATUS, wanted | STATUS_DRIVER_OK);
	sent = 0;
	return true;
}

static void set_desc(unsigned int i, const volatile void *at, uint32_t len, uint16_t flags)
{
	ring.desc[i] = (struct desc){ le32((uint32_t)at), 0, le32(len), le16(flags),
				      le16((uint16_t)(i + 1)) };
}

static bool request(uint32_t type, uint32_t sector, void *data)
{
	uint64_t limit = ticks() + ticks_of_ms(WAIT_MS);

	head.type = le32(type);
	head.sector_low = le32(sector);
	status = 0xff;
	set_desc(0, &head, sizeof(head), DESC_NEXT);
	set_desc(1, data, DISK_SECTOR, type == T_IN ? DESC_NEXT | DESC_WRITE : DESC_NEXT);
	set_desc(2, &status, 1, DESC_WRITE);
	ring.avail[sent % QUEUE] = 0;
	barrier();
	ring.avail_idx = le16(++sent);
	barrier();
	write32le(base + REG_QUEUE_NOTIFY, 0);
	while (*(volatile uint16_t *)&ring.used_idx != le16(sent))
		if (ticks() > limit)
			return false;
	barrier();
	return status == S_OK;
}

bool disk_read(uint32_t sector, void *data)
{
	return request(T_IN, sector, data);
}

bool disk_write(uint32_t sector, void *data)
{
	return request(T_OUT, sector, data);
}

unsigned int disk_count_boot(void)
{
	static uint32_t note[DISK_SECTOR / 4];

	if (!disk_init() || !disk_read(DISK_DISCARDED, note))
		return 0;
	if (note[0] != BOOT_MAGIC)
		note[1] = 0;
	note[0] = BOOT_MAGIC;
	note[1]++;
	return disk_write(DISK_DISCARDED, note) ? note[1] : 0;
}

bool disk_change(void)
{
	static uint32_t data[DISK_SECTOR / 4], zero[DISK_SECTOR / 4];
	bool good = true;

	for (uint32_t i = 0; i < DISK_CHANGED_SECTORS && good; i++) {
		good = disk_read(DISK_WRITTEN + i, data);
		for (unsigned int word = 0; word < DISK_SECTOR / 4; word++)
			data[word] = ~data[word];
		good = good && disk_write(DISK_WRITTEN + i, data) &&
		       disk_write(DISK_ZEROED + i, zero);
	}
	return good;
}
