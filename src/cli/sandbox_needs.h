/* SPDX-License-Identifier: Apache-2.0 */
/* What a machine of a configuration needs of the host once it runs. */
#ifndef CLI_SANDBOX_NEEDS_H
#define CLI_SANDBOX_NEEDS_H

#include <iolite/config.h>

/* Prepares the sandbox that @config asks for; @pidfile: NULL: none. An exit status; what is wrong was told. */
int iol_sandbox_needs_of(const struct iol_config *config, const char *pidfile);

#endif
