// SPDX-License-Identifier: Apache-2.0
/* Whole device trees as blocks of memory. See include/iolite/fdt.h. Any thread. */
#include <iolite/fdt.h>

#include <glib.h>

void iol_fdt_blob_finish(struct iol_fdt_blob *blob)
{
	g_free(blob->data);
	*blob = (struct iol_fdt_blob){ 0 };
}
