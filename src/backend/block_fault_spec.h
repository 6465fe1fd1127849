/* SPDX-License-Identifier: Apache-2.0 */
/* The language in which tests order faults of a disk. */
#ifndef IOLITE_BACKEND_BLOCK_FAULT_SPEC_H
#define IOLITE_BACKEND_BLOCK_FAULT_SPEC_H

#include <iolite/block.h>

/* IOL_BLOCK_KIND_COUNT in the place of a kind. */
enum { IOL_FAULT_ANY = IOL_BLOCK_KIND_COUNT };

struct iol_fault_rule {
	unsigned int kind; /* enum iol_block_kind, or IOL_FAULT_ANY */
	uint64_t first, last; /* requests of that kind, counted from 1 */
	uint64_t begin_bytes, end_bytes; /* ranges that touch these; flushes never do */
	bool ranged;
	uint32_t per_mille; /* how often it applies where it fits */
	/* What happens. */
	uint64_t delay_ns;
	int error; /* -errno, 0: none */
	uint32_t piece_bytes; /* 0: whole */
	bool never; /* ends only when it is cancelled */
	bool lost; /* is acknowledged, and does not happen */
};

struct iol_fault_spec {
	struct iol_fault_rule *rules; /* the first that applies counts */
	unsigned int rule_count;
	uint64_t seed;
	char *log_path; /* NULL: no log */
	bool log_stable; /* the disk below writes through: every record counts as stable */
};

int iol_fault_spec_parse(struct iol_fault_spec *spec, const char *text, struct iol_error *err);
void iol_fault_spec_finish(struct iol_fault_spec *spec);

#endif
