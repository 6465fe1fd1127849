# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# The guest's side of scenarios/rng.sh.

load_modules order.rng
current=/sys/devices/virtual/misc/hw_random/rng_current
chosen() { grep -q "^virtio_rng" $current; }
check "hw_random has it" within 10 chosen
fact "current $(cat $current)"

# bytes that do not repeat: as many different blocks as blocks
take() { dd if=/dev/hwrng of=/tmp/random bs=4096 count=64 iflag=fullblock 2>/tmp/dd; }
check "256 KiB" take
[ "$(wc -c </tmp/random)" = 262144 ] || fact "error only $(wc -c </tmp/random) bytes"
different=$(od -An -v -tx8 -w16 /tmp/random | sort -u | wc -l)
[ "$different" = 16384 ] || fact "error of 16384 blocks of 16 bytes $different differ"

dev=virtio0
again() {
	echo $dev >/sys/bus/virtio/drivers/virtio_rng/unbind || return
	echo $dev >/sys/bus/virtio/drivers/virtio_rng/bind || return
	within 10 chosen || return
	dd if=/dev/hwrng of=/tmp/random bs=4096 count=4 iflag=fullblock 2>/tmp/dd
}
check "the driver goes and comes" again
kernel_errors
