// SPDX-License-Identifier: Apache-2.0
/*
 * Builds filters. See filter.h, seccomp(2), and the kernel's Documentation/userspace-api/seccomp_filter.rst.
 *
 * Rows of one system call stand together and are tried in their order; those without conditions
 * the kernel knows by a bitmap and does not even run the filter for them (Linux 5.11).
 */
#include "filter.h"

#include <errno.h>
#include <glib.h>
#include <linux/audit.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__powerpc64__)
#define ARCH (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? AUDIT_ARCH_PPC64LE : AUDIT_ARCH_PPC64)
#elif defined(__powerpc__)
#define ARCH AUDIT_ARCH_PPC
#else
#error "which architecture do system calls come from?"
#endif

#ifndef SECCOMP_FILTER_FLAG_SPEC_ALLOW
#define SECCOMP_FILTER_FLAG_SPEC_ALLOW (1UL << 2)
#endif

static const unsigned int low_half = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0;

#define OFFSET(field) ((uint32_t)offsetof(struct seccomp_data, field))

static void emit(GArray *code, uint16_t op, uint32_t k, uint8_t jt, uint8_t jf)
{
	struct sock_filter insn = { .code = op, .jt = jt, .jf = jf, .k = k };

	g_array_append_val(code, insn);
}

static void load(GArray *code, uint32_t offset)
{
	emit(code, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

static void load_arg(GArray *code, unsigned int number)
{
	load(code, OFFSET(args) + 8 * number + low_half);
}

static void finish(GArray *code, uint32_t action)
{
	emit(code, BPF_RET | BPF_K, action, 0, 0);
}

static bool applies(const struct filter_call *call, unsigned int needs)
{
	return call->nr != FILTER_NO_CALL && (!call->need || call->need & needs);
}

static unsigned int arg_count(const struct filter_call *call)
{
	unsigned int count = 0;

	if (call->own_process)
		return 1;
	while (count < FILTER_ARGS_MAX && call->args[count].mask)
		count++;
	return count;
}

static struct filter_arg arg_of(const struct filter_call *call, unsigned int i)
{
	if (call->own_process)
		return (struct filter_arg){ 0, UINT32_MAX, (uint32_t)getpid() };
	return call->args[i];
}

static uint32_t action_of(const struct filter_call *call)
{
	return call->answer ? SECCOMP_RET_ERRNO | (uint32_t)-call->answer : SECCOMP_RET_ALLOW;
}

static unsigned int insns_of(const struct filter_call *call)
{
	unsigned int insns = 1;

	for (unsigned int i = 0; i < arg_count(call); i++)
		insns += arg_of(call, i).mask == UINT32_MAX ? 2 : 3;
	return insns;
}

/* One row; where its conditions do not hold, what follows it is next. */
static void emit_call(GArray *code, const struct filter_call *call)
{
	unsigned int left = insns_of(call);

	for (unsigned int i = 0; i < arg_count(call); i++) {
		const struct filter_arg arg = arg_of(call, i);

		load_arg(code, arg.number);
		left--;
		if (arg.mask != UINT32_MAX) {
			emit(code, BPF_ALU | BPF_AND | BPF_K, arg.mask, 0, 0);
			left--;
		}
		left--;
		emit(code, BPF_JMP | BPF_JEQ | BPF_K, arg.value, 0, (uint8_t)left);
	}
	finish(code, action_of(call));
}

/* All rows of one number behind a jump over them. */
static void emit_group(GArray *code, const GPtrArray *calls, int nr, uint32_t otherwise)
{
	unsigned int insns = 1;

	for (unsigned int i = 0; i < calls->len; i++) {
		const struct filter_call *call = calls->pdata[i];

		if (call->nr == nr)
			insns += insns_of(call);
	}
	emit(code, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 1, 0);
	emit(code, BPF_JMP | BPF_JA, insns, 0, 0);
	for (unsigned int i = 0; i < calls->len; i++) {
		const struct filter_call *call = calls->pdata[i];

		if (call->nr == nr)
			emit_call(code, call);
	}
	finish(code, otherwise);
}

/* 64 bits in two halves: both ends are in one page, or nearly. */
static void emit_open(GArray *code, uintptr_t start, size_t bytes)
{
	const uint64_t where = start;

	load(code, OFFSET(instruction_pointer) + (low_half ? 0 : 4));
	emit(code, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(where >> 32), 0, 4);
	load(code, OFFSET(instruction_pointer) + low_half);
	emit(code, BPF_JMP | BPF_JGE | BPF_K, (uint32_t)where, 0, 2);
	emit(code, BPF_JMP | BPF_JGE | BPF_K, (uint32_t)(where + bytes), 1, 0);
	finish(code, SECCOMP_RET_ALLOW);
}

static GPtrArray *collect(const struct filter_list *list, unsigned int needs)
{
	GPtrArray *calls = g_ptr_array_new();

	for (const struct filter_call *const *table = list->tables; *table; table++)
		for (const struct filter_call *call = *table; call->name; call++)
			if (applies(call, needs))
				g_ptr_array_add(calls, (gpointer)call);
	return calls;
}

/* Whether rows before @idx have its number: they were done with. */
static bool was_there(const GPtrArray *calls, unsigned int idx)
{
	const struct filter_call *call = calls->pdata[idx];

	for (unsigned int i = 0; i < idx; i++)
		if (((const struct filter_call *)calls->pdata[i])->nr == call->nr)
			return true;
	return false;
}

void filter_build(struct filter *filter, const struct filter_list *list, unsigned int needs,
		  uint32_t otherwise, uintptr_t open_start, size_t open_bytes)
{
	g_autoptr(GPtrArray) calls = collect(list, needs);
	GArray *code = g_array_new(FALSE, FALSE, sizeof(struct sock_filter));

	/* A call of another architecture has other numbers; x86's 32-bit ones are not asked for their arguments. */
	load(code, OFFSET(arch));
	emit(code, BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	finish(code, SECCOMP_RET_KILL_PROCESS);
	if (open_bytes)
		emit_open(code, open_start, open_bytes);
	load(code, OFFSET(nr));
	for (unsigned int i = 0; i < calls->len; i++)
		if (!was_there(calls, i))
			emit_group(code, calls, ((const struct filter_call *)calls->pdata[i])->nr,
				   otherwise);
	finish(code, otherwise);
	filter->len = (unsigned short)code->len;
	filter->code = (struct sock_filter *)(void *)g_array_free(code, FALSE);
}

unsigned int filter_count(const struct filter_list *list, unsigned int needs)
{
	g_autoptr(GPtrArray) calls = collect(list, needs);
	g_autoptr(GHashTable) allowed = g_hash_table_new(NULL, NULL);

	for (unsigned int i = 0; i < calls->len; i++) {
		const struct filter_call *call = calls->pdata[i];

		if (!call->answer)
			g_hash_table_add(allowed, GINT_TO_POINTER(call->nr + 1));
	}
	return g_hash_table_size(allowed);
}

int filter_enter(const struct filter *filter, struct iol_error *err)
{
	const struct sock_fprog program = { .len = filter->len, .filter = filter->code };

	/* A filter for a thread without rights needs none; it takes nothing from who runs it. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return iol_error_errno(err, -errno, "cannot set no_new_privs");
	/* Kernels before 5.16 would slow such threads down, against programs that run others' code: we do not. */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program))
		return iol_error_errno(err, -errno, "cannot set a filter of system calls");
	return 0;
}
