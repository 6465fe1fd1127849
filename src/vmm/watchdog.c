// SPDX-License-Identifier: Apache-2.0
/* The watchdog, where the configuration wants one. Runs on the loop's thread before the first vCPU runs. */
#include <iolite/i6300esb.h>

#include "machine.h"

int iol_watchdog_init(struct iol_vm *vm, struct iol_error *err)
{
	const struct iol_watchdog_config *wanted = &vm->config->watchdog;
	const struct iol_i6300esb_config config = {
		.loop = &vm->loop,
		.host = vm->pci_host,
		.slot = IOL_SLOT_WATCHDOG,
		.intx = iol_machine_slot_wire(vm, IOL_SLOT_WATCHDOG),
		.sink = &vm->lifecycle.sink,
		.autostart_s = wanted->autostart_s,
	};
	int ret;

	if (wanted->kind == IOL_WATCHDOG_KIND_NONE)
		return 0;
	ret = iol_i6300esb_new(&config, &vm->watchdog, err);
	if (!ret)
		iol_machine_keep(vm, iol_i6300esb_device(vm->watchdog));
	return ret;
}
