// SPDX-License-Identifier: Apache-2.0
/*
 * Writes to a virtio console as fast as it takes it: lines of 15 hexadecimal digits that count from 0, bytes=N of
 * them, so that whoever reads sees what is missing. "pci=26" says where the console is. Then says "sent" on the
 * serial line, gives back to the console what comes in there, and ends at a line "quit".
 *
 * "sizes=N": says the console's size on the serial line instead, "size COLUMNS ROWS", and each other one that it gets,
 * and ends after N of them.
 */
#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>

#include "user.h"
#include "vio.h"

enum {
	RECEIVE,
	TRANSMIT,
	QUEUES,
	SIZE = 32,
	LINE_BYTES = 16,
	CHUNK_BYTES = 4096,
};

static struct vio v;
static struct vio_queue queues[QUEUES];
static uint8_t *chunks[SIZE]; /* by head */
static uint64_t next_line;

static void fill(uint8_t *chunk)
{
	for (unsigned int at = 0; at < CHUNK_BYTES; at += LINE_BYTES, next_line++) {
		uint64_t left = next_line;

		for (unsigned int digit = LINE_BYTES - 1; digit-- > 0; left >>= 4)
			chunk[at + digit] = (uint8_t)("0123456789abcdef"[left & 15]);
		chunk[at + LINE_BYTES - 1] = '\n';
	}
}

static void send_chunk(uint8_t *chunk)
{
	const struct vio_part part = { (uint64_t)chunk, CHUNK_BYTES, false };
	uint16_t head;

	fill(chunk);
	head = vio_chain(&queues[TRANSMIT], &part, 1);
	chunks[head] = chunk;
	vio_submit(&queues[TRANSMIT], head);
	vio_kick(&queues[TRANSMIT]);
}

/* Keeps the ring full until all is sent, then waits until all is used. */
static void send_all(uint64_t bytes)
{
	uint64_t left = bytes / CHUNK_BYTES, under_way = 0;

	for (; left && under_way < SIZE; left--, under_way++)
		send_chunk(vio_alloc(CHUNK_BYTES, 16));
	while (under_way) {
		uint16_t head = vio_used(&queues[TRANSMIT], NULL);

		if (head == UINT16_MAX)
			continue;
		under_way--;
		if (left) {
			left--;
			under_way++;
			send_chunk(chunks[head]);
		}
	}
}

/* What comes on the console goes back to it, a byte at a time, until a line "quit". */
static void echo(void)
{
	uint8_t *in = vio_alloc(LINE_BYTES, 16), *out = vio_alloc(LINE_BYTES, 16);
	const struct vio_part into = { (uint64_t)in, 1, true }, from = { (uint64_t)out, 1, false };
	const char *const end = "quit\n";
	unsigned int matched = 0;

	while (end[matched]) {
		vio_submit(&queues[RECEIVE], vio_chain(&queues[RECEIVE], &into, 1));
		vio_kick(&queues[RECEIVE]);
		while (vio_used(&queues[RECEIVE], NULL) == UINT16_MAX)
			;
		matched = *in == end[matched] ? matched + 1 : *in == end[0];
		*out = *in;
		vio_submit(&queues[TRANSMIT], vio_chain(&queues[TRANSMIT], &from, 1));
		vio_kick(&queues[TRANSMIT]);
		while (vio_used(&queues[TRANSMIT], NULL) == UINT16_MAX)
			;
	}
}

/* Both halves of one size: the generation is the same before and after (virtio-v1.2 2.5). */
static uint32_t read_size(void)
{
	uint64_t generation;
	uint32_t size;

	do {
		generation = vio_get(&v, VIO_GENERATION);
		size = read16(v.config + offsetof(struct virtio_console_config, cols)) |
		       (uint32_t)read16(v.config + offsetof(struct virtio_console_config, rows))
			       << 16;
	} while (vio_get(&v, VIO_GENERATION) != generation);
	return size;
}

static void say_sizes(uint64_t count)
{
	uint32_t said = 0;

	for (uint64_t i = 0; i < count; i++) {
		uint32_t size = read_size();

		while (i && size == said)
			size = read_size();
		said = size;
		say("size ");
		say_number(size & 0xffff);
		say(" ");
		say_number(size >> 16);
		say("\n");
	}
}

static void run(void)
{
	uint64_t sizes = option_number("sizes", 0, 0);

	if (!vio_open_kind(&v, 0, VIRTIO_ID_CONSOLE) ||
	    !vio_start(&v, queues, QUEUES, SIZE,
		       VIO_BIT(VIRTIO_F_VERSION_1) | VIO_BIT(VIRTIO_RING_F_EVENT_IDX) |
			       VIO_BIT(VIRTIO_CONSOLE_F_SIZE))) {
		say("FAIL no console\n");
		power_off();
	}
	if (sizes) {
		say_sizes(sizes);
		power_off();
	}
	send_all(option_number("bytes", 0, 0));
	say("sent\n");
	echo();
	power_off();
}

int main(void)
{
	user_run(run);
}
