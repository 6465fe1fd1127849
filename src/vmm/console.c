// SPDX-License-Identifier: Apache-2.0
/* The virtio console, hvc0, where the configuration wants one. Runs on the loop's thread before the first vCPU runs. */
#include <iolite/virtio_console.h>

#include "machine.h"

int iol_console_init(struct iol_vm *vm, struct iol_error *err)
{
	static const struct iol_virtio_console_config config = { .name = "console0" };
	const struct iol_virtio_env env = iol_machine_virtio_env(vm);
	struct iol_virtio *v;
	int ret;

	if (!vm->config->has_console)
		return 0;
	ret = iol_machine_make_line(vm, &vm->config->console, config.name, &vm->console, err);
	if (!ret)
		ret = iol_virtio_console_new(vm->console, &config, &env, &v, err);
	if (!ret)
		ret = iol_machine_plug(vm, IOL_SLOT_CONSOLE, IOL_TRANSPORT_PCI, v, err);
	if (!ret)
		iol_char_start(vm->console, iol_virtio_console_char_user(v));
	return ret;
}
