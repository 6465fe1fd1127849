/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SANDBOX_CALL_NAMES_H
#define SANDBOX_CALL_NAMES_H

/* Of those that are on any list, and of those that somebody is most likely to miss. NULL: of no such. Static. */
const char *sandbox_call_name(int nr);

#endif
