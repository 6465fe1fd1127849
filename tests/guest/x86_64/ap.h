/* SPDX-License-Identifier: Apache-2.0 */
/* Starting the other processors; for C and assembly. */
#ifndef GUEST_AP_H
#define GUEST_AP_H

#define AP_MAX 63
#define AP_STACK_SHIFT 11
#define AP_TRAMPOLINE 0x8000 /* where the code is copied to, and the SIPI's vector says */

#ifndef __ASSEMBLER__
#include <stdint.h>

extern const uint8_t ap_trampoline[], ap_trampoline_end[];
extern volatile uint32_t ap_next; /* how many have come to 64-bit mode */

/* Called on each; @number counts from 0 in order of arrival. */
void ap_main(uint32_t number);
#endif

#endif
