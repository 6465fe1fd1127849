// SPDX-License-Identifier: Apache-2.0
/*
 * Writes records to random places of disk 0, several at a time, and once one is acknowledged, a note
 * of it to disk 1, for as long as nobody kills the machine: see ../journal.h. The command line says
 * where the disks are (see vio_open()) and has "seed=N".
 */
#include "disk.h"
#include "journal.h"

enum { DEPTH = 8, NOTES = 64, FLUSH_EVERY = 50, SIZE = 128 };
#define FEATURES                                                              \
	(VIO_BIT(VIRTIO_F_VERSION_1) | VIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) | \
	 VIO_BIT(VIRTIO_RING_F_EVENT_IDX) | VIO_BIT(VIRTIO_BLK_F_FLUSH))

static struct disk records, notes;
static struct writer {
	struct journal_sector *buffer;
	uint64_t seq; /* 0: idle */
	uint16_t head;
	uint32_t place;
	uint16_t count;
} writers[DEPTH];
static struct {
	struct journal_sector *buffer;
	uint16_t head;
	bool busy;
} note_slots[NOTES];
static uint64_t next_seq = 1, seed;
static uint32_t places, crc_table[256];

static void make_crc_table(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;

		for (unsigned int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
		crc_table[i] = crc;
	}
}

static void seal(struct journal_sector *s)
{
	const uint8_t *bytes = (const uint8_t *)s;
	uint32_t crc = UINT32_MAX;

	for (unsigned int i = 0; i < JOURNAL_SECTOR - 4; i++)
		crc = crc >> 8 ^ crc_table[(uint8_t)crc ^ bytes[i]];
	s->crc = ~crc;
}

static void die(const char *what)
{
	say("FAIL ");
	say(what);
	say("\n");
	power_off();
}

/* Two records under way are never for one place: which of them would be there afterwards? */
static bool place_is_busy(uint32_t place)
{
	for (unsigned int i = 0; i < DEPTH; i++)
		if (writers[i].seq && writers[i].place == place)
			return true;
	return false;
}

static void write_record(struct writer *w)
{
	uint64_t random;

	do
		w->place = (uint32_t)(random_next(&seed) % places);
	while (place_is_busy(w->place));
	random = random_next(&seed);
	w->seq = next_seq++;
	w->count = (uint16_t)(1 + random % JOURNAL_PLACE_SECTORS);
	for (uint16_t i = 0; i < w->count; i++) {
		struct journal_sector *s = &w->buffer[i];

		*s = (struct journal_sector){
			.magic = JOURNAL_RECORD,
			.seq = w->seq,
			.place = w->place,
			.index = i,
			.count = w->count,
		};
		for (unsigned int byte = 0; byte < sizeof(s->payload); byte++)
			s->payload[byte] = (uint8_t)(random >> byte % 56 ^ i);
		seal(s);
	}
	w->head = disk_submit(&records.queues[0], VIRTIO_BLK_T_OUT,
			      (uint64_t)w->place * JOURNAL_PLACE_SECTORS, w->buffer,
			      w->count * JOURNAL_SECTOR);
	if (w->head == UINT16_MAX)
		die("the queue of records is full");
}

/* Says "ready" once the first note is acknowledged: from then on there is something to lose. */
static void poll_notes(void)
{
	static bool said;
	uint16_t head;

	while ((head = disk_poll(&notes.queues[0])) != UINT16_MAX) {
		if (notes.queues[0].slots[head].status != VIRTIO_BLK_S_OK)
			die("a note was refused");
		for (unsigned int i = 0; i < NOTES; i++)
			if (note_slots[i].head == head)
				note_slots[i].busy = false;
		if (!said)
			say("ready\n");
		said = true;
	}
}

static void write_note(const struct writer *w)
{
	unsigned int i = 0;

	while (note_slots[i].busy) {
		i = (i + 1) % NOTES;
		if (!i)
			poll_notes();
	}
	*note_slots[i].buffer = (struct journal_sector){
		.magic = JOURNAL_NOTE,
		.seq = w->seq,
		.place = w->place,
		.count = w->count,
	};
	seal(note_slots[i].buffer);
	note_slots[i].busy = true;
	note_slots[i].head = disk_submit(&notes.queues[0], VIRTIO_BLK_T_OUT, w->seq,
					 note_slots[i].buffer, JOURNAL_SECTOR);
}

static void take_acknowledged(uint16_t head)
{
	for (unsigned int i = 0; i < DEPTH; i++) {
		struct writer *w = &writers[i];

		if (!w->seq || w->head != head)
			continue;
		if (records.queues[0].slots[head].status != VIRTIO_BLK_S_OK)
			die("a record was refused");
		write_note(w);
		w->seq = 0;
		return;
	}
	/* A flush. */
	if (records.queues[0].slots[head].status != VIRTIO_BLK_S_OK)
		die("a flush was refused");
}

static void fill_writers(void)
{
	for (unsigned int i = 0; i < DEPTH; i++) {
		if (writers[i].seq || next_seq >= notes.sectors)
			continue;
		write_record(&writers[i]);
		if (next_seq % FLUSH_EVERY == 0)
			disk_submit(&records.queues[0], VIRTIO_BLK_T_FLUSH, 0, NULL, 0);
	}
}

static void run(void)
{
	uint16_t head;

	seed = option_number("seed", 0, 1) * 2 + 1;
	make_crc_table();
	if (!disk_start(&records, 0, 1, SIZE, FEATURES) ||
	    !disk_start(&notes, 1, 1, SIZE, FEATURES))
		die("no disks");
	places = (uint32_t)(records.sectors / JOURNAL_PLACE_SECTORS);
	for (unsigned int i = 0; i < DEPTH; i++)
		writers[i].buffer = vio_alloc(JOURNAL_PLACE_SECTORS * JOURNAL_SECTOR, 4096);
	for (unsigned int i = 0; i < NOTES; i++)
		note_slots[i].buffer = vio_alloc(JOURNAL_SECTOR, 4096);
	for (;;) {
		fill_writers();
		vio_kick(&records.queues[0].ring);
		while ((head = disk_poll(&records.queues[0])) != UINT16_MAX)
			take_acknowledged(head);
		poll_notes();
		vio_kick(&notes.queues[0].ring);
	}
}

int main(void)
{
	user_run(run);
}
