// SPDX-License-Identifier: Apache-2.0
/* Gates: who closed one, who waits, and that it opens. */
#include <glib.h>

#include <iolite/macros.h>

#include "vmm/gate.h"

struct fixture {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	struct iol_gate gate, other;
	unsigned int waiting, passed; /* under the lock */
};

static void setup(struct fixture *f, const void *data)
{
	(void)data;
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->cond, NULL);
	f->gate = (struct iol_gate){ .lock = &f->lock, .cond = &f->cond };
	f->other = f->gate;
	g_assert_null(iol_gate_take());
}

static void teardown(struct fixture *f, const void *data)
{
	(void)data;
	g_assert_null(iol_gate_take());
	pthread_cond_destroy(&f->cond);
	pthread_mutex_destroy(&f->lock);
}

static void test_take(struct fixture *f, const void *data)
{
	(void)data;
	iol_gate_open(&f->gate); /* one that is open */
	g_assert_null(iol_gate_take());
	iol_gate_close(&f->gate);
	g_assert_true(f->gate.closed);
	g_assert_true(iol_gate_take() == &f->gate);
	g_assert_null(iol_gate_take()); /* once */
	g_assert_true(f->gate.closed);
	iol_gate_open(&f->gate);
	g_assert_false(f->gate.closed);
	/* Open again before the vCPU looks: it need not wait, and finds that out by itself. */
	iol_gate_close(&f->gate);
	iol_gate_open(&f->gate);
	g_assert_true(iol_gate_take() == &f->gate);
	g_assert_false(f->gate.closed);
	/* Twice by one access, or two of them: the last one counts. */
	iol_gate_close(&f->gate);
	iol_gate_close(&f->other);
	g_assert_true(iol_gate_take() == &f->other);
	g_assert_true(f->gate.closed && f->other.closed);
}

/* In tests of devices nobody waits. */
static void test_no_lock(struct fixture *f, const void *data)
{
	struct iol_gate gate = { 0 };

	(void)f;
	(void)data;
	iol_gate_close(&gate);
	g_assert_true(gate.closed);
	g_assert_null(iol_gate_take());
	iol_gate_open(&gate);
	g_assert_false(gate.closed);
}

/* A vCPU's safe point. */
static void *wait_at(void *arg)
{
	struct fixture *f = arg;
	struct iol_gate *gate;

	g_assert_null(iol_gate_take()); /* what another thread closed is not ours */
	iol_gate_close(&f->gate);
	gate = iol_gate_take();
	g_assert_true(gate == &f->gate);
	pthread_mutex_lock(&f->lock);
	f->waiting++;
	pthread_cond_broadcast(&f->cond);
	while (gate->closed)
		pthread_cond_wait(&f->cond, &f->lock);
	f->passed++;
	pthread_cond_broadcast(&f->cond);
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

static void await(struct fixture *f, const unsigned int *count, unsigned int value)
{
	pthread_mutex_lock(&f->lock);
	while (*count != value)
		pthread_cond_wait(&f->cond, &f->lock);
	pthread_mutex_unlock(&f->lock);
}

/* All that wait go on when it opens, and nobody before. */
static void test_wait(struct fixture *f, const void *data)
{
	pthread_t threads[3];

	(void)data;
	for (unsigned int round = 1; round <= 50; round++) {
		iol_gate_close(&f->gate);
		g_assert_true(iol_gate_take() == &f->gate);
		f->waiting = f->passed = 0;
		for (size_t i = 0; i < IOL_ARRAY_LEN(threads); i++)
			g_assert_cmpint(pthread_create(&threads[i], NULL, wait_at, f), ==, 0);
		await(f, &f->waiting, IOL_ARRAY_LEN(threads));
		/* Another gate is none of theirs. */
		iol_gate_open(&f->other);
		pthread_mutex_lock(&f->lock);
		g_assert_cmpuint(f->passed, ==, 0);
		pthread_mutex_unlock(&f->lock);
		iol_gate_open(&f->gate);
		await(f, &f->passed, IOL_ARRAY_LEN(threads));
		for (size_t i = 0; i < IOL_ARRAY_LEN(threads); i++)
			pthread_join(threads[i], NULL);
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(struct fixture *f, const void *data);
	} tests[] = {
		{ "/gate/take", test_take },
		{ "/gate/no-lock", test_no_lock },
		{ "/gate/wait", test_wait },
	};

	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < IOL_ARRAY_LEN(tests); i++)
		g_test_add(tests[i].name, struct fixture, NULL, setup, tests[i].run, teardown);
	return g_test_run();
}
