// SPDX-License-Identifier: Apache-2.0
/*
 * The devices of the Power Book E machines put together as for a run, but without KVM and processors: each is
 * where the tree says, and what it is wired to.
 */
#include "vmm/machine.h"

#include <glib.h>
#include <linux/serial_reg.h>
#include <unistd.h>

#include <iolite/fsl_pci.h>

#include "arch/powerpc/ppc.h"

enum { DISK_BYTES = 1 << 20, DISK_SLOT = 1, SERIALS = 4 };

struct fixture {
	struct iol_config config;
	struct iol_arch arch;
	struct iol_arch_kvm_ops kvm; /* nothing that this test needs */
	struct iol_vm *vm;
	const struct iol_ppc_map *map;
	char *disk_path;
	char *serial_paths[SERIALS];
};

static void add_disk(struct fixture *f)
{
	int fd = g_file_open_tmp("iolite-disk-XXXXXX", &f->disk_path, NULL);
	g_autofree char *line = g_strdup_printf("%s,queues=1,lock=off", f->disk_path);

	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(ftruncate(fd, DISK_BYTES), ==, 0);
	close(fd);
	g_assert_cmpint(iol_config_add_disk(&f->config, line, NULL), ==, 0);
}

static void add_serials(struct fixture *f)
{
	iol_config_set_serial(&f->config, "null", NULL);
	for (unsigned int i = 1; i < SERIALS; i++) {
		g_autofree char *line = NULL;
		int fd = g_file_open_tmp("iolite-serial-XXXXXX", &f->serial_paths[i], NULL);

		g_assert_cmpint(fd, >=, 0);
		close(fd);
		line = g_strdup_printf("file:%s", f->serial_paths[i]);
		g_assert_cmpint(iol_config_add_serial(&f->config, line, NULL), ==, 0);
	}
}

static void vm_init(struct fixture *f, const char *machine)
{
	const struct iol_layout_request request = {
		.memory_bytes = 64 * IOL_MIB,
		.cpus = 1,
		.serials = SERIALS,
		.machine = machine,
	};
	struct iol_vm *vm = g_new0(struct iol_vm, 1);
	struct iol_error err = { 0 };

	f->vm = vm;
	vm->config = &f->config;
	vm->arch = &f->arch;
	vm->kvm_fd = vm->vm_fd = vm->boot.kernel.fd = vm->boot.initrd.fd = -1;
	iol_bus_init(&vm->mmio);
	iol_bus_init(&vm->pio);
	pthread_mutex_init(&vm->vcpu_lock, NULL);
	pthread_cond_init(&vm->vcpu_cond, NULL);
	iol_lifecycle_init(vm);
	g_assert_cmpint(vm->arch->layout(&request, &vm->layout, NULL), ==, 0);
	g_assert_cmpint(iol_memory_init(&vm->memory, vm->layout.ram, vm->layout.ram_count, NULL),
			==, 0);
	g_assert_cmpint(iol_loop_init(&vm->loop, NULL), ==, 0);
	vm->has_loop = true;
	iol_disks_open(vm, &err);
	g_assert_cmpstr(err.msg, ==, "");
	iol_lines_open(vm, &err);
	g_assert_cmpstr(err.msg, ==, "");
	iol_machine_init(vm, &err);
	g_assert_cmpstr(err.msg, ==, "");
}

/* @data: the machine. */
static void setup(struct fixture *f, const void *data)
{
	iol_config_init(&f->config);
	f->arch = iol_arch_powerpc;
	f->arch.kvm = &f->kvm;
	f->map = iol_ppc_machine_find(data)->map;
	add_disk(f);
	add_serials(f);
	vm_init(f, data);
}

static void teardown(struct fixture *f, const void *data)
{
	(void)data;
	iol_vm_free(f->vm);
	iol_config_finish(&f->config);
	for (unsigned int i = 1; i < SERIALS; i++) {
		unlink(f->serial_paths[i]);
		g_free(f->serial_paths[i]);
	}
	unlink(f->disk_path);
	g_free(f->disk_path);
}

static uint64_t load(struct fixture *f, uint64_t addr, unsigned int len)
{
	uint64_t value;

	g_test_message("0x%" G_GINT64_MODIFIER "x", addr);
	g_assert_true(iol_bus_read(&f->vm->mmio, addr, len, &value));
	return value & (UINT64_MAX >> (64 - 8 * len));
}

static void store(struct fixture *f, uint64_t addr, unsigned int len, uint64_t value)
{
	g_assert_true(iol_bus_write(&f->vm->mmio, addr, len, value));
}

static const struct iol_irq_wire *wire_of(const struct fixture *f, uint32_t gsi)
{
	for (unsigned int i = 0; i < f->vm->wire_count; i++)
		if (f->vm->wires[i].gsi == gsi)
			return &f->vm->wires[i];
	g_assert_not_reached();
}

static void test_serial(struct fixture *f, const void *data)
{
	uint64_t uart = f->map->ccsr + IOL_PPC_UART;

	(void)data;
	g_assert_cmpuint(wire_of(f, 42)->asserted, ==, 0);
	store(f, uart + UART_IER, 1, UART_IER_THRI);
	g_assert_cmpuint(wire_of(f, 42)->asserted, ==, 1);
	g_assert_cmphex(load(f, uart + UART_IIR, 1), ==, UART_IIR_THRI);
	g_assert_cmpuint(wire_of(f, 42)->asserted, ==, 0);
}

/* Each line has a far end of its own; they share a wire. */
static void test_serials(struct fixture *f, const void *data)
{
	(void)data;
	for (unsigned int i = 0; i < SERIALS; i++) {
		uint64_t uart = f->map->ccsr + IOL_PPC_UART + i * IOL_PPC_UART_STEP;

		store(f, uart + UART_TX, 1, '0' + i);
		store(f, uart + UART_IER, 1, UART_IER_THRI);
		g_assert_cmpuint(wire_of(f, 42)->asserted, ==, i + 1);
	}
	iol_machine_finish(f->vm);
	for (unsigned int i = 1; i < SERIALS; i++) {
		g_autofree char *got = NULL;
		const char expected[] = { (char)('0' + i), '\0' };

		g_assert_true(g_file_get_contents(f->serial_paths[i], &got, NULL, NULL));
		g_assert_cmpstr(got, ==, expected);
	}
}

static void config_address(struct fixture *f, unsigned int slot, unsigned int offset)
{
	store(f, f->map->ccsr + IOL_PPC_PCI + IOL_FSL_PCI_CFG_ADDR, 4,
	      iol_bus_be32(0x80000000 | slot << 11 | offset));
}

static uint64_t config_load(struct fixture *f, unsigned int slot, unsigned int offset,
			    unsigned int len)
{
	config_address(f, slot, offset & 0xfc);
	return load(f, f->map->ccsr + IOL_PPC_PCI + IOL_FSL_PCI_CFG_DATA + (offset & 3), len);
}

static void test_pci_disk(struct fixture *f, const void *data)
{
	uint64_t bar, value;

	(void)data;
	g_assert_cmphex(config_load(f, 0, PCI_VENDOR_ID, 4), ==, 0x00081057);
	g_assert_cmphex(config_load(f, DISK_SLOT, PCI_VENDOR_ID, 4), ==, 0x10421af4);
	g_assert_cmphex(config_load(f, DISK_SLOT + 1, PCI_VENDOR_ID, 4), ==, 0xffffffff);
	g_assert_cmphex(config_load(f, DISK_SLOT, PCI_INTERRUPT_PIN, 1), ==, 1);
	bar = config_load(f, DISK_SLOT, PCI_BASE_ADDRESS_0, 4);
	g_assert_cmphex(bar, >=, f->map->pci_window_pci);
	g_assert_cmphex(bar, <, f->map->pci_window_pci + IOL_PPC_PCI_WINDOW_BYTES);
	bar += f->map->pci_window - f->map->pci_window_pci;
	g_assert_false(iol_bus_read(&f->vm->mmio, bar, 4, &value));
	config_address(f, DISK_SLOT, PCI_COMMAND);
	store(f, f->map->ccsr + IOL_PPC_PCI + IOL_FSL_PCI_CFG_DATA, 2, PCI_COMMAND_MEMORY);
	/* device_feature_select and device_feature of the common configuration (virtio-v1.2 4.1.4.3). */
	store(f, bar, 4, 1);
	g_assert_cmphex(load(f, bar + 4, 4) & 1, ==, 1); /* VIRTIO_F_VERSION_1 */
}

/* Slots' sources are there, and shared with nobody else. */
static void test_wires(struct fixture *f, const void *data)
{
	static const uint32_t gsis[] = { 1, 2, 3, 4, 5, 6, 7, 8, 42, 47 };

	(void)data;
	g_assert_cmpuint(f->vm->wire_count, ==, G_N_ELEMENTS(gsis));
	for (unsigned int i = 0; i < G_N_ELEMENTS(gsis); i++)
		g_assert_cmpuint(f->vm->wires[i].gsi, ==, gsis[i]);
}

#define ADD(name, machine, fn) \
	g_test_add("/ppc/machine/" machine "/" name, struct fixture, machine, setup, fn, teardown)
#define ADD_ALL(machine)                                 \
	do {                                             \
		ADD("serial", machine, test_serial);     \
		ADD("serials", machine, test_serials);   \
		ADD("pci-disk", machine, test_pci_disk); \
		ADD("wires", machine, test_wires);       \
	} while (0)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD_ALL("e500v2");
	ADD_ALL("e500v2-36");
	ADD_ALL("e5500");
	return g_test_run();
}
