// SPDX-License-Identifier: Apache-2.0
/* See pci_functions.h. */
#include "pci_functions.h"

#include "fuzz.h"

/* BAR registers: each reads as its place. */
static uint64_t bar_read(void *opaque, uint64_t offset, unsigned int len)
{
	const struct iol_pci_bar *bar = opaque;

	fuzz_check(len <= bar->size_bytes && offset <= bar->size_bytes - len);
	return offset & UINT64_MAX >> (64 - 8 * len);
}

static void bar_write(void *opaque, uint64_t offset, unsigned int len, uint64_t value)
{
	const struct iol_pci_bar *bar = opaque;

	(void)value;
	fuzz_check(len <= bar->size_bytes && offset <= bar->size_bytes - len);
}

static const struct iol_bus_ops bar_ops = {
	.read = bar_read,
	.write = bar_write,
};

static void config_hook(struct iol_pci_function *fn, unsigned int offset, unsigned int len)
{
	fuzz_check(fn->host && len <= 4 && offset + len <= IOL_PCI_CONFIG_BYTES);
}

static void bar_moved(struct iol_pci_function *fn, unsigned int bar, bool mapped, uint64_t base)
{
	fuzz_check(bar < IOL_PCI_BARS && fn->bars[bar].mapped == mapped);
	fuzz_check(base == (mapped ? fn->bars[bar].mapped_base : 0));
}

static void add_bar(struct iol_pci_function *fn, unsigned int idx, enum iol_pci_bar_kind kind,
		    uint64_t size_bytes)
{
	fn->bars[idx].kind = kind;
	fn->bars[idx].size_bytes = size_bytes;
	fn->bars[idx].ops = &bar_ops;
	fn->bars[idx].dev = &fn->bars[idx];
}

void pci_functions_add(struct pci_functions *f, struct iol_pci_host *host)
{
	static const struct iol_pci_identity identity = { .vendor = 0x1af4,
							  .device = 0x1042,
							  .class_code = 0x018000 };
	struct iol_pci_function *fn = f->plain;
	int cap;

	iol_pci_function_init(&fn[0], "first", &identity);
	add_bar(&fn[0], 0, IOL_PCI_BAR_MEM32, 4096);
	add_bar(&fn[0], 1, IOL_PCI_BAR_IO, 32);
	add_bar(&fn[0], 2, IOL_PCI_BAR_MEM64, 16384);
	fn[0].bars[2].prefetchable = true;
	fn[0].config_read = config_hook;
	fn[0].config_written = config_hook;
	iol_pci_function_init(&fn[1], "second", &identity);
	add_bar(&fn[1], 0, IOL_PCI_BAR_MEM64, IOL_MIB);
	add_bar(&fn[1], 2, IOL_PCI_BAR_IO, 4);
	add_bar(&fn[1], 3, IOL_PCI_BAR_IO, 256);
	add_bar(&fn[1], 5, IOL_PCI_BAR_MEM32, 4096);
	for (unsigned int i = 0; i < PCI_FUNCTIONS_PLAIN; i++) {
		cap = iol_pci_add_capability(&fn[i], PCI_CAP_ID_VNDR, 16, NULL);
		fuzz_check(cap > 0);
		memset(fn[i].writable + cap + 4, 0x5a, 12);
		f->all[i] = &fn[i];
	}
	msix_model_init(&f->msix);
	f->all[PCI_FUNCTIONS_PLAIN] = &f->msix.fn;
	for (unsigned int i = 0; i < PCI_FUNCTIONS; i++) {
		f->all[i]->bar_moved = bar_moved;
		fuzz_check(!iol_pci_add(host, IOL_PCI_SLOT_ANY, f->all[i], NULL));
	}
}

void pci_functions_remove(struct pci_functions *f)
{
	for (unsigned int i = 0; i < PCI_FUNCTIONS; i++)
		iol_pci_remove(f->all[i]);
	msix_model_finish(&f->msix);
}

/* Where the guest put the BAR. */
static uint64_t bar_register(const struct iol_pci_function *fn, unsigned int idx)
{
	const uint8_t *reg = fn->config + PCI_BASE_ADDRESS_0 + 4u * idx;
	uint64_t low = le32_load(reg);

	switch (fn->bars[idx].kind) {
	case IOL_PCI_BAR_IO:
		return low & PCI_BASE_ADDRESS_IO_MASK;
	case IOL_PCI_BAR_MEM64:
		return (low & ~UINT64_C(0xf)) | (uint64_t)le32_load(reg + 4) << 32;
	default:
		return low & ~UINT64_C(0xf);
	}
}

unsigned int pci_functions_count_bars(const struct pci_functions *f, const struct iol_bus *bus,
				      bool io)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < PCI_FUNCTIONS * IOL_PCI_BARS; i++) {
		const struct iol_pci_function *fn = f->all[i / IOL_PCI_BARS];
		const struct iol_pci_bar *bar = &fn->bars[i % IOL_PCI_BARS];
		bool found = false;

		if (!bar->mapped || (bar->kind == IOL_PCI_BAR_IO) != io)
			continue;
		count++;
		fuzz_check(bar->mapped_base == bar_register(fn, i % IOL_PCI_BARS));
		fuzz_check(fn->config[PCI_COMMAND] & (io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY));
		for (unsigned int k = 0; k < bus->count; k++)
			found |= bus->regions[k].dev == bar->dev &&
				 bus->regions[k].base == bar->mapped_base &&
				 bus->regions[k].size_bytes == bar->size_bytes;
		fuzz_check(found);
	}
	return count;
}

void pci_functions_check_config(const struct pci_functions *f)
{
	for (unsigned int i = 0; i < PCI_FUNCTIONS; i++) {
		const struct iol_pci_function *fn = f->all[i];

		for (unsigned int k = 0; k < IOL_PCI_CONFIG_BYTES; k++)
			fuzz_check(!((fn->config[k] ^ fn->at_reset[k]) & ~fn->writable[k]));
	}
}

void pci_functions_check_reset(const struct pci_functions *f)
{
	for (unsigned int i = 0; i < PCI_FUNCTIONS; i++)
		fuzz_check(!memcmp(f->all[i]->config, f->all[i]->at_reset, IOL_PCI_CONFIG_BYTES));
}
