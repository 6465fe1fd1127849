// SPDX-License-Identifier: Apache-2.0
/*
 * See rights.h. The order is what each step needs of the ones before: limits are raised by capabilities and counted by /proc,
 * a jail is entered by capabilities and by the host's paths, Landlock comes last.
 *
 * With "log" nothing of it is done but the jail, which was asked for by name: the kernel does not tell what Landlock, a
 * missing capability or a limit denies, and a machine that is watched for what it would need is to do all of that.
 */
#include "rights.h"

#include <errno.h>
#include <glib.h>
#include <linux/capability.h>
#include <sys/resource.h>

#include <iolite/jail.h>
#include <iolite/landlock.h>
#include <iolite/limits.h>
#include <iolite/log.h>
#include <iolite/privileges.h>

#include "sweeper.h"

enum { PORTS_MAX = 16 }; /* more than lines and consoles */

/* The process's. Written before there are threads. */
static struct {
	enum iol_sandbox_mode mode;
	struct iol_jail *jail; /* NULL: none */
	struct iol_limits limits;
	unsigned int port_count;
	uint16_t ports[PORTS_MAX];
	GPtrArray *names; /* to be removed at the end; NULL: none, or by ourselves */
	bool names_given; /* until then we remove them ourselves */
	pid_t sweeper; /* 0: none */
	int sweeper_fd;
	struct iol_error failed; /* to start it */
	uint64_t kept; /* capabilities, while threads find their places */
} rights = { .mode = IOL_SANDBOX_OFF, .sweeper_fd = -1 };

static bool takes(void)
{
	return rights.mode == IOL_SANDBOX_ON || rights.mode == IOL_SANDBOX_DEFAULT;
}

int sandbox_rights_prepare(enum iol_sandbox_mode mode, struct iol_error *err)
{
	int ret;

	rights.mode = mode;
	if (!takes())
		return 0;
	ret = iol_privileges_allow_none_new(err);
	if (!ret)
		ret = iol_landlock_scope_signals(err);
	return ret < 0 ? ret : 0;
}

void iol_sandbox_may_connect(uint16_t port)
{
	g_assert(rights.port_count < PORTS_MAX);
	rights.ports[rights.port_count++] = port;
}

void iol_sandbox_set_limits(const struct iol_limits *limits)
{
	rights.limits = *limits;
}

void iol_sandbox_set_jail(struct iol_jail *jail)
{
	rights.jail = jail;
}

void sandbox_rights_keep_name(const char *path)
{
	if (!rights.jail && !(takes() && iol_landlock_abi()))
		return;
	if (!rights.names) {
		rights.names = g_ptr_array_new_with_free_func(g_free);
		iol_sweeper_start(&rights.sweeper, &rights.sweeper_fd, &rights.failed);
	}
	g_ptr_array_add(rights.names,
			g_strdup(path)); /* its folder for names that begin nowhere is ours */
}

static int give_names(struct iol_error *err)
{
	int ret;

	if (!rights.names)
		return 0;
	if (!rights.sweeper)
		return iol_error_set(err, rights.failed.code, "%s", rights.failed.msg);
	ret = iol_sweeper_give(rights.sweeper_fd, (char **)rights.names->pdata, rights.names->len,
			       err);
	rights.names_given = !ret;
	return ret;
}

static int take_names(struct iol_error *err)
{
	static const char remedy[] =
		"the kernel has no Landlock, so that files can still be reached by their names: "
		"boot one that has CONFIG_SECURITY_LANDLOCK, and landlock in lsm=";
	int ret = iol_landlock_restrict(rights.ports, rights.port_count, err);

	if (ret <= 0)
		return ret;
	if (rights.mode == IOL_SANDBOX_ON)
		return iol_error_set(err, -ENOTSUP, "--sandbox: %s", remedy);
	iol_log(IOL_LOG_WARN, "sandbox: %s", remedy);
	return 0;
}

static bool is_below(__rlimit_resource_t resource, uint64_t value)
{
	struct rlimit now;

	return value && !getrlimit(resource, &now) && now.rlim_cur < value;
}

/* What limits would do for, had they been to be raised: the host of a container's root may not let it. */
static uint64_t lacking(void)
{
	uint64_t capabilities = 0;

	if (is_below(RLIMIT_MEMLOCK, rights.limits.locked_bytes))
		capabilities |= UINT64_C(1) << CAP_IPC_LOCK;
	if (is_below(RLIMIT_RTPRIO, rights.limits.rt_priority))
		capabilities |= UINT64_C(1) << CAP_SYS_NICE;
	return capabilities;
}

int sandbox_rights_give_up(struct iol_error *err)
{
	int ret = give_names(err);

	if (!ret && takes())
		ret = iol_limits_set(&rights.limits, err);
	if (!ret && rights.jail)
		ret = iol_jail_enter(rights.jail, err);
	if (ret || !takes())
		return ret;
	rights.kept = lacking();
	ret = iol_privileges_keep_capabilities(rights.kept, err);
	return ret ? ret : take_names(err);
}

int sandbox_rights_enter(enum iol_sandbox_thread kind, struct iol_error *err)
{
	/* A reset gives memory back and locks it anew. */
	const uint64_t stays = kind == IOL_SANDBOX_MAIN ? UINT64_C(1) << CAP_IPC_LOCK : 0;

	return rights.kept ? iol_privileges_keep_capabilities(rights.kept & stays, err) : 0;
}

void iol_sandbox_finish(void)
{
	if (!iol_sweeper_finish(&rights.sweeper, &rights.sweeper_fd) && rights.names_given)
		iol_log(IOL_LOG_WARN,
			"left behind, as the process that removes names has failed: %s%s",
			(const char *)rights.names->pdata[0],
			rights.names->len > 1 ? " and others" : "");
	g_clear_pointer(&rights.names, g_ptr_array_unref);
}
