# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Helpers for scenarios with disks; for lib.sh, which it reads.

# shellcheck source=tests/lab/lib.sh
. "$TREE/tests/lab/lib.sh"

disks=

# disk_variant VERSION-TRANSPORT: set $kernel, $initrd (the big one) and $transport
disk_variant() {
	kernel "${1%-*}" stock tools
	# shellcheck disable=SC2034 # scenarios use it
	transport=${1#*-}
}

# with_faults: the guests to come run under the build that knows fault=
with_faults() {
	[ -x "${IOLITE_FAULTS:-}" ] || skip "no build with faults: build the preset clang, or name one with --faults"
	vm_program=$IOLITE_FAULTS
}

# disk_start MEMORY CPUS SCRIPT [COMMAND LINE WORDS...]: run guest/scripts/SCRIPT.sh with $disks, which
# are options -d of iolite. The machine powers off at its end.
disk_start() {
	disk_script=$3
	vm_options=$disks
	disk_memory=$1 disk_cpus=$2
	shift 3
	vm_start "$disk_script" "$disk_memory" "$disk_cpus" "do-$disk_script,poweroff-f" lab.modules=disk quiet "$@"
}

# disk_end SECONDS: until the guest has powered off; all it checked must be well, its kernel quiet but for
# what the extended regular expression $disk_allowed matches.
disk_end() {
	vm_wait_exit "$1"
	tr -d '\r' <"$vm.console" | sed -n 's/^@lab ok /ok: guest: /p'
	no_guest_errors
	expect_status 0
	grep -q "^@lab end $disk_script" "$vm.console" || fail "the guest did not come to the end of $disk_script.sh"
	tr -d '\r' <"$vm.console" | grep '^@lab err ' | grep -v -E "${disk_allowed:-^\$}" >kernel.err || true
	[ ! -s kernel.err ] || fail "the guest's kernel says: $(head -n 1 kernel.err)"
}

# lvm COMMAND...: one of LVM's. Level 1 has no udev, its /etc stays as it is, only loop devices count.
lvm() {
	command=$1
	shift
	"$command" --config 'activation { udev_sync=0 udev_rules=0 monitoring=0 } backup { backup=0 archive=0 }
		devices { use_devicesfile=0 filter=[ "a|^/dev/loop|", "r|.*|" ] }' "$@"
}

# loop FILE: make it a loop device until the scenario ends; set $loop to its name
loop() {
	loop=$(losetup -f)
	losetup "$loop" "$1"
	echo "$loop" >loop
}

# image NAME SIZE: a sparse file
image() { truncate -s "$2" "$1"; }

blocks_of() { stat -c %b "$1"; }

# one_line FILE PATTERN: iolite's log has one line like this, no more
one_line() {
	lines=$(grep -c -E "$2" "$1" || true)
	[ "$lines" = 1 ] || fail "iolite's log has $lines lines like '$2', not 1: $(tail -n 1 "$1")"
}

# keep NAME WORD: put what the guest said after "@lab WORD " into the folder of results
keep() {
	tr -d '\r' <"$vm.console" | sed -n "s/^@lab $2 //p" >"/run/lab/results/$LAB_NAME-$1"
	[ -s "/run/lab/results/$LAB_NAME-$1" ] || fail "the guest said nothing about $2"
}

# scratch MIB: an ext4 at $PWD/scratch that can do O_DIRECT and discard, gone with the scenario
scratch() {
	image scratch.img "$1M"
	mkfs.ext4 -q -F -E lazy_itable_init=1 scratch.img
	mkdir -p scratch
	loop scratch.img
	mount -t ext4 -o discard "$loop" scratch
}

# Nothing here may end it early: the last steps count.
disk_cleanup() {
	set +e
	stop_all
	wait
	[ -e volumes ] && lvm vgchange -q -an "$(cat volumes)"
	for mounted in scratch small; do
		for _ in 1 2 3 4 5 6 7 8 9 10; do # a process that was just killed may take its time
			grep -q " $PWD/$mounted " /proc/mounts || break
			umount $mounted && break
			sleep 0.2
		done
	done
	[ -e loop ] && losetup -d "$(cat loop)"
	return 0
}
trap disk_cleanup EXIT
