// SPDX-License-Identifier: Apache-2.0
/*
 * What a machine starts from: files, and what goes into guest memory at start and at each reset. Runs on
 * the loop's thread while all vCPUs stand still.
 */
#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <sys/random.h>

#include <iolite/log.h>
#include <iolite/tree.h>

#include "machine.h"

static int open_trees(struct iol_boot *boot, const struct iol_config *config, struct iol_error *err)
{
	int ret = config->dtb ? iol_fdt_load(config->dtb, &boot->dtb, err) : 0;

	if (config->dtb_overlay_count)
		boot->overlays = g_new0(struct iol_fdt_blob, config->dtb_overlay_count);
	for (unsigned int i = 0; i < config->dtb_overlay_count && !ret; i++) {
		ret = iol_fdt_load(config->dtb_overlays[i], &boot->overlays[i], err);
		if (!ret)
			boot->overlay_count++;
	}
	return ret;
}

static int check_raw(const struct iol_config *config, const struct iol_arch *arch,
		     struct iol_error *err)
{
	if (!config->has_kernel_address || arch->takes_raw_kernel)
		return 0;
	return iol_error_set(err, -EINVAL,
			     "kernel address 0x%" PRIx64
			     ": kernels of %s say themselves where they go; leave "
			     "--kernel-address out",
			     config->kernel_address, arch->name);
}

int iol_boot_open(struct iol_boot *boot, const struct iol_config *config,
		  const struct iol_arch *arch, struct iol_error *err)
{
	int ret = 0;

	boot->kernel.fd = boot->initrd.fd = -1;
	boot->cmdline = config->cmdline;
	boot->virtio_mmio_slots = iol_machine_mmio_slots(config);
	boot->kernel_is_raw = config->has_kernel_address;
	boot->kernel_gpa = config->kernel_address;
	if (config->kernel)
		ret = iol_image_open(&boot->kernel, config->kernel, err);
	if (ret)
		return iol_error_prefix(err, "kernel");
	ret = check_raw(config, arch, err);
	if (ret)
		return ret;
	if (config->initrd)
		ret = iol_image_open(&boot->initrd, config->initrd, err);
	return ret ? iol_error_prefix(err, "initrd") : open_trees(boot, config, err);
}

void iol_boot_close(struct iol_boot *boot)
{
	iol_image_close(&boot->kernel);
	iol_image_close(&boot->initrd);
	iol_fdt_blob_finish(&boot->dtb);
	while (boot->overlay_count)
		iol_fdt_blob_finish(&boot->overlays[--boot->overlay_count]);
	g_free(boot->overlays);
	boot->overlays = NULL;
}

/* A user who asked for something in the tree must hear that there is none. */
static void tell_no_tree(const struct iol_config *config)
{
	if (config->dtb || config->dtb_overlay_count || config->tree_edit_count)
		iol_log(IOL_LOG_WARN,
			"this kernel gets no device tree, as it is entered by PVH: what was asked of the "
			"tree is not done; give the bzImage (vmlinuz) of it");
}

static int load_tree(struct iol_vm *vm, struct iol_error *err)
{
	uint8_t seed[IOL_TREE_SEED_BYTES];
	const struct iol_tree_source source = {
		.config = vm->config,
		.arch = vm->arch,
		.layout = &vm->layout,
		.boot = &vm->boot,
		.placement = &vm->placement,
		/* Without entropy yet (a host that has just come up): better no seed than a known one. */
		.seed = getrandom(seed, sizeof(seed), GRND_NONBLOCK) == sizeof(seed) ? seed : NULL,
		.reset_cause = iol_reset_cause_name(vm->lifecycle.reset_cause),
	};
	struct iol_fdt_blob tree;
	int ret = iol_tree_build(&source, &tree, err);

	if (ret)
		return ret;
	ret = vm->arch->place_tree(&vm->layout, &vm->memory, &vm->placement, &tree, &vm->entry,
				   err);
	iol_fdt_blob_finish(&tree);
	return ret;
}

int iol_machine_load(struct iol_vm *vm, struct iol_error *err)
{
	int ret = vm->arch->load(&vm->layout, &vm->memory, &vm->boot, &vm->entry, &vm->placement,
				 err);

	if (ret)
		return ret;
	if (vm->placement.no_tree) {
		tell_no_tree(vm->config);
		return 0;
	}
	return load_tree(vm, err);
}
