# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: two guests and level 1 on a bridge, by taps that root made: pings of all sizes, iperf3 over IPv4 and IPv6, each offload off, MTU 9000
# arches: x86_64 aarch64
# limit: 300
# variants: 6.1-pci-vhost 6.1-mmio
# full: 6.1-pci 6.1-mmio-vhost
# variants-aarch64: 6.1-pci-vhost
# full-aarch64: 6.1-pci
# shellcheck source=tests/lab/lib-net.sh
. "$TREE/tests/lab/lib-net.sh"
net_variant "${1#*-}"
kernel "${1%%-*}" stock nets

net_bridge br0 9000
for tap in tap0 tap1; do # a bridge is root's to change
	ip tuntap add $tap mode tap user "$PLAIN"
	ip link set $tap mtu 9000 master br0 up
done
background host iperf3 -s
net_start server net_server "-n tap,ifname=tap0,transport=$transport,vhost=$vhost" lab.address=10.9.0.2 lab.address6=fd09::2
vm_wait_for '^@lab serves' 90
ping -c 2 -W 10 10.9.0.2 >pinged 2>&1 || fail "level 1 does not reach the guest: $(tail -n 2 pinged)"
ok "level 1 reaches the guest"
net_vhost 1
server=$vm_pid
net_start client net_client "-n tap,ifname=tap1,transport=$transport,vhost=$vhost" lab.address=10.9.0.3 lab.address6=fd09::3 \
	lab.peer=10.9.0.2 lab.peer6=fd09::2 lab.host=10.9.0.1 lab.host6=fd09::1
vm_wait_for '^@lab mtu-seen' 60
net_vhost 1
vm_wait_exit 240
grep -E '^@lab (rate|frames)' client.console | tr -d '\r' | sed 's/^@lab /client: /' >>notes
vm_pid=$(cat client.pid 2>/dev/null || echo "$vm_pid")
tr -d '\r' <client.console | sed -n 's/^@lab ok /ok: client: /p'
no_guest_errors
expect_status 0
grep -q '^@lab end net_client' client.console || fail "the client did not come to its end"

# what the host had for the guests it had room for
for tap in /sys/class/net/br0/brif/*; do
	echo "${tap##*/}: $(cat "/sys/class/net/${tap##*/}/statistics/tx_packets") frames, $(cat "/sys/class/net/${tap##*/}/statistics/tx_dropped") dropped"
done >>notes

# the server ends by its power button
kill -TERM "$server"
vm_select server
vm_wait_exit 60
vm=server
no_guest_errors
expect_status 0
# taps that were not ours stay
for tap in tap0 tap1; do
	[ -e /sys/class/net/br0/brif/$tap ] || fail "$tap has left the bridge"
	ip link del $tap
done
ok "the taps stay"
ip link del br0
