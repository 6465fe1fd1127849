# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Write a disk that grows meanwhile.

size() { blockdev --getsize64 /dev/vda; }
has_grown() { [ "$(size)" -gt "$first" ]; }

first=$(size)
fact "size $first"
fill() { for _ in $(seq 32); do cat /payload || return; done >/tmp/fill; }
check "fill" fill
sum=$(sha256sum </tmp/fill | cut -d' ' -f1)
fact "sum $sum"
check "32 MiB written" dd if=/tmp/fill of=/dev/vda bs=64k conv=fsync
echo 3 >/proc/sys/vm/drop_caches
check "32 MiB read back" test "$(head -c 33554432 /dev/vda | sha256sum | cut -d' ' -f1)" = "$sum"
fact "ask-grow"
read -r _ </dev/console
check "the disk has grown" within 10 has_grown
fact "grown $(size)"
fact "tail-sum $(head -c 8388608 /tmp/fill | sha256sum | cut -d' ' -f1)"
check "the new end written" dd if=/tmp/fill of=/dev/vda bs=1M count=8 seek=48 conv=fsync
kernel_errors
