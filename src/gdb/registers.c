// SPDX-License-Identifier: Apache-2.0
/* Registers: where each is in the buffer of all, and the packets that read and set them. */
#include "session.h"

#include <errno.h>
#include <string.h>

static unsigned int count_of(const struct iol_gdb_description *d, unsigned int features)
{
	unsigned int count = 0;

	for (unsigned int f = 0; f < features; f++)
		count += d->features[f]->count;
	return count;
}

static size_t bytes_of(const struct iol_gdb_description *d, unsigned int features)
{
	size_t bytes = 0;

	for (unsigned int f = 0; f < features; f++)
		for (unsigned int r = 0; r < d->features[f]->count; r++)
			bytes += d->features[f]->registers[r].bits / 8;
	return bytes;
}

unsigned int iol_gdb_register_count(const struct iol_gdb_description *d)
{
	return count_of(d, d->feature_count);
}

size_t iol_gdb_registers_bytes(const struct iol_gdb_description *d)
{
	return bytes_of(d, d->feature_count);
}

size_t iol_gdb_general_bytes(const struct iol_gdb_description *d)
{
	return bytes_of(d, d->general_features);
}

const struct iol_gdb_register *iol_gdb_register_at(const struct iol_gdb_description *d,
						   unsigned int n, size_t *offset)
{
	*offset = 0;
	for (unsigned int f = 0; f < d->feature_count; f++) {
		const struct iol_gdb_feature *feature = d->features[f];
		unsigned int before = MIN(n, feature->count);

		for (unsigned int r = 0; r < before; r++)
			*offset += feature->registers[r].bits / 8;
		if (n < feature->count)
			return &feature->registers[n];
		n -= feature->count;
	}
	return NULL;
}

static int read_all(struct iol_gdb_session *s)
{
	memset(s->registers, 0, sizeof(s->registers));
	return s->target->ops->read_registers(s->target, s->thread, s->registers);
}

/* "g" */
int iol_gdb_do_read_general(struct iol_gdb_session *s, struct gdb_cursor *args)
{
	int ret = read_all(s);

	(void)args;
	if (ret < 0)
		return ret;
	iol_gdb_reply_hex(&s->reply, s->registers, iol_gdb_general_bytes(s->description));
	return GDB_ANSWERED;
}

/* "G" registers */
int iol_gdb_do_write_general(struct iol_gdb_session *s, struct gdb_cursor *args)
{
	const struct iol_gdb_description *d = s->description;
	size_t bytes = iol_gdb_general_bytes(d);
	int ret;

	if (iol_gdb_cursor_left(args) != 2 * bytes || !iol_gdb_cursor_unhex(args))
		return -EINVAL;
	memcpy(s->registers, args->at, bytes);
	ret = s->target->ops->write_registers(s->target, s->thread, 0,
					      count_of(d, d->general_features), s->registers);
	return ret < 0 ? ret : iol_gdb_session_ok(s);
}

/* The number of a register that exists. */
static const struct iol_gdb_register *which(struct iol_gdb_session *s, struct gdb_cursor *args,
					    unsigned int *n, size_t *offset)
{
	uint64_t number;

	if (!iol_gdb_cursor_number(args, &number) || number > UINT16_MAX)
		return NULL;
	*n = (unsigned int)number;
	return iol_gdb_register_at(s->description, *n, offset);
}

/* "p" number */
int iol_gdb_do_read_register(struct iol_gdb_session *s, struct gdb_cursor *args)
{
	const struct iol_gdb_register *reg;
	unsigned int n;
	size_t offset;
	int ret;

	reg = which(s, args, &n, &offset);
	if (!reg || iol_gdb_cursor_left(args))
		return -EINVAL;
	ret = read_all(s);
	if (ret < 0)
		return ret;
	iol_gdb_reply_hex(&s->reply, s->registers + offset, reg->bits / 8);
	return GDB_ANSWERED;
}

/* "P" number "=" value */
int iol_gdb_do_write_register(struct iol_gdb_session *s, struct gdb_cursor *args)
{
	const struct iol_gdb_register *reg;
	unsigned int n;
	size_t offset;
	int ret;

	reg = which(s, args, &n, &offset);
	if (!reg || !iol_gdb_cursor_char(args, '=') ||
	    iol_gdb_cursor_left(args) != 2u * (reg->bits / 8) || !iol_gdb_cursor_unhex(args))
		return -EINVAL;
	memcpy(s->registers + offset, args->at, reg->bits / 8);
	ret = s->target->ops->write_registers(s->target, s->thread, n, 1, s->registers);
	return ret < 0 ? ret : iol_gdb_session_ok(s);
}
