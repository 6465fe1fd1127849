# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# The guest's side of scenarios/net_user.sh.

load_modules order.net
mkdir -p /etc
check "a card" within 10 test -e /sys/class/net/eth0
ip link set lo up
ip link set eth0 up
cp /scripts/udhcpc.sh /tmp/bound && chmod 755 /tmp/bound # files of the image are not executable
udhcpc -i eth0 -n -q -t 10 -T 1 -s /tmp/bound 2>/tmp/udhcpc || fact "error udhcpc: $(tail -n 1 /tmp/udhcpc)"
check "the address is QEMU's" grep -q 10.0.2.15 /proc/net/fib_trie

resolves() { nslookup data.test | grep -q 192.0.2.7; }
check "DNS" within 20 resolves

# busybox's nc ends when the other side has said all that it has to say: one direction at a time, and a side that only
# listens has an input that does not end
mkfifo /tmp/idle

# from the host
fetch() { nc 10.0.2.2 7000 <>/tmp/idle >/tmp/data; }
check "TCP to the host" fetch
same() { [ "$(sha256sum <"$1")" = "$(arg sum)  -" ]; }
check "what came is what was sent" same /tmp/data
nc 10.0.2.2 7001 </tmp/data
fact "uploaded"

# connections to us, by way of the host's port, which are refused until nc has come as far as to listen (state 0A, port 22)
listening() { cat /proc/net/tcp /proc/net/tcp6 | grep -q ':0016 [0-9A-F]*:0000 0A '; }
nc -l -p 22 <>/tmp/idle >/tmp/came &
check "nc listens" within 20 listening
fact "listens 1"
wait $!
check "what came through hostfwd" same /tmp/came
nc -l -p 22 </tmp/data >/dev/null &
check "nc listens again" within 20 listening
fact "listens 2"
wait $!

has_v6() { ip -6 addr show dev eth0 | grep -q 'fd00:5:'; }
check "an IPv6 address by router advertisement" within 30 has_v6
check "IPv6" ping -6 -c 2 -W 5 fd00:5::2

# UDP, and IPv6, in both directions: iperf3 has a connection of TCP for each test, and the port's number is the same
flow() { # flow TEXT OPTIONS...: the other side got all but a few, or all
	text=$1
	shift
	check "$text" iperf3 -c "$@"
}
flow "TCP to the host by IPv6" fd00:5::2 -6 -n 512K
flow "UDP to the host" 10.0.2.2 -u -b 2M -n 100K
flow "UDP from the host" 10.0.2.2 -u -b 2M -n 100K -R
flow "UDP to the host by IPv6" fd00:5::2 -6 -u -b 2M -n 100K
iperf3 -s -D --pidfile /tmp/iperf3 >/tmp/out 2>&1
serves() { cat /proc/net/tcp /proc/net/tcp6 | grep -q ':1451 [0-9A-F]*:0000 0A '; } # 5201
check "iperf3 listens" within 20 serves
nc -l -p 22 <>/tmp/idle >/tmp/came &
check "nc listens once more" within 20 listening
fact "serves"
wait $! # until the host has seen enough

fact "waits for the end of its network"
carrier() { [ "$(cat /sys/class/net/eth0/carrier)" = "$1" ]; }
within 60 carrier 0 && fact "link-down"
kernel_errors
