# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# The guest that tries the network with a peer that runs net_server.sh.

# shellcheck source=tests/lab/guest/scripts/lib-net.sh
. /scripts/lib-net.sh
card_up
peer=$(arg peer) peer6=$(arg peer6) host=$(arg host) host6=$(arg host6)
mtu() { [ "$(cat /sys/class/net/eth0/mtu)" = 9000 ]; }
check "the MTU is the one that was offered" mtu
fact "mtu-seen"
check "the peer" within 30 ping -c 1 -W 1 "$peer"
check "the peer by IPv6" within 30 ping -6 -c 1 -W 1 "$peer6"

# None lost, of all sizes; what is longer than the MTU goes in fragments. A flood sends one each 10 ms even without answers.
# On a slow processor several of the long ones are on their way then, for which Linux has no room: its own socket for echo
# replies holds two of 64 KiB. ping -A goes by the time that answers took, and sends early when one takes longer. So of the long
# ones a ping of its own sends each, when the last has come back.
flood() { # flood SIZE
	if [ "$1" -lt 2000 ]; then
		pings 100 "$1" -f -l 8 # for as many ping's socket has room
		return
	fi
	left=25
	while [ $left -gt 0 ]; do
		pings 1 "$1" || return
		left=$((left - 1))
	done
}
pings() { # pings COUNT SIZE OPTION...: all of them come back
	count=$1 size=$2
	shift 2
	# busybox would take a ping of its own
	/bin/ping "$@" -c "$count" -s "$size" -W 10 "$peer" >/tmp/ping 2>&1 && grep -q ' 0% packet loss' /tmp/ping && return
	tail -n 4 /tmp/ping
	return 1
}
for size in 0 1 18 46 64 1472 1473 8972 8973 30000 65507; do
	check "ping -f of $size bytes" flood "$size"
done

rate() { # rate WORD OPTIONS...
	word=$1
	shift
	if ! iperf3 -f m -t 3 -c "$@" >/tmp/iperf 2>&1; then
		tail -n 3 /tmp/iperf
		return 1
	fi
	received=$(sed -n 's/.* \([0-9.]*\) Mbits.* receiver/\1/p' /tmp/iperf | tail -n 1)
	fact "rate $word $received Mbit/s" >&9
	case $received in *[1-9]*) return ;; esac
	tail -n 3 /tmp/iperf
	return 1
}
exec 9>&1 # check() keeps what its command says
check "iperf3, TCP" rate tcp "$peer"
check "iperf3, TCP from the peer" rate tcp-reverse "$peer" -R
check "iperf3, TCP by IPv6" rate tcp6 "$peer6" -6
check "iperf3, UDP" rate udp "$peer" -u -b 20M
check "iperf3, UDP by IPv6" rate udp6 "$peer6" -6 -u -b 20M
check "iperf3 to level 1, TCP" rate host-tcp "$host"
check "iperf3 from level 1, TCP" rate host-tcp-reverse "$host" -R
check "iperf3 to level 1, TCP by IPv6" rate host-tcp6 "$host6" -6
check "iperf3 to level 1, UDP" rate host-udp "$host" -u -b 20M
check "iperf3 to level 1, UDP by IPv6" rate host-udp6 "$host6" -6 -u -b 20M

# what a card offers can be switched off, one by one; data still arrive whole
for feature in tx sg tso gso gro rx-gro-hw; do
	ethtool -K eth0 $feature off >/tmp/ethtool 2>&1 || fact "error ethtool -K $feature off: $(cat /tmp/ethtool)"
	check "TCP with $feature off" rate "tcp-$feature-off" "$peer"
done
check "ping of 65507 bytes with all off" flood 65507
ethtool -S eth0 2>/dev/null | sed -n 's/^ *\(rx_queue_0_packets\|tx_queue_0_packets\|rx_queue_0_drops\): */\1 /p' |
	while read -r name count; do fact "frames $name $count"; done

# a small MTU again
ip link set eth0 mtu 1500
check "MTU 1500" flood 8000
ip link set eth0 down
ip link set eth0 up
check "down and up" within 30 ping -c 1 -W 1 "$peer"

# the driver goes and comes: a reset of the device with frames under way
again() {
	dev=$(basename "$(readlink -f /sys/class/net/eth0/device)")
	/bin/ping -f -c 10000 "$peer" >/dev/null 2>&1 &
	echo "$dev" >/sys/bus/virtio/drivers/virtio_net/unbind || return
	[ ! -e /sys/class/net/eth0 ] || return
	echo "$dev" >/sys/bus/virtio/drivers/virtio_net/bind || return
	within 10 test -e /sys/class/net/eth0 || return
	ip link set eth0 up
	ip addr add "$(arg address)/24" dev eth0
	within 30 ping -c 1 -W 1 "$peer"
}
for round in 1 2 3; do
	check "the driver goes and comes, $round" again
done
kernel_errors
