# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: a disk with a bad place and a flush that fails, one that is slow and works in pieces, one that loses a write
# arches: x86_64
# limit: 120
# variants: 6.1-pci 6.12-mmio
# shellcheck source=tests/lab/lib-disk.sh
. "$TREE/tests/lab/lib-disk.sh"
disk_variant "$1"
with_faults

image bad.img 8M
image slow.img 8M
image lost.img 1M
disks="-d bad.img,transport=$transport,fault=read@4M-5M=EIO;write@4M-5M=EIO;flush:2=EIO
	-d slow.img,transport=$transport,fault=write%20=slow:20ms;any=short:1536
	-d lost.img,transport=$transport,fault=write:20=lost"
disk_allowed="${disk_allowed:+$disk_allowed|}error, dev vda|Buffer I/O error on dev vda"
disk_start 512M 2 disk_eio
disk_end 100
sum=$(dd if=bad.img bs=1M skip=4 count=1 2>/dev/null | tr -d '\0' | wc -c)
[ "$sum" = 0 ] || fail "$sum bytes were written to the bad place"
e2fsck -fn slow.img >fsck 2>&1 || fail "e2fsck on the host: $(tail -n 1 fsck)"
ok "the images are as they should be"
