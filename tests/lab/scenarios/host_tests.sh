# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: the host's tests that need a /dev/kvm, of which a host may have none: hostile drivers, kill -9, stuck disks, console, serial lines, messages, unit tests
# arches: x86_64
# limit: 300
# variants: hostile_disk_pci hostile_disk_mmio hostile_net_pci hostile_net_mmio hostile_rng_pci hostile_console_pci kill9 stuck console chars errors unit
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
	python3 -B "$test" "$@" >check.console 2>&1 </dev/null || status=$?
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
	check guest/check_hostile.py --kind "$kind" "$IOLITE" "$guests/$guest" "$transport"
	;;
kill9) check fault/kill9.py "$IOLITE" "$guests/journal" --points 60 --seconds 120 ;;
stuck)
	with_faults
	check fault/stuck.py "$IOLITE_FAULTS" "$guests"
	;;
console) check cli/check_console.py "$IOLITE" "$guests/uart_in" "$guests/console" ;;
chars) check cli/check_chars.py "$IOLITE" "$guests/console" ;;
errors) check cli/check_errors.py "$IOLITE" "$guests/reset" ;;
unit)
	for source in $(grep -l '"/dev/kvm"' "$TREE"/tests/unit/test_*.c); do
		name=$(basename "$source" .c)
		"$build/tests/$name" --tap >"$name.console" 2>&1 || fail "$name: $(grep -m 1 '^not ok' "$name.console")"
		! grep -i '# skip' "$name.console" || fail "$name: $(grep -m 1 -i '# skip' "$name.console")"
		ok "$name: $(grep -c '^ok' "$name.console") cases"
	done
	;;
esac
note "$1: $(tail -n 1 check.console 2>/dev/null || echo 'nothing skipped')"
