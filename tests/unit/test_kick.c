// SPDX-License-Identifier: Apache-2.0
/* Doorbells: against a KVM that is played (fake_kvm.h), and against the host's where there is one. */
#include <iolite/kick.h>

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fake_kvm.h"

#define GPA UINT64_C(0xc0003000)

/* Rings since the last look. The eventfd is one that reads wait for. */
static uint64_t take(const struct iol_kick *kick)
{
	struct pollfd pfd = { .fd = kick->eventfd, .events = POLLIN };
	uint64_t count;

	if (poll(&pfd, 1, 0) <= 0)
		return 0;
	return read(kick->eventfd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static void test_alone(void)
{
	struct iol_kick kick = { .vm_fd = -1, .eventfd = -1 };

	iol_kick_ring(&kick);
	g_assert_cmpint(iol_kick_init(&kick, -1, NULL), ==, 0);
	iol_kick_bind(&kick, GPA, NULL);
	g_assert_false(kick.bound);
	g_assert_cmpuint(take(&kick), ==, 0);
	iol_kick_ring(&kick);
	iol_kick_ring(&kick);
	g_assert_cmpuint(take(&kick), ==, 2);
	iol_kick_unbind(&kick);
	iol_kick_finish(&kick);
	g_assert_cmpint(kick.eventfd, ==, -1);
	iol_kick_ring(&kick);
}

static void test_any_write(void)
{
	struct iol_kick kick;

	fake_kvm_reset();
	g_assert_cmpint(iol_kick_init(&kick, FAKE_KVM_FD, NULL), ==, 0);
	g_assert_false(fake_kvm_write(GPA, 2, 0));
	iol_kick_bind(&kick, GPA, NULL);
	g_assert_true(kick.bound);
	for (unsigned int len = 1; len <= 8; len *= 2)
		g_assert_true(fake_kvm_write(GPA, len, len));
	g_assert_false(fake_kvm_write(GPA + 2, 2, 0));
	g_assert_cmpuint(take(&kick), ==, 4);
	/* Again the same; elsewhere; nowhere. */
	iol_kick_bind(&kick, GPA, NULL);
	g_assert_cmpuint(fake_kvm.bells, ==, 1);
	iol_kick_bind(&kick, GPA + 4, NULL);
	g_assert_cmpuint(fake_kvm.bells, ==, 1);
	g_assert_false(fake_kvm_write(GPA, 2, 0));
	g_assert_true(fake_kvm_write(GPA + 4, 2, 0));
	iol_kick_unbind(&kick);
	iol_kick_unbind(&kick);
	g_assert_cmpuint(fake_kvm.bells, ==, 0);
	iol_kick_bind(&kick, GPA, NULL);
	g_assert_cmpuint(fake_kvm.bells, ==, 1);
	iol_kick_finish(&kick);
	g_assert_cmpuint(fake_kvm.bells, ==, 0);
}

/* virtio-mmio: one register for all queues, told apart by the value. */
static void test_value(void)
{
	const uint32_t values[] = { 0, 1, 0xffffffff };
	struct iol_kick kicks[3];

	fake_kvm_reset();
	for (unsigned int i = 0; i < 3; i++) {
		g_assert_cmpint(iol_kick_init(&kicks[i], FAKE_KVM_FD, NULL), ==, 0);
		iol_kick_bind(&kicks[i], GPA, &values[i]);
		g_assert_true(kicks[i].bound);
	}
	g_assert_false(fake_kvm_write(GPA, 2, 1));
	g_assert_false(fake_kvm_write(GPA, 4, 2));
	g_assert_true(fake_kvm_write(GPA, 4, 1));
	g_assert_true(fake_kvm_write(GPA, 4, 0xffffffff));
	for (unsigned int i = 0; i < 3; i++)
		g_assert_cmpuint(take(&kicks[i]), ==, i > 0);
	/* Another value is another binding, and so is none. */
	iol_kick_bind(&kicks[0], GPA, &(const uint32_t){ 5 });
	g_assert_true(fake_kvm_write(GPA, 4, 5));
	g_assert_false(fake_kvm_write(GPA, 4, 0));
	iol_kick_bind(&kicks[0], GPA, NULL);
	g_assert_true(fake_kvm_write(GPA, 4, 77));
	g_assert_cmpuint(take(&kicks[0]), ==, 2);
	for (unsigned int i = 0; i < 3; i++)
		iol_kick_finish(&kicks[i]);
	g_assert_cmpuint(fake_kvm.bells, ==, 0);
}

/* A kernel that cannot, or will not: unbound, and bound again once it can. */
static void test_refused(void)
{
	struct iol_kick first, second;

	fake_kvm_reset();
	g_assert_cmpint(iol_kick_init(&first, FAKE_KVM_FD, NULL), ==, 0);
	g_assert_cmpint(iol_kick_init(&second, FAKE_KVM_FD, NULL), ==, 0);
	fake_kvm.no_any_length = true;
	iol_kick_bind(&first, GPA, NULL);
	g_assert_false(first.bound);
	iol_kick_bind(&first, GPA, &(const uint32_t){ 1 });
	g_assert_true(first.bound);
	fake_kvm.no_any_length = false;
	iol_kick_bind(&first, GPA, NULL);
	/* Two doorbells at one place. */
	iol_kick_bind(&second, GPA, NULL);
	g_assert_true(first.bound);
	g_assert_false(second.bound);
	iol_kick_unbind(&second);
	g_assert_true(fake_kvm_write(GPA, 2, 0));
	g_assert_cmpuint(take(&first), ==, 1);
	iol_kick_unbind(&first);
	iol_kick_bind(&second, GPA, NULL);
	g_assert_true(second.bound);
	iol_kick_ring(&first);
	g_assert_cmpuint(take(&first), ==, 1);
	iol_kick_finish(&first);
	iol_kick_finish(&second);
}

#if defined(__x86_64__)

enum { CODE = 0x1000, BELL = 0xd0000, MEMORY_BYTES = 0x2000 };

/* Writes @len bytes of 7 to BELL in real mode, then halts; how KVM_RUN ended. */
static uint32_t run_guest(int kvm_fd, int vm_fd, unsigned int len)
{
	static const uint8_t code[][12] = {
		/* mov ax, 0xd000; mov ds, ax; mov eax, 7; mov [0], eax or ax; hlt */
		{ 0xb8, 0x00, 0xd0, 0x8e, 0xd8, 0xb8, 0x07, 0x00, 0xa3, 0x00, 0x00, 0xf4 },
		{ 0xb8, 0x00, 0xd0, 0x8e, 0xd8, 0xb8, 0x07, 0x00, 0x66, 0xa3, 0x00, 0x00 },
	};
	size_t run_bytes = (size_t)ioctl(kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0UL);
	uint8_t *memory = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kvm_userspace_memory_region slot = { .memory_size = MEMORY_BYTES,
						    .userspace_addr = (uintptr_t)memory };
	int vcpu_fd = ioctl(vm_fd, KVM_CREATE_VCPU, (unsigned long)len);
	struct kvm_regs regs = { .rip = CODE, .rflags = 2 };
	struct kvm_sregs sregs;
	struct kvm_run *run;
	uint32_t reason;

	g_assert_cmpint(vcpu_fd, >=, 0);
	g_assert_true(memory != MAP_FAILED);
	memset(memory, 0xf4, MEMORY_BYTES);
	memcpy(memory + CODE, code[len == 4], sizeof(code[0]));
	g_assert_cmpint(ioctl(vm_fd, KVM_SET_USER_MEMORY_REGION, &slot), ==, 0);
	g_assert_cmpint(ioctl(vcpu_fd, KVM_GET_SREGS, &sregs), ==, 0);
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	g_assert_cmpint(ioctl(vcpu_fd, KVM_SET_SREGS, &sregs), ==, 0);
	g_assert_cmpint(ioctl(vcpu_fd, KVM_SET_REGS, &regs), ==, 0);
	run = mmap(NULL, run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu_fd, 0);
	g_assert_true((void *)run != MAP_FAILED);
	g_assert_cmpint(ioctl(vcpu_fd, KVM_RUN, 0UL), ==, 0);
	reason = run->exit_reason;
	munmap(run, run_bytes);
	slot.memory_size = 0;
	g_assert_cmpint(ioctl(vm_fd, KVM_SET_USER_MEMORY_REGION, &slot), ==, 0);
	munmap(memory, MEMORY_BYTES);
	close(vcpu_fd);
	return reason;
}

static void check_real(int kvm_fd, int vm_fd)
{
	const uint32_t seven = 7, eight = 8;
	struct iol_kick kick;
	uint32_t reason;

	g_assert_cmpint(iol_kick_init(&kick, vm_fd, NULL), ==, 0);
	iol_kick_bind(&kick, BELL, &eight);
	g_assert_true(kick.bound);
	reason = run_guest(kvm_fd, vm_fd, 4);
	if (reason != KVM_EXIT_MMIO) {
		g_autofree char *why = g_strdup_printf(
			"this KVM does not run real-mode code (exit reason %u)", reason);

		g_test_skip(why);
	} else {
		iol_kick_bind(&kick, BELL, NULL);
		g_assert_true(kick.bound);
		g_assert_cmpuint(run_guest(kvm_fd, vm_fd, 2), ==, KVM_EXIT_HLT);
		g_assert_cmpuint(take(&kick), ==, 1);
	}
	iol_kick_bind(&kick, BELL, &seven);
	g_assert_true(kick.bound);
	iol_kick_unbind(&kick);
	iol_kick_finish(&kick);
}

static void test_real(void)
{
	int kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int vm_fd;

	if (kvm_fd < 0) {
		g_autofree char *reason = g_strdup_printf("/dev/kvm: %s", g_strerror(errno));

		g_test_skip(reason);
		return;
	}
	vm_fd = TEMP_FAILURE_RETRY(ioctl(kvm_fd, KVM_CREATE_VM, 0UL));
	g_assert_cmpint(vm_fd, >=, 0);
	check_real(kvm_fd, vm_fd);
	close(vm_fd);
	close(kvm_fd);
}

#endif

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kick/alone", test_alone);
	g_test_add_func("/kick/any-write", test_any_write);
	g_test_add_func("/kick/value", test_value);
	g_test_add_func("/kick/refused", test_refused);
#if defined(__x86_64__)
	g_test_add_func("/kick/real-kvm", test_real);
#endif
	return g_test_run();
}
