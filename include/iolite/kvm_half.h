/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the KVM halves of architectures share: an ioctl that says its name when it fails, and a small
 * machine for finding out what this host's KVM does. On the loop's thread, or before there is one.
 */
#ifndef IOLITE_KVM_HALF_H
#define IOLITE_KVM_HALF_H

#include <linux/kvm.h>

#include <iolite/error.h>
#include <iolite/memory.h>

/* An ioctl whose failure is reported by its name. 0 or -errno. */
int iol_kvm_ioctl(int fd, unsigned long request, void *arg, const char *name,
		  struct iol_error *err);

/* A machine of one vCPU and one region of RAM. */
struct iol_kvm_probe {
	int vm_fd, vcpu_fd; /* -1: not yet */
	struct kvm_run *run;
	size_t run_bytes;
	struct iol_memory memory;
};

/*
 * Makes the machine, of KVM_CREATE_VM's @type, with @ram (hva unused) and no vCPU. What there is of it
 * is to be finished, also on failure.
 */
int iol_kvm_probe_init(struct iol_kvm_probe *probe, int kvm_fd, unsigned long type,
		       const struct iol_memory_region *ram, struct iol_error *err);
void iol_kvm_probe_finish(struct iol_kvm_probe *probe);

int iol_kvm_probe_add_vcpu(struct iol_kvm_probe *probe, int kvm_fd, struct iol_error *err);

/*
 * Runs the vCPU a few times from where @prepare puts its registers until it exits; @ns is the shortest
 * run's time. -EIO when an exit is not for @exit_reason.
 */
int iol_kvm_probe_time(struct iol_kvm_probe *probe,
		       int (*prepare)(struct iol_kvm_probe *probe, struct iol_error *err),
		       uint32_t exit_reason, uint64_t *ns, struct iol_error *err);

#endif
