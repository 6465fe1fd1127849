# SPDX-License-Identifier: Apache-2.0
"""Who takes part: each is a name and the command that runs the tiny guest with the same memory."""

import os
import shutil
import subprocess

MEMORY_MIB = 128

# Nothing that the guest does not use; no option ROM, no firmware tables, no legacy devices.
QEMU = [
    "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none",
    "-M", "microvm,x-option-roms=off,pit=off,pic=off,rtc=off,acpi=off,ioapic2=off,"
          "auto-kernel-cmdline=off,isa-serial=on,mem-merge=off,dump-guest-core=off",
    "-accel", "kvm", "-m", f"{MEMORY_MIB}M", "-smp", "1", "-serial", "stdio",
]  # fmt: skip


class Failed(Exception):
    """Something did not run."""


class Contender:
    """kind: iolite, bare (the limit) or peer (somebody to be compared with).

    An optional one may be missing from this machine or not start on it.
    """

    def __init__(self, name, kind, command, optional=False):
        self.name = name
        self.kind = kind
        self.command = command
        self.optional = optional


def find(iolite, programs):
    """All that take part on this machine; QEMU must."""

    def program(name):
        path = os.path.join(programs, name)
        if not os.path.exists(path):
            raise Failed(f"no {path}: scripts/build.sh release makes it")
        return path

    if not os.access(iolite, os.X_OK):
        raise Failed(f"no program {iolite}: scripts/build.sh release makes it")
    if not shutil.which(QEMU[0]):
        raise Failed(f"no {QEMU[0]} to compare with: scripts/install-deps.sh bench")
    pvh, flat, real = map(program, ("bench_guest_pvh", "bench_guest_flat.bin", "bench_guest_real.bin"))
    run = [iolite, "run", "-m", f"{MEMORY_MIB}M", "-c", "1", "-s", "stdio", "-k", pvh]
    found = [
        Contender("iolite", "iolite", run),
        Contender("bare KVM calls", "bare", [program("bench_bare"), flat]),
        Contender("QEMU microvm -kernel", "peer", QEMU + ["-kernel", pvh]),
        Contender("QEMU microvm -bios", "peer", QEMU + ["-bios", real]),
    ]
    lkvm = ["lkvm", "run", "-m", str(MEMORY_MIB), "-c", "1", "--console", "serial"]
    found.append(Contender("kvmtool", "peer", lkvm + ["-n", "mode=none", "-k", real], optional=True))
    return [c for c in found if starts(c, program("bench_launch"))]


def starts(contender, launcher):
    """Tries it once: fills the page cache, too."""
    if contender.optional and not shutil.which(contender.command[0]):
        return False
    try:
        run([launcher] + contender.command, contender.name)
    except Failed as failure:
        if not contender.optional:
            raise
        print(f"  note: left out, as it does not start here: {failure}")
        return False
    return True


def run(command, what):
    """Output of a command that must succeed."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines()[-3:]
        raise Failed("\n".join([f"{what}: status {done.returncode}: {' '.join(command)}"] + lines))
    return done.stdout


def version(command):
    """First line of what a program says of itself."""
    try:
        return run(command, "version").splitlines()[0]
    except (Failed, OSError, IndexError):
        return "unknown"
