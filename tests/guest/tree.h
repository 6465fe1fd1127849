/* SPDX-License-Identifier: Apache-2.0 */
/* A device tree as guests read it: it is well-formed and within mapped memory, or the guest fails. */
#ifndef GUEST_TREE_H
#define GUEST_TREE_H

#include <stdbool.h>
#include <stdint.h>

/* The architecture's: where the boot loader's register says the tree is. */
const uint8_t *tree_at_entry(void);

/*
 * The first property of that name in the tree, and its length; NULL: none. Good enough for names that are in one
 * place.
 */
const uint8_t *tree_property(const char *name, uint32_t *bytes);

/* The guest's orders: its whole command line. */
const char *orders(void);
bool told_to(const char *order);

#endif
