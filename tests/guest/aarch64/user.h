/* SPDX-License-Identifier: Apache-2.0 */
/* What ../virtio wants of an architecture. */
#ifndef GUEST_USER_H
#define GUEST_USER_H

#include "options.h"

/* Readies everything and runs @code, for good. */
_Noreturn void user_run(void (*code)(void));

/* Waits for a byte on the serial line. */
char user_get(void);

#endif
