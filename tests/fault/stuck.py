#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A disk whose storage never answers: the end of the machine is bounded all the same.

  stuck.py IOLITE GUESTS     IOLITE: a build with fault=; GUESTS: the folder of the freestanding guests

Exit status: 0 passed, 1 failed, 77 cannot run here.
"""

import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time

SKIP = 77
READY_S = 60  # sanitizers are slow
# Four seconds of patience and one after cancelling, as the machine has it, and some for a busy host.
END_S = 30
PATIENCE_S = 4


class Failed(Exception):
    pass


class Machine:
    def __init__(self, iolite, guest, cmdline, disks):
        command = [iolite, "run", "-m", "128M", "-k", guest, "-a", cmdline]
        for disk in disks:
            command += ["-d", disk]
        self.said = {"stdout": b"", "stderr": b""}
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def wait_for(self, stream, pattern, seconds):
        file = getattr(self.process, stream)
        deadline = time.monotonic() + seconds
        while not re.search(pattern, self.said[stream]):
            if not select.select([file], [], [], max(0, deadline - time.monotonic()))[0]:
                raise Failed(f"no {pattern!r} on {stream} within {seconds} s; it says {self.said}")
            data = os.read(file.fileno(), 4096)
            if not data:
                raise Failed(f"ended without {pattern!r} on {stream}; it says {self.said}")
            self.said[stream] += data

    def stop(self):
        """Two SIGTERMs, the second once the first was heard. Seconds until the end, exit status."""
        self.process.send_signal(signal.SIGTERM)
        self.wait_for("stderr", rb"power button", READY_S)
        start = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.communicate(timeout=END_S)
        except subprocess.TimeoutExpired:
            raise Failed(f"still runs {END_S} s after the second SIGTERM") from None
        return time.monotonic() - start, self.process.returncode

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def expect_end(machine):
    seconds, status = machine.stop()
    if status != 0:
        raise Failed(f"exit status {status}")
    if seconds < PATIENCE_S - 0.5:
        raise Failed(f"ended after {seconds:.1f} s: nothing was in flight, so this tested nothing")
    return f"ended {seconds:.1f} s after the second SIGTERM"


def stop_while_a_write_is_stuck(iolite, guests, folder):
    images = [os.path.join(folder, name) for name in ("records", "notes")]
    for image in images:
        with open(image, "wb") as file:
            file.truncate(4 << 20)
    disks = [images[0] + ",fault=write:20=never", images[1]]
    machine = Machine(iolite, os.path.join(guests, "journal"), "pci=1,2 seed=1", disks)
    try:
        machine.wait_for("stdout", rb"ready", READY_S)
        # The notes stop growing when the write is stuck: two looks that are alike.
        before, deadline = None, time.monotonic() + READY_S
        while time.monotonic() < deadline:
            with open(images[1], "rb") as file:
                notes = file.read()
            if notes == before and any(notes):
                return expect_end(machine)
            before = notes
            select.select([], [], [], 0.5)
        raise Failed("the guest writes on and on")
    finally:
        machine.close()


def reset_while_a_read_is_stuck(iolite, guests, folder):
    image = os.path.join(folder, "disk")
    with open(image, "wb") as file:
        file.truncate(8 << 20)
    machine = Machine(iolite, os.path.join(guests, "disk"), "pci=1 test=reboot", [image + ",fault=read:30=never"])
    try:
        machine.wait_for("stderr", rb"the reset waits for 1 device", READY_S)
        return expect_end(machine)
    finally:
        machine.close()


def main():
    iolite, guests = (os.path.abspath(path) for path in sys.argv[1:3])
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        print("SKIP there is no /dev/kvm to use")
        return SKIP
    failures = 0
    for test in (stop_while_a_write_is_stuck, reset_while_a_read_is_stuck):
        name = test.__name__.replace("_", " ")
        with tempfile.TemporaryDirectory() as folder:
            try:
                print(f"PASS {name}: {test(iolite, guests, folder)}", flush=True)
            except Failed as failure:
                failures += 1
                print(f"FAIL {name}: {failure}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
