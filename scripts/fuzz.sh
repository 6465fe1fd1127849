#!/bin/sh
# Fuzzes under libFuzzer with AddressSanitizer and UBSan (clang).
#   scripts/fuzz.sh [TIME [TARGET...]]          each target TIME seconds, 60 unless told
#   scripts/fuzz.sh --runs RUNS [TARGET...]     each target RUNS times its weight: a fixed amount of work
#   scripts/fuzz.sh --merge [TARGET...]         new inputs of worth into the kept corpora, minimised
# Targets: the folders of tests/fuzz/corpus, all of them unless named. The kept corpora there are the seed, new inputs go to build/fuzz/corpus. An input that fails is left in build/fuzz/failures.
set -eu
cd "$(dirname "$0")/.."

kept=tests/fuzz/corpus
new=build/fuzz/corpus
failures=build/fuzz/failures
mode="time"
amount=60
case ${1:-} in
--runs)
	mode=runs
	amount=$2
	shift 2
	;;
--merge)
	mode=merge
	shift
	;;
[0-9]*)
	amount=$1
	shift
	;;
esac
[ $# -gt 0 ] || set -- $(ls "$kept")

programs=
for target; do
	if [ ! -d "$kept/$target" ]; then
		echo "fuzz: there is no target '$target'; these are there:" $(ls "$kept") >&2
		exit 2
	fi
	programs="$programs fuzz_$target"
	mkdir -p "$new/$target"
done
mkdir -p "$failures"
log=build/fuzz/build.log
# shellcheck disable=SC2086 # a list of names
if ! { cmake --preset fuzz && cmake --build --preset fuzz --target $programs; } > "$log" 2>&1; then
	cat "$log"
	echo "fuzz: the build failed; the log is $log" >&2
	exit 1
fi

# weight TARGET: how fast it runs; 4 is as many inputs as asked for
weight() {
	case $1 in
	virtqueue) echo 40 ;;
	boot) echo 12 ;;
	fdt | net) echo 2 ;;
	virtio | virtio_net | virtio_small) echo 1 ;;
	*) echo 4 ;;
	esac
}

# run TARGET OPTION...: quiet; its last lines tell
run() {
	target=$1
	shift
	log=build/fuzz/$target.log
	if ! build/fuzz/tests/fuzz/fuzz_"$target" -max_len=4096 -timeout=20 -print_final_stats=1 \
		-artifact_prefix="$failures/$target-" "$@" > "$log" 2>&1; then
		tail -60 "$log"
		echo "fuzz: $target failed; the log is $log, the input in $failures" >&2
		exit 1
	fi
	sed -n 's/^#[0-9]*[ \t]*DONE *\(cov.*\) exec.*/\1/p; s/^stat::number_of_executed_units: \(.*\)/\1 inputs/p' \
		"$log" | tr '\n' ' ' | sed "s/^/fuzz: $target: /; s/ *$/\n/"
}

for target; do
	case $mode in
	time) run "$target" -max_total_time="$amount" "$new/$target" "$kept/$target" ;;
	runs) run "$target" -runs=$((amount * $(weight "$target") / 4)) "$new/$target" "$kept/$target" ;;
	merge)
		mkdir -p "build/fuzz/merged/$target"
		rm -f "build/fuzz/merged/$target"/*
		run "$target" -merge=1 -use_counters=0 "build/fuzz/merged/$target" "$kept/$target" "$new/$target"
		# A merge steps over inputs that fail.
		if grep -q 'ERROR: ' "build/fuzz/$target.log"; then
			echo "fuzz: $target failed; the log is build/fuzz/$target.log, the input in $failures" >&2
			exit 1
		fi
		rm -f "${kept:?}/$target"/*
		cp "build/fuzz/merged/$target"/* "$kept/$target/"
		;;
	esac
done
