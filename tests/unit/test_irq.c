// SPDX-License-Identifier: Apache-2.0
/*
 * Interrupts: lines, shared wires, routes of messages; against a KVM that is played (fake_kvm.h),
 * and against the host's where there is one.
 */
#include <iolite/irq.h>

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <iolite/endian.h>
#include <iolite/log.h>
#include <iolite/loop.h>

#include "fake_kvm.h"

enum { PINS = 24, PIN_ROUTES = 40 };

#define ADDRESS UINT64_C(0xfee01000)

static uint64_t take(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static void test_line(void)
{
	struct iol_irq_line line;
	struct iol_error err;

	g_assert_cmpint(iol_irq_line_init(&line, -1, 4, NULL), ==, 0);
	g_assert_cmpuint(take(line.eventfd), ==, 0);
	iol_irq_line_raise(&line);
	iol_irq_line_raise(&line);
	g_assert_cmpuint(take(line.eventfd), ==, 2);
	iol_irq_line_finish(&line);
	g_assert_cmpint(line.eventfd, ==, -1);
	iol_irq_line_raise(&line);

	fake_kvm_reset();
	g_assert_cmpint(iol_irq_line_init(&line, FAKE_KVM_FD, 4, NULL), ==, 0);
	g_assert_true(fake_kvm.bound[4]);
	iol_irq_line_finish(&line);
	fake_kvm_reset();
	fake_kvm.refuse_irqfd = EINVAL;
	g_assert_cmpint(iol_irq_line_init(&line, FAKE_KVM_FD, 4, &err), ==, -EINVAL);
	g_assert_cmpstr(err.msg, ==, "KVM_IRQFD for interrupt 4: Invalid argument");
	g_assert_cmpint(line.eventfd, ==, -1);
}

static void test_wire(void)
{
	struct iol_irq_pin pins[3] = { { 0 } }, loose = { 0 };
	struct iol_irq_wire wire;

	fake_kvm_reset();
	iol_irq_wire_init(&wire, FAKE_KVM_FD, 17, 17);
	for (unsigned int i = 0; i < 3; i++)
		pins[i].wire = &wire;
	/* The kernel hears of the first and of the last; repeating oneself says nothing. */
	iol_irq_pin_set(&pins[1], false);
	g_assert_cmpuint(fake_kvm.level_calls, ==, 0);
	iol_irq_pin_set(&pins[1], true);
	iol_irq_pin_set(&pins[1], true);
	g_assert_cmpuint(wire.asserted, ==, 1);
	iol_irq_pin_set(&pins[0], true);
	iol_irq_pin_set(&pins[2], true);
	g_assert_cmpuint(wire.asserted, ==, 3);
	g_assert_cmpuint(fake_kvm.level_calls, ==, 1);
	g_assert_true(fake_kvm.level[17]);
	iol_irq_pin_set(&pins[1], false);
	iol_irq_pin_set(&pins[1], false);
	iol_irq_pin_set(&pins[0], false);
	g_assert_true(fake_kvm.level[17]);
	iol_irq_pin_set(&pins[2], false);
	g_assert_cmpuint(wire.asserted, ==, 0);
	g_assert_false(fake_kvm.level[17]);
	g_assert_cmpuint(fake_kvm.level_calls, ==, 2);
	iol_irq_pin_set(&loose, true);
	g_assert_cmpuint(fake_kvm.level_calls, ==, 2);
	iol_irq_wire_finish(&wire);
}

/* As where KVM_IRQ_LINE has numbers of its own. */
static void test_wire_number(void)
{
	struct iol_irq_wire wire;
	struct iol_irq_pin pin = { .wire = &wire };

	fake_kvm_reset();
	fake_kvm.irq_base = 0x1000020;
	iol_irq_wire_init(&wire, FAKE_KVM_FD, 17, 0x1000031);
	g_assert_cmpuint(wire.gsi, ==, 17);
	iol_irq_pin_set(&pin, true);
	g_assert_true(fake_kvm.level[17]);
	iol_irq_pin_set(&pin, false);
	g_assert_false(fake_kvm.level[17]);
	iol_irq_wire_finish(&wire);
}

/* A device that says levels: edges of a line, or the level of a wire. */
static void test_output(void)
{
	struct iol_irq_line line;
	struct iol_irq_wire wire;
	struct iol_irq_output edge, level;
	struct iol_count raised = { 0 };

	fake_kvm_reset();
	g_assert_cmpint(iol_irq_line_init(&line, -1, 4, NULL), ==, 0);
	edge = iol_irq_output_edge(line);
	iol_irq_wire_init(&wire, FAKE_KVM_FD, 17, 17);
	level = iol_irq_output_level(&wire);
	g_assert_false(iol_irq_output_is_level(&edge));
	g_assert_true(iol_irq_output_is_level(&level));

	iol_irq_output_set(&edge, false);
	iol_irq_output_set(&edge, true);
	iol_irq_output_set(&edge, true);
	g_assert_cmpuint(take(line.eventfd), ==, 1);
	iol_irq_output_set(&edge, false);
	g_assert_cmpuint(take(line.eventfd), ==, 0);
	iol_irq_output_set(&edge, true);
	g_assert_cmpuint(take(line.eventfd), ==, 1);
	iol_irq_output_finish(&edge);
	g_assert_cmpint(edge.line.eventfd, ==, -1);

	level.raised = &raised;
	iol_irq_output_set(&level, true);
	iol_irq_output_set(&level, true);
	g_assert_cmpuint(iol_count_get(&raised), ==, 1);
	g_assert_true(fake_kvm.level[17]);
	g_assert_cmpuint(fake_kvm.level_calls, ==, 1);
	iol_irq_output_set(&level, false);
	g_assert_false(fake_kvm.level[17]);
	iol_irq_output_set(&level, true);
	g_assert_cmpuint(iol_count_get(&raised), ==, 2);
	iol_irq_output_finish(&level);
	g_assert_false(fake_kvm.level[17]);
	g_assert_cmpuint(wire.asserted, ==, 0);
	iol_irq_wire_finish(&wire);
}

static gpointer toggle(gpointer opaque)
{
	struct iol_irq_pin *pin = opaque;

	for (unsigned int i = 0; i < 20000; i++)
		iol_irq_pin_set(pin, i % 3 != 2);
	iol_irq_pin_set(pin, false);
	return NULL;
}

/* Two devices on two threads: the levels come in an order that ends low. */
static void test_wire_threads(void)
{
	struct iol_irq_pin pins[2] = { { 0 } };
	struct iol_irq_wire wire;
	GThread *other;

	fake_kvm_reset();
	iol_irq_wire_init(&wire, FAKE_KVM_FD, 20, 20);
	pins[0].wire = pins[1].wire = &wire;
	other = g_thread_new("toggle", toggle, &pins[1]);
	toggle(&pins[0]);
	g_thread_join(other);
	g_assert_cmpuint(wire.asserted, ==, 0);
	g_assert_false(fake_kvm.level[20]);
	g_assert_cmpuint(fake_kvm.level_calls % 2, ==, 0);
	iol_irq_wire_finish(&wire);
}

/* Without a kernel: the eventfd alone. */
static void test_msi_alone(void)
{
	struct iol_irq_router *router = iol_irq_router_new(-1, PINS);
	struct iol_irq_msi msi;

	g_assert_cmpint(iol_irq_msi_init(&msi, router, NULL), ==, 0);
	g_assert_cmpuint(msi.gsi, ==, PINS);
	iol_irq_msi_raise(&msi);
	g_assert_cmpuint(take(msi.line.eventfd), ==, 0);
	iol_irq_msi_route(&msi, 0, ADDRESS, 0x41);
	g_assert_true(msi.routed);
	g_assert_cmphex(msi.address, ==, ADDRESS);
	g_assert_cmphex(msi.data, ==, 0x41);
	iol_irq_msi_raise(&msi);
	iol_irq_msi_raise(&msi);
	g_assert_cmpuint(take(msi.line.eventfd), ==, 2);
	iol_irq_msi_finish(&msi);
	iol_irq_msi_finish(&msi);
	iol_irq_router_free(router);
	iol_irq_router_free(NULL);
}

/* As in arch/x86/kvm: the IOAPIC has all pins, the PICs share the first 16. */
static void check_pin_routes(void)
{
#if defined(__x86_64__)
	uint64_t ioapic = 0, pic = 0;

	for (unsigned int i = 0; i < PIN_ROUTES; i++) {
		const struct kvm_irq_routing_entry *r = &fake_kvm.routes[i];

		g_assert_cmpuint(r->type, ==, KVM_IRQ_ROUTING_IRQCHIP);
		if (r->u.irqchip.irqchip == KVM_IRQCHIP_IOAPIC) {
			g_assert_cmpuint(r->u.irqchip.pin, ==, r->gsi);
			ioapic |= UINT64_C(1) << r->gsi;
			continue;
		}
		g_assert_cmpuint(r->u.irqchip.irqchip, ==,
				 r->gsi < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE);
		g_assert_cmpuint(r->u.irqchip.pin, ==, r->gsi % 8);
		pic |= UINT64_C(1) << r->gsi;
	}
	g_assert_cmphex(ioapic, ==, 0xffffff);
	g_assert_cmphex(pic, ==, 0xffff);
#endif
}

static unsigned int pin_routes(void)
{
#if defined(__x86_64__)
	return PIN_ROUTES;
#else
	return PINS;
#endif
}

static void test_table(void)
{
	struct iol_irq_router *router;
	const struct kvm_irq_routing_entry *r;
	struct iol_irq_msi msis[3];

	fake_kvm_reset();
	router = iol_irq_router_new(FAKE_KVM_FD, PINS);
	for (unsigned int i = 0; i < 3; i++)
		g_assert_cmpint(iol_irq_msi_init(&msis[i], router, NULL), ==, 0);
	/* Nothing is told, nothing is bound before there is a route. */
	g_assert_cmpuint(fake_kvm.tables, ==, 0);
	for (unsigned int i = 0; i < FAKE_KVM_GSIS; i++)
		g_assert_false(fake_kvm.bound[i]);
	iol_irq_msi_route(&msis[1], 0, UINT64_C(0x1fee03008), 0x4051);
	g_assert_cmpuint(fake_kvm.tables, ==, 1);
	g_assert_cmpuint(fake_kvm.route_count, ==, pin_routes() + 1);
	check_pin_routes();
	r = &fake_kvm.routes[pin_routes()];
	g_assert_cmpuint(r->gsi, ==, PINS + 1);
	g_assert_cmpuint(r->type, ==, KVM_IRQ_ROUTING_MSI);
	g_assert_cmphex(r->u.msi.address_lo, ==, 0xfee03008);
	g_assert_cmphex(r->u.msi.address_hi, ==, 1);
	g_assert_cmphex(r->u.msi.data, ==, 0x4051);
	g_assert_false(fake_kvm.bound[PINS]);
	g_assert_true(fake_kvm.bound[PINS + 1]);
	/* The same again is no news; another's route, a new address, new data each are. */
	iol_irq_msi_route(&msis[1], 0, UINT64_C(0x1fee03008), 0x4051);
	g_assert_cmpuint(fake_kvm.tables, ==, 1);
	iol_irq_msi_route(&msis[2], 0, ADDRESS, 0x60);
	iol_irq_msi_route(&msis[1], 0, ADDRESS, 0x4051);
	iol_irq_msi_route(&msis[1], 0, ADDRESS, 0x61);
	g_assert_cmpuint(fake_kvm.tables, ==, 4);
	g_assert_cmpuint(fake_kvm.route_count, ==, pin_routes() + 2);
	iol_irq_msi_raise(&msis[0]);
	iol_irq_msi_raise(&msis[1]);
	iol_irq_msi_raise(&msis[2]);
	iol_irq_msi_raise(&msis[2]);
	g_assert_cmpuint(fake_kvm_messages(ADDRESS, 0x61), ==, 1);
	g_assert_cmpuint(fake_kvm_messages(ADDRESS, 0x60), ==, 2);
	g_assert_cmpuint(fake_kvm_all_messages(), ==, 0);
	/* A GSI that was used before has no route, and the old one is not told again. */
	iol_irq_msi_finish(&msis[1]);
	g_assert_false(fake_kvm.bound[PINS + 1]);
	g_assert_cmpint(iol_irq_msi_init(&msis[1], router, NULL), ==, 0);
	g_assert_cmpuint(msis[1].gsi, ==, PINS + 1);
	iol_irq_msi_raise(&msis[1]);
	g_assert_cmpuint(fake_kvm_all_messages(), ==, 0);
	iol_irq_msi_route(&msis[0], 0, ADDRESS, 0x62);
	g_assert_cmpuint(fake_kvm.route_count, ==, pin_routes() + 2);
	for (unsigned int i = 0; i < 3; i++)
		iol_irq_msi_finish(&msis[i]);
	iol_irq_router_free(router);
}

/* A controller whose pins KVM does not route by itself, and which has its own idea of data. */
static uint32_t turned(uint32_t data)
{
	return data << 24;
}

static void test_told(void)
{
	struct iol_irq_router *router;
	struct iol_error err = { 0 };
	struct iol_irq_msi msi;

	fake_kvm_reset();
	router = iol_irq_router_new(FAKE_KVM_FD, PINS);
	iol_irq_router_convert_data(router, turned);
	g_assert_cmpint(iol_irq_router_route_pins(router, &err), ==, 0);
	g_assert_cmpuint(fake_kvm.tables, ==, 1);
	g_assert_cmpuint(fake_kvm.route_count, ==, pin_routes());
	check_pin_routes();
	g_assert_cmpint(iol_irq_msi_init(&msi, router, NULL), ==, 0);
	iol_irq_msi_route(&msi, 0, ADDRESS, 0xe5);
	check_pin_routes();
	g_assert_cmphex(fake_kvm.routes[pin_routes()].u.msi.data, ==, 0xe5000000);
	g_assert_cmphex(msi.data, ==, 0xe5);
	/* The same is no news, whatever it is called there. */
	iol_irq_msi_route(&msi, 0, ADDRESS, 0xe5);
	g_assert_cmpuint(fake_kvm.tables, ==, 2);
	fake_kvm.refuse_routing = EPERM;
	g_assert_cmpint(iol_irq_router_route_pins(router, &err), ==, -EPERM);
	g_assert_nonnull(strstr(err.msg, "KVM_SET_GSI_ROUTING"));
	iol_irq_msi_finish(&msi);
	iol_irq_router_free(router);
}

/* Where the kernel must know who sends: on each route, and a new sender is a new route. */
static void test_devid(void)
{
	struct iol_irq_router *router;
	struct iol_irq_msi msis[2];

	fake_kvm_reset();
	fake_kvm.msi_devid_cap = 1;
	router = iol_irq_router_new(FAKE_KVM_FD, PINS);
	for (unsigned int i = 0; i < 2; i++)
		g_assert_cmpint(iol_irq_msi_init(&msis[i], router, NULL), ==, 0);
	iol_irq_msi_route(&msis[0], 0x08, ADDRESS, 0x40);
	iol_irq_msi_route(&msis[1], 0xf8, ADDRESS, 0x40);
	iol_irq_msi_route(&msis[1], 0xf8, ADDRESS, 0x40);
	g_assert_cmpuint(fake_kvm.tables, ==, 2);
	g_assert_cmphex(fake_kvm.routes[pin_routes()].u.msi.devid, ==, 0x08);
	g_assert_cmphex(fake_kvm.routes[pin_routes() + 1].u.msi.devid, ==, 0xf8);
	iol_irq_msi_route(&msis[1], 0x10, ADDRESS, 0x40);
	g_assert_cmpuint(fake_kvm.tables, ==, 3);
	g_assert_cmphex(fake_kvm.routes[pin_routes() + 1].u.msi.devid, ==, 0x10);
	for (unsigned int i = 0; i < 2; i++)
		iol_irq_msi_finish(&msis[i]);
	iol_irq_router_free(router);
}

static void test_refused(void)
{
	struct iol_irq_router *router;
	struct iol_irq_msi msi, other;

	fake_kvm_reset();
	router = iol_irq_router_new(FAKE_KVM_FD, PINS);
	g_assert_cmpint(iol_irq_msi_init(&msi, router, NULL), ==, 0);
	g_assert_cmpint(iol_irq_msi_init(&other, router, NULL), ==, 0);
	iol_irq_msi_route(&other, 0, ADDRESS, 0x70);
	iol_irq_msi_route(&msi, 0, ADDRESS, 0x71);
	iol_log_set_level(IOL_LOG_ERROR);
	fake_kvm.refuse_routing = EINVAL;
	iol_irq_msi_route(&msi, 0, UINT64_C(0xffffffffffffffff), 0xffffffff);
	g_assert_false(fake_kvm.bound[msi.gsi]);
	g_assert_true(fake_kvm.bound[other.gsi]);
	iol_irq_msi_raise(&msi);
	iol_irq_msi_raise(&other);
	g_assert_cmpuint(fake_kvm_messages(ADDRESS, 0x70), ==, 1);
	g_assert_cmpuint(fake_kvm_all_messages(), ==, 0);
	/* Another route is taken, and what was raised meanwhile stays lost. */
	fake_kvm.refuse_routing = 0;
	iol_irq_msi_route(&other, 0, ADDRESS, 0x72);
	g_assert_cmpuint(fake_kvm.route_count, ==, pin_routes() + 1);
	fake_kvm.refuse_irqfd = EBUSY;
	iol_irq_msi_route(&msi, 0, ADDRESS, 0x73);
	iol_irq_msi_raise(&msi);
	fake_kvm.refuse_irqfd = 0;
	iol_irq_msi_route(&msi, 0, ADDRESS, 0x73);
	g_assert_cmpuint(fake_kvm_all_messages(), ==, 0);
	iol_irq_msi_raise(&msi);
	g_assert_cmpuint(fake_kvm_messages(ADDRESS, 0x73), ==, 1);
	iol_log_set_level(IOL_LOG_WARN);
	iol_irq_msi_finish(&msi);
	iol_irq_msi_finish(&other);
	iol_irq_router_free(router);
}

static void test_limit(void)
{
	struct iol_irq_router *router;
	struct iol_irq_msi msis[3];
	struct iol_error err;

	/* None at all, and an error of the host's. */
	for (int cap = -1; cap <= 0; cap++) {
		fake_kvm_reset();
		fake_kvm.routing_cap = cap;
		router = iol_irq_router_new(FAKE_KVM_FD, PINS);
		g_assert_cmpint(iol_irq_msi_init(&msis[0], router, &err), ==, -ENOSPC);
		g_assert_nonnull(strstr(err.msg, "KVM routes 0 messages"));
		iol_irq_router_free(router);
	}
	/* The limit is of routes, of which pins have some. */
	fake_kvm_reset();
	fake_kvm.routing_cap = (int)pin_routes() + 2;
	router = iol_irq_router_new(FAKE_KVM_FD, PINS);
	g_assert_cmpint(iol_irq_msi_init(&msis[0], router, NULL), ==, 0);
	g_assert_cmpint(iol_irq_msi_init(&msis[1], router, NULL), ==, 0);
	g_assert_cmpint(iol_irq_msi_init(&msis[2], router, &err), ==, -ENOSPC);
	g_assert_cmpstr(err.msg, ==,
			"no interrupt is free: this host's KVM routes 2 messages "
			"(KVM_CAP_IRQ_ROUTING); use fewer devices or queues");
	iol_irq_msi_finish(&msis[0]);
	g_assert_cmpint(iol_irq_msi_init(&msis[2], router, NULL), ==, 0);
	g_assert_cmpuint(msis[2].gsi, ==, PINS);
	iol_irq_msi_finish(&msis[1]);
	iol_irq_msi_finish(&msis[2]);
	iol_irq_router_free(router);
}

static gpointer reroute(gpointer opaque)
{
	struct iol_irq_msi *msi = opaque;

	for (uint32_t i = 0; i < 5000; i++)
		iol_irq_msi_route(msi, 0, ADDRESS, i % 16);
	return NULL;
}

/* Raised on one thread while another moves it: each raise arrives somewhere. */
static void test_route_threads(void)
{
	struct iol_irq_router *router;
	struct iol_irq_msi msi;
	GThread *vcpu;

	fake_kvm_reset();
	router = iol_irq_router_new(FAKE_KVM_FD, PINS);
	g_assert_cmpint(iol_irq_msi_init(&msi, router, NULL), ==, 0);
	iol_irq_msi_route(&msi, 0, ADDRESS, 0);
	vcpu = g_thread_new("reroute", reroute, &msi);
	for (unsigned int i = 0; i < 5000; i++)
		iol_irq_msi_raise(&msi);
	g_thread_join(vcpu);
	g_assert_cmpuint(fake_kvm_all_messages(), ==, 5000);
	iol_irq_msi_finish(&msi);
	iol_irq_router_free(router);
}

#if defined(__x86_64__)

enum { APIC_SPURIOUS = 0xf0, APIC_IRR = 0x200, WAIT_MS = 5000 };

/* A machine of the host's KVM: interrupt controllers and one vCPU, which never runs. */
struct real {
	int kvm_fd, vm_fd, vcpu_fd;
	struct kvm_lapic_state idle;
};

static bool real_init(struct real *real)
{
	*real = (struct real){ -1, -1, -1, { { 0 } } };
	real->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (real->kvm_fd < 0) {
		g_autofree char *reason = g_strdup_printf("/dev/kvm: %s", g_strerror(errno));

		g_test_skip(reason);
		return false;
	}
	real->vm_fd = ioctl(real->kvm_fd, KVM_CREATE_VM, 0UL);
	g_assert_cmpint(real->vm_fd, >=, 0);
	g_assert_cmpint(ioctl(real->vm_fd, KVM_CREATE_IRQCHIP, 0UL), ==, 0);
	real->vcpu_fd = ioctl(real->vm_fd, KVM_CREATE_VCPU, 0UL);
	g_assert_cmpint(real->vcpu_fd, >=, 0);
	g_assert_cmpint(ioctl(real->vcpu_fd, KVM_GET_LAPIC, &real->idle), ==, 0);
	le32_store(real->idle.regs + APIC_SPURIOUS, 0x1ff);
	g_assert_cmpint(ioctl(real->vcpu_fd, KVM_SET_LAPIC, &real->idle), ==, 0);
	return true;
}

static void real_finish(struct real *real)
{
	iol_fd_close(&real->vcpu_fd);
	iol_fd_close(&real->vm_fd);
	iol_fd_close(&real->kvm_fd);
}

static bool requested(const struct real *real, unsigned int vector)
{
	struct kvm_lapic_state lapic;

	g_assert_cmpint(ioctl(real->vcpu_fd, KVM_GET_LAPIC, &lapic), ==, 0);
	return le32_load(lapic.regs + APIC_IRR + vector / 32 * 0x10) >> vector % 32 & 1;
}

/* irqfds of pins come by way of a kernel thread. */
static void wait_for(struct real *real, unsigned int vector)
{
	for (unsigned int i = 0; !requested(real, vector); i++) {
		if (i == WAIT_MS)
			g_error("vector 0x%x did not arrive within %u ms", vector, WAIT_MS);
		g_usleep(1000);
	}
	g_assert_cmpint(ioctl(real->vcpu_fd, KVM_SET_LAPIC, &real->idle), ==, 0);
}

static void set_ioapic_pin(struct real *real, unsigned int pin, uint64_t entry)
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };

	g_assert_cmpint(ioctl(real->vm_fd, KVM_GET_IRQCHIP, &chip), ==, 0);
	chip.chip.ioapic.redirtbl[pin].bits = entry;
	g_assert_cmpint(ioctl(real->vm_fd, KVM_SET_IRQCHIP, &chip), ==, 0);
}

static void test_real(void)
{
	const uint64_t level_low = 1 << 15 | 1 << 13;
	struct iol_irq_router *router;
	struct iol_irq_line line;
	struct iol_irq_msi msis[2];
	struct iol_irq_wire wire;
	struct iol_irq_pin pin = { .wire = &wire };
	struct kvm_irqchip pic = { .chip_id = KVM_IRQCHIP_PIC_MASTER };
	struct real real;

	if (!real_init(&real))
		return;
	router = iol_irq_router_new(real.vm_fd, PINS);
	g_assert_cmpint(iol_irq_line_init(&line, real.vm_fd, 4, NULL), ==, 0);
	iol_irq_wire_init(&wire, real.vm_fd, 17, 17);
	for (unsigned int i = 0; i < 2; i++) {
		g_assert_cmpint(iol_irq_msi_init(&msis[i], router, NULL), ==, 0);
		iol_irq_msi_route(&msis[i], 0, 0xfee00000, 0x60 + i);
		g_assert_true(msis[i].routed);
	}
	iol_irq_msi_raise(&msis[0]);
	wait_for(&real, 0x60);
	iol_irq_msi_raise(&msis[1]);
	wait_for(&real, 0x61);
	iol_irq_msi_route(&msis[1], 0, 0xfee00000, 0x77);
	iol_irq_msi_raise(&msis[1]);
	wait_for(&real, 0x77);
	g_assert_false(requested(&real, 0x61));
	/* The pins are where they were: IOAPIC and PIC. */
	set_ioapic_pin(&real, 4, 0x54);
	iol_irq_line_raise(&line);
	wait_for(&real, 0x54);
	set_ioapic_pin(&real, 17, 0x51 | level_low);
	iol_irq_pin_set(&pin, true);
	wait_for(&real, 0x51);
	iol_irq_pin_set(&pin, false);
	iol_irq_wire_finish(&wire);
	iol_irq_wire_init(&wire, real.vm_fd, 3, 3);
	iol_irq_pin_set(&pin, true);
	g_assert_cmpint(ioctl(real.vm_fd, KVM_GET_IRQCHIP, &pic), ==, 0);
	g_assert_cmphex(pic.chip.pic.irr & 1 << 3, ==, 1 << 3);
	iol_irq_msi_finish(&msis[0]);
	iol_irq_msi_finish(&msis[1]);
	iol_irq_router_free(router);
	iol_irq_wire_finish(&wire);
	iol_irq_line_finish(&line);
	real_finish(&real);
}

/* An eventfd of another's, which the loop always reads as well. */
struct bound {
	struct iol_loop loop;
	struct iol_op op;
	int fd;
	uint64_t count;
	unsigned int reads;
};

static void await_read(struct bound *b)
{
	iol_loop_read(&b->loop, &b->op, b->fd, &b->count, sizeof(b->count), (uint64_t)-1);
}

static void read_done(struct iol_op *op, int res)
{
	struct bound *b = iol_container_of(op, struct bound, op);

	if (res == -ECANCELED)
		return;
	b->reads++;
	await_read(b);
}

/* How often the loop has read of a write to it. */
static unsigned int reads_of_a_write(struct bound *b)
{
	const uint64_t one = 1;
	unsigned int before = b->reads;

	g_assert_cmpint(write(b->fd, &one, sizeof(one)), ==, sizeof(one));
	for (unsigned int i = 0; i < 4; i++)
		g_assert_cmpint(iol_loop_turn(&b->loop, false), ==, 0);
	return b->reads - before;
}

/* KVM takes what is written before who waits to read it; when it does not, that one gets all. */
static void test_real_bind(void)
{
	struct bound b = { .op.done = read_done, .fd = eventfd(0, EFD_CLOEXEC) };
	struct iol_irq_router *router;
	struct iol_irq_msi msis[2];
	struct real real;

	if (!real_init(&real)) {
		iol_fd_close(&b.fd);
		return;
	}
	g_assert_cmpint(iol_loop_init(&b.loop, NULL), ==, 0);
	router = iol_irq_router_new(real.vm_fd, PINS);
	for (unsigned int i = 0; i < 2; i++)
		g_assert_cmpint(iol_irq_msi_init(&msis[i], router, NULL), ==, 0);
	await_read(&b);
	g_assert_cmpuint(reads_of_a_write(&b), ==, 1);
	g_assert_false(iol_irq_msi_bind(&msis[0], b.fd)); /* no route */
	for (unsigned int i = 0; i < 2; i++)
		iol_irq_msi_route(&msis[i], 0, 0xfee00000, 0x60 + i);
	for (unsigned int round = 0; round < 10; round++) {
		struct iol_irq_msi *msi = &msis[round % 2];

		g_assert_true(iol_irq_msi_bind(msi, b.fd));
		g_assert_cmpuint(reads_of_a_write(&b), ==, 0);
		wait_for(&real, 0x60 + round % 2);
		/* Its own way is there too. */
		iol_irq_msi_raise(msi);
		wait_for(&real, 0x60 + round % 2);
		iol_irq_msi_unbind(msi, b.fd);
		g_assert_cmpuint(reads_of_a_write(&b), ==, 1);
		g_assert_false(requested(&real, 0x60 + round % 2));
	}
	for (unsigned int i = 0; i < 2; i++)
		iol_irq_msi_finish(&msis[i]);
	iol_irq_router_free(router);
	iol_loop_finish(&b.loop);
	iol_fd_close(&b.fd);
	real_finish(&real);
}

#endif

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/irq/line", test_line);
	g_test_add_func("/irq/wire", test_wire);
	g_test_add_func("/irq/output", test_output);
	g_test_add_func("/irq/wire-number", test_wire_number);
	g_test_add_func("/irq/wire-threads", test_wire_threads);
	g_test_add_func("/irq/msi-alone", test_msi_alone);
	g_test_add_func("/irq/table", test_table);
	g_test_add_func("/irq/told", test_told);
	g_test_add_func("/irq/devid", test_devid);
	g_test_add_func("/irq/refused", test_refused);
	g_test_add_func("/irq/limit", test_limit);
	g_test_add_func("/irq/route-threads", test_route_threads);
#if defined(__x86_64__)
	g_test_add_func("/irq/real-kvm", test_real);
	g_test_add_func("/irq/real-kvm/bind", test_real_bind);
#endif
	return g_test_run();
}
