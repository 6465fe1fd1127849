#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make bench: iolite against its peers on this machine, in some ten minutes.
#
# usage: bench.sh [--rounds N] [B1] [B4] [B5] [B6] [B7] [B8] [B9] [B11] [sandbox]    (default: all; docs/benchmarks.md says what they are)
#
# Measures build/release. Fails only when something did not run; no figure is a failure.
set -eu
cd "$(dirname "$0")/.."

if [ ! -w /dev/kvm ]; then
	echo "bench: /dev/kvm cannot be used; iolite doctor says more" >&2
	exit 1
fi
exec python3 -B tests/bench/bench.py --iolite build/release/iolite --programs build/release/tests/bench "$@"
