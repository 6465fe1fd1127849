/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's sign of life: this byte to this port. No VMM prints such a byte of its own. */
#ifndef IOLITE_BENCH_MARKER_H
#define IOLITE_BENCH_MARKER_H

#define BENCH_PORT 0x3f8
#define BENCH_MARKER 0xa5

#endif
