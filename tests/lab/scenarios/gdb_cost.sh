# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: a debugger that is there and waits costs no exits; 1 MiB of memory is read as quickly as by QEMU's stub
# limit: 240
# arches: x86_64 aarch64
# variants: 6.1
# shellcheck source=tests/lab/lib-gdb.sh
. "$TREE/tests/lab/lib-gdb.sh"
gdb_kernel "$1"
kernel "$1" $gdb_format tools

# The same work, without --gdb, with it, and with a client that has let the guest run: reads of a disk, whose interrupts
# are two exits each on virtio-mmio.
requests=2000
image work.img 16M
gdb_modules=disk
for name in without with client; do
	options="-v -d work.img,transport=mmio"
	[ $name = without ] || options="$options --gdb unix:gdb.sock"
	# shellcheck disable=SC2086 # a list of options
	gdb_boot $name 384M 1 $options
	vm_wait_for '^@lab gdb-ready' 90
	if [ $name = client ]; then
		gdb_run cost 120 PART=hold REQUESTS=$requests
	else
		vm_send requests $requests
		vm_wait_for '^@lab requested' 120
	fi
	vm_send off
	vm_wait_exit 30
	expect_status 0
	# "exits to iolite: N mmio, N pio, N other, N kicks": those that a guest's own work causes
	line=$(sed -n 's/.*exits to iolite: //p' $name.stderr)
	echo "$name: $line"
	eval "exits_$name=$(echo "$line" | awk '{ print $1 + $3 + $5 }') chars_$name=$(wc -c <$name.console)"
done
gdb_modules=
# shellcheck disable=SC2154 # by eval
note "exits of $requests disk reads and the boot before: without --gdb $exits_without, with $exits_with, with a client $exits_client"
# What comes by itself is small: the console's characters differ by what was echoed, and stopping takes an exit or two.
for name in with client; do
	exits=0
	eval "exits=\$exits_$name"
	more=$((exits - exits_without))
	[ ${more#-} -le $((exits_without / 50 + 60)) ] || fail "$exits exits $name, $exits_without without --gdb"
done

# Reading memory. QEMU for this architecture is not everywhere.
gdb_read() { # NAME
	gdb_run cost 120 PART=read
	# shellcheck disable=SC2046 # three numbers
	set -- "$1" $(sed -n 's/^read //p' gdb.console)
	eval "ms_$1=$2"
	note "$1: 1 MiB in $2 ms (best $3 ms), packets of $4 bytes"
}
kernel "$1" $gdb_format nets
gdb_boot iolite 256M 1 --gdb unix:gdb.sock
vm_wait_for '^@lab gdb-ready' 90
gdb_read iolite
vm_send off
vm_wait_exit 30
expect_status 0
if [ "$ARCH" = x86_64 ]; then
	rm -f gdb.sock
	vmm=qemu
	gdb_boot qemu 256M 1 -gdb unix:gdb.sock,server=on,wait=off
	vm_wait_for '^@lab gdb-ready' 90
	gdb_read qemu
	vm_kill
	# shellcheck disable=SC2154
	ratio=$(awk "BEGIN { printf \"%.2f\", $ms_iolite / $ms_qemu }")
	note "iolite takes $ratio of QEMU's time"
	[ "$(awk "BEGIN { print ($ratio <= 2) }")" = 1 ] || fail "1 MiB takes iolite $ms_iolite ms, QEMU $ms_qemu ms"
fi
