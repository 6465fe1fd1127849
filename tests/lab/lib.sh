# SPDX-License-Identifier: Apache-2.0
# Helpers for scenarios. A scenario is run by sh -eu in level 1, in its own folder $LAB_WORK, with
# its variant as $1; it ends with status 0 when all is well, or calls fail or skip.
# shellcheck shell=sh

# fail REASON / skip REASON: end the scenario with one line that says why.
fail() {
	echo "$*" >reason
	echo "FAIL: $*"
	exit 1
}

skip() {
	echo "$*" >reason
	exit 77
}

# note TEXT: a line for the runner's output, printed before the verdict.
note() { echo "$*" >>notes; }

# ok TEXT: a check that passed, for the log
ok() { echo "ok: $*"; }

# kernel VERSION [FORMAT [tools|nets]]: set $kernel and $initrd, such as "6.1" or "6.12 vmlinux"; with tools or nets
# the initrd is the big one that has programs, more modules and guest/scripts. FORMAT is what the
# distribution ships unless told: a bzImage on x86-64, an Image on aarch64; a uImage on powerpc.
kernel() {
	tag=$(echo "$1" | tr . _)
	initrd=
	eval "dir=\${KERNEL_$tag:-} initrd=\${INITRD_$tag:-}"
	[ "${3:-}" != tools ] || eval "initrd=\${TOOLS_$tag:-}"
	[ "${3:-}" != nets ] || eval "initrd=\${NETS_$tag:-}"
	[ -n "$dir" ] || skip "apt on this host offers no kernel $1"
	case ${2:-stock} in
	stock | bzimage | image | uimage) kernel=$dir/vmlinuz ;;
	vmlinux) kernel=$dir/vmlinux ;;
	*) fail "no kernel format $2" ;;
	esac
}

# What depends on the architecture: how a guest can reboot, how /proc/interrupts names MSI, and how many vCPUs
# a guest has at most. (KVM for e500v2 knows more than one only if its own kernel does, and that of the lab, which
# is the guest's as well, does not.)
# shellcheck disable=SC2034 # scenarios use them
case $ARCH in
x86_64)
	reboots="acpi kbd triple acpi acpi"
	msi='PCI-MSI'
	most_cpus=64
	;;
aarch64)
	reboots="plain plain plain plain plain"
	msi='ITS-(PCI-)?MSI'
	most_cpus=64
	;;
powerpc)
	reboots="plain plain plain"
	msi='fsl-msi'
	most_cpus=1
	;;
esac

# What runs iolite is an account that may use /dev/kvm and nothing else (l1/init). A scenario that cannot do with it sets
# privileged="REASON", and README.md lists it.
privileged=

# exec_plain PROGRAM ARGUMENTS...: it takes this shell's place, by that account. All files of the scenario are the account's.
exec_plain() {
	[ -z "$privileged" ] || exec "$@"
	chown -R "$PLAIN:$PLAIN" .
	exec busybox su -s "$TREE/tests/lab/l1/plain" -- plain "$@"
}

as_plain() { (exec_plain "$@"); }
iolite() { as_plain /run/lab/bin/iolite "$@"; }

# vm_start NAME MEMORY CPUS LAB.DO [COMMAND LINE WORDS...]: start $kernel under iolite in the
# background. NAME.console gets the serial port, NAME.stderr the log, $vm_pid the process; vm_send
# writes to the guest's serial port. $vm_options, a list of words, are more options for iolite;
# $vm_program may name another build of it. With vmm=qemu it is QEMU's q35, for comparison.
vm_start() {
	vm=$1 vm_memory=$2 vm_cpus=$3
	[ "$vm_cpus" -le "$most_cpus" ] || vm_cpus=$most_cpus
	vm_cmdline="console=ttyS0 panic=-1 lab.do=$4"
	shift 4
	vm_cmdline="$vm_cmdline${1:+ $*}"
	rm -f "$vm.stdin"
	mkfifo "$vm.stdin"
	: >"$vm.console"
	: >"$vm.stderr"
	if [ "${vmm:-iolite}" = qemu ]; then
		# shellcheck disable=SC2086 # a list of options
		qemu-system-x86_64 -M q35 -accel kvm -cpu host -m "$vm_memory" -smp "$vm_cpus" \
			-nodefaults -display none -serial stdio -kernel "$kernel" -initrd "$initrd" \
			-append "$vm_cmdline" ${vm_options:-} <>"$vm.stdin" >>"$vm.console" 2>>"$vm.stderr" &
	else
		# shellcheck disable=SC2086 # a list of options
		exec_plain "${vm_program:-/run/lab/bin/iolite}" run -k "$kernel" -i "$initrd" -a "$vm_cmdline" -m "$vm_memory" -c "$vm_cpus" \
			-s stdio ${vm_options:-} <>"$vm.stdin" >>"$vm.console" 2>>"$vm.stderr" &
	fi
	vm_pid=$!
	echo $vm_pid >"$vm.pid"
	exec 5>"$vm.stdin"
}

vm_send() { printf '%s\n' "$*" >&5; }

vm_dead() { ! vm_alive; }
vm_alive() { kill -0 "$vm_pid" 2>/dev/null && ! grep -q '^State:.*Z' "/proc/$vm_pid/status" 2>/dev/null; }

uptime_s() { cut -d. -f1 /proc/uptime; }

# within SECONDS COMMAND...: until it succeeds; false when it has not in that time.
# Here and below, where guests are slow the seconds are $PATIENCE times as many.
within() {
	within_end=$(($(uptime_s) + $1 * PATIENCE))
	shift
	until "$@"; do
		[ "$(uptime_s)" -le $within_end ] || return 1
		sleep 0.1
	done
}

# lines_like PATTERN: how many console lines match
lines_like() { grep -c -E -e "$1" "$vm.console" || true; }

# vm_wait_for PATTERN SECONDS [COUNT]: until COUNT (1) console lines match; the guest must live so long.
vm_wait_for() {
	vm_end=$(($(uptime_s) + $2 * PATIENCE))
	while [ "$(lines_like "$1")" -lt "${3:-1}" ]; do
		if ! vm_alive; then
			[ "$(lines_like "$1")" -ge "${3:-1}" ] && return
			vm_status=0
			wait "$vm_pid" || vm_status=$?
			fail "$vm ended with status $vm_status before '$1': $(tail -n 1 "$vm.stderr")"
		fi
		[ "$(uptime_s)" -le $vm_end ] || fail "no '$1' from $vm within $(($2 * PATIENCE)) s"
		sleep 0.1
	done
}

# vm_wait_exit SECONDS: until the process has ended; its status is then $vm_status.
vm_wait_exit() {
	within "$1" vm_dead || fail "$vm did not end within $(($1 * PATIENCE)) s"
	vm_status=0
	wait "$vm_pid" || vm_status=$?
	rm -f "$vm.pid"
	exec 5>&-
}

# vm_kill: end iolite at once, as a crash of the host would
vm_kill() {
	kill -9 "$vm_pid"
	vm_wait_exit 10
	[ "$vm_status" = 137 ] || fail "$vm was killed and yet ended with status $vm_status"
}

# expect_status WANTED
expect_status() {
	[ "$vm_status" = "$1" ] || fail "$vm ended with status $vm_status, not $1: $(tail -n 1 "$vm.stderr")"
}

# said WORD: what follows "@lab WORD " on the console (the last such line)
said() { tr -d '\r' <"$vm.console" | sed -n "s/^@lab $1 //p" | tail -n 1; }

no_guest_errors() {
	if grep -q '^@lab error' "$vm.console"; then
		fail "the guest says: $(said error)"
	fi
}

# expect_memory: the guest's kernel sees $vm_memory within 3 %, and user space gets most of it.
expect_memory() {
	case $vm_memory in
	*G) want=$((${vm_memory%G} * 1048576)) ;;
	*M) want=$((${vm_memory%M} * 1024)) ;;
	esac
	seen=$(said memory-seen-kib)
	free=$(said memory-kib)
	echo "memory: $want KiB given, $seen KiB seen, $free KiB for user space"
	if [ "${seen:-0}" -lt $((want * 97 / 100)) ] || [ "$seen" -gt "$want" ]; then
		fail "the guest sees ${seen:-no} KiB of $want KiB"
	fi
	[ "${free:-0}" -ge $((want * 60 / 100)) ] || fail "only ${free:-no} KiB of $want KiB are left for user space"
}

# expect_facts: all that lab.do=facts tells must be right for this machine.
expect_facts() {
	online=$(said online)
	[ "${online%% *}" = "$vm_cpus" ] || fail "the guest has '$online' of $vm_cpus vCPUs online"
	[ "$(said cmdline)" = "[$vm_cmdline]" ] || fail "/proc/cmdline is $(said cmdline), not [$vm_cmdline]"
	[ "$(said payload)" = "/payload: OK" ] || fail "a file of the initrd is damaged: $(said payload)"
	expect_memory
	no_guest_errors
}

# expect_rtc: call right after the guest told its RTC; there is none in powerpc machines
expect_rtc() {
	[ "$ARCH" != powerpc ] || return 0
	host=$(date +%s)
	guest=$(said rtc)
	[ -n "$guest" ] || fail "the guest has no /sys/class/rtc/rtc0"
	off=$((host - guest))
	[ ${off#-} -le 2 ] || fail "the guest's RTC is $off s behind the host"
}

# expect_no_calibration: no loop measured the TSC, the local APIC timer or loops_per_jiffy.
expect_no_calibration() {
	bad=$(tr -d '\r' <"$vm.console" | grep -E \
		'Calibrating delay loop\.\.\.|using timer specific|[Ff]ast TSC calibration|PIT calibration|Refined TSC|calibrating APIC timer|APIC timer calibration' |
		head -n 1) || true
	[ -z "$bad" ] || fail "a calibration loop ran: $bad"
	# Linux for powerpc calibrates nothing and says nothing
	[ "$ARCH" = powerpc ] || grep -q 'lpj=' "$vm.console" || fail "no line tells lpj="
}

stop_all() {
	for file in *.pid; do
		[ ! -f "$file" ] || kill -9 "$(cat "$file")" 2>/dev/null || true # it may have ended by itself
	done
	return 0
}
trap stop_all EXIT
trap 'exit 143' TERM INT HUP
