# SPDX-License-Identifier: Apache-2.0
"""`iolite monitor NAME` on a pseudo terminal, and what that shows. For check_monitor_shell.py and check_control_machine.py."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import tempfile
import termios
import time

from cases import Failure, expect
from fake_machine import LIMIT


class Screen:
    """What a terminal shows, as far as libedit and iolite make use of it: printable characters, CR, LF, BS, BEL, cursor left, up and right,
    erasing, inserting and deleting characters."""

    def __init__(self, columns, rows=200):
        self.columns = columns
        self.cells = [[" "] * columns for _ in range(rows)]
        self.row = self.column = 0
        self.rest = ""

    def feed(self, data):
        text = self.rest + data.decode(errors="replace")
        self.rest = ""
        at = 0
        while at < len(text):
            match = re.compile(r"\x1b\[([?\d;]*)([@-~])|\x1b[=>]|\x1b\([AB0]|\x1b(?=[^\[(])").match(text, at)
            if match:
                self.escape(match[1] or "", match[2] or "")
                at = match.end()
            elif text[at] == "\x1b":
                self.rest = text[at:]
                return
            else:
                self.put(text[at])
                at += 1

    def put(self, c):
        if c == "\r":
            self.column = 0
        elif c == "\n":
            self.row += 1
        elif c == "\b":
            self.column = max(0, min(self.column, self.columns - 1) - 1)
        elif c == "\t":
            self.column = min(self.columns - 1, (self.column // 8 + 1) * 8)
        elif c >= " ":
            if self.column == self.columns:
                self.row, self.column = self.row + 1, 0
            self.cells[self.row][self.column] = c
            self.column += 1

    def escape(self, arguments, final):
        number = int(arguments) if arguments.isdigit() else 0
        line = self.cells[self.row]
        if final == "A":
            self.row = max(0, self.row - max(1, number))
        elif final == "B":
            self.row += max(1, number)
        elif final == "C":
            self.column = min(self.columns - 1, self.column + max(1, number))
        elif final == "D":
            self.column = max(0, self.column - max(1, number))
        elif final == "G":
            self.column = min(self.columns, max(1, number)) - 1
        elif final == "K":
            line[self.column:] = [" "] * (self.columns - self.column)
        elif final == "J":
            line[self.column:] = [" "] * (self.columns - self.column)
            for row in range(self.row + 1, len(self.cells)):
                self.cells[row] = [" "] * self.columns
        elif final == "P":
            del line[self.column:self.column + max(1, number)]
            line.extend([" "] * (self.columns - len(line)))
        elif final == "@":
            line[self.column:self.column] = [" "] * max(1, number)
            del line[self.columns:]
        elif final not in ("m", "h", "l", ""):
            raise Failure(f"a terminal sequence that this test does not know: {arguments!r} {final!r}")

    def lines(self):
        lines = ["".join(row).rstrip() for row in self.cells]
        while lines and not lines[-1]:
            lines.pop()
        return lines


class Terminal:
    """iolite at a terminal; its prompt is there."""

    def __init__(self, iolite, name, prompt, columns=80, state=None, terminal="xterm"):
        self.folder = tempfile.TemporaryDirectory()
        self.prompt = prompt
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        self.before = termios.tcgetattr(self.slave)
        self.raw = b""
        self.screen = Screen(columns)
        environment = dict(os.environ, TERM=terminal, XDG_STATE_HOME=state or f"{self.folder.name}/state", HOME=self.folder.name,
                           LC_ALL="C.UTF-8", TZ="UTC")
        self.process = subprocess.Popen([iolite, "monitor", name], stdin=self.slave, stdout=self.slave, stderr=self.slave,
                                        start_new_session=True, env=environment,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.until(lambda: self.last() == prompt, "a prompt")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)
        self.folder.cleanup()

    def lines(self):
        return self.screen.lines()

    def last(self):
        lines = self.lines()
        return lines[-1] if lines else ""

    def until(self, condition, what):
        deadline = time.monotonic() + LIMIT
        while not condition():
            ready, _, _ = select.select([self.master], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise Failure(f"no {what} within {LIMIT} s; the terminal shows {self.lines()!r}, was sent {self.raw!r}")
            data = os.read(self.master, 4096)
            self.raw += data
            self.screen.feed(data)

    def until_last(self, text):
        self.until(lambda: self.last() == text, f"last line {text!r}")

    def until_line(self, text):
        self.until(lambda: text in self.lines(), f"line {text!r}")

    def type(self, keys):
        os.write(self.master, keys.encode() if isinstance(keys, str) else keys)

    def order(self, line):
        """Types it, and waits until the machine has done it."""
        self.type(line + "\r")
        self.until(lambda: self.lines()[-2:] == [f"did {line}", self.prompt], f"did {line}")

    def end(self, status=0):
        try:
            self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            raise Failure(f"still runs after {LIMIT} s; the terminal shows {self.lines()!r}") from None
        while select.select([self.master], [], [], 0)[0]:
            self.screen.feed(os.read(self.master, 4096))
        if self.process.returncode != status:
            raise Failure(f"the exit status is {self.process.returncode}, not {status}; the terminal shows {self.lines()!r}")
        expect("the terminal's settings as before", termios.tcgetattr(self.slave) == self.before, True)
