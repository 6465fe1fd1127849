#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make demo: boot a stock Debian kernel under iolite to a shell prompt on this terminal.
#
# usage: demo.sh [IOLITE]    (default: $IOLITE, or build/release/iolite)
#        demo.sh --config [OPTION...]
#            boot nothing: print the machine that has the shell as JSON, changed by OPTIONs of iolite run
#
# Where this host's KVM cannot run kernel code, iolite runs inside the lab's nested KVM instead.
# Without a terminal the guest shows a few commands and powers off; the exit status is 0 when it did.
set -eu

tree=$(cd "$(dirname "$0")/.." && pwd)
config=
if [ "${1:-}" = --config ]; then
	config=yes
	shift
	iolite=
else
	iolite=${1:-}
fi
iolite=${iolite:-${IOLITE:-$tree/build/release/iolite}}
cache=${IOLITE_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/iolite}
limit=300 # seconds for a run without a terminal

say() { printf 'demo: %s\n' "$*"; }
die() {
	printf 'demo: %s\n' "$*" >&2
	exit 1
}

[ -x "$iolite" ] || die "no program $iolite: build it first (make build)"

# DEMO_KERNEL and DEMO_INITRD: where the lab has these already
kernel=${DEMO_KERNEL:-} image=${DEMO_INITRD:-$cache/demo.cpio}
if [ -z "$kernel" ]; then
	[ -n "$config" ] || say "getting a Debian kernel"
	found=$("$tree/scripts/fetch-kernel.sh" cloud-6.1) || die "no kernel to boot (see above)"
	kernel=${found#* }
	"$tree/tests/lab/lab" image "$kernel" "$image" || die "cannot make the initramfs"
fi

if [ -n "$config" ] || { [ -t 0 ] && [ -t 1 ]; }; then
	terminal=yes
	what=shell
else
	terminal=
	what=demo
fi

# "iolite run" as one string: the lab wants a shell command
run="run -k '$kernel/vmlinuz' -i '$image' -a 'console=ttyS0 quiet panic=-1 lab.do=$what' -m 512M -c 2"
if [ -n "$config" ]; then
	eval "exec '$iolite' $run --dry-run \"\$@\""
fi
run="$run -s stdio"

if "$iolite" doctor 2>/dev/null | grep -q '^ok.*kernel-mode'; then
	say "booting Linux $(cat "$kernel/release") under iolite on this host's KVM"
	here=yes
else
	say "booting Linux $(cat "$kernel/release") under iolite inside the lab (level 1: Debian under QEMU)," \
		"as this host's KVM cannot run kernel code (see: iolite doctor); takes half a minute"
	here=
fi
[ -z "$terminal" ] || say "to leave: type poweroff in the guest, or press Ctrl-A x"

boot() {
	if [ -n "$here" ]; then
		# shellcheck disable=SC2086 # "$1" is a list: what limits the time
		eval "$1 '$iolite' $run"
	else
		"$tree/tests/lab/lab" shell --bare --iolite "$iolite" --limit "$limit" -c "iolite $run"
	fi
}

status=0
if [ -n "$terminal" ]; then
	boot "" || status=$?
else
	output=$(mktemp)
	trap 'rm -f "$output"' EXIT
	{ boot "timeout $limit" </dev/null || echo "status $?"; } | tee "$output"
	status=$(sed -n 's/^status \([0-9]*\)$/\1/p' "$output" | tail -n 1)
	[ -n "$status" ] || status=0
	[ "$status" != 124 ] || die "the guest did not power off within $limit s"
	[ "$status" = 0 ] || die "iolite ended with status $status"
	grep -q '^processor' "$output" || die "the guest ended without showing what it should"
fi
[ "$status" = 0 ] || die "iolite ended with status $status"
say "the guest has powered off"
