# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: a guest that does not serve its watchdog: the machine is reset, stopped with status 5, paused, or goes on
# limit: 300
# variants: 6.12-reset 6.12-stop 6.12-none 6.12-autostart
# variants-aarch64: 6.1-reset 6.12-stop 6.1-none 6.1-autostart
# variants-powerpc: 6.1-reset 6.1-stop 6.1-none
# shellcheck source=tests/lab/lib.sh
. "$TREE/tests/lab/lib.sh"
kernel "${1%-*}"
action=${1#*-}

# powerpc has that of its processor, the others get one whose driver is a module. autostart: of a guest that never loads it.
vm_options="--on-watchdog=$action" modules=lab.modules=watchdog
case $ARCH-$action in
powerpc-*) modules= ;;
*-autostart) vm_options='--watchdog i6300esb,autostart=15 --on-watchdog=stop' modules= ;;
*) vm_options="--watchdog i6300esb $vm_options" ;;
esac
# A second question only where the guest lives on: what it says within its last second may or may not arrive.
asks=ask
[ "$action" != none ] || asks=ask,ask
vm_start dog 256M 1 $asks,forever quiet $modules
if [ "$action" != autostart ]; then
	vm_wait_for '^@lab ask' 120
	vm_send watchdog
fi
case $action in
reset)
	vm_wait_for '^@lab init' 120 2
	vm_wait_for '^@lab ask' 120 2
	if [ "$ARCH" != powerpc ]; then
		vm_send why-reset
		vm_wait_for '^@lab why-reset' 20
		# WDIOF_CARDRESET; where there is a device tree it has it, too
		why=32
		[ "$ARCH" = x86_64 ] || why='32 watchdog'
		[ "$(said why-reset)" = "$why" ] || fail "the guest was reset by the watchdog, and finds '$(said why-reset)'"
	else
		vm_send poweroff-f
	fi
	vm_wait_exit 20
	expect_status 0
	;;
stop)
	vm_wait_exit 60
	expect_status 5
	;;
autostart)
	vm_wait_exit 90
	expect_status 5
	;;
none)
	ran_out() { vm_dead || grep -q 'watchdog ran out' dog.stderr; }
	within 60 ran_out || fail "iolite says nothing of the watchdog in time"
	vm_alive || fail "dog ended: $(tail -n 1 dog.stderr)"
	vm_wait_for '^@lab ask' 120 2
	vm_send facts
	vm_wait_for '^@lab facts-end' 60
	;;
esac
grep -q 'watchdog ran out' dog.stderr || fail "iolite says nothing of the watchdog: $(tail -n 1 dog.stderr)"
no_guest_errors
