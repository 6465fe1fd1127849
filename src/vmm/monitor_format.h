/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the monitor's `x` and `xp` take and show: a format as gdb has it, an address, and lines of values. Pure; the memory is
 * whoever's the reader reads.
 */
#ifndef IOL_VMM_MONITOR_FORMAT_H
#define IOL_VMM_MONITOR_FORMAT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	IOL_MONITOR_EXAMINE_BYTES_MAX = 16 * 1024, /* of one command */
	IOL_MONITOR_STRING_BYTES_MAX = 1024, /* of one string; then it is cut */
};

struct iol_monitor_format {
	unsigned int count; /* not 0 */
	char kind; /* one of x d u o c s */
	unsigned int size_bytes; /* 1, 2, 4, 8; 1 of c and s */
};

/* "/8xw", NULL: "/1xw". False: it is none, and @out says why, in a line. */
bool iol_monitor_format_parse(const char *text, struct iol_monitor_format *format, GString *out);

/*
 * A number in C's notation, or "$NAME" of a register, both also with "+NUMBER" or "-NUMBER" behind. @name: set to the register's,
 * to be freed with g_free(), else to NULL; *@address is then what is to be added to it. False: neither.
 */
bool iol_monitor_address_parse(const char *text, char **name, uint64_t *address);

/* The number that @size bytes, up to 8, are. */
uint64_t iol_monitor_value(const uint8_t *bytes, unsigned int size, bool big_endian);

struct iol_monitor_reader {
	bool big_endian; /* what is read */
	/*
	 * Copies up to @bytes from @address on: how many, at least 1; or -errno, with a line in @out that says why there are
	 * none.
	 */
	long (*read)(const struct iol_monitor_reader *reader, uint64_t address, uint8_t *buf,
		     unsigned int bytes, GString *out);
};

/* The values from @address on, in lines. 0; or the reader's -errno, after those before. */
int iol_monitor_examine(const struct iol_monitor_format *format, uint64_t address,
			const struct iol_monitor_reader *reader, GString *out);

#endif
