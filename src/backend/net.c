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

static void show_link(struct iol_net *net, bool up)
{
	if (net->link_up == up)
		return;
	net->link_up = up;
	if (net->user)
		net->user->link_changed(net->user);
	if (net->observer)
		net->observer->link_changed(net->observer, up);
}

void iol_net_set_link(struct iol_net *net, bool up)
{
	if (net->pulled)
		net->up_behind = up;
	else
		show_link(net, up);
}

void iol_net_plug(struct iol_net *net, bool plugged)
{
	if (plugged != net->pulled)
		return;
	net->pulled = !plugged;
	if (plugged) {
		show_link(net, net->up_behind);
	} else {
		net->up_behind = net->link_up;
		show_link(net, false);
	}
}

void iol_net_free(struct iol_net *net)
{
	char *name;

	if (!net)
		return;
	net->user = NULL;
	net->observer = NULL;
	name = net->name;
	net->ops->free(net);
	g_free(name);
}
