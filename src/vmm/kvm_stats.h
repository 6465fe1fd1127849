/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statistics that KVM has of a machine and of each vCPU (kvm-api 4.133): a file with a header, descriptors and numbers,
 * which is read from any offset. Linux 5.14 has them; older ones do not.
 */
#ifndef IOL_VMM_KVM_STATS_H
#define IOL_VMM_KVM_STATS_H

#include <linux/kvm.h>
#include <stdint.h>

#include <iolite/error.h>

/* Beyond that a file is nonsense: some fifty statistics and a hundred numbers are usual. */
enum {
	IOL_KVM_STATS_MAX = 1024,
	IOL_KVM_STATS_NAME_BYTES_MAX = 256, /* of a name, with its end */
	IOL_KVM_STATS_BYTES_MAX = 1024 * 1024, /* of the file */
};

struct iol_kvm_stat {
	const char *name;
	uint32_t type, unit, base; /* KVM_STATS_TYPE_CUMULATIVE, ... */
	int16_t exponent; /* of the base: a number is of 10^-9 seconds, say */
	uint32_t bucket_size; /* of linear histograms */
	unsigned int count; /* of values: those of a histogram, else 1 */
	const uint64_t *values;
};

struct iol_kvm_stats {
	unsigned int count;
	struct iol_kvm_stat *stats;
	/* What they point to. */
	char *names;
	uint64_t *values;
};

/*
 * The file of a machine or a vCPU, @fd; -1: this KVM has none, or it fails. A vCPU's is not to be asked for while the vCPU runs:
 * it would be waited for. To be closed before @fd.
 */
int iol_kvm_stats_open(int kvm_fd, int fd);

/*
 * Reads all of them, whether vCPUs run or not. What has a type, a unit or a base that is not known is left out. -ENOTSUP:
 * @stats_fd is -1; -EPROTO: it is no such file; else what pread(2) says. On failure there is nothing to finish. [any]
 */
int iol_kvm_stats_read(int stats_fd, struct iol_kvm_stats *stats, struct iol_error *err);
/* The same of the machine @vm_fd. [any] */
int iol_kvm_stats_read_vm(int kvm_fd, int vm_fd, struct iol_kvm_stats *stats,
			  struct iol_error *err);
void iol_kvm_stats_finish(struct iol_kvm_stats *stats);

#endif
