// SPDX-License-Identifier: Apache-2.0
/*
 * Network cards and their keys: each kind has its own. See include/iolite/config.h. Before any thread; the text is
 * the user's.
 */
#include "keys.h"

#include <errno.h>
#include <glib.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[IOL_NET_KIND_COUNT + 1] = {
	[IOL_NET_KIND_NONE] = "none",     [IOL_NET_KIND_TAP] = "tap",
	[IOL_NET_KIND_BRIDGE] = "bridge", [IOL_NET_KIND_USER] = "user",
	[IOL_NET_KIND_PASST] = "passt",   [IOL_NET_KIND_SOCKET] = "socket",
};

int iol_net_kind_parse(const char *text, enum iol_net_kind *kind, struct iol_error *err)
{
	int found = iol_key_choose(kind_names, IOL_NET_KIND_COUNT, text);

	if (found < 0) {
		iol_name_refuse(text, kind_names, "", err);
		return iol_error_prefix(err, "'%.64s' is no kind of network", text);
	}
	*kind = (enum iol_net_kind)found;
	return 0;
}

const char *iol_net_kind_name(enum iol_net_kind kind)
{
	return kind_names[kind];
}

/* A setter of a field that needs nothing but its type. */
#define SETTER(name, call)                                                                        \
	static int name(void *target, const char *value, const char *item, struct iol_error *err) \
	{                                                                                         \
		struct iol_net_config *net = target;                                              \
                                                                                                  \
		return call;                                                                      \
	}

SETTER(set_id, iol_key_set_id(&net->id, value, item, err))
SETTER(set_transport, iol_key_set_transport(&net->transport, value, item, err))
SETTER(set_queues, iol_key_set_count(&net->queues, 1, IOL_CONFIG_NET_QUEUES_MAX, value, item, err))
SETTER(set_mtu, iol_key_set_count(&net->mtu, 68, 65535, value, item, err))
SETTER(set_path, iol_key_set_text(&net->path, value, item, err))
SETTER(set_listen, iol_key_set_bool(&net->listen, value, item, err))
SETTER(set_restrict, iol_key_set_bool(&net->restricted, value, item, err))
SETTER(set_ipv4, iol_key_set_bool(&net->ipv4, value, item, err))
SETTER(set_ipv6, iol_key_set_bool(&net->ipv6, value, item, err))
SETTER(set_net, iol_key_set_text(&net->net4, value, item, err))
SETTER(set_host, iol_key_set_text(&net->host4, value, item, err))
SETTER(set_dns, iol_key_set_text(&net->dns4, value, item, err))
SETTER(set_dhcpstart, iol_key_set_text(&net->dhcp_start, value, item, err))
SETTER(set_net6, iol_key_set_text(&net->net6, value, item, err))
SETTER(set_host6, iol_key_set_text(&net->host6, value, item, err))
SETTER(set_dns6, iol_key_set_text(&net->dns6, value, item, err))
SETTER(set_hostname, iol_key_set_text(&net->hostname, value, item, err))
SETTER(set_domain, iol_key_set_text(&net->domain, value, item, err))

/* What the kernel takes as the name of an interface (dev_valid_name). */
static int set_interface(char **field, const char *value, const char *item, struct iol_error *err)
{
	size_t len = strlen(value);

	if (!len || len >= IFNAMSIZ || !strcmp(value, ".") || !strcmp(value, "..") ||
	    strpbrk(value, "/: \t\n\v\f\r%"))
		return iol_key_refuse(err, item, "is no name of a network interface",
				      "give 1 to 15 bytes without spaces, '/', ':' and '%'");
	g_free(*field);
	*field = g_strdup(value);
	return 0;
}

SETTER(set_ifname, set_interface(&net->ifname, value, item, err))
SETTER(set_bridge, set_interface(&net->bridge, value, item, err))

static const char *const vhost_modes[] = {
	[IOL_NET_VHOST_AUTO] = "auto",
	[IOL_NET_VHOST_ON] = "on",
	[IOL_NET_VHOST_OFF] = "off",
	NULL,
};

static int set_vhost(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_net_config *net = target;
	int mode = iol_key_choose(vhost_modes, IOL_ARRAY_LEN(vhost_modes) - 1, value);

	if (mode < 0)
		return iol_key_refuse(err, item, "is no mode of vhost", "give auto, on or off");
	net->vhost = (enum iol_net_vhost)mode;
	return 0;
}

static int set_mac(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_net_config *net = target;
	uint8_t mac[IOL_CONFIG_MAC_BYTES];
	bool good = strlen(value) == 3 * sizeof(mac) - 1;

	for (size_t i = 0; good && i < sizeof(mac); i++) {
		int high = g_ascii_xdigit_value(value[3 * i]);
		int low = g_ascii_xdigit_value(value[3 * i + 1]);

		good = high >= 0 && low >= 0 && (i == sizeof(mac) - 1 || value[3 * i + 2] == ':');
		mac[i] = (uint8_t)(good ? high << 4 | low : 0);
	}
	if (!good)
		return iol_key_refuse(err, item, "is no MAC address",
				      "give six bytes such as 52:54:00:12:34:56");
	if (mac[0] & 1)
		return iol_key_refuse(err, item, "is a group's address",
				      "give one whose first byte is even");
	if (!memcmp(mac, (const uint8_t[IOL_CONFIG_MAC_BYTES]){ 0 }, sizeof(mac)))
		return iol_key_refuse(err, item, "is nobody's address",
				      "give another one, or leave it out");
	memcpy(net->mac, mac, sizeof(mac));
	net->has_mac = true;
	return 0;
}

static int set_fd(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_net_config *net = target;
	uint64_t fd;

	if (!iol_number_parse(value, 10, 3, INT32_MAX, &fd))
		return iol_key_refuse(err, item, "is no descriptor",
				      "give the number of an open tap, from 3 on");
	if (net->fd_count == IOL_CONFIG_NET_QUEUES_MAX)
		return iol_error_set(err, -EINVAL, "'%.64s' is one too many: a card has up to %d",
				     item, IOL_CONFIG_NET_QUEUES_MAX);
	for (unsigned int i = 0; i < net->fd_count; i++)
		if (net->fds[i] == (int)fd)
			return iol_key_refuse(err, item, "is given twice", "leave one out");
	net->fds[net->fd_count++] = (int)fd;
	return 0;
}

static int set_hostfwd(void *target, const char *value, const char *item, struct iol_error *err)
{
	struct iol_net_config *net = target;
	unsigned int count = 0;

	while (net->forwards[count])
		count++;
	if (count == IOL_CONFIG_NET_FORWARDS_MAX)
		return iol_error_set(err, -EINVAL, "'%.64s' is one too many: a card has up to %d",
				     item, IOL_CONFIG_NET_FORWARDS_MAX);
	return iol_key_set_text(&net->forwards[count], value, item, err);
}

/* In a file; an option has it first. It was read before the rest. */
static int set_kind(void *target, const char *value, const char *item, struct iol_error *err)
{
	(void)target;
	(void)value;
	(void)item;
	(void)err;
	return 0;
}

/* A getter of a field that needs nothing but its type. */
#define GETTER(name, call)                                    \
	static char *name(const void *target, unsigned int i) \
	{                                                     \
		const struct iol_net_config *net = target;    \
                                                              \
		(void)i;                                      \
		return call;                                  \
	}

GETTER(get_kind, g_strdup(kind_names[net->kind]))
GETTER(get_id, g_strdup(net->id))
GETTER(get_mtu, iol_key_get_count(net->mtu))
GETTER(get_transport, iol_key_get_transport(net->transport))
GETTER(get_queues, iol_key_get_count(net->queues))
GETTER(get_path, g_strdup(net->path))
GETTER(get_listen, iol_key_get_bool(net->listen))
GETTER(get_ifname, g_strdup(net->ifname))
GETTER(get_bridge, g_strdup(net->bridge))
GETTER(get_vhost, g_strdup(vhost_modes[net->vhost]))
GETTER(get_restrict, iol_key_get_bool(net->restricted))
GETTER(get_ipv4, iol_key_get_bool(net->ipv4))
GETTER(get_ipv6, iol_key_get_bool(net->ipv6))
GETTER(get_net, g_strdup(net->net4))
GETTER(get_host, g_strdup(net->host4))
GETTER(get_dns, g_strdup(net->dns4))
GETTER(get_dhcpstart, g_strdup(net->dhcp_start))
GETTER(get_net6, g_strdup(net->net6))
GETTER(get_host6, g_strdup(net->host6))
GETTER(get_dns6, g_strdup(net->dns6))
GETTER(get_hostname, g_strdup(net->hostname))
GETTER(get_domain, g_strdup(net->domain))

static char *get_mac(const void *target, unsigned int i)
{
	const struct iol_net_config *net = target;
	const uint8_t *mac = net->mac;

	(void)i;
	return net->has_mac ? g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1],
					      mac[2], mac[3], mac[4], mac[5])
			    : NULL;
}

static char *get_fd(const void *target, unsigned int i)
{
	const struct iol_net_config *net = target;

	return i < net->fd_count ? g_strdup_printf("%d", net->fds[i]) : NULL;
}

static char *get_hostfwd(const void *target, unsigned int i)
{
	const struct iol_net_config *net = target;

	return i < IOL_CONFIG_NET_FORWARDS_MAX ? g_strdup(net->forwards[i]) : NULL;
}

#define TEXT_KEY(key, setter, getter, does)                                        \
	{                                                                          \
		.name = key, .kind = IOL_VALUE_TEXT, .set = setter, .get = getter, \
		.doc.text = does                                                   \
	}

/* clang-format off */
#define COMMON_KEYS                                                                          \
	{ .name = "kind", .kind = IOL_VALUE_TEXT, .head = true, .set = set_kind,             \
	  .get = get_kind, .doc.text = "Where its cable goes." },                            \
	TEXT_KEY("id", set_id, get_id,                                                       \
		 "A name for messages and control; without it, net0, net1 and so on."),      \
	TEXT_KEY("mac", set_mac, get_mac,                                                    \
		 "Its address; without it, one that follows from the machine's name."),      \
	{ .name = "mtu", .kind = IOL_VALUE_COUNT, .set = set_mtu, .get = get_mtu,            \
	  .doc = { .text = "Bytes of a packet.", .min = 68, .max = 65535 } },                \
	{ .name = "transport", .kind = IOL_VALUE_TEXT, .set = set_transport,                 \
	  .get = get_transport, .doc = { .text = "How the guest finds it.",                  \
	  .fallback = "\"pci\"", .values = iol_transports } }

#define QUEUES_AND_VHOST                                                                     \
	{ .name = "queues", .kind = IOL_VALUE_COUNT, .set = set_queues, .get = get_queues,   \
	  .doc = { .text = "Pairs of queues; without it, 1, or one for each descriptor.",    \
		   .min = 1, .max = IOL_CONFIG_NET_QUEUES_MAX } },                           \
	{ .name = "vhost", .kind = IOL_VALUE_TEXT, .set = set_vhost, .get = get_vhost,       \
	  .doc = { .text = "Whether the host's kernel passes the frames.",                   \
		   .fallback = "\"auto\"", .values = vhost_modes } }
/* clang-format on */

static const struct iol_key none_keys[] = { COMMON_KEYS, { .name = NULL } };

static const struct iol_key tap_keys[] = {
	COMMON_KEYS,
	TEXT_KEY("ifname", set_ifname, get_ifname, "Its name; it is made if there is none."),
	{ .name = "fd",
	  .kind = IOL_VALUE_COUNT,
	  .repeats = true,
	  .set = set_fd,
	  .get = get_fd,
	  .doc = { .text = "Descriptors of an open tap.", .min = 3, .max = INT32_MAX } },
	QUEUES_AND_VHOST,
	{ .name = NULL },
};

static const struct iol_key bridge_keys[] = {
	COMMON_KEYS,
	TEXT_KEY("br", set_bridge, get_bridge, "The bridge."),
	TEXT_KEY("ifname", set_ifname, get_ifname, "The name of its tap."),
	QUEUES_AND_VHOST,
	{ .name = NULL },
};

/* Named as those of QEMU's -netdev user. */
static const struct iol_key user_keys[] = {
	COMMON_KEYS,
	{ .name = "hostfwd",
	  .kind = IOL_VALUE_TEXT,
	  .repeats = true,
	  .set = set_hostfwd,
	  .get = get_hostfwd,
	  .doc.text = "Ports of the host that lead to the guest: tcp:[ADDR]:PORT-[ADDR]:PORT." },
	{ .name = "restrict",
	  .kind = IOL_VALUE_FLAG,
	  .bare = true,
	  .set = set_restrict,
	  .get = get_restrict,
	  .doc = { .text = "Whether the guest is kept from the outside.", .fallback = "false" } },
	{ .name = "ipv4",
	  .kind = IOL_VALUE_FLAG,
	  .set = set_ipv4,
	  .get = get_ipv4,
	  .doc = { .text = "Whether there is IPv4.", .fallback = "true" } },
	{ .name = "ipv6",
	  .kind = IOL_VALUE_FLAG,
	  .set = set_ipv6,
	  .get = get_ipv6,
	  .doc = { .text = "Whether there is IPv6.", .fallback = "true" } },
	TEXT_KEY("net", set_net, get_net, "The guest's network."),
	TEXT_KEY("host", set_host, get_host, "The host's address in it."),
	TEXT_KEY("dns", set_dns, get_dns, "The name server's address in it."),
	TEXT_KEY("dhcpstart", set_dhcpstart, get_dhcpstart, "The first address that is given."),
	TEXT_KEY("ipv6-net", set_net6, get_net6, "The guest's IPv6 network."),
	TEXT_KEY("ipv6-host", set_host6, get_host6, "The host's address in it."),
	TEXT_KEY("ipv6-dns", set_dns6, get_dns6, "The name server's address in it."),
	TEXT_KEY("hostname", set_hostname, get_hostname, "The guest's name, as DHCP tells it."),
	TEXT_KEY("domainname", set_domain, get_domain, "The guest's domain, as DHCP tells it."),
	{ .name = NULL },
};

static const struct iol_key passt_keys[] = {
	COMMON_KEYS,
	{ .name = "path",
	  .kind = IOL_VALUE_PATH,
	  .set = set_path,
	  .get = get_path,
	  .doc.text = "The socket of a passt that runs; without it, one is started." },
	{ .name = NULL },
};

static const struct iol_key socket_keys[] = {
	COMMON_KEYS,
	{ .name = "path",
	  .kind = IOL_VALUE_PATH,
	  .set = set_path,
	  .get = get_path,
	  .doc.text = "The socket." },
	{ .name = "listen",
	  .kind = IOL_VALUE_FLAG,
	  .bare = true,
	  .set = set_listen,
	  .get = get_listen,
	  .doc = { .text = "Whether it listens there instead of connecting.",
		   .fallback = "false" } },
	{ .name = NULL },
};

const struct iol_key *const iol_net_keys[IOL_NET_KIND_COUNT] = {
	[IOL_NET_KIND_NONE] = none_keys,     [IOL_NET_KIND_TAP] = tap_keys,
	[IOL_NET_KIND_BRIDGE] = bridge_keys, [IOL_NET_KIND_USER] = user_keys,
	[IOL_NET_KIND_PASST] = passt_keys,   [IOL_NET_KIND_SOCKET] = socket_keys,
};

void iol_net_config_init(struct iol_net_config *net, enum iol_net_kind kind)
{
	*net = (struct iol_net_config){ .kind = kind, .ipv4 = true, .ipv6 = true };
}

void iol_net_config_finish(struct iol_net_config *net)
{
	char **texts[] = { &net->id,     &net->ifname, &net->bridge, &net->path, &net->hostname,
			   &net->domain, &net->net4,   &net->host4,  &net->dns4, &net->dhcp_start,
			   &net->net6,   &net->host6,  &net->dns6 };

	for (size_t i = 0; i < IOL_ARRAY_LEN(texts); i++)
		g_free(*texts[i]);
	for (size_t i = 0; net->forwards[i]; i++)
		g_free(net->forwards[i]);
	memset(net, 0, sizeof(*net));
}

/* What the kind needs, and what does not go together. */
static int check_net(const struct iol_net_config *net, struct iol_error *err)
{
	if (net->kind == IOL_NET_KIND_BRIDGE && !net->bridge)
		return iol_error_set(err, -EINVAL, "no bridge: name one, such as br=br0");
	if (net->kind == IOL_NET_KIND_SOCKET && !net->path)
		return iol_error_set(err, -EINVAL,
				     "no path: name the socket, such as path=/run/net.sock");
	if (net->fd_count && net->ifname)
		return iol_error_set(err, -EINVAL,
				     "fd and ifname: an open tap has its name, leave one out");
	if (net->fd_count && net->queues && net->queues != net->fd_count)
		return iol_error_set(err, -EINVAL,
				     "queues=%u with %u descriptors: give one for each, or leave "
				     "queues out",
				     net->queues, net->fd_count);
	if (net->kind == IOL_NET_KIND_USER && !net->ipv4 && !net->ipv6)
		return iol_error_set(err, -EINVAL,
				     "neither ipv4 nor ipv6: leave one of them on, or give the "
				     "kind none");
	return 0;
}

static int check_fds(const struct iol_net_config *other, const struct iol_net_config *net,
		     struct iol_error *err)
{
	for (unsigned int i = 0; i < net->fd_count; i++)
		for (unsigned int k = 0; k < other->fd_count; k++)
			if (other->fds[k] == net->fds[i])
				return iol_error_set(
					err, -EINVAL,
					"the descriptor %d is that of %s already: give "
					"another one",
					net->fds[i], other->id);
	return 0;
}

/* @net beside those before it. */
static int check_others(const struct iol_config *config, const struct iol_net_config *net,
			struct iol_error *err)
{
	for (unsigned int i = 0; i < config->net_count; i++) {
		const struct iol_net_config *other = &config->nets[i];

		if (!strcmp(other->id, net->id))
			return iol_error_set(err, -EINVAL, "the id '%s' is taken: give another id",
					     net->id);
		if (other->ifname && net->ifname && !strcmp(other->ifname, net->ifname))
			return iol_error_set(err, -EINVAL,
					     "the interface %s is that of %s already: give "
					     "another one",
					     net->ifname, other->id);
		if (other->has_mac && net->has_mac &&
		    !memcmp(other->mac, net->mac, sizeof(net->mac)))
			return iol_error_set(err, -EINVAL,
					     "the MAC address %02x:%02x:%02x:%02x:%02x:%02x is "
					     "that of %s already: give another one",
					     net->mac[0], net->mac[1], net->mac[2], net->mac[3],
					     net->mac[4], net->mac[5], other->id);
		if (check_fds(other, net, err))
			return -EINVAL;
	}
	return 0;
}

int iol_config_append_net(struct iol_config *config, struct iol_net_config *net,
			  struct iol_error *err)
{
	int ret;

	if (!net->id)
		net->id = g_strdup_printf("net%u", config->net_count);
	if (config->net_count == IOL_CONFIG_NETS_MAX)
		ret = iol_error_set(err, -EINVAL,
				    "one network card too many: a machine has up to %d",
				    IOL_CONFIG_NETS_MAX);
	else
		ret = check_net(net, err);
	if (!ret)
		ret = check_others(config, net, err);
	if (ret) {
		iol_error_prefix(err, "'%s'", kind_names[net->kind]);
		iol_net_config_finish(net);
		return ret;
	}
	config->nets[config->net_count++] = *net;
	memset(net, 0, sizeof(*net));
	return 0;
}

int iol_config_add_net(struct iol_config *config, const char *text, struct iol_error *err)
{
	g_autofree char *name = iol_keys_next(&text);
	struct iol_net_config net;
	enum iol_net_kind kind = IOL_NET_KIND_NONE;
	int ret;

	if (!*name)
		return iol_error_set(err, -EINVAL,
				     "no kind: name one first, such as user, tap,ifname=tap0 or "
				     "bridge,br=br0");
	ret = iol_net_kind_parse(name, &kind, err);
	if (ret)
		return ret;
	iol_net_config_init(&net, kind);
	ret = iol_keys_read(iol_net_keys[kind], text, &net, err);
	if (!ret)
		return iol_config_append_net(config, &net, err);
	iol_error_prefix(err, "'%.64s'", name);
	iol_net_config_finish(&net);
	return ret;
}

/*
 * One text for a file however its path is written: from the root, its folder without symbolic links. The last name
 * stays: links such as /vmlinuz or /dev/vg0/guest point elsewhere after an update or a start of the host, and mean
 * the same to the user. Where there is no such folder, the path as it is.
 */
static char *full_path(const char *path)
{
	g_autofree char *folder = g_path_get_dirname(path);
	g_autofree char *name = g_path_get_basename(path);
	char *real = realpath(folder, NULL), *full;

	full = real ? g_build_filename(real, name, NULL) : g_strdup(path);
	free(real);
	return full;
}

/* What tells this machine from others, when it has no name: its first disk, else its kernel. To be freed with g_free(). */
static char *identity(const struct iol_config *config)
{
	if (config->name)
		return g_strdup(config->name);
	if (config->disk_count)
		return full_path(config->disks[0].path);
	return config->kernel ? full_path(config->kernel) : g_strdup("");
}

static bool is_taken(const struct iol_config *config, const uint8_t *mac)
{
	for (unsigned int i = 0; i < config->net_count; i++)
		if (config->nets[i].has_mac &&
		    !memcmp(config->nets[i].mac, mac, IOL_CONFIG_MAC_BYTES))
			return true;
	return false;
}

/* 52:54:00, as QEMU's machines have it, and 24 bits that follow from the machine and the card's place. */
static void make_mac(struct iol_config *config, const char *machine, unsigned int idx)
{
	uint8_t mac[IOL_CONFIG_MAC_BYTES] = { 0x52, 0x54, 0x00 };

	for (unsigned int try = 0; try <= IOL_CONFIG_NETS_MAX; try++) {
		g_autofree char *seed = g_strdup_printf("%s\n%u\n%u", machine, idx, try);
		g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
		uint8_t digest[32];
		gsize len = sizeof(digest);

		g_checksum_update(sum, (const guchar *)seed, (gssize)strlen(seed));
		g_checksum_get_digest(sum, digest, &len);
		memcpy(mac + 3, digest, 3);
		if (!is_taken(config, mac))
			break;
	}
	memcpy(config->nets[idx].mac, mac, sizeof(mac));
	config->nets[idx].has_mac = true;
}

void iol_config_complete_nets(struct iol_config *config)
{
	g_autofree char *machine = config->net_count ? identity(config) : NULL;

	for (unsigned int i = 0; i < config->net_count; i++) {
		struct iol_net_config *net = &config->nets[i];

		if (!net->has_mac)
			make_mac(config, machine, i);
		if (!net->queues)
			net->queues = net->fd_count ? net->fd_count : 1;
	}
}
