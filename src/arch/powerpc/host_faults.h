/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three faults of Linux's KVM for e500v2, by which a guest hangs or breaks its host (docs/book-e-kvm-faults.md), as far
 * as they can be judged from what a host says of itself. Pure, for every host.
 */
#ifndef IOLITE_PPC_HOST_FAULTS_H
#define IOLITE_PPC_HOST_FAULTS_H

#include <iolite/arch.h>

/* Texts of the host's kernel; NULL: there is none to be read. */
struct iol_ppc_host {
	const char *config_path; /* where config comes from */
	const char *config; /* the kernel's configuration */
	const char *cmdline; /* /proc/cmdline */
	const char *cpuinfo; /* /proc/cpuinfo */
	const char *panic_on_oops; /* /proc/sys/kernel/panic_on_oops */
};

/* How far a test guest came that makes an exit, then a system call. */
enum iol_ppc_trial {
	IOL_PPC_TRIAL_NOTHING, /* its first exit did not come back */
	IOL_PPC_TRIAL_EXIT, /* the exit did, the system call did not */
	IOL_PPC_TRIAL_SYSCALL, /* both */
};

/* How the process ended that ran it. */
enum iol_ppc_trial_end {
	IOL_PPC_TRIAL_EXITED,
	IOL_PPC_TRIAL_KILLED, /* not by us: what a BUG of the kernel does to it */
	IOL_PPC_TRIAL_STUCK,
};

/*
 * Fault 1, which is to be known before any guest runs: with it the host hangs. @why gets a line in any case. IOL_HOST_OK:
 * this kernel does not have it; *@concerned says whether it may have the others.
 */
enum iol_host_verdict iol_ppc_judge_vectors(const struct iol_ppc_host *host, bool *concerned,
					    struct iol_error *why);

/* Whether a guest may be tried that could be a BUG for the kernel; false: @why says why not. */
bool iol_ppc_may_try(const struct iol_ppc_host *host, struct iol_error *why);

/* Faults 2 and 3 by what became of the trial. */
enum iol_host_verdict iol_ppc_judge_trial(enum iol_ppc_trial trial, enum iol_ppc_trial_end end,
					  struct iol_error *why);

/* struct iol_arch_kvm_ops.host_faults: kvm_faults.c */
enum iol_host_verdict iol_ppc_host_faults(int kvm_fd, bool try, struct iol_error *why);

#endif
