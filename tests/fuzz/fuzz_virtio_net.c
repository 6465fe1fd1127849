// SPDX-License-Identifier: Apache-2.0
/*
 * The virtio network device: transmit, receive and control queues at once, over a backend of memory, against a
 * second reading of virtio-v1.2 5.1. Most of what a driver does here is nearly right, so that its contents
 * count; some chains have any form, and guest memory changes under the device.
 *
 * Oracles: what was popped is pushed or in flight; chains come back once and no longer than they were
 * (virtio_driver.h); a frame that is sent or received is what was given, once and in order, with a header as the
 * model says; filters and commands do as the model says, at once or where changes are rationed in their time; the heap is
 * flat; after a reset valid frames go both ways.
 */
#include "device.h"
#include "double_fetch.h"

#include <errno.h>
#include <glib.h>

#include <iolite/log.h>

#include "heap.h"
#include "net_model.h"

enum {
	OPS_MAX = 96,
	HEADER = IOL_NET_HEADER_BYTES,
	NUMBER_AT = HEADER + 18, /* of a frame: behind addresses, type and tag */
	FRAME_MIN = 22, /* with a number */
	GIVEN_MAX = 1024,
	TIMERS = 3,
	RACED_BYTES = 0x800, /* of the rings, from their start on */
};

#define CHANGE_NS (100 * IOL_NS_PER_MS) /* where changes cost the host */
#define ANNOUNCE_NS (500 * IOL_NS_PER_MS)

/* What a driver would not do; until the next reset some of the books are closed. */
struct wild {
	bool memory; /* rings changed: chains may come back in any way */
	bool rx; /* receive chains of any form: frames cannot be put together */
};

struct given {
	uint32_t bytes; /* 0: came already */
	uint8_t pair;
	uint8_t fill;
};

struct fuzz {
	struct net_rig r;
	struct fuzz_input in;
	unsigned int mtu;
	bool costly; /* changes of offloads and pairs are rationed */
	struct wild wild;
	struct net_model m;
	bool disturbed; /* the backend fails or is busy now */
	uint32_t given_count;
	struct given given[GIVEN_MAX];
	uint32_t last_received[NET_RIG_PAIRS_MAX]; /* number, plus one */
	uint8_t frame[MEMORY_NET_BYTES_MAX + 64], got[MEMORY_NET_BYTES_MAX];
};

static bool has(const struct fuzz *f, unsigned int feature)
{
	return f->r.dev.features >> feature & 1;
}

/* Without MQ the queues of others are something else, or nothing (5.1.2). */
static unsigned int usable_pairs(const struct fuzz *f)
{
	return has(f, VIRTIO_NET_F_MQ) ? f->r.pairs : 1;
}

/* --- the time --- */

struct timer {
	struct iol_op *op; /* NULL: none */
	uint64_t at_ns;
};

static struct {
	uint64_t now_ns;
	struct timer timers[TIMERS];
} world;

uint64_t __wrap_iol_loop_now_ns(void);
uint64_t __wrap_iol_loop_now_ns(void)
{
	return world.now_ns;
}

static struct timer *find_timer(const struct iol_op *op)
{
	for (unsigned int i = 0; i < TIMERS; i++)
		if (world.timers[i].op == op)
			return &world.timers[i];
	return NULL;
}

void __wrap_iol_loop_timeout(struct iol_loop *loop, struct iol_op *op, uint64_t ns);
void __wrap_iol_loop_timeout(struct iol_loop *loop, struct iol_op *op, uint64_t ns)
{
	struct timer *timer = find_timer(NULL);

	(void)loop;
	fuzz_check(timer && !op->in_flight && ns && ns <= IOL_NS_PER_S);
	op->in_flight = true;
	*timer = (struct timer){ op, world.now_ns + ns };
}

static void end_timer(struct timer *timer, int res)
{
	struct iol_op *op = timer->op;

	timer->op = NULL;
	op->in_flight = false;
	op->done(op, res);
}

void __real_iol_loop_cancel(struct iol_loop *loop, struct iol_op *op);
void __wrap_iol_loop_cancel(struct iol_loop *loop, struct iol_op *op);
void __wrap_iol_loop_cancel(struct iol_loop *loop, struct iol_op *op)
{
	struct timer *timer = find_timer(op);

	if (timer)
		end_timer(timer, -ECANCELED);
	else
		__real_iol_loop_cancel(loop, op);
}

static struct timer *next_timer(void)
{
	struct timer *next = NULL;

	for (unsigned int i = 0; i < TIMERS; i++)
		if (world.timers[i].op && (!next || world.timers[i].at_ns < next->at_ns))
			next = &world.timers[i];
	return next;
}

static void elapse(struct fuzz *f, uint64_t ns)
{
	uint64_t end_ns = world.now_ns + ns;
	struct timer *timer;

	while ((timer = next_timer()) && timer->at_ns <= end_ns) {
		world.now_ns = timer->at_ns;
		end_timer(timer, -ETIME);
		device_rig_settle(&f->r.dev);
	}
	world.now_ns = end_ns;
}

/* --- invariants --- */

static void check_books(struct fuzz *f)
{
	unsigned int in_flight = 0;

	for (unsigned int i = 0; i < f->r.dev.v->queue_count; i++) {
		in_flight += f->r.dev.v->queues[i].vq.in_flight;
		fuzz_check(f->wild.memory || !virtio_driver_check(&f->r.dev.drivers[i]));
	}
	/* What is pushed by a broken device is in no ring. */
	fuzz_check(device_rig_is_broken(&f->r.dev) ? f->r.dev.v->in_flight <= in_flight
						   : f->r.dev.v->in_flight == in_flight);
	if (!f->wild.memory && !f->wild.rx)
		fuzz_check(!device_rig_is_broken(&f->r.dev));
}

/* --- frames to the driver --- */

/* What frames are filled with. A loop over bytes costs more than the device does, under a fuzzer that looks at each compare. */
static const uint8_t *filling(uint8_t fill)
{
	static uint8_t bytes[IOL_NET_FRAME_MAX + 256];

	if (!bytes[1])
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)(i + (i >> 8));
	return bytes + fill;
}

/* Gives up on what was not taken; numbers go on. */
static void check_received(struct fuzz *f, unsigned int pair, size_t bytes)
{
	const uint8_t *frame = f->got + HEADER;
	uint8_t flags = f->got[0], gso = f->got[1];
	uint32_t number;
	const struct given *g;

	fuzz_check(bytes >= HEADER + FRAME_MIN);
	number = le32_load(f->got + NUMBER_AT);
	fuzz_check(number < f->given_count);
	g = &f->given[number];
	fuzz_check(g->bytes == bytes - HEADER && g->pair == pair);
	fuzz_check(number >= f->last_received[pair]);
	f->last_received[pair] = number + 1;
	f->given[number].bytes = 0;
	fuzz_check(!memcmp(frame + FRAME_MIN, filling(g->fill) + FRAME_MIN,
			   bytes - HEADER - FRAME_MIN));
	fuzz_check(!(flags & ~3));
	if (!has(f, VIRTIO_NET_F_GUEST_CSUM))
		fuzz_check(!flags);
	if (has(f, VIRTIO_NET_F_MTU) && !gso)
		fuzz_check(bytes - HEADER <= f->mtu + 18);
	switch (gso & 0x7f) {
	case VIRTIO_NET_HDR_GSO_NONE:
		fuzz_check(!gso);
		break;
	case VIRTIO_NET_HDR_GSO_TCPV4:
		fuzz_check(has(f, VIRTIO_NET_F_GUEST_TSO4));
		break;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		fuzz_check(has(f, VIRTIO_NET_F_GUEST_TSO6));
		break;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		fuzz_check(has(f, VIRTIO_NET_F_GUEST_USO4) && has(f, VIRTIO_NET_F_GUEST_USO6));
		break;
	default:
		fuzz_check(false);
	}
	if (gso & 0x80)
		fuzz_check(has(f, VIRTIO_NET_F_GUEST_ECN));
}

/* All that came; how many. */
static unsigned int take_received(struct fuzz *f)
{
	unsigned int count = 0;
	size_t bytes;

	if (f->wild.rx || f->wild.memory || !f->r.dev.drivers[0].memory)
		return 0;
	for (unsigned int i = 0; i < usable_pairs(f); i++)
		while ((bytes = net_rig_receive(&f->r, i, f->got))) {
			check_received(f, i, bytes);
			count++;
		}
	return count;
}

static size_t any_length(struct fuzz_input *in)
{
	uint8_t how = fuzz_u8(in);

	if (how < 0x80)
		return FRAME_MIN + how;
	if (how < 0xe0)
		return FRAME_MIN + fuzz_u16(in) % 3000;
	if (how < 0xf8)
		return FRAME_MIN + fuzz_u16(in) % (IOL_NET_FRAME_MAX - FRAME_MIN);
	return IOL_NET_FRAME_MAX - how % 4;
}

/* Mostly plain. */
static void any_header(struct fuzz_input *in, uint8_t *header)
{
	static const uint8_t kinds[] = { 0, 1, 4, 5, 0x81, 0x84, 0x85, 3, 2, 0x80 };
	uint8_t how = fuzz_u8(in);

	memset(header, 0, HEADER);
	if (how < 0x60)
		return;
	header[0] = how < 0xd0 ? how & 1 : fuzz_u8(in);
	if (how & 2)
		header[1] = kinds[fuzz_u8(in) % sizeof(kinds)];
	le16_store(header + 2, how & 4 ? fuzz_u16(in) : 54);
	le16_store(header + 4, how & 8 ? fuzz_u16(in) : 1000);
	le16_store(header + 6, how & 16 ? fuzz_u16(in) : 14);
	le16_store(header + 8, how >= 0xe0 ? fuzz_u16(in) : 4);
	le16_store(header + 10, how);
}

static void any_frame(struct fuzz *f, size_t bytes, uint32_t number, uint8_t fill)
{
	uint8_t *frame = f->frame + HEADER, how = fuzz_u8(&f->in);

	memcpy(frame, filling(fill), bytes);
	memcpy(frame, net_model_macs[how % NET_MODEL_MACS], 6);
	memcpy(frame + 6, net_model_macs[2], 6);
	be16_store(frame + 12, how & 0x40 ? 0x8100 : 0x0800);
	be16_store(frame + 14, how & 0x40 ? fuzz_u16(&f->in) % 16 << (how & 0x20 ? 8 : 0) : 0);
	be16_store(frame + 16, 0);
	le32_store(f->frame + NUMBER_AT, number);
}

static bool is_idle(const struct fuzz *f, unsigned int pair)
{
	return f->r.dev.v->queues[2 * pair].paused && f->r.mn->pairs[pair].await_readable &&
	       !f->r.mn->pairs[pair].given_count;
}

/* A frame comes; where it can be known, it is known whether the driver gets it. */
static void give(struct fuzz *f)
{
	unsigned int pair = fuzz_u8(&f->in) % f->r.pairs, came;
	size_t bytes = any_length(&f->in);
	struct iol_virtio_net_counts before = net_rig_counts(&f->r), after;
	bool idle = is_idle(f, pair), may, wanted;
	uint8_t fill;

	if (f->given_count == GIVEN_MAX)
		return;
	take_received(f);
	any_header(&f->in, f->frame);
	fill = fuzz_u8(&f->in);
	any_frame(f, bytes, f->given_count, fill);
	f->given[f->given_count++] = (struct given){
		.bytes = (uint32_t)bytes,
		.pair = (uint8_t)pair,
		.fill = fill,
	};
	if (!memory_net_give(f->r.mn, pair, f->frame, HEADER + bytes))
		return;
	device_rig_settle(&f->r.dev);
	came = take_received(f);
	if (!idle || f->disturbed || f->wild.rx || f->wild.memory || pair >= f->m.pairs)
		return;
	after = net_rig_counts(&f->r);
	may = net_model_may_come(&f->m, f->frame, bytes);
	wanted = net_model_wants(&f->m, f->frame + HEADER);
	/* Too long for the one buffer that it may have, or for all that there can be. */
	if ((!has(f, VIRTIO_NET_F_MRG_RXBUF) ||
	     f->r.dev.v->queues[2 * pair].vq.in_flight == f->r.dev.v->queues[0].size_max) &&
	    after.rx_dropped == before.rx_dropped + 1 && !came)
		return;
	fuzz_check(after.rx_dropped - before.rx_dropped == !may);
	fuzz_check(after.rx_filtered - before.rx_filtered == (may && !wanted));
	fuzz_check(after.rx_frames - before.rx_frames == came && came <= (may && wanted));
	/* Where it did not come it is held. */
	fuzz_check(came || !may || !wanted || !f->r.dev.v->queues[2 * pair].paused);
}

static void post(struct fuzz *f)
{
	unsigned int pair = fuzz_u8(&f->in) % usable_pairs(f), count = fuzz_u8(&f->in) % 24 + 1;
	uint8_t how = fuzz_u8(&f->in);
	uint32_t bytes = how < 0x80   ? 1526
			 : how < 0xc0 ? HEADER + fuzz_u8(&f->in)
			 : how < 0xf0 ? HEADER + fuzz_u16(&f->in) % 4096
				      : HEADER + IOL_NET_FRAME_MAX - how % 2;

	net_rig_post(&f->r, pair, count, bytes);
	take_received(f);
}

/* --- frames from the driver --- */

static void take_back(struct fuzz *f, unsigned int queue)
{
	struct virtio_driver_used used;

	while (!f->wild.memory && virtio_driver_take_used(&f->r.dev.drivers[queue], &used) > 0)
		fuzz_check(!used.len || queue % 2 == 0);
}

static void check_sent(struct fuzz *f, unsigned int pair, size_t bytes)
{
	g_autofree uint8_t *sent = NULL;
	size_t sent_bytes = 0;

	sent = memory_net_take(f->r.mn, pair, &sent_bytes);
	fuzz_check(sent && sent_bytes == HEADER + bytes);
	fuzz_check(!memcmp(sent, f->frame, sent_bytes));
}

static void send_frame(struct fuzz *f)
{
	unsigned int pair = fuzz_u8(&f->in) % usable_pairs(f);
	size_t bytes = any_length(&f->in), junk_bytes;
	struct iol_virtio_net_counts before = net_rig_counts(&f->r), after;
	bool judged, may_send;

	take_back(f, net_rig_tx(pair));
	any_header(&f->in, f->frame);
	any_frame(f, bytes, 0, fuzz_u8(&f->in));
	while (f->r.mn->pairs[pair].sent_count)
		g_free(memory_net_take(f->r.mn, pair, &junk_bytes));
	if (net_rig_send(&f->r, pair, (const void *)f->frame, f->frame + HEADER, bytes) < 0)
		return;
	after = net_rig_counts(&f->r);
	if (f->disturbed || f->wild.memory || device_rig_is_broken(&f->r.dev))
		return;
	judged = net_model_judge(&f->m, f->frame, bytes);
	may_send = judged && pair < f->m.pairs;
	fuzz_check(after.tx_frames - before.tx_frames == may_send);
	fuzz_check(after.tx_dropped - before.tx_dropped == !may_send);
	if (may_send)
		check_sent(f, pair, bytes);
}

/* --- commands --- */

static uint32_t fill_table(struct fuzz_input *in, uint8_t *data)
{
	uint32_t bytes = 0;

	for (unsigned int t = 0; t < 2; t++) {
		uint8_t how = fuzz_u8(in);
		uint32_t count = how < 0xf0 ? how % 4 : how - 0xb0u;

		le32_store(data + bytes, count);
		bytes += 4;
		for (uint32_t i = 0; i < count; i++, bytes += 6)
			memcpy(data + bytes,
			       net_model_macs[i < 8 ? fuzz_u8(in) % NET_MODEL_MACS
						    : i % NET_MODEL_MACS],
			       6);
	}
	return bytes;
}

/* Data that the command may want. */
static uint32_t fill_data(struct fuzz *f, uint8_t class, uint8_t command, uint8_t *data)
{
	switch (class) {
	case 0:
		data[0] = fuzz_u8(&f->in) & 1;
		return 1;
	case 1:
		if (!command)
			return fill_table(&f->in, data);
		memcpy(data, net_model_macs[fuzz_u8(&f->in) % NET_MODEL_MACS], 6);
		return 6;
	case 2:
		le16_store(data, fuzz_u16(&f->in) & 0xf0f ? fuzz_u8(&f->in) % 16 << 8 : 3);
		return 2;
	case 4:
		le16_store(data, fuzz_u8(&f->in) % 5);
		return 2;
	case 5:
		le64_store(data,
			   f->r.dev.features & net_model_guest_offloads & ~fuzz_number(&f->in, 8));
		return 8;
	default:
		return 0;
	}
}

static void reset(struct fuzz *f, bool machine);

/* The answer, which may take its time. NET_RIG_NO_ACK: the driver did not wait for it. */
static uint8_t await_answer(struct fuzz *f)
{
	uint8_t answer = net_rig_answer(&f->r);

	fuzz_check(answer != NET_RIG_NO_ACK || f->costly);
	if (answer == NET_RIG_NO_ACK && fuzz_u8(&f->in) < 0x20) {
		reset(f, false);
		return answer;
	}
	/* What the start left to be set comes first: pairs and offloads. */
	for (unsigned int i = 0; answer == NET_RIG_NO_ACK; i++) {
		fuzz_check(i < 3);
		elapse(f, CHANGE_NS);
		answer = net_rig_answer(&f->r);
	}
	return answer;
}

static void command(struct fuzz *f)
{
	uint8_t class = fuzz_u8(&f->in) % 8, number = fuzz_u8(&f->in), odd = fuzz_u8(&f->in);
	uint8_t data[1024] = { 0 };
	uint32_t bytes;
	uint8_t answer;

	number %= class ? 3 : 7;
	bytes = fill_data(f, class, number, data);
	if (odd >= 0xe0) {
		bytes = (bytes + (odd & 15u) - 4) % sizeof(data);
		data[odd % 8] ^= odd;
	}
	if (f->wild.memory || !has(f, VIRTIO_NET_F_CTRL_VQ) || device_rig_is_broken(&f->r.dev))
		return;
	take_back(f, net_rig_ctrl(&f->r));
	if (f->r.dev.drivers[net_rig_ctrl(&f->r)].free_count < 3)
		return;
	net_rig_start_command(&f->r, class, number, data, bytes);
	answer = await_answer(f);
	if (answer != NET_RIG_NO_ACK)
		fuzz_check(answer == net_model_command(&f->m, class, number, data, bytes));
	take_received(f);
}

/* --- what no driver does --- */

static uint64_t any_place(struct fuzz_input *in)
{
	static const uint64_t bases[] = { NET_RIG_TX, NET_RIG_CTRL, NET_RIG_RX, NET_RIG_RAM_BYTES,
					  DEVICE_RIG_RINGS };
	uint8_t how = fuzz_u8(in);

	if (how >= 0xf8)
		return fuzz_number(in, 8);
	return bases[how % 8 < 5 ? how % 8 : how % 3] + fuzz_u16(in) -
	       (bases[how % 8 < 5 ? how % 8 : how % 3] == NET_RIG_RAM_BYTES ? 0x1000 : 0);
}

/* A chain of any form in any queue. */
static void send_any(struct fuzz *f)
{
	unsigned int queue = fuzz_u8(&f->in) % f->r.dev.v->queue_count;
	unsigned int count = fuzz_u8(&f->in) % 8 + 1;
	struct virtio_driver_part parts[8];
	uint8_t flags = fuzz_u8(&f->in);
	struct virtio_driver *d = &f->r.dev.drivers[queue];

	for (unsigned int i = 0; i < count; i++) {
		uint8_t how = fuzz_u8(&f->in);
		uint64_t gpa = any_place(&f->in);

		parts[i] = (struct virtio_driver_part){
			.gpa = gpa,
			.len = how < 0x40   ? how % 16
			       : how < 0xe0 ? fuzz_u16(&f->in)
					    : (uint32_t)fuzz_number(&f->in, 4),
			.write = i >= (flags & 7u),
		};
	}
	/* Writable parts may lie in rings. */
	f->wild.memory = true;
	f->wild.rx = true;
	virtio_driver_add(d, parts, count,
			  d->setup.indirect && (flags & 8) ? flags % (count + 1) : count);
	device_rig_kick(&f->r.dev, queue);
}

/* Descriptors, the available ring, headers, commands: anything but what the books are kept in. */
static void change_memory(struct fuzz *f)
{
	unsigned int queue = fuzz_u8(&f->in) % f->r.dev.v->queue_count;
	const struct virtio_driver_setup *s = &f->r.dev.drivers[queue].setup;
	uint64_t gpa = any_place(&f->in);
	uint8_t how = fuzz_u8(&f->in), bytes[8];

	if (how < 0x60)
		gpa = s->desc_gpa + (how % 8) * 16 + fuzz_u8(&f->in) % 16;
	else if (how < 0xa0)
		gpa = s->avail_gpa + how % 40;
	le64_store(bytes, fuzz_number(&f->in, 8));
	f->wild.memory = true;
	f->wild.rx = true;
	iol_memory_write(&f->r.dev.memory, gpa, bytes, how % 8 + 1);
	iol_virtio_notify(f->r.dev.v, queue);
	device_rig_settle(&f->r.dev);
}

/* Frames, buffers and commands that become others while the device looks at them. */
static void race(struct fuzz *f)
{
	uint8_t how = fuzz_u8(&f->in), class = fuzz_u8(&f->in) % 6, data[1024] = { 0 };

	take_received(f);
	f->wild.memory = true;
	f->wild.rx = true;
	for (unsigned int i = 0; i <= how % 4; i++)
		double_fetch_arm(&f->in, device_rig_ptr(&f->r.dev, DEVICE_RIG_RINGS), RACED_BYTES);
	switch (how / 4 % 4) {
	case 0:
		send_frame(f);
		break;
	case 1:
		post(f);
		give(f);
		break;
	case 2:
		send_any(f);
		break;
	default:
		if (has(f, VIRTIO_NET_F_CTRL_VQ) &&
		    f->r.dev.drivers[net_rig_ctrl(&f->r)].free_count >= 3)
			net_rig_start_command(&f->r, class, how / 16 % 2, data,
					      fill_data(f, class, how / 16 % 2, data));
		break;
	}
	double_fetch_disarm();
	if (how & 0x40)
		reset(f, how & 0x80);
}

/* --- all else that happens --- */

static void disturb(struct fuzz *f)
{
	static const int errors[] = { 0, -EIO, -EMSGSIZE, -ENETDOWN };
	struct memory_net *mn = f->r.mn;
	uint8_t how = fuzz_u8(&f->in);

	mn->send_error = how & 1 ? errors[how / 4 % 4] : 0;
	mn->receive_error = how & 2 ? errors[how / 16 % 4] : 0;
	mn->set_error = how >= 0xe0 ? -EOPNOTSUPP : 0;
	f->m.host_refuses = mn->set_error;
	mn->busy_after = how & 4 ? how % 16 : 0;
	if (how & 8)
		mn->busy = true;
	else
		memory_net_unblock(mn);
	iol_net_set_link(&mn->net, (how & 0x30) != 0x30);
	device_rig_settle(&f->r.dev);
	/* A queue that is blocked may be so still. */
	f->disturbed = true;
	take_received(f);
}

static void calm(struct fuzz *f)
{
	struct memory_net *mn = f->r.mn;

	mn->send_error = mn->receive_error = mn->set_error = 0;
	f->m.host_refuses = false;
	mn->busy_after = 0;
	iol_net_set_link(&mn->net, true);
	memory_net_unblock(mn);
	device_rig_settle(&f->r.dev);
	take_received(f);
	for (unsigned int i = 0; i < f->r.pairs; i++)
		fuzz_check(device_rig_is_broken(&f->r.dev) || !mn->pairs[i].await_writable);
	f->disturbed = false;
}

static uint64_t status_of(struct fuzz *f)
{
	return iol_virtio_config_read(f->r.dev.v, offsetof(struct virtio_net_config, status), 2);
}

/* The link goes and comes back: the driver is to see that, and later to make itself known. Or the other way round. */
static void announce(struct fuzz *f)
{
	bool may = has(f, VIRTIO_NET_F_GUEST_ANNOUNCE) && has(f, VIRTIO_NET_F_STATUS);
	struct iol_net *net = &f->r.mn->net;
	bool up = net->link_up;

	iol_net_set_link(net, !up);
	iol_net_set_link(net, up);
	fuzz_check(status_of(f) == (up ? VIRTIO_NET_S_LINK_UP : 0));
	device_rig_settle(&f->r.dev);
	elapse(f, ANNOUNCE_NS - 1);
	fuzz_check(status_of(f) == (up ? VIRTIO_NET_S_LINK_UP : 0));
	elapse(f, 1);
	if (!up || !may)
		fuzz_check(status_of(f) == (up ? VIRTIO_NET_S_LINK_UP : 0));
	else if (!device_rig_is_broken(&f->r.dev))
		fuzz_check(status_of(f) == (VIRTIO_NET_S_LINK_UP | VIRTIO_NET_S_ANNOUNCE));
	take_received(f);
}

static void restart(struct fuzz *f)
{
	uint64_t features = device_rig_offered(&f->r.dev);

	if (fuzz_u8(&f->in) >= 0x60)
		features &= ~(fuzz_number(&f->in, 8) & fuzz_number(&f->in, 8));
	calm(f);
	memory_net_clear(f->r.mn);
	memset(&f->wild, 0, sizeof(f->wild));
	net_rig_start(&f->r, features);
	net_model_start(&f->m, f->r.dev.features, f->r.pairs, f->mtu);
	net_rig_check_alive(&f->r);
}

static void reset(struct fuzz *f, bool machine)
{
	take_received(f);
	fuzz_reset(&f->r.dev, machine);
	restart(f);
}

static void run_op(struct fuzz *f)
{
	uint8_t op = fuzz_u8(&f->in);

	switch (op % 32) {
	case 0:
		reset(f, op & 0x80);
		break;
	case 1:
		disturb(f);
		break;
	case 2:
		calm(f);
		break;
	case 3:
		announce(f);
		break;
	case 4:
	case 5:
		send_any(f);
		break;
	case 6:
		change_memory(f);
		break;
	case 7:
	case 8:
	case 9:
	case 10:
	case 11:
	case 12:
	case 13:
		command(f);
		break;
	case 14:
	case 15:
	case 16:
	case 17:
	case 18:
		post(f);
		break;
	case 19:
	case 20:
	case 21:
	case 22:
	case 23:
	case 24:
		send_frame(f);
		break;
	case 31:
		race(f);
		break;
	default:
		give(f);
		break;
	}
	check_books(f);
}

static void start(struct fuzz *f)
{
	uint8_t how = fuzz_u8(&f->in), size = fuzz_u8(&f->in);
	struct net_rig_setup setup = {
		.loop = fuzz_loop(),
		.send_offloads = how & 1 ? NET_RIG_OFFLOADS : fuzz_u8(&f->in) & NET_RIG_OFFLOADS,
		.receive_offloads = how & 2 ? NET_RIG_OFFLOADS : fuzz_u8(&f->in) & NET_RIG_OFFLOADS,
		.pairs = 1 + (how >> 2) % 3,
		.queue_size = (uint16_t)(8 << size % 4),
		.mtu = how & 0x40 ? 1500u + (size >> 2) * 32u : 0,
	};

	f->mtu = setup.mtu;
	f->costly = !setup.mtu && (size & 0x80);
	world.now_ns = 1000;
	net_rig_init(&f->r, &setup);
	double_fetch_begin(&f->r.dev.memory);
	f->r.mn->net.limits.change_ns = f->costly ? CHANGE_NS : 0;
	restart(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz *f = g_new0(struct fuzz, 1);
	size_t heap;

	iol_log_set_level(IOL_LOG_ERROR);
	f->in = (struct fuzz_input){ data, len };
	start(f);
	memory_net_clear(f->r.mn);
	heap = heap_bytes();
	for (unsigned int i = 0; i < OPS_MAX && f->in.len; i++)
		run_op(f);
	memory_net_clear(f->r.mn);
	fuzz_check(heap_bytes() <= heap + HEAP_CACHED_BYTES);
	reset(f, false);
	/* What the last start left to be set: as a driver begins, whatever those before did. */
	elapse(f, 2 * CHANGE_NS);
	fuzz_check(f->r.pairs == 1 || f->r.mn->active_pairs == 1);
	fuzz_check(has(f, VIRTIO_NET_F_GUEST_CSUM) || !f->r.mn->offloads);
	net_rig_finish(&f->r);
	fuzz_check(!next_timer());
	g_free(f);
	return 0;
}
