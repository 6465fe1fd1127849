// SPDX-License-Identifier: Apache-2.0
/*
 * Where a machine that root starts ends up: "jail" of a file, and --jail KEY=VALUE[,...]. See include/iolite/jail_config.h. Names
 * are looked up when the machine is started (src/sandbox/jail.c). Before any thread; the text is the user's.
 *
 * What is not named stays as it was, so that an option can change one key of a file's.
 */
#include "keys.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

/* Of useradd(8), and numbers; what is more is a slip. */
#define NAME_LETTERS G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "_.-$@\\"

static int set_name(char **field, const char *value, const char *item, const char *example,
		    struct iol_error *err)
{
	if (!*value || strspn(value, NAME_LETTERS) != strlen(value))
		return iol_key_refuse(err, item, "is neither a name nor a number", example);
	return iol_key_set_text(field, value, item, err);
}

static int set_group(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_jail_config *jail = target;

	return set_name(&jail->group, value, item, "give a group, such as nogroup", err);
}

static int set_user(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_jail_config *jail = target;
	const char *colon = strchr(value, ':');
	g_autofree char *user = colon ? g_strndup(value, (gsize)(colon - value)) : g_strdup(value);
	int ret = set_name(&jail->user, user, item, "give a user, such as nobody or nobody:nogroup",
			   err);

	return ret || !colon ? ret : set_group(jail, colon + 1, item, err);
}

static int set_chroot(void *target, const char *value, const char *item, struct iol_error *err)
{
	return iol_key_set_text(&((struct iol_jail_config *)target)->chroot, value, item, err);
}

static int set_netns(void *target, const char *value, const char *item, struct iol_error *err)
{
	if (!*value || (strchr(value, '/') && *value != '/'))
		return iol_key_refuse(err, item, "is no network namespace",
				      "give a name of ip netns, or a path from the root, such as "
				      "/proc/PID/ns/net");
	return iol_key_set_text(&((struct iol_jail_config *)target)->netns, value, item, err);
}

static char *get_user(const void *target, unsigned int i)
{
	(void)i;
	return g_strdup(((const struct iol_jail_config *)target)->user);
}

static char *get_group(const void *target, unsigned int i)
{
	(void)i;
	return g_strdup(((const struct iol_jail_config *)target)->group);
}

static char *get_chroot(const void *target, unsigned int i)
{
	(void)i;
	return g_strdup(((const struct iol_jail_config *)target)->chroot);
}

static char *get_netns(const void *target, unsigned int i)
{
	(void)i;
	return g_strdup(((const struct iol_jail_config *)target)->netns);
}

const struct iol_key iol_jail_keys[] = {
	{ .name = "user",
	  .kind = IOL_VALUE_TEXT,
	  .set = set_user,
	  .get = get_user,
	  .doc.text =
		  "The user that the process becomes, a name or a number; USER:GROUP for both." },
	{ .name = "group",
	  .kind = IOL_VALUE_TEXT,
	  .set = set_group,
	  .get = get_group,
	  .doc.text = "Its only group; without it, the user's own." },
	{ .name = "chroot",
	  .kind = IOL_VALUE_PATH,
	  .set = set_chroot,
	  .get = get_chroot,
	  .doc.text = "A folder that becomes its root." },
	{ .name = "netns",
	  .kind = IOL_VALUE_TEXT,
	  .set = set_netns,
	  .get = get_netns,
	  .doc.text = "The network namespace that its taps and sockets are made in, a name of ip "
		      "netns or a path." },
	{ .name = NULL },
};

int iol_config_set_jail(struct iol_config *config, const char *text, struct iol_error *err)
{
	return iol_keys_read(iol_jail_keys, text, &config->jail, err);
}

void iol_jail_config_finish(struct iol_jail_config *jail)
{
	g_clear_pointer(&jail->user, g_free);
	g_clear_pointer(&jail->group, g_free);
	g_clear_pointer(&jail->chroot, g_free);
	g_clear_pointer(&jail->netns, g_free);
}

int iol_config_check_jail(const struct iol_config *config, struct iol_error *err)
{
	const struct iol_jail_config *jail = &config->jail;

	if (jail->group && !jail->user)
		return iol_error_set(err, -EINVAL,
				     "there is a group '%.64s' and no user: give one, as in "
				     "user=USER:%.64s",
				     jail->group, jail->group);
	if (jail->chroot && !jail->user)
		return iol_error_set(err, -EINVAL,
				     "there is a root folder '%.64s' and no user, and root finds "
				     "its way out: give one, as in user=nobody",
				     jail->chroot);
	return 0;
}
