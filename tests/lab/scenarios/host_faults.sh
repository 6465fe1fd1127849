# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: a host whose KVM for e500v2 is faulty is told of, and run refuses the fault that hangs it
# limit: 120
# arches: powerpc
#
# The kernel here has none of the faults (tests/lab/kernels/e500v2.patch); what it says of itself is replaced.
# shellcheck source=tests/lab/lib.sh
. "$TREE/tests/lab/lib.sh"
kernel 6.1

mounted=
clean_up() {
	for place in $mounted; do
		umount "$place"
	done
	echo 0 >/proc/sys/kernel/panic_on_oops
}
trap clean_up EXIT

# replace PLACE FILE: what is read at PLACE from now on
replace() {
	mount -o bind "$2" "$1"
	mounted="$1 $mounted"
}

# doctor NAME STATUS PATTERN...: its lines have each PATTERN
doctor() {
	name=$1
	wanted=$2
	shift 2
	status=0
	iolite doctor >"$name.console" 2>"$name.stderr" || status=$?
	for pattern; do
		grep -qE "$pattern" "$name.console" || fail "$name: no line '$pattern': $(grep -E 'kvm-faults|kernel-mode' "$name.console")"
	done
	[ $status = "$wanted" ] || fail "$name: doctor ended with status $status, not $wanted"
	ok "$name"
}

echo 0 >/proc/sys/kernel/panic_on_oops
doctor mended 0 '^ok +kvm-faults +none: .*exit and its system call come back' '^ok +kernel-mode'
grep -q 'trying a small guest' mended.stderr || fail "mended: no warning before the test guest: $(cat mended.stderr)"

echo 1 >/proc/sys/kernel/panic_on_oops
doctor panic 0 '^warning +kvm-faults +not tried.*panic_on_oops is 1' '^warning +kernel-mode +not tried'
[ ! -s panic.stderr ] || fail "panic: $(cat panic.stderr)"
echo 0 >/proc/sys/kernel/panic_on_oops

zcat /proc/config.gz | grep -v STRICT_KERNEL_RWX >config
echo CONFIG_STRICT_KERNEL_RWX=y >>config
gzip -c config >config.gz
replace /proc/config.gz "$PWD/config.gz"
doctor strict 1 '^missing +kvm-faults +a guest would hang this whole host.*boot it with rodata=off' \
	'^warning +kernel-mode +not tried'
[ ! -s strict.stderr ] || fail "strict: $(cat strict.stderr)"
status=0
iolite run -k "$kernel" -s null >run.console 2>run.stderr </dev/null || status=$?
[ $status = 1 ] || fail "run ended with status $status on a host that it would hang"
grep -qE '^iolite: run: a guest would hang this whole host.*boot it with rodata=off' run.stderr ||
	fail "run says: $(cat run.stderr)"
[ "$(wc -l <run.stderr)" = 1 ] || fail "run says more than a line: $(cat run.stderr)"
ok "run refuses"

echo "quiet rodata=off" >cmdline
replace /proc/cmdline "$PWD/cmdline"
doctor off 0 '^ok +kvm-faults +none: ' '^ok +kernel-mode'
