# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: against QEMU q35 with the same kernel and initrd: fewer VMM exits to /init, no error lines of its own
# arches: x86_64
# limit: 150
# variants: 6.1 6.12
# shellcheck source=tests/lab/lib.sh
. "$TREE/tests/lab/lib.sh"
# shellcheck source=tests/lab/lib-exits.sh
. "$TREE/tests/lab/lib-exits.sh"
kernel "$1"

# Lines at level err or worse that iolite's guest may have and QEMU's not: extended regular
# expressions, one a line, each with its reason. None is known.
allowed=

for vmm in qemu iolite; do
	count_exits_from_here
	vm_start $vmm 512M 1 ask,facts,ask quiet
	vm_wait_for '^@lab ask' 90
	exits_of $vmm
	vm_send facts
	vm_wait_for '^@lab facts-end' 30
	vm_send poweroff-f
	vm_wait_exit 20
	expect_status 0
	tr -d '\r' <$vmm.console | sed -n 's/^@lab err //p' | sort -u >$vmm.err
done

# shellcheck disable=SC2154 # exits_of sets them, by eval
note "$1: exits to /init: iolite $iolite_exits (to user space $iolite_user_exits), q35 $qemu_exits ($qemu_user_exits)"
[ "$iolite_exits" -lt "$qemu_exits" ] || fail "iolite took $iolite_exits exits, q35 $qemu_exits"
[ "$iolite_user_exits" -lt "$qemu_user_exits" ] ||
	fail "iolite took $iolite_user_exits exits to user space, q35 $qemu_user_exits"

grep -v -x -F -f qemu.err iolite.err >own.err || true
if [ -n "$allowed" ]; then
	grep -E "$allowed" own.err | while read -r line; do note "$1: excepted: $line"; done
	grep -v -E "$allowed" own.err >left.err || true
else
	cp own.err left.err
fi
note "$1: error lines: iolite $(grep -c . iolite.err || true), q35 $(grep -c . qemu.err || true), only iolite's $(grep -c . left.err || true)"
[ ! -s left.err ] || fail "an error line that q35 does not give: $(head -n 1 left.err)"
