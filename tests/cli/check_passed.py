#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sockets that a service manager passes on (LISTEN_FDS): the control socket and that of debuggers.

  check_passed.py IOLITE GUEST     GUEST: tests/guest/x86_64/g_life.c
"""

import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
import time

from cases import Failure, expect, has_kvm, run_cases
from qmp_client import Client, QmpError

IOLITE, GUEST = (os.path.abspath(path) for path in sys.argv[1:3])
LIMIT = 30

# argv: how many descriptors, they, the program and its arguments. They become 3 and so on, as the protocol has it.
PASS = """
import os, sys
count = int(sys.argv[1])
high = [os.dup2(int(fd), 200 + i) for i, fd in enumerate(sys.argv[2:2 + count])]
for fd in sys.argv[2:2 + count]:
    os.close(int(fd))
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i)
    os.close(fd)
os.environ.setdefault("LISTEN_PID", str(os.getpid()))
os.execv(sys.argv[2 + count], sys.argv[2 + count:])
"""


def start(sockets, names, *options, order="button", **environment):
    """iolite run with SOCKETS passed. NAMES: LISTEN_FDNAMES, None: there is none."""
    fds = [passed.fileno() for passed in sockets]
    env = {**os.environ, "LISTEN_FDS": str(len(fds)), **environment}
    if names is not None:
        env["LISTEN_FDNAMES"] = names
    return subprocess.Popen(
        [sys.executable, "-c", PASS, str(len(fds)), *map(str, fds),
         IOLITE, "run", "-k", GUEST, "-m", "16M", "-a", order, "-s", "null", *options],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, pass_fds=fds)


def finish(process):
    try:
        output, messages = process.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return process.returncode, output, messages


def listener(path):
    made = socket.socket(socket.AF_UNIX)
    made.bind(path)
    made.listen(4)
    return made


def tcp_listener(host="127.0.0.1", family=socket.AF_INET):
    made = socket.socket(family)
    made.bind((host, 0))
    made.listen(4)
    return made


def client(address, family=socket.AF_UNIX):
    made = socket.socket(family)
    made.settimeout(LIMIT)
    made.connect(address)
    return made


def end(process):
    with Client("ctl") as control:
        control.execute("quit")
    status, _, messages = finish(process)
    expect(f"the status, which says {messages!r}", status, 0)


def refused(said, sockets, names, **environment):
    status, output, messages = finish(start(sockets, names, **environment))
    expect(f"the status for {names}, which says {messages!r}", status, 2)
    expect("the output", output, "")
    if said not in messages or not messages.startswith("iolite: run: LISTEN_FDS: ") or messages.count("\n") != 1:
        raise Failure(f"for {names} it says {messages!r}, not {said!r}")


def check_refused():
    """What is passed and is of no use is told in one line, and no machine runs."""
    with listener("one") as one, listener("two") as two, tcp_listener() as tcp, open("file", "w", encoding="ascii") as file, \
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagram, socket.socket(socket.AF_UNIX) as idle, \
            socket.socket(socket.AF_UNIX) as abstract, socket.socket(socket.AF_UNIX) as connected:
        datagram.bind("datagram")
        idle.bind("idle")
        abstract.bind(f"\0iolite-check-{os.getpid()}")
        abstract.listen(1)
        connected.connect("one")
        refused("descriptor 3 is named 'iolite@web1.socket', which no machine takes: name it control or gdb",
                [one], "iolite@web1.socket")
        refused("descriptor 3 is named ''", [one], None)
        refused("descriptor 4 is named ''", [one, two], "control")
        refused("descriptors 3 and 4 are both named control", [one, two], "control:control")
        for bad in (tcp, file, datagram, idle, abstract, connected):
            refused("descriptor 3, control, is no stream socket that listens at a path:", [bad], "control")
        for bad in (file, datagram, idle, abstract, connected):
            refused("descriptor 4, gdb, is no stream socket that listens at a path or a port:", [one, bad], "control:gdb")
        refused("it says 40, and descriptor", [one], "control", LISTEN_FDS="40")
        for number in ("-1", "65", "many", "", "99999999999999999999"):
            refused(f"'{number}' is no number of descriptors", [one], "control", LISTEN_FDS=number)


def check_for_another():
    """What another process was passed is none of ours; nor is it without its number."""
    with listener("one") as one:
        for pid in ("1", "0", "-1", "me", ""):
            status, output, messages = finish(start([one], "nonsense", "--dry-run", LISTEN_PID=pid))
            expect(f"the status, which says {messages!r}", status, 0)
            if "control" in json.loads(output):
                raise Failure(f"LISTEN_PID={pid!r} and yet it has a control socket: {output}")


def check_places():
    """They go before what options say, and are part of the configuration as any others."""
    with listener("a,b") as one, tcp_listener() as tcp, tcp_listener("0.0.0.0") as wide, \
            tcp_listener("::1", socket.AF_INET6) as six:
        for made, where in ((one, "unix:" + os.path.abspath("a,,b")),
                            (tcp, f"tcp:127.0.0.1:{tcp.getsockname()[1]}"),
                            (wide, f"tcp:0.0.0.0:{wide.getsockname()[1]},expose"),
                            (six, f"tcp:[::1]:{six.getsockname()[1]}")):
            status, output, messages = finish(start([made], "gdb", "--dry-run", "--gdb", "tcp:1", "--gdb-wait"))
            expect(f"the status, which says {messages!r}", status, 0)
            expect("gdb", json.loads(output)["gdb"], {"listen": where, "wait": True})
        for more in (("--name", "web1"), ("--control", "other"), ("--control", "none")):
            status, output, messages = finish(start([one], "control", "--dry-run", *more))
            expect(f"the status, which says {messages!r}", status, 0)
            expect("control", json.loads(output)["control"], os.path.abspath("a,b"))


def check_control():
    """Who came before the machine is served; the socket is left as it was, for the next one."""
    with listener("ctl") as passed:
        os.chmod("ctl", 0o640)
        inode = os.stat("ctl").st_ino
        for more in ((), ("--name", "web1", "--control", "other"), ("--daemonize",)):
            with client("ctl") as early:
                process = start([passed], "control", *more)
                greeting = early.recv(4096)
                if b"QMP" not in greeting:
                    raise Failure(f"who came before the machine gets {greeting!r}")
                end(process)
            there = os.stat("ctl")
            expect("the socket", (there.st_ino, stat.S_IMODE(there.st_mode)), (inode, 0o640))
            expect("what else is there", os.listdir("."), ["ctl"])


def check_gdb():
    """A debugger that came before the machine gets an answer, and --gdb-wait is content with a socket that is passed."""
    with listener("ctl") as control, listener("gdb") as by_path, tcp_listener() as tcp:
        for passed, family in ((by_path, socket.AF_UNIX), (tcp, socket.AF_INET)):
            with client(passed.getsockname(), family) as debugger:
                debugger.sendall(b"$?#3f")
                process = start([passed, control], "gdb:control", "--gdb-wait")
                answer = b""
                while b"#" not in answer:
                    more = debugger.recv(4096)
                    if not more:
                        raise Failure(f"the debugger was sent away after {answer!r}")
                    answer += more
                if not answer.startswith((b"+$T", b"+$S")):
                    raise Failure(f"the debugger got {answer!r}")
                end(process)
        expect("what is there", sorted(os.listdir(".")), ["ctl", "gdb"])


def kept_by_children(pid, number):
    """Descriptors of the process that are the socket, and that a child would keep."""
    found = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            if os.readlink(f"/proc/{pid}/fd/{fd}") != f"socket:[{number}]":
                continue
        except FileNotFoundError:  # others come and go
            continue
        with open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii") as file:
            flags = int(file.read().split("flags:")[1].split()[0], 8)
        if not flags & os.O_CLOEXEC:
            found.append(fd)
    return found


def check_children():
    """A program that iolite starts has no part in it: neither the descriptors nor the variables."""
    os.mkdir("bin")
    with open("bin/passt", "w", encoding="ascii") as file:
        file.write(f"#!/bin/sh\n{{ env; ls -l /proc/self/fd; }} >{os.getcwd()}/seen.new\n"
                   f"mv {os.getcwd()}/seen.new {os.getcwd()}/seen\nexec sleep 60\n")
    os.chmod("bin/passt", 0o755)
    with listener("ctl") as passed:
        number = os.fstat(passed.fileno()).st_ino
        process = start([passed], "control", "-n", "passt", PATH=f"{os.getcwd()}/bin:{os.environ['PATH']}")
        try:
            deadline = time.monotonic() + LIMIT
            while not os.path.exists("seen"):
                if time.monotonic() > deadline or process.poll() is not None:
                    raise Failure("iolite has not started passt")
                time.sleep(0.02)
            expect("descriptors without close-on-exec", kept_by_children(process.pid, number), [])
        finally:
            process.kill()
            process.communicate()
        with open("seen", encoding="utf-8") as file:
            seen = file.read()
        if "PATH=" not in seen or "->" not in seen:
            raise Failure(f"the child says nothing of use: {seen}")
        for word in ("LISTEN_", f"socket:[{number}]"):
            if word in seen:
                raise Failure(f"the child has {word}")


def alone(check):
    """In a folder of its own."""
    def run():
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                check()
            except QmpError as error:
                raise Failure(str(error)) from None
            finally:
                os.chdir("/")
    return check.__name__, run


def main():
    checks = [check_refused, check_for_another, check_places]
    if has_kvm() and os.path.exists(GUEST):
        checks += [check_control, check_gdb, check_children]
    return run_cases(map(alone, checks))


if __name__ == "__main__":
    sys.exit(main())
