// SPDX-License-Identifier: Apache-2.0
/*
 * The network device against a driver that breaks the rules: chains, rings and commands of every wrong form.
 * Whatever it was, a reset and a new start bring frames both ways again, and nothing stays in flight.
 */
#include <glib.h>
#include <linux/virtio_config.h>
#include <string.h>

#include "virtio_net_rig.h"

enum {
	HEADER = IOL_NET_HEADER_BYTES,
	NEXT = VRING_DESC_F_NEXT,
	WRITE = VRING_DESC_F_WRITE,
	INDIRECT = VRING_DESC_F_INDIRECT,
	RX = 0,
	TX = 1,
	CTRL = 2,
	SIZE = 16,
	PARTS_MAX = 8,
	CANARY = 0x1c,
	CANARY_BYTES = 256,
	SCRATCH = 0xd00000, /* RAM that no chain is meant to be in */
};

/* What becomes of it. */
enum outcome {
	BREAKS, /* NEEDS_RESET */
	ERR, /* answered so */
	DROPS_TX, /* comes back, and no frame was sent */
	DROPS_RX, /* a frame that comes is dropped, or waits */
	GOES_ON, /* a driver may do that */
};

struct attack {
	const char *name;
	unsigned int queue;
	struct virtio_driver_part parts[PARTS_MAX]; /* up to the first without an address */
	enum outcome outcome;
	/* What is at the start of the first readable part. */
	uint8_t bytes[24];
	/* Instead of parts: descriptors as they are, and where the ring says it is. */
	struct virtio_driver_desc descs[3];
	uint16_t head, avail; /* avail 0: 1 */
};

#define AT NET_RIG_CTRL
#define ACK NET_RIG_ACK
#define END NET_RIG_RAM_BYTES
#define BUF NET_RIG_RX

static const struct attack attacks[] = {
	/* Transmit. */
	{ "tx: nothing but a writable part", TX, { { BUF, 100, true } }, .outcome = DROPS_TX },
	{ "tx: less than a header", TX, { { AT, 11, false } }, .outcome = DROPS_TX },
	{ "tx: a header alone", TX, { { AT, 12, false } }, .outcome = DROPS_TX },
	{ "tx: less than addresses", TX, { { AT, 25, false } }, .outcome = DROPS_TX },
	{ "tx: too long by one",
	  TX,
	  { { BUF, HEADER + NET_RIG_FRAME_MAX + 1, false } },
	  .outcome = DROPS_TX },
	{ "tx: as long as memory", TX, { { 0x1000, END - 0x1000, false } }, .outcome = DROPS_TX },
	{ "tx: the same memory many times",
	  TX,
	  { { 0x1000, END - 0x1000, false },
	    { 0x1000, END - 0x1000, false },
	    { 0x1000, END - 0x1000, false },
	    { 0x1000, END - 0x1000, false } },
	  .outcome = DROPS_TX },
	{ "tx: empty parts only", TX, { { AT, 0, false }, { AT, 0, false } }, .outcome = DROPS_TX },
	{ "tx: checksum not agreed on", TX, { { AT, 112, false } }, .outcome = DROPS_TX, { 1 } },
	{ "tx: segments not agreed on", TX, { { AT, 112, false } }, .outcome = DROPS_TX, { 1, 1 } },
	{ "tx: outside of memory", TX, { { END, 100, false } }, .outcome = BREAKS },
	{ "tx: over the end of memory", TX, { { END - 50, 100, false } }, .outcome = BREAKS },
	{ "tx: round the address space",
	  TX,
	  { { UINT64_MAX - 50, 100, false } },
	  .outcome = BREAKS },
	{ "tx: readable behind writable",
	  TX,
	  { { BUF, 9, true }, { AT, 100, false } },
	  .outcome = BREAKS },
	{ "tx: header in the ring", TX, { { DEVICE_RIG_RINGS, 1000, false } }, .outcome = GOES_ON },
	/* Receive. */
	{ "rx: empty", RX, { { BUF, 0, true } }, .outcome = BREAKS },
	{ "rx: readable", RX, { { AT, 2000, false } }, .outcome = BREAKS },
	{ "rx: less than a header", RX, { { BUF, 11, true } }, .outcome = BREAKS },
	{ "rx: less than a header in parts",
	  RX,
	  { { BUF, 5, true }, { BUF, 6, true } },
	  .outcome = BREAKS },
	{ "rx: less behind a readable part",
	  RX,
	  { { AT, 2000, false }, { BUF, 11, true } },
	  .outcome = BREAKS },
	{ "rx: a header alone", RX, { { BUF, 12, true } }, .outcome = DROPS_RX },
	{ "rx: too little for the frame", RX, { { BUF, 70, true } }, .outcome = DROPS_RX },
	{ "rx: a readable part first",
	  RX,
	  { { AT, 20, false }, { BUF, 2000, true } },
	  .outcome = GOES_ON },
	{ "rx: one byte parts",
	  RX,
	  { { BUF, 1, true },
	    { BUF, 1, true },
	    { BUF, 10, true },
	    { BUF, 1, true },
	    { BUF, 1, true },
	    { BUF, 2000, true } },
	  .outcome = GOES_ON },
	{ "rx: as long as memory", RX, { { BUF, END - BUF, true } }, .outcome = GOES_ON },
	{ "rx: outside of memory", RX, { { END, 2000, true } }, .outcome = BREAKS },
	{ "rx: over the end of memory", RX, { { END - 1, 2000, true } }, .outcome = BREAKS },
	{ "rx: at address -1", RX, { { UINT64_MAX, 1, true } }, .outcome = BREAKS },
	/* Commands. */
	{ "ctrl: no answer", CTRL, { { AT, 3, false } }, .outcome = BREAKS },
	{ "ctrl: an empty answer",
	  CTRL,
	  { { AT, 3, false }, { ACK, 0, true } },
	  .outcome = BREAKS },
	{ "ctrl: nothing asked", CTRL, { { ACK, 1, true } }, .outcome = ERR },
	{ "ctrl: a class alone", CTRL, { { AT, 1, false }, { ACK, 1, true } }, .outcome = ERR },
	{ "ctrl: no data", CTRL, { { AT, 2, false }, { ACK, 1, true } }, .outcome = ERR },
	{ "ctrl: too many data", CTRL, { { AT, 4, false }, { ACK, 1, true } }, .outcome = ERR },
	{ "ctrl: as long as memory",
	  CTRL,
	  { { 0x1000, END - 0x1000, false }, { ACK, 1, true } },
	  .outcome = ERR },
	{ "ctrl: no such class",
	  CTRL,
	  { { AT, 3, false }, { ACK, 1, true } },
	  .outcome = ERR,
	  { 6 } },
	{ "ctrl: no such mode",
	  CTRL,
	  { { AT, 3, false }, { ACK, 1, true } },
	  .outcome = ERR,
	  { 0, 6 } },
	{ "ctrl: 2^32 - 1 addresses",
	  CTRL,
	  { { AT, 10, false }, { ACK, 1, true } },
	  .outcome = ERR,
	  { 1, 0, 0xff, 0xff, 0xff, 0xff } },
	{ "ctrl: a table that ends early",
	  CTRL,
	  { { AT, 12, false }, { ACK, 1, true } },
	  .outcome = ERR,
	  { 1, 0, 2, 0, 0, 0 } },
	{ "ctrl: a group's address",
	  CTRL,
	  { { AT, 8, false }, { ACK, 1, true } },
	  .outcome = ERR,
	  { 1, 1, 0x01 } },
	{ "ctrl: VLAN 65535",
	  CTRL,
	  { { AT, 4, false }, { ACK, 1, true } },
	  .outcome = ERR,
	  { 2, 0, 0xff, 0xff } },
	{ "ctrl: pairs without MQ",
	  CTRL,
	  { { AT, 4, false }, { ACK, 1, true } },
	  .outcome = ERR,
	  { 4, 0, 1 } },
	{ "ctrl: offloads not agreed on",
	  CTRL,
	  { { AT, 10, false }, { ACK, 1, true } },
	  .outcome = ERR,
	  { 5, 0, 2 } },
	{ "ctrl: the answer over the command",
	  CTRL,
	  { { AT, 3, false }, { AT, 3, true } },
	  .outcome = GOES_ON },
	{ "ctrl: the answer outside",
	  CTRL,
	  { { AT, 3, false }, { END, 1, true } },
	  .outcome = BREAKS },
	/* Rings: what is wrong for every queue. */
	{ "tx: a loop", TX, .outcome = BREAKS,
	  .descs = { { AT, 1, NEXT, 1 }, { AT, 1, NEXT, 0 } } },
	{ "rx: a loop", RX, .outcome = BREAKS,
	  .descs = { { BUF, 99, NEXT | WRITE, 1 }, { BUF, 99, NEXT | WRITE, 0 } } },
	{ "ctrl: a loop to itself", CTRL, .outcome = BREAKS, .descs = { { AT, 1, NEXT, 0 } } },
	{ "tx: next beyond the table", TX, .outcome = BREAKS, .descs = { { AT, 99, NEXT, SIZE } } },
	{ "rx: next beyond the table", RX, .outcome = BREAKS,
	  .descs = { { BUF, 99, NEXT | WRITE, 0xffff } } },
	{ "tx: a head beyond the table", TX, .outcome = BREAKS, .head = SIZE },
	{ "rx: a head beyond the table", RX, .outcome = BREAKS, .head = 0x8000 },
	{ "ctrl: a head beyond the table", CTRL, .outcome = BREAKS, .head = 0xffff },
	{ "tx: an index too far", TX, .outcome = BREAKS, .avail = SIZE + 1 },
	{ "rx: an index too far", RX, .outcome = BREAKS, .avail = 0x8000 },
	{ "ctrl: an index behind", CTRL, .outcome = BREAKS, .avail = 0xffff },
	{ "tx: an indirect table of no whole entries", TX, .outcome = BREAKS,
	  .descs = { { AT, 15, INDIRECT, 0 } } },
	{ "rx: an indirect table outside", RX, .outcome = BREAKS,
	  .descs = { { END, 16, INDIRECT, 0 } } },
	{ "ctrl: an indirect table that goes on", CTRL, .outcome = BREAKS,
	  .descs = { { AT, 16, INDIRECT | NEXT, 1 } } },
	{ "tx: an indirect table longer than the queue", TX, .outcome = BREAKS,
	  .descs = { { AT, 16 * (SIZE + 1), INDIRECT, 0 } } },
	{ "rx: 4 GiB", RX, .outcome = BREAKS, .descs = { { BUF, 0xffffffff, WRITE, 0 } } },
};

static uint8_t data[MEMORY_NET_BYTES_MAX];

/* Mostly nothing to leave to anybody, so that offloads are wrong. */
static const uint64_t attack_features = UINT64_MAX;

static void put_raw(struct net_rig *r, const struct attack *a)
{
	struct virtio_driver *d = &r->dev.drivers[a->queue];

	for (unsigned int i = 0; i < IOL_ARRAY_LEN(a->descs); i++)
		virtio_driver_put_desc(d, d->setup.desc_gpa, i, &a->descs[i]);
	for (uint16_t i = 0; i < SIZE; i++)
		virtio_driver_put_avail(d, i, a->head);
	virtio_driver_put_avail_idx(d, a->avail ? a->avail : 1);
	iol_virtio_notify(r->dev.v, a->queue);
	device_rig_settle(&r->dev);
}

static void put(struct net_rig *r, const struct attack *a)
{
	unsigned int count = 0;

	memset(device_rig_ptr(&r->dev, AT), 0, 4096);
	memcpy(device_rig_ptr(&r->dev, AT), a->bytes, sizeof(a->bytes));
	*device_rig_ptr(&r->dev, ACK) = NET_RIG_NO_ACK;
	while (count < PARTS_MAX && a->parts[count].gpa)
		count++;
	if (!count) {
		put_raw(r, a);
		return;
	}
	g_assert_cmpint(device_rig_add(&r->dev, a->queue, a->parts, count, false), >=, 0);
	device_rig_kick(&r->dev, a->queue);
}

/* A frame comes, in case somebody waits for it. */
static void give(struct net_rig *r)
{
	uint8_t frame[60];

	net_rig_frame(frame, net_rig_mac, sizeof(frame), 1);
	net_rig_give(r, 0, frame, sizeof(frame));
}

static void check_outcome(struct net_rig *r, const struct attack *a)
{
	bool broken = iol_virtio_status(r->dev.v) & VIRTIO_CONFIG_S_NEEDS_RESET;

	g_assert_cmpint(broken, ==, a->outcome == BREAKS);
	switch (a->outcome) {
	case BREAKS:
		g_assert_cmpuint(r->dev.config_interrupts, ==, 1);
		break;
	case ERR:
		g_assert_cmpuint(*device_rig_ptr(&r->dev, ACK), ==, VIRTIO_NET_ERR);
		g_assert_cmpuint(r->dev.v->in_flight, ==, 0);
		break;
	case DROPS_TX:
		g_assert_cmpuint(net_rig_counts(r).tx_dropped, ==, 1);
		g_assert_cmpuint(r->mn->pairs[0].sends, ==, 0);
		g_assert_cmpuint(r->dev.v->in_flight, ==, 0);
		break;
	case DROPS_RX:
		g_assert_cmpuint(net_rig_counts(r).rx_frames, ==, 0);
		g_assert_cmpuint(r->dev.v->in_flight, ==, 1);
		break;
	case GOES_ON:
		g_assert_cmpuint(r->dev.v->in_flight, ==, 0);
		break;
	}
}

static void run_attack(const struct attack *a, uint64_t features, bool machine)
{
	const struct net_rig_setup setup = { 0 };
	struct net_rig r;

	net_rig_init(&r, &setup);
	net_rig_start(&r, features);
	memset(device_rig_ptr(&r.dev, SCRATCH), CANARY, CANARY_BYTES);
	put(&r, a);
	give(&r);
	check_outcome(&r, a);
	/* What comes behind it does no harm either. */
	for (unsigned int i = 0; i < r.dev.v->queue_count; i++)
		iol_virtio_notify(r.dev.v, i);
	give(&r);
	if (machine) {
		struct iol_quiesce quiesce = { .pending = 1 };

		g_assert_true(iol_virtio_quiesce(r.dev.v, &quiesce));
		iol_virtio_reset(r.dev.v);
	} else {
		g_assert_true(device_rig_reset(&r.dev));
	}
	g_assert_cmpuint(r.dev.v->in_flight, ==, 0);
	for (unsigned int i = 0; i < CANARY_BYTES; i++)
		g_assert_cmphex(*device_rig_ptr(&r.dev, SCRATCH + i), ==, CANARY);
	memory_net_clear(r.mn);
	net_rig_start(&r, features);
	net_rig_check_alive(&r);
	net_rig_finish(&r);
}

static void test_attack(gconstpointer arg)
{
	run_attack(arg, attack_features, false);
	run_attack(arg, attack_features & ~NET_RIG_BIT(VIRTIO_RING_F_EVENT_IDX), true);
}

/* Without merging a buffer is as good as any other. */
static void test_unmerged(void)
{
	for (size_t i = 0; i < IOL_ARRAY_LEN(attacks); i++)
		run_attack(&attacks[i], ~NET_RIG_BIT(VIRTIO_NET_F_MRG_RXBUF), i & 1);
}

/* While the first is at hand. Only where frames are spread over buffers is there a second. */
static void test_head_twice(void)
{
	static const struct attack twice = {
		.queue = RX,
		.outcome = BREAKS,
		.descs = { { BUF, 20, WRITE, 0 } },
		.avail = 2,
	};

	run_attack(&twice, attack_features, false);
}

/* Each attack on the same device, one after the other. */
static void test_all(void)
{
	const struct net_rig_setup setup = { 0 };
	struct net_rig r;

	net_rig_init(&r, &setup);
	for (size_t i = 0; i < IOL_ARRAY_LEN(attacks); i++) {
		net_rig_start(&r, attack_features);
		put(&r, &attacks[i]);
		give(&r);
		g_assert_true(device_rig_reset(&r.dev));
		g_assert_cmpuint(r.dev.v->in_flight, ==, 0);
		memory_net_clear(r.mn);
		net_rig_start(&r, attack_features);
		net_rig_check_alive(&r);
		g_assert_true(device_rig_reset(&r.dev));
	}
	net_rig_finish(&r);
}

/*
 * A header that changes between two looks (G2): the backend gets the copy that was judged. The memory of a
 * blocked frame's header is changed while it waits.
 */
static void test_double_fetch(void)
{
	const struct net_rig_setup setup = { .send_offloads = IOL_NET_CSUM };
	struct virtio_net_hdr_v1 hdr = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM };
	g_autofree uint8_t *sent = NULL;
	struct net_rig r;
	size_t bytes;

	net_rig_init(&r, &setup);
	net_rig_start(&r, UINT64_MAX);
	r.mn->busy = true;
	le16_store(&hdr.csum_start, 14);
	net_rig_send(&r, 0, &hdr, data, 60);
	memset(device_rig_ptr(&r.dev, NET_RIG_TX), 0xff, HEADER);
	memory_net_unblock(r.mn);
	device_rig_settle(&r.dev);
	sent = memory_net_take(r.mn, 0, &bytes);
	g_assert_nonnull(sent);
	g_assert_cmpuint(bytes, ==, HEADER + 60);
	g_assert_cmpmem(sent, HEADER, &hdr, HEADER);
	net_rig_finish(&r);
}

/* Rings that change all the time under a device that waits: nothing turns round. */
static void test_kick_storm(void)
{
	const struct net_rig_setup setup = { .pairs = 2 };
	struct net_rig r;
	unsigned int receives, sends;
	uint64_t kicks;

	net_rig_init(&r, &setup);
	net_rig_start(&r, UINT64_MAX);
	net_rig_post(&r, 0, 4, 1526);
	net_rig_post(&r, 1, 4, 1526);
	r.mn->busy = true;
	net_rig_send(&r, 0, NULL, data, 60);
	net_rig_send(&r, 0, NULL, data, 60);
	receives = r.mn->pairs[0].receives;
	sends = r.mn->pairs[0].sends;
	kicks = r.dev.v->counts.kicks;
	for (unsigned int i = 0; i < 1000; i++) {
		iol_virtio_notify(r.dev.v, i % 5);
		device_rig_settle(&r.dev);
	}
	g_assert_cmpuint(r.dev.v->counts.kicks - kicks, ==, 1000);
	g_assert_cmpuint(r.mn->pairs[0].sends, ==, sends);
	g_assert_cmpuint(r.mn->pairs[0].receives, ==, receives);
	net_rig_finish(&r);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	iol_log_set_level(IOL_LOG_ERROR);
	for (size_t i = 0; i < IOL_ARRAY_LEN(attacks); i++) {
		g_autofree char *name = g_strdup_printf("/virtio-net-hostile/%s", attacks[i].name);

		g_test_add_data_func(name, &attacks[i], test_attack);
	}
	g_test_add_func("/virtio-net-hostile/unmerged", test_unmerged);
	g_test_add_func("/virtio-net-hostile/head-twice", test_head_twice);
	g_test_add_func("/virtio-net-hostile/all", test_all);
	g_test_add_func("/virtio-net-hostile/double-fetch", test_double_fetch);
	g_test_add_func("/virtio-net-hostile/kick-storm", test_kick_storm);
	return g_test_run();
}
