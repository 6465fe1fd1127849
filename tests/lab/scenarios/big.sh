# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: a guest of 4 GiB (x86-64: 5 GiB) with 4 vCPUs: all online, memory above 4 GiB seen and in use, orderly power-off
# arches: x86_64 aarch64
# limit: 120
# variants: 6.1-bzimage 6.12-vmlinux
# full: 6.1-vmlinux 6.12-bzimage
# variants-aarch64: 6.1-image
# shellcheck source=tests/lab/lib.sh
. "$TREE/tests/lab/lib.sh"
kernel "${1%-*}" "${1#*-}"

# 1 GiB above 4 GiB at least, less what the kernel takes out of it
memory=5G want_high=1024
[ "$ARCH" != aarch64 ] || memory=4G want_high=1000 # RAM starts at 1 GiB
vm_start big $memory 4 facts,high,poweroff
vm_wait_for '^@lab rtc' 90
expect_rtc
vm_wait_exit 60
expect_status 0
expect_facts
expect_no_calibration

# RAM above 4 GiB: what does not fit below a PCI hole that starts at 2 GiB or later
high=$(said high-mib)
[ "${high:-0}" -ge $want_high ] || fail "the guest has ${high:-no} MiB of RAM above 4 GiB"
# "MiB used before, MiB more after 32 MiB were written, verdict on reading them back"
used=$(said high-used)
echo "above 4 GiB: $high MiB, in use $used"
case $used in
*" /tmp/fill: OK") ;;
*) fail "what was written above 4 GiB did not read back: '$used'" ;;
esac
grew=${used#* }
[ "${grew%% *}" -ge 24 ] || fail "a file of 32 MiB took only ${grew%% *} MiB above 4 GiB"
grep -q '^@lab shutdown' big.console || fail "init did not shut down in order"
