/* SPDX-License-Identifier: Apache-2.0 */
/* A machine that nothing of runs, whose monitor is asked what an input says. */
#ifndef IOLITE_TESTS_MONITOR_MODEL_H
#define IOLITE_TESTS_MONITOR_MODEL_H

#include "fuzz.h"

/* Makes the machine, once in a process. */
void monitor_model_init(void);

/* One line to it, and what must hold of the answer. Commands that would act on the host or end the machine are left out. */
void monitor_model_say(struct fuzz_input *in);

#endif
