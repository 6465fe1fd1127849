# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: a machine's own threads try to get out of their sandbox (tests/escape), one way at a time; none succeeds, and a guest's disk and network go on
# arches: x86_64 aarch64
# limit: 600
# variants: 6.1
# shellcheck source=tests/lab/lib-net.sh
. "$TREE/tests/lab/lib-net.sh"
kernel "$1" stock nets
name_root

escape=$(dirname "$IOLITE")/tests/escape/escape
[ -x "$escape" ] || skip "no escape beside $IOLITE: build all of its preset"
ip tuntap add tap0 mode tap user "$PLAIN"
ip addr add 10.9.2.1/24 dev tap0
ip link set tap0 up

# A machine that was killed has its files for a moment after its end, until the kernel has taken its ring apart: each has its own.
start() { # start NAME MODE NETWORK
	truncate -s 4M "$1.img"
	net_start "$1" sandbox "-n $3 -d $1.img --sandbox=$2" lab.address=10.9.2.2 lab.peer=10.9.2.1
}

# attempt THREAD NAME [OPTION]: $status, and a line of the table; it must have been tried
attempt() {
	status=0
	# shellcheck disable=SC2086 # no word, or one
	"$escape" ${3:-} "$vm_pid" "$1" "$2" >outcome 2>&1 || status=$?
	[ $status != 2 ] || fail "$2 by $1 was not tried: $(cat outcome)"
	cat outcome
	outcome=$(cut -d' ' -f3- outcome)
}

# refused NAME: what refused it did so before it looked at what was asked for
refused() {
	case $1:$outcome in
	*:EACCES | *:EPERM | *:ENOSYS | *:SIGSYS | clone:EAGAIN | ring-empty-slot:EBADF) ;;
	*) fail "$1 is not refused: $(cat outcome)" ;;
	esac
}

worked=0
works() {
	worked=$((worked + 1))
	vm_send "work $worked"
	vm_wait_for "^@lab worked $worked" 60
	no_guest_errors
}

# Which calls the filters answer, by thread; whatever else there is ends the machine.
answered() {
	case $1:$2 in
	*:openat | *:openat-create | *:openat2 | *:open | *:clone3) ;;
	iolite:clone | iolite:ring-openat* | iolite:ring-connect | iolite:ring-unregistered | iolite:ring-empty-slot) ;;
	*) return 1 ;;
	esac
}

# The test sees one that gets out.
start open off user
attempt vcpu/0 openat --open # a thread that is there when the program is
[ $status = 1 ] || fail "without a sandbox nobody can open a file, either: $(cat outcome)"
vm_kill

start answered on tap,ifname=tap0,vhost=off
vm_wait_for '^@lab sandbox-ready' 150
works
tries=0
for thread in iolite vcpu/0; do
	for name in $("$escape" --list | cut -d' ' -f1); do
		answered $thread "$name" || continue
		attempt $thread "$name"
		[ $status = 0 ] || fail "$name is not answered: $(cat outcome)"
		refused "$name"
		works
		tries=$((tries + 1))
	done
done
vm_send off
net_end 30
note "$tries attempts were answered, and disk and network went on after each"

# A new machine each, before its kernel has done much. The host's check_sandbox.py tries all of them, as a full run does here.
endings="connect-tcp connect-abstract ptrace kill execve setuid mmap-exec mprotect-exec"
[ -z "$FULL" ] || endings=$("$escape" --list | cut -d' ' -f1)
ended=0
for thread in iolite vcpu/0; do
	for name in $endings; do
		! answered $thread "$name" || continue
		start "ended-${thread%/0}-$name" on user
		attempt $thread "$name"
		case $outcome in
		EACCES | EPERM) # Landlock's, where the filter leaves it a call that one of these machines has
			vm_kill
			continue
			;;
		esac
		[ $status = 3 ] || fail "$name does not end the machine: $(cat outcome)"
		vm_wait_exit 30
		expect_status 159
		ended=$((ended + 1))
	done
done
note "$ended attempts ended their machine"
ip link del tap0
