// SPDX-License-Identifier: Apache-2.0
/*
 * Gates: accesses that last until the loop has done something. See include/iolite/gate.h.
 *
 * A device knows no vCPU, so the closing thread is remembered by the thread itself.
 */
#include "gate.h"

#include <stddef.h>

static _Thread_local struct iol_gate *closed_by_this_thread;

static void set(struct iol_gate *gate, bool closed)
{
	if (!gate->lock) {
		gate->closed = closed;
		return;
	}
	pthread_mutex_lock(gate->lock);
	gate->closed = closed;
	if (!closed)
		pthread_cond_broadcast(gate->cond);
	pthread_mutex_unlock(gate->lock);
}

void iol_gate_close(struct iol_gate *gate)
{
	set(gate, true);
	closed_by_this_thread = gate->lock ? gate : NULL;
}

void iol_gate_open(struct iol_gate *gate)
{
	set(gate, false);
}

struct iol_gate *iol_gate_take(void)
{
	struct iol_gate *gate = closed_by_this_thread;

	closed_by_this_thread = NULL;
	return gate;
}
