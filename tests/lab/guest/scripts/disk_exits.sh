# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# 1000 requests, one after the other, when the scenario says so.

next() {
	fact "step $1"
	read -r _ </dev/console
}

next ready
check "1000 reads" dd if=/dev/vda of=/dev/null bs=4k count=1000 iflag=direct
next "done"
kernel_errors
