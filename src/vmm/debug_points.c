// SPDX-License-Identifier: Apache-2.0
/*
 * Breakpoints and watchpoints of a machine. See debug_internal.h.
 *
 * A soft breakpoint is a trap instruction in guest memory. It is put there by guest-physical address, so that it can be taken out
 * whatever the guest makes of its page tables; and taken out only where it still is, as the guest may have written something
 * else there.
 */
#include "debug_internal.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

/* ---- Traps in memory ---- */

static uint8_t *byte_at(struct iol_debug *debug, uint64_t gpa)
{
	return iol_memory_ptr(&debug->vm->memory, gpa, 1);
}

static void put_byte(uint8_t *at, uint8_t value)
{
	*at = value;
	__builtin___clear_cache((char *)at, (char *)at + 1);
}

static struct iol_debug_soft *find_soft(const struct iol_debug *debug, uint64_t address)
{
	for (unsigned int i = 0; i < debug->points.soft_count; i++)
		if (debug->points.soft[i].address == address)
			return &debug->points.soft[i];
	return NULL;
}

bool iol_debug_is_soft(const struct iol_debug *debug, uint64_t address)
{
	return find_soft(debug, address) != NULL;
}

/* The trap that has a byte at @gpa, and which; NULL: none has. */
static struct iol_debug_soft *covers(const struct iol_debug *debug, uint64_t gpa, unsigned int *n)
{
	for (unsigned int i = 0; i < debug->points.soft_count; i++)
		for (*n = 0; *n < debug->caps.trap_bytes; (*n)++)
			if (debug->points.soft[i].gpa[*n] == gpa)
				return &debug->points.soft[i];
	return NULL;
}

static int locate(struct iol_debug *debug, unsigned int thread, struct iol_debug_soft *soft)
{
	for (unsigned int i = 0; i < debug->caps.trap_bytes; i++) {
		uint64_t left;

		if (iol_debug_translate(debug, thread, soft->address + i, &soft->gpa[i], &left) ||
		    !byte_at(debug, soft->gpa[i]))
			return -EFAULT;
	}
	return 0;
}

/* What is hidden by a trap at the same place, which has another virtual address, is that one's. */
static int take_original(struct iol_debug *debug, struct iol_debug_soft *soft)
{
	for (unsigned int i = 0; i < debug->caps.trap_bytes; i++) {
		unsigned int n;
		const struct iol_debug_soft *other = covers(debug, soft->gpa[i], &n);

		/* Half of one over another could not be taken out in any order. */
		if (other && n != i)
			return -EBUSY;
		soft->original[i] = other ? other->original[n] : *byte_at(debug, soft->gpa[i]);
	}
	return 0;
}

static int insert_soft(struct iol_debug *debug, unsigned int thread, uint64_t address)
{
	struct iol_debug_points *p = &debug->points;
	struct iol_debug_soft soft = { .address = address };
	int ret;

	if (find_soft(debug, address))
		return 0;
	if (p->soft_count == IOL_DEBUG_SOFT_MAX)
		return -ENOSPC;
	ret = locate(debug, thread, &soft);
	if (!ret)
		ret = take_original(debug, &soft);
	if (ret)
		return ret;
	if (p->soft_count == p->soft_room) {
		p->soft_room = MIN(MAX(p->soft_room * 2, 16), IOL_DEBUG_SOFT_MAX);
		p->soft = g_renew(struct iol_debug_soft, p->soft, p->soft_room);
	}
	p->soft[p->soft_count++] = soft;
	for (unsigned int i = 0; i < debug->caps.trap_bytes; i++)
		put_byte(byte_at(debug, soft.gpa[i]), debug->caps.trap[i]);
	return 0;
}

static bool is_in_memory(struct iol_debug *debug, const struct iol_debug_soft *soft)
{
	for (unsigned int i = 0; i < debug->caps.trap_bytes; i++)
		if (*byte_at(debug, soft->gpa[i]) != debug->caps.trap[i])
			return false;
	return true;
}

static void remove_soft(struct iol_debug *debug, struct iol_debug_soft *soft)
{
	struct iol_debug_points *p = &debug->points;
	struct iol_debug_soft gone = *soft;
	unsigned int n;

	*soft = p->soft[--p->soft_count];
	if (!is_in_memory(debug, &gone))
		return;
	for (unsigned int i = 0; i < debug->caps.trap_bytes; i++)
		if (!covers(debug, gone.gpa[i], &n))
			put_byte(byte_at(debug, gone.gpa[i]), gone.original[i]);
}

static void put_bytes(struct iol_debug *debug, const struct iol_debug_soft *soft,
		      const uint8_t *bytes)
{
	for (unsigned int i = 0; i < debug->caps.trap_bytes; i++)
		put_byte(byte_at(debug, soft->gpa[i]), bytes[i]);
}

bool iol_debug_lift(struct iol_debug *debug, unsigned int cpu)
{
	const struct iol_arch_debug_ops *ops = debug->vm->arch->kvm->debug;
	struct iol_vcpu *vcpu = &debug->vm->vcpus[cpu];
	const struct iol_debug_soft *soft;
	uint64_t pc, gpa, left;
	unsigned int n;

	if (!debug->points.soft_count || debug->caps.trap_bytes < 2 || ops->get_pc(vcpu, &pc) ||
	    ops->translate(vcpu, pc, &gpa, &left))
		return false;
	soft = covers(debug, gpa, &n);
	if (!soft || !n || !is_in_memory(debug, soft))
		return false;
	debug->passed = *soft;
	put_bytes(debug, soft, soft->original);
	return true;
}

void iol_debug_put_back(struct iol_debug *debug)
{
	put_bytes(debug, &debug->passed, debug->caps.trap);
}

void iol_debug_replace(struct iol_debug *debug)
{
	for (unsigned int i = 0; i < debug->points.soft_count; i++) {
		const struct iol_debug_soft *soft = &debug->points.soft[i];
		bool same = true;

		for (unsigned int b = 0; b < debug->caps.trap_bytes; b++)
			same &= *byte_at(debug, soft->gpa[b]) == soft->original[b];
		for (unsigned int b = 0; b < debug->caps.trap_bytes && same; b++)
			put_byte(byte_at(debug, soft->gpa[b]), debug->caps.trap[b]);
	}
}

void iol_debug_hide_traps(const struct iol_debug *debug, uint64_t gpa, uint8_t *buf, uint64_t len)
{
	for (unsigned int i = 0; i < debug->points.soft_count; i++) {
		const struct iol_debug_soft *soft = &debug->points.soft[i];

		for (unsigned int b = 0; b < debug->caps.trap_bytes; b++) {
			uint64_t at = soft->gpa[b] - gpa;

			if (at < len && buf[at] == debug->caps.trap[b])
				buf[at] = soft->original[b];
		}
	}
}

void iol_debug_keep_traps(struct iol_debug *debug, uint64_t gpa, uint8_t *buf, uint64_t len)
{
	/* Several may be at one place: all remember what is written before any is put back. */
	for (unsigned int i = 0; i < debug->points.soft_count; i++)
		for (unsigned int b = 0; b < debug->caps.trap_bytes; b++)
			if (debug->points.soft[i].gpa[b] - gpa < len)
				debug->points.soft[i].original[b] =
					buf[debug->points.soft[i].gpa[b] - gpa];
	for (unsigned int i = 0; i < debug->points.soft_count; i++)
		for (unsigned int b = 0; b < debug->caps.trap_bytes; b++)
			if (debug->points.soft[i].gpa[b] - gpa < len)
				buf[debug->points.soft[i].gpa[b] - gpa] = debug->caps.trap[b];
}

/* ---- Hardware points ---- */

static unsigned int count_hard(const struct iol_debug *debug, bool breaks)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < debug->points.hard_count; i++)
		n += (debug->points.hard[i].kind == IOL_GDB_HARD_BREAK) == breaks;
	return n;
}

/* 0, -ENOTSUP: there is no such thing, -ENOSPC: there is no more of it. */
static int has_room(const struct iol_debug *debug, bool is_break)
{
	const struct iol_debug_caps *caps = &debug->caps;
	unsigned int most = is_break ? caps->hard_breaks : caps->hard_watches;
	unsigned int used =
		caps->hard_shared ? debug->points.hard_count : count_hard(debug, is_break);

	if (!most)
		return -ENOTSUP;
	return used < most && debug->points.hard_count < IOL_DEBUG_HARD_MAX ? 0 : -ENOSPC;
}

static int find_hard(const struct iol_debug *debug, enum iol_gdb_point asked, uint64_t address,
		     uint64_t bytes)
{
	const struct iol_debug_points *p = &debug->points;

	for (unsigned int i = 0; i < p->hard_count; i++)
		if (p->asked[i] == asked && p->hard[i].address == address &&
		    (p->hard[i].kind == IOL_GDB_HARD_BREAK || p->hard[i].bytes == bytes))
			return (int)i;
	return -1;
}

static int insert_hard(struct iol_debug *debug, enum iol_gdb_point asked, uint64_t address,
		       uint64_t bytes)
{
	struct iol_debug_points *p = &debug->points;
	enum iol_gdb_point kind = asked == IOL_GDB_SOFT_BREAK ? IOL_GDB_HARD_BREAK : asked;
	int ret;

	if (find_hard(debug, asked, address, bytes) >= 0)
		return 0;
	if (kind != IOL_GDB_HARD_BREAK && (!bytes || address + bytes - 1 < address))
		return -EINVAL;
	ret = has_room(debug, kind == IOL_GDB_HARD_BREAK);
	if (ret)
		return ret;
	/* The debugger sees by the value whether it was a write. */
	if (kind == IOL_GDB_WATCH_READ && !debug->caps.watch_reads)
		kind = IOL_GDB_WATCH_ACCESS;
	p->asked[p->hard_count] = asked;
	p->hard[p->hard_count++] = (struct iol_debug_point){ kind, address, bytes };
	/* Only KVM's half knows whether a processor can be made to see this place and length. */
	ret = iol_debug_arm(debug, 0, false);
	if (ret) {
		p->hard_count--;
		iol_debug_arm(debug, 0, false);
	}
	return ret;
}

static void remove_hard(struct iol_debug *debug, unsigned int n)
{
	struct iol_debug_points *p = &debug->points;

	p->hard_count--;
	p->hard[n] = p->hard[p->hard_count];
	p->asked[n] = p->asked[p->hard_count];
}

int iol_debug_point_of(const struct iol_debug *debug, const struct iol_debug_hit *hit)
{
	const struct iol_debug_points *p = &debug->points;
	bool is_break = hit->kind == IOL_DEBUG_HIT_BREAK;

	for (unsigned int i = 0; i < p->hard_count; i++) {
		if (is_break != (p->hard[i].kind == IOL_GDB_HARD_BREAK))
			continue;
		if (hit->points & UINT32_C(1) << i)
			return (int)i;
		if (!hit->points && is_break && hit->address == p->hard[i].address)
			return (int)i;
		if (!hit->points && !is_break &&
		    hit->address - p->hard[i].address < p->hard[i].bytes)
			return (int)i;
	}
	return -1;
}

/* ---- Both ---- */

int iol_debug_insert(struct iol_debug *debug, unsigned int thread, enum iol_gdb_point point,
		     uint64_t address, uint64_t bytes)
{
	/* An address of the one kind would be taken for one of the other. */
	if (debug->physical)
		return -EPERM;
	if (point != IOL_GDB_SOFT_BREAK)
		return insert_hard(debug, point, address, bytes);
	if (debug->caps.trap_bytes)
		return insert_soft(debug, thread, address);
	return insert_hard(debug, point, address, bytes);
}

int iol_debug_remove(struct iol_debug *debug, enum iol_gdb_point point, uint64_t address,
		     uint64_t bytes)
{
	struct iol_debug_soft *soft =
		point == IOL_GDB_SOFT_BREAK ? find_soft(debug, address) : NULL;
	int n;

	if (soft) {
		remove_soft(debug, soft);
		return 0;
	}
	n = find_hard(debug, point, address, bytes);
	if (n >= 0)
		remove_hard(debug, (unsigned int)n);
	return 0;
}

void iol_debug_remove_all(struct iol_debug *debug)
{
	while (debug->points.soft_count)
		remove_soft(debug, &debug->points.soft[debug->points.soft_count - 1]);
	debug->points.hard_count = 0;
}

int iol_debug_arm(struct iol_debug *debug, unsigned int cpu, bool step)
{
	struct iol_debug_points *p = &debug->points;
	struct iol_debug_setup new;
	int ret;

	memset(&new, 0, sizeof(new)); /* it is compared as a whole */
	new.step = step;
	new.traps = p->soft_count > 0;
	new.hard_count = p->hard_count;
	for (unsigned int i = 0; i < p->hard_count; i++) {
		new.hard[i].kind = p->hard[i].kind;
		new.hard[i].address = p->hard[i].address;
		new.hard[i].bytes = p->hard[i].bytes;
	}
	/* A step is prepared for the instruction that is next: that is another one each time. */
	if (!step && !memcmp(&new, &debug->cpus[cpu].setup, sizeof(new)))
		return 0;
	ret = debug->vm->arch->kvm->debug->setup(&debug->vm->vcpus[cpu], &debug->caps, &new);
	if (!ret)
		debug->cpus[cpu].setup = new;
	return ret;
}

void iol_debug_rearm(struct iol_debug *debug, unsigned int cpu)
{
	static const struct iol_debug_setup none;
	const struct iol_debug_setup *now = &debug->cpus[cpu].setup;

	if (memcmp(now, &none, sizeof(none)))
		debug->vm->arch->kvm->debug->setup(&debug->vm->vcpus[cpu], &debug->caps, now);
}
