# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: user-mode networking, for which root prepares nothing: DHCP, DNS, TCP out and in, IPv4 and IPv6; the child process killed
# arches: x86_64 aarch64
# limit: 200
# variants: 6.1
# variants-x86_64: 6.1 6.12
# shellcheck source=tests/lab/lib-net.sh
. "$TREE/tests/lab/lib-net.sh"
kernel "$1" stock nets

# the host that the guest reaches: a name server, and data in both directions
echo 'nameserver 127.0.0.1' >/etc/resolv.conf
name_root

background dns dnsmasq --keep-in-foreground --no-hosts --no-resolv --bind-interfaces --listen-address=127.0.0.1 \
	--user=root --pid-file= --address=/data.test/192.0.2.7
dd if=/dev/urandom of=data bs=64k count=16 2>/dev/null
sum=$(sha256sum <data)
mkfifo idle
nc -l -p 7000 <data >/dev/null &
nc -l -p 7001 <>idle >taken &

# same FILE TEXT: it has what was sent
same() { [ "$(sha256sum <"$1")" = "$sum" ] || fail "$(wc -c <"$1") bytes came $2, of $(wc -c <data), or others"; }

background server iperf3 -s
# where the guest is by IPv6 follows from its address
six="[fd00:5::5054:ff:fe00:7]"
forwards=hostfwd=tcp:127.0.0.1:2222-:22
for protocol in tcp udp; do
	forwards="$forwards,hostfwd=$protocol:127.0.0.1:2223-:5201,hostfwd=$protocol:[::1]:2224-$six:5201"
done
net_start user net_user "-n user,mac=52:54:00:00:00:07,ipv6-net=fd00:5::/64,$forwards" lab.sum="${sum%% *}"
vm_wait_for '^@lab uploaded' 60
plain='^Uid:(.'"$PLAIN"'){4}$'
grep -q -E "$plain" "/proc/$vm_pid/status" || fail "iolite runs as $(grep ^Uid: "/proc/$vm_pid/status")"
grep -q '^CapPrm:.0*$' "/proc/$vm_pid/status" || fail "iolite has capabilities"
ok "iolite has no privileges"
vm_wait_for '^@lab listens 1' 60
same taken "from the guest"
ok "TCP from the guest"
nc 127.0.0.1 2222 <data >/dev/null || fail "no connection through hostfwd"
vm_wait_for '^@lab listens 2' 60
nc 127.0.0.1 2222 <>idle >back || fail "no second connection through hostfwd"
same back "back through hostfwd"
ok "TCP through hostfwd, both ways"

# through hostfwd by UDP and IPv6
vm_wait_for '^@lab serves' 90
through() { # through TEXT OPTIONS...
	through_text=$1
	shift
	iperf3 -c "$@" >flow 2>&1 || fail "$through_text through hostfwd: $(tail -n 2 flow)"
	ok "$through_text through hostfwd"
}
through "UDP" 127.0.0.1 -p 2223 -u -b 2M -n 100K
through "UDP from the guest" 127.0.0.1 -p 2223 -u -b 2M -n 100K -R
through "TCP by IPv6" ::1 -p 2224 -n 512K
through "TCP by IPv6 from the guest" ::1 -p 2224 -n 512K -R
through "UDP by IPv6" ::1 -p 2224 -u -b 2M -n 100K
nc 127.0.0.1 2222 </dev/null >/dev/null || fail "no third connection through hostfwd"

# the child is killed: the guest sees its cable pulled, and nothing else happens
vm_wait_for '^@lab waits' 60
child=
for pid in $(cat "/proc/$vm_pid/task/$vm_pid/children"); do
	[ "$(cat "/proc/$pid/comm")" != iolite-user ] || child=$pid
done
[ -n "$child" ] || fail "iolite has no child process iolite-user"
grep -q '^Seccomp:.2$' "/proc/$child/status" || fail "iolite's child process has no filter of system calls: $(grep ^Seccomp: "/proc/$child/status")"
kill -9 "$child"
vm_wait_for '^@lab link-down' 30
# the guest may know before iolite has said so
within 10 grep -q 'link is down' user.stderr || fail "iolite does not say that the link is down"
# that the machine ran on shows at its end: the guest says its last words and powers off, which it may have done by now
[ "$(grep -c 'link is down' user.stderr)" = 1 ] || fail "$(grep -c 'link is down' user.stderr) lines tell that the link is down: $(cat user.stderr)"
net_end 30
