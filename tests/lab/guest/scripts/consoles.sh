# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# The guest's side of scenarios/consoles.sh.

load_modules order.console
lines="ttyS1 ttyS2 ttyS3 hvc0"
for line in $lines; do
	check "$line is there" within 10 test -c "/dev/$line"
done
for line in $lines; do
	# open all the time: the last close of a line drops what it has yet to say
	case $line in
	ttyS1) exec 6<>/dev/ttyS1 ;;
	ttyS2) exec 7<>/dev/ttyS2 ;;
	ttyS3) exec 8<>/dev/ttyS3 ;;
	hvc0) exec 9<>/dev/hvc0 ;;
	esac
	stty -F "/dev/$line" raw -echo || fact "error stty of $line"
done
say() { # say LINE: more than a FIFO holds
	number=0
	while [ $number -lt 200 ]; do
		number=$((number + 1))
		echo "$1 says $number"
	done >"/dev/$1"
}
for line in $lines; do
	check "$line takes 200 lines" say "$line"
done
fact "said"

# what comes goes back, twice as long
answer() {
	head -n 1 >"/tmp/$1" && echo "$1 got $(cat "/tmp/$1") $(cat "/tmp/$1")" >"/dev/$1"
}
check "a line by ttyS2" answer ttyS2 <&7
check "a line by ttyS3" answer ttyS3 <&8
check "a line by hvc0" answer hvc0 <&9
fact "answered"
check "a line by ttyS2 from the next client" answer ttyS2 <&7

# the driver of the console goes and comes; a vty of a port that goes is hung up
exec 9>&-
dev=$(basename "$(readlink -f /sys/class/virtio-ports/vport*p0/device)")
again() {
	echo "$dev" >/sys/bus/virtio/drivers/virtio_console/unbind || return
	echo "$dev" >/sys/bus/virtio/drivers/virtio_console/bind || return
	within 10 test -c /dev/hvc0
}
check "the driver goes and comes" again
echo "hvc0 is back" >/dev/hvc0
fact "back"
button
kernel_errors
