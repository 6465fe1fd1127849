/* SPDX-License-Identifier: Apache-2.0 */
/* A power button as a key on a GPIO line: high while it is pressed, for as long as a person would. */
#ifndef IOLITE_POWER_KEY_H
#define IOLITE_POWER_KEY_H

#include <iolite/loop.h>
#include <iolite/pl061.h>

/* The line that the key is on, here and in its node. */
enum { IOL_POWER_KEY_LINE = 3 };

#define IOL_POWER_KEY_HOLD_NS (100 * IOL_NS_PER_MS)

struct iol_power_key;

/* Makes the key on IOL_POWER_KEY_LINE of @gpio. Both are borrowed and outlive it. [loop] */
struct iol_power_key *iol_power_key_new(struct iol_loop *loop, struct iol_pl061 *gpio);

/* The device, which owns @key. */
struct iol_device *iol_power_key_device(struct iol_power_key *key);

/* Presses it; it lets go by itself. Nothing happens while it is pressed. [any] */
void iol_power_key_press(struct iol_power_key *key);

struct iol_fdt;
/* Writes its node (gpio-keys), for a PL061 that is labelled IOL_PL061_LABEL. */
void iol_power_key_describe(struct iol_fdt *fdt);

#endif
