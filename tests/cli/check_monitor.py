#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The monitor's commands on a machine that runs: memory, topics of `info`, the PCI bus, the log, and debuggers who are let in later.

  check_monitor.py IOLITE GUEST [WORD...]     GUEST: tests/guest/x86_64/g_debug.c; WORDs: only cases with one of them in their name
"""

import os
import re
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from cases import SKIPPED, Failure, expect, has_kvm, run_cases  # noqa: E402
from gdb_client import Client as Debugger  # noqa: E402
from gdb_client import Gone as DebuggerGone  # noqa: E402
from gdb_client import symbols  # noqa: E402
from gdb_machine import set_break  # noqa: E402
from guest_machine import LIMIT, GuestMachine  # noqa: E402
from qmp_client import Client, Refused  # noqa: E402

IOLITE, GUEST = map(os.path.abspath, sys.argv[1:3])
NAMES = symbols(GUEST)
NOWHERE = 0x300000000   # 12 GiB: the guest's page tables end at 8
NO_MEMORY = 0xd0000000  # mapped by them, but the machine has nothing there
ECAM = 0xe0000000


class Machine(GuestMachine):
    def __init__(self, *options, **more):
        if "--sandbox" not in options:
            options = (*options, "--sandbox", "on")
        super().__init__(IOLITE, GUEST, *options, **more)
        self.path = f"{self.folder}/control"
        self.wait_for("ready")

    def more(self):
        return ("--control", f"{self.folder}/control")

    def client(self):
        return Client(self.path, alive=self.alive)

    def monitor(self, *words, status=0):
        """What `iolite monitor` says to that, on standard output and standard error."""
        result = subprocess.run([IOLITE, "monitor", self.path, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                timeout=LIMIT, check=False)
        if result.returncode != status:
            raise Failure(f"{words}: status {result.returncode}, not {status}; says {result.stdout!r}, {result.stderr!r}")
        return result.stdout, result.stderr


def has(what, text, *parts):
    for part in parts:
        if not re.search(part, text):
            raise Failure(f"{what} says nothing of {part!r}: {text!r}")


def refused(client, command, words, **arguments):
    try:
        got = client.execute(command, **arguments)
    except Refused as error:
        has(f"{command} {arguments}", error.desc, words)
        return
    raise Failure(f"{command} {arguments} is taken: {got!r}")


def say(client, line, cpu=0, done=True):
    answer = client.execute("x-iolite-monitor", command_line=line, cpu_index=cpu)
    expect(f"whether {line!r} is done ({answer['text']!r})", answer["done"], done)
    return answer["text"]


def topics():
    with tempfile.NamedTemporaryFile() as disk:
        disk.truncate(1 << 20)
        with Machine("-d", f"{disk.name},id=root,ro", "-d", f"{disk.name},id=data,ro,transport=mmio", "-n", "none,id=lan", cpus=2) as m:
            wanted = {
                "info version": (r"^iolite \d", "x86_64"), "info status": ("^running, for",),
                "info cpus": ("CPU 0  runs", "CPU 1"), "info memory": ("RAM\n",),
                "info mtree": (r"0x000000ffffff  16M     RAM\n", r"ports  0x03f8-0x03ff  8       uart",
                               r"memory 0x\w+-0x\w+  512     data\n  ioeventfd 0x\w+  data queue 0, for the value 0\n"),
                "info devices": ("disk root",),
                "info pci": (r"00:01.0  1af4:1042,.*disk root", "MSI-X: \\d+ vectors, disabled", "BAR 0: memory, .*, not decoded"),
                "info block": (r"root: .* \(raw\), read-only\n  on PCI 00:01.0, 1048576 bytes \(1M\)", r"data: .*\n  on virtio-mmio 0x"),
                "info net": ("lan: none, link down\n  on PCI 00:11.0, MAC 52:54:00:",),
                "info irq": ("GSI 4  edge  serial line 0",), "info tree": ("/dts-v1/;",), "info gdb": ("no debugger can connect",),
                "info log": ("the level warn\n",),
            }
            with m.client() as c:
                told = {f"info {name}" for name in say(c, "info", done=False).split("? ", 1)[1].strip().split(", ")}
                expect("topics that are not tried here", told - set(wanted) - {"info registers", "info stats"}, set())
                for line, parts in wanted.items():
                    has(line, say(c, line), *parts)
                has("info registers of a machine that runs", say(c, "info registers"), "rip +[0-9a-f]{16}")
                has("of CPU 1", say(c, "info registers", cpu=1), "rip +[0-9a-f]{16}")
                m.proves_to_run()
                c.execute("stop")
                has("info registers", say(c, "info registers"), "rip +[0-9a-f]{16}")
                has("of CPU 1", say(c, "cpu 1 info registers all"), "cr3")
                has("info status", say(c, "info status"), "^paused, for")
                c.execute("quit")
            m.end()


def examine():
    at = NAMES["multiplier"]
    with Machine(cpus=2) as m, m.client() as c:
        for command in ("x", "xp"):
            expect(command, say(c, f"{command} /gu {at:#x}"), f"0x{at:016x}:                    3\n")
            expect(command, say(c, f"{command}/8xb {at:#x}"), f"0x{at:016x}: 0x03" + " 0x00" * 7 + "\n")
        has("x of the pc", say(c, "x /2xw $pc"), r"^0x[0-9a-f]{16}: 0x[0-9a-f]{8} 0x[0-9a-f]{8}\n$")
        # The guest counts on: each look is at another moment.
        first = say(c, f"xp /gu {NAMES['counter']:#x}")
        deadline = time.monotonic() + LIMIT
        while say(c, f"xp /gu {NAMES['counter']:#x}") == first:
            if time.monotonic() > deadline:
                raise Failure(f"the guest's counter stays at {first!r}")
        has("an address without a page", say(c, f"x {NOWHERE:#x}", done=False), f"^{NOWHERE:#x}: no page is there")
        has("a page without memory", say(c, f"x {NO_MEMORY:#x}", done=False), f"^{NO_MEMORY:#x}, which is guest-physical.*no RAM")
        has("registers", say(c, f"x {ECAM:#x}", done=False), "registers of pci configuration space, which are not read")
        has("the end of RAM", say(c, "xp /4xw 0xfffff8", done=False), "^0x0000000000fffff8: 0x\\w{8} 0x\\w{8}\n0x1000000: there is no RAM\n$")
        has("a disassembler", say(c, "x /4i $pc", done=False), "no disassembler")
        out, err = m.monitor("xp", "/4xw", "0xfffff8", status=1)
        has("standard output", out, "^0x0000000000fffff8: ")
        has("standard error", err, "0x1000000: there is no RAM")
        m.proves_to_run()
        c.execute("stop")
        for cpu in (0, 1):
            pc = re.search("rip +([0-9a-f]{16})", say(c, f"cpu {cpu} info registers"))[1]
            has("the other's pc less itself", say(c, f"xp /xb $rip-0x{pc}", cpu=cpu), "^0x0{16}: ")
            has("the same of a line", say(c, f"cpu {cpu} xp /xb $rip-0x{pc}"), "^0x0{16}: ")
        c.execute("quit")
        m.end()


def the_pci_bus():
    with tempfile.NamedTemporaryFile() as disk:
        disk.truncate(1 << 20)
        with Machine("-d", f"{disk.name},id=root,ro", "-n", "none,id=lan") as m, m.client() as c:
            buses = c.execute("query-pci")
            expect("the buses", [bus["bus"] for bus in buses], [0])
            devices = {d["slot"]: d for d in buses[0]["devices"]}
            expect("slots and names", {slot: d["qdev_id"] for slot, d in devices.items()}, {0: "", 1: "root", 17: "lan"})
            expect("the keys", {frozenset(d) for d in devices.values()},
                   {frozenset(("bus", "slot", "function", "class_info", "id", "irq", "irq_pin", "qdev_id", "regions"))})
            expect("the bridge", devices[0]["class_info"], {"desc": "Host bridge", "class": 0x600})
            expect("the disk", devices[1]["id"], {"device": 0x1042, "vendor": 0x1af4, "subsystem": 0x1042, "subsystem-vendor": 0x1af4})
            expect("the card", devices[17]["class_info"], {"desc": "Ethernet controller", "class": 0x200})
            bar = devices[1]["regions"][0]
            expect("a BAR that nobody enabled", {k: bar[k] for k in ("bar", "type", "address", "size", "prefetch")},
                   {"bar": 0, "type": "memory", "address": -1, "size": 16384, "prefetch": False})
            c.execute("quit")
            m.end()


def the_log():
    with Machine() as m, m.client() as c:
        expect("the level", c.execute("x-iolite-log-level"), {"level": "warn"})
        with m.client():
            pass
        expect("what is told at warn", m.said(), "")
        expect("the level", c.execute("x-iolite-log-level", level="debug"), {"level": "debug"})
        with m.client():
            pass
        c.execute("query-status")
        has("the log", m.said(), "a client connected to the control socket")
        has("info log", say(c, "info log"), "the level debug")
        say(c, "log error")
        expect("the level", c.execute("x-iolite-log-level"), {"level": "error"})
        refused(c, "x-iolite-log-level", "give error, warn, info or debug", level="loud")
        c.execute("quit")
        m.end()


def address_of(client):
    return client.execute("x-iolite-info")["gdb"]


def open_gdb(client):
    """With a socket of ours, for a machine in a sandbox makes none."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        number = client.execute("add-fd", pass_fd=listening)["fdset-id"]
        where = client.execute("x-iolite-gdb-open", address=f"tcp:127.0.0.1:{listening.getsockname()[1]}",
                               socket=f"/dev/fdset/{number}")["address"]
        client.execute("remove-fd", fdset_id=number)
    expect("where it says that debuggers connect", address_of(client), where)
    return where


def a_debugger_is_let_in_later():
    with Machine("--sandbox", "off") as m, m.client() as c:
        code = say(c, f"x /8xb {NAMES['target_function']:#x}")
        descriptors = m.descriptors()
        expect("the debugger's address", address_of(c), None)
        where = open_gdb(c)
        has("what is told", m.said(), "target remote 127.0.0.1:\\d+")
        refused(c, "x-iolite-gdb-open", f"{where} already: close that first", address="tcp:127.0.0.1:0")
        with Debugger(where, alive=m.alive).start() as debugger:
            debugger.describe()
            c.event("STOP")
            has("info gdb", say(c, "info gdb"), "; one is there\n")
            kind = set_break(debugger, NAMES["target_function"])
            for _ in range(3):
                expect("the stop's signal", debugger.go_on(kind, NAMES["target_function"]).signal, 5)
                expect("the pc", hex(debugger.register("rip")), hex(NAMES["target_function"]))
            expect("the code, without a trap", say(c, f"x /8xb {NAMES['target_function']:#x}"), code)
            c.execute("x-iolite-gdb-close")
            c.event("RESUME")
            try:
                debugger.wait_end()
            except DebuggerGone:
                pass
        m.proves_to_run()
        expect("the code afterwards", say(c, f"x /8xb {NAMES['target_function']:#x}"), code)
        expect("the debugger's address", address_of(c), None)
        refused(c, "x-iolite-gdb-close", "nothing to close")
        expect("how many descriptors are open", m.descriptors(), descriptors)
        # And again, by a path, with the monitor's words.
        say(c, "gdb open unix:/nowhere/at/all", done=False)
        expect("the debugger's address", address_of(c), None)
        path = f"{m.folder}/gdb"
        has("gdb open", say(c, f"gdb open unix:{path}"), f"target remote {path}\n")
        with Debugger(f"unix:{path}", alive=m.alive).start() as debugger:
            debugger.describe()
            debugger.resume()
            m.proves_to_run()
            say(c, "gdb close")
            try:
                debugger.wait_end()
            except DebuggerGone:
                pass
        expect("whether the socket is there", os.path.exists(path), False)
        m.proves_to_run()
        expect("how many descriptors are open", m.descriptors(), descriptors)
        has("gdbserver", say(c, "gdbserver tcp:127.0.0.1:0"), "target remote 127.0.0.1:")
        say(c, "gdbserver none")
        c.execute("quit")
        m.end()


def a_sandbox_makes_no_sockets():
    with Machine() as m, m.client() as c:
        for address in ("tcp:127.0.0.1:0", f"unix:{m.folder}/gdb"):
            refused(c, "x-iolite-gdb-open", "is in a sandbox and makes no sockets: pass one that listens", address=address)
            has("gdb open", say(c, f"gdb open {address}", done=False), "is in a sandbox and makes no sockets")
        expect("the debugger's address", address_of(c), None)
        with Debugger(open_gdb(c), alive=m.alive).start():
            c.event("STOP")
        say(c, "gdb close")
        m.proves_to_run()
        # What a person calls makes it and hands it over.
        for address in ("tcp:127.0.0.1:0", f"unix:{m.folder}/gdb"):
            said = m.monitor("gdb", "open", address)[0]
            expect("what it says", said, f"debuggers connect at {address_of(c)}\n")
            with Debugger(address_of(c), alive=m.alive).start():
                c.event("STOP")
            m.monitor("gdb", "close")
            m.proves_to_run()
        expect("sets that are left", c.execute("query-fdsets"), [])
        c.execute("quit")
        m.end()


def an_address_that_is_taken():
    with Machine("--sandbox", "off") as m, m.client() as c, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        refused(c, "x-iolite-gdb-open", f"cannot listen at {address}: Address already in use", address=f"tcp:{address}")
        for bad, words in (("stdio", "nowhere for a debugger"), ("tcp:0.0.0.0:0", "expose"), ("1234", "tcp:1234"), ("unix:x", "whole path"),
                           ("", "give"), ("tcp:127.0.0.1:0,connect", "leave it out"), (f"unix:/{'x' * 200}", "")):
            refused(c, "x-iolite-gdb-open", words, address=bad)
        expect("the debugger's address", address_of(c), None)
        with Debugger(open_gdb(c), alive=m.alive).start():
            c.event("STOP")
        c.event("RESUME")
        m.proves_to_run()
        c.execute("quit")
        m.end()


def a_machine_that_stood_stands():
    with Machine() as m, m.client() as c:
        c.execute("stop")
        c.event("STOP")
        with Debugger(open_gdb(c), alive=m.alive).start():
            c.execute("x-iolite-gdb-close")
        expect("the status", c.execute("query-status")["status"], "paused")
        c.execute("cont")
        m.proves_to_run()
        c.execute("quit")
        m.end()


def from_within_gdb():
    """Its `monitor` has the same words, but for the branch that it sits on."""
    with Machine(cpus=2) as m, m.client() as c:
        where = open_gdb(c)
        with Debugger(where, alive=m.alive).start() as debugger:
            debugger.describe()
            told = {line.split("  ")[0] for line in say(c, "help").splitlines()}
            heard = {line.split("  ")[0] for line in debugger.monitor("help")[0].splitlines()}
            expect("commands that gdb does not have", told - heard, set())
            expect("those that it alone has", heard - told, {"phys on|off"})
            has("info mtree", debugger.monitor("info mtree")[0], "16M     RAM\n")
            pc = debugger.register("rip")
            code = debugger.read(pc, 4)
            expect("x", debugger.monitor("x /4xb $pc")[0], f"0x{pc:016x}: " + " ".join(f"0x{byte:02x}" for byte in code) + "\n")
            has("gdb close", debugger.monitor("gdb close")[0], "by this connection")
            expect("the debugger's address", address_of(c), where)
            debugger.detach()
        say(c, "gdb close")
        m.proves_to_run()
        c.execute("quit")
        m.end()


CASES = [topics, examine, the_pci_bus, the_log, a_debugger_is_let_in_later, a_sandbox_makes_no_sockets, an_address_that_is_taken, a_machine_that_stood_stands,
         from_within_gdb]

if __name__ == "__main__":
    sys.exit(run_cases(CASES, sys.argv[3:]) if has_kvm() else SKIPPED)
