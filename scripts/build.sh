#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds presets of CMakePresets.json: scripts/build.sh PRESET[:TARGET]...
# Quiet while it goes well.
set -eu
cd "$(dirname "$0")/.."

for what in "$@"; do
	preset=${what%%:*}
	target=${what#"$preset"}
	target=${target#:}
	log=build/$preset.log
	mkdir -p build
	echo "build: $what"
	if ! { cmake --preset "$preset" &&
		cmake --build --preset "$preset" ${target:+--target "$target"}; } > "$log" 2>&1; then
		cat "$log"
		echo "build: $what failed; the log is $log" >&2
		exit 1
	fi
done
