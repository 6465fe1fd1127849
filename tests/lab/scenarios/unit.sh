# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: the unit tests on a kernel of this architecture: qemu-user, which runs them in a cross build, has no io_uring of a kernel
# arches: aarch64 powerpc
# limit: 900
# shellcheck source=tests/lab/lib-disk.sh
. "$TREE/tests/lab/lib-disk.sh"

tests=$(dirname "$IOLITE")/tests
[ -x "$tests/test_loop" ] || skip "no unit tests beside $IOLITE: build all of its preset"
scratch 256
export TMPDIR="$PWD/scratch"
passed=0
failed=

# one NAME COMMAND...
limit=120
one() {
	name=$1
	shift
	start=$(uptime_s)
	status=0
	timeout $limit "$@" >"$name.console" 2>&1 </dev/null || status=$?
	echo "$name: status $status after $(($(uptime_s) - start)) s"
	if [ $status = 0 ]; then
		rm "$name.console"
		passed=$((passed + 1))
	else
		failed="$failed $name"
	fi
}

# One that never asks whether it is emulated, nor for KVM, and has neither threads nor calls that are the kernel's own matter, does the
# same under qemu-user, and did it there; a full run has it here as well.
left=0
same() { # same PROGRAM SOURCE
	[ -z "$FULL" ] || return 1
	! grep -q -E 'IOLITE_EMULATED|/dev/kvm' "$1" || return 1
	! grep -q -E 'g_thread_new|pthread_|kill\(|fork\(|mmap\(|ioctl|tcsetattr' "$2" || return 1
	left=$((left + 1))
}

for test in "$tests"/test_*; do
	case ${test##*/} in
	*.*) continue ;;
	esac
	! same "$test" "$TREE/tests/unit/${test##*/}.c" || continue
	case ${test##*/} in
	test_virtqueue_model) ;; # millions of states, all of them in user space: qemu-user's matter
	# its windows of real time are too short for one slow processor
	test_virtio_polling) ;;
	# Linux 6.1 reads a signalfd by a worker, for which the only processor has no time while the loop polls
	test_loop_poll) one test_loop_poll "$test" --tap -s /loop-poll/signal ;;
	# two threads that spin, half a minute on one processor
	test_uart) one test_uart "$test" --tap -s /uart/threads ;;
	*) one "${test##*/}" "$test" --tap ;;
	esac
done
limit=300 # some of a corpus' hundreds of inputs are long
for fuzz in "$tests"/fuzz/fuzz_*; do
	[ ! -x "$fuzz" ] || [ -d "$fuzz" ] || same "$fuzz" "$TREE/tests/fuzz/${fuzz##*/}.c" || one "${fuzz##*/}" "$fuzz" "$TREE/tests/fuzz/corpus/${fuzz##*/fuzz_}"
done
note "unit tests: $passed passed, $left left to qemu-user"
[ $passed -ge 50 ] || fail "only $passed tests ran"
[ -z "$failed" ] || fail "these fail:$failed"
