# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: a 1 GiB guest reboots some times in the same process, in each way that there is, then powers off
# limit: 240
# variants: 6.1-bzimage 6.12-vmlinux
# full: 6.1-vmlinux 6.12-bzimage
# variants-aarch64: 6.1-image
# variants-powerpc: 6.1-vmlinux
# shellcheck source=tests/lab/lib.sh
. "$TREE/tests/lab/lib.sh"
kernel "${1%-*}" "${1#*-}"

memory=1G
[ "$ARCH" != powerpc ] || memory=512M # level 1 has no more to give
vm_start again $memory 1 facts,ask quiet
boots=1
for how in $reboots; do
	vm_wait_for '^@lab ask' 60 $boots
	expect_facts
	vm_send "reboot-$how"
	boots=$((boots + 1))
done
vm_wait_for '^@lab ask' 60 $boots
expect_facts
[ "$(lines_like '^@lab init')" = $boots ] || fail "the guest booted $(lines_like '^@lab init') times, not $boots"
vm_send poweroff-f
vm_wait_exit 20
expect_status 0
