// SPDX-License-Identifier: Apache-2.0
/*
 * Questions of the control socket, answered with the names and types that QMP's clients know. See control_internal.h. Runs on the
 * loop's thread.
 *
 * What QMP asks for and this machine has nothing of is there with the value that means so.
 */
#include "control_internal.h"

#include <string.h>

#include <iolite/virtio_blk.h>

#include "debug.h"
#include "machine.h"

json_t *iol_vm_control_text(const char *text)
{
	g_autofree char *valid = text ? g_utf8_make_valid(text, -1) : NULL;

	return valid ? json_string(valid) : json_null();
}

const char *iol_vm_control_status(const struct iol_vm *vm)
{
	static const char *const pauses[] = {
		[IOL_PAUSE_ASKED] = "paused",
		[IOL_PAUSE_WATCHDOG] = "watchdog",
		[IOL_PAUSE_PANIC] = "guest-panicked",
	};
	const struct iol_lifecycle *lc = &vm->lifecycle;

	switch (lc->state) {
	case IOL_STATE_RUNNING:
		return "running";
	case IOL_STATE_RESETTING:
		return lc->paused_before ? "paused" : "running";
	case IOL_STATE_CREATED:
		return "prelaunch";
	case IOL_STATE_PAUSED:
		if (!lc->has_run)
			return "prelaunch";
		return iol_debug_holds(vm) ? "debug" : pauses[lc->pause];
	case IOL_STATE_STOPPED:
		break;
	}
	return lc->cause == IOL_CAUSE_HOST || lc->cause == IOL_CAUSE_EMULATION_FAILED
		       ? "internal-error"
		       : "shutdown";
}

/* ---- The machine ---- */

static int query_status(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	const char *status = iol_vm_control_status(machine);

	(void)args;
	(void)err;
	*result = json_pack("{s:s, s:b, s:b}", "status", status, "running",
			    !strcmp(status, "running"), "singlestep", 0);
	return 0;
}

static int query_name(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	const struct iol_vm *vm = machine;

	(void)args;
	(void)err;
	*result = json_object();
	if (vm->config->name)
		json_object_set_new(*result, "name", iol_vm_control_text(vm->config->name));
	return 0;
}

static int query_kvm(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	(void)machine;
	(void)args;
	(void)err;
	*result = json_pack("{s:b, s:b}", "enabled", 1, "present", 1);
	return 0;
}

static int query_memory(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	const struct iol_vm *vm = machine;

	(void)args;
	(void)err;
	*result = json_pack("{s:I, s:I}", "base-memory", (json_int_t)vm->config->memory_bytes,
			    "plugged-memory", (json_int_t)0);
	return 0;
}

/* The loop's thread serves all devices. */
static int query_iothreads(void *machine, const json_t *args, json_t **result,
			   struct iol_error *err)
{
	(void)machine;
	(void)args;
	(void)err;
	*result = json_array();
	return 0;
}

/* QMP's name of the architecture. */
static const char *target_of(const struct iol_vm *vm)
{
	return !strcmp(vm->arch->name, "powerpc") ? "ppc" : vm->arch->name;
}

static int query_cpus(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	struct iol_vm *vm = machine;

	(void)args;
	(void)err;
	*result = json_array();
	for (unsigned int i = 0; i < vm->vcpu_count; i++) {
		g_autofree char *path = g_strdup_printf("/machine/cpu/%u", i);

		json_array_append_new(*result,
				      json_pack("{s:i, s:s, s:i, s:s, s:{s:i, s:i, s:i}}",
						"cpu-index", (int)i, "qom-path", path, "thread-id",
						atomic_load(&vm->vcpus[i].tid), "target",
						target_of(vm), "props", "socket-id", 0, "core-id",
						(int)i, "thread-id", 0));
	}
	return 0;
}

/* ---- Disks ---- */

static json_t *describe_medium(const struct iol_vm *vm, unsigned int idx,
			       const struct iol_block *blk)
{
	const struct iol_disk_config *disk = &vm->config->disks[idx];
	json_t *image = json_pack("{s:o, s:s, s:b, s:I}", "filename",
				  iol_vm_control_text(disk->path), "format", "raw", "dirty-flag", 0,
				  "virtual-size", (json_int_t)blk->limits.size_bytes);

	return json_pack("{s:o, s:s, s:b, s:s, s:i, s:b, s:s, s:I, s:i, s:i, s:I, s:i, s:i, s:o, "
			 "s:{s:b, s:b, s:b}, s:i}",
			 "file", iol_vm_control_text(disk->path), "node-name", disk->id, "ro",
			 (int)blk->limits.read_only, "drv", "raw", "backing_file_depth", 0,
			 "encrypted", 0, "detect_zeroes", "off", "bps",
			 (json_int_t)disk->bytes_per_s, "bps_rd", 0, "bps_wr", 0, "iops",
			 (json_int_t)disk->requests_per_s, "iops_rd", 0, "iops_wr", 0, "image",
			 image, "cache", "writeback", (int)(disk->cache != IOL_BLOCK_WRITETHROUGH),
			 "direct", (int)disk->direct, "no-flush",
			 (int)(disk->cache == IOL_BLOCK_UNSAFE), "write_threshold", 0);
}

static int query_block(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	struct iol_vm *vm = machine;

	(void)args;
	(void)err;
	*result = json_array();
	for (unsigned int i = 0; i < vm->config->disk_count; i++) {
		const struct iol_block *blk = iol_disk_backend(vm, i);
		const char *id = vm->config->disks[i].id;

		json_array_append_new(
			*result, json_pack("{s:s, s:s, s:s, s:b, s:b, s:o*}", "device", id, "qdev",
					   id, "type", "unknown", "removable", 0, "locked", 0,
					   "inserted", blk ? describe_medium(vm, i, blk) : NULL));
	}
	return 0;
}

static void put(json_t *stats, const char *prefix, const char *suffix, uint64_t value)
{
	g_autofree char *name = g_strconcat(prefix, suffix, NULL);

	json_object_set_new(stats, name, json_integer((json_int_t)value));
}

/* The four kinds that QMP knows: zeroes are written, too. */
static void put_kind(json_t *stats, const char *prefix, const struct iol_virtio_blk_count *a,
		     const struct iol_virtio_blk_count *b)
{
	g_autofree char *failed = g_strconcat("failed_", prefix, NULL);
	g_autofree char *invalid = g_strconcat("invalid_", prefix, NULL);

	put(stats, prefix, "_operations", a->done + (b ? b->done : 0));
	put(stats, prefix, "_total_time_ns", a->time_ns + (b ? b->time_ns : 0));
	put(stats, failed, "_operations", a->failed + (b ? b->failed : 0));
	put(stats, invalid, "_operations", a->invalid + (b ? b->invalid : 0));
	if (strcmp(prefix, "flush") != 0) {
		put(stats, prefix, "_bytes", a->bytes + (b ? b->bytes : 0));
		put(stats, prefix, "_merged", 0);
	}
}

static json_t *describe_counts(struct iol_virtio *v)
{
	struct iol_virtio_blk_counts counts = { 0 };
	const struct iol_virtio_blk_count *kinds = counts.kinds;
	json_t *stats = json_object();

	if (v)
		iol_virtio_blk_counts(v, &counts);
	put_kind(stats, "rd", &kinds[IOL_BLOCK_READ], NULL);
	put_kind(stats, "wr", &kinds[IOL_BLOCK_WRITE], &kinds[IOL_BLOCK_WRITE_ZEROES]);
	put_kind(stats, "flush", &kinds[IOL_BLOCK_FLUSH], NULL);
	put_kind(stats, "unmap", &kinds[IOL_BLOCK_DISCARD], NULL);
	put(stats, "wr_highest_offset", "", counts.written_end);
	json_object_set_new(stats, "account_invalid", json_true());
	json_object_set_new(stats, "account_failed", json_true());
	json_object_set_new(stats, "timed_stats", json_array());
	return stats;
}

static int query_blockstats(void *machine, const json_t *args, json_t **result,
			    struct iol_error *err)
{
	struct iol_vm *vm = machine;

	(void)args;
	(void)err;
	*result = json_array();
	for (unsigned int i = 0; i < vm->config->disk_count; i++) {
		const char *id = vm->config->disks[i].id;

		json_array_append_new(*result, json_pack("{s:s, s:s, s:s, s:o}", "device", id,
							 "qdev", id, "node-name", id, "stats",
							 describe_counts(vm->disks[i].virtio)));
	}
	return 0;
}

static const struct iol_control_arg blockstats_args[] = {
	{ .name = "query-nodes", .type = IOL_CONTROL_BOOL, .optional = true },
	{ .name = NULL },
};

/* ---- Lines ---- */

static int query_chardev(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	(void)args;
	(void)err;
	*result = iol_vm_control_lines(machine);
	return 0;
}

const struct iol_control_command iol_vm_control_query_commands[] = {
	{ .name = "query-status", .run = query_status },
	{ .name = "query-name", .run = query_name },
	{ .name = "query-kvm", .run = query_kvm },
	{ .name = "query-cpus-fast", .run = query_cpus },
	{ .name = "query-memory-size-summary", .run = query_memory },
	{ .name = "query-block", .run = query_block },
	{ .name = "query-blockstats", .args = blockstats_args, .run = query_blockstats },
	{ .name = "query-chardev", .run = query_chardev },
	{ .name = "query-pci", .run = iol_vm_control_query_pci },
	{ .name = "query-iothreads", .run = query_iothreads },
	{ .name = NULL },
};
