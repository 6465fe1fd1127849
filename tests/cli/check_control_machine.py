#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The verbs that speak to running machines, with machines that run: list, info, pause ... and the monitor's shell on a terminal.

  check_control_machine.py IOLITE GUEST [WORD...]    GUEST: tests/guest/x86_64/g_debug.c; WORDs: only cases with one of them in their name
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from cases import SKIPPED, Failure, expect, has_kvm, run_cases  # noqa: E402
from fake_machine import LIMIT  # noqa: E402
from guest_machine import GuestMachine  # noqa: E402
from monitor_terminal import Terminal  # noqa: E402

IOLITE, GUEST = (os.path.abspath(path) for path in sys.argv[1:3])
# Names that no other test of this host has.
NAME = f"test-{os.getpid()}"
# So that the names of this test are in a folder of its own, unless it is root's, which is one for all.
FOLDER = tempfile.TemporaryDirectory()
os.environ["XDG_RUNTIME_DIR"] = FOLDER.name


def run(*arguments, status=0):
    result = subprocess.run([IOLITE, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT, check=False)
    if result.returncode != status:
        raise Failure(f"iolite {' '.join(arguments)}: status {result.returncode}, not {status}; says {result.stdout!r}, {result.stderr!r}")
    return result.stdout, result.stderr


class Machine(GuestMachine):
    """One with this test's name, whose guest is ready."""

    def __init__(self):
        super().__init__(IOLITE, GUEST, "--name", NAME, cpus=2)
        self.wait_for("ready")

    def __exit__(self, *_):
        super().__exit__()
        run("list")  # removes the socket of one that was killed


def mine():
    """What list says of the machine of this test; None: nothing."""
    listed = [m for m in json.loads(run("list", "--json")[0]) if m["name"] == NAME]
    return listed[0] if listed else None


def life():
    with Machine() as m:
        listed = mine()
        expect("what list says", {k: listed[k] for k in ("status", "pid", "cpus", "memory")},
               {"status": "running", "pid": m.process.pid, "cpus": 2, "memory": 16 << 20})
        info = json.loads(run("info", NAME, "--json")[0])
        expect("what info says", (info["name"], info["pid"], len(info["cpus"])), (NAME, m.process.pid, 2))
        run("pause", NAME)
        expect("the status", mine()["status"], "paused")
        run("resume", NAME)
        expect("the status", mine()["status"], "running")
        m.proves_to_run()
        run("reset", NAME)
        m.wait_for("ready", 2)
        out, _ = run("monitor", NAME, "info cpus")
        if "CPU 1" not in out:
            raise Failure(f"info cpus says {out!r}")
        _, err = run("monitor", NAME, "info", "nonsense", status=1)
        expect("the message", "info what?" in err, True)
        run("stop", NAME)
        m.end()
        expect("what list says", mine(), None)
        _, err = run("pause", NAME, status=1)
        expect("the message", f"no machine named '{NAME}' runs here" in err, True)


def powerdown():
    with Machine() as m, Terminal(IOLITE, NAME, f"{NAME}>") as t:
        _, err = run("powerdown", NAME, "--wait", "1", status=1)  # this guest has no ear for it
        expect("the message", "has not ended within 1 s" in err, True)
        t.until(lambda: sum(" POWERDOWN" in line for line in t.lines()) == 1, "event")
        waiting = subprocess.Popen([IOLITE, "powerdown", NAME, "--wait", str(LIMIT)])
        t.until(lambda: sum(" POWERDOWN" in line for line in t.lines()) == 2, "event of the second")
        m.order("q")
        expect("the exit status of powerdown", waiting.wait(LIMIT), 0)
        m.end()


def killed():
    """The next machine of that name starts, whether anybody has cleaned up or not."""
    for clean in (True, False):
        with Machine() as m:
            m.process.send_signal(signal.SIGKILL)
            m.process.wait()
            if clean:
                # The kernel may take a moment to let go of the socket: a ring held it.
                until = time.monotonic() + 30
                gone = f"{NAME}.sock: nobody listens there any more"
                err = run("list")[1]
                while gone not in err and time.monotonic() < until:
                    err = run("list")[1]
                expect(f"that {err!r} tells of the socket", gone in err, True)
                expect("what list says", mine(), None)
            with Machine() as again:
                expect("what list says", mine()["pid"], again.process.pid)
                run("stop", NAME)
                again.end()


def shell():
    with Machine() as m, Terminal(IOLITE, NAME, f"{NAME}>") as t:
        t.type("info cp\t\r")
        t.until_line(f"{NAME}> info cpus")
        t.until_last(f"{NAME}>")
        t.type("info reg")
        t.until_last(f"{NAME}> info reg")
        run("pause", NAME)
        run("resume", NAME)
        t.until(lambda: [line.split()[1:2] for line in t.lines()[-3:-1]] == [["STOP"], ["RESUME"]] and t.last() == f"{NAME}> info reg",
                "events above the line")
        t.type("\x03")
        t.until_last(f"{NAME}>")
        m.proves_to_run()
        t.type("\x1b[A")
        t.until_last(f"{NAME}> info cpus")
        m.order("q")
        t.until_last("the machine has ended")
        t.end()
        expect("its event", len([line for line in t.lines() if " SHUTDOWN guest=true" in line]), 1)
        m.end()


CASES = [life, powerdown, killed, shell]


def main():
    return run_cases(CASES, sys.argv[3:]) if has_kvm() else SKIPPED


if __name__ == "__main__":
    sys.exit(main())
