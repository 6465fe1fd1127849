/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Integers of a fixed byte order, as types of their own: reading or writing one without naming the
 * order does not compile. For structures shared with a guest or read from a file. Hosts may be
 * big-endian (Book E).
 */
#ifndef IOLITE_ENDIAN_H
#define IOLITE_ENDIAN_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define IOL_ENDIAN_TYPE(order, bits)                                      \
	typedef struct {                                                  \
		uint##bits##_t raw;                                       \
	} order##bits;                                                    \
	static inline uint##bits##_t order##bits##_get(order##bits v)     \
	{                                                                 \
		return order##bits##toh(v.raw);                           \
	}                                                                 \
	static inline order##bits order##bits##_of(uint##bits##_t v)      \
	{                                                                 \
		return (order##bits){ hto##order##bits(v) };              \
	}                                                                 \
	/* From and to bytes of any alignment. */                         \
	static inline uint##bits##_t order##bits##_load(const void *p)    \
	{                                                                 \
		order##bits v;                                            \
		memcpy(&v, p, sizeof(v));                                 \
		return order##bits##_get(v);                              \
	}                                                                 \
	static inline void order##bits##_store(void *p, uint##bits##_t v) \
	{                                                                 \
		order##bits w = order##bits##_of(v);                      \
		memcpy(p, &w, sizeof(w));                                 \
	}

IOL_ENDIAN_TYPE(le, 16)
IOL_ENDIAN_TYPE(le, 32)
IOL_ENDIAN_TYPE(le, 64)
IOL_ENDIAN_TYPE(be, 16)
IOL_ENDIAN_TYPE(be, 32)
IOL_ENDIAN_TYPE(be, 64)

/*
 * A little-endian number of @len bytes (1 to 8): the data of a bus access.
 * Shorter than 8 bytes, it is extended with zeros or cut.
 */
static inline uint64_t iol_le_load(const void *p, unsigned int len)
{
	le64 v = { 0 };

	memcpy(&v, p, len);
	return le64_get(v);
}

static inline void iol_le_store(void *p, unsigned int len, uint64_t value)
{
	le64 v = le64_of(value);

	memcpy(p, &v, len);
}

#endif
