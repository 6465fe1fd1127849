#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fetch and unpack Debian packages of the host's architecture, without installing them: programs that must not come over
# this host, as another init system, and that the lab tries.
#
# usage: fetch-package.sh [--backports] PACKAGE...
#   --backports  as Debian's backports for the host's release have them, whether apt's sources name these or not
#
# For each one line "PACKAGE DIRECTORY" goes to stdout; what is done goes to stderr. DIRECTORY holds the package's files; it
# lies in $IOLITE_CACHE (default ${XDG_CACHE_HOME:-$HOME/.cache}/iolite), one per exact version, and appears by one
# rename, so a half-written one is never seen.
# Exit status: 0 all there, 1 a failure, 3 apt knows no such package.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/apt.sh
. "$here/apt.sh"

# unpack NAME VERSION DIRECTORY
unpack() {
	mkdir -p "$cache/packages"
	temp=$(mktemp -d "$cache/packages/.new.XXXXXX")
	chmod 755 "$temp"
	mkdir "$temp/root"
	say "downloading $1 $2"
	if (cd "$temp" && apt_get -qq -o APT::Sandbox::User= download "$1=$2" >&2) && dpkg -x "$temp"/*.deb "$temp/root"; then
		# somebody else may have been faster: theirs is as good
		mv -T "$temp/root" "$3" 2>/dev/null || :
	fi
	rm -rf "$temp"
	[ -d "$3" ]
}

fetch() {
	exact=$(version "$1")
	if [ -z "$exact" ]; then
		refresh_lists
		exact=$(version "$1")
	fi
	if [ -z "$exact" ]; then
		say "apt offers no package $1: add Debian's main suite to apt's sources"
		exit 3
	fi
	dir=$cache/packages/${1}_$exact
	if [ ! -d "$dir" ] && ! unpack "$1" "$exact" "$dir"; then
		# old lists name packages that are gone: once more with fresh ones
		[ "$lists" = host ] || die "cannot download $1 $exact"
		refresh_lists
		fetch "$1"
		return
	fi
	printf '%s %s\n' "$1" "$dir"
}

from=host
[ "${1:-}" != --backports ] || {
	from=backports
	shift
}
[ $# -gt 0 ] || {
	sed -n '3,/^set/s/^# \{0,1\}//p' "$0" >&2
	exit 2
}
case $from in
host) apt_for "$(dpkg --print-architecture)" ;;
backports) apt_for_backports ;;
esac
for package; do
	fetch "$package"
done
