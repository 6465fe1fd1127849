#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Four virtual CPUs, a disk with four queues and a network card with four pairs, all in use, while everything is reset, taken
away, paused and asked for. Made for an iolite with ThreadSanitizer (preset tsan); any other will do.

  stress.py IOLITE GUEST [--seconds N] [--seed S]
  stress.py --self-test

The guest (tests/guest/x86_64/g_stress.c) uses its devices, resets them and takes their driver away under its other CPUs, and
checks what it reads and receives. Meanwhile, by the seed: pauses, resets of the machine, queries, links, sizes, memory, clients
that come and go. Of what each does there is a line every second.

It fails when the guest finds something wrong or lost, when anything stands still (STALL), when iolite does not end as it
should, and when a sanitizer reports something. The network is a namespace with a tap, whose kernel answers pings.

Exit status: 0 passed, 1 failed, 77 cannot run here.
"""

import argparse
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
import gdb_client  # noqa: E402
from cases import SKIPPED, Failure, has_kvm  # noqa: E402
from qmp_client import Client, Gone, QmpError  # noqa: E402

CPUS = 4
STALL_S = 90  # longer than LIMIT_MS of the guest, which knows better what stands
PAUSE_MAX_S = 0.05
DISK_BYTES, DISK_MAX_BYTES, DISK_STEP = 8 << 20, 64 << 20, 4096
MEMORY_BYTES = 64 << 20
SAVE_BYTES = 65536
STORM = 20  # pauses that nobody waits for
SANITIZER = r"(ERROR|WARNING): \w+Sanitizer|runtime error:"
# What the guest's stations are at: tests/guest/net_frames.h, stress_net.c.
NETWORK = """set -e
ip tuntap add tap0 mode tap multi_queue
ip link set tap0 address 02:00:00:00:00:01
ip addr add 10.0.2.1/24 dev tap0
ip link set tap0 up
for station in 16 17 18 19; do
	ip neigh add 10.0.2.$station lladdr 02:00:00:00:00:02 dev tap0 nud permanent
done
exec "$@"
"""
QUERIES = [
    ("query-status", {}), ("query-cpus-fast", {}), ("query-block", {}), ("query-blockstats", {}), ("query-pci", {}), ("query-chardev", {}),
    ("query-stats", {"target": "vcpu"}), ("query-stats", {"target": "vm"}), ("x-iolite-stats", {}), ("x-iolite-info", {}),
    *(("human-monitor-command", {"command_line": line}) for line in ("info cpus", "info stats", "info registers", "info pci", "x /8xg 0x1000000")),
]  # fmt: skip


class Skip(Exception):
    """It cannot run here; the text says why."""


def namespace():
    """What makes one in front of a command."""
    said = "there is no unshare"
    for options in ("-n", "-rn"):
        around = ["unshare", options, "sh", "-c", NETWORK, "sh"]
        if shutil.which("unshare"):
            done = subprocess.run([*around, "true"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
            if not done.returncode:
                return around
            said = done.stderr.strip()
    raise Skip(f"no network namespace with a tap can be made: {said}")


class Guest:
    """What it says, and what it has done in all of its boots."""

    FIELDS = ("disk", "sent", "pongs", "disk_resets", "net_resets", "unbinds", "disk_settles", "net_settles", "interrupts")

    def __init__(self, path):
        self.file = open(path, encoding="ascii", errors="replace")  # pylint: disable=consider-using-with
        self.rest = ""
        self.boots = 0
        self.before = dict.fromkeys(self.FIELDS, 0)
        self.now = dict(self.before)
        self.last = ""
        self.each_worked = False  # in one boot each CPU has done something with each device

    def look(self):
        *lines, self.rest = (self.rest + self.file.read()).split("\n")
        for line in lines:
            self.take(line.strip())

    def take(self, line):
        self.last = line or self.last
        if line.startswith("FAIL"):
            raise Failure(f"the guest says {line!r}")
        if line == "verified":
            self.boots += 1
            for field in self.FIELDS:
                self.before[field] += self.now[field]
                self.now[field] = 0
        # A reset may come in the middle of a line.
        if re.fullmatch(r"progress( \w+=[\d,]+){9}", line):
            values = {name: [int(n) for n in numbers.split(",")] for name, numbers in re.findall(r"(\w+)=(\S+)", line)}
            if set(values) == set(self.FIELDS) and len(values["disk"]) == len(values["pongs"]) == CPUS:
                self.now = {name: sum(numbers) for name, numbers in values.items()}
                self.each_worked |= all(values["disk"]) and all(values["pongs"])

    def total(self, field):
        return self.before[field] + self.now[field]


class Stress:
    def __init__(self, iolite, guest, seed, folder):
        self.random = random.Random(seed)
        self.folder = folder
        self.counts = dict.fromkeys(("pauses", "resets", "queries", "links", "sizes", "saves", "clients", "debuggers"), 0)
        self.disk_bytes = DISK_BYTES
        with open(f"{folder}/disk", "wb") as file:
            file.truncate(DISK_BYTES)
        self.path = f"{folder}/control"
        command = [*namespace(), iolite, "run", "-k", guest, "-m", f"{MEMORY_BYTES},hugepages=none", "-c", str(CPUS), "-a", f"pci=1,17 seed={seed}",
                   "-d", f"{folder}/disk,queues={CPUS},id=disk0", "-n", f"tap,ifname=tap0,queues={CPUS},mac=02:00:00:00:00:02,vhost=off,id=net0",
                   "-s", "stdio", "--control", self.path]  # fmt: skip
        with open(f"{folder}/out", "wb") as out, open(f"{folder}/err", "wb") as err:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=err)  # pylint: disable=consider-using-with
        self.guest = Guest(f"{folder}/out")
        self.client = None
        self.moved = {field: (0, time.monotonic()) for field in ("disk", "sent", "pongs")}
        self.began = self.told = time.monotonic()

    def close(self):
        if self.client:
            self.client.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.guest.file.close()

    def said(self):
        with open(f"{self.folder}/err", encoding="utf-8", errors="replace") as file:
            return file.read()

    # --- what must hold at any time ---

    def look(self):
        self.guest.look()
        if self.process.poll() is not None:
            raise Failure(f"iolite has ended with status {self.process.returncode}; the guest's last words: {self.guest.last!r}")
        now = time.monotonic()
        for field, (value, since) in self.moved.items():
            if self.guest.total(field) != value:
                self.moved[field] = self.guest.total(field), now
            elif now - since > STALL_S:
                raise Failure(f"STALL: {field} stands at {value} for {STALL_S} s; the guest's last words: {self.guest.last!r}")
        if now - self.told >= 1:
            self.told = now
            self.tell(f"{now - self.began:.0f} s")

    def tell(self, when):
        guest = " ".join(f"{field}={self.guest.total(field)}" for field in Guest.FIELDS)
        host = " ".join(f"{name}={count}" for name, count in self.counts.items())
        print(f"{when}: {guest} boots={self.guest.boots} | {host}", flush=True)

    def wait(self, what, condition):
        deadline = time.monotonic() + STALL_S
        while not condition():
            if time.monotonic() > deadline:
                raise Failure(f"STALL: {what} does not come in {STALL_S} s; the guest's last words: {self.guest.last!r}")
            time.sleep(0.02)
            self.look()

    # --- what is done ---

    def execute(self, command, **arguments):
        return self.client.execute(command, **arguments)

    def some_time(self):
        time.sleep(self.random.random() * PAUSE_MAX_S)

    def query(self):
        for command, arguments in self.random.sample(QUERIES, 3):
            self.execute(command, **arguments)
            self.counts["queries"] += 1

    def pause(self):
        self.execute("stop")
        if self.random.random() < 0.3:
            self.query()
        self.some_time()
        self.execute("cont")
        self.counts["pauses"] += 1

    def pause_storm(self):
        """None of them is waited for."""
        for _ in range(STORM):
            self.client.send({"execute": "stop"})
            self.client.send({"execute": "cont"})
        answers = 0
        while answers < 2 * STORM:
            message = self.client.read()
            if "error" in message:
                raise Failure(f"a pause is refused: {message}")
            answers += "return" in message
        self.counts["pauses"] += STORM

    def settle(self):
        """All is done that each device was asked for: a reset, which ends what is open, would hide what is lost."""
        for field in ("disk_settles", "net_settles"):
            before = self.guest.total(field)
            self.wait(f"a time when nothing is open ({field})", lambda f=field, b=before: self.guest.total(f) > b)

    def reset(self):
        if self.random.random() < 0.2:
            self.settle()
        self.look()
        boots = self.guest.boots
        stands = self.random.random() < 0.3
        if stands:
            self.execute("stop")
        for _ in range(self.random.choice((1, 1, 1, 3))):
            self.execute("system_reset")
            self.counts["resets"] += 1
        if stands:
            self.execute("cont")
        if self.random.random() < 0.8:
            self.wait("the guest after a reset", lambda: self.guest.boots > boots)

    def link(self):
        for up in (False, True):
            self.execute("set_link", name="net0", up=up)
            self.some_time()
        self.counts["links"] += 1

    def size(self):
        self.disk_bytes = min(self.disk_bytes + DISK_STEP, DISK_MAX_BYTES)
        self.execute("block_resize", device="disk0", size=self.disk_bytes)
        self.counts["sizes"] += 1

    def save(self):
        self.client.save("pmemsave", f"{self.folder}/memory", val=self.random.randrange(0, MEMORY_BYTES - SAVE_BYTES, 8), size=SAVE_BYTES)
        self.counts["saves"] += 1

    def clients(self):
        """One that goes in the middle of a word, one that does not read its answer."""
        for word in (b'{"execute": "qu', b'{"execute": "x-iolite-stats"}\n' * 3):
            with Client(self.path) as other:
                other.sock.sendall(word)
            self.counts["clients"] += 1

    def debugger(self):
        """One is let in, stops all CPUs, lets them go and stops them again, and is sent away."""
        path = f"{self.folder}/gdb"
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(path)
            listening.listen()
            number = self.client.execute("add-fd", pass_fd=listening)["fdset-id"]
            self.execute("x-iolite-gdb-open", address=f"unix:{path}", socket=f"/dev/fdset/{number}")
            self.execute("remove-fd", fdset_id=number)
        with gdb_client.Client(f"unix:{path}", limit=STALL_S) as gdb:
            gdb.start()
            gdb.status()
            gdb.ask("g")
            gdb.send("vCont;c")
            self.some_time()
            gdb.send_raw(b"\x03")
            gdb.receive()
            gdb.expect("D", "OK")
        self.execute("x-iolite-gdb-close")
        os.unlink(path)
        self.counts["debuggers"] += 1

    # By weight.
    ACTIONS = {pause: 80, pause_storm: 6, query: 60, link: 12, size: 8, save: 8, clients: 8, debugger: 4, reset: 4}

    def run(self, seconds):
        self.client = Client(self.path, alive=lambda: self.process.poll() is None)
        self.wait("the first boot", lambda: self.guest.boots)
        end = time.monotonic() + seconds
        actions, weights = list(self.ACTIONS), list(self.ACTIONS.values())
        while time.monotonic() < end:
            self.random.choices(actions, weights)[0](self)
            self.client.events.clear()
            self.some_time()
            self.look()
        # However short it was: work was done, and what was written is still there after a reset.
        self.wait("work of all CPUs in one boot", lambda: self.guest.each_worked)
        self.settle()
        boots = self.guest.boots
        self.execute("system_reset")
        self.counts["resets"] += 1
        self.wait("the last boot", lambda: self.guest.boots > boots)
        self.execute("quit")
        try:
            status = self.process.wait(STALL_S)
        except subprocess.TimeoutExpired:
            raise Failure(f"STALL: iolite runs {STALL_S} s after quit") from None
        self.guest.look()
        if status:
            raise Failure(f"the exit status is {status}")


def stress(iolite, guest, seconds, seed):
    """Complaints."""
    complaints = []
    with tempfile.TemporaryDirectory() as folder:
        machine = Stress(iolite, guest, seed, folder)
        try:
            machine.run(seconds)
        except (Gone, BrokenPipeError) as failure:
            machine.process.wait(STALL_S)
            complaints.append(f"{failure}: iolite has ended with status {machine.process.returncode}")
        except (Failure, QmpError, OSError) as failure:
            complaints.append(str(failure))
        finally:
            machine.close()
        try:
            machine.guest = Guest(f"{folder}/out")
            machine.guest.look()
        except Failure as failure:
            complaints.append(str(failure))
        finally:
            machine.guest.file.close()
        said = machine.said()
        reports = len(re.findall(SANITIZER, said))
        machine.tell("all")
        print(f"reports of sanitizers: {reports}")
        if reports:
            complaints.append(f"{reports} reports of sanitizers")
        if complaints:
            print(said)
    return complaints


def line_of(disk, pongs="1,1,1,1"):
    return f"progress disk={disk} sent=0,0,0,0 pongs={pongs} disk_resets=2 net_resets=0 unbinds=0 disk_settles=0 net_settles=0 interrupts=0"


def self_test():
    """What the guest says is counted over its boots, and what is wrong is heard, whatever a reset does to a line."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/out"
        with open(path, "w", encoding="ascii") as file:
            guest = Guest(path)
            for text, boots, disk, each in (
                ("\nverified\n", 1, 0, False),
                (line_of("1,2,3,0") + "\r\n", 1, 6, False),
                (line_of("1,2,3,4")[:20], 1, 6, False),  # a reset comes here
                ("\nverified\n" + line_of("5,0,0,5") + "\n", 2, 16, False),
                (line_of("5,1,1,5", "0,9,9,9") + "\n", 2, 18, False),
                (line_of("5,1,1,5") + "\n" + line_of("9,9,9"), 2, 18, True),
            ):
                file.write(text)
                file.flush()
                guest.look()
                if (guest.boots, guest.total("disk"), guest.each_worked) != (boots, disk, each):
                    raise AssertionError(f"after {text!r}: {guest.boots}, {guest.total('disk')}, {guest.each_worked}")
            file.write("\nFAIL cpu=1 something 5\n")
            file.flush()
            try:
                guest.look()
            except Failure as failure:
                if "cpu=1 something 5" not in str(failure):
                    raise
            else:
                raise AssertionError("FAIL is not heard")
            guest.file.close()
    for said, reports in (("WARNING: ThreadSanitizer: data race (pid=1)", 1), ("==1==ERROR: AddressSanitizer: heap", 1), ("iolite: an ERROR: no", 0)):
        if len(re.findall(SANITIZER, said)) != reports:
            raise AssertionError(f"{said!r} is not {reports} reports")
    print("PASS")
    return 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    parser = argparse.ArgumentParser(description="Stress of a machine with four CPUs and four queues.")
    parser.add_argument("iolite")
    parser.add_argument("guest")
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--seed", type=int, default=None, help="another one each time without it")
    arguments = parser.parse_args()
    if not has_kvm():
        return SKIPPED
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(1 << 31)
    print(f"seed {seed}, {arguments.seconds:g} s", flush=True)
    try:
        complaints = stress(os.path.abspath(arguments.iolite), os.path.abspath(arguments.guest), arguments.seconds, seed)
    except Skip as reason:
        print(f"SKIP: {reason}")
        return SKIPPED
    for complaint in complaints:
        print(f"FAIL {complaint} (seed {seed})")
    if not complaints:
        print("PASS")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
