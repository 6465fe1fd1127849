// SPDX-License-Identifier: Apache-2.0
/* The verdicts on hosts with KVM for e500v2, by what they say of themselves and by what became of a test guest. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "arch/powerpc/host_faults.h"

#define E500V2 "processor\t: 0\ncpu\t\t: e500v2\nclock\t\t: 1333.0MHz\n"
#define E500MC "processor\t: 0\ncpu\t\t: e500mc\nclock\t\t: 1200.0MHz\n"
#define KVM "#\n# Virtualization\n#\nCONFIG_VIRTUALIZATION=y\nCONFIG_KVM=y\nCONFIG_KVM_E500V2=y\n"
#define KVM_MC "CONFIG_KVM=y\nCONFIG_KVM_E500MC=y\n"
#define RWX "CONFIG_STRICT_KERNEL_RWX=y\n"
#define NO_RWX "# CONFIG_STRICT_KERNEL_RWX is not set\n"

static const struct {
	const char *config, *cmdline, *cpuinfo;
	enum iol_host_verdict verdict;
	bool concerned;
	const char *why;
} hosts[] = {
	/* Without strict permissions, whatever the command line is. */
	{ KVM NO_RWX, "quiet", E500V2, IOL_HOST_OK, true, "no STRICT_KERNEL_RWX in /proc/x" },
	{ KVM, NULL, NULL, IOL_HOST_OK, true, "can be executed" },
	{ KVM "# CONFIG_STRICT_KERNEL_RWX=y\n", "", E500V2, IOL_HOST_OK, true, "can be executed" },
	{ KVM "XCONFIG_STRICT_KERNEL_RWX=y\nCONFIG_STRICT_KERNEL_RWX=yes\n", "", E500V2,
	  IOL_HOST_OK, true, "can be executed" },
	{ KVM "CONFIG_STRICT_MODULE_RWX=y\n", "", E500V2, IOL_HOST_OK, true, "can be executed" },
	/* With them. */
	{ KVM RWX, "", E500V2, IOL_HOST_FAULTY, true, "boot it with rodata=off" },
	{ RWX KVM, "console=ttyS0 quiet\n", NULL, IOL_HOST_FAULTY, true, "hang this whole host" },
	{ "CONFIG_KVM_E500V2=y\nCONFIG_STRICT_KERNEL_RWX=y", "x", E500V2, IOL_HOST_FAULTY, true,
	  "/proc/x: CONFIG_STRICT_KERNEL_RWX=y" },
	{ KVM RWX, NULL, E500V2, IOL_HOST_UNKNOWN, true, "/proc/cmdline cannot be read" },
	/* Switched off at boot: the last one counts, and nothing behind "--". */
	{ KVM RWX, "rodata=off", E500V2, IOL_HOST_OK, true, "(rodata=off)" },
	{ KVM RWX, "quiet rodata=off panic=1\n", E500V2, IOL_HOST_OK, true, "(rodata=off)" },
	{ KVM RWX, "rodata=on rodata=off\n", E500V2, IOL_HOST_OK, true, "(rodata=off)" },
	{ KVM RWX, "\trodata=off\n", E500V2, IOL_HOST_OK, true, "(rodata=off)" },
	{ KVM RWX, "rodata=off rodata=on", E500V2, IOL_HOST_FAULTY, true, "rodata=off" },
	{ KVM RWX, "quiet -- rodata=off", E500V2, IOL_HOST_FAULTY, true, "rodata=off" },
	{ KVM RWX, "xrodata=off", E500V2, IOL_HOST_FAULTY, true, "rodata=off" },
	{ KVM RWX, "rodata=offs", E500V2, IOL_HOST_FAULTY, true, "rodata=off" },
	{ KVM RWX, "rodata=of", E500V2, IOL_HOST_FAULTY, true, "rodata=off" },
	{ KVM RWX, "rodata=", E500V2, IOL_HOST_FAULTY, true, "rodata=off" },
	{ KVM RWX, "rodata", E500V2, IOL_HOST_FAULTY, true, "rodata=off" },
	{ KVM RWX, "rodata =off", E500V2, IOL_HOST_FAULTY, true, "rodata=off" },
	{ KVM RWX, "mtd=rodata=off", E500V2, IOL_HOST_FAULTY, true, "rodata=off" },
	{ KVM RWX, "-- rodata=off", E500V2, IOL_HOST_FAULTY, true, "rodata=off" },
	/* Another KVM. */
	{ KVM_MC RWX, "", E500MC, IOL_HOST_OK, false, "which this is not" },
	{ KVM_MC RWX, "", E500V2, IOL_HOST_OK, false, "which this is not" },
	{ "", "", "", IOL_HOST_OK, false, "which this is not" },
	{ NULL, "", E500MC, IOL_HOST_OK, false, "which this is not" },
	{ NULL, NULL, "cpu\t\t: e5500\n", IOL_HOST_OK, false, "which this is not" },
	{ NULL, NULL, "cpu\t\t: POWER9\nmodel: e500v2\ncpufreq\t: e500v2\n", IOL_HOST_OK, false,
	  "which this is not" },
	/* No configuration to be found. */
	{ NULL, "", E500V2, IOL_HOST_UNKNOWN, true, "neither in /proc/config.gz nor in /boot" },
	{ NULL, NULL, NULL, IOL_HOST_UNKNOWN, true, "or boot it with rodata=off" },
	{ NULL, "x rodata=off", E500V2, IOL_HOST_OK, true, "(rodata=off)" },
	{ NULL, "", "cpu\t\t: e500\n", IOL_HOST_UNKNOWN, true, "neither in" },
	{ NULL, "", "cpu\t\t: e500v2", IOL_HOST_UNKNOWN, true, "neither in" },
};

static void test_vectors(void)
{
	for (unsigned int i = 0; i < G_N_ELEMENTS(hosts); i++) {
		const struct iol_ppc_host host = { .config_path = "/proc/x",
						   .config = hosts[i].config,
						   .cmdline = hosts[i].cmdline,
						   .cpuinfo = hosts[i].cpuinfo };
		struct iol_error why = { 0 };
		bool concerned;

		g_assert_cmpint(iol_ppc_judge_vectors(&host, &concerned, &why), ==,
				hosts[i].verdict);
		g_test_message("%u: %s", i, why.msg);
		g_assert_cmpint(concerned, ==, hosts[i].concerned);
		g_assert_nonnull(strstr(why.msg, hosts[i].why));
		g_assert_cmpuint(strlen(why.msg), <, sizeof(why.msg) - 1);
		if (hosts[i].verdict != IOL_HOST_OK)
			g_assert_nonnull(strstr(why.msg, "docs/book-e-kvm-faults.md, fault 1"));
	}
}

static void test_may_try(void)
{
	static const struct {
		const char *panic_on_oops;
		bool may;
		const char *why;
	} cases[] = {
		{ "0", true, "" },
		{ "1", false, "(/proc/sys/kernel/panic_on_oops is 1): set it to 0" },
		{ "", false, "panic_on_oops is ): " },
		{ NULL, false, "panic_on_oops cannot be read" },
	};

	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		const struct iol_ppc_host host = { .panic_on_oops = cases[i].panic_on_oops };
		struct iol_error why = { 0 };

		g_assert_cmpint(iol_ppc_may_try(&host, &why), ==, cases[i].may);
		if (!cases[i].may)
			g_assert_nonnull(strstr(why.msg, "would end the host"));
		if (!cases[i].may)
			g_assert_nonnull(strstr(why.msg, cases[i].why));
	}
}

static void test_trial(void)
{
	static const struct {
		enum iol_ppc_trial trial;
		enum iol_ppc_trial_end end;
		enum iol_host_verdict verdict;
		const char *why;
	} cases[] = {
		{ IOL_PPC_TRIAL_SYSCALL, IOL_PPC_TRIAL_EXITED, IOL_HOST_OK, "come back" },
		{ IOL_PPC_TRIAL_SYSCALL, IOL_PPC_TRIAL_STUCK, IOL_HOST_OK, "come back" },
		{ IOL_PPC_TRIAL_NOTHING, IOL_PPC_TRIAL_KILLED, IOL_HOST_FAULTY, "fault 2)" },
		{ IOL_PPC_TRIAL_EXIT, IOL_PPC_TRIAL_KILLED, IOL_HOST_FAULTY, "fault 3)" },
		{ IOL_PPC_TRIAL_NOTHING, IOL_PPC_TRIAL_STUCK, IOL_HOST_UNKNOWN,
		  "got stuck before its first exit" },
		{ IOL_PPC_TRIAL_EXIT, IOL_PPC_TRIAL_STUCK, IOL_HOST_UNKNOWN,
		  "got stuck before its system call" },
		{ IOL_PPC_TRIAL_NOTHING, IOL_PPC_TRIAL_EXITED, IOL_HOST_UNKNOWN,
		  "ended before its first exit" },
		{ IOL_PPC_TRIAL_EXIT, IOL_PPC_TRIAL_EXITED, IOL_HOST_UNKNOWN,
		  "ended before its system call" },
	};

	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct iol_error why = { 0 };

		g_assert_cmpint(iol_ppc_judge_trial(cases[i].trial, cases[i].end, &why), ==,
				cases[i].verdict);
		g_assert_nonnull(strstr(why.msg, cases[i].why));
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ppc/faults/vectors", test_vectors);
	g_test_add_func("/ppc/faults/may-try", test_may_try);
	g_test_add_func("/ppc/faults/trial", test_trial);
	return g_test_run();
}
