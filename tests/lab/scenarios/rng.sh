# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: the source of entropy: the guest's kernel uses it, gets random bytes, no more than its share of the time, over resets too
# limit: 90
# arches: x86_64 aarch64
# variants: 6.1
# shellcheck source=tests/lab/lib.sh
. "$TREE/tests/lab/lib.sh"
kernel "$1" stock nets

vm_options=--rng
vm_start rng 256M 1 do-rng,poweroff-f lab.modules=rng quiet
vm_wait_exit 60
no_guest_errors
expect_status 0
case $(said current) in
virtio_rng*) ;;
*) fail "the guest's kernel takes its entropy from '$(said current)'" ;;
esac
grep -q '^@lab end rng' rng.console || fail "the guest did not come to the end of rng.sh"
