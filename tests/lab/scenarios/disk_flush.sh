# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: what the guest was told is stable is in the image after kill -9, and the host was asked for a flush each time
# limit: 150
# variants: 6.1-pci 6.12-mmio
# variants-aarch64: 6.1-pci
# variants-powerpc: 6.1-pci
# shellcheck source=tests/lab/lib-disk.sh
. "$TREE/tests/lab/lib-disk.sh"
disk_variant "$1"

flushes() { awk '{ print $16 }' "/sys/block/${loop#/dev/}/stat"; }

# records WANTED OPTIONS: kill iolite while the guest writes to a disk with these options, look at the image
records() {
	rm -f scratch/*.img
	image scratch/records.img 16M
	dd if=/dev/zero of=scratch/records.img bs=1M count=16 conv=fsync 2>/dev/null # no block is new later
	disks="-d scratch/records.img,transport=$transport$2"
	before=$(flushes)
	disk_start 384M 1 disk_flush
	vm_wait_for '^@lab record 12.?$' 60
	vm_kill
	no_guest_errors
	[ "$(said cache)" = "$1" ] || fail "the guest sees a cache that is '$(said cache)', not '$1', for ${2#,}"
	last=$(said record)
	n=0
	while [ $n -le "$last" ]; do
		dd if=scratch/records.img bs=4k skip=$n count=1 2>/dev/null | awk -v n=$n '$1 != n { exit 1 }
			END { exit NR != 8 }' || fail "record $n of $last is not in the image of ${2#,}"
		n=$((n + 1))
	done
	flushed=$(($(flushes) - before))
	ok "records 0 to $last of ${2#,}, with $flushed flushes on the host"
}

scratch 48
records 'write back' ,cache=writeback
[ $flushed -gt "$last" ] || fail "$last records and $flushed flushes on the host"
records 'write through' ,cache=writethrough
[ $flushed -gt "$last" ] || fail "$last records and $flushed flushes on the host"
records 'write through' ,cache=unsafe
[ $flushed -le "$last" ] || fail "cache=unsafe caused $flushed flushes on the host for $last records"
