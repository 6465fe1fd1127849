/* SPDX-License-Identifier: Apache-2.0 */
/* General purpose lines: how something outside drives an input of whichever controller the machine has. */
#ifndef IOLITE_GPIO_H
#define IOLITE_GPIO_H

#include <stdbool.h>

/* An input; @gpio is the controller, which outlives it. */
struct iol_gpio_input {
	void (*set)(const struct iol_gpio_input *input, bool level); /* [any] */
	void *gpio;
	unsigned int line;
};

#endif
