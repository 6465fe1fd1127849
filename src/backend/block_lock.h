/* SPDX-License-Identifier: Apache-2.0 */
/* The lock on a disk's file against a second user. */
#ifndef IOLITE_BACKEND_BLOCK_LOCK_H
#define IOLITE_BACKEND_BLOCK_LOCK_H

#include <iolite/error.h>

/*
 * Locks all of @fd, for writing or against writers, until it is closed. -EBUSY with a text that names
 * the holder where it can be found. A file system without locks is no error, but a warning.
 */
int iol_block_lock(int fd, const char *path, bool exclusive, struct iol_error *err);

#endif
