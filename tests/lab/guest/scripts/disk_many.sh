# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Tell what each disk is; write to each, to a read-only one in vain.

cd /sys/block || fact "error no /sys/block"
for disk in vd*; do
	fact "disk $disk $(cat "$disk/size") $(cat "$disk/ro") $(find "$disk/mq"/* -prune | wc -l) $(cat "$disk/serial")"
done
for disk in vd*; do
	if [ "$(cat "$disk/ro")" = 1 ]; then
		blockdev --setrw "/dev/$disk" # the kernel may believe it; the device must not
		if head -c 4096 /payload | dd of="/dev/$disk" bs=4096 oflag=direct 2>/dev/null; then
			fact "error a read-only $disk takes writes"
		fi
		check "$disk can be read" dd if="/dev/$disk" of=/dev/null bs=64k count=1
	else
		head -c 4096 /payload >/tmp/start
		echo "$disk" | dd of=/tmp/start conv=notrunc 2>/dev/null
		check "$disk written" dd if=/tmp/start of="/dev/$disk" bs=4096 oflag=direct
	fi
done
kernel_errors
