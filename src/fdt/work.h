/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree that is being changed: a copy with room, which grows while libfdt asks for more and never beyond
 * IOL_FDT_BYTES_MAX. The tree that it was made of stays as it is until all has worked.
 */
#ifndef IOL_FDT_WORK_H
#define IOL_FDT_WORK_H

#include <iolite/fdt.h>

struct iol_fdt_work {
	void *fdt;
	size_t bytes;
};

/* Copies @blob, which must be checked, with room for @room more bytes. */
void iol_fdt_work_init(struct iol_fdt_work *work, const struct iol_fdt_blob *blob, size_t room);
void iol_fdt_work_finish(struct iol_fdt_work *work);

/*
 * Makes more room when @rc is libfdt's call for it; the caller then repeats its call. Offsets of nodes stay.
 * false: @rc is something else, or the tree is at its limit.
 */
bool iol_fdt_work_grow(struct iol_fdt_work *work, int rc);

/*
 * Checks the tree, and puts it, packed, in @blob's place. -EINVAL when it broke a limit: @blob is as before.
 * Either way @work is finished.
 */
int iol_fdt_work_commit(struct iol_fdt_work *work, struct iol_fdt_blob *blob,
			struct iol_error *err);

/* What libfdt's @rc means to a person. */
const char *iol_fdt_work_text(int rc);

#endif
