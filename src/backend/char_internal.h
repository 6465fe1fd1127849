/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts that all character backends have in common know of each other: char_input.c, char_output.c and char_peer.c,
 * which char.c puts together. Backends have char.h. All on the loop's thread.
 */
#ifndef IOL_BACKEND_CHAR_INTERNAL_H
#define IOL_BACKEND_CHAR_INTERNAL_H

#include <iolite/char.h>

/* ---- Input that waits for the device ---- */

void iol_char_init_input(struct iol_char *chr);
/* Reads when there is something; nothing while the peer leaves, or there is none. */
void iol_char_await_input(struct iol_char *chr);
/* Input waits for the device. */
void iol_char_await_device(struct iol_char *chr);
/* Offers what was read to the device; true when it took everything. */
bool iol_char_deliver_input(struct iol_char *chr);

/* ---- The ring and its back-pressure ---- */

void iol_char_init_output(struct iol_char *chr);
/* Takes the oldest @len bytes out of the ring. Under the lock. */
void iol_char_ring_take(struct iol_char *chr, unsigned int len);
/* Writes ring bytes. 0: there are no more, -EAGAIN: out_fd is full, -EINPROGRESS: it is the turn of others. */
int iol_char_drain(struct iol_char *chr);
/* The same, and sees to the rest. */
void iol_char_push_out(struct iol_char *chr);
/* Tells a device that waits for room, once there is some or its output would be dropped. */
void iol_char_offer_room(struct iol_char *chr);

/* ---- Peers that come and go ---- */

void iol_char_init_peer(struct iol_char *chr);
/* One operation with the descriptor of a peer that leaves has ended: it may have been the last one. */
void iol_char_finish_leaving(struct iol_char *chr);
/* Reads and drops what is there. */
void iol_char_discard_input(struct iol_char *chr);
/* A peer that is sent away goes now. */
void iol_char_cut_off(struct iol_char *chr);

#endif
