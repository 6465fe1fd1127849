# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: an ext4 with files made stable, the disk's life in a log; the host cuts the power at many points of it
# arches: x86_64
# limit: 150
# variants: 6.1-pci 6.12-mmio
# after: disk_powercut.py
# shellcheck source=tests/lab/lib-disk.sh
. "$TREE/tests/lab/lib-disk.sh"
disk_variant "$1"
with_faults

image power.img 32M
disks="-d power.img,transport=$transport,fault=log=$PWD/power.log"
disk_start 512M 2 disk_powercut
disk_end 120
cp power.log "/run/lab/results/$LAB_NAME-writes"
ok "$(stat -c %s power.log) bytes of log"
