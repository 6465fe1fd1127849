/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process's terminal in raw mode. A process has one, so this module keeps the one exception to
 * "no globals": the settings to restore, which a signal handler must reach when the process crashes.
 */
#ifndef IOLITE_TERMINAL_H
#define IOLITE_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

#include <iolite/error.h>

/*
 * Puts the terminal behind @fd into raw mode (output processing stays, so that "\n" in messages works) and
 * arranges that it is restored at exit and at fatal signals. -EBUSY when a terminal is raw already.
 */
int iol_terminal_raw(int fd, struct iol_error *err);

/* Raw mode again, after the shell took the terminal over (SIGCONT). Does nothing when not raw. */
void iol_terminal_reapply(void);

/*
 * The size of the terminal that is raw, in characters; 0: it is not known. False when none is: nothing is stored. It
 * changes with SIGWINCH. [loop]
 */
bool iol_terminal_size(uint16_t *cols, uint16_t *rows);

/* Back to the settings found. Does nothing when not raw. Safe in a signal handler. */
void iol_terminal_restore(void);

#endif
