#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The terminal, the standard streams and other far ends of serial lines under `iolite run`: raw mode and its end, escape keys, signals.

  check_console.py IOLITE GUEST CONSOLE     GUEST: one that echoes lines, told "poll", and ends at "quit"
                                            CONSOLE: tests/guest/x86_64/g_console.c
"""

import fcntl
import os
import pty
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time

IOLITE, GUEST, CONSOLE = (os.path.abspath(path) for path in sys.argv[1:4])
COMMAND = [IOLITE, "run", "-k", GUEST, "-m", "16M", "-a", "poll"]
LIMIT = 20
SKIPPED = 77


class Failure(Exception):
    pass


class Terminal:
    """iolite on a pseudo terminal, as a person has it."""

    def __init__(self, prefix=(), lines=()):
        self.master, self.slave = pty.openpty()
        self.before = termios.tcgetattr(self.slave)
        self.output = b""
        self.process = subprocess.Popen([*prefix, *COMMAND, *lines], stdin=self.slave, stdout=self.slave, stderr=self.slave,
                                        start_new_session=True)

    def read_until(self, text):
        deadline = time.monotonic() + LIMIT
        while text not in self.output:
            ready, _, _ = select.select([self.master], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise Failure(f"no {text!r} within {LIMIT} s; the terminal shows {self.output!r}")
            self.output += os.read(self.master, 4096)

    def type(self, keys):
        os.write(self.master, keys)

    def is_raw(self):
        return not termios.tcgetattr(self.slave)[3] & (termios.ICANON | termios.ECHO | termios.ISIG)

    def wait(self):
        try:
            return self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            raise Failure(f"still runs after {LIMIT} s; the terminal shows {self.output!r}")

    def expect_restored(self):
        if termios.tcgetattr(self.slave) != self.before:
            raise Failure("the terminal's settings are not those it had before")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)


def expect(what, got, wanted):
    if got != wanted:
        raise Failure(f"{what} is {got!r}, not {wanted!r}")


def raw_while_it_runs():
    with Terminal() as t:
        t.read_until(b"ready")
        expect("raw mode", t.is_raw(), True)
        t.type(b"hello\n")
        t.read_until(b"echo hello")
        t.type(b"quit\n")
        expect("exit status", t.wait(), 0)
        t.expect_restored()


def control_keys_go_to_the_guest():
    with Terminal() as t:
        t.read_until(b"ready")
        t.type(b"a\x03\x1a\x1c\x04b\n")  # Ctrl-C, Ctrl-Z, Ctrl-\ and Ctrl-D
        t.read_until(b"echo a\x03\x1a\x1c\x04b")
        expect("state", t.process.poll(), None)
        t.type(b"quit\n")
        expect("exit status", t.wait(), 0)


def escape_x_stops():
    with Terminal() as t:
        t.read_until(b"ready")
        t.type(b"\x01x")
        expect("exit status", t.wait(), 0)
        t.expect_restored()


def escape_h_helps():
    with Terminal() as t:
        t.read_until(b"ready")
        t.type(b"\x01h")
        t.read_until(b"Ctrl-A x")
        t.type(b"\x01")  # the two keys may come apart
        t.type(b"x")
        expect("exit status", t.wait(), 0)


def escape_twice_is_the_key():
    with Terminal() as t:
        t.read_until(b"ready")
        t.type(b"<\x01\x01\x01a\x01z>\n")
        t.read_until(b"echo <\x01\x01>")
        t.type(b"quit\n")
        expect("exit status", t.wait(), 0)


def restored_after(signals, status):
    def check():
        with Terminal() as t:
            t.read_until(b"ready")
            for number in signals[:-1]:
                t.process.send_signal(number)
                t.read_until(b"power button")
            t.process.send_signal(signals[-1])
            expect("exit status", t.wait(), status)
            t.expect_restored()
    return check


def restored_after_stop_and_continue():
    with Terminal() as t:
        t.read_until(b"ready")
        for i in range(10):
            t.process.send_signal(signal.SIGSTOP)
            termios.tcsetattr(t.slave, termios.TCSANOW, t.before)  # as a shell does
            t.process.send_signal(signal.SIGCONT)
            t.type(b"x%d\n" % i)
            t.read_until(b"echo x%d" % i)
            expect("raw mode", t.is_raw(), True)
        t.type(b"quit\n")
        expect("exit status", t.wait(), 0)
        t.expect_restored()


def without_terminal(**streams):
    process = subprocess.Popen(COMMAND, **streams)
    try:
        out, err = process.communicate(b"a line\nquit\n" if streams.get("stdin") == subprocess.PIPE else None, LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise Failure(f"still runs after {LIMIT} s")
    return process.returncode, out, err


def pipes():
    status, out, err = without_terminal(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    expect("exit status", status, 0)
    expect("standard error", err, b"")
    if b"echo a line" not in out or b"echo quit" not in out:
        raise Failure(f"standard output is {out!r}")


def pipe_has_no_escape_key():
    process = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    out, _ = process.communicate(b"\x01x\nquit\n", LIMIT)
    expect("exit status", process.returncode, 0)
    if b"echo \x01x" not in out:
        raise Failure(f"standard output is {out!r}")


def flags_of_shared_descriptors():
    """A pipe that a shell shares with others must not become non-blocking."""
    read_end, write_end = os.pipe()
    process = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=write_end)
    os.set_blocking(read_end, True)
    text = b""
    while b"ready" not in text:
        text += os.read(read_end, 100)
    flags = fcntl.fcntl(write_end, fcntl.F_GETFL)
    process.communicate(b"quit\n", LIMIT)
    os.close(read_end)
    os.close(write_end)
    expect("O_NONBLOCK", bool(flags & os.O_NONBLOCK), False)


def stops_without_input(source):
    """The guest waits for a line that never comes; the second signal ends it."""
    def check():
        process = subprocess.Popen(source, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        text = b""
        while b"ready" not in text:
            text += os.read(process.stdout.fileno(), 100)
        process.send_signal(signal.SIGTERM)
        text = b""
        while b"power button" not in text:
            text += os.read(process.stderr.fileno(), 200)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=LIMIT)
        expect("exit status", process.returncode, 0)
    return check


def redirected(shell):
    return ["sh", "-c", f'exec "$@" {shell}', "sh", *COMMAND]


def output_to_a_full_device():
    process = subprocess.run(redirected(">/dev/full"), input=b"quit\n", stderr=subprocess.PIPE, timeout=LIMIT, check=False)
    expect("exit status", process.returncode, 0)
    if b"No space left" not in process.stderr:
        raise Failure(f"standard error is {process.stderr!r}")


def reader_goes_away():
    process = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.read(process.stdout.fileno(), 1)
    process.stdout.close()
    process.stdin.write(b"one\nquit\n")
    process.stdin.close()
    err = process.stderr.read()
    expect("exit status", process.wait(LIMIT), 0)
    if err.count(b"\n") > 1:
        raise Failure(f"standard error is {err!r}")


class FarEnd:
    """A machine whose serial line is not our terminal; @line is of -s, with {D} for a folder."""

    def __init__(self, *lines):
        self.folder = tempfile.TemporaryDirectory()
        options = [word for line in lines for word in ("-s", line.replace("{D}", self.folder.name))]
        self.process = subprocess.Popen([*COMMAND, *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        self.folder.cleanup()

    def path(self, name):
        return f"{self.folder.name}/{name}"

    def connect(self, name):
        """To the socket of that name, which may not be there yet, or not be listened to."""
        deadline = time.monotonic() + LIMIT
        while True:
            s = socket.socket(socket.AF_UNIX)
            try:
                s.connect(self.path(name))
                return s
            except (FileNotFoundError, ConnectionRefusedError) as error:
                s.close()
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise Failure(f"cannot connect to {name}: {error}") from None
                time.sleep(0.01)

    def await_(self, what, condition):
        deadline = time.monotonic() + LIMIT
        while not condition():
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise Failure(f"no {what} within {LIMIT} s, exit status {self.process.poll()}")
            time.sleep(0.01)

    def file(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def end(self):
        """Exit status and standard error."""
        return self.process.wait(LIMIT), self.process.stderr.read()


def read_until(fd, text):
    output, deadline = b"", time.monotonic() + LIMIT
    while text not in output:
        if not select.select([fd], [], [], max(0, deadline - time.monotonic()))[0]:
            raise Failure(f"no {text!r} within {LIMIT} s, but {output!r}")
        output += os.read(fd, 4096)
    return output


def over_a_pseudo_terminal():
    with FarEnd("pty,link={D}/tty,log={D}/log") as m:
        m.await_("output", lambda: os.path.exists(m.path("log")) and b"ready" in m.file("log"))
        name = os.readlink(m.path("tty"))
        for i in range(3):
            fd = os.open(m.path("tty"), os.O_RDWR | os.O_NOCTTY)
            if not i:
                read_until(fd, b"ready")  # which was said before anybody was there
            os.write(fd, b"line %d\n" % i)
            read_until(fd, b"echo line %d" % i)
            os.close(fd)
        fd = os.open(name, os.O_RDWR | os.O_NOCTTY)
        os.write(fd, b"quit\n")
        status, err = m.end()
        os.close(fd)
        expect("exit status", status, 0)
        expect("standard error", err, b"iolite: serial0 is on %s\n" % name.encode())
        expect("the link", os.path.lexists(m.path("tty")), False)
        if b"echo line 2" not in m.file("log"):
            raise Failure(f"the log is {m.file('log')!r}")


def over_a_socket():
    with FarEnd("unix:{D}/con", "file:{D}/ttyS1", "null", "pty") as m:
        for i in range(3):
            with m.connect("con") as s:
                if not i:
                    read_until(s.fileno(), b"ready")
                    with m.connect("con") as second:
                        expect("a second client's answer", read_until(second.fileno(), b"\n"),
                               b"iolite: serial0 is in use by another client\r\n")
                s.sendall(b"line %d\n" % i)
                read_until(s.fileno(), b"echo line %d" % i)
        with m.connect("con") as s:
            s.sendall(b"quit\n")
            read_until(s.fileno(), b"echo quit")
            expect("exit status", m.end()[0], 0)
        expect("the socket", os.path.exists(m.path("con")), False)
        expect("what is in the file", m.file("ttyS1"), b"")


def several_lines_at_one_terminal():
    with Terminal(lines=["-s", "mux:stdio", "-s", "mux", "-s", "null", "-s", "mux"]) as t:
        t.read_until(b"ready")
        t.type(b"\x01h")
        t.read_until(b"Ctrl-A 3       serial3\r\n")
        for i in range(3):
            t.type(b"one\n")
            t.read_until(b"echo one")
            t.type(b"\x012lost\n")
            t.read_until(b"[serial1]")
            t.type(b"lost, too\n\x013\x011two\n")  # keys behind a switch are for the line that it is to
            t.read_until(b"[serial0]")
            t.read_until(b"echo two")
            if b"lost" in t.output:
                raise Failure(f"what was typed for another line came to the first: {t.output!r}")
            t.output = b""
        t.type(b"quit\n")
        expect("exit status", t.wait(), 0)
        t.expect_restored()


def set_size(fd, cols, rows):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))


def shown(master):
    """What the terminal has been sent and nobody has read yet."""
    output = b""
    while select.select([master], [], [], 0)[0]:
        output += os.read(master, 4096)
    return output


def size_of_the_terminal(console, others=()):
    """The guest has it from the start, and is told of each change."""
    def check():
        sizes = [(100, 40), (132, 50), (1, 2), (65535, 65535)]
        master, slave = pty.openpty()
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/ttyS0"
            set_size(slave, *sizes[0])
            process = subprocess.Popen([IOLITE, "run", "-k", CONSOLE, "-m", "32M", "-a", f"pci=26 sizes={len(sizes)}",
                                        "-s", f"file:{path}", *others, "--console", console],
                                       stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                                       preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
            try:
                wanted = ""
                for i, size in enumerate(sizes):
                    if i:
                        set_size(master, *size)
                    wanted += "size %d %d\n" % size
                    deadline = time.monotonic() + LIMIT
                    got = ""
                    while got != wanted:
                        status = process.poll()  # before the file is read, which then is all there will be
                        if os.path.exists(path):
                            with open(path) as file:
                                got = file.read()
                        if got != wanted and (status is not None or time.monotonic() > deadline):
                            raise Failure(f"no {wanted!r} within {LIMIT} s, but {got!r}; exit status {status}, "
                                          f"the terminal shows {shown(master)!r}")
                        time.sleep(0.01)
                expect("exit status", process.wait(LIMIT), 0)
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
                os.close(master)
                os.close(slave)
    return check


CASES = [
    raw_while_it_runs, control_keys_go_to_the_guest, escape_x_stops, escape_h_helps, escape_twice_is_the_key,
    ("restored after two SIGTERM", restored_after([signal.SIGTERM, signal.SIGTERM], 0)),
    ("restored after SIGTERM and SIGINT", restored_after([signal.SIGTERM, signal.SIGINT], 0)),
    ("restored after SIGSEGV", restored_after([signal.SIGSEGV], -signal.SIGSEGV)),
    ("restored after SIGABRT", restored_after([signal.SIGABRT], -signal.SIGABRT)),
    ("restored after SIGQUIT", restored_after([signal.SIGQUIT], -signal.SIGQUIT)),
    restored_after_stop_and_continue, pipes, pipe_has_no_escape_key, flags_of_shared_descriptors,
    ("stdin from /dev/null", stops_without_input(redirected("</dev/null"))),
    ("stdin closed", stops_without_input(redirected("<&-"))),
    ("stdin from an empty file", stops_without_input(redirected("</proc/self/cgroup"))),
    ("size of the terminal", size_of_the_terminal("stdio")),
    ("size of a terminal that lines share", size_of_the_terminal("mux", ("-s", "mux:stdio"))),
    output_to_a_full_device, reader_goes_away, over_a_pseudo_terminal, over_a_socket, several_lines_at_one_terminal,
]


def main():
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        print("SKIP: /dev/kvm is missing or forbidden")
        return SKIPPED
    failed = 0
    for case in CASES:
        name, check = case if isinstance(case, tuple) else (case.__name__.replace("_", " "), case)
        try:
            check()
            print(f"PASS {name}")
        except (Failure, subprocess.TimeoutExpired) as failure:
            print(f"FAIL {name}: {failure}")
            failed += 1
    print(f"{len(CASES) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
