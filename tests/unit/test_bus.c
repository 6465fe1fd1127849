// SPDX-License-Identifier: Apache-2.0
#include <iolite/bus.h>

#include <errno.h>
#include <glib.h>

/* A device that remembers the last access. */
struct probe {
	uint64_t offset, value;
	unsigned int len, reads, writes;
};

static uint64_t probe_read(void *dev, uint64_t offset, unsigned int len)
{
	struct probe *p = dev;

	p->offset = offset;
	p->len = len;
	p->reads++;
	return 0x1122334455667788;
}

static void probe_write(void *dev, uint64_t offset, unsigned int len, uint64_t value)
{
	struct probe *p = dev;

	p->offset = offset;
	p->len = len;
	p->value = value;
	p->writes++;
}

static const struct iol_bus_ops ops = { probe_read, probe_write };

static int add(struct iol_bus *bus, uint64_t base, uint64_t size, struct probe *p, const char *name)
{
	const struct iol_bus_region region = { base, size, name, &ops, p };
	struct iol_error err;

	return iol_bus_add(bus, &region, &err);
}

static void test_dispatch(void)
{
	struct probe a = { 0 }, b = { 0 };
	struct iol_bus bus;
	uint64_t value;

	iol_bus_init(&bus);
	g_assert_cmpint(add(&bus, 0x100, 8, &a, "a"), ==, 0);
	g_assert_cmpint(add(&bus, 0x108, 8, &b, "b"), ==, 0);

	g_assert_true(iol_bus_read(&bus, 0x104, 4, &value));
	g_assert_cmphex(value, ==, 0x1122334455667788);
	g_assert_cmpuint(a.offset, ==, 4);
	g_assert_cmpuint(a.len, ==, 4);
	g_assert_true(iol_bus_write(&bus, 0x108, 8, 42));
	g_assert_cmpuint(b.value, ==, 42);
	g_assert_cmpuint(b.offset, ==, 0);

	/* Outside, and across an edge. */
	g_assert_false(iol_bus_read(&bus, 0xff, 1, &value));
	g_assert_cmphex(value, ==, UINT64_MAX);
	g_assert_false(iol_bus_read(&bus, 0xff, 2, &value));
	g_assert_false(iol_bus_read(&bus, 0x106, 4, &value));
	g_assert_false(iol_bus_write(&bus, 0x10e, 4, 1));
	g_assert_false(iol_bus_write(&bus, 0x110, 1, 1));
	g_assert_false(iol_bus_read(&bus, UINT64_MAX, 8, &value));
	g_assert_cmpuint(a.reads + b.reads + a.writes + b.writes, ==, 2);
	iol_bus_finish(&bus);
}

/* Who lists regions touches no device. */
static void test_next(void)
{
	struct probe a = { 0 };
	struct iol_bus_region region;
	struct iol_bus bus;

	iol_bus_init(&bus);
	g_assert_false(iol_bus_next(&bus, 0, &region));
	g_assert_cmpint(add(&bus, 0x100, 8, &a, "a"), ==, 0);
	g_assert_cmpint(add(&bus, UINT64_MAX - 7, 8, &a, "b"), ==, 0);
	for (uint64_t addr = 0; addr <= 0x107; addr++) {
		g_assert_true(iol_bus_next(&bus, addr, &region));
		g_assert_cmpstr(region.name, ==, "a");
	}
	g_assert_true(iol_bus_next(&bus, 0x108, &region));
	g_assert_cmpstr(region.name, ==, "b");
	g_assert_true(iol_bus_next(&bus, UINT64_MAX, &region));
	g_assert_cmpstr(region.name, ==, "b");
	iol_bus_remove(&bus, region.base);
	g_assert_false(iol_bus_next(&bus, 0x108, &region));
	g_assert_cmpuint(a.reads + a.writes, ==, 0);
	iol_bus_finish(&bus);
}

static void test_overlaps_are_refused(void)
{
	struct probe p = { 0 };
	struct iol_bus bus;
	struct iol_error err;

	iol_bus_init(&bus);
	g_assert_cmpint(add(&bus, 0x100, 0x10, &p, "old"), ==, 0);
	g_assert_cmpint(add(&bus, 0x100, 0x10, &p, "new"), ==, -EEXIST);
	g_assert_cmpint(add(&bus, 0x10f, 1, &p, "new"), ==, -EEXIST);
	g_assert_cmpint(add(&bus, 0xf8, 9, &p, "new"), ==, -EEXIST);
	g_assert_cmpint(add(&bus, 0, UINT64_MAX, &p, "new"), ==, -EEXIST);
	g_assert_cmpint(add(&bus, 0x200, 0, &p, "new"), ==, -EINVAL);
	g_assert_cmpint(add(&bus, UINT64_MAX, 2, &p, "new"), ==, -EINVAL);
	g_assert_cmpint(add(&bus, 0xff, 1, &p, "below"), ==, 0);
	g_assert_cmpint(add(&bus, 0x110, 1, &p, "above"), ==, 0);
	g_assert_cmpint(add(&bus, UINT64_MAX, 1, &p, "last"), ==, 0);
	g_assert_cmpuint(bus.count, ==, 4);

	iol_bus_add(&bus, &(struct iol_bus_region){ 0x10f, 1, "new", &ops, &p }, &err);
	g_assert_cmpstr(err.msg, ==, "new at 0x10f overlaps old at 0x100");
	iol_bus_finish(&bus);
}

/* Against a model: random regions added and removed, every address looked up. */
static void test_against_model(void)
{
	enum { SPACE = 64, DEVICES = 16, ROUNDS = 2000 };
	struct probe probes[DEVICES] = { 0 };
	int owner[SPACE], base_of[DEVICES];
	struct iol_bus bus;

	iol_bus_init(&bus);
	for (int i = 0; i < SPACE; i++)
		owner[i] = -1;
	for (int i = 0; i < DEVICES; i++)
		base_of[i] = -1;
	for (int round = 0; round < ROUNDS; round++) {
		int dev = g_test_rand_int_range(0, DEVICES);

		if (base_of[dev] >= 0) {
			iol_bus_remove(&bus, (uint64_t)base_of[dev]);
			for (int i = 0; i < SPACE; i++)
				owner[i] = owner[i] == dev ? -1 : owner[i];
			base_of[dev] = -1;
		} else {
			int base = g_test_rand_int_range(0, SPACE);
			int size = g_test_rand_int_range(1, SPACE - base + 1);
			bool is_free = true;

			for (int i = base; i < base + size; i++)
				is_free = is_free && owner[i] < 0;
			g_assert_cmpint(add(&bus, (uint64_t)base, (uint64_t)size, &probes[dev],
					    "p"),
					==, is_free ? 0 : -EEXIST);
			for (int i = base; is_free && i < base + size; i++)
				owner[i] = dev;
			if (is_free)
				base_of[dev] = base;
		}
		for (int i = 0; i < SPACE; i++) {
			uint64_t value;
			bool hit = iol_bus_read(&bus, (uint64_t)i, 1, &value);

			g_assert_cmpint(hit, ==, owner[i] >= 0);
			if (hit)
				g_assert_cmpint(probes[owner[i]].offset, ==, i - base_of[owner[i]]);
		}
	}
	iol_bus_finish(&bus);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/bus/dispatch", test_dispatch);
	g_test_add_func("/bus/next", test_next);
	g_test_add_func("/bus/overlaps-are-refused", test_overlaps_are_refused);
	g_test_add_func("/bus/against-model", test_against_model);
	return g_test_run();
}
