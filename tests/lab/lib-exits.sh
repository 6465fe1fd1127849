# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Counting VM exits in level 1; it counts those of every VM, and a level 1 runs one scenario at a time.

events=/sys/kernel/tracing/events/kvm

# where exits are traced, and what the number of one is called
exit_event=$events/kvm_exit exit_key=exit_reason
[ "$ARCH" != powerpc ] || exit_event=/sys/kernel/tracing/events/kvm_booke/kvm_exit exit_key=exit_nr

# hits_of EVENT
hits_of() { sed -n 's/^ *Hits: //p' "$1/hist"; }

# The kernel itself adds up a trace point's hits, by reason, without a buffer that could overflow.
trigger() {
	echo "$2hist:keys=$3" >"$1/trigger" || skip "level 1's kernel has no histogram triggers"
}

# count_exits_from_here: call before a VM is started
count_exits_from_here() {
	[ -z "$(find /sys/kernel/debug/kvm/ -name '*-*')" ] || fail "another VM is running"
	trigger $events/kvm_userspace_exit '!' reason 2>/dev/null || true
	trigger $exit_event '!' $exit_key 2>/dev/null || true
	trigger $events/kvm_userspace_exit '' reason
	trigger $exit_event '' $exit_key
}

# exits_of NAME: set $NAME_exits and $NAME_user_exits to what the VM has caused since
exits_of() {
	case $ARCH in
	powerpc) total=$(hits_of $exit_event) ;; # KVM for Book E does not add them up
	*) total=$(cat /sys/kernel/debug/kvm/*-*/exits) ;;
	esac
	user=$(hits_of $events/kvm_userspace_exit)
	eval "$1_exits=\$total $1_user_exits=\$user"
	echo "$1: $total exits, $user to user space; by exit code, then by user-space reason:"
	sed -n "s/^{ $exit_key: *\([0-9]*\) } hitcount: *\([0-9]*\).*/  \2 \1/p" $exit_event/hist | sort -rn |
		while read -r hits code; do printf '%8d exit code 0x%03x\n' "$hits" "$code"; done
	sed -n 's/^{ reason: *\([0-9]*\) } hitcount: *\([0-9]*\).*/  \2 \1/p' $events/kvm_userspace_exit/hist | sort -rn |
		while read -r hits code; do printf '%8d user-space reason %d\n' "$hits" "$code"; done
}
