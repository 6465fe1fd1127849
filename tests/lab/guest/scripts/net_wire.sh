# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# The guest's side of scenarios/net_wire.sh: traffic with each offload that can be switched.

# shellcheck source=tests/lab/guest/scripts/lib-net.sh
. /scripts/lib-net.sh
card_up
peer=$(arg peer) peer6=$(arg peer6)
check "the peer" within 30 ping -c 1 -W 1 "$peer"
check "the peer by IPv6" within 30 ping -6 -c 1 -W 1 "$peer6"

traffic() { # traffic WORD
	check "$1: TCP" iperf3 -n 512K -c "$peer"
	check "$1: TCP from the peer" iperf3 -n 512K -R -c "$peer"
	check "$1: TCP by IPv6" iperf3 -n 512K -6 -c "$peer6"
	check "$1: UDP" iperf3 -n 100K -u -b 20M -c "$peer"
	check "$1: UDP by IPv6" iperf3 -n 100K -6 -u -b 20M -c "$peer6"
	check "$1: fragments" /bin/ping -A -c 5 -s 5000 -W 10 "$peer"
}
offload() { # offload NAME: is it on?
	ethtool -k eth0 | grep -q "^$1: on"
}
check "the card computes checksums" offload tx-checksumming
check "the card cuts segments" offload tcp-segmentation-offload
traffic "all on"
for feature in tso gso gro tx; do
	check "$feature off" ethtool -K eth0 $feature off
	traffic "$feature off"
done
errors=$(awk '/^Tcp: [0-9]/ { print $NF }' /proc/net/snmp) # the last column is InCsumErrors
[ "$errors" = 0 ] || fact "error $errors segments came with a bad checksum"
kernel_errors
