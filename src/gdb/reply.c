// SPDX-License-Identifier: Apache-2.0
/* Packets to the client. See packet.h. */
#include "packet.h"

#include <string.h>

static const char digits[] = "0123456789abcdef";

static uint8_t *data_of(struct gdb_reply *reply)
{
	return reply->frame + 1;
}

void iol_gdb_reply_begin(struct gdb_reply *reply)
{
	reply->frame[0] = '$';
	reply->bytes = 0;
	reply->frame_bytes = 0;
	reply->cut = false;
}

void iol_gdb_reply_text(struct gdb_reply *reply, const char *text)
{
	size_t bytes = strlen(text);

	if (bytes > IOL_GDB_PACKET_BYTES - reply->bytes) {
		reply->cut = true;
		return;
	}
	memcpy(data_of(reply) + reply->bytes, text, bytes);
	reply->bytes += bytes;
}

void iol_gdb_reply_number(struct gdb_reply *reply, uint64_t number)
{
	char text[17];
	unsigned int at = sizeof(text) - 1;

	text[at] = '\0';
	do {
		text[--at] = digits[number & 15];
		number >>= 4;
	} while (number);
	iol_gdb_reply_text(reply, text + at);
}

size_t iol_gdb_reply_room(const struct gdb_reply *reply)
{
	return (IOL_GDB_PACKET_BYTES - reply->bytes) / 2;
}

void iol_gdb_reply_hex(struct gdb_reply *reply, const uint8_t *data, size_t bytes)
{
	uint8_t *out = data_of(reply) + reply->bytes;

	if (bytes > iol_gdb_reply_room(reply)) {
		reply->cut = true;
		return;
	}
	for (size_t i = 0; i < bytes; i++) {
		uint8_t byte = data[i];

		*out++ = (uint8_t)digits[byte >> 4];
		*out++ = (uint8_t)digits[byte & 15];
	}
	reply->bytes += 2 * bytes;
}

bool iol_gdb_reply_binary(struct gdb_reply *reply, uint8_t byte)
{
	uint8_t *out = data_of(reply);
	/* '*' would be a run length in this direction. */
	bool escaped = byte == '$' || byte == '#' || byte == '}' || byte == '*';

	if (IOL_GDB_PACKET_BYTES - reply->bytes < 1u + escaped)
		return false;
	if (escaped) {
		out[reply->bytes++] = '}';
		byte ^= 0x20;
	}
	out[reply->bytes++] = byte;
	return true;
}

uint8_t *iol_gdb_reply_hex_place(struct gdb_reply *reply, size_t bytes)
{
	/* The digits of a byte are written when it and all before it were read: they never pass those that come. */
	return data_of(reply) + reply->bytes + bytes;
}

void iol_gdb_reply_hex_put(struct gdb_reply *reply, size_t bytes, size_t got)
{
	iol_gdb_reply_hex(reply, iol_gdb_reply_hex_place(reply, bytes), got);
}

void iol_gdb_reply_finish(struct gdb_reply *reply)
{
	uint8_t *end = data_of(reply) + reply->bytes;
	uint8_t sum = 0;

	for (const uint8_t *at = data_of(reply); at < end; at++)
		sum = (uint8_t)(sum + *at);
	end[0] = '#';
	end[1] = (uint8_t)digits[sum >> 4];
	end[2] = (uint8_t)digits[sum & 15];
	reply->frame_bytes = reply->bytes + 4;
}
