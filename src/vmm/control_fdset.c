// SPDX-License-Identifier: Apache-2.0
/*
 * Commands of the control socket about descriptors that clients pass: add-fd, remove-fd, query-fdsets, as QEMU has them. A machine in a sandbox
 * opens nothing, so that what it is to write to comes open, and is named /dev/fdset/N then. See control_internal.h. Runs on the loop's thread.
 */
#include "control_internal.h"

#include <errno.h>
#include <string.h>

#include <iolite/control.h>

static struct iol_vm_control_fdset *find(struct iol_vm_control *control, json_int_t id)
{
	for (unsigned int i = 0; i < IOL_VM_FDSETS_MAX; i++)
		if (control->fdsets[i].fd > 0 && control->fdsets[i].id == id)
			return &control->fdsets[i];
	return NULL;
}

static struct iol_vm_control_fdset *free_place(struct iol_vm_control *control)
{
	for (unsigned int i = 0; i < IOL_VM_FDSETS_MAX; i++)
		if (control->fdsets[i].fd <= 0)
			return &control->fdsets[i];
	return NULL;
}

static json_int_t free_id(struct iol_vm_control *control)
{
	json_int_t id = 0;

	while (find(control, id))
		id++;
	return id;
}

static int run_add_fd(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	struct iol_vm_control *control = ((struct iol_vm *)machine)->control;
	const json_t *wanted = json_object_get(args, "fdset-id");
	json_int_t id = wanted ? json_integer_value(wanted) : free_id(control);
	iol_auto(iol_fd_close) int fd = iol_control_take_fd(control->control);
	struct iol_vm_control_fdset *set = free_place(control);

	if (fd < 0)
		return iol_error_set(err, -EINVAL, "No file descriptor supplied via SCM_RIGHTS");
	if (id < 0)
		return iol_error_set(err, -EINVAL,
				     "Parameter 'fdset-id' expects a non-negative value");
	if (find(control, id) || !set)
		return iol_error_set(
			err, -EBUSY,
			"a set has one descriptor here, and there are %d sets: remove-fd "
			"one first",
			IOL_VM_FDSETS_MAX);
	*set = (struct iol_vm_control_fdset){ .id = id, .fd = fd };
	fd = -1;
	*result = json_pack("{s:I, s:i}", "fdset-id", id, "fd", set->fd);
	return 0;
}

static int run_remove_fd(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	struct iol_vm_control *control = ((struct iol_vm *)machine)->control;
	json_int_t id = json_integer_value(json_object_get(args, "fdset-id"));
	const json_t *fd = json_object_get(args, "fd");
	struct iol_vm_control_fdset *set = find(control, id);

	(void)result;
	if (!set || (fd && json_integer_value(fd) != set->fd))
		return iol_error_set(err, -ENOENT,
				     "File descriptor named 'fdset-id:%lld' not found",
				     (long long)id);
	iol_fd_close(&set->fd);
	return 0;
}

static int run_query(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	struct iol_vm_control *control = ((struct iol_vm *)machine)->control;

	(void)args;
	(void)err;
	*result = json_array();
	for (unsigned int i = 0; i < IOL_VM_FDSETS_MAX; i++)
		if (control->fdsets[i].fd > 0)
			json_array_append_new(*result, json_pack("{s:I, s:[{s:i}]}", "fdset-id",
								 control->fdsets[i].id, "fds", "fd",
								 control->fdsets[i].fd));
	return 0;
}

int iol_vm_control_fdset(const struct iol_vm *vm, const char *name)
{
	static const char folder[] = "/dev/fdset/";
	const struct iol_vm_control_fdset *set;
	guint64 id;

	if (strncmp(name, folder, strlen(folder)) != 0)
		return -ENOENT;
	if (!vm->control ||
	    !g_ascii_string_to_unsigned(name + strlen(folder), 10, 0, INT32_MAX, &id, NULL))
		return -EBADF;
	set = find(vm->control, (json_int_t)id);
	return set ? set->fd : -EBADF;
}

void iol_vm_control_fdsets_finish(struct iol_vm_control *control)
{
	for (unsigned int i = 0; i < IOL_VM_FDSETS_MAX; i++)
		if (control->fdsets[i].fd > 0)
			iol_fd_close(&control->fdsets[i].fd);
}

static const struct iol_control_arg add_args[] = {
	{ .name = "fdset-id", .type = IOL_CONTROL_INT, .optional = true },
	{ .name = "opaque", .type = IOL_CONTROL_STR, .optional = true },
	{ .name = NULL },
};

static const struct iol_control_arg remove_args[] = {
	{ .name = "fdset-id", .type = IOL_CONTROL_INT },
	{ .name = "fd", .type = IOL_CONTROL_INT, .optional = true },
	{ .name = NULL },
};

const struct iol_control_command iol_vm_control_fdset_commands[] = {
	{ .name = "add-fd", .args = add_args, .run = run_add_fd },
	{ .name = "query-fdsets", .run = run_query },
	{ .name = "remove-fd", .args = remove_args, .run = run_remove_fd },
	{ .name = NULL },
};
