# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: the verbs for running machines on a stock kernel's: list, info, stat, monitor, pause, resume, reset, powerdown
# arches: x86_64 aarch64
# limit: 150
# variants: 6.1
# shellcheck source=tests/lab/lib.sh
. "$TREE/tests/lab/lib.sh"
kernel "$1"

name=lab-control
# said_by COMMAND...: what it prints is in the file verb; it must succeed
said_by() {
	"$@" >verb 2>verb.stderr || fail "$*: status $?: $(tail -n 1 verb.stderr)"
	cat verb
}

# all_like PATTERN...: the file verb has each
all_like() {
	for pattern; do
		grep -q -E -e "$pattern" verb || fail "no '$pattern' in what was said: $(head -c 300 verb | tr '\n' '|')"
	done
}

# counted METRIC: the sum over all CPUs, from Prometheus' text in the file verb
counted() { sed -n "s/^$1{.*} \([0-9]*\)$/\1/p" verb | awk '{ sum += $1 } END { print sum + 0 }'; }

# The guest has its prompt for the COUNTth time: nothing else will come until it is spoken to.
vm_options="--name $name --rng"
vm_start controlled 256M 2 ask,ask,button,poweroff quiet
vm_wait_for '^@lab ask' 60
said_by iolite list
all_like "^$name +running +$vm_pid +$vm_cpus +256M"
said_by iolite info "$name"
all_like running
said_by iolite stat "$name"
all_like 'total +mmio'

said_by iolite stat "$name" --prometheus >/dev/null
exits=$(counted iolite_cpu_exits_total)
of_kvm=$(counted iolite_kvm_cpu_exits_total)
[ "$exits" -gt 100 ] || fail "a boot took $exits exits"
[ "$of_kvm" -ge "$exits" ] || fail "KVM counted $of_kvm exits, iolite $exits of them"
note "a boot: $exits exits to iolite, $of_kvm in all"

for about in version status cpus registers memory mtree devices pci net block irq tree stats log; do
	iolite monitor "$name" info "$about" >verb 2>verb.stderr ||
		fail "info $about: status $?: $(tail -n 1 verb.stderr)"
	[ -s verb ] || [ "$about" = net ] || [ "$about" = block ] || fail "info $about says nothing"
done
# A stock kernel's own page tables
# shellcheck disable=SC2016 # the monitor's register
said_by iolite monitor "$name" 'x /8xb $pc'
all_like '^0x[0-9a-f]+: (0x[0-9a-f]{2} ?){8}$'

said_by iolite pause "$name"
said_by iolite monitor "$name" info status
all_like paused
said_by iolite stat "$name" --prometheus >/dev/null
exits=$(counted iolite_cpu_exits_total)
vm_send facts
said_by iolite stat "$name" --prometheus >/dev/null
[ "$(counted iolite_cpu_exits_total)" = "$exits" ] || fail "exits of a paused machine: $exits and then $(counted iolite_cpu_exits_total)"
[ "$(lines_like '^@lab facts-end')" = 0 ] || fail 'a paused guest obeys'
said_by iolite resume "$name"
vm_wait_for '^@lab facts-end' 30
expect_facts

said_by iolite reset "$name"
vm_wait_for '^@lab init' 60 2
for count in 3 4; do
	vm_wait_for '^@lab ask' 60 $count
	vm_send facts
	vm_wait_for '^@lab facts-end' 30 $((count - 1))
done
expect_facts
vm_wait_for '^@lab button-ready' 30
said_by iolite powerdown "$name" --wait $((30 * PATIENCE))
vm_wait_exit 10
expect_status 0
said_by iolite list
! grep -q "^$name " verb || fail "iolite lists a machine that has ended"
