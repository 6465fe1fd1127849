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

static _Atomic int shown_level = IOL_LOG_WARN;
static atomic_bool progress_is_shown;

void iol_log_set_level(enum iol_log_level level)
{
	atomic_store_explicit(&shown_level, (int)level, memory_order_relaxed);
}

enum iol_log_level iol_log_level(void)
{
	return (enum iol_log_level)atomic_load_explicit(&shown_level, memory_order_relaxed);
}

static const char *const level_names[IOL_LOG_LEVEL_COUNT] = {
	[IOL_LOG_ERROR] = "error",
	[IOL_LOG_WARN] = "warn",
	[IOL_LOG_INFO] = "info",
	[IOL_LOG_DEBUG] = "debug",
};

const char *iol_log_level_name(enum iol_log_level level)
{
	return level_names[level];
}

bool iol_log_level_parse(const char *name, enum iol_log_level *level)
{
	for (int i = 0; i < IOL_LOG_LEVEL_COUNT; i++) {
		if (strcmp(level_names[i], name) != 0)
			continue;
		*level = (enum iol_log_level)i;
		return true;
	}
	return false;
}

bool iol_log_enabled(enum iol_log_level level)
{
	return level <= iol_log_level();
}

static void hide_progress(void)
{
	static const char hide[] = "\r\033[K"; /* ECMA-48 8.3.41: erase to the end of the line */

	if (atomic_exchange(&progress_is_shown, false) &&
	    write(STDERR_FILENO, hide, strlen(hide)) < 0)
		return;
}

void iol_log_progress(const char *text)
{
	char line[128];

	hide_progress();
	if (!text || !isatty(STDERR_FILENO))
		return;
	snprintf(line, sizeof(line), "iolite: %s", text);
	iol_make_printable(line);
	atomic_store(&progress_is_shown, write(STDERR_FILENO, line, strlen(line)) > 0);
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
	hide_progress();
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
