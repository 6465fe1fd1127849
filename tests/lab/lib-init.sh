# SPDX-License-Identifier: Apache-2.0
# Helpers for scenarios with an init system: it runs for real, as process 1 of a box in level 1 (l1/box), where iolite is
# installed and has the machine "demo", that of `make demo`.
# shellcheck shell=sh
# shellcheck source=tests/lab/lib.sh
. "$TREE/tests/lab/lib.sh"

init=$1 # systemd, sysv or openrc
packaging=$(dirname "$IOLITE")/packaging
box=$PWD/box

# package NAME...: lines of box/setup that unpack those
package() {
	for package; do
		tag=$(echo "$package" | tr - _)
		eval "dir=\${PACKAGE_$tag:-}"
		[ -n "$dir" ] || skip "apt on this host offers no package $package"
		echo "tar -C '$dir' -c . | tar -x -C / --keep-directory-symlink"
	done
}

# init_setup: the commands that make the box a host with iolite as a service
init_setup() {
	cat <<-END
		mkdir -p /etc/iolite /usr/local/bin
		cp '$box'/*.json /etc/iolite/
		ln -s '$IOLITE' /usr/local/bin/iolite
	END
	"setup_$init"
}

# machine NAME OPTIONS...: box/NAME.json is the machine of make demo, its console a socket and a log
machine() {
	machine=$1
	shift
	DEMO_KERNEL=$(dirname "$kernel") DEMO_INITRD=$initrd /bin/sh "$TREE/scripts/demo.sh" --config --name "$machine" \
		-s "unix:/run/iolite/$machine.ttyS0,log=$PWD/$machine.console" "$@" >"$box/$machine.json"
	: >"$machine.console"
}

# box_boot: boots the init system, which starts the machine; $box_pid is process 1
box_boot() {
	init_setup >"$box/setup"
	# shellcheck disable=SC2046 # a command
	/usr/bin/unshare --pid --fork --kill-child --mount --uts --ipc "$TREE/tests/lab/l1/box" "$box" $("boot_$init") \
		>init.console 2>&1 </dev/null &
	vm=init vm_pid=$!
	echo $vm_pid >init.pid
	within 60 box_is_up || fail "the box is not up: $(tail -n 1 init.console)"
	box_pid=$(cat "/proc/$vm_pid/task/$vm_pid/children" 2>/dev/null) || :
	box_pid=${box_pid% }
	[ -n "$box_pid" ] || fail "the box has ended: $(tail -n 1 init.console)"
}

box_is_up() { vm_dead || [ -e "$box/ready" ]; }

# in_box COMMAND...: as a person there would
in_box() {
	/usr/bin/nsenter -t "$box_pid" -m -p -u -i -C -r -w /usr/bin/env -i TERM=dumb LC_ALL=C \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# says WANTED TEXT COMMAND...: the status of a command in the box, and what it prints
says() {
	says_wanted=$1 says_text=$2
	shift 2
	says_status=0
	in_box "$@" >said.console 2>&1 || says_status=$?
	echo "$*: status $says_status: $(cat said.console)"
	[ $says_status = "$says_wanted" ] || fail "$*: status $says_status, not $says_wanted: $(tail -n 1 said.console)"
	[ -z "$says_text" ] || grep -q -e "$says_text" said.console || fail "$* does not say '$says_text': $(tail -n 1 said.console)"
}

# count PATTERN FILE
count() { grep -c -e "$1" "$2" || true; }

# until_count WANTED PATTERN FILE SECONDS: so many lines match, and no more
until_count() {
	within "$4" counted "$@" || fail "$(count "$2" "$3") lines of $3 are '$2' after $(($4 * PATIENCE)) s, not $1"
	[ "$(count "$2" "$3")" = "$1" ] || fail "$(count "$2" "$3") lines of $3 are '$2', not $1"
}

counted() { [ "$(count "$2" "$3")" -ge "$1" ]; }

# booted N: the guest has reached its shell N times
booted() {
	until_count "$1" '^guest# ' demo.console 90
	ok "the guest is at its prompt, boot $1"
}

# shut_down N: the guest has been asked by its power button N times, and obeyed
shut_down() {
	until_count "$1" 'The power button was pressed' demo.console 1
	until_count "$1" 'reboot: Power down' demo.console 1
	ok "the guest shut down by its power button, time $1"
}

# For each init system: what makes the box one of its hosts, where the machine starts with it; how it is booted and halted; and
# service VERB: start, stop, restart, or it runs, or stands.

# ---- systemd ----

setup_systemd() {
	cat <<-END
		mount -t tmpfs tmpfs /etc/systemd/system # nothing of the host's own
		cd /etc/systemd/system
		for unit in sysinit basic sockets local-fs network-online multi-user shutdown umount final poweroff; do
			ln -s /lib/systemd/system/\$unit.target .
		done
		ln -s /lib/systemd/system/systemd-poweroff.service /lib/systemd/system/systemd-journald.socket .
		ln -s /lib/systemd/system/systemd-journald.service .
		cp '$packaging'/systemd/* .
		cp '$TREE/packaging/systemd/iolite@.socket' .
		mkdir multi-user.target.wants sockets.target.wants sysinit.target.wants /run/nothing
		ln -s ../iolite@.socket sockets.target.wants/iolite@demo.socket
		ln -s ../iolite@.service multi-user.target.wants/iolite@demo.service
		ln -s ../systemd-journald.service sysinit.target.wants/
		mkdir iolite@panics.service.d
		printf '%s\n' '[Service]' Restart=no >iolite@panics.service.d/override.conf
	END
}

boot_systemd() {
	for folder in UNIT=/etc/systemd/system GENERATOR=/run/nothing ENVIRONMENT_GENERATOR=/run/nothing; do
		echo "SYSTEMD_${folder%=*}_PATH=${folder#*=}"
	done
	echo /lib/systemd/systemd --unit=multi-user.target --log-target=console --show-status=no
}

service_systemd() {
	case $1 in
	runs) says 0 'active (running)' systemctl --no-pager -l status iolite@demo ;;
	stands) says 3 'inactive (dead)' systemctl --no-pager -l status iolite@demo ;;
	*) says 0 '' systemctl "$1" iolite@demo ;;
	esac
}

halt_systemd() { in_box systemctl poweroff; }

# unit_becomes MACHINE SECONDS PROPERTY=VALUE...: systemd says so of its unit within that time
unit_becomes() {
	unit=$1 unit_seconds=$2
	shift 2
	for property; do
		within "$unit_seconds" unit_has "$property" ||
			fail "iolite@$unit has $(in_box systemctl show -p "${property%%=*}" "iolite@$unit"), not $property"
		ok "iolite@$unit has $property"
	done
}

unit_has() { [ "$(in_box systemctl show -p "${1%%=*}" "iolite@$unit")" = "$1" ]; }

# ---- System V init ----

setup_sysv() {
	package sysvinit-core sysv-rc
	cat <<-END
		cp '$packaging/sysv/iolite' /etc/init.d/iolite
		rm -rf /etc/rc?.d
		mkdir /etc/rc0.d /etc/rc2.d
		ln -s ../init.d/iolite /etc/rc0.d/K01iolite
		ln -s ../init.d/iolite /etc/rc2.d/S01iolite
		printf '%s\n' id:2:initdefault: l2:2:wait:'/lib/init/rc 2' l0:0:wait:'/lib/init/rc 0' \
			'h0:0:wait:/sbin/halt -d -f -p' >/etc/inittab
	END
}

boot_sysv() { echo /sbin/init; }
service_sysv() {
	case $1 in
	runs) says 0 'demo runs' service iolite status demo ;;
	stands) says 3 'demo does not run' service iolite status demo ;;
	*) says 0 '' service iolite "$1" demo ;;
	esac
}
halt_sysv() { in_box /sbin/init 0; }

# ---- OpenRC ----

setup_openrc() {
	package openrc librc1 libeinfo1 insserv
	cat <<-END
		echo 'rc_sys=lxc' >>/etc/rc.conf # in a box, whatever the host is in
		cp '$packaging/openrc/iolite' /etc/init.d/iolite
		ln -s iolite /etc/init.d/iolite.demo
		rc-update add iolite.demo default
	END
}

boot_openrc() { echo /sbin/openrc-init; }
service_openrc() {
	case $1 in
	runs) says 0 'status: started' rc-service iolite.demo status ;;
	stands) says 3 'status: stopped' rc-service iolite.demo status ;;
	*) says 0 '' rc-service iolite.demo "$1" ;;
	esac
}
halt_openrc() { in_box openrc-shutdown --poweroff now; }
