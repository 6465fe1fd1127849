// SPDX-License-Identifier: Apache-2.0
/*
 * A driver that breaks the rules, one after the other: ../hostile_list.h. Each violation has a line
 * "name: VERDICT". The command line says where two disks are (see vio_open()), how much RAM there is
 * ("ram=128", in MiB), and perhaps which violation is wanted alone ("only=name").
 *
 * Says "ready" and waits for a byte before the first, "done" before it ends.
 */
#include "hostile.h"

#include "disk_image.h"

#include <linux/pci_regs.h>

enum { READ_BYTES = 4096, HEADER_WORDS = 16 };

struct victim h;

/* --- pieces --- */

void put_at(uint16_t index, uint64_t gpa, uint32_t len, uint16_t flags, uint16_t next)
{
	h.q->desc[index].addr = gpa;
	h.q->desc[index].len = len;
	h.q->desc[index].flags = flags;
	h.q->desc[index].next = next;
}

void put(uint16_t index, const volatile void *addr, uint32_t len, uint16_t flags, uint16_t next)
{
	put_at(index, (uint64_t)addr, len, flags, next);
}

void put_entry(uint16_t index, const volatile void *addr, uint32_t len, uint16_t flags,
	       uint16_t next)
{
	h.table[index] = (struct vring_desc){ (uint64_t)addr, len, flags, next };
}

void put_request(uint32_t type, uint64_t sector, uint32_t len)
{
	bool reads = type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;

	*h.header = (struct virtio_blk_outhdr){ .type = type, .sector = sector };
	*h.status = DISK_PENDING;
	put(0, h.header, sizeof(*h.header), VRING_DESC_F_NEXT, 1);
	put(1, h.data, len, VRING_DESC_F_NEXT | (reads ? VRING_DESC_F_WRITE : 0), 2);
	put(2, h.status, 1, VRING_DESC_F_WRITE, 0);
}

void put_indirect(void)
{
	put_request(VIRTIO_BLK_T_IN, 0, READ_BYTES);
	for (unsigned int i = 0; i < 3; i++)
		h.table[i] = h.q->desc[i];
	put(0, h.table, 3 * sizeof(h.table[0]), VRING_DESC_F_INDIRECT, 0);
}

enum verdict outcome(void)
{
	uint64_t end = hostile_deadline(ANSWER_MS);
	volatile uint16_t *used_idx = &h.q->used->idx;

	do {
		if (*used_idx != h.q->used_idx) {
			h.q->used_idx++;
			return *h.status == VIRTIO_BLK_S_OK ? PASS : REJECT;
		}
		if (vio_needs_reset(h.v))
			return REJECT;
	} while (rdtsc() < end);
	return FAIL;
}

enum verdict answer(uint16_t head)
{
	vio_submit(h.q, head);
	vio_kick_always(h.q);
	return outcome();
}

enum verdict request(uint32_t type, uint64_t sector, uint32_t len)
{
	put_request(type, sector, len);
	return answer(0);
}

static bool data_is_right(unsigned int number, const void *data, uint64_t sector)
{
	const uint64_t *words = data;

	for (unsigned int i = 0; i < READ_BYTES / 8; i++)
		if (words[i] != disk_word(number, sector * DISK_SECTOR + 8ull * i))
			return false;
	return true;
}

enum verdict still_works(void)
{
	enum verdict verdict;

	if (vio_needs_reset(h.v))
		return REJECT;
	h.data[0] = 0;
	verdict = request(VIRTIO_BLK_T_IN, 1024, READ_BYTES);
	if (verdict == PASS && !data_is_right(0, h.data, 1024))
		return FAIL;
	return verdict == REJECT && !vio_needs_reset(h.v) ? FAIL : verdict;
}

bool silent(void)
{
	uint64_t end = hostile_deadline(SILENCE_MS);

	while (rdtsc() < end)
		if (*(volatile uint16_t *)&h.q->used->idx != h.q->used_idx)
			return false;
	return true;
}

void load(void)
{
	for (unsigned int i = 0; i < LOAD; i++)
		disk_submit(h.dq, VIRTIO_BLK_T_IN, 8ull * i, h.data, READ_BYTES);
	vio_kick_always(h.q);
}

enum verdict load_ends(void)
{
	uint64_t end = hostile_deadline(ANSWER_MS);

	while (h.q->used_idx != h.q->avail_idx) {
		if (disk_poll(h.dq) != UINT16_MAX)
			continue;
		if (vio_needs_reset(h.v))
			return REJECT;
		if (rdtsc() > end)
			return FAIL;
	}
	return PASS;
}

bool set_up(uint64_t features)
{
	vio_arena_reset();
	h.header = vio_alloc(sizeof(*h.header), 4096);
	h.status = vio_alloc(1, 4096);
	h.data = vio_alloc(DATA_BYTES, 4096);
	h.table = vio_alloc(128 * sizeof(h.table[0]), 4096);
	if (!vio_reset(h.v) || !vio_negotiate(h.v, features))
		return false;
	vio_queue_make(h.v, h.q, 0, Q_SIZE);
	h.dq->slots = vio_alloc(Q_SIZE * sizeof(struct disk_slot), 128);
	h.dq->indirect = false;
	return true;
}

enum verdict set_up_ends(void)
{
	vio_queue_enable(h.v, h.q);
	if (!vio_get(h.v, VIO_QUEUE_ENABLE))
		return REJECT;
	vio_add_status(h.v, VIRTIO_CONFIG_S_DRIVER_OK);
	if (vio_needs_reset(h.v))
		return REJECT;
	return still_works();
}

/* --- one after the other --- */

/* The victim's configuration header, to be put back. */
static uint32_t saved[HEADER_WORDS];

static void save_function(void)
{
	for (unsigned int i = 0; i < HEADER_WORDS && !h.v->mmio; i++)
		saved[i] = read32(h.v->function + 4 * i);
}

static void restore_function(void)
{
	if (h.v->mmio)
		return;
	write16(h.v->function + PCI_COMMAND, 0);
	for (unsigned int i = PCI_BASE_ADDRESS_0 / 4; i < PCI_BASE_ADDRESS_0 / 4 + 6; i++)
		write32(h.v->function + 4 * i, saved[i]);
	write8(h.v->function + PCI_INTERRUPT_LINE, (uint8_t)saved[PCI_INTERRUPT_LINE / 4]);
	if (h.v->msix)
		vio_msix_enable(h.v, false);
	write16(h.v->function + PCI_COMMAND, (uint16_t)saved[PCI_COMMAND / 4]);
}

static bool start_victim(void)
{
	if (!set_up(FEATURES))
		return false;
	vio_queue_enable(h.v, h.q);
	vio_add_status(h.v, VIRTIO_CONFIG_S_DRIVER_OK);
	return true;
}

static bool other_works(void)
{
	static uint64_t seed = 1;
	uint64_t sector = random_next(&seed) % 1024;
	uint8_t *data = vio_alloc(READ_BYTES, 4096);

	return disk_request(&h.other.queues[0], VIRTIO_BLK_T_IN, sector, data, READ_BYTES) ==
		       VIRTIO_BLK_S_OK &&
	       data_is_right(1, data, sector);
}

static void judge(const char *name, enum verdict (*run)(void))
{
	static const char *const names[] = { "PASS", "REJECT", "FAIL", "WEDGED" };
	enum verdict verdict = WEDGED;

	if (start_victim())
		verdict = run();
	restore_function();
	if (!start_victim() || still_works() != PASS || !other_works())
		verdict = WEDGED;
	say(name);
	say(": ");
	say(names[verdict]);
	say("\n");
}

enum { PCI = 1, MMIO = 2, BOTH = 3 };

static void run_all(void)
{
	static const struct {
		const char *name;
		enum verdict (*run)(void);
		uint8_t transports;
	} violations[] = {
#define VIOLATION(name, expected, transports, text) { #name, v_##name, transports },
#include "hostile_list.h"
#undef VIOLATION
	};
	const char *only = option("only", 0);

	h.v = &h.disk.v;
	h.dq = &h.disk.queues[0];
	h.q = &h.dq->ring;
	if (!vio_open(h.v, 0) || !disk_start(&h.other, 1, 1, Q_SIZE, FEATURES)) {
		say("FAIL no disks\n");
		end();
	}
	save_function();
	vio_alloc(VIO_ARENA_BYTES / 2,
		  4096); /* touches it: the host's memory does not grow later */
	vio_arena_reset();
	h.other.queues[0].indirect = false;
	disk_restart(&h.other, 1, Q_SIZE, FEATURES);
	vio_arena_keep();
	say("ready\n");
	user_get();
	for (unsigned int i = 0; i < sizeof(violations) / sizeof(violations[0]); i++)
		if (violations[i].transports & (h.v->mmio ? MMIO : PCI) &&
		    (!only || option_is("only", violations[i].name)))
			judge(violations[i].name, violations[i].run);
	say("done\n");
	user_get();
	end();
}

int main(void)
{
	user_run(run_all);
}
