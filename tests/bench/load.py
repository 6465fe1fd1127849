# SPDX-License-Identifier: Apache-2.0
"""Who runs the loads of tests/guest/x86_64/g_bench.c and g_netbench.c, and what one run of them costs."""

import os
import re
import shutil
import subprocess
import tempfile
import time

from contenders import MEMORY_MIB, Failed, run

SAMPLE_MS = 200
LIMIT_S = 60
# System calls, exits to user space and wakes of other threads, all of the VMM's own.
EVENTS = ["raw_syscalls:sys_enter", "kvm:kvm_userspace_exit", "sched:sched_wakeup"]
RESULT = re.compile(r"bench requests=(\d+) ticks=(\d+) p50=(\d+) p99=(\d+)(?: all=(\d+))?")
PEER = re.compile(r"^peer (.*)$", re.MULTILINE)

# As contenders.QEMU, with what its PCI bus needs; power-off is a write to a debug port.
QEMU = [
    "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none",
    "-M", "microvm,x-option-roms=off,pit=off,pic=off,rtc=off,acpi=on,pcie=on,usb=off,ioapic2=off,"
          "auto-kernel-cmdline=off,isa-serial=on,mem-merge=off,dump-guest-core=off",
    "-accel", "kvm", "-m", f"{MEMORY_MIB}M", "-smp", "1", "-serial", "stdio", "-no-reboot",
    "-device", "isa-debug-exit,iobase=0x600,iosize=4",
    "-object", "iothread,id=io0,poll-max-ns=200000",
]  # fmt: skip
QEMU_STATUS = (0x34 << 1) | 1  # of isa-debug-exit


class Contender:
    """kind: iolite, peer or limit; command(load words, disk path) is what runs.

    around(load words) is what that command is run by; its line "peer key=N ..." is part of the result.
    """

    def __init__(self, name, kind, command, status=0, around=lambda words: []):
        self.name = name
        self.kind = kind
        self.command = command
        self.status = status
        self.around = around


def program(programs, name):
    path = os.path.join(programs, name)
    if not os.path.exists(path):
        raise Failed(f"no {path}: scripts/build.sh release makes it")
    return path


def guest(programs, name="bench"):
    return program(programs, f"../guest/guests/{name}")


def iolite(path, programs):
    def command(words, disk):
        found = [path, "run", "-m", f"{MEMORY_MIB}M", "-c", "1", "-s", "stdio", "-k", guest(programs),
                 "-a", " ".join(["pci=1"] + words)]  # fmt: skip
        return found + ["-d", disk.replace(",", ",,") + (",direct" if "direct" in words else "")]

    return Contender("iolite", "iolite", command)


def qemu(programs):
    def command(words, disk):
        direct = "on" if "direct" in words else "off"
        drive = f"if=none,id=d0,file={disk.replace(',', ',,')},format=raw,aio=io_uring,cache.direct={direct}"
        device = "virtio-blk-pci,disable-legacy=on,drive=d0,addr=1,iothread=io0,num-queues=1,queue-size=256"
        return QEMU + ["-drive", drive, "-device", device, "-kernel", guest(programs),
                       "-append", " ".join(["pci=1"] + words)]  # fmt: skip

    return Contender("QEMU microvm", "peer", command, QEMU_STATUS)


def host(programs):
    return Contender("host program", "limit",
                     lambda words, disk: [program(programs, "bench_host_io"), disk] + words)  # fmt: skip


def bare(programs):
    flat = program(programs, "bench_guest_load.bin")

    def command(words, _):
        return [program(programs, "bench_bare"), flat, " ".join(["at=0xd0000000"] + words)]

    return Contender("bare KVM calls", "limit", command)


def ticks_per_ms(programs):
    return int(run([program(programs, "bench_host_io"), "tsc"], "bench_host_io"))


class Disk:
    """A file of that many bytes, none of them a hole, where the programs are: on a disk, not in memory."""

    def __init__(self, programs, size):
        self.file = tempfile.NamedTemporaryFile(dir=programs, prefix="bench-", suffix=".img")
        block = os.urandom(1 << 20)
        for _ in range(size >> 20):
            self.file.write(block)
        self.file.flush()
        os.fsync(self.file.fileno())
        self.path = self.file.name


def sample(contender, words, disk, prefix=()):
    """One run: requests, ticks, p50 and p99 in ticks; cpu_ns, sleeps and user_ns of the whole process."""
    command = contender.around(words) + list(prefix) + contender.command(words, disk)
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)
        text = process.stdout.read().decode(errors="replace")
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdout.close()
        errors.seek(0)
        said = errors.read().decode(errors="replace").strip().splitlines()[-3:]
    match = RESULT.search(text)
    if not match or (process.returncode != contender.status and not prefix):
        raise Failed("\n".join([f"{contender.name}: status {process.returncode}: {' '.join(command)}", text[-200:]] + said))
    requests, ticks, p50, p99, everything = (int(n or 0) for n in match.groups())
    found = {"requests": requests, "ticks": ticks, "p50": p50, "p99": p99, "all": everything, "sleeps": usage.ru_nvcsw,
             "cpu_ns": (usage.ru_utime + usage.ru_stime) * 1e9, "user_ns": usage.ru_utime * 1e9}  # fmt: skip
    peer = PEER.search(text)
    if peer:
        found.update((key, int(n)) for key, n in (word.split("=") for word in peer.group(1).split()))
    return found


def measure(contenders, words, disk, rounds):
    """A B B A. {contender: [[sample]]}"""
    samples = {c: [] for c in contenders}
    for _ in range(rounds):
        for c in contenders:
            samples[c].append([])
        for c in contenders + contenders[::-1]:
            samples[c][-1].append(sample(c, words, disk))
    return samples


def add_rounds(samples, more):
    for c, rounds in more.items():
        samples.setdefault(c, []).extend(rounds)


def can_count():
    """perf(1), with the right to use tracepoints and with those of KVM."""
    if not shutil.which("perf"):
        return False
    done = subprocess.run(["perf", "stat", "-e", ",".join(EVENTS), "true"], capture_output=True, check=False)
    return done.returncode == 0


def counted(contender, words, disk):
    with tempfile.NamedTemporaryFile(mode="r") as out:
        prefix = ["perf", "stat", "-x", ",", "-o", out.name, "-e", ",".join(EVENTS), "--"]
        found = sample(contender, words, disk, prefix)
        counts = {}
        for line in out:
            fields = line.split(",")
            if len(fields) > 2 and fields[2] in EVENTS:
                counts[fields[2]] = int(fields[0]) if fields[0].isdigit() else 0
    return found["requests"], counts


def per_request(contender, long_words, short_words, disk):
    """{event: how often for a request}: what a long run has more than a short one."""
    requests, counts = counted(contender, long_words, disk)
    fewer, base = counted(contender, short_words, disk)
    return {e: max(0.0, (counts.get(e, 0) - base.get(e, 0)) / max(1, requests - fewer)) for e in EVENTS}


def within(seconds):
    """True until that many seconds have passed since."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() < end
