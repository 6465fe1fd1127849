#!/bin/sh
# Builds presets of CMakePresets.json: scripts/build.sh PRESET...
# Quiet while it goes well.
set -eu
cd "$(dirname "$0")/.."

for preset in "$@"; do
	log=build/$preset.log
	mkdir -p build
	echo "build: $preset"
	if ! { cmake --preset "$preset" && cmake --build --preset "$preset"; } > "$log" 2>&1; then
		cat "$log"
		echo "build: preset $preset failed; the log is $log" >&2
		exit 1
	fi
done
