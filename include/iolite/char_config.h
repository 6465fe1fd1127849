/* SPDX-License-Identifier: Apache-2.0 */
/* What the user asked for at the far end of a serial line or console. */
#ifndef IOLITE_CHAR_CONFIG_H
#define IOLITE_CHAR_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include <iolite/error.h>

enum iol_char_kind {
	IOL_CHAR_STDIO, /* standard input and output */
	IOL_CHAR_NULL, /* nobody */
	IOL_CHAR_PTY, /* a pseudo terminal */
	IOL_CHAR_FILE, /* output to a file */
	IOL_CHAR_UNIX, /* a socket in the file system */
	IOL_CHAR_TCP,
	IOL_CHAR_MUX, /* one of several at one terminal */
	IOL_CHAR_KIND_COUNT,
};

enum {
	IOL_CHAR_RING_BYTES = 64 * 1024, /* of output, where nothing else is said */
	IOL_CHAR_RING_MIN = 4 * 1024,
	IOL_CHAR_RING_MAX = 16 * 1024 * 1024,
};

struct iol_char_config {
	enum iol_char_kind kind;
	char *path; /* file, unix */
	char *host; /* tcp: an address in digits, IPv6 without brackets; NULL: 127.0.0.1 */
	unsigned int port; /* tcp; 0: any free one, for listening only */
	bool over_stdio; /* mux: the first of them, which has standard input and output */
	char *link; /* pty: a symbolic link to it, or NULL */
	char *log; /* a file that gets a copy of the guest's output, or NULL */
	bool append; /* file: keep what it has */
	bool connect; /* unix, tcp: to somebody who listens, instead of listening */
	int listen_fd; /* unix, tcp: > 0: a socket that listens there already, non-blocking; borrowed, and no key */
	bool expose; /* tcp: other machines may connect */
	bool block; /* a reader that does not read holds the guest, for as long as it likes */
	uint32_t ring_bytes;
	uint32_t given; /* a bit for each key that was given; src/config's own */
};

/* Standard input and output. Owns nothing yet. */
void iol_char_config_init(struct iol_char_config *config);
void iol_char_config_finish(struct iol_char_config *config);

/*
 * KIND[:ARGUMENT][,key[=value]...], a comma within a value written twice; see iolite-run(1). -EINVAL with a
 * text that names the value and what would be right; @config owns nothing then.
 */
int iol_char_config_parse(struct iol_char_config *config, const char *text, struct iol_error *err);

#endif
