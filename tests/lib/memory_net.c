// SPDX-License-Identifier: Apache-2.0
/* A network backend of memory. See memory_net.h. */
#include "memory_net.h"

#include <errno.h>
#include <glib.h>
#include <limits.h>
#include <string.h>

static struct memory_net *memory_of(struct iol_net *net)
{
	return iol_container_of(net, struct memory_net, net);
}

static struct memory_net_pair *pair_of(struct memory_net *mn, unsigned int pair)
{
	g_assert(pair < mn->net.limits.pairs);
	return &mn->pairs[pair];
}

static size_t iov_bytes(const struct iovec *iov, unsigned int count)
{
	size_t bytes = 0;

	g_assert(count && count <= IOV_MAX);
	for (unsigned int i = 0; i < count; i++) {
		g_assert(iov[i].iov_len && iov[i].iov_len <= (size_t)SSIZE_MAX - bytes);
		bytes += iov[i].iov_len;
	}
	return bytes;
}

/* --- callbacks --- */

static bool is_due(const struct memory_net *mn, const struct memory_net_pair *p)
{
	return (p->await_readable && p->given_count) || (p->await_writable && !mn->busy);
}

static void post_if_due(struct memory_net *mn)
{
	for (unsigned int i = 0; i < mn->net.limits.pairs; i++)
		if (is_due(mn, &mn->pairs[i])) {
			iol_loop_post(mn->net.loop, &mn->post);
			return;
		}
}

static void run_post(struct iol_post *post)
{
	struct memory_net *mn = iol_container_of(post, struct memory_net, post);
	struct iol_net_user *user = mn->net.user;

	for (unsigned int i = 0; i < mn->net.limits.pairs && user; i++) {
		struct memory_net_pair *p = &mn->pairs[i];

		if (p->await_readable && p->given_count) {
			p->await_readable = false;
			user->readable(user, i);
		}
		if (p->await_writable && !mn->busy) {
			p->await_writable = false;
			user->writable(user, i);
		}
	}
}

static void memory_await(struct iol_net *net, unsigned int pair, bool readable, bool writable)
{
	struct memory_net *mn = memory_of(net);
	struct memory_net_pair *p = pair_of(mn, pair);

	p->await_readable = p->await_readable || readable;
	p->await_writable = p->await_writable || writable;
	post_if_due(mn);
}

/* --- frames --- */

static void drop_given(struct memory_net_pair *p)
{
	struct memory_net_frame *f = &p->given[p->given_first];

	g_free(f->data);
	*f = (struct memory_net_frame){ 0 };
	p->given_first = (p->given_first + 1) % MEMORY_NET_KEPT;
	p->given_count--;
}

static ssize_t memory_receive(struct iol_net *net, unsigned int pair, const struct iovec *iov,
			      unsigned int count)
{
	struct memory_net *mn = memory_of(net);
	struct memory_net_pair *p = pair_of(mn, pair);
	const struct memory_net_frame *f = &p->given[p->given_first];
	size_t room = iov_bytes(iov, count), at = 0;
	ssize_t ret;

	g_assert(room >= IOL_NET_HEADER_BYTES);
	p->receives++;
	if (!net->link_up)
		return -ENETDOWN;
	if (!p->given_count)
		return -EAGAIN;
	ret = mn->receive_error ? mn->receive_error
	      : f->bytes > room ? -EMSGSIZE
				: (ssize_t)f->bytes;
	/* What did not fit is gone, but what did was written. */
	for (unsigned int i = 0; i < count && at < f->bytes && !mn->receive_error; i++) {
		size_t bytes = MIN(iov[i].iov_len, f->bytes - at);

		memcpy(iov[i].iov_base, f->data + at, bytes);
		at += bytes;
	}
	drop_given(p);
	return ret;
}

static void keep_sent(struct memory_net_pair *p, const struct iovec *iov, unsigned int count,
		      size_t bytes)
{
	struct memory_net_frame *f;
	size_t at = 0;

	if (p->sent_count == MEMORY_NET_KEPT) {
		g_free(p->sent[0].data);
		memmove(p->sent, p->sent + 1, (MEMORY_NET_KEPT - 1) * sizeof(*p->sent));
		p->sent_count--;
	}
	f = &p->sent[p->sent_count++];
	f->bytes = bytes;
	f->data = g_malloc(bytes);
	for (unsigned int i = 0; i < count; i++) {
		memcpy(f->data + at, iov[i].iov_base, iov[i].iov_len);
		at += iov[i].iov_len;
	}
}

static int memory_send(struct iol_net *net, unsigned int pair, const struct iovec *iov,
		       unsigned int count)
{
	struct memory_net *mn = memory_of(net);
	struct memory_net_pair *p = pair_of(mn, pair);
	size_t bytes = iov_bytes(iov, count);

	g_assert(iov[0].iov_len >= IOL_NET_HEADER_BYTES && bytes > IOL_NET_HEADER_BYTES);
	g_assert(bytes <= MEMORY_NET_BYTES_MAX);
	p->sends++;
	if (mn->busy)
		return -EAGAIN;
	if (!net->link_up)
		return -ENETDOWN;
	if (mn->send_error)
		return mn->send_error;
	if (mn->busy_after && !--mn->busy_after)
		mn->busy = true;
	if (!mn->forget)
		keep_sent(p, iov, count, bytes);
	return 0;
}

/* --- what is set --- */

static int memory_set_offloads(struct iol_net *net, uint32_t offloads)
{
	struct memory_net *mn = memory_of(net);

	g_assert(!(offloads & ~net->limits.receive_offloads));
	mn->sets++;
	if (mn->set_error)
		return mn->set_error;
	mn->offloads = offloads;
	return 0;
}

static int memory_set_pairs(struct iol_net *net, unsigned int pairs)
{
	struct memory_net *mn = memory_of(net);

	g_assert(pairs && pairs <= net->limits.pairs);
	mn->sets++;
	if (mn->on_pairs)
		mn->on_pairs(pairs);
	if (mn->set_error || mn->pairs_error)
		return mn->set_error ? mn->set_error : mn->pairs_error;
	mn->active_pairs = pairs;
	return 0;
}

static int memory_vhost_fd(struct iol_net *net, unsigned int pair)
{
	struct memory_net *mn = memory_of(net);

	pair_of(mn, pair);
	return net->link_up && pair < mn->active_pairs ? mn->vhost_fd : -1;
}

static void memory_watch(struct iol_net *net, bool on)
{
	memory_of(net)->watched = on;
}

static void memory_free(struct iol_net *net)
{
	struct memory_net *mn = memory_of(net);

	iol_loop_post_cancel(net->loop, &mn->post);
	memory_net_clear(mn);
	if (mn->freed)
		*mn->freed = true;
	iol_fd_close(&mn->vhost_fd);
	g_free(mn);
}

static const struct iol_net_ops ops = {
	.name = "memory",
	.receive = memory_receive,
	.send = memory_send,
	.await = memory_await,
	.set_offloads = memory_set_offloads,
	.set_pairs = memory_set_pairs,
	.vhost_fd = memory_vhost_fd,
	.watch = memory_watch,
	.free = memory_free,
};

struct memory_net *memory_net_new(struct iol_loop *loop)
{
	struct memory_net *mn = g_new0(struct memory_net, 1);

	iol_net_init(&mn->net, &ops, loop, "net memory");
	mn->post.run = run_post;
	mn->vhost_fd = -1;
	return mn;
}

bool memory_net_give(struct memory_net *mn, unsigned int pair, const void *data, size_t bytes)
{
	struct memory_net_pair *p = pair_of(mn, pair);
	struct memory_net_frame *f;

	if (p->given_count == MEMORY_NET_KEPT)
		return false;
	f = &p->given[(p->given_first + p->given_count++) % MEMORY_NET_KEPT];
	f->bytes = bytes;
	f->data = g_memdup2(data, bytes);
	post_if_due(mn);
	return true;
}

uint8_t *memory_net_take(struct memory_net *mn, unsigned int pair, size_t *bytes)
{
	struct memory_net_pair *p = pair_of(mn, pair);
	uint8_t *data = p->sent[0].data;

	if (!p->sent_count)
		return NULL;
	*bytes = p->sent[0].bytes;
	memmove(p->sent, p->sent + 1, --p->sent_count * sizeof(*p->sent));
	return data;
}

void memory_net_unblock(struct memory_net *mn)
{
	mn->busy = false;
	post_if_due(mn);
}

void memory_net_clear(struct memory_net *mn)
{
	for (unsigned int i = 0; i < IOL_NET_PAIRS_MAX; i++) {
		struct memory_net_pair *p = &mn->pairs[i];
		size_t bytes;

		while (p->given_count)
			drop_given(p);
		while (p->sent_count)
			g_free(memory_net_take(mn, i, &bytes));
	}
}
