# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: exits to user space of a boot to /init, held against those of a VMM of 60 lines, and of 1000 disk requests
# arches: powerpc
# limit: 240
# shellcheck source=tests/lab/lib-disk.sh
. "$TREE/tests/lab/lib-disk.sh"
# shellcheck source=tests/lab/lib-exits.sh
. "$TREE/tests/lab/lib-exits.sh"

# A VMM of RAM, KVM's MPIC, a 16450 and a reset register was measured with a kernel of the same version, whose
# messages went to the console, to the reset by its init. Nearly all of that, here as well, are characters of the
# kernel's messages, two exits each (status read, character written). It had no PCI, whose messages alone are a tenth: so
# a machine without is held against it, and of the whole one what is not characters.
reference=13887
cat >bare.json <<'EOF'
{"tree": {"node-update": {"/aliases": {"pci0": null}}, "delete": ["/pci@e0008000", "/soc/msi"]}}
EOF

kernel 6.1 stock
for name in whole bare; do
	count_exits_from_here
	vm_options=
	[ $name = whole ] || vm_options=bare.json
	vm_start $name 128M 1 ask loglevel=8
	vm_wait_for '^@lab ask' 60
	exits_of $name
	[ $name = bare ] || chars=$(wc -c <whole.console)
	vm_send poweroff-f
	vm_wait_exit 20
	expect_status 0
done

kernel 6.1 stock tools
requests=1000
for transport in pci mmio; do
	image $transport.img 8M
	count_exits_from_here
	disks="-d $transport.img,transport=$transport"
	disk_start 128M 1 disk_exits
	vm_wait_for '^@lab step ready' 60
	exits_of before
	vm_send go
	vm_wait_for '^@lab step done' 60
	exits_of after
	vm_send go
	disk_end 30
	# shellcheck disable=SC2154 # exits_of sets them, by eval
	eval "disk_$transport=$((after_user_exits - before_user_exits)) all_$transport=$((after_exits - before_exits))"
done

# shellcheck disable=SC2154
note "exits to user space: boot $bare_user_exits of $bare_exits without PCI (reference $reference); with PCI $whole_user_exits, for $chars characters"
note "exits to user space: $requests disk requests: PCI $disk_pci of $all_pci, MMIO $disk_mmio of $all_mmio"
[ "$bare_user_exits" -le $reference ] || fail "$bare_user_exits exits to user space to /init, more than $reference"
[ "$whole_user_exits" -le $((2 * chars + 1000)) ] || fail "$whole_user_exits exits to user space to /init, which wrote $chars characters"
# Of a request only the UART's or none may come to user space: it is told by an eventfd, and so is its end.
# (An interrupt of MMIO has a status register to be read and acknowledged.)
[ "$disk_pci" -le $((requests / 5)) ] || fail "$disk_pci exits to user space for $requests requests over PCI"
[ "$disk_mmio" -le $((requests * 3)) ] || fail "$disk_mmio exits to user space for $requests requests over MMIO"
