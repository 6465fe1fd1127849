// SPDX-License-Identifier: Apache-2.0
/*
 * What GDB is told of registers (GDB manual, "PowerPC Features"). It has no architecture for each core: "powerpc:e500" decodes
 * SPE's instructions, the others are the common ones. Values are big-endian, as the machines start.
 */
#include "debug.h"

#include <assert.h>

enum width { WORD, W32, W64 };
enum access { RW, RO };
enum cores { ALL, HV, B64 };

struct row {
	const char *name, *type;
	enum width width;
	enum access access;
	enum cores cores;
};

#define ROW(name, width, where, place, access, cores, type) { #name, type, width, access, cores },
static const struct row rows[] = { IOL_PPC_REGISTERS(ROW) };

static_assert(IOL_ARRAY_LEN(rows) == IOL_PPC_ROWS, "one row for each register");
static_assert(IOL_PPC_ROWS * sizeof(uint64_t) <= IOL_GDB_REGISTERS_BYTES_MAX, "they fit");

static bool has_row(const struct iol_ppc_machine *machine, const struct row *row)
{
	switch (row->cores) {
	case HV:
		return !machine->has_spe;
	case B64:
		return machine->is_64bit;
	default:
		return true;
	}
}

static uint16_t bits_of(const struct iol_ppc_machine *machine, enum width width)
{
	bool is_wide = width == W64 || (width == WORD && machine->is_64bit);

	return is_wide ? 64 : 32;
}

static const char *type_of(const struct row *row, uint16_t bits)
{
	if (row->type)
		return row->type;
	return bits == 64 ? "uint64" : "uint32";
}

/* A feature of the rows from @first up to @end. */
static void add_feature(struct iol_ppc_gdb *gdb, const struct iol_ppc_machine *machine,
			const char *name, const char *group, unsigned int first, unsigned int end)
{
	struct iol_gdb_feature *feature = &gdb->features[gdb->description.feature_count];
	unsigned int start = gdb->count;

	for (unsigned int i = first; i < end; i++) {
		const struct row *row = &rows[i];
		uint16_t bits = bits_of(machine, row->width);

		if (!has_row(machine, row))
			continue;
		gdb->registers[gdb->count] = (struct iol_gdb_register){
			.name = row->name,
			.bits = bits,
			.type = type_of(row, bits),
			.group = group,
		};
		gdb->rows[gdb->count] = i;
		gdb->offsets[gdb->count++] = gdb->bytes;
		gdb->bytes += bits / 8;
	}
	*feature = (struct iol_gdb_feature){
		.name = name,
		.registers = &gdb->registers[start],
		.count = gdb->count - start,
	};
	gdb->description.features[gdb->description.feature_count++] = feature;
}

static const char *architecture_of(const struct iol_ppc_machine *machine)
{
	if (machine->is_64bit)
		return "powerpc:common64";
	return machine->has_spe ? "powerpc:e500" : "powerpc:common";
}

void iol_ppc_gdb_describe(struct iol_ppc_gdb *gdb, const struct iol_ppc_machine *machine,
			  bool has_fpu)
{
	*gdb = (struct iol_ppc_gdb){ .count = 0 };
	gdb->description.architecture = architecture_of(machine);
	gdb->description.pc = IOL_PPC_ROW_pc; /* the core's rows come first, and are all there */
	add_feature(gdb, machine, "org.gnu.gdb.power.core", "general", IOL_PPC_ROW_r0,
		    IOL_PPC_ROW_f0);
	if (has_fpu)
		add_feature(gdb, machine, "org.gnu.gdb.power.fpu", "float", IOL_PPC_ROW_f0,
			    IOL_PPC_ROW_srr0);
	gdb->description.general_features = gdb->description.feature_count;
	add_feature(gdb, machine, "org.iolite.powerpc.system", "system", IOL_PPC_ROW_srr0,
		    IOL_PPC_ROWS);
}

void iol_ppc_gdb_put(const struct iol_ppc_gdb *gdb, unsigned int n, uint8_t *buf, uint64_t value)
{
	assert(n < gdb->count);
	if (gdb->registers[n].bits == 64)
		be64_store(buf + gdb->offsets[n], value);
	else
		be32_store(buf + gdb->offsets[n], (uint32_t)value);
}

uint64_t iol_ppc_gdb_get(const struct iol_ppc_gdb *gdb, unsigned int n, const uint8_t *buf)
{
	assert(n < gdb->count);
	if (gdb->registers[n].bits == 64)
		return be64_load(buf + gdb->offsets[n]);
	return be32_load(buf + gdb->offsets[n]);
}

bool iol_ppc_row_read_only(unsigned int row)
{
	assert(row < IOL_PPC_ROWS);
	return rows[row].access == RO;
}
