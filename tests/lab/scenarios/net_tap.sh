# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: a persistent tap with four queues that flows spread over; it is deleted and made again under the guest, and stays at the end
# arches: x86_64 aarch64
# limit: 200
# variants: 6.1
# shellcheck source=tests/lab/lib-net.sh
. "$TREE/tests/lab/lib-net.sh"
kernel "$1" stock nets

make_tap() {
	ip tuntap add tap0 mode tap multi_queue
	# the same host afterwards: a guest that is busy while its link goes and comes keeps the address that it knew
	ip link set tap0 address 02:09:01:00:00:01
	ip addr add 10.9.1.1/24 dev tap0
	ip link set tap0 up
}
make_tap
background server iperf3 -s
net_cpus=4
net_start tap net_tap "-n tap,ifname=tap0,queues=4" lab.address=10.9.1.2 lab.peer=10.9.1.1
vm_wait_for '^@lab spread' 150
ip link del tap0
vm_wait_for '^@lab carrier 0' 30
vm_alive || fail "iolite ended with its tap"
ok "the guest sees that its tap is gone"
make_tap
vm_wait_for '^@lab carrier 1' 30
ok "the guest sees that its tap is back"
vm_wait_for '^@lab (ok|error) the host again' 60
# what there is to know if it was not reached
ip -s -d link show tap0
ip neigh show dev tap0
net_end 60
[ "$(grep -c 'link is down' tap.stderr)" = 1 ] || fail "not one line tells that the link is down: $(cat tap.stderr)"
[ -e /sys/class/net/tap0 ] || fail "a tap that was not ours is gone"
ok "the tap stays"
ip link del tap0
