# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Disks whose files fail on the host: vda's file system is full, vdb's file is cut, vdc's grows.

next() {
	fact "step $1"
	read -r _ </dev/console
}

# put DEVICE AT-MIB MIB: payloads, past the page cache
put() {
	for _ in $(seq "$3"); do cat /payload; done | dd of="$1" bs=64k seek=$(($2 * 16)) oflag=direct iflag=fullblock 2>/dev/null
}

# right DEVICE AT-MIB: a payload is there
right() {
	[ "$(dd if="$1" bs=64k skip=$(($2 * 16)) count=16 iflag=direct 2>/dev/null | sha256sum)" = "$(sha256sum </payload)" ]
}

# fails TEXT COMMAND...
fails() {
	text=$1
	shift
	if "$@" >/tmp/fails 2>&1; then
		fact "error $text does not fail"
	else
		fact "ok $text fails"
	fi
}

size() { blockdev --getsize64 "$1"; }
size_is() { [ "$(size "$1")" = "$2" ]; }

# a full file system
check "2 MiB written while there is room" put /dev/vda 0 2
fails "writing 8 MiB where 4 MiB are left" put /dev/vda 2 8
check "the first MiB is still right" right /dev/vda 0
fails "writing once more" put /dev/vda 8 2
next full
check "6 MiB written when there is room again" put /dev/vda 4 6
check "the first of them is right" right /dev/vda 4
check "the last of them is right" right /dev/vda 9

# a file that somebody cut from 8 to 2 MiB
check "8 MiB written" put /dev/vdb 0 8
next uncut
check "what is left is right" right /dev/vdb 1
fails "reading behind the end" dd if=/dev/vdb of=/dev/null bs=64k skip=80 count=1 iflag=direct
check "what is left can be written" put /dev/vdb 0 1
next cut # iolite now looks at the size
check "vdb has 2 MiB" within 10 size_is /dev/vdb 2097152
fails "writing behind the new end" put /dev/vdb 4 1
check "what is left is still right" right /dev/vdb 1
next short
check "vdb has 8 MiB again" within 10 size_is /dev/vdb 8388608
check "its last MiB can be written" put /dev/vdb 7 1
check "and is right" right /dev/vdb 7

# a file that grows
check "vdc has 4 MiB" size_is /dev/vdc 4194304
check "vdc written" put /dev/vdc 3 1
next small
check "vdc has 12 MiB" within 10 size_is /dev/vdc 12582912
check "the kernel tells of it" within 5 eval 'dmesg | grep -q "vdc.*new size: 24576 "'
check "the new end can be written" put /dev/vdc 11 1
check "and is right" right /dev/vdc 11
check "what was there is right" right /dev/vdc 3
kernel_errors
