/* SPDX-License-Identifier: Apache-2.0 */
/* Serial port: a 16550A (National PC16550D) between eight bus registers and a character backend. */
#ifndef IOLITE_UART_H
#define IOLITE_UART_H

#include <iolite/bus.h>
#include <iolite/char.h>
#include <iolite/device.h>
#include <iolite/irq.h>

enum { IOL_UART_BYTES = 8, IOL_UART_FIFO_BYTES = 16 };

/*
 * Makes a UART of IOL_UART_BYTES registers, one byte each, at @base of @bus. With edges, interrupts are wired
 * as in a PC: OUT2 lets them through. With a level there is nothing between the chip and its wire, as in
 * systems on a chip. Ownership of @irq moves to the device, also on failure. @bus and @chr are borrowed and outlive the device; @chr NULL: output
 * vanishes. -EEXIST when the registers' place is taken.
 */
int iol_uart_new(struct iol_bus *bus, uint64_t base, struct iol_irq_output irq,
		 struct iol_char *chr, struct iol_device **dev, struct iol_error *err);

/* The near end of the line, for iol_char_start(); lives as long as @dev. */
struct iol_char_user *iol_uart_char_user(struct iol_device *dev);

struct iol_fdt;
struct iol_fdt_place;
/* Writes the device's node (serial@, label serial0 for the first). */
void iol_uart_describe(struct iol_fdt *fdt, const struct iol_fdt_place *place);

#endif
