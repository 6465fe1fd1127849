// SPDX-License-Identifier: Apache-2.0
/* Capabilities that an architecture asks of KVM. See include/iolite/arch.h. Any thread. */
#include <iolite/arch.h>

#include <errno.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

int iol_arch_check_caps(const struct iol_arch *arch, int kvm_fd, struct iol_error *err)
{
	for (const struct iol_kvm_cap *cap = arch->kvm->caps; cap->name; cap++)
		if (!cap->without &&
		    ioctl(kvm_fd, KVM_CHECK_EXTENSION, (unsigned long)cap->cap) <= 0)
			return iol_error_set(
				err, -ENOTSUP,
				"this host's KVM lacks the capability %s; iolite needs "
				"Linux 6.1 or newer on a processor with virtualization",
				cap->name);
	return 0;
}
