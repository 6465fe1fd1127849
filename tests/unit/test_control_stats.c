// SPDX-License-Identifier: Apache-2.0
/* What the control socket tells of a machine's counts, and of KVM's, without KVM. */
#include "control_rig.h"
#include "fake_kvm.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <iolite/virtio.h>

static const json_t *at(const json_t *list, size_t idx)
{
	const json_t *item = json_array_get(list, idx);

	if (!item)
		g_error("no item %zu", idx);
	return item;
}

/* ---- Counts of ours ---- */

static void exits(struct iol_vcpu *vcpu, unsigned int reason, unsigned int count)
{
	while (count--)
		iol_count_add_one(&vcpu->exits[reason]);
}

static void expect_json(const json_t *got, const char *json)
{
	json_t *wanted = json_loads(json, 0, NULL);
	g_autofree char *text = json_dumps(got, JSON_INDENT(1) | JSON_ENCODE_ANY);

	g_assert_nonnull(wanted);
	if (!json_equal(got, wanted))
		g_error("%s, not %s", text, json);
	json_decref(wanted);
}

static void test_exits(void)
{
	struct control_rig rig;
	json_t *stats;

	control_rig_init(&rig);
	control_rig_start(&rig);
	exits(&rig.vm->vcpus[0], KVM_EXIT_MMIO, 3);
	exits(&rig.vm->vcpus[0], KVM_EXIT_INTR, 2);
	exits(&rig.vm->vcpus[1], KVM_EXIT_IO, 1);
	exits(&rig.vm->vcpus[1], KVM_EXIT_NOTIFY, 1);
	/* Without a name: all of them together. */
	exits(&rig.vm->vcpus[1], IOL_VCPU_EXIT_REASONS - 1, 4);
	exits(&rig.vm->vcpus[1], IOL_VCPU_EXIT_REASONS - 2, 1);
	stats = control_rig_run(&rig, "x-iolite-stats", NULL);
	expect_json(json_object_get(stats, "cpus"),
		    "[{\"index\": 0, \"exits\": {\"mmio\": 3, \"intr\": 2}},"
		    " {\"index\": 1, \"exits\": {\"io\": 1, \"notify\": 1, \"other\": 5}}]");
	expect_json(json_object_get(stats, "devices"), "[]");
	expect_json(json_object_get(stats, "lines"), "[]");
	g_assert_true(json_is_null(json_object_get(stats, "name")));
	json_decref(stats);
	g_assert_cmpuint(iol_vcpu_exits(&rig.vm->vcpus[1], IOL_EXIT_OTHER), ==, 6);
	g_assert_cmpuint(iol_vcpu_exits(&rig.vm->vcpus[1], IOL_EXIT_PIO), ==, 1);
	g_assert_cmpuint(iol_vcpu_exits(&rig.vm->vcpus[0], IOL_EXIT_KICK), ==, 2);
	g_assert_cmpuint(iol_vcpu_exits(&rig.vm->vcpus[0], IOL_EXIT_MMIO), ==, 3);
	for (unsigned int reason = 0; reason < IOL_VCPU_EXIT_REASONS; reason++)
		g_assert_nonnull(iol_vcpu_exit_name(reason));
	control_rig_finish(&rig);
}

/* A device that has counted what it likes. */
static void test_devices(void)
{
	static const struct iol_virtio_ops ops = { .name = "virtio-rng", .device_id = 4 };
	struct iol_virtio v = {
		.ops = &ops,
		.name = "rng",
		.in_flight = 2,
		.counts = { .kicks = 3,
			    .interrupts = 4,
			    .chains = 5,
			    .out_bytes = 6,
			    .in_bytes = UINT64_MAX,
			    .mistakes = 7 },
	};
	struct control_rig rig;
	struct iol_error err;
	json_t *stats;

	control_rig_init(&rig);
	g_assert_cmpint(iol_config_add_serial(&rig.config, "null", &err), ==, 0);
	control_rig_start(&rig);
	g_assert_cmpint(iol_char_new(&rig.vm->loop, &rig.vm->lifecycle.sink, &rig.config.serials[0],
				     "serial0", &rig.vm->serials[0], &err),
			==, 0);
	iol_char_write(rig.vm->serials[0], (const uint8_t *)"12345", 5);
	iol_count_add_one(&rig.vm->serial_interrupts[0]);
	rig.vm->slots[25] = &v;
	stats = control_rig_run(&rig, "x-iolite-stats", NULL);
	expect_json(json_object_get(stats, "devices"),
		    "[{\"id\": \"rng\", \"kind\": \"virtio-rng\", \"kicks\": 3, \"interrupts\": 4, "
		    "\"requests\": 5, \"in-flight\": 2, \"out-bytes\": 6, \"in-bytes\": "
		    "9223372036854775807, \"mistakes\": 7}]");
	expect_json(json_object_get(stats, "lines"),
		    "[{\"label\": \"serial0\", \"out-bytes\": 5, \"in-bytes\": 0, "
		    "\"dropped-bytes\": 0, \"interrupts\": 1}]");
	json_decref(stats);
	rig.vm->slots[25] = NULL;
	control_rig_finish(&rig);
}

/* ---- KVM's ---- */

enum { NAME_BYTES = 16 };

/* struct kvm_stats_desc with a name. */
struct named_desc {
	uint32_t flags;
	int16_t exponent;
	uint16_t size;
	uint32_t offset, bucket_size;
	char name[NAME_BYTES];
};

_Static_assert(offsetof(struct named_desc, name) == sizeof(struct kvm_stats_desc), "kvm-api 4.133");

/* A file with one of each kind. */
static int make_file(uint64_t first)
{
	struct {
		struct kvm_stats_header header;
		struct named_desc descs[4];
		uint64_t values[7];
	} file = {
		.header = { .name_size = NAME_BYTES, .num_desc = 4 },
		.descs = {
			{ .size = 1, .name = "exits" },
			{ .flags = KVM_STATS_UNIT_SECONDS, .exponent = -9, .size = 1, .offset = 8,
			  .name = "wait_ns" },
			{ .flags = KVM_STATS_TYPE_LINEAR_HIST | KVM_STATS_UNIT_BYTES |
				   KVM_STATS_BASE_POW2,
			  .exponent = 10, .size = 4, .offset = 16, .bucket_size = 3, .name = "hist" },
			{ .flags = KVM_STATS_TYPE_INSTANT | KVM_STATS_UNIT_BOOLEAN, .size = 1,
			  .offset = 48, .name = "guest_mode" },
		},
		.values = { first, 1, 2, 3, 4, UINT64_MAX, 1 },
	};
	int fd = memfd_create("stats", MFD_CLOEXEC);

	file.header.desc_offset = (uint32_t)((char *)file.descs - (char *)&file);
	file.header.data_offset = (uint32_t)((char *)file.values - (char *)&file);
	g_assert_cmpint(write(fd, &file, sizeof(file)), ==, sizeof(file));
	return fd;
}

static void with_cpus(struct control_rig *rig)
{
	control_rig_init(rig);
	control_rig_start(rig);
	for (unsigned int i = 0; i < CONTROL_RIG_CPUS; i++)
		rig->vm->vcpus[i].stats_fd = make_file(10 + i);
}

/* Its file is closed by the machine. */
static void expect(struct control_rig *rig, const char *fmt, const char *json)
{
	json_error_t error;
	json_t *args = json_loads(fmt, 0, &error), *got;

	if (!args)
		g_error("%s: %s", fmt, error.text);
	got = control_rig_run(rig, "query-stats", "O", args);
	expect_json(got, json);
	json_decref(got);
	json_decref(args);
}

static void test_values(void)
{
	struct control_rig rig;

	with_cpus(&rig);
	expect(&rig, "{\"target\": \"vcpu\", \"vcpus\": [\"/machine/cpu/1\", \"/machine/cpu/7\"]}",
	       "[{\"provider\": \"kvm\", \"qom-path\": \"/machine/cpu/1\", \"stats\": ["
	       "{\"name\": \"exits\", \"value\": 11}, {\"name\": \"wait_ns\", \"value\": 1}, "
	       "{\"name\": \"hist\", \"value\": [2, 3, 4, 9223372036854775807]}, "
	       "{\"name\": \"guest_mode\", \"value\": true}]}]");
	expect(&rig,
	       "{\"target\": \"vcpu\", \"providers\": [{\"provider\": \"kvm\", \"names\": "
	       "[\"exits\", \"nothing\"]}]}",
	       "[{\"provider\": \"kvm\", \"qom-path\": \"/machine/cpu/0\", \"stats\": [{\"name\": "
	       "\"exits\", \"value\": 10}]}, {\"provider\": \"kvm\", \"qom-path\": "
	       "\"/machine/cpu/1\", \"stats\": [{\"name\": \"exits\", \"value\": 11}]}]");
	/* Some of one, all of the other. */
	expect(&rig,
	       "{\"target\": \"vcpu\", \"vcpus\": [\"/machine/cpu/9\"], \"providers\": "
	       "[{\"provider\": \"kvm\", \"names\": []}, {\"provider\": \"kvm\"}]}",
	       "[]");
	expect(&rig,
	       "{\"target\": \"vcpu\", \"providers\": [{\"provider\": \"kvm\", \"names\": []}]}",
	       "[]");
	expect(&rig, "{\"target\": \"vcpu\", \"providers\": []}", "[]");
	/* This machine has no file: none is told of. */
	expect(&rig, "{\"target\": \"vm\"}", "[]");
	control_rig_finish(&rig);
}

static void test_mistakes(void)
{
	struct control_rig rig;

	with_cpus(&rig);
	control_rig_refused(&rig, -EINVAL, "'target' does not accept value 'host'", "query-stats",
			    "{s:s}", "target", "host");
	control_rig_refused(&rig, -EINVAL, "'vcpus' is unexpected", "query-stats", "{s:s, s:[]}",
			    "target", "vm", "vcpus");
	control_rig_refused(&rig, -EINVAL, "'vcpus[1]', expected: string", "query-stats",
			    "{s:s, s:[s, i]}", "target", "vcpu", "vcpus", "/machine/cpu/0", 1);
	control_rig_refused(&rig, -EINVAL, "'provider' does not accept value 'x'", "query-stats",
			    "{s:s, s:[{s:s}]}", "target", "vcpu", "providers", "provider", "x");
	control_rig_refused(&rig, -EINVAL, "'provider' does not accept", "query-stats",
			    "{s:s, s:[i]}", "target", "vcpu", "providers", 1);
	control_rig_refused(&rig, -EINVAL, "'other' is unexpected", "query-stats",
			    "{s:s, s:[{s:s, s:i}]}", "target", "vcpu", "providers", "provider",
			    "kvm", "other", 1);
	control_rig_refused(&rig, -EINVAL, "'names', expected: array", "query-stats",
			    "{s:s, s:[{s:s, s:i}]}", "target", "vcpu", "providers", "provider",
			    "kvm", "names", 1);
	control_rig_refused(&rig, -EINVAL, "'names[0]', expected: string", "query-stats",
			    "{s:s, s:[{s:s, s:[n]}]}", "target", "vcpu", "providers", "provider",
			    "kvm", "names");
	control_rig_refused(&rig, -EINVAL, "'provider' does not accept value 'cryptodev'",
			    "query-stats-schemas", "{s:s}", "provider", "cryptodev");
	/* A file that is none. */
	close(rig.vm->vcpus[0].stats_fd);
	rig.vm->vcpus[0].stats_fd = memfd_create("empty", MFD_CLOEXEC);
	control_rig_refused(&rig, -EPROTO, "end in the middle of the header", "query-stats",
			    "{s:s}", "target", "vcpu");
	control_rig_finish(&rig);
}

/* Those of the machine come by an ioctl. */
static void test_schemas(void)
{
	struct control_rig rig;
	const json_t *list;
	json_t *got;

	with_cpus(&rig);
	got = control_rig_run(&rig, "query-stats-schemas", "{s:s}", "provider", "kvm");
	expect_json(got, "[]");
	json_decref(got);
	fake_kvm_reset();
	fake_kvm.stats_fd = make_file(50);
	rig.vm->kvm_fd = rig.vm->vm_fd = FAKE_KVM_FD;
	expect(&rig,
	       "{\"target\": \"vm\", \"providers\": [{\"provider\": \"kvm\", \"names\": [\"exits\"]}]}",
	       "[{\"provider\": \"kvm\", \"stats\": [{\"name\": \"exits\", \"value\": 50}]}]");
	got = control_rig_run(&rig, "query-stats-schemas", NULL);
	rig.vm->kvm_fd = rig.vm->vm_fd = -1;
	close(fake_kvm.stats_fd);
	g_assert_cmpuint(json_array_size(got), ==, 2);
	for (size_t i = 0; i < 2; i++) {
		g_assert_cmpstr(json_string_value(json_object_get(at(got, i), "target")), ==,
				i ? "vcpu" : "vm");
		g_assert_cmpstr(json_string_value(json_object_get(at(got, i), "provider")), ==,
				"kvm");
		list = json_object_get(at(got, i), "stats");
		g_assert_cmpuint(json_array_size(list), ==, 4);
		expect_json(at(list, 0),
			    "{\"name\": \"exits\", \"type\": \"cumulative\", \"exponent\": 0}");
		expect_json(at(list, 1), "{\"name\": \"wait_ns\", \"type\": \"cumulative\", "
					 "\"exponent\": -9, \"base\": 10, \"unit\": \"seconds\"}");
		expect_json(
			at(list, 2),
			"{\"name\": \"hist\", \"type\": \"linear-histogram\", \"exponent\": 10, "
			"\"base\": 2, \"unit\": \"bytes\", \"bucket-size\": 3}");
		expect_json(at(list, 3),
			    "{\"name\": \"guest_mode\", \"type\": \"instant\", \"exponent\": 0, "
			    "\"unit\": \"boolean\"}");
	}
	json_decref(got);
	control_rig_finish(&rig);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/control/stats/exits", test_exits);
	g_test_add_func("/control/stats/devices", test_devices);
	g_test_add_func("/control/stats/values", test_values);
	g_test_add_func("/control/stats/mistakes", test_mistakes);
	g_test_add_func("/control/stats/schemas", test_schemas);
	return g_test_run();
}
