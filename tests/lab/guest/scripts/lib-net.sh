# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# For scripts that use a card.

# card_up: eth0 is there and has the addresses of lab.address= and, where it is given, lab.address6=
card_up() {
	load_modules order.net
	check "a card" within 10 test -e /sys/class/net/eth0
	ip link set lo up
	ip link set eth0 up
	ip addr add "$(arg address)/24" dev eth0
	[ -z "$(arg address6)" ] || ip -6 addr add "$(arg address6)/64" dev eth0
}
