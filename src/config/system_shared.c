// SPDX-License-Identifier: Apache-2.0
/*
 * What two partitions of a system cannot both have: CPUs for themselves, disks that one of them writes, taps, files that lines
 * write, sockets, names. See system.h. Before any thread; others than the system's file are looked at, never opened.
 *
 * As in files.c, it is the user's slip that is to be found: locks of disks, and the kernel's refusals, are what holds later.
 */
#include "system.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#include "file_id.h"

enum kind {
	DISK,
	TAP,
	OUTPUT, /* a file that a line writes */
	SOCKET, /* a unix socket that somebody listens at, or a link that is made */
	PORT, /* of TCP */
	NAME,
};

/* One thing of one partition. */
struct thing {
	enum kind kind;
	const struct iol_partition_config *owner;
	char *what; /* "disk0", "serial0": for messages */
	const char *text; /* as the user has it */
	struct iol_file_id file; /* DISK, OUTPUT */
	bool is_file;
	bool read_only;
	char *path; /* SOCKET, or a file that is in no folder: from the root */
	const char *host; /* PORT; NULL: 127.0.0.1 */
	unsigned int port;
};

struct things {
	const struct iol_system_config *system;
	struct iol_mistakes *mistakes;
	GArray *all; /* struct thing */
};

static void thing_clear(void *data)
{
	struct thing *thing = data;

	iol_file_id_finish(&thing->file);
	g_free(thing->what);
	g_free(thing->path);
}

/* --- whether two are one --- */

/* @path with its folder as it really is: two that listen there would get the same file. */
static char *real_path(const char *path)
{
	g_autofree char *full = g_canonicalize_filename(path, NULL);
	g_autofree char *folder = g_path_get_dirname(full), *base = g_path_get_basename(full);
	char *real = realpath(folder, NULL);
	char *result = g_build_filename(real ? real : folder, base, NULL);

	free(real);
	return result;
}

static bool is_any_host(const char *host)
{
	return host && (!strcmp(host, "0.0.0.0") || !strcmp(host, "::"));
}

static bool same_host(const char *a, const char *b)
{
	a = a ? a : "127.0.0.1";
	b = b ? b : "127.0.0.1";
	return is_any_host(a) || is_any_host(b) || !strcmp(a, b);
}

static bool same_file(const struct thing *a, const struct thing *b)
{
	if (a->is_file && b->is_file)
		return iol_file_id_same(&a->file, &b->file);
	return a->is_file == b->is_file && !strcmp(a->path, b->path);
}

static bool collide(const struct thing *a, const struct thing *b)
{
	bool files =
		(a->kind == DISK || a->kind == OUTPUT) && (b->kind == DISK || b->kind == OUTPUT);

	if (files)
		return !(a->read_only && b->read_only) && same_file(a, b);
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case PORT:
		return a->port == b->port && same_host(a->host, b->host);
	case SOCKET:
		return !strcmp(a->path, b->path);
	case TAP:
	case NAME:
		return !strcmp(a->text, b->text);
	default:
		return false;
	}
}

static int refuse(const struct thing *first, const struct thing *second, struct iol_error *err)
{
	const char *owner = first->owner->name;

	switch (second->kind) {
	case DISK:
	case OUTPUT:
		if (first->kind == DISK && second->kind == DISK)
			return iol_error_set(err, -EINVAL,
					     "'%.64s' is a disk of the partition '%.32s' (%s) "
					     "already, and one of them writes: give each its own, "
					     "or both \"ro\": true",
					     second->text, owner, first->what);
		return iol_error_set(err, -EINVAL,
				     "'%.64s' belongs to the partition '%.32s' (%s) already: give "
				     "each files of its own",
				     second->text, owner, first->what);
	case TAP:
		return iol_error_set(err, -EINVAL,
				     "the tap '%.32s' belongs to the partition '%.32s' (%s) "
				     "already: give each its own",
				     second->text, owner, first->what);
	case SOCKET:
		return iol_error_set(err, -EINVAL,
				     "'%.64s' is a socket of the partition '%.32s' (%s) already: "
				     "give each a path of its own",
				     second->text, owner, first->what);
	case PORT:
		return iol_error_set(err, -EINVAL,
				     "the partition '%.32s' (%s) listens at port %u already: give "
				     "each its own",
				     owner, first->what, second->port);
	default:
		return iol_error_set(err, -EINVAL,
				     "the machine of the partition '%.32s' is named '%.64s' "
				     "already: give each a name of its own, or leave it out",
				     owner, second->text);
	}
}

/* --- what they have --- */

/* Takes over what @thing owns; tells when another partition has it. Its place in the file is @at. */
static void add(struct things *things, struct thing *thing, const struct iol_json_place *at)
{
	for (guint i = 0; i < things->all->len; i++) {
		const struct thing *other = &g_array_index(things->all, struct thing, i);
		struct iol_error err = { 0 };

		if (other->owner == thing->owner || !collide(other, thing))
			continue;
		refuse(other, thing, &err);
		iol_mistakes_put(things->mistakes, at, &err);
		break;
	}
	g_array_append_vals(things->all, thing, 1);
}

static void add_file(struct things *things, enum kind kind,
		     const struct iol_partition_config *owner, const char *what, const char *path,
		     bool read_only, const struct iol_json_place *at)
{
	struct thing thing = {
		.kind = kind,
		.owner = owner,
		.what = g_strdup(what),
		.text = path,
		.read_only = read_only,
	};

	thing.is_file = iol_file_id_of(path, &thing.file);
	if (!thing.is_file)
		thing.path = real_path(path);
	add(things, &thing, at);
}

static void add_socket(struct things *things, const struct iol_partition_config *owner,
		       const char *what, const char *path, const struct iol_json_place *at)
{
	struct thing thing = {
		.kind = SOCKET,
		.owner = owner,
		.what = g_strdup(what),
		.text = path,
		.path = real_path(path),
	};

	add(things, &thing, at);
}

static void add_text(struct things *things, enum kind kind,
		     const struct iol_partition_config *owner, const char *what, const char *text,
		     const struct iol_json_place *at)
{
	struct thing thing = {
		.kind = kind,
		.owner = owner,
		.what = g_strdup(what),
		.text = text,
	};

	add(things, &thing, at);
}

static void add_line(struct things *things, const struct iol_partition_config *owner,
		     const char *what, const struct iol_char_config *line,
		     const struct iol_json_place *at)
{
	struct thing port = {
		.kind = PORT,
		.owner = owner,
		.what = g_strdup(what),
		.host = line->host,
		.port = line->port,
	};

	if (line->kind == IOL_CHAR_TCP && !line->connect && line->port)
		add(things, &port, at);
	else
		g_free(port.what);
	if (line->kind == IOL_CHAR_UNIX && !line->connect)
		add_socket(things, owner, what, line->path, at);
	if (line->kind == IOL_CHAR_FILE)
		add_file(things, OUTPUT, owner, what, line->path, false, at);
	if (line->kind == IOL_CHAR_PTY && line->link)
		add_socket(things, owner, what, line->link, at);
	if (line->log)
		add_file(things, OUTPUT, owner, what, line->log, false, at);
}

static void add_lines(struct things *things, const struct iol_partition_config *owner,
		      const struct iol_json_place *at)
{
	const struct iol_config *machine = &owner->machine;
	const struct iol_json_place serials = { .up = at, .key = "serials" },
				    console = { .up = at, .key = "console" },
				    gdb = { .up = at, .key = "gdb" };

	for (unsigned int i = 0; i < machine->serial_count; i++) {
		const struct iol_json_place serial = { .up = &serials, .idx = i };
		g_autofree char *what = g_strdup_printf("serial%u", i);

		add_line(things, owner, what, &machine->serials[i], &serial);
	}
	if (machine->has_console)
		add_line(things, owner, "the console", &machine->console, &console);
	if (machine->has_gdb)
		add_line(things, owner, "gdb", &machine->gdb, &gdb);
}

static void add_devices(struct things *things, const struct iol_partition_config *owner,
			const struct iol_json_place *at)
{
	const struct iol_config *machine = &owner->machine;
	const struct iol_json_place disks = { .up = at, .key = "disks" },
				    nets = { .up = at, .key = "nets" };

	for (unsigned int i = 0; i < machine->disk_count; i++) {
		const struct iol_json_place disk = { .up = &disks, .idx = i };
		const struct iol_json_place path = { .up = &disk, .key = "path" };

		add_file(things, DISK, owner, machine->disks[i].id, machine->disks[i].path,
			 machine->disks[i].read_only, &path);
	}
	for (unsigned int i = 0; i < machine->net_count; i++) {
		const struct iol_net_config *net = &machine->nets[i];
		const struct iol_json_place item = { .up = &nets, .idx = i };
		const struct iol_json_place ifname = { .up = &item, .key = "ifname" };
		const struct iol_json_place path = { .up = &item, .key = "path" };

		if (net->ifname)
			add_text(things, TAP, owner, net->id, net->ifname, &ifname);
		if (net->kind == IOL_NET_KIND_SOCKET && net->listen)
			add_socket(things, owner, net->id, net->path, &path);
	}
}

/* --- CPUs --- */

/* Those that vCPUs have each for itself; else, with what the loop has, those that they may use at all. */
static void cpus_of(const struct iol_config *machine, bool dedicated, cpu_set_t *cpus)
{
	const struct iol_cpu_place *place = &machine->cpu_place;

	CPU_ZERO(cpus);
	for (unsigned int i = 0; place->pin != IOL_PIN_NONE && i < place->set_count; i++)
		if (!dedicated || CPU_COUNT(&place->sets[i]) == 1)
			CPU_OR(cpus, cpus, &place->sets[i]);
	if (!dedicated && place->pin_loop)
		CPU_OR(cpus, cpus, &place->loop);
}

static bool share(const struct iol_config *has, const struct iol_config *uses, cpu_set_t *both)
{
	cpu_set_t first, second;

	cpus_of(has, true, &first);
	cpus_of(uses, false, &second);
	CPU_AND(both, &first, &second);
	return CPU_COUNT(both) > 0;
}

static void check_cpus(const struct things *things, const struct iol_partition_config *first,
		       const struct iol_partition_config *second, const struct iol_json_place *at)
{
	const struct iol_json_place cpus = { .up = at, .key = "cpus" },
				    pin = { .up = &cpus, .key = "pin" };
	bool firsts = true;
	char text[IOL_PLACE_SET_TEXT_BYTES];
	struct iol_error err = { 0 };
	cpu_set_t both;

	if (!share(&first->machine, &second->machine, &both)) {
		firsts = false;
		if (!share(&second->machine, &first->machine, &both))
			return;
	}
	iol_cpu_set_format(&both, text);
	if (firsts)
		iol_error_set(&err, -EINVAL,
			      "a vCPU of the partition '%.32s' has host CPU %s for itself: give "
			      "each its own, or both a set of several",
			      first->name, text);
	else
		iol_error_set(&err, -EINVAL,
			      "host CPU %s is one of the partition '%.32s', and a vCPU would have "
			      "it for itself: give each its own, or both a set of several",
			      text, first->name);
	iol_mistakes_put_found(things->mistakes, &pin, NULL, &err);
}

/* --- all of it --- */

static void add_partition(struct things *things, const struct iol_partition_config *owner)
{
	const struct iol_config *machine = &owner->machine;
	struct iol_json_place room[2];
	const struct iol_json_place *at = iol_system_place(owner, room);
	const struct iol_json_place name = { .up = at, .key = "name" };
	const struct iol_json_place control = { .up = at, .key = "control" };

	for (unsigned int i = 0; things->system->partitions[i] != owner; i++)
		check_cpus(things, things->system->partitions[i], owner, at);
	if (machine->name)
		add_text(things, NAME, owner, "its name", machine->name, &name);
	/* One that is of the name is told of as that. */
	if (machine->control && !machine->control_made)
		add_socket(things, owner, "the control socket", machine->control, &control);
	add_devices(things, owner, at);
	add_lines(things, owner, at);
}

void iol_system_check_shared(const struct iol_system_config *system, struct iol_mistakes *mistakes)
{
	struct things things = {
		.system = system,
		.mistakes = mistakes,
		.all = g_array_new(FALSE, FALSE, sizeof(struct thing)),
	};

	g_array_set_clear_func(things.all, thing_clear);
	for (unsigned int i = 0; i < system->count; i++)
		add_partition(&things, system->partitions[i]);
	g_array_unref(things.all);
}
