#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fetch Debian kernels for the lab and the demo, without installing them.
#
# usage: fetch-kernel.sh KIND...
#   full        what linux-image-amd64 stands for (the lab's level 1: it has kvm and 9p modules)
#   cloud-X.Y   the newest linux-image-X.Y.*-cloud-amd64 that apt offers (a guest kernel)
#   arm64-X.Y   the newest linux-image-X.Y.*-arm64 (level 1 and guest: KVM is built in)
#
# For each KIND one line "KIND DIRECTORY" goes to stdout; what is done goes to stderr.
# DIRECTORY holds: vmlinuz (amd64: a bzImage; arm64: an Image as it is, not compressed, also a PE
# program), vmlinux (amd64 only, the ELF inside vmlinuz), release, package, config, modules/.
# It lies in $IOLITE_CACHE (default ${XDG_CACHE_HOME:-$HOME/.cache}/iolite), one per exact
# version, and appears by one rename, so a half-written one is never seen.
# Exit status: 0 all there, 1 a failure, 3 apt knows no package of that kind.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/apt.sh
. "$here/apt.sh"

# newest SERIES FLAVOUR: the newest linux-image-SERIES.*-FLAVOUR
newest() {
	series=$(printf '%s' "$1" | sed 's/\./\\./g')
	names=$(apt_cache pkgnames "linux-image-$1." |
		grep -E "^linux-image-$series\.[0-9][0-9.]*(-[0-9]+|[+][a-z0-9.~]+)*-$2(-unsigned)?\$" || true)
	# sort -V puts NAME before NAME-unsigned: prefer the signed one of the newest version
	best=$(printf '%s\n' "$names" | sed 's/-unsigned$//' | sort -V | tail -n 1)
	printf '%s\n' "$names" | grep -x -F "$best" || printf '%s\n' "$names" | grep -x -F "$best-unsigned"
}

# package KIND: the name of the newest package of this kind, empty if apt knows none
package() {
	case $1 in
	full)
		apt_cache depends --important linux-image-amd64 2>/dev/null |
			sed -n 's/^ *Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1
		;;
	cloud-*) newest "${1#cloud-}" cloud-amd64 ;;
	arm64-*) newest "${1#arm64-}" arm64 ;;
	esac
}

# unpack DEB DIRECTORY: in the form described above
unpack() {
	dpkg -x "$1" "$2/root"
	modules=$(find "$2/root" -path '*/lib/modules/*' -prune -print | head -n 1)
	[ -n "$modules" ] || die "$1 holds no lib/modules"
	release=${modules##*/}
	mv "$2/root/boot/vmlinuz-$release" "$2/vmlinuz"
	mv "$2/root/boot/config-$release" "$2/config"
	mv "$modules/kernel" "$2/modules"
	printf '%s\n' "$release" >"$2/release"
	case $kind in
	arm64-*) ;;
	*) "$here/extract-vmlinux" "$2/vmlinuz" "$2/vmlinux" ;;
	esac
	rm -rf "$2/root"
}

fetch() {
	kind=$1
	case $kind in
	full | cloud-[0-9]*) architecture=amd64 ;;
	arm64-[0-9]*) architecture=arm64 ;;
	*) die "unknown kind '$kind': give full, cloud-X.Y or arm64-X.Y (such as cloud-6.1)" ;;
	esac
	apt_for $architecture
	fetch_newest
}

fetch_newest() {
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
			fetch_newest
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
for kind; do
	fetch "$kind"
done
