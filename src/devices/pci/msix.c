// SPDX-License-Identifier: Apache-2.0
/*
 * MSI-X (PCI Local Bus 3.0, 6.8.2): capability, vector table, pending bits. See
 * include/iolite/msix.h.
 *
 * Address and data of an entry are taken over when it begins to be unmasked, as 6.8.2 allows;
 * what is written meanwhile counts from its next unmasking on.
 *
 * Table accesses run on vCPU threads, the configuration hook there too and under the PCI host's
 * lock, raises mostly on the loop's. Each takes the lock of its own: while nobody changes the
 * table, a raise pays for it two atomic operations beside its write(2), and in return a vector
 * whose mask the guest has seen set is never sent. A raise waits for a guest that moves its
 * interrupts (for the kernel to take the routes), not for one that runs.
 *
 * Sources are bound to the kernel only while their vector is live. To bind and to let go are system calls, made by
 * the vCPU that masks or moves.
 *
 * A hostile guest can send its own interrupts anywhere in its machine. The number of vectors and all
 * memory are fixed at start.
 */
#include <assert.h>
#include <errno.h>
#include <glib.h>
#include <linux/pci.h>
#include <pthread.h>
#include <string.h>

#include <iolite/msix.h>

enum {
	PBA_OFFSET = IOL_MSIX_BAR_BYTES / 2,
	DWORD_BYTES = 4,
	ENTRY_DWORDS = PCI_MSIX_ENTRY_SIZE / DWORD_BYTES,
	DWORD_ADDRESS_LOW = PCI_MSIX_ENTRY_LOWER_ADDR / DWORD_BYTES,
	DWORD_ADDRESS_HIGH = PCI_MSIX_ENTRY_UPPER_ADDR / DWORD_BYTES,
	DWORD_DATA = PCI_MSIX_ENTRY_DATA / DWORD_BYTES,
	DWORD_CONTROL = PCI_MSIX_ENTRY_VECTOR_CTRL / DWORD_BYTES,
};

static_assert(IOL_MSIX_VECTORS_MAX * PCI_MSIX_ENTRY_SIZE <= PBA_OFFSET,
	      "the table ends at the PBA");
static_assert(IOL_MSIX_VECTORS_MAX / 8 <= IOL_MSIX_BAR_BYTES - PBA_OFFSET, "the PBA fits");

/* Bits that a guest can write. Messages are whole doublewords (6.8.2.7); the rest is reserved. */
static const uint32_t writable[ENTRY_DWORDS] = {
	[DWORD_ADDRESS_LOW] = UINT32_MAX - 3,
	[DWORD_ADDRESS_HIGH] = UINT32_MAX,
	[DWORD_DATA] = UINT32_MAX,
	[DWORD_CONTROL] = PCI_MSIX_ENTRY_CTRL_MASKBIT,
};

struct vector {
	uint32_t dwords[ENTRY_DWORDS];
	bool live; /* neither it nor the function is masked, MSI-X is enabled; routed */
	bool pending;
	struct iol_irq_msi msi;
};

struct iol_msix {
	struct iol_pci_function *fn;
	unsigned int capability; /* offset */
	unsigned int count;

	pthread_mutex_t lock; /* of what follows; taken last but for the router's */
	bool enabled; /* also read without the lock */
	bool function_masked;
	struct vector *vectors;
	struct iol_msix_source *sources;
};

/* --- sources; under the lock --- */

static void source_unbind(struct iol_msix *msix, struct iol_msix_source *source)
{
	if (source->bound < 0)
		return;
	iol_irq_msi_unbind(&msix->vectors[source->bound].msi, source->eventfd);
	source->bound = -1;
}

/* Binds it where it belongs now. A kernel that refuses leaves it to whoever reads it. */
static void source_follow(struct iol_msix *msix, struct iol_msix_source *source)
{
	unsigned int vector = *source->vector;
	bool live = source->eventfd >= 0 && vector < msix->count && msix->vectors[vector].live;

	if (live && source->bound == (int)vector)
		return;
	source_unbind(msix, source);
	if (live && iol_irq_msi_bind(&msix->vectors[vector].msi, source->eventfd))
		source->bound = (int)vector;
}

static void sources_unbind(struct iol_msix *msix, int vector)
{
	for (struct iol_msix_source *s = msix->sources; s; s = s->next)
		if (s->bound == vector)
			source_unbind(msix, s);
}

static void sources_follow(struct iol_msix *msix)
{
	for (struct iol_msix_source *s = msix->sources; s; s = s->next)
		source_follow(msix, s);
}

void iol_msix_add_source(struct iol_msix *msix, struct iol_msix_source *source,
			 const _Atomic uint16_t *vector)
{
	*source = (struct iol_msix_source){
		.vector = vector, .eventfd = -1, .bound = -1, .next = msix->sources
	};
	msix->sources = source;
}

void iol_msix_set_source(struct iol_msix *msix, struct iol_msix_source *source, int eventfd)
{
	pthread_mutex_lock(&msix->lock);
	source_unbind(msix, source);
	source->eventfd = eventfd;
	source_follow(msix, source);
	pthread_mutex_unlock(&msix->lock);
}

void iol_msix_move_source(struct iol_msix *msix, struct iol_msix_source *source)
{
	pthread_mutex_lock(&msix->lock);
	source_follow(msix, source);
	pthread_mutex_unlock(&msix->lock);
}

/* --- the table --- */

/* Brings @v in line with its masks; sends what was pending when they are off. Under the lock. */
static void vector_follow(struct iol_msix *msix, struct vector *v)
{
	bool masked = v->dwords[DWORD_CONTROL] & PCI_MSIX_ENTRY_CTRL_MASKBIT;
	bool live = msix->enabled && !msix->function_masked && !masked;
	uint64_t address;

	if (live == v->live)
		return;
	v->live = live;
	if (!live) {
		sources_unbind(msix, (int)(v - msix->vectors));
		return;
	}
	address = (uint64_t)v->dwords[DWORD_ADDRESS_HIGH] << 32 | v->dwords[DWORD_ADDRESS_LOW];
	/* On bus 0, so slot and function are all of its number; the slot stands since it is plugged in. */
	iol_irq_msi_route(&v->msi, PCI_DEVFN(msix->fn->slot, 0), address, v->dwords[DWORD_DATA]);
	sources_follow(msix);
	if (!v->pending)
		return;
	v->pending = false;
	iol_irq_msi_raise(&v->msi);
}

static uint32_t table_read(struct iol_msix *msix, uint64_t offset)
{
	uint64_t idx = offset / PCI_MSIX_ENTRY_SIZE;

	if (idx >= msix->count)
		return 0;
	return msix->vectors[idx].dwords[offset % PCI_MSIX_ENTRY_SIZE / DWORD_BYTES];
}

static void table_write(struct iol_msix *msix, uint64_t offset, uint32_t value)
{
	uint64_t idx = offset / PCI_MSIX_ENTRY_SIZE;
	unsigned int dword = offset % PCI_MSIX_ENTRY_SIZE / DWORD_BYTES;

	if (idx >= msix->count)
		return;
	msix->vectors[idx].dwords[dword] = value & writable[dword];
	if (dword == DWORD_CONTROL)
		vector_follow(msix, &msix->vectors[idx]);
}

/* 32 pending bits. */
static uint32_t pending_read(const struct iol_msix *msix, uint64_t offset)
{
	uint64_t first = (offset - PBA_OFFSET) * 8;
	uint32_t bits = 0;

	for (unsigned int i = 0; i < 32 && first + i < msix->count; i++)
		bits |= (uint32_t)msix->vectors[first + i].pending << i;
	return bits;
}

static uint32_t dword_read(struct iol_msix *msix, uint64_t offset)
{
	return offset < PBA_OFFSET ? table_read(msix, offset) : pending_read(msix, offset);
}

/* Aligned doublewords and quadwords are all there is (6.8.2). */
static bool is_whole(uint64_t offset, unsigned int len)
{
	return (len == DWORD_BYTES || len == 2 * DWORD_BYTES) && offset % len == 0;
}

static uint64_t msix_read(void *opaque, uint64_t offset, unsigned int len)
{
	struct iol_msix *msix = opaque;
	uint64_t value;

	if (!is_whole(offset, len))
		return UINT64_MAX;
	pthread_mutex_lock(&msix->lock);
	value = dword_read(msix, offset);
	if (len > DWORD_BYTES)
		value |= (uint64_t)dword_read(msix, offset + DWORD_BYTES) << 32;
	pthread_mutex_unlock(&msix->lock);
	return value;
}

static void msix_write(void *opaque, uint64_t offset, unsigned int len, uint64_t value)
{
	struct iol_msix *msix = opaque;

	if (!is_whole(offset, len) || offset >= PBA_OFFSET)
		return;
	pthread_mutex_lock(&msix->lock);
	table_write(msix, offset, (uint32_t)value);
	if (len > DWORD_BYTES)
		table_write(msix, offset + DWORD_BYTES, (uint32_t)(value >> 32));
	pthread_mutex_unlock(&msix->lock);
}

static const struct iol_bus_ops msix_ops = {
	.read = msix_read,
	.write = msix_write,
};

/* Under the lock. */
static void follow_all(struct iol_msix *msix, bool enabled, bool function_masked)
{
	__atomic_store_n(&msix->enabled, enabled, __ATOMIC_RELEASE);
	msix->function_masked = function_masked;
	for (unsigned int i = 0; i < msix->count; i++) {
		/* What waited for a driver that turned MSI-X off is not the next one's. */
		if (!enabled)
			msix->vectors[i].pending = false;
		vector_follow(msix, &msix->vectors[i]);
	}
}

void iol_msix_config_written(struct iol_msix *msix, unsigned int offset, unsigned int len)
{
	unsigned int flags_at = msix->capability + PCI_MSIX_FLAGS;
	uint16_t flags;

	if (offset >= flags_at + 2 || offset + len <= flags_at)
		return;
	flags = le16_load(msix->fn->config + flags_at);
	pthread_mutex_lock(&msix->lock);
	follow_all(msix, flags & PCI_MSIX_FLAGS_ENABLE, flags & PCI_MSIX_FLAGS_MASKALL);
	pthread_mutex_unlock(&msix->lock);
}

void iol_msix_reset(struct iol_msix *msix)
{
	pthread_mutex_lock(&msix->lock);
	for (unsigned int i = 0; i < msix->count; i++) {
		struct vector *v = &msix->vectors[i];

		memset(v->dwords, 0, sizeof(v->dwords));
		v->dwords[DWORD_CONTROL] = PCI_MSIX_ENTRY_CTRL_MASKBIT;
	}
	follow_all(msix, false, false);
	pthread_mutex_unlock(&msix->lock);
}

void iol_msix_clear_pending(struct iol_msix *msix)
{
	pthread_mutex_lock(&msix->lock);
	for (unsigned int i = 0; i < msix->count; i++)
		msix->vectors[i].pending = false;
	pthread_mutex_unlock(&msix->lock);
}

bool iol_msix_enabled(const struct iol_msix *msix)
{
	return __atomic_load_n(&msix->enabled, __ATOMIC_ACQUIRE);
}

unsigned int iol_msix_vectors(const struct iol_msix *msix)
{
	return msix->count;
}

void iol_msix_raise(struct iol_msix *msix, unsigned int vector)
{
	struct vector *v = &msix->vectors[vector];

	pthread_mutex_lock(&msix->lock);
	if (v->live)
		iol_irq_msi_raise(&v->msi);
	else if (msix->enabled)
		v->pending = true;
	pthread_mutex_unlock(&msix->lock);
}

static int add_vectors(struct iol_msix *msix, unsigned int count, struct iol_irq_router *router,
		       struct iol_error *err)
{
	int ret = 0;

	msix->vectors = g_new0(struct vector, count);
	while (msix->count < count && !ret) {
		ret = iol_irq_msi_init(&msix->vectors[msix->count].msi, router, err);
		if (!ret)
			msix->count++;
	}
	return ret ? iol_error_prefix(err, "%s: interrupt vector %u", msix->fn->name, msix->count)
		   : 0;
}

/* 6.8.2.3 to 6.8.2.5 */
static int add_capability(struct iol_msix *msix, unsigned int bar, struct iol_error *err)
{
	struct iol_pci_function *fn = msix->fn;
	int at = iol_pci_add_capability(fn, PCI_CAP_ID_MSIX, PCI_CAP_MSIX_SIZEOF, err);

	if (at < 0)
		return at;
	msix->capability = (unsigned int)at;
	le16_store(fn->config + at + PCI_MSIX_FLAGS, (uint16_t)(msix->count - 1));
	le16_store(fn->writable + at + PCI_MSIX_FLAGS,
		   PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	le32_store(fn->config + at + PCI_MSIX_TABLE, bar);
	le32_store(fn->config + at + PCI_MSIX_PBA, PBA_OFFSET | bar);
	return 0;
}

int iol_msix_new(struct iol_pci_function *fn, unsigned int bar, unsigned int vectors,
		 struct iol_irq_router *router, struct iol_msix **msix, struct iol_error *err)
{
	struct iol_msix *new;
	int ret;

	if (!vectors || vectors > IOL_MSIX_VECTORS_MAX)
		return iol_error_set(err, -EINVAL, "%s: %u interrupt vectors: MSI-X has 1 to %d",
				     fn->name, vectors, IOL_MSIX_VECTORS_MAX);
	if (bar >= IOL_PCI_BARS || fn->bars[bar].kind != IOL_PCI_BAR_NONE)
		return iol_error_set(err, -EINVAL, "%s: PCI BAR %u is not free for MSI-X", fn->name,
				     bar);
	new = g_new0(struct iol_msix, 1);
	new->fn = fn;
	pthread_mutex_init(&new->lock, NULL);
	ret = add_vectors(new, vectors, router, err);
	if (!ret)
		ret = add_capability(new, bar, err);
	if (ret) {
		iol_msix_free(new);
		return ret;
	}
	iol_msix_reset(new);
	fn->bars[bar].kind = IOL_PCI_BAR_MEM32;
	fn->bars[bar].size_bytes = IOL_MSIX_BAR_BYTES;
	fn->bars[bar].ops = &msix_ops;
	fn->bars[bar].dev = new;
	*msix = new;
	return 0;
}

void iol_msix_free(struct iol_msix *msix)
{
	if (!msix)
		return;
	for (unsigned int i = 0; i < msix->count; i++)
		iol_irq_msi_finish(&msix->vectors[i].msi);
	g_free(msix->vectors);
	pthread_mutex_destroy(&msix->lock);
	g_free(msix);
}
