/* SPDX-License-Identifier: Apache-2.0 */
/* Assembly of a machine's devices from its layout. */
#ifndef IOL_VMM_MACHINE_H
#define IOL_VMM_MACHINE_H

#include <iolite/vm.h>

/* Makes the backends and all devices of vm->layout. The loop, the buses and the VM are there. */
int iol_machine_init(struct iol_vm *vm, struct iol_error *err);

/* Lets the character backends send what is pending, then frees all devices, last made first. */
void iol_machine_finish(struct iol_vm *vm);

#endif
