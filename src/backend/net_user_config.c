// SPDX-License-Identifier: Apache-2.0
/*
 * The addresses of user-mode networking, as texts that QEMU's -netdev user has, too. See net_user_config.h. Pure; any
 * thread. What is accepted here is what libslirp can do, so that it has nothing to complain about.
 *
 *   net4       ADDRESS[/PREFIX or /MASK]; without either, the mask of the address's class
 *   net6       ADDRESS[/PREFIX], PREFIX 64 where it is left out
 *   forwards   tcp or udp:[HOST ADDRESS]:PORT-[GUEST ADDRESS]:PORT, IPv6 addresses in brackets
 */
#include "net_user_config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <string.h>

enum {
	PREFIX4_MIN = 4,
	PREFIX4_MAX = 28, /* room for the host, the name server and a guest */
	PREFIX6_MAX = 126,
	MTU_MAX = 65521, /* libslirp's */
	MTU6_MIN = 1280, /* RFC 8200 5 */
	NAME_MAX_BYTES = 255, /* an option of DHCP (RFC 2132 2) */
	FORWARDS_MAX = 256,
};

/* Addresses as numbers: of the host's byte order. */
static uint32_t number(struct in_addr address)
{
	return ntohl(address.s_addr);
}

static struct in_addr address_of(uint32_t n)
{
	return (struct in_addr){ .s_addr = htonl(n) };
}

/* "net=10.0.2.300: not an IPv4 address" */
static int refuse(struct iol_error *err, const char *option, const char *value, const char *why)
{
	return iol_error_set(err, -EINVAL, "%s=%.100s: %s", option, value, why);
}

static int parse4(const char *option, const char *value, struct in_addr *address,
		  struct iol_error *err)
{
	if (inet_pton(AF_INET, value, address) == 1)
		return 0;
	return refuse(err, option, value, "not an IPv4 address");
}

static int parse6(const char *option, const char *value, struct in6_addr *address,
		  struct iol_error *err)
{
	if (inet_pton(AF_INET6, value, address) == 1)
		return 0;
	return refuse(err, option, value, "not an IPv6 address");
}

/* Digits and nothing else, of at most @max. */
static bool parse_number(const char *text, size_t len, unsigned int max, unsigned int *n)
{
	*n = 0;
	if (!len || len > 5)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!g_ascii_isdigit(text[i]))
			return false;
		*n = *n * 10 + (unsigned int)(text[i] - '0');
	}
	return *n <= max;
}

static uint32_t mask_of_prefix(unsigned int prefix)
{
	return prefix ? UINT32_MAX << (32 - prefix) : 0;
}

/* As QEMU has it: networks for private use as a whole (RFC 1918, RFC 2544), others by their class. */
static uint32_t mask_of_class(uint32_t net)
{
	if (!(net & 0x80000000))
		return 0xff000000;
	if ((net & 0xfff00000) == 0xac100000)
		return 0xfff00000;
	if ((net & 0xc0000000) == 0x80000000)
		return 0xffff0000;
	if ((net & 0xffff0000) == 0xc0a80000)
		return 0xffff0000;
	if ((net & 0xfffe0000) == 0xc6120000)
		return 0xfffe0000;
	return 0xffffff00;
}

static int parse_mask4(const char *value, const char *text, uint32_t *mask, struct iol_error *err)
{
	struct in_addr dotted;
	unsigned int prefix;

	if (parse_number(text, strlen(text), 32, &prefix)) {
		*mask = mask_of_prefix(prefix);
	} else {
		if (inet_pton(AF_INET, text, &dotted) != 1)
			return refuse(err, "net", value,
				      "what follows the slash is neither a number of bits nor a "
				      "mask");
		*mask = number(dotted);
		/* Ones, then zeros. */
		if (~*mask & (~*mask + 1))
			return refuse(err, "net", value, "its mask has holes");
		prefix = (unsigned int)__builtin_popcount(*mask);
	}
	if (prefix < PREFIX4_MIN || prefix > PREFIX4_MAX)
		return iol_error_set(err, -EINVAL,
				     "net=%.100s: a network of %u bits; %d to %d are possible",
				     value, prefix, PREFIX4_MIN, PREFIX4_MAX);
	return 0;
}

static int parse_net4(struct net_user_setup *setup, const char *value, struct iol_error *err)
{
	const char *slash = strchr(value, '/');
	g_autofree char *net = slash ? g_strndup(value, (gsize)(slash - value)) : g_strdup(value);
	uint32_t mask;
	int ret;

	if (inet_pton(AF_INET, net, &setup->net4) != 1)
		return refuse(err, "net", value, "not an IPv4 network, such as 10.0.2.0/24");
	mask = mask_of_class(number(setup->net4));
	ret = slash ? parse_mask4(value, slash + 1, &mask, err) : 0;
	if (ret)
		return ret;
	if (!(number(setup->net4) & mask) || number(setup->net4) >= 0xe0000000)
		return refuse(err, "net", value, "no network that a guest can have");
	setup->mask4 = address_of(mask);
	setup->net4 = address_of(number(setup->net4) & mask);
	return 0;
}

static bool in_net4(const struct net_user_setup *setup, struct in_addr address)
{
	return !((number(address) ^ number(setup->net4)) & number(setup->mask4));
}

/* An address for somebody in the network: not its first, not its last. */
static int check_in_net4(const struct net_user_setup *setup, const char *option,
			 struct in_addr address, struct iol_error *err)
{
	uint32_t part = number(address) & ~number(setup->mask4);
	char text[INET_ADDRSTRLEN], net[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &address, text, sizeof(text));
	inet_ntop(AF_INET, &setup->net4, net, sizeof(net));
	if (!in_net4(setup, address))
		return iol_error_set(err, -EINVAL, "%s=%s: not in the network %s/%d", option, text,
				     net, __builtin_popcount(number(setup->mask4)));
	if (!part || part == ~number(setup->mask4))
		return iol_error_set(
			err, -EINVAL,
			"%s=%s: the first and the last address of the network %s/%d are "
			"nobody's; name another",
			option, text, net, __builtin_popcount(number(setup->mask4)));
	return 0;
}

/* The default: @part of an address in the network. */
static struct in_addr member(const struct net_user_setup *setup, uint32_t part)
{
	return address_of(number(setup->net4) | (part & ~number(setup->mask4)));
}

static int take4(const struct net_user_setup *setup, const char *option, const char *value,
		 uint32_t part, struct in_addr *address, struct iol_error *err)
{
	*address = member(setup, part);
	return value ? parse4(option, value, address, err) : 0;
}

static int parse_ipv4(struct net_user_setup *setup, const struct iol_net_user_config *config,
		      struct iol_error *err)
{
	/* 10.0.2.15 is the guest's by tradition; in a network that ends there or before, the first that is free. */
	uint32_t guest;
	int ret = parse_net4(setup, config->net4 ? config->net4 : "10.0.2.0/24", err);

	if (ret)
		return ret;
	guest = ~number(setup->mask4) > 0x0f ? 0x020f : 0x0204;
	ret = take4(setup, "host", config->host4, 0x0202, &setup->host4, err);
	if (!ret)
		ret = take4(setup, "dns", config->dns4, 0x0203, &setup->dns4, err);
	if (!ret)
		ret = take4(setup, "dhcpstart", config->dhcp_start, guest, &setup->dhcp_start, err);
	if (!ret)
		ret = check_in_net4(setup, "host", setup->host4, err);
	if (!ret)
		ret = check_in_net4(setup, "dns", setup->dns4, err);
	if (!ret)
		ret = check_in_net4(setup, "dhcpstart", setup->dhcp_start, err);
	if (ret)
		return ret;
	if (setup->host4.s_addr == setup->dns4.s_addr)
		return iol_error_set(err, -EINVAL, "host and dns are the same address: name two");
	if (setup->dhcp_start.s_addr == setup->host4.s_addr ||
	    setup->dhcp_start.s_addr == setup->dns4.s_addr)
		return iol_error_set(err, -EINVAL,
				     "dhcpstart is the address of host or dns: name another");
	return 0;
}

/* --- IPv6 --- */

static bool in_net6(const struct net_user_setup *setup, const struct in6_addr *address)
{
	unsigned int whole = setup->prefix6 / 8, bits = setup->prefix6 % 8;

	if (memcmp(address->s6_addr, setup->net6.s6_addr, whole))
		return false;
	return !bits || !((address->s6_addr[whole] ^ setup->net6.s6_addr[whole]) >> (8 - bits));
}

static int parse_net6(struct net_user_setup *setup, const char *value, struct iol_error *err)
{
	const char *slash = strchr(value, '/');
	g_autofree char *net = slash ? g_strndup(value, (gsize)(slash - value)) : g_strdup(value);
	unsigned int prefix = 64;

	if (inet_pton(AF_INET6, net, &setup->net6) != 1)
		return refuse(err, "ipv6-net", value, "not an IPv6 network, such as fec0::/64");
	if (slash && !parse_number(slash + 1, strlen(slash + 1), PREFIX6_MAX, &prefix))
		return refuse(err, "ipv6-net", value,
			      "what follows the slash is no number of bits, 1 to 126");
	if (!prefix || IN6_IS_ADDR_UNSPECIFIED(&setup->net6) ||
	    IN6_IS_ADDR_MULTICAST(&setup->net6) || IN6_IS_ADDR_LINKLOCAL(&setup->net6))
		return refuse(err, "ipv6-net", value, "no network that a guest can have");
	setup->prefix6 = (uint8_t)prefix;
	/* What is not of the prefix is zeros. */
	for (unsigned int i = 0; i < 16; i++) {
		unsigned int kept = prefix > 8 * i ? MIN(prefix - 8 * i, 8) : 0;

		setup->net6.s6_addr[i] &= (uint8_t)(0xff00 >> kept);
	}
	return 0;
}

static int take6(const struct net_user_setup *setup, const char *option, const char *value,
		 uint8_t last, struct in6_addr *address, struct iol_error *err)
{
	int ret;

	*address = setup->net6;
	address->s6_addr[15] |= last;
	if (!value)
		return 0;
	ret = parse6(option, value, address, err);
	if (ret)
		return ret;
	return in_net6(setup, address) ? 0
				       : refuse(err, option, value, "not in the network ipv6-net");
}

static int parse_ipv6(struct net_user_setup *setup, const struct iol_net_user_config *config,
		      struct iol_error *err)
{
	int ret = parse_net6(setup, config->net6 ? config->net6 : "fec0::/64", err);

	if (!ret)
		ret = take6(setup, "ipv6-host", config->host6, 2, &setup->host6, err);
	if (!ret)
		ret = take6(setup, "ipv6-dns", config->dns6, 3, &setup->dns6, err);
	if (!ret && IN6_ARE_ADDR_EQUAL(&setup->host6, &setup->dns6))
		ret = iol_error_set(err, -EINVAL,
				    "ipv6-host and ipv6-dns are the same address: name two");
	return ret;
}

/* --- forwards --- */

static const char forward_form[] = "such as tcp:127.0.0.1:2222-:22 or "
				   "udp:[::1]:5353-[fec0::15]:53";

/* Takes "ADDRESS:", "[ADDRESS]:" or ":" off *@text. What is left out is IPv4's 0.0.0.0. */
static bool take_address(const char **text, struct sockaddr_storage *where)
{
	struct sockaddr_in *four = (void *)where;
	struct sockaddr_in6 *six = (void *)where;
	bool brackets = **text == '[';
	const char *begin = *text + brackets, *end = strchr(begin, brackets ? ']' : ':');
	char address[INET6_ADDRSTRLEN];

	memset(where, 0, sizeof(*where));
	if (!end || (size_t)(end - begin) >= sizeof(address) || (brackets && end[1] != ':'))
		return false;
	memcpy(address, begin, (size_t)(end - begin));
	address[end - begin] = '\0';
	*text = end + brackets + 1;
	where->ss_family = brackets ? AF_INET6 : AF_INET;
	if (brackets)
		return inet_pton(AF_INET6, address, &six->sin6_addr) == 1;
	return !*address || inet_pton(AF_INET, address, &four->sin_addr) == 1;
}

static bool take_port(const char **text, char after, struct sockaddr_storage *where)
{
	size_t len = strcspn(*text, "-");
	unsigned int port;

	if (!parse_number(*text, len, 65535, &port) || !port || (*text)[len] != after)
		return false;
	*text += len + (after != '\0');
	/* The same place in both kinds. */
	((struct sockaddr_in *)(void *)where)->sin_port = htons((uint16_t)port);
	return true;
}

static int check_families(const struct net_user_setup *setup, struct net_user_forward *forward,
			  struct iol_error *err)
{
	const struct sockaddr_in *four = (const void *)&forward->guest;
	const struct sockaddr_in6 *six = (const void *)&forward->guest;

	if (forward->host.ss_family != forward->guest.ss_family)
		return refuse(
			err, "hostfwd", forward->text,
			forward->host.ss_family == AF_INET6
				? "the host's address is IPv6: name the guest's IPv6 address, "
				  "too"
				: "the guest's address is IPv6: name one of the host, too, such "
				  "as [::]");
	if (forward->guest.ss_family == AF_INET) {
		if (!setup->ipv4)
			return refuse(err, "hostfwd", forward->text, "IPv4 is off");
		if (four->sin_addr.s_addr && !in_net4(setup, four->sin_addr))
			return refuse(err, "hostfwd", forward->text,
				      "the guest's address is not in the network net");
		return 0;
	}
	if (!setup->ipv6)
		return refuse(err, "hostfwd", forward->text, "IPv6 is off");
	if (!in_net6(setup, &six->sin6_addr))
		return refuse(err, "hostfwd", forward->text,
			      "the guest's address is not in the network ipv6-net");
	return 0;
}

static int parse_forward(const struct net_user_setup *setup, const char *text,
			 struct net_user_forward *forward, struct iol_error *err)
{
	const char *rest = text + 4;

	*forward = (struct net_user_forward){ .text = text, .udp = !strncmp(text, "udp:", 4) };
	if (!forward->udp && strncmp(text, "tcp:", 4))
		return iol_error_set(err, -EINVAL, "hostfwd=%.100s: neither tcp: nor udp:; %s",
				     text, forward_form);
	if (!take_address(&rest, &forward->host))
		return iol_error_set(err, -EINVAL, "hostfwd=%.100s: the host's address is none; %s",
				     text, forward_form);
	if (!take_port(&rest, '-', &forward->host))
		return iol_error_set(
			err, -EINVAL,
			"hostfwd=%.100s: the host's port is none of 1 to 65535 with a \"-\" "
			"behind it; %s",
			text, forward_form);
	if (!take_address(&rest, &forward->guest))
		return iol_error_set(err, -EINVAL,
				     "hostfwd=%.100s: the guest's address is none; %s", text,
				     forward_form);
	if (!take_port(&rest, '\0', &forward->guest))
		return iol_error_set(err, -EINVAL,
				     "hostfwd=%.100s: the guest's port is none of 1 to 65535; %s",
				     text, forward_form);
	return check_families(setup, forward, err);
}

static int parse_forwards(struct net_user_setup *setup, const char *const *texts,
			  struct iol_error *err)
{
	unsigned int count = 0;
	int ret = 0;

	while (texts && texts[count])
		count++;
	if (count > FORWARDS_MAX)
		return iol_error_set(err, -EINVAL, "%u forwards: %d are possible", count,
				     FORWARDS_MAX);
	setup->forwards = g_new0(struct net_user_forward, MAX(count, 1));
	setup->forward_count = count;
	for (unsigned int i = 0; i < count && !ret; i++)
		ret = parse_forward(setup, texts[i], &setup->forwards[i], err);
	return ret;
}

/* --- all of it --- */

static int check_name(const char *option, const char *name, struct iol_error *err)
{
	if (!name || (*name && strlen(name) <= NAME_MAX_BYTES))
		return 0;
	return iol_error_set(err, -EINVAL, "%s has %zu bytes: 1 to %d are possible", option,
			     strlen(name), NAME_MAX_BYTES);
}

/* Addresses of a protocol that is off are a mistake, not a wish. */
static int check_off(const struct iol_net_user_config *config, struct iol_error *err)
{
	const struct {
		bool on;
		const char *option, *value;
	} options[] = {
		{ config->ipv4, "net", config->net4 },
		{ config->ipv4, "host", config->host4 },
		{ config->ipv4, "dns", config->dns4 },
		{ config->ipv4, "dhcpstart", config->dhcp_start },
		{ config->ipv6, "ipv6-net", config->net6 },
		{ config->ipv6, "ipv6-host", config->host6 },
		{ config->ipv6, "ipv6-dns", config->dns6 },
	};

	if (!config->ipv4 && !config->ipv6)
		return iol_error_set(err, -EINVAL, "IPv4 and IPv6 are both off: leave one on");
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(options); i++)
		if (options[i].value && !options[i].on)
			return refuse(err, options[i].option, options[i].value,
				      config->ipv4 ? "IPv6 is off" : "IPv4 is off");
	return 0;
}

static int check_mtu(const struct net_user_setup *setup, struct iol_error *err)
{
	unsigned int min = setup->ipv6 ? MTU6_MIN : IOL_NET_MTU_MIN;

	if (setup->mtu >= min && setup->mtu <= MTU_MAX)
		return 0;
	return iol_error_set(err, -EINVAL, "mtu=%u: %u to %d are possible%s", setup->mtu, min,
			     MTU_MAX, setup->ipv6 ? " with IPv6" : "");
}

int iol_net_user_parse(struct net_user_setup *setup, const struct iol_net_user_config *config,
		       struct iol_error *err)
{
	int ret = check_off(config, err);

	*setup = (struct net_user_setup){
		.restricted = config->restricted,
		.ipv4 = config->ipv4,
		.ipv6 = config->ipv6,
		.hostname = config->hostname,
		.domain = config->domain,
		.mtu = config->mtu ? config->mtu : 1500,
	};
	if (!ret)
		ret = check_mtu(setup, err);
	if (!ret)
		ret = check_name("hostname", config->hostname, err);
	if (!ret)
		ret = check_name("domainname", config->domain, err);
	if (!ret && config->ipv4)
		ret = parse_ipv4(setup, config, err);
	if (!ret && config->ipv6)
		ret = parse_ipv6(setup, config, err);
	if (!ret)
		ret = parse_forwards(setup, config->forwards, err);
	if (ret)
		iol_net_user_setup_finish(setup);
	return ret;
}

void iol_net_user_setup_finish(struct net_user_setup *setup)
{
	g_free(setup->forwards);
	setup->forwards = NULL;
	setup->forward_count = 0;
}
