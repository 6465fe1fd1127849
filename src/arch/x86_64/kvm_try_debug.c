// SPDX-License-Identifier: Apache-2.0
/*
 * What of debugging works on this KVM: tried in a small machine, because capabilities only say
 * that the calls are there. A KVM that is nested in an emulated processor, or emulates one
 * itself, does not hand out every exception.
 *
 * Every test guest is a few instructions without a loop and ends at a HLT, which always comes out
 * of a machine without interrupt controllers. On the loop's thread, before the machine's own.
 */
#include "kvm_x86.h"

#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include <iolite/endian.h>

enum {
	CODE_GPA = 0x1000,
	DATA_GPA = 0x2000,
	GUEST_BYTES = 0x3000,
	RUNS_MAX = 16, /* that a signal may interrupt */
	EXCEPTION_DEBUG = 1,
	EXCEPTION_BREAKPOINT = 3,
	HLT = 0xf4,
	NOP = 0x90,
	INT3 = 0xcc,
	STORE_BYTES = 5,
};

/* --- the machine --- */

static bool run(const struct iol_kvm_probe *p)
{
	for (unsigned int i = 0; i < RUNS_MAX; i++) {
		if (!ioctl(p->vcpu_fd, KVM_RUN, 0UL))
			return true;
		if (errno != EINTR && errno != EAGAIN)
			return false;
	}
	return false;
}

/* KVM completes an access on the next entry, wherever the registers have been put meanwhile. */
static void complete_access(const struct iol_kvm_probe *p)
{
	p->run->immediate_exit = 1;
	for (unsigned int i = 0; i < RUNS_MAX && !ioctl(p->vcpu_fd, KVM_RUN, 0UL); i++)
		;
	p->run->immediate_exit = 0;
}

/* Flat 32-bit code in kernel mode. */
static bool set_registers(const struct iol_kvm_probe *p)
{
	struct kvm_segment flat = { .limit = 0xffffffff, .present = 1, .s = 1, .db = 1, .g = 1 };
	struct kvm_regs regs = { .rip = CODE_GPA, .rflags = 2 };
	struct kvm_sregs sregs;

	if (ioctl(p->vcpu_fd, KVM_GET_SREGS, &sregs))
		return false;
	flat.selector = IOL_X86_SELECTOR_DATA;
	flat.type = 3;
	sregs.ds = sregs.es = sregs.ss = sregs.fs = sregs.gs = flat;
	flat.selector = IOL_X86_SELECTOR_CODE;
	flat.type = 0xb;
	sregs.cs = flat;
	sregs.cr0 |= 1; /* protected mode */
	return !ioctl(p->vcpu_fd, KVM_SET_SREGS, &sregs) && !ioctl(p->vcpu_fd, KVM_SET_REGS, &regs);
}

static bool pc_is(const struct iol_kvm_probe *p, uint64_t pc)
{
	struct kvm_regs regs;

	return !ioctl(p->vcpu_fd, KVM_GET_REGS, &regs) && regs.rip == pc;
}

static bool set_debug(const struct iol_kvm_probe *p, const struct iol_debug_setup *setup)
{
	/* All that there can be: whether it works is what is to be found out. */
	static const struct iol_debug_caps hopes = {
		.steps = true,
		.trap_bytes = 1,
		.trap = { INT3 },
		.trap_port = -1,
		.hard_breaks = IOL_X86_POINT_REGISTERS,
		.hard_watches = IOL_X86_POINT_REGISTERS,
		.hard_shared = true,
	};
	struct iol_x86_debugged debugged;

	return !iol_x86_debug_control(p->vm_fd, &hopes, setup, &debugged) &&
	       !ioctl(p->vcpu_fd, KVM_SET_GUEST_DEBUG, &debugged.control);
}

/* Puts the vCPU at the start of @code, behind which a HLT is put. */
static bool prepare(const struct iol_kvm_probe *p, const void *code, size_t bytes)
{
	static const struct iol_debug_setup nothing;
	uint8_t program[64];

	memset(program, HLT, sizeof(program));
	memcpy(program, code, bytes);
	return set_debug(p, &nothing) && set_registers(p) &&
	       !iol_memory_write(&p->memory, CODE_GPA, program, sizeof(program));
}

/* Runs into a debug exit with the pc at @pc. */
static bool stops_at(const struct iol_kvm_probe *p, uint32_t exception, uint64_t pc)
{
	return run(p) && p->run->exit_reason == KVM_EXIT_DEBUG &&
	       p->run->debug.arch.exception == exception && pc_is(p, pc);
}

/* --- the trials --- */

static bool try_steps(const struct iol_kvm_probe *p)
{
	static const uint8_t code[] = { NOP, NOP, NOP };
	static const struct iol_debug_setup step = { .step = true };
	static const struct iol_debug_setup nothing;

	if (!prepare(p, code, sizeof(code)) || !set_debug(p, &step))
		return false;
	for (unsigned int i = 1; i <= 2; i++)
		if (!stops_at(p, EXCEPTION_DEBUG, CODE_GPA + i))
			return false;
	/* And on, without. */
	return set_debug(p, &nothing) && run(p) && p->run->exit_reason == KVM_EXIT_HLT;
}

/* All are set, and go one by one as they are met: the vCPU cannot leave one that is. */
static unsigned int try_breaks(const struct iol_kvm_probe *p)
{
	static const uint8_t code[] = { NOP, NOP, NOP, NOP, NOP };

	if (!prepare(p, code, sizeof(code)))
		return 0;
	for (unsigned int met = 0; met < IOL_X86_POINT_REGISTERS; met++) {
		struct iol_debug_setup setup = { .step = false };

		for (unsigned int i = met; i < IOL_X86_POINT_REGISTERS; i++)
			setup.hard[setup.hard_count++] = (struct iol_debug_point){
				.kind = IOL_GDB_HARD_BREAK,
				.address = CODE_GPA + 1 + i,
				.bytes = 1,
			};
		if (!set_debug(p, &setup) || !stops_at(p, EXCEPTION_DEBUG, CODE_GPA + 1 + met) ||
		    !(p->run->debug.arch.dr6 & 1))
			return met;
	}
	return IOL_X86_POINT_REGISTERS;
}

/* mov [DATA_GPA + 8 * n], eax: the vCPU stands behind each. */
static unsigned int try_watches(const struct iol_kvm_probe *p)
{
	uint8_t code[IOL_X86_POINT_REGISTERS * STORE_BYTES];
	struct iol_debug_setup setup = { .hard_count = IOL_X86_POINT_REGISTERS };

	for (unsigned int i = 0; i < IOL_X86_POINT_REGISTERS; i++) {
		code[i * STORE_BYTES] = 0xa3;
		le32_store(&code[i * STORE_BYTES + 1], DATA_GPA + 8 * i);
		setup.hard[i] = (struct iol_debug_point){
			.kind = IOL_GDB_WATCH_WRITE,
			.address = DATA_GPA + 8 * i,
			.bytes = 4,
		};
	}
	if (!prepare(p, code, sizeof(code)) || !set_debug(p, &setup))
		return 0;
	for (unsigned int met = 0; met < IOL_X86_POINT_REGISTERS; met++)
		if (!stops_at(p, EXCEPTION_DEBUG, CODE_GPA + (met + 1) * STORE_BYTES) ||
		    !(p->run->debug.arch.dr6 & (1u << met)))
			return met;
	return IOL_X86_POINT_REGISTERS;
}

static bool try_port(const struct iol_kvm_probe *p)
{
	static const uint8_t code[] = IOL_X86_PORT_TRAP;
	bool is_out;

	if (!prepare(p, code, sizeof(code)) || !run(p) || p->run->exit_reason != KVM_EXIT_IO)
		return false;
	is_out = p->run->io.direction == KVM_EXIT_IO_OUT && p->run->io.size == 1 &&
		 p->run->io.port == IOL_X86_TRAP_PORT;
	complete_access(p);
	return is_out && pc_is(p, CODE_GPA + sizeof(code));
}

static bool try_int3(const struct iol_kvm_probe *p)
{
	static const uint8_t code[] = { INT3 };
	static const struct iol_debug_setup traps = { .traps = true };

	return prepare(p, code, sizeof(code)) && set_debug(p, &traps) &&
	       stops_at(p, EXCEPTION_BREAKPOINT, CODE_GPA);
}

/* Last the trial that may end in a triple fault. */
static void try_all(const struct iol_kvm_probe *p, struct iol_debug_caps *caps)
{
	static const uint8_t out[] = IOL_X86_PORT_TRAP;
	bool port;

	caps->steps = try_steps(p);
	caps->hard_breaks = try_breaks(p);
	caps->hard_watches = try_watches(p);
	caps->hard_shared = true;
	port = try_port(p);
	if (try_int3(p)) {
		caps->trap_bytes = 1;
		caps->trap[0] = INT3;
	} else if (port) {
		caps->trap_bytes = sizeof(out);
		memcpy(caps->trap, out, sizeof(out));
		caps->trap_pc_behind = sizeof(out);
		caps->trap_port = IOL_X86_TRAP_PORT;
	}
}

/* --- in words --- */

static const char *soft_text(const struct iol_debug_caps *caps)
{
	if (caps->trap_port >= 0)
		return "breakpoints by port accesses, for int3 does not reach us: in kernel code only";
	if (caps->trap_bytes)
		return "breakpoints by int3";
	if (caps->hard_breaks)
		return "breakpoints in debug registers only, for int3 does not reach us";
	return "no breakpoints";
}

static void write_text(struct iol_debug_caps *caps)
{
	char hard[80] = "no hardware breakpoints, no watchpoints";

	if (caps->hard_breaks && caps->hard_watches)
		snprintf(hard, sizeof(hard), "%u debug registers for breakpoints and watchpoints",
			 MAX(caps->hard_breaks, caps->hard_watches));
	else if (caps->hard_breaks)
		snprintf(hard, sizeof(hard), "%u hardware breakpoints, no watchpoints",
			 caps->hard_breaks);
	else if (caps->hard_watches)
		snprintf(hard, sizeof(hard), "no hardware breakpoints, %u watchpoints",
			 caps->hard_watches);
	snprintf(caps->text, sizeof(caps->text), "%s, %s, %s",
		 caps->steps ? "single steps" : "no single steps", soft_text(caps), hard);
}

static int try_machine(int kvm_fd, struct iol_debug_caps *caps, struct iol_error *err)
{
	const struct iol_memory_region ram = { .gpa = 0, .size_bytes = GUEST_BYTES };
	iol_auto(iol_kvm_probe_finish) struct iol_kvm_probe p;
	int ret = iol_kvm_probe_init(&p, kvm_fd, 0, &ram, err);

	if (ret)
		return ret;
	if (ioctl(p.vm_fd, KVM_SET_TSS_ADDR, (unsigned long)IOL_X86_KVM_TSS))
		return iol_error_errno(err, -errno, "KVM_SET_TSS_ADDR");
	ret = iol_kvm_probe_add_vcpu(&p, kvm_fd, err);
	if (ret)
		return ret;
	try_all(&p, caps);
	return 0;
}

int iol_x86_try_debug(int kvm_fd, struct iol_debug_caps *caps, struct iol_error *err)
{
	int ret;

	memset(caps, 0, sizeof(*caps));
	caps->trap_port = -1;
	if (ioctl(kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_SET_GUEST_DEBUG) <= 0)
		ret = iol_error_set(err, -ENOTSUP,
				    "this host's KVM lacks the capability set-guest-debug");
	else
		ret = try_machine(kvm_fd, caps, err);
	write_text(caps);
	return ret;
}
