# SPDX-License-Identifier: Apache-2.0
"""iolite with the shim of this folder (shim.c), its configurations, and what is a right end of it."""

import errno
import json
import mmap
import os
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import time

READY_S = 20  # sanitizers are slow, hosts are busy
SILENT_S = 3  # after that the guest is asked whether it lives: its "ready" may be what was lost
END_S = 12
STOP_S = 8  # four seconds of patience and one after cancelling, as the machine has it, and some more

# As enum kind in shim.c has them, with the errors that a host has for them: the first is that of the short sweep.
KINDS = {
    "none": (),
    "ioctl": (errno.ENOMEM, errno.EFAULT, errno.EINTR),
    "run": (errno.EFAULT, errno.ENOMEM, errno.EINTR, errno.EAGAIN),
    "mmap": (errno.ENOMEM, errno.EAGAIN),
    "open": (errno.EMFILE, errno.EACCES, errno.ENOMEM),
    "alloc": (errno.ENOMEM,),
    "ring": (errno.ENOMEM, errno.EAGAIN, errno.EBUSY, errno.EINTR, errno.EPERM),
    "sqe": (errno.EIO, errno.ENOMEM, errno.EAGAIN, errno.EINTR, errno.ENOSPC),
    "fd": (errno.EMFILE, errno.ENOMEM),
    "socket": (errno.ENOBUFS, errno.EMFILE, errno.EADDRINUSE),
    "thread": (errno.EAGAIN,),
    "process": (errno.EAGAIN, errno.ENOMEM),
    "read": (errno.EIO, errno.EINTR, errno.EAGAIN),
    "write": (errno.EIO, errno.ENOSPC, errno.EINTR, errno.EAGAIN),
    "file": (errno.EIO, errno.EACCES),
    "system": (errno.EPERM, errno.EINVAL),
}
KIND_NAMES = list(KINDS)
CALLERS = 10
HEAD = struct.Struct("<IIiIIIII")  # struct page up to counts
COUNTS = struct.Struct(f"<{len(KINDS)}I")
TAIL = struct.Struct(f"<32sQ{CALLERS}Q")
PAGE_BYTES = 4096
TAIL_AT = (HEAD.size + 2 * COUNTS.size + 7) & ~7


class Failed(Exception):
    pass


class Page:
    """What is shared with the shim: struct page of shim.c."""

    def __init__(self, path):
        self.path = path
        with open(path, "wb") as file:
            file.truncate(PAGE_BYTES)
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), PAGE_BYTES)

    def arm(self, kind, nth, error, child=False):
        struct.pack_into("<IiI", self.map, 4, nth, error, child)
        struct.pack_into("<II", self.map, 16, 0, 0)
        struct.pack_into("<I", self.map, 0, KIND_NAMES.index(kind))

    def disarm(self):
        struct.pack_into("<I", self.map, 0, 0)

    def fired(self):
        return HEAD.unpack_from(self.map)[5]

    def counts(self, child=False):
        return dict(zip(KIND_NAMES, COUNTS.unpack_from(self.map, HEAD.size + child * COUNTS.size)))

    def what(self):
        """Name of the call that failed, its detail, and who called it: offsets in the program."""
        name, detail, *callers = TAIL.unpack_from(self.map, TAIL_AT)
        count = HEAD.unpack_from(self.map)[7]
        return name.rstrip(b"\0").decode(), detail, callers[:count]

    def close(self):
        self.map.close()


def processes_of(session):
    """Those of a session that run, children that left their group too."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                state, _, _, its_session = file.read().rpartition(b")")[2].split()[:4]
        except OSError:
            continue
        if int(its_session) == session and state != b"Z":
            found.append(int(pid))
    return found


class Process:
    """iolite with the shim, in a folder of its own that is its working directory."""

    def __init__(self, setup, arguments, prepare=None):
        self.folder = tempfile.mkdtemp(prefix="iolite-fault-")
        self.before = set()
        if prepare:
            prepare(self.folder)
        self.before = set(os.listdir(self.folder))
        self.state = tempfile.mkdtemp(prefix="iolite-fault-page-")
        self.page = Page(os.path.join(self.state, "page"))
        self.out = open(os.path.join(self.state, "out"), "w+b")
        self.err = open(os.path.join(self.state, "err"), "w+b")
        self.setup, self.arguments = setup, arguments
        self.process = None
        self.stop_signals = 0

    def start(self):
        environment = dict(os.environ, IOLITE_SHIM=self.page.path, LD_PRELOAD=self.setup.shim, LC_ALL="C",
                           ASAN_OPTIONS="verify_asan_link_order=0:allocator_may_return_null=1:detect_leaks=1",
                           XDG_RUNTIME_DIR=self.folder, HOME=self.folder)  # fmt: skip
        self.process = subprocess.Popen([self.setup.iolite, *self.arguments], stdin=subprocess.PIPE, stdout=self.out, stderr=self.err,
                                        bufsize=0, cwd=self.folder, env=environment, start_new_session=True)  # fmt: skip
        return self

    def said(self, name="err"):
        with open(os.path.join(self.state, name), "rb") as file:
            return file.read().replace(b"\r", b"").decode(errors="replace")

    def alive(self):
        return self.process.poll() is None

    def said_and_logged(self):
        said, log = self.said(), os.path.join(self.folder, "log")
        if os.path.exists(log):
            with open(log, encoding="utf-8", errors="replace") as file:
                said += file.read()
        return said

    def has_no_line(self):
        return any(text in self.said_and_logged() for text in NO_LINE)

    def order(self, what):
        try:
            self.process.stdin.write(what.encode())
        except OSError:
            pass  # it has ended, which the caller sees

    def await_words(self, pattern, seconds, count=1):
        """True: they came; False: it ended, or they do not come."""
        deadline = time.monotonic() + seconds
        while len(re.findall(pattern, self.said("out"))) < count:
            if not self.alive() or time.monotonic() > deadline:
                return len(re.findall(pattern, self.said("out"))) >= count
            time.sleep(0.004)
        return True

    def await_life(self):
        """Until its guest has begun, or it ends. A lost "ready" is asked for again, where there is a line to ask on."""
        if self.await_words("ready", SILENT_S) or not self.alive():
            return self.alive()
        deadline = time.monotonic() + READY_S
        while self.alive() and time.monotonic() < deadline and not self.has_no_line():
            self.order("s")
            if self.await_words("ready|alive", SILENT_S):
                return True
        return False

    def ended(self, seconds):
        try:
            self.process.wait(seconds)
            return True
        except subprocess.TimeoutExpired:
            return False

    def end(self, orders="q"):
        """An orderly end: the guest is told to, and where that does not help, signals. Exit status, None: it was killed."""
        deadline = time.monotonic() + END_S
        self.order(orders)
        while not self.ended(0.5) and time.monotonic() < deadline:
            if self.has_no_line():
                self.stop_signals = 2
                break
        for _ in range(self.stop_signals):
            self.process.send_signal(signal.SIGTERM)
            if self.ended(STOP_S):
                break
        if self.alive():
            self.process.kill()
            self.process.wait()
            return None
        return self.process.returncode

    def left_behind(self, may_stay=()):
        """What is there of it after its end: processes, files."""
        deadline = time.monotonic() + 5
        while processes_of(self.process.pid):
            if time.monotonic() > deadline:
                return [f"process {pid}" for pid in processes_of(self.process.pid)]
            time.sleep(0.02)
        return sorted(set(os.listdir(self.folder)) - self.before - set(may_stay))

    def close(self):
        if self.process:
            if self.alive():
                self.process.kill()
            self.process.wait()
            self.process.stdin.close()
            for pid in processes_of(self.process.pid):
                os.kill(pid, signal.SIGKILL)
        self.out.close()
        self.err.close()
        self.page.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.state, ignore_errors=True)


# --- configurations ---


def make_disk(folder):
    with open(os.path.join(folder, "disk"), "wb") as file:
        file.truncate(4 << 20)


def make_json(folder):
    make_disk(folder)
    with open(os.path.join(folder, "machine.json"), "w", encoding="ascii") as file:
        json.dump({"name": "fault", "memory": "64M", "disks": [{"path": "disk"}], "nets": [{"kind": "none"}]}, file)


class Config:
    """@slots: of the guest's card, disk, console and source of entropy. @may_stay: files that are meant to be left."""

    def __init__(self, name, options, slots, prepare=make_disk, may_stay=(), needs=lambda: True):
        self.name, self.options, self.prepare, self.may_stay, self.needs = name, options, prepare, may_stay, needs
        self.words = f"pci={slots}"

    def arguments(self, guest):
        memory = [] if "-m" in self.options or "machine.json" in self.options else ["-m", "64M"]
        return ["run", *self.options, *memory, "-k", guest, "-a", self.words]


def can_tap():
    return os.geteuid() == 0 and os.access("/dev/net/tun", os.R_OK | os.W_OK)


CONFIGS = [
    Config("small", ["-s", "stdio", "-n", "none", "-d", "disk", "--rng", "--control", "ctl"], "17,1"),
    Config("user", ["-s", "stdio,log=line.log", "-n", "user", "-d", "disk,direct", "--console", "file:con", "--rng", "--control", "ctl",
                    "--gdb", "unix:gdb"], "17,1,26,25", may_stay=("con", "line.log")),
    Config("lines", ["-s", "stdio", "-s", "pty", "-s", "unix:line", "-s", "tcp:127.0.0.1:0", "--console", "unix:con", "-n", "socket,path=net,listen",
                     "-d", "disk,bps=100M", "--pidfile", "pid", "--log-file", "log"], "17,1,26", may_stay=("log",)),
    Config("place", ["-s", "mux:stdio", "--console", "mux", "-n", "none", "-d", "disk,queues=2", "-m", "64M,hugepages=none,prealloc,share,lock",
                     "-c", "2,pin=0-1,policy=batch,loop-pin=0"], "17,1,26"),
    Config("tap", ["-s", "stdio", "-n", "tap,queues=2", "-d", "disk"], "17,1", needs=can_tap),
    Config("passt", ["-s", "stdio", "-n", "passt", "-d", "disk"], "17,1", needs=lambda: shutil.which("passt")),
    Config("json", ["machine.json", "-s", "stdio", "--set", "disks[0].direct=true", "--rng", "--control", "ctl"], "17,1", prepare=make_json),
]  # fmt: skip


# --- verdicts ---

BARE = re.compile(f"^iolite: (\\w+: )?({'|'.join(re.escape(os.strerror(number)) for number in errno.errorcode)})$")


REASON = re.compile(r"iolite: [\w ]+: ")
# An end without an orderly one: what a kill would leave is left.
NO_MEMORY = "iolite: out of memory: "
# GLib before 2.76 has memory of its own kind, and its own end: abort().
GLIB_ABORTS = re.compile(r"\*\*\*MEMORY-ERROR\*\*\*: .*GSlice: failed to allocate")
# The guest is deaf or mute from now on, which was said; the person stops the machine by signals.
NO_LINE = (": cannot read input: ", ": cannot write the guest's output")
# So is what this says.
LEFT = "iolite: left behind, as the process that removes names has failed: "
# What ends with one of these, which failed, stays.
LAST_CALLS = ("unlink", "lstat", "lstat64", "stat", "stat64", "fstat", "fstat64")
# Said at every start; no reason for an end.
HINT = "iolite: gdb: target remote "


# LeakSanitizer's, when it is its own call that fails: those are counted, too.
NOT_OURS = re.compile(r"==\d+==(Can't open /proc|LeakSanitizer has encountered a fatal error|HINT: )")


def judge_lines(lines, status):
    """A complaint about what was said, or None."""
    if any("LeakSanitizer has encountered a fatal error" in line for line in lines):
        status = 0  # the status is its
    lines = [line for line in lines if not NOT_OURS.match(line) and not line.startswith(LEFT)]
    strange = [line for line in lines if not line.startswith("iolite: ")]
    if strange:
        return f"a line that is not iolite's: {strange[0]}"
    if status and len([line for line in lines if REASON.match(line) and not line.startswith(HINT)]) != 1:
        return "not one line that says why"
    if status and (BARE.match(lines[-1]) or ": :" in lines[-1]):
        return "the line names no place"
    return None


# Nobody can ask for anything that fails so: exit status 1, not 2.
JSON = "iolite: run: machine.json: "  # but what is wrong with a configuration is always its user's
OF_HOST = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EIO)


def judge_end(process, config, status, lived, error=0, child=False, since=0):
    """What is wrong with how it ended, or None. @since: so much was said before."""
    said = process.said_and_logged()[since:]
    if status is None:
        return "it does not end"
    if status == -signal.SIGABRT and GLIB_ABORTS.search(said) and len(said.strip().splitlines()) == 1:
        return None
    if status < 0:
        return f"signal {-status}"
    if status not in (0, 1, 2, 3):
        return f"exit status {status}"
    if child and status:
        # libslirp's own GLib, and libseccomp, have words and errors of their own; ours comes last.
        said = said.splitlines()[-1] if said.strip() else said
    elif status == 2 and process.page.fired() and error in OF_HOST and JSON not in said:
        return "the user is blamed for what the host failed with"
    complaint = judge_lines(said.splitlines(), status)
    if complaint:
        return complaint
    if not status and not lived and not process.has_no_line():
        return "exit status 0 without a guest that ran"
    left = process.left_behind(config.may_stay)
    if NO_MEMORY in said or LEFT in said or process.page.fired() and process.page.what()[0] in LAST_CALLS:
        left = [what for what in left if what.startswith("process")]
    return f"left behind: {' '.join(left)}" if left else None


class Setup:
    def __init__(self, arguments):
        self.iolite, self.guest, self.shim = (os.path.abspath(path) for path in (arguments.iolite, arguments.guest, arguments.shim))


def error_name(number):
    return errno.errorcode.get(number, str(number))


class Outcome:
    """Of one point. @verdict: None is good."""

    def __init__(self, where, kind, nth, error, process, status, verdict, lived):
        self.where, self.kind, self.nth, self.error, self.status, self.verdict, self.lived = where, kind, nth, error, status, verdict, lived
        self.fired = process.page.fired()
        self.call, self.detail, self.callers = process.page.what() if self.fired else ("", 0, [])
        self.said = process.said().replace(process.folder, "FOLDER").strip()

    def key(self):
        """What is alike is told once."""
        return self.where, self.kind, error_name(self.error), self.call, tuple(self.callers[:3]), self.status, self.verdict, self.said
