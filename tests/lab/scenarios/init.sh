# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: the guest of make demo as a service of a real init system: with the host's start, by hand, again, and at the host's end
# arches: x86_64
# limit: 300
# variants: systemd sysv openrc
# packages: sysvinit-core sysv-rc openrc librc1 libeinfo1 insserv
# shellcheck source=tests/lab/lib-init.sh
. "$TREE/tests/lab/lib-init.sh"
kernel 6.1

# What systemd does about failures, while the guest has hardly begun.
failures() {
	pid=$(in_box systemctl show -p MainPID --value iolite@demo)
	in_box sh -c "cat /proc/$pid/task/*/comm" | grep -q '^vcpu/0' || fail "it was called started before its vCPUs ran"
	in_box systemctl kill -s KILL --kill-who=main iolite@demo
	unit_becomes demo 30 NRestarts=1 ActiveState=active
	pid=$(in_box systemctl show -p MainPID --value iolite@demo)
	says 0 "^demo *running *$pid " iolite list

	says 1 'failed' systemctl start iolite@wrong
	unit_becomes wrong 1 ActiveState=failed ExecMainStatus=2 NRestarts=0
	in_box systemctl start iolite@panics
	unit_becomes panics 180 ActiveState=failed ExecMainStatus=4
	says 0 'the guest panicked' journalctl --no-pager -u iolite@panics
}

mkdir -p "$box/upper" "$box/work" "$box/root"
machine demo
if [ "$init" = systemd ]; then
	machine panics -a 'console=ttyS0 quiet panic=-1 lab.do=crash lab.modules=panic'
	machine wrong -k /nowhere/vmlinuz
fi
box_boot
booted 1
"service_$init" runs

"service_$init" restart
shut_down 1
booted 2
"service_$init" stop
shut_down 2
"service_$init" stands

if [ "$init" = systemd ]; then
	# its control socket is there, and whoever asks there starts it
	says 0 '^active' systemctl is-active iolite@demo.socket
	says 0 '^status: *running' iolite info demo
else
	"service_$init" start
fi
"service_$init" runs
[ "$init" != systemd ] || failures
booted 3
"halt_$init"
vm_wait_exit 60
shut_down 3
