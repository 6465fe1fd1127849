#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`iolite monitor NAME` as a person has it, on a pseudo terminal: editing, completion, history, events while one types, Ctrl-C, Ctrl-D, the
machine's end. The machine is played here.

  check_monitor_shell.py IOLITE [--plain]     --plain: of a program without libedit, or on a terminal that can do nothing
"""

import fcntl
import os
import select
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from cases import Failure, expect  # noqa: E402
from fake_machine import LIMIT, FakeMachine  # noqa: E402
from monitor_terminal import Terminal  # noqa: E402

IOLITE = os.path.abspath(sys.argv[1])
PLAIN = "--plain" in sys.argv[2:]


class Shell(Terminal):
    """And the machine that it speaks to."""

    def __init__(self, answers=None, **options):
        self.sockets = tempfile.TemporaryDirectory()
        self.machine = FakeMachine(f"{self.sockets.name}/web1.sock", answers)
        super().__init__(IOLITE, self.machine.path, "web1>", terminal="dumb" if PLAIN else "xterm", **options)

    def __exit__(self, *more):
        super().__exit__(*more)
        self.machine.end()
        self.sockets.cleanup()


def commands_and_leaving():
    with Shell() as s:
        s.order("info cpus")
        s.type("\r")
        s.order("info memory")
        s.type("help\r")
        s.until_line("exit                       leave (so does Ctrl-D); the machine runs on")
        s.until_last("web1>")
        s.type("\x04")
        s.end()
        expect("the machine's commands", [a["command-line"] for n, a in s.machine.requests if n == "human-monitor-command"],
               ["help", "info cpus", "info memory", "help"])
    with Shell() as s:
        s.type("exit\r")
        s.end()


def editing():
    with Shell() as s:
        s.type("info cpuz\x7fs\x01x\x05 y\x1b[D\x1b[DZ")
        s.until_last("web1> xinfo cpusZ y")
        s.type("\r")
        s.until_line("did xinfo cpusZ y")
        s.until_last("web1>")
        s.type("ä\U0001f600b\x1b[D\x7f\x7f")  # a letter of two bytes, one of four and two columns
        s.until_last("web1> b")
        s.type("\x05\r")
        s.until_line("did b")


def completion():
    with Shell() as s:
        s.type("inf\t")
        s.until_last("web1> info")
        s.type("\t")
        s.until(lambda: s.lines()[-2:] == ["cpus  memory  registers", "web1> info"], "list of words")
        s.type("r\t")
        s.until_last("web1> info registers")
        s.type("a\t")
        s.until_last("web1> info registers all")
        s.type("\x15log \t")
        s.until(lambda: s.lines()[-2:] == ["debug  info  warn", "web1> log"], "list of choices")
        s.type("zz\t")  # nothing fits
        s.type("y")
        s.until_last("web1> log zzy")
        s.type("\x15help i\t")
        s.until_last("web1> help info")
        s.type("reg\t")
        s.until_last("web1> help info registers")
        s.type("\x15re\t\r")
        s.until_line("did reset")
        s.until_last("web1>")
        s.type("\t")
        s.until(lambda: s.lines()[-2:] == ["exit  help  info  log  quit  reset  x", "web1>"], "list of all")


def a_chosen_cpu():
    """Is that of all that follows."""
    with Shell() as s:
        s.order("info cpus")
        s.type("cpu 1\r")
        s.until(lambda: s.lines()[-2:] == ["commands about one CPU are for CPU 1 now", "web1>"], "what was chosen")
        s.order("info registers")
        s.order("cpu 0 info registers")
        s.type("cpu  0\r")
        s.until(lambda: s.lines()[-2:] == ["commands about one CPU are for CPU 0 now", "web1>"], "what was chosen")
        s.order("info registers")
        expect("whom commands were for",
               [(a["command-line"], a.get("cpu-index", 0)) for n, a in s.machine.requests if n == "human-monitor-command"],
               [("help", 0), ("info cpus", 0), ("cpu 1", 0), ("info registers", 1), ("cpu 0 info registers", 1), ("cpu  0", 1),
                ("info registers", 0)])


def history():
    with tempfile.TemporaryDirectory() as state:
        with Shell(state=state) as s:
            s.order("one")
            s.order("two")
            s.type("\x1b[A")
            s.until_last("web1> two")
            s.type("\x1b[A")
            s.until_last("web1> one")
            s.type("\x1b[B")
            s.until_last("web1> two")
            s.type("\x15\x04")
            s.end()
        path = f"{state}/iolite/history"
        expect("the file's mode", oct(stat.S_IMODE(os.stat(path).st_mode)), "0o600")
        expect("the folder's mode", oct(stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode)), "0o700")
        with open(path, encoding="ascii") as file:
            expect("the file", file.read(), "one\ntwo\n")
        with Shell(state=state) as s:
            s.type("\x1b[A\x1b[A")
            s.until_last("web1> one")
            s.type("\r")
            s.until_line("did one")
            s.until_last("web1>")
            s.type("\x12tw")  # Ctrl-R
            s.type("\r")
            s.until_line("did two")
        with open(path, "w", encoding="ascii") as file:
            file.write("".join(f"line {i}\n" for i in range(2500)))
        with Shell(state=state) as s:
            s.type("\x1b[A")
            s.until_last("web1> line 2499")
        with open(path, encoding="ascii") as file:
            expect("how much is kept", len(file.readlines()), 1000)


def events_while_one_types():
    with Shell() as s:
        s.type("info cp")
        s.until_last("web1> info cp")
        s.machine.event("RTC_CHANGE", {"offset": 5, "what": "\x1b[2J\nx"})
        s.until(lambda: s.lines()[-2:] == ["22:13:20 RTC_CHANGE offset=5 what=?[2J?x", "web1> info cp"], "event above the line")
        for i in range(20):
            s.machine.event("STOP", {"n": i})
        s.until(lambda: s.lines()[-2:] == ["22:13:20 STOP n=19", "web1> info cp"], "events above the line")
        expect("all of them", [line for line in s.lines() if " STOP " in line], [f"22:13:20 STOP n={i}" for i in range(20)])
        s.type("us\r")
        s.until_line("did info cpus")


def events_above_a_long_line():
    """One that takes several rows, with the cursor in any of them."""
    with Shell(columns=40) as s:
        text = "".join(f"word{i:02} " for i in range(12)) + "end"
        s.type(text)
        s.until_last("10 word11 end")
        s.machine.event("STOP")
        rows = ["22:13:20 STOP", "web1> word00 word01 word02 word03 word04", " word05 word06 word07 word08 word09 word", "10 word11 end"]
        s.until(lambda: s.lines()[-4:] == rows, f"rows {rows!r}")
        s.type("\x01")  # the first row
        s.machine.event("STOP")
        s.until(lambda: s.lines()[-5:] == [rows[0], *rows] and (s.screen.row, s.screen.column) == (len(s.lines()) - 3, 6),
                "event above the line, and the cursor in its first row")


def interrupt_clears_the_line():
    with Shell() as s:
        s.type("rese")
        s.until_last("web1> rese")
        s.type("\x03")
        s.until_last("web1>")
        s.order("info cpus")
        s.type("\x03\x03")
        s.order("info memory")
        expect("the process", s.process.poll(), None)
        expect("reset or stop of the machine", [c for c in s.machine.commands() if c in ("system_reset", "quit", "stop")], [])


def interrupt_ends_waiting():
    with Shell(answers={}) as s:
        answer = s.machine.answers["human-monitor-command"]
        s.machine.answers["human-monitor-command"] = lambda arguments: None
        s.type("info cpus\r")
        s.machine.wait_for("human-monitor-command", 2)
        s.type("\x03")
        s.until_last("web1>")
        s.machine.answers["human-monitor-command"] = answer
        s.order("info memory")


def signals_end_it():
    for number in (signal.SIGTERM, signal.SIGHUP):
        with Shell() as s:
            s.type("inf")
            s.until_last("web1> inf")
            s.process.send_signal(number)
            s.end()


def suspending():
    with Shell() as s:
        s.type("inf")
        s.until_last("web1> inf")
        s.process.send_signal(signal.SIGTSTP)
        os.waitid(os.P_PID, s.process.pid, os.WSTOPPED)
        expect("the terminal's settings while it is stopped", termios.tcgetattr(s.slave) == s.before, True)
        s.process.send_signal(signal.SIGCONT)
        s.type("o cpus\r")
        s.until_line("did info cpus")


def size_changes():
    with Shell() as s:
        s.type("inf")
        s.until_last("web1> inf")
        fcntl.ioctl(s.master, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 60, 0, 0))
        s.type("o cpus\r")
        s.until_line("did info cpus")


def the_machine_ends():
    with Shell() as s:
        s.type("inf")
        s.until_last("web1> inf")
        s.machine.event("SHUTDOWN", {"guest": True, "reason": "guest-shutdown"})
        s.machine.end()
        s.until_last("the machine has ended")
        expect("what the machine told", "22:13:20 SHUTDOWN guest=true reason=guest-shutdown" in s.lines(), True)
        s.end()
    with Shell() as s:
        s.type("quit\r")
        s.until_last("the machine has ended")
        s.end()


def a_machine_that_floods():
    """The keyboard has its turn all the same."""
    with Shell() as s:
        done = []

        def flood(_):
            try:
                while not done:
                    s.machine.event("STOP")
            except OSError:
                pass
        s.screen.feed = lambda data: None
        thread = threading.Thread(target=flood, args=(None,))
        thread.start()
        try:
            s.until(lambda: s.raw.count(b"STOP") > 200, "events")
            s.type("\x04")
            deadline = time.monotonic() + LIMIT
            while s.process.poll() is None and time.monotonic() < deadline:
                if select.select([s.master], [], [], 0.05)[0]:
                    os.read(s.master, 65536)
        finally:
            done.append(True)
            s.machine.die()
            thread.join()
        expect("the exit status", s.process.poll(), 0)


def plain_terminal():
    """Nothing is edited; all else is the same."""
    with Shell() as s:
        s.order_plain = lambda line: (s.type(line + "\n"), s.until_line(f"did {line}"))
        s.order_plain("info cpus")
        s.until_last("web1>")
        s.machine.event("STOP", {"n": 1})
        s.until(lambda: b"22:13:20 STOP n=1" in s.raw, "an event")
        s.type("rese\x03")
        # The terminal shows ^C at once; whoever types on before the shell has heard of it writes on the old prompt's line.
        s.until(lambda: b"web1>" in s.raw.partition(b"^C")[2], "another prompt")
        s.type("info memory\n")
        s.until_line("did info memory")
        expect("escape sequences", b"\x1b" in s.raw, False)
        s.type("\x04")
        s.end()
    the_machine_ends_plain()


def the_machine_ends_plain():
    with Shell() as s:
        s.machine.end()
        s.until_last("the machine has ended")
        s.end()


CASES = [plain_terminal] if PLAIN else [
    commands_and_leaving, editing, completion, a_chosen_cpu, history, events_while_one_types, events_above_a_long_line,
    interrupt_clears_the_line, interrupt_ends_waiting, signals_end_it, suspending, size_changes, the_machine_ends, a_machine_that_floods,
]


def main():
    failed = ran = 0
    words = [word for word in sys.argv[2:] if not word.startswith("--")]
    for check in CASES:
        name = check.__name__.replace("_", " ")
        if words and not any(word in name for word in words):
            continue
        ran += 1
        try:
            check()
            print(f"PASS {name}", flush=True)
        except (Failure, OSError, ValueError, TimeoutError, subprocess.TimeoutExpired) as failure:
            print(f"FAIL {name}: {type(failure).__name__}: {failure}", flush=True)
            failed += 1
    print(f"{ran - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
