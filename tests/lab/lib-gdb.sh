# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Stock kernels under a real gdb, in level 1. A kernel's symbols are those of its own /proc/kallsyms, from a guest that is
# booted for them once; they are kept among the results, by the kernel's release.
# shellcheck source=tests/lab/lib-disk.sh
. "$TREE/tests/lab/lib-disk.sh"

command -v gdb >/dev/null || skip "level 1 has no gdb: run scripts/install-deps.sh lab"

# The kernel's addresses are to be those of its symbols. Where the format can be chosen, nothing is to be unpacked first.
gdb_format=vmlinux
[ "$ARCH" != aarch64 ] || gdb_format=image

# gdb_kernel VERSION: set $kernel and $initrd for vm_start, and $symbols
gdb_kernel() {
	kernel "$1" $gdb_format tools
	symbols=/run/lab/results/kallsyms-$(cat "${kernel%/*}/release").elf
	[ -s "$symbols" ] || gdb_symbols
	kernel "$1" $gdb_format nets
}

# gdb_boot NAME MEMORY CPUS OPTIONS...: a guest that obeys words on its console (guest/scripts/gdb.sh)
gdb_boot() {
	gdb_name=$1 gdb_memory=$2 gdb_cpus=$3
	shift 3
	vm_options="$*"
	vm_start "$gdb_name" "$gdb_memory" "$gdb_cpus" do-gdb nokaslr quiet nowatchdog rcupdate.rcu_cpu_stall_suppress=1 \
		${gdb_modules:+lab.modules=$gdb_modules}
}

gdb_symbols() {
	image kallsyms.img 16M
	gdb_modules=disk
	gdb_boot kallsyms 512M 1 -d kallsyms.img
	gdb_modules=
	vm_wait_for '^@lab gdb-ready' 90
	vm_send symbols
	vm_wait_for '^@lab symbols' 60
	vm_send off
	vm_wait_exit 30
	expect_status 0
	tr -d '\0' <kallsyms.img >kallsyms.txt
	# level 1 may have no Python but gdb's
	python_in_gdb "$TREE/examples/kallsyms.py" --arch "$ARCH" kallsyms.txt kallsyms.elf
	# level 1s are alike, to the numbers of their processes, and share the results
	local_name=$symbols.$(cat /proc/sys/kernel/random/uuid)
	mv kallsyms.elf "$local_name" && mv "$local_name" "$symbols"
	note "symbols: $(wc -l <kallsyms.txt), from the guest"
}

# python_in_gdb SCRIPT ARGUMENTS...
python_in_gdb() {
	gdb -nx -batch -ex "python
import runpy, sys
sys.dont_write_bytecode = True
sys.argv = '$*'.split()
try:
    runpy.run_path(sys.argv[0], run_name='__main__')
except SystemExit as end:
    if end.code:
        gdb.write(str(end.code) + '\n', gdb.STDERR)
        gdb.execute('quit 1')
" || fail "$1 in gdb ended with status $?"
}

# 1 where this KVM has hardware breakpoints and watchpoints, as far as iolite knows
gdb_hard=$("$IOLITE" doctor 2>/dev/null | grep -cE '^ok *debug .* [1-9][0-9]* (debug registers|hardware breakpoints)')

# gdb_run SCRIPT SECONDS [VARIABLE=VALUE...]: tests/lab/gdb/SCRIPT.py in gdb at $vm, with the socket gdb.sock; its verdicts are ours
gdb_run() {
	gdb_script=$1 gdb_limit=$2
	shift 2
	gdb_status=0
	env HARD="$gdb_hard" GDB_SOCKET="$PWD/gdb.sock" CONSOLE="$PWD/$vm.console" INPUT="$PWD/$vm.stdin" PID="$vm_pid" HOME="$PWD" "$@" \
		timeout $((gdb_limit * PATIENCE)) gdb -nx -batch -x "$TREE/tests/lab/gdb/$gdb_script.py" "$symbols" >gdb.console 2>&1 </dev/null ||
		gdb_status=$?
	grep -E '^(ok|FAIL|note|time) ' gdb.console | tr '\r' ' '
	grep '^note ' gdb.console | cut -c 6- | while read -r line; do note "$line"; done
	! grep -q '^FAIL ' gdb.console || fail "$(grep -m 1 '^FAIL ' gdb.console)"
	[ $gdb_status = 0 ] || fail "gdb ended with status $gdb_status: $(tail -n 1 gdb.console)"
	# told to end by "timeout", gdb does so with 0
	grep -q '^end$' gdb.console || fail "gdb did not come to its script's end in $((gdb_limit * PATIENCE)) s: $(tail -n 1 gdb.console)"
}
