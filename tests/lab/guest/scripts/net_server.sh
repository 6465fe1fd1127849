# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# A guest with an address that answers pings and iperf3 until somebody presses its power button.

# shellcheck source=tests/lab/guest/scripts/lib-net.sh
. /scripts/lib-net.sh
card_up
mkdir -p /var/run
iperf3 -s -D --pidfile /tmp/iperf3 >/tmp/out 2>&1
fact "serves"
button
kernel_errors
