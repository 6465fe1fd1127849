// SPDX-License-Identifier: Apache-2.0
/*
 * CPUID: what KVM supports, made to describe this machine (SDM 2A, CPUID; AMD APM 3, appendix E;
 * kvm-api 4.46; Linux Documentation/virt/kvm/x86/cpuid.rst). One package; a core a vCPU; APIC id =
 * vCPU index. Frequencies are said outright, so that no guest calibrates. On the loop's thread.
 */
#include "kvm_x86.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

enum {
	CPUID_ENTRIES_MAX = 512,
	LEAF_FEATURES = 0x1,
	LEAF_CACHES_INTEL = 0x4,
	LEAF_TOPOLOGY = 0xb,
	LEAF_TSC = 0x15,
	LEAF_TOPOLOGY_V2 = 0x1f,
};
#define LEAF_KVM_SIGNATURE 0x40000000u
#define LEAF_TIMING 0x40000010u
#define LEAF_AMD_SIZES 0x80000008u
#define LEAF_CACHES_AMD 0x8000001du
#define LEAF_TOPOLOGY_AMD 0x8000001eu

#define F1_ECX_TSC_DEADLINE (1u << 24)
#define F1_ECX_HYPERVISOR (1u << 31)
#define F1_EDX_HTT (1u << 28)

/* KVM's APIC timer counts nanoseconds. */
#define APIC_BUS_KHZ 1000000u

int iol_x86_cpuid_init(struct iol_vm *vm, struct iol_error *err)
{
	struct iol_x86_vm *x86 = vm->arch_state;
	struct kvm_cpuid2 *cpuid;

	cpuid = g_malloc0(sizeof(*cpuid) + CPUID_ENTRIES_MAX * sizeof(cpuid->entries[0]));
	x86->cpuid = cpuid;
	cpuid->nent = CPUID_ENTRIES_MAX;
	return iol_kvm_ioctl(vm->kvm_fd, KVM_GET_SUPPORTED_CPUID, cpuid, "KVM_GET_SUPPORTED_CPUID",
			     err);
}

static struct kvm_cpuid_entry2 *find(struct kvm_cpuid2 *cpuid, uint32_t leaf)
{
	for (uint32_t i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == leaf)
			return &cpuid->entries[i];
	return NULL;
}

/* Bits needed for ids 0 to @count - 1. */
static unsigned int id_bits(unsigned int count)
{
	unsigned int bits = 0;

	while ((1u << bits) < count)
		bits++;
	return bits;
}

/* The extended topology leaves: one thread a core, then all cores of the package. */
static void patch_topology(struct kvm_cpuid_entry2 *e, uint32_t apic_id, unsigned int cpus)
{
	enum { LEVEL_NONE, LEVEL_SMT, LEVEL_CORE };

	e->eax = 0;
	e->ebx = 0;
	e->ecx = e->index;
	e->edx = apic_id;
	if (e->index == 0) {
		e->ebx = 1;
		e->ecx |= LEVEL_SMT << 8;
	} else if (e->index == 1) {
		e->eax = id_bits(cpus);
		e->ebx = cpus;
		e->ecx |= LEVEL_CORE << 8;
	} else {
		e->ecx |= LEVEL_NONE << 8;
	}
}

/* The cache leaves: levels 1 and 2 belong to a core, level 3 to the package. */
static void patch_cache(struct kvm_cpuid_entry2 *e, unsigned int cpus, bool intel)
{
	uint32_t level = (e->eax >> 5) & 7;
	uint32_t sharing = level >= 3 ? (1u << id_bits(cpus)) - 1 : 0;

	if (!(e->eax & 0x1f))
		return; /* no cache of this index */
	e->eax &= ~(0xfffu << 14);
	e->eax |= sharing << 14;
	if (intel) {
		e->eax &= ~(0x3fu << 26);
		e->eax |= ((1u << id_bits(cpus)) - 1) << 26;
	}
}

static void patch_features(struct kvm_cpuid_entry2 *e, uint32_t apic_id, unsigned int cpus,
			   bool has_tsc_deadline)
{
	e->ebx &= 0x0000ffffu;
	e->ebx |= apic_id << 24 | (1u << id_bits(cpus)) << 16;
	e->ecx |= F1_ECX_HYPERVISOR;
	if (has_tsc_deadline)
		e->ecx |= F1_ECX_TSC_DEADLINE;
	e->edx &= ~F1_EDX_HTT;
	if (cpus > 1)
		e->edx |= F1_EDX_HTT;
}

static void patch_entry(struct kvm_cpuid_entry2 *e, uint32_t apic_id, unsigned int cpus,
			const struct iol_x86_vm *x86)
{
	switch (e->function) {
	case LEAF_FEATURES:
		patch_features(e, apic_id, cpus, x86->has_tsc_deadline);
		break;
	case LEAF_CACHES_INTEL:
		patch_cache(e, cpus, true);
		break;
	case LEAF_CACHES_AMD:
		patch_cache(e, cpus, false);
		break;
	case LEAF_TOPOLOGY:
	case LEAF_TOPOLOGY_V2:
		patch_topology(e, apic_id, cpus);
		break;
	case LEAF_TSC:
		/* TSC = crystal * ebx / eax; the "crystal" is the APIC timer's clock. */
		e->eax = APIC_BUS_KHZ;
		e->ebx = x86->tsc_khz;
		e->ecx = APIC_BUS_KHZ * 1000;
		e->edx = 0;
		break;
	case LEAF_KVM_SIGNATURE:
		e->eax = MAX(e->eax, LEAF_TIMING);
		break;
	case LEAF_AMD_SIZES:
		e->ecx &= ~0xf0ffu;
		e->ecx |= id_bits(cpus) << 12 | (cpus - 1);
		break;
	case LEAF_TOPOLOGY_AMD:
		e->eax = apic_id;
		e->ebx = apic_id; /* core id; one thread a core */
		e->ecx = 0; /* one node, which is node 0 */
		e->edx = 0;
		break;
	}
}

/* Topology leaves of processors that have them, with the two levels that we describe. */
static void add_levels(struct kvm_cpuid2 *cpuid, uint32_t leaf)
{
	struct kvm_cpuid_entry2 *first = find(cpuid, leaf);

	if (!first)
		return;
	first->index = 0;
	first->flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
	for (uint32_t i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == leaf && cpuid->entries[i].index == 1)
			return;
	cpuid->entries[cpuid->nent++] = (struct kvm_cpuid_entry2){
		.function = leaf,
		.index = 1,
		.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
	};
}

int iol_x86_cpuid_set(struct iol_vcpu *vcpu, struct iol_error *err)
{
	struct iol_x86_vm *x86 = vcpu->vm->arch_state;
	g_autofree struct kvm_cpuid2 *cpuid = NULL;
	size_t bytes = sizeof(*cpuid) + x86->cpuid->nent * sizeof(cpuid->entries[0]);

	/* Room for what is added: two topology levels and the timing leaf. */
	cpuid = g_malloc0(bytes + 3 * sizeof(cpuid->entries[0]));
	memcpy(cpuid, x86->cpuid, bytes);
	add_levels(cpuid, LEAF_TOPOLOGY);
	add_levels(cpuid, LEAF_TOPOLOGY_V2);
	for (uint32_t i = 0; i < cpuid->nent; i++)
		patch_entry(&cpuid->entries[i], vcpu->idx, vcpu->vm->config->cpus, x86);
	if (find(cpuid, LEAF_KVM_SIGNATURE))
		cpuid->entries[cpuid->nent++] = (struct kvm_cpuid_entry2){
			.function = LEAF_TIMING,
			.eax = x86->tsc_khz,
			.ebx = APIC_BUS_KHZ,
		};
	return iol_kvm_ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid, "KVM_SET_CPUID2", err);
}
