/* SPDX-License-Identifier: Apache-2.0 */
/* Where g_spin.c counts; for the guest and for the test that watches it. */
#ifndef GUEST_SPIN_H
#define GUEST_SPIN_H

#define SPIN_COUNTERS 0x800000 /* guest-physical; 64 bits for each vCPU */
#define SPIN_STRIDE 64
#define SPIN_WRONG 64 /* the counter that is not 0 when the guest saw something wrong */

/* Guest-physical registers that the test provides; none is read in two pieces. */
#define SPIN_REGISTER 0xc1000000
#define SPIN_REGISTER_BYTES 0x2000
#define SPIN_REGISTER_SPLIT (SPIN_REGISTER + SPIN_REGISTER_BYTES)

#endif
