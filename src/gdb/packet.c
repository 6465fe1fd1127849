// SPDX-License-Identifier: Apache-2.0
/* The client's bytes become packets and single characters. See packet.h. */
#include "packet.h"

#include <glib.h>
#include <string.h>

#include "text.h"

void iol_gdb_packet_reset(struct gdb_packet *packet)
{
	packet->state = GDB_BETWEEN;
	packet->sum = 0;
	packet->malformed = false;
	packet->wire_bytes = 0;
	packet->bytes = 0;
}

static void begin(struct gdb_packet *packet)
{
	iol_gdb_packet_reset(packet);
	packet->state = GDB_DATA;
}

static enum gdb_event between(struct gdb_packet *packet, uint8_t byte)
{
	switch (byte) {
	case '$':
		begin(packet);
		return GDB_EVENT_NONE;
	case '+':
		return GDB_EVENT_ACK;
	case '-':
		return GDB_EVENT_NAK;
	case 0x03:
		return GDB_EVENT_INTERRUPT;
	default:
		return GDB_EVENT_NONE;
	}
}

/* An escape, the byte behind one, or one too many: all others were taken in a run. */
static void data_byte(struct gdb_packet *packet, uint8_t byte)
{
	packet->sum = (uint8_t)(packet->sum + byte);
	if (packet->wire_bytes > IOL_GDB_PACKET_BYTES)
		return;
	if (++packet->wire_bytes > IOL_GDB_PACKET_BYTES)
		return;
	if (packet->state == GDB_ESCAPED) {
		packet->data[packet->bytes++] = byte ^ 0x20;
		packet->state = GDB_DATA;
	} else {
		packet->state = GDB_ESCAPED;
	}
}

static enum gdb_event finish(struct gdb_packet *packet, uint8_t byte)
{
	int low = iol_gdb_hex_digit(byte), high = iol_gdb_hex_digit(packet->high);

	packet->state = GDB_BETWEEN;
	if (low < 0 || high < 0 || (high << 4 | low) != packet->sum)
		return GDB_EVENT_GARBLED;
	if (packet->wire_bytes > IOL_GDB_PACKET_BYTES)
		return GDB_EVENT_TOO_LONG;
	return packet->malformed ? GDB_EVENT_MALFORMED : GDB_EVENT_PACKET;
}

static enum gdb_event take_byte(struct gdb_packet *packet, uint8_t byte)
{
	if (packet->state == GDB_BETWEEN)
		return between(packet, byte);
	/* Never within a packet, so the end of one was lost. */
	if (byte == '$') {
		begin(packet);
		return GDB_EVENT_NONE;
	}
	switch (packet->state) {
	case GDB_SUM_HIGH:
		packet->high = byte;
		packet->state = GDB_SUM_LOW;
		return GDB_EVENT_NONE;
	case GDB_SUM_LOW:
		return finish(packet, byte);
	default:
		if (byte == '#') {
			packet->malformed = packet->state == GDB_ESCAPED;
			packet->state = GDB_SUM_HIGH;
		} else {
			data_byte(packet, byte);
		}
		return GDB_EVENT_NONE;
	}
}

/* Those that are more than data within a packet. */
static const uint8_t special[256] = { ['$'] = 1, ['#'] = 1, ['}'] = 1 };

/* How many bytes, up to @bytes, are just data; adds them to @sum. */
static size_t count_data(const uint8_t *data, size_t bytes, uint8_t *sum)
{
	enum { AT_ONCE = 16 };
	unsigned int total = *sum;
	size_t count = 0;

	while (bytes - count >= AT_ONCE) {
		unsigned int found = 0, part = 0;

		for (unsigned int i = 0; i < AT_ONCE; i++) {
			found |= special[data[count + i]];
			part += data[count + i];
		}
		if (found)
			break;
		total += part;
		count += AT_ONCE;
	}
	while (count < bytes && !special[data[count]])
		total += data[count++];
	*sum = (uint8_t)total;
	return count;
}

/* Most of a large packet: bytes that are just data, or too many. Returns how many. */
static size_t take_run(struct gdb_packet *packet, const uint8_t *data, size_t bytes)
{
	bool too_long = packet->wire_bytes > IOL_GDB_PACKET_BYTES;
	size_t room = too_long ? bytes : IOL_GDB_PACKET_BYTES - packet->wire_bytes;
	size_t run = count_data(data, MIN(bytes, room), &packet->sum);

	if (!too_long) {
		memcpy(packet->data + packet->bytes, data, run);
		packet->bytes += run;
		packet->wire_bytes += run;
	}
	return run;
}

size_t iol_gdb_packet_take(struct gdb_packet *packet, const uint8_t *data, size_t bytes,
			   enum gdb_event *event)
{
	size_t taken = 0;

	*event = GDB_EVENT_NONE;
	while (taken < bytes && *event == GDB_EVENT_NONE) {
		if (packet->state == GDB_DATA)
			taken += take_run(packet, data + taken, bytes - taken);
		if (taken < bytes)
			*event = take_byte(packet, data[taken++]);
	}
	return taken;
}
