/* SPDX-License-Identifier: Apache-2.0 */
/* The few macros that every folder uses: array length, container, alignment, cleanup. */
#ifndef IOLITE_MACROS_H
#define IOLITE_MACROS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IOL_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* The struct of type @type whose field @member is at @ptr. */
#define iol_container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* @x rounded down or up to a multiple of @a, a power of two. Rounding up wraps at 2^64. */
#define IOL_ALIGN_DOWN(x, a) ((x) & ~((__typeof__(x))(a)-1))
#define IOL_ALIGN_UP(x, a) IOL_ALIGN_DOWN((x) + ((__typeof__(x))(a)-1), a)

#define IOL_KIB (UINT64_C(1) << 10)
#define IOL_MIB (UINT64_C(1) << 20)
#define IOL_GIB (UINT64_C(1) << 30)

#define IOL_NS_PER_US UINT64_C(1000)
#define IOL_NS_PER_MS UINT64_C(1000000)
#define IOL_NS_PER_S UINT64_C(1000000000)

/* Runs @fn(&variable) when the variable leaves its scope. */
#define iol_auto(fn) __attribute__((cleanup(fn)))

#define iol_printf(fmt_idx, arg_idx) __attribute__((format(printf, fmt_idx, arg_idx)))

/* iol_auto(iol_fd_close) int fd = -1; closes fd unless it is negative. Keeps errno. */
void iol_fd_close(int *fd);

#endif
