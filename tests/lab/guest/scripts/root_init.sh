#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The init of the root file system that disk_root makes. Reboots until the disk says that it is the second
# time.
export PATH=/bin
fact() { echo "@lab $*"; }

fact "root $(awk '$2 == "/" { print $1, $3 }' /proc/mounts)"
boots=$(($(cat /boots 2>/dev/null) + 1))
echo $boots >/boots.new
mv /boots.new /boots
fact "boots $boots"
head -c 1000000 /bin/busybox >/copy.$boots
cat /copy.* | sha256sum >/sum.$boots
[ $boots = 1 ] || fact "file $(cmp /copy.1 /copy.2 && echo same)"
dmesg -r | sed -n 's/^<[0-3]>\[[ 0-9.]*\] */@lab err /p'
sync
mount -o remount,ro / || fact "error cannot make / read-only"
[ $boots -ge 2 ] || reboot -f
fact "end disk_root"
poweroff -f
