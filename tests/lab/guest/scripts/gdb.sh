# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Obeys lines on its console, for debuggers that want something to happen: see tests/lab/gdb.

calls() { # COUNT: the system call kill, by nobody else and without a new process
	i=0
	while [ $i -lt "$1" ]; do
		kill -0 $$ || fact "kill failed"
		i=$((i + 1))
	done
}

requests() { # COUNT reads of a disk, past the cache, one after the other
	dd if=/dev/vda of=/dev/null bs=4096 count="$1" iflag=direct 2>/dev/null || fact "error cannot read"
}

dmesg -n 1
fact gdb-ready
while :; do
	read -r word count </dev/console
	case $word in
	calls)
		calls "$count"
		fact "called $count"
		;;
	requests)
		requests "$count"
		fact "requested $count"
		;;
	spin)
		while [ "$count" -gt 0 ]; do
			(while :; do :; done) &
			count=$((count - 1))
		done
		fact spins
		;;
	set-panic)
		echo "$count" >/proc/sys/kernel/panic
		fact "set $count"
		;;
	get-panic) fact "panic $(cat /proc/sys/kernel/panic)" ;;
	symbols)
		grep ' [tTdDbBrRvVwWaA] ' /proc/kallsyms >/tmp/kallsyms
		dd if=/tmp/kallsyms of=/dev/vda bs=65536 conv=sync 2>/dev/null
		sync
		fact "symbols $(wc -c </tmp/kallsyms)"
		;;
	say) fact "said $count" ;;
	reboot) reboot -f ;;
	off) poweroff -f ;;
	*) fact "error no word $word" ;;
	esac
done
