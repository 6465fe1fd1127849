// SPDX-License-Identifier: Apache-2.0
/* x87, SSE and AVX registers in an XSAVE image: places, initial states, and that only what is different is written. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include <iolite/endian.h>

#include "arch/x86_64/debug.h"

enum { IMAGE_BYTES = 832, YMM = 576, XSTATE_BV = 512, MXCSR = 24, MXCSR_MASK = 28 };
enum { X87 = 1, SSE = 2, AVX = 4 };
enum { FCTRL, FSTAT, FTAG, FISEG, FIOFF, FOSEG, FOOFF, FOP };

static uint8_t image[IMAGE_BYTES];
static const struct iol_x86_xsave avx = { image, sizeof(image), YMM };
static const struct iol_x86_xsave sse = { image, sizeof(image), 0 };

/* Every byte different from its neighbours, all components there. */
static void fill(uint64_t components)
{
	for (size_t i = 0; i < sizeof(image); i++)
		image[i] = (uint8_t)(i * 7 + i / 256);
	memset(image + XSTATE_BV, 0, 64);
	le64_store(image + XSTATE_BV, components);
	le32_store(image + MXCSR, 0x1fa0);
	le32_store(image + MXCSR_MASK, 0xffff);
	image[5] = 0;
}

static struct iol_x86_fpu get(const struct iol_x86_xsave *xsave)
{
	struct iol_x86_fpu fpu;

	g_assert_cmpint(iol_x86_xsave_get(xsave, &fpu), ==, 0);
	return fpu;
}

static void test_places(void)
{
	struct iol_x86_fpu fpu;

	fill(X87 | SSE | AVX);
	fpu = get(&avx);
	for (unsigned int i = 0; i < 8; i++)
		g_assert_cmpmem(fpu.st[i], 10, image + 32 + 16 * i, 10);
	g_assert_cmpmem(fpu.xmm, 256, image + 160, 256);
	g_assert_cmpmem(fpu.ymmh, 256, image + YMM, 256);
	g_assert_cmphex(le32_load(fpu.control[FCTRL]), ==, le16_load(image));
	g_assert_cmphex(le32_load(fpu.control[FSTAT]), ==, le16_load(image + 2));
	g_assert_cmphex(le32_load(fpu.control[FOP]), ==, le16_load(image + 6));
	g_assert_cmphex(le32_load(fpu.control[FIOFF]), ==, le32_load(image + 8));
	g_assert_cmphex(le32_load(fpu.control[FISEG]), ==, le32_load(image + 12));
	g_assert_cmphex(le32_load(fpu.control[FOOFF]), ==, le32_load(image + 16));
	g_assert_cmphex(le32_load(fpu.control[FOSEG]), ==, le32_load(image + 20));
	g_assert_cmphex(le32_load(fpu.mxcsr), ==, 0x1fa0);
	fpu = get(&sse);
	g_assert_cmphex(fpu.ymmh[0][0], ==, 0);
}

/* A component that is not there has its initial state, whatever is in its place. */
static void test_initial(void)
{
	static const uint8_t zeros[256];
	struct iol_x86_fpu fpu;

	fill(0);
	fpu = get(&avx);
	g_assert_cmphex(le32_load(fpu.control[FCTRL]), ==, 0x37f);
	g_assert_cmphex(le32_load(fpu.control[FTAG]), ==, 0xffff);
	g_assert_cmphex(le32_load(fpu.control[FSTAT]), ==, 0);
	g_assert_cmphex(le32_load(fpu.mxcsr), ==, 0x1f80);
	g_assert_cmpmem(fpu.st, 80, zeros, 80);
	g_assert_cmpmem(fpu.xmm, 256, zeros, 256);
	g_assert_cmpmem(fpu.ymmh, 256, zeros, 256);
}

/* Put back unchanged, all of the image is as it was, for any set of components. */
static void test_same(void)
{
	for (unsigned int components = 0; components < 8; components++) {
		uint8_t before[IMAGE_BYTES];
		struct iol_x86_fpu fpu;

		fill(components);
		memcpy(before, image, sizeof(image));
		fpu = get(&avx);
		g_assert_cmpint(iol_x86_xsave_put(&avx, &fpu), ==, 0);
		g_assert_cmpmem(before, sizeof(before), image, sizeof(image));
	}
}

/* Each register by itself, from any set of components: it is what is read again, and no other is different. */
static void test_each(void)
{
	for (unsigned int components = 0; components < 8; components++) {
		for (size_t at = 0; at < sizeof(struct iol_x86_fpu); at++) {
			struct iol_x86_fpu wanted, now;
			size_t control = offsetof(struct iol_x86_fpu, control);
			int ret;

			fill(components);
			wanted = get(&avx);
			/* The tag word is of other bits; its upper half and those of 16-bit registers are not kept. */
			if (at >= control && at < control + sizeof(wanted.control))
				continue;
			((uint8_t *)&wanted)[at] ^= 1;
			ret = iol_x86_xsave_put(&avx, &wanted);
			if (at >= offsetof(struct iol_x86_fpu, mxcsr) + 2 &&
			    at < offsetof(struct iol_x86_fpu, ymmh)) {
				g_assert_cmpint(ret, ==, -EINVAL); /* reserved */
				continue;
			}
			g_assert_cmpint(ret, ==, 0);
			now = get(&avx);
			/* Tags follow from the values. */
			memcpy(now.control[FTAG], wanted.control[FTAG], 4);
			if (memcmp(&now, &wanted, sizeof(now)))
				g_error("components %u, byte %zu: read again it is different",
					components, at);
		}
	}
}

static void test_control(void)
{
	struct iol_x86_fpu fpu;

	fill(0);
	fpu = get(&avx);
	le32_store(fpu.control[FCTRL], 0x27f);
	le32_store(fpu.control[FOSEG], 0x12345678);
	g_assert_cmpint(iol_x86_xsave_put(&avx, &fpu), ==, 0);
	g_assert_cmphex(le64_load(image + XSTATE_BV), ==, X87);
	fpu = get(&avx);
	g_assert_cmphex(le32_load(fpu.control[FCTRL]), ==, 0x27f);
	g_assert_cmphex(le32_load(fpu.control[FOSEG]), ==, 0x12345678);
	g_assert_cmphex(le32_load(fpu.control[FTAG]), ==, 0xffff);
	g_assert_cmphex(fpu.st[0][0], ==, 0); /* not what was in its place */
}

/* Tags by the registers' values, which turn with the top of the stack (SDM 1 8.1.7). */
static void test_tags(void)
{
	struct iol_x86_fpu fpu;

	fill(X87);
	memset(image + 32, 0, 128);
	le16_store(image + 2, 6 << 11); /* top: register 6 is st0 */
	image[4] = 1 << 6 | 1 << 7 | 1 << 0 | 1 << 1;
	le64_store(image + 32, UINT64_C(1) << 63); /* st0: 1.0 */
	le16_store(image + 40, 0x3fff);
	le16_store(image + 32 + 32 + 8, 0x7fff); /* st2, register 0: infinity */
	le64_store(image + 32 + 48, 1); /* st3, register 1: denormal */
	fpu = get(&sse);
	g_assert_cmphex(le32_load(fpu.control[FTAG]), ==,
			0u << 12 | 1u << 14 | 2u << 0 | 2u << 2 | 0x0ff0);
	le32_store(fpu.control[FTAG], 0xfff0);
	g_assert_cmpint(iol_x86_xsave_put(&sse, &fpu), ==, 0);
	g_assert_cmphex(image[4], ==, 3);
}

static void test_short(void)
{
	const struct iol_x86_xsave bad[] = {
		{ image, 575, 0 },           { image, 0, 0 },
		{ image, IMAGE_BYTES, 577 }, { image, IMAGE_BYTES, UINT32_MAX },
		{ image, IMAGE_BYTES, 512 },
	};
	struct iol_x86_fpu fpu;

	fill(7);
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_assert_cmpint(iol_x86_xsave_get(&bad[i], &fpu), ==, -EINVAL);
		g_assert_cmpint(iol_x86_xsave_put(&bad[i], &fpu), ==, -EINVAL);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/x86/xsave/places", test_places);
	g_test_add_func("/x86/xsave/initial", test_initial);
	g_test_add_func("/x86/xsave/same", test_same);
	g_test_add_func("/x86/xsave/each", test_each);
	g_test_add_func("/x86/xsave/control", test_control);
	g_test_add_func("/x86/xsave/tags", test_tags);
	g_test_add_func("/x86/xsave/short", test_short);
	return g_test_run();
}
