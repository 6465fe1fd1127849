# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Give space back, step by step; the scenario looks at the host's file after each. vda has discard,
# vdb is without. /bin/blkdiscard is util-linux's; without its path the shell would take busybox's.

load_modules order.ext4
MIB=1048576

# next WORD: tell the scenario, which says when to go on
next() {
	fact "step $1"
	read -r _ </dev/console
}

write() { # write DEVICE MIB
	for _ in $(seq "$2"); do cat /payload; done | dd of="$1" bs=64k conv=fsync iflag=fullblock
}

# is_zero DEVICE AT-MIB MIB; is_payload DEVICE AT-MIB
is_zero() {
	echo 3 >/proc/sys/vm/drop_caches
	[ "$(dd if="$1" bs=1M skip="$2" count="$3" | sha256sum)" = "$(dd if=/dev/zero bs=1M count="$3" | sha256sum)" ]
}
is_payload() { [ "$(dd if="$1" bs=1M skip="$2" count=1 | sha256sum)" = "$(sha256sum </payload)" ]; }

queue=/sys/block/vda/queue
fact "discard-max vda $(cat $queue/discard_max_bytes)"
fact "discard-max vdb $(cat /sys/block/vdb/queue/discard_max_bytes)"
fact "zeroes-max vda $(cat $queue/write_zeroes_max_bytes)"

check "24 MiB written" write /dev/vda 24
next written
check "blkdiscard of 8 MiB" /bin/blkdiscard -o $((4 * MIB)) -l $((8 * MIB)) /dev/vda
next discarded
check "what is before stays" is_payload /dev/vda 3
check "what is behind stays" is_payload /dev/vda 12
check "zeroes over 8 MiB" /bin/blkdiscard -z -o $((14 * MIB)) -l $((8 * MIB)) /dev/vda
check "zeroes read back" is_zero /dev/vda 14 8
check "what is before zeroes stays" is_payload /dev/vda 13
check "what is behind zeroes stays" is_payload /dev/vda 22
next zeroed

mkdir -p /tmp/ext4
check "mkfs" mkfs.ext4 -q /dev/vda
check "mounted" mount -t ext4 /dev/vda /tmp/ext4
next made
check "16 MiB in a file" write /tmp/ext4/file 16
next filled
rm /tmp/ext4/file
sync
check "fstrim" fstrim /tmp/ext4
next trimmed
check "unmounted" umount /tmp/ext4
check "clean" e2fsck -fn /dev/vda

if /bin/blkdiscard /dev/vdb 2>/dev/null; then
	fact "error a disk with discard=off takes blkdiscard"
fi
check "zeroes without discard" write /dev/vdb 2
check "zeroes without discard" /bin/blkdiscard -z -o $MIB -l $MIB /dev/vdb
check "zeroes without discard read back" is_zero /dev/vdb 1 1
check "what is before them stays" is_payload /dev/vdb 0
kernel_errors
