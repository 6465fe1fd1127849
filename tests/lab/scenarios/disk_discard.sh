# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: blkdiscard and fstrim give the host's space back, zeroes read as zeroes, discard=off takes none
# arches: x86_64 aarch64
# limit: 150
# variants: 6.1-pci 6.12-mmio
# variants-aarch64: 6.1-pci
# shellcheck source=tests/lab/lib-disk.sh
. "$TREE/tests/lab/lib-disk.sh"
disk_variant "$1"

# step WORD: the guest has come to there; set $mib to what the image takes on the host
step() {
	vm_wait_for "^@lab step $1" 100
	mib=$(($(blocks_of trim.img) / 2048))
	echo "after $1: trim.img takes $mib MiB"
}

image trim.img 64M
image plain.img 4M
disks="-d trim.img,transport=$transport -d plain.img,discard=off,transport=$transport"
disk_start 384M 1 disk_discard
step written
[ "$(said 'discard-max vda')" -gt 0 ] || fail "vda offers no discard"
[ "$(said 'discard-max vdb')" = 0 ] || fail "vdb offers discard in spite of discard=off"
[ "$(said 'zeroes-max vda')" -gt 0 ] || fail "vda offers no write zeroes"
[ "$mib" -ge 24 ] || fail "24 MiB were written and the image takes $mib MiB"
vm_send go
step discarded
[ "$mib" -le 17 ] || fail "8 of 24 MiB were discarded and the image still takes $mib MiB"
vm_send go
step zeroed
vm_send go
step made
before=$mib
vm_send go
step filled
[ "$mib" -ge $((before + 15)) ] || fail "16 MiB were written to a file and the image went from $before to $mib MiB"
vm_send go
step trimmed
[ "$mib" -le $((before + 2)) ] || fail "fstrim was to give 16 MiB back; the image takes $mib MiB, $before MiB before"
vm_send go
disk_end 60
ok "space came back"
