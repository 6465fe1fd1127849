/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program with an io_uring has for a moment after its end, however it ended: the kernel takes the ring apart by a
 * worker of its own, and with it files that are registered with the ring. A socket listens and a lock is held until then, by
 * nobody. Whoever starts a machine anew at once is not to be told that somebody is there.
 */
#ifndef IOLITE_LEFTOVER_H
#define IOLITE_LEFTOVER_H

#include <stdbool.h>

/* Waits a little, a second over all calls with the same @looks, which begins with 0. False: whatever it is is no leftover. */
bool iol_leftover_wait(unsigned int *looks);

#endif
