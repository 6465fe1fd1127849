/* SPDX-License-Identifier: Apache-2.0 */
/* What violations of ../hostile_machine_list.h have to work with beside hostile_disk.h. */
#ifndef GUEST_HOSTILE_MACHINE_H
#define GUEST_HOSTILE_MACHINE_H

#include "hostile_disk.h"

#include <linux/pci_regs.h>

enum {
	BARS = 6,
	SLOT_COUNT = 32,
	VECTOR_DEVICE = 0x33, /* what devices may raise */
};

/* Accesses that did not do what they should have since the last at_cpl0(), said as they come. */
extern volatile unsigned int machine_wrongs;

/* Says what, unless @got is @wanted. */
void want(const char *what, uint64_t got, uint64_t wanted);
/* Runs @code at CPL 0, for ports; FAIL when something was wrong, otherwise as still_works(). */
enum verdict at_cpl0(void (*code)(uint64_t));
/* FAIL when something was wrong since the last violation, otherwise as still_works(). */
enum verdict nothing_wrong(void);
/* load_ends(), then nothing_wrong(); what was asked for while the device was out of reach may need a kick. */
enum verdict load_and_nothing_wrong(void);

/* The disk's BARs as they are: to be put back by bars_restore(). */
void bars_save(void);
void bars_restore(void);
/* BAR @idx of the disk. */
uint64_t bar_register(unsigned int idx);
void bars_set(uint32_t place);
void command_set(uint16_t command);

/* Ports with string instructions; @width 1, 2, 4. */
void string_out(uint16_t port, unsigned int width, const volatile void *from, uint64_t count);
void string_in(uint16_t port, unsigned int width, volatile void *to, uint64_t count);
/* A port with @width. */
uint32_t port_read(uint16_t port, unsigned int width);
void port_write(uint16_t port, unsigned int width, uint32_t value);
/* Memory with every width from @at on: @bytes places. */
void touch_all_widths(uint64_t at, unsigned int bytes, bool write);
/* Read-modify-write and locked instructions of 4 bytes. */
void touch_locked(uint64_t at);
/* Copies by string instructions, where neither end needs to be memory. */
void string_copy(uint64_t to, uint64_t from, unsigned int width, uint64_t count);

/* All ones of @width bytes. */
static inline uint64_t ones(unsigned int width)
{
	return UINT64_MAX >> (64 - 8 * width);
}

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

/* --- several processors: hostile_machine_race.c --- */

/* Starts the others, once. False: they did not come. */
bool others_start(void);
/* All others call @job with their number, from 1 on, again and again, at CPL 0, until others_stop(). */
bool others_run(void (*job)(unsigned int number, uint64_t *seed));
bool others_stop(void);

#endif
