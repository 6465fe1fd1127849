#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# File trees of another architecture, from Debian packages that are unpacked and not configured.
#
# usage: sysroot.sh ARCHITECTURE KIND
#   aarch64 build   headers and libraries to build iolite against
#   aarch64 lab     programs for level 1 of the lab and for its guests
#   powerpc build, ppc64 build
#                   as aarch64's, from sources: scripts/cross-libs.sh, as Debian 12 has no such packages
#   powerpc lab     as aarch64's, from sources: scripts/cross-programs.sh
#
# Prints the folder. It lies in $IOLITE_CACHE, keyed by the list of packages and the sources, and appears
# by one rename; remove it to have it made anew. What is done goes to stderr.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/apt.sh
. "$here/apt.sh"

usage() {
	sed -n '3,/^set/s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

[ $# = 2 ] || usage
case $1-$2 in
powerpc-build | ppc64-build) exec "$here/cross-libs.sh" "$1" ;;
powerpc-lab) exec "$here/cross-programs.sh" "$1" ;;
esac
case $1 in
aarch64) debian=arm64 ;;
*) usage ;;
esac
case $2 in
build) packages="libc6-dev libglib2.0-dev liburing-dev libfdt-dev libjansson-dev zlib1g-dev libzstd-dev libslirp-dev libseccomp-dev libedit-dev" ;;
lab)
	packages="busybox-static e2fsprogs xfsprogs fio lvm2 pciutils util-linux mount dmsetup strace \
		iproute2 iputils-ping iperf3 ethtool dnsmasq-base tcpdump libslirp0 libseccomp2 gdb"
	;;
*) usage ;;
esac

sources=$(debian_sources)
suite=$(printf '%s\n' "$sources" | sed -n 's/.* \([a-z]*\) main$/\1/p' | head -n 1)
[ -n "$suite" ] || die "none of Debian's sources is a release's main: $sources"
# the script counts, too: it is the recipe
key=$(printf '%s\n' "$packages" "$sources" | cat - "$0" | sha256sum | cut -c 1-12)
dir=$cache/sysroots/$1-$2-$key
if [ -d "$dir" ]; then
	printf '%s\n' "$dir"
	exit 0
fi

command -v mmdebstrap >/dev/null || die "needs mmdebstrap: run scripts/install-deps.sh $1"
mkdir -p "$cache/sysroots"
temp=$(mktemp -d "$cache/sysroots/.new.XXXXXX")
trap 'rm -rf "$temp"' EXIT
say "unpacking packages of $suite for $debian: $packages"
# how apt reaches its sources here
apt-config dump | grep -E '^Acquire::(http|https|Retries|Check-Valid-Until|Check-Date)\b' >"$temp/apt.conf" || true
# shellcheck disable=SC2016 # $1 is the hook's
printf '%s\n' "$sources" | mmdebstrap --quiet --variant=extract --architectures="$debian" --aptopt="$temp/apt.conf" \
	--setup-hook='for name in bin sbin lib; do mkdir -p "$1/usr/$name"; ln -s "usr/$name" "$1/$name"; done' \
	--include="$(printf '%s' "$packages" | tr ' ' ,)" "$suite" "$temp/root" - >&2 || die "mmdebstrap failed"
rm -rf "$temp/root/etc/apt" "$temp/root/var/lib/apt" "$temp/root/var/cache" "$temp/root/usr/share/doc" "$temp/root/usr/share/man" \
	"$temp/root/usr/share/locale" "$temp/root/dev"
# absolute links would lead out of the tree
find "$temp/root" -type l -lname '/*' | while read -r link; do
	ln -sfnr "$temp/root$(readlink "$link")" "$link"
done
chmod 755 "$temp/root"
# somebody else may have been faster: theirs is as good
mv -T "$temp/root" "$dir" 2>/dev/null || [ -d "$dir" ] || die "cannot create $dir"
printf '%s\n' "$dir"
