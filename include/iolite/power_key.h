/* SPDX-License-Identifier: Apache-2.0 */
/* A power button as a key on a GPIO line: high while it is pressed, for as long as a person would. */
#ifndef IOLITE_POWER_KEY_H
#define IOLITE_POWER_KEY_H

#include <iolite/device.h>
#include <iolite/gpio.h>
#include <iolite/loop.h>

/* The line that the key is on, of any controller and in its node. */
enum { IOL_POWER_KEY_LINE = 3 };

/* As long as a person presses one: a slow guest must find it pressed when it comes to look. */
#define IOL_POWER_KEY_HOLD_NS (500 * IOL_NS_PER_MS)

struct iol_power_key;

/* Makes the key on @input, line IOL_POWER_KEY_LINE. Its controller and @loop outlive it. [loop] */
struct iol_power_key *iol_power_key_new(struct iol_loop *loop, struct iol_gpio_input input);

/* The device, which owns @key. */
struct iol_device *iol_power_key_device(struct iol_power_key *key);

/* Presses it; it lets go by itself. Nothing happens while it is pressed. [any] */
void iol_power_key_press(struct iol_power_key *key);

struct iol_fdt;
/* Writes its node (gpio-keys), for a controller with the label @gpio and two cells: line and flags. */
void iol_power_key_describe(struct iol_fdt *fdt, const char *gpio);

#endif
