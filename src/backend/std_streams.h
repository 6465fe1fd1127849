/* SPDX-License-Identifier: Apache-2.0 */
/* Standard input and output for serial lines: one alone (char_stdio.c), or several in turn (char_mux.c). [loop] */
#ifndef IOL_BACKEND_STD_STREAMS_H
#define IOL_BACKEND_STD_STREAMS_H

#include <iolite/error.h>
#include <iolite/event.h>

struct std_streams {
	struct iol_event_sink *sink;
	int in_fd, out_fd; /* do not block; -1: not open. Closed by whoever uses them. */
	bool is_terminal; /* in raw mode, with an escape key */
	bool escaped; /* the last key was Ctrl-A */
	int shared_flags[2]; /* of descriptors 0 and 1, to restore; -1: not changed */
};

/* On a terminal: raw mode until std_streams_close() or until the process dies. One per process. */
int std_streams_open(struct std_streams *streams, struct iol_event_sink *sink,
		     struct iol_error *err);
/* What was changed is as before. Closes no descriptor. */
void std_streams_close(struct std_streams *streams);

enum { STD_STREAMS_NO_KEY = -1, STD_STREAMS_HELP = -2, STD_STREAMS_SELECT = -16 };

/*
 * What becomes of a key of a terminal: itself, for the guest; STD_STREAMS_NO_KEY; STD_STREAMS_HELP: the help is
 * asked for; STD_STREAMS_SELECT + 1 ... + 9: Ctrl-A and that digit. Ctrl-A x raises IOL_EVENT_STOP.
 */
int std_streams_key(struct std_streams *streams, uint8_t key);

/* Tells the person at the terminal. */
void std_streams_tell(const char *text);

#endif
