# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: SIGTERM is the power button to the guest, which then powers off
# limit: 90
# variants: 6.1-vmlinux 6.12-bzimage
# full: 6.1-bzimage 6.12-vmlinux
# variants-aarch64: 6.1-image
# variants-powerpc: 6.1-uimage
# shellcheck source=tests/lab/lib.sh
. "$TREE/tests/lab/lib.sh"
kernel "${1%-*}" "${1#*-}"

vm_start polite 256M 1 button,poweroff quiet
vm_wait_for '^@lab button-ready' 60
kill -TERM "$vm_pid"
vm_wait_exit 30
grep -q '^@lab button type=1 code=116' polite.console || fail "no key 116 (power) event in the guest: '$(said button)'"
no_guest_errors
expect_status 0
