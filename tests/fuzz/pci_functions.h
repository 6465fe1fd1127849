/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is plugged into a PCI host under test: two functions with BARs of all kinds, whose registers read as their place, and one with
 * MSI-X (msix_model.h); and where their BARs must be.
 */
#ifndef IOLITE_TESTS_PCI_FUNCTIONS_H
#define IOLITE_TESTS_PCI_FUNCTIONS_H

#include <iolite/pci.h>

#include "msix_model.h"

enum {
	PCI_FUNCTIONS_PLAIN = 2, /* in slots 1 and 2; the one with MSI-X follows */
	PCI_FUNCTIONS,
};

struct pci_functions {
	struct iol_pci_function plain[PCI_FUNCTIONS_PLAIN];
	struct msix_model msix;
	struct iol_pci_function *all[PCI_FUNCTIONS]; /* by slot, from 1 on */
};

/* Plugs them into @host, which has none yet. */
void pci_functions_add(struct pci_functions *f, struct iol_pci_host *host);
void pci_functions_remove(struct pci_functions *f);

/* BARs on @bus, each of them where its region and its register say, and decoded. */
unsigned int pci_functions_count_bars(const struct pci_functions *f, const struct iol_bus *bus,
				      bool io);

/* What is read-only in configuration space stays as it was. */
void pci_functions_check_config(const struct pci_functions *f);

/* All of it is as at power-on. */
void pci_functions_check_reset(const struct pci_functions *f);

#endif
