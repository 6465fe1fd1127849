# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# about: serial lines ttyS1 to ttyS3 and hvc0: to a file, TCP and pseudo terminals; what was said before somebody listened; both ways
# limit: 150
# arches: x86_64 aarch64
# variants: 6.1
# variants-x86_64: 6.1 6.12
# shellcheck source=tests/lab/lib-net.sh
. "$TREE/tests/lab/lib-net.sh"
kernel "$1" stock nets

vm_options="-s file:s1.out,log=s1.log -s tcp:127.0.0.1:7001 -s pty,link=s3.pty --console pty,link=hvc0.pty"
vm_start consoles 256M 1 do-consoles,poweroff-f quiet
vm_wait_for '^@lab said' 90

all_lines() { [ "$(wc -l <"$1")" -ge 200 ]; }
# come LINE FILE: all 200 lines of it, in order, and nothing else
come() {
	within 30 all_lines "$2" || fail "of $1 came $(wc -l <"$2") lines, the last '$(tail -n 1 "$2")'"
	tr -d '\r' <"$2" | awk -v line="$1" '$0 != line " says " NR { bad = 1; print "line " NR ": " $0 } END { exit bad }' >differs ||
		fail "of $1 came something else: $(head -n 1 differs)"
	ok "$1 said all its lines"
}
# got LINE FILE: it has the answer
got() {
	within 30 grep -q "^$1 got word-$1 word-$1" "$2" || fail "$1 does not answer: $(tail -n 1 "$2")"
	ok "$1 goes both ways"
}

# nobody has listened until now
come ttyS1 s1.out
cmp -s s1.out s1.log || fail "the log of ttyS1 is not what its file has"
mkfifo words
exec 6<>words # open all the time: what is in a FIFO that nobody has open is lost
client() { # client NAME: of ttyS2
	nc 127.0.0.1 7001 <>words >"$1.out" &
	echo $! >"$1.pid"
}
client s2
come ttyS2 s2.out
background s3 cat s3.pty
come ttyS3 s3.out
background hvc0 cat hvc0.pty
come hvc0 hvc0.out

echo word-ttyS2 >words
got ttyS2 s2.out
echo word-ttyS3 >s3.pty
got ttyS3 s3.out
echo word-hvc0 >hvc0.pty
got hvc0 hvc0.out

# a client that goes and another that comes
kill -9 "$(cat s2.pid)"
wait "$(cat s2.pid)" || true
client next
echo word-ttyS2 >words
got ttyS2 next.out
vm_wait_for '^@lab back' 60
vm_wait_for '^@lab button-ready' 30
within 30 grep -q '^hvc0 is back' hvc0.out || fail "hvc0 says nothing after its driver came back: $(tail -n 1 hvc0.out)"
kill -TERM "$vm_pid"
vm_wait_exit 60
no_guest_errors
expect_status 0
grep -q '^@lab end consoles' consoles.console || fail "the guest did not come to the end of consoles.sh"
for link in s3.pty hvc0.pty; do
	[ ! -L $link ] || fail "$link was left"
done
