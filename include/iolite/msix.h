/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MSI-X of a PCI function (PCI Local Bus 3.0, 6.8.2): the capability, the table and the pending bits
 * in a BAR of their own, and a message-signalled interrupt for each entry.
 *
 * Hooks come under the PCI host's lock, register accesses without it, raises from any thread; MSI-X
 * has a lock of its own that is taken last.
 */
#ifndef IOLITE_MSIX_H
#define IOLITE_MSIX_H

#include <iolite/irq.h>
#include <iolite/pci.h>

enum {
	IOL_MSIX_VECTORS_MAX = 128,
	IOL_MSIX_BAR_BYTES = 4096, /* table from 0, pending bits from 2048 */
};

struct iol_msix;

/*
 * Gives @fn (after iol_pci_function_init(), before iol_pci_add()) a capability for @vectors entries
 * and BAR @bar for their table; both stay @fn's. @router is borrowed.
 */
int iol_msix_new(struct iol_pci_function *fn, unsigned int bar, unsigned int vectors,
		 struct iol_irq_router *router, struct iol_msix **msix, struct iol_error *err);
/* NULL is fine; @fn was removed, and no source has an eventfd. */
void iol_msix_free(struct iol_msix *msix);

/* Power-on: disabled, every vector masked, nothing pending. */
void iol_msix_reset(struct iol_msix *msix);

/* The device was reset: what waits for an unmasking is not sent. [any] */
void iol_msix_clear_pending(struct iol_msix *msix);

/* To be called from @fn's config_written hook, for every write. */
void iol_msix_config_written(struct iol_msix *msix, unsigned int offset, unsigned int len);

/* True while the guest has MSI-X enabled; INTx must be silent then. [any] */
bool iol_msix_enabled(const struct iol_msix *msix);

unsigned int iol_msix_vectors(const struct iol_msix *msix);

/*
 * Sends vector @vector (below the number of vectors), or remembers it while it or the function is
 * masked. Does nothing while MSI-X is disabled. [any]
 */
void iol_msix_raise(struct iol_msix *msix, unsigned int vector);

/*
 * An eventfd by which somebody outside asks for a vector. While the vector is live the kernel sends it for each
 * write, without our help. Otherwise what was written is left there to be read: who does that raises the vector
 * as any other. Several sources may have one vector.
 */
struct iol_msix_source {
	const _Atomic uint16_t
		*vector; /* as the owner has it now; none has a number that no vector has */
	/* msix.c's, under its lock */
	int eventfd; /* borrowed; -1: none */
	int bound; /* the vector that the kernel sends for it; -1: none */
	struct iol_msix_source *next;
};

/* Adds @source, without an eventfd, for as long as @msix lives. Before the guest runs. */
void iol_msix_add_source(struct iol_msix *msix, struct iol_msix_source *source,
			 const _Atomic uint16_t *vector);
/* Asks are by @eventfd from now on; -1: no more. [any] */
void iol_msix_set_source(struct iol_msix *msix, struct iol_msix_source *source, int eventfd);
/* *source->vector was changed. [any] */
void iol_msix_move_source(struct iol_msix *msix, struct iol_msix_source *source);

#endif
