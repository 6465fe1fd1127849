// SPDX-License-Identifier: Apache-2.0
/*
 * Commands of the control socket that change devices: the size of a disk, the cable of a network card. See
 * control_internal.h. Runs on the loop's thread.
 */
#include "control_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <iolite/virtio_blk.h>

enum { NAME_CHARS_MAX = 40 }; /* of a name that is repeated to its sender */

static int refuse_id(const char *id, const char *kind, const GString *all, struct iol_error *err)
{
	g_autofree char *cut = g_utf8_substring(id, 0, MIN(g_utf8_strlen(id, -1), NAME_CHARS_MAX));

	if (!all->len)
		return iol_error_set(err, -ENODEV, "Device '%s' not found: there is no %s", cut,
				     kind);
	return iol_error_set(err, -ENODEV, "Device '%s' not found: of %ss there are%s", cut, kind,
			     all->str);
}

int iol_vm_control_disk(const struct iol_vm *vm, const char *id, struct iol_error *err)
{
	g_autoptr(GString) all = g_string_new(NULL);

	for (unsigned int i = 0; i < vm->config->disk_count; i++) {
		if (!strcmp(vm->config->disks[i].id, id))
			return (int)i;
		g_string_append_printf(all, "%s %s", i ? "," : "", vm->config->disks[i].id);
	}
	return refuse_id(id, "disk", all, err);
}

int iol_vm_control_card(const struct iol_vm *vm, const char *id, struct iol_error *err)
{
	g_autoptr(GString) all = g_string_new(NULL);

	for (unsigned int i = 0; i < vm->config->net_count; i++) {
		if (!strcmp(vm->config->nets[i].id, id))
			return (int)i;
		g_string_append_printf(all, "%s %s", i ? "," : "", vm->config->nets[i].id);
	}
	return refuse_id(id, "network card", all, err);
}

/* ---- The size of a disk ---- */

static int check_size(const struct iol_block *blk, json_int_t size, struct iol_error *err)
{
	if (size <= 0 || size % IOL_BLOCK_SECTOR_BYTES)
		return iol_error_set(err, -EINVAL,
				     "Parameter 'size' expects a multiple of %d bytes",
				     IOL_BLOCK_SECTOR_BYTES);
	if ((uint64_t)size < blk->limits.size_bytes)
		return iol_error_set(err, -EINVAL,
				     "%s has %" PRIu64 " bytes: iolite shrinks no disk, for what "
				     "the guest has there would be lost",
				     blk->name, blk->limits.size_bytes);
	return 0;
}

static int grow(struct iol_block *blk, uint64_t size_bytes, struct iol_error *err)
{
	int ret = iol_block_grow(blk, size_bytes);

	if (ret == -EROFS)
		return iol_error_set(err, ret, "%s is read-only", blk->name);
	if (ret == -ENOTSUP)
		return iol_error_set(err, ret,
				     "%s is a block device: make it larger on the host first",
				     blk->name);
	return ret ? iol_error_errno(err, ret, "cannot make %s larger", blk->name) : 0;
}

/* The file grows where it is too small; the guest is told of what it is then. */
static int run_block_resize(void *machine, const json_t *args, json_t **result,
			    struct iol_error *err)
{
	struct iol_vm *vm = machine;
	const json_t *device = json_object_get(args, "device");
	const json_t *node = json_object_get(args, "node-name");
	json_int_t size = json_integer_value(json_object_get(args, "size"));
	struct iol_virtio *v;
	struct iol_block *blk;
	int idx, ret;

	(void)result;
	if (!device == !node)
		return iol_error_set(err, -EINVAL, "give one of 'device' and 'node-name'");
	idx = iol_vm_control_disk(vm, json_string_value(device ? device : node), err);
	if (idx < 0)
		return idx;
	v = vm->disks[idx].virtio;
	blk = iol_virtio_blk_backend(v);
	iol_virtio_blk_refresh(v); /* what its owner did before */
	ret = check_size(blk, size, err);
	if (ret || (uint64_t)size == blk->limits.size_bytes)
		return ret;
	ret = grow(blk, (uint64_t)size, err);
	if (!ret)
		iol_virtio_blk_refresh(v);
	return ret;
}

static const struct iol_control_arg resize_args[] = {
	{ .name = "device", .type = IOL_CONTROL_STR, .optional = true },
	{ .name = "node-name", .type = IOL_CONTROL_STR, .optional = true },
	{ .name = "size", .type = IOL_CONTROL_INT },
	{ .name = NULL },
};

/* ---- The cable of a network card ---- */

static int run_set_link(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	struct iol_vm *vm = machine;
	const char *name = json_string_value(json_object_get(args, "name"));
	int idx = iol_vm_control_card(vm, name, err);

	(void)result;
	if (idx < 0)
		return idx;
	iol_net_plug(vm->cards[idx].net, json_is_true(json_object_get(args, "up")));
	return 0;
}

static const struct iol_control_arg link_args[] = {
	{ .name = "name", .type = IOL_CONTROL_STR },
	{ .name = "up", .type = IOL_CONTROL_BOOL },
	{ .name = NULL },
};

const struct iol_control_command iol_vm_control_device_commands[] = {
	{ .name = "block_resize", .args = resize_args, .run = run_block_resize },
	{ .name = "set_link", .args = link_args, .run = run_set_link },
	{ .name = NULL },
};
