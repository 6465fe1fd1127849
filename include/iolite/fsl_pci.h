/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registers of the PCI controller of Freescale's MPC8540 and its kin, for a PCI host (pci.h): access to
 * configuration spaces, and windows between the addresses of CPUs and those of the bus.
 *
 * The windows are those that the PCI host has, always; what a guest writes into their registers changes
 * nothing. The tree's ranges say where they are, and Linux writes that.
 */
#ifndef IOLITE_FSL_PCI_H
#define IOLITE_FSL_PCI_H

#include <iolite/pci.h>

/* Registers: 32 bits, big-endian but for CFG_DATA. All others read 0. */
enum {
	IOL_FSL_PCI_CFG_ADDR = 0x000, /* as in IOL_PCI_ADDRESS_BITS */
	/*
	 * Four bytes of the configuration space that CFG_ADDR names, in their order: it is little-endian as that
	 * is. Also by one byte or two.
	 */
	IOL_FSL_PCI_CFG_DATA = 0x004,
	IOL_FSL_PCI_INT_ACK =
		0x008, /* a read is an interrupt acknowledge cycle, which nobody answers */
	IOL_FSL_PCI_ERR_DR = 0xe00, /* errors detected: none, ever */
	IOL_FSL_PCI_ERR_CAP_DR = 0xe04,
	IOL_FSL_PCI_ERR_EN = 0xe08,
	IOL_FSL_PCI_ERR_ATTRIB = 0xe0c,
	IOL_FSL_PCI_ERR_ADDR = 0xe10,
	IOL_FSL_PCI_ERR_EXT_ADDR = 0xe14,
	IOL_FSL_PCI_ERR_DL = 0xe18,
	IOL_FSL_PCI_ERR_DH = 0xe1c,
	IOL_FSL_PCI_GAS_TIMR = 0xe20,
	IOL_FSL_PCI_BYTES = 0x1000,
};

/* Outbound windows 0 to 4, of which 0 has no base: it takes what misses the others. */
#define IOL_FSL_PCI_POTAR(window) (0xc00 + 0x20 * (window))
#define IOL_FSL_PCI_POTEAR(window) (0xc04 + 0x20 * (window))
#define IOL_FSL_PCI_POWBAR(window) (0xc08 + 0x20 * (window))
#define IOL_FSL_PCI_POWAR(window) (0xc10 + 0x20 * (window))

/* Inbound windows 1 to 3, of which 1 has no PIWBEAR. */
#define IOL_FSL_PCI_PITAR(window) (0xe00 - 0x20 * (window))
#define IOL_FSL_PCI_PIWBAR(window) (0xe08 - 0x20 * (window))
#define IOL_FSL_PCI_PIWBEAR(window) (0xe0c - 0x20 * (window))
#define IOL_FSL_PCI_PIWAR(window) (0xe10 - 0x20 * (window))

/*
 * Makes the registers at @base of @bus, and the controller's own function at 00.0 of @host, which was made
 * with no_bridge. Bus and host are borrowed and outlive the device. -EEXIST when one of the places is taken.
 */
int iol_fsl_pci_new(struct iol_bus *bus, uint64_t base, struct iol_pci_host *host,
		    struct iol_device **dev, struct iol_error *err);

#endif
