# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# The guest's side of scenarios/net_tap.sh.

# shellcheck source=tests/lab/guest/scripts/lib-net.sh
. /scripts/lib-net.sh
card_up
peer=$(arg peer)
check "the host" within 30 ping -c 1 -W 1 "$peer"
ethtool -L eth0 combined 4 >/tmp/ethtool 2>&1 || true # it may have them already
four_queues() { ethtool -l eth0 | tail -n 4 | grep -q 'Combined:.*4'; }
check "four queues" four_queues
check "iperf3 with 8 flows" iperf3 -t 3 -P 8 -c "$peer"
check "iperf3 with 8 flows to us" iperf3 -t 3 -P 8 -R -c "$peer"

# packets of queue N in direction rx or tx
packets() { ethtool -S eth0 | sed -n "s/^ *$1_\(queue_\)\{0,1\}$2_packets: //p"; }
used() { # used DIRECTION: how many queues had packets
	count=0
	for queue in 0 1 2 3; do
		[ "$(packets "$1" $queue)" -lt 10 ] || count=$((count + 1))
	done
	echo $count
}
[ "$(used tx)" -ge 2 ] || fact "error $(used tx) queues sent"
[ "$(used rx)" -ge 2 ] || fact "error $(used rx) queues received"
fact "spread $(used tx) $(used rx)"

# What the guest sends meanwhile is lost with the cable, and that only.
/bin/ping -f -l 64 -s 20 "$peer" >/dev/null 2>&1 &
flood=$!
carrier() { [ "$(cat /sys/class/net/eth0/carrier)" = "$1" ]; }
check "the cable is pulled" within 60 carrier 0
fact "carrier 0"
check "the cable is back" within 60 carrier 1
kill $flood
fact "carrier 1"
check "the host again" within 30 ping -c 1 -W 1 "$peer"
ip neigh | sed 's/^/@lab neighbour /'
ethtool -S eth0 | sed -n 's/^ *\(.*_packets\): /@lab count \1 /p'
grep virtio /proc/interrupts | sed 's/^ */@lab interrupts /'
button
kernel_errors
