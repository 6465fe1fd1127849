// SPDX-License-Identifier: Apache-2.0
/* Breakpoints and watchpoints of a machine, and memory as its debugger sees it (vmm/debug_points.c, debug_memory.c). */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "debug_rig.h"

#define CODE (FAKE_VM_BASE + 0x1000)

static int insert(struct debug_rig *rig, enum iol_gdb_point point, uint64_t address, uint64_t bytes)
{
	return rig->target->ops->insert(rig->target, 0, point, address, bytes);
}

static int take_out(struct debug_rig *rig, enum iol_gdb_point point, uint64_t address,
		    uint64_t bytes)
{
	return rig->target->ops->remove(rig->target, 0, point, address, bytes);
}

static void start(struct debug_rig *rig)
{
	debug_rig_start(rig, false);
	rig->target->ops->attach(rig->target);
	for (unsigned int i = 0; i < 16; i++)
		*debug_rig_byte(rig, CODE + i) = (uint8_t)(0x10 + i);
}

static void test_trap(void)
{
	struct debug_rig rig;
	uint8_t seen[4];

	debug_rig_init(&rig);
	start(&rig);
	g_assert_cmpint(insert(&rig, IOL_GDB_SOFT_BREAK, CODE, 1), ==, 0);
	g_assert_cmpint(insert(&rig, IOL_GDB_SOFT_BREAK, CODE, 1), ==, 0);
	g_assert_cmphex(*debug_rig_byte(&rig, CODE), ==, 0xe6);
	g_assert_cmphex(*debug_rig_byte(&rig, CODE + 1), ==, 0xdb);
	g_assert_cmphex(*debug_rig_byte(&rig, CODE + 2), ==, 0x12);
	/* It is not seen. */
	g_assert_cmpint(rig.target->ops->read_memory(rig.target, 0, CODE, seen, 4), ==, 4);
	g_assert_cmpmem(seen, 4, "\x10\x11\x12\x13", 4);
	g_assert_cmpint(rig.target->ops->read_memory(rig.target, 0, CODE + 1, seen, 1), ==, 1);
	g_assert_cmphex(seen[0], ==, 0x11);
	/* What is written over it comes to light when it goes. */
	g_assert_cmpint(rig.target->ops->write_memory(rig.target, 0, CODE + 1,
						      (const uint8_t *)"\x77\x78", 2),
			==, 0);
	g_assert_cmphex(*debug_rig_byte(&rig, CODE + 1), ==, 0xdb);
	g_assert_cmpint(rig.target->ops->read_memory(rig.target, 0, CODE, seen, 3), ==, 3);
	g_assert_cmpmem(seen, 3, "\x10\x77\x78", 3);
	g_assert_cmpint(take_out(&rig, IOL_GDB_SOFT_BREAK, CODE, 1), ==, 0);
	g_assert_cmpint(take_out(&rig, IOL_GDB_SOFT_BREAK, CODE, 1), ==, 0);
	g_assert_cmphex(*debug_rig_byte(&rig, CODE), ==, 0x10);
	g_assert_cmphex(*debug_rig_byte(&rig, CODE + 1), ==, 0x77);
	debug_rig_finish(&rig);
}

/* Neighbouring pages of the guest are none in memory. */
static void test_trap_over_pages(void)
{
	struct debug_rig rig;
	uint64_t at = FAKE_VM_BASE + 0x2fff;
	uint8_t seen[2];

	debug_rig_init(&rig);
	start(&rig);
	*debug_rig_byte(&rig, at) = 0xa1;
	*debug_rig_byte(&rig, at + 1) = 0xa2;
	g_assert_cmpint(insert(&rig, IOL_GDB_SOFT_BREAK, at, 1), ==, 0);
	g_assert_cmphex(*debug_rig_byte(&rig, at), ==, 0xe6);
	g_assert_cmphex(*debug_rig_byte(&rig, at + 1), ==, 0xdb);
	g_assert_cmpint(rig.target->ops->read_memory(rig.target, 0, at, seen, 2), ==, 2);
	g_assert_cmpmem(seen, 2, "\xa1\xa2", 2);
	g_assert_cmpint(take_out(&rig, IOL_GDB_SOFT_BREAK, at, 1), ==, 0);
	g_assert_cmphex(*debug_rig_byte(&rig, at), ==, 0xa1);
	g_assert_cmphex(*debug_rig_byte(&rig, at + 1), ==, 0xa2);
	/* The last byte of what is mapped: its second half is nowhere. */
	at = FAKE_VM_BASE + DEBUG_RIG_RAM - 1;
	g_assert_cmpint(insert(&rig, IOL_GDB_SOFT_BREAK, at, 1), ==, -EFAULT);
	g_assert_cmpint(insert(&rig, IOL_GDB_SOFT_BREAK, 0, 1), ==, -EFAULT);
	debug_rig_finish(&rig);
}

static void test_overlap(void)
{
	struct debug_rig rig;

	debug_rig_init(&rig);
	start(&rig);
	g_assert_cmpint(insert(&rig, IOL_GDB_SOFT_BREAK, CODE, 1), ==, 0);
	g_assert_cmpint(insert(&rig, IOL_GDB_SOFT_BREAK, CODE + 1, 1), ==, -EBUSY);
	g_assert_cmpint(insert(&rig, IOL_GDB_SOFT_BREAK, CODE + 2, 1), ==, 0);
	g_assert_cmpint(take_out(&rig, IOL_GDB_SOFT_BREAK, CODE, 1), ==, 0);
	g_assert_cmphex(*debug_rig_byte(&rig, CODE + 1), ==, 0x11);
	g_assert_cmphex(*debug_rig_byte(&rig, CODE + 2), ==, 0xe6);
	debug_rig_finish(&rig);
}

/* A guest that writes over a trap of ours keeps what it wrote. */
static void test_overwritten(void)
{
	struct debug_rig rig;

	debug_rig_init(&rig);
	start(&rig);
	g_assert_cmpint(insert(&rig, IOL_GDB_SOFT_BREAK, CODE, 1), ==, 0);
	*debug_rig_byte(&rig, CODE) = 0x55;
	g_assert_cmpint(take_out(&rig, IOL_GDB_SOFT_BREAK, CODE, 1), ==, 0);
	g_assert_cmphex(*debug_rig_byte(&rig, CODE), ==, 0x55);
	debug_rig_finish(&rig);
}

static void test_many(void)
{
	struct debug_rig rig;

	debug_rig_init(&rig);
	start(&rig);
	for (unsigned int i = 0; i < IOL_DEBUG_SOFT_MAX; i++)
		g_assert_cmpint(insert(&rig, IOL_GDB_SOFT_BREAK, CODE + 0x1000 + 2 * i, 1), ==, 0);
	g_assert_cmpint(insert(&rig, IOL_GDB_SOFT_BREAK, CODE, 1), ==, -ENOSPC);
	rig.target->ops->detach(rig.target, true);
	for (unsigned int i = 0; i < 2 * IOL_DEBUG_SOFT_MAX; i++)
		g_assert_cmphex(*debug_rig_byte(&rig, CODE + 0x1000 + i), ==, 0);
	debug_rig_finish(&rig);
}

static void test_hard(void)
{
	struct debug_rig rig;

	debug_rig_init(&rig);
	start(&rig);
	g_assert_cmpint(insert(&rig, IOL_GDB_HARD_BREAK, CODE, 1), ==, 0);
	g_assert_cmpint(insert(&rig, IOL_GDB_HARD_BREAK, CODE, 1), ==, 0);
	g_assert_cmpint(insert(&rig, IOL_GDB_WATCH_WRITE, CODE, 4), ==, 0);
	g_assert_cmpint(insert(&rig, IOL_GDB_WATCH_READ, CODE, 4), ==, 0);
	g_assert_cmpint(insert(&rig, IOL_GDB_WATCH_ACCESS, CODE + 8, 8), ==, 0);
	/* The four are those of breaks and watches together. */
	g_assert_cmpint(insert(&rig, IOL_GDB_HARD_BREAK, CODE + 1, 1), ==, -ENOSPC);
	g_assert_cmpuint(rig.debug->points.hard_count, ==, 4);
	/* A processor that cannot watch reads alone watches both. */
	g_assert_cmpint(rig.debug->points.hard[2].kind, ==, IOL_GDB_WATCH_ACCESS);
	g_assert_cmpint(rig.debug->points.asked[2], ==, IOL_GDB_WATCH_READ);
	g_assert_cmpint(take_out(&rig, IOL_GDB_WATCH_WRITE, CODE, 8), ==, 0); /* another length */
	g_assert_cmpuint(rig.debug->points.hard_count, ==, 4);
	g_assert_cmpint(take_out(&rig, IOL_GDB_WATCH_WRITE, CODE, 4), ==, 0);
	g_assert_cmpuint(rig.debug->points.hard_count, ==, 3);
	g_assert_cmpint(insert(&rig, IOL_GDB_WATCH_WRITE, CODE, 0), ==, -EINVAL);
	g_assert_cmpint(insert(&rig, IOL_GDB_WATCH_WRITE, UINT64_MAX, 2), ==, -EINVAL);
	debug_rig_finish(&rig);
}

/* What the architecture refuses is not there. */
static void test_hard_refused(void)
{
	struct debug_rig rig;

	debug_rig_init(&rig);
	start(&rig);
	rig.refuse_setup = -ENOSPC;
	g_assert_cmpint(insert(&rig, IOL_GDB_WATCH_WRITE, CODE + 1, 16), ==, -ENOSPC);
	g_assert_cmpuint(rig.debug->points.hard_count, ==, 0);
	g_assert_cmpuint(rig.setups[0].hard_count, ==, 0);
	debug_rig_finish(&rig);
}

/* With neither traps nor watches, as some KVMs are. */
static void test_lacking(void)
{
	struct debug_rig rig;

	debug_rig_init(&rig);
	rig.caps.trap_bytes = 0;
	rig.caps.hard_watches = 0;
	start(&rig);
	g_assert_cmpint(insert(&rig, IOL_GDB_WATCH_WRITE, CODE, 4), ==, -ENOTSUP);
	for (unsigned int i = 0; i < 4; i++)
		g_assert_cmpint(insert(&rig, IOL_GDB_SOFT_BREAK, CODE + i, 1), ==, 0);
	g_assert_cmpint(insert(&rig, IOL_GDB_SOFT_BREAK, CODE + 4, 1), ==, -ENOSPC);
	g_assert_cmphex(*debug_rig_byte(&rig, CODE), ==, 0x10);
	g_assert_cmpint(take_out(&rig, IOL_GDB_SOFT_BREAK, CODE + 3, 1), ==, 0);
	g_assert_cmpint(debug_rig_resume(&rig, IOL_GDB_CONTINUE, -1, 0), ==, 0);
	g_assert_cmpuint(rig.setups[3].hard_count, ==, 3);
	debug_rig_hit(&rig, 1,
		      &(struct iol_debug_hit){ .kind = IOL_DEBUG_HIT_BREAK, .address = CODE + 2 });
	g_assert_cmpuint(rig.stops, ==, 1);
	g_assert_cmpint(rig.stop.reason, ==, IOL_GDB_STOPPED_SOFT_BREAK);
	debug_rig_finish(&rig);
}

static void test_memory_edges(void)
{
	struct debug_rig rig;
	static uint8_t buf[3 * 4096];
	uint64_t end = FAKE_VM_BASE + DEBUG_RIG_RAM;

	debug_rig_init(&rig);
	start(&rig);
	g_assert_cmpint(rig.target->ops->read_memory(rig.target, 0, FAKE_VM_BASE - 1, buf, 2), ==,
			-EFAULT);
	g_assert_cmpint(rig.target->ops->read_memory(rig.target, 0, end - 4097, buf, sizeof(buf)),
			==, 4097);
	g_assert_cmpint(rig.target->ops->read_memory(rig.target, 0, UINT64_MAX, buf, 2), ==,
			-EFAULT);
	memset(buf, 0x5a, sizeof(buf));
	g_assert_cmpint(rig.target->ops->write_memory(rig.target, 0, FAKE_VM_BASE + 4000, buf,
						      sizeof(buf)),
			==, 0);
	g_assert_cmphex(*debug_rig_byte(&rig, FAKE_VM_BASE + 3999), ==, 0);
	g_assert_cmphex(*debug_rig_byte(&rig, FAKE_VM_BASE + 4000), ==, 0x5a);
	g_assert_cmphex(*debug_rig_byte(&rig, FAKE_VM_BASE + 4000 + sizeof(buf) - 1), ==, 0x5a);
	g_assert_cmphex(*debug_rig_byte(&rig, FAKE_VM_BASE + 4000 + sizeof(buf)), ==, 0);
	/* As much as there is memory for. */
	g_assert_cmpint(rig.target->ops->write_memory(rig.target, 0, end - 2, buf, 3), ==, -EFAULT);
	g_assert_cmphex(*debug_rig_byte(&rig, end - 1), ==, 0x5a);
	debug_rig_finish(&rig);
}

static void test_physical(void)
{
	struct debug_rig rig;
	g_autoptr(GString) out = g_string_new(NULL);
	uint8_t byte;

	debug_rig_init(&rig);
	start(&rig);
	*(uint8_t *)iol_memory_ptr(&rig.vm->memory, 0x123, 1) = 0x99;
	g_assert_cmpint(rig.target->ops->read_memory(rig.target, 0, 0x123, &byte, 1), ==, -EFAULT);
	g_assert_cmpint(rig.target->ops->monitor(rig.target, " phys on ", out), ==, 0);
	g_assert_cmpint(rig.target->ops->read_memory(rig.target, 0, 0x123, &byte, 1), ==, 1);
	g_assert_cmphex(byte, ==, 0x99);
	g_assert_cmpint(rig.target->ops->read_memory(rig.target, 0, DEBUG_RIG_RAM, &byte, 1), ==,
			-EFAULT);
	/* Points are virtual: a physical address would be another place. */
	g_assert_cmpint(insert(&rig, IOL_GDB_SOFT_BREAK, 0x123, 1), ==, -EPERM);
	g_assert_cmpint(insert(&rig, IOL_GDB_WATCH_WRITE, 0x123, 1), ==, -EPERM);
	/* The next client begins as the first did. */
	rig.target->ops->detach(rig.target, true);
	rig.target->ops->attach(rig.target);
	g_assert_cmpint(rig.target->ops->read_memory(rig.target, 0, 0x123, &byte, 1), ==, -EFAULT);
	debug_rig_finish(&rig);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/debug/points/trap", test_trap);
	g_test_add_func("/debug/points/trap-over-pages", test_trap_over_pages);
	g_test_add_func("/debug/points/overlap", test_overlap);
	g_test_add_func("/debug/points/overwritten", test_overwritten);
	g_test_add_func("/debug/points/many", test_many);
	g_test_add_func("/debug/points/hard", test_hard);
	g_test_add_func("/debug/points/hard-refused", test_hard_refused);
	g_test_add_func("/debug/points/lacking", test_lacking);
	g_test_add_func("/debug/points/memory-edges", test_memory_edges);
	g_test_add_func("/debug/points/physical", test_physical);
	return g_test_run();
}
