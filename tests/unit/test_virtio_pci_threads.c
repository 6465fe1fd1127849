// SPDX-License-Identifier: Apache-2.0
/*
 * vCPUs that move BARs, switch and mask interrupts, reset and set up a device on the PCI bus, while
 * the loop serves and interrupts it. Run it under ThreadSanitizer; in the end the device works.
 */
#include <sched.h>
#include <stdatomic.h>

#include "virtio_pci_rig.h"
#include "virtio_vcpus.h"

enum { ROUNDS = 20, TURNS_BETWEEN = 8 };

struct owner {
	struct fixture *f;
	atomic_bool over;
	bool (*enough)(void); /* may be NULL; else rounds go on until it says so */
};

static const uint64_t places[] = { 0x90000000, 0xa0000000 };

/* By the BAR, wherever it is just now: an access that finds nobody is one too. */
static void put_everywhere(struct fixture *f, uint64_t offset, unsigned int len, uint64_t value)
{
	for (size_t i = 0; i < IOL_ARRAY_LEN(places); i++)
		iol_bus_write(&f->mmio, places[i] + offset, len, value);
}

/* By the window, which is there whatever becomes of the BAR, and this vCPU's only. */
static void put(struct fixture *f, uint64_t offset, unsigned int len, uint64_t value)
{
	window_at(f, 0, (uint32_t)(f->at[VIRTIO_PCI_CAP_COMMON_CFG] + offset), len);
	cfg_put(f, window_data(f), len, value);
}

static uint64_t get(struct fixture *f, uint64_t offset, unsigned int len)
{
	window_at(f, 0, (uint32_t)(f->at[VIRTIO_PCI_CAP_COMMON_CFG] + offset), len);
	return cfg_get(f, window_data(f), len);
}

static void bring_up(struct fixture *f)
{
	put(f, VIRTIO_PCI_COMMON_STATUS, 1, STATUS_DRIVER);
	put(f, VIRTIO_PCI_COMMON_GFSELECT, 4, 1);
	put(f, VIRTIO_PCI_COMMON_GF, 4, RIG_VERSION_1 >> 32);
	put(f, VIRTIO_PCI_COMMON_STATUS, 1, STATUS_FEATURES);
	for (uint16_t i = 0; i < RIG_QUEUES; i++) {
		const struct virtio_driver_setup *s = &f->rig.drivers[i].setup;

		put(f, VIRTIO_PCI_COMMON_Q_SELECT, 2, i);
		put(f, VIRTIO_PCI_COMMON_Q_DESCLO, 4, s->desc_gpa);
		put(f, VIRTIO_PCI_COMMON_Q_AVAILLO, 4, s->avail_gpa);
		put(f, VIRTIO_PCI_COMMON_Q_USEDLO, 4, s->used_gpa);
		put(f, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	}
	put(f, VIRTIO_PCI_COMMON_STATUS, 1, STATUS_OK);
}

static void one_step(struct fixture *f, uint32_t random)
{
	uint32_t value = random >> 8;
	uint64_t read;

	switch (random % 6) {
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
		iol_bus_write(&f->mmio, f->bars[1] + value % 3 * 16 + PCI_MSIX_ENTRY_VECTOR_CTRL, 4,
			      value >> 8 & 1);
		break;
	case 4:
		put_everywhere(f, VIRTIO_PCI_COMMON_MSIX, 2, value % 4);
		put_everywhere(f, VIRTIO_PCI_COMMON_Q_MSIX, 2, value % 4);
		break;
	default:
		for (unsigned int i = 0; i < RIG_QUEUES; i++)
			put_everywhere(f, f->at[VIRTIO_PCI_CAP_NOTIFY_CFG] + 4 * i, 2, 0);
		iol_bus_read(&f->mmio, places[0] + f->at[VIRTIO_PCI_CAP_ISR_CFG], 1, &read);
		cfg_get(f, PCI_STATUS, 2);
		break;
	}
}

static void fill_rings(struct fixture *f)
{
	for (unsigned int i = 0; i < RIG_QUEUES; i++) {
		rig_make_rings(&f->rig, i, 0);
		for (unsigned int n = 0; n < VIRTIO_FAKE_QUEUE_SIZE / 2; n++)
			rig_request(&f->rig, i);
	}
}

/* Sets the device up, has its requests answered, and resets it: again and again. */
static void drive(struct fixture *f, bool (*enough)(void))
{
	for (unsigned int n = 0; n < ROUNDS || (enough && !enough()); n++) {
		unsigned int answers = 0;

		fill_rings(f);
		bring_up(f);
		while (answers < RIG_QUEUES * VIRTIO_FAKE_QUEUE_SIZE / 2) {
			answers += rig_answers(&f->rig, 0) + rig_answers(&f->rig, 1);
			sched_yield();
		}
		put(f, VIRTIO_PCI_COMMON_STATUS, 1, 0);
		while (get(f, VIRTIO_PCI_COMMON_STATUS, 1))
			sched_yield();
	}
}

static void hammer(struct vcpu *vcpu)
{
	struct owner *owner = vcpu->owner;
	GRand *rand = g_rand_new_with_seed(vcpu->idx);

	if (!vcpu->idx) {
		drive(owner->f, owner->enough);
		owner->over = true;
	}
	while (!owner->over)
		one_step(owner->f, g_rand_int(rand));
	g_rand_free(rand);
}

/* Has queue 0 lent and taken back all the time, with calls. */
struct lender {
	struct iol_post post;
	struct fixture *f;
	struct iol_virtio_ops ops;
	struct iol_virtio_loan loan;
	atomic_bool over;
	atomic_uint loans;
	unsigned int turns;
};

static struct lender lender;

/* How often the loop finds a device that runs depends on when the host lets its thread run. */
static bool lent_enough(void)
{
	return lender.loans >= ROUNDS;
}

static void take_back(struct iol_virtio *v)
{
	if (v->queues[0].lent)
		iol_virtio_take_back(v, 0, lender.loan.rings.avail_idx);
}

static void lend_or_take_back(struct iol_post *post)
{
	struct iol_virtio *v = lender.f->v;
	const uint64_t one = 1;

	if (v->queues[0].lent) {
		g_assert_cmpint(write(lender.loan.call_fd, &one, sizeof(one)), ==, sizeof(one));
		take_back(v);
	} else if (++lender.turns % TURNS_BETWEEN == 0 && v->state == IOL_VIRTIO_RUNNING &&
		   v->queues[0].vq.size && !iol_virtio_lend(v, 0, &lender.loan, NULL)) {
		lender.loans++;
	}
	if (!lender.over)
		iol_loop_post(v->loop, post);
}

static void hammer_lent(struct vcpu *vcpu)
{
	hammer(vcpu);
	lender.over = true;
}

static void setup_lent(struct fixture *f, const void *data)
{
	fake_kvm_reset();
	f->fake_router = true;
	setup(f, data);
}

static void test_lent(struct fixture *f, const void *data)
{
	struct owner owner = { .f = f, .enough = lent_enough };

	(void)data;
	lender.f = f;
	lender.post.run = lend_or_take_back;
	lender.ops = *f->v->ops;
	lender.ops.stop = take_back;
	f->v->ops = &lender.ops;
	iol_loop_post(&f->rig.loop, &lender.post);
	vcpus_run(&f->rig.loop, hammer_lent, &owner);
	rig_settle(&f->rig);
	take_back(f->v);
	decode(f);
	msix_flags(f, 0);
	reset(f);
	for (unsigned int i = 0; i < FAKE_KVM_GSIS; i++)
		g_assert_cmpuint(fake_kvm.bound[i], <=, 1);
	assert_works(f);
}

static void test_hammer(struct fixture *f, const void *data)
{
	struct owner owner = { .f = f };

	(void)data;
	f->rig.fake.mode = VIRTIO_FAKE_LATER;
	vcpus_run(&f->rig.loop, hammer, &owner);
	g_assert_cmpuint(f->v->counts.interrupts, >=, ROUNDS);
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
	g_test_add("/virtio-pci-threads/lent", struct fixture, NULL, setup_lent, test_lent,
		   teardown);
	return g_test_run();
}
