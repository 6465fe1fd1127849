/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all fuzz targets share: the entry point that libFuzzer and replay.c call, a reader of input
 * bytes, and oracles. A target keeps nothing from one input to the next that could change what the
 * next one does.
 */
#ifndef IOLITE_TESTS_FUZZ_H
#define IOLITE_TESTS_FUZZ_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iolite/endian.h>
#include <iolite/error.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* g_error() of a rig is a breakpoint, which libFuzzer does not take for a failure: it would keep no input. */
static inline void fuzz_trapped(int sig)
{
	(void)sig;
	abort();
}

__attribute__((constructor)) static inline void fuzz_catch_traps(void)
{
	signal(SIGTRAP, fuzz_trapped);
}

/* An oracle: what must hold whatever the input. */
#define fuzz_check(cond)                                                           \
	do {                                                                       \
		if (!(cond)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
			abort();                                                   \
		}                                                                  \
	} while (0)

/*
 * The rest of an input. Behind its end there are zeros. No two takes are arguments of one call or operands of one operator:
 * which of them is first is the compiler's choice, and the kept inputs would be others in another preset.
 */
struct fuzz_input {
	const uint8_t *data;
	size_t len;
};

/* The next @want bytes or what is left; @got says how many. */
static inline const uint8_t *fuzz_take(struct fuzz_input *in, size_t want, size_t *got)
{
	const uint8_t *data = in->data;

	*got = want < in->len ? want : in->len;
	in->data += *got;
	in->len -= *got;
	return data;
}

/* A little-endian number of @width bytes. */
static inline uint64_t fuzz_number(struct fuzz_input *in, unsigned int width)
{
	size_t got;
	const uint8_t *data = fuzz_take(in, width, &got);

	return got ? iol_le_load(data, (unsigned int)got) : 0;
}

static inline uint8_t fuzz_u8(struct fuzz_input *in)
{
	return (uint8_t)fuzz_number(in, 1);
}

static inline uint16_t fuzz_u16(struct fuzz_input *in)
{
	return (uint16_t)fuzz_number(in, 2);
}

/* What a person is told: @ret as its code, and one line of text that was not cut. */
static inline void fuzz_check_error(const struct iol_error *err, int ret)
{
	size_t len = strnlen(err->msg, sizeof(err->msg));

	fuzz_check(ret < 0 && err->code == ret);
	fuzz_check(len > 0 && len < sizeof(err->msg) - 1);
	for (size_t i = 0; i < len; i++)
		fuzz_check((unsigned char)err->msg[i] >= 0x20 && err->msg[i] != 0x7f);
}

#endif
