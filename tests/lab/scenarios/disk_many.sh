# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: 16 disks and then one: their order, sizes, serial numbers and queues; a read-only one takes no writes
# limit: 150
# variants: 6.1-pci 6.12-mmio
# full: 6.12-pci
# variants-aarch64: 6.1-pci
# variants-powerpc: 6.1-pci
# shellcheck source=tests/lab/lib-disk.sh
. "$TREE/tests/lab/lib-disk.sh"
disk_variant "$1"
cpus=2
[ "$most_cpus" -gt 1 ] || cpus=1 # and so many queues

# check_disks COUNT: boot with disks vda ... of 1, 2 ... MiB; vdc is read-only, vdb has 1 queue
check_disks() {
	disks=
	: >wanted
	n=0
	for letter in a b c d e f g h i j k l m n o p; do
		[ $n -lt "$1" ] || break
		n=$((n + 1))
		rm -f disk$n.img
		image disk$n.img ${n}M
		more=serial=lab-$letter-$n ro=0 queues=$cpus serial=lab-$letter-$n
		case $letter in
		b) more=$more,queues=1 queues=1 ;;
		c) more=$more,ro ro=1 ;;
		p) more=serial=twenty-bytes-exactly serial=twenty-bytes-exactly ;;
		esac
		disks="$disks -d disk$n.img,$more,transport=$transport"
		echo "vd$letter $((n * 2048)) $ro $queues $serial" >>wanted
	done
	disk_start 384M $cpus disk_many
	disk_end 60
	tr -d '\r' <disk_many.console | sed -n 's/^@lab disk //p' >seen
	diff wanted seen >difference || fail "of $n disks, wanted and seen: $(grep '^[-+]v' difference | head -n 2 | tr '\n' ' ')"
	n=0
	while read -r want _ ro _; do
		n=$((n + 1))
		[ "$ro" = 0 ] || want=
		name=$(head -c 3 disk$n.img | tr -d '\0')
		[ "$name" = "$want" ] || fail "disk$n.img has '$name' at its start, not '$want'"
	done <wanted
	rm disk*.img
	ok "$1 disks are right, and each image has what was written to its disk"
}

# the kernel says so of the write that a read-only disk refuses
disk_allowed="${disk_allowed:+$disk_allowed|}error, dev vdc"
check_disks 16
check_disks 1
