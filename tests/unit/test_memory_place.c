// SPDX-License-Identifier: Apache-2.0
/* Guest memory with wishes as to the host: what is promised holds, also after a reset; what lacks is told. */
#include <iolite/memory.h>

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <iolite/place.h>

#include "vmm/host_facts.h"
#include "vmm/memory_host.h"

#define LOW_BYTES (96 * IOL_MIB) /* several pieces of work */
#define HIGH_GPA (4 * IOL_GIB)
#define HIGH_BYTES (4 * IOL_MIB)
#define TOTAL (LOW_BYTES + HIGH_BYTES)

static const struct iol_memory_region regions[] = {
	{ .gpa = 0, .size_bytes = LOW_BYTES },
	{ .gpa = HIGH_GPA, .size_bytes = HIGH_BYTES },
};

/* What the kernel answers, where a test says so. */
static int mlock_error, populate_error;

int __wrap_mlock2(const void *addr, size_t len, unsigned int flags);
int __real_mlock2(const void *addr, size_t len, unsigned int flags);
int __wrap_madvise(void *addr, size_t len, int advice);
int __real_madvise(void *addr, size_t len, int advice);

int __wrap_mlock2(const void *addr, size_t len, unsigned int flags)
{
	if (!mlock_error)
		return __real_mlock2(addr, len, flags);
	errno = mlock_error;
	return -1;
}

int __wrap_madvise(void *addr, size_t len, int advice)
{
	if (!populate_error || advice != 23 /* MADV_POPULATE_WRITE */)
		return __real_madvise(addr, len, advice);
	errno = populate_error;
	return -1;
}

/* False: an emulator of user programs takes the advice for a hint and does nothing. */
static bool populates(void)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned char is = 0;
	void *p;

	if (populate_error)
		return true; /* pages are touched instead */
	p = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	g_assert_true(p != MAP_FAILED);
	if (!__real_madvise(p, page, 23))
		mincore(p, page, &is);
	else
		is = 1;
	munmap(p, page);
	return is & 1;
}

/* True: it is there. What this host lacks for it skips the test. */
static bool init(struct iol_memory *mem, const struct iol_memory_place *place)
{
	struct iol_error err = { 0 };

	if (!iol_memory_init_placed(mem, regions, IOL_ARRAY_LEN(regions), place, &err))
		return true;
	g_test_skip(err.msg);
	return false;
}

/* Pages of ours in memory, as mincore(2) counts them: it works in an emulator, too. */
static uint64_t present_bytes(const struct iol_memory *mem)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE), count = TOTAL / page;
	g_autofree unsigned char *is = g_malloc0(count);
	uint64_t sum = 0;

	g_assert_cmpint(mincore(mem->base, TOTAL, is), ==, 0);
	for (size_t i = 0; i < count; i++)
		sum += (is[i] & 1) * page;
	return sum;
}

static void make_dirty(const struct iol_memory *mem)
{
	for (uint64_t i = 0; i < LOW_BYTES; i += IOL_MIB)
		memset((uint8_t *)iol_memory_ptr(mem, i, 64), 0x5a, 64);
	memset(iol_memory_ptr(mem, HIGH_GPA, HIGH_BYTES), 0xa5, HIGH_BYTES);
}

static void check_zero(const struct iol_memory *mem)
{
	for (uint64_t i = 0; i < TOTAL / 8; i++)
		if (((const uint64_t *)(void *)mem->base)[i])
			g_error("byte 0x%" PRIx64 " of the memory is not zero", i * 8);
}

/* Zeros before and after a reset, as often as there is one. */
static void check_life(const struct iol_memory_place *place, bool stays)
{
	struct iol_memory mem;
	struct iol_error err = { 0 };

	if (!init(&mem, place))
		return;
	g_assert_cmpuint(mem.size_bytes, ==, TOTAL);
	g_assert_true(mem.regions[1].hva == mem.base + LOW_BYTES);
	if (stays && populates())
		g_assert_cmpuint(present_bytes(&mem), ==, TOTAL);
	for (unsigned int i = 0; i < 2; i++) {
		make_dirty(&mem);
		if (iol_memory_clear(&mem, &err))
			g_error("clear: %s", err.msg);
		if (stays)
			g_assert_cmpuint(present_bytes(&mem), ==, TOTAL);
		check_zero(&mem);
	}
	iol_memory_finish(&mem);
	g_assert_null(mem.held);
}

static void test_none(void)
{
	check_life(&(struct iol_memory_place){ .hugepages = IOL_HUGEPAGES_NONE }, false);
}

static void test_transparent(void)
{
	check_life(&(struct iol_memory_place){ .hugepages = IOL_HUGEPAGES_TRANSPARENT }, false);
}

static void test_share(void)
{
	check_life(&(struct iol_memory_place){ .share = true }, false);
}

static void test_share_prealloc(void)
{
	check_life(&(struct iol_memory_place){ .share = true, .prealloc = true }, true);
}

static void test_prealloc(void)
{
	check_life(&(struct iol_memory_place){ .prealloc = true }, true);
}

/* Linux before 5.14 does not know how to populate. */
static void test_prealloc_old(void)
{
	populate_error = EINVAL;
	check_life(&(struct iol_memory_place){ .prealloc = true }, true);
	populate_error = 0;
}

static void test_lock(void)
{
	check_life(&(struct iol_memory_place){ .lock = true }, false);
}

static void test_lock_prealloc(void)
{
	check_life(&(struct iol_memory_place){ .lock = true, .prealloc = true }, true);
}

static void test_node(void)
{
	check_life(&(struct iol_memory_place){ .nodes = 1, .prealloc = true }, true);
}

static void test_pool(void)
{
	const struct iol_memory_place place = {
		.hugepages = IOL_HUGEPAGES_POOL,
		.page_bytes = 2 * IOL_MIB,
		.lock = true,
	};

	check_life(&place, true);
}

static void test_pool_shared(void)
{
	const struct iol_memory_place place = {
		.hugepages = IOL_HUGEPAGES_POOL,
		.page_bytes = 2 * IOL_MIB,
		.share = true,
	};

	check_life(&place, true);
}

/* As long as the memory is there nothing is asked of the host, and nothing is held. */
static void test_default(void)
{
	struct iol_memory mem;

	g_assert_true(init(&mem, &(struct iol_memory_place){ 0 }));
	g_assert_null(mem.held);
	g_assert_cmpuint(present_bytes(&mem), ==, 0);
	iol_memory_finish(&mem);
}

/* --- what lacks --- */

static void check_refused(const struct iol_memory_place *place, int code, const char *says)
{
	struct iol_memory mem;
	struct iol_error err = { 0 };
	int ret = iol_memory_init_placed(&mem, regions, IOL_ARRAY_LEN(regions), place, &err);

	g_assert_cmpint(ret, ==, code);
	if (!g_pattern_match_simple(says, err.msg))
		g_error("'%s' does not say '%s'", err.msg, says);
	g_assert_null(mem.mapping);
	g_assert_null(mem.held);
}

static void test_lock_limit(void)
{
	struct rlimit before;

	getrlimit(RLIMIT_MEMLOCK, &before);
	if (setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){ 0, before.rlim_max })) {
		g_test_skip("the limit of locked memory cannot be set");
		return;
	}
	mlock_error = EPERM;
	check_refused(&(struct iol_memory_place){ .lock = true }, -EPERM,
		      "cannot lock 100M of guest memory: the limit of locked memory is 0 KiB "
		      "(ulimit -l, LimitMEMLOCK=): raise it above that, or give CAP_IPC_LOCK");
	mlock_error = 0;
	setrlimit(RLIMIT_MEMLOCK, &before);
}

static void test_populate_fails(void)
{
	populate_error = ENOMEM;
	check_refused(&(struct iol_memory_place){ .prealloc = true }, -ENOMEM,
		      "cannot fill 100M of guest memory (prealloc): Cannot allocate memory");
	populate_error = 0;
}

static void test_no_such_pool(void)
{
	const struct iol_memory_place place = {
		.hugepages = IOL_HUGEPAGES_POOL,
		.page_bytes = 128 * IOL_KIB, /* no architecture's */
	};

	check_refused(&place, -EINVAL, "the host has no pool of huge pages of 128K; it has: *");
}

/* The remedy is for the pool that the memory may come from: that of @folder. */
static void check_pool_too_small(uint64_t nodes, const char *folder, const char *where)
{
	const struct iol_memory_place place = {
		.hugepages = IOL_HUGEPAGES_POOL,
		.page_bytes = 2 * IOL_MIB,
		.nodes = nodes,
	};
	g_autofree char *path = g_strdup_printf("%s/hugepages-2048kB/free_hugepages", folder);
	g_autofree char *said = g_strdup_printf(
		"guest memory takes 50 huge pages of 2M, and the host has * free%s: echo * > "
		"%s/hugepages-2048kB/nr_hugepages, or give the guest less",
		where, folder);
	uint64_t count;

	if (!iol_host_number(path, &count) || count >= TOTAL / place.page_bytes)
		g_test_skip("there is no pool of 2M, or it has enough pages");
	else
		check_refused(&place, -ENOMEM, said);
}

static void test_pool_too_small(void)
{
	check_pool_too_small(0, "/sys/kernel/mm/hugepages", "");
}

static void test_pool_of_node_too_small(void)
{
	check_pool_too_small(1, "/sys/devices/system/node/node0/hugepages", " on node 0");
}

static void test_no_such_node(void)
{
	const struct iol_memory_place place = { .nodes = UINT64_C(1) << 63 };
	uint64_t nodes;

	if (iol_host_nodes("/sys/devices/system/node/has_memory", &nodes))
		check_refused(&place, -EINVAL,
			      "node 63 has no memory or is not there: nodes with memory are *");
	else
		check_refused(&place, -ENOTSUP, "this host tells of no NUMA nodes*");
}

static void test_regions(void)
{
	struct iol_memory_place place = { .page_bytes = 2 * IOL_MIB };
	struct iol_error err = { 0 };

	g_assert_cmpint(iol_memory_check_regions(regions, 2, &place, &err), ==, 0);
	place.page_bytes = 64 * IOL_MIB;
	g_assert_cmpint(iol_memory_check_regions(regions, 2, &place, &err), ==, -EINVAL);
	g_assert_cmpstr(
		err.msg, ==,
		"huge pages of 64M do not divide the 96M of RAM that this machine has at 0x0: "
		"give smaller pages, or another size of memory");
}

static void test_granted(void)
{
	const struct iol_memory_place place = { .hugepages = IOL_HUGEPAGES_NONE, .prealloc = true };
	struct iol_memory_granted granted;
	struct iol_error err = { 0 };
	struct iol_memory mem;

	if (!init(&mem, &place))
		return;
	if (iol_memory_granted(&mem, &granted, &err) || !granted.page_bytes) {
		g_test_skip("no /proc/self/smaps here, or one without our mapping");
	} else if (populates()) {
		g_assert_cmpuint(granted.present_bytes, >=, TOTAL);
		g_assert_cmpuint(granted.locked_bytes, ==, 0);
		g_assert_true(granted.prealloc && !granted.shared);
	}
	iol_memory_finish(&mem);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/memory/place/default", test_default);
	g_test_add_func("/memory/place/none", test_none);
	g_test_add_func("/memory/place/transparent", test_transparent);
	g_test_add_func("/memory/place/share", test_share);
	g_test_add_func("/memory/place/share-prealloc", test_share_prealloc);
	g_test_add_func("/memory/place/prealloc", test_prealloc);
	g_test_add_func("/memory/place/prealloc-old", test_prealloc_old);
	g_test_add_func("/memory/place/lock", test_lock);
	g_test_add_func("/memory/place/lock-prealloc", test_lock_prealloc);
	g_test_add_func("/memory/place/node", test_node);
	g_test_add_func("/memory/place/pool", test_pool);
	g_test_add_func("/memory/place/pool-shared", test_pool_shared);
	g_test_add_func("/memory/place/lock-limit", test_lock_limit);
	g_test_add_func("/memory/place/populate-fails", test_populate_fails);
	g_test_add_func("/memory/place/no-such-pool", test_no_such_pool);
	g_test_add_func("/memory/place/pool-too-small", test_pool_too_small);
	g_test_add_func("/memory/place/pool-of-node-too-small", test_pool_of_node_too_small);
	g_test_add_func("/memory/place/no-such-node", test_no_such_node);
	g_test_add_func("/memory/place/regions", test_regions);
	g_test_add_func("/memory/place/granted", test_granted);
	return g_test_run();
}
