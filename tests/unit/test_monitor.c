// SPDX-License-Identifier: Apache-2.0
/* Commands to a machine, in words: a machine of x86_64's layout with a PCI bus, and registers of its own. */
#include <iolite/vm.h>

#include <errno.h>
#include <glib.h>
#include <string.h>

#include <iolite/log.h>
#include <iolite/virtio.h>

#include "vmm/machine.h"
#include "vmm/monitor.h"

enum { CPUS = 2 };

static const struct iol_gdb_register core[] = {
	{ .name = "a", .bits = 64 },
	{ .name = "longname", .bits = 64 },
	{ .name = "flags", .bits = 32 },
	{ .name = "pc", .bits = 64 },
};
static const struct iol_gdb_register vectors[] = {
	{ .name = "f0", .bits = 80 },
	{ .name = "ctl", .bits = 16 },
	{ .name = "v0", .bits = 128 },
	{ .name = "last", .bits = 32 },
};
static const struct iol_gdb_feature core_feature = {
	.registers = core,
	.count = IOL_ARRAY_LEN(core),
};
static const struct iol_gdb_feature vector_feature = {
	.registers = vectors,
	.count = IOL_ARRAY_LEN(vectors),
};
static const struct iol_gdb_description description = {
	.feature_count = 2,
	.features = { &core_feature, &vector_feature },
	.general_features = 1,
};

static int read_error;

static const struct iol_gdb_description *describe(struct iol_vm *vm)
{
	(void)vm;
	return &description;
}

/* The byte at place n of a value, counted from its lowest, is @first + n. */
static uint8_t *put(uint8_t *buf, unsigned int bits, unsigned int first)
{
	unsigned int bytes = bits / 8;

	for (unsigned int i = 0; i < bytes; i++)
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		buf[bytes - 1 - i] = (uint8_t)(first + i);
#else
		buf[i] = (uint8_t)(first + i);
#endif
	return buf + bytes;
}

static int read_registers(struct iol_vcpu *vcpu, uint8_t *buf)
{
	for (size_t i = 0; i < IOL_ARRAY_LEN(core); i++)
		buf = put(buf, core[i].bits, 0x10 * (unsigned int)i + vcpu->idx);
	for (size_t i = 0; i < IOL_ARRAY_LEN(vectors); i++)
		buf = put(buf, vectors[i].bits, 0x80 + 0x10 * (unsigned int)i);
	return read_error;
}

static int get_pc(struct iol_vcpu *vcpu, uint64_t *pc)
{
	*pc = 0x1000 + vcpu->idx;
	return 0;
}

static const char *activity(struct iol_vcpu *vcpu)
{
	return vcpu->idx ? "halted" : NULL;
}

/* All of RAM, above. */
#define VIRTUAL UINT64_C(0xffff800000000000)

static int translate(struct iol_vcpu *vcpu, uint64_t gva, uint64_t *gpa, uint64_t *left)
{
	if (gva < VIRTUAL || vcpu->idx)
		return -EFAULT;
	*gpa = gva - VIRTUAL;
	*left = 4096 - gva % 4096;
	return 0;
}

static const struct iol_arch_debug_ops debug = {
	.translate = translate,
	.describe = describe,
	.read_registers = read_registers,
	.get_pc = get_pc,
	.activity = activity,
};

struct fixture {
	struct iol_config config;
	struct iol_arch arch;
	struct iol_arch_kvm_ops kvm;
	struct iol_vm *vm;
	struct iol_device *pci;
	struct iol_pci_function function;
	struct iol_irq_msi msis[2];
	GString *out;
};

/* Nobody may look at a device's registers. */
static uint64_t read_register(void *dev, uint64_t offset, unsigned int len)
{
	(void)dev;
	(void)offset;
	(void)len;
	g_assert_not_reached();
}

static void write_register(void *dev, uint64_t offset, unsigned int len, uint64_t value)
{
	(void)value;
	read_register(dev, offset, len);
}

static const struct iol_bus_ops no_registers = { .read = read_register, .write = write_register };

static void add_pci(struct fixture *f)
{
	static const struct iol_pci_identity identity = {
		.vendor = 0x1af4,
		.device = 0x1042,
		.class_code = 0x010000,
	};
	const struct iol_pci_host_config config = {
		.mmio = &f->vm->mmio,
		.ecam_base = 0xe0000000,
		.ecam_bytes = IOL_PCI_ECAM_BUS_BYTES,
		.window_base = 0xc0000000,
		.window_bytes = 0x10000000,
	};
	int at;

	g_assert_cmpint(iol_pci_host_new(&config, &f->pci, NULL), ==, 0);
	f->vm->pci_host = iol_pci_host_of(f->pci);
	iol_pci_function_init(&f->function, "disk0", &identity);
	f->function.bars[1] = (struct iol_pci_bar){
		.kind = IOL_PCI_BAR_MEM64,
		.size_bytes = 0x4000,
		.prefetchable = true,
		.ops = &no_registers,
	};
	f->function.bars[3] = (struct iol_pci_bar){
		.kind = IOL_PCI_BAR_MEM32,
		.size_bytes = 0x1000,
		.ops = &no_registers,
	};
	at = iol_pci_add_capability(&f->function, PCI_CAP_ID_VNDR, 4, NULL);
	at = iol_pci_add_capability(&f->function, PCI_CAP_ID_MSIX, PCI_CAP_MSIX_SIZEOF, NULL);
	g_assert_cmpint(at, >, 0);
	le16_store(f->function.config + at + PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE | 4);
	f->function.config[PCI_INTERRUPT_PIN] = 1;
	f->function.config[PCI_INTERRUPT_LINE] = 17;
	g_assert_cmpint(iol_pci_add(f->vm->pci_host, IOL_SLOT_DISKS, &f->function, NULL), ==, 0);
}

static void add_interrupts(struct fixture *f)
{
	struct iol_vm *vm = f->vm;
	struct iol_irq_pin pin = { .wire = &vm->wires[1] };

	for (unsigned int i = 0; i < vm->layout.slot_gsi_count; i++, vm->wire_count++)
		iol_irq_wire_init(&vm->wires[i], -1, vm->layout.slot_gsi + i, 0);
	iol_irq_pin_set(&pin, true);
	vm->router = iol_irq_router_new(-1, vm->layout.irq_pins);
	for (unsigned int i = 0; i < 2; i++)
		g_assert_cmpint(iol_irq_msi_init(&f->msis[i], vm->router, NULL), ==, 0);
	iol_irq_msi_route(&f->msis[1], IOL_SLOT_DISKS << 3, 0xfee01000, 0x41);
}

static void setup(struct fixture *f, const void *data)
{
	const struct iol_layout_request request = {
		.memory_bytes = 512 * IOL_MIB,
		.cpus = CPUS,
		.serials = 2,
	};
	struct iol_vm *vm = f->vm = g_new0(struct iol_vm, 1);
	struct iol_error err;

	(void)data;
	read_error = 0;
	iol_config_init(&f->config);
	g_assert_cmpint(iol_config_set_serial(&f->config, "unix:/run/line", &err), ==, 0);
	g_assert_cmpint(iol_config_add_serial(&f->config, "null", &err), ==, 0);
	g_assert_cmpint(iol_config_add_disk(&f->config, "/dev/zero,id=root,ro", &err), ==, 0);
	g_assert_cmpint(iol_config_add_disk(&f->config, "/dev/null,id=data,transport=mmio", &err),
			==, 0);
	f->arch = iol_arch_x86_64;
	f->kvm.debug = &debug;
	f->arch.kvm = &f->kvm;
	vm->config = &f->config;
	vm->arch = &f->arch;
	vm->boot.kernel.fd = vm->boot.initrd.fd = -1;
	vm->boot.cmdline = "quiet";
	iol_bus_init(&vm->mmio);
	iol_bus_init(&vm->pio);
	pthread_mutex_init(&vm->vcpu_lock, NULL);
	iol_lifecycle_init(vm);
	g_assert_cmpint(iol_loop_init(&vm->loop, &err), ==, 0);
	g_assert_cmpint(f->arch.layout(&request, &vm->layout, &err), ==, 0);
	g_assert_cmpint(iol_memory_init(&vm->memory, vm->layout.ram, vm->layout.ram_count, &err),
			==, 0);
	vm->virtio_mmio_base = 0xf0000000;
	vm->vcpu_count = CPUS;
	vm->vcpus = g_new0(struct iol_vcpu, CPUS);
	for (unsigned int i = 0; i < CPUS; i++) {
		vm->vcpus[i].vm = vm;
		vm->vcpus[i].idx = i;
	}
	add_pci(f);
	add_interrupts(f);
	f->out = g_string_new(NULL);
}

static void teardown(struct fixture *f, const void *data)
{
	struct iol_vm *vm = f->vm;

	(void)data;
	iol_pci_remove(&f->function);
	f->pci->ops->free(f->pci);
	for (unsigned int i = 0; i < 2; i++)
		iol_irq_msi_finish(&f->msis[i]);
	iol_irq_router_free(vm->router);
	while (vm->wire_count)
		iol_irq_wire_finish(&vm->wires[--vm->wire_count]);
	iol_loop_post_cancel(&vm->loop, &vm->lifecycle.post);
	iol_loop_finish(&vm->loop);
	iol_bus_finish(&vm->mmio);
	iol_bus_finish(&vm->pio);
	iol_memory_finish(&vm->memory);
	pthread_mutex_destroy(&vm->vcpu_lock);
	g_free(vm->vcpus);
	g_free(vm);
	iol_config_finish(&f->config);
	g_string_free(f->out, TRUE);
}

/* What @line says to CPU @cpu, which returns @ret. */
static const char *say(struct fixture *f, unsigned int cpu, const char *line, int ret)
{
	g_string_truncate(f->out, 0);
	g_assert_cmpint(iol_monitor_run(f->vm, cpu, line, f->out), ==, ret);
	g_test_message("%.80s:\n%.4000s", line, f->out->str);
	g_assert_true(g_str_has_suffix(f->out->str, "\n"));
	return f->out->str;
}

static void expect(struct fixture *f, const char *line, const char *part)
{
	if (!strstr(say(f, 0, line, 0), part))
		g_error("%s does not say '%s' but:\n%s", line, part, f->out->str);
}

static void test_help(struct fixture *f, const void *data)
{
	(void)data;
	expect(f, "help", "info registers [all]");
	expect(f, "  help\t\r\n", "\nquit");
	expect(f, "help x", "x [/FORMAT] ADDRESS  ");
	expect(f, "help x", "octal");
	g_assert_null(strstr(f->out->str, "quit"));
	expect(f, "help info", "info tree  ");
	expect(f, "help gdb open", "unix:PATH");
	g_assert_null(strstr(f->out->str, "gdb close"));
}

/* Whoever completes words takes a usage to end with two blanks. */
static void test_help_is_read(struct fixture *f, const void *data)
{
	g_auto(GStrv) lines = NULL;

	(void)data;
	lines = g_strsplit(say(f, 0, "help", 0), "\n", -1);
	for (char **line = lines; *line && **line; line++) {
		const char *gap = strstr(*line, "  ");

		g_assert_nonnull(gap);
		g_assert_true(g_ascii_islower(**line));
		g_assert_true(g_ascii_isalpha(gap[strspn(gap, " ")]));
		g_assert_cmpuint(strlen(*line), <=, 80);
	}
}

#define NO_SUCH \
	"no such command; there are help, info, cpu, x, xp, log, gdb, gdbserver, reset, quit\n"
#define INFO_WHAT                                                                                     \
	"info what? version, status, cpus, registers, memory, mtree, devices, pci, block, net, irq, " \
	"tree, stats, gdb, log\n"

static void test_mistakes(struct fixture *f, const void *data)
{
	static const char *const lines[] = { "",    " ",     "halp",   "HELP",
					     "hel", "helpx", "quit\v", "\xff\x1b" };
	g_autofree char *longest = g_strnfill(100000, 'x');
	g_autofree char *words = g_strnfill(100000, ' ');

	(void)data;
	for (size_t i = 0; i < IOL_ARRAY_LEN(lines); i++)
		g_assert_cmpstr(say(f, 0, lines[i], -EINVAL), ==, NO_SUCH);
	g_assert_nonnull(strstr(say(f, 0, longest, -EINVAL), "no such command"));
	for (size_t i = 0; i < 100000; i += 2)
		words[i] = 'y';
	g_assert_nonnull(strstr(say(f, 0, words, -EINVAL), "no such command"));
	g_assert_cmpstr(say(f, 0, "info", -EINVAL), ==, INFO_WHAT);
	g_assert_cmpstr(say(f, 0, "info register", -EINVAL), ==, INFO_WHAT);
	g_assert_cmpstr(say(f, 0, "gdb", -EINVAL), ==, "gdb what? open, close\n");
	g_assert_cmpstr(say(f, 0, "info registers rip", -EINVAL), ==,
			"it is written as: info registers [all]\n");
	g_assert_cmpstr(say(f, 0, "info registers all all", -EINVAL), ==,
			"it is written as: info registers [all]\n");
	g_assert_cmpstr(say(f, 0, "x", -EINVAL), ==, "it is written as: x [/FORMAT] ADDRESS\n");
	g_assert_cmpstr(say(f, 0, "x /x 0 0", -EINVAL), ==,
			"it is written as: x [/FORMAT] ADDRESS\n");
	g_assert_cmpstr(say(f, 0, "log loud", -EINVAL), ==,
			"it is written as: log error|warn|info|debug\n");
	g_assert_cmpstr(say(f, 0, "log", -EINVAL), ==,
			"it is written as: log error|warn|info|debug\n");
	g_assert_cmpstr(say(f, 0, "gdb open", -EINVAL), ==, "it is written as: gdb open ADDRESS\n");
	g_assert_cmpstr(say(f, 0, "help nonsense", -EINVAL), ==, NO_SUCH);
	g_assert_cmpstr(say(f, 0, "help info nonsense", -EINVAL), ==, INFO_WHAT);
	g_assert_cmpstr(say(f, 0, "reset now", -EINVAL), ==, "reset takes no argument\n");
	g_assert_cmpstr(say(f, 0, "info tree all", -EINVAL), ==, "info tree takes no argument\n");
	g_assert_cmpuint(f->vm->lifecycle.pending, ==, 0);
}

static void test_registers(struct fixture *f, const void *data)
{
	static const char general[] =
		"a        0706050403020100  longname 1716151413121110  flags            23222120\n"
		"pc       3736353433323130\n";
	g_autofree char *all = g_strconcat(general,
					   "f0       89888786858483828180\n"
					   "ctl                  9190\n"
					   "v0       afaeadacabaaa9a8a7a6a5a4a3a2a1a0\n"
					   "last             b3b2b1b0\n",
					   NULL);

	(void)data;
	g_assert_cmpstr(say(f, 0, "info registers", 0), ==, general);
	g_assert_cmpstr(say(f, 0, "info registers all", 0), ==, all);
	g_assert_nonnull(strstr(say(f, 1, "info registers", 0), "a        0807060504030201"));
	g_assert_nonnull(strstr(say(f, CPUS, "info registers", -EINVAL), "CPUs are 0 to 1"));
	read_error = -EIO;
	g_assert_nonnull(strstr(say(f, 0, "info registers", -EIO), "cannot read"));
	f->kvm.debug = NULL;
	say(f, 0, "info registers", -ENOTSUP);
}

/* What is known of CPUs that run, and of such that are on the way to their safe points. */
static void test_runs(struct fixture *f, const void *data)
{
	struct iol_vm *vm = f->vm;

	(void)data;
	expect(f, "info cpus", "CPU 0  stands, at 0x1000; exits: mmio 0");
	expect(f, "info cpus", "CPU 1  halted, at 0x1001");
	vm->vcpus[1].parked = true;
	expect(f, "info cpus", "CPU 1  waits to be started by another CPU");
	for (unsigned int i = 0; i < CPUS; i++)
		vm->vcpus[i].has_thread = true;
	vm->vcpus_run = true;
	g_assert_cmpstr(say(f, 0, "info cpus", 0), ==,
			"CPU 0  runs\nCPU 1  waits to be started by another CPU\n");
	vm->vcpus_run = false;
	/* It is not there yet. */
	g_assert_nonnull(strstr(say(f, 0, "info registers", -EBUSY), "stop it first"));
	vm->vcpus[0].standing = true;
	say(f, 0, "info registers", 0);
	for (unsigned int i = 0; i < CPUS; i++)
		vm->vcpus[i].has_thread = false;
}

static void test_memory(struct fixture *f, const void *data)
{
	(void)data;
	expect(f, "info memory", "memory 0x000000000000-0x00001fffffff  512M    RAM\n");
	expect(f, "info memory", "ports  0x03f8-0x03ff  8       serial line 0\n");
	expect(f, "info memory", "PCI memory window\n");
}

/* Memory command on, as a guest's driver does it. */
static void enable_bars(struct fixture *f)
{
	const struct iol_pci_place command = { .devfn = IOL_SLOT_DISKS * 8, .offset = PCI_COMMAND };

	iol_pci_config_write(f->vm->pci_host, &command, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static void test_mtree(struct fixture *f, const void *data)
{
	static const struct iol_bus_region port = {
		.base = 0x3f8,
		.size_bytes = 8,
		.name = "uart",
		.ops = &no_registers,
	};
	struct iol_virtio_queue queues[2] = {
		{ .kick = { .bound = true, .gpa = 0xc0001004 } },
		{ .kick = { .gpa = 0xc0001008 } },
	};
	struct iol_virtio v = { .name = "root", .queue_count = 2, .queues = queues };

	(void)data;
	f->vm->slots[IOL_SLOT_DISKS] = &v;
	g_assert_cmpint(iol_bus_add(&f->vm->pio, &port, NULL), ==, 0);
	expect(f, "info mtree", "memory 0x000000000000-0x00001fffffff  512M    RAM\n");
	g_assert_null(strstr(f->out->str, "BAR"));
	enable_bars(f);
	expect(f, "info mtree",
	       "memory 0x0000c0000000-0x0000c0003fff  16K     disk0, PCI 00:01.0 BAR 1\n"
	       "  ioeventfd 0xc0001004  root queue 0\n"
	       "memory 0x0000c0004000-0x0000c0004fff  4K      disk0, PCI 00:01.0 BAR 3\n"
	       "memory 0x0000e0000000-");
	expect(f, "info mtree", "ports  0x03f8-0x03ff  8       uart\n");
	queues[0].kick.has_value = true;
	queues[0].kick.value = 3;
	expect(f, "info mtree", "root queue 0, for the value 3\n");
	f->vm->slots[IOL_SLOT_DISKS] = NULL;
	iol_bus_remove(&f->vm->pio, port.base);
}

static void test_pci(struct fixture *f, const void *data)
{
	(void)data;
	expect(f, "info pci",
	       "00:01.0  1af4:1042, subsystem 0000:0000, class 010000  disk root: /dev/zero, "
	       "read-only\n"
	       "  command 0x0000:\n"
	       "  INTA, GSI 17, line 17\n"
	       "  MSI-X: 5 vectors, enabled\n"
	       "  BAR 1: memory, 64 bits, prefetchable, 16K at 0xc0000000, not decoded\n"
	       "  BAR 3: memory, 32 bits, 4K at 0xc0004000, not decoded\n");
	enable_bars(f);
	expect(f, "info pci", "  command 0x0006: memory bus-master\n");
	expect(f, "info pci", "  BAR 3: memory, 32 bits, 4K at 0xc0004000\n");
	f->vm->pci_host = NULL;
	g_assert_cmpstr(say(f, 0, "info pci", 0), ==, "this machine has no PCI bus\n");
}

static void test_block(struct fixture *f, const void *data)
{
	(void)data;
	expect(f, "info block",
	       "root: /dev/zero (raw), read-only\n  on PCI 00:01.0\n  cache writeback, locked\n");
	expect(f, "info block", "data: /dev/null (raw)\n  on virtio-mmio 0xf0002000\n");
	f->config.disks[1].bytes_per_s = 5000;
	f->config.disks[1].cache = IOL_BLOCK_UNSAFE;
	f->config.disks[1].direct = true;
	expect(f, "info block", "  cache unsafe, direct, locked, at most 5000 bytes/s\n");
}

static void test_net(struct fixture *f, const void *data)
{
	struct iol_virtio_queue queues[3] = { { .lent = true }, { .lent = true } };
	struct iol_virtio v = { .queue_count = 3, .queues = queues };
	struct iol_net net = { .link_up = true, .limits.mtu = 1500 };
	struct iol_error err;

	(void)data;
	g_assert_cmpstr(say(f, 0, "info net", 0), ==, "this machine has no network cards\n");
	g_assert_cmpint(iol_config_add_net(&f->config,
					   "tap,ifname=tap7,mac=52:54:00:12:34:56,queues=1", &err),
			==, 0);
	expect(f, "info net",
	       "net0: tap tap7, link down\n"
	       "  on PCI 00:11.0, MAC 52:54:00:12:34:56\n"
	       "  1 pair of queues, vhost auto: iolite serves all queues now\n");
	f->vm->cards[0].net = &net;
	f->vm->slots[IOL_SLOT_NETS] = &v;
	expect(f, "info net", "tap7, link up\n");
	expect(f, "info net", ", MTU 1500\n");
	expect(f, "info net", "vhost auto: the kernel serves 2 queues now\n");
	net.pulled = true;
	net.link_up = false;
	expect(f, "info net", "link down, cable pulled\n");
	f->vm->cards[0].net = NULL;
	f->vm->slots[IOL_SLOT_NETS] = NULL;
}

static void refused(struct fixture *f, const char *line, int ret, const char *part)
{
	if (!strstr(say(f, 0, line, ret), part))
		g_error("%s does not say '%s' but:\n%s", line, part, f->out->str);
}

static void test_examine(struct fixture *f, const void *data)
{
	const uint32_t words[] = { 0x11223344, 0x55667788 };

	(void)data;
	g_assert_cmpint(iol_memory_write(&f->vm->memory, 0x2ffc, words, sizeof(words)), ==, 0);
	expect(f, "xp /2xw 0x2ffc", "0x0000000000002ffc: 0x11223344 0x55667788\n");
	expect(f, "xp/2xw 0x2ffc", "0x0000000000002ffc: 0x11223344 0x55667788\n");
	expect(f, "x/2xw 0xffff800000002ffc", "0xffff800000002ffc: 0x11223344 0x55667788\n");
	expect(f, "x 0xffff800000002ffc", "0xffff800000002ffc: 0x11223344\n");
	expect(f, "xp $pc+0x1ffc", "0x0000000000002ffc: 0x11223344\n");
	expect(f, "cpu 1 xp $pc+0x1ffb", "0x0000000000002ffc: 0x11223344\n");
	refused(f, "x /xw 0x2ffc", -EFAULT,
		"0x2ffc: no page is there by the page tables of CPU 0\n");
	refused(f, "cpu 1 x 0xffff800000002ffc", -EFAULT, "page tables of CPU 1\n");
	refused(f, "x $nonsense", -ENOENT, "no register of that name");
	refused(f, "x $f0", -ENOENT, "no register of that name"); /* of more than 64 bits */
	refused(f, "x nonsense", -EINVAL, "an address is a number");
	refused(f, "x /8z 0", -EINVAL, "a format is");
	refused(f, "xp /xb 0x20000000", -ENXIO, "0x20000000: there is no RAM\n");
	refused(f, "xp /2xw 0x1ffffffc", -EFAULT,
		"0x000000001ffffffc: 0x00000000\n0x20000000: there is no RAM\n");
	refused(f, "x 0xffff800020000000", -ENXIO,
		"0xffff800020000000, which is guest-physical 0x20000000: there is no RAM\n");
	/* Registers are not touched: see read_register(). */
	enable_bars(f);
	refused(f, "xp 0xc0000008", -ENXIO, "0xc0000008: registers of disk0, which are not read");
	refused(f, "x 0xffff8000c0000008", -ENXIO, "0xc0000008: registers of disk0");
	f->kvm.debug = NULL;
	refused(f, "x 0", -ENOTSUP, "xp takes guest-physical addresses");
	refused(f, "xp $pc", -ENOTSUP, "xp takes guest-physical addresses");
	expect(f, "xp 0x2ffc", "0x11223344\n");
}

static void test_cpu(struct fixture *f, const void *data)
{
	(void)data;
	g_assert_nonnull(strstr(say(f, 0, "cpu 1 info registers", 0), "a        0807060504030201"));
	refused(f, "cpu 2", -EINVAL, "there is no CPU 2: CPUs are 0 to 1");
	refused(f, "cpu 4294967297 info cpus", -EINVAL, "which CPU?");
	refused(f, "cpu -1", -EINVAL, "which CPU?");
	refused(f, "cpu x", -EINVAL, "which CPU?");
	refused(f, "cpu 1 nonsense", -EINVAL, "no such command");
	refused(f, "cpu 0 cpu 0 cpu 0 cpu 0 info registers", -EINVAL, "it is written as: cpu N");
	g_string_truncate(f->out, 0);
	g_assert_cmpint(iol_monitor_run(f->vm, 0, "cpu 1", f->out), ==, 0);
	g_assert_cmpstr(f->out->str, ==, "");
}

static void test_status_and_log(struct fixture *f, const void *data)
{
	enum iol_log_level before = iol_log_level();

	(void)data;
	expect(f, "info version", "x86_64 machine pc\n");
	f->vm->lifecycle.state = IOL_STATE_RUNNING;
	expect(f, "info status", "running, for 0.0 s since its start, reset 0 times\n");
	expect(f, "log debug", "up to the level debug\n");
	g_assert_true(iol_log_enabled(IOL_LOG_DEBUG));
	expect(f, "log error", "up to the level error\n");
	g_assert_false(iol_log_enabled(IOL_LOG_WARN));
	expect(f, "info log", "up to the level error\n");
	iol_log_set_level(before);
	expect(f, "info gdb", "no debugger can connect: `gdb open");
	refused(f, "gdb close", -ENOENT, "nothing to close");
	refused(f, "gdb open tcp:0.0.0.0:1", -EINVAL, "give expose");
	refused(f, "gdb open unix:x", -EINVAL, "give the whole path");
	refused(f, "gdb open stdio", -EINVAL, "give tcp:PORT, tcp:HOST:PORT or unix:PATH");
	g_assert_null(f->vm->debug_server);
	g_assert_null(f->vm->debug);
}

static void test_devices(struct fixture *f, const void *data)
{
	(void)data;
	expect(f, "info devices", "PCI 00:00.0  1b36:0008 class 060000  of the machine\n");
	expect(f, "info devices",
	       "PCI 00:01.0  1af4:1042 class 010000  disk root: /dev/zero, read-only; BARs at "
	       "0xc0000000, 0xc0004000\n");
	expect(f, "info devices", "virtio-mmio 0xf0002000  disk data: /dev/null\n");
	expect(f, "info devices", "serial0  16550A at port 0x3f8: socket /run/line\n");
	expect(f, "info devices", "serial1  16550A at port 0x2f8: nobody\n");
	g_assert_null(strstr(f->out->str, "serial2"));
}

static void test_irq(struct fixture *f, const void *data)
{
	const struct iol_layout *layout = &f->vm->layout;
	g_autofree char *root = g_strdup_printf("GSI %u  level  root (slot 1), asserted by 1\n",
						layout->slot_gsi + 1);
	g_autofree char *none = g_strdup_printf("GSI %u  level  slots, of which none is taken\n",
						layout->slot_gsi + 3);
	g_autofree char *silent = g_strdup_printf("GSI %u  message  no route\n", layout->irq_pins);

	(void)data;
	expect(f, "info irq", "GSI 4  edge  serial line 0\n");
	expect(f, "info irq", root);
	expect(f, "info irq", "  level  data (slot 2)\n");
	expect(f, "info irq", none);
	expect(f, "info irq", silent);
	expect(f, "info irq", "message  0x41 to 0xfee01000 from PCI 00:01.0\n");
}

static void test_tree(struct fixture *f, const void *data)
{
	(void)data;
	expect(f, "info tree", "bootargs = \"quiet\";");
	expect(f, "info tree", "memory@0 {");
	f->vm->placement.initrd_start = 0x1000000;
	f->vm->placement.initrd_end = 0x1200000;
	expect(f, "info tree", "linux,initrd-start");
	f->vm->placement.no_tree = true;
	expect(f, "info tree", "/* The kernel was entered");
}

static void test_stats(struct fixture *f, const void *data)
{
	static const struct iol_virtio_ops ops = { .name = "virtio-rng" };
	struct iol_virtio v = { .ops = &ops, .name = "rng", .in_flight = 1 };

	(void)data;
	f->vm->kvm_fd = f->vm->vm_fd = -1;
	f->vm->slots[25] = &v;
	v.counts = (struct iol_virtio_counts){ .kicks = 2, .interrupts = 3, .chains = 4 };
	iol_count_add_one(&f->vm->vcpus[0].exits[KVM_EXIT_MMIO]);
	iol_count_add_one(&f->vm->vcpus[0].exits[KVM_EXIT_INTR]);
	expect(f, "info stats",
	       "CPU 0  exits: mmio 1, intr 1\nCPU 1  no exits yet\n"
	       "rng  virtio-rng: 2 kicks, 3 interrupts, 4 requests, 1 in flight, 0 mistakes\n"
	       "KVM, machine: the host's KVM has no statistics of its own");
	f->vm->slots[25] = NULL;
}

/* However long the command line is, or whatever else a tree has. */
static void test_bounded(struct fixture *f, const void *data)
{
	g_autofree char *cmdline = g_strnfill(IOL_MIB, 'x');

	(void)data;
	f->vm->boot.cmdline = cmdline;
	say(f, 0, "info tree", 0);
	g_assert_cmpuint(f->out->len, <, 256 * 1024);
	g_assert_true(g_str_has_suffix(f->out->str, "too long to be shown here\n"));
}

static void test_events(struct fixture *f, const void *data)
{
	(void)data;
	expect(f, "reset", "reset");
	g_assert_cmpuint(f->vm->lifecycle.pending, ==, 1u << IOL_EVENT_RESET_NOW);
	expect(f, "quit", "stopped");
	g_assert_cmpuint(f->vm->lifecycle.pending, ==,
			 1u << IOL_EVENT_RESET_NOW | 1u << IOL_EVENT_STOP);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *path;
		void (*run)(struct fixture *f, const void *data);
	} tests[] = {
		{ "/monitor/help", test_help },
		{ "/monitor/help-is-read", test_help_is_read },
		{ "/monitor/mtree", test_mtree },
		{ "/monitor/pci", test_pci },
		{ "/monitor/block", test_block },
		{ "/monitor/net", test_net },
		{ "/monitor/examine", test_examine },
		{ "/monitor/cpu", test_cpu },
		{ "/monitor/status-and-log", test_status_and_log },
		{ "/monitor/mistakes", test_mistakes },
		{ "/monitor/registers", test_registers },
		{ "/monitor/runs", test_runs },
		{ "/monitor/memory", test_memory },
		{ "/monitor/devices", test_devices },
		{ "/monitor/irq", test_irq },
		{ "/monitor/tree", test_tree },
		{ "/monitor/stats", test_stats },
		{ "/monitor/bounded", test_bounded },
		{ "/monitor/events", test_events },
	};

	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < IOL_ARRAY_LEN(tests); i++)
		g_test_add(tests[i].path, struct fixture, NULL, setup, tests[i].run, teardown);
	return g_test_run();
}
