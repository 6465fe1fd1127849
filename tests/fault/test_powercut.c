// SPDX-License-Identifier: Apache-2.0
/*
 * Power cuts under a writer that remembers what it was promised.
 *
 * The writer sends writes, zeroes, discards and flushes of random places and sizes, up to eight at
 * once, through the fault backend over a file. Every sector that it writes tells its record and place in all of
 * its bytes. Afterwards the disk is rebuilt as 1,000 power cuts would have left it, and each sector is
 * compared with what the writer knows: what was acknowledged and flushed before the cut is there, or
 * something newer; nothing is torn within a sector, and nothing comes from the future.
 *
 * The writer's knowledge does not come from the log: it notes how long the log was when it was told of
 * an end. --seed repeats a run; its argument is in the first line of the output.
 */
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <inttypes.h>
#include <iolite/block_fault.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "backend/block_fault_log.h"
#include "block_rig.h"
#include "powercut.h"

enum {
	SECTOR = IOL_BLOCK_SECTOR_BYTES,
	SECTORS = 1024,
	SIZE = SECTORS * SECTOR,
	DEPTH = 8, /* at once */
	SECTORS_MAX = 32, /* of a request */
	REQUESTS = 1500,
	POINTS = 1000,
};

/* One request as the writer knows it. */
struct memory {
	enum iol_block_kind kind;
	unsigned int first, count; /* sectors */
	uint64_t log_begin_bytes, log_end_bytes; /* the log when it was sent, and when it ended */
	uint64_t acked_before; /* how many had ended when it was sent */
	uint64_t ack; /* its number among those that ended; 0: not yet */
	bool stable;
};

struct writer {
	struct block_rig rig;
	struct iol_block *blk;
	char *log_path;
	GRand *dice;
	bool trusts_acks; /* the disk says that it has no volatile cache */
	GArray *memories; /* of struct memory; the index is the record's number */
	GArray *histories[SECTORS]; /* of unsigned int: the records of that sector, in order */
	struct slot {
		struct block_job job;
		struct writer *writer;
		uint8_t buf[SECTORS_MAX * SECTOR];
		unsigned int record;
		bool busy;
	} slots[DEPTH];
	uint64_t acks;
};

/* ---- Contents ---- */

/* Every byte depends on record and sector. Never all zeros. */
static void fill_sector(uint8_t *to, uint64_t record, uint64_t sector)
{
	uint64_t words[SECTOR / sizeof(uint64_t)];
	uint64_t x = (record * SECTORS + sector + 1) * UINT64_C(0x9e3779b97f4a7c15);

	words[0] = record + 1;
	words[1] = sector;
	for (size_t i = 2; i < G_N_ELEMENTS(words); i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		words[i] = x;
	}
	memcpy(to, words, SECTOR);
}

enum { ZERO = -1, TORN = -2 };

/* The record that @bytes are of, ZERO or TORN. */
static int64_t identify(const uint8_t *bytes, unsigned int sector, uint64_t records)
{
	static const uint8_t zeros[SECTOR];
	uint8_t expected[SECTOR];
	uint64_t record;

	if (!memcmp(bytes, zeros, SECTOR))
		return ZERO;
	memcpy(&record, bytes, sizeof(record));
	if (!record || record > records)
		return TORN;
	fill_sector(expected, record - 1, sector);
	return memcmp(bytes, expected, SECTOR) ? TORN : (int64_t)(record - 1);
}

/* ---- The writer ---- */

static uint64_t log_bytes(const struct writer *w)
{
	struct stat st;

	g_assert_cmpint(stat(w->log_path, &st), ==, 0);
	return (uint64_t)st.st_size;
}

static void slot_ended(struct slot *slot)
{
	struct writer *w = slot->writer;
	struct memory *m = &g_array_index(w->memories, struct memory, slot->record);

	g_assert_cmpint(slot->job.req.res, ==, 0);
	m->log_end_bytes = log_bytes(w);
	m->ack = ++w->acks;
	slot->busy = false;
}

static void slot_done(struct iol_block_req *req)
{
	struct block_job *job = iol_container_of(req, struct block_job, req);

	slot_ended(iol_container_of(job, struct slot, job));
}

/* No two requests for one sector at once: what would be left is nobody's promise. */
static bool is_free(const struct writer *w, unsigned int first, unsigned int count)
{
	for (size_t i = 0; i < DEPTH; i++) {
		const struct memory *m;

		if (!w->slots[i].busy)
			continue;
		m = &g_array_index(w->memories, struct memory, w->slots[i].record);
		if (m->kind != IOL_BLOCK_FLUSH && first < m->first + m->count &&
		    m->first < first + count)
			return false;
	}
	return true;
}

static enum iol_block_kind choose_kind(const struct writer *w)
{
	int roll = g_rand_int_range(w->dice, 0, 100);

	if (roll < 10)
		return IOL_BLOCK_FLUSH;
	if (roll < 16)
		return w->blk->limits.discard ? IOL_BLOCK_DISCARD : IOL_BLOCK_WRITE;
	return roll < 24 ? IOL_BLOCK_WRITE_ZEROES : IOL_BLOCK_WRITE;
}

static void send_record(struct slot *slot, struct memory *m)
{
	struct writer *w = slot->writer;

	for (unsigned int i = 0; i < m->count; i++) {
		if (m->kind == IOL_BLOCK_WRITE)
			fill_sector(slot->buf + (size_t)i * SECTOR, slot->record, m->first + i);
		g_array_append_val(w->histories[m->first + i], slot->record);
	}
	block_job_init(&slot->job, m->kind, (uint64_t)m->first * SECTOR, slot->buf,
		       (uint64_t)m->count * SECTOR);
	slot->job.req.stable = m->stable;
	slot->job.req.unmap = g_rand_boolean(w->dice);
	slot->job.req.iov = &slot->job.iov;
	slot->job.req.done = slot_done;
	slot->busy = true;
	g_array_append_val(w->memories, *m);
	if (iol_block_submit(w->blk, &slot->job.req))
		slot_ended(slot);
}

static void send_something(struct slot *slot)
{
	struct writer *w = slot->writer;
	struct memory m = {
		.kind = choose_kind(w),
		.log_begin_bytes = log_bytes(w),
		.acked_before = w->acks,
	};

	if (m.kind != IOL_BLOCK_FLUSH) {
		m.count = (unsigned int)g_rand_int_range(w->dice, 1, SECTORS_MAX + 1);
		m.first =
			(unsigned int)g_rand_int_range(w->dice, 0, (gint32)(SECTORS - m.count + 1));
		m.stable = g_rand_int_range(w->dice, 0, 10) == 0;
		if (!is_free(w, m.first, m.count))
			return;
	}
	slot->record = w->memories->len;
	send_record(slot, &m);
}

static void writer_run(struct writer *w)
{
	uint64_t end_ns = iol_loop_now_ns() + 60 * IOL_NS_PER_S;

	while (w->memories->len < REQUESTS || w->blk->in_flight) {
		for (size_t i = 0; i < DEPTH && w->memories->len < REQUESTS; i++)
			if (!w->slots[i].busy)
				send_something(&w->slots[i]);
		g_assert_cmpint(iol_loop_turn(&w->rig.loop, false), ==, 0);
		g_assert_cmpuint(iol_loop_now_ns(), <, end_ns);
	}
}

static void writer_init(struct writer *w, enum iol_block_cache cache, const char *faults)
{
	struct iol_block_raw_config config;
	g_autofree char *spec = NULL;
	struct iol_block *raw;
	struct iol_error err;

	memset(w, 0, sizeof(*w));
	block_rig_init(&w->rig);
	g_assert_true(g_file_set_contents(w->rig.path, "", 0, NULL));
	g_assert_cmpint(truncate(w->rig.path, SIZE), ==, 0);
	w->log_path = g_build_filename(w->rig.dir, "log", NULL);
	w->dice = g_rand_new_with_seed((guint32)g_test_rand_int());
	w->memories = g_array_new(FALSE, FALSE, sizeof(struct memory));
	for (size_t i = 0; i < SECTORS; i++)
		w->histories[i] = g_array_new(FALSE, FALSE, sizeof(unsigned int));
	for (size_t i = 0; i < DEPTH; i++)
		w->slots[i].writer = w;
	config = block_rig_config(&w->rig);
	config.cache = cache;
	raw = block_rig_open(&w->rig, &config);
	spec = g_strdup_printf("log=%s;seed=%d;%s", w->log_path,
			       g_test_rand_int_range(0, G_MAXINT32), faults);
	if (iol_block_fault_new(raw, spec, &w->blk, &err))
		g_error("%s", err.msg);
	w->trusts_acks = !w->blk->limits.volatile_cache;
}

static void writer_finish(struct writer *w)
{
	iol_block_free(w->blk);
	block_rig_finish(&w->rig);
	for (size_t i = 0; i < SECTORS; i++)
		g_array_unref(w->histories[i]);
	g_array_unref(w->memories);
	g_rand_free(w->dice);
	g_free(w->log_path);
}

/* ---- The check ---- */

/* Bytes of the log up to each of its records. */
static GArray *log_ends(const struct powercut *cut)
{
	GArray *ends = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	uint64_t end = 0;

	g_array_append_val(ends, end);
	for (unsigned int i = 0; i < cut->records->len; i++) {
		const struct powercut_record *r =
			&g_array_index(cut->records, struct powercut_record, i);

		end += sizeof(struct iol_fault_record);
		end += r->kind == IOL_BLOCK_WRITE ? r->len_bytes : 0;
		g_array_append_val(ends, end);
	}
	return ends;
}

static bool was_acked(const struct memory *m, uint64_t cut_bytes)
{
	return m->ack && m->log_end_bytes <= cut_bytes;
}

/* Requests that ended with this number or before are stable at the cut. */
static uint64_t flushed_up_to(const struct writer *w, uint64_t cut_bytes)
{
	uint64_t up_to = 0;

	for (unsigned int i = 0; i < w->memories->len; i++) {
		const struct memory *m = &g_array_index(w->memories, struct memory, i);

		if (m->kind == IOL_BLOCK_FLUSH && was_acked(m, cut_bytes))
			up_to = MAX(up_to, m->acked_before);
	}
	return up_to;
}

struct view {
	const struct writer *writer;
	uint64_t cut_bytes, up_to;
};

static bool is_promised(const struct view *v, const struct memory *m)
{
	return was_acked(m, v->cut_bytes) &&
	       (v->writer->trusts_acks || m->stable || m->ack <= v->up_to);
}

/* Whether @found may be in the sector after a request that may have happened. */
static bool explains(const struct memory *m, unsigned int record, int64_t found)
{
	if (m->kind == IOL_BLOCK_WRITE)
		return found == (int64_t)record;
	return m->kind == IOL_BLOCK_DISCARD || found == ZERO;
}

/* From the newest to the last promise: one of them must explain what is there. */
static bool sector_ok(const struct view *v, unsigned int sector, const uint8_t *bytes)
{
	const GArray *history = v->writer->histories[sector];
	int64_t found = identify(bytes, sector, v->writer->memories->len);

	if (found == TORN)
		return false;
	for (unsigned int i = history->len; i--;) {
		unsigned int record = g_array_index(history, unsigned int, i);
		const struct memory *m = &g_array_index(v->writer->memories, struct memory, record);

		if (m->log_begin_bytes > v->cut_bytes)
			continue; /* not sent yet */
		if (explains(m, record, found))
			return true;
		if (is_promised(v, m))
			return false;
	}
	return found == ZERO;
}

/* The number of sectors that break a promise after the cut at @point. */
static unsigned int check_point(const struct writer *w, const struct powercut *cut,
				const GArray *ends, uint64_t point, uint64_t seed)
{
	g_autofree uint8_t *image = g_malloc0(SIZE);
	struct view v = { .writer = w, .cut_bytes = g_array_index(ends, uint64_t, point) };
	unsigned int broken = 0;

	v.up_to = flushed_up_to(w, v.cut_bytes);
	powercut_apply(cut, image, SIZE, point, seed);
	for (unsigned int s = 0; s < SECTORS; s++) {
		if (sector_ok(&v, s, image + (size_t)s * SECTOR))
			continue;
		if (!broken++)
			g_test_message("cut at record %" PRIu64 " of %u, seed %" PRIu64
				       ": sector %u holds record %" PRId64,
				       point, cut->records->len, seed, s,
				       identify(image + (size_t)s * SECTOR, s, w->memories->len));
	}
	return broken;
}

/* The number of cuts after which a promise is broken. */
static unsigned int check_points(enum iol_block_cache cache, const char *faults,
				 unsigned int points)
{
	struct writer *w = g_new(struct writer, 1);
	struct powercut cut = { 0 };
	unsigned int broken = 0;
	g_autofree char *error = NULL;
	GArray *ends;

	writer_init(w, cache, faults);
	writer_run(w);
	error = powercut_load(&cut, w->log_path);
	g_assert_cmpstr(error, ==, NULL);
	ends = log_ends(&cut);
	g_assert_cmpuint(g_array_index(ends, uint64_t, cut.records->len), ==, log_bytes(w));
	for (unsigned int i = 0; i < points && broken < 5; i++) {
		uint64_t point = (uint64_t)g_test_rand_int_range(0, (gint32)cut.records->len + 1);

		broken += check_point(w, &cut, ends, point,
				      (uint64_t)g_test_rand_int_range(0, G_MAXINT32)) > 0;
	}
	g_test_message("%u records, %u cuts, %u broken", cut.records->len, points, broken);
	g_array_unref(ends);
	powercut_finish(&cut);
	writer_finish(w);
	g_free(w);
	return broken;
}

static void test_writeback(void)
{
	g_assert_cmpuint(check_points(IOL_BLOCK_WRITEBACK, "", POINTS), ==, 0);
}

static void test_writethrough(void)
{
	g_assert_cmpuint(check_points(IOL_BLOCK_WRITETHROUGH, "log-stable", POINTS), ==, 0);
}

/* Pieces and delays: ends come in another order than begins, flushes take their time. */
static void test_out_of_order(void)
{
	g_assert_cmpuint(check_points(IOL_BLOCK_WRITEBACK,
				      "write%20=slow:1ms+short:1024;flush%50=slow:2ms;"
				      "any%10=slow:500us",
				      POINTS),
			 ==, 0);
}

/* The checker can fail. */
static void test_lost_flushes_are_seen(void)
{
	g_assert_cmpuint(check_points(IOL_BLOCK_WRITEBACK, "flush=lost", POINTS), >, 0);
}

static void test_lost_writes_are_seen(void)
{
	g_assert_cmpuint(check_points(IOL_BLOCK_WRITEBACK, "write%2=lost", POINTS), >, 0);
}

static void test_unsafe_is_seen(void)
{
	g_assert_cmpuint(check_points(IOL_BLOCK_UNSAFE, "", POINTS), >, 0);
}

static int run_command(const char *log, const char *size, const char *out, const char *base)
{
	const char *argv[] = { POWERCUT, log, size, "700", "42", out, base, NULL };
	g_autoptr(GError) error = NULL;
	int status;

	g_spawn_sync(NULL, (char **)(uintptr_t)argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL,
		     NULL, NULL, &status, &error);
	g_assert_no_error(error);
	g_assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* The program makes the same image, over a base that it leaves alone. */
static void test_command(void)
{
	struct writer *w = g_new(struct writer, 1);
	g_autofree uint8_t *image = g_malloc(SIZE);
	g_autofree char *error = NULL, *size = g_strdup_printf("%d", SIZE);
	g_autofree char *out = NULL, *base = NULL, *got = NULL;
	struct powercut cut = { 0 };
	gsize len;

	writer_init(w, IOL_BLOCK_WRITEBACK, "");
	writer_run(w);
	out = g_build_filename(w->rig.dir, "out", NULL);
	base = g_build_filename(w->rig.dir, "base", NULL);
	memset(image, 0x99, SIZE);
	g_assert_true(g_file_set_contents(base, (char *)image, SIZE, NULL));
	error = powercut_load(&cut, w->log_path);
	g_assert_cmpstr(error, ==, NULL);
	powercut_apply(&cut, image, SIZE, 700, 42);
	g_assert_cmpint(run_command(w->log_path, size, out, base), ==, 0);
	g_assert_true(g_file_get_contents(out, &got, &len, NULL));
	g_assert_cmpuint(len, ==, SIZE);
	g_assert_true(memcmp(got, image, SIZE) == 0);
	g_assert_cmpint(run_command(base, size, out, NULL), ==, 1); /* no log */
	g_assert_cmpint(run_command(w->log_path, "many", out, NULL), ==, 2);
	powercut_finish(&cut);
	writer_finish(w);
	g_free(w);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/powercut/writeback", test_writeback);
	g_test_add_func("/powercut/writethrough", test_writethrough);
	g_test_add_func("/powercut/out-of-order", test_out_of_order);
	g_test_add_func("/powercut/lost-flushes-are-seen", test_lost_flushes_are_seen);
	g_test_add_func("/powercut/lost-writes-are-seen", test_lost_writes_are_seen);
	g_test_add_func("/powercut/unsafe-is-seen", test_unsafe_is_seen);
	g_test_add_func("/powercut/command", test_command);
	return g_test_run();
}
