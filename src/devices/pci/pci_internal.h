/* SPDX-License-Identifier: Apache-2.0 */
/* What the PCI host (host.c) and configuration spaces (config.c) know of each other. */
#ifndef DEVICES_PCI_INTERNAL_H
#define DEVICES_PCI_INTERNAL_H

#include <iolite/log.h>
#include <iolite/pci.h>

struct iol_pci_host {
	struct iol_device dev;
	struct iol_pci_host_config setup;

	pthread_mutex_t lock; /* of what follows, and of all functions */
	uint32_t conf1_address;
	uint8_t reset_control;
	struct iol_pci_function *slots[IOL_PCI_SLOTS];
	struct iol_pci_function bridge;
	struct iol_log_limit log_limit;
};

/* config.c; all under the host's lock. */

/* Checks @fn's BARs and makes their registers, without addresses. */
int pci_bars_init(struct iol_pci_function *fn, struct iol_error *err);

/* One guest access; @offset + @len <= IOL_PCI_CONFIG_BYTES, @len <= 4. */
uint32_t pci_config_read(struct iol_pci_function *fn, unsigned int offset, unsigned int len);
void pci_config_write(struct iol_pci_function *fn, unsigned int offset, unsigned int len,
		      uint32_t value);

/* Puts @address into the registers of BAR @idx; decoding does not follow. */
void pci_bar_set_address(struct iol_pci_function *fn, unsigned int idx, uint64_t address);

/* As iol_pci_describe(). */
void pci_describe(const struct iol_pci_function *fn, struct iol_pci_info *info);

/* Takes all BARs of @fn off their buses. */
void pci_bars_unmap(struct iol_pci_function *fn);

#endif
