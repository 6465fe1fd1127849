// SPDX-License-Identifier: Apache-2.0
/*
 * Message-signalled interrupts and the table of GSI routes (KVM_SET_GSI_ROUTING, kvm-api 4.52). See
 * include/iolite/irq.h.
 *
 * The kernel takes the table as a whole and forgets what it had, so each one begins with the routes
 * of the pins, which it gave them by itself or which it has to be told. An interrupt is in the table, and
 * its eventfd is bound to its GSI (KVM_IRQFD, kvm-api 4.75), from its first route on.
 *
 * Routing runs on vCPU threads, raising on any. A hostile guest chooses address and data of its
 * own interrupts; a route that the kernel refuses silences that one interrupt. It can make the
 * kernel take a table for each of its register writes, which costs nobody but its own machine.
 */
#include <iolite/irq.h>

#include <assert.h>
#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#include <iolite/log.h>

enum {
	LOG_BURST = 4,
	GSI_LIMIT_TESTS = 4096, /* without a kernel to ask: what x86 has */
};

/* GSIs from @gsi on are pins of interrupt controller @chip from pin 0 on. */
struct pin_range {
	uint32_t gsi, count, chip;
};

/*
 * What KVM has by itself after KVM_CREATE_IRQCHIP, or once the GIC is initialised. All that this file knows
 * of architectures: the names of the controllers are in the kernel's header of each, and irq.h says
 * only how many pins.
 */
static const struct pin_range pin_ranges[] = {
#if defined(__x86_64__)
	{ 0, 8, KVM_IRQCHIP_PIC_MASTER },
	{ 8, 8, KVM_IRQCHIP_PIC_SLAVE },
	{ 0, 24, KVM_IRQCHIP_IOAPIC },
#else
	{ 0, UINT32_MAX, 0 },
#endif
};

struct iol_irq_router {
	int vm_fd;
	uint32_t pins;

	pthread_mutex_t lock; /* of what follows, and of every msi's route */
	bool limits_known;
	uint32_t msi_max;
	bool needs_devid; /* the kernel must know who sends */
	uint32_t (*msi_data)(uint32_t data); /* NULL: as it is */
	GPtrArray *msis; /* by GSI above the pins; NULL: free */
	struct kvm_irq_routing *table; /* room for the pins and all of msis */
	struct iol_log_limit log_limit;
};

static uint32_t range_count(const struct pin_range *range, uint32_t pins)
{
	if (range->gsi >= pins)
		return 0;
	return MIN(range->count, pins - range->gsi);
}

static uint32_t pin_routes(uint32_t pins)
{
	uint32_t count = 0;

	for (size_t i = 0; i < IOL_ARRAY_LEN(pin_ranges); i++)
		count += range_count(&pin_ranges[i], pins);
	return count;
}

struct iol_irq_router *iol_irq_router_new(int vm_fd, uint32_t pins)
{
	struct iol_irq_router *router = g_new0(struct iol_irq_router, 1);

	router->vm_fd = vm_fd;
	router->pins = pins;
	router->msis = g_ptr_array_new();
	router->log_limit.burst = LOG_BURST;
	pthread_mutex_init(&router->lock, NULL);
	return router;
}

static int ask(const struct iol_irq_router *router, unsigned long cap)
{
	return ioctl(router->vm_fd, KVM_CHECK_EXTENSION, cap);
}

/* Asks the kernel how many messages it routes: with the first one, as most machines have none. */
static void learn_limits(struct iol_irq_router *router)
{
	uint32_t taken = MAX(router->pins, pin_routes(router->pins));
	int limit = GSI_LIMIT_TESTS;

	if (router->limits_known)
		return;
	/* The limit is of GSIs and of routes alike; 0 or less where there is no routing. */
	if (router->vm_fd >= 0) {
		limit = ask(router, KVM_CAP_IRQ_ROUTING);
		router->needs_devid = ask(router, KVM_CAP_MSI_DEVID) > 0;
	}
	router->msi_max = limit > 0 && (uint32_t)limit > taken ? (uint32_t)limit - taken : 0;
	router->limits_known = true;
}

void iol_irq_router_free(struct iol_irq_router *router)
{
	if (!router)
		return;
	for (guint i = 0; i < router->msis->len; i++)
		assert(!g_ptr_array_index(router->msis, i));
	g_ptr_array_free(router->msis, TRUE);
	g_free(router->table);
	pthread_mutex_destroy(&router->lock);
	g_free(router);
}

static void fit_table(struct iol_irq_router *router)
{
	size_t routes = pin_routes(router->pins) + router->msis->len;

	router->table = g_realloc(
		router->table, sizeof(*router->table) + routes * sizeof(router->table->entries[0]));
}

/* Index of a free GSI, or -ENOSPC. Under the lock. */
static int take_gsi(struct iol_irq_router *router, struct iol_irq_msi *msi, struct iol_error *err)
{
	guint i = 0;

	learn_limits(router);
	while (i < router->msis->len && g_ptr_array_index(router->msis, i))
		i++;
	if (i == router->msi_max)
		return iol_error_set(err, -ENOSPC,
				     "no interrupt is free: this host's KVM routes %u messages "
				     "(KVM_CAP_IRQ_ROUTING); use fewer devices or queues",
				     router->msi_max);
	if (i == router->msis->len) {
		g_ptr_array_add(router->msis, NULL);
		fit_table(router);
	}
	g_ptr_array_index(router->msis, i) = msi;
	return (int)i;
}

int iol_irq_msi_init(struct iol_irq_msi *msi, struct iol_irq_router *router, struct iol_error *err)
{
	int ret;

	*msi = (struct iol_irq_msi){ .router = router, .line.eventfd = -1 };
	pthread_mutex_lock(&router->lock);
	ret = take_gsi(router, msi, err);
	pthread_mutex_unlock(&router->lock);
	if (ret < 0)
		return ret;
	msi->gsi = router->pins + (uint32_t)ret;
	/* Unbound: an eventfd without a route would signal whatever the GSI meant before. */
	ret = iol_irq_line_init(&msi->line, -1, msi->gsi, err);
	if (ret)
		iol_irq_msi_finish(msi);
	return ret;
}

static int set_irqfd(const struct iol_irq_msi *msi, int eventfd, uint32_t flags)
{
	struct kvm_irqfd irqfd = {
		.fd = (uint32_t)eventfd,
		.gsi = msi->gsi,
		.flags = flags,
	};

	if (msi->router->vm_fd < 0)
		return 0;
	return ioctl(msi->router->vm_fd, KVM_IRQFD, &irqfd) ? -errno : 0;
}

static void set_routed(struct iol_irq_msi *msi, bool routed)
{
	__atomic_store_n(&msi->routed, routed, __ATOMIC_RELEASE);
}

static bool is_routed(const struct iol_irq_msi *msi)
{
	return __atomic_load_n(&msi->routed, __ATOMIC_ACQUIRE);
}

/* Silent from now on. Its route stays in the kernel's table until the next one: nothing leads to it. */
static void unroute(struct iol_irq_msi *msi)
{
	if (!is_routed(msi))
		return;
	set_routed(msi, false);
	set_irqfd(msi, msi->line.eventfd, KVM_IRQFD_FLAG_DEASSIGN);
}

void iol_irq_msi_finish(struct iol_irq_msi *msi)
{
	struct iol_irq_router *router = msi->router;

	if (!router)
		return;
	pthread_mutex_lock(&router->lock);
	unroute(msi);
	g_ptr_array_index(router->msis, msi->gsi - router->pins) = NULL;
	pthread_mutex_unlock(&router->lock);
	iol_irq_line_finish(&msi->line);
	msi->router = NULL;
}

static struct kvm_irq_routing_entry *add_route(struct kvm_irq_routing *table, uint32_t gsi,
					       uint32_t type)
{
	struct kvm_irq_routing_entry *entry = &table->entries[table->nr++];

	*entry = (struct kvm_irq_routing_entry){ .gsi = gsi, .type = type };
	return entry;
}

static void add_pins(struct kvm_irq_routing *table, const struct pin_range *range, uint32_t count)
{
	for (uint32_t pin = 0; pin < count; pin++) {
		struct kvm_irq_routing_entry *entry =
			add_route(table, range->gsi + pin, KVM_IRQ_ROUTING_IRQCHIP);

		entry->u.irqchip.irqchip = range->chip;
		entry->u.irqchip.pin = pin;
	}
}

static void add_msi(struct kvm_irq_routing *table, const struct iol_irq_msi *msi)
{
	struct kvm_irq_routing_entry *entry = add_route(table, msi->gsi, KVM_IRQ_ROUTING_MSI);

	/* Refused where nobody needs it (x86). */
	if (msi->router->needs_devid) {
		entry->flags = KVM_MSI_VALID_DEVID;
		entry->u.msi.devid = msi->devid;
	}
	entry->u.msi.address_lo = (uint32_t)msi->address;
	entry->u.msi.address_hi = (uint32_t)(msi->address >> 32);
	entry->u.msi.data = msi->router->msi_data ? msi->router->msi_data(msi->data) : msi->data;
}

/* Tells the kernel of all routes in use, and of @changed's. Under the lock. */
static int write_table(struct iol_irq_router *router, const struct iol_irq_msi *changed)
{
	struct kvm_irq_routing *table = router->table;

	if (router->vm_fd < 0)
		return 0;
	table->nr = 0;
	table->flags = 0;
	for (size_t i = 0; i < IOL_ARRAY_LEN(pin_ranges); i++)
		add_pins(table, &pin_ranges[i], range_count(&pin_ranges[i], router->pins));
	for (guint i = 0; i < router->msis->len; i++) {
		const struct iol_irq_msi *msi = g_ptr_array_index(router->msis, i);

		if (msi && (msi == changed || is_routed(msi)))
			add_msi(table, msi);
	}
	return ioctl(router->vm_fd, KVM_SET_GSI_ROUTING, table) ? -errno : 0;
}

int iol_irq_router_route_pins(struct iol_irq_router *router, struct iol_error *err)
{
	int ret;

	pthread_mutex_lock(&router->lock);
	fit_table(router);
	ret = write_table(router, NULL);
	pthread_mutex_unlock(&router->lock);
	return ret ? iol_error_errno(err, ret, "cannot route %u interrupts (KVM_SET_GSI_ROUTING)",
				     router->pins)
		   : 0;
}

void iol_irq_router_convert_data(struct iol_irq_router *router, uint32_t (*msi_data)(uint32_t data))
{
	router->msi_data = msi_data;
}

/* Under the lock. */
static void route(struct iol_irq_msi *msi, uint32_t devid, uint64_t address, uint32_t data)
{
	struct iol_irq_router *router = msi->router;
	int ret;

	msi->devid = devid;
	msi->address = address;
	msi->data = data;
	ret = write_table(router, msi);
	if (!ret && !is_routed(msi))
		ret = set_irqfd(msi, msi->line.eventfd, 0);
	if (!ret) {
		set_routed(msi, true);
		return;
	}
	unroute(msi);
	iol_log_limited(&router->log_limit, IOL_LOG_WARN,
			"interrupt %u is lost: KVM refuses its route to address 0x%" PRIx64
			", data 0x%" PRIx32 ": %s",
			msi->gsi, address, data, strerror(-ret));
}

void iol_irq_msi_route(struct iol_irq_msi *msi, uint32_t devid, uint64_t address, uint32_t data)
{
	pthread_mutex_lock(&msi->router->lock);
	if (!is_routed(msi) || msi->address != address || msi->data != data || msi->devid != devid)
		route(msi, devid, address, data);
	pthread_mutex_unlock(&msi->router->lock);
}

bool iol_irq_router_next(struct iol_irq_router *router, uint32_t gsi, struct iol_irq_route *route)
{
	bool found = false;

	pthread_mutex_lock(&router->lock);
	for (guint i = gsi > router->pins ? gsi - router->pins : 0; i < router->msis->len && !found;
	     i++) {
		const struct iol_irq_msi *msi = g_ptr_array_index(router->msis, i);

		found = msi;
		if (msi)
			*route = (struct iol_irq_route){
				.gsi = msi->gsi,
				.routed = is_routed(msi),
				.devid = msi->devid,
				.address = msi->address,
				.data = msi->data,
			};
	}
	pthread_mutex_unlock(&router->lock);
	return found;
}

bool iol_irq_msi_bind(struct iol_irq_msi *msi, int eventfd)
{
	return is_routed(msi) && !set_irqfd(msi, eventfd, 0);
}

void iol_irq_msi_unbind(struct iol_irq_msi *msi, int eventfd)
{
	set_irqfd(msi, eventfd, KVM_IRQFD_FLAG_DEASSIGN);
}

void iol_irq_msi_raise(struct iol_irq_msi *msi)
{
	if (is_routed(msi))
		iol_irq_line_raise(&msi->line);
}
