// SPDX-License-Identifier: Apache-2.0
/*
 * aarch64's half of debugging on a real KVM: a guest of a dozen instructions steps, runs into breakpoints and
 * watchpoints, and gets its own BRK back as it would without a debugger. Page tables are held against what the
 * processor makes of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <iolite/endian.h>

#include "arch/aarch64/kvm_debug.h"

#define RAM IOL_ARM64_RAM
#define RAM_BYTES (64 * IOL_KIB)
#define VECTORS (RAM + 0x800)
#define TABLES (RAM + 0x4000)
#define DATA (RAM + 0x8000)
#define NOWHERE UINT64_C(0x1000)

#define REG_SCTLR_EL1 ARM64_SYS_REG(3, 0, 1, 0, 0)
#define REG_TTBR0_EL1 ARM64_SYS_REG(3, 0, 2, 0, 0)
#define REG_TCR_EL1 ARM64_SYS_REG(3, 0, 2, 0, 2)
#define REG_MAIR_EL1 ARM64_SYS_REG(3, 0, 10, 2, 0)
#define REG_VBAR_EL1 ARM64_SYS_REG(3, 0, 12, 0, 0)
#define SCTLR_I (UINT64_C(1) << 12)

#define EL1H UINT64_C(0x3c5)
#define NZCV IOL_ARM64_PSTATE_NZCV

static const uint32_t code[] = {
	0xd2800020, /* movz x0, #1 */
	0xd2800041, /* movz x1, #2 */
	0x8b010002, /* add x2, x0, x1 */
	0xf9000062, /* str x2, [x3] */
	0xf9400064, /* ldr x4, [x3] */
	0xd503201f, /* nop */
	0xd42000e0, /* brk #7 */
	0xd28000a5, /* movz x5, #5 */
	0xb90000df, /* str wzr, [x6] */
	0xd503207f, /* wfi */
	0xd5087800, /* at s1e1r, x0 */
	0xd5387401, /* mrs x1, par_el1 */
	0xb90000df, /* str wzr, [x6] */
};
enum { ADD = 8, STORE = 0xc, LOAD = 0x10, BRK = 0x18, AFTER_BRK = 0x1c, WFI = 0x24, AT = 0x28 };

static const uint32_t handler[] = {
	0xb90000df, /* str wzr, [x6] */
	0xd5385207, /* mrs x7, esr_el1 */
	0xd5384028, /* mrs x8, elr_el1 */
	0xd5384009, /* mrs x9, spsr_el1 */
	0x91001108, /* add x8, x8, #4 */
	0xd5184028, /* msr elr_el1, x8 */
	0xd69f03e0, /* eret */
};

static const struct iol_arch_debug_ops *const ops = &iol_arm64_debug_ops;
static int kvm_fd = -1;
static struct iol_debug_caps caps;

struct machine {
	struct iol_kvm_probe p;
	struct iol_arm64_vm arm;
	struct iol_vm vm;
	struct iol_vcpu vcpu;
	struct iol_debug_setup setup;
};

static void put(struct machine *m, uint64_t id, uint64_t value)
{
	struct iol_error err = { 0 };

	if (iol_arm64_set_reg(m->vcpu.fd, id, value, &err))
		g_error("0x%" PRIx64 ": %s", id, err.msg);
}

static uint64_t get(struct machine *m, uint64_t id)
{
	struct iol_error err = { 0 };
	uint64_t value = 0;

	if (iol_arm64_get_reg(m->vcpu.fd, id, &value, &err))
		g_error("0x%" PRIx64 ": %s", id, err.msg);
	return value;
}

static uint64_t x(struct machine *m, unsigned int n)
{
	return get(m, iol_arm64_x(n));
}

static uint64_t pc(struct machine *m)
{
	uint64_t at = 0;

	g_assert_cmpint(ops->get_pc(&m->vcpu, &at), ==, 0);
	return at;
}

static void put_code(struct machine *m, uint64_t gpa, const uint32_t *insns, size_t count)
{
	char *place = iol_memory_ptr(&m->p.memory, gpa, count * 4);

	g_assert_nonnull(place);
	for (size_t i = 0; i < count; i++)
		le32_store(place + 4 * i, insns[i]);
	__builtin___clear_cache(place, place + 4 * count);
}

static void machine_init(struct machine *m)
{
	const struct iol_memory_region ram = { .gpa = RAM, .size_bytes = RAM_BYTES };
	struct kvm_vcpu_init init = { 0 };
	struct iol_error err = { 0 };

	memset(m, 0, sizeof(*m));
	if (iol_kvm_probe_init(&m->p, kvm_fd, iol_arm64_vm_type(iol_arm64_ipa_bits(kvm_fd)), &ram,
			       &err) ||
	    iol_kvm_probe_add_vcpu(&m->p, kvm_fd, &err) ||
	    iol_kvm_ioctl(m->p.vm_fd, KVM_ARM_PREFERRED_TARGET, &init, "target", &err) ||
	    iol_kvm_ioctl(m->p.vcpu_fd, KVM_ARM_VCPU_INIT, &init, "init", &err))
		g_error("%s", err.msg);
	m->vm.memory = m->p.memory;
	m->vm.arch_state = &m->arm;
	m->vcpu = (struct iol_vcpu){ .vm = &m->vm, .fd = m->p.vcpu_fd, .run = m->p.run };
	put_code(m, RAM, code, G_N_ELEMENTS(code));
	for (uint64_t offset = 0; offset <= 0x400; offset += 0x200)
		put_code(m, VECTORS + offset, handler, G_N_ELEMENTS(handler));
	put(m, REG_SCTLR_EL1, get(m, REG_SCTLR_EL1) | SCTLR_I);
	put(m, REG_VBAR_EL1, VECTORS);
	put(m, iol_arm64_x(3), DATA);
	put(m, iol_arm64_x(6), NOWHERE);
	g_assert_cmpint(ops->set_pc(&m->vcpu, RAM), ==, 0);
}

static void machine_finish(struct machine *m)
{
	iol_kvm_probe_finish(&m->p);
}

static void apply(struct machine *m)
{
	g_assert_cmpint(ops->setup(&m->vcpu, &caps, &m->setup), ==, 0);
}

static uint32_t run(struct machine *m)
{
	int ret;

	do {
		ret = ioctl(m->vcpu.fd, KVM_RUN, 0UL);
	} while (ret && errno == EINTR);
	if (ret)
		g_error("KVM_RUN: %s", g_strerror(errno));
	return m->p.run->exit_reason;
}

/* Runs into a debug exit of kind @kind at @at. */
static struct iol_debug_hit expect(struct machine *m, int kind, uint64_t at)
{
	struct iol_debug_hit hit;
	uint32_t reason = run(m);

	if (reason != KVM_EXIT_DEBUG)
		g_error("exit %u at 0x%" PRIx64 " instead of a stop at 0x%" PRIx64, reason, pc(m),
			at);
	ops->caught(&m->vcpu, m->p.run, &m->setup, &hit);
	if ((int)hit.kind != kind || pc(m) != at)
		g_error("stop of kind %d, syndrome 0x%x, far 0x%" PRIx64 ", at 0x%" PRIx64
			" instead of kind %d at 0x%" PRIx64,
			(int)hit.kind, m->p.run->debug.arch.hsr, (uint64_t)m->p.run->debug.arch.far,
			pc(m), kind, at);
	return hit;
}

static void expect_end(struct machine *m)
{
	uint32_t reason = run(m);

	if (reason != KVM_EXIT_MMIO || m->p.run->mmio.phys_addr != NOWHERE)
		g_error("exit %u at 0x%" PRIx64 " instead of the end", reason, pc(m));
}

static void add_point(struct machine *m, enum iol_gdb_point kind, uint64_t address, uint64_t bytes)
{
	m->setup.hard[m->setup.hard_count++] = (struct iol_debug_point){ kind, address, bytes };
	apply(m);
}

/* --- tests --- */

static void test_probe(void)
{
	g_test_message("%s", caps.text);
	g_assert_true(caps.steps);
	g_assert_cmpuint(caps.trap_bytes, ==, 4);
	/* What the architecture has at least (DDI 0487, "ID_AA64DFR0_EL1"). */
	g_assert_cmpuint(caps.hard_breaks, >=, 2);
	g_assert_cmpuint(caps.hard_watches, >=, 2);
}

static void fill_general(uint8_t *buf)
{
	unsigned int bytes;

	for (unsigned int n = 0; n < IOL_ARM64_GDB_SP_EL0; n++) {
		size_t at = iol_arm64_gdb_place(n, &bytes);

		for (unsigned int i = 0; i < bytes; i++)
			buf[at + i] = (uint8_t)(n * 16 + i + 1);
	}
	le32_store(buf + iol_arm64_gdb_place(IOL_ARM64_GDB_CPSR, &bytes), EL1H | 0x60000000);
	/* Bits that every processor has. */
	le32_store(buf + iol_arm64_gdb_place(IOL_ARM64_GDB_FPSR, &bytes), 0x0800001f);
	le32_store(buf + iol_arm64_gdb_place(IOL_ARM64_GDB_FPCR, &bytes), 0x03c00000);
}

static void test_registers(void)
{
	uint8_t written[IOL_GDB_REGISTERS_BYTES_MAX] = { 0 };
	uint8_t buf[IOL_GDB_REGISTERS_BYTES_MAX] = { 0 };
	unsigned int bytes;
	size_t at;
	struct machine m;

	machine_init(&m);
	fill_general(written);
	g_assert_cmpint(ops->write_registers(&m.vcpu, 0, IOL_ARM64_GDB_SP_EL0, written), ==, 0);
	g_assert_cmpint(ops->read_registers(&m.vcpu, buf), ==, 0);
	for (unsigned int n = 0; n < IOL_ARM64_GDB_SP_EL0; n++) {
		at = iol_arm64_gdb_place(n, &bytes);
		if (memcmp(buf + at, written + at, bytes))
			g_error("register %u is not what was written", n);
	}
	at = iol_arm64_gdb_place(IOL_ARM64_GDB_SP, &bytes);
	g_assert_cmphex(get(&m, IOL_ARM64_CORE(sp_el1)), ==, le64_load(buf + at));
	g_assert_cmphex(get(&m, IOL_ARM64_CORE(regs.sp)), !=, le64_load(buf + at));
	/* One of the system's, and no others. */
	at = iol_arm64_gdb_place(IOL_ARM64_GDB_tpidr_el1, &bytes);
	memset(written, 0xee, sizeof(written));
	g_assert_cmpint(ops->write_registers(&m.vcpu, IOL_ARM64_GDB_tpidr_el1, 1, written), ==, 0);
	le64_store(buf + at, UINT64_C(0xeeeeeeeeeeeeeeee));
	g_assert_cmpint(ops->read_registers(&m.vcpu, written), ==, 0);
	/* Counters count. */
	at = iol_arm64_gdb_place(IOL_ARM64_GDB_CNTV_CTL, &bytes);
	g_assert_cmpmem(written, at, buf, at);
	at = iol_arm64_gdb_place(IOL_ARM64_GDB_midr_el1, &bytes);
	g_assert_cmphex(le64_load(buf + at), !=, 0);
	/* SP_EL0 is the stack now. */
	put(&m, IOL_ARM64_CORE(regs.pstate), 0x3c4);
	put(&m, IOL_ARM64_CORE(regs.sp), 0x1234);
	g_assert_cmpint(ops->read_registers(&m.vcpu, buf), ==, 0);
	at = iol_arm64_gdb_place(IOL_ARM64_GDB_SP, &bytes);
	g_assert_cmphex(le64_load(buf + at), ==, 0x1234);
	/* No such ones, and a state that there is not. */
	g_assert_cmpint(ops->write_registers(&m.vcpu, IOL_ARM64_GDB_COUNT, 1, buf), ==, -EINVAL);
	at = iol_arm64_gdb_place(IOL_ARM64_GDB_CPSR, &bytes);
	le32_store(buf + at, 0x3cf);
	g_assert_cmpint(ops->write_registers(&m.vcpu, IOL_ARM64_GDB_CPSR, 1, buf), <, 0);
	machine_finish(&m);
}

static void test_steps(void)
{
	struct machine m;

	machine_init(&m);
	m.setup.step = true;
	apply(&m);
	for (uint64_t at = 4; at <= BRK; at += 4)
		expect(&m, IOL_DEBUG_HIT_STEP, RAM + at);
	g_assert_cmphex(x(&m, 2), ==, 3);
	g_assert_cmphex(x(&m, 4), ==, 3);
	/* KVM hands us BRK whenever it debugs, although none is ours. */
	expect(&m, IOL_DEBUG_HIT_TRAP, RAM + BRK);
	g_assert_cmpint(ops->give_back(&m.vcpu), ==, 0);
	g_assert_cmphex(pc(&m), ==, VECTORS + 0x200);
	g_assert_cmphex(get(&m, IOL_ARM64_CORE(spsr[KVM_SPSR_EL1])), ==, EL1H);
	/* All zero: as without a debugger. */
	m.setup = (struct iol_debug_setup){ 0 };
	apply(&m);
	expect_end(&m);
	expect_end(&m);
	g_assert_cmphex(x(&m, 5), ==, 5);
	machine_finish(&m);
}

static void set_interrupt(struct machine *m, bool level)
{
	struct kvm_irq_level line = {
		.irq = (uint32_t)KVM_ARM_IRQ_TYPE_CPU << KVM_ARM_IRQ_TYPE_SHIFT,
		.level = level,
	};

	g_assert_cmpint(ioctl(m->p.vm_fd, KVM_IRQ_LINE, &line), ==, 0);
}

/* An interrupt waits until the steps are done. */
static void test_steps_and_interrupt(void)
{
	struct machine m;

	machine_init(&m);
	put(&m, IOL_ARM64_CORE(regs.pstate), 5);
	set_interrupt(&m, true);
	m.setup.step = true;
	for (uint64_t at = 4; at <= STORE; at += 4) {
		apply(&m);
		expect(&m, IOL_DEBUG_HIT_STEP, RAM + at);
		g_assert_cmphex(get(&m, IOL_ARM64_CORE(regs.pstate)), ==, 5);
	}
	m.setup.step = false;
	add_point(&m, IOL_GDB_HARD_BREAK, VECTORS + 0x280, 4);
	expect(&m, IOL_DEBUG_HIT_BREAK, VECTORS + 0x280);
	g_assert_cmphex(get(&m, IOL_ARM64_CORE(elr_el1)), ==, RAM + STORE);
	machine_finish(&m);
}

/* Steps @insn to @at with an interrupt pending, or not. SPSR_EL1 or, if that was not entered, PSTATE afterwards. */
static uint64_t step_one(uint32_t insn, bool interrupt, uint64_t at, uint64_t *x0)
{
	struct machine m;
	uint64_t state;

	machine_init(&m);
	put_code(&m, RAM, &insn, 1);
	put(&m, IOL_ARM64_CORE(regs.pstate), 5);
	put(&m, iol_arm64_x(0), 0x40);
	set_interrupt(&m, interrupt);
	m.setup.step = true;
	apply(&m);
	expect(&m, IOL_DEBUG_HIT_STEP, at);
	*x0 = x(&m, 0);
	state = get(&m, at >= VECTORS ? IOL_ARM64_CORE(spsr[KVM_SPSR_EL1])
				      : IOL_ARM64_CORE(regs.pstate));
	machine_finish(&m);
	return state & ~IOL_ARM64_PSTATE_SS;
}

/* That interrupts are held back is seen by no instruction and by no handler. */
static void test_steps_are_not_seen(void)
{
	uint64_t x0;

	/* svc #1; udf */
	g_assert_cmphex(step_one(0xd4000021, true, VECTORS + 0x200, &x0), ==, 5);
	g_assert_cmphex(step_one(0x00000000, true, VECTORS + 0x200, &x0), ==, 5);
	/* mrs x0, daif; msr daif, x0; msr daifset, #2 */
	g_assert_cmphex(step_one(0xd53b4220, false, RAM + 4, &x0), ==, 5);
	g_assert_cmphex(x0, ==, 0);
	g_assert_cmphex(step_one(0xd51b4220, false, RAM + 4, &x0), ==, 0x45);
	g_assert_cmphex(step_one(0xd50342df, false, RAM + 4, &x0), ==, 0x85);
	/* nop */
	g_assert_cmphex(step_one(0xd503201f, true, RAM + 4, &x0), ==, 5);
}

/* A step that was not begun leaves no trace. */
static void test_step_that_is_not_done(void)
{
	struct machine m;

	machine_init(&m);
	put(&m, IOL_ARM64_CORE(regs.pstate), 5);
	m.setup.step = true;
	apply(&m);
	g_assert_cmphex(get(&m, IOL_ARM64_CORE(regs.pstate)), ==, 0xc5);
	m.p.run->immediate_exit = 1;
	g_assert_cmpint(ioctl(m.vcpu.fd, KVM_RUN, 0UL), ==, -1);
	m.p.run->immediate_exit = 0;
	m.setup.step = false;
	apply(&m);
	g_assert_cmphex(get(&m, IOL_ARM64_CORE(regs.pstate)) & ~IOL_ARM64_PSTATE_SS, ==, 5);
	g_assert_cmphex(pc(&m), ==, RAM);
	machine_finish(&m);
}

static void test_soft(void)
{
	uint32_t trap = le32_load(caps.trap);
	struct machine m;

	machine_init(&m);
	put_code(&m, RAM + ADD, &trap, 1);
	m.setup.traps = true;
	apply(&m);
	expect(&m, IOL_DEBUG_HIT_TRAP, RAM + ADD);
	put_code(&m, RAM + ADD, &code[ADD / 4], 1);
	m.setup.step = true;
	apply(&m);
	expect(&m, IOL_DEBUG_HIT_STEP, RAM + STORE);
	g_assert_cmphex(x(&m, 2), ==, 3);
	machine_finish(&m);
}

static void test_hard_break(void)
{
	struct iol_debug_hit hit;
	struct machine m;

	machine_init(&m);
	add_point(&m, IOL_GDB_HARD_BREAK, RAM + AFTER_BRK, 4);
	add_point(&m, IOL_GDB_HARD_BREAK, RAM + LOAD, 4);
	hit = expect(&m, IOL_DEBUG_HIT_BREAK, RAM + LOAD);
	g_assert_cmphex(hit.points, ==, 2);
	g_assert_cmphex(hit.address, ==, RAM + LOAD);
	machine_finish(&m);
}

static void check_watch(enum iol_gdb_point kind, uint64_t address, uint64_t bytes, uint64_t at)
{
	struct iol_debug_hit hit;
	struct machine m;

	machine_init(&m);
	add_point(&m, IOL_GDB_HARD_BREAK, RAM + BRK, 4);
	add_point(&m, kind, address, bytes);
	if (!at) {
		expect(&m, IOL_DEBUG_HIT_BREAK, RAM + BRK);
	} else {
		hit = expect(&m, IOL_DEBUG_HIT_WATCH, RAM + at);
		g_assert_cmphex(hit.points, ==, 2);
		g_assert_cmphex(hit.address & ~UINT64_C(7), ==, DATA);
		/* The pc is at the access, which has not been. */
		if (at == STORE)
			g_assert_cmphex(le64_load(iol_memory_ptr(&m.p.memory, DATA, 8)), ==, 0);
	}
	machine_finish(&m);
}

static void test_watch(void)
{
	check_watch(IOL_GDB_WATCH_WRITE, DATA, 8, STORE);
	check_watch(IOL_GDB_WATCH_ACCESS, DATA, 8, STORE);
	check_watch(IOL_GDB_WATCH_READ, DATA, 8, LOAD);
	check_watch(IOL_GDB_WATCH_WRITE, DATA + 5, 1, STORE);
	check_watch(IOL_GDB_WATCH_WRITE, DATA - 3, 6, STORE);
	check_watch(IOL_GDB_WATCH_READ, DATA - 0x1000, 0x2000, LOAD);
	check_watch(IOL_GDB_WATCH_WRITE, RAM, RAM_BYTES, STORE);
	check_watch(IOL_GDB_WATCH_ACCESS, DATA + 8, 8, 0);
	check_watch(IOL_GDB_WATCH_ACCESS, DATA - 4, 4, 0);
}

/* The state at the first instruction of BRK's handler, @given or as the processor makes it, and what the guest sees. */
static void trap_to_guest(uint64_t pstate, bool given, uint64_t at, uint64_t *state)
{
	struct machine m;

	machine_init(&m);
	put(&m, IOL_ARM64_CORE(regs.pstate), pstate);
	if (given) {
		m.setup.traps = true;
		apply(&m);
		expect(&m, IOL_DEBUG_HIT_TRAP, RAM + BRK);
		g_assert_cmpint(ops->give_back(&m.vcpu), ==, 0);
		g_assert_cmpint(ops->give_back(&m.vcpu), ==, -ENOTSUP);
	}
	expect_end(&m);
	g_assert_cmphex(pc(&m), ==, at);
	state[0] = get(&m, IOL_ARM64_CORE(regs.pstate));
	expect_end(&m);
	state[1] = x(&m, 7);
	state[2] = x(&m, 8);
	state[3] = x(&m, 9);
	state[4] = x(&m, 5);
	state[5] = get(&m, IOL_ARM64_CORE(regs.pstate));
	machine_finish(&m);
}

static void test_give_back(void)
{
	static const struct {
		uint64_t pstate, vector;
	} of[] = {
		{ EL1H, 0x200 },       { 0x3c4, 0 },          { 0x3c0, 0x400 },
		{ 0x600003c0, 0x400 }, { 0x90000005, 0x200 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(of); i++) {
		uint64_t native[6], given[6];

		trap_to_guest(of[i].pstate, false, VECTORS + of[i].vector, native);
		trap_to_guest(of[i].pstate, true, VECTORS + of[i].vector, given);
		g_test_message("0x%" PRIx64 ": pstate 0x%" PRIx64 ", esr 0x%" PRIx64
			       ", spsr 0x%" PRIx64,
			       of[i].pstate, given[0], given[1], given[3]);
		/* Conditions stay as they are (DDI 0487, AArch64.TakeException); QEMU's processors clear them. */
		g_assert_cmphex(given[0] & NZCV, ==, of[i].pstate & NZCV);
		native[0] &= ~NZCV;
		given[0] &= ~NZCV;
		for (unsigned int k = 0; k < G_N_ELEMENTS(given); k++)
			if (given[k] != native[k])
				g_error("value %u: 0x%" PRIx64 " instead of 0x%" PRIx64, k,
					given[k], native[k]);
		g_assert_cmphex(native[4], ==, 5);
	}
}

static void test_no_trap_to_give_back(void)
{
	struct machine m;

	machine_init(&m);
	m.setup.step = true;
	apply(&m);
	expect(&m, IOL_DEBUG_HIT_STEP, RAM + 4);
	g_assert_cmpint(ops->give_back(&m.vcpu), ==, -ENOTSUP);
	g_assert_cmphex(pc(&m), ==, RAM + 4);
	machine_finish(&m);
}

static void test_refused(void)
{
	struct machine m;

	machine_init(&m);
	for (unsigned int i = 0; i <= caps.hard_breaks; i++)
		m.setup.hard[m.setup.hard_count++] =
			(struct iol_debug_point){ IOL_GDB_HARD_BREAK, RAM + 4 * i, 4 };
	g_assert_cmpint(ops->setup(&m.vcpu, &caps, &m.setup), ==, -ENOSPC);
	m.setup.hard_count--;
	apply(&m);
	machine_finish(&m);
}

/* What the processor says that @va is; UINT64_MAX: nothing. */
static uint64_t ask_processor(struct machine *m, uint64_t va)
{
	uint64_t par;

	put(m, iol_arm64_x(0), va);
	ops->set_pc(&m->vcpu, RAM + AT);
	expect_end(m);
	/* The access is over with the next entry. */
	m->p.run->immediate_exit = 1;
	ioctl(m->vcpu.fd, KVM_RUN, 0UL);
	m->p.run->immediate_exit = 0;
	par = x(m, 1);
	return par & 1 ? UINT64_MAX : (par & UINT64_C(0x0000fffffffff000)) | (va & 0xfff);
}

static void test_translate(void)
{
	static const uint64_t vas[] = {
		0x40008123,
		0x80001000,
		0x80205678,
		0x80206000,
		0xc0000000,
		0x8000000000,
		UINT64_C(0x5500000080205678),
		UINT64_C(0xffffffff80205678),
	};
	const uint64_t table = 3, block = 0x701, page = 0x703;
	uint64_t *l1, *l2, *l3, gpa, left;
	struct machine m;

	machine_init(&m);
	g_assert_cmpint(ops->translate(&m.vcpu, DATA, &gpa, &left), ==, 0);
	g_assert_cmphex(gpa, ==, DATA);
	l1 = iol_memory_ptr(&m.p.memory, TABLES, 0x3000);
	l2 = l1 + 512;
	l3 = l2 + 512;
	l1[0] = block;
	l1[1] = 0x40000000 | block;
	l1[2] = (TABLES + 0x1000) | table;
	l2[0] = 0x40000000 | block;
	l2[1] = (TABLES + 0x2000) | table;
	l3[5] = DATA | page;
	__builtin___clear_cache((char *)l1, (char *)l1 + 0x3000);
	/* 39 bits, cached tables, 40 bits of physical addresses, tags; TTBR1 off. */
	put(&m, REG_TCR_EL1, 25 | 0x3500 | 1 << 23 | UINT64_C(2) << 32 | UINT64_C(1) << 37);
	put(&m, REG_TTBR0_EL1, TABLES);
	put(&m, REG_MAIR_EL1, 0xff);
	put(&m, REG_SCTLR_EL1, get(&m, REG_SCTLR_EL1) | IOL_ARM64_SCTLR_M | 4);
	for (size_t i = 0; i < G_N_ELEMENTS(vas); i++) {
		uint64_t processor = ask_processor(&m, vas[i]);

		if (ops->translate(&m.vcpu, vas[i], &gpa, &left))
			gpa = UINT64_MAX;
		g_test_message("0x%" PRIx64 " is 0x%" PRIx64, vas[i], gpa);
		g_assert_cmphex(gpa, ==, processor);
	}
	machine_finish(&m);
}

static void test_activity(void)
{
	struct kvm_mp_state stopped = { KVM_MP_STATE_STOPPED };
	struct machine m;

	machine_init(&m);
	g_assert_null(ops->activity(&m.vcpu));
	ops->set_pc(&m.vcpu, RAM + WFI + 4);
	g_assert_cmpstr(ops->activity(&m.vcpu), ==, "waits for an interrupt (WFI)");
	g_assert_cmpint(ioctl(m.vcpu.fd, KVM_SET_MP_STATE, &stopped), ==, 0);
	g_assert_cmpstr(ops->activity(&m.vcpu), ==, "off (PSCI)");
	machine_finish(&m);
}

/* NULL: it can run here. */
static const char *why_not(void)
{
	kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm_fd < 0)
		return "no /dev/kvm";
	if (ioctl(kvm_fd, KVM_GET_API_VERSION, 0UL) != KVM_API_VERSION)
		return "/dev/kvm is not KVM's, or not of this architecture";
	return NULL;
}

int main(int argc, char **argv)
{
	struct iol_error err = { 0 };
	const char *why;
	int ret;

	g_test_init(&argc, &argv, NULL);
	why = why_not();
	if (why) {
		g_print("1..0 # SKIP %s\n", why);
		return 77;
	}
	if (ops->probe(kvm_fd, &caps, &err))
		g_error("%s", err.msg);
	g_test_add_func("/arm64-kvm-debug/probe", test_probe);
	g_test_add_func("/arm64-kvm-debug/registers", test_registers);
	g_test_add_func("/arm64-kvm-debug/steps", test_steps);
	g_test_add_func("/arm64-kvm-debug/steps-and-interrupt", test_steps_and_interrupt);
	g_test_add_func("/arm64-kvm-debug/steps-are-not-seen", test_steps_are_not_seen);
	g_test_add_func("/arm64-kvm-debug/step-that-is-not-done", test_step_that_is_not_done);
	g_test_add_func("/arm64-kvm-debug/soft", test_soft);
	g_test_add_func("/arm64-kvm-debug/hard-break", test_hard_break);
	g_test_add_func("/arm64-kvm-debug/watch", test_watch);
	g_test_add_func("/arm64-kvm-debug/give-back", test_give_back);
	g_test_add_func("/arm64-kvm-debug/no-trap-to-give-back", test_no_trap_to_give_back);
	g_test_add_func("/arm64-kvm-debug/refused", test_refused);
	g_test_add_func("/arm64-kvm-debug/translate", test_translate);
	g_test_add_func("/arm64-kvm-debug/activity", test_activity);
	ret = g_test_run();
	close(kvm_fd);
	return ret;
}
