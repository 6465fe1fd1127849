#!/bin/sh
# All guest cases without CTest, as the lab runs them: a line each, PASS, FAIL or SKIP.
#   run_all.sh BUILD_DIR [CASE...]
# Exit status 0 when none failed, 1 when one did, 77 when none could run.
set -u
if [ $# -lt 1 ] || [ ! -x "$1/tests/guest/run_guest" ]; then
	echo "usage: run_all.sh BUILD_DIR [CASE...]; BUILD_DIR holds iolite and tests/guest" >&2
	exit 2
fi
build=$1
shift
driver=$build/tests/guest/run_guest
# shellcheck disable=SC2046 # names are single words
[ $# -gt 0 ] || set -- $("$driver" --list)

failed=0 passed=0
for name in "$@"; do
	if [ "$name" = test_machine ]; then
		output=$("$build/tests/guest/test_machine" --tap 2>&1)
	else
		output=$("$driver" "$build/iolite" "$build/tests/guest/guests" "$name" 2>&1)
	fi
	case $? in
	0)
		echo "PASS $name"
		passed=$((passed + 1))
		;;
	77) echo "SKIP $name ${output#*skipped: }" ;;
	*)
		printf '%s\n' "$output" | sed 's/^/  | /'
		echo "FAIL $name"
		failed=$((failed + 1))
		;;
	esac
done
[ $failed = 0 ] || exit 1
[ $passed -gt 0 ] || exit 77
