// SPDX-License-Identifier: Apache-2.0
/* The order of things that make the sandbox. See include/iolite/sandbox.h. */
#include <iolite/sandbox.h>

#include <glib.h>

#include <iolite/log.h>

#include "rights.h"
#include "seccomp.h"

/* A process has one, and cannot leave it. Written before there are threads. */
static struct {
	enum iol_sandbox_mode mode;
	bool closed, filters;
	unsigned int needs;
	struct iol_sandbox_hook *hooks;
} sandbox = { .mode = IOL_SANDBOX_OFF };

/* What cannot be had ends those that insist on it; others hear of it. */
static int missing(struct iol_error *err, int ret)
{
	g_autofree char *why = g_strdup(err->msg);

	if (sandbox.mode != IOL_SANDBOX_DEFAULT)
		return iol_error_set(err, ret, "%s; --sandbox=off runs the machine without", why);
	iol_log(IOL_LOG_WARN, "the machine runs without filters of system calls: %s", err->msg);
	return 0;
}

int iol_sandbox_prepare(enum iol_sandbox_mode mode, struct iol_error *err)
{
	int ret;

	sandbox.mode = mode;
	ret = sandbox_rights_prepare(mode, err);
	if (ret || mode == IOL_SANDBOX_OFF)
		return ret;
	ret = seccomp_probe(err);
	sandbox.filters = !ret;
	return ret ? missing(err, ret) : 0;
}

void iol_sandbox_need(unsigned int needs)
{
	sandbox.needs |= needs;
}

void iol_sandbox_may_remove(const char *path)
{
	if (!path)
		return;
	/* Who does not keep it still tries, in vain; and waits for who does. */
	sandbox_rights_keep_name(path);
	sandbox.needs |= IOL_SANDBOX_NEEDS_REMOVE;
}

enum iol_sandbox_mode iol_sandbox_mode(void)
{
	return sandbox.mode;
}

bool iol_sandbox_closed(void)
{
	return sandbox.closed;
}

void iol_sandbox_at_begin(struct iol_sandbox_hook *hook)
{
	hook->next = sandbox.hooks;
	sandbox.hooks = hook;
}

void iol_sandbox_hook_cancel(struct iol_sandbox_hook *hook)
{
	struct iol_sandbox_hook **link = &sandbox.hooks;

	while (*link && *link != hook)
		link = &(*link)->next;
	if (*link)
		*link = hook->next;
}

int iol_sandbox_begin(struct iol_error *err)
{
	int ret = sandbox_rights_give_up(err);

	if (ret || sandbox.mode == IOL_SANDBOX_OFF)
		return ret;
	if (sandbox.filters)
		ret = seccomp_make(sandbox.mode, sandbox.needs, err);
	if (ret)
		return ret;
	sandbox.closed = sandbox.mode != IOL_SANDBOX_LOG;
	while (sandbox.hooks) {
		struct iol_sandbox_hook *hook = sandbox.hooks;

		sandbox.hooks = hook->next;
		hook->run(hook);
	}
	return 0;
}

int iol_sandbox_enter(enum iol_sandbox_thread kind, struct iol_error *err)
{
	int ret = sandbox_rights_enter(kind, err);

	return ret || !sandbox.filters ? ret : seccomp_enter(kind, err);
}
