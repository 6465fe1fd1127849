// SPDX-License-Identifier: Apache-2.0
/*
 * Commands of the control socket that write guest memory to a file: pmemsave by guest-physical addresses, memsave by those of a CPU.
 * See control_internal.h. Runs on the loop's thread.
 *
 * The loop does nothing else meanwhile, hence the limit. All of the range is looked for before anything is written. The guest wrote its page
 * tables: whatever comes of them goes through the gate to guest memory.
 */
#include "control_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <iolite/sandbox.h>

#include "guest_memory.h"

enum { PAGE_BYTES = 4096 };
#define SAVE_BYTES_MAX (256 * IOL_MIB)

struct range {
	struct iol_vm *vm;
	struct iol_vcpu *vcpu; /* whose addresses they are; NULL: guest-physical ones */
	uint64_t start, bytes;
};

static int check_memory(const struct range *range, struct iol_error *err)
{
	struct iol_guest_place place;

	for (uint64_t offset = 0; offset < range->bytes; offset += place.len)
		if (iol_guest_find(range->vm, range->vcpu, range->start + offset,
				   range->bytes - offset, &place))
			return iol_error_set(err, -EFAULT, "there is no memory at 0x%" PRIx64,
					     range->start + offset);
	return 0;
}

static int write_all(int fd, const uint8_t *buf, size_t bytes)
{
	while (bytes) {
		ssize_t done = write(fd, buf, bytes);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		buf += done;
		bytes -= (size_t)done;
	}
	return 0;
}

/* By way of a copy, without the traps of a debugger. */
static int write_memory(const struct range *range, int fd)
{
	int ret = 0;
	long len;

	for (uint64_t offset = 0; offset < range->bytes && !ret; offset += (uint64_t)len) {
		uint8_t page[PAGE_BYTES];
		struct iol_guest_place place;

		len = iol_guest_read(range->vm, range->vcpu, range->start + offset, page,
				     MIN(sizeof(page), range->bytes - offset), &place);
		if (len < 0)
			return -EFAULT;
		ret = write_all(fd, page, (size_t)len);
	}
	return ret;
}

/* A file and nothing else: what waits for a reader would hold up the machine. */
static int open_file(const struct iol_vm *vm, const char *path, int *fd, struct iol_error *err)
{
	int passed = iol_vm_control_fdset(vm, path);
	struct stat st;

	if (passed == -EBADF)
		return iol_error_set(err, passed, "Could not open the file: '%.64s': no such set",
				     path);
	if (passed < 0 && iol_sandbox_closed())
		return iol_error_set(
			err, -EACCES,
			"Could not open the file: this machine is in a sandbox and opens "
			"none: pass it open (add-fd) and name it /dev/fdset/N, or run "
			"the machine with --sandbox=off");
	if (passed >= 0)
		*fd = fcntl(passed, F_DUPFD_CLOEXEC, 0);
	else
		*fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
	if (*fd < 0)
		return iol_error_errno(err, -errno, "Could not open the file");
	if (fstat(*fd, &st))
		return iol_error_errno(err, -errno, "Could not open the file");
	if (!S_ISREG(st.st_mode))
		return iol_error_set(err, -EINVAL, "Could not open the file: it is no regular one");
	if (passed >= 0)
		lseek(*fd, 0, SEEK_SET);
	return ftruncate(*fd, 0) ? iol_error_errno(err, -errno, "Could not empty the file") : 0;
}

static int save(const struct range *range, const char *path, struct iol_error *err)
{
	iol_auto(iol_fd_close) int fd = -1;
	int ret = check_memory(range, err);

	if (!ret)
		ret = open_file(range->vm, path, &fd, err);
	if (ret)
		return ret;
	ret = write_memory(range, fd);
	return ret ? iol_error_errno(err, ret, "the file is not complete") : 0;
}

static int read_range(struct range *range, const json_t *args, struct iol_error *err)
{
	json_int_t size = json_integer_value(json_object_get(args, "size"));

	/* Numbers of QMP have a sign: addresses of the upper half are below zero. */
	range->start = (uint64_t)json_integer_value(json_object_get(args, "val"));
	range->bytes = (uint64_t)size;
	if (size < 0 || range->bytes > SAVE_BYTES_MAX)
		return iol_error_set(err, -EINVAL,
				     "Parameter 'size' expects up to %" PRIu64
				     " bytes, for nothing else is done meanwhile: save more of it "
				     "in pieces",
				     SAVE_BYTES_MAX);
	if (range->bytes && range->start > UINT64_MAX - (range->bytes - 1))
		return iol_error_set(err, -EFAULT, "there is no memory at the end of the range");
	return 0;
}

static int run_pmemsave(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	struct range range = { .vm = machine };
	int ret = read_range(&range, args, err);

	(void)result;
	return ret ? ret : save(&range, json_string_value(json_object_get(args, "filename")), err);
}

static int run_memsave(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	struct range range = { .vm = machine };
	struct iol_vm *vm = machine;
	json_int_t cpu = json_integer_value(json_object_get(args, "cpu-index"));
	int ret = read_range(&range, args, err);
	bool ran;

	(void)result;
	if (ret)
		return ret;
	if (cpu < 0 || cpu >= vm->vcpu_count)
		return iol_error_set(err, -EINVAL,
				     "Parameter 'cpu-index' expects a CPU number: 0 to %u",
				     vm->vcpu_count - 1);
	if (!vm->arch->kvm->debug || !vm->arch->kvm->debug->translate)
		return iol_error_set(err, -ENOTSUP,
				     "iolite reads no page tables on this architecture: pmemsave "
				     "takes guest-physical addresses");
	range.vcpu = &vm->vcpus[cpu];
	ran = iol_vm_control_hold(vm);
	ret = save(&range, json_string_value(json_object_get(args, "filename")), err);
	if (ran)
		iol_vcpus_resume(vm);
	return ret;
}

static const struct iol_control_arg pmemsave_args[] = {
	{ .name = "val", .type = IOL_CONTROL_INT },
	{ .name = "size", .type = IOL_CONTROL_INT },
	{ .name = "filename", .type = IOL_CONTROL_STR },
	{ .name = NULL },
};

static const struct iol_control_arg memsave_args[] = {
	{ .name = "val", .type = IOL_CONTROL_INT },
	{ .name = "size", .type = IOL_CONTROL_INT },
	{ .name = "filename", .type = IOL_CONTROL_STR },
	{ .name = "cpu-index", .type = IOL_CONTROL_INT, .optional = true },
	{ .name = NULL },
};

const struct iol_control_command iol_vm_control_save_commands[] = {
	{ .name = "memsave", .args = memsave_args, .run = run_memsave },
	{ .name = "pmemsave", .args = pmemsave_args, .run = run_pmemsave },
	{ .name = NULL },
};
