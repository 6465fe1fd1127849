# SPDX-License-Identifier: Apache-2.0
"""A machine with the guest tests/guest/x86_64/g_debug.c, whose console is a pair of files, for checks."""

import os
import re
import subprocess
import tempfile
import time

from cases import Failure

LIMIT = float(os.environ.get("GUEST_LIMIT", "60"))


class GuestMachine:
    """@words: the guest's orders. @folder: what the machine keeps its files in; None: one of its own."""

    def __init__(self, iolite, guest, *options, words="plain", cpus=1, folder=None, memory="16M"):
        self.temporary = None if folder else tempfile.TemporaryDirectory()
        self.folder = folder or self.temporary.name
        self.stdout = open(f"{self.folder}/out", "w+b")
        self.stderr = open(f"{self.folder}/err", "w+b")
        # Without huge pages, of which the host may make one of guest memory at any time: what is resident is held against before.
        self.process = subprocess.Popen(
            [*self.before(), iolite, "run", "-k", guest, "-m", f"{memory},hugepages=none", "-c", str(cpus), "-a", words, "-s", "stdio", *self.more(), *options],
            stdin=subprocess.PIPE, stdout=self.stdout, stderr=self.stderr)

    def more(self):
        """Options of a kind of machine, which may be in its folder."""
        return ()

    def before(self):
        """A program's first words that starts iolite."""
        return ()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.alive():
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.stdout.close()
        self.stderr.close()
        if self.temporary:
            self.temporary.cleanup()

    def alive(self):
        return self.process.poll() is None

    def output(self):
        with open(f"{self.folder}/out", "rb") as file:
            return file.read().replace(b"\r", b"").decode(errors="replace")

    def said(self):
        with open(f"{self.folder}/err", "rb") as file:
            return file.read().decode(errors="replace")

    def order(self, what):
        """To the guest, on its serial line."""
        self.process.stdin.write(what.encode())
        self.process.stdin.flush()

    def wait_for(self, text, count=1):
        deadline = time.monotonic() + LIMIT
        while self.output().count(text) < count:
            if time.monotonic() > deadline or not self.alive():
                raise Failure(f"the guest has not said {text!r} {count} times but {self.output()!r}; "
                              f"exit status {self.process.poll()}, stderr: {self.said()!r}")
            time.sleep(0.01)

    def proves_to_run(self):
        """It obeys: a result of its own comes."""
        count = self.output().count("result ")
        self.order("s")
        self.wait_for("result ", count + 1)

    def end(self, status=0):
        try:
            got = self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            raise Failure(f"iolite still runs after {LIMIT} s; stderr: {self.said()!r}") from None
        if got != status:
            raise Failure(f"the exit status is {got}, not {status}; stderr: {self.said()!r}")

    def power_off(self):
        self.order("q")
        self.end()

    def resident_kib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1])

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))
