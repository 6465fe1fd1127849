/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A block backend that misbehaves on order and writes down what passed through it. Only in builds
 * with IOLITE_TEST_FAULTS: nothing a user runs can be told to lose data.
 */
#ifndef IOLITE_BLOCK_FAULT_H
#define IOLITE_BLOCK_FAULT_H

#include <iolite/block.h>

/*
 * Wraps @inner, which it takes over on success, with the behaviour that @spec describes (see
 * block_fault.c). -EINVAL with a text that names the mistake in @spec.
 */
int iol_block_fault_new(struct iol_block *inner, const char *spec, struct iol_block **blk,
			struct iol_error *err);

#endif
