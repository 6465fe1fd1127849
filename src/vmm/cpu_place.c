// SPDX-License-Identifier: Apache-2.0
/*
 * See cpu_place.h. Affinity and policy are of threads (sched(7)): each sets its own, and reads back what it has, for the
 * kernel takes a set of which only some CPUs are to be had.
 */
#include "cpu_place.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <iolite/log.h>
#include <iolite/place.h>

#include "host_facts.h"

static const int policies[IOL_CPU_POLICY_COUNT] = {
	[IOL_CPU_POLICY_OTHER] = SCHED_OTHER,
	[IOL_CPU_POLICY_BATCH] = SCHED_BATCH,
	[IOL_CPU_POLICY_FIFO] = SCHED_FIFO,
	[IOL_CPU_POLICY_RR] = SCHED_RR,
};

static bool is_real_time(const struct iol_cpu_place *place)
{
	return place->policy == IOL_CPU_POLICY_FIFO || place->policy == IOL_CPU_POLICY_RR;
}

static const cpu_set_t *set_of(const struct iol_cpu_place *place, unsigned int idx)
{
	return &place->sets[place->pin == IOL_PIN_EACH ? idx : 0];
}

/* --- one thread --- */

static int refuse_missing(const cpu_set_t *missing, const char *whose, struct iol_error *err)
{
	char text[IOL_PLACE_SET_TEXT_BYTES], has[IOL_PLACE_SET_TEXT_BYTES];
	cpu_set_t online, away;

	if (!iol_host_cpus("/sys/devices/system/cpu/online", &online))
		online = *missing;
	CPU_AND(&away, missing, &online);
	CPU_XOR(&away, missing, &away);
	if (CPU_COUNT(&away))
		return iol_error_set(
			err, -EINVAL,
			"%s cannot be pinned to host CPU %s, which is not online: the host "
			"has %s",
			whose, iol_cpu_set_format(&away, text), iol_cpu_set_format(&online, has));
	return iol_error_set(err, -EINVAL,
			     "%s cannot be pinned to host CPU %s, which is not in iolite's cpuset: "
			     "give others, or widen the control group (cpuset.cpus, AllowedCPUs=)",
			     whose, iol_cpu_set_format(missing, text));
}

/* All of @set, or it is refused. */
static int pin(const cpu_set_t *set, const char *whose, struct iol_error *err)
{
	char text[IOL_PLACE_SET_TEXT_BYTES];
	cpu_set_t got;

	if (!sched_setaffinity(0, sizeof(*set), set) && !sched_getaffinity(0, sizeof(got), &got)) {
		if (CPU_EQUAL(set, &got))
			return 0;
		CPU_AND(&got, set, &got);
	} else if (errno == EINVAL) {
		CPU_ZERO(&got); /* none of them */
	} else {
		return iol_error_errno(err, -errno, "%s cannot be pinned to host CPU %s", whose,
				       iol_cpu_set_format(set, text));
	}
	CPU_XOR(&got, set, &got);
	return refuse_missing(&got, whose, err);
}

/* What is forked by the thread has it not: neither children nor threads. */
static int set_policy(const struct iol_cpu_place *place, const char *whose, struct iol_error *err)
{
	const struct sched_param param = { .sched_priority = (int)place->priority };
	const char *name = iol_cpu_policy_name(place->policy);
	struct rlimit limit = { 0 };
	int code;

	if (place->policy == IOL_CPU_POLICY_INHERIT ||
	    !sched_setscheduler(0, policies[place->policy] | SCHED_RESET_ON_FORK, &param))
		return 0;
	code = -errno;
	getrlimit(RLIMIT_RTPRIO, &limit);
	if (code == -EPERM && is_real_time(place) && limit.rlim_cur < place->priority)
		return iol_error_set(
			err, code,
			"%s cannot have the policy %s:%u: the limit of real-time "
			"priorities is %ju (ulimit -r, LimitRTPRIO=): raise it to %u, or "
			"give CAP_SYS_NICE",
			whose, name, place->priority, (uintmax_t)limit.rlim_cur, place->priority);
	if (code == -EPERM && is_real_time(place))
		return iol_error_set(
			err, code,
			"%s cannot have the policy %s:%u: the control group has no "
			"real-time share (cpu.rt_runtime_us), or a filter of system calls "
			"forbids it",
			whose, name, place->priority);
	return iol_error_errno(err, code, "%s cannot have the policy %s", whose, name);
}

bool iol_cpu_place_wanted(const struct iol_config *config)
{
	const struct iol_cpu_place *place = &config->cpu_place;

	return place->pin != IOL_PIN_NONE || place->policy != IOL_CPU_POLICY_INHERIT ||
	       place->pin_loop;
}

int iol_cpu_place_vcpu(const struct iol_vm *vm, unsigned int idx, struct iol_error *err)
{
	const struct iol_cpu_place *place = &vm->config->cpu_place;
	char whose[32];
	int ret = 0;

	snprintf(whose, sizeof(whose), "vCPU %u", idx);
	if (place->pin != IOL_PIN_NONE)
		ret = pin(set_of(place, idx), whose, err);
	else if (
		place->pin_loop) /* back from where its creator is pinned; a wish, as it was the host's */
		sched_setaffinity(0, sizeof(vm->host_cpus), &vm->host_cpus);
	return ret ? ret : set_policy(place, whose, err);
}

/* --- the loop --- */

int iol_cpu_place_loop(struct iol_vm *vm, struct iol_error *err)
{
	const struct iol_cpu_place *place = &vm->config->cpu_place;
	int ret;

	if (!place->pin_loop)
		return 0;
	ret = pin(&place->loop, "the event loop (loop-pin)", err);
	if (ret)
		return ret;
	ret = io_uring_register_iowq_aff(&vm->loop.ring, sizeof(place->loop), &place->loop);
	if (ret == -EINVAL) /* Linux before 5.14 */
		iol_log(IOL_LOG_WARN, "this kernel cannot pin the workers of io_uring (loop-pin): "
				      "they run on any CPU");
	else if (ret)
		return iol_error_errno(err, ret, "cannot pin the workers of io_uring (loop-pin)");
	return 0;
}

/* CPUs that vCPUs are pinned to, all of them together. */
static void union_of_vcpus(const struct iol_cpu_place *place, cpu_set_t *all)
{
	CPU_ZERO(all);
	for (unsigned int i = 0; i < place->set_count; i++)
		CPU_OR(all, all, &place->sets[i]);
}

bool iol_cpu_place_loop_has_own(const struct iol_vm *vm)
{
	const struct iol_cpu_place *place = &vm->config->cpu_place;
	cpu_set_t set, vcpus;

	if (sched_getaffinity(0, sizeof(set), &set))
		return false;
	if (place->pin == IOL_PIN_NONE)
		return !place->pin_loop && (unsigned int)CPU_COUNT(&set) > vm->config->cpus;
	union_of_vcpus(place, &vcpus);
	CPU_AND(&vcpus, &set, &vcpus);
	return CPU_COUNT(&vcpus) < CPU_COUNT(&set);
}

/* --- before all else --- */

struct trial {
	struct iol_vm *vm;
	struct iol_error *err;
	int ret;
};

static void *try_all(void *arg)
{
	struct trial *trial = arg;
	const struct iol_cpu_place *place = &trial->vm->config->cpu_place;

	if (place->pin_loop)
		trial->ret = pin(&place->loop, "the event loop (loop-pin)", trial->err);
	for (unsigned int i = 0; i < trial->vm->config->cpus && !trial->ret; i++)
		trial->ret = iol_cpu_place_vcpu(trial->vm, i, trial->err);
	return NULL;
}

/* It would wait for the other one, perhaps for ever; people do it to try things out. */
static void warn_of_shared(const struct iol_config *config)
{
	const struct iol_cpu_place *place = &config->cpu_place;
	char text[IOL_PLACE_SET_TEXT_BYTES];
	cpu_set_t all;

	union_of_vcpus(place, &all);
	if (place->pin != IOL_PIN_NONE && (unsigned int)CPU_COUNT(&all) < config->cpus)
		iol_log(IOL_LOG_WARN,
			"cpus: %u vCPUs are pinned to host CPU %s: some of them wait while others "
			"run%s",
			config->cpus, iol_cpu_set_format(&all, text),
			is_real_time(place) ? ", with a real-time policy for ever" : "");
	if (!is_real_time(place) || !place->pin_loop || place->pin == IOL_PIN_NONE)
		return;
	CPU_AND(&all, &all, &place->loop);
	if (CPU_EQUAL(&all, &place->loop))
		iol_log(IOL_LOG_WARN,
			"cpus: host CPU %s is the event loop's and of vCPUs with a real-time policy, "
			"which do not let it run while they have work: give loop-pin another one",
			iol_cpu_set_format(&all, text));
}

int iol_cpu_place_check(struct iol_vm *vm, struct iol_error *err)
{
	struct trial trial = { .vm = vm, .err = err };
	pthread_t thread;
	int ret;

	if (!iol_cpu_place_wanted(vm->config))
		return 0;
	sched_getaffinity(0, sizeof(vm->host_cpus), &vm->host_cpus);
	ret = pthread_create(&thread, NULL, try_all, &trial);
	if (ret)
		return iol_error_errno(err, -ret, "cannot start a thread");
	pthread_join(thread, NULL);
	if (!trial.ret)
		warn_of_shared(vm->config);
	return trial.ret;
}

/* --- what was granted --- */

static const char *name_of(int policy)
{
	for (int i = IOL_CPU_POLICY_OTHER; i < IOL_CPU_POLICY_COUNT; i++)
		if (policies[i] == policy)
			return iol_cpu_policy_name((enum iol_cpu_policy)i);
	return "another";
}

int iol_cpu_granted(const struct iol_vm *vm, int idx, struct iol_cpu_granted *granted,
		    struct iol_error *err)
{
	struct sched_param param;
	int policy;

	*granted = (struct iol_cpu_granted){
		.tid = idx == IOL_LOOP_THREAD ? vm->loop_tid : vm->vcpus[idx].tid,
	};
	if (!granted->tid)
		return iol_error_set(err, -ESRCH, "the thread has not started");
	policy = sched_getscheduler(granted->tid);
	if (policy < 0 || sched_getparam(granted->tid, &param) ||
	    sched_getaffinity(granted->tid, sizeof(granted->cpus), &granted->cpus))
		return iol_error_errno(err, -errno, "cannot look at thread %d", (int)granted->tid);
	granted->policy = policy & ~SCHED_RESET_ON_FORK;
	granted->policy_name = name_of(granted->policy);
	granted->priority = (unsigned int)param.sched_priority;
	return 0;
}
