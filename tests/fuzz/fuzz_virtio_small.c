// SPDX-License-Identifier: Apache-2.0
/*
 * The small virtio devices, entropy and console (virtio-v1.2 5.4, 5.3): buffers of every form, a
 * backend and a host that give and take what they like, resets at any time. An input is a byte that
 * chooses the device, one for its settings, and a sequence of operations.
 *
 * Oracles: each chain comes back once (virtio_driver.h), in order, with the length that a model
 * says; output is what was sent, input what was typed, random numbers what the host gave, none lost
 * or twice; no byte is written that need not be; the limit is kept, and whoever waits for it has a
 * timer; after a reset nothing is in flight and the device works; the heap is flat.
 *
 * Time stands still but for the operations that move it: the clock, timers, getrandom(2) and the
 * character backend are the wrapped ones below.
 */
#include "device.h"
#include "double_fetch.h"
#include "heap.h"

#include <errno.h>
#include <glib.h>
#include <sys/random.h>

#include <iolite/log.h>
#include <iolite/virtio_console.h>
#include <iolite/virtio_rng.h>

#include "virtio_small_rig.h"

enum {
	RX,
	TX,
	OPS_MAX = 100,
	HEADS = 32,
	AREA_BYTES = 4096, /* of the buffers of one chain */
	PARTS_MAX = 8,
	PART_BYTES = 480,
	PART_STRIDE = AREA_BYTES / PARTS_MAX,
	UNTOUCHED = 0x5a,
	RAW_ROOM = 100000, /* output of chains of any form, at most */
	EMERG = 8,
	HEAP_SLACK_BYTES = 8192,
	RACED_BYTES = 0x800, /* of the rings, from their start on */
};

/* A chain that the device has. */
struct sent {
	struct virtio_driver_part parts[PARTS_MAX];
	unsigned int count;
	uint32_t bytes; /* of all parts */
	uint32_t filled; /* by the model, from the start */
	uint32_t first; /* what the first byte is in its stream */
	bool done; /* the model says so */
};

struct fuzz {
	struct device_rig r;
	struct fuzz_input in;
	bool console;
	uint64_t bytes_per_s;
	uint16_t cols, rows;
	struct sent sent[2][HEADS];
	/* Heads in the order in which they were shown. */
	uint16_t order[2][HEADS];
	unsigned int order_first[2], order_count[2];
	uint32_t tx_pos; /* of the stream of output, as sent */
	uint32_t rx_pos; /* of the stream of input, as taken */
	bool refused; /* input, for which there were no buffers */
	/* Random numbers: those that came, and the limit's bucket, in ns. */
	uint32_t random_bytes;
	uint32_t paid_bytes;
	uint64_t paid_ns;
	double level, full;
};

/* --- the world --- */

static struct {
	uint64_t now_ns;
	struct iol_op *timer;
	uint64_t timer_ns; /* when it is due */
	unsigned int fail, give_max; /* getrandom() */
	uint32_t random_pos; /* of the stream of random numbers */
	unsigned int room;
	bool raw, emergency, wants_writable;
	uint32_t out_pos; /* of the stream of output, as it came */
	unsigned int emergencies, readies, writes;
	uint8_t last_emergency;
} world;

static uint8_t stream(uint32_t pos)
{
	return (uint8_t)(pos * 7 + (pos >> 8) * 13);
}

uint64_t __wrap_iol_loop_now_ns(void);
uint64_t __wrap_iol_loop_now_ns(void)
{
	return world.now_ns;
}

void __wrap_iol_loop_timeout(struct iol_loop *loop, struct iol_op *op, uint64_t ns);
void __wrap_iol_loop_timeout(struct iol_loop *loop, struct iol_op *op, uint64_t ns)
{
	(void)loop;
	fuzz_check(!world.timer && !op->in_flight && ns && ns <= 10 * IOL_NS_PER_S);
	op->in_flight = true;
	world.timer = op;
	world.timer_ns = world.now_ns + ns;
}

static void end_timer(int res)
{
	struct iol_op *op = world.timer;

	world.timer = NULL;
	op->in_flight = false;
	op->done(op, res);
}

void __real_iol_loop_cancel(struct iol_loop *loop, struct iol_op *op);
void __wrap_iol_loop_cancel(struct iol_loop *loop, struct iol_op *op);
void __wrap_iol_loop_cancel(struct iol_loop *loop, struct iol_op *op)
{
	if (op == world.timer)
		end_timer(-ECANCELED);
	else
		__real_iol_loop_cancel(loop, op);
}

ssize_t __wrap_getrandom(void *buf, size_t len, unsigned int flags);
ssize_t __wrap_getrandom(void *buf, size_t len, unsigned int flags)
{
	fuzz_check(flags == GRND_NONBLOCK && len && len <= IOL_VIRTIO_RNG_REQUEST_BYTES);
	if (world.fail) {
		world.fail--;
		errno = EAGAIN;
		return -1;
	}
	len = MIN(len, world.give_max);
	for (size_t i = 0; i < len; i++)
		((uint8_t *)buf)[i] = stream(world.random_pos++);
	return (ssize_t)len;
}

unsigned int __wrap_iol_char_write(struct iol_char *chr, const uint8_t *data, unsigned int len);
unsigned int __wrap_iol_char_write(struct iol_char *chr, const uint8_t *data, unsigned int len)
{
	unsigned int taken = MIN(len, world.room);

	(void)chr;
	world.writes++;
	if (world.emergency) {
		fuzz_check(len == 1);
		world.emergencies++;
		world.last_emergency = *data;
		return 1;
	}
	for (unsigned int i = 0; i < taken && !world.raw; i++)
		fuzz_check(data[i] == stream(world.out_pos++));
	world.room -= taken;
	world.wants_writable = world.wants_writable || taken < len;
	return taken;
}

void __wrap_iol_char_ready(struct iol_char *chr);
void __wrap_iol_char_ready(struct iol_char *chr)
{
	(void)chr;
	world.readies++;
}

/* --- chains --- */

static bool writable_queue(const struct fuzz *f, unsigned int queue)
{
	return !f->console || queue == RX;
}

static uint64_t area(unsigned int queue, unsigned int head)
{
	return SMALL_RIG_DATA + (uint64_t)(queue * HEADS + head) * AREA_BYTES;
}

/* The chain of @queue that is due next; NULL: none is there. */
static struct sent *oldest(struct fuzz *f, unsigned int queue)
{
	if (!f->order_count[queue])
		return NULL;
	return &f->sent[queue][f->order[queue][f->order_first[queue]]];
}

static void forget_oldest(struct fuzz *f, unsigned int queue)
{
	f->order_first[queue] = (f->order_first[queue] + 1) % HEADS;
	f->order_count[queue]--;
}

/* Byte @at of the buffers of @s. */
static uint8_t *byte_at(const struct fuzz *f, const struct sent *s, uint32_t at)
{
	unsigned int part = 0;

	while (at >= s->parts[part].len)
		at -= s->parts[part++].len;
	return device_rig_ptr(&f->r, s->parts[part].gpa + at);
}

/* What came of the oldest chain of @queue, whose used length is @len. */
static void check_answer(struct fuzz *f, unsigned int queue, uint16_t head, uint32_t len)
{
	struct sent *s = oldest(f, queue);

	fuzz_check(s == &f->sent[queue][head]);
	if (!f->console) {
		fuzz_check(len && len <= MIN(s->bytes, IOL_VIRTIO_RNG_REQUEST_BYTES));
		s->first = f->random_bytes;
		s->filled = len;
		f->random_bytes += len;
	} else {
		fuzz_check(queue == TX || s->done);
		fuzz_check(len == (queue == TX ? 0 : s->filled));
	}
	for (uint32_t i = 0; writable_queue(f, queue) && i < s->bytes; i++)
		fuzz_check(*byte_at(f, s, i) ==
			   (i < len ? stream(s->first + i) : (uint8_t)UNTOUCHED));
	/* Output comes back when all of it has gone. */
	if (!writable_queue(f, queue))
		fuzz_check((int32_t)(world.out_pos - (s->first + s->bytes)) >= 0);
	forget_oldest(f, queue);
}

static void take_all(struct fuzz *f)
{
	struct virtio_driver_used used;

	for (unsigned int i = 0; i < f->r.v->queue_count; i++) {
		while (virtio_driver_take_used(&f->r.drivers[i], &used) > 0)
			check_answer(f, i, used.head, used.len);
		fuzz_check(!virtio_driver_check(&f->r.drivers[i]));
	}
}

/* Chains of @queue that the device has. Entropy has one queue only. */
static uint64_t outstanding(const struct fuzz *f, unsigned int queue)
{
	if (queue >= f->r.v->queue_count)
		return 0;
	return f->r.drivers[queue].shown - f->r.drivers[queue].used;
}

/* What was given since the last call, all of it at the present time, is paid out of the bucket. */
static void pay(struct fuzz *f)
{
	uint32_t bytes = world.random_pos - f->paid_bytes;

	f->level = MIN(f->full, f->level + (double)(world.now_ns - f->paid_ns));
	if (f->bytes_per_s)
		f->level -= bytes * 1e9 / (double)f->bytes_per_s;
	fuzz_check(f->level > -1);
	f->paid_bytes = world.random_pos;
	f->paid_ns = world.now_ns;
}

/* Nobody waits for nothing. */
static void check_progress(struct fuzz *f)
{
	const struct sent *s;

	take_all(f);
	fuzz_check(!device_rig_is_broken(&f->r));
	fuzz_check(f->r.v->in_flight == outstanding(f, RX) + outstanding(f, TX));
	if (!f->console) {
		fuzz_check(!outstanding(f, 0) || world.timer);
		pay(f);
		return;
	}
	fuzz_check(world.readies == (f->refused && outstanding(f, RX)));
	f->refused = f->refused && !world.readies;
	world.readies = 0;
	fuzz_check(!outstanding(f, TX) || world.wants_writable);
	s = oldest(f, RX);
	fuzz_check(!s || !s->done);
}

static void send_chain(struct fuzz *f)
{
	unsigned int queue = fuzz_u8(&f->in) % f->r.v->queue_count;
	uint8_t how = fuzz_u8(&f->in);
	bool write = writable_queue(f, queue), indirect;
	struct sent sent = { .count = 1 + how % PARTS_MAX };
	/* The head will be this one. */
	unsigned int head = f->r.drivers[queue].free_head;
	struct sent *s;

	if (!f->r.drivers[queue].free_count)
		return;
	for (unsigned int i = 0; i < sent.count; i++) {
		uint8_t len = fuzz_u8(&f->in);

		sent.parts[i] = (struct virtio_driver_part){
			.gpa = area(queue, head) + i * PART_STRIDE,
			.len = len < 16 ? 0 : (uint32_t)len * 2 % PART_BYTES,
			.write = write,
		};
		sent.bytes += sent.parts[i].len;
	}
	/* The device is right to refuse a request for nothing; see send_raw(). */
	if (!f->console && !sent.bytes)
		sent.bytes = sent.parts[0].len = 1;
	indirect = f->r.drivers[queue].setup.indirect && (how & 0x80);
	if (device_rig_add(&f->r, queue, sent.parts, sent.count, indirect) < 0)
		return;
	memset(device_rig_ptr(&f->r, area(queue, head)), UNTOUCHED, AREA_BYTES);
	s = &f->sent[queue][head];
	*s = sent;
	s->first = f->tx_pos;
	for (uint32_t i = 0; !write && i < s->bytes; i++)
		*byte_at(f, s, i) = stream(f->tx_pos++);
	f->order[queue][(f->order_first[queue] + f->order_count[queue]++) % HEADS] = (uint16_t)head;
	/* Shown later, with others, now and then. */
	if (how & 0x40)
		return;
	device_rig_kick(&f->r, queue);
	check_progress(f);
}

static void show_all(struct fuzz *f)
{
	for (unsigned int i = 0; i < f->r.v->queue_count; i++)
		device_rig_kick(&f->r, i);
	check_progress(f);
}

/* --- resets --- */

static void restart(struct fuzz *f)
{
	uint64_t features = device_rig_offered(&f->r);

	if (fuzz_u8(&f->in) & 1)
		features &= ~fuzz_number(&f->in, 4);
	memset(f->order_count, 0, sizeof(f->order_count));
	world.out_pos = f->tx_pos;
	world.raw = false;
	world.wants_writable = false;
	device_rig_start(&f->r, features);
}

static void reset(struct fuzz *f)
{
	double_fetch_disarm();
	fuzz_reset(&f->r, fuzz_u8(&f->in) & 1);
	device_rig_settle(&f->r);
	fuzz_check(!f->r.loop->end_head && !f->r.loop->post_head);
	restart(f);
}

/* Both ends of the line while chains of any form are there: a broken device has none. */
static void disturb_raw(struct fuzz *f)
{
	struct iol_char_user *user = iol_virtio_console_char_user(f->r.v);
	bool broken = device_rig_is_broken(&f->r);
	uint8_t data[64] = { 0 };
	unsigned int taken, writes = world.writes;

	world.readies = 0;
	taken = user->receive(user, data, sizeof(data));
	f->refused = taken < sizeof(data);
	user->writable(user);
	fuzz_check(!broken || (!taken && world.writes == writes));
	device_rig_settle(&f->r);
	/* What was held back by the bound of one go may go on. */
	f->refused = f->refused && !world.readies;
	world.readies = 0;
}

/* What must hold when the driver's books are void, then a reset. */
static void end_raw(struct fuzz *f, unsigned int queue, bool time_passes)
{
	device_rig_settle(&f->r);
	/* Nobody waits for nothing, here too. */
	if (f->console && queue == TX && !device_rig_is_broken(&f->r))
		fuzz_check(f->r.v->in_flight == outstanding(f, RX) || world.wants_writable);
	if (f->console)
		disturb_raw(f);
	else
		pay(f);
	if (world.timer && time_passes) {
		world.now_ns = MAX(world.now_ns, world.timer_ns);
		end_timer(-ETIME);
		device_rig_settle(&f->r);
		pay(f);
	}
	f->random_bytes = world.random_pos;
	reset(f);
}

/* Descriptors and an available ring of any contents, then a reset. */
static void send_raw(struct fuzz *f)
{
	unsigned int queue = fuzz_u8(&f->in) % f->r.v->queue_count;
	unsigned int count = 1 + fuzz_u8(&f->in) % 6;
	struct virtio_driver *d = &f->r.drivers[queue];
	uint8_t how = fuzz_u8(&f->in);

	show_all(f);
	world.raw = true;
	world.room = MIN(world.room, RAW_ROOM);
	for (unsigned int i = 0; i < count; i++) {
		uint16_t flags = fuzz_u8(&f->in);
		uint64_t addr = flags & 8 ? fuzz_number(&f->in, 8)
					  : (uint64_t)SMALL_RIG_DATA + fuzz_u16(&f->in);
		uint32_t len = flags & 16 ? (uint32_t)fuzz_number(&f->in, 4) : fuzz_u16(&f->in);
		struct virtio_driver_desc desc = { addr, len, flags & 7, fuzz_u8(&f->in) % 9 };

		virtio_driver_put_desc(d, i & 1 && how & 1 ? SMALL_RIG_DATA : d->setup.desc_gpa, i,
				       &desc);
	}
	for (uint16_t i = 0; i < 4; i++)
		virtio_driver_put_avail(d, (uint16_t)(d->avail_idx + i),
					(uint16_t)(fuzz_u8(&f->in) % 9));
	virtio_driver_put_avail_idx(d, (uint16_t)(d->avail_idx + how % 9));
	iol_virtio_notify(f->r.v, queue);
	end_raw(f, queue, how & 0x80);
}

/*
 * Buffers that become others while the device looks at them. A driver that lets them may get what it did not ask
 * for, but nobody waits for nothing, and after a reset all is as ever.
 */
static void race(struct fuzz *f)
{
	unsigned int queue = fuzz_u8(&f->in) % f->r.v->queue_count;
	uint8_t how = fuzz_u8(&f->in);

	show_all(f);
	world.raw = true;
	world.room = MIN(world.room, RAW_ROOM);
	for (unsigned int i = 0; i <= how % 4; i++)
		double_fetch_arm(&f->in, device_rig_ptr(&f->r, DEVICE_RIG_RINGS), RACED_BYTES);
	for (unsigned int i = 0; i <= how / 4 % 4; i++) {
		uint8_t first = fuzz_u8(&f->in), second = fuzz_u8(&f->in);
		bool write = writable_queue(f, queue);
		const struct virtio_driver_part parts[] = {
			{ area(queue, i), first, write },
			{ area(queue, i) + PART_STRIDE, 1u + second, write },
		};

		device_rig_add(&f->r, queue, parts, 2,
			       f->r.drivers[queue].setup.indirect && (how & 0x40));
	}
	iol_virtio_notify(f->r.v, queue);
	end_raw(f, queue, how & 0x80);
}

/* --- the far ends --- */

static void pass_time(struct fuzz *f)
{
	world.now_ns += fuzz_number(&f->in, 4);
	if (world.timer && world.timer_ns <= world.now_ns)
		end_timer(-ETIME);
	device_rig_settle(&f->r);
	check_progress(f);
}

static void make_room(struct fuzz *f)
{
	struct iol_char_user *user = iol_virtio_console_char_user(f->r.v);
	bool tell = world.wants_writable;

	world.room += fuzz_u16(&f->in) * 4u;
	world.wants_writable = false;
	if (tell || (fuzz_u8(&f->in) & 1))
		user->writable(user);
	device_rig_settle(&f->r);
	check_progress(f);
}

/* What the model says of @len bytes of input: fills the oldest buffers; returns how many are taken. */
static unsigned int expect_input(struct fuzz *f, unsigned int len)
{
	unsigned int taken = 0;

	for (unsigned int i = 0; i < f->order_count[RX] && taken < len; i++) {
		struct sent *s = &f->sent[RX][f->order[RX][(f->order_first[RX] + i) % HEADS]];

		s->first = f->rx_pos + taken;
		s->filled = MIN(s->bytes, len - taken);
		s->done = true;
		taken += s->filled;
	}
	return taken;
}

static void type(struct fuzz *f)
{
	struct iol_char_user *user = iol_virtio_console_char_user(f->r.v);
	uint8_t data[IOL_CHAR_INPUT_BYTES];
	unsigned int len = 1 + fuzz_u8(&f->in), expected;

	show_all(f);
	for (unsigned int i = 0; i < len; i++)
		data[i] = stream(f->rx_pos + i);
	expected = expect_input(f, len);
	fuzz_check(user->receive(user, data, len) == expected);
	f->rx_pos += expected;
	f->refused = expected < len;
	device_rig_settle(&f->r);
	check_progress(f);
}

static void write_config(struct fuzz *f)
{
	uint64_t offset = fuzz_u8(&f->in) % 20, value = fuzz_number(&f->in, 8);
	unsigned int len = 1u << fuzz_u8(&f->in) % 4, before = world.emergencies;
	bool emergency =
		f->console && offset <= EMERG && EMERG < offset + len && offset + len <= 12;

	world.emergency = true;
	iol_virtio_config_write(f->r.v, offset, len, value);
	world.emergency = false;
	fuzz_check(world.emergencies == before + emergency);
	if (emergency)
		fuzz_check(world.last_emergency == (uint8_t)(value >> 8 * (EMERG - offset)));
	fuzz_check(iol_virtio_config_read(f->r.v, 0, 4) == (f->cols | (uint64_t)f->rows << 16));
	fuzz_check(!iol_virtio_config_read(f->r.v, 4, 8));
}

static void set_size(struct fuzz *f)
{
	uint8_t size = fuzz_u8(&f->in);
	unsigned int before = f->r.config_interrupts;
	bool same = f->cols == (size & 15) && f->rows == size >> 4;

	f->cols = size & 15;
	f->rows = size >> 4;
	iol_virtio_console_set_size(f->r.v, f->cols, f->rows);
	fuzz_check(f->r.config_interrupts == before + !same);
}

static void set_host(struct fuzz *f)
{
	world.fail = fuzz_u8(&f->in) % 4;
	world.give_max = 1 + fuzz_u16(&f->in);
}

static void storm(struct fuzz *f)
{
	for (unsigned int i = fuzz_u8(&f->in); i; i--)
		iol_virtio_notify(f->r.v, i % 3);
	device_rig_settle(&f->r);
	check_progress(f);
}

static void run_op(struct fuzz *f)
{
	uint8_t op = fuzz_u8(&f->in) % 16;

	if (op < 6)
		send_chain(f);
	else if (op == 6)
		race(f);
	else if (op == 7)
		send_raw(f);
	else if (op == 8)
		reset(f);
	else if (op == 9)
		storm(f);
	else if (op == 10)
		write_config(f);
	else if (!f->console && op < 13)
		set_host(f);
	else if (!f->console)
		pass_time(f);
	else if (op == 11)
		set_size(f);
	else if (op < 14)
		make_room(f);
	else
		type(f);
}

/* --- an input --- */

static void make_device(struct fuzz *f)
{
	static const uint64_t rates[] = {
		IOL_VIRTIO_RNG_BYTES_PER_S, 0, 1, 15, 4096, 65536, 1 << 30, UINT64_MAX
	};
	const struct iol_virtio_console_config console = { .name = "fuzz" };
	struct iol_virtio_rng_config rng = { .name = "fuzz" };
	static struct iol_char chr;
	struct iol_virtio *v;
	uint8_t settings;

	memset(&world, 0, sizeof(world));
	world.now_ns = 1000;
	world.give_max = UINT_MAX;
	f->console = fuzz_u8(&f->in) & 1;
	settings = fuzz_u8(&f->in);
	f->bytes_per_s = rates[settings % G_N_ELEMENTS(rates)];
	world.room = settings & 0x80 ? 1 << 20 : 0;
	rng.bytes_per_s = f->bytes_per_s;
	if (f->console)
		fuzz_check(!iol_virtio_console_new(&chr, &console, &f->r.env, &v, NULL));
	else
		fuzz_check(!iol_virtio_rng_new(&rng, &f->r.env, &v, NULL));
	world.random_pos = 0;
	f->paid_ns = world.now_ns;
	f->full = 1e9 / 16;
	if (f->bytes_per_s)
		f->full = MAX(f->full, 1e9 / (double)f->bytes_per_s);
	f->level = f->full;
	device_rig_attach(&f->r, v);
}

/* Whatever was done, after a reset it works. */
static void check_works(struct fuzz *f)
{
	f->in.len = 0; /* zeros from here on */
	reset(f);
	world.now_ns += 2 * IOL_NS_PER_S;
	if (world.timer)
		end_timer(-ETIME);
	world.fail = 0;
	world.room = 64;
	world.raw = true;
	for (unsigned int i = 0; i < f->r.v->queue_count; i++) {
		device_rig_send(&f->r, i, area(i, 0), 16, writable_queue(f, i));
		/* A buffer for input waits. */
		fuzz_check(f->r.v->in_flight == f->console);
	}
	if (f->console) {
		struct iol_char_user *user = iol_virtio_console_char_user(f->r.v);

		fuzz_check(user->receive(user, (const uint8_t *)"works", 5) == 5);
		device_rig_settle(&f->r);
	}
	fuzz_check(!f->r.v->in_flight);
	fuzz_check(virtio_driver_used_idx(&f->r.drivers[0]) == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz *f = g_new0(struct fuzz, 1);
	size_t heap;

	iol_log_set_level(IOL_LOG_ERROR);
	f->in = (struct fuzz_input){ data, len };
	small_rig_init(&f->r, fuzz_loop());
	double_fetch_begin(&f->r.memory);
	make_device(f);
	restart(f);
	heap = heap_bytes();
	for (unsigned int i = 0; i < OPS_MAX && f->in.len; i++)
		run_op(f);
	check_works(f);
	fuzz_check(heap_bytes() <= heap + HEAP_SLACK_BYTES);
	small_rig_finish(&f->r);
	fuzz_check(!world.timer);
	g_free(f);
	return 0;
}
