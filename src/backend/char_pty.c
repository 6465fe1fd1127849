// SPDX-License-Identifier: Apache-2.0
/*
 * A pseudo terminal as the far end of a serial line (pty(7)). Runs on the loop's thread.
 *
 * The kernel tells nobody when the other end is opened, and says "hung up" all the while it is not: so
 * while nobody is there, a timer looks. Whoever may open the terminal is at the guest's console; it is the
 * user's who started the machine.
 */
#include <iolite/char.h>

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define LOOK_NS (200 * IOL_NS_PER_MS)

struct char_pty {
	struct iol_char chr;
	int master;
	char slave[64]; /* name of the other end */
	char *link; /* NULL: none */
	struct iol_op look_op; /* a timer */
};

static struct char_pty *pty_of(struct iol_char *chr)
{
	return iol_container_of(chr, struct char_pty, chr);
}

/* The guest's terminal driver does what is to be done with lines and echo; the host's must not do it as well. */
static int set_raw(int fd)
{
	struct termios settings;

	if (tcgetattr(fd, &settings))
		return -errno;
	cfmakeraw(&settings);
	return tcsetattr(fd, TCSANOW, &settings) ? -errno : 0;
}

static void look(struct char_pty *pty)
{
	struct pollfd pfd = { .fd = pty->master, .events = POLLIN };
	bool is_open;

	if (pty->chr.stopped)
		return;
	poll(&pfd, 1, 0);
	is_open = !(pfd.revents & POLLHUP);
	/* One that was there in the meantime may have left input. */
	if (is_open || pfd.revents & POLLIN)
		iol_char_attach(&pty->chr, pty->master, is_open ? pty->master : -1);
	if (!is_open && !pty->look_op.in_flight)
		iol_loop_timeout(pty->chr.loop, &pty->look_op, LOOK_NS);
}

static void look_done(struct iol_op *op, int res)
{
	(void)res;
	look(iol_container_of(op, struct char_pty, look_op));
}

static void pty_start(struct iol_char *chr)
{
	look(pty_of(chr));
}

static void pty_lost(struct iol_char *chr)
{
	struct char_pty *pty = pty_of(chr);

	/* Programs leave it with settings of their own. */
	if (chr->in_fd < 0)
		set_raw(pty->master);
	if (!pty->look_op.in_flight)
		iol_loop_timeout(chr->loop, &pty->look_op, LOOK_NS);
}

static void remove_link(struct char_pty *pty)
{
	char target[sizeof(pty->slave)];
	ssize_t len;

	if (!pty->link)
		return;
	len = readlink(pty->link, target, sizeof(target));
	/* Another machine may have it by now. */
	if (len == (ssize_t)strlen(pty->slave) && !memcmp(target, pty->slave, (size_t)len))
		unlink(pty->link);
	g_clear_pointer(&pty->link, g_free);
}

static void pty_stop(struct iol_char *chr)
{
	struct char_pty *pty = pty_of(chr);

	iol_loop_cancel(chr->loop, &pty->look_op);
	while (pty->look_op.in_flight)
		if (iol_loop_turn(chr->loop, true) < 0)
			break;
	remove_link(pty);
}

static void pty_free(struct iol_char *chr)
{
	struct char_pty *pty = pty_of(chr);

	iol_fd_close(&pty->master);
	g_free(pty);
}

static const struct iol_char_ops pty_ops = {
	.name = "serial pty",
	.start = pty_start,
	.lost = pty_lost,
	.stop = pty_stop,
	.free = pty_free,
};

/* A link that is there is replaced in one step: nobody finds none, or half of one. */
static int make_link(struct char_pty *pty, const char *path, struct iol_error *err)
{
	g_autofree char *fresh = g_strdup_printf("%s.%d", path, (int)getpid());
	struct stat st;
	int ret;

	if (!lstat(path, &st) && !S_ISLNK(st.st_mode))
		return iol_error_set(err, -EEXIST,
				     "'%s' is there and is no symbolic link: take it away, or "
				     "give the link another name",
				     path);
	if (symlink(pty->slave, fresh))
		return iol_error_errno(err, -errno, "cannot make the link '%s'", path);
	if (rename(fresh, path)) {
		ret = iol_error_errno(err, -errno, "cannot make the link '%s'", path);
		unlink(fresh);
		return ret;
	}
	pty->link = g_strdup(path);
	return 0;
}

static int open_pty(struct char_pty *pty, struct iol_error *err)
{
	iol_auto(iol_fd_close) int slave = -1;

	pty->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (pty->master < 0 || grantpt(pty->master) || unlockpt(pty->master) ||
	    ptsname_r(pty->master, pty->slave, sizeof(pty->slave)))
		return iol_error_errno(err, -errno,
				       "cannot make a pseudo terminal; is /dev/pts mounted?");
	/* Before the other end was open once, it does not count as hung up. */
	slave = open(pty->slave, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0 || set_raw(slave))
		return iol_error_errno(err, -errno, "cannot set up the pseudo terminal %s",
				       pty->slave);
	return 0;
}

int iol_char_pty_new(struct iol_loop *loop, const struct iol_char_config *config, const char *name,
		     struct iol_char **chr, struct iol_error *err)
{
	struct char_pty *pty = g_new0(struct char_pty, 1);
	int ret;

	iol_char_init(&pty->chr, &pty_ops, loop);
	g_strlcpy(pty->chr.name, name, sizeof(pty->chr.name));
	pty->look_op.done = look_done;
	ret = open_pty(pty, err);
	if (!ret && config->link)
		ret = make_link(pty, config->link, err);
	if (ret) {
		iol_char_free(&pty->chr);
		return ret;
	}
	iol_char_announce(&pty->chr, pty->slave);
	*chr = &pty->chr;
	return 0;
}

const char *iol_char_pty_where(struct iol_char *chr)
{
	return iol_container_of(chr, struct char_pty, chr)->slave;
}
