#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Build small Linux kernels for the lab, of kinds that no distribution has.
#
# usage: build-kernel.sh KIND...
#   x86-of   x86-64 that learns of the machine from a device tree alone: tests/lab/kernels/x86-of.config on
#            top of allnoconfig, from Debian's linux-source-6.1; some 3 minutes on 2 processors
#   e500v2   32-bit Power Book E, host of KVM and guest in one: e500v2.config with e500v2.patch, the same way
#
# For each KIND one line "KIND DIRECTORY" goes to stdout; what is done goes to stderr.
# DIRECTORY holds: vmlinuz (x86-of: a bzImage; e500v2: a uImage), e500v2: vmlinux (the ELF file, stripped), release,
# package, config, modules/ (empty). It lies in $IOLITE_CACHE, one per version of the source, configuration, patch
# and recipe, and appears by one rename.
# Exit status: 0 all there, 1 a failure, 3 apt knows no such source.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/apt.sh
. "$here/apt.sh"

build() {
	kind=$1
	case $kind in
	x86-of)
		source=linux-source-6.1 architecture=x86 prefix='' group=kernel
		image=bzImage
		;;
	e500v2)
		source=linux-source-6.1 architecture=powerpc prefix=powerpc-linux-gnu- group='kernel powerpc'
		image=uImage
		;;
	*) die "unknown kind '$kind': give x86-of or e500v2" ;;
	esac
	fragment=$here/../tests/lab/kernels/$kind.config
	patch=$here/../tests/lab/kernels/$kind.patch
	[ -e "$patch" ] || patch=/dev/null
	recipe=$(cat "$fragment" "$patch" "$0" | sha256sum | cut -c 1-12)

	apt_for "$(dpkg --print-architecture)"
	exact=$(version $source)
	if [ -z "$exact" ]; then
		refresh_lists
		exact=$(version $source)
	fi
	if [ -z "$exact" ]; then
		dir=$(find "$cache/kernels" -maxdepth 1 -name "${kind}_*_$recipe" 2>/dev/null | sort -V | tail -n 1)
		if [ -z "$dir" ]; then
			say "apt offers no $source: add Debian's main and security suites to apt's sources"
			exit 3
		fi
	else
		dir=$cache/kernels/${kind}_${exact}_$recipe
	fi
	[ -d "$dir" ] || build_new
	printf '%s %s\n' "$kind" "$dir"
}

build_new() {
	tools="gcc make flex bison bc lz4 xz patch"
	[ $image != uImage ] || tools="$tools mkimage"
	for tool in $tools "${prefix}gcc"; do
		command -v "$tool" >/dev/null || die "needs $tool: run scripts/install-deps.sh $group"
	done
	mkdir -p "$cache/kernels"
	temp=$(mktemp -d "$cache/kernels/.new.XXXXXX")
	trap 'rm -rf "$temp"' EXIT
	chmod 755 "$temp"
	say "downloading $source $exact"
	download "$temp" || die "cannot download $source $exact"
	dpkg --fsys-tarfile "$temp"/*.deb | tar -xO "./usr/src/$source.tar.xz" | tar -xJ -C "$temp"
	rm "$temp"/*.deb
	say "building $kind"
	if ! make_kernel "$temp/$source" "$temp/build" >"$temp/log" 2>&1; then
		tail -n 30 "$temp/log" >&2
		die "the build of $kind failed"
	fi
	mkdir "$temp/done" "$temp/done/modules"
	cp "$temp/build/arch/$architecture/boot/$image" "$temp/done/vmlinuz"
	[ $image != uImage ] || "${prefix}strip" -o "$temp/done/vmlinux" "$temp/build/vmlinux"
	cp "$temp/build/.config" "$temp/done/config"
	cp "$temp/build/include/config/kernel.release" "$temp/done/release"
	printf '%s %s\n' "$source" "$exact" >"$temp/done/package"
	# somebody else may have been faster: theirs is as good
	mv -T "$temp/done" "$dir" 2>/dev/null || [ -d "$dir" ] || die "cannot create $dir"
	rm -rf "$temp"
	trap - EXIT
	say "$kind: $dir"
}

# download FOLDER: old lists name packages that are gone, so try once more with fresh ones
download() {
	(cd "$1" && apt_get -qq -o APT::Sandbox::User= download "$source=$exact" >&2) && return
	refresh_lists
	(cd "$1" && apt_get -qq -o APT::Sandbox::User= download "$source=$exact" >&2)
}

# make_kernel SOURCE BUILD
make_kernel() {
	set -e
	mkdir "$2"
	patch -d "$1" -p 1 --fuzz=0 <"$patch"
	export ARCH=$architecture CROSS_COMPILE="$prefix"
	export KBUILD_BUILD_USER=iolite KBUILD_BUILD_HOST=lab KBUILD_BUILD_TIMESTAMP="$exact"
	make -s -C "$1" O="$2" KCONFIG_ALLCONFIG="$(realpath "$fragment")" allnoconfig
	# an option that the configuration does not know, or whose needs are missing, would be lost in silence
	grep -E '^(CONFIG_|# CONFIG_.* is not set)' "$fragment" | while read -r line; do
		grep -q -x -F "$line" "$2/.config" || {
			echo "$fragment: the kernel takes no '$line'"
			exit 1
		}
	done
	make -s -C "$1" O="$2" -j "$(nproc)" $image
}

[ $# -gt 0 ] || {
	sed -n '3,/^set/s/^# \{0,1\}//p' "$0" >&2
	exit 2
}
for kind; do
	build "$kind"
done
