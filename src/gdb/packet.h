/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets as they are on the wire, in both directions: "$data#sum", with '}' before a byte that
 * would mean something else (GDB manual, "Overview" of the protocol). Pure; sizes are fixed.
 */
#ifndef IOLITE_GDB_PACKET_H
#define IOLITE_GDB_PACKET_H

#include <iolite/gdb.h>

/* What a client's bytes came to. */
enum gdb_event {
	GDB_EVENT_NONE, /* nothing yet */
	GDB_EVENT_PACKET, /* a packet is whole: see data and bytes */
	GDB_EVENT_TOO_LONG, /* likewise, but it has more than IOL_GDB_PACKET_BYTES; the data are gone */
	GDB_EVENT_MALFORMED, /* likewise, but it ends behind an escape; the data are of no use */
	GDB_EVENT_GARBLED, /* its checksum is wrong */
	GDB_EVENT_ACK,
	GDB_EVENT_NAK,
	GDB_EVENT_INTERRUPT,
};

struct gdb_packet {
	enum { GDB_BETWEEN, GDB_DATA, GDB_ESCAPED, GDB_SUM_HIGH, GDB_SUM_LOW } state;
	uint8_t sum; /* of the data so far */
	uint8_t high; /* the first digit of the checksum */
	bool malformed;
	size_t wire_bytes; /* of the data so far, escapes counted; stops behind IOL_GDB_PACKET_BYTES */
	size_t bytes; /* of data */
	uint8_t data[IOL_GDB_PACKET_BYTES + 1]; /* there is always room for a 0 at the end */
};

/* Forgets the beginning of a packet. */
void iol_gdb_packet_reset(struct gdb_packet *packet);
/* Takes bytes up to the first event; returns how many, at least 1 of @bytes > 0. */
size_t iol_gdb_packet_take(struct gdb_packet *packet, const uint8_t *data, size_t bytes,
			   enum gdb_event *event);

/*
 * A packet to the client, which is kept until the next one is begun. What does not fit is dropped
 * as a whole, and `cut` says that it was.
 */
struct gdb_reply {
	bool cut;
	size_t bytes; /* of data */
	size_t frame_bytes; /* once it is whole */
	uint8_t frame[1 + IOL_GDB_PACKET_BYTES + 3];
};

void iol_gdb_reply_begin(struct gdb_reply *reply);
/* Characters that mean nothing to the protocol. */
void iol_gdb_reply_text(struct gdb_reply *reply, const char *text);
/* In hexadecimal, without zeros in front. */
void iol_gdb_reply_number(struct gdb_reply *reply, uint64_t number);
/* Two digits a byte. */
void iol_gdb_reply_hex(struct gdb_reply *reply, const uint8_t *data, size_t bytes);
/* Any byte, escaped where that is needed. False: it did not fit, and that is not a cut. */
bool iol_gdb_reply_binary(struct gdb_reply *reply, uint8_t byte);
/* How many bytes two digits each have room for. */
size_t iol_gdb_reply_room(const struct gdb_reply *reply);
/*
 * Where @bytes, no more than there is room for, can be put so that iol_gdb_reply_hex_put() makes
 * digits of them in the same place: memory is not copied on its way.
 */
uint8_t *iol_gdb_reply_hex_place(struct gdb_reply *reply, size_t bytes);
/* The first @got of the @bytes at iol_gdb_reply_hex_place(). */
void iol_gdb_reply_hex_put(struct gdb_reply *reply, size_t bytes, size_t got);
/* Nothing is added any more: puts the checksum behind it. */
void iol_gdb_reply_finish(struct gdb_reply *reply);

#endif
