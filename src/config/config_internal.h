/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of src/config. */
#ifndef IOL_CONFIG_CONFIG_INTERNAL_H
#define IOL_CONFIG_CONFIG_INTERNAL_H

#include <iolite/config.h>

void iol_disk_config_finish(struct iol_disk_config *disk);

#endif
