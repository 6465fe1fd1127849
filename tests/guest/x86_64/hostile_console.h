/* SPDX-License-Identifier: Apache-2.0 */
/* What violations of ../hostile_console_list.h have to work with beside hostile.h. */
#ifndef GUEST_HOSTILE_CONSOLE_H
#define GUEST_HOSTILE_CONSOLE_H

#include <linux/virtio_console.h>

#include "hostile.h"
#include "hostile_other.h"

enum {
	/* Descriptors of the receive queue from here on are buffers; those below are a violation's. */
	FIRST_BUFFER = Q_SIZE / 2,
	BUFFERS = Q_SIZE - FIRST_BUFFER,
	BUFFER_BYTES = 256,
};

extern struct console_victim {
	struct vio v;
	struct vio_queue rx, tx;
	uint8_t *buffers; /* BUFFERS times BUFFER_BYTES */
	uint8_t *in; /* DATA_BYTES for a violation's input */
	unsigned int odd; /* used chains of the receive queue that were a violation's */
	uint64_t odd_bytes; /* in all of those */
	uint64_t window; /* the last 8 bytes that came */
	uint64_t valid, check; /* words: put_valid()'s, and one that asks whether all is well */
	uint64_t *check_word;
	bool valid_came, check_came;
} c;

/* set_up() that leaves the receive queue empty. */
bool set_up_empty(uint64_t features);
void put_rx(uint16_t index, uint64_t gpa, uint32_t len, uint16_t flags, uint16_t next);
/* Makes all buffers available to the receive queue, and kicks. */
void fill_buffers(void);
/* Takes what came. */
void take_input(void);
/* put_valid() with the word @count times in h.data. */
void put_words(unsigned int count);
/* put_words(), makes it available and kicks. */
void ask(unsigned int count);
/* still_works() with so many words that one of them misses all chains of a violation. */
enum verdict recovers(void);

#endif
