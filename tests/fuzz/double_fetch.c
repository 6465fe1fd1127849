// SPDX-License-Identifier: Apache-2.0
/* See double_fetch.h. */
#include "double_fetch.h"

#include "devices/virtio/ring.h"

enum { CHANGES_MAX = 8, READS_AHEAD = 16 };

/* In @reads reads of guest memory from now, one byte changes. */
struct change {
	uint8_t reads;
	uint8_t where; /* which of the bytes that are read; 0x80 and up: any byte of the rings */
	uint8_t bits;
	uint8_t *rings;
	size_t ring_bytes;
};

static struct {
	const struct iol_memory *memory;
	unsigned int count, hits;
	struct change changes[CHANGES_MAX];
} fetch;

void (*iol_guest_read_hook)(const volatile void *p, size_t len) = double_fetch_read;

void double_fetch_begin(const struct iol_memory *memory)
{
	fetch.memory = memory;
	fetch.count = fetch.hits = 0;
}

void double_fetch_arm(struct fuzz_input *in, uint8_t *rings, size_t bytes)
{
	/* Soon: a chain of few parts takes few reads. */
	uint8_t reads = fuzz_u8(in) % READS_AHEAD, where = fuzz_u8(in), bits = fuzz_u8(in);
	struct change c = { reads, where, bits, rings, bytes };

	if (fetch.count < CHANGES_MAX)
		fetch.changes[fetch.count++] = c;
}

void double_fetch_disarm(void)
{
	fetch.count = 0;
}

unsigned int double_fetch_hits(void)
{
	return fetch.hits;
}

void double_fetch_read(const volatile void *p, size_t len)
{
	fuzz_check(fetch.memory && is_in_ram(fetch.memory, (const void *)p, len));
	for (unsigned int i = 0; i < fetch.count; i++) {
		struct change *c = &fetch.changes[i];
		uint8_t *byte = (uint8_t *)(uintptr_t)p + c->where % len;

		if (c->reads--)
			continue;
		if (c->where >= 0x80 && c->rings)
			byte = c->rings + c->where * 37u % c->ring_bytes;
		*byte ^= c->bits;
		fetch.hits++;
		*c = fetch.changes[--fetch.count];
		i--;
	}
}
