/* SPDX-License-Identifier: Apache-2.0 */
/* What the monitor has to say of a machine: the topics of its `info`, and memory. Each appends lines to @out. [loop] */
#ifndef IOL_VMM_MONITOR_INFO_H
#define IOL_VMM_MONITOR_INFO_H

#include <glib.h>

#include <iolite/vm.h>

/* monitor_cpu.c: of vCPU @cpu, which must stand; and of all of them. */
int iol_monitor_registers(struct iol_vm *vm, unsigned int cpu, bool all, GString *out);
void iol_monitor_cpus(struct iol_vm *vm, GString *out);
/* Says that there is none of that number; -EINVAL. */
int iol_monitor_no_cpu(const struct iol_vm *vm, unsigned int cpu, GString *out);

/*
 * monitor_memory.c: [FORMAT] ADDRESS in @args, ended by NULL; by the page tables of vCPU @cpu, or guest-physical. CPUs that run
 * stand meanwhile.
 */
int iol_monitor_memory_at(struct iol_vm *vm, unsigned int cpu, bool physical, char *const *args,
			  GString *out);

/* monitor_info.c: what the machine consists of. */
void iol_monitor_memory(struct iol_vm *vm, GString *out);
void iol_monitor_devices(struct iol_vm *vm, GString *out);
void iol_monitor_irq(struct iol_vm *vm, GString *out);
int iol_monitor_tree(struct iol_vm *vm, GString *out);

/* monitor_stats.c: what was counted. */
void iol_monitor_stats(struct iol_vm *vm, GString *out);

/* monitor_bus.c: who answers at which address, as it is now; and functions of the PCI bus. */
void iol_monitor_mtree(struct iol_vm *vm, GString *out);
void iol_monitor_pci(struct iol_vm *vm, GString *out);

/* monitor_backend.c: disks and network cards, and what is behind them. */
void iol_monitor_block(struct iol_vm *vm, GString *out);
void iol_monitor_net(struct iol_vm *vm, GString *out);

/* ---- Of monitor_info.c, for the others ---- */

/* "memory 0x0-0xfff  4K    ", without the end of the line. */
void iol_monitor_range(bool ports, uint64_t base, uint64_t bytes, GString *out);
/* What a slot is for, and what it is connected to. */
void iol_monitor_slot_user(const struct iol_vm *vm, unsigned int slot, GString *out);
/* The id of who takes it; NULL: nobody, or the machine's own. */
const char *iol_monitor_slot_name(const struct iol_config *config, unsigned int slot);

/* A guest that runs here is of this host's byte order. */
static inline bool iol_monitor_is_big_endian(void)
{
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
}

#endif
