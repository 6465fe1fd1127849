// SPDX-License-Identifier: Apache-2.0
/*
 * See include/iolite/limits.h. What is limited, and what is not, with reasons:
 *
 *  NOFILE      to what is open and room for clients: who makes us open without end gets EMFILE, not the host's table.
 *  MEMLOCK     as found, or as much more as locked guest memory needs once the capability for it is gone.
 *  RTPRIO      none, or that of vCPUs, for the same reason; NICE none: nobody here raises a thread's.
 *  MSGQUEUE    none: nobody here has one.
 *  CORE        as found: guest memory is not in a dump (memory.c), and whoever wants dumps of iolite set it.
 *  FSIZE       as found: a disk is as long as it is, and SIGXFSZ ends who writes beyond.
 *  NPROC       as found: it counts what all processes of the user have, also threads, also those that io_uring makes in
 *              the kernel for requests that wait; at 0 these are cancelled, and the guest's disks fail. Processes are
 *              denied by the filter of system calls.
 *  AS, DATA    as found: guest memory is mapped; what a guest may make us allocate is bounded where it is allocated.
 *  CPU, STACK, RSS, LOCKS, SIGPENDING, RTTIME: as found, they protect nobody, or are the user's to set.
 */
#include <iolite/limits.h>

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

/* The highest number that is open, or -1: /proc does not tell. */
static int highest_fd(void)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;
	int highest = -1;

	if (!dir)
		return -1;
	while ((entry = readdir(dir))) {
		int fd = atoi(entry->d_name); /* "." is 0 */

		if (fd > highest && fd != dirfd(dir))
			highest = fd;
	}
	closedir(dir);
	return highest;
}

static int set(const char *name, __rlimit_resource_t resource, rlim_t value, struct iol_error *err)
{
	const struct rlimit limit = { value, value };

	if (setrlimit(resource, &limit))
		return iol_error_errno(err, -errno, "cannot set the limit %s to %ju", name,
				       (uintmax_t)value);
	return 0;
}

/* Not above what it is: a limit of the user's stays. */
static int lower(const char *name, __rlimit_resource_t resource, rlim_t value,
		 struct iol_error *err)
{
	struct rlimit now;

	if (getrlimit(resource, &now))
		return iol_error_errno(err, -errno, "cannot read the limit %s", name);
	return set(name, resource, now.rlim_max < value ? now.rlim_max : value, err);
}

/*
 * At least @value, where we may. Where not, the limit is as it was: it was held against what is needed when that was asked
 * for, and counted then.
 */
static void raise_to(__rlimit_resource_t resource, rlim_t value)
{
	struct rlimit now;

	if (getrlimit(resource, &now) || now.rlim_cur >= value)
		return;
	now.rlim_cur = value;
	if (now.rlim_max < value)
		now.rlim_max = value;
	setrlimit(resource, &now);
}

static int limit_files(const struct iol_limits *limits, struct iol_error *err)
{
	const int highest = highest_fd();

	if (highest < 0)
		return 0;
	return lower("NOFILE", RLIMIT_NOFILE, (rlim_t)highest + 1 + limits->descriptors, err);
}

int iol_limits_set(const struct iol_limits *limits, struct iol_error *err)
{
	int ret = limit_files(limits, err);

	if (limits->locked_bytes)
		raise_to(RLIMIT_MEMLOCK, limits->locked_bytes + IOL_MIB);
	if (limits->rt_priority)
		raise_to(RLIMIT_RTPRIO, limits->rt_priority);
	if (!ret)
		ret = lower("RTPRIO", RLIMIT_RTPRIO, limits->rt_priority, err);
	if (!ret)
		ret = lower("NICE", RLIMIT_NICE, 0, err);
	return ret ? ret : lower("MSGQUEUE", RLIMIT_MSGQUEUE, 0, err);
}
