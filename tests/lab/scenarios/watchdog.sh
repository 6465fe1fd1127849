# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: a guest that does not serve its watchdog: the machine is reset, stopped with status 5, or goes on
# arches: powerpc
# limit: 120
# variants: reset stop none
# shellcheck source=tests/lab/lib.sh
. "$TREE/tests/lab/lib.sh"
kernel 6.1

vm_options="--on-watchdog=$1"
# A second question only where the guest lives on: what it says within its last second may or may not arrive.
asks=ask
[ "$1" != none ] || asks=ask,ask
vm_start dog 128M 1 $asks,forever quiet
vm_wait_for '^@lab ask' 60
vm_send watchdog
case $1 in
reset)
	vm_wait_for '^@lab init' 60 2
	vm_wait_for '^@lab ask' 60 2
	vm_send poweroff-f
	vm_wait_exit 20
	expect_status 0
	;;
stop)
	vm_wait_exit 60
	expect_status 5
	;;
none)
	ran_out() { vm_dead || grep -q 'watchdog ran out' dog.stderr; }
	within 60 ran_out || fail "iolite says nothing of the watchdog in time"
	vm_alive || fail "dog ended: $(tail -n 1 dog.stderr)"
	vm_wait_for '^@lab ask' 60 2
	vm_send facts
	vm_wait_for '^@lab facts-end' 60
	;;
esac
grep -q 'watchdog ran out' dog.stderr || fail "iolite says nothing of the watchdog: $(tail -n 1 dog.stderr)"
no_guest_errors
