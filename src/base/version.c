// SPDX-License-Identifier: Apache-2.0
/* See include/iolite/version.h. The build defines what is in it. */
#include <iolite/version.h>

const char iol_version[] = IOLITE_VERSION;
const char iol_version_commit[] = IOLITE_COMMIT;
