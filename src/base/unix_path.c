// SPDX-License-Identifier: Apache-2.0
/* See include/iolite/unix_path.h. */
#include <iolite/unix_path.h>

#include <errno.h>
#include <string.h>
#include <sys/un.h>

int iol_unix_path_check(const char *path, struct iol_error *err)
{
	const size_t max = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;

	if (!*path)
		return iol_error_set(
			err, -EINVAL,
			"the path of the socket is empty: give one, such as below /run");
	/* What to do about it comes before the path, which may be cut. */
	if (strlen(path) > max)
		return iol_error_set(err, -EINVAL,
				     "the path of the socket is longer than %zu bytes: give a "
				     "shorter one, such as below /run, not %.120s",
				     max, path);
	return 0;
}
