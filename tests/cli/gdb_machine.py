# SPDX-License-Identifier: Apache-2.0
"""A machine with the guest tests/guest/x86_64/g_debug.c and a debugger's address, for check_gdb*.py, and how those report."""

import os
import sys

from cases import SKIPPED, Failure, expect, has_kvm, run_cases
from gdb_client import Client, symbols
from guest_machine import GuestMachine


class Machine(GuestMachine):
    """@words: the guest's orders. @gdb: where the debugger comes in; None: a socket in the machine's folder."""

    iolite = guest = None
    names = {}

    def __init__(self, words="plain", wait=True, gdb=None, cpus=1, options=()):
        self.wait = wait
        self.address = gdb
        super().__init__(self.iolite, self.guest, *options, words=words, cpus=cpus)

    def more(self):
        self.address = self.address or f"unix:{self.folder}/gdb"
        return ("--gdb", self.address, *(("--gdb-wait",) if self.wait else ()))

    def client(self, ack=False):
        """One that has started its session."""
        return Client(self.address, alive=self.alive).start(ack)

    def debugger(self):
        """One that knows registers, too."""
        client = self.client()
        client.describe()
        return client


def set_break(client, address):
    """The kind of breakpoint that this KVM has: memory's or the processor's."""
    answers = []
    for kind in (0, 1):
        got = client.insert(kind, address)
        if got is True:
            return kind
        answers.append(got)
    raise Failure(f"no breakpoint at {address:#x}: Z0 is answered {answers[0]!r}, Z1 {answers[1]!r}")


def run_to(client, address):
    """To a breakpoint that is there for this alone."""
    kind = set_break(client, address)
    stop = client.go()
    client.remove(kind, address)
    if stop.kind != "T" or stop.signal != 5:
        raise Failure(f"the way to {address:#x} ends with {stop}")
    expect("the pc", hex(client.register("rip")), hex(address))
    return stop


def main(doc, cases):
    arguments = [word for word in sys.argv[1:] if not word.startswith("--")]
    if len(arguments) < 2:
        print(doc)
        return 2
    Machine.iolite, Machine.guest = map(os.path.abspath, arguments[:2])
    Machine.names = symbols(Machine.guest)
    return run_cases(cases, arguments[2:]) if has_kvm() else SKIPPED
