/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the validation share. See iol_fdt_validate() in include/iolite/fdt.h. */
#ifndef IOL_FDT_VALIDATE_H
#define IOL_FDT_VALIDATE_H

#include "index.h"

enum {
	CELLS_MAX = 4, /* of an address or a size; libfdt and Linux go no further */
	INTERRUPT_CELLS_MAX = 16, /* Linux goes no further */
};

/* What a node says of its children. What it does not say, or says wrongly, is what DTSpec-0.4 2.3.5 has. */
struct iol_fdt_cells {
	uint8_t address, size;
	bool has_address, has_size; /* as far as they can be used */
};

struct iol_fdt_validation {
	struct iol_fdt_index index;
	const void *fdt;
	struct iol_fdt_cells *cells; /* by node */
	void (*report)(void *data, const char *text);
	void *data;
	unsigned int flaws;
	struct iol_error *err; /* gets the first one */
};

/* Something is wrong with @node, and with its property @prop unless that is NULL. */
void iol_fdt_flaw(struct iol_fdt_validation *v, unsigned int node, const char *prop,
		  const char *fmt, ...) iol_printf(4, 5);

/* Whether @node is the tree's business: not below /__symbols__ or another one of dtc's. */
bool iol_fdt_is_hardware(const struct iol_fdt_validation *v, unsigned int node);

/* The property, if it is there; a flaw if it is not, with the @section that requires it. */
const struct iol_fdt_prop *iol_fdt_require(struct iol_fdt_validation *v, unsigned int node,
					   const char *prop, const char *section);

/* Reads a property of one cell. false: it is not there, or, which is a flaw, is of another length. */
bool iol_fdt_get_u32(struct iol_fdt_validation *v, unsigned int node, const char *prop,
		     uint32_t *value);

/* Whether the property is there and the string @text, or a list of strings with @text. */
bool iol_fdt_says(const struct iol_fdt_validation *v, unsigned int node, const char *prop,
		  const char *text);

/* The nodes themselves: names, reg, ranges, properties of fixed types. */
void iol_fdt_validate_node(struct iol_fdt_validation *v, unsigned int node);
/* Finds cells, for all nodes; before anything else. */
void iol_fdt_validate_cells(struct iol_fdt_validation *v);
/* Interrupts, of all nodes. */
void iol_fdt_validate_interrupts(struct iol_fdt_validation *v);
/* What must be in a tree: root, cpus, memory ... */
void iol_fdt_validate_machine(struct iol_fdt_validation *v);
/* Buses and devices that DTSpec-0.4 4 describes. */
void iol_fdt_validate_bindings(struct iol_fdt_validation *v, unsigned int node);

#endif
