#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Consoles with readers that come late, stall, or come and go, under a guest that writes as fast as it can.

  check_chars.py IOLITE GUEST [--no-memory]    GUEST: tests/guest/x86_64/g_console.c

--no-memory leaves resident memory out, for builds with a sanitizer, whose own memory grows.
"""

import os
import re
import select
import socket
import subprocess
import sys
import tempfile
import time

IOLITE, GUEST = (os.path.abspath(path) for path in sys.argv[1:3])
MEMORY = "--no-memory" not in sys.argv
LIMIT = 240  # of tests that hang: 1 GiB takes a busy emulated machine minutes
SKIPPED = 77
RING = 64 << 10
LINE = 16
GROWTH_KIB = 1024
CONNECTS = 10000


class Failure(Exception):
    pass


class Machine:
    def __init__(self, console, total, folder):
        self.errors = open(os.path.join(folder, "stderr"), "w+b")
        self.output = b""
        self.process = subprocess.Popen(
            # Without huge pages, of which the host may make one of guest memory at any time: what is resident is held against before.
            [IOLITE, "run", "-k", GUEST, "-m", "32M,hugepages=none", "-a", f"pci=26 bytes={total}", "--console", console],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors)

    def said(self):
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")

    def wait_for(self, text):
        deadline = time.monotonic() + LIMIT
        while text not in self.output:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            more = os.read(self.process.stdout.fileno(), 4096) if ready else b""
            if not more:
                raise Failure(f"no {text!r} within {LIMIT} s, but {self.output!r}; stderr: {self.said()}")
            self.output += more

    def connect(self, path):
        deadline = time.monotonic() + LIMIT
        while True:
            client = socket.socket(socket.AF_UNIX)
            try:
                client.connect(path)
                client.settimeout(LIMIT)
                return client
            except OSError:
                client.close()
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise Failure(f"cannot connect to {path}; stderr: {self.said()}") from None
                time.sleep(0.01)

    def resident_kib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1])

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def end(self, client):
        """The guest ends at "quit" on its console."""
        client.sendall(b"quit\n")
        try:
            status = self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            raise Failure(f"still runs {LIMIT} s after quit") from None
        if status:
            raise Failure(f"ends with status {status}: {self.said()}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.errors.close()


def read_exactly(client, count):
    got = bytearray()
    while len(got) < count:
        more = client.recv(min(1 << 16, count - len(got)))
        if not more:
            raise Failure(f"the console ended after {len(got)} of {count} bytes")
        got += more
    return bytes(got)


def expect_lines(data, first):
    """Lines that count from @first on, without a gap."""
    lines = data.split(b"\n")[:-1]
    for number, line in enumerate(lines, first):
        if line != b"%015x" % number:
            raise Failure(f"line {number} is {line!r}, not {b'%015x' % number!r}")


def all_of_it_in_order(folder):
    """With block=on a slow reader misses nothing. It is there before the guest: iolite connects to it."""
    path, total = os.path.join(folder, "console"), 4 << 20
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    listener.settimeout(LIMIT)
    with listener, Machine(f"unix:{path},connect,block=on", total, folder) as machine, listener.accept()[0] as client:
        client.settimeout(LIMIT)
        data = read_exactly(client, total)
        expect_lines(data, 0)
        machine.wait_for(b"sent")
        client.sendall(b"hello\n")
        if read_exactly(client, 6) != b"hello\n":
            raise Failure("the guest's echo is not what was sent")
        machine.end(client)


def the_last_of_it_for_who_comes_late(folder):
    path, total = os.path.join(folder, "console"), 1 << 20
    with Machine(f"unix:{path}", total, folder) as machine:
        machine.wait_for(b"sent")
        with machine.connect(path) as client:
            expect_lines(read_exactly(client, RING), (total - RING) // LINE)
            machine.end(client)


def a_reader_that_does_not_read(folder):
    """1 GiB: the guest is not held up, the process does not grow."""
    path, total = os.path.join(folder, "console"), (1 << 30) if MEMORY else (64 << 20)
    with Machine(f"unix:{path}", total, folder) as machine, machine.connect(path) as client:
        deadline = time.monotonic() + LIMIT
        while not client.recv(1, socket.MSG_PEEK):
            if time.monotonic() > deadline:
                raise Failure("nothing comes")
        before = machine.resident_kib()
        machine.wait_for(b"sent")
        grown = machine.resident_kib() - before
        if MEMORY and grown > GROWTH_KIB:
            raise Failure(f"grew by {grown} KiB")
        # the guest is alive, and the reader still gets what it left
        client.sendall(b"x")
        read_exactly(client, RING)
        machine.end(client)


def clients_that_come_and_go(folder):
    path = os.path.join(folder, "console")
    with Machine(f"unix:{path}", 0, folder) as machine:
        machine.wait_for(b"sent")
        for _ in range(200):
            machine.connect(path).close()
        before, resident = machine.descriptors(), machine.resident_kib()
        for _ in range(CONNECTS):
            machine.connect(path).close()
        with machine.connect(path) as client:
            client.sendall(b"y")
            if read_exactly(client, 1) != b"y":
                raise Failure("no echo after all that")
            # this client is one more
            after, grown = machine.descriptors() - 1, machine.resident_kib() - resident
            if after > before:
                raise Failure(f"{after - before} descriptors more than before {CONNECTS} connections")
            if MEMORY and grown > GROWTH_KIB:
                raise Failure(f"grew by {grown} KiB in {CONNECTS} connections")
            machine.end(client)


def main():
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        print("SKIP: no /dev/kvm")
        return SKIPPED
    failed = 0
    cases = [all_of_it_in_order, the_last_of_it_for_who_comes_late, a_reader_that_does_not_read, clients_that_come_and_go]
    for case in cases:
        with tempfile.TemporaryDirectory() as folder:
            start = time.monotonic()
            try:
                case(folder)
                print(f"ok {case.__name__} ({time.monotonic() - start:.1f} s)")
            except Failure as failure:
                failed += 1
                print(f"FAIL {case.__name__}: {failure}")
    print(f"{len(cases) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
