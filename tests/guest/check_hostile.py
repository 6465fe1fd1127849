#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the guest virtio_hostile under iolite and judges what the disk made of it.

  check_hostile.py IOLITE GUEST pci|mmio   every violation has its expected verdict; memory and open
                                           files of iolite do not grow from the first to the last
  check_hostile.py --check-doc             docs/hostile-guest.md agrees with hostile_list.h
  check_hostile.py --write-doc             makes it agree
  check_hostile.py --self-test             wrong verdicts, growth and missing lines are noticed

Exit status: 0 passed, 1 failed, 77 cannot run here. --no-memory leaves the memory out, for builds with
a sanitizer, whose own memory grows. --qemu PROGRAM runs QEMU in place of iolite, to compare.
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

HERE = os.path.dirname(os.path.abspath(__file__))
LIST = os.path.join(HERE, "hostile_list.h")
DOC = os.path.join(HERE, "../../docs/hostile-guest.md")
TABLE_MARK = "<!-- from tests/guest/hostile_list.h by check_hostile.py -->"

SKIP = 77
LIMIT_S = 150
MEMORY_MIB = 128
DISK_BYTES = 8 << 20
GROWTH_KIB = 1024
ADDRESSES = {"pci": "pci=1,2", "mmio": "mmio=0xf0001000,0xf0002000"}
QEMU_ADDRESSES = {"pci": "pci=1,2", "mmio": "mmio=0xfeb00000,0xfeb00200"}


def read_list():
    """{name: (verdict, transports, text)} and the headings: {first name under it: heading}."""
    violations, headings, heading = {}, {}, None
    with open(LIST, encoding="utf-8") as f:
        for line in f:
            match = re.match(r'VIOLATION\((\w+), (PASS|REJECT|EITHER), (PCI|MMIO|BOTH), "(.*)"\)$', line)
            if match:
                if match[1] in violations:
                    raise SystemExit(f"{LIST}: {match[1]} is there twice")
                violations[match[1]] = match.groups()[1:]
                if heading:
                    headings[match[1]] = heading
                heading = None
            elif line.startswith("VIOLATION"):
                raise SystemExit(f"{LIST}: cannot read: {line.rstrip()}")
            elif re.match(r"/\* [A-Z].*\*/$", line) and "SPDX" not in line:
                heading = line[3:-3].strip()
    return violations, headings


# --- the page ---


def table():
    violations, headings = read_list()
    lines = []
    for name, (verdict, transports, text) in violations.items():
        if name in headings:
            lines += ["", f"### {headings[name]}", "", "| name | what the guest does | verdict | transport |",
                      "|---|---|---|---|"]  # fmt: skip
        where = {"BOTH": "both", "PCI": "PCI", "MMIO": "MMIO"}[transports]
        lines.append(f"| `{name}` | {text} | {verdict} | {where} |")
    return "\n".join(lines) + "\n"


def split_doc():
    with open(DOC, encoding="utf-8") as f:
        head, mark, rest = f.read().partition(TABLE_MARK + "\n")
    if not mark:
        raise SystemExit(f"{DOC}: the line {TABLE_MARK} is missing")
    return head, rest


def check_doc():
    if split_doc()[1] == table():
        return 0
    print("docs/hostile-guest.md is behind hostile_list.h: tests/guest/check_hostile.py --write-doc")
    return 1


def write_doc():
    head, _ = split_doc()
    with open(DOC, "w", encoding="utf-8") as f:
        f.write(head + TABLE_MARK + "\n" + table())
    return 0


# --- the run ---


def make_disk(path, number):
    words = (((i + 1) * 0x9E3779B97F4A7C15 ^ (number + 1) << 56) & (1 << 64) - 1
             for i in range(DISK_BYTES // 8))  # fmt: skip
    with open(path, "wb") as f:
        f.write(array.array("Q", words).tobytes())


def iolite_command(iolite, guest, transport, disks):
    option = ",transport=mmio" if transport == "mmio" else ""
    command = [iolite, "run", "-m", f"{MEMORY_MIB}M", "-s", "stdio", "-k", guest,
               "-a", f"{ADDRESSES[transport]} ram={MEMORY_MIB}"]  # fmt: skip
    for disk in disks:
        command += ["-d", disk + option]
    return command


def qemu_command(qemu, guest, transport, disks):
    command = [qemu, "-nodefaults", "-no-user-config", "-display", "none", "-M",
               "microvm,x-option-roms=off,pit=off,pic=off,rtc=off,pcie=on,auto-kernel-cmdline=off",
               "-accel", "kvm", "-m", f"{MEMORY_MIB}M", "-serial", "stdio", "-no-reboot",
               "-global", "virtio-mmio.force-legacy=false",
               "-device", "isa-debug-exit,iobase=0x600,iosize=4",
               "-kernel", guest, "-append", f"{QEMU_ADDRESSES[transport]} ram={MEMORY_MIB}"]  # fmt: skip
    for i, disk in enumerate(disks):
        command += ["-drive", f"if=none,id=d{i},file={disk},format=raw,discard=unmap"]
        device = f"virtio-blk-pci,disable-legacy=on,addr={i + 1},drive=d{i}"
        if transport == "mmio":
            device = f"virtio-blk-device,bus=virtio-mmio-bus.{i},drive=d{i}"
        command += ["-device", device]
    return command


def resources(pid):
    """(resident KiB, open files)"""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
        rss = next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))
    return rss, len(os.listdir(f"/proc/{pid}/fd"))


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


def check(arguments):
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        print("skipped: /dev/kvm cannot be used")
        return SKIP
    violations, _ = read_list()
    with tempfile.TemporaryDirectory() as folder:
        disks = [os.path.join(folder, f"disk{i}.img") for i in range(2)]
        for i, disk in enumerate(disks):
            make_disk(disk, i)
        make = qemu_command if arguments.qemu else iolite_command
        command = make(arguments.qemu or arguments.iolite, arguments.guest, arguments.transport, disks)
        found = run(command)
        complaints = judge(found, violations, arguments.transport, not arguments.no_memory)
        complaints += [f"disk {i} has changed" for i, disk in enumerate(disks) if not unchanged(disk, i)]
    if "AddressSanitizer" in found.log or "runtime error" in found.log:
        complaints.append("a sanitizer complains")
    for line in complaints:
        print(line)
    if complaints:
        print("--- log", found.log[-4000:], "---", sep="\n")
    verdicts = [line.partition(": ")[2] for line in found.lines if line.partition(": ")[0] in violations]
    counts = ", ".join(f"{verdicts.count(v)} {v}" for v in ("PASS", "REJECT", "FAIL", "WEDGED"))
    print(f"{arguments.transport}: {len(verdicts)} violations: {counts}; KiB and files at first "
          f"{found.first}, at last {found.last}; {len(found.log.splitlines())} lines logged")  # fmt: skip
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
    if len(read_list()[0]) < 80:
        print("fewer than 80 violations")
        wrong.append(-1)
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check-doc", action="store_true")
    parser.add_argument("--write-doc", action="store_true")
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--no-memory", action="store_true")
    parser.add_argument("--qemu", metavar="PROGRAM")
    parser.add_argument("iolite", nargs="?")
    parser.add_argument("guest", nargs="?")
    parser.add_argument("transport", nargs="?", choices=sorted(ADDRESSES))
    arguments = parser.parse_args()
    if arguments.check_doc:
        return check_doc()
    if arguments.write_doc:
        return write_doc()
    if arguments.self_test:
        return self_test()
    if not arguments.transport:
        parser.error("IOLITE GUEST TRANSPORT")
    return check(arguments)


if __name__ == "__main__":
    sys.exit(main())
