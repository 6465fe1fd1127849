#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a hostile guest under iolite and judges what the device made of it.

  check_hostile.py [--kind disk|net|rng|console] IOLITE GUEST pci|mmio
                                  every violation has its expected verdict; memory and open files of
                                  iolite do not grow from the first to the last
  check_hostile.py --check-doc    docs/hostile-guest.md agrees with hostile_*_list.h
  check_hostile.py --write-doc    makes it agree
  check_hostile.py --self-test    wrong verdicts, growth and missing lines are noticed

GUEST is that of the kind: virtio_hostile, net_hostile, rng_hostile, console_hostile. Network cards and
the console have their other end here: frame_peer.py.

Exit status: 0 passed, 1 failed, 77 cannot run here. --no-memory leaves the memory out, for builds with
a sanitizer, whose own memory grows. --qemu: IOLITE is a QEMU, to compare. --only NAME runs one violation.
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
DEVICES = 2  # the victim and the one that is never reset
# The first slot of bus 0; the first page of virtio-mmio is that of slot 0.
SLOTS = {"disk": 1, "net": 17, "rng": 25, "console": 26}
DISK_SLOT = 1  # of the one that is never reset beside a device there is one of
MMIO_BASE = 0xF0000000
QEMU_ADDRESSES = {"mmio": "mmio=0xfeb00000,0xfeb00200"}
HEADINGS = {"device": "On every device", "disk": "On a disk", "net": "On a network card",
            "rng": "On a source of entropy", "console": "On a console"}  # fmt: skip


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


def tables():
    return "".join(table(name) for name in HEADINGS)


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
    slots = [SLOTS[kind], SLOTS[kind] + 1 if kind in ("disk", "net") else DISK_SLOT]
    if transport == "pci":
        return "pci=" + ",".join(str(slot) for slot in slots)
    return "mmio=" + ",".join(hex(MMIO_BASE + 0x1000 * slot) for slot in slots)


def iolite_command(arguments, append, paths, console):
    option = ",transport=mmio" if arguments.transport == "mmio" else ""
    command = [arguments.iolite, "run", "-m", f"{MEMORY_MIB}M", "-s", "stdio", "-k", arguments.guest,
               "-a", f"{addresses(arguments.kind, arguments.transport)} {append}"]  # fmt: skip
    if arguments.kind == "rng":
        command += ["--rng"]
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


def run(command):
    found = Run()
    with tempfile.TemporaryFile() as log:
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log) as process:
            deadline = time.monotonic() + LIMIT_S
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
        if line.startswith("FAIL"):
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


def judge_growth(found, memory):
    if not found.first or not found.last:
        return ["no first or no last look at memory and files"]
    complaints = []
    if memory and abs(found.last[0] - found.first[0]) > GROWTH_KIB:
        complaints.append(f"resident memory went from {found.first[0]} to {found.last[0]} KiB")
    if found.last[1] != found.first[1]:
        complaints.append(f"open files went from {found.first[1]} to {found.last[1]}")
    return complaints


def unchanged(path, number):
    """No write, discard or zeroes that the guest asks for is right."""
    with tempfile.NamedTemporaryFile() as other:
        make_disk(other.name, number)
        with open(path, "rb") as a, open(other.name, "rb") as b:
            return a.read() == b.read()


def run_with_disks(make, folder, numbers, console=None):
    disks = {i: os.path.join(folder, f"disk{i}.img") for i in numbers}
    for i, disk in disks.items():
        make_disk(disk, i)
    found = run(make(list(disks.values()), console))
    return found, [f"disk {i} has changed" for i, disk in disks.items() if not unchanged(disk, i)]


def run_with_nets(make, folder):
    paths = [os.path.join(folder, f"net{i}.sock") for i in range(DEVICES)]
    with Peer(paths) as peer:
        found = run(make(paths))
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
    violations = violations_of(arguments.kind)
    append = f"ram={MEMORY_MIB}"
    if arguments.only:
        violations = {name: what for name, what in violations.items() if name == arguments.only}
        append += f" only={arguments.only}"

    def make(paths, console=None):
        return (qemu_command if arguments.qemu else iolite_command)(arguments, append, paths, console)

    with tempfile.TemporaryDirectory() as folder:
        if arguments.kind == "net":
            found, complaints = run_with_nets(make, folder)
        elif arguments.kind == "console":
            found, complaints = run_with_console(make, folder)
        else:
            found, complaints = run_with_disks(make, folder, [0, 1] if arguments.kind == "disk" else [1])
    complaints += judge(found, violations, arguments.transport, not arguments.no_memory)
    if "AddressSanitizer" in found.log or "runtime error" in found.log:
        complaints.append("a sanitizer complains")
    for line in complaints:
        print(line)
    if complaints:
        print("--- log", found.log[-4000:], "---", sep="\n")
    verdicts = [line.partition(": ")[2] for line in found.lines if line.partition(": ")[0] in violations]
    counts = ", ".join(f"{verdicts.count(v)} {v}" for v in ("PASS", "REJECT", "FAIL", "WEDGED"))
    print(f"{arguments.kind}, {arguments.transport}: {len(verdicts)} violations: {counts}; KiB and files at "
          f"first {found.first}, at last {found.last}; {len(found.log.splitlines())} lines logged")  # fmt: skip
    return 1 if complaints else 0


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
    ]
    wrong = [i for i, (got, count) in enumerate(expected) if len(got) != count]
    for i in wrong:
        print(f"self-test {i}: {expected[i]}")
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
    if not arguments.transport:
        parser.error("IOLITE GUEST TRANSPORT")
    if arguments.transport == "mmio" and arguments.kind in ("rng", "console"):
        parser.error(f"{arguments.kind}: such a device is on PCI only")
    if arguments.qemu and arguments.kind in ("rng", "console"):
        parser.error(f"{arguments.kind}: not with QEMU")
    return check(arguments)


if __name__ == "__main__":
    sys.exit(main())
