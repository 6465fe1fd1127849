# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: fio verifies random I/O at depths 1, 16 and 64, buffered and direct, 1 and 4 queues, O_DIRECT on the host
# arches: x86_64 aarch64
# limit: 180
# variants: 6.1-pci 6.12-mmio
# full: 6.12-pci
# variants-aarch64: 6.1-pci
# full-aarch64: 6.1-mmio
# shellcheck source=tests/lab/lib-disk.sh
. "$TREE/tests/lab/lib-disk.sh"
disk_variant "$1"

scratch 32
image one.img 8M
image four.img 8M
image scratch/direct.img 8M
disks="-d one.img,queues=1,transport=$transport -d four.img,queues=4,transport=$transport
	-d scratch/direct.img,direct,queues=2,transport=$transport"
disk_start 512M 2 disk_fio
disk_end 150

[ "$(said 'queues vda')" = 1 ] || fail "vda has $(said 'queues vda') queues, not 1"
# the driver takes no more than there are CPUs
[ "$(said 'queues vdb')" = 2 ] || fail "vdb has $(said 'queues vdb') queues, not 2 for 2 CPUs"
if [ "$transport" = pci ]; then
	for queue in virtio1-req.0 virtio1-req.1; do
		tr -d '\r' <disk_fio.console | awk -v name=$queue '/^@lab interrupts/ && $NF == name && $4 + $5 > 0 { found = 1 }
			END { exit !found }' || fail "no interrupts for $queue"
	done
fi
ok "queues"
