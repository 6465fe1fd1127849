// SPDX-License-Identifier: Apache-2.0
/* Trees that are being changed. See work.h. Any thread. */
#include "work.h"

#include <errno.h>
#include <glib.h>
#include <libfdt.h>

#include "index.h"

void iol_fdt_work_init(struct iol_fdt_work *work, const struct iol_fdt_blob *blob, size_t room)
{
	int rc;

	work->bytes = MIN(blob->bytes + room, (size_t)IOL_FDT_BYTES_MAX);
	work->bytes = MAX(work->bytes, blob->bytes);
	work->fdt = g_malloc(work->bytes);
	rc = fdt_open_into(blob->data, work->fdt, (int)work->bytes);
	g_assert(!rc); /* a tree that was checked is in order, and the room is there */
}

void iol_fdt_work_finish(struct iol_fdt_work *work)
{
	g_free(work->fdt);
	*work = (struct iol_fdt_work){ 0 };
}

bool iol_fdt_work_grow(struct iol_fdt_work *work, int rc)
{
	struct iol_fdt_blob old = { work->fdt, work->bytes };

	if (rc != -FDT_ERR_NOSPACE || work->bytes >= IOL_FDT_BYTES_MAX)
		return false;
	iol_fdt_work_init(work, &old, work->bytes);
	g_free(old.data);
	return true;
}

int iol_fdt_work_commit(struct iol_fdt_work *work, struct iol_fdt_blob *blob, struct iol_error *err)
{
	struct iol_fdt_blob result = { 0 };
	struct iol_fdt_index index;
	int rc;

	rc = fdt_pack(work->fdt);
	g_assert(!rc);
	result.bytes = fdt_totalsize(work->fdt);
	result.data = g_realloc(g_steal_pointer(&work->fdt), result.bytes);
	rc = iol_fdt_index_init(&index, &result, err);
	if (!rc) {
		iol_fdt_index_finish(&index);
		iol_fdt_blob_finish(blob);
		*blob = result;
	} else {
		iol_fdt_blob_finish(&result);
	}
	iol_fdt_work_finish(work);
	return rc;
}

const char *iol_fdt_work_text(int rc)
{
	return rc == -FDT_ERR_NOSPACE ? "the tree would be larger than 2 MiB" : fdt_strerror(rc);
}
