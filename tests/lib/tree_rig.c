// SPDX-License-Identifier: Apache-2.0
/* Device trees of machines for tests. See tree_rig.h. */
#include "tree_rig.h"

#include <glib.h>
#include <libfdt.h>
#include <string.h>

#include <iolite/endian.h>

static void make_layout(struct tree_rig *rig, unsigned int cpus, unsigned int serials,
			const struct iol_host_facts *facts)
{
	const struct iol_layout_request request = {
		.memory_bytes = IOL_GIB,
		.cpus = cpus,
		.serials = serials,
		.facts = *facts,
	};
	struct iol_error err = { 0 };

	rig->arch->layout(&request, &rig->layout, &err);
	g_assert_cmpstr(err.msg, ==, "");
}

void tree_rig_init(struct tree_rig *rig, const struct iol_arch *arch, unsigned int cpus,
		   const struct iol_host_facts *facts)
{
	*rig = (struct tree_rig){ .arch = arch };
	rig->boot.kernel.fd = rig->boot.initrd.fd = -1;
	iol_config_init(&rig->config);
	make_layout(rig, cpus, 1, facts ? facts : &arch->typical_host);
}

void tree_rig_set_serials(struct tree_rig *rig, unsigned int serials)
{
	const struct iol_host_facts facts = rig->layout.facts;

	make_layout(rig, rig->layout.cpus, serials, &facts);
}

static void tell(void *data, const char *text)
{
	(void)data;
	g_test_message("%s", text);
}

void tree_rig_build(struct tree_rig *rig)
{
	const struct iol_tree_source source = {
		.config = &rig->config,
		.arch = rig->arch,
		.layout = &rig->layout,
		.boot = &rig->boot,
		.placement = &rig->placement,
		.seed = rig->seed,
		.reset_cause = rig->reset_cause,
	};
	struct iol_error err = { 0 };

	iol_fdt_blob_finish(&rig->blob);
	iol_tree_build(&source, &rig->blob, &err);
	g_assert_cmpstr(err.msg, ==, "");
	g_assert_cmpint(fdt_check_full(rig->blob.data, rig->blob.bytes), ==, 0);
	iol_fdt_validate(&rig->blob, tell, NULL, &err);
	g_assert_cmpstr(err.msg, ==, "");
}

void tree_rig_finish(struct tree_rig *rig)
{
	iol_fdt_blob_finish(&rig->blob);
	iol_config_finish(&rig->config);
}

bool tree_has(const struct tree_rig *rig, const char *path)
{
	return fdt_path_offset(rig->blob.data, path) >= 0;
}

static const char *look(const struct tree_rig *rig, const char *path, const char *prop, int *len)
{
	int node = fdt_path_offset(rig->blob.data, path);

	g_test_message("%s %s", path, prop);
	g_assert_cmpint(node, >=, 0);
	return fdt_getprop(rig->blob.data, node, prop, len);
}

bool tree_has_prop(const struct tree_rig *rig, const char *path, const char *prop)
{
	int len;

	return look(rig, path, prop, &len) != NULL;
}

void tree_check_bytes(const struct tree_rig *rig, const char *path, const char *prop,
		      const void *bytes, size_t len)
{
	int got_len = 0;
	const char *got = look(rig, path, prop, &got_len);

	g_assert_nonnull(got);
	g_assert_cmpmem(got, got_len, bytes, len);
}

void tree_check_strings(const struct tree_rig *rig, const char *path, const char *prop,
			const char *strings)
{
	g_autofree char *list = g_strdup(strings);

	tree_check_bytes(rig, path, prop, g_strdelimit(list, "|", '\0'), strlen(strings) + 1);
}

void tree_check_cells(const struct tree_rig *rig, const char *path, const char *prop,
		      const uint32_t *cells, size_t count)
{
	int len = 0;
	const char *got = look(rig, path, prop, &len);

	g_assert_nonnull(got);
	g_assert_cmpint(len, ==, count * sizeof(uint32_t));
	for (size_t i = 0; i < count; i++)
		g_assert_cmphex(be32_load(got + 4 * i), ==, cells[i]);
}

uint32_t tree_phandle(const struct tree_rig *rig, const char *path)
{
	uint32_t phandle = fdt_get_phandle(rig->blob.data, fdt_path_offset(rig->blob.data, path));

	g_assert_cmpuint(phandle, !=, 0);
	return phandle;
}
