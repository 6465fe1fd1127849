#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A machine in the background: --daemonize, --pidfile, --log-file, and what a service manager is told.

  check_daemon.py IOLITE GUEST     GUEST: tests/guest/x86_64/g_life.c
"""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

IOLITE, GUEST = (os.path.abspath(path) for path in sys.argv[1:3])
LIMIT = 30
SKIPPED = 77


class Failure(Exception):
    pass


def expect(what, got, wanted):
    if got != wanted:
        raise Failure(f"{what} is {got!r}, not {wanted!r}")


def within(what, true):
    deadline = time.monotonic() + LIMIT
    while not true():
        if time.monotonic() > deadline:
            raise Failure(f"not within {LIMIT} s: {what}")
        time.sleep(0.02)


def machine(*options, order="button", guest=GUEST, lines=("-s", "null"), **more):
    return subprocess.run([IOLITE, "run", "-k", guest, "-m", "16M", "-a", order, *lines, *options],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT, check=False, **more)


def text_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"


class Daemons:
    """Machines in the background, in a folder of their own; none outlives the check."""

    def __init__(self):
        self.pids = []

    def start(self, *options, **more):
        done = machine("--daemonize", "--pidfile", "pid", *options, **more)
        expect(f"the status of --daemonize, which says {done.stderr!r}", done.returncode, 0)
        expect("standard output and error", done.stdout + done.stderr, "")
        text = text_of("pid")
        pid = int(text)
        expect("the pidfile", text, f"{pid}\n")
        self.pids.append(pid)
        if not alive(pid):
            raise Failure(f"process {pid} does not live")
        return pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for pid in self.pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def check_life(daemons):
    """It is in a session of its own without a terminal, has no descriptor of ours, and ends by its power button."""
    pid = daemons.start("--log-file", "log", "-v")
    for fd in (0, 1):
        expect(f"descriptor {fd}", os.readlink(f"/proc/{pid}/fd/{fd}"), "/dev/null")
    expect("descriptor 2", os.readlink(f"/proc/{pid}/fd/2"), os.path.realpath("log"))
    if os.getsid(pid) == os.getsid(0):
        raise Failure("it is in our session")
    if os.getsid(pid) == pid:
        raise Failure("it leads a session, and would get a terminal by opening one")
    threads = os.listdir(f"/proc/{pid}/task")
    names = [text_of(f"/proc/{pid}/task/{thread}/comm").strip() for thread in threads]
    if "vcpu/0" not in names:
        raise Failure(f"no virtual CPU among its threads {names}")
    os.kill(pid, signal.SIGTERM)
    within("the guest powers off", lambda: not alive(pid))
    within("the pidfile goes", lambda: not os.path.exists("pid"))
    log = text_of("log")
    for line in ("power button pressed", "iolite: the guest powered off"):
        if line not in log:
            raise Failure(f"the log has no {line!r}: {log!r}")
    expect("what is left behind", sorted(os.listdir(".")), ["log"])


def check_two(daemons):
    """A second machine with the same file is refused, with the number of the first; a killed one's is no obstacle."""
    pid = daemons.start()
    for options in ((), ("--daemonize",)):
        done = machine("--pidfile", "pid", *options)
        expect("the second one's status", done.returncode, 2)
        if f"--pidfile: pid belongs to process {pid}, which runs" not in done.stderr or done.stderr.count("\n") != 1:
            raise Failure(f"the second one says {done.stderr!r}")
        expect("the pidfile", text_of("pid"), f"{pid}\n")
    os.kill(pid, signal.SIGKILL)
    within("the killed one is gone", lambda: not alive(pid))
    expect("the stale pidfile", text_of("pid"), f"{pid}\n")
    again = daemons.start()
    if again == pid:
        raise Failure("the pidfile is the killed one's")
    os.kill(again, signal.SIGTERM)
    within("it powers off", lambda: not alive(again))
    expect("what is left behind", os.listdir("."), [])


def check_nonsense(daemons):
    """A pidfile with anything in it that nobody has locked is a stale one; one that another program put there stays."""
    for text in ("", "1\n", "nonsense", "x" * 100000):
        with open("pid", "w", encoding="utf-8") as file:
            file.write(text)
        pid = daemons.start()
        os.kill(pid, signal.SIGTERM)
        within("it powers off", lambda: not alive(pid))
    pid = daemons.start()
    with open("other", "w", encoding="utf-8") as file:
        file.write("another's")
    os.rename("other", "pid")
    os.kill(pid, signal.SIGTERM)
    within("it powers off", lambda: not alive(pid))
    expect("another's file", text_of("pid"), "another's")
    os.remove("pid")
    with open("pid", "w", encoding="utf-8") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        done = machine("--pidfile", "pid")
        expect("the status while we have the lock", done.returncode, 2)
        if f"belongs to process {os.getpid()}" not in done.stderr:
            raise Failure(f"it says {done.stderr!r}")


def check_failures(_daemons):
    """What goes wrong before the machine runs is told here, with its status, and leaves nothing."""
    for options, more, status, said in (
            (("-d", "nowhere.img"), {}, 2, "nowhere.img"),
            (("--pidfile", "/nowhere/pid"), {}, 2, "--pidfile: /nowhere/pid: No such file"),
            (("--log-file", "/nowhere/log"), {}, 2, "--log-file: /nowhere/log: No such file"),
            (("-s", "stdio"), {"lines": ()}, 2, "--daemonize: serial line 0 is at the terminal"),
            ((), {"guest": __file__}, 2, "kernel"),
            (("-m", "3K"), {}, 2, "memory")):
        done = machine("--daemonize", "--pidfile", "pid", *options, **more)
        expect(f"the status of {options}, which says {done.stderr!r}", done.returncode, status)
        if said not in done.stderr or done.stderr.count("\n") != 1:
            raise Failure(f"{options}: it says {done.stderr!r}")
        expect("what is left behind", os.listdir("."), [])


def check_log_file(_daemons):
    """In the foreground all messages go there, behind what it has, and none here."""
    with open("log", "w", encoding="utf-8") as file:
        file.write("before\n")
    done = machine("--log-file", "log", "-v", order="poweroff")
    expect("the status", done.returncode, 0)
    expect("standard error", done.stderr, "")
    log = text_of("log")
    if not log.startswith("before\n") or "iolite: the guest powered off" not in log:
        raise Failure(f"the log is {log!r}")


class Manager:
    """A service manager's socket, by a path or an abstract name."""

    def __init__(self, name):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + name[1:] if name[0] == "@" else name)
        self.socket.settimeout(LIMIT)
        self.environment = {**os.environ, "NOTIFY_SOCKET": name}

    def hear(self):
        try:
            return self.socket.recv(4096).decode().split("\n")
        except TimeoutError:
            raise Failure(f"nothing is told within {LIMIT} s") from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def check_notify(_daemons):
    """READY when it runs, signs of life if wanted, what the button did, STOPPING."""
    for name in (os.path.abspath("notify"), f"@iolite-check-{os.getpid()}"):
        with Manager(name) as manager:
            process = subprocess.Popen(
                [IOLITE, "run", "-k", GUEST, "-m", "16M", "-a", "button", "-s", "null"], stdin=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, env={**manager.environment, "WATCHDOG_USEC": "200000"})
            try:
                expect("the first word", manager.hear(), ["READY=1", "STATUS=running", f"MAINPID={process.pid}"])
                for _ in range(3):
                    expect("a sign of life", manager.hear(), ["WATCHDOG=1"])
                process.send_signal(signal.SIGTERM)
                heard = []
                while "STOPPING=1" not in heard:
                    heard += manager.hear()
                if "STATUS=power button pressed" not in heard:
                    raise Failure(f"no word of the power button: {heard}")
                expect("the status", process.wait(LIMIT), 0)
            finally:
                process.kill()
                process.wait()
    with Manager("@iolite-check2-%d" % os.getpid()) as manager:
        # Another process is meant, or none: no signs of life.
        for more in ({"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "often"}, {}):
            done = machine(order="poweroff", env={**manager.environment, **more})
            expect(f"the status, which says {done.stderr!r}", done.returncode, 0)
            expect("READY", manager.hear()[0], "READY=1")
            expect("STOPPING", manager.hear()[0], "STOPPING=1")
    for name in ("@nobody-is-there", "/nowhere/notify", "notify", "/" + "x" * 200, "@"):
        done = machine(order="poweroff", env={**os.environ, "NOTIFY_SOCKET": name})
        expect(f"the status, which says {done.stderr!r}", done.returncode, 0)
        if "NOTIFY_SOCKET: " not in done.stderr or done.stderr.count("\n") != 1:
            raise Failure(f"NOTIFY_SOCKET={name}: it says {done.stderr!r}")


def check_hung(_daemons):
    """No signs of life from a loop that does not turn (here: the process is stopped)."""
    with Manager(f"@iolite-check-{os.getpid()}") as manager:
        process = subprocess.Popen(
            [IOLITE, "run", "-k", GUEST, "-m", "16M", "-a", "button", "-s", "null"], stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env={**manager.environment, "WATCHDOG_USEC": "100000"})
        try:
            manager.hear()
            manager.hear()
            process.send_signal(signal.SIGSTOP)
            within("it stands", lambda: text_of(f"/proc/{process.pid}/stat").rsplit(")", 1)[1].split()[0] == "T")
            manager.socket.setblocking(False)
            try:
                while True:
                    manager.socket.recv(4096)
            except BlockingIOError:
                pass
            manager.socket.settimeout(1)
            try:
                raise Failure(f"a process that stands says {manager.socket.recv(4096)!r}")
            except TimeoutError:
                pass
        finally:
            process.kill()
            process.wait()


CHECKS = (check_life, check_two, check_nonsense, check_failures, check_log_file, check_notify, check_hung)


def main():
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        print("SKIP: no access to /dev/kvm here")
        return SKIPPED
    if not os.path.exists(GUEST):
        print(f"SKIP: there is no guest {GUEST} for this architecture")
        return SKIPPED
    failed = 0
    for check in CHECKS:
        with tempfile.TemporaryDirectory() as folder, Daemons() as daemons:
            os.chdir(folder)
            try:
                check(daemons)
                print(f"ok {check.__name__}")
            except (Failure, subprocess.TimeoutExpired, OSError, ValueError) as error:
                failed += 1
                print(f"FAIL {check.__name__}: {error}")
            os.chdir("/")
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
