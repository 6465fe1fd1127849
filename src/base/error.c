// SPDX-License-Identifier: Apache-2.0
/* Error texts. See include/iolite/error.h. */
#include <iolite/error.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "printable.h"

void iol_fd_close(int *fd)
{
	int saved_errno = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved_errno;
}

iol_printf(3, 0) static int set(struct iol_error *err, int code, const char *fmt, va_list args)
{
	if (!err)
		return code;
	err->code = code;
	vsnprintf(err->msg, sizeof(err->msg), fmt, args);
	iol_make_printable(err->msg);
	return code;
}

int iol_error_set(struct iol_error *err, int code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	set(err, code, fmt, args);
	va_end(args);
	return code;
}

int iol_error_errno(struct iol_error *err, int code, const char *fmt, ...)
{
	va_list args;
	size_t len;

	va_start(args, fmt);
	set(err, code, fmt, args);
	va_end(args);
	if (err) {
		len = strlen(err->msg);
		snprintf(err->msg + len, sizeof(err->msg) - len, ": %s%s", strerror(-code),
			 code == -EMFILE ? "; raise the limit (ulimit -n)" : "");
	}
	return code;
}

bool iol_error_is_hosts(int code)
{
	return code == -EMFILE || code == -ENFILE || code == -ENOMEM || code == -ENOBUFS ||
	       code == -EIO;
}

int iol_error_prefix(struct iol_error *err, const char *fmt, ...)
{
	char tail[sizeof(err->msg)];
	va_list args;
	size_t len;

	if (!err)
		return -EINVAL;
	memcpy(tail, err->msg, sizeof(tail));
	va_start(args, fmt);
	set(err, err->code, fmt, args);
	va_end(args);
	len = strlen(err->msg);
	snprintf(err->msg + len, sizeof(err->msg) - len, ": %s", tail);
	return err->code;
}
