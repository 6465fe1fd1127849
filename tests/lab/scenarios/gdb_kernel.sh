# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: a stock kernel under gdb: from its first instruction, system calls counted and stepped, four CPUs, clients that come and go
# limit: 300
# arches: x86_64 aarch64
# variants: 6.1-boot 6.1-calls 6.1-smp 6.1-life
# shellcheck source=tests/lab/lib-gdb.sh
. "$TREE/tests/lab/lib-gdb.sh"
gdb_kernel "${1%-*}"
part=${1#*-}

case $part in
boot)
	gdb_boot boot 256M 1 --gdb unix:gdb.sock --gdb-wait
	within 30 test -S gdb.sock || fail "no socket: $(tail -n 1 boot.stderr)"
	;;
*)
	cpus=1
	[ "$part" != smp ] || cpus=4
	gdb_boot "$part" 256M $cpus --gdb unix:gdb.sock
	vm_wait_for '^@lab gdb-ready' 90
	;;
esac
gdb_run kernel 240 PART="$part"
if [ "$part" = calls ]; then
	tr '\n' ' ' <gdb.console | grep -q 'Old value = 1234 New value = 17 ' || fail "gdb does not say the watched variable's old and new value"
fi
# "calls" leaves the guest to itself; of the others gdb has seen the end, or made it
[ "$part" != calls ] || vm_send off
vm_wait_exit 30
expect_status 0
note "$part: $(grep -c '^ok ' gdb.console) checks"
