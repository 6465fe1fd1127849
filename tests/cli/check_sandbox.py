#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The sandbox of a real machine: which system calls its threads make, and attempts to get out, made by its own threads.

  check_sandbox.py IOLITE GUEST ESCAPE LISTS [CASE...]

GUEST: tests/guest/x86_64/g_faults.c, which uses a disk and a network card when it is told to. ESCAPE: tests/escape/escape.c, a tracer. LISTS:
test_sandbox, which prints the tables. Builds with sanitizers are no sandbox (docs/sandbox.md), and not for this.
"""

import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

from cases import SKIPPED, Failure, expect, expect_in, has_kvm, run_cases
from guest_machine import LIMIT, GuestMachine
from qmp_client import Client

# Distinct system calls of a thread from its filter on (docs/sandbox.md).
LIMITS = {"vcpu": 12, "io": 20, "main": 30}
# The kernel's words for the loop's thread, a vCPU's, and a disk's worker.
KINDS = (("iolite", "main"), ("vcpu/", "vcpu"), ("discard", "io"))
# What refuses before the kernel looks at what was asked for. Any other error, "no such file", say, would have let somebody in.
REFUSALS = ("EACCES", "EPERM", "ENOSYS", "SIGSYS")
REFUSALS_OF = {"clone": (*REFUSALS, "EAGAIN"), "fork": (*REFUSALS, "EAGAIN"), "ring-empty-slot": (*REFUSALS, "EBADF")}
SUCCEEDED, NOT_TRIED, ENDED = 1, 2, 3
DISK_BYTES = 8 << 20
LANDLOCK_ABI_SCOPES = 6
# Flags in proc_pid_stat(5) of what KVM, vhost and io_uring run in the process: PF_USER_WORKER, PF_IO_WORKER. It is in the kernel alone.
OF_KERNEL = 0x4010
ARGS = None


class Machine(GuestMachine):
    """With a disk, a network of its own, consoles and a control socket; and its guest, which obeys."""

    def __init__(self, *options, sandbox="on", tracer=(), disk=None):
        self.tracer, self.disk, self.done = tracer, disk, {"disk": 0, "net": 0}
        super().__init__(ARGS.iolite, ARGS.guest, "--sandbox", sandbox, *options, words="pci=17,1,26,25", memory="64M")

    def before(self):
        return self.tracer

    def more(self):
        disk = self.disk
        if not disk:
            disk = f"{self.folder}/disk"
            with open(disk, "wb") as file:
                file.truncate(DISK_BYTES)
        return ("-d", disk, "-n", "user", "--console", f"file:{self.folder}/console", "--rng", "--control", f"{self.folder}/control")

    def ready(self):
        self.wait_for("ready")
        return self

    def works(self):
        """The guest writes, reads, flushes and discards; a frame goes, and its answer comes."""
        for order, device, result in (("w", "disk", "0 0 0 0"), ("n", "net", "1 1")):
            self.done[device] += 1
            self.order(order)
            self.wait_for(f"{device} ", self.done[device])
            self.wait_for(f"{device} {result}\n", self.done[device])

    def pid(self):
        """iolite's, which may be a tracer's child."""
        if not self.tracer:
            return self.process.pid
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as file:
            return int(file.read().split()[0])

    def threads(self):
        """{number: name}"""
        names = {}
        for thread in os.listdir(f"/proc/{self.pid()}/task"):
            with open(f"/proc/{self.pid()}/task/{thread}/comm", encoding="utf-8") as file:
                name = file.read().strip()
            with open(f"/proc/{self.pid()}/task/{thread}/stat", encoding="utf-8") as file:
                flags = int(file.read().rpartition(")")[2].split()[6])
            if not flags & OF_KERNEL:
                names[thread] = name
        return names


# --- what is called ---


def lists():
    """{(kind, "allows" or "answers"): names}, from the program's own tables."""
    said = subprocess.run([ARGS.lists, "--tap", "-p", "/sandbox/lists"], capture_output=True, text=True, timeout=LIMIT, check=True).stdout
    found = {(kind, what): set(names.split()) for kind, what, names in re.findall(r"^# list (\w+) (\w+):(.*)$", said, re.M)}
    expect("the lists that test_sandbox tells", {kind for kind, _ in found}, set(LIMITS))
    return found


def kind_of(name):
    for start, kind in KINDS:
        if name.startswith(start):
            return kind
    return None


def calls_behind_filter(path):
    """The names of a trace's calls from the thread's filter on; None: it set none."""
    with open(path, encoding="utf-8", errors="replace") as file:
        trace = file.read()
    before, filtered, after = trace.partition("seccomp(SECCOMP_SET_MODE_FILTER")
    if not filtered:
        return None
    if not re.match(r".*\) += 0$", after.splitlines()[0]):
        raise Failure(f"a filter is refused: {after.splitlines()[0]!r}")
    return set(re.findall(r"^(\w+)\(", after.partition("\n")[2], re.M))


class LoopDevice:
    """A file as a block device, whose discards are a thread's; None where this process may not have one."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        image = f"{self.folder.name}/image"
        with open(image, "wb") as file:
            file.truncate(DISK_BYTES)
        made = subprocess.run(["losetup", "-f", "--show", image], capture_output=True, text=True, check=False)
        self.device = made.stdout.strip() if not made.returncode and os.path.exists(made.stdout.strip()) else None
        return self.device

    def __exit__(self, *_):
        if self.device:
            subprocess.run(["losetup", "-d", self.device], check=False)
        self.folder.cleanup()


def use_all(machine):
    """Whatever a guest and a client can ask of that machine."""
    machine.ready()
    threads = machine.threads()
    machine.works()
    for order, answer in (("c", "console 0"), ("e", "rng 0")):
        machine.order(order)
        machine.wait_for(answer.split()[0])
    with Client(f"{machine.folder}/control") as client:
        for command in ("query-status", "query-blockstats", "stop", "cont"):
            client.execute(command)
        for line in ("info registers", "info stats", "info block"):
            client.execute("human-monitor-command", **{"command-line": line})
    machine.order("r")
    machine.wait_for("ready", 2)
    machine.works()
    machine.power_off()
    return threads


def system_calls():
    """Of each kind of thread, from its filter on: so few, and rows of its table each."""
    if not shutil.which("strace"):
        return "skipped: there is no strace"
    tables, said = lists(), []
    with LoopDevice() as device, tempfile.TemporaryDirectory() as folder:
        trace = ["strace", "-ff", "-qq", "-s", "0", "-o", f"{folder}/trace"]
        with Machine(tracer=trace, disk=device) as machine:
            threads = use_all(machine)
        kinds = {kind: set() for kind in LIMITS}
        for thread, name in threads.items():
            calls = calls_behind_filter(f"{folder}/trace.{thread}")
            if calls is None or not kind_of(name):
                raise Failure(f"thread {name!r} has no filter, or is of no kind that is known")
            kinds[kind_of(name)] |= calls
    for kind, calls in kinds.items():
        if not calls:
            if kind != "io" or device:
                raise Failure(f"no call by a thread of the kind {kind}")
            said.append("io: no thread, as there is no block device to be had")
            continue
        allowed, answered = tables[kind, "allows"], tables[kind, "answers"]
        if calls - allowed - answered:
            raise Failure(f"{kind} calls what is on no list of its kind: {sorted(calls - allowed - answered)}")
        if len(calls & allowed) > LIMITS[kind]:
            raise Failure(f"{kind} makes {len(calls & allowed)} distinct calls, not at most {LIMITS[kind]}: {sorted(calls & allowed)}")
        refused = sorted(calls & answered - allowed)
        said.append(f"{kind}: {len(calls & allowed)} of {LIMITS[kind]}: {' '.join(sorted(calls & allowed))}{'; refused: ' + ' '.join(refused) if refused else ''}")
    return "\n  " + "\n  ".join(said)


# --- getting out ---


def attempts(harmless=False):
    """Names of what ESCAPE tries."""
    said = subprocess.run([ARGS.escape, "--list"], capture_output=True, text=True, timeout=LIMIT, check=True).stdout
    return [line.split()[0] for line in said.splitlines() if not harmless or line.endswith(" harmless")]


def attempt(machine, thread, name, *options):
    """(exit status, outcome)"""
    done = subprocess.run([ARGS.escape, *options, str(machine.pid()), thread, name], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=2 * LIMIT, check=False)
    if done.returncode == NOT_TRIED or not done.stdout.startswith(f"{name} {thread} "):
        raise Failure(f"{name} by {thread} was not tried: {done.stderr.strip()}")
    return done.returncode, done.stdout.split(None, 2)[2].strip()


class Prisoner:
    """A machine for attempts, and the next one where one has ended it."""

    def __init__(self, *options):
        self.options, self.machine = options, None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.machine:
            self.machine.__exit__()

    def tries(self, thread, name):
        if not self.machine:
            self.machine = Machine(*self.options).ready()
        status, outcome = attempt(self.machine, thread, name)
        expect_in(f"what becomes of {name} by {thread}", outcome, REFUSALS_OF.get(name, REFUSALS))
        if status == ENDED:
            self.machine.end(-signal.SIGSYS)
            self.machine.__exit__()
            self.machine = None
        else:
            self.machine.works()
        return outcome

    def ends(self):
        if self.machine:
            self.machine.power_off()


def table(options, threads, names):
    """Each attempt by each thread; disk and network go on after each that did not end the machine."""
    lines = [f"{'':20}" + "".join(f"{thread:10}" for thread in threads)]
    with Prisoner(*options) as prisoner:
        for name in names:
            lines.append(f"{name:20}" + "".join(f"{prisoner.tries(thread, name):10}" for thread in threads))
        prisoner.ends()
    return "\n  " + "\n  ".join(line.rstrip() for line in lines)


def escapes():
    """By the loop's thread and a vCPU's, one by one: none succeeds."""
    return table((), ("iolite", "vcpu/0"), attempts())


def landlock_abi():
    return int(subprocess.run([ARGS.escape, "--landlock"], capture_output=True, text=True, timeout=LIMIT, check=True).stdout)


def escapes_where_sockets_are_made():
    """A machine whose line connects may make sockets: Landlock says to what they lead."""
    if landlock_abi() < LANDLOCK_ABI_SCOPES:
        return "skipped: this kernel's Landlock does not know sockets"
    with socket.create_server(("127.0.0.1", 0)) as peer:
        line = ("-s", f"tcp:127.0.0.1:{peer.getsockname()[1]},connect")
        said = table(line, ("iolite",), ("connect-tcp", "connect-abstract", "bind-tcp", "socket-packet"))
    if not re.search(r"connect-tcp +EACCES\n", said) or not re.search(r"connect-abstract +EPERM\n", said):
        raise Failure(f"it is not Landlock that refuses: {said}")
    return said


def without_a_sandbox():
    """The same do succeed there: the test sees one that gets out."""
    names = attempts(harmless=True)
    with Machine(sandbox="off") as machine:
        machine.ready()
        for thread in ("iolite", "vcpu/0"):
            for name in names:
                if name.startswith("ring-") and thread != "iolite":
                    continue  # the ring is one thread's alone
                status, outcome = attempt(machine, thread, name, "--open")
                if status != SUCCEEDED or not outcome.startswith("SUCCEEDED"):
                    raise Failure(f"{name} by {thread}: {outcome}, without a sandbox")
        machine.works()
        machine.power_off()
    return f"{len(names)} succeed: {' '.join(names)}"


CASES = [system_calls, escapes, escapes_where_sockets_are_made, without_a_sandbox]


def may_trace():
    """Whether a process of ours can be traced by another of ours, which is not its parent."""
    try:
        with open("/proc/sys/kernel/yama/ptrace_scope", encoding="ascii") as file:
            return not os.geteuid() or file.read().strip() == "0"
    except FileNotFoundError:
        return True


def main():
    global ARGS
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for word in ("iolite", "guest", "escape", "lists"):
        parser.add_argument(word, metavar=word.upper(), type=os.path.abspath)
    parser.add_argument("words", metavar="CASE", nargs="*")
    ARGS = parser.parse_args()
    if not has_kvm():
        return SKIPPED
    if not may_trace():
        print("SKIP: tracing is for root here (kernel.yama.ptrace_scope)")
        return SKIPPED
    return run_cases(CASES, ARGS.words)


if __name__ == "__main__":
    sys.exit(main())
