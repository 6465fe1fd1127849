// SPDX-License-Identifier: Apache-2.0
/* Questions of the control socket, on a machine without KVM. */
#include "control_rig.h"

#include <string.h>
#include <unistd.h>

#include <iolite/virtio_blk.h>

static void load(struct control_rig *rig, const char *json)
{
	struct iol_error err;

	control_rig_init(rig);
	if (iol_config_load_text(&rig->config, json, strlen(json), "web1.json", NULL, &err))
		g_error("%s", err.msg);
	rig->config.cpus = CONTROL_RIG_CPUS;
	rig->config.memory_bytes = CONTROL_RIG_RAM;
	iol_config_complete(&rig->config);
	control_rig_start(rig);
}

/* The answer to @question is @json. */
static void expect(struct control_rig *rig, const char *question, const char *json)
{
	json_t *got = control_rig_run(rig, question, NULL);
	json_t *wanted = json_loads(json, 0, NULL);
	g_autofree char *text = json_dumps(got, JSON_INDENT(1) | JSON_SORT_KEYS);

	g_assert_nonnull(wanted);
	if (!json_equal(got, wanted))
		g_error("%s is answered with %s, not %s", question, text, json);
	json_decref(got);
	json_decref(wanted);
}

static void expect_status(struct control_rig *rig, const char *status)
{
	g_autofree char *json =
		g_strdup_printf("{\"status\": \"%s\", \"running\": %s, \"singlestep\": false}",
				status, strcmp(status, "running") ? "false" : "true");

	expect(rig, "query-status", json);
}

static void test_status(void)
{
	struct control_rig rig;
	struct iol_lifecycle *lc;

	load(&rig, "{}");
	lc = &rig.vm->lifecycle;
	expect_status(&rig, "running");
	lc->state = IOL_STATE_PAUSED;
	expect_status(&rig, "paused");
	lc->pause = IOL_PAUSE_WATCHDOG;
	expect_status(&rig, "watchdog");
	lc->pause = IOL_PAUSE_PANIC;
	expect_status(&rig, "guest-panicked");
	lc->has_run = false;
	expect_status(&rig, "prelaunch");
	lc->state = IOL_STATE_CREATED;
	expect_status(&rig, "prelaunch");
	lc->state = IOL_STATE_STOPPED;
	lc->cause = IOL_CAUSE_POWEROFF;
	expect_status(&rig, "shutdown");
	lc->cause = IOL_CAUSE_HOST;
	expect_status(&rig, "internal-error");
	control_rig_finish(&rig);
}

static void test_machine(void)
{
	struct control_rig rig;

	load(&rig, "{\"name\": \"web1\", \"control\": \"none\"}");
	expect(&rig, "query-name", "{\"name\": \"web1\"}");
	expect(&rig, "query-kvm", "{\"enabled\": true, \"present\": true}");
	expect(&rig, "query-iothreads", "[]");
	expect(&rig, "query-memory-size-summary",
	       "{\"base-memory\": 1048576, \"plugged-memory\": 0}");
	atomic_store(&rig.vm->vcpus[1].tid, 77);
	expect(&rig, "query-cpus-fast",
	       "[{\"cpu-index\": 0, \"qom-path\": \"/machine/cpu/0\", \"thread-id\": 0, \"target\": "
	       "\"ppc\", \"props\": {\"socket-id\": 0, \"core-id\": 0, \"thread-id\": 0}},"
	       "{\"cpu-index\": 1, \"qom-path\": \"/machine/cpu/1\", \"thread-id\": 77, \"target\": "
	       "\"ppc\", \"props\": {\"socket-id\": 0, \"core-id\": 1, \"thread-id\": 0}}]");
	control_rig_finish(&rig);
	load(&rig, "{}");
	expect(&rig, "query-name", "{}");
	expect(&rig, "query-block", "[]");
	expect(&rig, "query-blockstats", "[]");
	expect(&rig, "query-chardev", "[]");
	expect(&rig, "query-pci", "[]");
	control_rig_finish(&rig);
}

/* A path that is no text still has an answer. */
static void test_disks(void)
{
	struct control_rig rig;
	struct iol_error err;
	struct iol_block blk = { .limits = { .size_bytes = 4096, .read_only = true } };

	control_rig_init(&rig);
	g_assert_cmpint(iol_config_add_disk(&rig.config,
					    "/tmp/d\xff,id=root,ro,bps=1M,iops=100,cache=unsafe,"
					    "direct",
					    &err),
			==, 0);
	control_rig_start(&rig);
	rig.vm->disks[0].block = &blk;
	expect(&rig, "query-block",
	       "[{\"device\": \"root\", \"qdev\": \"root\", \"type\": \"unknown\", \"removable\": "
	       "false, \"locked\": false, \"inserted\": {\"file\": \"/tmp/d\xef\xbf\xbd\", "
	       "\"node-name\": \"root\", \"ro\": true, \"drv\": \"raw\", \"backing_file_depth\": 0, "
	       "\"encrypted\": false, \"detect_zeroes\": \"off\", \"bps\": 1048576, \"bps_rd\": 0, "
	       "\"bps_wr\": 0, \"iops\": 100, \"iops_rd\": 0, \"iops_wr\": 0, \"write_threshold\": "
	       "0, \"image\": {\"filename\": \"/tmp/d\xef\xbf\xbd\", \"format\": \"raw\", "
	       "\"dirty-flag\": false, \"virtual-size\": 4096}, \"cache\": {\"writeback\": true, "
	       "\"direct\": true, \"no-flush\": true}}}]");
	rig.vm->disks[0].block = NULL;
	expect(&rig, "query-blockstats",
	       "[{\"device\": \"root\", \"qdev\": \"root\", \"node-name\": \"root\", \"stats\": {"
	       "\"rd_bytes\": 0, \"wr_bytes\": 0, \"unmap_bytes\": 0, \"rd_operations\": 0, "
	       "\"wr_operations\": 0, \"flush_operations\": 0, \"unmap_operations\": 0, "
	       "\"rd_total_time_ns\": 0, \"wr_total_time_ns\": 0, \"flush_total_time_ns\": 0, "
	       "\"unmap_total_time_ns\": 0, \"wr_highest_offset\": 0, \"rd_merged\": 0, "
	       "\"wr_merged\": 0, \"unmap_merged\": 0, \"failed_rd_operations\": 0, "
	       "\"failed_wr_operations\": 0, \"failed_flush_operations\": 0, "
	       "\"failed_unmap_operations\": 0, \"invalid_rd_operations\": 0, "
	       "\"invalid_wr_operations\": 0, \"invalid_flush_operations\": 0, "
	       "\"invalid_unmap_operations\": 0, \"account_invalid\": true, \"account_failed\": true, "
	       "\"timed_stats\": []}}]");
	control_rig_finish(&rig);
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "(none)";
}

static void test_info(void)
{
	static const char *const keys[] = {
		"version",        "pid",    "name", "config",  "status",   "arch",        "machine",
		"uptime-seconds", "resets", "cpus", "memory",  "boot",     "disks",       "nets",
		"lines",          "rng",    "gdb",  "control", "watchdog", "reset-cause",
	};
	struct control_rig rig;
	json_t *info;

	load(&rig, "{\"name\": \"web1\", \"control\": \"/run/x.sock\", \"boot\": {\"kernel\": "
		   "\"/boot/k\"}, \"nets\": [{\"kind\": \"none\", \"mac\": "
		   "\"52:54:00:00:00:01\"}], \"disks\": [{\"path\": \"/dev/zero\"}]}");
	atomic_store(&rig.vm->vcpus[0].tid, (int)getpid());
	info = control_rig_run(&rig, "x-iolite-info", NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
		if (!json_object_get(info, keys[i]))
			g_error("no %s", keys[i]);
	g_assert_cmpuint(json_object_size(info), ==, G_N_ELEMENTS(keys));
	g_assert_cmpstr(text_of(info, "name"), ==, "web1");
	g_assert_cmpstr(text_of(info, "status"), ==, "running");
	g_assert_cmpstr(text_of(info, "control"), ==, "/run/x.sock");
	g_assert_true(json_is_null(json_object_get(info, "gdb")));
	g_assert_true(json_is_null(json_object_get(info, "watchdog")));
	g_assert_true(json_is_null(json_object_get(info, "reset-cause")));
	g_assert_cmpstr(text_of(json_object_get(info, "boot"), "kernel"), ==, "/boot/k");
	g_assert_cmpstr(text_of(json_array_get(json_object_get(info, "nets"), 0), "mac"), ==,
			"52:54:00:00:00:01");
	g_assert_cmpstr(text_of(json_array_get(json_object_get(info, "disks"), 0), "id"), ==,
			"disk0");
	g_assert_cmpstr(text_of(json_array_get(json_object_get(info, "cpus"), 0), "affinity"), !=,
			"(none)");
	g_assert_true(json_is_null(
		json_object_get(json_array_get(json_object_get(info, "cpus"), 1), "affinity")));
	json_decref(info);
	control_rig_finish(&rig);
}

static void test_lines(void)
{
	struct control_rig rig;
	struct iol_error err;
	g_autofree char *socket = NULL, *answer = NULL;

	control_rig_init(&rig);
	socket = g_strdup_printf("unix:%s/line", rig.folder);
	g_assert_cmpint(iol_config_set_serial(&rig.config, socket, &err), ==, 0);
	g_assert_cmpint(iol_config_add_serial(&rig.config, "null", &err), ==, 0);
	g_assert_cmpint(iol_config_set_console(&rig.config, "pty", &err), ==, 0);
	control_rig_start(&rig);
	for (unsigned int i = 0; i < 2; i++)
		g_assert_cmpint(iol_char_new(&rig.vm->loop, &rig.vm->lifecycle.sink,
					     &rig.config.serials[i], "line", &rig.vm->serials[i],
					     &err),
				==, 0);
	g_assert_cmpint(iol_char_new(&rig.vm->loop, &rig.vm->lifecycle.sink, &rig.config.console,
				     "console", &rig.vm->console, &err),
			==, 0);
	answer = g_strdup_printf(
		"[{\"label\": \"serial0\", \"filename\": \"disconnected:%s,server=on\", "
		"\"frontend-open\": true}, {\"label\": \"serial1\", \"filename\": \"null\", "
		"\"frontend-open\": true}, {\"label\": \"console0\", \"filename\": \"pty:%s\", "
		"\"frontend-open\": true}]",
		socket, iol_char_pty_where(rig.vm->console));
	expect(&rig, "query-chardev", answer);
	control_rig_finish(&rig);
}

/* Every question has an answer in every state, and names no event that there is not. */
static void test_all(void)
{
	const struct iol_control_command *const tables[] = {
		iol_vm_control_query_commands,
		iol_vm_control_info_commands,
	};
	struct control_rig rig;

	load(&rig, "{}");
	for (int state = IOL_STATE_CREATED; state <= IOL_STATE_STOPPED; state++) {
		rig.vm->lifecycle.state = (enum iol_state)state;
		for (size_t i = 0; i < G_N_ELEMENTS(tables); i++) {
			for (const struct iol_control_command *c = tables[i]; c->name; c++) {
				json_t *result = control_rig_run(&rig, c->name, NULL);
				g_autofree char *text = json_dumps(result, 0);

				if (!text)
					g_error("%s has no answer", c->name);
				json_decref(result);
			}
		}
	}
	rig.vm->lifecycle.state = IOL_STATE_RUNNING;
	control_rig_expect_none(&rig);
	control_rig_finish(&rig);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/control/query/status", test_status);
	g_test_add_func("/control/query/machine", test_machine);
	g_test_add_func("/control/query/disks", test_disks);
	g_test_add_func("/control/query/info", test_info);
	g_test_add_func("/control/query/lines", test_lines);
	g_test_add_func("/control/query/all", test_all);
	return g_test_run();
}
