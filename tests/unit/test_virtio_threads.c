// SPDX-License-Identifier: Apache-2.0
/*
 * vCPUs at the registers of a device that the loop serves: setting up, notifying, changing the
 * configuration and resetting, all at once. What is checked beside the rules of the threads (run
 * it under ThreadSanitizer): no vCPU waits for ever, and the device works in the end.
 */
#include <iolite/virtio_mmio.h>

#include <linux/virtio_mmio.h>

#include "virtio_rig.h"
#include "virtio_vcpus.h"
#include "vmm/gate.h"

#define MMIO_BASE UINT64_C(0xd0000000)

enum { ROUNDS = 300 };

/* An MMIO device, with the gate of a machine. */
struct fixture {
	struct virtio_rig rig;
	struct iol_virtio *v;
	struct iol_bus bus;
	struct iol_irq_wire wire;
	struct iol_device *dev;
	pthread_mutex_t gate_lock;
	pthread_cond_t gate_cond;
};

static void setup(struct fixture *f, const void *data)
{
	const struct iol_virtio_mmio_config config = {
		.bus = &f->bus,
		.base = MMIO_BASE,
		.irq = &f->wire,
		.gate_lock = &f->gate_lock,
		.gate_cond = &f->gate_cond,
	};

	(void)data;
	virtio_rig_init(&f->rig, -1);
	f->v = f->rig.v;
	iol_bus_init(&f->bus);
	iol_irq_wire_init(&f->wire, -1, 17, 17);
	pthread_mutex_init(&f->gate_lock, NULL);
	pthread_cond_init(&f->gate_cond, NULL);
	g_assert_cmpint(iol_virtio_mmio_new(f->v, &config, &f->dev, NULL), ==, 0);
	for (unsigned int i = 0; i < RIG_QUEUES; i++)
		rig_make_rings(&f->rig, i, 0);
}

static void teardown(struct fixture *f, const void *data)
{
	(void)data;
	f->dev->ops->free(f->dev);
	virtio_rig_finish(&f->rig);
	iol_irq_wire_finish(&f->wire);
	iol_bus_finish(&f->bus);
	pthread_mutex_destroy(&f->gate_lock);
	pthread_cond_destroy(&f->gate_cond);
}

/* What a vCPU does after an access: it stands while a gate is closed that it closed. */
static void pass_gate(struct fixture *f)
{
	struct iol_gate *gate = iol_gate_take();

	if (!gate)
		return;
	pthread_mutex_lock(&f->gate_lock);
	while (gate->closed)
		pthread_cond_wait(&f->gate_cond, &f->gate_lock);
	pthread_mutex_unlock(&f->gate_lock);
}

static void put(struct fixture *f, uint64_t offset, uint32_t value)
{
	iol_bus_write(&f->bus, MMIO_BASE + offset, 4, value);
	pass_gate(f);
}

static uint32_t get(struct fixture *f, uint64_t offset)
{
	uint64_t value;

	iol_bus_read(&f->bus, MMIO_BASE + offset, 4, &value);
	return (uint32_t)value;
}

static void put_queue(struct fixture *f, uint32_t queue)
{
	const struct virtio_driver_setup *s = &f->rig.drivers[queue].setup;

	put(f, VIRTIO_MMIO_QUEUE_SEL, queue);
	put(f, VIRTIO_MMIO_QUEUE_NUM, s->size);
	put(f, VIRTIO_MMIO_QUEUE_DESC_LOW, (uint32_t)s->desc_gpa);
	put(f, VIRTIO_MMIO_QUEUE_AVAIL_LOW, (uint32_t)s->avail_gpa);
	put(f, VIRTIO_MMIO_QUEUE_USED_LOW, (uint32_t)s->used_gpa);
	put(f, VIRTIO_MMIO_QUEUE_READY, 1);
}

static void bring_up(struct fixture *f)
{
	put(f, VIRTIO_MMIO_STATUS, STATUS_DRIVER);
	put(f, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	put(f, VIRTIO_MMIO_DRIVER_FEATURES, RIG_VERSION_1 >> 32);
	put(f, VIRTIO_MMIO_STATUS, STATUS_FEATURES);
	for (uint32_t i = 0; i < RIG_QUEUES; i++)
		put_queue(f, i);
	put(f, VIRTIO_MMIO_STATUS, STATUS_OK);
}

/* Each vCPU believes to be the driver. */
static void hammer(struct vcpu *vcpu)
{
	struct fixture *f = vcpu->owner;
	GRand *rand = g_rand_new_with_seed(vcpu->idx);

	for (unsigned int n = 0; n < ROUNDS; n++) {
		uint64_t value;

		switch (g_rand_int_range(rand, 0, 8)) {
		case 0:
			put(f, VIRTIO_MMIO_STATUS, 0);
			break;
		case 1:
		case 2:
			bring_up(f);
			break;
		case 3:
			put(f, VIRTIO_MMIO_STATUS, (uint32_t)g_rand_int(rand) & 0xff);
			break;
		case 4:
			put(f, (uint64_t)g_rand_int_range(rand, 0, 64) * 4, g_rand_int(rand));
			break;
		case 5:
			for (unsigned int i = 0; i < 10; i++)
				put(f, VIRTIO_MMIO_QUEUE_NOTIFY, i % 3);
			break;
		case 6:
			iol_bus_write(&f->bus, MMIO_BASE + VIRTIO_MMIO_CONFIG + 6, 1, n);
			iol_bus_read(&f->bus, MMIO_BASE + VIRTIO_MMIO_CONFIG, 8, &value);
			break;
		default:
			get(f, VIRTIO_MMIO_CONFIG_GENERATION);
			put(f, VIRTIO_MMIO_INTERRUPT_ACK, get(f, VIRTIO_MMIO_INTERRUPT_STATUS));
			break;
		}
	}
	g_rand_free(rand);
}

/* Nothing is left that a reset does not mend. */
static void assert_works(struct fixture *f)
{
	put(f, VIRTIO_MMIO_STATUS, 0);
	g_assert_cmphex(get(f, VIRTIO_MMIO_STATUS), ==, 0);
	for (unsigned int i = 0; i < RIG_QUEUES; i++)
		rig_make_rings(&f->rig, i, 0);
	bring_up(f);
	rig_settle(&f->rig);
	g_assert_cmphex(get(f, VIRTIO_MMIO_STATUS), ==, STATUS_OK);
	for (unsigned int i = 0; i < RIG_QUEUES; i++) {
		rig_request(&f->rig, i);
		put(f, VIRTIO_MMIO_QUEUE_NOTIFY, i);
		rig_settle(&f->rig);
		g_assert_cmpuint(rig_answers(&f->rig, i), ==, 1);
	}
}

static void reset_last(struct vcpu *vcpu)
{
	put(vcpu->owner, VIRTIO_MMIO_STATUS, 0);
	g_assert_cmphex(get(vcpu->owner, VIRTIO_MMIO_STATUS), ==, 0);
}

static void test_hammer(struct fixture *f, const void *data)
{
	f->v->log_limit.burst = 0;
	if (data)
		iol_loop_set_polling(&f->rig.loop, 50 * IOL_NS_PER_US);
	f->rig.fake.mode = VIRTIO_FAKE_LATER;
	vcpus_run(&f->rig.loop, hammer, f);
	vcpus_run(&f->rig.loop, reset_last, f);
	assert_works(f);
}

/* One driver for each queue, and a vCPU that notifies for nothing. */
static void drive(struct vcpu *vcpu)
{
	struct fixture *f = vcpu->owner;

	if (vcpu->idx >= RIG_QUEUES) {
		for (unsigned int n = 0; n < ROUNDS; n++)
			put(f, VIRTIO_MMIO_QUEUE_NOTIFY, n % 3);
		return;
	}
	for (unsigned int n = 0; n < ROUNDS; n++) {
		unsigned int got = 0;

		if (rig_request(&f->rig, vcpu->idx))
			put(f, VIRTIO_MMIO_QUEUE_NOTIFY, vcpu->idx);
		while (!got) {
			got = rig_answers(&f->rig, vcpu->idx);
			put(f, VIRTIO_MMIO_INTERRUPT_ACK, get(f, VIRTIO_MMIO_INTERRUPT_STATUS));
		}
		g_assert_cmpuint(got, ==, 1);
	}
}

static void test_drive(struct fixture *f, const void *data)
{
	static const enum virtio_fake_mode modes[] = { VIRTIO_FAKE_NOW, VIRTIO_FAKE_LATER };

	if (data)
		iol_loop_set_polling(&f->rig.loop, 50 * IOL_NS_PER_US);
	for (size_t i = 0; i < IOL_ARRAY_LEN(modes); i++) {
		f->rig.fake.mode = modes[i];
		put(f, VIRTIO_MMIO_STATUS, 0);
		bring_up(f);
		vcpus_run(&f->rig.loop, drive, f);
		g_assert_cmpuint(f->v->in_flight, ==, 0);
		vcpus_run(&f->rig.loop, reset_last, f);
		for (unsigned int k = 0; k < RIG_QUEUES; k++)
			rig_make_rings(&f->rig, k, 0);
	}
}

/* What Linux relies on: the write of 0 is over when the reset is, however the loop's thread runs. */
static void reset_often(struct vcpu *vcpu)
{
	struct fixture *f = vcpu->owner;

	for (unsigned int n = 0; n < 2 * ROUNDS; n++) {
		if (vcpu->idx) {
			put(f, VIRTIO_MMIO_QUEUE_NOTIFY, n % 2);
			continue;
		}
		bring_up(f);
		put(f, VIRTIO_MMIO_STATUS, 0);
		g_assert_cmphex(get(f, VIRTIO_MMIO_STATUS), ==, 0);
	}
}

static void test_reset(struct fixture *f, const void *data)
{
	if (data)
		iol_loop_set_polling(&f->rig.loop, 50 * IOL_NS_PER_US);
	f->rig.fake.mode = VIRTIO_FAKE_LATER;
	vcpus_run(&f->rig.loop, reset_often, f);
	assert_works(f);
}

int main(int argc, char **argv)
{
	static const char polling[] = "polling";
	static const struct {
		const char *name, *data;
		void (*run)(struct fixture *f, const void *data);
	} tests[] = {
		{ "/virtio-threads/hammer", NULL, test_hammer },
		{ "/virtio-threads/hammer/polling", polling, test_hammer },
		{ "/virtio-threads/reset", NULL, test_reset },
		{ "/virtio-threads/reset/polling", polling, test_reset },
		{ "/virtio-threads/drive", NULL, test_drive },
		{ "/virtio-threads/drive/polling", polling, test_drive },
	};

	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < IOL_ARRAY_LEN(tests); i++)
		g_test_add(tests[i].name, struct fixture, tests[i].data, setup, tests[i].run,
			   teardown);
	return g_test_run();
}
