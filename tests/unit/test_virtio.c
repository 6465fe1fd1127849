// SPDX-License-Identifier: Apache-2.0
/* Registers of the virtio core: status, features, queue geometry, configuration space. */
#include "virtio_core_rig.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

/* --- status --- */

/* The drawing in virtio.h: the bits that a driver sets in this order, or not. */
static const uint8_t ladder[] = { 0, VIRTIO_CONFIG_S_ACKNOWLEDGE, STATUS_DRIVER, STATUS_FEATURES,
				  STATUS_OK };

struct model {
	unsigned int rung; /* of the ladder */
	bool failed, needs_reset;
};

static uint8_t model_status(const struct model *m)
{
	return (uint8_t)(ladder[m->rung] | (m->failed ? VIRTIO_CONFIG_S_FAILED : 0) |
			 (m->needs_reset ? VIRTIO_CONFIG_S_NEEDS_RESET : 0));
}

/* A write of @value that is not 0. */
static void model_write(struct model *m, uint8_t value, bool sound_features)
{
	if ((ladder[m->rung] & ~value) || (m->failed && !(value & VIRTIO_CONFIG_S_FAILED)))
		return;
	m->failed = m->failed || value & VIRTIO_CONFIG_S_FAILED;
	while (m->rung + 1 < IOL_ARRAY_LEN(ladder) && !(ladder[m->rung + 1] & ~value)) {
		if (ladder[m->rung + 1] == STATUS_FEATURES && !sound_features)
			return;
		m->rung++;
	}
}

static void reset_now(struct core_rig *c)
{
	iol_virtio_set_status(c->v, 0);
	rig_settle(&c->rig);
	g_assert_cmphex(iol_virtio_status(c->v), ==, 0);
}

/* Brings the device, just reset, to @m. */
static void reach(struct core_rig *c, const struct model *m, uint64_t features)
{
	for (unsigned int i = 1; i <= m->rung; i++) {
		iol_virtio_set_status(c->v, ladder[i]);
		if (ladder[i] == STATUS_DRIVER) {
			iol_virtio_set_driver_features(c->v, 0, (uint32_t)features);
			iol_virtio_set_driver_features(c->v, 1, (uint32_t)(features >> 32));
		}
	}
	if (m->failed)
		iol_virtio_set_status(c->v, ladder[m->rung] | VIRTIO_CONFIG_S_FAILED);
	if (m->needs_reset) {
		rig_turn(&c->rig);
		rig_turn(&c->rig);
		iol_virtio_break(c->v, "the test wants it");
	}
	g_assert_cmphex(iol_virtio_status(c->v), ==, model_status(m));
}

static void try_all_writes(struct core_rig *c, const struct model *from, uint64_t features,
			   bool sound)
{
	for (unsigned int value = 1; value < 256; value++) {
		struct model m = *from;
		unsigned int resets = c->resets_done;

		reach(c, from, features);
		g_assert_false(iol_virtio_set_status(c->v, value));
		/* Features can be written from DRIVER on: a driver that runs ahead has none. */
		model_write(&m, (uint8_t)value, sound && ladder[from->rung] >= STATUS_DRIVER);
		if (iol_virtio_status(c->v) != model_status(&m))
			g_error("0x%02x written to 0x%02x: 0x%02x, not 0x%02x", value,
				model_status(from), iol_virtio_status(c->v), model_status(&m));
		/* The loop finds nothing to object to, and does not change it. */
		if (value % 16 == 15) {
			rig_settle(&c->rig);
			g_assert_cmphex(iol_virtio_status(c->v), ==, model_status(&m));
		}
		g_assert_cmpuint(c->resets_done, ==, resets);
		reset_now(c);
		g_assert_cmpuint(c->resets_done, ==, resets + 1);
	}
}

static void test_status_model(struct core_rig *c, const void *data)
{
	struct model m = { 0 };

	(void)data;
	c->v->log_limit.burst = 0;
	for (m.rung = 0; m.rung < IOL_ARRAY_LEN(ladder); m.rung++) {
		for (int failed = 0; failed < 2; failed++) {
			m.failed = failed;
			try_all_writes(c, &m, RIG_VERSION_1 | RIG_OWN, true);
			if (ladder[m.rung] != STATUS_OK)
				continue;
			m.needs_reset = true;
			try_all_writes(c, &m, RIG_VERSION_1, true);
			m.needs_reset = false;
		}
	}
	/* Features that are refused: the ladder ends in front of FEATURES_OK. */
	m.failed = false;
	for (m.rung = 0; ladder[m.rung] != STATUS_FEATURES; m.rung++) {
		try_all_writes(c, &m, 0, false);
		try_all_writes(c, &m, RIG_VERSION_1 | 1, false);
	}
	core_assert_works(c);
}

/* Zero, written where the loop does not have the device yet, is over at once; else it waits for it. */
static void test_status_zero(struct core_rig *c, const void *data)
{
	(void)data;
	for (unsigned int rung = 0; rung < IOL_ARRAY_LEN(ladder); rung++) {
		const struct model m = { .rung = rung };
		bool has_it = ladder[rung] == STATUS_OK;

		reach(c, &m, RIG_VERSION_1);
		rig_settle(&c->rig);
		g_assert_cmpint(iol_virtio_set_status(c->v, 0), ==, has_it);
		g_assert_cmphex(iol_virtio_status(c->v), ==, has_it ? STATUS_OK : 0);
		rig_settle(&c->rig);
		g_assert_cmphex(iol_virtio_status(c->v), ==, 0);
	}
}

/* --- features --- */

static void test_features_offered(struct core_rig *c, const void *data)
{
	static const uint32_t beyond[] = { 2, 3, 31, 32, 63, 64, 0x80000000, UINT32_MAX };
	const uint64_t offered = RIG_VERSION_1 | RIG_EVENT_IDX | RIG_INDIRECT | RIG_OWN;

	(void)data;
	g_assert_cmphex(iol_virtio_device_features(c->v, 0), ==, (uint32_t)offered);
	g_assert_cmphex(iol_virtio_device_features(c->v, 1), ==, offered >> 32);
	iol_virtio_set_status(c->v, STATUS_DRIVER);
	for (size_t i = 0; i < IOL_ARRAY_LEN(beyond); i++) {
		g_assert_cmphex(iol_virtio_device_features(c->v, beyond[i]), ==, 0);
		iol_virtio_set_driver_features(c->v, beyond[i], UINT32_MAX);
		g_assert_cmphex(iol_virtio_driver_features(c->v, beyond[i]), ==, 0);
	}
	g_assert_cmphex(c->v->driver_features, ==, 0);
}

/* They count between DRIVER and FEATURES_OK only. */
static void test_features_when(struct core_rig *c, const void *data)
{
	(void)data;
	iol_virtio_set_driver_features(c->v, 0, 0x11);
	iol_virtio_set_status(c->v, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	iol_virtio_set_driver_features(c->v, 0, 0x22);
	g_assert_cmphex(iol_virtio_driver_features(c->v, 0), ==, 0);
	iol_virtio_set_status(c->v, STATUS_DRIVER);
	iol_virtio_set_driver_features(c->v, 0, 0x12345678);
	iol_virtio_set_driver_features(c->v, 1, 0x9abcdef0);
	g_assert_cmphex(iol_virtio_driver_features(c->v, 0), ==, 0x12345678);
	g_assert_cmphex(iol_virtio_driver_features(c->v, 1), ==, 0x9abcdef0);
	iol_virtio_set_driver_features(c->v, 0, (uint32_t)RIG_OWN);
	iol_virtio_set_driver_features(c->v, 1, RIG_VERSION_1 >> 32);
	g_assert_false(iol_virtio_has(c->v, VIRTIO_FAKE_FEATURE));
	iol_virtio_set_status(c->v, STATUS_FEATURES);
	g_assert_cmphex(c->v->features, ==, RIG_OWN | RIG_VERSION_1);
	g_assert_true(iol_virtio_has(c->v, VIRTIO_FAKE_FEATURE));
	/* Late. */
	iol_virtio_set_driver_features(c->v, 0, 0);
	g_assert_cmphex(iol_virtio_driver_features(c->v, 0), ==, RIG_OWN);
	iol_virtio_set_status(c->v, STATUS_OK);
	iol_virtio_set_driver_features(c->v, 1, 0);
	g_assert_cmphex(iol_virtio_driver_features(c->v, 1), ==, RIG_VERSION_1 >> 32);
	reset_now(c);
	g_assert_cmphex(c->v->features | c->v->driver_features, ==, 0);
}

/* Refused, a driver may think again. */
static void test_features_refused(struct core_rig *c, const void *data)
{
	const uint64_t offered = c->v->offered;

	(void)data;
	iol_virtio_set_status(c->v, STATUS_DRIVER);
	for (unsigned int bit = 0; bit < 64; bit++) {
		uint64_t features = RIG_VERSION_1 ^ UINT64_C(1) << bit;
		bool sound = features == (RIG_VERSION_1 | (offered & UINT64_C(1) << bit)) &&
			     bit != VIRTIO_F_VERSION_1;

		iol_virtio_set_driver_features(c->v, 0, (uint32_t)features);
		iol_virtio_set_driver_features(c->v, 1, (uint32_t)(features >> 32));
		/* Not even in one go with what comes after it. */
		iol_virtio_set_status(c->v, sound ? STATUS_FEATURES : STATUS_OK);
		if (iol_virtio_status(c->v) != (sound ? STATUS_FEATURES : STATUS_DRIVER))
			g_error("features 0x%" PRIx64 ": status 0x%02x", features,
				iol_virtio_status(c->v));
		g_assert_cmphex(c->v->features, ==, sound ? features : 0);
		if (!sound)
			continue;
		reset_now(c);
		iol_virtio_set_status(c->v, STATUS_DRIVER);
	}
}

/* --- queue geometry --- */

enum { REGISTERS = IOL_VIRTIO_QUEUE_USED_HIGH + 1 };

static void read_queue(struct core_rig *c, unsigned int queue, uint32_t out[REGISTERS])
{
	for (unsigned int i = 0; i < REGISTERS; i++)
		out[i] = iol_virtio_queue_read(c->v, queue, (enum iol_virtio_queue_register)i);
}

static void write_queue(struct core_rig *c, unsigned int queue, uint32_t value)
{
	for (unsigned int i = 0; i < REGISTERS; i++)
		if (i != IOL_VIRTIO_QUEUE_ENABLED)
			iol_virtio_queue_write(c->v, queue, (enum iol_virtio_queue_register)i,
					       i == IOL_VIRTIO_QUEUE_SIZE ? 4 : value + i);
}

static void assert_queue(struct core_rig *c, unsigned int queue, const uint32_t expected[REGISTERS])
{
	uint32_t now[REGISTERS];

	read_queue(c, queue, now);
	g_assert_cmpmem(now, sizeof(now), expected, REGISTERS * sizeof(expected[0]));
}

static const uint32_t queue_power_on[REGISTERS] = {
	[IOL_VIRTIO_QUEUE_SIZE_MAX] = VIRTIO_FAKE_QUEUE_SIZE,
	[IOL_VIRTIO_QUEUE_SIZE] = VIRTIO_FAKE_QUEUE_SIZE,
};

static void test_queue_registers(struct core_rig *c, const void *data)
{
	uint32_t written[REGISTERS];

	(void)data;
	for (unsigned int rung = 0; ladder[rung] != STATUS_FEATURES; rung++) {
		iol_virtio_set_status(c->v, ladder[rung]);
		write_queue(c, 0, 0x11110000);
		iol_virtio_queue_write(c->v, 0, IOL_VIRTIO_QUEUE_ENABLED, 1);
		assert_queue(c, 0, queue_power_on);
	}
	reset_now(c);
	core_negotiate(c, RIG_VERSION_1);
	write_queue(c, 0, 0x22220000);
	write_queue(c, 0, 0xfedc0000);
	read_queue(c, 0, written);
	for (unsigned int i = IOL_VIRTIO_QUEUE_DESC_LOW; i < REGISTERS; i++)
		g_assert_cmphex(written[i], ==, 0xfedc0000 + i);
	g_assert_cmpuint(written[IOL_VIRTIO_QUEUE_SIZE_MAX], ==, VIRTIO_FAKE_QUEUE_SIZE);
	g_assert_cmpuint(written[IOL_VIRTIO_QUEUE_SIZE], ==, 4);
	g_assert_cmpuint(written[IOL_VIRTIO_QUEUE_ENABLED], ==, 0);
	g_assert_cmphex(c->v->queues[0].desc_gpa, ==, 0xfedc0004fedc0003);
	assert_queue(c, 1, queue_power_on);

	/* G11: enabled, it stays as it is; disabled again, it can be changed. */
	iol_virtio_queue_write(c->v, 0, IOL_VIRTIO_QUEUE_ENABLED, 3);
	written[IOL_VIRTIO_QUEUE_ENABLED] = 1;
	write_queue(c, 0, 0x33330000);
	iol_virtio_queue_write(c->v, 0, IOL_VIRTIO_QUEUE_SIZE, 2);
	assert_queue(c, 0, written);
	iol_virtio_queue_write(c->v, 0, IOL_VIRTIO_QUEUE_ENABLED, 2);
	iol_virtio_queue_write(c->v, 0, IOL_VIRTIO_QUEUE_SIZE, 2);
	written[IOL_VIRTIO_QUEUE_ENABLED] = 0;
	written[IOL_VIRTIO_QUEUE_SIZE] = 2;
	assert_queue(c, 0, written);

	/* DRIVER_OK: nothing changes any more, enabled or not. */
	iol_virtio_set_status(c->v, STATUS_OK);
	for (unsigned int queue = 0; queue < RIG_QUEUES; queue++) {
		write_queue(c, queue, 0x44440000);
		iol_virtio_queue_write(c->v, queue, IOL_VIRTIO_QUEUE_ENABLED, 1);
	}
	assert_queue(c, 0, written);
	assert_queue(c, 1, queue_power_on);
	reset_now(c);
	assert_queue(c, 0, queue_power_on);
}

static void test_queue_enabled_stays(struct core_rig *c, const void *data)
{
	(void)data;
	core_start(c, 0);
	iol_virtio_queue_write(c->v, 0, IOL_VIRTIO_QUEUE_ENABLED, 0);
	g_assert_cmpuint(iol_virtio_queue_read(c->v, 0, IOL_VIRTIO_QUEUE_ENABLED), ==, 1);
	core_request(c, 0);
	rig_settle(&c->rig);
	g_assert_cmpuint(rig_answers(&c->rig, 0), ==, 1);
}

static void test_queue_sizes(struct core_rig *c, const void *data)
{
	static const uint32_t refused[] = { 0,  3,     5,       6,       7,          9,         16,
					    32, 0x100, 0x10000, 0x10008, 0x80000000, UINT32_MAX };

	(void)data;
	core_negotiate(c, RIG_VERSION_1);
	for (uint32_t size = 1; size <= VIRTIO_FAKE_QUEUE_SIZE; size *= 2) {
		iol_virtio_queue_write(c->v, 1, IOL_VIRTIO_QUEUE_SIZE, size);
		g_assert_cmpuint(iol_virtio_queue_read(c->v, 1, IOL_VIRTIO_QUEUE_SIZE), ==, size);
		for (size_t i = 0; i < IOL_ARRAY_LEN(refused); i++) {
			iol_virtio_queue_write(c->v, 1, IOL_VIRTIO_QUEUE_SIZE, refused[i]);
			g_assert_cmpuint(iol_virtio_queue_read(c->v, 1, IOL_VIRTIO_QUEUE_SIZE), ==,
					 size);
		}
	}
}

static void test_queue_beyond(struct core_rig *c, const void *data)
{
	static const uint32_t beyond[] = { RIG_QUEUES, RIG_QUEUES + 1, IOL_VIRTIO_QUEUES_MAX,
					   0xffff,     0x10000,        UINT32_MAX };
	static const uint32_t zero[REGISTERS];

	(void)data;
	core_negotiate(c, RIG_VERSION_1);
	for (size_t i = 0; i < IOL_ARRAY_LEN(beyond); i++) {
		write_queue(c, beyond[i], 0x55550000);
		iol_virtio_queue_write(c->v, beyond[i], IOL_VIRTIO_QUEUE_ENABLED, 1);
		iol_virtio_notify(c->v, beyond[i]);
		assert_queue(c, beyond[i], zero);
	}
	assert_queue(c, 0, queue_power_on);
	assert_queue(c, 1, queue_power_on);
}

/* --- configuration space --- */

static const unsigned int widths[] = { 1, 2, 4, 8 };

static uint64_t config_model(const uint8_t *bytes, uint64_t offset, unsigned int len)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < len; i++)
		if (offset + i < VIRTIO_FAKE_CONFIG_BYTES)
			value |= (uint64_t)bytes[offset + i] << 8 * i;
	return value;
}

static void assert_config(struct core_rig *c, const uint8_t *bytes)
{
	static const uint64_t far[] = { 0x1000, UINT32_MAX, UINT64_C(1) << 32, UINT64_MAX - 8,
					UINT64_MAX };

	for (size_t w = 0; w < IOL_ARRAY_LEN(widths); w++) {
		for (uint64_t offset = 0; offset < 300; offset++) {
			uint64_t value = iol_virtio_config_read(c->v, offset, widths[w]);

			if (value != config_model(bytes, offset, widths[w]))
				g_error("config[%" PRIu64 "], %u bytes: 0x%" PRIx64, offset,
					widths[w], value);
		}
		for (size_t i = 0; i < IOL_ARRAY_LEN(far); i++)
			g_assert_cmphex(iol_virtio_config_read(c->v, far[i], widths[w]), ==, 0);
	}
}

static void test_config_read(struct core_rig *c, const void *data)
{
	uint8_t bytes[VIRTIO_FAKE_CONFIG_BYTES];

	(void)data;
	for (unsigned int i = 0; i < sizeof(bytes); i++)
		bytes[i] = virtio_fake_config(i);
	/* Not the guest's to see. */
	memset(c->v->config + sizeof(bytes), 0xee, sizeof(c->v->config) - sizeof(bytes));
	assert_config(c, bytes); /* before FEATURES_OK, as 2.5.2 wants it */
	core_start(c, 0);
	assert_config(c, bytes);
}

static void test_config_write(struct core_rig *c, const void *data)
{
	uint8_t bytes[VIRTIO_FAKE_CONFIG_BYTES];
	const uint64_t value = 0xa5c3960f5ab47e81;
	unsigned int hooks = 0;

	(void)data;
	for (unsigned int i = 0; i < sizeof(bytes); i++)
		bytes[i] = virtio_fake_config(i);
	for (size_t w = 0; w < IOL_ARRAY_LEN(widths); w++) {
		for (unsigned int offset = 0; offset < 300; offset++) {
			unsigned int len = widths[w];
			bool touched = false;

			iol_virtio_config_write(c->v, offset, len, value);
			for (unsigned int i = 0; i < len && offset + len <= sizeof(bytes); i++) {
				uint8_t mask = virtio_fake_writable(offset + i);
				uint8_t byte = (uint8_t)(value >> 8 * i);

				bytes[offset + i] =
					(uint8_t)((bytes[offset + i] & ~mask) | (byte & mask));
				touched |= mask != 0;
			}
			hooks += touched;
			g_assert_cmpuint(c->rig.fake.config_writes, ==, hooks);
			if (touched) {
				g_assert_cmpuint(c->rig.fake.config_offset, ==, offset);
				g_assert_cmpuint(c->rig.fake.config_len, ==, len);
			}
			g_assert_cmpmem(c->v->config, sizeof(bytes), bytes, sizeof(bytes));
		}
		iol_virtio_config_write(c->v, UINT64_MAX, widths[w], value);
		iol_virtio_config_write(c->v, UINT64_C(1) << 32, widths[w], value);
	}
	assert_config(c, bytes);
	g_assert_cmpuint(hooks, >, 10);
	/* A reset brings the first contents back. */
	iol_virtio_set_status(c->v, 0);
	for (unsigned int i = 0; i < sizeof(bytes); i++)
		g_assert_cmphex(c->v->config[i], ==, virtio_fake_config(i));
}

/* The generation as a driver sees it that reads the configuration. */
static uint8_t read_generation(struct core_rig *c)
{
	iol_virtio_config_read(c->v, VIRTIO_FAKE_CONFIG_BYTES - 1, 1);
	return iol_virtio_config_generation(c->v);
}

/* An interrupt tells of every change while the device works. */
static void test_config_changes(struct core_rig *c, const void *data)
{
	const uint8_t word[] = { 1, 2, 3, 4 };

	(void)data;
	iol_virtio_set_config(c->v, 0, word, sizeof(word));
	g_assert_cmphex(iol_virtio_config_read(c->v, 0, 4), ==, 0x04030201);
	core_prepare(c, 0);
	iol_virtio_set_config(c->v, VIRTIO_FAKE_CONFIG_BYTES - 1, word, 1);
	g_assert_cmpuint(c->config_interrupts, ==, 0);

	iol_virtio_set_status(c->v, STATUS_OK);
	rig_settle(&c->rig);
	iol_virtio_set_config(c->v, 1, word, 2);
	g_assert_cmphex(iol_virtio_config_read(c->v, 0, 4), ==, 0x04020101);
	g_assert_cmpuint(c->config_interrupts, ==, 1);

	/* While a reset is on its way nobody listens. */
	iol_virtio_set_status(c->v, 0);
	iol_virtio_set_config(c->v, 1, word, 2);
	g_assert_cmpuint(c->config_interrupts, ==, 1);
	rig_settle(&c->rig);
	iol_virtio_set_config(c->v, 1, word, 2);
	g_assert_cmpuint(c->config_interrupts, ==, 1);
}

/* 4.1.4.3.1: who reads something new finds another generation behind it, after 256 changes too. */
static void test_config_generation(struct core_rig *c, const void *data)
{
	uint8_t before = read_generation(c), byte;

	(void)data;
	g_assert_cmpuint(before, ==, 0);
	for (unsigned int changes = 1; changes <= 600; changes++) {
		for (unsigned int i = 0; i < changes; i++) {
			byte = (uint8_t)i;
			iol_virtio_set_config(c->v, 0, &byte, 1);
		}
		g_assert_cmphex(iol_virtio_config_read(c->v, 0, 1), ==, byte);
		g_assert_cmpuint(iol_virtio_config_generation(c->v), !=, before);
		before = read_generation(c);
		g_assert_cmpuint(read_generation(c), ==, before);
	}
	/* A reset that changes nothing, and one that does. */
	for (unsigned int i = 0; i < VIRTIO_FAKE_CONFIG_BYTES; i++)
		c->v->config[i] = virtio_fake_config(i);
	iol_virtio_set_status(c->v, 0);
	g_assert_cmpuint(read_generation(c), ==, before);
	iol_virtio_config_write(c->v, 6, 1, 0x99);
	before = read_generation(c);
	iol_virtio_set_status(c->v, 0);
	g_assert_cmphex(iol_virtio_config_read(c->v, 6, 1), ==, virtio_fake_config(6));
	g_assert_cmpuint(iol_virtio_config_generation(c->v), !=, before);
}

/* --- init --- */

/* Descriptors run out in the middle: an error, and nothing is left behind. */
static void test_init_fails(void)
{
	const struct iol_virtio_env env = { .vm_fd = -1 };
	struct rlimit old, few;
	struct virtio_fake fake;
	struct iol_error err;
	unsigned int fds;
	int next = dup(STDERR_FILENO);

	close(next);
	fds = fd_count();
	getrlimit(RLIMIT_NOFILE, &old);
	for (rlim_t room = 0; room < VIRTIO_FAKE_QUEUES_MAX; room++) {
		few = (struct rlimit){ (rlim_t)next + room, old.rlim_max };
		setrlimit(RLIMIT_NOFILE, &few);
		g_assert_cmpint(virtio_fake_init(&fake, &env, VIRTIO_FAKE_QUEUES_MAX, &err), ==,
				-EMFILE);
		setrlimit(RLIMIT_NOFILE, &old);
		g_assert_nonnull(strstr(err.msg, "eventfd"));
		g_assert_cmpuint(fd_count(), ==, fds);
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(struct core_rig *c, const void *data);
	} tests[] = {
		{ "/virtio/status/model", test_status_model },
		{ "/virtio/status/zero", test_status_zero },
		{ "/virtio/features/offered", test_features_offered },
		{ "/virtio/features/when", test_features_when },
		{ "/virtio/features/refused", test_features_refused },
		{ "/virtio/queue/registers", test_queue_registers },
		{ "/virtio/queue/enabled-stays", test_queue_enabled_stays },
		{ "/virtio/queue/sizes", test_queue_sizes },
		{ "/virtio/queue/beyond", test_queue_beyond },
		{ "/virtio/config/read", test_config_read },
		{ "/virtio/config/write", test_config_write },
		{ "/virtio/config/changes", test_config_changes },
		{ "/virtio/config/generation", test_config_generation },
	};

	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < IOL_ARRAY_LEN(tests); i++)
		g_test_add(tests[i].name, struct core_rig, NULL, core_setup, tests[i].run,
			   core_teardown);
	g_test_add_func("/virtio/init/fails", test_init_fails);
	return g_test_run();
}
