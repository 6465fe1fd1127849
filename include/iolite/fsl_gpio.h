/* SPDX-License-Identifier: Apache-2.0 */
/*
 * General purpose lines: the GPIO controller of Freescale's MPC85xx and QorIQ, 32 of them, whose inputs can
 * interrupt. One switches the machine off.
 */
#ifndef IOLITE_FSL_GPIO_H
#define IOLITE_FSL_GPIO_H

#include <iolite/bus.h>
#include <iolite/device.h>
#include <iolite/event.h>
#include <iolite/irq.h>

/* Registers: 32 bits, big-endian, and line 0 is the highest bit. */
enum {
	IOL_FSL_GPIO_DIR = 0x00, /* 1: output */
	IOL_FSL_GPIO_ODR = 0x04, /* open drain */
	IOL_FSL_GPIO_DAT = 0x08, /* levels */
	IOL_FSL_GPIO_IER = 0x0c, /* events; write 1 to clear */
	IOL_FSL_GPIO_IMR = 0x10, /* 1: the line's event interrupts */
	IOL_FSL_GPIO_ICR = 0x14, /* 1: only falling edges are events; 0: both */
	IOL_FSL_GPIO_BYTES = 0x1000,
};

enum {
	IOL_FSL_GPIO_LINES = 32,
	IOL_FSL_GPIO_POWER_OFF =
		0, /* as an output that goes high, this line switches the machine off */
};

/* Label of its node, for those that are wired to it: two cells, line and flags (0: active high). */
#define IOL_FSL_GPIO_LABEL "gpio0"

struct iol_fsl_gpio;

/*
 * Makes the device at @base of @bus; all its inputs are low. It raises IOL_EVENT_POWEROFF at @sink and has a pin
 * on @wire. All are borrowed and outlive the device. -EEXIST when the registers' place is taken.
 */
int iol_fsl_gpio_new(struct iol_bus *bus, uint64_t base, struct iol_irq_wire *wire,
		     struct iol_event_sink *sink, struct iol_fsl_gpio **gpio,
		     struct iol_error *err);

/* The device, which owns @gpio. */
struct iol_device *iol_fsl_gpio_device(struct iol_fsl_gpio *gpio);

/* Drives input @line from outside; a reset leaves it as it is. [any] */
void iol_fsl_gpio_set_input(struct iol_fsl_gpio *gpio, unsigned int line, bool level);

struct iol_fdt;
struct iol_fdt_place;
/* Writes the device's node (gpio@). */
void iol_fsl_gpio_describe(struct iol_fdt *fdt, const struct iol_fdt_place *place);
/* Writes the node of what is behind IOL_FSL_GPIO_POWER_OFF (power-off). */
void iol_fsl_gpio_describe_power_off(struct iol_fdt *fdt);

#endif
