/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes a register access last until the loop has done something: a device closes its gate during
 * the access, on the vCPU's thread, and opens it later on the loop's. The vCPU waits at its safe
 * point meanwhile, where the machine can be paused, reset or stopped as ever: the loop never waits
 * for a vCPU that waits for the loop.
 */
#ifndef IOLITE_GATE_H
#define IOLITE_GATE_H

#include <pthread.h>
#include <stdbool.h>

struct iol_gate {
	pthread_mutex_t *lock; /* the machine's, of its safe point; NULL: tests, nobody waits */
	pthread_cond_t *cond;
	bool closed; /* under the lock */
};

/* From a bus access: the vCPU that makes it goes on when the gate is open. [vcpu] */
void iol_gate_close(struct iol_gate *gate);

/* [any] */
void iol_gate_open(struct iol_gate *gate);

#endif
