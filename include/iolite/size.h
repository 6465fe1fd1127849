/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes as people write them: a whole number and a suffix K, M, G or T (powers of 1024). */
#ifndef IOLITE_SIZE_H
#define IOLITE_SIZE_H

#include <iolite/error.h>

/*
 * Parses all of @text: decimal digits, then at most one of K M G T in either case, then nothing.
 * A plain number is in bytes. -EINVAL, -ERANGE (2^64 and up) with a text that shows the value.
 */
int iol_size_parse(const char *text, uint64_t *bytes, struct iol_error *err);

enum { IOL_SIZE_TEXT_BYTES = 32 };

/* The shortest exact form: 268435456 -> "256M", 1000 -> "1000". Returns @text. */
char *iol_size_format(uint64_t bytes, char text[IOL_SIZE_TEXT_BYTES]);

#endif
