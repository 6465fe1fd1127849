// SPDX-License-Identifier: Apache-2.0
/* The source of entropy, where the configuration wants one. Runs on the loop's thread before the first vCPU runs. */
#include <iolite/virtio_rng.h>

#include "machine.h"

int iol_rng_init(struct iol_vm *vm, struct iol_error *err)
{
	static const struct iol_virtio_rng_config config = {
		.name = "rng",
		.bytes_per_s = IOL_VIRTIO_RNG_BYTES_PER_S,
	};
	const struct iol_virtio_env env = iol_machine_virtio_env(vm);
	struct iol_virtio *v;
	int ret;

	if (!vm->config->rng)
		return 0;
	ret = iol_virtio_rng_new(&config, &env, &v, err);
	return ret ? ret : iol_machine_plug(vm, IOL_SLOT_RNG, IOL_TRANSPORT_PCI, v, err);
}
