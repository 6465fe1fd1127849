// SPDX-License-Identifier: Apache-2.0
/* Virtio over MMIO as a guest sees it through the bus: register map of virtio-v1.2 4.2.2. */
#include <iolite/virtio_mmio.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/virtio_mmio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "virtio_rig.h"
#include "vmm/gate.h"

#define BASE UINT64_C(0xd0000200)

struct fixture {
	struct virtio_rig rig;
	struct iol_virtio *v;
	struct iol_bus bus;
	struct iol_irq_wire wire;
	struct iol_device *dev;
	pthread_mutex_t gate_lock;
	pthread_cond_t gate_cond;
	int kvm_fd, vm_fd; /* -1 unless the test is one with KVM */
};

static uint64_t get_wide(struct fixture *f, uint64_t offset, unsigned int len)
{
	uint64_t value;

	g_assert_true(iol_bus_read(&f->bus, BASE + offset, len, &value));
	return value & UINT64_MAX >> (64 - 8 * len);
}

static void put_wide(struct fixture *f, uint64_t offset, unsigned int len, uint64_t value)
{
	g_assert_true(iol_bus_write(&f->bus, BASE + offset, len, value));
}

static uint32_t get(struct fixture *f, uint64_t offset)
{
	return (uint32_t)get_wide(f, offset, 4);
}

static void put(struct fixture *f, uint64_t offset, uint32_t value)
{
	put_wide(f, offset, 4, value);
}

static void plug(struct fixture *f)
{
	const struct iol_virtio_mmio_config config = {
		.bus = &f->bus,
		.base = BASE,
		.irq = &f->wire,
		.gate_lock = &f->gate_lock,
		.gate_cond = &f->gate_cond,
	};
	struct iol_error err;

	virtio_rig_init(&f->rig, f->vm_fd);
	f->v = f->rig.v;
	iol_bus_init(&f->bus);
	iol_irq_wire_init(&f->wire, -1, 17, 17);
	pthread_mutex_init(&f->gate_lock, NULL);
	pthread_cond_init(&f->gate_cond, NULL);
	if (iol_virtio_mmio_new(f->v, &config, &f->dev, &err))
		g_error("%s", err.msg);
}

static void setup(struct fixture *f, const void *data)
{
	(void)data;
	f->kvm_fd = f->vm_fd = -1;
	iol_gate_take(); /* of an earlier test, on this thread */
	plug(f);
}

static void teardown(struct fixture *f, const void *data)
{
	(void)data;
	f->dev->ops->free(f->dev);
	g_assert_cmpuint(f->wire.asserted, ==, 0);
	g_assert_cmpuint(f->bus.count, ==, 0);
	virtio_rig_finish(&f->rig);
	iol_irq_wire_finish(&f->wire);
	iol_bus_finish(&f->bus);
	pthread_mutex_destroy(&f->gate_lock);
	pthread_cond_destroy(&f->gate_cond);
	if (f->vm_fd >= 0)
		close(f->vm_fd);
	if (f->kvm_fd >= 0)
		close(f->kvm_fd);
}

/* 4.2.3.1.1, 3.1.1 */
static void negotiate(struct fixture *f, uint64_t features)
{
	put(f, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	put(f, VIRTIO_MMIO_STATUS, STATUS_DRIVER);
	for (uint32_t word = 0; word < 2; word++) {
		put(f, VIRTIO_MMIO_DRIVER_FEATURES_SEL, word);
		put(f, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(features >> 32 * word));
	}
	put(f, VIRTIO_MMIO_STATUS, STATUS_FEATURES);
	g_assert_cmphex(get(f, VIRTIO_MMIO_STATUS), ==, STATUS_FEATURES);
}

/* 4.2.3.2 */
static void put_queue(struct fixture *f, uint32_t queue, const struct virtio_driver_setup *setup)
{
	put(f, VIRTIO_MMIO_QUEUE_SEL, queue);
	g_assert_cmpuint(get(f, VIRTIO_MMIO_QUEUE_READY), ==, 0);
	g_assert_cmpuint(get(f, VIRTIO_MMIO_QUEUE_NUM_MAX), ==, VIRTIO_FAKE_QUEUE_SIZE);
	put(f, VIRTIO_MMIO_QUEUE_NUM, setup->size);
	put(f, VIRTIO_MMIO_QUEUE_DESC_LOW, (uint32_t)setup->desc_gpa);
	put(f, VIRTIO_MMIO_QUEUE_DESC_HIGH, (uint32_t)(setup->desc_gpa >> 32));
	put(f, VIRTIO_MMIO_QUEUE_AVAIL_LOW, (uint32_t)setup->avail_gpa);
	put(f, VIRTIO_MMIO_QUEUE_AVAIL_HIGH, (uint32_t)(setup->avail_gpa >> 32));
	put(f, VIRTIO_MMIO_QUEUE_USED_LOW, (uint32_t)setup->used_gpa);
	put(f, VIRTIO_MMIO_QUEUE_USED_HIGH, (uint32_t)(setup->used_gpa >> 32));
	put(f, VIRTIO_MMIO_QUEUE_READY, 1);
	g_assert_cmpuint(get(f, VIRTIO_MMIO_QUEUE_READY), ==, 1);
}

static void start(struct fixture *f, uint64_t features)
{
	negotiate(f, features | RIG_VERSION_1);
	for (uint32_t i = 0; i < RIG_QUEUES; i++)
		put_queue(f, i, &rig_make_rings(&f->rig, i, features)->setup);
	put(f, VIRTIO_MMIO_STATUS, STATUS_OK);
	rig_settle(&f->rig);
	g_assert_cmphex(get(f, VIRTIO_MMIO_STATUS), ==, STATUS_OK);
	g_assert_cmpint(f->v->state, ==, IOL_VIRTIO_RUNNING);
}

static void request(struct fixture *f, uint32_t queue)
{
	if (rig_request(&f->rig, queue))
		put(f, VIRTIO_MMIO_QUEUE_NOTIFY, queue);
	rig_settle(&f->rig);
}

static void ack(struct fixture *f, uint32_t bits)
{
	put(f, VIRTIO_MMIO_INTERRUPT_ACK, bits);
}

/* --- the register map --- */

static void test_identity(struct fixture *f, const void *data)
{
	(void)data;
	g_assert_cmphex(get(f, VIRTIO_MMIO_MAGIC_VALUE), ==, 0x74726976);
	g_assert_cmphex(get(f, VIRTIO_MMIO_VERSION), ==, 2);
	g_assert_cmphex(get(f, VIRTIO_MMIO_DEVICE_ID), ==, VIRTIO_FAKE_ID);
	g_assert_cmphex(get(f, VIRTIO_MMIO_VENDOR_ID), ==, 0x6c6f69);
	g_assert_cmphex(get(f, VIRTIO_MMIO_STATUS), ==, 0);
	g_assert_cmphex(get(f, VIRTIO_MMIO_INTERRUPT_STATUS), ==, 0);
	/* No shared memory region, whatever is selected (4.2.2). */
	for (uint32_t id = 0; id < 3; id++) {
		put(f, VIRTIO_MMIO_SHM_SEL, id);
		for (uint64_t at = VIRTIO_MMIO_SHM_LEN_LOW; at <= VIRTIO_MMIO_SHM_BASE_HIGH;
		     at += 4)
			g_assert_cmphex(get(f, at), ==, UINT32_MAX);
	}
}

/* Registers that a driver only writes, and offsets that mean nothing, read as zero. */
static void test_other_offsets(struct fixture *f, const void *data)
{
	static const uint16_t readable[] = {
		VIRTIO_MMIO_MAGIC_VALUE,   VIRTIO_MMIO_VERSION,         VIRTIO_MMIO_DEVICE_ID,
		VIRTIO_MMIO_VENDOR_ID,     VIRTIO_MMIO_DEVICE_FEATURES, VIRTIO_MMIO_QUEUE_NUM_MAX,
		VIRTIO_MMIO_SHM_LEN_LOW,   VIRTIO_MMIO_SHM_LEN_HIGH,    VIRTIO_MMIO_SHM_BASE_LOW,
		VIRTIO_MMIO_SHM_BASE_HIGH,
	};
	uint32_t before[64];

	(void)data;
	for (unsigned int i = 0; i < 64; i++)
		before[i] = get(f, 4 * i);
	for (unsigned int i = 0; i < 64; i++) {
		bool known = false;

		for (size_t k = 0; k < IOL_ARRAY_LEN(readable); k++)
			known |= readable[k] == 4 * i;
		if (!known)
			g_assert_cmphex(before[i], ==, 0);
		/* Only the selectors change what another register shows. */
		if (4 * i == VIRTIO_MMIO_STATUS || 4 * i == VIRTIO_MMIO_DEVICE_FEATURES_SEL ||
		    4 * i == VIRTIO_MMIO_QUEUE_SEL || 4 * i == VIRTIO_MMIO_DRIVER_FEATURES_SEL)
			continue;
		put(f, 4 * i, UINT32_MAX);
		for (unsigned int k = 0; k < 64; k++)
			g_assert_cmphex(get(f, 4 * k), ==, before[k]);
	}
	/* The region's end. */
	g_assert_false(iol_bus_write(&f->bus, BASE + IOL_VIRTIO_MMIO_BYTES, 1, 0));
	g_assert_false(iol_bus_write(&f->bus, BASE + IOL_VIRTIO_MMIO_BYTES - 4, 8, 0));
}

/* 4.2.2.2: registers are 32 bits wide and aligned; all else reads as zero and does nothing. */
static void test_widths(struct fixture *f, const void *data)
{
	static const unsigned int widths[] = { 1, 2, 8 };

	(void)data;
	start(f, 0);
	for (size_t w = 0; w < IOL_ARRAY_LEN(widths); w++) {
		for (uint64_t at = 0; at < VIRTIO_MMIO_CONFIG; at++) {
			put_wide(f, at, widths[w], 0);
			g_assert_cmphex(get_wide(f, at, widths[w]), ==, 0);
		}
	}
	for (uint64_t at = 0; at < VIRTIO_MMIO_CONFIG; at++) {
		if (at % 4 == 0)
			continue;
		put(f, at, 0);
		g_assert_cmphex(get(f, at), ==, 0);
	}
	g_assert_cmphex(get(f, VIRTIO_MMIO_STATUS), ==, STATUS_OK);
	put(f, VIRTIO_MMIO_STATUS, 0x100); /* not 0, and no bit that is one */
	g_assert_cmphex(get(f, VIRTIO_MMIO_STATUS), ==, STATUS_OK);
	request(f, 1);
	g_assert_cmpuint(rig_answers(&f->rig, 1), ==, 1);
}

static void test_features(struct fixture *f, const void *data)
{
	const uint64_t offered = RIG_VERSION_1 | RIG_EVENT_IDX | RIG_INDIRECT | RIG_OWN;
	uint64_t shown = 0;

	(void)data;
	for (uint32_t word = 0; word < 2; word++) {
		put(f, VIRTIO_MMIO_DEVICE_FEATURES_SEL, word);
		shown |= (uint64_t)get(f, VIRTIO_MMIO_DEVICE_FEATURES) << 32 * word;
	}
	g_assert_cmphex(shown, ==, offered);
	put(f, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 2);
	g_assert_cmphex(get(f, VIRTIO_MMIO_DEVICE_FEATURES), ==, 0);
	negotiate(f, offered);
	g_assert_cmphex(f->v->features, ==, offered);
	/* A reset puts the selectors back. */
	put(f, VIRTIO_MMIO_STATUS, 0);
	g_assert_cmphex(get(f, VIRTIO_MMIO_DEVICE_FEATURES), ==, (uint32_t)offered);
}

static void test_queues(struct fixture *f, const void *data)
{
	static const uint32_t beyond[] = { RIG_QUEUES, 31, 32, 0xffff, 0x10000, UINT32_MAX };

	(void)data;
	for (size_t i = 0; i < IOL_ARRAY_LEN(beyond); i++) {
		put(f, VIRTIO_MMIO_QUEUE_SEL, beyond[i]);
		g_assert_cmpuint(get(f, VIRTIO_MMIO_QUEUE_NUM_MAX), ==, 0);
		put(f, VIRTIO_MMIO_QUEUE_READY, 1);
		g_assert_cmpuint(get(f, VIRTIO_MMIO_QUEUE_READY), ==, 0);
	}
	start(f, RIG_EVENT_IDX);
	for (uint32_t i = 0; i < RIG_QUEUES; i++) {
		const struct virtio_driver_setup *s = &f->rig.drivers[i].setup;

		g_assert_cmphex(f->v->queues[i].desc_gpa, ==, s->desc_gpa);
		g_assert_cmphex(f->v->queues[i].avail_gpa, ==, s->avail_gpa);
		g_assert_cmphex(f->v->queues[i].used_gpa, ==, s->used_gpa);
		g_assert_cmpuint(f->v->queues[i].size, ==, s->size);
		request(f, i);
		g_assert_cmpuint(rig_answers(&f->rig, i), ==, 1);
	}
	for (size_t i = 0; i < IOL_ARRAY_LEN(beyond); i++)
		put(f, VIRTIO_MMIO_QUEUE_NOTIFY, beyond[i]);
	rig_settle(&f->rig);
	/* 4.2.2.1: a reset clears QueueReady of all queues. */
	put(f, VIRTIO_MMIO_STATUS, 0);
	rig_settle(&f->rig);
	for (uint32_t i = 0; i < RIG_QUEUES; i++) {
		put(f, VIRTIO_MMIO_QUEUE_SEL, i);
		g_assert_cmpuint(get(f, VIRTIO_MMIO_QUEUE_READY), ==, 0);
	}
}

static void test_config(struct fixture *f, const void *data)
{
	static const unsigned int widths[] = { 1, 2, 4, 8 };
	const uint8_t byte = 0xee;
	uint32_t generation = get(f, VIRTIO_MMIO_CONFIG_GENERATION);

	(void)data;
	for (size_t w = 0; w < IOL_ARRAY_LEN(widths); w++) {
		for (unsigned int at = 0; at + widths[w] <= IOL_VIRTIO_CONFIG_BYTES; at++) {
			uint64_t value = get_wide(f, VIRTIO_MMIO_CONFIG + at, widths[w]);

			for (unsigned int i = 0; i < widths[w]; i++, value >>= 8)
				g_assert_cmphex(value & 0xff, ==,
						at + i < VIRTIO_FAKE_CONFIG_BYTES
							? virtio_fake_config(at + i)
							: 0);
		}
	}
	put_wide(f, VIRTIO_MMIO_CONFIG + 6, 1, 0x3c);
	g_assert_cmphex(get_wide(f, VIRTIO_MMIO_CONFIG + 6, 1), ==, 0x3c);
	put_wide(f, VIRTIO_MMIO_CONFIG + 5, 1, 0x3c);
	g_assert_cmphex(get_wide(f, VIRTIO_MMIO_CONFIG + 5, 1), ==, virtio_fake_config(5));
	iol_virtio_set_config(f->v, 0, &byte, 1);
	g_assert_cmphex(get_wide(f, VIRTIO_MMIO_CONFIG, 1), ==, byte);
	g_assert_cmpuint(get(f, VIRTIO_MMIO_CONFIG_GENERATION), !=, generation);
}

/* --- interrupts --- */

static void test_interrupts(struct fixture *f, const void *data)
{
	const uint8_t byte = 1;

	(void)data;
	start(f, 0);
	g_assert_cmpuint(f->wire.asserted, ==, 0);
	request(f, 0);
	g_assert_cmphex(get(f, VIRTIO_MMIO_INTERRUPT_STATUS), ==, VIRTIO_MMIO_INT_VRING);
	g_assert_cmphex(get(f, VIRTIO_MMIO_INTERRUPT_STATUS), ==, VIRTIO_MMIO_INT_VRING);
	g_assert_cmpuint(f->wire.asserted, ==, 1);
	iol_virtio_set_config(f->v, 0, &byte, 1);
	g_assert_cmphex(get(f, VIRTIO_MMIO_INTERRUPT_STATUS), ==,
			VIRTIO_MMIO_INT_VRING | VIRTIO_MMIO_INT_CONFIG);
	/* The level stays while one of them does. */
	ack(f, VIRTIO_MMIO_INT_VRING);
	g_assert_cmphex(get(f, VIRTIO_MMIO_INTERRUPT_STATUS), ==, VIRTIO_MMIO_INT_CONFIG);
	g_assert_cmpuint(f->wire.asserted, ==, 1);
	ack(f, ~(uint32_t)VIRTIO_MMIO_INT_CONFIG);
	g_assert_cmpuint(f->wire.asserted, ==, 1);
	ack(f, VIRTIO_MMIO_INT_CONFIG);
	g_assert_cmpuint(f->wire.asserted, ==, 0);
	g_assert_cmphex(get(f, VIRTIO_MMIO_INTERRUPT_STATUS), ==, 0);

	/* 4.2.2.1: a reset clears it. */
	request(f, 1);
	g_assert_cmpuint(f->wire.asserted, ==, 1);
	put(f, VIRTIO_MMIO_STATUS, 0);
	rig_settle(&f->rig);
	g_assert_cmpuint(f->wire.asserted, ==, 0);
	g_assert_cmphex(get(f, VIRTIO_MMIO_INTERRUPT_STATUS), ==, 0);

	start(f, 0);
	iol_virtio_break(f->v, "the test wants it");
	g_assert_cmphex(get(f, VIRTIO_MMIO_STATUS), ==, STATUS_OK | VIRTIO_CONFIG_S_NEEDS_RESET);
	g_assert_cmphex(get(f, VIRTIO_MMIO_INTERRUPT_STATUS), ==, VIRTIO_MMIO_INT_CONFIG);
	g_assert_cmpuint(f->wire.asserted, ==, 1);
}

/* --- resets --- */

/* The machine's gate as a vCPU finds it. Linux takes a reset for done when the write is. */
static bool gate_is_closed(struct fixture *f, struct iol_gate *gate)
{
	bool closed;

	pthread_mutex_lock(&f->gate_lock);
	closed = gate->closed;
	pthread_mutex_unlock(&f->gate_lock);
	return closed;
}

static void test_gate(struct fixture *f, const void *data)
{
	struct iol_gate *gate;

	(void)data;
	start(f, 0);
	g_assert_null(iol_gate_take());
	f->rig.fake.mode = VIRTIO_FAKE_HOLD;
	request(f, 0);
	put(f, VIRTIO_MMIO_STATUS, 0);
	gate = iol_gate_take();
	g_assert_nonnull(gate);
	g_assert_null(iol_gate_take());
	rig_settle(&f->rig);
	g_assert_true(gate_is_closed(f, gate));
	/* Another vCPU's access meanwhile: it sees the old status, and its own reset waits as well. */
	g_assert_cmphex(get(f, VIRTIO_MMIO_STATUS), ==, STATUS_OK);
	put(f, VIRTIO_MMIO_STATUS, 0);
	g_assert_true(iol_gate_take() == gate);
	g_assert_true(gate_is_closed(f, gate));
	virtio_fake_complete(&f->rig.fake, 1);
	rig_settle(&f->rig);
	g_assert_false(gate_is_closed(f, gate));
	g_assert_cmphex(get(f, VIRTIO_MMIO_STATUS), ==, 0);

	/* Nothing to wait for: open again within the access. */
	put(f, VIRTIO_MMIO_STATUS, 0);
	gate = iol_gate_take();
	g_assert_true(!gate || !gate_is_closed(f, gate));
	/* No other write closes it. */
	start(f, 0);
	g_assert_null(iol_gate_take());
}

static void test_machine_reset(struct fixture *f, const void *data)
{
	struct iol_quiesce quiesce = { .pending = 1 };
	struct iol_gate *gate;

	(void)data;
	start(f, 0);
	request(f, 0);
	put_wide(f, VIRTIO_MMIO_CONFIG + 6, 1, 0x3c);
	put(f, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	put(f, VIRTIO_MMIO_STATUS, 0); /* a vCPU is at the gate */
	gate = iol_gate_take();
	g_assert_true(f->dev->ops->quiesce(f->dev, &quiesce));
	g_assert_false(gate_is_closed(f, gate));
	f->dev->ops->reset(f->dev);
	g_assert_cmphex(get(f, VIRTIO_MMIO_STATUS), ==, 0);
	g_assert_cmphex(get(f, VIRTIO_MMIO_INTERRUPT_STATUS), ==, 0);
	g_assert_cmpuint(f->wire.asserted, ==, 0);
	g_assert_cmphex(get(f, VIRTIO_MMIO_DEVICE_FEATURES), ==, (uint32_t)f->v->offered);
	g_assert_cmphex(get_wide(f, VIRTIO_MMIO_CONFIG + 6, 1), ==, virtio_fake_config(6));
	start(f, 0);
	request(f, 0);
	g_assert_cmpuint(rig_answers(&f->rig, 0), ==, 1);

	/* And one that is asked to hurry. */
	f->rig.fake.mode = VIRTIO_FAKE_HOLD;
	request(f, 0);
	quiesce = (struct iol_quiesce){ .pending = 2 };
	g_assert_false(f->dev->ops->quiesce(f->dev, &quiesce));
	f->dev->ops->cancel(f->dev);
	rig_settle(&f->rig);
	g_assert_cmpuint(f->rig.fake.cancels, ==, 1);
	g_assert_cmpuint(quiesce.pending, ==, 1);
	f->dev->ops->reset(f->dev);
}

/* --- its place --- */

static void test_place_taken(struct fixture *f, const void *data)
{
	const struct iol_virtio_mmio_config config = { .bus = &f->bus, .base = BASE + 4 };
	struct virtio_rig other = { 0 };
	struct iol_device *dev;
	struct iol_error err;

	(void)data;
	virtio_rig_init(&other, -1);
	g_assert_cmpint(iol_virtio_mmio_new(other.v, &config, &dev, &err), ==, -EEXIST);
	g_assert_nonnull(strstr(err.msg, "overlaps"));
	/* It is the caller's still. */
	other.v->ops->free(other.v);
	virtio_rig_finish(&other);
	g_assert_cmphex(get(f, VIRTIO_MMIO_MAGIC_VALUE), ==, 0x74726976);
}

/* With a real machine QueueNotify is bound to the kicks, a value for each. */
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
	plug(&f);
	for (uint32_t i = 0; i < RIG_QUEUES; i++) {
		const struct iol_kick *kick = &f.v->queues[i].kick;

		g_assert_true(kick->bound);
		g_assert_cmphex(kick->gpa, ==, BASE + VIRTIO_MMIO_QUEUE_NOTIFY);
		g_assert_true(kick->has_value);
		g_assert_cmpuint(kick->value, ==, i);
	}
	teardown(&f, NULL);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(struct fixture *f, const void *data);
	} tests[] = {
		{ "/virtio-mmio/identity", test_identity },
		{ "/virtio-mmio/other-offsets", test_other_offsets },
		{ "/virtio-mmio/widths", test_widths },
		{ "/virtio-mmio/features", test_features },
		{ "/virtio-mmio/queues", test_queues },
		{ "/virtio-mmio/config", test_config },
		{ "/virtio-mmio/interrupts", test_interrupts },
		{ "/virtio-mmio/gate", test_gate },
		{ "/virtio-mmio/machine-reset", test_machine_reset },
		{ "/virtio-mmio/place-taken", test_place_taken },
	};

	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < IOL_ARRAY_LEN(tests); i++)
		g_test_add(tests[i].name, struct fixture, NULL, setup, tests[i].run, teardown);
	g_test_add_func("/virtio-mmio/kicks-of-kvm", test_kicks_of_kvm);
	return g_test_run();
}
