# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: a driver that breaks the rules of a disk (docs/hostile-guest.md) where it is not the host's own: after each a reset and a valid request
# arches: aarch64
# limit: 600
# variants: disk_pci disk_mmio random
# shellcheck source=tests/lab/lib-disk.sh
. "$TREE/tests/lab/lib-disk.sh"

guest=$(dirname "$IOLITE")/tests/guest/guests/virtio_hostile
[ -f "$guest" ] || skip "no guests beside $IOLITE: build all of its preset"
scratch 64
export TMPDIR="$PWD/scratch"

transport=pci options=
case $1 in
disk_*) transport=${1#disk_} ;;
random) options="--random 10000" ;;
esac
status=0
# shellcheck disable=SC2086 # several words
python3 -B "$TREE/tests/guest/check_hostile.py" --kind disk --seconds 550 $options "$IOLITE" "$guest" "$transport" \
	>check.console 2>&1 </dev/null || status=$?
cat check.console
[ $status = 0 ] || fail "$(head -n 1 check.console)"
note "$(tail -n 1 check.console)"
