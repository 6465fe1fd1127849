// SPDX-License-Identifier: Apache-2.0
/*
 * Debugging on a real KVM of a Power host: registers there and back, steps, a breakpoint, the guest's memory. Without one, as
 * under qemu-user, it is skipped.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "arch/powerpc/debug.h"
#include "arch/powerpc/kvm_ppc.h"

#define GUEST_BYTES (128 * IOL_KIB)
#define CODE_GPA UINT64_C(0x10000)
#define VECTOR_GPA UINT64_C(0x10700)
#define NOWHERE_GPA UINT64_C(0x100000)
enum { AT_TRAP = 12, WORD = 4 };

static const uint32_t code[] = {
	0x38600005, /* li r3, 5 */
	0x38630001, /* addi r3, r3, 1 */
	0x48000004, /* b .+4 */
	0x60000000, /* nop: the trap's place */
	0x38630001, /* addi r3, r3, 1 */
	0x90640000, /* stw r3, 0(r4): no memory is there */
	0x48000000, /* b . */
};
static const uint32_t vector[] = {
	0x90640004, /* stw r3, 4(r4) */
	0x48000000, /* b . */
};

static int kvm_fd = -1;
static struct iol_debug_caps caps;

/* A machine of one vCPU, as far as its debugger sees. */
struct fixture {
	struct iol_kvm_probe probe;
	struct iol_vm vm;
	struct iol_vcpu vcpu;
	struct iol_ppc_vm ppc;
	uint8_t buf[IOL_GDB_REGISTERS_BYTES_MAX];
};

static const struct iol_arch_debug_ops *ops;

static void put_word(struct fixture *f, uint64_t gpa, uint32_t word)
{
	char *place = iol_memory_ptr(&f->vm.memory, gpa, WORD);

	be32_store(place, word);
	__builtin___clear_cache(place, place + WORD);
}

static void put_code(struct fixture *f, uint64_t gpa, const uint32_t *words, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		put_word(f, gpa + UINT64_C(4) * i, words[i]);
}

static void set_vectors(struct fixture *f)
{
	struct kvm_sregs sregs;

	memset(&sregs, 0, sizeof(sregs));
	g_assert_no_errno(ioctl(f->vcpu.fd, KVM_GET_SREGS, &sregs));
	f->vm.layout.facts.pvr = sregs.pvr;
	f->vm.layout.machine = iol_ppc_machine_by_pvr(sregs.pvr)->name;
	sregs.u.e.ivpr = VECTOR_GPA & ~UINT64_C(0xffff);
	for (unsigned int i = 0; i < G_N_ELEMENTS(sregs.u.e.ivor_low); i++)
		sregs.u.e.ivor_low[i] = VECTOR_GPA & 0xffff;
	g_assert_no_errno(ioctl(f->vcpu.fd, KVM_SET_SREGS, &sregs));
}

static void setup(struct fixture *f, const void *data)
{
	const struct iol_memory_region ram = { .gpa = 0, .size_bytes = GUEST_BYTES };
	struct kvm_regs regs = { .pc = CODE_GPA };
	struct iol_error err = { 0 };

	(void)data;
	g_assert_cmpint(iol_kvm_probe_init(&f->probe, kvm_fd, 0, &ram, &err), ==, 0);
	g_assert_cmpint(iol_ppc_probe_add_vcpu(&f->probe, kvm_fd, CODE_GPA, &f->ppc.cpus[0].tlb,
					       &err),
			==, 0);
	f->vm.kvm_fd = kvm_fd;
	f->vm.vm_fd = f->probe.vm_fd;
	f->vm.memory = f->probe.memory;
	f->vm.arch_state = &f->ppc;
	f->vm.vcpus = &f->vcpu;
	f->vm.vcpu_count = 1;
	pthread_mutex_init(&f->vm.vcpu_lock, NULL);
	f->vcpu.vm = &f->vm;
	f->vcpu.fd = f->probe.vcpu_fd;
	f->vcpu.run = f->probe.run;
	set_vectors(f);
	put_code(f, CODE_GPA, code, G_N_ELEMENTS(code));
	put_code(f, VECTOR_GPA, vector, G_N_ELEMENTS(vector));
	regs.gpr[4] = NOWHERE_GPA;
	g_assert_no_errno(ioctl(f->vcpu.fd, KVM_SET_REGS, &regs));
}

static void teardown(struct fixture *f, const void *data)
{
	(void)data;
	iol_kvm_probe_finish(&f->probe);
	free(f->ppc.cpus[0].tlb);
	g_free(f->ppc.gdb);
	pthread_mutex_destroy(&f->vm.vcpu_lock);
}

/* The register of that name in f->buf, which is read anew. */
static unsigned int number_of(struct fixture *f, const char *name)
{
	ops->describe(&f->vm);
	for (unsigned int n = 0; n < f->ppc.gdb->count; n++)
		if (!strcmp(f->ppc.gdb->registers[n].name, name))
			return n;
	g_error("no register %s", name);
}

static uint64_t get(struct fixture *f, const char *name)
{
	unsigned int n = number_of(f, name);

	g_assert_cmpint(ops->read_registers(&f->vcpu, f->buf), ==, 0);
	return iol_ppc_gdb_get(f->ppc.gdb, n, f->buf);
}

static int set(struct fixture *f, const char *name, uint64_t value)
{
	unsigned int n = number_of(f, name);

	memset(f->buf, 0xa5, sizeof(f->buf));
	iol_ppc_gdb_put(f->ppc.gdb, n, f->buf, value);
	return ops->write_registers(&f->vcpu, n, 1, f->buf);
}

static void run(struct fixture *f, const struct iol_debug_setup *s, struct iol_debug_hit *hit)
{
	int ret;

	g_assert_cmpint(ops->setup(&f->vcpu, &caps, s), ==, 0);
	do {
		ret = ioctl(f->vcpu.fd, KVM_RUN, 0UL);
		/* KVM tells of an instruction that it makes an interrupt of. */
	} while ((ret && errno == EINTR) || (!ret && f->vcpu.run->exit_reason == KVM_EXIT_UNKNOWN));
	g_assert_no_errno(ret);
	*hit = (struct iol_debug_hit){ .kind = IOL_DEBUG_NO_HIT };
	if (f->vcpu.run->exit_reason == KVM_EXIT_DEBUG)
		ops->caught(&f->vcpu, f->vcpu.run, s, hit);
}

/* What the test guest stored where no memory is; r3 when it came there. */
static uint32_t run_to_end(struct fixture *f, uint64_t gpa)
{
	const struct iol_debug_setup none = { .step = false };
	struct iol_debug_hit hit;

	run(f, &none, &hit);
	g_assert_cmpuint(f->vcpu.run->exit_reason, ==, KVM_EXIT_MMIO);
	g_assert_cmphex(f->vcpu.run->mmio.phys_addr, ==, gpa);
	return be32_load(f->vcpu.run->mmio.data);
}

static void test_registers(struct fixture *f, const void *data)
{
	static const char *const names[] = { "r0",    "r31",   "lr",    "ctr",   "cr",   "srr0",
					     "sprg0", "sprg7", "csrr0", "dear",  "mas0", "mas2",
					     "ivor3", "iac1",  "dac2",  "mcsrr0" };
	const struct iol_gdb_description *d = ops->describe(&f->vm);
	uint64_t pc;

	(void)data;
	g_assert_nonnull(d);
	for (unsigned int i = 0; i < G_N_ELEMENTS(names); i++) {
		g_test_message("%s", names[i]);
		g_assert_cmpint(set(f, names[i], 0x1010 + i), ==, 0);
	}
	for (unsigned int i = 0; i < G_N_ELEMENTS(names); i++) {
		g_test_message("%s", names[i]);
		g_assert_cmphex(get(f, names[i]), ==, 0x1010 + i);
	}
	g_assert_cmphex(get(f, "pc"), ==, CODE_GPA);
	g_assert_cmphex(get(f, "r4"), ==, NOWHERE_GPA);
	g_assert_cmphex(get(f, "pvr"), ==, f->vm.layout.facts.pvr);
	g_assert_cmpint(set(f, "pvr", f->vm.layout.facts.pvr), ==, 0);
	g_assert_cmpint(set(f, "pvr", 1), ==, -EPERM);
	g_assert_cmpint(ops->set_pc(&f->vcpu, CODE_GPA + 4), ==, 0);
	g_assert_cmpint(ops->get_pc(&f->vcpu, &pc), ==, 0);
	g_assert_cmphex(pc, ==, CODE_GPA + 4);
	/* All there, and back again: what cannot be set apart. */
	g_assert_cmpint(ops->read_registers(&f->vcpu, f->buf), ==, 0);
	g_assert_cmpint(ops->write_registers(&f->vcpu, 0, d->features[0]->count, f->buf), ==, 0);
	g_assert_cmpint(ops->write_registers(&f->vcpu, f->ppc.gdb->count, 1, f->buf), ==, -EINVAL);
	g_assert_cmpint(ops->write_registers(&f->vcpu, 1, UINT32_MAX, f->buf), ==, -EINVAL);
}

/*
 * Linux 6.1's KVM on QEMU's e500v2 loses about one step in fifty: the guest runs on, to its store. Whether that is KVM's fault
 * or QEMU's is not known. So a step may be tried again, from the code's start.
 */
enum { TRIES = 6 };

static bool step_once(struct fixture *f, const struct iol_debug_setup *s, struct iol_debug_hit *hit)
{
	run(f, s, hit);
	g_test_message("exit %u at 0x%" G_GINT64_MODIFIER "x", f->vcpu.run->exit_reason,
		       get(f, "pc"));
	if (f->vcpu.run->exit_reason == KVM_EXIT_DEBUG)
		return true;
	g_assert_cmpuint(f->vcpu.run->exit_reason, ==, KVM_EXIT_MMIO);
	g_test_message("the step was lost");
	f->vcpu.run->immediate_exit = 1;
	g_assert_cmpint(ioctl(f->vcpu.fd, KVM_RUN, 0UL), ==, -1);
	f->vcpu.run->immediate_exit = 0;
	g_assert_cmpint(ops->set_pc(&f->vcpu, CODE_GPA), ==, 0);
	return false;
}

static bool step_through(struct fixture *f)
{
	static const struct {
		uint64_t pc, r3;
	} steps[] = { { 4, 5 }, { 8, 6 }, { 12, 6 }, { 16, 6 }, { 20, 7 } };
	const struct iol_debug_setup step = { .step = true };
	struct iol_debug_hit hit;

	for (unsigned int i = 0; i < G_N_ELEMENTS(steps); i++) {
		g_test_message("step %u", i);
		if (!step_once(f, &step, &hit))
			return false;
		g_assert_cmpint(hit.kind, ==, IOL_DEBUG_HIT_STEP);
		g_assert_cmphex(get(f, "pc"), ==, CODE_GPA + steps[i].pc);
		g_assert_cmphex(get(f, "r3"), ==, steps[i].r3);
	}
	return true;
}

static void test_step(struct fixture *f, const void *data)
{
	unsigned int tries = 0;

	(void)data;
	if (!caps.steps) {
		g_test_skip("this KVM does not step");
		return;
	}
	while (!step_through(f))
		g_assert_cmpuint(++tries, <, TRIES);
	g_assert_cmphex(run_to_end(f, NOWHERE_GPA), ==, 7);
}

static void test_trap(struct fixture *f, const void *data)
{
	const struct iol_debug_setup traps = { .traps = true },
				     both = { .traps = true, .step = true };
	struct iol_debug_hit hit;

	(void)data;
	if (!caps.trap_bytes) {
		g_test_skip("this KVM has no breakpoints");
		return;
	}
	put_word(f, CODE_GPA + AT_TRAP, be32_load(caps.trap));
	run(f, &traps, &hit);
	g_assert_cmpuint(f->vcpu.run->exit_reason, ==, KVM_EXIT_DEBUG);
	g_assert_cmpint(hit.kind, ==, IOL_DEBUG_HIT_TRAP);
	g_assert_cmphex(get(f, "pc"), ==, CODE_GPA + AT_TRAP);
	g_assert_cmphex(get(f, "r3"), ==, 6);
	/* It is met again, also by a step. */
	if (caps.steps) {
		run(f, &both, &hit);
		g_assert_cmpint(hit.kind, ==, IOL_DEBUG_HIT_TRAP);
		g_assert_cmphex(get(f, "pc"), ==, CODE_GPA + AT_TRAP);
	}
	put_word(f, CODE_GPA + AT_TRAP, code[AT_TRAP / WORD]);
	if (caps.steps && step_once(f, &both, &hit)) {
		g_assert_cmpint(hit.kind, ==, IOL_DEBUG_HIT_STEP);
		g_assert_cmphex(get(f, "pc"), ==, CODE_GPA + AT_TRAP + WORD);
	}
	g_assert_cmphex(run_to_end(f, NOWHERE_GPA), ==, 7);
}

/* A trap that is the guest's own is to it what any instruction is that nobody knows. */
static void test_give_back(struct fixture *f, const void *data)
{
	static const char *const names[] = { "srr0", "srr1", "esr", "msr" };
	const struct iol_debug_setup traps = { .traps = true };
	uint64_t alone[G_N_ELEMENTS(names)];
	struct iol_debug_hit hit;

	(void)data;
	if (!caps.trap_bytes) {
		g_test_skip("this KVM has no breakpoints");
		return;
	}
	put_word(f, CODE_GPA + AT_TRAP, 0);
	g_assert_cmphex(run_to_end(f, NOWHERE_GPA + 4), ==, 6);
	for (unsigned int i = 0; i < G_N_ELEMENTS(names); i++)
		alone[i] = get(f, names[i]);
	g_assert_cmphex(alone[0], ==, CODE_GPA + AT_TRAP);
	/* Over with the store, and once more. */
	f->vcpu.run->immediate_exit = 1;
	g_assert_cmpint(ioctl(f->vcpu.fd, KVM_RUN, 0UL), ==, -1);
	f->vcpu.run->immediate_exit = 0;
	put_word(f, CODE_GPA + AT_TRAP, be32_load(caps.trap));
	g_assert_cmpint(set(f, "esr", 0), ==, 0);
	g_assert_cmpint(set(f, "srr0", 0), ==, 0);
	g_assert_cmpint(ops->set_pc(&f->vcpu, CODE_GPA), ==, 0);
	run(f, &traps, &hit);
	g_assert_cmpint(hit.kind, ==, IOL_DEBUG_HIT_TRAP);
	g_assert_cmpint(ops->give_back(&f->vcpu), ==, 0);
	g_assert_cmphex(get(f, "pc"), ==, VECTOR_GPA);
	g_assert_cmphex(run_to_end(f, NOWHERE_GPA + 4), ==, 6);
	for (unsigned int i = 0; i < G_N_ELEMENTS(names); i++) {
		g_test_message("%s", names[i]);
		g_assert_cmphex(get(f, names[i]), ==, alone[i]);
	}
}

/* KVM stops for a trap also where there is no debugger. */
static void test_no_debugger(struct fixture *f, const void *data)
{
	const struct iol_debug_setup none = { .step = false };
	struct iol_debug_hit hit;

	(void)data;
	if (!caps.trap_bytes) {
		g_test_skip("this KVM has no breakpoints");
		return;
	}
	put_word(f, CODE_GPA + AT_TRAP, be32_load(caps.trap));
	run(f, &none, &hit);
	if (f->vcpu.run->exit_reason == KVM_EXIT_DEBUG) {
		g_assert_cmpint(iol_ppc_kvm_ops.handle_exit(&f->vcpu), ==, IOL_VCPU_CONTINUE);
		run(f, &none, &hit);
	}
	g_assert_cmpuint(f->vcpu.run->exit_reason, ==, KVM_EXIT_MMIO);
	g_assert_cmphex(f->vcpu.run->mmio.phys_addr, ==, NOWHERE_GPA + 4);
	g_assert_cmphex(get(f, "srr0"), ==, CODE_GPA + AT_TRAP);
	g_assert_cmphex(get(f, "esr"), ==, 0x08000000);
}

/* Instructions that KVM does itself may not count: then the step ends behind the next one that the processor does. */
static void test_step_emulated(struct fixture *f, const void *data)
{
	static const uint32_t words[] = {
		0x7cdf42a6, /* mfspr r6, PVR */
		0x7cd143a6, /* mtspr SPRG1, r6 */
		0x7ce000a6, /* mfmsr r7 */
		0x60000000, /* nop */
		0x90640000, /* stw r3, 0(r4): to the end, where a step is lost */
	};
	const struct iol_debug_setup step = { .step = true };
	unsigned int tries = 0;
	struct iol_debug_hit hit;
	uint64_t pc;

	(void)data;
	if (!caps.steps) {
		g_test_skip("this KVM does not step");
		return;
	}
	put_code(f, CODE_GPA, words, G_N_ELEMENTS(words));
	while (!step_once(f, &step, &hit))
		g_assert_cmpuint(++tries, <, TRIES);
	g_assert_cmpint(hit.kind, ==, IOL_DEBUG_HIT_STEP);
	pc = get(f, "pc");
	g_test_message("the first step ends at 0x%" G_GINT64_MODIFIER "x", pc);
	g_assert_true(pc == CODE_GPA + 4 || pc == CODE_GPA + 16);
	g_assert_cmphex(get(f, "r6"), ==, f->vm.layout.facts.pvr);
	if (pc != CODE_GPA + 4) {
		g_assert_nonnull(strstr(caps.text, "KVM does itself"));
		g_assert_cmphex(get(f, "sprg1"), ==, f->vm.layout.facts.pvr);
	}
}

static void test_memory(struct fixture *f, const void *data)
{
	uint64_t gpa, left;

	(void)data;
	g_assert_cmpint(ops->translate(&f->vcpu, 0x10004, &gpa, &left), ==, 0);
	g_assert_cmphex(gpa, ==, 0x10004);
	g_assert_cmphex(left, ==, 64 * IOL_MIB - 0x10004);
	g_assert_cmpint(ops->translate(&f->vcpu, 64 * IOL_MIB, &gpa, &left), ==, -EFAULT);
}

static void test_activity(struct fixture *f, const void *data)
{
	(void)data;
	g_assert_cmpstr(ops->activity(&f->vcpu), ==, NULL);
	f->vcpu.parked = true;
	g_assert_cmpstr(ops->activity(&f->vcpu), ==, "parked");
}

/* More than there are, and what there is none of. */
static void test_refused(struct fixture *f, const void *data)
{
	struct iol_debug_setup s = { .hard_count = 3 };

	(void)data;
	for (unsigned int i = 0; i < s.hard_count; i++)
		s.hard[i] = (struct iol_debug_point){ IOL_GDB_HARD_BREAK, CODE_GPA, 4 };
	g_assert_cmpint(ops->setup(&f->vcpu, &caps, &s), ==, caps.hard_breaks ? -ENOSPC : -ENOTSUP);
	s.hard_count = 0;
	g_assert_cmpint(ops->setup(&f->vcpu, &caps, &s), ==, 0);
}

/* A reason why there is nothing to test on; NULL: there is KVM. */
static const char *missing(void)
{
	kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm_fd < 0)
		return "there is no /dev/kvm";
	if (ioctl(kvm_fd, KVM_CHECK_EXTENSION, (unsigned long)KVM_CAP_PPC_BOOKE_SREGS) <= 0)
		return "/dev/kvm is none for Book E";
	return NULL;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*test)(struct fixture *f, const void *data);
	} tests[] = {
		{ "/ppc-kvm-debug/registers", test_registers },
		{ "/ppc-kvm-debug/step", test_step },
		{ "/ppc-kvm-debug/trap", test_trap },
		{ "/ppc-kvm-debug/give-back", test_give_back },
		{ "/ppc-kvm-debug/no-debugger", test_no_debugger },
		{ "/ppc-kvm-debug/step-emulated", test_step_emulated },
		{ "/ppc-kvm-debug/memory", test_memory },
		{ "/ppc-kvm-debug/activity", test_activity },
		{ "/ppc-kvm-debug/refused", test_refused },
	};
	struct iol_error err = { 0 };
	const char *reason;

	g_test_init(&argc, &argv, NULL);
	reason = missing();
	if (reason) {
		g_printerr("skipped: %s\n", reason);
		return 77;
	}
	ops = iol_ppc_kvm_ops.debug;
	if (ops->probe(kvm_fd, &caps, &err)) {
		g_printerr("skipped: %s\n", err.msg);
		return 77;
	}
	g_printerr("debugging: %s; trap 0x%08x\n", caps.text, be32_load(caps.trap));
	for (unsigned int i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add(tests[i].name, struct fixture, NULL, setup, tests[i].test, teardown);
	return g_test_run();
}
