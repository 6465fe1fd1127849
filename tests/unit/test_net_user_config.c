// SPDX-License-Identifier: Apache-2.0
#include "backend/net_user_config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <string.h>

static const struct iol_net_user_config defaults = { .name = "net u", .ipv4 = true, .ipv6 = true };

static void check4(struct in_addr address, const char *expected)
{
	char text[INET_ADDRSTRLEN];

	g_assert_cmpstr(inet_ntop(AF_INET, &address, text, sizeof(text)), ==, expected);
}

static void check6(struct in6_addr address, const char *expected)
{
	char text[INET6_ADDRSTRLEN];

	g_assert_cmpstr(inet_ntop(AF_INET6, &address, text, sizeof(text)), ==, expected);
}

static struct net_user_setup parse(const struct iol_net_user_config *config)
{
	struct net_user_setup setup;
	struct iol_error err = { 0 };

	if (iol_net_user_parse(&setup, config, &err))
		g_error("%s", err.msg);
	return setup;
}

static void test_defaults(void)
{
	struct net_user_setup setup = parse(&defaults);

	check4(setup.net4, "10.0.2.0");
	check4(setup.mask4, "255.255.255.0");
	check4(setup.host4, "10.0.2.2");
	check4(setup.dns4, "10.0.2.3");
	check4(setup.dhcp_start, "10.0.2.15");
	check6(setup.net6, "fec0::");
	check6(setup.host6, "fec0::2");
	check6(setup.dns6, "fec0::3");
	g_assert_cmpuint(setup.prefix6, ==, 64);
	g_assert_cmpuint(setup.mtu, ==, 1500);
	g_assert_cmpuint(setup.forward_count, ==, 0);
	g_assert_false(setup.restricted);
	iol_net_user_setup_finish(&setup);
}

static void test_networks(void)
{
	static const struct {
		const char *net, *first, *mask, *host, *guest;
	} cases[] = {
		{ "192.168.76.0/24", "192.168.76.0", "255.255.255.0", "192.168.76.2",
		  "192.168.76.15" },
		{ "192.168.76.9/24", "192.168.76.0", "255.255.255.0", "192.168.76.2",
		  "192.168.76.15" },
		{ "10.1.2.3/255.255.0.0", "10.1.0.0", "255.255.0.0", "10.1.2.2", "10.1.2.15" },
		{ "10.1.2.3", "10.0.0.0", "255.0.0.0", "10.0.2.2", "10.0.2.15" },
		{ "172.17.0.0", "172.16.0.0", "255.240.0.0", "172.16.2.2", "172.16.2.15" },
		{ "150.1.0.0", "150.1.0.0", "255.255.0.0", "150.1.2.2", "150.1.2.15" },
		{ "192.168.1.0", "192.168.0.0", "255.255.0.0", "192.168.2.2", "192.168.2.15" },
		{ "198.18.1.0", "198.18.0.0", "255.254.0.0", "198.18.2.2", "198.18.2.15" },
		{ "203.0.113.0", "203.0.113.0", "255.255.255.0", "203.0.113.2", "203.0.113.15" },
		{ "10.0.2.32/28", "10.0.2.32", "255.255.255.240", "10.0.2.34", "10.0.2.36" },
		{ "10.0.2.64/27", "10.0.2.64", "255.255.255.224", "10.0.2.66", "10.0.2.79" },
	};

	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct iol_net_user_config config = defaults;
		struct net_user_setup setup;

		config.net4 = cases[i].net;
		setup = parse(&config);
		check4(setup.net4, cases[i].first);
		check4(setup.mask4, cases[i].mask);
		check4(setup.host4, cases[i].host);
		check4(setup.dhcp_start, cases[i].guest);
		iol_net_user_setup_finish(&setup);
	}
}

static void test_addresses(void)
{
	struct iol_net_user_config config = { .name = "net u",
					      .ipv4 = true,
					      .ipv6 = true,
					      .net4 = "10.5.0.0/16",
					      .host4 = "10.5.0.1",
					      .dns4 = "10.5.0.53",
					      .dhcp_start = "10.5.7.9",
					      .net6 = "2001:db8:7:ff00:ffff::1/60",
					      .host6 = "2001:db8:7:ff0f::1",
					      .dns6 = "2001:db8:7:ff01::53",
					      .hostname = "guest",
					      .domain = "example.org",
					      .restricted = true,
					      .mtu = 9000 };
	struct net_user_setup setup = parse(&config);

	check4(setup.host4, "10.5.0.1");
	check4(setup.dns4, "10.5.0.53");
	check4(setup.dhcp_start, "10.5.7.9");
	check6(setup.net6, "2001:db8:7:ff00::");
	g_assert_cmpuint(setup.prefix6, ==, 60);
	check6(setup.host6, "2001:db8:7:ff0f::1");
	check6(setup.dns6, "2001:db8:7:ff01::53");
	g_assert_cmpstr(setup.hostname, ==, "guest");
	g_assert_cmpstr(setup.domain, ==, "example.org");
	g_assert_true(setup.restricted);
	g_assert_cmpuint(setup.mtu, ==, 9000);
	iol_net_user_setup_finish(&setup);
}

static void check_forward(const struct net_user_forward *forward, bool udp, const char *host,
			  unsigned int host_port, const char *guest, unsigned int guest_port)
{
	const struct sockaddr_in *host4 = (const void *)&forward->host;
	const struct sockaddr_in *guest4 = (const void *)&forward->guest;
	const struct sockaddr_in6 *host6 = (const void *)&forward->host;
	const struct sockaddr_in6 *guest6 = (const void *)&forward->guest;

	g_assert_cmpint(forward->udp, ==, udp);
	g_assert_cmpuint(ntohs(host4->sin_port), ==, host_port);
	g_assert_cmpuint(ntohs(guest4->sin_port), ==, guest_port);
	g_assert_cmpint(forward->host.ss_family, ==, forward->guest.ss_family);
	if (strchr(host, ':')) {
		g_assert_cmpint(forward->host.ss_family, ==, AF_INET6);
		check6(host6->sin6_addr, host);
		check6(guest6->sin6_addr, guest);
	} else {
		g_assert_cmpint(forward->host.ss_family, ==, AF_INET);
		check4(host4->sin_addr, host);
		check4(guest4->sin_addr, guest);
	}
}

static void test_forwards(void)
{
	const char *texts[] = { "tcp:127.0.0.1:2222-:22",
				"udp::5353-10.0.2.77:53",
				"tcp:[::1]:8080-[fec0::15]:80",
				"udp:[::]:1-[fec0::ff]:65535",
				"tcp::65535-:1",
				NULL };
	struct iol_net_user_config config = defaults;
	struct net_user_setup setup;

	config.forwards = texts;
	setup = parse(&config);
	g_assert_cmpuint(setup.forward_count, ==, 5);
	check_forward(&setup.forwards[0], false, "127.0.0.1", 2222, "0.0.0.0", 22);
	check_forward(&setup.forwards[1], true, "0.0.0.0", 5353, "10.0.2.77", 53);
	check_forward(&setup.forwards[2], false, "::1", 8080, "fec0::15", 80);
	check_forward(&setup.forwards[3], true, "::", 1, "fec0::ff", 65535);
	check_forward(&setup.forwards[4], false, "0.0.0.0", 65535, "0.0.0.0", 1);
	g_assert_true(setup.forwards[2].text == texts[2]);
	iol_net_user_setup_finish(&setup);
}

static void expect_error(const struct iol_net_user_config *config, const char *value,
			 const char *text)
{
	struct net_user_setup setup;
	struct iol_error err = { 0 };
	int ret = iol_net_user_parse(&setup, config, &err);

	if (ret != -EINVAL || !strstr(err.msg, text) || strchr(err.msg, '\n'))
		g_error("\"%s\": %d \"%s\", expected \"%s\"", value, ret, err.msg, text);
	if (!strstr(err.msg, value))
		g_error("\"%s\" does not name \"%s\"", err.msg, value);
}

static void test_malformed_addresses(void)
{
#define CASE(option, value, text)                                         \
	{                                                                 \
		offsetof(struct iol_net_user_config, option), value, text \
	}
	static const struct {
		size_t option;
		const char *value, *text;
	} cases[] = {
		CASE(net4, "", "not an IPv4 network"),
		CASE(net4, "10.0.2", "not an IPv4 network"),
		CASE(net4, "10.0.2.300/24", "not an IPv4 network"),
		CASE(net4, "fec0::/64", "not an IPv4 network"),
		CASE(net4, "10.0.2.0/", "neither a number of bits nor a mask"),
		CASE(net4, "10.0.2.0/24x", "neither a number of bits nor a mask"),
		CASE(net4, "10.0.2.0/-1", "neither a number of bits nor a mask"),
		CASE(net4, "10.0.2.0/33", "neither a number of bits nor a mask"),
		CASE(net4, "10.0.2.0/99999999999", "neither a number of bits nor a mask"),
		CASE(net4, "10.0.2.0/255.0.255.0", "holes"),
		CASE(net4, "10.0.2.0/0", "a network of 0 bits"),
		CASE(net4, "10.0.2.0/3", "a network of 3 bits"),
		CASE(net4, "10.0.2.0/29", "a network of 29 bits"),
		CASE(net4, "10.0.2.0/255.255.255.255", "a network of 32 bits"),
		CASE(net4, "0.0.0.0/8", "no network that a guest can have"),
		CASE(net4, "224.0.0.0/8", "no network that a guest can have"),
		CASE(host4, "", "not an IPv4 address"),
		CASE(host4, "10.0.2.2/24", "not an IPv4 address"),
		CASE(host4, "10.0.3.2", "not in the network 10.0.2.0/24"),
		CASE(host4, "10.0.2.0", "nobody's"),
		CASE(host4, "10.0.2.255", "nobody's"),
		CASE(host4, "host", "not an IPv4 address"),
		CASE(dns4, "1.1.1.1", "not in the network"),
		CASE(dns4, "10.0.2.3 ", "not an IPv4 address"),
		CASE(dhcp_start, "10.0.2.256", "not an IPv4 address"),
		CASE(dhcp_start, "10.1.2.15", "not in the network"),
		CASE(dhcp_start, "10.0.2.255", "nobody's"),
		CASE(net6, "", "not an IPv6 network"),
		CASE(net6, "10.0.2.0/24", "not an IPv6 network"),
		CASE(net6, "fec0::/", "no number of bits"),
		CASE(net6, "fec0::/127", "no number of bits"),
		CASE(net6, "fec0::/0", "no network that a guest can have"),
		CASE(net6, "::/64", "no network that a guest can have"),
		CASE(net6, "ff02::/64", "no network that a guest can have"),
		CASE(net6, "fe80::/64", "no network that a guest can have"),
		CASE(host6, "fec1::2", "not in the network"),
		CASE(host6, "[fec0::2]", "not an IPv6 address"),
		CASE(dns6, "10.0.2.3", "not an IPv6 address"),
	};

	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct iol_net_user_config config = defaults;

		*(const char **)(void *)((char *)&config + cases[i].option) = cases[i].value;
		expect_error(&config, cases[i].value, cases[i].text);
	}
}

static void test_malformed_forwards(void)
{
	static const struct {
		const char *value, *text;
	} cases[] = {
		{ "", "neither tcp: nor udp:" },
		{ ":127.0.0.1:22-:22", "neither tcp: nor udp:" },
		{ "sctp:127.0.0.1:22-:22", "neither tcp: nor udp:" },
		{ "tcp", "neither tcp: nor udp:" },
		{ "tcp:", "the host's address is none" },
		{ "tcp:2222", "the host's address is none" },
		{ "tcp:2222-:22", "the host's address is none" },
		{ "tcp:localhost:2222-:22", "the host's address is none" },
		{ "tcp:127.0.0.256:2222-:22", "the host's address is none" },
		{ "tcp:::1:2222-:22", "the host's port is none" },
		{ "tcp:[::1:2222-:22", "the host's address is none" },
		{ "tcp:[::1]2222-:22", "the host's address is none" },
		{ "tcp:[127.0.0.1]:2222-:22", "the host's address is none" },
		{ "tcp:127.0.0.1:-:22", "the host's port is none" },
		{ "tcp:127.0.0.1:0-:22", "the host's port is none" },
		{ "tcp:127.0.0.1:65536-:22", "the host's port is none" },
		{ "tcp:127.0.0.1:-1-:22", "the host's port is none" },
		{ "tcp:127.0.0.1:22x-:22", "the host's port is none" },
		{ "tcp:127.0.0.1: 22-:22", "the host's port is none" },
		{ "tcp:127.0.0.1:2222", "the host's port is none" },
		{ "tcp:127.0.0.1:2222:22", "the host's port is none" },
		{ "tcp:127.0.0.1:2222-", "the guest's address is none" },
		{ "tcp:127.0.0.1:2222-22", "the guest's address is none" },
		{ "tcp:127.0.0.1:2222-guest:22", "the guest's address is none" },
		{ "tcp:127.0.0.1:2222-:", "the guest's port is none" },
		{ "tcp:127.0.0.1:2222-:0", "the guest's port is none" },
		{ "tcp:127.0.0.1:2222-:65536", "the guest's port is none" },
		{ "tcp:127.0.0.1:2222-:22-", "the guest's port is none" },
		{ "tcp:127.0.0.1:2222-:22,", "the guest's port is none" },
		{ "tcp:127.0.0.1:2222-192.168.0.1:22", "not in the network net" },
		{ "tcp:[::1]:2222-:22", "name the guest's IPv6 address" },
		{ "tcp::2222-[fec0::15]:22", "name one of the host" },
		{ "udp:[::1]:2222-[fec1::15]:22", "not in the network ipv6-net" },
		{ "udp:[::1%lo]:2222-[fec0::15]:22", "the host's address is none" },
	};

	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		const char *texts[] = { "tcp::1-:1", cases[i].value, NULL };
		g_autofree char *option = g_strdup_printf("hostfwd=%s", cases[i].value);
		struct iol_net_user_config config = defaults;

		config.forwards = texts;
		expect_error(&config, option, cases[i].text);
	}
}

static void test_combinations(void)
{
	g_autofree char *longest = g_strnfill(256, 'x');
	const char *four[] = { "tcp::1-:1", NULL }, *six[] = { "tcp:[::]:1-[fec0::9]:1", NULL };
	struct iol_net_user_config config = defaults;

	config.ipv4 = config.ipv6 = false;
	expect_error(&config, "IPv4", "both off");
	config.ipv6 = true;
	config.host4 = "10.0.2.9";
	expect_error(&config, "host=10.0.2.9", "IPv4 is off");
	config.host4 = NULL;
	config.forwards = four;
	expect_error(&config, "tcp::1-:1", "IPv4 is off");
	config = defaults;
	config.ipv6 = false;
	config.net6 = "fec0::/64";
	expect_error(&config, "ipv6-net=fec0::/64", "IPv6 is off");
	config.net6 = NULL;
	config.forwards = six;
	expect_error(&config, "[fec0::9]", "IPv6 is off");
	config = defaults;
	config.dns4 = "10.0.2.2";
	expect_error(&config, "host and dns", "the same address");
	config.dns4 = "10.0.2.15";
	expect_error(&config, "dhcpstart", "name another");
	config = defaults;
	config.dns6 = "fec0::2";
	expect_error(&config, "ipv6-dns", "the same address");
	config = defaults;
	config.hostname = "";
	expect_error(&config, "hostname", "0 bytes");
	config.hostname = longest;
	expect_error(&config, "hostname", "256 bytes");
	config.hostname = NULL;
	config.domain = longest;
	expect_error(&config, "domain", "256 bytes");
	config.domain = NULL;
	config.mtu = 1279;
	expect_error(&config, "mtu=1279", "1280 to 65521");
	config.mtu = 65522;
	expect_error(&config, "mtu=65522", "1280 to 65521");
	config.ipv6 = false;
	config.mtu = 67;
	expect_error(&config, "mtu=67", "68 to 65521");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/net-user-config/defaults", test_defaults);
	g_test_add_func("/net-user-config/networks", test_networks);
	g_test_add_func("/net-user-config/addresses", test_addresses);
	g_test_add_func("/net-user-config/forwards", test_forwards);
	g_test_add_func("/net-user-config/malformed-addresses", test_malformed_addresses);
	g_test_add_func("/net-user-config/malformed-forwards", test_malformed_forwards);
	g_test_add_func("/net-user-config/combinations", test_combinations);
	return g_test_run();
}
