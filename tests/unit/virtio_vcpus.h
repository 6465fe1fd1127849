/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that stand for vCPUs while the calling thread runs the loop. */
#ifndef IOLITE_TESTS_VIRTIO_VCPUS_H
#define IOLITE_TESTS_VIRTIO_VCPUS_H

#include <errno.h>
#include <glib.h>

#include <iolite/loop.h>

enum {
	VCPUS = 3,
	VCPUS_WAIT_S = 60, /* the end of all patience */
};

struct vcpu {
	void *owner; /* what the test gave */
	unsigned int idx;
	void (*work)(struct vcpu *vcpu);
	pthread_t thread;
	struct vcpus *all;
};

struct vcpus {
	struct iol_loop *loop;
	struct iol_post ended; /* by each of them */
	pthread_mutex_t lock;
	unsigned int at_work;
	struct iol_op deadline;
	struct vcpu vcpu[VCPUS];
};

static inline void vcpus_ended(struct iol_post *post)
{
	struct vcpus *all = iol_container_of(post, struct vcpus, ended);
	unsigned int at_work;

	pthread_mutex_lock(&all->lock);
	at_work = all->at_work;
	pthread_mutex_unlock(&all->lock);
	if (!at_work)
		iol_loop_stop(all->loop);
}

static inline void vcpus_too_late(struct iol_op *op, int res)
{
	(void)op;
	if (res != -ECANCELED)
		g_error("vCPUs are not done after %d s", VCPUS_WAIT_S);
}

static inline void *vcpus_main(void *arg)
{
	struct vcpu *vcpu = arg;
	struct vcpus *all = vcpu->all;

	vcpu->work(vcpu);
	pthread_mutex_lock(&all->lock);
	all->at_work--;
	pthread_mutex_unlock(&all->lock);
	iol_loop_post(all->loop, &all->ended);
	return NULL;
}

/* Runs @loop until all threads have done @work. */
static inline void vcpus_run(struct iol_loop *loop, void (*work)(struct vcpu *vcpu), void *owner)
{
	struct vcpus all = {
		.loop = loop,
		.ended.run = vcpus_ended,
		.deadline.done = vcpus_too_late,
		.at_work = VCPUS,
	};

	pthread_mutex_init(&all.lock, NULL);
	iol_loop_timeout(loop, &all.deadline, VCPUS_WAIT_S * IOL_NS_PER_S);
	for (unsigned int i = 0; i < VCPUS; i++) {
		struct vcpu *vcpu = &all.vcpu[i];

		*vcpu = (struct vcpu){ .owner = owner, .idx = i, .work = work, .all = &all };
		g_assert_cmpint(pthread_create(&vcpu->thread, NULL, vcpus_main, vcpu), ==, 0);
	}
	g_assert_cmpint(iol_loop_run(loop, NULL), ==, 0);
	for (unsigned int i = 0; i < VCPUS; i++)
		pthread_join(all.vcpu[i].thread, NULL);
	iol_loop_cancel(loop, &all.deadline);
	while (all.deadline.in_flight || all.ended.queued)
		g_assert_cmpint(iol_loop_turn(loop, true), ==, 0);
	pthread_mutex_destroy(&all.lock);
}

#endif
