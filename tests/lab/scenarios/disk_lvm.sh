# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: a logical volume of level 1's LVM is the disk; it is written and read back, and grows under the guest
# arches: x86_64 aarch64
# limit: 180
# variants: 6.1-pci 6.12-mmio
# full: 6.12-pci
# variants-aarch64: 6.1-pci
# shellcheck source=tests/lab/lib-disk.sh
. "$TREE/tests/lab/lib-disk.sh"
disk_variant "$1"

image pv.img 96M
loop pv.img
lvm pvcreate -q "$loop"
lvm vgcreate -q -s 1M lab "$loop"
echo lab >volumes
lvm lvcreate -q -y -Wn -L 40M -n disk lab
[ -b /dev/lab/disk ] || fail "LVM made no /dev/lab/disk"
chown "$PLAIN" /dev/lab/disk

disks="-d /dev/lab/disk,transport=$transport"
disk_start 384M 1 disk_lvm
vm_wait_for '^@lab ask-grow' 100
[ "$(said size)" = $((40 << 20)) ] || fail "the guest sees $(said size) bytes of a volume of 40 MiB"
lvm lvextend -q -L 56M lab/disk
kill -USR1 "$vm_pid"
vm_send grown
disk_end 60
[ "$(said grown)" = $((56 << 20)) ] || fail "the guest sees $(said grown) bytes of a volume grown to 56 MiB"
sum=$(dd if=/dev/lab/disk bs=1M count=32 2>/dev/null | sha256sum)
[ "${sum%% *}" = "$(said sum)" ] || fail "the volume's first 32 MiB have sum $sum, not $(said sum)"
sum=$(dd if=/dev/lab/disk bs=1M skip=48 count=8 2>/dev/null | sha256sum)
[ "${sum%% *}" = "$(said tail-sum)" ] || fail "the volume's new end has sum $sum, not $(said tail-sum)"
ok "the volume has what the guest wrote"
