# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Use the disk, tell the device tree as the kernel was given it, byte by byte.

load_modules order.ext4
fact "online $(grep -c ^processor /proc/cpuinfo) $(cat /sys/devices/system/cpu/online)"
fact "model $(tr '\0' ' ' </proc/device-tree/compatible)"
mkdir -p /tmp/ext4
check "mounted" mount -t ext4 /dev/vda /tmp/ext4
check "written" cp /payload /tmp/ext4/payload
echo "from the guest" >/tmp/ext4/word
check "unmounted" umount /tmp/ext4
echo 3 >/proc/sys/vm/drop_caches
check "mounted again" mount -t ext4 /dev/vda /tmp/ext4
fact "file $(cmp /payload /tmp/ext4/payload && echo same)"
check "unmounted again" umount /tmp/ext4
sed 's/^/@lab interrupts /' /proc/interrupts
od -An -v -tx1 -w32 /sys/firmware/fdt | sed 's/^/@lab fdt/'
kernel_errors
