/* SPDX-License-Identifier: Apache-2.0 */
/* Where the code of real.S must be to work; for C and assembly. */
#ifndef GUEST_REAL_H
#define GUEST_REAL_H

#define REAL_COPY 0x8000

#ifndef __ASSEMBLER__
#include <stdint.h>

extern const uint8_t real_code[], real_code_end[];
#endif

#endif
