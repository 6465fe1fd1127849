#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is left to the process of a real machine: --jail, capabilities, limits, core dumps, and that nothing is left over.

  check_jail.py IOLITE GUEST [CASE...]     GUEST: tests/guest/x86_64/g_life.c
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from cases import SKIPPED, Failure, expect, has_kvm, run_cases

LIMIT = 60
NOBODY = 65534
# Sanitizers look for leaks in /proc, which a jail has not.
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
IOLITE = GUEST = None


def within(what, true):
    deadline = time.monotonic() + LIMIT
    while not true():
        if time.monotonic() > deadline:
            raise Failure(f"not within {LIMIT} s: {what}")
        time.sleep(0.02)


def for_root(case):
    """@case is not for a plain user's run of this."""
    if not os.geteuid():
        return case

    def skipped():
        return "skipped: needs root"
    return case.__name__.replace("_", " "), skipped


class Machine:
    """One whose guest waits for the power button, in a folder that others may look into."""

    def __init__(self, *options, before=(), lines=("-s", "null")):
        self.folder = tempfile.mkdtemp()
        os.chmod(self.folder, 0o755)
        self.err = open(f"{self.folder}/err", "w+b")
        if "--sandbox" not in options:
            options = (*options, "--sandbox", "on")
        self.process = subprocess.Popen(
            [*before, IOLITE, "run", "-k", GUEST, "-m", "16M,hugepages=none", "-a", "button", *lines, "--control", "control",
             "--pidfile", "pid", *options], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=self.err, stderr=self.err)

    def __enter__(self):
        within("the machine runs, or ends", lambda: not self.alive() or self.runs())
        if not self.alive():
            said = self.said()
            self.__exit__()
            raise Failure(f"it has ended with {self.process.returncode}: {said!r}")
        return self

    def __exit__(self, *_):
        if self.alive():
            self.process.kill()
        self.process.wait()
        self.err.close()
        shutil.rmtree(self.folder)

    def alive(self):
        return self.process.poll() is None

    def said(self):
        with open(f"{self.folder}/err", "rb") as file:
            return file.read().decode(errors="replace")

    def pid(self):
        with open(f"{self.folder}/pid", encoding="ascii") as file:
            return int(file.read())

    def runs(self):
        """It answers: the guest runs, or stands, and all is entered."""
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(LIMIT)
                client.connect(f"{self.folder}/control")
                return client.recv(100).startswith(b'{"QMP"')
        except OSError:
            return False

    def proc(self, name):
        with open(f"/proc/{self.pid()}/{name}", encoding="ascii", errors="replace") as file:
            return file.read()

    def status(self, name):
        return re.search(rf"^{name}:\t(.*)$", self.proc("status"), re.M)[1].strip()

    def children(self):
        return [int(pid) for pid in self.proc(f"task/{self.pid()}/children").split()]

    def stop(self):
        """By the power button; the exit status is 0, and nothing is left over."""
        pid, children = self.pid(), self.children()
        os.kill(pid, signal.SIGTERM)
        try:
            status = self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            raise Failure(f"it does not end; it has said {self.said()!r}") from None
        expect(f"the status of one that says {self.said()!r}", status, 0)
        expect("what is left over", sorted(os.listdir(self.folder)), ["err"])
        for child in children:
            if os.path.exists(f"/proc/{child}"):
                raise Failure(f"process {child} is left over")


def no_rights(machine):
    """Every thread of it."""
    pid = machine.pid()
    for thread in os.listdir(f"/proc/{pid}/task"):
        status = machine.proc(f"task/{thread}/status")
        for line in ("NoNewPrivs:\t1", "CapInh:\t" + 16 * "0", "CapPrm:\t" + 16 * "0", "CapEff:\t" + 16 * "0", "CapAmb:\t" + 16 * "0"):
            if f"\n{line}\n" not in status:
                raise Failure(f"thread {thread} has no {line!r}: {status}")


def no_way_by_descriptors(machine):
    folder = f"/proc/{machine.pid()}/fd"
    for fd in os.listdir(folder):
        if os.path.isdir(f"{folder}/{fd}"):
            raise Failure(f"descriptor {fd} is a folder: {os.readlink(f'{folder}/{fd}')}")


def in_a_jail():
    """Another user, an empty root, another network; what it had made is gone in the end."""
    ours = os.readlink("/proc/self/ns/net")
    network = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo made; exec sleep 1000"], stdout=subprocess.PIPE)
    root = tempfile.mkdtemp()
    try:
        if network.stdout.readline() != b"made\n":
            return "skipped: this process may not make a network namespace"
        theirs = os.readlink(f"/proc/{network.pid}/ns/net")
        with Machine("--jail", f"user=nobody,chroot={root},netns=/proc/{network.pid}/ns/net", "-s", "pty,link=line",
                     "--gdb", "unix:gdb") as machine:
            expect("Uid", machine.status("Uid").split(), 4 * [str(NOBODY)])
            expect("Gid", machine.status("Gid").split(), 4 * [str(gid_of_nobody())])
            expect("supplementary groups", machine.status("Groups"), "")
            expect("CapBnd", machine.status("CapBnd"), 16 * "0")
            expect("the root", os.readlink(f"/proc/{machine.pid()}/root"), root)
            expect("the folder", os.readlink(f"/proc/{machine.pid()}/cwd"), root)
            network_now = os.readlink(f"/proc/{machine.pid()}/ns/net")
            if network_now == ours or network_now != theirs:
                raise Failure(f"it is in {network_now}, not in {theirs}; we are in {ours}")
            no_rights(machine)
            no_way_by_descriptors(machine)
            expect("what there is", sorted(os.listdir(machine.folder)), ["control", "err", "gdb", "line", "pid"])
            machine.stop()
        expect("what the jail has", os.listdir(root), [])
    finally:
        os.rmdir(root)
        network.kill()
        network.wait()


def gid_of_nobody():
    return int(subprocess.run(["id", "-g", "nobody"], capture_output=True, text=True, check=True).stdout)


def without_a_sandbox():
    """A jail was asked for by name."""
    root = tempfile.mkdtemp()
    try:
        for mode in ("off", "log"):
            with Machine("--jail", f"user=nobody,chroot={root}", "--sandbox", mode) as machine:
                expect("Uid", machine.status("Uid").split(), 4 * [str(NOBODY)])
                expect("the root", os.readlink(f"/proc/{machine.pid()}/root"), root)
                no_rights(machine)
                machine.stop()
    finally:
        os.rmdir(root)


def without_a_jail():
    """The user's rights but those that are nobody's: capabilities. Limits are set, and names are gone in the end."""
    with Machine("-s", "pty,link=line") as machine:
        expect("Uid", machine.status("Uid").split(), 4 * [str(os.geteuid())])
        no_rights(machine)
        no_way_by_descriptors(machine)
        limits = machine.proc("limits")
        highest = max(int(fd) for fd in os.listdir(f"/proc/{machine.pid()}/fd"))
        allowed = int(re.search(r"^Max open files\s+(\d+)", limits, re.M)[1])
        if not highest < allowed <= highest + 200:
            raise Failure(f"{allowed} descriptors are allowed, and the highest is {highest}")
        for name in ("Max msgqueue size", "Max realtime priority", "Max nice priority"):
            if not re.search(rf"^{name}\s+0\s+0\s", limits, re.M):
                raise Failure(f"{name} is not 0: {limits}")
        machine.stop()


def off():
    """All is as it was."""
    with Machine("--sandbox", "off") as machine:
        expect("NoNewPrivs", machine.status("NoNewPrivs"), "0")
        expect("CapEff", machine.status("CapEff"), re.search(r"CapEff:\t(\w+)", own_status())[1])
        expect("its children", machine.children(), [])
        machine.stop()


def own_status():
    with open("/proc/self/status", encoding="ascii") as file:
        return file.read()


def as_a_plain_user():
    """Who may open /dev/kvm and nothing else."""
    mode, group = os.stat("/dev/kvm").st_mode, os.stat("/dev/kvm").st_gid
    lent = mode & 0o006 != 0o006 and (mode & 0o060 != 0o060 or not group)
    copies = tempfile.mkdtemp()
    try:
        os.chmod(copies, 0o755)
        program, guest = shutil.copy(IOLITE, copies), shutil.copy(GUEST, copies)
        before = ["setpriv", "--reuid=65534", f"--regid={NOBODY if lent else group}", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]
        if lent:
            # A device of our own, in a file system of our own: the host's is as it was.
            before = ["unshare", "-m", "sh", "-c", "mount -t tmpfs -o dev none /dev && mknod -m 666 /dev/kvm c 10 232 && "
                      "mknod -m 666 /dev/null c 1 3 && mknod -m 666 /dev/urandom c 1 9 && exec \"$@\"", "sh", *before]
        done = subprocess.run([*before, program, "run", "-k", guest, "-m", "16M", "-a", "off", "-s", "stdio"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=LIMIT, check=False)
        if lent and done.returncode == 1 and "unshare" in done.stderr:
            return "skipped: this process may not have a /dev of its own"
        expect(f"the status of one that says {done.stderr!r}", done.returncode, 0)
        # It has no right to a jail, and is told so.
        done = subprocess.run([*before, program, "run", "-k", guest, "--jail", "user=nobody"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=LIMIT, check=False)
        expect("the status of a jail", done.returncode, 2)
        expect("what is said of it", done.stderr, "iolite: run: jail: user: 'nobody' needs the rights of root (CAP_SETUID): start "
               "iolite as root, or leave user out\n")
    finally:
        shutil.rmtree(copies)


def undumped(machine, most_mib):
    """Of each mapping from 40 MiB on that could be guest memory (huge pages begin behind 2 MiB): whether it is in no core dump. Sanitizers have some of their own."""
    found = []
    for part in re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", machine.proc("smaps"), flags=re.M):
        size = re.search(r"^Size:\s+(\d+) kB", part, re.M)
        if size and 40 << 10 <= int(size[1]) <= most_mib << 10 and re.match(r"\S+ rw-[ps] ", part):
            found.append("dd" in re.search(r"^VmFlags: (.*)$", part, re.M)[1].split())
    if not found:
        raise Failure("no guest memory in smaps")
    return found


def core_dumps():
    """Guest memory is in none, unless it is asked for."""
    for keys in ("", ",hugepages=none", ",share"):
        with Machine("-m", f"48M{keys}") as machine:
            if not all(undumped(machine, 52)):
                raise Failure(f"memory of 48M{keys} is in core dumps")
            machine.stop()
        with Machine("-m", f"48M{keys},dump") as machine:
            # It may be one with what lies beside it.
            if all(undumped(machine, 4096)):
                raise Failure(f"memory of 48M{keys},dump is in no core dump")
            machine.stop()


def children_are_ended():
    """libslirp's process is outside of nothing that its end needs."""
    with Machine("-n", "user") as machine:
        names = sorted(open(f"/proc/{child}/comm", encoding="ascii").read().strip() for child in machine.children())
        if len(names) != 2:
            raise Failure(f"the children are {names}")
        machine.stop()


def refused_before_anything():
    """A machine that cannot have its jail leaves nothing behind."""
    with tempfile.TemporaryDirectory() as folder:
        for jail, text in (("user=no-such-user", "jail: user: there is no user 'no-such-user': make it"),
                           ("user=nobody,chroot=/no/such", "jail: chroot: cannot open the folder '/no/such', make it first"),
                           ("netns=/etc/passwd", "jail: netns: '/etc/passwd' is no network namespace")):
            done = subprocess.run([IOLITE, "run", "-k", GUEST, "--control", "control", "--pidfile", "pid", "--jail", jail], cwd=folder,
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT, check=False)
            expect(f"the status with {jail}", done.returncode, 2)
            if text not in done.stderr or done.stderr.count("\n") != 1:
                raise Failure(f"with {jail} it says {done.stderr!r}")
            expect("what is left over", os.listdir(folder), [])


CASES = [for_root(in_a_jail), for_root(without_a_sandbox), without_a_jail, off, for_root(as_a_plain_user), core_dumps, children_are_ended, refused_before_anything]


def main():
    global IOLITE, GUEST
    if len(sys.argv) < 3:
        print(__doc__)
        return 2
    IOLITE, GUEST = (os.path.abspath(path) for path in sys.argv[1:3])
    return run_cases(CASES, sys.argv[3:]) if has_kvm() else SKIPPED


if __name__ == "__main__":
    sys.exit(main())
