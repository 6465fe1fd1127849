# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: a small guest with 1 vCPU: CPUs, memory, command line, initrd, RTC, no calibration, poweroff -f
# limit: 150
# variants: 6.1-vmlinux 6.12-bzimage
# full: 6.1-bzimage 6.12-vmlinux
# variants-aarch64: 6.1-image 6.12-image
# variants-powerpc: 6.1-uimage 6.1-vmlinux
# shellcheck source=tests/lab/lib.sh
. "$TREE/tests/lab/lib.sh"
kernel "${1%-*}" "${1#*-}"

memory=128M
[ "$ARCH" != aarch64 ] || memory=256M # the kernel alone takes 33 to 44 MB there, the initrd 7
vm_start small $memory 1 facts,interrupts,ask 'quoted="a  b" last=1'
vm_wait_for '^@lab rtc' 100
expect_rtc
vm_wait_for '^@lab ask' 30
expect_facts
if [ "$ARCH" = powerpc ]; then
	[ "$(said platform)" = "QEMU e500" ] || fail "the guest's kernel takes the machine for '$(said platform)', not a QEMU e500"
	tr -d '\r' <small.console | grep -q -E '^@lab interrupts .* [1-9][0-9]* +OpenPIC .*ttyS0$' ||
		fail "no interrupts of ttyS0 by the MPIC: $(grep '^@lab interrupts .*ttyS0' small.console)"
fi
expect_no_calibration
vm_send poweroff-f
vm_wait_exit 20
expect_status 0
