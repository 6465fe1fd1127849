/* SPDX-License-Identifier: Apache-2.0 */
/* CPUs and policies for the threads of a machine. */
#ifndef IOL_VMM_CPU_PLACE_H
#define IOL_VMM_CPU_PLACE_H

#include <iolite/vm.h>

/*
 * Tries all that vm->config asks for, in a thread of its own, so that it is refused before anything else is done; warns of
 * what works and serves nobody. -errno with a text. [loop]
 */
int iol_cpu_place_check(struct iol_vm *vm, struct iol_error *err);

/* Pins the calling thread, which is the loop's, and those who work for its io_uring. Later threads and processes follow. */
int iol_cpu_place_loop(struct iol_vm *vm, struct iol_error *err);

/* True when threads of vCPUs have to call the next one. */
bool iol_cpu_place_wanted(const struct iol_config *config);

/* Puts the calling thread, the one of the vCPU @idx, where it belongs. -errno with a text. */
int iol_cpu_place_vcpu(const struct iol_vm *vm, unsigned int idx, struct iol_error *err);

/* True when a CPU is left for the loop while all vCPUs run. */
bool iol_cpu_place_loop_has_own(const struct iol_vm *vm);

#endif
