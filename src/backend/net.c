// SPDX-License-Identifier: Apache-2.0
/* What all network backends have in common. See include/iolite/net.h. Runs on the loop's thread. */
#include <iolite/net.h>

#include <glib.h>
#include <string.h>

void iol_net_init(struct iol_net *net, const struct iol_net_ops *ops, struct iol_loop *loop,
		  const char *name)
{
	memset(net, 0, sizeof(*net));
	net->ops = ops;
	net->loop = loop;
	net->name = g_strdup(name);
	net->limits.pairs = 1;
	net->link_up = true;
}

void iol_net_start(struct iol_net *net, struct iol_net_user *user)
{
	net->user = user;
}

void iol_net_set_link(struct iol_net *net, bool up)
{
	if (net->link_up == up)
		return;
	net->link_up = up;
	if (net->user)
		net->user->link_changed(net->user);
}

void iol_net_free(struct iol_net *net)
{
	char *name;

	if (!net)
		return;
	net->user = NULL;
	name = net->name;
	net->ops->free(net);
	g_free(name);
}
