// SPDX-License-Identifier: Apache-2.0
/*
 * A hostile driver at the virtio core and both transports: accesses of any width and value to the
 * registers of a device on the PCI bus (configuration space, BARs, MSI-X, the window of 4.1.4.9) and
 * of one on MMIO, in any order with requests, rings that are wrong, turns of the loop, completions,
 * changes of the configuration and resets of the machine.
 *
 * An input is a byte of options and a sequence of operations (ops[] below). Each begins with devices
 * just made; in the end the driver resets each, and a request must pass through every queue; then the
 * machine does the same.
 *
 * Linked with --wrap=write: lines of the log are dropped.
 */
#include "double_fetch.h"
#include "heap.h"

#include <limits.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>
#include <unistd.h>

#include <iolite/virtio_mmio.h>
#include <iolite/virtio_pci.h>

#include "vmm/gate.h"
#include "vmm/loop_internal.h"

#include "virtio_driver.h"
#include "virtio_fake.h"

enum {
	DEVICES = 2,
	ON_PCI = 0,
	ON_MMIO = 1,
	QUEUES = 2,
	RAM_BYTES = 0x10000,
	RINGS_BYTES = 0x1000, /* for each queue */
	DATA = 0x8000,
	RACED_BYTES = 0x1800, /* the rings of three queues */
	OPS_MAX = 1000,
	TURNS = 4, /* more than anything takes that waits for nobody */
	HEAP_SLACK_BYTES = 8192,
	SLOT = 1,
	STATUS_DRIVER = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER,
	STATUS_FEATURES = STATUS_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK,
	STATUS_OK = STATUS_FEATURES | VIRTIO_CONFIG_S_DRIVER_OK,
};

#define ECAM UINT64_C(0xe0000000)
#define WINDOW UINT64_C(0xc0000000)
#define WINDOW_BYTES UINT64_C(0x00100000)
#define MMIO_BASE UINT64_C(0xd0000000)

struct machine {
	struct iol_event_sink sink;
	struct iol_bus mmio;
	struct iol_irq_wire wire;
	struct iol_irq_router *router;
	struct iol_device *pci_host, *devices[DEVICES];
	struct virtio_fake fakes[DEVICES];
	struct virtio_driver drivers[DEVICES][QUEUES];
	struct iol_quiesce quiesce;
	uint64_t bars[2]; /* as the host placed them */
	uint8_t config[IOL_PCI_CONFIG_BYTES]; /* of the function, at power-on */
};

/* Made once: setting these up would take longer than an input. */
static struct iol_loop loop;
static struct iol_memory memory;
static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_cond = PTHREAD_COND_INITIALIZER;

ssize_t __wrap_write(int fd, const void *buf, size_t len);
ssize_t __real_write(int fd, const void *buf, size_t len);

ssize_t __wrap_write(int fd, const void *buf, size_t len)
{
	if (fd != STDERR_FILENO || len < 8 || memcmp(buf, "iolite: ", 8))
		return __real_write(fd, buf, len);
	return (ssize_t)len;
}

static void no_event(struct iol_event_sink *sink, enum iol_event event)
{
	(void)sink;
	(void)event;
	abort();
}

static void turn(unsigned int count)
{
	while (count--)
		fuzz_check(!iol_loop_turn(&loop, false));
}

/* A turn would find nothing. Of a ring that does not say what the kernel has in store for it that is not known. */
static bool is_idle(void)
{
	const struct io_uring *ring = &loop.ring;
	const unsigned int in_store = IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW;

	return ring->flags & IORING_SETUP_TASKRUN_FLAG && !loop.end_head && !loop.post_head &&
	       !io_uring_sq_ready(ring) && !io_uring_cq_ready(ring) &&
	       !(IO_URING_READ_ONCE(*ring->sq.kflags) & in_store);
}

/* Each turn enters the kernel, which took much of an input's time. */
static void settle(void)
{
	for (unsigned int i = 0; i < TURNS && !is_idle(); i++)
		turn(1);
}

/* --- accesses --- */

static const unsigned int widths[] = { 1, 2, 4, 8 };

static uint64_t read_at(struct machine *m, uint64_t addr, unsigned int len)
{
	uint64_t value;

	iol_bus_read(&m->mmio, addr, len, &value);
	return value & UINT64_MAX >> (64 - 8 * len);
}

static void write_at(struct machine *m, uint64_t addr, unsigned int len, uint64_t value)
{
	iol_bus_write(&m->mmio, addr, len, value & UINT64_MAX >> (64 - 8 * len));
	/* The vCPU's part. */
	iol_gate_take();
}

static void cfg_write(struct machine *m, unsigned int offset, unsigned int len, uint64_t value)
{
	write_at(m, ECAM + SLOT * UINT64_C(0x8000) + offset, len, value);
}

static uint64_t cfg_read(struct machine *m, unsigned int offset, unsigned int len)
{
	return read_at(m, ECAM + SLOT * UINT64_C(0x8000) + offset, len);
}

/* The BARs where the host placed them, decoded. */
static void decode(struct machine *m)
{
	cfg_write(m, PCI_COMMAND, 2, 0);
	cfg_write(m, PCI_BASE_ADDRESS_0, 4, m->bars[0]);
	cfg_write(m, PCI_BASE_ADDRESS_1, 4, m->bars[1]);
	cfg_write(m, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
}

/* One register by its meaning, of either transport. */
enum reg { STATUS, FEATURES_SEL, FEATURES, QUEUE_SEL, QUEUE_SIZE, QUEUE_ADDR, QUEUE_ENABLE };

static const struct {
	uint16_t pci, pci_len, mmio;
} registers[] = {
	[STATUS] = { VIRTIO_PCI_COMMON_STATUS, 1, VIRTIO_MMIO_STATUS },
	[FEATURES_SEL] = { VIRTIO_PCI_COMMON_GFSELECT, 4, VIRTIO_MMIO_DRIVER_FEATURES_SEL },
	[FEATURES] = { VIRTIO_PCI_COMMON_GF, 4, VIRTIO_MMIO_DRIVER_FEATURES },
	[QUEUE_SEL] = { VIRTIO_PCI_COMMON_Q_SELECT, 2, VIRTIO_MMIO_QUEUE_SEL },
	[QUEUE_SIZE] = { VIRTIO_PCI_COMMON_Q_SIZE, 2, VIRTIO_MMIO_QUEUE_NUM },
	[QUEUE_ADDR] = { VIRTIO_PCI_COMMON_Q_DESCLO, 4, VIRTIO_MMIO_QUEUE_DESC_LOW },
	[QUEUE_ENABLE] = { VIRTIO_PCI_COMMON_Q_ENABLE, 2, VIRTIO_MMIO_QUEUE_READY },
};

static void put(struct machine *m, unsigned int device, enum reg reg, uint32_t value)
{
	if (device == ON_PCI)
		write_at(m, m->bars[0] + registers[reg].pci, registers[reg].pci_len, value);
	else
		write_at(m, MMIO_BASE + registers[reg].mmio, 4, value);
}

static uint8_t get_status(struct machine *m, unsigned int device)
{
	return (uint8_t)(device == ON_PCI ? read_at(m, m->bars[0] + VIRTIO_PCI_COMMON_STATUS, 1)
					  : read_at(m, MMIO_BASE + VIRTIO_MMIO_STATUS, 4));
}

/* Descriptors, available ring, used ring: 8 bytes apart on PCI, 16 on MMIO. */
static void put_address(struct machine *m, unsigned int device, unsigned int ring, uint64_t gpa)
{
	uint64_t base = device == ON_PCI ? m->bars[0] + VIRTIO_PCI_COMMON_Q_DESCLO + 8 * ring
					 : MMIO_BASE + VIRTIO_MMIO_QUEUE_DESC_LOW + 16 * ring;

	write_at(m, base, 4, (uint32_t)gpa);
	write_at(m, base + 4, 4, gpa >> 32);
}

static void notify(struct machine *m, unsigned int device, unsigned int queue)
{
	if (device == ON_PCI)
		write_at(m, m->bars[0] + 0x3000 + 4 * queue, 2, queue);
	else
		write_at(m, MMIO_BASE + VIRTIO_MMIO_QUEUE_NOTIFY, 4, queue);
}

/* --- a good driver --- */

static void make_rings(struct machine *m, unsigned int device, unsigned int queue,
		       uint32_t features)
{
	struct virtio_driver_setup setup = {
		.size = VIRTIO_FAKE_QUEUE_SIZE,
		.event_idx = features >> VIRTIO_RING_F_EVENT_IDX & 1,
		.indirect = features >> VIRTIO_RING_F_INDIRECT_DESC & 1,
	};

	virtio_driver_layout(&setup, (device * QUEUES + queue) * RINGS_BYTES);
	fuzz_check(!virtio_driver_init(&m->drivers[device][queue], &memory, &setup));
}

/* 3.1.1; @skip: bits of steps that this driver forgets. */
static void bring_up(struct machine *m, unsigned int device, uint32_t features, unsigned int skip)
{
	put(m, device, STATUS, STATUS_DRIVER);
	for (uint32_t word = 0; word < 2; word++) {
		put(m, device, FEATURES_SEL, word);
		put(m, device, FEATURES, word ? 1 : features);
	}
	if (!(skip & 1))
		put(m, device, STATUS, STATUS_FEATURES);
	for (unsigned int queue = 0; queue < QUEUES; queue++) {
		struct virtio_driver_setup *s = &m->drivers[device][queue].setup;

		make_rings(m, device, queue, features);
		put(m, device, QUEUE_SEL, queue);
		put(m, device, QUEUE_SIZE, s->size);
		put_address(m, device, 0, s->desc_gpa + (skip & 2 ? 8 : 0));
		put_address(m, device, 1, s->avail_gpa);
		put_address(m, device, 2, s->used_gpa);
		if (!(skip & 4u << queue))
			put(m, device, QUEUE_ENABLE, 1);
	}
	if (!(skip & 16))
		put(m, device, STATUS, STATUS_OK);
}

/* False: the ring has no room. */
static bool request(struct machine *m, unsigned int device, unsigned int queue, unsigned int direct)
{
	struct virtio_driver *d = &m->drivers[device][queue];
	const struct virtio_driver_part parts[] = {
		{ .gpa = DATA, .len = 4 },
		{ .gpa = DATA + 64, .len = 16, .write = true },
	};

	if (!d->memory || virtio_driver_add(d, parts, 2, direct) < 0)
		return false;
	if (virtio_driver_show(d))
		notify(m, device, queue);
	return true;
}

/* A request passes through each queue. */
static void check_works(struct machine *m, unsigned int device)
{
	struct virtio_fake *f = &m->fakes[device];
	struct virtio_driver_used used;

	f->mode = VIRTIO_FAKE_NOW;
	f->budget = 0;
	bring_up(m, device, 0, 0);
	fuzz_check(get_status(m, device) == STATUS_OK);
	settle();
	fuzz_check(get_status(m, device) == STATUS_OK && f->v.state == IOL_VIRTIO_RUNNING);
	for (unsigned int queue = 0; queue < QUEUES; queue++) {
		struct virtio_driver *d = &m->drivers[device][queue];

		fuzz_check(request(m, device, queue, 2));
		/* Single turns do not poll, so each request is told of. */
		notify(m, device, queue);
		settle();
		fuzz_check(virtio_driver_take_used(d, &used) == 1 && used.len == 4);
		fuzz_check(!virtio_driver_check(d) && virtio_driver_is_drained(d));
	}
	fuzz_check(!f->v.in_flight);
}

/* --- the machine --- */

static void quiet(struct iol_quiesce *quiesce)
{
	(void)quiesce;
}

static void complete_all(struct machine *m)
{
	for (unsigned int i = 0; i < DEVICES; i++)
		virtio_fake_complete(&m->fakes[i], UINT_MAX);
}

static void reset_machine(struct machine *m)
{
	m->quiesce = (struct iol_quiesce){ .pending = 1, .done = quiet };
	for (unsigned int i = DEVICES; i-- > 0;) {
		m->quiesce.pending++;
		if (m->devices[i]->ops->quiesce(m->devices[i], &m->quiesce))
			m->quiesce.pending--;
		else
			m->devices[i]->ops->cancel(m->devices[i]);
	}
	settle();
	fuzz_check(m->quiesce.pending == 1);
	for (unsigned int i = DEVICES; i-- > 0;)
		m->devices[i]->ops->reset(m->devices[i]);
	m->pci_host->ops->reset(m->pci_host);
	memset(m->drivers, 0, sizeof(m->drivers));
	for (unsigned int i = 0; i < IOL_PCI_CONFIG_BYTES; i += 4)
		fuzz_check(cfg_read(m, i, 4) == iol_le_load(m->config + i, 4));
	fuzz_check(!m->wire.asserted);
	decode(m);
	for (unsigned int i = 0; i < DEVICES; i++)
		fuzz_check(!get_status(m, i) && !m->fakes[i].v.in_flight);
}

static void plug(struct machine *m)
{
	const struct iol_virtio_env env = { .loop = &loop, .memory = &memory, .vm_fd = -1 };
	const struct iol_virtio_pci_config pci = {
		.host = iol_pci_host_of(m->pci_host),
		.slot = SLOT,
		.router = m->router,
		.intx = &m->wire,
	};
	const struct iol_virtio_mmio_config mmio = {
		.bus = &m->mmio,
		.base = MMIO_BASE,
		.irq = &m->wire,
		.gate_lock = &gate_lock,
		.gate_cond = &gate_cond,
	};

	for (unsigned int i = 0; i < DEVICES; i++)
		fuzz_check(!virtio_fake_init(&m->fakes[i], &env, QUEUES, NULL));
	fuzz_check(!iol_virtio_pci_new(&m->fakes[ON_PCI].v, &pci, &m->devices[ON_PCI], NULL));
	fuzz_check(!iol_virtio_mmio_new(&m->fakes[ON_MMIO].v, &mmio, &m->devices[ON_MMIO], NULL));
}

static void machine_init(struct machine *m)
{
	const struct iol_pci_host_config host = {
		.mmio = &m->mmio,
		.ecam_base = ECAM,
		.ecam_bytes = IOL_PCI_ECAM_BUS_BYTES,
		.window_base = WINDOW,
		.window_bytes = WINDOW_BYTES,
		.sink = &m->sink,
	};

	*m = (struct machine){ .sink.raise = no_event };
	iol_bus_init(&m->mmio);
	iol_irq_wire_init(&m->wire, -1, 16, 16);
	m->router = iol_irq_router_new(-1, 24);
	fuzz_check(!iol_pci_host_new(&host, &m->pci_host, NULL));
	plug(m);
	for (unsigned int i = 0; i < IOL_PCI_CONFIG_BYTES; i += 4)
		iol_le_store(m->config + i, 4, cfg_read(m, i, 4));
	for (unsigned int i = 0; i < 2; i++)
		m->bars[i] = cfg_read(m, PCI_BASE_ADDRESS_0 + 4 * i, 4) & ~UINT64_C(15);
	decode(m);
}

static void machine_finish(struct machine *m)
{
	for (unsigned int i = DEVICES; i-- > 0;)
		m->devices[i]->ops->free(m->devices[i]);
	m->pci_host->ops->free(m->pci_host);
	fuzz_check(!m->mmio.count && !m->wire.asserted);
	for (unsigned int i = 0; i < DEVICES; i++)
		fuzz_check(m->fakes[i].frees == 1);
	iol_irq_router_free(m->router);
	iol_irq_wire_finish(&m->wire);
	iol_bus_finish(&m->mmio);
	/* Of the loop only its own wake-up is left. */
	fuzz_check(loop.in_flight == 1 && !loop.pollers && !loop.end_head && !loop.post_head);
}

/* --- operations --- */

static void access_at(struct machine *m, struct fuzz_input *in, uint64_t addr, uint8_t how)
{
	unsigned int len = widths[how / 2 % 4];

	if (how & 1)
		write_at(m, addr, len, fuzz_number(in, len));
	else
		read_at(m, addr, len);
}

static void op_mmio(struct machine *m, struct fuzz_input *in)
{
	uint8_t where = fuzz_u8(in), how = fuzz_u8(in);

	/* Mostly the registers as they are meant. */
	if (how & 0x80)
		access_at(m, in, MMIO_BASE + (where + (how & 0x40 ? 0x100u : 0)), how);
	else
		access_at(m, in, MMIO_BASE + where % 64 * 4, (uint8_t)(4 | (how & 1)));
}

static void op_common(struct machine *m, struct fuzz_input *in)
{
	uint8_t where = fuzz_u8(in), how = fuzz_u8(in);

	access_at(m, in, m->bars[0] + where % 64, how);
}

static void op_bar(struct machine *m, struct fuzz_input *in)
{
	uint16_t where = fuzz_u16(in);
	uint8_t how = fuzz_u8(in);

	access_at(m, in, m->bars[0] + where % 0x4000, how);
}

static void op_msix(struct machine *m, struct fuzz_input *in)
{
	uint8_t where = fuzz_u8(in), how = fuzz_u8(in);

	access_at(m, in, m->bars[1] + (how & 0x80 ? 0x800u : 0) + where, how);
}

static void op_config_space(struct machine *m, struct fuzz_input *in)
{
	uint8_t where = fuzz_u8(in), how = fuzz_u8(in);

	access_at(m, in, ECAM + SLOT * UINT64_C(0x8000) + where, how);
}

/* 4.1.4.9 */
static void op_window(struct machine *m, struct fuzz_input *in)
{
	unsigned int cap = m->config[PCI_CAPABILITY_LIST];
	uint8_t bar = fuzz_u8(in), len = fuzz_u8(in);
	uint16_t offset = fuzz_u16(in);

	while (m->config[cap] != PCI_CAP_ID_VNDR ||
	       m->config[cap + offsetof(struct virtio_pci_cap, cfg_type)] != VIRTIO_PCI_CAP_PCI_CFG)
		cap = m->config[cap + PCI_CAP_LIST_NEXT];
	cfg_write(m, cap + offsetof(struct virtio_pci_cap, bar), 1, bar >= 0x80 ? bar : 0);
	cfg_write(m, cap + offsetof(struct virtio_pci_cap, offset), 4, offset);
	cfg_write(m, cap + offsetof(struct virtio_pci_cap, length), 4,
		  len >= 0x80 ? len : widths[len % 3]);
	access_at(m, in,
		  ECAM + SLOT * UINT64_C(0x8000) + cap +
			  offsetof(struct virtio_pci_cfg_cap, pci_cfg_data),
		  bar);
}

static void op_bring_up(struct machine *m, struct fuzz_input *in)
{
	uint8_t which = fuzz_u8(in), features = fuzz_u8(in), skip = fuzz_u8(in);
	unsigned int device = which % DEVICES;
	uint32_t word = (features & 1u) << VIRTIO_RING_F_EVENT_IDX |
			(features >> 1 & 1u) << VIRTIO_RING_F_INDIRECT_DESC |
			(features >> 2 & 1u) << VIRTIO_FAKE_FEATURE;

	if (which & 0x80)
		decode(m);
	if (which & 0x40) {
		put(m, device, STATUS, 0);
		virtio_fake_complete(&m->fakes[device], UINT_MAX);
		settle();
	}
	bring_up(m, device, word, skip >= 0x80 ? skip : 0);
	if (which & 0x20)
		turn(2);
}

static void op_request(struct machine *m, struct fuzz_input *in)
{
	uint8_t which = fuzz_u8(in);
	unsigned int device = which % DEVICES, queue = which / 2 % QUEUES;
	struct virtio_driver_used used;

	request(m, device, queue, which / 4 % 3);
	if (which & 0x80 && m->drivers[device][queue].memory)
		virtio_driver_take_used(&m->drivers[device][queue], &used);
}

/* A driver that breaks its rules, in the rings of a queue or anywhere. */
static void op_spoil(struct machine *m, struct fuzz_input *in)
{
	uint8_t which = fuzz_u8(in), how = fuzz_u8(in);
	uint16_t value = fuzz_u16(in);
	struct virtio_driver *d = &m->drivers[which % DEVICES][which / 2 % QUEUES];
	const struct virtio_driver_desc desc = {
		.addr = value & 0x8000 ? UINT64_MAX - value : value,
		.len = fuzz_u16(in),
		.flags = how / 8 % 8,
		.next = value % 16,
	};

	if (!d->memory)
		return;
	if (how % 8 < 2)
		virtio_driver_put_avail(d, value, how / 8);
	else if (how % 8 < 4)
		virtio_driver_put_avail_idx(d, (uint16_t)(d->avail_idx + (int8_t)value));
	else if (how % 8 < 6)
		virtio_driver_put_desc(d, d->setup.desc_gpa, how / 64, &desc);
	else if (how % 8 == 6)
		virtio_driver_put_used_event(d, value);
	else
		iol_memory_write(&memory, value, &value, 2);
	notify(m, which % DEVICES, which / 2 % QUEUES);
}

/* The rings, and what chains point at, change while the loop looks at them. */
static void op_race(struct machine *m, struct fuzz_input *in)
{
	(void)m;
	double_fetch_arm(in, iol_memory_ptr(&memory, 0, RAM_BYTES), RACED_BYTES);
}

/* Whether the loop may touch the rings of @f. */
static bool may_touch(const struct virtio_fake *f)
{
	return f->v.state == IOL_VIRTIO_RUNNING ||
	       (f->v.state == IOL_VIRTIO_STOPPED && f->v.loop_has_it);
}

static void op_turn(struct machine *m, struct fuzz_input *in)
{
	static uint8_t before[RAM_BYTES];
	bool untouchable = !may_touch(&m->fakes[0]) && !may_touch(&m->fakes[1]);
	const void *ram = iol_memory_ptr(&memory, 0, RAM_BYTES);
	uint64_t idle_ns;

	if (untouchable)
		memcpy(before, ram, RAM_BYTES);
	turn(1 + fuzz_u8(in) % 4);
	if (loop.pollers)
		fuzz_check(!iol_loop_spin(&loop, &idle_ns));
	if (untouchable)
		fuzz_check(!memcmp(before, ram, RAM_BYTES));
}

static void op_fake(struct machine *m, struct fuzz_input *in)
{
	uint8_t what = fuzz_u8(in), value = fuzz_u8(in);
	struct virtio_fake *f = &m->fakes[what % DEVICES];

	switch (what / 2 % 6) {
	case 0:
		f->mode = (enum virtio_fake_mode)(value % 3);
		break;
	case 1:
		f->budget = value % 4;
		break;
	case 2:
	case 3:
		virtio_fake_complete(f, value % 8);
		break;
	case 4:
		iol_virtio_set_config(&f->v, value % VIRTIO_FAKE_CONFIG_BYTES, &value, 1);
		break;
	default:
		f->stop_ends = value & 1;
		break;
	}
}

static void op_machine(struct machine *m, struct fuzz_input *in)
{
	uint8_t what = fuzz_u8(in);

	if (what >= 0xf0)
		reset_machine(m);
	else if (what & 1)
		decode(m);
	else
		iol_virtio_cancel(&m->fakes[what / 2 % DEVICES].v);
}

static void (*const ops[])(struct machine *m, struct fuzz_input *in) = {
	op_mmio,         op_mmio,   op_common,   op_common,   op_bar,     op_msix,
	op_config_space, op_window, op_bring_up, op_bring_up, op_request, op_request,
	op_spoil,        op_turn,   op_turn,     op_fake,     op_race,    op_machine,
};

/* --- oracles --- */

static void check_device(const struct machine *m, const struct virtio_fake *f)
{
	uint8_t status = f->v.status, ladder = status & STATUS_OK;
	unsigned int busy = 0;

	/* What was taken and not given back is with the fake, and the queues know it. */
	fuzz_check(f->v.in_flight == f->held_count);
	for (unsigned int i = 0; i < QUEUES; i++)
		busy += f->v.queues[i].vq.in_flight;
	fuzz_check(f->v.state != IOL_VIRTIO_RUNNING || busy == f->held_count);
	fuzz_check(f->v.state != IOL_VIRTIO_STOPPED || !f->v.in_flight);
	/* The drawing in virtio.h. */
	fuzz_check(ladder == 0 || ladder == VIRTIO_CONFIG_S_ACKNOWLEDGE ||
		   ladder == STATUS_DRIVER || ladder == STATUS_FEATURES || ladder == STATUS_OK);
	fuzz_check(!(status & VIRTIO_CONFIG_S_NEEDS_RESET) || ladder == STATUS_OK);
	fuzz_check(!(f->v.features & ~f->v.offered));
	fuzz_check(f->v.state == IOL_VIRTIO_STOPPED || f->v.loop_has_it);
	fuzz_check(!f->v.loop_has_it || ladder == STATUS_OK);
	fuzz_check(m->wire.asserted <= DEVICES);
}

static void run(struct machine *m, struct fuzz_input *in)
{
	for (unsigned int i = 0; in->len && i < OPS_MAX; i++) {
		ops[fuzz_u8(in) % IOL_ARRAY_LEN(ops)](m, in);
		for (unsigned int k = 0; k < DEVICES; k++)
			check_device(m, &m->fakes[k]);
	}
}

/* Never wedged: what a driver can do by itself is enough. */
static void check_driver_reset(struct machine *m)
{
	double_fetch_disarm();
	decode(m);
	for (unsigned int i = 0; i < DEVICES; i++) {
		put(m, i, STATUS, 0);
		virtio_fake_complete(&m->fakes[i], UINT_MAX);
		settle();
		/* What it took before it saw the reset. */
		complete_all(m);
		settle();
		fuzz_check(!get_status(m, i));
		check_works(m, i);
	}
}

static void init_once(void)
{
	static const struct iol_memory_region ram = { .size_bytes = RAM_BYTES };
	static bool done;

	if (done)
		return;
	done = true;
	fuzz_check(!iol_loop_init(&loop, NULL));
	fuzz_check(!iol_memory_init(&memory, &ram, 1, NULL));
	turn(1);
}

/* The number that the next file descriptor gets. */
static int next_fd(void)
{
	int fd = dup(loop.wake_fd);

	close(fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_input in = { data, len };
	static struct machine m;
	size_t heap, heap_before;
	int fd;

	init_once();
	memset(iol_memory_ptr(&memory, 0, RAM_BYTES), 0, RAM_BYTES);
	fd = next_fd();
	heap_before = heap_bytes();
	iol_loop_set_polling(&loop, fuzz_u8(&in) & 1);
	machine_init(&m);
	double_fetch_begin(&memory);
	heap = heap_bytes();
	run(&m, &in);
	fuzz_check(heap_bytes() <= heap + HEAP_SLACK_BYTES);
	check_driver_reset(&m);
	reset_machine(&m);
	for (unsigned int i = 0; i < DEVICES; i++)
		check_works(&m, i);
	machine_finish(&m);
	/* libFuzzer's own threads use the heap too; small leaks are LeakSanitizer's to find. */
	fuzz_check(heap_bytes() <= heap_before + HEAP_SLACK_BYTES);
	fuzz_check(next_fd() == fd);
	return 0;
}
