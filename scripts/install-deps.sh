#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Install what iolite needs from Debian's packages; does nothing when all is there.
#
# usage: install-deps.sh [-n] [GROUP...]
#   build   compiler, CMake, libraries
#   test    second compiler with its sanitizers, Python, dtc, mkimage, QEMU for its device trees,
#           what networks run on, debuggers, tracers, a terminal
#   demo    QEMU, static busybox, decompressors
#   kernel  what scripts/build-kernel.sh builds a Linux kernel with
#   lab     demo and kernel, and programs for guests and level 1 to try disks, networks and debugging with
#   aarch64 cross compiler, sysroot and emulators of that architecture
#   powerpc, ppc64
#           cross compiler, what scripts/cross-libs.sh builds libraries with, emulators
#           powerpc: and what its kernel is built with
#   coverage
#           what counts the lines
#   bench   what make bench compares with
#   format  formatter, linters
# Without a GROUP: build test lab, which is what make test needs. -n only prints what is missing.
set -eu

packages_of() {
	case $1 in
	build)
		echo gcc libc6-dev make cmake ninja-build pkg-config python3 \
			libglib2.0-dev liburing-dev libfdt-dev libjansson-dev zlib1g-dev libslirp-dev libseccomp-dev \
			libedit-dev acpica-tools
		;;
	test) echo clang libclang-rt-dev python3 util-linux iproute2 strace tmux device-tree-compiler u-boot-tools gdb gdb-multiarch \
		qemu-system-arm qemu-system-ppc libslirp0 libseccomp2 passt ;;
	demo) echo qemu-system-x86 busybox-static python3 xz-utils zstd lz4 ;;
	lab)
		packages_of demo
		packages_of kernel
		echo e2fsprogs xfsprogs fio pciutils util-linux lvm2 \
			iproute2 iputils-ping iperf3 ethtool dnsmasq-base tcpdump strace libslirp0 libseccomp2 gdb gdb-multiarch systemd
		;;
	aarch64) echo gcc-aarch64-linux-gnu mmdebstrap qemu-system-arm qemu-user-static ;;
	powerpc)
		echo gcc-powerpc-linux-gnu libc6-dev-powerpc-cross dpkg-dev meson u-boot-tools patch \
			qemu-system-ppc qemu-user-static
		;;
	ppc64) echo gcc-powerpc64-linux-gnu libc6-dev-ppc64-cross dpkg-dev meson qemu-user-static ;;
	kernel) echo gcc make flex bison bc libelf-dev lz4 patch xz-utils ;;
	coverage) echo gcovr ;;
	bench) echo qemu-system-x86 linux-perf python3 libslirp0 libseccomp2 passt ;;
	format) echo clang-format clang-tidy shellcheck ;;
	*)
		echo "install-deps: no group '$1': give build, test, demo, kernel, lab, aarch64, powerpc, ppc64, coverage, bench or format" >&2
		exit 2
		;;
	esac
}

dry=
if [ "${1:-}" = -n ]; then
	dry=yes
	shift
fi
[ $# -gt 0 ] || set -- build test lab

wanted=
for group; do
	more=$(packages_of "$group")
	wanted="$wanted $more"
done

if ! command -v dpkg-query >/dev/null; then
	echo "install-deps: this is no Debian system; install what these Debian packages hold:$wanted" >&2
	exit 1
fi

missing=
for name in $wanted; do
	case " $missing " in *" $name "*) continue ;; esac
	state=$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) || state=
	[ "$state" = installed ] || missing="$missing $name"
done
[ -n "$missing" ] || exit 0
echo "install-deps: missing:$missing"
[ -z "$dry" ] || exit 1

if [ "$(id -u)" = 0 ]; then
	as_root=
elif command -v sudo >/dev/null; then
	as_root=sudo
else
	echo "install-deps: needs root or sudo to install them: apt-get install --no-install-recommends$missing" >&2
	exit 1
fi

# step COMMAND...: print it, run it as root without questions
step() {
	echo "install-deps: ${as_root:+sudo }$*"
	$as_root env DEBIAN_FRONTEND=noninteractive "$@"
}

step apt-get -q -o Acquire::Retries=3 update
# shellcheck disable=SC2086 # a list of names
step apt-get -q -y -o Acquire::Retries=3 install --no-install-recommends $missing
