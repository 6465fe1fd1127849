// SPDX-License-Identifier: Apache-2.0
/* The system calls of a vCPU's thread, beside those to KVM: exits run into devices. See calls.h. */
#include "calls.h"

static const struct filter_call calls[] = {
	CALL(write, "eventfds: interrupts, and what is posted to the loop; messages"),
	CALL(rt_sigreturn, "the kick, a signal"),
	CALL(sigreturn, "the kick, on 32-bit Power"),
	{ .name = NULL },
};

/* The hottest first: what has conditions is searched for in this order. */
static const struct filter_call *const tables[] = {
#ifdef IOL_SANDBOX_SANITIZED
	sandbox_sanitizer_calls,
#endif
	sandbox_kvm_vcpu_calls,  calls, sandbox_thread_calls, sandbox_memory_calls,
	sandbox_answered_calls,  NULL,
};

const struct filter_list sandbox_vcpu_list = { .tables = tables, .kind = "vcpu" };
