#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`iolite run --control` as a client of QMP sees it: negotiation, questions, the life of the machine, its devices, events.

  check_control.py IOLITE GUEST [--no-memory] [WORD...]     GUEST: tests/guest/x86_64/g_debug.c; WORDs: only such cases

--no-memory leaves resident memory out, for builds with a sanitizer, whose own memory grows.
"""

import os
import signal
import socket
import stat
import struct
import sys
import tempfile
import time

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from cases import SKIPPED, Failure, expect, has_kvm, run_cases  # noqa: E402
from gdb_client import LIMIT, symbols  # noqa: E402
from gdb_client import Client as Debugger  # noqa: E402
from guest_machine import GuestMachine  # noqa: E402
from qmp_client import Client, Gone, QmpError, Refused  # noqa: E402

MIB = 1 << 20
MEMORY = "--no-memory" not in sys.argv
IOLITE = GUEST = None
NAMES = {}


def refused(client, command, kind, words, **arguments):
    try:
        got = client.execute(command, **arguments)
    except Refused as error:
        expect(f"the class of {command}'s error", error.kind, kind)
        if words not in error.desc:
            raise Failure(f"{command} {arguments} says {error.desc!r} without {words!r}") from None
        return
    raise Failure(f"{command} {arguments} is taken: {got!r}")


class Machine(GuestMachine):
    """@default: its control socket is where its name says."""

    def __init__(self, *options, default=False, **more):
        self.default = default
        if "--sandbox" not in options:
            options = (*options, "--sandbox", "on")
        super().__init__(IOLITE, GUEST, *options, **more)
        self.path = f"{self.folder}/control"

    def more(self):
        return () if self.default else ("--control", f"{self.folder}/control")

    def client(self, **more):
        try:
            return Client(self.path, alive=self.alive, **more)
        except QmpError as error:
            raise Failure(f"{error}; stderr: {self.said()!r}") from None

    def counter(self, client):
        """The guest's, from its memory: it runs with its addresses mapped one to one."""
        path = f"{self.folder}/memory"
        client.save("pmemsave", path, val=NAMES["counter"], size=8)
        with open(path, "rb") as file:
            return struct.unpack("<Q", file.read())[0]

    def counts_on(self, client):
        deadline = time.monotonic() + LIMIT
        first = self.counter(client)
        while self.counter(client) == first:
            if time.monotonic() > deadline:
                raise Failure(f"the counter stands at {first}")
            time.sleep(0.01)

    def stands_still(self, client):
        first = self.counter(client)
        for _ in range(20):
            client.execute("query-status")
            expect("the counter of a machine that stands", self.counter(client), first)


def check_status(client, status):
    expect("the status", client.execute("query-status"),
           {"status": status, "running": status == "running", "singlestep": False})


# -- the socket --

def negotiation():
    with Machine() as m:
        with m.client(negotiate=False) as c:
            version = c.greeting["QMP"]["version"]
            expect("the version's fields", set(version), {"qemu", "package"})
            expect("the capabilities", c.greeting["QMP"]["capabilities"], [])
            refused(c, "query-status", "CommandNotFound", "qmp_capabilities")
            expect("the answer", c.execute("qmp_capabilities"), {})
            refused(c, "qmp_capabilities", "CommandNotFound", "already")
            refused(c, "no-such-command", "CommandNotFound", "no-such-command")
            refused(c, "set_link", "GenericError", "name")
            refused(c, "query-status", "GenericError", "extra", extra=1)
            expect("the version", c.execute("query-version"), version)
            mode = stat.S_IMODE(os.stat(m.path).st_mode)
            expect("the socket's mode", oct(mode), oct(0o600))
            c.execute("quit")
        m.end()
        expect("the socket after the end", os.path.exists(m.path), False)


def every_question():
    with tempfile.NamedTemporaryFile() as disk:
        disk.truncate(MIB)
        with Machine("--name", "web1", "-d", f"{disk.name},id=root,bps=1M,ro", "-n", "none", "--rng", "--console", "null",
                     cpus=2) as m, m.client() as c:
            m.wait_for("ready")
            names = {command["name"] for command in c.execute("query-commands")}
            for name in sorted(names):
                if name.startswith("query-") or name in ("x-iolite-info", "x-iolite-stats"):
                    c.execute(name, **({"target": "vm"} if name == "query-stats" else {}))
            check_questions(c, disk.name, m)
            c.execute("quit")
            m.end()


def check_questions(c, disk, m):
    expect("the name", c.execute("query-name"), {"name": "web1"})
    expect("kvm", c.execute("query-kvm"), {"enabled": True, "present": True})
    expect("the memory", c.execute("query-memory-size-summary"), {"base-memory": 16 * MIB, "plugged-memory": 0})
    expect("the io threads", c.execute("query-iothreads"), [])
    check_status(c, "running")
    cpus = c.execute("query-cpus-fast")
    expect("the CPUs", [cpu["cpu-index"] for cpu in cpus], [0, 1])
    expect("their architecture", [cpu["target"] for cpu in cpus], ["x86_64"] * 2)
    for cpu in cpus:
        with open(f"/proc/{m.process.pid}/task/{cpu['thread-id']}/comm", encoding="ascii") as file:
            expect("the thread of a CPU", file.read().strip(), f"vcpu/{cpu['cpu-index']}")
    block = c.execute("query-block")
    expect("the disks", [(b["device"], b["inserted"]["file"], b["inserted"]["image"]["virtual-size"], b["inserted"]["ro"],
                          b["inserted"]["bps"]) for b in block], [("root", disk, MIB, True, MIB)])
    stats = c.execute("query-blockstats")
    expect("the disks that are counted", [(s["device"], s["stats"]["rd_operations"]) for s in stats], [("root", 0)])
    expect("the lines", [(line["label"], line["filename"]) for line in c.execute("query-chardev")],
           [("serial0", "stdio"), ("console0", "null")])
    info = c.execute("x-iolite-info")
    expect("pid, name, control", (info["pid"], info["name"], info["control"]), (m.process.pid, "web1", m.path))
    expect("status, arch", (info["status"], info["arch"]), ("running", "x86_64"))
    expect("the kernel", info["boot"]["kernel"], GUEST)
    expect("watchdog, why it was reset", (info["watchdog"], info["reset-cause"]), (None, None))
    expect("the card", [(n["id"], n["kind"], n["link"], n["cable"]) for n in info["nets"]], [("net0", "none", False, True)])
    expect("a processor's affinity", bool(info["cpus"][0]["affinity"]), True)


def the_schema_knows_what_comes():
    with Machine() as m, m.client() as c:
        schema = {entity["name"]: entity for entity in c.execute("query-qmp-schema")}
        for command in c.execute("query-commands"):
            expect(f"the kind of {command['name']}", schema[command["name"]]["meta-type"], "command")
        for event in ("SHUTDOWN", "RESET", "STOP", "RESUME", "POWERDOWN", "WATCHDOG", "BLOCK_IO_ERROR", "GUEST_PANICKED"):
            expect(f"the kind of {event}", schema[event]["meta-type"], "event")
        c.execute("quit")
        m.end()


def two_clients_hear_the_same():
    with Machine() as m, m.client() as a, m.client() as b:
        m.wait_for("ready")
        with m.client(negotiate=False) as silent:
            a.execute("stop")
            a.event("STOP")
            b.event("STOP")
            b.execute("cont")
            a.event("RESUME")
            b.event("RESUME")
            a.execute("quit")
            expect("what a hears", a.event("SHUTDOWN"), {"guest": False, "reason": "host-qmp-quit"})
            expect("what b hears", b.event("SHUTDOWN"), {"guest": False, "reason": "host-qmp-quit"})
            expect("what one hears who did not negotiate", silent.wait_end(), [])
        m.end()


def restart_after_kill_9():
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(10):
            with Machine(folder=folder) as m, m.client():
                m.process.kill()
                m.end(-signal.SIGKILL)
                expect("the socket is left", os.path.exists(m.path), True)
        with Machine(folder=folder) as m, m.client() as c:
            check_status(c, "running")
            with Machine("--name", "x", "-s", "null", folder=folder) as second:
                second.end(2)
                if "control" not in second.said():
                    raise Failure(f"a second machine at the same socket says {second.said()!r}")
            check_status(c, "running")
            c.execute("quit")
            m.end()


def a_name_makes_a_socket():
    """In the folder of such sockets, and not with --control none."""
    name = f"iolite-test-{os.getpid()}"
    folder = "/run/iolite" if not os.geteuid() else os.environ.get("XDG_RUNTIME_DIR", "/nowhere") + "/iolite"
    path = f"{folder}/{name}.sock"
    if not os.access(os.path.dirname(folder), os.W_OK):
        return f"not tried: no right to {folder}"
    with Machine("--name", name, default=True) as m:
        m.path = path
        with m.client() as c:
            expect("the folder's mode", oct(stat.S_IMODE(os.stat(folder).st_mode)), oct(0o700))
            expect("the name", c.execute("query-name"), {"name": name})
            c.execute("quit")
        m.end()
    expect("the socket after the end", os.path.exists(path), False)
    with Machine("--name", name, "--control", "none", default=True) as m:
        m.wait_for("ready")
        expect("the socket of --control none", os.path.exists(path), False)
        m.order("q")
        m.end()
    return path


# -- the life of the machine --

def stop_and_cont():
    with Machine() as m, m.client() as c:
        m.wait_for("ready")
        m.counts_on(c)
        for _ in range(3):
            expect("the answer to stop", c.execute("stop"), {})
            expect("the data of STOP", c.event("STOP"), None)
            check_status(c, "paused")
            expect("a second stop", c.execute("stop"), {})
            m.stands_still(c)
            expect("the answer to cont", c.execute("cont"), {})
            c.event("RESUME")
            expect("a second cont", c.execute("cont"), {})
            expect("events of what is so already", c.events, [])
            m.counts_on(c)
        c.execute("quit")
        m.end()


def reset():
    with Machine() as m, m.client() as c:
        m.wait_for("ready")
        c.execute("system_reset")
        expect("RESET", c.event("RESET"), {"guest": False, "reason": "host-qmp-system-reset"})
        m.wait_for("ready", 2)
        m.order("r")
        expect("the guest's RESET", c.event("RESET"), {"guest": True, "reason": "guest-reset"})
        m.wait_for("ready", 3)
        info = c.execute("x-iolite-info")
        expect("how often, and why at last", (info["resets"], info["reset-cause"]), (2, "guest"))
        c.execute("stop")
        c.execute("system_reset")
        c.event("RESET")
        check_status(c, "paused")
        m.stands_still(c)
        c.execute("cont")
        m.wait_for("ready", 4)
        c.execute("quit")
        m.end()


def power_off_by_the_guest():
    with Machine() as m, m.client() as c:
        m.wait_for("ready")
        m.order("q")
        expect("SHUTDOWN", c.event("SHUTDOWN"), {"guest": True, "reason": "guest-shutdown"})
        c.wait_end()
        m.end()


def crash():
    with Machine() as m, m.client() as c:
        m.wait_for("ready")
        m.order("c")
        expect("SHUTDOWN", c.event("SHUTDOWN"), {"guest": True, "reason": "guest-panic"})
        m.end(3)


def powerdown():
    with Machine() as m, m.client() as c:
        m.wait_for("ready")
        expect("the answer", c.execute("system_powerdown"), {})
        c.event("POWERDOWN")
        m.counts_on(c)  # it has no driver for the button
        m.process.terminate()
        c.event("POWERDOWN")
        m.process.terminate()
        expect("SHUTDOWN", c.event("SHUTDOWN"), {"guest": False, "reason": "host-signal"})
        m.end()


def quit_ends_it():
    with Machine() as m, m.client() as c:
        m.wait_for("ready")
        expect("the answer", c.execute("quit"), {})
        expect("SHUTDOWN", c.event("SHUTDOWN"), {"guest": False, "reason": "host-qmp-quit"})
        try:
            c.execute("query-status")
        except Gone:
            pass
        except BrokenPipeError:
            pass
        m.end()


def a_client_that_does_not_read_holds_nothing_up():
    with Machine() as m, m.client() as idle:
        m.wait_for("ready")
        idle.sock.setblocking(False)
        try:
            while True:  # until nothing more is taken
                idle.sock.send(b'{"execute": "query-qmp-schema"}\n' * 100)
        except (BlockingIOError, ConnectionError):
            pass
        with m.client() as c:
            m.counts_on(c)
            began = time.monotonic()
            c.execute("quit")
            c.event("SHUTDOWN")
            m.end()
            return f"{time.monotonic() - began:.1f} s to the end"


def misbehave(path, how):
    """A client that is broken, and the socket that it leaves: that of a silent one is open."""
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(LIMIT)
    sock.connect(path)
    if how == "floods":
        sock.sendall(b'{"execute": "qmp_capabilities"}\n')
        sock.setblocking(False)
        try:
            while True:
                sock.send(b'{"execute": "query-qmp-schema"}\n' * 100)
        except (BlockingIOError, ConnectionError):
            pass
    elif how != "is silent":
        try:
            sock.sendall({"is none": b"GET / HTTP/1.1\r\n\r\n", "stops half-way": b'{"execute": "qmp_cap'}[how])
        except ConnectionError:
            pass  # nobody has to listen to that
    return sock


def a_thousand_clients():
    """Half of them broken or silent; the others are served meanwhile, and nothing stays of any."""
    ways = ["is none", "stops half-way", "is silent", "floods"]
    silent = []
    with Machine() as m, m.client() as steady:
        m.wait_for("ready")
        few = m.descriptors()
        for i in range(1000):
            if i % 2:
                sock = misbehave(m.path, ways[i // 2 % 4])
                silent.append(sock)
                # As many as there are places for, so that newcomers need one of a silent one's now and then.
                if ways[i // 2 % 4] != "is silent" or len(silent) > 20:
                    silent.pop(0).close()
            else:
                with m.client() as c:
                    check_status(c, "running")
            if i == 199:
                resident = m.resident_kib()
        for sock in silent:
            sock.close()
        deadline = time.monotonic() + LIMIT
        check_status(steady, "running")
        while m.descriptors() > few and time.monotonic() < deadline:
            time.sleep(0.01)
        expect("descriptors", m.descriptors(), few)
        grown = m.resident_kib() - resident
        if MEMORY and grown > 1024:
            raise Failure(f"the last 800 clients left {grown} KiB of memory behind")
        m.counts_on(steady)
        steady.execute("quit")
        m.end()
    return f"{grown} KiB more, {few} descriptors"


def with_a_debugger():
    """It holds the machine, and no one else lets it run."""
    with tempfile.TemporaryDirectory() as folder:
        address = f"unix:{folder}/gdb"
        with Machine("--gdb", address, "--gdb-wait") as m, m.client() as c:
            check_status(c, "prelaunch")
            expect("the debugger's address", c.execute("x-iolite-info")["gdb"], address)
            with Debugger(address).start() as debugger:
                refused(c, "cont", "GenericError", "debugger")
                expect("what the guest has said", m.output(), "")
                debugger.resume()
                c.event("RESUME")
                m.wait_for("ready")
                debugger.interrupt()
                c.event("STOP")
                check_status(c, "debug")
                m.stands_still(c)
                debugger.detach()
            c.event("RESUME")
            m.counts_on(c)
            c.execute("quit")
            m.end()


def the_debuggers_port():
    with Machine("--gdb", "tcp:0") as m, m.client() as c:
        kind, _, port = c.execute("x-iolite-info")["gdb"].rpartition(":")
        expect("where debuggers connect", kind, "tcp:127.0.0.1")
        with Debugger(f"tcp:127.0.0.1:{port}").start():
            c.event("STOP")
        c.execute("quit")
        m.end()


# -- memory and processors --

def passed_files():
    with Machine() as m, m.client() as c:
        m.wait_for("ready")
        start, path = NAMES["start"] & ~0xfff, f"{m.folder}/passed"
        descriptors = m.descriptors()
        refused(c, "pmemsave", "GenericError", "is in a sandbox and opens none: pass it open (add-fd)", val=0, size=1, filename=path)
        expect("a file that was not opened", os.path.exists(path), False)
        c.save("pmemsave", path, val=start, size=8192)
        with open(path, "rb") as file:
            physical = file.read()
        c.save("memsave", path, val=start, size=8192)
        with open(path, "rb") as file:
            expect("the same code by virtual addresses", file.read() == physical and any(physical), True)
        expect("sets that were removed", c.execute("query-fdsets"), [])
        refused(c, "add-fd", "GenericError", "No file descriptor supplied via SCM_RIGHTS")
        refused(c, "pmemsave", "GenericError", "no such set", val=0, size=1, filename="/dev/fdset/7")
        refused(c, "remove-fd", "GenericError", "not found", fdset_id=7)
        with open("/dev/null", "wb") as null:
            expect("a number of one's own", c.execute("add-fd", pass_fd=null, fdset_id=7)["fdset-id"], 7)
            refused(c, "add-fd", "GenericError", "remove-fd one first", pass_fd=null, fdset_id=7)
            refused(c, "add-fd", "GenericError", "non-negative", pass_fd=null, fdset_id=-1)
            refused(c, "pmemsave", "GenericError", "regular", val=0, size=1, filename="/dev/fdset/7")
            refused(c, "x-iolite-gdb-open", "GenericError", "a socket that listens", address="tcp:1", socket="/dev/fdset/7")
            for _ in range(7):
                c.execute("add-fd", pass_fd=null)
            refused(c, "add-fd", "GenericError", "there are 8 sets", pass_fd=null)
        expect("how many sets there are", len(c.execute("query-fdsets")), 8)
        for entry in c.execute("query-fdsets"):
            c.execute("remove-fd", fdset_id=entry["fdset-id"])
        expect("how many descriptors are open", m.descriptors(), descriptors)
        m.counts_on(c)
        c.execute("quit")
        m.end()


def saved_memory():
    with Machine("--sandbox", "off") as m, m.client() as c:
        m.wait_for("ready")
        whole, virtual = f"{m.folder}/whole", f"{m.folder}/virtual"
        c.execute("stop")
        c.execute("pmemsave", val=0, size=16 * MIB, filename=whole)
        expect("the size", os.path.getsize(whole), 16 * MIB)
        expect("the file's mode", oct(stat.S_IMODE(os.stat(whole).st_mode)), oct(0o600))
        start = NAMES["start"] & ~0xfff
        c.execute("memsave", val=start, size=8192, filename=virtual)
        with open(whole, "rb") as file:
            file.seek(start)
            wanted = file.read(8192)
        with open(virtual, "rb") as file:
            expect("the guest's code by virtual addresses", file.read() == wanted, True)
        c.execute("cont")
        c.execute("memsave", val=start, size=16, filename=virtual, cpu_index=0)
        expect("the size of a second file in its place", os.path.getsize(virtual), 16)
        c.execute("pmemsave", val=0, size=0, filename=virtual)
        expect("the size of nothing", os.path.getsize(virtual), 0)
        refused(c, "pmemsave", "GenericError", "no memory at 0x1000000", val=16 * MIB - 4096, size=8192, filename=whole)
        expect("the size of a file that is not written", os.path.getsize(whole), 16 * MIB)
        refused(c, "pmemsave", "GenericError", "size", val=0, size=256 * MIB + 1, filename=whole)
        refused(c, "pmemsave", "GenericError", "size", val=0, size=-1, filename=whole)
        refused(c, "pmemsave", "GenericError", "no memory", val=-1, size=4096, filename=whole)
        refused(c, "pmemsave", "GenericError", "No such file", val=0, size=1, filename="/nonexistent/x")
        refused(c, "memsave", "GenericError", "cpu-index", val=0, size=1, filename=whole, cpu_index=1)
        refused(c, "memsave", "GenericError", "no memory", val=0x7000000000, size=1, filename=whole)
        os.mkfifo(f"{m.folder}/fifo")
        refused(c, "pmemsave", "GenericError", "", val=0, size=1, filename=f"{m.folder}/fifo")
        refused(c, "pmemsave", "GenericError", "regular", val=0, size=1, filename="/dev/null")
        m.counts_on(c)
        c.execute("quit")
        m.end()


def an_nmi_reaches_the_guest():
    """It has no handler for it: it goes on, or says so by what it does; iolite goes on in any case."""
    with Machine() as m, m.client() as c:
        m.wait_for("ready")
        expect("the answer", c.execute("inject-nmi"), {})
        c.close()
    with Machine() as m, m.client() as c:
        m.wait_for("ready")
        c.execute("stop")
        expect("the answer while it stands", c.execute("inject-nmi"), {})
        m.stands_still(c)
        c.execute("quit")
        m.end()


def words_of_the_monitor():
    with Machine() as m, m.client() as c:
        m.wait_for("ready")
        text = c.execute("human-monitor-command", command_line="info cpus")
        if not text.startswith("CPU 0"):
            raise Failure(f"info cpus says {text!r}")
        text = c.execute("human-monitor-command", command_line="nonsense")
        if "no such command" not in text:
            raise Failure(f"nonsense is answered {text!r}")
        refused(c, "human-monitor-command", "GenericError", "cpu-index", command_line="info cpus", cpu_index=7)
        c.execute("human-monitor-command", command_line="reset")
        expect("RESET", c.event("RESET"), {"guest": False, "reason": "host-qmp-system-reset"})
        c.execute("human-monitor-command", command_line="quit")
        expect("SHUTDOWN", c.event("SHUTDOWN"), {"guest": False, "reason": "host-qmp-quit"})
        m.end()


def the_watchdogs_action():
    with Machine() as m, m.client() as c:
        for action in ("reset", "shutdown", "poweroff", "pause", "none"):
            expect("the answer", c.execute("watchdog-set-action", action=action), {})
        refused(c, "watchdog-set-action", "GenericError", "action", action="debug")
        c.execute("quit")
        m.end()


def a_watchdog_runs_out():
    """The guest knows nothing of it: it is started before, and by each reset again."""
    with Machine("--watchdog", "i6300esb,autostart=2") as m, m.client() as c:
        expect("the watchdog", c.execute("x-iolite-info")["watchdog"], "i6300esb")
        c.execute("system_reset")
        while c.event("RESET")["reason"] != "host-qmp-system-reset":
            pass  # it had run out before there was a client
        expect("WATCHDOG, the first stage", c.event("WATCHDOG"), {"action": "none", "x-iolite-stage": "pretimeout"})
        expect("WATCHDOG", c.event("WATCHDOG"), {"action": "reset"})
        expect("RESET", c.event("RESET"), {"guest": True, "reason": "guest-reset"})
        c.execute("stop")
        expect("why it was reset", c.execute("x-iolite-info")["reset-cause"], "watchdog")
        c.execute("watchdog-set-action", action="shutdown")
        c.execute("cont")
        while c.event("WATCHDOG")["action"] != "shutdown":
            pass
        expect("SHUTDOWN", c.event("SHUTDOWN"), {"guest": True, "reason": "guest-panic"})
        m.end(5)


# -- devices --

class Journal(Machine):
    """The guest that writes to its disk on and on."""

    guest = None

    def __init__(self, fault, folder):
        # It writes until there is no room for its notes, which are for minutes.
        for name, size in (("records", 4 * MIB), ("notes", 4096 * MIB)):
            with open(f"{folder}/{name}", "wb") as file:
                file.truncate(size)
        super().__init__("-k", self.guest, "-m", "64M", "-d", f"{folder}/records{fault}", "-d", f"{folder}/notes,id=notes",
                         words="pci=1,2 seed=1", folder=folder)


def counts_of_a_disk():
    if not os.path.exists(Journal.guest):
        return f"not tried: {Journal.guest} is not built"
    with tempfile.TemporaryDirectory() as folder, Journal("", folder) as m, m.client() as c:
        deadline = time.monotonic() + LIMIT
        while True:
            stats = {disk["device"]: disk["stats"] for disk in c.execute("query-blockstats")}["disk0"]
            if stats["wr_operations"] > 100 and stats["flush_operations"]:
                break
            if time.monotonic() > deadline:
                raise Failure(f"the guest's writes are not counted: {stats}; it says {m.output()!r}")
        if stats["wr_bytes"] < 512 * stats["wr_operations"] or not stats["wr_total_time_ns"]:
            raise Failure(f"what was counted cannot be: {stats}")
        expect("failed writes", stats["failed_wr_operations"], 0)
        expect("the end of what was written", 0 < stats["wr_highest_offset"] <= 4 * MIB, True)
        c.execute("quit")
        m.end()
    return None


def a_disk_that_fails():
    if not os.path.exists(Journal.guest):
        return f"not tried: {Journal.guest} is not built"
    with tempfile.TemporaryDirectory() as folder, Journal(",fault=write:200=EIO", folder) as m:
        try:
            c = m.client()
        except Failure as failure:
            if "there is no 'fault'" in str(failure):
                return "not tried: this build has no fault="
            raise
        with c:
            expect("BLOCK_IO_ERROR", c.event("BLOCK_IO_ERROR"),
                   {"device": "disk0", "node-name": "disk0", "operation": "write", "action": "report", "nospace": False,
                    "reason": "Input/output error"})
    return None


def a_disk_grows():
    with tempfile.NamedTemporaryFile() as disk, tempfile.NamedTemporaryFile() as read_only:
        disk.truncate(MIB)
        read_only.truncate(MIB)
        with Machine("-d", disk.name, "-d", f"{read_only.name},ro") as m, m.client() as c:
            def size(place=0):
                return c.execute("query-block")[place]["inserted"]["image"]["virtual-size"]
            m.wait_for("ready")
            c.execute("block_resize", device="disk0", size=2 * MIB)
            expect("the file's size", os.path.getsize(disk.name), 2 * MIB)
            expect("the disk's size", size(), 2 * MIB)
            disk.truncate(3 * MIB)
            c.execute("block_resize", node_name="disk0", size=3 * MIB)
            expect("the size that its owner gave it", size(), 3 * MIB)
            refused(c, "block_resize", "GenericError", "shrinks no disk", device="disk0", size=MIB)
            refused(c, "block_resize", "GenericError", "multiple", device="disk0", size=3 * MIB + 1)
            refused(c, "block_resize", "GenericError", "multiple", device="disk0", size=-512)
            refused(c, "block_resize", "GenericError", "read-only", device="disk1", size=2 * MIB)
            refused(c, "block_resize", "GenericError", "one of", size=2 * MIB)
            refused(c, "block_resize", "DeviceNotFound", "'sda' not found", device="sda", size=2 * MIB)
            expect("the size after all that", (size(), size(1)), (3 * MIB, MIB))
            c.execute("quit")
            m.end()


def a_cable_is_pulled():
    with tempfile.TemporaryDirectory() as folder:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"{folder}/peer")
        listener.listen(1)
        with Machine("-n", f"socket,path={folder}/peer", "-n", "none,id=spare") as m, m.client() as c:
            peer = listener.accept()[0]
            m.wait_for("ready")
            deadline = time.monotonic() + LIMIT
            while not c.execute("x-iolite-info")["nets"][0]["link"] and time.monotonic() < deadline:
                time.sleep(0.01)
            c.events.clear()
            c.execute("set_link", name="net0", up=False)
            expect("the event", c.event("x-iolite-NIC-LINK"), {"name": "net0", "up": False})
            net = c.execute("x-iolite-info")["nets"][0]
            expect("link, cable", (net["link"], net["cable"]), (False, False))
            c.execute("set_link", name="net0", up=True)
            expect("the event", c.event("x-iolite-NIC-LINK"), {"name": "net0", "up": True})
            c.execute("set_link", name="net0", up=True)
            c.execute("set_link", name="spare", up=False)
            c.execute("set_link", name="spare", up=True)
            expect("events of links that did not change", c.events, [])
            peer.close()
            expect("the event of a peer that goes", c.event("x-iolite-NIC-LINK"), {"name": "net0", "up": False})
            refused(c, "set_link", "DeviceNotFound", "'eth0' not found", name="eth0", up=True)
            c.execute("quit")
            m.end()
        listener.close()


CASES = [
    negotiation, every_question, the_schema_knows_what_comes, two_clients_hear_the_same, restart_after_kill_9,
    a_name_makes_a_socket, stop_and_cont, reset, power_off_by_the_guest, crash, powerdown, quit_ends_it,
    a_client_that_does_not_read_holds_nothing_up, a_thousand_clients, with_a_debugger, the_debuggers_port, passed_files, saved_memory, an_nmi_reaches_the_guest,
    words_of_the_monitor, the_watchdogs_action, a_watchdog_runs_out, counts_of_a_disk, a_disk_that_fails, a_disk_grows, a_cable_is_pulled,
]


def main():
    global IOLITE, GUEST, NAMES  # pylint: disable=global-statement
    arguments = [word for word in sys.argv[1:] if not word.startswith("--")]
    if len(arguments) < 2:
        print(__doc__)
        return 2
    IOLITE, GUEST = map(os.path.abspath, arguments[:2])
    NAMES = symbols(GUEST)
    Journal.guest = os.path.join(os.path.dirname(GUEST), "journal")
    return run_cases(CASES, arguments[2:]) if has_kvm() else SKIPPED


if __name__ == "__main__":
    sys.exit(main())
