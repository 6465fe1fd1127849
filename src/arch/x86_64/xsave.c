// SPDX-License-Identifier: Apache-2.0
/*
 * An XSAVE image in its standard format (SDM 1 13.4) and the registers in it. A component whose bit of XSTATE_BV is not set
 * is in its initial state (13.6), whatever the image has in its place.
 */
#include "debug.h"

#include <errno.h>

#include <iolite/endian.h>

/* The legacy area (SDM 1 10.5.1.1), with 64-bit pointers, and the header (13.4.2). */
enum {
	FCW = 0,
	FSW = 2,
	FTW = 4, /* a bit per register: it is not empty */
	FOP = 6,
	FIP = 8,
	FDP = 16,
	MXCSR = 24,
	MXCSR_MASK = 28,
	ST = 32,
	ST_STRIDE = 16,
	XMM = 160,
	XSTATE_BV = 512,
	HEADER_END = 576,
};

enum { COMPONENT_X87 = 1, COMPONENT_SSE = 2, COMPONENT_AVX = 4 };
enum { FCW_INIT = 0x37f, MXCSR_INIT = 0x1f80, MXCSR_MASK_DEFAULT = 0xffbf };
enum {
	CONTROL_FCW,
	CONTROL_FSW,
	CONTROL_TAG,
	CONTROL_FIP_HIGH,
	CONTROL_FIP,
	CONTROL_FDP_HIGH,
	CONTROL_FDP,
	CONTROL_FOP
};
enum { TAG_VALID, TAG_ZERO, TAG_SPECIAL, TAG_EMPTY, TAGS_EMPTY = 0xffff };

static bool fits(const struct iol_x86_xsave *xsave)
{
	size_t ymm_bytes = sizeof(((struct iol_x86_fpu *)NULL)->ymmh);

	if (xsave->bytes < HEADER_END)
		return false;
	return !xsave->ymm_offset ||
	       (xsave->ymm_offset >= HEADER_END && xsave->ymm_offset <= xsave->bytes &&
		xsave->bytes - xsave->ymm_offset >= ymm_bytes);
}

/* What a register's tag would be, of its value (SDM 1 8.1.7). */
static unsigned int tag_of(const uint8_t *st)
{
	uint64_t significand = le64_load(st);
	unsigned int exponent = le16_load(st + 8) & 0x7fff;

	if (!exponent && !significand)
		return TAG_ZERO;
	if (!exponent || exponent == 0x7fff || !(significand >> 63))
		return TAG_SPECIAL;
	return TAG_VALID;
}

/* Tags are by the register's own number, values by its place on the stack. */
static uint32_t full_tags(const struct iol_x86_fpu *fpu, uint8_t abridged, uint16_t fsw)
{
	unsigned int top = (fsw >> 11) & 7;
	uint32_t tags = 0;

	for (unsigned int i = 0; i < 8; i++) {
		unsigned int tag = TAG_EMPTY;

		if (abridged & (1u << i))
			tag = tag_of(fpu->st[(i - top) & 7]);
		tags |= tag << (2 * i);
	}
	return tags;
}

static uint8_t abridged_tags(uint32_t full)
{
	unsigned int abridged = 0;

	for (unsigned int i = 0; i < 8; i++)
		if (((full >> (2 * i)) & 3) != TAG_EMPTY)
			abridged |= 1u << i;
	return (uint8_t)abridged;
}

static void get_x87(const uint8_t *image, struct iol_x86_fpu *fpu)
{
	uint16_t fsw = le16_load(image + FSW);

	for (unsigned int i = 0; i < 8; i++)
		memcpy(fpu->st[i], image + ST + i * ST_STRIDE, sizeof(fpu->st[i]));
	le32_store(fpu->control[CONTROL_FCW], le16_load(image + FCW));
	le32_store(fpu->control[CONTROL_FSW], fsw);
	le32_store(fpu->control[CONTROL_TAG], full_tags(fpu, image[FTW], fsw));
	memcpy(fpu->control[CONTROL_FIP], image + FIP, 4);
	memcpy(fpu->control[CONTROL_FIP_HIGH], image + FIP + 4, 4);
	memcpy(fpu->control[CONTROL_FDP], image + FDP, 4);
	memcpy(fpu->control[CONTROL_FDP_HIGH], image + FDP + 4, 4);
	le32_store(fpu->control[CONTROL_FOP], le16_load(image + FOP));
}

static void put_x87(uint8_t *image, const struct iol_x86_fpu *fpu)
{
	for (unsigned int i = 0; i < 8; i++)
		memcpy(image + ST + i * ST_STRIDE, fpu->st[i], sizeof(fpu->st[i]));
	memcpy(image + FCW, fpu->control[CONTROL_FCW], 2);
	memcpy(image + FSW, fpu->control[CONTROL_FSW], 2);
	image[FTW] = abridged_tags(le32_load(fpu->control[CONTROL_TAG]));
	image[FTW + 1] = 0;
	memcpy(image + FIP, fpu->control[CONTROL_FIP], 4);
	memcpy(image + FIP + 4, fpu->control[CONTROL_FIP_HIGH], 4);
	memcpy(image + FDP, fpu->control[CONTROL_FDP], 4);
	memcpy(image + FDP + 4, fpu->control[CONTROL_FDP_HIGH], 4);
	memcpy(image + FOP, fpu->control[CONTROL_FOP], 2);
}

int iol_x86_xsave_get(const struct iol_x86_xsave *xsave, struct iol_x86_fpu *fpu)
{
	uint64_t present;

	memset(fpu, 0, sizeof(*fpu));
	if (!fits(xsave))
		return -EINVAL;
	present = le64_load(xsave->image + XSTATE_BV);
	le32_store(fpu->control[CONTROL_FCW], FCW_INIT);
	le32_store(fpu->control[CONTROL_TAG], TAGS_EMPTY);
	le32_store(fpu->mxcsr, MXCSR_INIT);
	if (present & COMPONENT_X87)
		get_x87(xsave->image, fpu);
	if (present & COMPONENT_SSE)
		memcpy(fpu->xmm, xsave->image + XMM, sizeof(fpu->xmm));
	if (present & (COMPONENT_SSE | COMPONENT_AVX))
		memcpy(fpu->mxcsr, xsave->image + MXCSR, sizeof(fpu->mxcsr));
	if (xsave->ymm_offset && (present & COMPONENT_AVX))
		memcpy(fpu->ymmh, xsave->image + xsave->ymm_offset, sizeof(fpu->ymmh));
	return 0;
}

/* Reserved bits of MXCSR make XRSTOR fault (SDM 1 11.6.6). */
static bool mxcsr_is_possible(const uint8_t *image, uint32_t mxcsr)
{
	uint32_t mask = le32_load(image + MXCSR_MASK);

	return !(mxcsr & ~(mask ? mask : MXCSR_MASK_DEFAULT));
}

int iol_x86_xsave_put(const struct iol_x86_xsave *xsave, const struct iol_x86_fpu *fpu)
{
	uint8_t *image = xsave->image;
	struct iol_x86_fpu now;
	uint64_t present;
	int ret = iol_x86_xsave_get(xsave, &now);

	if (ret)
		return ret;
	present = le64_load(image + XSTATE_BV);
	if (memcmp(now.mxcsr, fpu->mxcsr, sizeof(now.mxcsr)) &&
	    !mxcsr_is_possible(image, le32_load(fpu->mxcsr)))
		return -EINVAL;
	if (memcmp(now.st, fpu->st, sizeof(now.st)) ||
	    memcmp(now.control, fpu->control, sizeof(now.control))) {
		put_x87(image, fpu);
		present |= COMPONENT_X87;
	}
	/* MXCSR has no bit of its own: it comes with the registers of SSE. */
	if (memcmp(now.xmm, fpu->xmm, sizeof(now.xmm)) ||
	    memcmp(now.mxcsr, fpu->mxcsr, sizeof(now.mxcsr))) {
		memcpy(image + XMM, fpu->xmm, sizeof(fpu->xmm));
		memcpy(image + MXCSR, fpu->mxcsr, sizeof(fpu->mxcsr));
		present |= COMPONENT_SSE;
	}
	if (xsave->ymm_offset && memcmp(now.ymmh, fpu->ymmh, sizeof(now.ymmh))) {
		memcpy(image + xsave->ymm_offset, fpu->ymmh, sizeof(fpu->ymmh));
		memcpy(image + MXCSR, fpu->mxcsr, sizeof(fpu->mxcsr));
		present |= COMPONENT_AVX;
	}
	le64_store(image + XSTATE_BV, present);
	return 0;
}
