// SPDX-License-Identifier: Apache-2.0
/*
 * Random chains. See hostile_random.h. What is checked is conservation: a head comes back as often as it was
 * given at most, with no more bytes written than it had room for, and all of them do unless the device
 * needs a reset; after that a reset brings it back, and in the end a valid request works.
 */
#include "hostile_random.h"

enum {
	WARM = 2000, /* chains after which memory is looked at first */
	SPIN = 20000, /* looks at the used ring for one at the status, which is an exit */
	REGULAR_RESET = 20000, /* chains */
};

static struct vring_desc tables[Q_SIZE][RANDOM_PARTS] __attribute__((aligned(4096)));

static struct {
	unsigned int times; /* that it was given and has not come back */
	uint64_t room; /* bytes that the device may write */
} given[Q_SIZE];

static uint64_t answered, broken, resets;
static const char *wrong;

/* --- a chain --- */

static uint64_t bad_address(uint64_t *seed)
{
	uint64_t random = random_next(seed);

	switch (random >> 60) {
	case 0:
		return NOWHERE;
	case 1:
		return RAM_END - (random & 0xff);
	case 2:
		return UINT64_MAX - (random & 0xfff);
	case 3:
		return h.v->common;
	case 4:
		return VIO_INTERRUPTS_1;
	case 5:
		return RAM_END;
	default:
		/* Above all RAM: what the device writes must not be this program. */
		return random | UINT64_C(1) << 40;
	}
}

/* One thing wrong with the @count descriptors of @table. */
static void make_mistake(volatile struct vring_desc *table, unsigned int count, unsigned int first,
			 uint64_t *seed)
{
	uint64_t random = random_next(seed);
	volatile struct vring_desc *desc = &table[first + (random >> 8) % count];
	volatile struct vring_desc *last = &table[first + count - 1];

	switch (random >> 48 & 15) {
	case 0:
	case 1:
		desc->addr = bad_address(seed);
		break;
	case 2:
		desc->len = 0;
		break;
	case 3:
		desc->len = UINT32_MAX - (uint32_t)(random & 0xfff);
		break;
	case 4:
		desc->len |= 0x80000000;
		break;
	case 5:
		/* To be read, not written: what it writes to would be anybody's memory. */
		desc->flags &= (uint16_t)~VRING_DESC_F_WRITE;
		break;
	case 6:
		desc->flags ^= VRING_DESC_F_WRITE;
		break;
	case 7:
		desc->flags ^= VRING_DESC_F_NEXT;
		break;
	case 8:
		desc->flags |= VRING_DESC_F_INDIRECT;
		break;
	case 9:
		desc->flags |= (uint16_t)(random & 0xfff8);
		break;
	case 10:
		desc->next = (uint16_t)random;
		break;
	case 11:
		last->flags |= VRING_DESC_F_NEXT;
		last->next = (uint16_t)first;
		break;
	case 12:
		last->flags |= VRING_DESC_F_NEXT;
		last->next = (uint16_t)(Q_SIZE + (random & 3));
		break;
	case 13:
		last->len += 1 + (random & 0xff);
		break;
	case 14:
		desc->len = random & 15;
		break;
	default:
		desc->addr += random & 7;
		break;
	}
}

static void write_chain(volatile struct vring_desc *table, unsigned int first,
			const struct vio_part *parts, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		bool more = i + 1 < count;

		table[first + i].addr = parts[i].gpa;
		table[first + i].len = parts[i].len;
		table[first + i].flags = (uint16_t)((parts[i].writable ? VRING_DESC_F_WRITE : 0) |
						    (more ? VRING_DESC_F_NEXT : 0));
		table[first + i].next = (uint16_t)(more ? first + i + 1 : 0);
	}
}

/* Odd ways of giving @head: twice, one that does not exist, an index that is far ahead. */
static void give_oddly(uint16_t head, uint64_t *seed)
{
	switch (random_next(seed) >> 60 & 3) {
	case 0:
		given[head].times++;
		vio_submit(h.q, head);
		break;
	case 1:
		vio_submit(h.q, (uint16_t)(Q_SIZE + (random_next(seed) & 0x7fff)));
		break;
	case 2:
		h.q->avail_idx = (uint16_t)(h.q->avail_idx + Q_SIZE + 1);
		__atomic_store_n(&h.q->avail->idx, h.q->avail_idx, __ATOMIC_RELEASE);
		break;
	default:
		h.q->avail->flags = (uint16_t)random_next(seed);
		break;
	}
}

/* A chain whose descriptors begin at @at; behind the last one of the ring that it takes. */
static uint16_t give_chain(uint16_t at, unsigned int slot, uint64_t *seed)
{
	struct vio_part parts[RANDOM_PARTS];
	unsigned int count = random_parts(parts, slot, seed);
	bool indirect = random_once(seed, 2) || at + count > Q_SIZE;
	volatile struct vring_desc *table = indirect ? tables[slot] : h.q->desc;
	unsigned int first = indirect ? 0 : at;
	bool mistaken = random_once(seed, RANDOM_ODDS);

	given[at].times++;
	given[at].room = 0;
	for (unsigned int i = 0; i < count; i++)
		given[at].room += parts[i].writable ? parts[i].len : 0;
	write_chain(table, first, parts, count);
	if (mistaken) {
		given[at].room = UINT64_MAX;
		make_mistake(table, count, first, seed);
	}
	if (indirect)
		put(at, tables[slot], count * (uint32_t)sizeof(tables[0][0]), VRING_DESC_F_INDIRECT,
		    0);
	if (indirect && random_once(seed, RANDOM_ODDS * 4))
		make_mistake(h.q->desc, 1, at, seed);
	vio_submit(h.q, at);
	if (random_once(seed, RANDOM_ODDS * 4))
		give_oddly(at, seed);
	return (uint16_t)(at + (indirect ? 1 : count));
}

/* --- what comes back --- */

static void take_back(void)
{
	while (__atomic_load_n(&h.q->used->idx, __ATOMIC_ACQUIRE) != h.q->used_idx) {
		struct vring_used_elem elem = h.q->used->ring[h.q->used_idx++ % Q_SIZE];

		if (elem.id >= Q_SIZE)
			wrong = "a head that does not exist";
		else if (!given[elem.id].times)
			wrong = "a head that was not given, or once too often";
		else if (elem.len > given[elem.id].room)
			wrong = "more bytes than there is room for";
		else
			given[elem.id].times--;
		answered++;
		if (wrong)
			return;
	}
}

enum end { ALL_CAME, NEEDS_RESET, SILENT };

static enum end await_all(void)
{
	uint64_t end = hostile_deadline(ANSWER_MS);

	do {
		for (unsigned int i = 0; i < SPIN; i++) {
			take_back();
			if (wrong || h.q->used_idx == h.q->avail_idx)
				return ALL_CAME;
		}
		random_tend();
		if (vio_needs_reset(h.v)) {
			take_back();
			return NEEDS_RESET;
		}
	} while (user_ticks() < end);
	return SILENT;
}

/* As many chains as the ring has descriptors for, with kicks between some. */
static enum end give_round(uint64_t *seed)
{
	unsigned int slot = 0;

	for (unsigned int i = 0; i < Q_SIZE; i++)
		given[i].times = 0;
	for (uint16_t at = 0; at < Q_SIZE && slot < Q_SIZE; slot++) {
		at = give_chain(at, slot, seed);
		if (random_once(seed, 32))
			vio_kick_always(h.q);
	}
	vio_kick_always(h.q);
	return await_all();
}

static bool start_again(void)
{
	resets++;
	if (!start_victim(h.features)) {
		wrong = "no start after a reset";
		return false;
	}
	if (resets % 16 == 0 && (still_works() != PASS || !other_works()))
		wrong = "no valid request after a reset";
	return !wrong;
}

static void say_count(const char *what, uint64_t count)
{
	say(what);
	say("=");
	say_number(count);
	say(" ");
}

static enum verdict rounds(uint64_t count, uint64_t seed)
{
	uint64_t warm = WARM, regular = REGULAR_RESET;

	if (!start_again())
		return WEDGED;
	while (answered + broken < count) {
		enum end ended = give_round(&seed);

		if (ended == SILENT)
			wrong = "some never came back";
		if (wrong)
			return FAIL;
		broken += ended == NEEDS_RESET;
		random_tend();
		if ((ended == NEEDS_RESET || answered > regular) && !start_again())
			return WEDGED;
		if (answered > regular)
			regular += REGULAR_RESET;
		if (answered > warm) {
			say("warm: PASS\n");
			warm = UINT64_MAX;
		}
	}
	if (!start_again() || still_works() != PASS || !other_works())
		return WEDGED;
	return PASS;
}

void random_run(uint64_t count, uint64_t seed)
{
	static const char *const names[] = { "PASS", "REJECT", "FAIL", "WEDGED" };
	enum verdict verdict = rounds(count, seed);

	say_count("random answered", answered);
	say_count("broken", broken);
	say_count("resets", resets);
	say("\n");
	if (wrong) {
		say("FAIL ");
		say(wrong);
		say("\n");
	}
	say("random: ");
	say(names[verdict]);
	say("\n");
}
