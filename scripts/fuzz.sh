#!/bin/sh
# Fuzzes under libFuzzer with AddressSanitizer and UBSan (clang).
#   scripts/fuzz.sh [TIME [TARGET...]]          each target TIME seconds, 60 unless told
#   scripts/fuzz.sh --runs RUNS [TARGET...]     each target RUNS times its weight: a fixed amount of work
#   scripts/fuzz.sh --merge [TARGET...]         new inputs of worth into the kept corpora, minimised
#   scripts/fuzz.sh --coverage [TARGET...]      which share of the lines the kept corpora run; at least 90 % of each file
# Targets: the folders of tests/fuzz/corpus, all of them unless named. The kept corpora there are the seed, new inputs go to build/fuzz/corpus. An input that fails is left in build/fuzz/failures.
# FUZZ_SEED=N in the environment makes the same inputs each time, as CI does: what it says is of the commit, not of luck. Without it each run is another.
# As many run at a time as there are processors. In the end there is a table of all; one that fails does not keep others from running.
set -eu
cd "$(dirname "$0")/.."

kept=tests/fuzz/corpus
new=build/fuzz/corpus
failures=build/fuzz/failures
mode="time"
amount=60
options=
case ${1:-} in
--runs)
	mode=runs
	amount=$2
	options="$1 $2"
	shift 2
	;;
--merge)
	mode=merge
	options=$1
	shift
	;;
--coverage)
	shift
	scripts/build.sh coverage:fuzzers
	exec python3 -B tests/fuzz/coverage.py build/coverage "$@"
	;;
[0-9]*)
	amount=$1
	options=$1
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
if [ -z "${FUZZ_ONE:-}" ] && ! { cmake --preset fuzz && cmake --build --preset fuzz --target $programs; } > "$log" 2>&1; then
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
	control | gdb | virtio | virtio_net | virtio_small) echo 1 ;;
	*) echo 4 ;;
	esac
}

# progress TARGET STARTED: how far it is, of the time or of the inputs
progress() {
	seconds=$(($(date +%s) - $2))
	case $mode in
	time) percent=$((100 * seconds / amount)) ;;
	runs)
		inputs=$(sed -n 's/^#\([0-9]*\).*/\1/p' "build/fuzz/$1.log" | tail -1)
		percent=$((100 * ${inputs:-0} / (amount * $(weight "$1") / 4 + 1)))
		;;
	*) return ;;
	esac
	[ "$percent" -lt 100 ] || percent=99 # it comes to its end
	every=60
	[ ! -t 1 ] || every=10
	[ "$seconds" -eq 0 ] || [ $((seconds % every)) -ne 0 ] || echo "fuzz: $1: $percent %, $seconds s"
}

# stat NAME LOG: a number of libFuzzer's
stat() {
	sed -n "s/^stat::$1: *//p" "$2"
}

# run TARGET OPTION...: quiet but for how far it is; its last lines tell, and a row of the table
run() {
	target=$1
	shift
	log=build/fuzz/$target.log
	started=$(date +%s)
	build/fuzz/tests/fuzz/fuzz_"$target" -max_len=4096 -timeout=20 -print_final_stats=1 -seed="${FUZZ_SEED:-0}" \
		-artifact_prefix="$failures/$target-" "$@" > "$log" 2>&1 &
	child=$!
	while kill -0 "$child" 2>/dev/null; do
		sleep 1
		progress "$target" "$started"
	done
	seconds=$(($(date +%s) - started))
	if ! wait "$child"; then
		child=
		tail -60 "$log"
		echo "fuzz: $target failed; the log is $log, the input in $failures" >&2
		row "$target" failed
		return 1
	fi
	child=
	row "$target" passed
	sed -n 's/^#[0-9]*[ \t]*DONE *\(cov.*\) exec.*/\1/p; s/^stat::number_of_executed_units: \(.*\)/\1 inputs/p' \
		"$log" | tr '\n' ' ' | sed "s/^/fuzz: $target: /; s/ *$/\n/"
}

# row TARGET RESULT: of the table in the end
row() {
	edges=$(sed -n 's/^#[0-9]*[ \t]*[A-Z]* *cov: \([0-9]*\) .*/\1/p' "$log" | tail -1)
	printf '%-14s %7s %11s %9s %9s %7s  %s\n' "$1" "$seconds" "$(stat number_of_executed_units "$log")" \
		"$(stat average_exec_per_sec "$log")" "$(stat new_units_added "$log")" "$edges" "$2" >> "$table"
}

# fuzz TARGET: what the mode asks for
fuzz() {
	case $mode in
	time) run "$1" -max_total_time="$amount" "$new/$1" "$kept/$1" ;;
	runs) run "$1" -runs=$((amount * $(weight "$1") / 4)) "$new/$1" "$kept/$1" ;;
	merge)
		mkdir -p "build/fuzz/merged/$1"
		rm -f "build/fuzz/merged/$1"/*
		run "$1" -merge=1 -use_counters=0 "build/fuzz/merged/$1" "$kept/$1" "$new/$1"
		# A merge steps over inputs that fail, and over what is taken away meanwhile.
		if grep -q -e 'ERROR: ' -e '; exiting$' "build/fuzz/$1.log"; then
			echo "fuzz: $1 failed; the log is build/fuzz/$1.log, the input in $failures" >&2
			exit 1
		fi
		rm -f "${kept:?}/$1"/*
		cp "build/fuzz/merged/$1"/* "$kept/$1/"
		;;
	esac
}

table=build/fuzz/table
if [ -n "${FUZZ_ONE:-}" ]; then
	child=
	trap '[ -z "$child" ] || kill "$child"' EXIT
	trap 'exit 1' INT TERM
	fuzz "$1"
	exit
fi
: > "$table"
failed=
# shellcheck disable=SC2086 # a list of words
printf '%s\n' "$@" | FUZZ_ONE=yes xargs -P "$(nproc)" -n 1 scripts/fuzz.sh $options || failed=yes
if [ "$mode" != merge ]; then
	printf '%-14s %7s %11s %9s %9s %7s  %s\n' target seconds inputs 'per s' new edges result
	sort "$table"
fi
if [ -n "$failed" ]; then
	echo "fuzz: failed: $(sed -n 's/^\([a-z_]*\).* failed$/\1/p' "$table" | sort | tr '\n' ' '); the inputs are in $failures" >&2
	exit 1
fi
