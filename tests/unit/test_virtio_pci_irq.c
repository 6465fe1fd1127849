// SPDX-License-Identifier: Apache-2.0
/* Interrupts of virtio over PCI: INTx with the ISR, and MSI-X (virtio-v1.2 4.1.4.5, 4.1.5). */
#include "virtio_pci_rig.h"

/* --- INTx --- */

static bool status_pending(struct fixture *f)
{
	return cfg_get(f, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT;
}

/* 4.1.4.5 */
static void test_intx(struct fixture *f, const void *data)
{
	const uint8_t byte = 1;

	(void)data;
	start(f, 0);
	g_assert_cmphex(isr(f), ==, 0);
	request(f, 0);
	g_assert_cmpuint(f->wire.asserted, ==, 1);
	g_assert_true(status_pending(f));
	iol_virtio_set_config(f->v, 0, &byte, 1);
	g_assert_cmphex(isr(f), ==, VIRTIO_PCI_ISR_CONFIG | 1);
	g_assert_cmphex(isr(f), ==, 0); /* read to clear */
	g_assert_cmpuint(f->wire.asserted, ==, 0);
	g_assert_false(status_pending(f));

	/* PCI 3.0, 6.2.2: masked, the level is low and the status stays. */
	request(f, 1);
	cfg_put(f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_DISABLE);
	g_assert_cmpuint(f->wire.asserted, ==, 0);
	g_assert_true(status_pending(f));
	cfg_put(f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	g_assert_cmpuint(f->wire.asserted, ==, 1);
	/* Only the structure's own byte clears. */
	read_bus(f, f->bars[0] + f->at[VIRTIO_PCI_CAP_ISR_CFG] + 1, 1);
	write_bus(f, f->bars[0] + f->at[VIRTIO_PCI_CAP_ISR_CFG], 1, 0xff);
	g_assert_cmpuint(f->wire.asserted, ==, 1);
	reset(f);
	g_assert_cmpuint(f->wire.asserted, ==, 0);
	g_assert_cmphex(isr(f), ==, 0);

	start(f, 0);
	iol_virtio_break(f->v, "the test wants it");
	g_assert_cmphex(status(f), ==, STATUS_OK | VIRTIO_CONFIG_S_NEEDS_RESET);
	g_assert_cmphex(isr(f), ==, VIRTIO_PCI_ISR_CONFIG);
}

/* Without MSI-X no event can have a vector. */
static void test_no_msix(struct fixture *f, const void *data)
{
	(void)data;
	put_common(f, VIRTIO_PCI_COMMON_MSIX, 2, 0);
	put_common(f, VIRTIO_PCI_COMMON_Q_MSIX, 2, 0);
	g_assert_cmphex(common(f, VIRTIO_PCI_COMMON_MSIX, 2), ==, NO_VECTOR);
	g_assert_cmphex(common(f, VIRTIO_PCI_COMMON_Q_MSIX, 2), ==, NO_VECTOR);
	test_intx(f, NULL);
}

/* --- MSI-X --- */

/* 4.1.5.1.2.1: every vector that there is can be mapped, any other reads back as none. */
static void test_vectors(struct fixture *f, const void *data)
{
	static const uint16_t fields[] = { VIRTIO_PCI_COMMON_MSIX, VIRTIO_PCI_COMMON_Q_MSIX };

	(void)data;
	for (size_t i = 0; i < IOL_ARRAY_LEN(fields); i++) {
		for (uint32_t vector = 0; vector <= 0xffff; vector += vector < 40 ? 1 : 101) {
			put_common(f, fields[i], 2, vector);
			g_assert_cmphex(common(f, fields[i], 2), ==,
					vector <= RIG_QUEUES ? vector : NO_VECTOR);
		}
		put_common(f, fields[i], 2, 0);
		g_assert_cmphex(common(f, fields[i], 2), ==, 0);
		put_common(f, fields[i], 2, NO_VECTOR);
		g_assert_cmphex(common(f, fields[i], 2), ==, NO_VECTOR);
	}
	put_vectors(f, 0, 1, 2);
	reset(f);
	for (uint16_t queue = 0; queue < RIG_QUEUES; queue++) {
		put_common(f, VIRTIO_PCI_COMMON_Q_SELECT, 2, queue);
		g_assert_cmphex(common(f, VIRTIO_PCI_COMMON_Q_MSIX, 2), ==, NO_VECTOR);
	}
	g_assert_cmphex(common(f, VIRTIO_PCI_COMMON_MSIX, 2), ==, NO_VECTOR);
}

static void test_msix(struct fixture *f, const void *data)
{
	const uint8_t byte = 1;

	(void)data;
	msix_flags(f, PCI_MSIX_FLAGS_ENABLE);
	put_vectors(f, 2, 0, 1);
	start(f, 0);
	request(f, 0);
	g_assert_cmphex(pending(f), ==, 1 << 0);
	request(f, 1);
	g_assert_cmphex(pending(f), ==, 1 << 0 | 1 << 1);
	g_assert_cmphex(isr(f), ==, 0);
	iol_virtio_set_config(f->v, 0, &byte, 1);
	g_assert_cmphex(pending(f), ==, 1 << 0 | 1 << 1 | 1 << 2);
	/* 4.1.4.5.1: this one is in the ISR with MSI-X too; its level and status bit are INTx's. */
	g_assert_cmpuint(f->wire.asserted, ==, 0);
	g_assert_false(status_pending(f));
	g_assert_cmphex(isr(f), ==, VIRTIO_PCI_ISR_CONFIG);
	/* Unmasked, what waited is sent. */
	mask_vector(f, 1, false);
	g_assert_cmphex(pending(f), ==, 1 << 0 | 1 << 2);
	request(f, 1);
	g_assert_cmphex(pending(f), ==, 1 << 0 | 1 << 2);
	msix_flags(f, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	request(f, 1);
	g_assert_cmphex(pending(f), ==, 1 << 0 | 1 << 1 | 1 << 2);
	g_assert_cmpuint(f->wire.asserted, ==, 0);

	/* Off: INTx again. */
	msix_flags(f, 0);
	g_assert_cmphex(pending(f), ==, 0);
	request(f, 0);
	g_assert_cmpuint(f->wire.asserted, ==, 1);
	/* On, with one that waits to be read: INTx is silent (PCI 3.0, 6.8.2.3). */
	msix_flags(f, PCI_MSIX_FLAGS_ENABLE);
	g_assert_cmpuint(f->wire.asserted, ==, 0);
}

/* 4.1.5.1.2, 4.1.5.3.1: no vector, no interrupt. */
static void test_msix_unmapped(struct fixture *f, const void *data)
{
	const uint8_t byte = 1;

	(void)data;
	msix_flags(f, PCI_MSIX_FLAGS_ENABLE);
	put_vectors(f, NO_VECTOR, NO_VECTOR, 1);
	start(f, 0);
	request(f, 0);
	iol_virtio_set_config(f->v, 0, &byte, 1);
	g_assert_cmphex(pending(f), ==, 0);
	g_assert_cmpuint(f->wire.asserted, ==, 0);
	g_assert_cmpuint(rig_answers(&f->rig, 0), ==, 1);
	request(f, 1);
	g_assert_cmphex(pending(f), ==, 1 << 1);
	/* All events on one vector. */
	put_vectors(f, 0, 0, 0);
	request(f, 0);
	g_assert_cmphex(pending(f), ==, 1 << 0 | 1 << 1);
	/* 2.4.1: nothing is sent after a reset, by an unmasking either. */
	reset(f);
	g_assert_cmphex(pending(f), ==, 0);
}

/* --- queues that are lent --- */

static void setup_fake_kvm(struct fixture *f, const void *data)
{
	fake_kvm_reset();
	f->fake_router = true;
	setup(f, data);
}

enum { MESSAGES = 0x1000 };

static struct iol_virtio_loan lend(struct fixture *f, unsigned int queue)
{
	struct iol_virtio_loan loan;
	struct iol_error err;

	if (iol_virtio_lend(f->v, queue, &loan, &err))
		g_error("%s", err.msg);
	return loan;
}

/* Vector n has data 0x40 + n. */
static void start_msix(struct fixture *f, uint16_t q0, uint16_t q1)
{
	msix_flags(f, PCI_MSIX_FLAGS_ENABLE);
	for (unsigned int i = 0; i < RIG_QUEUES + 1; i++) {
		uint64_t entry = f->bars[1] + i * PCI_MSIX_ENTRY_SIZE;

		write_bus(f, entry + PCI_MSIX_ENTRY_LOWER_ADDR, 4, MESSAGES);
		write_bus(f, entry + PCI_MSIX_ENTRY_DATA, 4, 0x40 + i);
		mask_vector(f, i, false);
	}
	put_vectors(f, NO_VECTOR, q0, q1);
	start(f, 0);
	fake_kvm_all_messages();
}

/* True: by the kernel alone, and once. False: by the loop, if at all. */
static bool by_kernel(struct fixture *f, const struct iol_virtio_loan *loan, unsigned int vector)
{
	const uint64_t one = 1;
	uint64_t interrupts = f->v->counts.interrupts, count;

	g_assert_cmpint(write(loan->call_fd, &one, sizeof(one)), ==, sizeof(one));
	count = fake_kvm_messages(MESSAGES, 0x40 + vector);
	g_assert_cmpuint(count, <=, 1);
	rig_settle(&f->rig);
	g_assert_cmpuint(f->v->counts.interrupts, ==, interrupts + !count);
	return count;
}

static void test_lent(struct fixture *f, const void *data)
{
	struct iol_virtio_loan loan;

	(void)data;
	start_msix(f, 0, 1);
	loan = lend(f, 1);
	g_assert_true(by_kernel(f, &loan, 1));
	mask_vector(f, 1, true);
	g_assert_false(by_kernel(f, &loan, 1));
	g_assert_cmphex(pending(f), ==, 1 << 1);
	mask_vector(f, 1, false);
	g_assert_cmpuint(fake_kvm_messages(MESSAGES, 0x41), ==, 1);
	g_assert_true(by_kernel(f, &loan, 1));
	/* Another vector, which the other queue has too; then none. */
	put_vectors(f, NO_VECTOR, 0, 0);
	g_assert_true(by_kernel(f, &loan, 0));
	put_vectors(f, NO_VECTOR, 0, NO_VECTOR);
	g_assert_false(by_kernel(f, &loan, 0));
	g_assert_cmpuint(fake_kvm_all_messages(), ==, 0);
	put_vectors(f, NO_VECTOR, 0, 2);
	g_assert_true(by_kernel(f, &loan, 2));
	/* INTx. */
	msix_flags(f, 0);
	g_assert_false(by_kernel(f, &loan, 2));
	g_assert_cmpuint(f->wire.asserted, ==, 1);
	msix_flags(f, PCI_MSIX_FLAGS_ENABLE);
	g_assert_true(by_kernel(f, &loan, 2));
	/* Back. */
	iol_virtio_take_back(f->v, 1, 0);
	fake_kvm_all_messages();
	g_assert_false(by_kernel(f, &loan, 2));
	g_assert_cmpuint(fake_kvm_messages(MESSAGES, 0x42), ==, 1);
	request(f, 1);
	g_assert_cmpuint(rig_answers(&f->rig, 1), ==, 1);
	g_assert_cmpuint(fake_kvm_messages(MESSAGES, 0x42), ==, 1);
}

/* Two on one vector, one of them before it has the vector. */
static void test_lent_shared(struct fixture *f, const void *data)
{
	struct iol_virtio_loan loans[2];

	(void)data;
	start_msix(f, 1, NO_VECTOR);
	for (unsigned int i = 0; i < 2; i++)
		loans[i] = lend(f, i);
	g_assert_true(by_kernel(f, &loans[0], 1));
	g_assert_false(by_kernel(f, &loans[1], 1));
	put_vectors(f, NO_VECTOR, 1, 1);
	for (unsigned int i = 0; i < 2; i++)
		g_assert_true(by_kernel(f, &loans[i], 1));
	iol_virtio_take_back(f->v, 0, 0);
	fake_kvm_all_messages();
	g_assert_true(by_kernel(f, &loans[1], 1));
	iol_virtio_take_back(f->v, 1, 0);
	reset(f);
	for (unsigned int i = 0; i < FAKE_KVM_GSIS; i++)
		g_assert_cmpuint(fake_kvm.bound[i], <=, 1);
}

int main(int argc, char **argv)
{
	static const char without_msix[] = "without MSI-X";
	static const struct {
		const char *name, *data;
		void (*run)(struct fixture *f, const void *data);
	} tests[] = {
		{ "/virtio-pci-irq/intx", NULL, test_intx },
		{ "/virtio-pci-irq/intx/no-msix", without_msix, test_no_msix },
		{ "/virtio-pci-irq/vectors", NULL, test_vectors },
		{ "/virtio-pci-irq/msix", NULL, test_msix },
		{ "/virtio-pci-irq/msix/unmapped", NULL, test_msix_unmapped },
	};

	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < IOL_ARRAY_LEN(tests); i++)
		g_test_add(tests[i].name, struct fixture, tests[i].data, setup, tests[i].run,
			   teardown);
	g_test_add("/virtio-pci-irq/lent", struct fixture, NULL, setup_fake_kvm, test_lent,
		   teardown);
	g_test_add("/virtio-pci-irq/lent/shared", struct fixture, NULL, setup_fake_kvm,
		   test_lent_shared, teardown);
	return g_test_run();
}
