#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What udhcpc calls: takes the lease that it got ($1 is the event).
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
# shellcheck disable=SC2154 # set by udhcpc
ip addr replace "$ip/${mask:-24}" dev "$interface"
# shellcheck disable=SC2154
[ -z "$router" ] || ip route replace default via "${router%% *}"
# shellcheck disable=SC2154
for server in $dns; do
	echo "nameserver $server"
done >/etc/resolv.conf
echo "@lab dhcp $ip ${router%% *} ${dns%% *}"
