# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: a kernel that knows the machine from its device tree alone; that tree is the one iolite dtb writes
# limit: 150
# variants: of
# variants-aarch64: 6.1
# variants-powerpc: 6.1
# after: tree.py
# shellcheck source=tests/lab/lib-disk.sh
. "$TREE/tests/lab/lib-disk.sh"
kernel "$1" stock tools

image tree.img 32M
mkfs.ext4 -q -F tree.img
disks="-d tree.img,transport=mmio"
disk_start 384M 2 disk_tree
vm_wait_for '^@lab end disk_tree' 100
if [ "$ARCH" = x86_64 ]; then # nothing in a tree tells it how to power off
	kill -TERM "$vm_pid"
	sleep 0.5
	vm_alive && kill -TERM "$vm_pid"
	vm_wait_exit 10
	case $vm_status in
	0 | 143) ;;
	*) fail "iolite ended with status $vm_status, not 0 or 143" ;;
	esac
else
	vm_wait_exit 20
	expect_status 0
fi
no_guest_errors
online=$(said online)
[ "${online%% *}" = "$vm_cpus" ] || fail "the guest has '$online' of $vm_cpus vCPUs online"
[ "$(said file)" = same ] || fail "the file on the disk did not read back"
e2fsck -fn tree.img >fsck 2>&1 || fail "e2fsck on the host: $(tail -n 1 fsck)"
[ "$(debugfs -R 'cat /word' tree.img 2>/dev/null)" = "from the guest" ] || fail "the disk does not have what the guest wrote"
case $ARCH in # the interrupt controller that the tree describes, not the one that an old PC has
x86_64) controller=IO-APIC ;;
aarch64) controller=GICv3 ;;
powerpc) controller=OpenPIC ;;
esac
for name in ttyS0 virtio0; do
	tr -d '\r' <disk_tree.console | grep -q -E "^@lab interrupts .* $controller .*$name\$" ||
		fail "no interrupts of $name by $controller"
done

keep fdt fdt
# shellcheck disable=SC2086 # a list of options
iolite dtb -k "$kernel" -i "$initrd" -a "$vm_cmdline" -m "$vm_memory" -c "$vm_cpus" -s stdio $disks -o wanted.dtb ||
	fail "iolite dtb ended with status $?"
cp wanted.dtb "/run/lab/results/$LAB_NAME-wanted.dtb"
