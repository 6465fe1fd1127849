/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A PCI function with MSI-X beside a model of what its table, its pending bits and its messages must
 * be. The model sees each access before the real one does; fuzz_check() compares.
 */
#ifndef IOLITE_TESTS_MSIX_MODEL_H
#define IOLITE_TESTS_MSIX_MODEL_H

#include <iolite/msix.h>

enum {
	MSIX_VECTORS = 5,
	MSIX_DWORDS = 4,
	MSIX_EXPECTED_MAX = 64,
};

struct msix_model {
	struct iol_pci_function fn;
	struct iol_msix *msix;
	struct iol_irq_router *router;
	struct iol_pci_bar real; /* the BAR as MSI-X made it */
	bool enabled, function_masked;
	struct {
		uint32_t dwords[MSIX_DWORDS];
		bool live, pending;
		uint64_t address; /* where messages go while live */
		uint32_t data;
	} vectors[MSIX_VECTORS];
	/* Messages since the last check. */
	unsigned int expected_count;
	struct {
		uint64_t address;
		uint32_t data;
	} expected[MSIX_EXPECTED_MAX];
};

/* Makes the function, with BAR 0 for MSI-X, ready for iol_pci_add(). */
void msix_model_init(struct msix_model *model);
void msix_model_finish(struct msix_model *model); /* the function was removed */

/* Power-on; the PCI host is reset after this. */
void msix_model_reset(struct msix_model *model);

void msix_model_raise(struct msix_model *model, unsigned int vector);

/* All messages that must have arrived did, and no others. */
void msix_model_check(struct msix_model *model);

#endif
