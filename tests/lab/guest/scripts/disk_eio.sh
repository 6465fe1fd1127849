# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# vda gives errors from 4 to 5 MiB and at its second flush; the rest of it must not suffer.

at() { # at DIRECTION MIB: one MiB there, past the page cache
	case $1 in
	read) dd if=/dev/vda of=/tmp/read bs=64k skip=$(($2 * 16)) count=16 iflag=direct 2>/dev/null ;;
	write) dd if=/payload of=/dev/vda bs=64k seek=$(($2 * 16)) oflag=direct 2>/dev/null ;;
	esac
}

fails() {
	if at "$@"; then
		fact "error a $1 at MiB $2 does not fail"
	else
		fact "ok a $1 at MiB $2 fails"
	fi
}

right() { at read "$1" && cmp /tmp/read /payload; }
flush() { dd if=/payload of=/dev/vda bs=64k count=1 conv=fsync 2>/dev/null; }

for mib in 3 5; do
	check "MiB $mib written" at write $mib
	fails write 4
	check "MiB $mib is right" right $mib
	fails read 4
done
check "first flush" flush
if flush; then
	fact "error the second flush does not fail"
fi
check "third flush" flush
check "MiB 3 is still right" right 3

# and a file system on vdb, which is slow and works in pieces
load_modules order.ext4
mkdir -p /tmp/ext4
check "mkfs" mkfs.ext4 -q -b 4096 /dev/vdb 3M
check "mounted" mount -t ext4 /dev/vdb /tmp/ext4
check "a file written" eval 'dd if=/payload of=/tmp/ext4/file bs=64k count=8 conv=fsync'
check "unmounted" umount /tmp/ext4
check "clean" e2fsck -fn /dev/vdb

# fio's verification, which disk_fio relies on, does see a write that was lost
if fio --name=lost --filename=/dev/vdc --rw=randwrite --bs=4k --size=256k --ioengine=libaio --iodepth=4 --direct=1 \
	--verify=crc32c --verify_fatal=1 --do_verify=1 >/tmp/fio 2>&1; then
	fact "error fio does not see that a write was lost"
fi
check "fio says that it verified" grep -q 'verify: bad' /tmp/fio
kernel_errors
