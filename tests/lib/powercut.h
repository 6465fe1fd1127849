/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a power cut leaves of a disk, from the log of its life (backend/block_fault_log.h).
 *
 * Cut after record P: what was stable by then is there; of the rest, and of what was in flight at
 * the time, a seed chooses what is there, what is not, and what is there in some of its sectors. A
 * sector is never torn.
 */
#ifndef TESTS_POWERCUT_H
#define TESTS_POWERCUT_H

#include <glib.h>
#include <stdint.h>

struct powercut_record {
	unsigned int kind; /* enum iol_block_kind */
	unsigned int flags;
	uint64_t offset_bytes, len_bytes;
	uint64_t begun;
	const uint8_t *data; /* of a write */
};

struct powercut {
	GMappedFile *file;
	GArray *records; /* of struct powercut_record; the first is number 1 */
};

/* Reads the log at @path; a record cut off at its end is left out. Returns an error's text or NULL. */
char *powercut_load(struct powercut *cut, const char *path);
void powercut_finish(struct powercut *cut);

/* Makes @image, @size_bytes of what was there before the log, what is there after a cut at @point. */
void powercut_apply(const struct powercut *cut, uint8_t *image, uint64_t size_bytes, uint64_t point,
		    uint64_t seed);

#endif
