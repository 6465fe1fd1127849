# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Go over to the root file system that root= names, as a distribution's initramfs does.

load_modules order.ext4
root=$(sed -n 's/.*\<root=\([^ ]*\).*/\1/p' /proc/cmdline)
mkdir /newroot
check "root mounted" mount -t ext4 "$root" /newroot
mount --move /proc /newroot/proc
mount --move /sys /newroot/sys
mount --move /dev /newroot/dev
# shellcheck disable=SC2093 # the line below is for when it fails
exec switch_root /newroot /sbin/init </dev/console >/dev/console 2>&1
fact "error no switch_root"
