# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Numbered files on an ext4 in the first 24 MiB of vda, each made stable by fsync; then a marker, the
# file's number, behind the file system. What is in the marker was promised.

# A whole page: beside a mounted file system, the kernel takes less through its page cache.
mark() {
	printf '%-4095d\n' "$1" >/tmp/marker
	dd if=/tmp/marker of=/dev/vda bs=4096 seek=7168 count=1 oflag=direct 2>/dev/null || fact "error no marker"
}

# contents NUMBER: after/disk_powercut.py makes the same
contents() {
	yes "file $1" | head -c $(($1 * 977 % 50000 + 1))
}

mkdir -p /tmp/ext4
check "mkfs" mkfs.ext4 -q /dev/vda 24M
check "mounted" mount -t ext4 /dev/vda /tmp/ext4
sync
mark 0
n=1
while [ $n -le 60 ]; do
	contents $n >/tmp/new
	case $((n % 3)) in
	0) dd if=/tmp/new of=/tmp/ext4/file$n bs=64k conv=fsync 2>/dev/null || fact "error no file $n" ;;
	1) # as editors do
		dd if=/tmp/new of=/tmp/ext4/new bs=64k conv=fsync 2>/dev/null || fact "error no file $n"
		mv /tmp/ext4/new /tmp/ext4/file$n
		sync
		;;
	2)
		cat /tmp/new >/tmp/ext4/file$n
		sync
		;;
	esac
	mark $n
	# work that nobody waits for
	contents $((n + 1000)) >/tmp/ext4/waste$((n % 4))
	rm -f /tmp/ext4/file$((n - 10))
	n=$((n + 1))
done
check "unmounted" umount /tmp/ext4
check "clean" e2fsck -fn /dev/vda
kernel_errors
