/* SPDX-License-Identifier: Apache-2.0 */
/* The vCPU's side of gates. */
#ifndef IOL_VMM_GATE_H
#define IOL_VMM_GATE_H

#include <iolite/gate.h>

/* The gate that the calling thread's last bus access closed, once; NULL: none. [vcpu] */
struct iol_gate *iol_gate_take(void);

#endif
