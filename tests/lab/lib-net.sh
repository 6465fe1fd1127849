# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Helpers for scenarios with networks; for lib.sh, which it reads.

# shellcheck source=tests/lab/lib.sh
. "$TREE/tests/lab/lib.sh"

# iproute2's: level 1 finds busybox's first
ip() { /sbin/ip "$@"; }

# net_start NAME SCRIPT OPTIONS [COMMAND LINE WORDS...]: a guest with OPTIONS, such as "-n user", runs guest/scripts/SCRIPT.sh
# and powers off; $net_cpus: vCPUs (1). Several may run: vm_select chooses which one the other helpers mean.
net_start() {
	net_name=$1
	echo "$2" >"$1.script"
	vm_options="--name=$1 $3"
	net_script=$2
	shift 3
	vm_start "$net_name" 256M "${net_cpus:-1}" "do-$net_script,poweroff-f" lab.modules=net quiet "$@"
}

# net_variant VARIANT: $transport and $vhost of one such as pci or mmio-vhost
net_variant() {
	transport=${1%-vhost}
	vhost=off
	[ "$transport" = "$1" ] || vhost=on
}

# net_vhost PAIRS: so many queue pairs of the guest chosen last are served by threads of level 1's kernel, by $vhost=on
net_vhost() {
	net_expected=$1
	[ "$vhost" = on ] || net_expected=0
	# of the kernel's own, and since Linux 6.4 of the process
	net_threads=$(cat /proc/[0-9]*/task/[0-9]*/comm 2>/dev/null | grep -c "^vhost-$vm_pid\$" || true)
	[ "$net_threads" = "$net_expected" ] || fail "$net_threads threads vhost-$vm_pid, expected $net_expected: $(tail -n 1 "$vm.stderr")"
	! grep -q 'vhost-net does not serve' "$vm.stderr" || fail "$(grep -m 1 'vhost-net does not serve' "$vm.stderr")"
	[ "$vhost" = off ] || ok "$net_threads threads of the kernel serve $vm"
}

vm_select() {
	vm=$1
	vm_pid=$(cat "$1.pid")
}

# net_end SECONDS: the guest chosen last has powered off, all it checked was well
net_end() {
	vm_wait_exit "$1"
	tr -d '\r' <"$vm.console" | sed -n "s/^@lab ok /ok: $vm: /p"
	no_guest_errors
	expect_status 0
	grep -q "^@lab end $(cat "$vm.script")" "$vm.console" || fail "$vm did not come to the end of $(cat "$vm.script").sh"
	tr -d '\r' <"$vm.console" | grep '^@lab err ' | grep -v -E "${net_allowed:-^\$}" >kernel.err || true
	[ ! -s kernel.err ] || fail "the kernel of $vm says: $(head -n 1 kernel.err)"
}

# A tree that nobody configured has no accounts, and some programs ask for root's.
name_root() {
	[ -e /etc/passwd ] || echo 'root:x:0:0:root:/:/bin/sh' >/etc/passwd
	[ -e /etc/group ] || echo 'root:x:0:' >/etc/group
}

# net_bridge NAME MTU: a bridge in level 1 with 10.9.0.1/24 and fd09::1/64, in place of one that an earlier scenario left
net_bridge() {
	[ ! -e "/sys/class/net/$1" ] || ip link del "$1"
	ip link add "$1" type bridge
	ip link set "$1" mtu "$2" up
	ip addr add 10.9.0.1/24 dev "$1"
	ip -6 addr add fd09::1/64 dev "$1" nodad
}

# What a helper in the background leaves: its process ends with the scenario, see stop_all()
background() { # background NAME COMMAND...
	background_name=$1
	shift
	"$@" >"$background_name.out" 2>&1 &
	echo $! >"$background_name.pid"
}

# capture FILE INTERFACE FILTER...: tcpdump writes there what comes by, from now on; by $capture_in, a command's first words.
# It asks for an account: name_root.
capture() {
	capture_file=$1 capture_interface=$2
	shift 2
	# shellcheck disable=SC2086 # a list of words
	background capture ${capture_in:-} tcpdump -Z root -U -i "$capture_interface" -s 0 -w "$capture_file" "$@"
	within 20 test -s "$capture_file" || fail "tcpdump does not start: $(tail -n 1 capture.out)"
}

capture_end() {
	kill "$(cat capture.pid)" 2>/dev/null || fail "tcpdump ended by itself: $(tail -n 1 capture.out)"
	wait "$(cat capture.pid)" || true
	rm capture.pid
}
