// SPDX-License-Identifier: Apache-2.0
/*
 * x86_64's part of debugging against this host's KVM: a vCPU with a few instructions in flat 32-bit kernel mode, made as
 * the machine makes it. What the probe says does not work is not asked for.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arch/x86_64/kvm_x86.h"

enum { CODE = 0x1000, DATA = 0x2000, RAM_BYTES = 0x4000, RUNS_MAX = 16 };
enum { NOP = 0x90, HLT = 0xf4, INT3 = 0xcc };

static const struct iol_arch_debug_ops *const ops = &iol_x86_debug_ops;

static struct fixture {
	struct iol_config config;
	struct iol_vm vm;
	struct iol_vcpu vcpu;
	struct iol_kvm_probe probe; /* its machine is vm's */
	struct iol_debug_caps caps;
} * f;

#define ASSERT_OK(ret, err)                                            \
	do {                                                           \
		int ret_ = (ret);                                      \
		if (ret_)                                              \
			g_error("%s: %d, %s", #ret, ret_, (err)->msg); \
	} while (0)

static void setup(void)
{
	const struct iol_memory_region ram = { .gpa = 0, .size_bytes = RAM_BYTES };
	struct kvm_segment flat = { .limit = 0xffffffff, .present = 1, .s = 1, .db = 1, .g = 1 };
	struct kvm_regs regs = { .rip = CODE, .rflags = 2 };
	struct kvm_sregs sregs;
	struct iol_error err = { 0 };

	f = g_new0(struct fixture, 1);
	f->config.cpus = 1;
	f->vm.config = &f->config;
	f->vm.kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	g_assert_cmpint(f->vm.kvm_fd, >=, 0);
	ASSERT_OK(ops->probe(f->vm.kvm_fd, &f->caps, &err), &err);
	ASSERT_OK(iol_kvm_probe_init(&f->probe, f->vm.kvm_fd, 0, &ram, &err), &err);
	f->vm.vm_fd = f->probe.vm_fd;
	f->vm.memory = f->probe.memory;
	ASSERT_OK(iol_x86_kvm_ops.vm_init(&f->vm, &err), &err);
	ASSERT_OK(iol_kvm_probe_add_vcpu(&f->probe, f->vm.kvm_fd, &err), &err);
	f->vcpu.vm = &f->vm;
	f->vcpu.fd = f->probe.vcpu_fd;
	f->vcpu.run = f->probe.run;
	ASSERT_OK(iol_x86_kvm_ops.vcpu_init(&f->vcpu, &err), &err);

	g_assert_cmpint(ioctl(f->vcpu.fd, KVM_GET_SREGS, &sregs), ==, 0);
	flat.selector = 0x18;
	flat.type = 3;
	sregs.ds = sregs.es = sregs.ss = sregs.fs = sregs.gs = flat;
	flat.selector = 0x10;
	flat.type = 0xb;
	sregs.cs = flat;
	sregs.cr0 |= 1;
	g_assert_cmpint(ioctl(f->vcpu.fd, KVM_SET_SREGS, &sregs), ==, 0);
	g_assert_cmpint(ioctl(f->vcpu.fd, KVM_SET_REGS, &regs), ==, 0);
}

static void teardown(void)
{
	iol_x86_kvm_ops.vm_finish(&f->vm);
	iol_kvm_probe_finish(&f->probe);
	close(f->vm.kvm_fd);
	g_free(f);
	f = NULL;
}

static void code(const void *bytes, size_t count)
{
	uint8_t program[64];

	memset(program, HLT, sizeof(program));
	memcpy(program, bytes, count);
	g_assert_cmpint(iol_memory_write(&f->vm.memory, CODE, program, sizeof(program)), ==, 0);
}

static uint64_t pc(void)
{
	uint64_t value = 0;

	g_assert_cmpint(ops->get_pc(&f->vcpu, &value), ==, 0);
	return value;
}

/* To the next debug exit. */
static struct iol_debug_hit run(const struct iol_debug_setup *wanted)
{
	struct iol_debug_hit hit;
	int ret = -1;

	g_assert_cmpint(ops->setup(&f->vcpu, &f->caps, wanted), ==, 0);
	for (int i = 0; i < RUNS_MAX && ret; i++)
		ret = ioctl(f->vcpu.fd, KVM_RUN, 0UL);
	g_assert_cmpint(ret, ==, 0);
	g_assert_cmpuint(f->vcpu.run->exit_reason, ==, KVM_EXIT_DEBUG);
	ops->caught(&f->vcpu, f->vcpu.run, wanted, &hit);
	return hit;
}

/* --- registers --- */

static size_t all_bytes(const struct iol_gdb_description *d)
{
	size_t bits = 0;

	for (unsigned int i = 0; i < d->feature_count; i++)
		for (unsigned int r = 0; r < d->features[i]->count; r++)
			bits += d->features[i]->registers[r].bits;
	return bits / 8;
}

/* Number and place of a register. */
static unsigned int find(const char *name, size_t *offset, size_t *bytes)
{
	const struct iol_gdb_description *d = ops->describe(&f->vm);
	unsigned int n = 0;

	*offset = 0;
	for (unsigned int i = 0; i < d->feature_count; i++) {
		for (unsigned int r = 0; r < d->features[i]->count; r++, n++) {
			*bytes = d->features[i]->registers[r].bits / 8;
			if (!strcmp(d->features[i]->registers[r].name, name))
				return n;
			*offset += *bytes;
		}
	}
	g_error("there is no %s", name);
}

static unsigned int count(void)
{
	const struct iol_gdb_description *d = ops->describe(&f->vm);
	unsigned int n = 0;

	for (unsigned int i = 0; i < d->feature_count; i++)
		n += d->features[i]->count;
	return n;
}

static int write_one(const char *name, const void *value, size_t value_bytes)
{
	g_autofree uint8_t *buf = g_malloc0(IOL_GDB_REGISTERS_BYTES_MAX);
	size_t offset, bytes;
	unsigned int n = find(name, &offset, &bytes);

	memset(buf, 0xa5, IOL_GDB_REGISTERS_BYTES_MAX); /* nothing else may be looked at */
	memset(buf + offset, 0, bytes);
	memcpy(buf + offset, value, MIN(bytes, value_bytes));
	return ops->write_registers(&f->vcpu, n, 1, buf);
}

static void test_same(void)
{
	uint8_t before[IOL_GDB_REGISTERS_BYTES_MAX], after[IOL_GDB_REGISTERS_BYTES_MAX];
	size_t bytes = all_bytes(ops->describe(&f->vm));

	memset(before, 0x5a, sizeof(before));
	g_assert_cmpint(ops->read_registers(&f->vcpu, before), ==, 0);
	g_assert_cmpuint(before[bytes], ==, 0x5a); /* not one byte more */
	g_assert_cmpint(ops->write_registers(&f->vcpu, 0, count(), before), ==, 0);
	g_assert_cmpint(ops->read_registers(&f->vcpu, after), ==, 0);
	g_assert_cmpmem(before, bytes, after, bytes);
}

/* Each on its own: it changes, and nothing else does. */
static void test_each(void)
{
	static const struct {
		const char *name;
		uint64_t value;
	} values[] = {
		{ "rax", 0x1122334455667788 },
		{ "r15", 0xfedcba9876543210 },
		{ "rbp", 0x7ff0 },
		{ "rsp", 0x7fe0 },
		{ "rip", 0x1234 },
		{ "eflags", 0x893 },
		{ "ds", 0x28 },
		{ "fctrl", 0x27f },
		{ "fop", 0x123 },
		{ "fioff", 0x89abcdef },
		{ "mxcsr", 0x1fa0 },
		{ "fs_base", 0x123000 },
		{ "gs_base", 0x456000 },
		{ "cr2", 0xdead0000 },
		{ "cr3", 0x3000 },
		{ "cr8", 3 },
		{ "k_gs_base", 0x789000 },
		{ "gdt_base", 0x5000 },
		{ "gdt_limit", 0x7f },
		{ "idt_base", 0x6000 },
		{ "idt_limit", 0xfff },
		{ "dr0", 0x1000 },
		{ "dr3", 0x4000 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
		uint8_t wanted[IOL_GDB_REGISTERS_BYTES_MAX], now[IOL_GDB_REGISTERS_BYTES_MAX];
		size_t all = all_bytes(ops->describe(&f->vm)), offset, bytes;
		int ret;

		find(values[i].name, &offset, &bytes);
		g_assert_cmpint(ops->read_registers(&f->vcpu, wanted), ==, 0);
		memcpy(wanted + offset, &values[i].value, MIN(bytes, sizeof(uint64_t)));
		ret = write_one(values[i].name, &values[i].value, sizeof(uint64_t));
		if (ret)
			g_error("%s: %d", values[i].name, ret);
		g_assert_cmpint(ops->read_registers(&f->vcpu, now), ==, 0);
		for (size_t b = 0; b < all; b++)
			if (now[b] != wanted[b])
				g_error("%s: byte %zu (its own are at %zu) is %02x, not %02x",
					values[i].name, b, offset, now[b], wanted[b]);
	}
}

static void test_wide(void)
{
	static const char *const names[] = { "st0", "st7", "xmm0", "xmm15", "ymm0h", "ymm15h" };
	const struct iol_gdb_description *d = ops->describe(&f->vm);
	bool has_avx = d->general_features == 4;

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		uint8_t value[16], now[IOL_GDB_REGISTERS_BYTES_MAX];
		size_t offset, bytes;

		if (names[i][0] == 'y' && !has_avx)
			continue;
		for (size_t b = 0; b < sizeof(value); b++)
			value[b] = (uint8_t)(0x11 * (i + 1) + b);
		g_assert_cmpint(write_one(names[i], value, sizeof(value)), ==, 0);
		g_assert_cmpint(ops->read_registers(&f->vcpu, now), ==, 0);
		find(names[i], &offset, &bytes);
		if (memcmp(now + offset, value, bytes))
			g_error("%s is not what was written", names[i]);
	}
	g_test_message("AVX: %s", has_avx ? "yes" : "no");
}

/* The upper halves of AVX, also where KVM has them but does not tell guests of them. */
static void test_avx(void)
{
	struct iol_x86_vm *x86 = f->vm.arch_state;
	struct iol_error err;

	for (uint32_t i = 0; i < x86->cpuid->nent; i++)
		if (x86->cpuid->entries[i].function == 1)
			x86->cpuid->entries[i].ecx |= 7u << 26; /* XSAVE, OSXSAVE, AVX */
	ASSERT_OK(iol_x86_cpuid_set(&f->vcpu, &err), &err);
	if (ops->describe(&f->vm)->general_features != 4) {
		g_test_skip("this KVM has no AVX");
		return;
	}
	test_same();
	test_wide();
	test_each();
}

/* What KVM or the processor would not take changes nothing. */
static void test_senseless(void)
{
	static const struct {
		const char *name;
		uint64_t value;
	} values[] = {
		{ "mxcsr", 0xffffffff },  { "cr8", 16 },         { "cs", 0x10000 },
		{ "gdt_limit", 0x10000 }, { "dr7", UINT64_MAX }, { "cr0", 0x80000000 },
	};
	uint8_t before[IOL_GDB_REGISTERS_BYTES_MAX], after[IOL_GDB_REGISTERS_BYTES_MAX];
	size_t bytes = all_bytes(ops->describe(&f->vm));

	g_assert_cmpint(ops->read_registers(&f->vcpu, before), ==, 0);
	for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
		int ret = write_one(values[i].name, &values[i].value, sizeof(uint64_t));

		if (ret != -EINVAL)
			g_error("%s = %" PRIx64 ": %d", values[i].name, values[i].value, ret);
		g_assert_cmpint(ops->read_registers(&f->vcpu, after), ==, 0);
		g_assert_cmpmem(before, bytes, after, bytes);
	}
}

/* Of several that are written together, KVM takes the first and not the last: none is written. */
static void test_half(void)
{
	uint8_t before[IOL_GDB_REGISTERS_BYTES_MAX], wanted[IOL_GDB_REGISTERS_BYTES_MAX],
		after[IOL_GDB_REGISTERS_BYTES_MAX];
	size_t all = all_bytes(ops->describe(&f->vm)), offset, bytes;

	g_assert_cmpint(ops->read_registers(&f->vcpu, before), ==, 0);
	memcpy(wanted, before, all);
	find("rbx", &offset, &bytes);
	wanted[offset] ^= 0xff;
	find("fs_base", &offset, &bytes);
	wanted[offset] ^= 0xff;
	find("xmm3", &offset, &bytes);
	wanted[offset] ^= 0xff;
	find("dr7", &offset, &bytes);
	memset(wanted + offset, 0xff, bytes);
	g_assert_cmpint(ops->write_registers(&f->vcpu, 0, count(), wanted), ==, -EINVAL);
	g_assert_cmpint(ops->read_registers(&f->vcpu, after), ==, 0);
	g_assert_cmpmem(before, all, after, all);
	/* Without the one it is. */
	memcpy(wanted + offset, before + offset, bytes);
	g_assert_cmpint(ops->write_registers(&f->vcpu, 0, count(), wanted), ==, 0);
	g_assert_cmpint(ops->read_registers(&f->vcpu, after), ==, 0);
	g_assert_cmpmem(wanted, all, after, all);
}

/* The pc is linear: a selector of real mode is in it. */
static void test_real_mode(void)
{
	struct kvm_sregs sregs;
	uint64_t cs = 0x100, value = 0x1234;

	g_assert_cmpint(ioctl(f->vcpu.fd, KVM_GET_SREGS, &sregs), ==, 0);
	sregs.cr0 &= ~1ull;
	sregs.cs = (struct kvm_segment){ .limit = 0xffff, .type = 0xb, .present = 1, .s = 1 };
	g_assert_cmpint(ioctl(f->vcpu.fd, KVM_SET_SREGS, &sregs), ==, 0);
	g_assert_cmpint(ops->set_pc(&f->vcpu, 0x10), ==, 0);
	g_assert_cmpint(write_one("cs", &cs, sizeof(cs)), ==, 0);
	g_assert_cmphex(pc(), ==, 0x1010);
	g_assert_cmpint(write_one("rip", &value, sizeof(value)), ==, 0);
	g_assert_cmphex(pc(), ==, 0x1234);
	g_assert_cmpint(ioctl(f->vcpu.fd, KVM_GET_SREGS, &sregs), ==, 0);
	g_assert_cmphex(sregs.cs.base, ==, 0x1000);
}

/* --- stops --- */

static void test_caps(void)
{
	struct iol_debug_caps *caps = &f->caps;
	gint64 start_us = g_get_monotonic_time();
	struct iol_error err;

	g_assert_cmpint(ops->probe(f->vm.kvm_fd, caps, &err), ==, 0);
	g_test_message("%s (%d us)", caps->text, (int)(g_get_monotonic_time() - start_us));
	g_test_message("steps %d, trap of %u bytes, pc %u behind, port %d, breaks %u, watches %u",
		       caps->steps, caps->trap_bytes, caps->trap_pc_behind, caps->trap_port,
		       caps->hard_breaks, caps->hard_watches);
	g_assert_cmpuint(caps->trap_bytes, <=, IOL_DEBUG_TRAP_BYTES_MAX);
	g_assert_cmpint(caps->trap_port >= 0, ==, caps->trap_bytes == 2);
	g_assert_cmpuint(caps->trap_pc_behind, ==, caps->trap_port >= 0 ? 2 : 0);
	g_assert_false(caps->watch_reads);
	g_assert_cmpuint(strlen(caps->text), <, sizeof(caps->text) - 1);
}

/* A descriptor that is no KVM: nothing works, and that is said. */
static void test_no_kvm(void)
{
	struct iol_debug_caps caps;
	struct iol_error err;
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	g_assert_cmpint(ops->probe(fd, &caps, &err), ==, -ENOTSUP);
	g_assert_false(caps.steps);
	g_assert_cmpuint(caps.trap_bytes + caps.hard_breaks + caps.hard_watches, ==, 0);
	g_assert_cmpint(caps.trap_port, ==, -1);
	g_assert_cmpstr(caps.text, !=, "");
	close(fd);
}

static void test_step(void)
{
	/* mov eax, 1; nop; jmp +1; (hlt); inc eax */
	static const uint8_t program[] = { 0xb8, 1, 0, 0, 0, NOP, 0xeb, 1, HLT, 0x40 };
	static const uint64_t stops[] = { CODE + 5, CODE + 6, CODE + 9, CODE + 10 };
	static const struct iol_debug_setup step = { .step = true };

	if (!f->caps.steps) {
		g_test_skip("no steps on this KVM");
		return;
	}
	code(program, sizeof(program));
	for (size_t i = 0; i < G_N_ELEMENTS(stops); i++) {
		struct iol_debug_hit hit = run(&step);

		g_assert_cmpint((int)hit.kind, ==, IOL_DEBUG_HIT_STEP);
		g_assert_cmphex(pc(), ==, stops[i]);
	}
}

static void test_breaks(void)
{
	static const uint8_t program[] = { NOP, NOP, NOP, NOP, NOP, NOP };
	struct iol_debug_setup wanted = { .hard_count = f->caps.hard_breaks };

	if (!f->caps.hard_breaks) {
		g_test_skip("no hardware breakpoints on this KVM");
		return;
	}
	code(program, sizeof(program));
	for (unsigned int i = 0; i < wanted.hard_count; i++)
		wanted.hard[i] = (struct iol_debug_point){ IOL_GDB_HARD_BREAK, CODE + 1 + i, 1 };
	for (unsigned int i = 0; wanted.hard_count; i++) {
		struct iol_debug_hit hit = run(&wanted);

		g_assert_cmpint((int)hit.kind, ==, IOL_DEBUG_HIT_BREAK);
		g_assert_cmphex(hit.address, ==, CODE + 1 + i);
		g_assert_cmphex(hit.points, ==, 1);
		g_assert_cmphex(pc(), ==, CODE + 1 + i);
		wanted.hard_count--;
		memmove(wanted.hard, wanted.hard + 1, wanted.hard_count * sizeof(wanted.hard[0]));
	}
}

static void test_watch(void)
{
	static const uint8_t program[] = { NOP, 0xa3, 0, 0x20, 0, 0, NOP }; /* mov [DATA], eax */
	static const struct iol_debug_setup wanted = {
		.hard_count = 1,
		.hard = { { IOL_GDB_WATCH_WRITE, DATA, 4 } },
	};
	struct iol_debug_hit hit;

	if (!f->caps.hard_watches) {
		g_test_skip("no watchpoints on this KVM");
		return;
	}
	code(program, sizeof(program));
	hit = run(&wanted);
	g_assert_cmpint((int)hit.kind, ==, IOL_DEBUG_HIT_WATCH);
	g_assert_cmphex(hit.address, ==, DATA);
	g_assert_cmphex(pc(), ==, CODE + 6);
}

static void test_trap(void)
{
	static const struct iol_debug_setup wanted = { .traps = true };
	uint8_t program[1 + IOL_DEBUG_TRAP_BYTES_MAX] = { NOP };
	int ret = -1;

	if (!f->caps.trap_bytes) {
		g_test_skip("no trap instructions on this KVM");
		return;
	}
	memcpy(program + 1, f->caps.trap, f->caps.trap_bytes);
	code(program, 1 + f->caps.trap_bytes);
	if (f->caps.trap_port < 0) {
		struct iol_debug_hit hit = run(&wanted);

		g_assert_cmpint((int)hit.kind, ==, IOL_DEBUG_HIT_TRAP);
		g_assert_cmphex(pc(), ==, CODE + 1);
		return;
	}
	g_assert_cmpint(ops->setup(&f->vcpu, &f->caps, &wanted), ==, 0);
	for (int i = 0; i < RUNS_MAX && ret; i++)
		ret = ioctl(f->vcpu.fd, KVM_RUN, 0UL);
	g_assert_cmpint(ret, ==, 0);
	g_assert_cmpuint(f->vcpu.run->exit_reason, ==, KVM_EXIT_IO);
	g_assert_cmpint(f->vcpu.run->io.port, ==, f->caps.trap_port);
	f->vcpu.run->immediate_exit = 1;
	g_assert_cmpint(ioctl(f->vcpu.fd, KVM_RUN, 0UL), ==, -1);
	f->vcpu.run->immediate_exit = 0;
	g_assert_cmphex(pc(), ==, CODE + 1 + f->caps.trap_pc_behind);
}

static void test_translate(void)
{
	uint64_t gpa, left;

	g_assert_cmpint(ops->translate(&f->vcpu, CODE, &gpa, &left), ==, 0);
	g_assert_cmphex(gpa, ==, CODE);
	g_assert_cmpint(ops->translate(&f->vcpu, 0xffffffff81000000, &gpa, &left), ==, -EFAULT);
	g_assert_null(ops->activity(&f->vcpu));
}

static void run_test(const void *test)
{
	void (*const *of)(void) = test;

	setup();
	(*of)();
	teardown();
}

static const struct {
	const char *path;
	void (*test)(void);
} tests[] = {
	{ "/x86/kvm_debug/caps", test_caps },
	{ "/x86/kvm_debug/no_kvm", test_no_kvm },
	{ "/x86/kvm_debug/registers/same", test_same },
	{ "/x86/kvm_debug/registers/each", test_each },
	{ "/x86/kvm_debug/registers/wide", test_wide },
	{ "/x86/kvm_debug/registers/avx", test_avx },
	{ "/x86/kvm_debug/registers/senseless", test_senseless },
	{ "/x86/kvm_debug/registers/half", test_half },
	{ "/x86/kvm_debug/real_mode", test_real_mode },
	{ "/x86/kvm_debug/step", test_step },
	{ "/x86/kvm_debug/breaks", test_breaks },
	{ "/x86/kvm_debug/watch", test_watch },
	{ "/x86/kvm_debug/trap", test_trap },
	{ "/x86/kvm_debug/translate", test_translate },
};

int main(int argc, char **argv)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		printf("1..0 # SKIP /dev/kvm: %s\n", strerror(errno));
		return 77;
	}
	close(fd);
	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add_data_func(tests[i].path, &tests[i].test, run_test);
	return g_test_run();
}
