/* SPDX-License-Identifier: Apache-2.0 */
/* Instructions whose addresses have names, for whoever steps. */
#ifndef GUEST_DEBUG_STEPS_H
#define GUEST_DEBUG_STEPS_H

/* Six plain ones: at step_0 to step_5. */
void debug_steps(void);

/* Waits for an interrupt: at halt_here is the HLT, at halt_done what comes after it. */
void debug_halt(void);

#endif
