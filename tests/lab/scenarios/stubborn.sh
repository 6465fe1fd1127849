# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: a guest that ignores the power button goes on; a second SIGTERM stops it at once
# limit: 60
# shellcheck source=tests/lab/lib.sh
. "$TREE/tests/lab/lib.sh"
kernel 6.1

vm_start deaf 256M 2 ask,forever quiet
vm_wait_for '^@lab ask' 60
kill -TERM "$vm_pid"
# the guest still answers after the first one
vm_send facts
vm_wait_for '^@lab facts-end' 30
kill -TERM "$vm_pid"
vm_wait_exit 5
case $vm_status in
0 | 143) ;;
*) fail "iolite ended with status $vm_status, not 0 or 143" ;;
esac
