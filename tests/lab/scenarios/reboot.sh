# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: a 1 GiB guest reboots five times in the same process, in each way that there is, then powers off
# limit: 240
# variants: 6.1-bzimage 6.1-vmlinux 6.12-bzimage 6.12-vmlinux
# variants-aarch64: 6.1-image
# shellcheck source=tests/lab/lib.sh
. "$TREE/tests/lab/lib.sh"
kernel "${1%-*}" "${1#*-}"

vm_start again 1G 1 facts,ask quiet
boots=1
for how in $reboots; do
	vm_wait_for '^@lab ask' 60 $boots
	expect_facts
	vm_send "reboot-$how"
	boots=$((boots + 1))
done
vm_wait_for '^@lab ask' 60 $boots
expect_facts
[ "$(lines_like '^@lab init')" = 6 ] || fail "the guest booted $(lines_like '^@lab init') times, not 6"
vm_send poweroff-f
vm_wait_exit 20
expect_status 0
