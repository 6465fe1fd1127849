// SPDX-License-Identifier: Apache-2.0
/*
 * Where debuggers come in: a character backend that listens, and a session of GDB's protocol over the machine. See
 * debug.h. Runs on the loop's thread.
 *
 * Whoever connects has the guest in its hands, and is hostile to iolite: one at a time, memory bounded by the backend's
 * ring, and a session takes no packet while the ring has no room for the answer.
 */
#include "control_internal.h"
#include "debug.h"

#include <errno.h>
#include <glib.h>

#include <iolite/log.h>
#include <iolite/sandbox.h>

enum { RING_BYTES = 256 * 1024 }; /* some answers, that a client need not wait for the next one */

/* How long the last answer may take to reach a slow debugger when the machine ends. */
#define LAST_WORDS_NS (2 * IOL_NS_PER_S)
/* And when a machine that lives closes it: its devices wait meanwhile. */
#define CLOSE_WAIT_NS (100 * IOL_NS_PER_MS)

struct iol_debug_server {
	struct iol_char *chr;
	bool is_unix;
	struct iol_char_user user;
	struct iol_gdb_link link;
	struct iol_gdb_session *session; /* NULL: nobody is let in yet */
};

/* ---- From the debugger ---- */

static unsigned int receive(struct iol_char_user *user, const uint8_t *data, unsigned int len)
{
	struct iol_debug_server *s = iol_container_of(user, struct iol_debug_server, user);

	return (unsigned int)iol_gdb_session_receive(s->session, data, len);
}

static void writable(struct iol_char_user *user)
{
	struct iol_debug_server *s = iol_container_of(user, struct iol_debug_server, user);

	if (iol_gdb_session_writable(s->session))
		iol_char_ready(s->chr);
}

static void peer(struct iol_char_user *user, bool present)
{
	struct iol_debug_server *s = iol_container_of(user, struct iol_debug_server, user);

	if (present) {
		iol_log(IOL_LOG_INFO, "%s: a debugger connected", s->chr->name);
		iol_gdb_session_begin(s->session);
	} else {
		iol_gdb_session_end(s->session);
		iol_log(IOL_LOG_INFO, "%s: the debugger is gone", s->chr->name);
	}
}

/* ---- To the debugger ---- */

static void send_bytes(struct iol_gdb_link *link, const uint8_t *data, size_t bytes)
{
	struct iol_debug_server *s = iol_container_of(link, struct iol_debug_server, link);
	unsigned int taken = iol_char_write(s->chr, data, (unsigned int)bytes);

	if (taken == bytes || s->chr->hanging_up)
		return;
	/* It is of no use to a client to get half of it. */
	iol_log(IOL_LOG_WARN,
		"%s: the debugger is sent away: it does not read, and %zu bytes have no room",
		s->chr->name, bytes - taken);
	iol_char_hang_up(s->chr);
}

static size_t room(struct iol_gdb_link *link)
{
	return iol_char_room(iol_container_of(link, struct iol_debug_server, link)->chr);
}

static void hang_up(struct iol_gdb_link *link)
{
	iol_char_hang_up(iol_container_of(link, struct iol_debug_server, link)->chr);
}

/* ---- The server ---- */

/* @config: a copy; what it points to is the caller's, for the call. */
static int listen_at(struct iol_vm *vm, struct iol_char_config config, struct iol_error *err)
{
	struct iol_debug_server *s;
	int ret;

	if ((config.kind != IOL_CHAR_TCP && config.kind != IOL_CHAR_UNIX) || config.connect)
		return iol_error_set(err, -EINVAL, "gdb: debuggers come by a socket that listens");
	s = g_new0(struct iol_debug_server, 1);
	s->user = (struct iol_char_user){
		.receive = receive,
		.writable = writable,
		.peer = peer,
	};
	s->link = (struct iol_gdb_link){
		.send = send_bytes,
		.room = room,
		.hang_up = hang_up,
	};
	config.block = true; /* an answer is never dropped for a client that is slow to read it */
	config.ring_bytes = RING_BYTES;
	ret = iol_char_new(&vm->loop, &vm->lifecycle.sink, &config, "gdb", &s->chr, err);
	if (ret) {
		g_free(s);
		return ret;
	}
	s->chr->private_peers = true;
	s->is_unix = config.kind == IOL_CHAR_UNIX;
	vm->debug_server = s;
	return 0;
}

int iol_debug_server_open(struct iol_vm *vm, struct iol_error *err)
{
	return vm->config->has_gdb ? listen_at(vm, vm->config->gdb, err) : 0;
}

/* GDB may have another folder than we. To be freed. */
static char *full_where(struct iol_debug_server *s)
{
	const char *where = iol_char_socket_where(s->chr);

	return s->is_unix ? g_canonicalize_filename(where, NULL) : g_strdup(where);
}

/* In the form that is pasted into GDB. */
static void announce(struct iol_debug_server *s)
{
	g_autofree char *where = full_where(s);
	g_autofree char *text = g_strdup_printf("target remote %s", where);

	iol_char_tell(s->chr, text);
}

int iol_debug_server_start(struct iol_vm *vm, struct iol_error *err)
{
	struct iol_debug_server *s = vm->debug_server;
	struct iol_gdb_target *target;

	if (!s || s->session)
		return 0;
	target = iol_debug_target(vm);
	if (!target)
		return iol_error_set(err, -ENOTSUP, "gdb: this machine cannot be debugged");
	s->session = iol_gdb_session_new(target, &s->link);
	iol_char_start(s->chr, &s->user);
	announce(s);
	return 0;
}

char *iol_debug_server_where(const struct iol_vm *vm)
{
	struct iol_debug_server *s = vm->debug_server;
	g_autofree char *where = s ? full_where(s) : NULL;

	return s ? g_strconcat(s->is_unix ? "unix:" : "tcp:", where, NULL) : NULL;
}

bool iol_debug_server_has_client(const struct iol_vm *vm)
{
	return vm->debug_server && vm->debug_server->chr->present;
}

static void finish_within(struct iol_vm *vm, uint64_t wait_ns)
{
	struct iol_debug_server *s = g_steal_pointer(&vm->debug_server);

	if (!s)
		return;
	/* Detaching may make it say something, which goes out with the rest. */
	if (s->session)
		iol_gdb_session_end(s->session);
	iol_char_stop(s->chr, wait_ns);
	if (s->session)
		iol_gdb_session_free(s->session);
	iol_char_free(s->chr);
	g_free(s);
}

void iol_debug_server_finish(struct iol_vm *vm)
{
	finish_within(vm, LAST_WORDS_NS);
}

/* ---- While the machine lives ---- */

/* What vCPUs look at comes to be there while they stand. */
static int make_target(struct iol_vm *vm, struct iol_error *err)
{
	bool ran = iol_vm_control_hold(vm);
	int ret = iol_debug_make(vm, err);

	if (ran)
		iol_vcpus_resume(vm);
	return ret;
}

int iol_debug_server_open_at(struct iol_vm *vm, const char *address, int fd, struct iol_error *err)
{
	g_autofree char *where = iol_debug_server_where(vm);
	iol_auto(iol_config_finish) struct iol_config config;
	int ret;

	iol_config_init(&config);
	if (where)
		return iol_error_set(err, -EBUSY,
				     "debuggers can connect at %s already: close that first (gdb "
				     "close)",
				     where);
	if (vm->lifecycle.state == IOL_STATE_STOPPED)
		return iol_error_set(err, -EBUSY, "the machine has ended");
	ret = iol_config_set_gdb(&config, address, err);
	if (!ret && config.gdb.kind == IOL_CHAR_UNIX && !g_path_is_absolute(config.gdb.path))
		ret = iol_error_set(err, -EINVAL,
				    "'%.64s' is relative, and the machine may have another folder "
				    "than you: give the whole path",
				    config.gdb.path);
	if (!ret && !fd && iol_sandbox_closed())
		ret = iol_error_set(
			err, -EACCES,
			"this machine is in a sandbox and makes no sockets: pass one that "
			"listens (add-fd, then socket=/dev/fdset/N), or run the machine "
			"with --gdb, or with --sandbox=off");
	config.gdb.listen_fd = fd;
	if (!ret)
		ret = make_target(vm, err);
	if (!ret)
		ret = listen_at(vm, config.gdb, err);
	if (!ret)
		ret = iol_debug_server_start(vm, err);
	if (ret)
		iol_debug_server_finish(vm);
	return ret;
}

int iol_debug_server_close(struct iol_vm *vm, struct iol_error *err)
{
	if (!vm->debug_server)
		return iol_error_set(err, -ENOENT,
				     "no debugger can connect, so that there is nothing to close");
	if (iol_debug_asks(vm))
		return iol_error_set(err, -EBUSY,
				     "it is by this connection that you ask: let gdb detach, and "
				     "close it by `iolite monitor`");
	finish_within(vm, CLOSE_WAIT_NS);
	return 0;
}
