// SPDX-License-Identifier: Apache-2.0
/* See msix_model.h. (PCI Local Bus 3.0, 6.8.2.) */
#include "msix_model.h"

#include "fake_kvm.h"
#include "fuzz.h"

enum { PINS = 24, PBA = 2048, ENABLE = 0x8000, MASK_ALL = 0x4000 };

static void expect(struct msix_model *model, unsigned int idx)
{
	fuzz_check(model->expected_count < MSIX_EXPECTED_MAX);
	model->expected[model->expected_count].address = model->vectors[idx].address;
	model->expected[model->expected_count++].data = model->vectors[idx].data;
}

static void follow(struct msix_model *model, unsigned int idx)
{
	bool live =
		model->enabled && !model->function_masked && !(model->vectors[idx].dwords[3] & 1);

	if (live && !model->vectors[idx].live) {
		const uint32_t *dwords = model->vectors[idx].dwords;

		model->vectors[idx].address = dwords[0] | (uint64_t)dwords[1] << 32;
		model->vectors[idx].data = dwords[2];
		if (model->vectors[idx].pending)
			expect(model, idx);
		model->vectors[idx].pending = false;
	}
	model->vectors[idx].live = live;
}

static uint32_t dword_at(const struct msix_model *model, uint64_t offset)
{
	uint32_t bits = 0;

	if (offset < 16 * MSIX_VECTORS)
		return model->vectors[offset / 16].dwords[offset / 4 % 4];
	if (offset != PBA)
		return 0;
	for (unsigned int i = 0; i < MSIX_VECTORS; i++)
		if (model->vectors[i].pending)
			bits |= 1u << i;
	return bits;
}

static uint64_t model_read(void *opaque, uint64_t offset, unsigned int len)
{
	struct msix_model *model = opaque;
	uint64_t expected = UINT64_MAX, got;

	got = model->real.ops->read(model->real.dev, offset, len);
	if (len == 4 && offset % 4 == 0)
		expected = dword_at(model, offset);
	else if (len == 8 && offset % 8 == 0)
		expected = dword_at(model, offset) | (uint64_t)dword_at(model, offset + 4) << 32;
	fuzz_check(got == expected);
	return got;
}

static void write_dword(struct msix_model *model, uint64_t offset, uint32_t value)
{
	static const uint32_t writable[MSIX_DWORDS] = { ~3u, ~0u, ~0u, 1 };
	unsigned int dword = offset / 4 % 4;

	if (offset >= 16 * MSIX_VECTORS)
		return;
	model->vectors[offset / 16].dwords[dword] = value & writable[dword];
	if (dword == 3)
		follow(model, (unsigned int)(offset / 16));
}

static void model_write(void *opaque, uint64_t offset, unsigned int len, uint64_t value)
{
	struct msix_model *model = opaque;

	if ((len == 4 || len == 8) && offset % len == 0) {
		write_dword(model, offset, (uint32_t)value);
		if (len == 8)
			write_dword(model, offset + 4, (uint32_t)(value >> 32));
	}
	model->real.ops->write(model->real.dev, offset, len, value);
	msix_model_check(model);
}

static const struct iol_bus_ops model_ops = {
	.read = model_read,
	.write = model_write,
};

static void config_written(struct iol_pci_function *fn, unsigned int offset, unsigned int len)
{
	struct msix_model *model = iol_container_of(fn, struct msix_model, fn);
	uint16_t flags = le16_load(fn->config + fn->last_capability + 2);

	fuzz_check(fn->host && len <= 4 && offset + len <= IOL_PCI_CONFIG_BYTES);
	model->enabled = flags & ENABLE;
	model->function_masked = flags & MASK_ALL;
	for (unsigned int i = 0; i < MSIX_VECTORS; i++) {
		if (!model->enabled)
			model->vectors[i].pending = false;
		follow(model, i);
	}
	iol_msix_config_written(model->msix, offset, len);
	fuzz_check(iol_msix_enabled(model->msix) == model->enabled);
	msix_model_check(model);
}

static void power_on(struct msix_model *model)
{
	memset(model->vectors, 0, sizeof(model->vectors));
	for (unsigned int i = 0; i < MSIX_VECTORS; i++)
		model->vectors[i].dwords[3] = 1;
	model->enabled = model->function_masked = false;
}

void msix_model_init(struct msix_model *model)
{
	static const struct iol_pci_identity identity = { .vendor = 0x1af4, .device = 0x1042 };

	fake_kvm_reset();
	*model = (struct msix_model){ .router = iol_irq_router_new(FAKE_KVM_FD, PINS) };
	iol_pci_function_init(&model->fn, "msix", &identity);
	fuzz_check(!iol_msix_new(&model->fn, 0, MSIX_VECTORS, model->router, &model->msix, NULL));
	model->fn.config_written = config_written;
	model->real = model->fn.bars[0];
	model->fn.bars[0].ops = &model_ops;
	model->fn.bars[0].dev = model;
	power_on(model);
}

void msix_model_finish(struct msix_model *model)
{
	iol_msix_free(model->msix);
	iol_irq_router_free(model->router);
}

void msix_model_reset(struct msix_model *model)
{
	msix_model_check(model);
	power_on(model);
	iol_msix_reset(model->msix);
	msix_model_check(model);
}

void msix_model_raise(struct msix_model *model, unsigned int vector)
{
	if (model->vectors[vector].live)
		expect(model, vector);
	else if (model->enabled)
		model->vectors[vector].pending = true;
	iol_msix_raise(model->msix, vector);
	msix_model_check(model);
}

void msix_model_check(struct msix_model *model)
{
	for (unsigned int i = 0; i < model->expected_count; i++) {
		uint64_t address = model->expected[i].address, same = 0, before = 0;
		uint32_t data = model->expected[i].data;

		for (unsigned int k = 0; k < model->expected_count; k++)
			if (model->expected[k].address == address &&
			    model->expected[k].data == data) {
				same++;
				before += k < i;
			}
		/* Equal ones are counted at the first of them. */
		if (!before)
			fuzz_check(fake_kvm_messages(address, data) == same);
	}
	model->expected_count = 0;
	fuzz_check(fake_kvm_all_messages() == 0);
}
