// SPDX-License-Identifier: Apache-2.0
/* Diagnostics to standard error. See include/iolite/log.h. Any thread. */
#include <iolite/log.h>

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "printable.h"

static _Atomic int log_level = IOL_LOG_WARN;

void iol_log_set_level(enum iol_log_level level)
{
	atomic_store_explicit(&log_level, (int)level, memory_order_relaxed);
}

bool iol_log_enabled(enum iol_log_level level)
{
	return (int)level <= atomic_load_explicit(&log_level, memory_order_relaxed);
}

iol_printf(2, 0) static void write_line(uint32_t suppressed, const char *fmt, va_list args)
{
	char line[640];
	size_t len;

	len = (size_t)snprintf(line, sizeof(line), "iolite: ");
	vsnprintf(line + len, sizeof(line) - len - 1, fmt, args);
	len = strlen(line);
	if (suppressed)
		snprintf(line + len, sizeof(line) - len - 1, " (%u such lines left out)",
			 suppressed);
	iol_make_printable(line);
	len = strlen(line);
	line[len++] = '\n';
	/* Nothing sensible can be done when standard error is gone. */
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}

void iol_log(enum iol_log_level level, const char *fmt, ...)
{
	va_list args;

	if (!iol_log_enabled(level))
		return;
	va_start(args, fmt);
	write_line(0, fmt, args);
	va_end(args);
}

void iol_log_limited(struct iol_log_limit *limit, enum iol_log_level level, const char *fmt, ...)
{
	struct timespec ts;
	uint32_t suppressed;
	uint64_t now_ns;
	va_list args;

	if (!iol_log_enabled(level))
		return;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	now_ns = (uint64_t)ts.tv_sec * IOL_NS_PER_S + (uint64_t)ts.tv_nsec;
	if (!limit->window_start_ns || now_ns - limit->window_start_ns >= IOL_NS_PER_S) {
		limit->window_start_ns = now_ns;
		limit->in_window = 0;
	}
	if (limit->in_window >= limit->burst) {
		limit->suppressed++;
		return;
	}
	limit->in_window++;
	suppressed = limit->suppressed;
	limit->suppressed = 0;
	va_start(args, fmt);
	write_line(suppressed, fmt, args);
	va_end(args);
}
