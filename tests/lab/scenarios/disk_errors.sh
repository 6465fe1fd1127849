# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: a full file system, a file cut short and one that grows on the host; the guest lives, the log has a line
# limit: 150
# variants: 6.1-pci 6.12-mmio
# full: 6.12-pci
# variants-aarch64: 6.1-pci
# variants-powerpc: 6.1-mmio
# shellcheck source=tests/lab/lib-disk.sh
. "$TREE/tests/lab/lib-disk.sh"
disk_variant "$1"

mkdir small
mount -t tmpfs -o size=6M tmpfs small
image small/full.img 16M
image cut.img 8M
image grow.img 4M
disks="-d small/full.img,transport=$transport -d cut.img,transport=$transport -d grow.img,transport=$transport"
# what the kernel says when a disk's host has no room or no file
disk_allowed="${disk_allowed:+$disk_allowed|}error, dev vd[ab]|Buffer I/O error on dev vd[ab]"
disk_start 384M 1 disk_errors

vm_wait_for '^@lab step full' 60
one_line disk_errors.stderr 'full\.img: '
one_line disk_errors.stderr 'full\.img: write .*failed: No space left'
ok "iolite says once that there is no room"
mount -o remount,size=32M small
vm_send go

vm_wait_for '^@lab step uncut' 60
one_line disk_errors.stderr 'full\.img: write works again'
truncate -s 2M cut.img
vm_send go
vm_wait_for '^@lab step cut' 60
one_line disk_errors.stderr 'cut\.img: read .*failed'
kill -USR1 "$vm_pid"
vm_send go
vm_wait_for '^@lab step short' 60
one_line disk_errors.stderr 'cut\.img: shrank'
[ "$(stat -c %s cut.img)" = 2097152 ] || fail "the cut file has $(stat -c %s cut.img) bytes again"
ok "iolite says once that a file is shorter now"
truncate -s 8M cut.img
kill -USR1 "$vm_pid"
vm_send go

vm_wait_for '^@lab step small' 60
truncate -s 12M grow.img
kill -USR1 "$vm_pid"
vm_send go
disk_end 60
tail -c 1048576 grow.img >end
[ "$(sha256sum <end)" = "$(tail -c 1048576 cut.img | sha256sum)" ] || fail "the ends of grow.img and cut.img differ"
ok "what the guest wrote is in the files"
