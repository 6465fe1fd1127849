/* SPDX-License-Identifier: Apache-2.0 */
/* Disks of options, for fuzz_config: the grammar of their keys once more, as regular expressions. */
#ifndef CONFIG_DISKS_H
#define CONFIG_DISKS_H

/* One disk a line: what is taken and what is refused are as the grammar says. */
void try_disks(const char *text);

#endif
