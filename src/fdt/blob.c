// SPDX-License-Identifier: Apache-2.0
/*
 * Whole device trees as blocks of memory. See include/iolite/fdt.h. Any thread.
 *
 * A tree from outside is copied once, checked by our own walk and by libfdt, and brought into the form
 * that all code behind here counts on: version 17, blocks in order, nothing between or behind them.
 */
#include <iolite/fdt.h>

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <libfdt.h>

#include <iolite/image.h>

#include "index.h"
#include "names.h"
#include "work.h"

void iol_fdt_blob_finish(struct iol_fdt_blob *blob)
{
	g_free(blob->data);
	*blob = (struct iol_fdt_blob){ 0 };
}

/* Checks @copy, and puts its blocks in order. */
static int bring_in(struct iol_fdt_blob *copy, const char *name, struct iol_fdt_blob *blob,
		    struct iol_error *err)
{
	struct iol_fdt_index index;
	struct iol_fdt_work work;
	int rc;

	rc = iol_fdt_index_init(&index, copy, err);
	if (rc)
		return iol_error_prefix(err, "%s", name);
	iol_fdt_index_finish(&index);
	rc = fdt_check_full(copy->data, copy->bytes);
	if (rc)
		return iol_error_set(err, -EINVAL, "%s: libfdt refuses it: %s", name,
				     fdt_strerror(rc));
	copy->bytes = fdt_totalsize(copy->data);
	iol_fdt_work_init(&work, copy, 0);
	rc = iol_fdt_work_commit(&work, blob, err);
	return rc ? iol_error_prefix(err, "%s", name) : 0;
}

int iol_fdt_from_bytes(const void *data, size_t bytes, const char *name, struct iol_fdt_blob *blob,
		       struct iol_error *err)
{
	struct iol_fdt_blob copy = { g_memdup2(data, bytes), bytes };
	int rc;

	*blob = (struct iol_fdt_blob){ 0 };
	rc = bring_in(&copy, name, blob, err);
	iol_fdt_blob_finish(&copy);
	return rc;
}

static int read_file(const struct iol_image *image, struct iol_fdt_blob *copy,
		     struct iol_error *err)
{
	if (image->size_bytes > IOL_FDT_BYTES_MAX) {
		iol_error_set(err, -EINVAL, "%s: %" PRIu64 " bytes; a device tree has at most %d",
			      image->path, image->size_bytes, IOL_FDT_BYTES_MAX);
		return -EINVAL;
	}
	copy->bytes = image->size_bytes;
	copy->data = g_malloc(copy->bytes);
	return iol_image_read(image, 0, copy->data, copy->bytes, err);
}

int iol_fdt_load(const char *path, struct iol_fdt_blob *blob, struct iol_error *err)
{
	struct iol_fdt_blob copy = { 0 };
	struct iol_image image;
	int rc;

	*blob = (struct iol_fdt_blob){ 0 };
	rc = iol_image_open(&image, path, err);
	if (rc)
		return rc;
	rc = read_file(&image, &copy, err);
	iol_image_close(&image);
	if (!rc)
		rc = bring_in(&copy, path, blob, err);
	iol_fdt_blob_finish(&copy);
	return rc;
}
