# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: the host's tests that need a /dev/kvm, of which a host may have none: hostile drivers, kill -9, stuck disks, console, serial lines, debuggers, messages, daemons, placement, the sandbox, unit tests
# arches: x86_64
# limit: 300
# variants: hostile_disk_pci hostile_disk_mmio hostile_net_pci hostile_net_mmio hostile_rng_pci hostile_console_pci hostile_machine_pci kill9 stuck console chars errors gdb gdb_clients gdb_session daemon placement sandbox unit
# first: placement
# shellcheck source=tests/lab/lib-disk.sh
. "$TREE/tests/lab/lib-disk.sh"

build=$(dirname "$IOLITE")
guests=$build/tests/guest/guests
[ -d "$guests" ] || skip "no guests beside $IOLITE: build all of its preset"
scratch 256
export TMPDIR="$PWD/scratch"

# check FILE ARGUMENTS...: a test of the tree in Python; what it says is in the log
check() {
	test=$TREE/tests/$1
	shift
	status=0
	as_plain python3 -B "$test" "$@" >check.console 2>&1 </dev/null || status=$?
	cat check.console
	[ $status != 77 ] || fail "it did not run: $(tail -n 1 check.console)"
	[ $status = 0 ] || fail "$(tail -n 1 check.console)"
	# what needs root's ways in the host's own files needs no KVM, and runs there
	! grep '^SKIP' check.console | grep -v 'needs root and a mount namespace' || fail 'not all of it ran (see above)'
}

case $1 in
hostile_*)
	kind=${1#*_}
	transport=${kind#*_} kind=${kind%_*}
	guest=${kind}_hostile
	[ "$kind" != disk ] || guest=virtio_hostile
	check guest/check_hostile.py --kind "$kind" --seconds 280 "$IOLITE" "$guests/$guest" "$transport"
	;;
kill9) check fault/kill9.py "$IOLITE" "$guests/journal" --points 60 --seconds 120 ;;
stuck)
	with_faults
	check fault/stuck.py "$IOLITE_FAULTS" "$guests"
	;;
console) check cli/check_console.py "$IOLITE" "$guests/uart_in" "$guests/console" ;;
chars) check cli/check_chars.py "$IOLITE" "$guests/console" ;;
daemon) check cli/check_daemon.py "$IOLITE" "$guests/life" ;;
# The scenario sandbox has the other attempts.
sandbox)
	privileged="disk and discards are those of a loop device, and the tracer's is another program's process"
	check cli/check_sandbox.py "$IOLITE" "$guests/faults" "$build/tests/escape/escape" "$build/tests/test_sandbox" calls without sockets
	;;
placement)
	privileged="what it looks at is made by root: pools of huge pages, real-time priorities"
	check cli/check_placement.py "$IOLITE" "$guests/debug"
	;;
gdb | gdb_clients)
	export GDB_CYCLES=250 # gdb_kernel does the thousand
	check "cli/check_$1.py" "$IOLITE" "$guests/debug"
	;;
# Each case by gdb and by gdb-multiarch takes a minute and more; that both get on with iolite shows on the host.
gdb_session)
	debuggers=gdb:
	[ -z "$FULL" ] || debuggers="gdb: gdb-multiarch:"
	# shellcheck disable=SC2086 # a list of words
	check cli/check_gdb_session.py "$IOLITE" "$guests/debug" $debuggers
	;;
errors) check cli/check_errors.py "$IOLITE" "$guests/reset" ;;
unit)
	for source in $(grep -l '"/dev/kvm"' "$TREE"/tests/unit/test_*.c); do
		name=$(basename "$source" .c)
		case $name in
		test_arm64_* | test_ppc_*) continue ;; # built for their own hosts alone
		esac
		"$build/tests/$name" --tap >"$name.console" 2>&1 || fail "$name: $(grep -m 1 '^not ok' "$name.console")"
		# What this KVM does not have cannot be tried; anything else can.
		grep -i '# skip' "$name.console" | grep -v ' on this KVM$' >skips || :
		[ ! -s skips ] || fail "$name: $(head -n 1 skips)"
		! grep ' on this KVM$' "$name.console" || note "$name: $(grep -c ' on this KVM$' "$name.console") cases are not for this KVM"
		ok "$name: $(grep -c '^ok' "$name.console") cases"
	done
	;;
esac
note "$1: $(tail -n 1 check.console 2>/dev/null || echo 'nothing skipped')"
