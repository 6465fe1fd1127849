// SPDX-License-Identifier: Apache-2.0
/* See fake_kvm.h. */
#include "fake_kvm.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <iolite/endian.h>

#include "fake_vhost.h"

enum { MESSAGES_MAX = 256, IRQFDS_MAX = 1024 };

struct fake_kvm fake_kvm;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	uint32_t gsi;
	int fd; /* as it was given */
	int copy;
} irqfds[IRQFDS_MAX];
static unsigned int irqfd_count;
static struct kvm_ioeventfd bells[FAKE_KVM_BELLS]; /* with copies of the descriptors */
static struct {
	uint64_t address;
	uint32_t data;
	uint64_t count;
} messages[MESSAGES_MAX];
static unsigned int message_count;

int __wrap_ioctl(int fd, unsigned long request, ...);
int __real_ioctl(int fd, unsigned long request, ...);

void fake_kvm_reset(void)
{
	while (irqfd_count)
		close(irqfds[--irqfd_count].copy);
	for (unsigned int i = 0; i < fake_kvm.bells; i++)
		close(bells[i].fd);
	memset(&fake_kvm, 0, sizeof(fake_kvm));
	fake_kvm.routing_cap = 4096;
	message_count = 0;
}

static void add_message(uint64_t address, uint32_t data, uint64_t count)
{
	for (unsigned int i = 0; i < message_count; i++)
		if (messages[i].address == address && messages[i].data == data) {
			messages[i].count += count;
			return;
		}
	g_assert_cmpuint(message_count, <, MESSAGES_MAX);
	messages[message_count].address = address;
	messages[message_count].data = data;
	messages[message_count++].count = count;
}

/* An eventfd that would block, and that another thread may read first. */
static uint64_t take_count(int fd)
{
	struct pollfd raised = { .fd = fd, .events = POLLIN };
	uint64_t count = 0;
	struct iovec iov = { .iov_base = &count, .iov_len = sizeof(count) };
	ssize_t len;

	if (poll(&raised, 1, 0) != 1)
		return 0;
	len = preadv2(fd, &iov, 1, -1, RWF_NOWAIT);
	if (len < 0 && errno != EAGAIN)
		len = read(fd, &count, sizeof(count));
	return len == sizeof(count) ? count : 0;
}

/* What was written to an eventfd of @gsi since this was last asked. */
static uint64_t take_raised(uint32_t gsi)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < irqfd_count; i++)
		if (irqfds[i].gsi == gsi)
			sum += take_count(irqfds[i].copy);
	return sum;
}

/* What was raised so far goes where the present routes lead. */
static void deliver(void)
{
	for (uint32_t i = 0; i < fake_kvm.route_count; i++) {
		const struct kvm_irq_routing_entry *r = &fake_kvm.routes[i];
		uint64_t count = r->type == KVM_IRQ_ROUTING_MSI ? take_raised(r->gsi) : 0;

		if (count)
			add_message((uint64_t)r->u.msi.address_hi << 32 | r->u.msi.address_lo,
				    r->u.msi.data, count);
	}
}

static int set_routing(const struct kvm_irq_routing *table)
{
	fake_kvm.tables++;
	if (fake_kvm.refuse_routing)
		return fake_kvm.refuse_routing;
	deliver();
	g_assert_cmpuint(table->nr, <=, G_N_ELEMENTS(fake_kvm.routes));
	g_assert_cmpuint(table->flags, ==, 0);
	fake_kvm.route_count = table->nr;
	memcpy(fake_kvm.routes, table->entries, table->nr * sizeof(table->entries[0]));
	for (uint32_t i = 0; i < table->nr; i++) {
		const struct kvm_irq_routing_entry *r = &fake_kvm.routes[i];
		bool has_devid = r->type == KVM_IRQ_ROUTING_MSI && fake_kvm.msi_devid_cap > 0;

		g_assert_cmpuint(r->gsi, <, FAKE_KVM_GSIS);
		g_assert_cmpuint(r->flags, ==, has_devid ? KVM_MSI_VALID_DEVID : 0);
	}
	return 0;
}

static int set_irqfd(const struct kvm_irqfd *irqfd)
{
	unsigned int i = 0;

	g_assert_cmpuint(irqfd->gsi, <, FAKE_KVM_GSIS);
	while (i < irqfd_count && irqfds[i].fd != (int)irqfd->fd)
		i++;
	if (irqfd->flags & KVM_IRQFD_FLAG_DEASSIGN) {
		g_assert_cmpuint(i, <, irqfd_count);
		g_assert_cmpuint(irqfds[i].gsi, ==, irqfd->gsi);
		deliver();
		close(irqfds[i].copy);
		irqfds[i] = irqfds[--irqfd_count];
		fake_kvm.bound[irqfd->gsi]--;
		return 0;
	}
	if (fake_kvm.refuse_irqfd)
		return fake_kvm.refuse_irqfd;
	/* KVM would say EBUSY. */
	g_assert_cmpuint(i, ==, irqfd_count);
	g_assert_cmpuint(i, <, IRQFDS_MAX);
	irqfds[i].gsi = irqfd->gsi;
	irqfds[i].fd = (int)irqfd->fd;
	irqfds[i].copy = dup((int)irqfd->fd);
	g_assert_cmpint(irqfds[i].copy, >=, 0);
	irqfd_count++;
	fake_kvm.bound[irqfd->gsi]++;
	return 0;
}

static int set_level(const struct kvm_irq_level *line)
{
	uint32_t irq = line->irq - fake_kvm.irq_base;

	g_assert_cmpuint(irq, <, FAKE_KVM_GSIS);
	fake_kvm.level_calls++;
	fake_kvm.level[irq] = line->level;
	return 0;
}

static bool same_bell(const struct kvm_ioeventfd *a, const struct kvm_ioeventfd *b)
{
	uint32_t match = KVM_IOEVENTFD_FLAG_DATAMATCH;

	return a->addr == b->addr && a->len == b->len && a->datamatch == b->datamatch &&
	       (a->flags & match) == (b->flags & match);
}

static int set_bell(const struct kvm_ioeventfd *bell)
{
	bool has_value = bell->flags & KVM_IOEVENTFD_FLAG_DATAMATCH;
	unsigned int i = 0;

	if (!bell->len && (has_value || fake_kvm.no_any_length))
		return EINVAL;
	while (i < fake_kvm.bells && !same_bell(&bells[i], bell))
		i++;
	if (bell->flags & KVM_IOEVENTFD_FLAG_DEASSIGN) {
		if (i == fake_kvm.bells)
			return ENOENT;
		close(bells[i].fd);
		bells[i] = bells[--fake_kvm.bells];
		return 0;
	}
	if (i < fake_kvm.bells)
		return EEXIST;
	if (i == FAKE_KVM_BELLS)
		return ENOSPC;
	bells[i] = *bell;
	bells[i].fd = dup(bell->fd);
	g_assert_cmpint(bells[i].fd, >=, 0);
	fake_kvm.bells++;
	return 0;
}

static int handle(unsigned long request, const void *arg)
{
	switch (request) {
	case KVM_SET_GSI_ROUTING:
		return set_routing(arg);
	case KVM_IRQFD:
		return set_irqfd(arg);
	case KVM_IRQ_LINE:
		return set_level(arg);
	case KVM_IOEVENTFD:
		return set_bell(arg);
	default:
		return ENOTTY;
	}
}

static int check_extension(uintptr_t cap)
{
	switch (cap) {
	case KVM_CAP_IRQ_ROUTING:
		return fake_kvm.routing_cap;
	case KVM_CAP_BINARY_STATS_FD:
		return fake_kvm.stats_fd > 0;
	case KVM_CAP_MSI_DEVID:
		return fake_kvm.msi_devid_cap;
	default:
		return 0;
	}
}

/* Weak: a test may have one of its own. */
__attribute__((weak)) int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;
	int error;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (_IOC_TYPE(request) == VHOST_VIRTIO)
		return fake_vhost_ioctl(fd, request, arg);
	if (fd != FAKE_KVM_FD)
		return __real_ioctl(fd, request, arg);
	if (request == KVM_CHECK_EXTENSION)
		return check_extension((uintptr_t)arg);
	if (request == KVM_GET_STATS_FD)
		return dup(fake_kvm.stats_fd);
	pthread_mutex_lock(&lock);
	error = handle(request, arg);
	pthread_mutex_unlock(&lock);
	errno = error;
	return error ? -1 : 0;
}

uint64_t fake_kvm_messages(uint64_t address, uint32_t data)
{
	uint64_t count = 0;

	pthread_mutex_lock(&lock);
	deliver();
	for (unsigned int i = 0; i < message_count; i++)
		if (messages[i].address == address && messages[i].data == data) {
			count = messages[i].count;
			messages[i].count = 0;
		}
	pthread_mutex_unlock(&lock);
	return count;
}

uint64_t fake_kvm_all_messages(void)
{
	uint64_t count = 0;

	pthread_mutex_lock(&lock);
	deliver();
	for (unsigned int i = 0; i < message_count; i++)
		count += messages[i].count;
	message_count = 0;
	pthread_mutex_unlock(&lock);
	return count;
}

/* The number that KVM takes the bytes of a little-endian one for. */
static uint64_t host_order(unsigned int len, uint64_t value)
{
	switch (len) {
	case 2:
		return le16_of((uint16_t)value).raw;
	case 4:
		return le32_of((uint32_t)value).raw;
	case 8:
		return le64_of(value).raw;
	default:
		return value;
	}
}

bool fake_kvm_write(uint64_t gpa, unsigned int len, uint64_t value)
{
	const uint64_t one = 1;

	for (unsigned int i = 0; i < fake_kvm.bells; i++) {
		const struct kvm_ioeventfd *bell = &bells[i];

		if (bell->addr != gpa || (bell->len && bell->len != len) ||
		    ((bell->flags & KVM_IOEVENTFD_FLAG_DATAMATCH) &&
		     bell->datamatch != host_order(len, value)))
			continue;
		g_assert_cmpint(write(bell->fd, &one, sizeof(one)), ==, sizeof(one));
		return true;
	}
	return false;
}
