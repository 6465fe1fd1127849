// SPDX-License-Identifier: Apache-2.0
/* What a machine says of the places that it was granted, before the guest runs: as the library has it, on a real KVM. */
#include <iolite/place.h>

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include <iolite/vm.h>

enum { CPUS = 2, EXIT_SKIP = 77 };

#define MEMORY "64M,prealloc,hugepages=none"

struct machine {
	struct iol_config config;
	struct iol_vm *vm;
	cpu_set_t ours;
};

/* Any one that we may run on. */
static unsigned int first_cpu(const cpu_set_t *set)
{
	unsigned int cpu = 0;

	while (cpu < CPU_SETSIZE - 1 && !CPU_ISSET(cpu, set))
		cpu++;
	return cpu;
}

static void machine_init(struct machine *m, const char *cpus)
{
	struct iol_error err = { 0 };

	g_assert_cmpint(sched_getaffinity(0, sizeof(m->ours), &m->ours), ==, 0);
	iol_config_init(&m->config);
	m->config.kernel = g_strdup(GUEST_DIR "/spin");
	m->config.serials[0].kind = IOL_CHAR_NULL;
	if (iol_config_set_cpus(&m->config, cpus, &err) ||
	    iol_config_set_memory(&m->config, MEMORY, &err) || iol_config_check(&m->config, &err) ||
	    iol_vm_new(&m->config, &m->vm, &err))
		g_error("%s: %s", cpus, err.msg);
}

static void machine_finish(struct machine *m)
{
	iol_vm_free(m->vm);
	iol_config_finish(&m->config);
	g_assert_cmpint(sched_setaffinity(0, sizeof(m->ours), &m->ours), ==, 0);
}

static void check_thread(const struct machine *m, int idx, const cpu_set_t *cpus, int policy)
{
	struct iol_cpu_granted granted;
	struct iol_error err = { 0 };

	if (iol_cpu_granted(m->vm, idx, &granted, &err))
		g_error("thread %d: %s", idx, err.msg);
	g_assert_cmpint(granted.tid, >, 0);
	g_assert_true(CPU_EQUAL(&granted.cpus, cpus));
	g_assert_cmpint(granted.policy, ==, policy);
	g_assert_cmpuint(granted.priority, ==, 0);
	g_assert_cmpstr(granted.policy_name, ==, policy == SCHED_BATCH ? "batch" : "other");
}

static void test_cpus(void)
{
	struct machine m;
	cpu_set_t one;
	g_autofree char *text = NULL;
	struct iol_cpu_granted granted;
	struct iol_error err = { 0 };

	sched_getaffinity(0, sizeof(one), &one);
	text = g_strdup_printf("%d,loop-pin=%u,policy=batch", CPUS, first_cpu(&one));
	machine_init(&m, text);
	g_assert_cmpint(iol_cpu_granted(m.vm, 0, &granted, &err), ==, -ESRCH);
	g_assert_cmpint(iol_vcpus_start(m.vm, &err), ==, 0);
	for (int i = 0; i < CPUS; i++)
		check_thread(&m, i, &m.ours, SCHED_BATCH);
	CPU_ZERO(&one);
	CPU_SET(first_cpu(&m.ours), &one);
	check_thread(&m, IOL_LOOP_THREAD, &one, sched_getscheduler(0));
	machine_finish(&m);
}

/* A vCPU that cannot be where it belongs, though it could when it was tried: nothing of the guest runs. */
static void test_lost_cpu(void)
{
	struct machine m;
	struct iol_error err = { 0 };

	machine_init(&m, "2,policy=batch");
	m.config.cpu_place.pin = IOL_PIN_SHARED;
	m.config.cpu_place.set_count = 1;
	CPU_ZERO(&m.config.cpu_place.sets[0]);
	CPU_SET(CPU_SETSIZE - 1, &m.config.cpu_place.sets[0]);
	iol_vcpus_resume(m.vm);
	g_assert_cmpint(iol_vcpus_start(m.vm, &err), ==, -EINVAL);
	g_assert_true(g_str_has_prefix(err.msg, "vCPU 0 cannot be pinned to host CPU 1023, which"));
	for (unsigned int i = 0; i < CPUS; i++)
		for (unsigned int kind = 0; kind < IOL_EXIT_KIND_COUNT; kind++)
			g_assert_cmpuint(iol_vcpu_exits(&m.vm->vcpus[i], kind), ==, 0);
	machine_finish(&m);
}

static void test_memory(void)
{
	struct machine m;
	struct iol_memory_granted granted;
	struct iol_error err = { 0 };

	machine_init(&m, "1");
	if (iol_memory_granted(&m.vm->memory, &granted, &err))
		g_error("%s", err.msg);
	g_assert_cmpuint(granted.page_bytes, ==, (uint64_t)sysconf(_SC_PAGESIZE));
	g_assert_cmpuint(granted.present_bytes, ==, 64 * IOL_MIB);
	g_assert_cmpuint(granted.huge_bytes, ==, 0);
	g_assert_cmpuint(granted.locked_bytes, ==, 0);
	g_assert_true(granted.prealloc && !granted.shared && !granted.nodes);
	machine_finish(&m);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	if (access("/dev/kvm", R_OK | W_OK)) {
		g_print("1..0 # SKIP /dev/kvm is missing or forbidden\n");
		return EXIT_SKIP;
	}
	g_test_add_func("/machine/place/cpus", test_cpus);
	g_test_add_func("/machine/place/lost-cpu", test_lost_cpu);
	g_test_add_func("/machine/place/memory", test_memory);
	return g_test_run();
}
