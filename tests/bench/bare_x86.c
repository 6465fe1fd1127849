// SPDX-License-Identifier: Apache-2.0
/*
 * bench_bare GUEST: the least that a VMM for a machine such as iolite's can do. It issues the KVM
 * calls that `iolite run` issues, in its order, loads flat 32-bit code at 1 MiB, runs one vCPU on a
 * thread of its own, and copies what the guest writes to the first serial port to standard output.
 * No device, no tables, no event loop; statically linked. B1 compares iolite with it.
 *
 * bench_bare GUEST CMDLINE: the same for a guest of tests/guest as flat code, which is told CMDLINE as
 * PVH does. Register accesses read as 0; power-off ends it. B4 compares iolite with it.
 *
 * Keep in step with src/vmm/vm.c and src/arch/x86_64/kvm_*.c: the benchmark says when they differ.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "marker.h"

#define RAM_BYTES (128ull << 20)
#define HUGE_PAGE_BYTES (2ull << 20)
#define GUEST_GPA 0x100000ull
#define GUEST_BYTES_MAX 0x100000u
#define START_INFO_GPA 0x3000ull
#define CMDLINE_GPA 0x4000ull
#define POWER_OFF_PORT 0x600
#define TSS_GPA 0xfffbd000ul
#define MSR_MTRR_DEF_TYPE 0x2ff
#define MTRR_ON_WRITE_BACK 0xc06

enum { CPUID_ENTRIES_MAX = 512, SERIAL_GSI = 4, EVENTS_GSI = 5 };

static int kvm_fd, vm_fd, vcpu_fd;
static struct kvm_run *run;

/* A negative @value ends the program. */
static int must(int value, const char *what)
{
	if (value >= 0)
		return value;
	fprintf(stderr, "bench_bare: %s: %s\n", what, strerror(errno));
	exit(1);
}

#define MUST(call) must(call, #call)

/* Zeroed, for as long as the program lives. */
static void *allocate(size_t bytes)
{
	void *p = calloc(1, bytes);

	must(p ? 0 : -1, "calloc");
	return p;
}

static void open_kvm(void)
{
	static const unsigned long caps[] = {
		KVM_CAP_IRQCHIP,  KVM_CAP_USER_MEMORY,    KVM_CAP_SET_TSS_ADDR, KVM_CAP_EXT_CPUID,
		KVM_CAP_MP_STATE, KVM_CAP_VCPU_EVENTS,    KVM_CAP_DEBUGREGS,    KVM_CAP_XSAVE,
		KVM_CAP_IRQFD,    KVM_CAP_IMMEDIATE_EXIT,
	};

	kvm_fd = MUST(open("/dev/kvm", O_RDWR | O_CLOEXEC));
	MUST(ioctl(kvm_fd, KVM_GET_API_VERSION, 0ul));
	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++)
		MUST(ioctl(kvm_fd, KVM_CHECK_EXTENSION, caps[i]));
}

static uint8_t *map_memory(const char *guest)
{
	uint8_t *mapping, *ram;
	int fd;

	mapping = mmap(NULL, RAM_BYTES + HUGE_PAGE_BYTES, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mapping == MAP_FAILED)
		must(-1, "mmap");
	ram = mapping + (-(uintptr_t)mapping & (HUGE_PAGE_BYTES - 1));
	madvise(mapping, RAM_BYTES + HUGE_PAGE_BYTES, MADV_DONTDUMP);
	/* Not where the guest begins: zeroing 2 MiB for a few pages' sake would not be the least. */
	madvise(ram + HUGE_PAGE_BYTES, RAM_BYTES - HUGE_PAGE_BYTES, MADV_HUGEPAGE);
	fd = MUST(open(guest, O_RDONLY | O_CLOEXEC));
	MUST((int)pread(fd, ram + GUEST_GPA, GUEST_BYTES_MAX, 0));
	return ram;
}

static void bind_interrupt(uint32_t gsi)
{
	struct kvm_irqfd irqfd = { .gsi = gsi };

	irqfd.fd = (uint32_t)MUST(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	MUST(ioctl(vm_fd, KVM_IRQFD, &irqfd));
}

/* The machine; what KVM supports of CPUID. */
static struct kvm_cpuid2 *create_machine(uint8_t *ram)
{
	struct kvm_userspace_memory_region slot = {
		.memory_size = RAM_BYTES,
		.userspace_addr = (uintptr_t)ram,
	};
	struct kvm_cpuid2 *cpuid;

	vm_fd = MUST(ioctl(kvm_fd, KVM_CREATE_VM, 0ul));
	MUST(ioctl(vm_fd, KVM_SET_USER_MEMORY_REGION, &slot));
	MUST(ioctl(vm_fd, KVM_SET_TSS_ADDR, TSS_GPA));
	MUST(ioctl(vm_fd, KVM_CREATE_IRQCHIP, 0ul));
	for (uint32_t id = KVM_IRQCHIP_PIC_MASTER; id <= KVM_IRQCHIP_IOAPIC; id++) {
		struct kvm_irqchip chip = { .chip_id = id };

		MUST(ioctl(vm_fd, KVM_GET_IRQCHIP, &chip));
		chip.chip.pic.imr = 0xff;
		if (id != KVM_IRQCHIP_IOAPIC)
			MUST(ioctl(vm_fd, KVM_SET_IRQCHIP, &chip));
	}
	MUST(ioctl(kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER));
	cpuid = allocate(sizeof(*cpuid) + CPUID_ENTRIES_MAX * sizeof(cpuid->entries[0]));
	cpuid->nent = CPUID_ENTRIES_MAX;
	MUST(ioctl(kvm_fd, KVM_GET_SUPPORTED_CPUID, cpuid));
	bind_interrupt(SERIAL_GSI);
	bind_interrupt(EVENTS_GSI);
	return cpuid;
}

/* All that a reset would have to put back. */
static void capture(struct kvm_sregs *sregs)
{
	struct kvm_lapic_state lapic;
	struct kvm_vcpu_events events;
	struct kvm_debugregs debugregs;
	struct kvm_msr_list probe = { .nmsrs = 0 }, *list;
	struct kvm_msrs *msrs;

	MUST(ioctl(vcpu_fd, KVM_GET_SREGS, sregs));
	MUST(ioctl(vcpu_fd, KVM_GET_LAPIC, &lapic));
	MUST(ioctl(vcpu_fd, KVM_GET_VCPU_EVENTS, &events));
	MUST(ioctl(vcpu_fd, KVM_GET_DEBUGREGS, &debugregs));
	if (!ioctl(kvm_fd, KVM_GET_MSR_INDEX_LIST, &probe) || errno != E2BIG)
		must(-1, "KVM_GET_MSR_INDEX_LIST");
	list = allocate(sizeof(*list) + probe.nmsrs * sizeof(list->indices[0]));
	list->nmsrs = probe.nmsrs;
	MUST(ioctl(kvm_fd, KVM_GET_MSR_INDEX_LIST, list));
	msrs = allocate(sizeof(*msrs) + list->nmsrs * sizeof(msrs->entries[0]));
	msrs->nmsrs = list->nmsrs;
	for (uint32_t i = 0; i < list->nmsrs; i++)
		msrs->entries[i].index = list->indices[i];
	MUST(ioctl(vcpu_fd, KVM_GET_MSRS, msrs));
}

static struct kvm_segment flat_segment(uint16_t selector, uint8_t type)
{
	return (struct kvm_segment){ .limit = 0xffffffff,
				     .selector = selector,
				     .type = type,
				     .present = 1,
				     .s = 1,
				     .db = 1,
				     .g = 1 };
}

/* Of Xen's struct hvm_start_info, what those guests look at. */
static void tell_cmdline(uint8_t *ram, const char *cmdline)
{
	uint64_t gpa = CMDLINE_GPA;

	memcpy(ram + START_INFO_GPA + 24, &gpa, sizeof(gpa));
	strcpy((char *)ram + CMDLINE_GPA, cmdline);
}

static void create_vcpu(struct kvm_cpuid2 *cpuid)
{
	struct kvm_regs regs = { .rip = GUEST_GPA, .rflags = 2, .rbx = START_INFO_GPA };
	struct kvm_msrs *mtrr = allocate(sizeof(*mtrr) + sizeof(mtrr->entries[0]));
	struct kvm_sregs sregs;
	size_t run_bytes;

	vcpu_fd = MUST(ioctl(vm_fd, KVM_CREATE_VCPU, 0ul));
	run_bytes = (size_t)MUST(ioctl(kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0ul));
	run = mmap(NULL, run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu_fd, 0);
	if (run == MAP_FAILED)
		must(-1, "mmap of the vCPU");
	ioctl(vcpu_fd, KVM_GET_TSC_KHZ, 0ul);
	MUST(ioctl(vcpu_fd, KVM_SET_CPUID2, cpuid));
	capture(&sregs);
	sregs.cs = flat_segment(0x10, 0xb);
	sregs.ds = sregs.es = sregs.ss = sregs.fs = sregs.gs = flat_segment(0x18, 3);
	sregs.cr0 = 0x11; /* protected mode, no paging */
	MUST(ioctl(vcpu_fd, KVM_SET_SREGS, &sregs));
	MUST(ioctl(vcpu_fd, KVM_SET_REGS, &regs));
	mtrr->nmsrs = 1;
	mtrr->entries[0].index = MSR_MTRR_DEF_TYPE;
	mtrr->entries[0].data = MTRR_ON_WRITE_BACK;
	MUST(ioctl(vcpu_fd, KVM_SET_MSRS, mtrr));
}

/* A port access of a guest that is more than a marker. */
static void serve_port(void)
{
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	size_t len = (size_t)run->io.size * run->io.count;

	if (run->io.direction == KVM_EXIT_IO_IN)
		memset(data, 0, len);
	else if (run->io.port == BENCH_PORT)
		MUST((int)write(STDOUT_FILENO, data, len));
	else if (run->io.port == POWER_OFF_PORT)
		exit(0);
}

static void *vcpu_main(void *cmdline)
{
	for (;;) {
		MUST(ioctl(vcpu_fd, KVM_RUN, 0ul));
		if (cmdline && run->exit_reason == KVM_EXIT_MMIO) {
			if (!run->mmio.is_write)
				memset(run->mmio.data, 0, sizeof(run->mmio.data));
			continue;
		}
		if (run->exit_reason != KVM_EXIT_IO || (!cmdline && run->io.port != BENCH_PORT)) {
			fprintf(stderr, "bench_bare: KVM exit %u\n", run->exit_reason);
			exit(1);
		}
		serve_port();
	}
}

int main(int argc, char **argv)
{
	struct kvm_cpuid2 *cpuid;
	pthread_t thread;
	uint8_t *ram;

	if (argc != 2 && argc != 3) {
		fprintf(stderr, "usage: bench_bare GUEST [CMDLINE]\n");
		return 2;
	}
	open_kvm();
	ram = map_memory(argv[1]);
	if (argc == 3)
		tell_cmdline(ram, argv[2]);
	cpuid = create_machine(ram);
	create_vcpu(cpuid);
	must(-pthread_create(&thread, NULL, vcpu_main, argv[2]), "pthread_create");
	pthread_join(thread, NULL);
	return 0;
}
