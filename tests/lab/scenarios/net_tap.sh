# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: a persistent tap with four queues that flows spread over; it is deleted and made again under the guest, which announces itself; it stays at the end
# arches: x86_64 aarch64
# limit: 200
# variants: 6.1-pci 6.1-pci-vhost
# variants-aarch64: 6.1-pci
# full-aarch64: 6.1-pci-vhost
# shellcheck source=tests/lab/lib-net.sh
. "$TREE/tests/lab/lib-net.sh"
net_variant "${1#*-}"
kernel "${1%%-*}" stock nets
name_root

make_tap() {
	ip tuntap add tap0 mode tap multi_queue user "$PLAIN"
	# the same host afterwards: a guest that is busy while its link goes and comes keeps the address that it knew
	ip link set tap0 address 02:09:01:00:00:01
	ip addr add 10.9.1.1/24 dev tap0
	ip link set tap0 up
}
make_tap
background server iperf3 -s
net_cpus=4
net_start tap net_tap "-n tap,ifname=tap0,queues=4,transport=$transport,vhost=$vhost" lab.address=10.9.1.2 lab.peer=10.9.1.1
vm_wait_for '^@lab spread' 150
net_vhost 4
ip link del tap0
vm_wait_for '^@lab carrier 0' 30
vm_alive || fail "iolite ended with its tap"
ok "the guest sees that its tap is gone"
# on any interface: that of the tap is to be watched from its first moment on
capture arp.pcap any arp
make_tap
vm_wait_for '^@lab carrier 1' 30
ok "the guest sees that its tap is back"
vm_wait_for '^@lab (ok|error) the host again' 60
# what there is to know if it was not reached
ip -s -d link show tap0
ip neigh show dev tap0
# others learn where the guest is now without having asked
announced() {
	tcpdump -Z root -nn -r arp.pcap 2>/dev/null | grep -q -E 'who-has 10.9.1.2( .*)? tell 10.9.1.2,|Announcement 10.9.1.2'
}
within 30 announced || fail "the guest does not announce itself: $(tcpdump -Z root -nn -r arp.pcap 2>&1 | tail -n 3)"
ok "the guest announces itself"
capture_end
vm_wait_for '^@lab button-ready' 60
net_vhost 4
kill -TERM "$vm_pid"
net_end 60
[ "$(grep -c 'link is down' tap.stderr)" = 1 ] || fail "not one line tells that the link is down: $(cat tap.stderr)"
[ -e /sys/class/net/tap0 ] || fail "a tap that was not ours is gone"
ok "the tap stays"
ip link del tap0
