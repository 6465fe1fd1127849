# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: the driver is taken from a disk that is being written, and given back, ten times; no byte is lost
# limit: 180
# variants: 6.1-pci 6.12-mmio
# full: 6.12-pci
# variants-aarch64: 6.1-pci
# variants-powerpc: 6.1-pci
# shellcheck source=tests/lab/lib-disk.sh
. "$TREE/tests/lab/lib-disk.sh"
disk_variant "$1"

image reset.img 256M
disks="-d reset.img,queues=2,transport=$transport"
# writes that the driver's going cut off
disk_allowed="${disk_allowed:+$disk_allowed|}error, dev vda|Buffer I/O error on dev vda|lost async page write"
disk_start 384M 2 disk_reset
disk_end 160
sum=$(head -c 8388608 reset.img | sha256sum)
[ "$sum" = "$(said sum)" ] || fail "the image's first 8 MiB have sum $sum, not $(said sum)"
[ ! -s disk_reset.stderr ] || fail "iolite says: $(head -n 1 disk_reset.stderr)"
ok "the image has what was written last"
