# SPDX-License-Identifier: Apache-2.0
"""Level 1: a Debian kernel under QEMU's TCG, which emulates AMD SVM, so that it has a real /dev/kvm.

It sees the host's files read-only by virtio-9p. Its first serial port is its
console; the second is a line-based channel to the agent (l1/agent), here one
end of a socket pair.

Level 1 has one CPU. With more, KVM inside it is not reliable: the TSCs of
TCG's CPU threads differ, and TCG's SVM helpers change a CPU's pending
interrupt bits without the lock that other threads take, so that an interrupt
is lost now and then. With one CPU only device and timer interrupts can get
lost that way, and any later interrupt brings them back: that is what the
once-a-second "ping" on the agent's port is for, beside showing that level 1
lives. To use more host CPUs, run several level 1 at a time.
"""

import os
import shutil
import socket
import subprocess
import time

from . import LabError, TREE, initramfs, kernels

MEMORY_MIB = 7168  # touched lazily; a 5 GiB guest must fit
BOOT_LIMIT = 120   # seconds from QEMU's start to the agent's first line
PING_EVERY = 1.0   # seconds
SILENCE_LIMIT = 30  # seconds without any answer to pings: level 1 hangs


class Lost(Exception):
    """Level 1 died, hangs or did not boot; the text says which."""


def build(options, found, mode, command=""):
    """Make all images in the folder of results for the kernels FOUND; the path of level 1's.

    MODE is "agent" (obey the channel) or "shell" (COMMAND, or a prompt, on the console).
    """
    results = options.results
    config = {"MODE": mode, "TREE": TREE, "COMMAND": command, "IOLITE": os.path.abspath(options.iolite),
              "IOLITE_FAULTS": os.path.abspath(options.faults)}
    os.makedirs(results, exist_ok=True)
    for kind, kernel in found.items():
        if kind == kernels.L1_KIND:
            continue
        tag = kind.replace("cloud-", "").replace(".", "_")
        config[f"KERNEL_{tag}"] = kernel
        for name, tools in (("INITRD", False), ("TOOLS", True)):
            image = os.path.join(results, f"{'tools' if tools else 'guest'}-{kind}.cpio")
            initramfs.build_guest(kernel, image, tools)
            config[f"{name}_{tag}"] = image
    if mode == "shell" and os.isatty(0):
        size = os.get_terminal_size(0)
        if size.lines and size.columns:
            config.update(ROWS=size.lines, COLUMNS=size.columns)
        config["TERM"] = os.environ.get("TERM", "linux")
    image = os.path.join(results, f"L1-{mode}.cpio")
    initramfs.build_l1(found[kernels.L1_KIND], config, image)
    return image


class Level1:
    """One running level 1. Console output goes to NAME.log in RESULTS, or to our own with NAME None."""

    def __init__(self, results, kernel, image, name):
        qemu = shutil.which("qemu-system-x86_64")
        if not qemu:
            raise LabError("needs qemu-system-x86_64: run scripts/install-deps.sh lab")
        self.logs = [os.path.join(results, f"{name or 'L1-shell'}.{kind}log") for kind in ("qemu.", "")]
        console = f"file,path={self.logs[1]}" if name else "stdio,signal=off"
        quiet = "" if name else " quiet loglevel=1"
        share = "security_model=none,multidevs=remap"
        self.pending = b""
        self.channel, theirs = socket.socketpair()
        self.channel.setblocking(False)
        command = [
            qemu, "-M", "q35", "-accel", "tcg", "-cpu", "EPYC", "-smp", "1", "-m", str(MEMORY_MIB),
            "-nodefaults", "-display", "none", "-monitor", "none", "-no-reboot",
            "-chardev", f"{console},id=console", "-serial", "chardev:console",
            "-chardev", f"socket,fd={theirs.fileno()},id=agent", "-serial", "chardev:agent",
            "-virtfs", f"local,path=/,mount_tag=host,readonly=on,{share}",
            "-virtfs", f"local,path={results},mount_tag=results,{share}",
            "-kernel", os.path.join(kernel, "vmlinuz"), "-initrd", image,
            "-append", f"console=ttyS0 panic=-1 mitigations=off{quiet}",
        ]
        with theirs, open(self.logs[0], "wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL if name else None, stderr=log, pass_fds=[theirs.fileno()])
        self.heard = self.pinged = time.monotonic()

    def wait_ready(self):
        line = self._line(time.monotonic() + BOOT_LIMIT)
        if line != "ready":
            raise Lost(f"did not boot within {BOOT_LIMIT} s" if line is None else f"did not boot: {line}")

    def send(self, line):
        try:
            self.channel.setblocking(True)
            self.channel.sendall(line.encode() + b"\n")
        except OSError:
            pass  # level 1 is gone: the reader will see the end of file and say so

    def _line(self, until):
        """The agent's next line, or None when none came UNTIL that time."""
        while b"\n" not in self.pending:
            left = until - time.monotonic()
            if left <= 0:
                return None
            self.channel.settimeout(left)
            try:
                data = self.channel.recv(4096)
            except TimeoutError:
                return None
            except OSError:
                data = b""
            if not data:
                raise Lost("ended (panic or crash)")
            self.pending += data
        line, self.pending = self.pending.split(b"\n", 1)
        self.heard = time.monotonic()
        return line.decode(errors="replace").strip()

    def receive(self, until):
        """Like _line, but pings meanwhile, swallows the answers, and notices a hang."""
        while True:
            now = time.monotonic()
            if now >= self.pinged + PING_EVERY:
                self.send("ping")
                self.pinged = now
            if now >= self.heard + SILENCE_LIMIT:
                raise Lost(f"has not answered for {SILENCE_LIMIT} s")
            line = self._line(min(until, self.pinged + PING_EVERY))
            if line is None and time.monotonic() >= until:
                return None
            if line and line != "pong":
                return line

    def console_tail(self, lines=25):
        text = b"".join(initramfs.read(path) for path in self.logs if os.path.exists(path))
        return text.decode(errors="replace").replace("\r", "").splitlines()[-lines:]

    def stop(self, limit=10):
        """End level 1: let it power off within LIMIT seconds, else kill it."""
        self.send("quit")
        try:
            self.process.wait(limit)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.channel.close()
