#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Debuggers that vanish, stall, flood or come by the thousand, under `iolite run --gdb`: the guest and others are not to notice.

  check_gdb_clients.py IOLITE GUEST [--no-memory] [WORD...]     GUEST: tests/guest/x86_64/g_debug.c; WORDs: only such cases

--no-memory leaves resident memory out, for builds with a sanitizer, whose own memory grows.
"""

import os
import random
import select
import socket
import stat
import subprocess
import sys
import time
import tempfile

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from cases import Failure, expect  # noqa: E402
from gdb_client import LIMIT, Client, Gone, GdbError, connect_socket, frame  # noqa: E402
from gdb_machine import Machine, main, run_to, set_break  # noqa: E402

MEMORY = "--no-memory" not in sys.argv
CYCLES = int(os.environ.get("GDB_CYCLES", "1000"))
GROWTH_KIB = 2048


def at(name):
    return Machine.names[name]


def proves_to_run_unhurt(m):
    """No breakpoint of a client that is gone is left: the guest runs, and stops for a new client only where it happens to be."""
    m.proves_to_run()
    with m.debugger() as c:
        code = c.read(at("target_function"), 8)
        with open(Machine.guest, "rb") as file:
            expect("that the code is the guest's own", code in file.read(), True)
        before = c.read_u64(at("counter"))
        c.detach()
    m.proves_to_run()
    with m.debugger() as c:
        expect("that the guest counts", c.read_u64(at("counter")) > before, True)
        c.detach()
    m.proves_to_run()


def vanishing(last):
    """A client with breakpoints that ends after @last, without a word of leave."""
    def check():
        with Machine() as m:
            c = m.debugger()
            run_to(c, at("target_function"))
            set_break(c, at("target_function"))
            last(c)
            c.close()
            proves_to_run_unhurt(m)
            m.power_off()
    return check


def reset_connection(c):
    """As the end of a process with unread data does."""
    c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")


VANISH = {
    "at once": lambda c: None,
    "mid-packet": lambda c: c.send_raw(b"$m100000,1"),
    "mid-sum": lambda c: c.send_raw(b"$m100000,10#c"),
    "mid-escape": lambda c: c.send_raw(b"$X100000,4:}"),
    "with an answer under way": lambda c: c.send_raw(frame(b"m100000,4000") * 20),
    "while the guest runs": lambda c: (c.remove(0, at("target_function")) if c.insert(0, at("target_function")) is True
                                       else c.remove(1, at("target_function"))) or c.resume(),
    "on the way to a breakpoint": lambda c: c.resume(),
    "on the way of a step": lambda c: c.send(f"vCont;s:{c.threads()[0]}"),
    "with an interrupt": lambda c: (c.resume(), c.send_raw(b"\x03")),
    "with a connection reset": reset_connection,
}


def at_any_byte():
    """A session is cut at places that a generator of numbers chooses."""
    numbers = random.Random(5)
    first = b"qSupported:swbreak+;hwbreak+"
    session = b"+".join(map(frame, (
        first, b"?", b"qfThreadInfo", b"g", b"m100000,400", b"Z0,%x,1" % at("target_function"),
        b"Z1,%x,1" % at("step_2"), b"vCont;c", b"qXfer:features:read:target.xml:0,1000", b"vCont;s", b"X900000,5:abc}\x03", b"c")))
    with Machine() as m:
        for _ in range(60):
            sock = connect_socket(m.address, alive=m.alive)
            try:
                sent = numbers.randrange(len(session))
                sock.sendall(session[:sent])
                if numbers.randrange(2) and sent >= len(frame(first)):  # to less there is no answer to wait for
                    sock.settimeout(LIMIT)
                    sock.recv(numbers.randrange(1, 200))
            except OSError:
                pass
            sock.close()
        with m.client() as c:  # it waits for one that says so, if none of them did
            c.detach()
        proves_to_run_unhurt(m)
        m.power_off()


def a_second_client():
    with Machine() as m, m.debugger() as first:
        run_to(first, at("target_function"))
        kind = set_break(first, at("target_function"))
        for _ in range(20):
            with Client(m.address, alive=m.alive) as second:
                try:
                    second.send(b"?")
                except Gone:
                    pass
                rest = second.wait_end()
                if rest.startswith(b"$") or b"$T" in rest:
                    raise Failure(f"a second client is answered {rest!r}")
        expect("the first one's pc", hex(first.register("rip")), hex(at("target_function")))
        expect("the first one's stop", first.go_on(kind, at("target_function")).signal, 5)
        first.remove(kind, at("target_function"))
        first.resume()
        m.proves_to_run()
        # also while the guest runs
        with Client(m.address, alive=m.alive) as second:
            second.wait_end()
        expect("the signal", first.interrupt().signal, 2)
        first.detach()
        m.proves_to_run()
        with m.debugger() as third:
            third.detach()
        m.power_off()


def attach_and_detach():
    """Cycles that differ in how they end, with a look at what iolite holds."""
    with Machine() as m:
        def cycle(i):
            c = m.client()
            c.status()
            c.threads()
            set_break(c, at("target_function"))
            if i % 4 == 0:
                c.resume()
                c.wait_stop()
            if i % 2:
                c.detach()
            c.close()

        for i in range(20):
            cycle(i)
        m.proves_to_run()
        fds, kib = m.descriptors(), m.resident_kib()
        for i in range(CYCLES):
            cycle(i)
        m.proves_to_run()
        with m.debugger() as c:  # the one before is gone when this one is let in
            expect("descriptors", m.descriptors(), fds + 1)
            c.detach()
        grown = m.resident_kib() - kib
        if MEMORY and grown > GROWTH_KIB:
            raise Failure(f"resident memory grew by {grown} KiB in {CYCLES} cycles")
        m.power_off()
        return f"{CYCLES} cycles, {grown} KiB more"


def sends_for_ever_and_reads_nothing():
    """The stub stops to read, and holds no more than it may."""
    with Machine(wait=False) as m:
        c = m.client()
        kib = m.resident_kib()
        flood = frame(b"m100000,8000") * 64
        sent, quiet = 0, 0
        while sent < 256 << 20 and quiet < 20:
            _, ready, _ = select.select([], [c.sock], [], 0.1)
            if not ready:
                quiet += 1  # for two seconds it took nothing: that is the end of what it takes
                continue
            quiet = 0
            sent += c.sock.send(flood)
        if not quiet:
            raise Failure(f"it takes {sent >> 20} MiB of questions whose answers nobody reads")
        grown = m.resident_kib() - kib
        if MEMORY and grown > GROWTH_KIB:
            raise Failure(f"resident memory grew by {grown} KiB for {sent} bytes")
        c.close()
        proves_to_run_unhurt(m)
        m.power_off()
        return f"{sent} bytes were taken, {grown} KiB more"


def noise_for_ever():
    """Bytes that are no packet, a lot of them; the client that comes next is served."""
    numbers = random.Random(7)
    with Machine(wait=False) as m:
        for kind in range(3):
            with Client(m.address, alive=m.alive) as c:
                try:
                    for _ in range(200):
                        data = numbers.randbytes(4096) if kind == 0 else b"\x03" * 4096 if kind == 1 else b"$" * 4096
                        c.send_raw(data)
                        while select.select([c.sock], [], [], 0)[0]:
                            if not c.sock.recv(1 << 16):
                                raise Gone("it hung up")
                except (Gone, ConnectionError):
                    pass
        if m.alive():  # noise may by chance be a packet that kills
            proves_to_run_unhurt(m)
            m.power_off()


def waits_for_one_that_says_so():
    """With --gdb-wait a client that vanishes before it let the guest run leaves it as it was."""
    with Machine() as m:
        for _ in range(20):
            with m.debugger() as c:
                expect("the pc", hex(c.register("rip")), hex(at("start")))
        expect("what the guest has said", m.output(), "")
        with m.client() as c:
            c.detach()
        m.proves_to_run()
        m.power_off()


def says_nothing():
    """The guest stands for a client that is there, but may be stopped by its user, and a client that goes sets it free."""
    with Machine(wait=False) as m:
        m.wait_for("ready")
        sock = connect_socket(m.address, alive=m.alive)
        expect("what comes without a question", select.select([sock], [], [], 0.5)[0], [])
        sock.close()
        proves_to_run_unhurt(m)
        sock = connect_socket(m.address, alive=m.alive)
        m.process.terminate()
        m.process.terminate()
        deadline = LIMIT
        for _ in range(int(deadline * 10)):
            try:
                m.process.wait(0.1)
                break
            except subprocess.TimeoutExpired:
                m.process.terminate()
        m.end(0)
        sock.close()


def the_socket_is_the_owners():
    with Machine() as m:
        with m.client() as c:
            mode = os.stat(f"{m.folder}/gdb")
            expect("the kind of file", stat.S_ISSOCK(mode.st_mode), True)
            expect("its mode", oct(stat.S_IMODE(mode.st_mode)), oct(0o600))
            c.detach()
        m.power_off()
        expect("that the socket is there after the end", os.path.exists(f"{m.folder}/gdb"), False)


def refused(*options):
    """Exit status and standard error of a machine that is not to start."""
    done = subprocess.run([Machine.iolite, "run", "-k", Machine.guest, "-m", "16M", *options], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=LIMIT, check=False)
    return done.returncode, done.stderr.decode(errors="replace"), done.stdout


def an_address_in_use():
    with socket.socket() as holder, tempfile.TemporaryDirectory() as folder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        one_line(refused("--gdb", f"tcp:{port}"), str(port))
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(f"{folder}/used")
            other.listen()
            one_line(refused("--gdb", f"unix:{folder}/used"), "used")
        with open(f"{folder}/file", "w", encoding="ascii") as file:
            file.write("precious")
        one_line(refused("--gdb", f"unix:{folder}/file"), "file")
        with open(f"{folder}/file", encoding="ascii") as file:
            expect("what is in a file of that name", file.read(), "precious")
        one_line(refused("--gdb", f"unix:{folder}/nowhere/gdb"), "nowhere")
    with Machine() as m, m.client() as c:
        one_line(refused("--gdb", m.address), "gdb")
        c.detach()
        m.proves_to_run()
        m.power_off()


def one_line(result, word):
    status, err, out = result
    expect(f"the exit status for {word}", status, 2)
    if err.count("\n") != 1 or word not in err:
        raise Failure(f"it says {err!r}")
    expect("standard output", out, b"")


def the_end_with_a_client():
    """SIGTERM twice ends a machine that stands for a debugger; the client learns of it."""
    with Machine() as m, m.client() as c:
        m.process.terminate()
        # Two signals that nobody has taken are one.
        until = time.monotonic() + 60
        while "power button pressed" not in m.said():
            if time.monotonic() > until:
                raise Failure(f"the first SIGTERM is not told of: {m.said()!r}")
            time.sleep(0.01)
        expect("an answer after SIGTERM", c.ask_text("?")[:1] in "TW", True)
        m.process.terminate()
        try:
            rest = c.wait_end()
        except GdbError as error:
            raise Failure(f"after two SIGTERM: {error}") from None
        m.end(0)
        return f"the client got {rest!r}"


CASES = [
    *((f"vanishes {name}", vanishing(last)) for name, last in VANISH.items()),
    at_any_byte, a_second_client, attach_and_detach, sends_for_ever_and_reads_nothing, noise_for_ever,
    waits_for_one_that_says_so, says_nothing,
    the_socket_is_the_owners, an_address_in_use, the_end_with_a_client,
]

if __name__ == "__main__":
    sys.exit(main(__doc__, CASES))
