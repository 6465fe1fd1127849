/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses of user-mode networking, from the texts that a person writes. Pure. */
#ifndef IOLITE_BACKEND_NET_USER_CONFIG_H
#define IOLITE_BACKEND_NET_USER_CONFIG_H

#include <netinet/in.h>

#include <iolite/net.h>

struct net_user_forward {
	const char *text; /* as written, for messages; borrowed from the configuration */
	bool udp;
	/* IPv4 or IPv6, both alike. An IPv4 guest address of 0.0.0.0 is the first that DHCP gives away. */
	struct sockaddr_storage host, guest;
};

struct net_user_setup {
	bool restricted, ipv4, ipv6;
	struct in_addr net4, mask4, host4, dns4, dhcp_start;
	struct in6_addr net6, host6, dns6;
	uint8_t prefix6;
	const char *hostname, *domain; /* borrowed; NULL: none */
	unsigned int mtu;
	struct net_user_forward *forwards; /* owned */
	unsigned int forward_count;
};

/*
 * Fills @setup from @config's texts and QEMU's defaults. -EINVAL with a text that names the option and its value;
 * @setup needs no finish then.
 */
int iol_net_user_parse(struct net_user_setup *setup, const struct iol_net_user_config *config,
		       struct iol_error *err);
void iol_net_user_setup_finish(struct net_user_setup *setup);

#endif
