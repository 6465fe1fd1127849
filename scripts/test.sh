#!/bin/sh
# All tests of the host architecture.
#   scripts/test.sh all    everything
#   scripts/test.sh unit   without the lab
# With FULL=1 in the environment also what a preset, or a variant of a scenario, adds little to others.
# Each preset builds all of iolite its own way:
#   dev      gcc, AddressSanitizer and UBSan: unit tests and guests
#   tsan     gcc, ThreadSanitizer: tests with threads in them
#   clang    another compiler's warnings: unit tests
#   release  what people run: guests, command line, the lab
#   fuzz     clang, libFuzzer: a short run over hostile input
set -eu
cd "$(dirname "$0")/.."

case ${1:-} in
all | unit) ;;
*)
	echo "test: give all or unit" >&2
	exit 2
	;;
esac
# Some tests wait more than they work.
jobs=$(($(nproc) + 2))
# What one preset shows for all is left to dev.
once=${FULL:+none}
once=${once:-once}
scripts/build.sh release:kvm_tests dev tsan:threads_tests clang
ctest --preset dev -j "$jobs" -LE lab
# One of tsan's tests is longer than all the others together.
log=build/tsan-tests.log
ctest --preset tsan -j 1 -L threads > "$log" 2>&1 &
tsan=$!
clang=0
ctest --preset clang -j "$jobs" -L unit -LE "$once" || clang=$?
wait $tsan || {
	cat "$log"
	exit 1
}
echo "tsan: $(grep 'tests passed' "$log"); the log is $log"
[ $clang = 0 ] || exit $clang
# What the lab has of these with the same program, dev has seen on the KVM that this host may have.
lab='^$'
[ "$1" != all ] || [ -n "${FULL:-}" ] ||
	lab='^(guest[.].*|test_machine|fault[.]kill9|cli_(errors|console|chars|gdb|gdb_clients|gdb_session|daemon|placement))$'
ctest --preset release -j "$jobs" -LE 'lab|unit' -E "$lab"
echo "fuzz: hostile kernels, guests and options, some minutes (make fuzz takes longer, and others each time)"
FUZZ_SEED=1 scripts/fuzz.sh --runs 120000
if [ "$1" = all ]; then
	ctest --preset release -L lab --verbose
fi
