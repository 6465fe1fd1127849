// SPDX-License-Identifier: Apache-2.0
/*
 * vCPUs that move BARs, switch and mask interrupts, reset and set up a device on the PCI bus, while
 * the loop serves and interrupts it. Run it under ThreadSanitizer; in the end the device works.
 */
#include "virtio_pci_rig.h"
#include "virtio_vcpus.h"

enum { ROUNDS = 300 };

/* An access that finds nobody, as the BAR may be anywhere, is one too. */
static void put_anywhere(struct fixture *f, uint64_t addr, unsigned int len, uint64_t value)
{
	iol_bus_write(&f->mmio, addr, len, value);
}

static const uint64_t places[] = { 0x90000000, 0xa0000000 };

static void put_everywhere(struct fixture *f, uint64_t offset, unsigned int len, uint64_t value)
{
	for (size_t i = 0; i < IOL_ARRAY_LEN(places); i++)
		put_anywhere(f, places[i] + offset, len, value);
}

static void bring_up(struct fixture *f)
{
	const uint64_t at = f->at[VIRTIO_PCI_CAP_COMMON_CFG];

	put_everywhere(f, at + VIRTIO_PCI_COMMON_STATUS, 1, STATUS_DRIVER);
	put_everywhere(f, at + VIRTIO_PCI_COMMON_GFSELECT, 4, 1);
	put_everywhere(f, at + VIRTIO_PCI_COMMON_GF, 4, RIG_VERSION_1 >> 32);
	put_everywhere(f, at + VIRTIO_PCI_COMMON_STATUS, 1, STATUS_FEATURES);
	for (uint16_t i = 0; i < RIG_QUEUES; i++) {
		const struct virtio_driver_setup *s = &f->rig.drivers[i].setup;

		put_everywhere(f, at + VIRTIO_PCI_COMMON_Q_SELECT, 2, i);
		put_everywhere(f, at + VIRTIO_PCI_COMMON_Q_DESCLO, 4, s->desc_gpa);
		put_everywhere(f, at + VIRTIO_PCI_COMMON_Q_AVAILLO, 4, s->avail_gpa);
		put_everywhere(f, at + VIRTIO_PCI_COMMON_Q_USEDLO, 4, s->used_gpa);
		put_everywhere(f, at + VIRTIO_PCI_COMMON_Q_MSIX, 2, i);
		put_everywhere(f, at + VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	}
	put_everywhere(f, at + VIRTIO_PCI_COMMON_STATUS, 1, STATUS_OK);
}

static void one_step(struct fixture *f, uint32_t random)
{
	uint32_t value = random >> 8;
	uint64_t read;

	switch (random % 9) {
	case 0:
		cfg_put(f, PCI_BASE_ADDRESS_0, 4, places[value % 2]);
		break;
	case 1:
		cfg_put(f, PCI_COMMAND, 2, value & (PCI_COMMAND_INTX_DISABLE | PCI_COMMAND_MEMORY));
		cfg_put(f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
		break;
	case 2:
		msix_flags(f, (uint16_t)value & (PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL));
		break;
	case 3:
		put_anywhere(f, f->bars[1] + value % 3 * 16 + PCI_MSIX_ENTRY_VECTOR_CTRL, 4,
			     value >> 8 & 1);
		break;
	case 4:
		put_everywhere(f, f->at[VIRTIO_PCI_CAP_COMMON_CFG] + VIRTIO_PCI_COMMON_STATUS, 1,
			       0);
		break;
	case 5:
	case 6:
		bring_up(f);
		break;
	case 7:
		cfg_put(f, f->caps[VIRTIO_PCI_CAP_PCI_CFG] + 12, 4, 1);
		cfg_put(f, f->caps[VIRTIO_PCI_CAP_PCI_CFG] + 8, 4, value % 0x40);
		cfg_put(f, f->caps[VIRTIO_PCI_CAP_PCI_CFG] + 16, 4, value);
		break;
	default:
		for (unsigned int i = 0; i < RIG_QUEUES; i++)
			put_everywhere(f, f->at[VIRTIO_PCI_CAP_NOTIFY_CFG] + 4 * i, 2, 0);
		iol_bus_read(&f->mmio, places[0] + f->at[VIRTIO_PCI_CAP_ISR_CFG], 1, &read);
		cfg_get(f, PCI_STATUS, 2);
		break;
	}
}

static void hammer(struct vcpu *vcpu)
{
	GRand *rand = g_rand_new_with_seed(vcpu->idx);

	for (unsigned int n = 0; n < ROUNDS; n++)
		one_step(vcpu->owner, g_rand_int(rand));
	g_rand_free(rand);
}

/* A request that is there again whenever the device begins anew: it always has something to answer. */
static void fill_rings(struct fixture *f)
{
	for (unsigned int i = 0; i < RIG_QUEUES; i++) {
		rig_make_rings(&f->rig, i, 0);
		for (unsigned int n = 0; n < VIRTIO_FAKE_QUEUE_SIZE / 2; n++)
			rig_request(&f->rig, i);
	}
}

static void test_hammer(struct fixture *f, const void *data)
{
	(void)data;
	f->v->log_limit.burst = 0;
	f->rig.fake.mode = VIRTIO_FAKE_LATER;
	fill_rings(f);
	vcpus_run(&f->rig.loop, hammer, f);
	g_assert_cmpuint(f->v->interrupts, >, 0);
	decode(f);
	msix_flags(f, 0);
	reset(f);
	assert_works(f);
	g_assert_cmphex(isr(f), ==, 1);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add("/virtio-pci-threads/hammer", struct fixture, NULL, setup, test_hammer,
		   teardown);
	return g_test_run();
}
