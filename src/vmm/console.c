// SPDX-License-Identifier: Apache-2.0
/* The virtio console, hvc0, where the configuration wants one. Runs on the loop's thread. */
#include <iolite/virtio_console.h>

#include "machine.h"

/* Also while another line is the one that is shown there: the size is the same. */
static bool has_terminal(const struct iol_char_config *line)
{
	return line->kind == IOL_CHAR_STDIO || line->kind == IOL_CHAR_MUX;
}

void iol_vm_set_terminal_size(struct iol_vm *vm, uint16_t cols, uint16_t rows)
{
	if (vm->console_virtio && has_terminal(&vm->config->console))
		iol_virtio_console_set_size(vm->console_virtio, cols, rows);
}

int iol_console_init(struct iol_vm *vm, struct iol_error *err)
{
	static const struct iol_virtio_console_config config = { .name = "console0" };
	const struct iol_virtio_env env = iol_machine_virtio_env(vm);
	struct iol_virtio *v;
	int ret;

	if (!vm->config->has_console)
		return 0;
	ret = iol_virtio_console_new(vm->console, &config, &env, &v, err);
	if (!ret)
		ret = iol_machine_plug(vm, IOL_SLOT_CONSOLE, IOL_TRANSPORT_PCI, v, err);
	if (ret)
		return ret;
	vm->console_virtio = v;
	iol_char_start(vm->console, iol_virtio_console_char_user(v));
	return 0;
}
