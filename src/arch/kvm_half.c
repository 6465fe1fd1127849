// SPDX-License-Identifier: Apache-2.0
/* What the KVM halves of architectures share. See include/iolite/kvm_half.h. */
#include <iolite/kvm_half.h>

#include <assert.h>
#include <errno.h>
#include <glib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <iolite/loop.h>

/* The first pays for page faults, any for other processes. */
enum { RUNS = 3 };

int iol_kvm_ioctl(int fd, unsigned long request, void *arg, const char *name, struct iol_error *err)
{
	if (ioctl(fd, request, arg) >= 0)
		return 0;
	return iol_error_errno(err, -errno, "%s", name);
}

int iol_kvm_probe_init(struct iol_kvm_probe *probe, int kvm_fd, unsigned long type,
		       const struct iol_memory_region *ram, struct iol_error *err)
{
	struct kvm_userspace_memory_region slot = {
		.guest_phys_addr = ram->gpa,
		.memory_size = ram->size_bytes,
	};
	int ret;

	*probe = (struct iol_kvm_probe){ .vm_fd = -1, .vcpu_fd = -1 };
	ret = iol_memory_init(&probe->memory, ram, 1, err);
	if (ret)
		return ret;
	do {
		probe->vm_fd = ioctl(kvm_fd, KVM_CREATE_VM, type);
	} while (probe->vm_fd < 0 && errno == EINTR);
	if (probe->vm_fd < 0)
		return iol_error_errno(err, -errno, "KVM_CREATE_VM");
	slot.userspace_addr = (uintptr_t)probe->memory.regions[0].hva;
	return iol_kvm_ioctl(probe->vm_fd, KVM_SET_USER_MEMORY_REGION, &slot,
			     "KVM_SET_USER_MEMORY_REGION", err);
}

void iol_kvm_probe_finish(struct iol_kvm_probe *probe)
{
	if (probe->run)
		munmap(probe->run, probe->run_bytes);
	iol_fd_close(&probe->vcpu_fd);
	iol_fd_close(&probe->vm_fd);
	iol_memory_finish(&probe->memory);
}

int iol_kvm_probe_add_vcpu(struct iol_kvm_probe *probe, int kvm_fd, struct iol_error *err)
{
	int run_bytes = ioctl(kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0UL);

	if (run_bytes < (int)sizeof(*probe->run))
		return iol_error_set(err, -EIO, "KVM_GET_VCPU_MMAP_SIZE: %d is too small",
				     run_bytes);
	probe->vcpu_fd = ioctl(probe->vm_fd, KVM_CREATE_VCPU, 0UL);
	if (probe->vcpu_fd < 0)
		return iol_error_errno(err, -errno, "KVM_CREATE_VCPU");
	probe->run_bytes = (size_t)run_bytes;
	probe->run =
		mmap(NULL, probe->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, probe->vcpu_fd, 0);
	if (probe->run == MAP_FAILED) {
		probe->run = NULL;
		return iol_error_errno(err, -errno, "cannot map the vCPU");
	}
	return 0;
}

/* KVM steps over the last access on the next entry only, wherever the registers have been put meanwhile. */
static void complete_access(struct iol_kvm_probe *probe)
{
	probe->run->immediate_exit = 1;
	while (!ioctl(probe->vcpu_fd, KVM_RUN, 0UL))
		;
	probe->run->immediate_exit = 0;
}

static int run(struct iol_kvm_probe *probe, uint32_t exit_reason, uint64_t *ns,
	       struct iol_error *err)
{
	uint64_t start_ns = iol_loop_now_ns();
	int ret;

	assert(probe->run);
	do {
		ret = ioctl(probe->vcpu_fd, KVM_RUN, 0UL);
	} while (ret && errno == EINTR);
	*ns = iol_loop_now_ns() - start_ns;
	if (ret)
		return iol_error_errno(err, -errno, "KVM_RUN");
	if (probe->run->exit_reason != exit_reason)
		return iol_error_set(err, -EIO, "the test guest ended with KVM exit %u",
				     probe->run->exit_reason);
	complete_access(probe);
	return 0;
}

int iol_kvm_probe_time(struct iol_kvm_probe *probe,
		       int (*prepare)(struct iol_kvm_probe *probe, struct iol_error *err),
		       uint32_t exit_reason, uint64_t *ns, struct iol_error *err)
{
	int ret = 0;

	*ns = UINT64_MAX;
	for (int i = 0; i < RUNS && !ret; i++) {
		uint64_t run_ns = UINT64_MAX;

		ret = prepare(probe, err);
		if (!ret)
			ret = run(probe, exit_reason, &run_ns, err);
		*ns = MIN(*ns, run_ns);
	}
	return ret;
}
