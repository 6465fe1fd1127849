// SPDX-License-Identifier: Apache-2.0
/* Rights that are given up: what is left, and that none comes back. The test is who has taken the process over. */
#include <iolite/privileges.h>

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>

#include "confined.h"

enum { NOBODY = 65534, SOMEBODY = 12345 };

/* A line of /proc/self/status, without its name. */
static bool status_is(const char *name, const char *wanted)
{
	g_autofree char *text = NULL, *head = g_strdup_printf("\n%s:\t", name);
	const char *at;

	if (!g_file_get_contents("/proc/self/status", &text, NULL, NULL))
		return false;
	at = strstr(text, head);
	return at && g_str_has_prefix(at + strlen(head), wanted) &&
	       at[strlen(head) + strlen(wanted)] == '\n';
}

static int promise(void *data)
{
	struct iol_error err = { 0 };

	(void)data;
	if (!status_is("NoNewPrivs", "0"))
		return CONFINED_SKIP;
	if (iol_privileges_allow_none_new(&err))
		return 1;
	return status_is("NoNewPrivs", "1") ? 0 : 2;
}

#define NONE "0000000000000000"

static int without_capabilities(void *data)
{
	struct iol_error err = { 0 };

	(void)data;
	if (!iol_privileges_have(CAP_SETPCAP))
		return CONFINED_SKIP;
	if (iol_privileges_drop_capabilities(&err))
		return 1;
	for (unsigned int i = 0; i <= CAP_LAST_CAP; i++)
		if (iol_privileges_have(i))
			return 2;
	if (!status_is("CapEff", NONE) || !status_is("CapPrm", NONE) ||
	    !status_is("CapInh", NONE) || !status_is("CapBnd", NONE) || !status_is("CapAmb", NONE))
		return 3;
	if (!mount("none", "/proc", "tmpfs", 0, NULL) || errno != EPERM)
		return 4;
	if (!setuid(SOMEBODY) || !setgid(SOMEBODY) || !setgroups(0, NULL))
		return 5;
	if (!chroot("/") || !unshare(CLONE_NEWNS))
		return 6;
	/* Again is no mistake. */
	return iol_privileges_drop_capabilities(&err) ? 7 : 0;
}

static int as_another(void *data)
{
	const gid_t groups[] = { 0, 1, 2 };
	struct iol_error err = { 0 };

	(void)data;
	if (!iol_privileges_have(CAP_SETUID) || setgroups(3, groups))
		return CONFINED_SKIP;
	if (iol_privileges_become(SOMEBODY, NOBODY, true, &err))
		return 1;
	if (!status_is("Uid", "12345\t12345\t12345\t12345") ||
	    !status_is("Gid", "65534\t65534\t65534\t65534") || getgroups(0, NULL))
		return 2;
	if (!setuid(0) || !setresuid(-1, 0, -1) || !setgid(0) || !seteuid(0))
		return 3;
	if (!kill(getppid(), 0) || !ptrace(PTRACE_ATTACH, getppid(), NULL, NULL))
		return 4;
	if (open("/etc/shadow", O_RDONLY | O_CLOEXEC) >= 0 ||
	    open("/proc/1/mem", O_RDWR | O_CLOEXEC) >= 0)
		return 5;
	return iol_privileges_have(CAP_SETUID) ? 6 : 0;
}

/* A plain user's: an error where it must be, and nothing where it need not. */
static int without_the_right(void *data)
{
	struct iol_error err = { 0 };

	(void)data;
	if (!geteuid() && setresuid(SOMEBODY, SOMEBODY, SOMEBODY))
		return CONFINED_SKIP;
	if (iol_privileges_become(NOBODY, NOBODY, true, &err) != -EPERM ||
	    !strstr(err.msg, "cannot become user 65534 with group 65534"))
		return 1;
	if (iol_privileges_become(NOBODY, NOBODY, false, &err))
		return 2;
	return iol_privileges_drop_capabilities(&err) ? 3 : 0;
}

/* What cannot be: a change that leaves root within reach is told. */
static int root_again(void *data)
{
	struct iol_error err = { 0 };

	(void)data;
	if (!iol_privileges_have(CAP_SETUID))
		return CONFINED_SKIP;
	/* With "keep the capabilities" the kernel leaves those behind by which root comes back. */
	if (prctl(PR_SET_SECUREBITS, 1 << 2 /* SECBIT_NO_SETUID_FIXUP */, 0, 0, 0))
		return CONFINED_SKIP;
	if (iol_privileges_become(SOMEBODY, SOMEBODY, true, &err) != -EPERM)
		return 1;
	return strstr(err.msg, "root can be had again") ? 0 : 2;
}

static void test_promise(void)
{
	check_confined(promise, NULL);
}

static void test_capabilities(void)
{
	check_confined(without_capabilities, NULL);
}

static void test_user(void)
{
	check_confined(as_another, NULL);
}

static void test_plain_user(void)
{
	check_confined(without_the_right, NULL);
}

static void test_way_back(void)
{
	check_confined(root_again, NULL);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/privileges/promise", test_promise);
	g_test_add_func("/privileges/capabilities", test_capabilities);
	g_test_add_func("/privileges/user", test_user);
	g_test_add_func("/privileges/plain-user", test_plain_user);
	g_test_add_func("/privileges/way-back", test_way_back);
	return g_test_run();
}
