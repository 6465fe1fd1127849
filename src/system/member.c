// SPDX-License-Identifier: Apache-2.0
/* A partition's process and connection. See member.h. On the loop's thread. */
#include "member.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <iolite/exit_status.h>
#include <iolite/log.h>

#include "child.h"
#include "process.h"

#define RETRY_NS (50 * IOL_NS_PER_MS)

static struct iol_member *member_of(struct iol_partition *partition)
{
	return iol_container_of(partition, struct iol_member, partition);
}

static const char *name_of(const struct iol_member *m)
{
	return m->partition.config->name;
}

/* --- the connection --- */

static void connect_now(struct iol_member *m)
{
	int ret = iol_link_open(&m->link, m->partition.config->machine.control, m->pid);

	/* One that starts does not listen yet; one that is busy has no place for us. */
	m->link_ns = ret ? iol_loop_now_ns() + RETRY_NS : 0;
	if (ret && ret != -ENOENT && ret != -ECONNREFUSED)
		iol_log(IOL_LOG_DEBUG, "%s: control socket: %s", name_of(m), strerror(-ret));
}

/* Words of query-status (docs/control.md) for one that stands; one that is at its end does not. */
static bool is_paused(const char *status)
{
	static const char *const words[] = { "paused",   "prelaunch",      "debug",
					     "watchdog", "guest-panicked", NULL };

	return g_strv_contains(words, status);
}

static void answered(struct iol_link *link, enum iol_link_request request, const json_t *result)
{
	struct iol_member *m = iol_container_of(link, struct iol_member, link);
	const char *status = json_string_value(json_object_get(result, "status"));

	switch (request) {
	case IOL_LINK_STATUS:
		if (!status)
			break;
		if (m->partition.state == IOL_PARTITION_STOPPING)
			iol_link_send(link, IOL_LINK_QUIT, NULL); /* adopted so */
		else if (m->partition.state == IOL_PARTITION_STARTING)
			iol_partition_ready(&m->partition, is_paused(status));
		else if (is_paused(status))
			iol_partition_paused(&m->partition);
		else
			iol_partition_resumed(&m->partition);
		break;
	case IOL_LINK_PAUSE:
	case IOL_LINK_RESUME:
		if (!result)
			iol_partition_refused(&m->partition);
		else if (request == IOL_LINK_PAUSE)
			iol_partition_paused(&m->partition);
		else
			iol_partition_resumed(&m->partition);
		break;
	default:
		break;
	}
}

/* Its reason is all that is known of one that is not our child (docs/control.md, "Events"). */
static struct iol_partition_end end_of(const struct iol_member *m, const char *reason)
{
	struct iol_partition_end end = { .cause = IOL_PARTITION_ENDED_STATUS };

	if (!reason || !strcmp(reason, "host-error"))
		end.number = IOL_EXIT_HOST;
	else if (!strcmp(reason, "guest-panic"))
		end.number = m->told_panic      ? IOL_EXIT_PANIC
			     : m->told_watchdog ? IOL_EXIT_WATCHDOG
						: IOL_EXIT_CRASH;
	else if (g_str_has_prefix(reason, "host-"))
		end.cause =
			IOL_PARTITION_ENDED_STOPPED; /* by somebody who spoke to it and not to us */
	return end;
}

static void event(struct iol_link *link, const char *name, const json_t *data)
{
	struct iol_member *m = iol_container_of(link, struct iol_member, link);
	const char *action = json_string_value(json_object_get(data, "action"));

	if (!strcmp(name, "STOP")) {
		iol_partition_paused(&m->partition);
	} else if (!strcmp(name, "RESUME")) {
		iol_partition_resumed(&m->partition);
	} else if (!strcmp(name, "GUEST_PANICKED")) {
		m->told_panic = true;
	} else if (!strcmp(name, "WATCHDOG")) {
		m->told_watchdog = !g_strcmp0(action, "shutdown");
	} else if (!strcmp(name, "RESET")) {
		m->told_panic = m->told_watchdog = false;
	} else if (!strcmp(name, "SHUTDOWN")) {
		m->end = end_of(m, json_string_value(json_object_get(data, "reason")));
		m->told_end = true;
	}
}

static void lost(struct iol_link *link)
{
	struct iol_member *m = iol_container_of(link, struct iol_member, link);

	/* Most likely it has ended, which its process tells. */
	m->link_ns = iol_loop_now_ns() + RETRY_NS;
	iol_system_changed(m->system);
}

static const struct iol_link_ops link_ops = { answered, event, lost };

/* --- the process --- */

/* How our child ended; false: it is not ours. */
static bool reap(struct iol_member *m, struct iol_partition_end *end)
{
	siginfo_t info = { 0 };
	int ret;

	do {
		ret = waitid(P_PID, (id_t)m->pid, &info, WEXITED | WNOHANG);
	} while (ret && errno == EINTR);
	if (m->adopted || ret || !info.si_pid)
		return false;
	end->cause = info.si_code == CLD_EXITED ? IOL_PARTITION_ENDED_STATUS
						: IOL_PARTITION_ENDED_SIGNAL;
	end->number = info.si_status;
	return true;
}

static void tell_end(const struct iol_member *m)
{
	const struct iol_partition *p = &m->partition;
	g_autofree char *text = iol_partition_end_text(p->end);

	if (p->timer == IOL_PARTITION_TIMER_RESTART)
		iol_log(IOL_LOG_WARN, "%s: %s; restart %u in %u ms", name_of(m), text,
			p->restart.count, (unsigned int)(p->delay_ns / IOL_NS_PER_MS));
	else
		iol_log(iol_partition_failed(p->end) ? IOL_LOG_WARN : IOL_LOG_INFO, "%s: %s%s",
			name_of(m), text,
			iol_partition_failed(p->end) ? "; it is not started again" : "");
}

static void ended(struct iol_member *m)
{
	struct iol_partition_end end = { .cause = IOL_PARTITION_ENDED_LOST };
	bool known;

	iol_link_drain(&m->link);
	m->link_ns = 0;
	known = reap(m, &end);
	/* What others had done to it is no end of its own. */
	if (m->told_end && (!known || m->end.cause == IOL_PARTITION_ENDED_STOPPED))
		end = m->end;
	m->pid = 0;
	m->ticks = 0;
	iol_fd_close(&m->pidfd);
	/* Its supervisor was killed before it could give its word (child.c). */
	if (m->adopted && m->unproven && !m->told_end &&
	    m->partition.state == IOL_PARTITION_STARTING) {
		iol_partition_unlaunched(&m->partition);
		return;
	}
	iol_partition_ended(&m->partition, end);
	if (iol_partition_failed(m->partition.end) && !m->partition.wanted)
		m->system->status =
			end.cause == IOL_PARTITION_ENDED_STATUS ? end.number : IOL_EXIT_HOST;
	tell_end(m);
}

static void await_end(struct iol_member *m)
{
	if (!m->pid_op.in_flight)
		iol_loop_poll(m->system->loop, &m->pid_op, m->pidfd, POLLIN);
}

static void pid_done(struct iol_op *op, int res)
{
	struct iol_member *m = iol_container_of(op, struct iol_member, pid_op);

	if (m->pidfd < 0 || res == -ECANCELED)
		return;
	if (res < 0)
		await_end(m);
	else
		ended(m);
}

/* The file says who it is before it becomes a machine; see child.c. */
static int launch(struct iol_partition *partition, struct iol_error *err)
{
	struct iol_member *m = member_of(partition);
	g_autofree char *json = NULL;
	struct iol_child_config config = {
		.notify = m->system->notify,
		.log_fd = m->system->log_fd,
		.lock_fd = m->system->file.lock_fd,
	};
	struct iol_child child = { .go_fd = -1 };
	int ret = iol_config_to_json(&partition->config->machine, &json, err);

	config.json = json;
	if (!ret)
		ret = iol_child_fork(&config, &child, err);
	if (ret)
		goto failed;
	m->pid = child.pid;
	m->ticks = iol_process_start_ticks(child.pid);
	m->pidfd = iol_process_open(m->pid, m->ticks);
	m->adopted = m->told_end = m->told_panic = m->told_watchdog = false;
	ret = m->pidfd < 0 ? iol_error_errno(err, m->pidfd, "pidfd_open")
			   : iol_system_save(m->system, err);
	if (ret) {
		iol_child_drop(&child);
		waitpid(child.pid, NULL, 0);
		m->pid = 0;
		iol_fd_close(&m->pidfd);
		goto failed;
	}
	iol_child_go(&child);
	await_end(m);
	m->system->any_ran = true;
	iol_log(IOL_LOG_INFO, "%s: process %d", name_of(m), (int)m->pid);
	return 0;
failed:
	iol_log(IOL_LOG_ERROR, "%s: cannot be started: %s", name_of(m), err->msg);
	return ret;
}

void iol_member_ready(struct iol_member *m)
{
	if (!iol_link_is_open(&m->link))
		connect_now(m);
}

/* --- what a partition asks for --- */

static uint64_t now_ns(struct iol_partition *partition)
{
	(void)partition;
	return iol_loop_now_ns();
}

static int pause_machine(struct iol_partition *partition, struct iol_error *err)
{
	return iol_link_send(&member_of(partition)->link, IOL_LINK_PAUSE, err);
}

static int resume_machine(struct iol_partition *partition, struct iol_error *err)
{
	return iol_link_send(&member_of(partition)->link, IOL_LINK_RESUME, err);
}

static int press_button(struct iol_partition *partition, struct iol_error *err)
{
	return iol_link_send(&member_of(partition)->link, IOL_LINK_BUTTON, err);
}

static int quit(struct iol_partition *partition, struct iol_error *err)
{
	return iol_link_send(&member_of(partition)->link, IOL_LINK_QUIT, err);
}

static void kill_process(struct iol_partition *partition)
{
	struct iol_member *m = member_of(partition);

	iol_log(IOL_LOG_INFO, "%s: killed", name_of(m));
	iol_process_kill(m->pidfd);
}

static void changed(struct iol_partition *partition)
{
	iol_system_changed(member_of(partition)->system);
}

static const struct iol_partition_ops partition_ops = {
	.now_ns = now_ns,
	.launch = launch,
	.pause = pause_machine,
	.resume = resume_machine,
	.button = press_button,
	.quit = quit,
	.kill = kill_process,
	.changed = changed,
};

/* --- its life --- */

void iol_member_init(struct iol_member *m, struct iol_system *system,
		     const struct iol_partition_config *config)
{
	*m = (struct iol_member){ .system = system, .pidfd = -1, .pid_op.done = pid_done };
	iol_partition_init(&m->partition, config, &partition_ops);
	iol_link_init(&m->link, system->loop, &link_ops);
}

void iol_member_finish(struct iol_member *m)
{
	iol_link_finish(&m->link);
	iol_fd_close(&m->pidfd);
}

void iol_member_entry(const struct iol_member *m, struct iol_state_entry *entry)
{
	const struct iol_partition *p = &m->partition;

	*entry = (struct iol_state_entry){
		.pid = m->pid,
		.ticks = m->ticks,
		.wanted = p->wanted,
		.has_run = p->has_run,
		.again = p->again,
		.restarts = p->restart.count,
		.end = p->end,
	};
}

void iol_member_adopt(struct iol_member *m, const struct iol_state_entry *entry)
{
	struct iol_partition *p = &m->partition;

	p->wanted = entry->wanted;
	p->has_run = entry->has_run;
	p->restart.count = entry->restarts;
	p->end = entry->end;
	p->again = entry->again;
	if (!entry->pid)
		return;
	m->system->any_ran = true;
	m->pidfd = iol_process_open(entry->pid, entry->ticks);
	if (m->pidfd >= 0) {
		iol_log(IOL_LOG_INFO, "%s: process %d is adopted", name_of(m), (int)entry->pid);
		m->pid = entry->pid;
		m->ticks = entry->ticks;
		m->adopted = true;
		m->unproven = !entry->has_run;
		m->link_ns = 1;
		await_end(m);
		if (entry->wanted) {
			p->state = IOL_PARTITION_STARTING; /* until it answers */
			p->has_run = false;
			return;
		}
		p->state = IOL_PARTITION_STOPPING;
		p->timer = IOL_PARTITION_TIMER_QUIT;
		p->deadline_ns = iol_loop_now_ns() + IOL_PARTITION_QUIT_NS;
		return;
	}
	/* One that never said that it runs has not been started: it is as if it had been killed before that. */
	if (!entry->has_run && entry->wanted)
		return;
	p->state = entry->wanted ? IOL_PARTITION_STARTING : IOL_PARTITION_STOPPING;
	iol_partition_ended(p, (struct iol_partition_end){ .cause = IOL_PARTITION_ENDED_LOST });
	tell_end(m);
}

uint64_t iol_member_look(struct iol_member *m, uint64_t now)
{
	uint64_t next = UINT64_MAX;

	if (m->link_ns && m->link_ns <= now && m->pid && !iol_link_is_open(&m->link))
		connect_now(m);
	if (m->partition.deadline_ns && m->partition.deadline_ns <= now)
		iol_partition_expired(&m->partition);
	if (m->link_ns && m->pid)
		next = m->link_ns;
	if (m->partition.deadline_ns)
		next = MIN(next, m->partition.deadline_ns);
	return next;
}
