# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: the checksums of all that leaves a guest, seen on a wire that leaves none to others, with each offload on and off
# arches: x86_64 aarch64
# limit: 200
# variants: 6.1
# shellcheck source=tests/lab/lib-net.sh
. "$TREE/tests/lab/lib-net.sh"
kernel "$1" stock nets
name_root
privileged="-n bridge makes a tap and puts it on the bridge, which takes CAP_NET_ADMIN"

# A cable from the bridge to another host, which is a network namespace: its end here does everything before it sends.
net_bridge br0 1500
[ ! -e /var/run/netns/far ] || ip netns del far
ip netns add far
ip link add near type veth peer name far0
ip link set far0 netns far
ip link set near master br0 up
ethtool -K near tx off tso off gso off >/dev/null
far() { ip netns exec far "$@"; }
far /sbin/ip link set lo up
far /sbin/ip link set far0 up
far /sbin/ip addr add 10.9.0.9/24 dev far0
far /sbin/ip -6 addr add fd09::9/64 dev far0 nodad
far ethtool -K far0 tx off tso off gso off gro off >/dev/null
background server /sbin/ip netns exec far iperf3 -s
capture_in="/sbin/ip netns exec far"
capture wire.pcap far0 src 10.9.0.2 or src fd09::2

net_start wire net_wire "-n bridge,br=br0,vhost=off" lab.address=10.9.0.2 lab.address6=fd09::2 lab.peer=10.9.0.9 lab.peer6=fd09::9
net_end 150
capture_end

tcpdump -Z root -nn -vv -r wire.pcap >wire 2>tcpdump.err || fail "tcpdump cannot read what it wrote: $(tail -n 1 tcpdump.err)"
# seen PATTERN: how many lines
seen() { grep -c -E "$1" wire || true; }
bad=$(seen 'cksum 0x[0-9a-f]+ \((incorrect|bad)|bad (udp )?cksum|wrong icmp')
[ "$bad" = 0 ] || fail "$bad frames have a bad checksum: $(grep -m 1 -E '(incorrect|bad (udp )?cksum|wrong icmp)' wire)"
note "checksums: TCP $(seen 'cksum 0x[0-9a-f]+ \(correct\)'), UDP $(seen '\[udp sum ok\]'), none bad"
[ "$(seen 'cksum 0x[0-9a-f]+ \(correct\)')" -ge 1000 ] || fail "few segments with a good checksum: $(seen 'cksum 0x[0-9a-f]+ \(correct\)')"
[ "$(seen '\[udp sum ok\]')" -ge 100 ] || fail "few datagrams with a good checksum: $(seen '\[udp sum ok\]')"
[ "$(seen 'length [0-9]{5}')" = 0 ] || fail "frames longer than the cable's MTU: $(grep -m 1 -E 'length [0-9]{5}' wire)"
# a tap that was ours is gone with us
[ "$(ls /sys/class/net/br0/brif)" = near ] || fail "left on the bridge: $(ls /sys/class/net/br0/brif)"
ok "no tap is left"
ip netns del far # and the cable with it
ip link del br0
