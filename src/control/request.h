/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One JSON value at a time out of a stream of bytes: where it ends, not what it means. Pure, bounded, and never lost for
 * good: a byte that no JSON has (control characters, 0xff) makes it begin anew.
 */
#ifndef IOL_CONTROL_REQUEST_H
#define IOL_CONTROL_REQUEST_H

#include <glib.h>

#include <iolite/control.h>

enum iol_control_request_state {
	IOL_CONTROL_REQUEST_PART, /* all was taken, and no value is whole */
	IOL_CONTROL_REQUEST_WHOLE, /* request->text has it, until the next byte is offered */
	IOL_CONTROL_REQUEST_BROKEN, /* request->wrong says why; it goes on with what comes next */
};

struct iol_control_request {
	GString *text;
	enum {
		IOL_CONTROL_REQUEST_BETWEEN, /* values */
		IOL_CONTROL_REQUEST_WORD, /* a number, true, ... that is no object or list */
		IOL_CONTROL_REQUEST_INSIDE, /* an object, list, or text */
		IOL_CONTROL_REQUEST_LOST, /* behind what is no JSON */
	} at;
	uint64_t depth;
	bool quoted, escaped;
	bool skipping; /* it has been called broken: its rest means nothing */
	bool whole; /* begin anew with the next byte */
	const char *wrong;
};

void iol_control_request_init(struct iol_control_request *request);
void iol_control_request_finish(struct iol_control_request *request);

/* Offers bytes; says in @taken how many were taken, which are fewer only when a value is whole or broken. */
enum iol_control_request_state iol_control_request_feed(struct iol_control_request *request,
							const char *data, size_t len,
							size_t *taken);

#endif
