# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# The guest's side of scenarios/rng.sh.

load_modules order.rng
current=/sys/devices/virtual/misc/hw_random/rng_current
chosen() { grep -q "^virtio_rng" $current; }
check "hw_random has it" within 10 chosen
fact "current $(cat $current)"

# What the device may give (include/iolite/virtio_rng.h), in bytes: in a second, and at once. Beside it, what the driver
# may have asked for before we look at the clock.
rate=1048576 burst=65536 before=4096

# 1/100 s since the kernel's start
now() {
	IFS='. ' read -r seconds hundredths _ </proc/uptime
	echo $((seconds * 100 + 1$hundredths - 100))
}

# begin, then bytes that were taken, then rate_kept: no more than the share of the time between. Never too much where the
# guest is slow; 5 % and two ticks are for clocks.
begin() { taken=0 from=$(now); }
rate_kept() {
	took=$(($(now) - from))
	allowed=$(((took + 2) * (rate / 100 + 1) * 105 / 100 + burst + before))
	echo "$taken bytes in $took/100 s, and no more than $allowed are allowed"
	[ $taken -le $allowed ]
}

# blocks COUNT: of 4096 bytes, in /tmp/random
blocks() {
	dd if=/dev/hwrng of=/tmp/random bs=4096 count="$1" iflag=fullblock 2>/tmp/dd || return
	taken=$((taken + $(wc -c </tmp/random)))
}

# bytes that do not repeat: as many different blocks as blocks; more than there are at once
begin
check "256 KiB" blocks 64
check "no more than its share" rate_kept
[ "$(wc -c </tmp/random)" = 262144 ] || fact "error only $(wc -c </tmp/random) bytes"
different=$(od -An -v -tx8 -w16 /tmp/random | sort -u | wc -l)
[ "$different" = 16384 ] || fact "error of 16384 blocks of 16 bytes $different differ"

# a reset of the device, as the driver goes and comes, gives nothing at once that was not there before
dev=virtio0
again() {
	echo $dev >/sys/bus/virtio/drivers/virtio_rng/unbind || return
	echo $dev >/sys/bus/virtio/drivers/virtio_rng/bind || return
	within 10 chosen || return
	blocks 16
}
begin
for round in 1 2 3 4; do
	check "the driver goes and comes, $round" again
done
check "no more than its share over resets" rate_kept
kernel_errors
