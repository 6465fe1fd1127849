/* SPDX-License-Identifier: Apache-2.0 */
/* --sandbox=log: system calls that are on no list are told of, and done. */
#ifndef SANDBOX_REPORT_H
#define SANDBOX_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include <iolite/error.h>

/* What a filter does with such calls, and from where they are let through: 0 bytes: from nowhere. */
struct report_way {
	uint32_t action;
	uintptr_t open_start;
	size_t open_bytes;
};

int report_init(struct report_way *way, struct iol_error *err);

#endif
