// SPDX-License-Identifier: Apache-2.0
/* The architectures iolite knows. See include/iolite/arch.h. */
#include <iolite/arch.h>

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static const struct iol_arch *const arches[] = {
	&iol_arch_x86_64,
	&iol_arch_aarch64,
	&iol_arch_powerpc,
};

const struct iol_arch *iol_arch_find(const char *name)
{
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(arches); i++) {
		if (!strcmp(arches[i]->name, name))
			return arches[i];
	}
	return NULL;
}

static char names[128];

static void write_names(void)
{
	size_t len = 0;

	for (unsigned int i = 0; i < IOL_ARRAY_LEN(arches); i++) {
		const char *before = i + 1 < IOL_ARRAY_LEN(arches) ? ", " : " or ";

		len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", i ? before : "",
					arches[i]->name);
		assert(len < sizeof(names));
	}
}

const char *iol_arch_names(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, write_names);
	return names;
}

const struct iol_arch *iol_arch_host(void)
{
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(arches); i++) {
		if (arches[i]->kvm)
			return arches[i];
	}
	return NULL;
}
