# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Take the driver from the disk while it writes, and give it back; ten times. The first MiB of the
# disk is not written meanwhile and must stay as it is.

sum=$(sha256sum </payload)
kept() { [ "$(dd if=/dev/vda bs=64k count=16 iflag=direct 2>/dev/null | sha256sum)" = "$sum" ]; }

# find the disk's transport and virtio devices, which have a new name each time
devices() {
	virtio=$(readlink -f /sys/block/vda/device)
	parent=${virtio%/*}
	driver=$(readlink -f "$parent/driver")
}

# Every writer has ended and let go of the disk: it is gone or a zombie. Not by this shell's wait: busybox's now
# and then misses the end of a job and then waits for ever.
ended() {
	for writer in $writers; do
		[ ! -e "/proc/$writer" ] || grep -q '^State:.Z' "/proc/$writer/status" 2>/dev/null || return 1
	done
}

# Every writer has the disk open: one that is slower than the driver's going would make a file of that name.
opened() {
	for writer in $writers; do
		[ "$(readlink "/proc/$writer/fd/1")" = /dev/vda ] || return 1
	done
}

rebind() {
	devices
	if [ $((n % 2)) = 0 ]; then
		device=${parent##*/}
	else
		device=${virtio##*/} driver=/sys/bus/virtio/drivers/virtio_blk
	fi
	echo "$device" >"$driver/unbind" || return
	within 20 test ! -b /dev/vda || { echo "/dev/vda stays" && return 1; }
	# while they have the old one open, the new one would be vdb
	within 20 ended || { echo "a writer goes on" && return 1; }
	echo "$device" >"$driver/bind" || return
	within 20 test -b /dev/vda || { echo "/dev/vda does not come" && return 1; }
}

check "first MiB written" dd if=/payload of=/dev/vda bs=64k oflag=direct
n=0
while [ $n -lt 10 ]; do
	# one that opens the disk once and is ended by the disk's going; none that could make a file in /dev
	dd if=/dev/zero of=/dev/vda bs=4k seek=16384 oflag=direct 2>/dev/null &
	writers=$!
	dd if=/dev/zero of=/dev/vda bs=64k seek=64 oflag=direct 2>/dev/null &
	writers="$writers $!"
	dd if=/dev/zero of=/dev/vda bs=1M seek=128 2>/dev/null &
	writers="$writers $!"
	within 20 opened || fact "error a writer has not opened the disk"
	usleep $((n * 30000))
	check "taken and given back, $n" rebind
	if [ ! -b /dev/vda ]; then # what follows would make a file of it
		dmesg | tail -n 15 | sed 's/^/@lab dmesg /'
		fact "error there is no disk after round $n"
		poweroff -f
	fi
	check "first MiB is there, $n" kept
	n=$((n + 1))
done

for _ in 1 2 3 4 5 6 7 8; do cat /payload; done >/tmp/fill
check "8 MiB written" dd if=/tmp/fill of=/dev/vda bs=64k conv=fsync
echo 3 >/proc/sys/vm/drop_caches
check "8 MiB read back" test "$(dd if=/dev/vda bs=64k count=128 2>/dev/null | sha256sum)" = "$(sha256sum </tmp/fill)"
fact "sum $(sha256sum </tmp/fill)"
kernel_errors
