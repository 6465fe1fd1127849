// SPDX-License-Identifier: Apache-2.0
/*
 * Stage 1 of EL1 and EL0 (DDI 0487, "VMSAv8-64"): all granules, addresses of 52 bits of FEAT_LPA and FEAT_LPA2, tagged
 * addresses, tables in either byte order. Rights are no matter; tables lead where a guest likes, and a walk has five steps
 * at most.
 */
#include "gdb.h"

#include <errno.h>

#include <iolite/endian.h>

/* TCR_EL1; those of TTBR1 are 16 bits higher where no other place is given. */
#define TCR_TXSZ UINT64_C(0x3f)
#define TCR_EPD (UINT64_C(1) << 7)
enum { TCR_TG_SHIFT = 14, TCR_IPS_SHIFT = 32, TCR_TBI_SHIFT = 37, TCR_DS_SHIFT = 59 };
enum { IPS_52_BITS = 6 };

#define DESC_VALID UINT64_C(1)
#define DESC_TABLE UINT64_C(2) /* at the last level: a page */

enum {
	SHIFT_4K = 12,
	SHIFT_16K = 14,
	SHIFT_64K = 16,
	LAST_LEVEL = 3,
	TXSZ_MIN = 12,
	TXSZ_MIN_48_BITS = 16,
	TXSZ_MAX = 48,
	SELECT_BIT = 55, /* of an address: which TTBR */
	TAG_SHIFT = 56,
};

/* One walk. */
struct walk {
	unsigned int shift; /* of a page */
	unsigned int va_bits, pa_bits;
	bool ds; /* 52 bits in tables of 4 and 16 KiB */
	bool big_endian;
	uint64_t base; /* of the table */
};

static uint64_t low_bits(uint64_t value, unsigned int bits)
{
	return bits < 64 ? value & ((UINT64_C(1) << bits) - 1) : value;
}

/* log2 of the granule, which the two halves number differently; 0: there is no such one. */
static unsigned int granule_shift(uint64_t tcr, bool high)
{
	static const uint8_t of[2][4] = {
		{ SHIFT_4K, SHIFT_64K, SHIFT_16K, 0 },
		{ 0, SHIFT_16K, SHIFT_4K, SHIFT_64K },
	};

	return of[high][tcr >> (TCR_TG_SHIFT + (high ? 16 : 0)) & 3];
}

/* Whether tables may hold addresses of 52 bits in the way of 64 KiB granules. */
static bool is_lpa(const struct walk *w)
{
	return w->shift == SHIFT_64K && w->pa_bits > 48;
}

/* -EFAULT: not a range of addresses that TTBR0 or TTBR1 is for. */
static int begin(const struct iol_arm64_mmu *mmu, uint64_t gva, struct walk *w)
{
	static const uint8_t ips_bits[] = { 32, 36, 40, 42, 44, 48, 52, 52 };
	bool high = gva >> SELECT_BIT & 1;
	uint64_t half = mmu->tcr >> (high ? 16 : 0);
	unsigned int txsz = half & TCR_TXSZ;
	bool tagged = mmu->tcr >> (TCR_TBI_SHIFT + high) & 1;
	uint64_t above;

	w->shift = granule_shift(mmu->tcr, high);
	w->ds = mmu->tcr >> TCR_DS_SHIFT & 1 && w->shift != SHIFT_64K;
	w->big_endian = mmu->sctlr & IOL_ARM64_SCTLR_EE;
	w->pa_bits = ips_bits[mmu->tcr >> TCR_IPS_SHIFT & 7];
	w->base = high ? mmu->ttbr1 : mmu->ttbr0;
	if (!w->shift || half & TCR_EPD || txsz < TXSZ_MIN || txsz > TXSZ_MAX)
		return -EFAULT;
	if (txsz < TXSZ_MIN_48_BITS && !w->ds && w->shift != SHIFT_64K)
		return -EFAULT;
	if (!w->ds && w->shift != SHIFT_64K && w->pa_bits > 48)
		w->pa_bits = 48;
	w->va_bits = 64 - txsz;
	/* Less than a page of 64 KiB. */
	if (w->va_bits <= w->shift)
		return -EFAULT;
	/* All bits above are as the one that selects; the top byte is a tag or one of these. */
	if (tagged)
		gva = (uint64_t)((int64_t)(gva << 8) >> 8);
	above = gva >> w->va_bits;
	return above == (high ? low_bits(UINT64_MAX, txsz) : 0) ? 0 : -EFAULT;
}

/* Where TTBR's table is: aligned to its size, or 64 bytes where some of the lower bits are of a 52-bit address. */
static uint64_t first_table(const struct walk *w, unsigned int index_bits)
{
	uint64_t ttbr = w->base, base = low_bits(ttbr, 48);
	bool wide = w->pa_bits > 48;
	unsigned int align = index_bits + 3;

	if (wide && align < 6)
		align = 6;
	base = IOL_ALIGN_DOWN(base, UINT64_C(1) << align);
	if (!wide)
		return base;
	return IOL_ALIGN_DOWN(base, UINT64_C(64)) | (ttbr >> 2 & 0xf) << 48;
}

static uint64_t output(const struct walk *w, uint64_t desc)
{
	uint64_t address = IOL_ALIGN_DOWN(low_bits(desc, 48), UINT64_C(1) << w->shift);

	if (w->ds)
		return IOL_ALIGN_DOWN(low_bits(desc, 50), UINT64_C(1) << w->shift) | (desc >> 8 & 3)
											     << 50;
	return is_lpa(w) ? address | (desc >> 12 & 0xf) << 48 : address;
}

/* Blocks are at level 2, and above as far as the granule has them there. */
static bool has_blocks(const struct walk *w, int level)
{
	switch (w->shift) {
	case SHIFT_4K:
		return level == 1 || level == 2 || (level == 0 && w->ds);
	case SHIFT_16K:
		return level == 2 || (level == 1 && w->ds);
	default:
		return level == 2 || (level == 1 && is_lpa(w));
	}
}

static int read_desc(const struct iol_memory *mem, const struct walk *w, uint64_t gpa,
		     uint64_t *desc)
{
	uint8_t raw[8];
	int ret = iol_memory_read(mem, gpa, raw, sizeof(raw));

	if (!ret)
		*desc = w->big_endian ? be64_load(raw) : le64_load(raw);
	return ret;
}

static int finish(const struct walk *w, uint64_t desc, unsigned int shift, uint64_t gva,
		  uint64_t *gpa, uint64_t *left)
{
	uint64_t within = low_bits(gva, shift);
	uint64_t base = IOL_ALIGN_DOWN(output(w, desc), UINT64_C(1) << shift);

	if (base >> w->pa_bits)
		return -EFAULT;
	*gpa = base | within;
	*left = (UINT64_C(1) << shift) - within;
	return 0;
}

static int walk(const struct iol_memory *mem, struct walk *w, uint64_t gva, uint64_t *gpa,
		uint64_t *left)
{
	unsigned int stride = w->shift - 3;
	unsigned int levels = (w->va_bits - w->shift + stride - 1) / stride;
	unsigned int shift = w->shift + (levels - 1) * stride;
	unsigned int bits = w->va_bits - shift;

	w->base = first_table(w, bits);
	for (int level = LAST_LEVEL + 1 - (int)levels;; level++) {
		uint64_t desc = 0;
		int ret;

		if (w->base >> w->pa_bits)
			return -EFAULT;
		ret = read_desc(mem, w, w->base + 8 * low_bits(gva >> shift, bits), &desc);
		if (ret || !(desc & DESC_VALID))
			return -EFAULT;
		if (level == LAST_LEVEL)
			return desc & DESC_TABLE ? finish(w, desc, shift, gva, gpa, left) : -EFAULT;
		if (!(desc & DESC_TABLE))
			return has_blocks(w, level) ? finish(w, desc, shift, gva, gpa, left)
						    : -EFAULT;
		w->base = output(w, desc);
		shift -= stride;
		bits = stride;
	}
}

/* Physical addresses are virtual ones, with a tag where those have one. */
static int identity(const struct iol_arm64_mmu *mmu, uint64_t gva, uint64_t *gpa, uint64_t *left)
{
	bool high = gva >> SELECT_BIT & 1;

	if (mmu->tcr >> (TCR_TBI_SHIFT + high) & 1)
		gva = low_bits(gva, TAG_SHIFT);
	*gpa = gva;
	*left = gva ? -gva : UINT64_MAX;
	return 0;
}

int iol_arm64_translate(const struct iol_memory *mem, const struct iol_arm64_mmu *mmu, uint64_t gva,
			uint64_t *gpa, uint64_t *left)
{
	struct walk w;
	int ret;

	if (!(mmu->sctlr & IOL_ARM64_SCTLR_M))
		return identity(mmu, gva, gpa, left);
	ret = begin(mmu, gva, &w);
	return ret ? ret : walk(mem, &w, gva, gpa, left);
}
