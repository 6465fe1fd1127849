/* SPDX-License-Identifier: Apache-2.0 */
/* The virtio console (virtio-v1.2 5.3): one port between two queues and a character backend. */
#ifndef IOLITE_VIRTIO_CONSOLE_H
#define IOLITE_VIRTIO_CONSOLE_H

#include <iolite/char.h>
#include <iolite/virtio.h>

struct iol_virtio_console_config {
	const char *name; /* for messages; copied */
	uint16_t cols, rows; /* of the terminal at the far end; 0: not known */
};

/*
 * Makes a console over @chr, which is borrowed and outlives the device. The caller then names it to
 * the backend by iol_char_start(), and calls iol_char_stop() before the device is freed. [loop]
 */
int iol_virtio_console_new(struct iol_char *chr, const struct iol_virtio_console_config *config,
			   const struct iol_virtio_env *env, struct iol_virtio **v,
			   struct iol_error *err);

/* The near end of the line, for iol_char_start(); lives as long as @v. */
struct iol_char_user *iol_virtio_console_char_user(struct iol_virtio *v);

/* The terminal has another size now; the driver is told if it differs. [loop] */
void iol_virtio_console_set_size(struct iol_virtio *v, uint16_t cols, uint16_t rows);

#endif
