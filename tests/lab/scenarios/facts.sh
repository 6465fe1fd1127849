# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: a small guest with 1 vCPU: CPUs, memory, command line, initrd, RTC, no calibration, poweroff -f
# limit: 150
# variants: 6.1-bzimage 6.1-vmlinux 6.12-bzimage 6.12-vmlinux
# variants-aarch64: 6.1-image 6.12-image
# shellcheck source=tests/lab/lib.sh
. "$TREE/tests/lab/lib.sh"
kernel "${1%-*}" "${1#*-}"

memory=128M
[ "$ARCH" != aarch64 ] || memory=256M # the kernel alone takes 33 to 44 MB there, the initrd 7
vm_start small $memory 1 facts,ask 'quoted="a  b" last=1'
vm_wait_for '^@lab rtc' 100
expect_rtc
vm_wait_for '^@lab ask' 30
expect_facts
expect_no_calibration
vm_send poweroff-f
vm_wait_exit 20
expect_status 0
