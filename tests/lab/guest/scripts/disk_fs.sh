# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# ext4 on vda and, where there is a vdb, xfs on that: made, filled, checked, mounted again, read back. Then what the
# kernel and lspci say about the disks.

load_modules order.ext4
load_modules order.xfs

fill() {
	cd "$1" || return
	mkdir -p some/folders
	for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
		tail -c $((n * 80021)) /payload >some/folders/file$n || return
	done
	cat /payload /payload /payload /payload /payload /payload /payload /payload >eight || return
	sha256sum eight some/folders/* >"$1.sums"
	cd /
	sync
}

verify() { (cd "$1" && sha256sum -c "$1.sums"); }

xfs_check() { xfs_repair -n "$1"; }
ext4_check() { e2fsck -fn "$1"; }

mkdir -p /tmp/ext4 /tmp/xfs
check "mkfs.ext4" mkfs.ext4 -q /dev/vda
[ ! -b /dev/vdb ] || check "mkfs.xfs" mkfs.xfs -q /dev/vdb

all_of() { # all_of FILE-SYSTEM DEVICE
	fs=$1 dev=$2
	check "$fs mounted" mount -t "$fs" "$dev" "/tmp/$fs"
	check "$fs filled" fill "/tmp/$fs"
	check "$fs unmounted" umount "/tmp/$fs"
	check "$fs is clean" "${fs}_check" "$dev"
	check "$fs mounted again" mount -t "$fs" "$dev" "/tmp/$fs"
	check "$fs reads back" verify "/tmp/$fs"
	check "$fs unmounted again" umount "/tmp/$fs"
}
all_of ext4 /dev/vda
[ ! -b /dev/vdb ] || all_of xfs /dev/vdb
fact "sum $(sed -n 's/ .*file12$//p' /tmp/ext4.sums)"

if [ "$(arg transport)" = pci ]; then
	lspci -vv 2>/dev/null | sed 's/^/@lab lspci /'
fi
sed 's/^/@lab interrupts /' /proc/interrupts
kernel_errors
