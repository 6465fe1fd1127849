// SPDX-License-Identifier: Apache-2.0
/*
 * Uses a device when it is told to, and says what came of it, for tests/fault/sweep.py: a host where calls fail must not
 * get it stuck. "pci=" names the slots of a network card, a disk, a console and a source of entropy, in this order; what is
 * missing at the end is not used. Says "ready", then obeys bytes on the serial line:
 *
 *   w   "disk W R F D": the statuses of a write, a read, a flush and a discard
 *   n   "net S R": whether a frame was sent, and whether one came (a question for the gateway's address)
 *   c   "console S": whether bytes went    e   "rng S": whether some came
 *   s   "alive"    r   resets the machine    q   switches it off
 */
#include "card.h"
#include "disk.h"

#include <linux/virtio_ids.h>

enum { CARD, DISK, CONSOLE, RNG, SIZE = 16, DATA_BYTES = 8192, RNG_BYTES = 32, REPLY_MS = 300 };
#define RING (VIO_BIT(VIRTIO_F_VERSION_1) | VIO_BIT(VIRTIO_RING_F_EVENT_IDX))
#define DISK_FEATURES (RING | VIO_BIT(VIRTIO_BLK_F_FLUSH) | VIO_BIT(VIRTIO_BLK_F_DISCARD))

static struct card card;
static struct disk disk;
static struct vio console, rng;
static struct vio_queue console_queues[2], rng_queue;
static bool has[RNG + 1];
static uint8_t *data;

/* A frame that asks who 10.0.2.2 is (RFC 826), from 10.0.2.15. */
static const uint8_t question[] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0, 1, 2,  3, 8, 6, 0, 1, 8, 0,  6, 4, 0,
	1,    0x52, 0x54, 0,    1,    2,    3,    10,   0, 2, 15, 0, 0, 0, 0, 0, 0, 10, 0, 2, 2,
};

/* Whether a chain is used within @ms. */
static bool used_within(struct vio_queue *q, unsigned int ms)
{
	uint64_t end = rdtsc() + ms * user_ticks_per_ms;

	while (vio_used(q, NULL) == UINT16_MAX)
		if (rdtsc() > end)
			return false;
	return true;
}

static bool send_part(struct vio_queue *q, const struct vio_part *part)
{
	uint16_t head = vio_chain(q, part, 1);

	if (head == UINT16_MAX)
		return false;
	vio_submit(q, head);
	vio_kick(q);
	return used_within(q, VIO_WAIT_MS);
}

static void say_value(uint64_t value)
{
	say(" ");
	say_number(value);
}

static void use_disk(void)
{
	struct virtio_blk_discard_write_zeroes *range = (void *)(data + DATA_BYTES / 2);
	struct disk_queue *q = &disk.queues[0];

	if (!has[DISK])
		return;
	say("disk");
	say_value(disk_request(q, VIRTIO_BLK_T_OUT, 8, data, DATA_BYTES));
	say_value(disk_request(q, VIRTIO_BLK_T_IN, 8, data, DATA_BYTES));
	say_value(disk_request(q, VIRTIO_BLK_T_FLUSH, 0, NULL, 0));
	*range = (struct virtio_blk_discard_write_zeroes){ .sector = 64, .num_sectors = 8 };
	say_value(disk_request(q, VIRTIO_BLK_T_DISCARD, 0, range, sizeof(*range)));
	say("\n");
}

static void use_card(void)
{
	struct card_slot *slot = card_next_slot(&card);
	bool sent, came;

	if (!has[CARD])
		return;
	if (!slot) {
		say("net 0 0\n");
		return;
	}
	slot->header = (struct virtio_net_hdr_mrg_rxbuf){ 0 };
	for (unsigned int i = 0; i < sizeof(question); i++)
		slot->frame[i] = question[i];
	card_send(&card, sizeof(question));
	vio_kick(&card.tx);
	sent = used_within(&card.tx, VIO_WAIT_MS);
	came = used_within(&card.rx, REPLY_MS);
	if (came) {
		card_give_buffer(&card);
		vio_kick(&card.rx);
	}
	say("net");
	say_value(sent);
	say_value(came);
	say("\n");
}

static void use_console(void)
{
	const struct vio_part part = { (uint64_t)data, 16, false };

	if (!has[CONSOLE])
		return;
	for (unsigned int i = 0; i < 16; i++)
		data[i] = (uint8_t)('a' + i);
	say("console");
	say_value(send_part(&console_queues[1], &part));
	say("\n");
}

static void use_rng(void)
{
	const struct vio_part part = { (uint64_t)data, RNG_BYTES, true };

	if (!has[RNG])
		return;
	say("rng");
	say_value(send_part(&rng_queue, &part));
	say("\n");
}

static void start_devices(void)
{
	for (unsigned int i = 0; i <= RNG; i++)
		has[i] = option("pci", i);
	data = vio_alloc(DATA_BYTES, 4096);
	if (has[CARD])
		card_start(&card, 0);
	if (has[DISK] && !disk_start(&disk, DISK, 1, SIZE, DISK_FEATURES))
		card_fail("no disk");
	if (has[CONSOLE] && (!vio_open_kind(&console, CONSOLE, VIRTIO_ID_CONSOLE) ||
			     !vio_start(&console, console_queues, 2, SIZE, RING)))
		card_fail("no console");
	if (has[RNG] && (!vio_open_kind(&rng, RNG, VIRTIO_ID_RNG) ||
			 !vio_start(&rng, &rng_queue, 1, SIZE, RING)))
		card_fail("no source of entropy");
}

static void run(void)
{
	start_devices();
	say("ready\n");
	for (;;) {
		switch (user_get()) {
		case 'w':
			use_disk();
			break;
		case 'n':
			use_card();
			break;
		case 'c':
			use_console();
			break;
		case 'e':
			use_rng();
			break;
		case 's':
			say("alive\n");
			break;
		case 'r':
			user_call(USER_RESET, 0, 0);
			break;
		case 'q':
			power_off();
		default:
			break;
		}
	}
}

int main(void)
{
	user_run(run);
}
