// SPDX-License-Identifier: Apache-2.0
/*
 * A network with nobody in it, for a machine that shall have the device and no host behind it. See
 * include/iolite/net.h. Runs on the loop's thread. There is no peer; what a guest sends is not even read.
 */
#include <iolite/net.h>

#include <errno.h>
#include <glib.h>

static ssize_t none_receive(struct iol_net *net, unsigned int pair, const struct iovec *iov,
			    unsigned int count)
{
	(void)net;
	(void)pair;
	(void)iov;
	(void)count;
	return -EAGAIN;
}

static int none_send(struct iol_net *net, unsigned int pair, const struct iovec *iov,
		     unsigned int count)
{
	(void)net;
	(void)pair;
	(void)iov;
	(void)count;
	return 0;
}

/* Nothing comes, and everything is always taken: nobody has to be called. */
static void none_await(struct iol_net *net, unsigned int pair, bool readable, bool writable)
{
	(void)net;
	(void)pair;
	(void)readable;
	(void)writable;
}

static void none_free(struct iol_net *net)
{
	g_free(net);
}

static const struct iol_net_ops none_ops = {
	.name = "none",
	.receive = none_receive,
	.send = none_send,
	.await = none_await,
	.free = none_free,
};

int iol_net_none_new(struct iol_loop *loop, const char *name, struct iol_net **net,
		     struct iol_error *err)
{
	struct iol_net *none = g_new(struct iol_net, 1);

	(void)err;
	iol_net_init(none, &none_ops, loop, name);
	none->link_up = false;
	*net = none;
	return 0;
}
