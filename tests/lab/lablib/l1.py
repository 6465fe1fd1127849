# SPDX-License-Identifier: Apache-2.0
"""Level 1: a Linux under QEMU's TCG, which emulates AMD SVM, ARM's EL2 or an e500v2, so that it has a real /dev/kvm.

It sees files of the host read-only by virtio-9p: all of them where its
programs are of the host's own architecture, else a file tree of its own and
a few folders of the host. Its first serial port is its console; the second is
a line-based channel to the agent (l1/agent), here one end of a socket pair.

Level 1 has one CPU. With more, KVM inside it is not reliable on x86-64: the TSCs
of TCG's CPU threads differ, and TCG's SVM helpers change a CPU's pending
interrupt bits without the lock that other threads take, so that an interrupt
is lost now and then. With one CPU only device and timer interrupts can get
lost that way, and any later interrupt brings them back: that is what the
once-a-second "ping" on the agent's port is for, beside showing that level 1
lives. To use more host CPUs, run several level 1 at a time.
"""

import os
import socket
import subprocess
import time

from . import TREE, initramfs, kernels

BOOT_LIMIT = 120   # seconds from QEMU's start to the agent's first line
PING_EVERY = 1.0   # seconds
PLAIN = 4242        # the account of level 1 that iolite is run by, and its group
SILENCE_LIMIT = 30  # seconds without any answer to pings: level 1 hangs


class Lost(Exception):
    """Level 1 died, hangs or did not boot; the text says which."""


def _built(options):
    """The folders of programs to test."""
    return [os.path.dirname(os.path.abspath(path)) for path in (options.iolite, options.faults) if path]


def _shares(arch, programs, options):
    """[(tag, folder)]: what level 1 sees of the host, read-only; the first is its root."""
    found = [("host", programs.tree)]
    if programs.tree == "/":
        return found
    for folder in (TREE, kernels.cache(), options.results, *_built(options)):
        if not any(os.path.commonpath((folder, other)) == other for _, other in found[1:]):
            found.append((f"share{len(found)}", folder))
    return found


def build(options, arch, mode, command="", bare=False, built=(), packages=(), full=False):
    """Make all that level 1 needs, in the folder of results; a Setup.

    MODE is "agent" (obey the channel) or "shell" (COMMAND, or a prompt, on the console). BARE and BUILT are for
    kernels.get_all(). PACKAGES are unpacked, those that apt knows. FULL is $FULL to scenarios.
    """
    results = options.results
    programs = initramfs.Programs(arch)
    level1, guests = kernels.get_all(arch, bare, built)
    shares = _shares(arch, programs, options)
    config = {"ARCH": arch.name, "MODE": mode, "TREE": TREE, "COMMAND": command, "FULL": "yes" if full else "",
              "NOW": int(time.time()), "PATIENCE": arch.patience, "CONSOLE": arch.console, "CHANNEL": arch.channel,
              "SHARES": " ".join(f"{tag}:{folder}" for tag, folder in shares[1:]),
              "PLAIN": PLAIN, "WAYS": " ".join([kernels.cache(), results, *_built(options)]),
              "IOLITE": os.path.abspath(options.iolite),
              "IOLITE_FAULTS": os.path.abspath(options.faults) if options.faults else ""}
    os.makedirs(results, exist_ok=True)
    for version, kernel in guests.items():
        tag = version.replace(".", "_")
        config[f"KERNEL_{tag}"] = kernel
        for name, kind in (("INITRD", "guest"), ("TOOLS", "disks"), ("NETS", "nets")):
            image = os.path.join(results, f"{kind}-{version}.cpio")
            initramfs.build_guest(programs, kernel, image, kind)
            config[f"{name}_{tag}"] = image
    for name in packages:
        folder = kernels.package(name)
        if folder:
            config[f"PACKAGE_{name.replace('-', '_')}"] = folder
    if mode == "shell" and os.isatty(0):
        size = os.get_terminal_size(0)
        if size.lines and size.columns:
            config.update(ROWS=size.lines, COLUMNS=size.columns)
        config["TERM"] = os.environ.get("TERM", "linux")
    image = os.path.join(results, f"L1-{mode}.cpio")
    initramfs.build_l1(programs, level1, config, image)
    return Setup(arch, results, os.path.join(level1, "vmlinuz"), image, shares)


class Setup:
    """What every level 1 of a run has in common."""

    def __init__(self, arch, results, kernel, image, shares):
        self.arch = arch
        self.emulator = arch.emulator()
        self.results = results
        self.kernel = kernel
        self.image = image
        self.shares = shares


class Level1:
    """One running level 1. Console output goes to NAME.log among the results, or to our own with NAME None."""

    def __init__(self, setup, name):
        self.logs = [os.path.join(setup.results, f"{name or 'L1-shell'}.{kind}log") for kind in ("qemu.", "")]
        console = f"file,path={self.logs[1]}" if name else "stdio,signal=off"
        quiet = "" if name else " quiet loglevel=1"
        share = "security_model=none,multidevs=remap"
        self.pending = b""
        self.channel, theirs = socket.socketpair()
        self.channel.setblocking(False)
        command = [
            *setup.emulator, "-accel", "tcg", "-smp", "1", "-m", str(setup.arch.memory),
            "-nodefaults", "-display", "none", "-monitor", "none", "-no-reboot",
            "-chardev", f"{console},id=console", "-serial", "chardev:console",
            "-chardev", f"socket,fd={theirs.fileno()},id=agent", *setup.arch.channel_options,
            "-virtfs", f"local,path={setup.results},mount_tag=results,{share}",
            "-kernel", setup.kernel, "-initrd", setup.image,
            "-append", f"console={setup.arch.console} panic=-1 {setup.arch.l1_cmdline}{quiet}",
        ]
        for tag, folder in setup.shares:
            command += ["-virtfs", f"local,path={folder},mount_tag={tag},readonly=on,{share}"]
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
