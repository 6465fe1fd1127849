// SPDX-License-Identifier: Apache-2.0
/* The supervisor of a system. See include/iolite/system.h and docs/system.md. On the loop's thread. */
#include "member.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <iolite/log.h>

#include "process.h"

#define LAST_WORDS_NS (IOL_NS_PER_S / 2)

enum { NOTICE_BYTES = 512, LISTEN_TRIES = 5 };

/* --- what is written down --- */

int iol_system_save(struct iol_system *s, struct iol_error *err)
{
	json_t *partitions;
	int ret;

	if (!s->loaded)
		return 0;
	partitions = json_object();
	for (unsigned int i = 0; i < s->count; i++) {
		struct iol_state_entry entry;

		iol_member_entry(&s->members[i], &entry);
		iol_state_file_put(partitions, s->members[i].partition.config->name, &entry);
	}
	ret = iol_state_file_write(&s->file, partitions, err);
	json_decref(partitions);
	return ret;
}

void iol_system_changed(struct iol_system *s)
{
	struct iol_error err = { 0 };

	if (iol_system_save(s, &err))
		iol_log(IOL_LOG_ERROR, "%s; a next supervisor would not know of what is so now",
			err.msg);
	iol_loop_post(s->loop, &s->work);
}

/* --- what is to be done --- */

static bool any_runs(const struct iol_system *s)
{
	for (unsigned int i = 0; i < s->count; i++)
		if (s->all[i]->state != IOL_PARTITION_STOPPED || s->all[i]->wanted)
			return true;
	return false;
}

static void launch_all(struct iol_system *s)
{
	for (unsigned int i = 0; i < s->count; i++)
		if (iol_partition_may_launch(s->all[i]) && iol_partition_waits_for(s->all, i) < 0)
			iol_partition_launch(&s->members[i].partition);
}

static void stop_all(struct iol_system *s)
{
	for (unsigned int i = 0; i < s->count; i++) {
		enum iol_partition_state state = s->all[i]->state;

		if (state != IOL_PARTITION_STOPPED && state != IOL_PARTITION_STOPPING &&
		    (!s->down_wait_ns || iol_partition_may_stop(s->all, s->count, i)))
			iol_partition_stop(&s->members[i].partition, s->down_wait_ns);
	}
}

static void tell_changes(struct iol_system *s)
{
	for (unsigned int i = 0; i < s->count; i++) {
		struct iol_member *m = &s->members[i];

		if (m->shown == m->partition.state)
			continue;
		m->shown = m->partition.state;
		iol_log(IOL_LOG_INFO, "%s: %s", m->partition.config->name,
			iol_partition_state_name(m->shown));
		iol_system_tell(s, m);
	}
}

static bool is_settled(const struct iol_system *s)
{
	for (unsigned int i = 0; i < s->count; i++)
		if (s->all[i]->wanted && !s->all[i]->has_run &&
		    s->all[i]->timer != IOL_PARTITION_TIMER_RESTART)
			return false;
	return true;
}

static void tell_settled(struct iol_system *s)
{
	void (*settled)(void *data) = s->settled;

	if (!settled || !is_settled(s))
		return;
	s->settled = NULL;
	settled(s->settled_data);
}

/* Up to the next time when something is due. */
static void set_alarm(struct iol_system *s)
{
	uint64_t now = iol_loop_now_ns(), next = UINT64_MAX;

	for (unsigned int i = 0; i < s->count; i++)
		next = MIN(next, iol_member_look(&s->members[i], now));
	if (s->alarm_op.in_flight && next < s->alarm_ns)
		iol_loop_cancel(s->loop, &s->alarm_op); /* it is set anew when that is done */
	if (s->alarm_op.in_flight || next == UINT64_MAX)
		return;
	s->alarm_ns = next;
	iol_loop_timeout(s->loop, &s->alarm_op, next > now ? next - now : 1);
}

static void work(struct iol_post *post)
{
	struct iol_system *s = iol_container_of(post, struct iol_system, work);

	tell_changes(s);
	if (s->down)
		stop_all(s);
	else
		launch_all(s);
	tell_changes(s);
	tell_settled(s);
	set_alarm(s);
	if (any_runs(s) ||
	    (!s->down && (!s->any_ran || s->config->all_stopped == IOL_ALL_STOPPED_STAY)))
		return;
	s->ended = true;
	iol_loop_stop(s->loop);
}

static void alarm_done(struct iol_op *op, int res)
{
	struct iol_system *s = iol_container_of(op, struct iol_system, alarm_op);

	(void)res;
	iol_loop_post(s->loop, &s->work);
}

/* --- who says that it runs --- */

/* Its number is the kernel's word (unix(7), SCM_CREDENTIALS); 0: there is no more. */
static pid_t next_notice(int fd, char text[NOTICE_BYTES])
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(struct ucred))];
	} control = { 0 };
	struct iovec iov = { .iov_base = text, .iov_len = NOTICE_BYTES - 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct ucred who = { 0 };
	ssize_t len;

	do {
		len = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (len < 0 && errno == EINTR);
	if (len < 0)
		return 0;
	text[len] = '\0';
	if (msg.msg_controllen >= sizeof(control) && control.head.cmsg_type == SCM_CREDENTIALS)
		memcpy(&who, CMSG_DATA(&control.head), sizeof(who));
	return who.pid > 0 ? who.pid : -1;
}

static void await_notice(struct iol_system *s)
{
	iol_loop_poll(s->loop, &s->notify_op, s->notify_fd, POLLIN);
}

static void notify_done(struct iol_op *op, int res)
{
	struct iol_system *s = iol_container_of(op, struct iol_system, notify_op);
	char text[NOTICE_BYTES];
	pid_t pid;

	if (res == -ECANCELED)
		return;
	while ((pid = next_notice(s->notify_fd, text)))
		for (unsigned int i = 0; i < s->count; i++)
			if (s->members[i].pid == pid && strstr(text, "READY=1"))
				iol_member_ready(&s->members[i]);
	iol_loop_post(s->loop, &s->work);
	await_notice(s);
}

/* The kernel chooses a name (unix(7), "Autobind feature"). */
static int open_notify(struct iol_system *s, struct iol_error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(address);
	int on = 1;

	s->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->notify_fd < 0 ||
	    setsockopt(s->notify_fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) ||
	    bind(s->notify_fd, (struct sockaddr *)&address, sizeof(sa_family_t)) ||
	    getsockname(s->notify_fd, (struct sockaddr *)&address, &len))
		return iol_error_errno(err, -errno, "a socket for partitions");
	s->notify =
		g_strdup_printf("@%.*s", (int)(len - offsetof(struct sockaddr_un, sun_path) - 1),
				address.sun_path + 1);
	s->notify_op.done = notify_done;
	return 0;
}

/* --- beginning and end --- */

static char *make_folder(struct iol_error *err)
{
	g_autofree char *folder = iol_config_control_folder();

	if (!folder) {
		iol_error_set(err, -ENOENT,
			      "XDG_RUNTIME_DIR is not set: it is where sockets and the state of a "
			      "system are; set it, or be root");
		return NULL;
	}
	if (mkdir(folder, 0700) && errno != EEXIST) {
		iol_error_errno(err, -errno, "cannot make the folder %s", folder);
		return NULL;
	}
	return g_steal_pointer(&folder);
}

/* The lock is ours, so nobody else listens there: what does is a leftover, for which each try waits a second (leftover.h). */
static int open_control(struct iol_system *s, const char *folder, struct iol_error *err)
{
	g_autofree char *path = g_strdup_printf("%s/%s" IOL_SYSTEM_SUFFIX, folder, s->config->name);
	const struct iol_control_config config = {
		.path = path,
		.commands = iol_system_commands,
		.events = iol_system_events,
		.machine = s,
		.name = s->config->name,
	};
	unsigned int tries = LISTEN_TRIES;
	int ret;

	do
		ret = iol_control_new(s->loop, &config, &s->control, err);
	while (ret == -EADDRINUSE && --tries);
	return ret;
}

static bool has_partition(const struct iol_system *s, const char *name)
{
	for (unsigned int i = 0; i < s->count; i++)
		if (!strcmp(s->all[i]->config->name, name))
			return true;
	return false;
}

/* The file may have been edited in between: what it does not have any more is nobody's. */
static void tell_of_others(const struct iol_system *s, json_t *former)
{
	const char *name;
	json_t *value;

	json_object_foreach(former, name, value)
	{
		struct iol_state_entry entry;
		iol_auto(iol_fd_close) int fd = -1;

		(void)value;
		if (has_partition(s, name) || !iol_state_file_entry(former, name, &entry))
			continue;
		fd = iol_process_open(entry.pid, entry.ticks);
		if (fd >= 0)
			iol_log(IOL_LOG_WARN,
				"'%.64s' is no partition any more and runs on, as process %d: "
				"`iolite stop` of its machine ends it",
				name, (int)entry.pid);
	}
}

/* What a former supervisor has left, or what the file says. */
static void load(struct iol_system *s)
{
	json_t *former = iol_state_file_read(&s->file);

	for (unsigned int i = 0; i < s->count; i++) {
		struct iol_member *m = &s->members[i];
		struct iol_state_entry entry;

		if (iol_state_file_entry(former, m->partition.config->name, &entry))
			iol_member_adopt(m, &entry);
		else
			m->partition.wanted = m->partition.config->autostart;
	}
	tell_of_others(s, former);
	json_decref(former);
	s->loaded = true;
}

int iol_system_new(const struct iol_system_config *config, struct iol_loop *loop,
		   struct iol_system **system, struct iol_error *err)
{
	g_autofree char *folder = make_folder(err);
	struct iol_system *s;
	int ret;

	if (!folder)
		return err->code;
	s = g_new0(struct iol_system, 1);
	s->config = config;
	s->loop = loop;
	s->notify_fd = -1;
	s->log_fd = -1;
	s->work.run = work;
	s->alarm_op.done = alarm_done;
	ret = iol_state_file_open(&s->file, folder, config->name, err);
	if (!ret)
		ret = open_notify(s, err);
	if (!ret)
		ret = open_control(s, folder, err);
	if (ret) {
		iol_system_free(s);
		return ret;
	}
	s->count = config->count;
	s->members = g_new0(struct iol_member, s->count);
	for (unsigned int i = 0; i < s->count; i++) {
		iol_member_init(&s->members[i], s, config->partitions[i]);
		s->all[i] = &s->members[i].partition;
	}
	load(s);
	*system = s;
	return 0;
}

void iol_system_set_log(struct iol_system *s, int fd)
{
	s->log_fd = fd;
}

void iol_system_start(struct iol_system *s, void (*settled)(void *data), void *data)
{
	s->settled = settled;
	s->settled_data = data;
	await_notice(s);
	iol_control_start(s->control);
	iol_system_changed(s);
}

void iol_system_down(struct iol_system *s, uint64_t wait_ns)
{
	s->down_wait_ns = s->down ? MIN(s->down_wait_ns, wait_ns) : wait_ns;
	s->down = true;
	for (unsigned int i = 0; i < s->count; i++) {
		struct iol_partition *p = &s->members[i].partition;

		p->wanted = p->again = false;
		if (p->state == IOL_PARTITION_STOPPED ||
		    (p->state == IOL_PARTITION_STOPPING && !s->down_wait_ns))
			iol_partition_stop(p, 0);
	}
	iol_system_changed(s);
}

bool iol_system_all_stopped(const struct iol_system *s)
{
	return s->ended && !s->down;
}

int iol_system_status(const struct iol_system *s)
{
	return s->status;
}

static bool any_in_flight(const struct iol_system *s)
{
	if (s->notify_op.in_flight || s->alarm_op.in_flight)
		return true;
	for (unsigned int i = 0; i < s->count; i++)
		if (s->members[i].pid_op.in_flight || s->members[i].link.op.in_flight)
			return true;
	return false;
}

static void stop_watching(struct iol_system *s)
{
	iol_loop_cancel(s->loop, &s->notify_op);
	iol_loop_cancel(s->loop, &s->alarm_op);
	for (unsigned int i = 0; i < s->count; i++) {
		iol_loop_cancel(s->loop, &s->members[i].pid_op);
		iol_link_close(&s->members[i].link);
	}
	while (any_in_flight(s))
		if (iol_loop_turn(s->loop, true) < 0)
			break;
	iol_loop_post_cancel(s->loop, &s->work);
}

void iol_system_free(struct iol_system *s)
{
	if (!s)
		return;
	iol_control_free(s->control, LAST_WORDS_NS);
	stop_watching(s);
	for (unsigned int i = 0; i < s->count; i++)
		iol_member_finish(&s->members[i]);
	iol_state_file_close(&s->file, s->ended);
	iol_fd_close(&s->notify_fd);
	g_free(s->notify);
	g_free(s->members);
	g_free(s);
}
