// SPDX-License-Identifier: Apache-2.0
/*
 * The machine's device tree, put together. See include/iolite/tree.h. Pure but for iol_tree_make(), which opens
 * files; on the loop's thread, or without any machine.
 */
#include <iolite/tree.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <iolite/endian.h>
#include <iolite/fsl_gpio.h>
#include <iolite/fsl_guts.h>
#include <iolite/pl031.h>
#include <iolite/pl061.h>
#include <iolite/power_key.h>
#include <iolite/pvpanic.h>
#include <iolite/rtc.h>
#include <iolite/uart.h>
#include <iolite/virtio_mmio.h>

#include "machine.h"

static void describe_gpio(struct iol_fdt *fdt, const struct iol_fdt_place *place)
{
	iol_pl061_describe(fdt, place);
	iol_power_key_describe(fdt, IOL_PL061_LABEL);
}

static void describe_fsl_power(struct iol_fdt *fdt, const struct iol_fdt_place *place)
{
	(void)place; /* it has none */
	iol_fsl_gpio_describe_power_off(fdt);
	iol_power_key_describe(fdt, IOL_FSL_GPIO_LABEL);
}

/* Who describes a kind of device. NULL: the architecture, or nobody. */
static void (*const describers[IOL_LAYOUT_KIND_COUNT])(struct iol_fdt *fdt,
						       const struct iol_fdt_place *place) = {
	[IOL_LAYOUT_UART] = iol_uart_describe,
	[IOL_LAYOUT_RTC] = iol_rtc_describe,
	[IOL_LAYOUT_PL031] = iol_pl031_describe,
	[IOL_LAYOUT_PL061] = describe_gpio,
	[IOL_LAYOUT_FSL_GUTS] = iol_fsl_guts_describe,
	[IOL_LAYOUT_FSL_GPIO] = iol_fsl_gpio_describe,
	[IOL_LAYOUT_FSL_POWER] = describe_fsl_power,
	[IOL_LAYOUT_PVPANIC] = iol_pvpanic_describe,
};

static void describe_device(const struct iol_describe *d, struct iol_fdt *fdt,
			    const struct iol_layout_device *dev,
			    void (*describe)(struct iol_fdt *, const struct iol_fdt_place *))
{
	struct iol_fdt_place place = { .nth = dev->nth };

	d->arch->place(d->layout, dev, &place);
	describe(fdt, &place);
}

/* Each slot with a device, as a device of its own. */
static void describe_slots(const struct iol_describe *d, struct iol_fdt *fdt,
			   const struct iol_layout_device *all)
{
	for (unsigned int slot = 0; slot < IOL_LAYOUT_SLOTS; slot++) {
		struct iol_layout_device dev = *all;

		if (!(d->virtio_mmio_slots >> slot & 1))
			continue;
		dev.base += (uint64_t)slot * IOL_LAYOUT_SLOT_BYTES;
		dev.size_bytes = IOL_VIRTIO_MMIO_BYTES;
		dev.gsi = d->layout->slot_gsi + slot % d->layout->slot_gsi_count;
		dev.level = true;
		describe_device(d, fdt, &dev, iol_virtio_mmio_describe);
	}
}

static void describe_devices(const struct iol_describe *d, struct iol_fdt *fdt, unsigned int bus)
{
	for (unsigned int i = 0; i < d->layout->device_count; i++) {
		const struct iol_layout_device *dev = &d->layout->devices[i];

		if (dev->bus != bus)
			continue;
		if (dev->kind == IOL_LAYOUT_VIRTIO_MMIO)
			describe_slots(d, fdt, dev);
		else if (describers[dev->kind])
			describe_device(d, fdt, dev, describers[dev->kind]);
	}
}

static void describe_memory(const struct iol_layout *layout, struct iol_fdt *fdt)
{
	struct iol_fdt_range ranges[IOL_MEMORY_REGIONS_MAX];

	for (unsigned int i = 0; i < layout->ram_count; i++)
		ranges[i] = (struct iol_fdt_range){ layout->ram[i].gpa, layout->ram[i].size_bytes };
	iol_fdt_begin(fdt, "memory@%llx", (unsigned long long)layout->ram[0].gpa);
	iol_fdt_string(fdt, "device_type", "memory");
	iol_fdt_reg(fdt, ranges, layout->ram_count);
	iol_fdt_end(fdt);
}

enum { KASLR_SEED_BYTES = 8 };

/* What of /chosen depends on this start, as it stands in a tree; in a user's as in a generated one. */
struct chosen {
	be64 initrd_start, initrd_end;
	unsigned int count;
	struct {
		const char *name;
		const void *bytes;
		size_t len;
	} props[6];
};

static void add(struct chosen *c, const char *name, const void *bytes, size_t len)
{
	assert(c->count < IOL_ARRAY_LEN(c->props));
	c->props[c->count].name = name;
	c->props[c->count].bytes = bytes;
	c->props[c->count++].len = len;
}

/* DTSpec-0.4 3.6; linux,initrd-* and the seeds are those of the Linux kernel's chosen binding; iolite,reset-cause is ours. */
static void choose(const struct iol_tree_source *s, struct chosen *c)
{
	const struct iol_placement *place = s->placement;

	c->count = 0;
	c->initrd_start = be64_of(place->initrd_start);
	c->initrd_end = be64_of(place->initrd_end);
	if (s->boot->cmdline)
		add(c, "bootargs", s->boot->cmdline, strlen(s->boot->cmdline) + 1);
	if (place->initrd_end > place->initrd_start) {
		add(c, "linux,initrd-start", &c->initrd_start, sizeof(c->initrd_start));
		add(c, "linux,initrd-end", &c->initrd_end, sizeof(c->initrd_end));
	}
	if (s->seed && s->arch->seeds_in_tree) {
		add(c, "kaslr-seed", s->seed, KASLR_SEED_BYTES);
		add(c, "rng-seed", s->seed + KASLR_SEED_BYTES,
		    IOL_TREE_SEED_BYTES - KASLR_SEED_BYTES);
	}
	if (s->reset_cause)
		add(c, "iolite,reset-cause", s->reset_cause, strlen(s->reset_cause) + 1);
}

static void describe_chosen(const struct iol_tree_source *s, struct iol_fdt *fdt)
{
	struct chosen c;

	choose(s, &c);
	iol_fdt_begin(fdt, "chosen");
	for (unsigned int i = 0; i < c.count; i++)
		iol_fdt_bytes(fdt, c.props[i].name, c.props[i].bytes, c.props[i].len);
	if (iol_fdt_path_of(fdt, "serial0"))
		iol_fdt_string(fdt, "stdout-path", "serial0:115200n8");
	iol_fdt_end(fdt);
}

/* DTSpec-0.4 3.3, by the labels of those that have one. Linux numbers PCI hosts by it on some architectures. */
static void describe_aliases(struct iol_fdt *fdt)
{
	static const char *const names[] = { "serial0", "serial1", "serial2", "serial3", "pci0" };

	iol_fdt_begin(fdt, "aliases");
	for (size_t i = 0; i < IOL_ARRAY_LEN(names); i++) {
		const char *path = iol_fdt_path_of(fdt, names[i]);

		if (path)
			iol_fdt_string(fdt, names[i], path);
	}
	iol_fdt_end(fdt);
}

static int generate(const struct iol_tree_source *s, struct iol_fdt_blob *blob,
		    struct iol_error *err)
{
	const struct iol_describe d = {
		.layout = s->layout,
		.virtio_mmio_slots = s->boot->virtio_mmio_slots,
		.devices = describe_devices,
		.arch = s->arch,
	};
	struct iol_fdt *fdt = iol_fdt_new();
	int ret;

	iol_fdt_symbols(fdt);
	iol_fdt_begin(fdt, "/");
	s->arch->describe(&d, fdt);
	describe_memory(s->layout, fdt);
	describe_chosen(s, fdt);
	describe_aliases(fdt);
	iol_fdt_end(fdt);
	ret = iol_fdt_finish(fdt, blob, err);
	iol_fdt_free(fdt);
	return ret;
}

/* A user's tree is used as it is but for what only this start knows. */
static int adopt(const struct iol_tree_source *s, struct iol_fdt_blob *blob, struct iol_error *err)
{
	struct chosen c;
	int ret = iol_fdt_from_bytes(s->boot->dtb.data, s->boot->dtb.bytes, s->config->dtb, blob,
				     err);

	choose(s, &c);
	for (unsigned int i = 0; i < c.count && !ret; i++)
		ret = iol_fdt_set(blob, "/chosen", c.props[i].name, c.props[i].bytes,
				  c.props[i].len, err);
	return ret;
}

int iol_tree_build(const struct iol_tree_source *s, struct iol_fdt_blob *blob,
		   struct iol_error *err)
{
	const struct iol_config *config = s->config;
	int ret;

	*blob = (struct iol_fdt_blob){ NULL, 0 };
	ret = s->boot->dtb.data ? adopt(s, blob, err) : generate(s, blob, err);
	for (unsigned int i = 0; i < s->boot->overlay_count && !ret; i++)
		ret = iol_fdt_apply_overlay(blob, &s->boot->overlays[i], config->dtb_overlays[i],
					    err);
	if (!ret && config->tree_edit_count)
		ret = iol_fdt_apply_edits(blob, config->tree_edits, config->tree_edit_count, err);
	if (ret)
		iol_fdt_blob_finish(blob);
	return ret;
}

/* ---- Without a machine ---- */

static struct iol_host_facts facts_of(const struct iol_arch *arch)
{
	struct iol_host_facts facts = arch->typical_host;
	iol_auto(iol_fd_close) int kvm_fd = -1;

	if (!arch->kvm || !arch->kvm->probe)
		return facts;
	kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm_fd < 0 || arch->kvm->probe(kvm_fd, &facts, NULL))
		return arch->typical_host;
	return facts;
}

/* What a kernel and an initrd make of guest memory, for the places that the tree names. */
static int place_images(const struct iol_tree_source *s, struct iol_boot *boot,
			struct iol_placement *placement, struct iol_error *err)
{
	struct iol_memory mem;
	struct iol_entry entry;
	int ret = iol_memory_init(&mem, s->layout->ram, s->layout->ram_count, err);

	if (ret)
		return ret;
	ret = s->arch->load(s->layout, &mem, boot, &entry, placement, err);
	iol_memory_finish(&mem);
	return ret;
}

int iol_tree_make(const struct iol_config *config, const struct iol_arch *arch,
		  struct iol_fdt_blob *blob, struct iol_error *err)
{
	const struct iol_layout_request request = {
		.memory_bytes = config->memory_bytes,
		.cpus = config->cpus,
		.serials = config->serial_count,
		.machine = config->machine,
		.facts = facts_of(arch),
	};
	struct iol_boot boot = { .kernel.fd = -1, .initrd.fd = -1 };
	struct iol_placement placement = { 0 };
	struct iol_layout layout;
	const struct iol_tree_source source = {
		.config = config,
		.arch = arch,
		.layout = &layout,
		.boot = &boot,
		.placement = &placement,
	};
	int ret = arch->layout(&request, &layout, err);

	if (!ret)
		ret = iol_boot_open(&boot, config, arch, err);
	if (!ret && boot.kernel.fd >= 0)
		ret = place_images(&source, &boot, &placement, err);
	if (!ret)
		ret = iol_tree_build(&source, blob, err);
	iol_boot_close(&boot);
	return ret;
}
