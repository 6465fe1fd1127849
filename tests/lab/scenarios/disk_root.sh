# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: the root file system is on a disk; a second boot in the same process finds what the first wrote
# limit: 180
# variants: 6.1-pci 6.12-mmio
# full: 6.12-pci
# variants-aarch64: 6.1-pci
# variants-powerpc: 6.1-mmio
# shellcheck source=tests/lab/lib-disk.sh
. "$TREE/tests/lab/lib-disk.sh"
disk_variant "$1"

mkdir -p root/bin root/sbin root/proc root/sys root/dev root/tmp
cp "$(which busybox)" root/bin/busybox
for applet in sh awk cat cmp dmesg echo head mount mv poweroff reboot sed sha256sum sync; do
	ln -s busybox root/bin/$applet
done
cp "$TREE/tests/lab/guest/scripts/root_init.sh" root/sbin/init
chmod +x root/sbin/init
image root.img 32M
mkfs.ext4 -q -F -d root root.img

disks="-d root.img,transport=$transport"
disk_start 512M 1 disk_root root=/dev/vda rw
disk_end 150
[ "$(said root)" = "/dev/vda ext4" ] || fail "/ is '$(said root)', not /dev/vda"
[ "$(said boots)" = 2 ] || fail "the last boot was number $(said boots), not 2"
[ "$(said file)" = same ] || fail "files of two boots differ"
e2fsck -fn root.img >fsck 2>&1 || fail "e2fsck on the host: $(tail -n 1 fsck)"
[ "$(debugfs -R 'cat /boots' root.img 2>/dev/null)" = 2 ] || fail "/boots on the host is not 2"
ok "the host's e2fsck and debugfs"
