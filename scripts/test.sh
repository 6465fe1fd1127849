#!/bin/sh
# All tests of the host architecture.
#   scripts/test.sh all    everything
#   scripts/test.sh unit   without the lab
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
jobs=$(nproc)
scripts/build.sh release dev tsan clang
ctest --preset dev -j "$jobs" -LE lab
ctest --preset tsan -j "$jobs" -L threads
ctest --preset clang -j "$jobs" -L unit
ctest --preset release -j "$jobs" -LE 'lab|unit'
echo "fuzz: hostile kernels, guests and options, some minutes (make fuzz takes longer)"
scripts/fuzz.sh --runs 120000
if [ "$1" = all ]; then
	ctest --preset release -L lab --verbose
fi
