// SPDX-License-Identifier: Apache-2.0
/*
 * What a host's own words say of the faults of its KVM. See host_faults.h. Pure: any thread. The texts are the kernel's,
 * and may lack anything; what is not known is not taken for good.
 */
#include "host_faults.h"

#include <errno.h>
#include <string.h>

#define DOC "docs/book-e-kvm-faults.md"

/* --- texts --- */

/* True when a line of @text is @line. */
static bool has_line(const char *text, const char *line)
{
	size_t len = strlen(line);

	for (; text; text = strchr(text, '\n')) {
		text += *text == '\n';
		if (!strncmp(text, line, len) && (!text[len] || text[len] == '\n'))
			return true;
	}
	return false;
}

/* The word of @len bytes as the kernel reads it since 6.1; what older ones take besides may go unseen. */
static void read_switch(const char *word, size_t len, bool *value)
{
	if (len == 2 && !strncmp(word, "on", len))
		*value = true;
	else if (len == 3 && !strncmp(word, "off", len))
		*value = false;
}

/* rodata= of a kernel's command line; the last one counts, and nothing counts behind a "--" of its own. */
static bool rodata_enabled(const char *cmdline)
{
	static const char name[] = "rodata=";
	const size_t name_len = sizeof(name) - 1;
	bool enabled = true;

	for (const char *word = cmdline + strspn(cmdline, " \t\n"); *word;
	     word += strspn(word, " \t\n")) {
		size_t len = strcspn(word, " \t\n");

		if (len == 2 && !strncmp(word, "--", len))
			break;
		if (len > name_len && !strncmp(word, name, name_len))
			read_switch(word + name_len, len - name_len, &enabled);
		word += len;
	}
	return enabled;
}

/* Of a core for which KVM has the vectors of its own: e500 and e500v2. */
static bool is_e500v2(const char *cpuinfo)
{
	static const char *const cores[] = { "e500", "e500v2" };

	for (const char *line = cpuinfo; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, "cpu", 3) || (line[3] != ' ' && line[3] != '\t'))
			continue;
		line += 3;
		line += strspn(line, " \t:");
		for (unsigned int i = 0; i < IOL_ARRAY_LEN(cores); i++) {
			size_t len = strlen(cores[i]);

			if (!strncmp(line, cores[i], len) && (!line[len] || line[len] == '\n'))
				return true;
		}
	}
	return false;
}

/* --- verdicts --- */

static enum iol_host_verdict judge_config(const struct iol_ppc_host *host, struct iol_error *why)
{
	if (!has_line(host->config, "CONFIG_STRICT_KERNEL_RWX=y")) {
		iol_error_set(why, 0, "KVM's vectors can be executed (no STRICT_KERNEL_RWX in %s)",
			      host->config_path);
		return IOL_HOST_OK;
	}
	if (!host->cmdline) {
		iol_error_set(
			why, -ENOTSUP,
			"%s has CONFIG_STRICT_KERNEL_RWX=y and /proc/cmdline cannot be read: a "
			"guest may hang the whole host unless it was booted with rodata=off "
			"(" DOC ", fault 1)",
			host->config_path);
		return IOL_HOST_UNKNOWN;
	}
	if (!rodata_enabled(host->cmdline)) {
		iol_error_set(why, 0, "KVM's vectors can be executed (rodata=off)");
		return IOL_HOST_OK;
	}
	iol_error_set(why, -ENOTSUP,
		      "a guest would hang this whole host: its kernel (%s: "
		      "CONFIG_STRICT_KERNEL_RWX=y) does not let KVM's vectors be executed; boot it "
		      "with rodata=off (" DOC ", fault 1)",
		      host->config_path);
	return IOL_HOST_FAULTY;
}

enum iol_host_verdict iol_ppc_judge_vectors(const struct iol_ppc_host *host, bool *concerned,
					    struct iol_error *why)
{
	*concerned = true;
	if (host->config && has_line(host->config, "CONFIG_KVM_E500V2=y"))
		return judge_config(host, why);
	if (host->config || (host->cpuinfo && !is_e500v2(host->cpuinfo))) {
		*concerned = false;
		iol_error_set(why, 0, "those known are of KVM for e500v2, which this is not");
		return IOL_HOST_OK;
	}
	if (host->cmdline && !rodata_enabled(host->cmdline)) {
		iol_error_set(why, 0, "KVM's vectors can be executed (rodata=off)");
		return IOL_HOST_OK;
	}
	iol_error_set(
		why, -ENOTSUP,
		"this kernel's configuration is neither in /proc/config.gz nor in /boot: with "
		"CONFIG_STRICT_KERNEL_RWX=y a guest hangs the whole host; make sure, or boot it "
		"with rodata=off (" DOC ", fault 1)");
	return IOL_HOST_UNKNOWN;
}

bool iol_ppc_may_try(const struct iol_ppc_host *host, struct iol_error *why)
{
	if (host->panic_on_oops && host->panic_on_oops[0] == '0')
		return true;
	iol_error_set(why, -ENOTSUP,
		      "not tried, as a BUG of the kernel would end the host "
		      "(/proc/sys/kernel/panic_on_oops %s%.8s): set it to 0 and ask again (" DOC
		      ", faults 2 and 3)",
		      host->panic_on_oops ? "is " : "cannot be read",
		      host->panic_on_oops ? host->panic_on_oops : "");
	return false;
}

static enum iol_host_verdict faulty(struct iol_error *why, const char *text)
{
	iol_error_set(why, -ENOTSUP, "%s", text);
	return IOL_HOST_FAULTY;
}

enum iol_host_verdict iol_ppc_judge_trial(enum iol_ppc_trial trial, enum iol_ppc_trial_end end,
					  struct iol_error *why)
{
	if (trial == IOL_PPC_TRIAL_SYSCALL) {
		iol_error_set(why, 0, "a test guest's exit and its system call come back");
		return IOL_HOST_OK;
	}
	if (end == IOL_PPC_TRIAL_KILLED && trial == IOL_PPC_TRIAL_NOTHING)
		return faulty(why,
			      "the first exit of a test guest is a BUG of this kernel (see dmesg), "
			      "which takes the exit's number from the wrong register; it needs a "
			      "patch (" DOC ", fault 2)");
	if (end == IOL_PPC_TRIAL_KILLED)
		return faulty(
			why, "the system call of a test guest is a BUG of this kernel (see dmesg), "
			     "as one vector of KVM overwrites another; it needs a patch (" DOC
			     ", fault 3)");
	iol_error_set(why, -ENOTSUP, "a test guest %s before its %s; see dmesg, and " DOC,
		      end == IOL_PPC_TRIAL_STUCK ? "got stuck" : "ended",
		      trial == IOL_PPC_TRIAL_NOTHING ? "first exit" : "system call");
	return IOL_HOST_UNKNOWN;
}
