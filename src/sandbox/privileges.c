// SPDX-License-Identifier: Apache-2.0
/*
 * Users, groups, capabilities (capabilities(7), credentials(7)). See include/iolite/privileges.h.
 *
 * By the raw system call: libcap-ng would be one more library in a program that needs one call of it.
 */
#include <iolite/privileges.h>

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* More than any kernel has; the first one that it does not know ends the search. */
enum { CAPABILITIES_MAX = 64 };

int iol_privileges_allow_none_new(struct iol_error *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return iol_error_errno(err, -errno, "cannot promise to gain no privileges");
	return 0;
}

bool iol_privileges_have(unsigned int capability)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	if (capability >= CAPABILITIES_MAX || syscall(SYS_capget, &head, sets))
		return false;
	return sets[capability / 32].effective >> capability % 32 & 1;
}

/* In a user namespace of a container's there may be no right to it (EPERM), or no such user (EINVAL). */
static bool failed(int ret, bool must)
{
	return ret && (must || (errno != EPERM && errno != EINVAL));
}

static int check_no_way_back(uid_t uid, gid_t gid, struct iol_error *err)
{
	uid_t uids[3] = { 0 };
	gid_t gids[3] = { 0 };

	if (getresuid(&uids[0], &uids[1], &uids[2]) || getresgid(&gids[0], &gids[1], &gids[2]) ||
	    getgroups(0, NULL))
		return iol_error_set(err, -EPERM, "groups are left after the change of user");
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(uids); i++)
		if (uids[i] != uid || gids[i] != gid)
			return iol_error_set(err, -EPERM, "the change of user is not complete");
	if (uid && (!setuid(0) || !seteuid(0)))
		return iol_error_set(err, -EPERM, "root can be had again after the change of user");
	return 0;
}

int iol_privileges_become(uid_t uid, gid_t gid, bool must, struct iol_error *err)
{
	/* Groups while there is the right to change them. */
	if (failed(setgroups(0, NULL), must) || failed(setresgid(gid, gid, gid), must) ||
	    failed(setresuid(uid, uid, uid), must))
		return iol_error_errno(err, -errno, "cannot become user %u with group %u", uid,
				       gid);
	return must ? check_no_way_back(uid, gid, err) : 0;
}

void iol_privileges_drop_bounding(void)
{
	for (unsigned long i = 0; i < CAPABILITIES_MAX; i++)
		if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0))
			break;
}

int iol_privileges_drop_capabilities(struct iol_error *err)
{
	return iol_privileges_keep_capabilities(0, err);
}

int iol_privileges_keep_capabilities(uint64_t keep, struct iol_error *err)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	iol_privileges_drop_bounding();
	/* EINVAL: before Linux 4.3 there are none. */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) && errno != EINVAL)
		return iol_error_errno(err, -errno, "cannot clear ambient capabilities");
	if (keep && syscall(SYS_capget, &head, sets))
		return iol_error_errno(err, -errno, "cannot read capabilities");
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(sets); i++) {
		sets[i].effective &= (uint32_t)(keep >> 32 * i);
		sets[i].permitted = sets[i].effective;
		sets[i].inheritable = 0;
	}
	if (syscall(SYS_capset, &head, sets))
		return iol_error_errno(err, -errno, "cannot drop capabilities");
	return 0;
}
