// SPDX-License-Identifier: Apache-2.0
/*
 * Registers between KVM and a debugger's buffer. On the loop's thread, while the vCPU stands.
 *
 * The program counter that a debugger sees is a linear address, as those of its breakpoints are:
 * in real mode the code segment's base is in it.
 */
#include "kvm_x86.h"

#include <assert.h>
#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/ioctl.h>

#define MSR_KERNEL_GS_BASE 0xc0000102u
#define CR0_PE (1u << 0)
#define EFER_LMA (1u << 10)
#define EFLAGS_VM (1u << 17)
#define LEAF_FEATURES 0x1u
#define LEAF_XSAVE 0xdu
#define F1_ECX_AVX (1u << 28)
enum { XSAVE_BYTES = 4096, XSAVE_COMPONENT_AVX = 2, CR8_MAX = 15 };

/* All of a vCPU that a debugger can see. */
struct cpu {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_debugregs debugregs;
	uint64_t k_gs_base;
	struct iol_x86_fpu fpu;
	struct iol_x86_xsave xsave;
};

static void finish(struct cpu *cpu)
{
	g_free(cpu->xsave.image);
}

/* --- which registers there are --- */

static const struct kvm_cpuid_entry2 *leaf(const struct iol_x86_vm *x86, uint32_t function,
					   uint32_t index)
{
	for (uint32_t i = 0; i < x86->cpuid->nent; i++)
		if (x86->cpuid->entries[i].function == function &&
		    x86->cpuid->entries[i].index == index)
			return &x86->cpuid->entries[i];
	return NULL;
}

/* Where an XSAVE image has the upper halves of AVX's registers; 0: the vCPU has no AVX. */
static uint32_t ymm_offset(const struct iol_x86_vm *x86)
{
	const struct kvm_cpuid_entry2 *features = leaf(x86, LEAF_FEATURES, 0);
	const struct kvm_cpuid_entry2 *avx = leaf(x86, LEAF_XSAVE, XSAVE_COMPONENT_AVX);

	if (!features || !(features->ecx & F1_ECX_AVX) || !avx ||
	    avx->eax < sizeof(((struct iol_x86_fpu *)NULL)->ymmh))
		return 0;
	return avx->ebx;
}

const struct iol_gdb_description *iol_x86_describe_registers(struct iol_vm *vm)
{
	return iol_x86_gdb_description(ymm_offset(vm->arch_state) != 0);
}

/* --- from and to KVM --- */

static int get_xsave(struct iol_vcpu *vcpu, struct cpu *cpu)
{
	int bytes = ioctl(vcpu->vm->vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2);

	cpu->xsave.bytes = MAX((size_t)MAX(bytes, 0), (size_t)XSAVE_BYTES);
	cpu->xsave.image = g_malloc0(cpu->xsave.bytes);
	cpu->xsave.ymm_offset = ymm_offset(vcpu->vm->arch_state);
	if (ioctl(vcpu->fd, bytes > XSAVE_BYTES ? KVM_GET_XSAVE2 : KVM_GET_XSAVE, cpu->xsave.image))
		return -errno;
	return iol_x86_xsave_get(&cpu->xsave, &cpu->fpu);
}

static int msr_call(struct iol_vcpu *vcpu, unsigned long request, uint64_t *value)
{
	union {
		struct kvm_msrs msrs;
		uint8_t room[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
	} call = { .msrs = { .nmsrs = 1 } };
	struct kvm_msr_entry entry = { .index = MSR_KERNEL_GS_BASE, .data = *value };
	int ret;

	memcpy(call.room + sizeof(call.msrs), &entry, sizeof(entry));
	ret = ioctl(vcpu->fd, request, &call);
	if (ret < 0)
		return -errno;
	if (ret != 1)
		return -EINVAL;
	memcpy(&entry, call.room + sizeof(call.msrs), sizeof(entry));
	*value = entry.data;
	return 0;
}

/* @cpu is to be finished, also on failure. */
static int get(struct iol_vcpu *vcpu, struct cpu *cpu)
{
	memset(cpu, 0, sizeof(*cpu));
	if (ioctl(vcpu->fd, KVM_GET_REGS, &cpu->regs) ||
	    ioctl(vcpu->fd, KVM_GET_SREGS, &cpu->sregs) ||
	    ioctl(vcpu->fd, KVM_GET_DEBUGREGS, &cpu->debugregs))
		return -errno;
	if (msr_call(vcpu, KVM_GET_MSRS, &cpu->k_gs_base))
		cpu->k_gs_base = 0;
	return get_xsave(vcpu, cpu);
}

/* What KVM has calls for, in the order in which they are made. */
enum part { PART_SREGS, PART_REGS, PART_FPU, PART_DEBUGREGS, PART_K_GS_BASE, PART_COUNT };

static bool differs(const struct cpu *a, const struct cpu *b, enum part part)
{
	switch (part) {
	case PART_SREGS:
		return memcmp(&a->sregs, &b->sregs, sizeof(a->sregs)) != 0;
	case PART_REGS:
		return memcmp(&a->regs, &b->regs, sizeof(a->regs)) != 0;
	case PART_FPU:
		return memcmp(a->xsave.image, b->xsave.image, a->xsave.bytes) != 0;
	case PART_DEBUGREGS:
		return memcmp(&a->debugregs, &b->debugregs, sizeof(a->debugregs)) != 0;
	default:
		return a->k_gs_base != b->k_gs_base;
	}
}

static int put(struct iol_vcpu *vcpu, struct cpu *cpu, enum part part)
{
	int ret;

	switch (part) {
	case PART_SREGS:
		ret = ioctl(vcpu->fd, KVM_SET_SREGS, &cpu->sregs);
		break;
	case PART_REGS:
		ret = ioctl(vcpu->fd, KVM_SET_REGS, &cpu->regs);
		break;
	case PART_FPU:
		ret = ioctl(vcpu->fd, KVM_SET_XSAVE, cpu->xsave.image);
		break;
	case PART_DEBUGREGS:
		ret = ioctl(vcpu->fd, KVM_SET_DEBUGREGS, &cpu->debugregs);
		break;
	default:
		return msr_call(vcpu, KVM_SET_MSRS, &cpu->k_gs_base);
	}
	return ret < 0 ? -errno : 0;
}

/* Only what is different: KVM drops exceptions that wait when the general registers are set. */
static int put_all(struct iol_vcpu *vcpu, struct cpu *now, struct cpu *wanted)
{
	for (unsigned int part = 0; part < PART_COUNT; part++) {
		int ret = differs(now, wanted, part) ? put(vcpu, wanted, part) : 0;

		if (!ret)
			continue;
		/* As it was, as far as KVM takes that. */
		for (unsigned int done = 0; done <= part; done++)
			if (differs(now, wanted, done))
				put(vcpu, now, done);
		return ret;
	}
	return 0;
}

/* --- from and to the buffer; this half is compiled on little-endian hosts only --- */

struct place {
	uint16_t offset, bytes; /* in struct cpu */
};

#define PLACE(field)                                                             \
	{                                                                        \
		offsetof(struct cpu, field), sizeof(((struct cpu *)NULL)->field) \
	}

static const struct place general_places[] = {
	PLACE(regs.rax),          PLACE(regs.rbx),          PLACE(regs.rcx),
	PLACE(regs.rdx),          PLACE(regs.rsi),          PLACE(regs.rdi),
	PLACE(regs.rbp),          PLACE(regs.rsp),          PLACE(regs.r8),
	PLACE(regs.r9),           PLACE(regs.r10),          PLACE(regs.r11),
	PLACE(regs.r12),          PLACE(regs.r13),          PLACE(regs.r14),
	PLACE(regs.r15),          PLACE(regs.rip),          PLACE(regs.rflags),
	PLACE(sregs.cs.selector), PLACE(sregs.ss.selector), PLACE(sregs.ds.selector),
	PLACE(sregs.es.selector), PLACE(sregs.fs.selector), PLACE(sregs.gs.selector),
};
static_assert(IOL_ARRAY_LEN(general_places) == IOL_X86_GDB_ST0, "up to the x87 registers");
static_assert(offsetof(struct iol_x86_fpu, ymmh) == 8 * 10 + 8 * 4 + 16 * 16 + 4, "no gaps");

static const struct place base_places[] = { PLACE(sregs.fs.base), PLACE(sregs.gs.base) };

static const struct place system_places[IOL_X86_GDB_SYSTEM_COUNT] = {
	[IOL_X86_GDB_CR0] = PLACE(sregs.cr0),
	[IOL_X86_GDB_CR2] = PLACE(sregs.cr2),
	[IOL_X86_GDB_CR3] = PLACE(sregs.cr3),
	[IOL_X86_GDB_CR4] = PLACE(sregs.cr4),
	[IOL_X86_GDB_CR8] = PLACE(sregs.cr8),
	[IOL_X86_GDB_EFER] = PLACE(sregs.efer),
	[IOL_X86_GDB_K_GS_BASE] = PLACE(k_gs_base),
	[IOL_X86_GDB_APIC_BASE] = PLACE(sregs.apic_base),
	[IOL_X86_GDB_CS_BASE] = PLACE(sregs.cs.base),
	[IOL_X86_GDB_GDT_BASE] = PLACE(sregs.gdt.base),
	[IOL_X86_GDB_GDT_LIMIT] = PLACE(sregs.gdt.limit),
	[IOL_X86_GDB_IDT_BASE] = PLACE(sregs.idt.base),
	[IOL_X86_GDB_IDT_LIMIT] = PLACE(sregs.idt.limit),
	[IOL_X86_GDB_DR0] = PLACE(debugregs.db[0]),
	[IOL_X86_GDB_DR1] = PLACE(debugregs.db[1]),
	[IOL_X86_GDB_DR2] = PLACE(debugregs.db[2]),
	[IOL_X86_GDB_DR3] = PLACE(debugregs.db[3]),
	[IOL_X86_GDB_DR6] = PLACE(debugregs.dr6),
	[IOL_X86_GDB_DR7] = PLACE(debugregs.dr7),
};

/* Registers of the x87 and SSE features, one behind the other as in the buffer. */
static struct place fpu_place(unsigned int n)
{
	struct place place = { offsetof(struct cpu, fpu), 0 };

	if (n < IOL_X86_GDB_FCTRL) {
		place.bytes = 10;
		place.offset += offsetof(struct iol_x86_fpu, st) + 10 * (n - IOL_X86_GDB_ST0);
	} else if (n < IOL_X86_GDB_XMM0) {
		place.bytes = 4;
		place.offset += offsetof(struct iol_x86_fpu, control) + 4 * (n - IOL_X86_GDB_FCTRL);
	} else if (n < IOL_X86_GDB_MXCSR) {
		place.bytes = 16;
		place.offset += offsetof(struct iol_x86_fpu, xmm) + 16 * (n - IOL_X86_GDB_XMM0);
	} else {
		place.bytes = 4;
		place.offset += offsetof(struct iol_x86_fpu, mxcsr);
	}
	return place;
}

static struct place place_of(unsigned int n, bool has_avx)
{
	if (n < IOL_X86_GDB_ST0)
		return general_places[n];
	if (n < IOL_X86_GDB_FS_BASE)
		return fpu_place(n);
	if (n < IOL_X86_GDB_YMM0H)
		return base_places[n - IOL_X86_GDB_FS_BASE];
	n -= IOL_X86_GDB_YMM0H;
	if (!has_avx)
		return system_places[n];
	if (n < IOL_X86_GDB_YMM_COUNT)
		return (struct place){ (uint16_t)(offsetof(struct cpu, fpu.ymmh) + 16 * n), 16 };
	return system_places[n - IOL_X86_GDB_YMM_COUNT];
}

static uint64_t code_base(const struct kvm_sregs *sregs)
{
	bool is_64bit = (sregs->efer & EFER_LMA) && sregs->cs.l;

	return is_64bit ? 0 : sregs->cs.base;
}

static uint64_t linear_pc(const struct kvm_sregs *sregs, uint64_t rip)
{
	uint64_t base = code_base(sregs);

	return base ? (uint32_t)(base + rip) : rip;
}

static uint64_t rip_of(const struct kvm_sregs *sregs, uint64_t pc)
{
	uint64_t base = code_base(sregs);

	return base ? (uint32_t)(pc - base) : pc;
}

int iol_x86_read_registers(struct iol_vcpu *vcpu, uint8_t *buf)
{
	const struct iol_gdb_description *d = iol_x86_describe_registers(vcpu->vm);
	iol_auto(finish) struct cpu cpu;
	int ret = get(vcpu, &cpu);
	unsigned int n = 0;

	if (ret)
		return ret;
	cpu.regs.rip = linear_pc(&cpu.sregs, cpu.regs.rip);
	for (unsigned int f = 0; f < d->feature_count; f++) {
		for (unsigned int i = 0; i < d->features[f]->count; i++, n++) {
			size_t width = d->features[f]->registers[i].bits / 8;
			struct place place = place_of(n, cpu.xsave.ymm_offset != 0);

			memset(buf, 0, width);
			memcpy(buf, (uint8_t *)&cpu + place.offset, MIN(width, place.bytes));
			buf += width;
		}
	}
	return 0;
}

/* In real mode and virtual-8086 mode a selector has its base in it; elsewhere the hidden part stays as it is. */
static void follow_selectors(const struct cpu *now, struct cpu *wanted)
{
	const struct kvm_segment *before[] = { &now->sregs.cs, &now->sregs.ss, &now->sregs.ds,
					       &now->sregs.es, &now->sregs.fs, &now->sregs.gs };
	struct kvm_segment *after[] = { &wanted->sregs.cs, &wanted->sregs.ss, &wanted->sregs.ds,
					&wanted->sregs.es, &wanted->sregs.fs, &wanted->sregs.gs };

	if ((now->sregs.cr0 & CR0_PE) && !(now->regs.rflags & EFLAGS_VM))
		return;
	for (size_t i = 0; i < IOL_ARRAY_LEN(after); i++)
		if (before[i]->selector != after[i]->selector && before[i]->base == after[i]->base)
			after[i]->base = (uint64_t)after[i]->selector << 4;
}

static int take(struct cpu *cpu, struct place place, const uint8_t *value, size_t width)
{
	memcpy((uint8_t *)cpu + place.offset, value, MIN(width, place.bytes));
	for (size_t i = place.bytes; i < width; i++)
		if (value[i])
			return -EINVAL;
	return 0;
}

/*
 * The buffer's registers from @first on, but for the program counter. @pc: where that is in the
 * buffer; NULL: it is not among them.
 */
static int take_registers(const struct iol_gdb_description *d, struct cpu *cpu, unsigned int first,
			  unsigned int count, const uint8_t *buf, const uint8_t **pc)
{
	unsigned int n = 0;

	*pc = NULL;
	for (unsigned int f = 0; f < d->feature_count; f++) {
		for (unsigned int i = 0; i < d->features[f]->count; i++, n++) {
			size_t width = d->features[f]->registers[i].bits / 8;
			const uint8_t *value = buf;

			buf += width;
			if (n < first || n - first >= count)
				continue;
			if (n == d->pc)
				*pc = value;
			else if (take(cpu, place_of(n, cpu->xsave.ymm_offset != 0), value, width))
				return -EINVAL;
		}
	}
	return 0;
}

int iol_x86_write_registers(struct iol_vcpu *vcpu, unsigned int first, unsigned int count,
			    const uint8_t *buf)
{
	const struct iol_gdb_description *d = iol_x86_describe_registers(vcpu->vm);
	iol_auto(finish) struct cpu now;
	iol_auto(finish) struct cpu wanted = { .xsave = { .image = NULL } };
	const uint8_t *pc;
	int ret = get(vcpu, &now);

	if (ret)
		return ret;
	wanted = now;
	wanted.xsave.image = g_memdup2(now.xsave.image, now.xsave.bytes);
	ret = take_registers(d, &wanted, first, count, buf, &pc);
	if (ret)
		return ret;
	follow_selectors(&now, &wanted);
	if (pc) {
		uint64_t linear;

		memcpy(&linear, pc, sizeof(linear));
		wanted.regs.rip = rip_of(&wanted.sregs, linear);
	}
	if (wanted.sregs.cr8 > CR8_MAX)
		return -EINVAL;
	ret = iol_x86_xsave_put(&wanted.xsave, &wanted.fpu);
	return ret ? ret : put_all(vcpu, &now, &wanted);
}

int iol_x86_get_pc(struct iol_vcpu *vcpu, uint64_t *pc)
{
	struct kvm_regs regs;
	struct kvm_sregs sregs;

	if (ioctl(vcpu->fd, KVM_GET_REGS, &regs) || ioctl(vcpu->fd, KVM_GET_SREGS, &sregs))
		return -errno;
	*pc = linear_pc(&sregs, regs.rip);
	return 0;
}

int iol_x86_set_pc(struct iol_vcpu *vcpu, uint64_t pc)
{
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	uint64_t rip;

	if (ioctl(vcpu->fd, KVM_GET_REGS, &regs) || ioctl(vcpu->fd, KVM_GET_SREGS, &sregs))
		return -errno;
	rip = rip_of(&sregs, pc);
	if (rip == regs.rip)
		return 0;
	regs.rip = rip;
	return ioctl(vcpu->fd, KVM_SET_REGS, &regs) ? -errno : 0;
}
