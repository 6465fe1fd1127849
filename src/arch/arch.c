// SPDX-License-Identifier: Apache-2.0
/* The architectures iolite knows. See include/iolite/arch.h. */
#include <iolite/arch.h>

#include <string.h>

static const struct iol_arch *const arches[] = {
	&iol_arch_x86_64,
};

const struct iol_arch *iol_arch_find(const char *name)
{
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(arches); i++) {
		if (!strcmp(arches[i]->name, name))
			return arches[i];
	}
	return NULL;
}

const char *iol_arch_names(void)
{
	return "x86_64";
}

const struct iol_arch *iol_arch_host(void)
{
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(arches); i++) {
		if (arches[i]->kvm)
			return arches[i];
	}
	return NULL;
}
