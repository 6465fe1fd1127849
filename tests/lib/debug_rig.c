// SPDX-License-Identifier: Apache-2.0
/* See debug_rig.h. */
#include "debug_rig.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

static struct debug_rig
	*current; /* the architecture's functions and the session have no place for it */

static int fake_probe(int kvm_fd, struct iol_debug_caps *caps, struct iol_error *err)
{
	(void)kvm_fd;
	(void)err;
	*caps = current->caps;
	return 0;
}

static int fake_get_pc(struct iol_vcpu *vcpu, uint64_t *pc)
{
	*pc = current->pc[vcpu->idx];
	return 0;
}

static int fake_set_pc(struct iol_vcpu *vcpu, uint64_t pc)
{
	current->pc[vcpu->idx] = pc;
	return 0;
}

static int fake_setup(struct iol_vcpu *vcpu, const struct iol_debug_caps *caps,
		      const struct iol_debug_setup *setup)
{
	(void)caps;
	current->setup_calls++;
	if (current->refuse_setup && setup->hard_count)
		return current->refuse_setup;
	current->setups[vcpu->idx] = *setup;
	return 0;
}

static int fake_give_back(struct iol_vcpu *vcpu)
{
	(void)vcpu;
	current->given_back++;
	return 0;
}

static int fake_read_registers(struct iol_vcpu *vcpu, uint8_t *buf)
{
	memcpy(buf, &current->pc[vcpu->idx], sizeof(uint64_t));
	return 0;
}

static int clear_pc(struct iol_vcpu *vcpu, struct iol_error *err)
{
	(void)err;
	current->pc[vcpu->idx] = 0;
	return 0;
}

/* What a kernel's file would put there. */
static int load_code(const struct iol_layout *layout, const struct iol_memory *mem,
		     const struct iol_boot *boot, struct iol_entry *entry,
		     struct iol_placement *placement, struct iol_error *err)
{
	static const uint8_t code[] = { 1, 2, 3, 4, 5, 6, 7, 8 };

	fake_vm_load(layout, mem, boot, entry, placement, err);
	return iol_memory_write(mem, DEBUG_RIG_RAM - FAKE_VM_PAGE_BYTES, code, sizeof(code));
}

void __wrap_iol_gdb_session_stopped(struct iol_gdb_session *session,
				    const struct iol_gdb_stop *stop);
void __wrap_iol_gdb_session_stopped(struct iol_gdb_session *session,
				    const struct iol_gdb_stop *stop)
{
	(void)session;
	current->stops++;
	current->stop = *stop;
}

void __wrap_iol_gdb_session_exited(struct iol_gdb_session *session, unsigned int status);
void __wrap_iol_gdb_session_exited(struct iol_gdb_session *session, unsigned int status)
{
	(void)session;
	current->exited = true;
	current->status = status;
}

void debug_rig_init(struct debug_rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	current = rig;
	rig->caps = (struct iol_debug_caps){
		.steps = true,
		.trap_bytes = 2,
		.trap = { 0xe6, 0xdb },
		.trap_pc_behind = 2,
		.trap_port = -1,
		.hard_breaks = 4,
		.hard_watches = 4,
		.hard_shared = true,
	};
	rig->ops = (struct iol_arch_debug_ops){
		.probe = fake_probe,
		.get_pc = fake_get_pc,
		.set_pc = fake_set_pc,
		.translate = fake_vm_translate,
		.setup = fake_setup,
		.give_back = fake_give_back,
		.read_registers = fake_read_registers,
	};
	rig->kvm = (struct iol_arch_kvm_ops){
		.debug = &rig->ops,
		.vm_reset = fake_vm_reset,
		.vcpu_reset = clear_pc,
	};
	rig->arch = (struct iol_arch){ .name = "fake", .load = load_code, .kvm = &rig->kvm };
	iol_config_init(&rig->config);
	rig->config.has_gdb = true;
}

void debug_rig_start(struct debug_rig *rig, bool wait)
{
	rig->vm = fake_vm_new(&rig->config, &rig->arch, DEBUG_RIG_RAM, DEBUG_RIG_CPUS);
	g_assert_cmpint(iol_debug_init(rig->vm, NULL), ==, 0);
	rig->debug = rig->vm->debug;
	rig->target = iol_debug_target(rig->vm);
	rig->target->session = (struct iol_gdb_session *)rig; /* only looked whether it is there */
	rig->vm->lifecycle.state = wait ? IOL_STATE_PAUSED : IOL_STATE_RUNNING;
	if (!wait)
		iol_vcpus_resume(rig->vm);
}

void debug_rig_finish(struct debug_rig *rig)
{
	rig->target->session = NULL;
	iol_vm_free(rig->vm);
	iol_config_finish(&rig->config);
}

void debug_rig_turn(struct debug_rig *rig)
{
	fake_vm_turn(rig->vm);
}

void debug_rig_hit(struct debug_rig *rig, unsigned int idx, const struct iol_debug_hit *hit)
{
	rig->debug->cpus[idx].hit = *hit;
	iol_debug_stands(&rig->vm->vcpus[idx]);
	debug_rig_turn(rig);
}

int debug_rig_resume(struct debug_rig *rig, enum iol_gdb_action action, int thread,
		     enum iol_gdb_action other)
{
	enum iol_gdb_action actions[DEBUG_RIG_CPUS];

	for (int i = 0; i < DEBUG_RIG_CPUS; i++)
		actions[i] = i == thread ? other : action;
	return rig->target->ops->resume(rig->target, actions);
}

uint8_t *debug_rig_byte(struct debug_rig *rig, uint64_t address)
{
	uint64_t gpa = 0, left;

	g_assert_cmpint(fake_vm_translate(&rig->vm->vcpus[0], address, &gpa, &left), ==, 0);
	return iol_memory_ptr(&rig->vm->memory, gpa, 1);
}
