#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Programs for level 1 of the lab and its guests, of an architecture that Debian 12 has a compiler and a libc
# for, but no packages: built from Debian's source packages, static; and that libc, for iolite.
#
# usage: cross-programs.sh ARCHITECTURE
#   powerpc   32 bits, big-endian, for Book E cores: e500v2
#
# Prints the folder, the file tree that level 1 has as its root: bin/busybox (configured as Debian's
# busybox-static), sbin/mkfs.ext4, e2fsck, debugfs, etc/mke2fs.conf, and lib with the dynamic loader. It lies in
# $IOLITE_CACHE, keyed by the versions of packages and by this recipe, and appears by one rename; remove it to
# have it made anew. Takes two minutes of processor time. What is done goes to stderr.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/apt.sh
. "$here/apt.sh"

usage() {
	sed -n '3,/^set/s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

[ $# = 1 ] || usage
case $1 in
powerpc)
	triplet=powerpc-linux-gnu
	flags="-mcpu=8548 -mno-altivec" # no lwsync, no AltiVec
	;;
*) usage ;;
esac
jobs=$(nproc)

# source_of PACKAGE: the folder that it was unpacked into
source_of() {
	set -- "$temp/src/$1"-[0-9]*/
	[ -d "$1" ] || die "no source at $1"
	printf '%s\n' "$1"
}

busybox() {
	cd "$(source_of busybox)"
	cp debian/config/pkg/static .config
	# A library, for an object among the flags would be linked into each part of busybox, too.
	# shellcheck disable=SC2086 # a list of options
	$triplet-gcc $flags -mregnames -c "$here/setjmp-powerpc.S" -o "$temp/setjmp.o"
	$triplet-ar rcs "$temp/libsetjmp.a" "$temp/setjmp.o"
	set -- ARCH=powerpc CROSS_COMPILE=$triplet- HOSTCC=gcc "CONFIG_EXTRA_CFLAGS=$flags" \
		"CONFIG_EXTRA_LDFLAGS=-L$temp -Wl,--wrap=_setjmp,--wrap=longjmp" CONFIG_EXTRA_LDLIBS=setjmp
	yes '' | make -s "$@" oldconfig
	make -s -j "$jobs" "$@" busybox
	cp busybox "$root/bin"
}

e2fsprogs() {
	cd "$(source_of e2fsprogs)"
	mkdir out
	cd out
	../configure -q --host=$triplet CFLAGS="-O2 $flags" LDFLAGS=-static BUILD_CC=gcc --disable-nls --disable-imager \
		--disable-resizer --disable-defrag --disable-fuse2fs --disable-uuidd --disable-e2initrd-helper
	make -s -j "$jobs" libs
	make -s -j "$jobs" -C e2fsck e2fsck
	make -s -j "$jobs" -C debugfs debugfs
	make -s -j "$jobs" -C misc mke2fs mke2fs.conf
	cp e2fsck/e2fsck debugfs/debugfs "$root/sbin"
	cp misc/mke2fs "$root/sbin/mkfs.ext4"
	cp misc/mke2fs.conf "$root/etc"
	$triplet-strip "$root"/sbin/*
}

# What iolite needs to start: the cross compiler's packages have it.
libc() {
	for name in ld.so.1 libc.so.6 libm.so.6 libgcc_s.so.1; do
		cp -L "/usr/$triplet/lib/$name" "$root/lib"
	done
}

needed="gcc-$triplet libc6-$1-cross libc6-dev-$1-cross dpkg-dev"
# Debian changes a program for all architectures at once: the host's version tells when to build anew.
# shellcheck disable=SC2086 # a list of names
versions=$(dpkg-query -W -f '${Package} ${Version}\n' $needed busybox-static e2fsprogs) ||
	die "packages are missing: run scripts/install-deps.sh lab $1"
key=$(printf '%s\n' "$versions" | cat - "$0" "$here/setjmp-powerpc.S" | sha256sum | cut -c 1-12)
dir=$cache/sysroots/$1-lab-$key
if [ -d "$dir" ]; then
	printf '%s\n' "$dir"
	exit 0
fi

mkdir -p "$cache/sysroots"
temp=$(mktemp -d "$cache/sysroots/.new.XXXXXX")
trap 'rm -rf "$temp"' EXIT
root=$temp/root
mkdir -p "$root/bin" "$root/sbin" "$root/lib" "$root/etc" "$root/usr/bin" "$root/usr/sbin" "$root/usr/lib" "$temp/src"
apt_for_sources
for part in busybox e2fsprogs libc; do
	say "$1: $part"
	# in a shell of its own, and not in a condition: there set -e would not count
	set +e
	(
		set -e
		cd "$temp/src"
		[ $part = libc ] || fetch_source $part
		$part
	) >"$temp/log" 2>&1
	status=$?
	set -e
	if [ $status != 0 ]; then
		tail -n 40 "$temp/log" >&2
		die "building $part failed"
	fi
done
chmod 755 "$root"
# somebody else may have been faster: theirs is as good
mv -T "$root" "$dir" 2>/dev/null || [ -d "$dir" ] || die "cannot create $dir"
printf '%s\n' "$dir"
