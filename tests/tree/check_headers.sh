#!/bin/sh
# Every public header compiles alone, with both compilers where they are there, and twice in one file.
#   check_headers.sh "FLAGS"
set -u
cd "$(dirname "$0")/../.."

failed=0
for header in include/iolite/*.h; do
	name=iolite/$(basename "$header")
	for cc in gcc clang; do
		command -v "$cc" >/dev/null || continue
		# shellcheck disable=SC2086  # the flags are several words
		if ! printf '#include <%s>\n#include <%s>\n' "$name" "$name" |
			"$cc" -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -Iinclude $1 \
				-fsyntax-only -x c -; then
			echo "$header does not compile alone with $cc"
			failed=1
		fi
	done
done
exit $failed
