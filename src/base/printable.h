/* SPDX-License-Identifier: Apache-2.0 */
/* Text that may hold a guest's or a file's bytes, made safe for a terminal. */
#ifndef IOL_BASE_PRINTABLE_H
#define IOL_BASE_PRINTABLE_H

/* Replaces control characters by '?', so that no escape sequence and no second line gets out. */
static inline void iol_make_printable(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

#endif
