# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: the machine as a library: made, paused, reset and freed many times in one process, with nothing left behind
# limit: 300
# shellcheck source=tests/lab/lib.sh
. "$TREE/tests/lab/lib.sh"

test=$(dirname "$IOLITE")/tests/guest/test_machine
[ -x "$test" ] || skip "no test_machine beside $IOLITE: build all of its preset"
status=0
export TMPDIR="$PWD"
as_plain "$test" --tap >machine.console 2>&1 || status=$?
grep -E '^(ok|not ok)' machine.console || true
[ $status = 0 ] || fail "status $status: $(grep -m 1 '^not ok' machine.console || tail -n 1 machine.console)"
note "machine: $(grep -c '^ok' machine.console) cases"
