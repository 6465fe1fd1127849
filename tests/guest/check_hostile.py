#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a hostile guest under iolite and judges what the device made of it.

  check_hostile.py [--kind disk|net|rng|console|machine] IOLITE GUEST pci|mmio
                                  every violation has its expected verdict; memory and open files of
                                  iolite do not grow from the first to the last
  check_hostile.py --fetch IOLITE machine_hostile
                                  what runs where no memory is ends the machine, or gets an exception
  check_hostile.py --check-doc    docs/hostile-guest.md agrees with hostile_*_list.h
  check_hostile.py --write-doc    makes it agree
  check_hostile.py --self-test    wrong verdicts, growth and missing lines are noticed

GUEST is that of the kind: virtio_hostile, net_hostile, rng_hostile, console_hostile, machine_hostile. Network cards and
the console have their other end here: frame_peer.py.

Exit status: 0 passed, 1 failed, 77 cannot run here. --no-memory leaves the memory out, for builds with
a sanitizer, whose own memory grows. --random N: N random chains, generated from --seed, in the place of the
list; --seconds: how long that may take. --qemu: IOLITE is a QEMU, to compare. --only NAME runs one violation.
"""

import argparse
import array
import os
import re
import select
import subprocess
import sys
import tempfile
import time

from frame_peer import ByteLink, Peer

HERE = os.path.dirname(os.path.abspath(__file__))
DOC = os.path.join(HERE, "../../docs/hostile-guest.md")
TABLE_MARK = "<!-- from tests/guest/hostile_*_list.h by check_hostile.py -->"

SKIP = 77
LIMIT_S = 150
MEMORY_MIB = 128
DISK_BYTES = 8 << 20
GROWTH_KIB = 1024
NAMED_MIN = 600
DEVICES = 2  # the victim and the one that is never reset
# The first slot of bus 0; the first page of virtio-mmio is that of slot 0.
SLOTS = {"disk": 1, "net": 17, "rng": 25, "console": 26, "machine": 1}
PAIRS = ("disk", "net", "machine")  # the other device is of the same kind, in the next slot
MACHINE_CPUS = 3
DISK_SLOT = 1  # of the one that is never reset beside a device there is one of
MMIO_BASE = {"aarch64": 0x0A000000}.get(os.uname().machine, 0xF0000000)
QEMU_ADDRESSES = {"mmio": "mmio=0xfeb00000,0xfeb00200"}
HEADINGS = {"device": "On every device", "disk": "On a disk", "net": "On a network card",
            "rng": "On a source of entropy", "console": "On a console", "machine": "On the machine"}  # fmt: skip


def read_list(name):
    """{name: (verdict, transports, text)} and the headings: {first name under it: heading}."""
    path = os.path.join(HERE, f"hostile_{name}_list.h")
    violations, headings, heading = {}, {}, None
    with open(path, encoding="utf-8") as f:
        for line in f:
            match = re.match(r'VIOLATION\((\w+), (PASS|REJECT|EITHER), (PCI|MMIO|BOTH), "(.*)"\)$', line)
            if match:
                if match[1] in violations:
                    raise SystemExit(f"{path}: {match[1]} is there twice")
                violations[match[1]] = match.groups()[1:]
                if heading:
                    headings[match[1]] = heading
                heading = None
            elif line.startswith("VIOLATION"):
                raise SystemExit(f"{path}: cannot read: {line.rstrip()}")
            elif re.match(r"/\* [A-Z].*\*/$", line) and "SPDX" not in line and "_list.h" not in line:
                heading = line[3:-3].strip()
    return violations, headings


def violations_of(kind):
    if kind == "machine":
        return read_list(kind)[0]
    return {**read_list("device")[0], **read_list(kind)[0]}


# --- the page ---


def table(name):
    violations, headings = read_list(name)
    lines = ["", f"## {HEADINGS[name]}"]
    for violation, (verdict, transports, text) in violations.items():
        if violation in headings:
            lines += ["", f"### {headings[violation]}", "",
                      "| name | what the guest does | verdict | transport |",
                      "|---|---|---|---|"]  # fmt: skip
        where = {"BOTH": "both", "PCI": "PCI", "MMIO": "MMIO"}[transports]
        lines.append(f"| `{violation}` | {text} | {verdict} | {where} |")
    return "\n".join(lines) + "\n"


def total():
    return sum(len(read_list(name)[0]) for name in HEADINGS)


def tables():
    return f"\n{total()} violations have names.\n" + "".join(table(name) for name in HEADINGS)


def split_doc():
    with open(DOC, encoding="utf-8") as f:
        head, mark, rest = f.read().partition(TABLE_MARK + "\n")
    if not mark:
        raise SystemExit(f"{DOC}: the line {TABLE_MARK} is missing")
    return head, rest


def check_doc():
    if split_doc()[1] == tables():
        return 0
    print("docs/hostile-guest.md is behind hostile_*_list.h: tests/guest/check_hostile.py --write-doc")
    return 1


def write_doc():
    head, _ = split_doc()
    with open(DOC, "w", encoding="utf-8") as f:
        f.write(head + TABLE_MARK + "\n" + tables())
    return 0


# --- the run ---


def make_disk(path, number):
    words = (((i + 1) * 0x9E3779B97F4A7C15 ^ (number + 1) << 56) & (1 << 64) - 1
             for i in range(DISK_BYTES // 8))  # fmt: skip
    with open(path, "wb") as f:
        f.write(array.array("Q", words).tobytes())


def addresses(kind, transport):
    slots = [SLOTS[kind], SLOTS[kind] + 1 if kind in PAIRS else DISK_SLOT]
    if transport == "pci":
        return "pci=" + ",".join(str(slot) for slot in slots)
    return "mmio=" + ",".join(hex(MMIO_BASE + 0x1000 * slot) for slot in slots)


def iolite_command(arguments, append, paths, console):
    option = ",transport=mmio" if arguments.transport == "mmio" else ""
    command = [arguments.iolite, "run", "-m", f"{MEMORY_MIB}M", "-s", "stdio", "-k", arguments.guest,
               "-a", f"{addresses(arguments.kind, arguments.transport)} {append}"]  # fmt: skip
    if arguments.kind == "rng":
        command += ["--rng"]
    if arguments.kind == "machine":
        command += ["-s", "null", "-c", str(MACHINE_CPUS)]
        command[command.index("-a") + 1] += f" cpus={MACHINE_CPUS}"
    if arguments.kind == "console":
        command += [f"--console=unix:{console},connect"]
    for path in paths:
        if arguments.kind == "net":
            command += ["-n", f"socket,path={path}{option}"]
        else:
            command += ["-d", path + option]
    return command


def qemu_device(kind, path, i):
    """The host's side, the name of the device and its options."""
    if kind == "disk":
        drive = f"if=none,id=d{i},file={path},format=raw,discard=unmap"
        return ["-drive", drive], "virtio-blk", f"drive=d{i}"
    netdev = f"stream,id=d{i},server=off,addr.type=unix,addr.path={path}"
    return ["-netdev", netdev], "virtio-net", f"netdev=d{i}"


def qemu_command(arguments, append, paths, _):
    kind, transport = arguments.kind, arguments.transport
    place = QEMU_ADDRESSES.get(transport) or addresses(kind, transport)
    command = [arguments.iolite, "-nodefaults", "-no-user-config", "-display", "none", "-M",
               "microvm,x-option-roms=off,pit=off,pic=off,rtc=off,pcie=on,auto-kernel-cmdline=off",
               "-accel", "kvm", "-m", f"{MEMORY_MIB}M", "-serial", "stdio", "-no-reboot",
               "-global", "virtio-mmio.force-legacy=false",
               "-device", "isa-debug-exit,iobase=0x600,iosize=4",
               "-kernel", arguments.guest, "-append", f"{place} {append}"]  # fmt: skip
    for i, path in enumerate(paths):
        host, name, options = qemu_device(kind, path, i)
        device = f"{name}-pci,disable-legacy=on,addr={SLOTS[kind] + i:#x}"
        if transport == "mmio":
            device = f"{name}-device,bus=virtio-mmio-bus.{i}"
        command += host + ["-device", f"{device},{options}"]
    return command


def resources(pid):
    """(resident KiB but for guest RAM, open files). How much of its RAM a guest touches is its own matter."""
    resident = size = 0
    with open(f"/proc/{pid}/smaps", encoding="ascii", errors="replace") as f:
        for line in f:
            if line.startswith("Size:"):
                size = int(line.split()[1])
            elif line.startswith("Rss:") and size < MEMORY_MIB << 9:  # less than half of it
                resident += int(line.split()[1])
    return resident, len(os.listdir(f"/proc/{pid}/fd"))


class Run:
    """One guest: its lines, and what iolite had in use when each came."""

    def __init__(self):
        self.lines = []
        self.log = ""
        self.first = self.last = None  # resources
        self.status = None

    def take(self, line, process):
        self.lines.append(line)
        if line in ("ready", "done"):
            if line == "done":
                self.last = resources(process.pid)
            process.stdin.write(b"g")
            process.stdin.flush()
        elif self.first is None and ": " in line:
            self.first = resources(process.pid)


def run(command, limit_s):
    found = Run()
    with tempfile.TemporaryFile() as log:
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log) as process:
            deadline = time.monotonic() + limit_s
            buffer = b""
            try:
                while (left := deadline - time.monotonic()) > 0:
                    if not select.select([process.stdout], [], [], left)[0]:
                        break
                    data = os.read(process.stdout.fileno(), 65536)
                    if not data:
                        found.status = process.wait(timeout=10)
                        break
                    buffer += data
                    while b"\n" in buffer:
                        line, _, buffer = buffer.partition(b"\n")
                        found.take(line.decode(errors="replace").rstrip("\r"), process)
            except (BrokenPipeError, subprocess.TimeoutExpired):
                pass
            process.kill()
        log.seek(0)
        found.log = log.read().decode(errors="replace")
    return found


def judge(found, violations, transport, memory):
    """Complaints: a list of lines."""
    complaints = []
    got = {}
    for line in found.lines:
        name, _, verdict = line.partition(": ")
        if name in violations:
            got[name] = verdict
        if line.startswith(("FAIL", "wrong ")):
            complaints.append(line)
    for name, (verdict, transports, _) in violations.items():
        if transports not in ("BOTH", transport.upper()):
            continue
        allowed = ("PASS", "REJECT") if verdict == "EITHER" else (verdict,)
        if name not in got:
            complaints.append(f"{name}: no verdict")
        elif got[name] not in allowed:
            complaints.append(f"{name}: {got[name]}, expected {' or '.join(allowed)}")
    if found.lines[-1:] != ["end"] or found.status is None:
        complaints.append("the guest did not come to its end")
    if found.status:
        complaints.append(f"exit status {found.status}")
    complaints += judge_growth(found, memory)
    return complaints


RANDOM_LINE = re.compile(r"random answered=(\d+) broken=(\d+) resets=(\d+) ?$")


def judge_random(found, count):
    """Most chains are valid, and some are not: otherwise nothing was tried."""
    numbers = [[int(n) for n in m.groups()] for m in map(RANDOM_LINE.match, found.lines) if m]
    if len(numbers) != 1:
        return ["no line that says what came of random chains"]
    answered, broken, resets = numbers[0]
    if answered + broken < count or answered < count // 2 or broken * 10000 < count:
        return [f"of {count} random chains {answered} were answered, and {broken} ended in NEEDS_RESET"]
    return []


def judge_growth(found, memory):
    if not found.first or not found.last:
        return ["no first or no last look at memory and files"]
    complaints = []
    if memory and abs(found.last[0] - found.first[0]) > GROWTH_KIB:
        complaints.append(f"resident memory went from {found.first[0]} to {found.last[0]} KiB")
    if found.last[1] != found.first[1]:
        complaints.append(f"open files went from {found.first[1]} to {found.last[1]}")
    return complaints


def unchanged(path, number, size=DISK_BYTES):
    """No write, discard or zeroes that the guest asks for is right; random ones are in the second half."""
    with tempfile.NamedTemporaryFile() as other:
        make_disk(other.name, number)
        with open(path, "rb") as a, open(other.name, "rb") as b:
            return a.read(size) == b.read(size)


def run_with_disks(make, folder, numbers, console=None, half=None):
    """@half: the number of a disk whose second half may change."""
    disks = {i: os.path.join(folder, f"disk{i}.img") for i in numbers}
    for i, disk in disks.items():
        make_disk(disk, i)
    found = run(make(list(disks.values()), console), make.limit_s)
    return found, [f"disk {i} has changed" for i, disk in disks.items()
                   if not unchanged(disk, i, DISK_BYTES // 2 if i == half else DISK_BYTES)]  # fmt: skip


def run_with_nets(make, folder):
    paths = [os.path.join(folder, f"net{i}.sock") for i in range(DEVICES)]
    with Peer(paths) as peer:
        found = run(make(paths), make.limit_s)
    return found, peer.complaints


def run_with_console(make, folder):
    path = os.path.join(folder, "console.sock")
    with Peer([path], ByteLink) as peer:
        found, complaints = run_with_disks(make, folder, [1], path)
    return found, complaints + peer.complaints


def check(arguments):
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        print("skipped: /dev/kvm cannot be used")
        return SKIP
    if arguments.fetch:
        return fetch(arguments)
    violations = violations_of(arguments.kind)
    append = f"ram={MEMORY_MIB}"
    if arguments.only:
        violations = {name: what for name, what in violations.items() if name == arguments.only}
        append += f" only={arguments.only}"
    if arguments.random:
        violations = {"random": ("PASS", "BOTH", "")}
        append += f" random={arguments.random} seed={arguments.seed}"

    def make(paths, console=None):
        return (qemu_command if arguments.qemu else iolite_command)(arguments, append, paths, console)

    make.limit_s = arguments.seconds
    with tempfile.TemporaryDirectory() as folder:
        if arguments.kind == "net":
            found, complaints = run_with_nets(make, folder)
        elif arguments.kind == "console":
            found, complaints = run_with_console(make, folder)
        else:
            found, complaints = run_with_disks(make, folder, [0, 1] if arguments.kind in PAIRS else [1],
                                               half=0 if arguments.random else None)  # fmt: skip
    complaints += judge(found, violations, arguments.transport, not arguments.no_memory)
    if arguments.random:
        complaints += judge_random(found, arguments.random)
    if re.search("(Address|Thread|Leak)Sanitizer|runtime error", found.log):
        complaints.append("a sanitizer complains")
    for line in complaints:
        print(line)
    for line in filter(RANDOM_LINE.match, found.lines):
        print(line)
    if complaints:
        print("--- log", found.log[-4000:], "---", sep="\n")
    verdicts = [line.partition(": ")[2] for line in found.lines if line.partition(": ")[0] in violations]
    counts = ", ".join(f"{verdicts.count(v)} {v}" for v in ("PASS", "REJECT", "FAIL", "WEDGED"))
    print(f"{arguments.kind}, {arguments.transport}: {len(verdicts)} violations: {counts}; KiB and files at "
          f"first {found.first}, at last {found.last}; {len(found.log.splitlines())} lines logged")  # fmt: skip
    return 1 if complaints else 0


# --- instructions where no memory is ---

FETCH_PLACES = {"hole": 0xE0100000, "configuration space": 0xE0008000, "registers": 0xC0000000,
                "local APIC": 0xFEE00000, "behind RAM": MEMORY_MIB << 20, "above 4 GiB": 0x1FFFFF000}  # fmt: skip
KVM_GAVE_UP = 3
FETCH_LIMIT_S = 30


def judge_fetch(status, log):
    """The guest gets an exception, or KVM gives the machine up, which is said once."""
    if status == 0 or (status == KVM_GAVE_UP and len(re.findall("^iolite: .*KVM", log, re.M)) == 1):
        return None
    return f"exit status {status}: {log[-1000:]}"


def fetch(arguments):
    wrong = 0
    arguments.kind, arguments.transport = "machine", "pci"
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, f"disk{i}.img") for i in range(DEVICES)]
        for i, path in enumerate(paths):
            make_disk(path, i)
        for name, place in FETCH_PLACES.items():
            command = iolite_command(arguments, f"ram={MEMORY_MIB} fetch={place:#x}", paths, None)
            try:
                done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, timeout=FETCH_LIMIT_S)  # fmt: skip
                complaint = judge_fetch(done.returncode, done.stdout.decode(errors="replace"))
                status = done.returncode
            except subprocess.TimeoutExpired:
                complaint = status = "it did not end"
            print(f"instructions from {name}: {complaint or f'exit status {status}'}")
            wrong += complaint is not None
    return 1 if wrong else 0


# --- itself ---


def self_test():
    violations = {"a": ("PASS", "BOTH", ""), "b": ("REJECT", "PCI", ""), "c": ("EITHER", "BOTH", "")}

    def complaints(lines, first=(1000, 10), last=(1000, 10), status=0, transport="pci"):
        found = Run()
        found.lines, found.first, found.last, found.status = lines, first, last, status
        return judge(found, violations, transport, True)

    good = ["ready", "a: PASS", "b: REJECT", "c: PASS", "done", "end"]
    expected = [
        (complaints(good), 0),
        (complaints(["a: PASS", "c: REJECT", "end"], transport="mmio"), 0),
        (complaints([line.replace("a: PASS", "a: REJECT") for line in good]), 1),
        (complaints([line.replace("c: PASS", "c: WEDGED") for line in good]), 1),
        (complaints([line.replace("b: REJECT", "b: FAIL") for line in good]), 1),
        (complaints([line for line in good if line != "b: REJECT"]), 1),
        (complaints(good[:-1]), 1),
        (complaints(good, status=3), 1),
        (complaints(good, status=None), 1),
        (complaints(good, last=(1000 + GROWTH_KIB + 1, 10)), 1),
        (complaints(good, last=(1000, 11)), 1),
        (complaints(good, last=None), 1),
        (complaints(["FAIL exception 0x6"] + good), 1),
        (complaints(good[:1] + ["wrong port got=0x0 want=0xff"] + good[1:]), 1),
    ]
    expected += [([c] if c else [], count) for c, count in (
        (judge_fetch(0, "FAIL exception 0xe"), 0), (judge_fetch(3, "iolite: this KVM gave up"), 0), (judge_fetch(3, ""), 1),
        (judge_fetch(3, "iolite: KVM gave up\niolite: KVM gave up"), 1), (judge_fetch(-11, ""), 1))]  # fmt: skip
    for line, count in (("random answered=990 broken=10 resets=12 ", 0), ("random answered=980 broken=10 resets=12 ", 1),
                        ("random answered=400 broken=600 resets=12 ", 1), ("random answered=1000 broken=0 resets=2 ", 1),
                        ("random: PASS", 1)):  # fmt: skip
        found = Run()
        found.lines = [line]
        expected.append((judge_random(found, 1000), count))
    wrong = [i for i, (got, count) in enumerate(expected) if len(got) != count]
    for i in wrong:
        print(f"self-test {i}: {expected[i]}")
    if total() < NAMED_MIN:
        print(f"{total()} violations in all, fewer than {NAMED_MIN}")
        wrong.append(-1)
    for kind in SLOTS:
        if len(violations_of(kind)) < 120:
            print(f"{kind}: fewer than 120 violations")
            wrong.append(-1)
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check-doc", action="store_true")
    parser.add_argument("--write-doc", action="store_true")
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--no-memory", action="store_true")
    parser.add_argument("--qemu", action="store_true")
    parser.add_argument("--only", metavar="NAME")
    parser.add_argument("--random", type=int, metavar="N", help="N random chains in the place of the list")
    parser.add_argument("--fetch", action="store_true", help="instructions where no memory is")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=LIMIT_S, help="how long it may take")
    parser.add_argument("--kind", choices=sorted(SLOTS), default="disk")
    parser.add_argument("iolite", nargs="?")
    parser.add_argument("guest", nargs="?")
    parser.add_argument("transport", nargs="?", choices=["mmio", "pci"])
    arguments = parser.parse_args()
    if arguments.check_doc:
        return check_doc()
    if arguments.write_doc:
        return write_doc()
    if arguments.self_test:
        return self_test()
    if not (arguments.transport or (arguments.fetch and arguments.guest)):
        parser.error("IOLITE GUEST TRANSPORT")
    if arguments.transport == "mmio" and arguments.kind in ("rng", "console", "machine"):
        parser.error(f"{arguments.kind}: such a device is on PCI only")
    if arguments.qemu and arguments.kind in ("rng", "console", "machine"):
        parser.error(f"{arguments.kind}: not with QEMU")
    return check(arguments)


if __name__ == "__main__":
    sys.exit(main())
