// SPDX-License-Identifier: Apache-2.0
/* What a Power host says of itself, which machine it runs, and the program of its vCPUs' reset. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "arch/powerpc/ppc.h"

static void test_cpuinfo(void)
{
	struct iol_host_facts facts = { .timebase_hz = 1, .clock_hz = 2 };

	iol_ppc_parse_cpuinfo("processor\t: 0\n"
			      "cpu\t\t: e500v2\n"
			      "clock\t\t: 1333.333200MHz\n"
			      "revision\t: 3.0 (pvr 8021 0030)\n"
			      "bogomips\t: 800.00\n"
			      "\n"
			      "timebase\t: 41666666\n"
			      "platform\t: QEMU e500\n",
			      &facts);
	g_assert_cmpuint(facts.clock_hz, ==, 1333333200);
	g_assert_cmpuint(facts.timebase_hz, ==, 41666666);
	/* Nothing of it, or nothing that fits: as it was. */
	iol_ppc_parse_cpuinfo("", &facts);
	iol_ppc_parse_cpuinfo("clock", &facts);
	iol_ppc_parse_cpuinfo("clocks: 5MHz\nclock: 9999999MHz\n", &facts);
	iol_ppc_parse_cpuinfo("x timebase: 5\nclock\t: -3MHz\nclock\t: 5MHz", &facts);
	g_assert_cmpuint(facts.clock_hz, ==, 1333333200);
	g_assert_cmpuint(facts.timebase_hz, ==, 41666666);
	/* One that the tree has no room for is none. */
	iol_ppc_parse_cpuinfo("timebase\t: 41666666000", &facts);
	g_assert_cmpuint(facts.timebase_hz, ==, 0);
}

static int layout_on(uint32_t pvr, const char *machine, unsigned int cpus, bool runs,
		     struct iol_layout *layout, struct iol_error *err)
{
	const struct iol_layout_request request = {
		.memory_bytes = 64 * IOL_MIB,
		.cpus = cpus,
		.serials = 1,
		.machine = machine,
		.facts = { .pvr = pvr,
			   .cpus_max = 2,
			   .hcall_instructions = { 1, 2, 3, 4 },
			   .timebase_hz = 5 },
		.runs = runs,
	};

	err->msg[0] = '\0';
	return iol_ppc_layout(&request, layout, err);
}

static void test_machine(void)
{
	struct iol_layout layout;
	struct iol_error err;

	/* The host's, of whatever revision, by itself or by name. */
	g_assert_cmpint(layout_on(0x80210051, NULL, 2, true, &layout, &err), ==, 0);
	g_assert_cmpstr(layout.machine, ==, "e500v2");
	g_assert_cmphex(layout.facts.pvr, ==, 0x80210051);
	g_assert_cmpint(layout_on(0x80240012, NULL, 1, true, &layout, &err), ==, 0);
	g_assert_cmpstr(layout.machine, ==, "e5500");
	g_assert_cmphex(layout.facts.hcall_instructions[3], ==, 4);
	g_assert_cmpint(layout_on(0x80240012, "e5500", 1, true, &layout, &err), ==, 0);
	/* With the other address map, if asked for. */
	g_assert_cmpint(layout_on(0x80210051, "e500v2-36", 2, true, &layout, &err), ==, 0);
	g_assert_cmpstr(layout.machine, ==, "e500v2-36");
	g_assert_cmphex(layout.facts.pvr, ==, 0x80210051);
	g_assert_cmphex(layout.facts.hcall_instructions[3], ==, 4);
	g_assert_cmpint(layout_on(0x80230020, "e500v2-36", 1, true, &layout, &err), ==, -EINVAL);
	/* No other runs, but can be described: with its own processor. */
	g_assert_cmpint(layout_on(0x80210030, "e5500", 1, true, &layout, &err), ==, -EINVAL);
	g_assert_nonnull(
		strstr(err.msg, "machine 'e5500': this host's KVM runs 'e500v2' machines"));
	g_assert_cmpint(layout_on(0x80210030, "e5500", 3, false, &layout, &err), ==, 0);
	g_assert_cmphex(layout.facts.pvr, ==, 0x80240020);
	g_assert_cmphex(layout.facts.hcall_instructions[0], ==, 0x44000022);
	g_assert_cmpuint(layout.facts.timebase_hz, ==, 5);
	/* Processors that KVM may have and iolite has no machine for: e500v1, POWER9. */
	g_assert_cmpint(layout_on(0x80200020, NULL, 1, true, &layout, &err), ==, -ENOTSUP);
	g_assert_nonnull(strstr(err.msg, "PVR 0x80200020"));
	g_assert_cmpint(layout_on(0x004e1202, NULL, 1, true, &layout, &err), ==, -ENOTSUP);
	/* More CPUs than its kernel is built for. */
	g_assert_cmpint(layout_on(0x80210030, NULL, 3, true, &layout, &err), ==, -EINVAL);
	g_assert_nonnull(strstr(err.msg, "3 CPUs: this host's KVM runs at most 2"));
}

static unsigned int count_of(const uint32_t *words, unsigned int count, uint32_t word)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < count; i++)
		n += words[i] == word;
	return n;
}

/* Held against what an assembler makes of the same (powerpc-linux-gnu-as -me500). */
static void test_drain(void)
{
	static const uint32_t sc[4] = { 0x3c004b56, 0x60004d21, 0x44000002, 0x60000000 };
	static const uint32_t sc1[4] = { 0x44000022, 0x60000000, 0x60000000, 0x60000000 };
	static const uint32_t start[] = {
		0x3c000202, 0x60009200, /* lis r0, 0x202; ori r0, r0, 0x9200: SPE CE EE ME DE */
		0x7c000124, /* mtmsr r0 */
	};
	static const uint32_t end[] = {
		0x3d60002a, 0x616b0004, /* r11: KVM's call 4 */
		0x3c600000, 0x60630000, 0x3c800000, 0x60840001, /* r3, r4: the magic page at 0 */
		0x3c004b56, 0x60004d21, 0x44000002, 0x60000000, /* the call */
		0x3ca04000, 0x60a50000, 0x98050000, /* stb r0, 0(0x40000000) */
		0x48000000, /* b . */
	};
	uint32_t words[IOL_PPC_DRAIN_WORDS_MAX] = { 0 };
	unsigned int count = iol_ppc_drain_program(true, sc, words);

	g_assert_cmpuint(count, <=, IOL_PPC_DRAIN_WORDS_MAX);
	g_assert_cmpmem(words, sizeof(start), start, sizeof(start));
	g_assert_cmpmem(words + count - G_N_ELEMENTS(end), sizeof(end), end, sizeof(end));
	g_assert_cmphex(words[3], ==, 0x10000216); /* evxor r0, r0, r0 */
	g_assert_cmphex(words[34], ==, 0x13fffa16); /* evxor r31, r31, r31 */
	g_assert_cmphex(words[35], ==, 0x100004c4); /* evmra r0, r0 */
	g_assert_cmphex(words[36], ==, 0x7c0083a6); /* mtspefscr r0 */
	g_assert_cmpuint(count_of(words, count, 0x7cb04ba6), ==, 1); /* mtdbsr r5 */
	g_assert_cmpuint(count_of(words, count, 0x7c11fba6), ==, 1); /* mtspr HID1, r0 */
	g_assert_cmpuint(count_of(words, count, 0x9005001c), ==, 1); /* stw r0, 28(r5) */
	g_assert_cmpuint(count_of(words, count, 0x44000002), ==, 2); /* sc */

	/* A core with a hypervisor mode: what all cores have, and a way out. */
	count = iol_ppc_drain_program(false, sc1, words);
	g_assert_cmphex(words[0], ==, 0x3c000002);
	g_assert_cmpuint(count_of(words, count, 0x10000216), ==, 0);
	g_assert_cmpuint(count_of(words, count, 0x44000022), ==, 1);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ppc/host/cpuinfo", test_cpuinfo);
	g_test_add_func("/ppc/host/machine", test_machine);
	g_test_add_func("/ppc/host/drain", test_drain);
	return g_test_run();
}
