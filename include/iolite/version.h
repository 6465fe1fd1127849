/* SPDX-License-Identifier: Apache-2.0 */
/* Which iolite this is. Any thread. */
#ifndef IOLITE_VERSION_H
#define IOLITE_VERSION_H

extern const char iol_version[]; /* the release, such as "0.1.0" */
extern const char iol_version_commit[]; /* as git describes it; "": unknown */

#endif
