#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fetch Debian kernels for the lab and the demo, without installing them.
#
# usage: fetch-kernel.sh KIND...
#   full        what linux-image-amd64 stands for (the lab's level 1: it has kvm and 9p modules)
#   cloud-X.Y   the newest linux-image-X.Y.*-cloud-amd64 that apt offers (a guest kernel)
#
# For each KIND one line "KIND DIRECTORY" goes to stdout; what is done goes to stderr.
# DIRECTORY holds: vmlinuz (bzImage), vmlinux (the ELF inside it), release, package, modules/.
# It lies in $IOLITE_CACHE (default ${XDG_CACHE_HOME:-$HOME/.cache}/iolite), one per exact
# version, and appears by one rename, so a half-written one is never seen.
# Exit status: 0 all there, 1 a failure, 3 apt knows no package of that kind.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${IOLITE_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/iolite}
# A package index of our own: some systems (containers) switch apt's off, which costs a second a call.
apt_opts="-o Dir::Cache::pkgcache=$cache/apt/pkgcache.bin -o Dir::Cache::srcpkgcache="
lists=host

say() { printf 'fetch-kernel: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# shellcheck disable=SC2086 # the options are a list
apt_get() { apt-get $apt_opts "$@"; }
# shellcheck disable=SC2086
apt_cache() { apt-cache $apt_opts "$@"; }

# Fetch package lists into the cache: needs no root, and leaves the host's own lists alone.
refresh_lists() {
	[ $lists = host ] || return 0
	lists=private
	state=$cache/apt
	mkdir -p "$state/lists/partial" "$state/archives/partial"
	apt_opts="$apt_opts -o Dir::State::lists=$state/lists -o Dir::Cache::archives=$state/archives"
	apt_opts="$apt_opts -o APT::Sandbox::User= -o Debug::NoLocking=1"
	say "fetching package lists into $state"
	apt_get -qq update >&2 || say "apt-get update failed; going on with what is there"
}

# package KIND: the name of the newest package of this kind, empty if apt knows none
package() {
	case $1 in
	full)
		apt_cache depends --important linux-image-amd64 2>/dev/null |
			sed -n 's/^ *Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1
		;;
	cloud-*)
		series=$(printf '%s' "${1#cloud-}" | sed 's/\./\\./g')
		names=$(apt_cache pkgnames "linux-image-${1#cloud-}." |
			grep -E "^linux-image-$series\.[0-9][^ ]*-cloud-amd64(-unsigned)?\$" || true)
		# sort -V puts NAME before NAME-unsigned: prefer the signed one of the newest version
		newest=$(printf '%s\n' "$names" | sed 's/-unsigned$//' | sort -V | tail -n 1)
		printf '%s\n' "$names" | grep -x -F "$newest" || printf '%s\n' "$names" | grep -x -F "$newest-unsigned"
		;;
	esac
}

version() {
	apt_cache show --no-all-versions "$1" 2>/dev/null | sed -n 's/^Version: //p' | head -n 1
}

# unpack DEB DIRECTORY: in the form described above
unpack() {
	dpkg -x "$1" "$2/root"
	modules=$(find "$2/root" -path '*/lib/modules/*' -prune -print | head -n 1)
	[ -n "$modules" ] || die "$1 holds no lib/modules"
	release=${modules##*/}
	mv "$2/root/boot/vmlinuz-$release" "$2/vmlinuz"
	mv "$modules/kernel" "$2/modules"
	printf '%s\n' "$release" >"$2/release"
	"$here/extract-vmlinux" "$2/vmlinuz" "$2/vmlinux"
	rm -rf "$2/root"
}

fetch() {
	kind=$1
	case $kind in
	full | cloud-[0-9]*) ;;
	*) die "unknown kind '$kind': give full or cloud-X.Y (such as cloud-6.1)" ;;
	esac

	name=$(package "$kind") || name=
	if [ -z "$name" ]; then
		refresh_lists
		name=$(package "$kind") || name=
	fi
	if [ -z "$name" ]; then
		dir=$(find "$cache/kernels" -maxdepth 1 -name "${kind}_*" 2>/dev/null | sort -V | tail -n 1)
		if [ -z "$dir" ]; then
			say "apt offers no kernel of kind $kind: add Debian's main and security suites to apt's sources"
			exit 3
		fi
		say "apt offers no kernel of kind $kind; using the cached ${dir##*/}"
		printf '%s %s\n' "$kind" "$dir"
		return
	fi

	exact=$(version "$name")
	dir=$cache/kernels/${kind}_$exact
	if [ ! -d "$dir" ]; then
		mkdir -p "$cache/kernels"
		temp=$(mktemp -d "$cache/kernels/.new.XXXXXX")
		trap 'rm -rf "$temp"' EXIT
		chmod 755 "$temp"
		say "downloading $name $exact"
		if ! (cd "$temp" && apt_get -qq -o APT::Sandbox::User= download "$name=$exact" >&2); then
			# old lists name packages that are gone: try once more with fresh ones
			[ "$lists" = host ] || die "cannot download $name $exact"
			rm -rf "$temp"
			trap - EXIT
			refresh_lists
			fetch "$kind"
			return
		fi
		unpack "$temp"/*.deb "$temp"
		rm "$temp"/*.deb
		printf '%s %s\n' "$name" "$exact" >"$temp/package"
		# somebody else may have been faster: theirs is as good
		mv -T "$temp" "$dir" 2>/dev/null || [ -d "$dir" ] || die "cannot create $dir"
		rm -rf "$temp"
		trap - EXIT
		say "$kind: $dir"
	fi
	printf '%s %s\n' "$kind" "$dir"
}

[ $# -gt 0 ] || {
	sed -n '3,/^set/s/^# \{0,1\}//p' "$0" >&2
	exit 2
}
command -v apt-get >/dev/null || die "needs apt-get (a Debian host) to fetch kernels"
mkdir -p "$cache/apt"
for kind; do
	fetch "$kind"
done
