// SPDX-License-Identifier: Apache-2.0
/*
 * What of debugging works on this host's KVM, by trying it: a machine of a few instructions is stepped, and meets a trap and
 * hardware points. KVM takes any point, whether or not the processor beneath does anything about it. On the loop's
 * thread, before the machine's own.
 *
 * All ways of the test guest lead to a store where no memory is, interrupts included.
 */
#include "kvm_debug.h"

#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "host_faults.h"

#define GUEST_BYTES (128 * IOL_KIB)
/* Not in page 0, where KVM of e500v2 may have its magic page. */
#define CODE_GPA UINT64_C(0x10000)
#define VECTOR_GPA UINT64_C(0x10100)
#define DATA_GPA UINT64_C(0x11000)
#define NOWHERE_GPA UINT64_C(0x100000)

enum { R_NOWHERE = 4, R_DATA = 5, IVOR_VECTOR = VECTOR_GPA - CODE_GPA };
enum { AT_NOP = 4, AT_STORE = 8, AT_LOAD = 12 }; /* in the code */
enum { POINTS = 2 }; /* of each kind: so many IACs and DACs does KVM use */

static const uint32_t code[] = {
	0x38600001, /* li r3, 1 */
	0x60000000, /* nop: the trap's place */
	0x90650000, /* stw r3, 0(r5) */
	0x80650000, /* lwz r3, 0(r5) */
	0x90640000, /* stw r3, 0(r4) */
	0x48000000, /* b . */
};
static const uint32_t vector[] = {
	0x90640004, /* stw r3, 4(r4) */
	0x48000000, /* b . */
};

struct trial {
	struct iol_kvm_probe p;
	struct iol_ppc_tlb_entry *tlb;
	uint64_t pc; /* where the last run came to */
	bool skips; /* a step passes over what KVM emulates */
};

static void put_word(const struct trial *t, uint64_t gpa, uint32_t word)
{
	char *place = iol_memory_ptr(&t->p.memory, gpa, sizeof(word));

	be32_store(place, word);
	__builtin___clear_cache(place, place + sizeof(word));
}

/* All vectors to one place, where they lead to an exit instead of to a loop. */
static int set_vectors(int vcpu_fd, struct iol_error *err)
{
	struct kvm_sregs sregs;
	int ret;

	memset(&sregs, 0, sizeof(sregs));
	ret = iol_kvm_ioctl(vcpu_fd, KVM_GET_SREGS, &sregs, "KVM_GET_SREGS", err);
	if (ret)
		return ret;
	sregs.u.e.ivpr = CODE_GPA;
	for (size_t i = 0; i < IOL_ARRAY_LEN(sregs.u.e.ivor_low); i++)
		sregs.u.e.ivor_low[i] = IVOR_VECTOR;
	for (size_t i = 0; i < IOL_ARRAY_LEN(sregs.u.e.ivor_high); i++)
		sregs.u.e.ivor_high[i] = IVOR_VECTOR;
	return iol_kvm_ioctl(vcpu_fd, KVM_SET_SREGS, &sregs, "KVM_SET_SREGS", err);
}

static int make(struct trial *t, int kvm_fd, struct iol_error *err)
{
	const struct iol_memory_region ram = { .gpa = 0, .size_bytes = GUEST_BYTES };
	int ret = iol_kvm_probe_init(&t->p, kvm_fd, 0, &ram, err);

	if (!ret)
		ret = iol_ppc_probe_add_vcpu(&t->p, kvm_fd, CODE_GPA, &t->tlb, err);
	if (!ret)
		ret = set_vectors(t->p.vcpu_fd, err);
	if (ret)
		return ret;
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(code); i++)
		put_word(t, CODE_GPA + i * sizeof(code[0]), code[i]);
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(vector); i++)
		put_word(t, VECTOR_GPA + i * sizeof(vector[0]), vector[i]);
	return 0;
}

/* The store that a run has ended with is over when KVM was told so. */
static void complete_access(struct trial *t)
{
	t->p.run->immediate_exit = 1;
	while (!ioctl(t->p.vcpu_fd, KVM_RUN, 0UL))
		;
	t->p.run->immediate_exit = 0;
}

/* KVM tells of an instruction that it makes an interrupt of (kvm_vm.c); the guest may go on then, but not for ever. */
static bool runs(struct trial *t)
{
	enum { TRIES = 8 };
	unsigned int tries = 0;
	int ret;

	do {
		ret = ioctl(t->p.vcpu_fd, KVM_RUN, 0UL);
	} while ((ret && errno == EINTR) ||
		 (!ret && t->p.run->exit_reason == KVM_EXIT_UNKNOWN && tries++ < TRIES));
	return !ret;
}

/*
 * Runs the guest from its code's start. True: it stopped for its debugger, and t->pc says where; false: it was not stopped, or KVM
 * would not have it.
 */
static bool stops(struct trial *t, uint32_t control, const struct iol_ppc_point *points,
		  unsigned int count)
{
	struct kvm_regs regs = { .pc = CODE_GPA };
	bool ran;

	regs.gpr[R_NOWHERE] = NOWHERE_GPA;
	regs.gpr[R_DATA] = DATA_GPA;
	if (ioctl(t->p.vcpu_fd, KVM_SET_REGS, &regs) ||
	    iol_ppc_set_guest_debug(t->p.vcpu_fd, KVM_GUESTDBG_ENABLE | control, points, count))
		return false;
	ran = runs(t);
	/* Also where there was nothing to set. */
	iol_ppc_set_guest_debug(t->p.vcpu_fd, 0, NULL, 0);
	if (ran && t->p.run->exit_reason == KVM_EXIT_MMIO)
		complete_access(t);
	if (!ran || t->p.run->exit_reason != KVM_EXIT_DEBUG ||
	    ioctl(t->p.vcpu_fd, KVM_GET_REGS, &regs))
		return false;
	t->pc = regs.pc;
	return true;
}

/* Linux 6.1 on QEMU's e500v2 loses about one step in fifty, and the guest runs on: one is not enough to know. */
static bool steps(struct trial *t)
{
	enum { TRIES = 4 };

	for (unsigned int i = 0; i < TRIES; i++)
		if (stops(t, KVM_GUESTDBG_SINGLESTEP, NULL, 0))
			return true;
	return false;
}

static bool try_step(struct trial *t)
{
	return steps(t) && t->pc == CODE_GPA + AT_NOP;
}

/*
 * What KVM does instead of the processor is no instruction to the processor's debug facility: without KVM's help such a step
 * ends one later.
 */
static bool try_skip(struct trial *t)
{
	const uint32_t mfspr_r6_pvr = 0x7cdf42a6;
	bool skips;

	put_word(t, CODE_GPA, mfspr_r6_pvr);
	skips = steps(t) && t->pc != CODE_GPA + AT_NOP;
	put_word(t, CODE_GPA, code[0]);
	return skips;
}

/* The instruction is KVM's to choose. */
static bool try_trap(struct trial *t, uint32_t *trap)
{
	bool works;

	if (iol_ppc_get_reg32(t->p.vcpu_fd, KVM_REG_PPC_DEBUG_INST, trap, NULL))
		return false;
	put_word(t, CODE_GPA + AT_NOP, *trap);
	works = stops(t, KVM_GUESTDBG_USE_SW_BP, NULL, 0) && t->pc == CODE_GPA + AT_NOP;
	put_word(t, CODE_GPA + AT_NOP, code[AT_NOP / sizeof(code[0])]);
	return works;
}

/* The one that is met comes last, behind those that are not. */
static bool try_points(struct trial *t, uint32_t type, uint64_t address)
{
	struct iol_ppc_point points[POINTS];

	for (unsigned int i = 0; i < POINTS; i++)
		points[i] = (struct iol_ppc_point){ NOWHERE_GPA + 4 * (uint64_t)(i + 1), type };
	points[POINTS - 1].address = address;
	return stops(t, KVM_GUESTDBG_USE_HW_BP, points, POINTS) &&
	       t->p.run->debug.arch.status & type && t->p.run->debug.arch.address == address;
}

static void try_all(struct trial *t, struct iol_debug_caps *caps)
{
	uint32_t trap;

	caps->steps = try_step(t);
	t->skips = caps->steps && try_skip(t);
	if (try_trap(t, &trap)) {
		caps->trap_bytes = sizeof(trap);
		be32_store(caps->trap, trap);
	}
	if (try_points(t, IOL_PPC_POINT_BREAK, CODE_GPA + AT_NOP))
		caps->hard_breaks = POINTS;
	if (try_points(t, IOL_PPC_POINT_WRITE, DATA_GPA))
		caps->hard_watches = POINTS;
	caps->watch_reads = caps->hard_watches && try_points(t, IOL_PPC_POINT_READ, DATA_GPA);
}

static const char *points_text(const struct iol_debug_caps *caps)
{
	if (caps->hard_breaks && caps->hard_watches)
		return "2 hardware breakpoints and 2 watchpoints, for accesses that begin there";
	if (caps->hard_breaks)
		return "2 hardware breakpoints; no watchpoints, which KVM takes and the processor does not stop for";
	if (caps->hard_watches)
		return "2 watchpoints; no hardware breakpoints, which KVM takes and the processor does not stop for";
	return "no hardware breakpoints and watchpoints, which KVM takes and the processor does not stop for";
}

static const char *steps_text(const struct iol_debug_caps *caps, bool skips)
{
	if (!caps->steps)
		return "no steps";
	return skips ? "steps (over what KVM does itself, and one more)" : "steps";
}

static void describe(struct iol_debug_caps *caps, bool skips)
{
	g_snprintf(caps->text, sizeof(caps->text), "%s, %s, %s", steps_text(caps, skips),
		   caps->trap_bytes ? "breakpoints" : "no breakpoints", points_text(caps));
}

static int probe(int kvm_fd, struct iol_debug_caps *caps, struct iol_error *err)
{
	struct trial t = { .tlb = NULL };
	int ret;

	/* Whoever has a guest on such a host hangs with it. */
	if (iol_ppc_host_faults(kvm_fd, false, err) == IOL_HOST_FAULTY)
		return -ENOTSUP;
	ret = make(&t, kvm_fd, err);
	if (!ret)
		try_all(&t, caps);
	iol_kvm_probe_finish(&t.p);
	free(t.tlb);
	if (ret)
		return iol_error_prefix(err, "the test guest for debugging");
	describe(caps, t.skips);
	if (caps->steps || caps->trap_bytes || caps->hard_breaks || caps->hard_watches)
		return 0;
	return iol_error_set(err, -ENOTSUP,
			     "KVM stops a guest neither after a step nor at a breakpoint");
}

int iol_ppc_debug_probe(int kvm_fd, struct iol_debug_caps *caps, struct iol_error *err)
{
	struct iol_error why = { 0 };
	int ret;

	*caps = (struct iol_debug_caps){ .trap_port = -1 };
	ret = probe(kvm_fd, caps, &why);
	if (!ret)
		return 0;
	g_snprintf(caps->text, sizeof(caps->text), "nothing: %s", why.msg);
	if (err)
		*err = why;
	return ret;
}
