# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: the freestanding guests of tests/guest, on a KVM that runs kernel-mode code in hardware's way
# limit: 150
# shellcheck source=tests/lab/lib.sh
. "$TREE/tests/lab/lib.sh"

build=$(dirname "$IOLITE")
[ -x "$build/tests/guest/run_guest" ] || skip "no guests beside $IOLITE: build all of its preset"
status=0
export TMPDIR="$PWD"
as_plain "$TREE/tests/guest/run_all.sh" "$build" >guests.console 2>&1 || status=$?
note "guests: $(grep -c '^PASS' guests.console || true) passed, $(grep -c '^SKIP' guests.console || true) skipped"
[ $status = 0 ] || fail "$(grep -m 1 -E '^FAIL' guests.console || tail -n 1 guests.console)"
! grep -q '^SKIP' guests.console || fail "$(grep -m 1 '^SKIP' guests.console)"
