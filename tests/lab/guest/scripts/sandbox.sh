# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# The guest's side of scenarios/sandbox.sh: uses its disk and its card each time that it is told to.

# shellcheck source=tests/lab/guest/scripts/lib-net.sh
. /scripts/lib-net.sh
card_up
load_modules order.disk
check "a disk" within 10 test -b /dev/vda

# work NUMBER: what is written is other bytes each time
work() {
	echo "work $1" >/tmp/word
	dd if=/tmp/word of=/tmp/work bs=4096 conv=sync || return
	dd if=/tmp/work of=/dev/vda bs=4096 oflag=direct || return
	[ "$(dd if=/dev/vda bs=4096 count=1 iflag=direct | sha256sum)" = "$(sha256sum </tmp/work)" ] || return
	ping -c 1 -W 5 "$(arg peer)"
}

fact sandbox-ready
while read -r word number </dev/console; do
	case $word in
	work)
		check "disk and network, $number" work "$number"
		fact "worked $number"
		;;
	off) break ;;
	esac
done
kernel_errors
