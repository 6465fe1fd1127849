#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Libraries of an architecture that Debian 12 has a compiler and a libc for, but no packages: built from
# Debian's source packages. What iolite links and no more, as static archives; libc stays shared.
#
# usage: cross-libs.sh ARCHITECTURE
#   powerpc   32 bits, big-endian, for Book E cores: e500v2, e500mc
#   ppc64     64 bits, big-endian
#
# Prints the folder: usr/include and usr/lib to build against, lib with the dynamic loader and libc to run
# with. It lies in $IOLITE_CACHE, keyed by the versions of packages and by this recipe, and appears by one
# rename; remove it to have it made anew. Takes about two minutes on two processors. What is done goes to stderr.
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
	libc=powerpc
	# An e500 core lacks lwsync, and AltiVec. It lacks an FPU, too, but Debian's libc passes floating point in
	# its registers: the kernel emulates those instructions.
	flags="-mcpu=8548 -mno-altivec"
	wide="-D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64"
	cpu=ppc
	;;
ppc64)
	triplet=powerpc64-linux-gnu
	libc=ppc64
	flags="-mcpu=powerpc64 -mno-altivec" # as e5500
	wide=
	cpu=ppc64
	;;
*) usage ;;
esac
flags="-O2 -fPIC -ffunction-sections -fdata-sections $flags"
jobs=$(nproc)

# fetch PACKAGE: its source, patched, into $temp/src. A mirror may lack the newest version: then an older.
fetch() {
	(
		cd "$temp/src"
		for version in "" $(apt_cache showsrc "$1" | sed -n 's/^Version: /=/p' | sort -ruV); do
			apt_get -qq source "$1$version" && exit 0
		done
		exit 1
	) >>"$temp/log" 2>&1
}

failed() {
	tail -n 40 "$temp/log" >&2
	die "$1"
}

# source_of PACKAGE: the folder that it was unpacked into
source_of() {
	set -- "$temp/src/$1"-[0-9]*/
	[ -d "$1" ] || die "no source at $1"
	printf '%s\n' "$1"
}

fetch_all() {
	mkdir -p "$temp/src" "$apt_state/lists/partial" "$apt_state/archives/partial"
	# the main archive before others: what both have, mirrors have there
	debian_sources | sed 's/^deb /deb-src /' | sort -t ' ' -k 4,4 >"$temp/sources.list"
	apt_opts="-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o Dir::Etc::sourcelist=$temp/sources.list"
	apt_opts="$apt_opts -o Dir::Etc::sourceparts=-"
	private_lists
	say "fetching sources"
	apt_get -qq update >&2 || die "apt-get update failed"
	for package in zlib pcre2 glib2.0 liburing jansson; do
		fetch "$package" || failed "cannot fetch the source of $package"
	done
	# Xen's sources hold the same version of libfdt
	fetch device-tree-compiler || fetch xen || failed "cannot fetch the source of libfdt"
}

# by_cmake FOLDER OPTION...
by_cmake() {
	from=$1
	shift
	cmake -S "$from" -B "$from/out" -G Ninja -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=$cpu \
		-DCMAKE_C_COMPILER=$triplet-gcc -DCMAKE_C_FLAGS="$flags $wide" -DCMAKE_INSTALL_PREFIX=/usr \
		-DCMAKE_INSTALL_LIBDIR=lib -DBUILD_SHARED_LIBS=OFF "$@"
	ninja -C "$from/out" -j "$jobs"
	DESTDIR=$root ninja -C "$from/out" install
}

zlib() {
	cd "$(source_of zlib)"
	CHOST=$triplet CFLAGS=$flags ./configure --static --prefix=/usr
	make -j "$jobs" libz.a
	make install DESTDIR="$root"
}

pcre2() {
	by_cmake "$(source_of pcre2)" -DPCRE2_BUILD_TESTS=OFF -DPCRE2_BUILD_PCRE2GREP=OFF -DPCRE2_STATIC_PIC=ON \
		-DPCRE2_SUPPORT_JIT=OFF
}

jansson() {
	by_cmake "$(source_of jansson)" -DJANSSON_BUILD_DOCS=OFF -DJANSSON_EXAMPLES=OFF -DJANSSON_WITHOUT_TESTS=ON
}

# libglib alone: no gobject, no gio, nothing that they need
glib() {
	cd "$(source_of glib2.0)"
	# shellcheck disable=SC2086 # lists of options
	cat >"$temp/cross.ini" <<-END
		[binaries]
		c = '$triplet-gcc'
		ar = '$triplet-ar'
		strip = '$triplet-strip'
		pkgconfig = 'pkg-config'
		[properties]
		needs_exe_wrapper = true
		sys_root = '$root'
		pkg_config_libdir = '$root/usr/lib/pkgconfig:$temp/pc'
		have_c99_vsnprintf = true
		have_c99_snprintf = true
		have_unix98_printf = true
		growing_stack = false
		[built-in options]
		c_args = [$(printf "'%s'," $flags $wide)]
		[host_machine]
		system = 'linux'
		cpu_family = '$cpu'
		cpu = '$cpu'
		endian = 'big'
	END
	# The configuration asks for gobject's library; nothing that is built needs it.
	mkdir -p "$temp/pc"
	printf 'Name: libffi\nDescription: none\nVersion: 3.4.4\n' >"$temp/pc/libffi.pc"
	meson setup out --cross-file "$temp/cross.ini" --prefix=/usr --libdir=lib --default-library=static \
		--buildtype=plain --wrap-mode=nodownload -Dtests=false -Dnls=disabled -Dlibmount=disabled -Dselinux=disabled \
		-Dxattr=false -Dlibelf=disabled -Dgtk_doc=false -Dman=false
	ninja -C out -j "$jobs" glib/libglib-2.0.a
	mkdir -p "$root/usr/lib/glib-2.0/include" "$root/usr/include/glib-2.0/glib/deprecated"
	cp out/glib/libglib-2.0.a "$root/usr/lib"
	cp out/meson-private/glib-2.0.pc "$root/usr/lib/pkgconfig"
	cp out/glib/glibconfig.h "$root/usr/lib/glib-2.0/include"
	cp glib/glib.h glib/glib-unix.h "$root/usr/include/glib-2.0"
	cp glib/*.h out/glib/*.h "$root/usr/include/glib-2.0/glib"
	cp glib/deprecated/*.h "$root/usr/include/glib-2.0/glib/deprecated"
}

# Its own installation of its library leaves DESTDIR out.
liburing() {
	cd "$(source_of liburing)"
	./configure --prefix=/usr --libdir=/usr/lib --cc=$triplet-gcc --cxx=false
	make -C src -j "$jobs" ENABLE_SHARED=0 CFLAGS="$flags $wide"
	make liburing.pc
	mkdir -p "$root/usr/include/liburing"
	cp src/include/liburing.h "$root/usr/include"
	cp src/include/liburing/*.h "$root/usr/include/liburing"
	cp src/liburing.a "$root/usr/lib"
	cp liburing.pc "$root/usr/lib/pkgconfig"
}

# Its headers are those that the host has: they are of no architecture.
libfdt() {
	from=$(dirname "$(find "$temp/src" -name fdt_check.c | head -n 1)")
	mkdir -p "$temp/fdt/xen" "$root/usr/include"
	# what Xen's copy asks Xen for
	printf '#include <stdlib.h>\n#define simple_strtoul strtoul\n' >"$temp/fdt/xen/lib.h"
	cp /usr/include/libfdt.h /usr/include/libfdt_env.h /usr/include/fdt.h "$root/usr/include"
	for file in "$from"/fdt*.c; do
		# shellcheck disable=SC2086 # a list of options
		$triplet-gcc $flags -Werror=implicit-function-declaration -I "$root/usr/include" -I "$temp/fdt" -c "$file" \
			-o "$temp/fdt/$(basename "$file" .c).o"
	done
	$triplet-ar rcs "$root/usr/lib/libfdt.a" "$temp"/fdt/*.o
}

# What a program needs to start: the cross compiler's packages have it.
libc() {
	mkdir -p "$root/lib"
	ln -s lib "$root/lib64"
	for name in ld.so.1 ld64.so.1 libc.so.6 libm.so.6 libgcc_s.so.1; do
		[ ! -e "/usr/$triplet/lib/$name" ] || cp -L "/usr/$triplet/lib/$name" "$root/lib"
	done
}

# Debian changes a library for all architectures at once: the host's version tells when to build anew.
needed="gcc-$triplet libc6-dev-$libc-cross dpkg-dev meson ninja-build cmake libfdt-dev zlib1g-dev libpcre2-dev \
	libglib2.0-dev liburing-dev libjansson-dev"
# shellcheck disable=SC2016,SC2086 # dpkg-query's variables, a list of packages
versions=$(dpkg-query -W -f '${Package} ${Version}\n' $needed) || die "packages are missing: run scripts/install-deps.sh build $1"
key=$(printf '%s\n' "$versions" | cat - "$0" | sha256sum | cut -c 1-12)
dir=$cache/sysroots/$1-build-$key
if [ -d "$dir" ]; then
	printf '%s\n' "$dir"
	exit 0
fi

mkdir -p "$cache/sysroots"
temp=$(mktemp -d "$cache/sysroots/.new.XXXXXX")
trap 'rm -rf "$temp"' EXIT
root=$temp/root
apt_state=$cache/apt-source
mkdir -p "$root/usr/lib/pkgconfig"
fetch_all
# A folder of its own for pkg-config: nothing of the host's is found.
export PKG_CONFIG_LIBDIR="$root/usr/lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$root"
for library in zlib pcre2 jansson liburing libfdt glib libc; do
	say "$1: $library"
	# in a shell of its own, and not in a condition: there set -e would not count
	set +e
	(set -e; $library) >"$temp/log" 2>&1
	status=$?
	set -e
	[ $status = 0 ] || failed "building $library failed"
done
(cd "$root/usr" && rm -rf share bin man cmake lib/cmake)
chmod 755 "$root"
# somebody else may have been faster: theirs is as good
mv -T "$root" "$dir" 2>/dev/null || [ -d "$dir" ] || die "cannot create $dir"
printf '%s\n' "$dir"
