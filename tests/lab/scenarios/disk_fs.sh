# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: ext4 and xfs (not on powerpc) made, filled, checked and read back on two disks; lspci and interrupts are as they should be
# limit: 180
# variants: 6.1-mmio 6.12-pci
# full: 6.1-pci 6.12-mmio
# variants-aarch64: 6.1-mmio 6.12-pci
# full-aarch64: 6.1-pci
# variants-powerpc: 6.1-pci 6.1-mmio
# shellcheck source=tests/lab/lib-disk.sh
. "$TREE/tests/lab/lib-disk.sh"
disk_variant "$1"

image ext4.img 48M
disks="-d ext4.img,transport=$transport"
numbers=0
if [ "$ARCH" != powerpc ]; then
	image xfs.img 320M
	disks="$disks -d xfs.img,transport=$transport"
	numbers="0 1"
fi
disk_start 512M 2 disk_fs lab.transport="$transport"
disk_end 150

keep interrupts interrupts
kept=/run/lab/results/$LAB_NAME
if [ "$transport" = pci ]; then
	slots=
	if [ "$ARCH" != powerpc ]; then # there is no lspci
		keep lspci lspci
		slots="01 02"
	fi
	for slot in $slots; do
		sed -n "/^00:$slot\.0/,/^\$/p" "$kept-lspci" >function
		for wanted in 'Virtio.* block device' 'Capabilities: .*MSI-X: Enable[+]' 'Capabilities: .*VirtIO: CommonCfg' \
			'VirtIO: Notify' 'VirtIO: ISR' 'VirtIO: DeviceCfg' 'Kernel driver in use: virtio-pci'; do
			grep -q "$wanted" function || fail "lspci has no '$wanted' for 00:$slot.0"
		done
		! grep -q 'access denied\|<unassigned>\|\[disabled\]' function || fail "lspci: $(grep 'denied\|unassigned\|disabled' function)"
	done
	# each disk's queue has a vector of its own, in use
	for disk in $numbers; do
		awk -v name="virtio$disk-req.0" -v msi="$msi" '$NF == name && $0 ~ msi && $2 + $3 > 0 { found = 1 }
			END { exit !found }' "$kept-interrupts" || fail "no MSI interrupts for virtio$disk-req.0"
	done
	ok "lspci and interrupts"
else
	for disk in $numbers; do
		awk -v name="virtio$disk" '$NF == name && $2 + $3 > 0 { found = 1 }
			END { exit !found }' "$kept-interrupts" || fail "no interrupts for virtio$disk"
	done
	ok "interrupts"
fi

# the host's own tools find what the guest wrote
e2fsck -fn ext4.img >fsck 2>&1 || fail "e2fsck on the host: $(tail -n 1 fsck)"
[ ! -e xfs.img ] || xfs_repair -n xfs.img >repair 2>&1 || fail "xfs_repair on the host: $(tail -n 1 repair)"
sum=$(debugfs -R 'cat /some/folders/file12' ext4.img 2>/dev/null | sha256sum)
[ "${sum%% *}" = "$(said sum)" ] || fail "file12 on the host has sum $sum, not $(said sum)"
ok "the host's e2fsck, xfs_repair and debugfs"
