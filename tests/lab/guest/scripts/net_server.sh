# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# A guest with an address that answers pings and iperf3 until somebody presses its power button.

load_modules order.net
check "a card" within 10 test -e /sys/class/net/eth0
ip link set lo up
ip link set eth0 mtu "$(cat /sys/class/net/eth0/mtu)" up
ip addr add "$(arg address)/24" dev eth0
ip -6 addr add "$(arg address6)/64" dev eth0
mkdir -p /var/run
iperf3 -s -D --pidfile /tmp/iperf3 >/tmp/out 2>&1
fact "serves"
button
kernel_errors
