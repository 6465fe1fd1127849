// SPDX-License-Identifier: Apache-2.0
/*
 * Making, running and freeing a machine. See include/iolite/vm.h. Runs on the loop's thread.
 */
#include <iolite/vm.h>

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <iolite/acpi_pm.h>
#include <iolite/log.h>
#include <iolite/power_key.h>
#include <iolite/sandbox.h>

#include "control.h"
#include "cpu_place.h"
#include "debug.h"
#include "machine.h"

static int open_boot_images(struct iol_vm *vm, struct iol_error *err)
{
	return iol_boot_open(&vm->boot, vm->config, vm->arch, err);
}

/* The facts are the layout's from here on. */
static int probe_host(struct iol_vm *vm, struct iol_error *err)
{
	vm->layout.facts = vm->arch->typical_host;
	return vm->arch->kvm->probe ? vm->arch->kvm->probe(vm->kvm_fd, &vm->layout.facts, err) : 0;
}

static int compute_layout(struct iol_vm *vm, struct iol_error *err)
{
	const struct iol_layout_request request = {
		.memory_bytes = vm->config->memory_bytes,
		.cpus = vm->config->cpus,
		.serials = vm->config->serial_count,
		.machine = vm->config->machine,
		.facts = vm->layout.facts,
		.runs = true,
	};

	return vm->arch->layout(&request, &vm->layout, err);
}

static int open_kvm(struct iol_vm *vm, struct iol_error *err)
{
	int version;

	vm->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vm->kvm_fd < 0 && (errno == EACCES || errno == EPERM))
		return iol_error_errno(
			err, -errno,
			"cannot open /dev/kvm; join its group (usermod -aG kvm USER, then "
			"log in again)");
	if (vm->kvm_fd < 0)
		return iol_error_errno(
			err, -errno, "cannot open /dev/kvm; `iolite doctor` says what is missing");
	version = ioctl(vm->kvm_fd, KVM_GET_API_VERSION, 0);
	if (version < 0)
		return iol_error_errno(err, -errno, "/dev/kvm: KVM_GET_API_VERSION");
	if (version != KVM_API_VERSION)
		return iol_error_set(err, -ENOTSUP, "/dev/kvm has API version %d, not %d", version,
				     KVM_API_VERSION);
	return iol_arch_check_caps(vm->arch, vm->kvm_fd, err);
}

/* A host that a guest would take down with it is worse than no guest. */
static int check_host(struct iol_vm *vm, struct iol_error *err)
{
	const struct iol_arch_kvm_ops *kvm = vm->arch->kvm;
	struct iol_error why;

	if (!kvm->host_faults || kvm->host_faults(vm->kvm_fd, false, &why) != IOL_HOST_FAULTY)
		return 0;
	return iol_error_set(err, -ENOTSUP, "%s", why.msg);
}

static int check_memory(struct iol_vm *vm, struct iol_error *err)
{
	return iol_memory_check_regions(vm->layout.ram, vm->layout.ram_count,
					&vm->config->memory_place, err);
}

static int init_memory(struct iol_vm *vm, struct iol_error *err)
{
	return iol_memory_init_placed(&vm->memory, vm->layout.ram, vm->layout.ram_count,
				      &vm->config->memory_place, err);
}

static int create_vm(struct iol_vm *vm, struct iol_error *err)
{
	unsigned long type = 0;

	if (vm->arch->kvm->vm_type)
		type = vm->arch->kvm->vm_type(&vm->layout.facts);
	do {
		vm->vm_fd = ioctl(vm->kvm_fd, KVM_CREATE_VM, type);
	} while (vm->vm_fd < 0 && errno == EINTR);
	if (vm->vm_fd < 0)
		return iol_error_errno(err, -errno,
				       "cannot create a virtual machine (KVM_CREATE_VM)");
	return 0;
}

static int give_memory(struct iol_vm *vm, struct iol_error *err)
{
	for (unsigned int i = 0; i < vm->memory.region_count; i++) {
		const struct iol_memory_region *r = &vm->memory.regions[i];
		struct kvm_userspace_memory_region slot = {
			.slot = i,
			.guest_phys_addr = r->gpa,
			.memory_size = r->size_bytes,
			.userspace_addr = (uintptr_t)r->hva,
		};

		if (ioctl(vm->vm_fd, KVM_SET_USER_MEMORY_REGION, &slot))
			return iol_error_errno(err, -errno,
					       "cannot give the guest its memory at 0x%" PRIx64,
					       r->gpa);
	}
	return 0;
}

static int init_arch(struct iol_vm *vm, struct iol_error *err)
{
	return vm->arch->kvm->vm_init(vm, err);
}

static int init_loop(struct iol_vm *vm, struct iol_error *err)
{
	int ret = iol_loop_init(&vm->loop, err);

	vm->has_loop = !ret;
	return ret;
}

static int make_vcpus(struct iol_vm *vm, struct iol_error *err)
{
	int ret = iol_vcpus_init(vm, vm->config->cpus, err);

	if (!ret && vm->arch->kvm->vm_ready)
		ret = vm->arch->kvm->vm_ready(vm, err);
	return ret;
}

/*
 * In this order: what a mistake of the user's can end comes before what costs time; interrupt
 * controllers come before the vCPUs (kvm-api 4.24), and what is wired to them comes after (arm64). Networks
 * come before serial lines, guest memory and vCPUs, so that a child process of theirs has no part in any of them, nor
 * in the terminal; and before the loop is pinned, which is not for children. Memory is filled from all CPUs.
 */
static const struct {
	int (*run)(struct iol_vm *vm, struct iol_error *err);
	bool host_fault; /* whom a failure blames */
} steps[] = {
	{ open_boot_images, false },
	{ open_kvm, true },
	{ iol_debug_init, true },
	{ probe_host, true },
	{ compute_layout, false },
	{ check_memory, false },
	{ iol_cpu_place_check, true },
	{ init_loop, true },
	{ iol_debug_server_open, false },
	{ iol_vm_control_open, false },
	{ iol_nets_open, false },
	{ iol_lines_open, false },
	{ init_memory, true },
	{ iol_cpu_place_loop, true },
	{ iol_machine_load, false },
	{ check_host, true },
	{ create_vm, true },
	{ give_memory, true },
	{ init_arch, true },
	{ make_vcpus, true },
	{ iol_disks_open, false },
	{ iol_machine_init, true },
	{ iol_vcpus_reset, true },
	{ iol_debug_server_start, true },
	{ iol_vm_control_start, true },
};

static struct iol_vm *vm_alloc(const struct iol_config *config)
{
	struct iol_vm *vm = g_new0(struct iol_vm, 1);

	vm->config = config;
	vm->loop_tid = gettid();
	vm->kvm_fd = -1;
	vm->vm_fd = -1;
	vm->boot.kernel.fd = -1;
	vm->boot.initrd.fd = -1;
	iol_bus_init(&vm->mmio);
	iol_bus_init(&vm->pio);
	pthread_mutex_init(&vm->vcpu_lock, NULL);
	pthread_cond_init(&vm->vcpu_cond, NULL);
	iol_lifecycle_init(vm);
	return vm;
}

int iol_vm_new(const struct iol_config *config, struct iol_vm **vm, struct iol_error *err)
{
	struct iol_vm *new = vm_alloc(config);

	new->arch = iol_arch_host();
	if (!new->arch || !new->arch->kvm) {
		iol_vm_free(new);
		err->host_fault = true;
		return iol_error_set(err, -ENOTSUP,
				     "iolite cannot run guests on this architecture");
	}
	for (size_t i = 0; i < IOL_ARRAY_LEN(steps); i++) {
		int ret = steps[i].run(new, err);

		if (!ret)
			continue;
		err->host_fault = steps[i].host_fault || iol_error_is_hosts(ret);
		iol_vm_free(new);
		return ret;
	}
	*vm = new;
	return 0;
}

/* -ETIMEDOUT: something stays in flight for ever. */
static int drain(struct iol_vm *vm, struct iol_error *err)
{
	int ret = iol_machine_drain(vm, err);

	vm->stuck = ret != 0;
	return ret;
}

void iol_vm_free(struct iol_vm *vm)
{
	if (!vm)
		return;
	iol_debug_server_finish(vm);
	iol_vm_control_finish(vm);
	iol_vcpus_finish(vm);
	/* The kernel may still write to what stuck requests point to: it stays as it is. */
	if (vm->stuck || (vm->has_loop && (drain(vm, NULL) || vm->loop.lost)))
		return;
	iol_machine_finish(vm);
	iol_debug_finish(vm);
	if (vm->has_loop)
		iol_loop_finish(&vm->loop);
	if (vm->arch_state)
		vm->arch->kvm->vm_finish(vm);
	iol_fd_close(&vm->vm_fd);
	iol_memory_finish(&vm->memory);
	iol_fd_close(&vm->kvm_fd);
	iol_boot_close(&vm->boot);
	iol_bus_finish(&vm->mmio);
	iol_bus_finish(&vm->pio);
	pthread_mutex_destroy(&vm->vcpu_lock);
	pthread_cond_destroy(&vm->vcpu_cond);
	g_free(vm);
}

int iol_vm_run(struct iol_vm *vm, struct iol_error *err)
{
	int ret = iol_sandbox_begin(err);

	if (ret)
		return ret;
	vm->lifecycle.state = vm->config->gdb_wait ? IOL_STATE_PAUSED : IOL_STATE_RUNNING;
	vm->lifecycle.has_run = !vm->config->gdb_wait;
	vm->started_ns = iol_loop_now_ns();
	if (!vm->config->gdb_wait)
		iol_vcpus_resume(vm);
	iol_vm_control_follow(vm);
	ret = iol_vcpus_start(vm, err);
	if (!ret)
		ret = iol_loop_run(&vm->loop, err);
	if (!ret && drain(vm, &vm->lifecycle.error))
		vm->lifecycle.cause = IOL_CAUSE_HOST;
	return ret;
}

void iol_vm_raise(struct iol_vm *vm, enum iol_event event)
{
	vm->lifecycle.sink.raise(&vm->lifecycle.sink, event);
}

void iol_vm_ask(struct iol_vm *vm, enum iol_event event, enum iol_wish wish)
{
	if (event == IOL_EVENT_RESET_NOW)
		vm->lifecycle.reset_wish = wish;
	else
		vm->lifecycle.end_wish = wish;
	iol_vm_raise(vm, event);
}

bool iol_vm_power_button(struct iol_vm *vm)
{
	if (vm->acpi_pm)
		iol_acpi_pm_press_power(vm->acpi_pm);
	else if (vm->power_key)
		iol_power_key_press(vm->power_key);
	else
		return false;
	iol_vm_control_powerdown(vm);
	return true;
}
