# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: iolite doctor says that this KVM runs kernel-mode code, and what of debugging it can do
# limit: 30
# shellcheck source=tests/lab/lib.sh
. "$TREE/tests/lab/lib.sh"

status=0
iolite doctor >doctor.console 2>doctor.stderr || status=$?
grep -qE '^ok\b.*kernel-mode' doctor.console || fail "no 'ok ... kernel-mode' line: $(grep kernel doctor.console doctor.stderr | head -n 1)"
grep -qE '^(ok|warning) +debug +[^ ]' doctor.console || fail "no line of debug: $(cat doctor.console doctor.stderr)"
[ $status = 0 ] || fail "doctor ended with status $status"
