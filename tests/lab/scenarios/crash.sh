# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: a kernel panic with panic=-1 (and reboot=t on x86-64, a triple fault) resets the machine, which boots again
# limit: 90
# variants: 6.1-bzimage 6.12-vmlinux
# variants-aarch64: 6.1-image
# variants-powerpc: 6.1-uimage
# shellcheck source=tests/lab/lib.sh
. "$TREE/tests/lab/lib.sh"
kernel "${1%-*}" "${1#*-}"

vm_start panics 256M 1 ask reboot=t quiet
vm_wait_for '^@lab ask' 60
vm_send crash
vm_wait_for '^@lab ask' 60 2
vm_send poweroff
vm_wait_exit 20
expect_status 0
no_guest_errors
