// SPDX-License-Identifier: Apache-2.0
/* Virtio over PCI as a guest sees it: configuration space, BARs, interrupts (virtio-v1.2 4.1). */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "virtio_pci_rig.h"

/* --- configuration space --- */

/* 4.1.2, 4.1.4 */
static void test_capabilities(struct fixture *f, const void *data)
{
	static const uint32_t lengths[] = {
		[VIRTIO_PCI_CAP_COMMON_CFG] = 56,
		[VIRTIO_PCI_CAP_NOTIFY_CFG] = 4 * RIG_QUEUES,
		[VIRTIO_PCI_CAP_ISR_CFG] = 1,
		[VIRTIO_PCI_CAP_DEVICE_CFG] = VIRTIO_FAKE_CONFIG_BYTES,
	};
	bool without_msix = data;

	g_assert_cmphex(cfg_get(f, PCI_VENDOR_ID, 2), ==, 0x1af4);
	g_assert_cmphex(cfg_get(f, PCI_DEVICE_ID, 2), ==, 0x1040 + VIRTIO_FAKE_ID);
	g_assert_cmphex(cfg_get(f, PCI_REVISION_ID, 1), >=, 1);
	g_assert_cmphex(cfg_get(f, PCI_SUBSYSTEM_ID, 2), >=, 0x40);
	g_assert_cmphex(cfg_get(f, PCI_CLASS_REVISION, 4) >> 8, ==, VIRTIO_FAKE_CLASS);
	g_assert_cmphex(cfg_get(f, PCI_INTERRUPT_PIN, 1), ==, 1);
	g_assert_cmphex(cfg_get(f, PCI_STATUS, 2), ==, PCI_STATUS_CAP_LIST);
	g_assert_cmpint(f->msix_cap == 0, ==, without_msix);
	for (unsigned int type = VIRTIO_PCI_CAP_COMMON_CFG; type <= VIRTIO_PCI_CAP_DEVICE_CFG;
	     type++) {
		unsigned int cap = f->caps[type];
		unsigned int bytes = type == VIRTIO_PCI_CAP_NOTIFY_CFG ? 20 : 16;

		g_assert_cmpuint(cap, !=, 0);
		g_assert_cmpuint(cfg_get(f, cap + 2, 1), ==, bytes);
		g_assert_cmpuint(cfg_get(f, cap + 4, 1), ==, 0); /* BAR */
		g_assert_cmpuint(f->at[type] % 4, ==, 0);
		g_assert_cmpuint(cfg_get(f, cap + 12, 4), ==, lengths[type]);
		g_assert_cmpuint(f->at[type] + lengths[type], <=, BAR_BYTES);
		for (unsigned int other = VIRTIO_PCI_CAP_COMMON_CFG; other < type; other++)
			g_assert_true(f->at[type] >= f->at[other] + lengths[other] ||
				      f->at[other] >= f->at[type] + lengths[type]);
		/* Nothing of it is the guest's to write. */
		for (unsigned int i = 0; i < bytes; i += 4) {
			uint64_t before = cfg_get(f, cap + i, 4);

			cfg_put(f, cap + i, 4, ~before);
			g_assert_cmphex(cfg_get(f, cap + i, 4), ==, before);
		}
	}
	g_assert_cmpuint(cfg_get(f, f->caps[VIRTIO_PCI_CAP_PCI_CFG] + 2, 1), ==, 20);
	if (f->msix_cap)
		g_assert_cmpuint(cfg_get(f, f->msix_cap + PCI_MSIX_FLAGS, 2), ==, RIG_QUEUES);
}

/* --- common configuration --- */

static void test_common(struct fixture *f, const void *data)
{
	const uint64_t offered = RIG_VERSION_1 | RIG_EVENT_IDX | RIG_INDIRECT | RIG_OWN;
	static const struct {
		uint16_t offset, len;
		uint32_t value;
	} power_on[] = {
		{ VIRTIO_PCI_COMMON_DFSELECT, 4, 0 },
		{ VIRTIO_PCI_COMMON_GFSELECT, 4, 0 },
		{ VIRTIO_PCI_COMMON_GF, 4, 0 },
		{ VIRTIO_PCI_COMMON_MSIX, 2, NO_VECTOR },
		{ VIRTIO_PCI_COMMON_NUMQ, 2, RIG_QUEUES },
		{ VIRTIO_PCI_COMMON_STATUS, 1, 0 },
		{ VIRTIO_PCI_COMMON_CFGGENERATION, 1, 0 },
		{ VIRTIO_PCI_COMMON_Q_SELECT, 2, 0 },
		{ VIRTIO_PCI_COMMON_Q_SIZE, 2, VIRTIO_FAKE_QUEUE_SIZE },
		{ VIRTIO_PCI_COMMON_Q_MSIX, 2, NO_VECTOR },
		{ VIRTIO_PCI_COMMON_Q_ENABLE, 2, 0 },
		{ VIRTIO_PCI_COMMON_Q_NOFF, 2, 0 },
		{ VIRTIO_PCI_COMMON_Q_DESCLO, 4, 0 },
		{ VIRTIO_PCI_COMMON_Q_DESCHI, 4, 0 },
		{ VIRTIO_PCI_COMMON_Q_AVAILLO, 4, 0 },
		{ VIRTIO_PCI_COMMON_Q_AVAILHI, 4, 0 },
		{ VIRTIO_PCI_COMMON_Q_USEDLO, 4, 0 },
		{ VIRTIO_PCI_COMMON_Q_USEDHI, 4, 0 },
	};

	(void)data;
	for (unsigned int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < IOL_ARRAY_LEN(power_on); i++)
			g_assert_cmphex(common(f, power_on[i].offset, power_on[i].len), ==,
					power_on[i].value);
		for (uint32_t word = 0; word < 4; word++) {
			put_common(f, VIRTIO_PCI_COMMON_DFSELECT, 4, word);
			g_assert_cmphex(common(f, VIRTIO_PCI_COMMON_DFSELECT, 4), ==, word);
			g_assert_cmphex(common(f, VIRTIO_PCI_COMMON_DF, 4), ==,
					word < 2 ? (uint32_t)(offered >> 32 * word) : 0);
		}
		negotiate(f, offered);
		put_common(f, VIRTIO_PCI_COMMON_GFSELECT, 4, 0);
		g_assert_cmphex(common(f, VIRTIO_PCI_COMMON_GF, 4), ==, (uint32_t)offered);
		/* Read-only fields. */
		put_common(f, VIRTIO_PCI_COMMON_DF, 4, 0);
		put_common(f, VIRTIO_PCI_COMMON_NUMQ, 2, 7);
		put_common(f, VIRTIO_PCI_COMMON_CFGGENERATION, 1, 7);
		put_common(f, VIRTIO_PCI_COMMON_Q_NOFF, 2, 7);
		put_common(f, VIRTIO_PCI_COMMON_MSIX, 2, 0);
		put_common(f, VIRTIO_PCI_COMMON_Q_SELECT, 2, 1);
		/* 4.1.4.3.2: the driver must not write 0 to queue_enable. */
		put_common(f, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
		put_common(f, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 0);
		put_common(f, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 2);
		g_assert_cmphex(common(f, VIRTIO_PCI_COMMON_Q_ENABLE, 2), ==, 1);
		reset(f);
	}
}

/* 4.1.4.3.1: a queue that there is none of has size 0, and its other fields answer too. */
static void test_queue_beyond(struct fixture *f, const void *data)
{
	static const uint16_t beyond[] = { RIG_QUEUES, 31, 32, 33, 0x7fff, 0xffff };

	(void)data;
	negotiate(f, RIG_VERSION_1);
	for (size_t i = 0; i < IOL_ARRAY_LEN(beyond); i++) {
		put_common(f, VIRTIO_PCI_COMMON_Q_SELECT, 2, beyond[i]);
		for (unsigned int at = VIRTIO_PCI_COMMON_Q_SIZE; at < VIRTIO_PCI_COMMON_Q_DESCLO;
		     at += 2) {
			put_common(f, at, 2, 1);
			g_assert_cmphex(common(f, at, 2), ==,
					at == VIRTIO_PCI_COMMON_Q_MSIX ? NO_VECTOR : 0);
		}
		for (unsigned int at = VIRTIO_PCI_COMMON_Q_DESCLO; at < 56; at += 4) {
			put_common(f, at, 4, 1);
			g_assert_cmphex(common(f, at, 4), ==, 0);
		}
	}
}

/* 4.1.3.1: a field answers its own width at its own place only. */
static void test_widths(struct fixture *f, const void *data)
{
	static const uint8_t width_of[64] = {
		[0] = 4,  [4] = 4,  [8] = 4,  [12] = 4, [16] = 2, [18] = 2, [20] = 1,
		[21] = 1, [22] = 2, [24] = 2, [26] = 2, [28] = 2, [30] = 2, [32] = 4,
		[36] = 4, [40] = 4, [44] = 4, [48] = 4, [52] = 4,
	};
	const uint64_t at = f->bars[0] + f->at[VIRTIO_PCI_CAP_COMMON_CFG];
	uint16_t generation;

	(void)data;
	start(f, 0);
	generation = (uint16_t)common(f, VIRTIO_PCI_COMMON_CFGGENERATION, 1);
	for (unsigned int len = 1; len <= 8; len *= 2) {
		for (unsigned int offset = 0; offset < 64; offset++) {
			if (width_of[offset] == len)
				continue;
			write_bus(f, at + offset, len, 0);
			g_assert_cmphex(read_bus(f, at + offset, len), ==, 0);
		}
	}
	g_assert_cmphex(status(f), ==, STATUS_OK);
	g_assert_cmphex(common(f, VIRTIO_PCI_COMMON_CFGGENERATION, 1), ==, generation);
	/* Between the structures, and at the end of the BAR. */
	for (uint64_t offset = 64; offset < BAR_BYTES - 8; offset += 61) {
		bool device = offset >= 0x2000 && offset < 0x2100;

		write_bus(f, f->bars[0] + offset, 8, 0);
		if (!device)
			g_assert_cmphex(read_bus(f, f->bars[0] + offset, 8), ==, 0);
	}
	g_assert_false(iol_bus_write(&f->mmio, f->bars[0] + BAR_BYTES - 4, 8, 0));
	request(f, 0);
	g_assert_cmpuint(rig_answers(&f->rig, 0), ==, 1);
}

static void test_device_config(struct fixture *f, const void *data)
{
	uint64_t base = f->bars[0] + f->at[VIRTIO_PCI_CAP_DEVICE_CFG];
	const uint8_t byte = 0xee;
	uint64_t generation = common(f, VIRTIO_PCI_COMMON_CFGGENERATION, 1);

	(void)data;
	for (unsigned int len = 1; len <= 8; len *= 2) {
		for (unsigned int at = 0; at < 64; at++) {
			uint64_t value = read_bus(f, base + at, len);

			for (unsigned int i = 0; i < len; i++, value >>= 8)
				g_assert_cmphex(value & 0xff, ==,
						at + i < VIRTIO_FAKE_CONFIG_BYTES
							? virtio_fake_config(at + i)
							: 0);
		}
	}
	write_bus(f, base + 6, 1, 0x3c);
	write_bus(f, base + 5, 1, 0x3c);
	g_assert_cmphex(read_bus(f, base + 6, 1), ==, 0x3c);
	g_assert_cmphex(read_bus(f, base + 5, 1), ==, virtio_fake_config(5));
	iol_virtio_set_config(f->v, 0, &byte, 1);
	g_assert_cmphex(read_bus(f, base, 1), ==, byte);
	g_assert_cmpuint(common(f, VIRTIO_PCI_COMMON_CFGGENERATION, 1), !=, generation);
	reset(f);
	g_assert_cmphex(read_bus(f, base + 6, 1), ==, virtio_fake_config(6));
}

/* 4.1.4.4: an address for each queue, written with any width. */
static void test_notify(struct fixture *f, const void *data)
{
	unsigned int n[RIG_QUEUES] = { 0 };

	(void)data;
	start(f, 0);
	for (uint16_t queue = 0; queue < RIG_QUEUES; queue++) {
		for (unsigned int len = 1; len <= 4; len *= 2) {
			g_assert_true(rig_request(&f->rig, queue));
			write_bus(f, notify_address(f, queue), len, 0x12345678);
			rig_settle(&f->rig);
			g_assert_cmpuint(f->rig.fake.chains[queue], ==, ++n[queue]);
			g_assert_cmpuint(rig_answers(&f->rig, queue), ==, 1);
		}
	}
	g_assert_cmpuint(f->rig.fake.chains[0], ==, f->rig.fake.chains[1]);
	/* Places of queues that there are none of; reads. */
	for (uint64_t at = 4 * RIG_QUEUES; at < 0x1000; at += 4)
		write_bus(f, f->bars[0] + f->at[VIRTIO_PCI_CAP_NOTIFY_CFG] + at, 4, 0);
	g_assert_cmphex(read_bus(f, notify_address(f, 0), 4), ==, 0);
	rig_settle(&f->rig);
	g_assert_cmpuint(f->v->counts.kicks, ==, n[0] + n[1]);
}

/* --- the configuration access capability (4.1.4.9) --- */

static uint64_t window_read(struct fixture *f, uint32_t offset, unsigned int len)
{
	window_at(f, 0, offset, len);
	return cfg_get(f, window_data(f), len);
}

static void window_write(struct fixture *f, uint32_t offset, unsigned int len, uint32_t value)
{
	window_at(f, 0, offset, len);
	cfg_put(f, window_data(f), len, value);
}

/* A device that works without its BAR ever being decoded. */
static void test_window(struct fixture *f, const void *data)
{
	const uint32_t at = (uint32_t)f->at[VIRTIO_PCI_CAP_COMMON_CFG];
	const uint32_t device = (uint32_t)f->at[VIRTIO_PCI_CAP_DEVICE_CFG];

	(void)data;
	cfg_put(f, PCI_COMMAND, 2, 0);
	g_assert_cmphex(window_read(f, at + VIRTIO_PCI_COMMON_NUMQ, 2), ==, RIG_QUEUES);
	g_assert_cmphex(window_read(f, device + 1, 1), ==, virtio_fake_config(1));
	window_write(f, at + VIRTIO_PCI_COMMON_STATUS, 1, STATUS_DRIVER);
	g_assert_cmphex(window_read(f, at + VIRTIO_PCI_COMMON_STATUS, 1), ==, STATUS_DRIVER);
	window_write(f, at + VIRTIO_PCI_COMMON_GFSELECT, 4, 1);
	window_write(f, at + VIRTIO_PCI_COMMON_GF, 4, RIG_VERSION_1 >> 32);
	window_write(f, at + VIRTIO_PCI_COMMON_STATUS, 1, STATUS_OK);
	g_assert_cmphex(window_read(f, at + VIRTIO_PCI_COMMON_STATUS, 1), ==, STATUS_OK);
	rig_settle(&f->rig);
	window_write(f, (uint32_t)f->at[VIRTIO_PCI_CAP_NOTIFY_CFG] + 4, 2, 1);
	rig_settle(&f->rig);
	g_assert_cmpuint(f->v->counts.kicks, ==, 1);
	/* The ISR is read to clear here as well. */
	iol_virtio_break(f->v, "the test wants it");
	g_assert_cmphex(window_read(f, (uint32_t)f->at[VIRTIO_PCI_CAP_ISR_CFG], 1), ==, 2);
	g_assert_cmphex(window_read(f, (uint32_t)f->at[VIRTIO_PCI_CAP_ISR_CFG], 1), ==, 0);
	window_write(f, at + VIRTIO_PCI_COMMON_STATUS, 1, 0);
	rig_settle(&f->rig);
	cfg_put(f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	g_assert_cmphex(status(f), ==, 0);
}

/* 4.1.4.9.2: what a driver must not ask for does nothing, and data reads as last written. */
static void test_window_refuses(struct fixture *f, const void *data)
{
	static const struct {
		uint8_t bar;
		uint32_t offset, len;
	} bad[] = {
		{ 1, VIRTIO_PCI_COMMON_STATUS, 1 },
		{ 2, VIRTIO_PCI_COMMON_STATUS, 1 },
		{ 6, VIRTIO_PCI_COMMON_STATUS, 1 },
		{ 255, VIRTIO_PCI_COMMON_STATUS, 1 },
		{ 0, VIRTIO_PCI_COMMON_STATUS, 0 },
		{ 0, VIRTIO_PCI_COMMON_STATUS, 3 },
		{ 0, VIRTIO_PCI_COMMON_STATUS, 5 },
		{ 0, VIRTIO_PCI_COMMON_STATUS, 8 },
		{ 0, VIRTIO_PCI_COMMON_STATUS, UINT32_MAX },
		{ 0, 2, 4 },
		{ 0, 3, 2 },
		{ 0, BAR_BYTES, 1 },
		{ 0, BAR_BYTES, 4 },
		{ 0, UINT32_MAX, 1 },
		{ 0, UINT32_MAX - 3, 4 },
		{ 0, 0x80000000, 2 },
	};

	(void)data;
	put_status(f, STATUS_DRIVER);
	for (size_t i = 0; i < IOL_ARRAY_LEN(bad); i++) {
		window_at(f, bad[i].bar, bad[i].offset, bad[i].len);
		cfg_put(f, window_data(f), 4, 0xa5a5a500);
		g_assert_cmphex(status(f), ==, STATUS_DRIVER);
		g_assert_cmphex(cfg_get(f, window_data(f), 4), ==, 0xa5a5a500);
	}
	/* The last bytes of the BAR are sound. */
	window_at(f, 0, BAR_BYTES - 4, 4);
	g_assert_cmphex(cfg_get(f, window_data(f), 4), ==, 0);
	/* Accesses that do not touch the data do nothing. */
	window_at(f, 0, VIRTIO_PCI_COMMON_STATUS, 1);
	cfg_put(f, f->caps[VIRTIO_PCI_CAP_PCI_CFG] + 12, 4, 1);
	cfg_put(f, window_data(f) - 4, 2, 1);
	g_assert_cmphex(status(f), ==, STATUS_DRIVER);
	/* Of the id and padding of the capability nothing can be written. */
	cfg_put(f, f->caps[VIRTIO_PCI_CAP_PCI_CFG] + 5, 1, 0xff);
	g_assert_cmphex(cfg_get(f, f->caps[VIRTIO_PCI_CAP_PCI_CFG] + 5, 1), ==, 0);
}

/* --- BARs and kicks --- */

static void assert_kicks(struct fixture *f, bool bound, uint64_t bar)
{
	for (uint16_t i = 0; i < RIG_QUEUES; i++) {
		const struct iol_kick *kick = &f->v->queues[i].kick;

		g_assert_cmpint(kick->bound, ==, bound && f->vm_fd >= 0);
		if (bound)
			g_assert_cmphex(kick->gpa, ==,
					bar + f->at[VIRTIO_PCI_CAP_NOTIFY_CFG] + 4u * i);
		g_assert_false(bound && kick->has_value);
	}
}

/* Where the BAR goes, its registers and its doorbells go too. */
static void test_bar_moves(struct fixture *f, const void *data)
{
	const uint64_t other = 0x90000000, old = f->bars[0];
	uint64_t value;

	(void)data;
	start(f, 0);
	assert_kicks(f, true, old);
	cfg_put(f, PCI_BASE_ADDRESS_0, 4, other);
	assert_kicks(f, true, other);
	g_assert_false(iol_bus_read(&f->mmio, old, 1, &value));
	f->bars[0] = other;
	g_assert_cmphex(status(f), ==, STATUS_OK);
	request(f, 1);
	g_assert_cmpuint(rig_answers(&f->rig, 1), ==, 1);
	/* Sizing (PCI 3.0, 6.2.5.1), by a guest that leaves it decoded. */
	cfg_put(f, PCI_BASE_ADDRESS_0, 4, UINT32_MAX);
	g_assert_cmphex(cfg_get(f, PCI_BASE_ADDRESS_0, 4), ==, (uint32_t)-BAR_BYTES);
	assert_kicks(f, false, 0);
	cfg_put(f, PCI_BASE_ADDRESS_0, 4, other);
	assert_kicks(f, true, other);
	cfg_put(f, PCI_COMMAND, 2, 0);
	assert_kicks(f, false, 0);
	g_assert_false(iol_bus_read(&f->mmio, other, 1, &value));
	/* Onto its own MSI-X BAR: refused, and put right again. */
	cfg_put(f, PCI_BASE_ADDRESS_0, 4, f->bars[1] & ~(uint64_t)(BAR_BYTES - 1));
	cfg_put(f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	cfg_put(f, PCI_BASE_ADDRESS_0, 4, old);
	f->bars[0] = old;
	assert_kicks(f, true, old);
	request(f, 0);
	g_assert_cmpuint(rig_answers(&f->rig, 0), ==, 1);
}

static void test_kicks_of_kvm(void)
{
	struct fixture f = { .kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC) };

	if (f.kvm_fd < 0) {
		g_test_skip("no /dev/kvm");
		return;
	}
	if (getenv("IOLITE_EMULATED")) {
		g_test_skip("qemu-user hands the host's KVM on to nobody");
		close(f.kvm_fd);
		return;
	}
	f.vm_fd = TEMP_FAILURE_RETRY(ioctl(f.kvm_fd, KVM_CREATE_VM, 0UL));
	g_assert_cmpint(f.vm_fd, >=, 0);
	plug(&f, true);
	test_bar_moves(&f, NULL);
	teardown(&f, NULL);
}

/* --- the machine --- */

static void test_machine_reset(struct fixture *f, const void *data)
{
	uint8_t before[256], after[256];
	struct iol_quiesce quiesce = { .pending = 1 };

	(void)data;
	cfg_put(f, PCI_COMMAND, 2, 0);
	for (unsigned int i = 0; i < sizeof(before); i++)
		before[i] = (uint8_t)cfg_get(f, i, 1);
	cfg_put(f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_DISABLE);
	cfg_put(f, PCI_INTERRUPT_LINE, 1, 11);
	window_at(f, 3, 4, 5);
	start(f, 0);
	request(f, 0);
	msix_flags(f, PCI_MSIX_FLAGS_ENABLE);
	put_vectors(f, 0, 1, 2);
	mask_vector(f, 0, false);
	request(f, 1);
	g_assert_cmphex(pending(f), ==, 1 << 2);

	g_assert_true(f->dev->ops->quiesce(f->dev, &quiesce));
	f->dev->ops->reset(f->dev);
	f->host->ops->reset(f->host);
	for (unsigned int i = 0; i < sizeof(after); i++)
		after[i] = (uint8_t)cfg_get(f, i, 1);
	g_assert_cmpmem(before, sizeof(before), after, sizeof(after));
	assert_kicks(f, false, 0);
	decode(f);
	g_assert_cmphex(status(f), ==, 0);
	g_assert_cmphex(pending(f), ==, 0);
	g_assert_cmphex(isr(f), ==, 0);
	g_assert_cmphex(common(f, VIRTIO_PCI_COMMON_MSIX, 2), ==, NO_VECTOR);
	for (unsigned int i = 0; i <= RIG_QUEUES; i++)
		g_assert_cmphex(read_bus(f, f->bars[1] + 16 * i + 12, 4), ==, 1);
	assert_works(f);
	/* INTx is unmasked again. */
	g_assert_cmpuint(f->wire.asserted, ==, 1);

	f->rig.fake.mode = VIRTIO_FAKE_HOLD;
	request(f, 0);
	quiesce.pending = 2;
	g_assert_false(f->dev->ops->quiesce(f->dev, &quiesce));
	f->dev->ops->cancel(f->dev);
	rig_settle(&f->rig);
	g_assert_cmpuint(quiesce.pending, ==, 1);
}

/* A slot that is taken: the device stays the caller's. */
static void test_slot_taken(struct fixture *f, const void *data)
{
	const struct iol_virtio_pci_config config = {
		.host = iol_pci_host_of(f->host),
		.slot = SLOT,
		.router = f->router,
		.intx = &f->wire,
	};
	struct virtio_rig other = { 0 };
	struct iol_device *dev;
	struct iol_error err;

	(void)data;
	virtio_rig_init(&other, -1);
	g_assert_cmpint(iol_virtio_pci_new(other.v, &config, &dev, &err), ==, -EEXIST);
	g_assert_nonnull(strstr(err.msg, "slot 3"));
	g_assert_null(other.v->transport);
	other.v->ops->free(other.v);
	virtio_rig_finish(&other);
	assert_works(f);
}

int main(int argc, char **argv)
{
	static const char without_msix[] = "without MSI-X";
	static const struct {
		const char *name, *data;
		void (*run)(struct fixture *f, const void *data);
	} tests[] = {
		{ "/virtio-pci/capabilities", NULL, test_capabilities },
		{ "/virtio-pci/capabilities/no-msix", without_msix, test_capabilities },
		{ "/virtio-pci/common", NULL, test_common },
		{ "/virtio-pci/queue-beyond", NULL, test_queue_beyond },
		{ "/virtio-pci/widths", NULL, test_widths },
		{ "/virtio-pci/device-config", NULL, test_device_config },
		{ "/virtio-pci/notify", NULL, test_notify },
		{ "/virtio-pci/window", NULL, test_window },
		{ "/virtio-pci/window/refuses", NULL, test_window_refuses },
		{ "/virtio-pci/bar-moves", NULL, test_bar_moves },
		{ "/virtio-pci/machine-reset", NULL, test_machine_reset },
		{ "/virtio-pci/slot-taken", NULL, test_slot_taken },
	};

	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < IOL_ARRAY_LEN(tests); i++)
		g_test_add(tests[i].name, struct fixture, tests[i].data, setup, tests[i].run,
			   teardown);
	g_test_add_func("/virtio-pci/kicks-of-kvm", test_kicks_of_kvm);
	return g_test_run();
}
