/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What KVM makes of interrupts and doorbells, without KVM: ioctl(2) of FAKE_KVM_FD comes here (all
 * tests are linked with --wrap=ioctl), other descriptors' go to the kernel. One machine at a time.
 */
#ifndef TESTS_FAKE_KVM_H
#define TESTS_FAKE_KVM_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/kvm.h>

enum {
	FAKE_KVM_FD = 0x3fff0000, /* higher than any descriptor */
	FAKE_KVM_GSIS = 256,
	FAKE_KVM_BELLS = 64,
};

struct fake_kvm {
	/* What it shall do; the test's. */
	int routing_cap; /* KVM_CAP_IRQ_ROUTING */
	int msi_devid_cap; /* KVM_CAP_MSI_DEVID */
	int refuse_routing, refuse_irqfd; /* errno, 0: take it */
	bool no_any_length; /* doorbells need a length */
	uint32_t irq_base; /* KVM_IRQ_LINE's number of GSI 0 */
	int stats_fd; /* what KVM_GET_STATS_FD gives copies of; 0: there is none */

	/* What it was told. */
	unsigned int tables; /* of routes */
	uint32_t route_count;
	struct kvm_irq_routing_entry routes[2 * FAKE_KVM_GSIS];
	unsigned int bound[FAKE_KVM_GSIS]; /* eventfds, by KVM_IRQFD */
	bool level[FAKE_KVM_GSIS];
	unsigned int level_calls;
	unsigned int bells; /* bound doorbells */
};

extern struct fake_kvm fake_kvm;

/* A new machine. */
void fake_kvm_reset(void);

/* How often a message of @data arrived at @address since this was last asked. */
uint64_t fake_kvm_messages(uint64_t address, uint32_t data);

/* All messages since the last question about any. */
uint64_t fake_kvm_all_messages(void);

/* A guest's write to a doorbell. False: none there, the write would be an exit. */
bool fake_kvm_write(uint64_t gpa, unsigned int len, uint64_t value);

#endif
