# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: the guest's kernel panics and says so (pvpanic): the machine ends with status 4, is reset, or stands
# arches: x86_64 aarch64
# limit: 240
# variants: 6.1-exit 6.1-reset 6.12-exit 6.12-pause
# variants-aarch64: 6.1-exit 6.1-reset 6.1-pause
# shellcheck source=tests/lab/lib.sh
. "$TREE/tests/lab/lib.sh"
kernel "${1%-*}"
action=${1#*-}

case $ARCH in
x86_64) panic=crash ;;
*) panic=pvpanic ;;
esac
vm_options="--on-panic=$action"
vm_start panics 256M 1 ask lab.modules=panic quiet
vm_wait_for '^@lab ask' 90
vm_send $panic
case $action in
exit)
	vm_wait_exit 30
	expect_status 4
	said_so='the guest panicked: the machine is stopped (on-panic)'
	;;
reset)
	vm_wait_for '^@lab ask' 120 2
	vm_send poweroff-f
	vm_wait_exit 20
	expect_status 0
	said_so='the guest panicked: the machine is reset (on-panic)'
	;;
pause)
	paused() { vm_dead || grep -q 'the machine is paused' panics.stderr; }
	within 30 paused || fail "iolite does not say that the machine is paused"
	vm_alive || fail "panics ended: $(tail -n 1 panics.stderr)"
	kill -TERM "$vm_pid"
	pressed() { grep -q 'power button pressed' panics.stderr; }
	within 10 pressed || fail "iolite says nothing of the power button"
	kill -TERM "$vm_pid"
	vm_wait_exit 10
	expect_status 0
	said_so='the guest panicked: the machine is paused (on-panic)'
	;;
esac
grep -qF "$said_so" panics.stderr || fail "iolite does not say '$said_so': $(tail -n 1 panics.stderr)"
boots=1
[ "$action" != reset ] || boots=2
[ "$(lines_like '^@lab init')" = $boots ] || fail "the guest booted $(lines_like '^@lab init') times, not $boots"
no_guest_errors
