#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A person at a terminal: a machine whose guest prints all the time in one pane of tmux, `iolite monitor` in another.

  check_tmux.py IOLITE GUEST [WORD...]     GUEST: tests/guest/x86_64/g_debug.c; WORDs: only cases with one of them in their name
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from cases import SKIPPED, Failure, expect, has_kvm, run_cases  # noqa: E402
from guest_machine import LIMIT  # noqa: E402

IOLITE, GUEST = map(os.path.abspath, sys.argv[1:3])
# No other test's, nor a person's.
NAME = f"tmux-{os.getpid()}"
PROMPT = f"{NAME}>"
# Around what runs in a pane: it tells the end, and outlives Ctrl-C.
SHELL = ("sh", "-c", 'trap : INT; "$@"; echo "ended with $?"; sleep 600', "sh")


class Panes:
    """A server of tmux with the machine's pane and, from monitor() on, another one."""

    def __init__(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = self.temporary.name
        for name in ("run", "state/iolite"):
            os.makedirs(f"{self.folder}/{name}", mode=0o700)
        self.environment = {**os.environ, "HOME": self.folder, "TERM": "xterm", "LC_ALL": "C.UTF-8", "TMUX_TMPDIR": self.folder,
                            "XDG_RUNTIME_DIR": f"{self.folder}/run", "XDG_STATE_HOME": f"{self.folder}/state"}
        self.environment.pop("TMUX", None)  # of the tmux that the test itself may be in

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def start(self):
        self.machine = self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "40", "-P", "-F", "#{pane_id}", *SHELL,
                                 IOLITE, "run", "-k", GUEST, "-m", "16M", "-a", "loud", "-s", "stdio", "--name", NAME)
        self.until(self.machine, "turn ")

    def __exit__(self, *_):
        try:
            if self.listed():
                self.run("stop", NAME)
            self.tmux("kill-server")
        finally:
            self.temporary.cleanup()

    def tmux(self, *words):
        result = subprocess.run(["tmux", "-L", NAME, *words], env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                timeout=LIMIT, check=False)
        if result.returncode:
            raise Failure(f"tmux {words}: status {result.returncode}, says {result.stderr!r}")
        return result.stdout.strip()

    def run(self, *words):
        """Another iolite of the same person."""
        return subprocess.run([IOLITE, *words], env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT,
                              check=False)

    def listed(self):
        """What `iolite list` says of the machine's status; None: nothing."""
        machines = json.loads(self.run("list", "--json").stdout)
        return next((m["status"] for m in machines if m["name"] == NAME), None)

    def monitor(self):
        """Its pane, with the prompt in it."""
        pane = self.tmux("split-window", "-P", "-F", "#{pane_id}", "-t", self.machine, *SHELL, IOLITE, "monitor", NAME)
        self.until_line(pane, PROMPT)
        return pane

    def lines(self, pane):
        return [line.rstrip() for line in self.tmux("capture-pane", "-p", "-t", pane).splitlines()]

    def last(self, pane):
        return next((line for line in reversed(self.lines(pane)) if line), "")

    def wait(self, pane, condition, what):
        deadline = time.monotonic() + LIMIT
        while not condition():
            if time.monotonic() > deadline:
                raise Failure(f"no {what} within {LIMIT} s; the pane shows {self.lines(pane)!r}")
            time.sleep(0.02)

    def until(self, pane, part):
        self.wait(pane, lambda: part in "\n".join(self.lines(pane)), repr(part))

    def until_line(self, pane, line):
        """The last one, where one types."""
        self.wait(pane, lambda: self.last(pane) == line, f"line {line!r}")

    def until_end(self, pane):
        """Of its program, with the exit status 0."""
        self.until_line(pane, "ended with 0")

    def keys(self, pane, *names):
        self.tmux("send-keys", "-t", pane, *names)

    def type(self, pane, text):
        self.tmux("send-keys", "-t", pane, "-l", text)

    def turn(self):
        """The last one that the guest has said in whole."""
        turns = re.findall(r"^turn (\d+)$", "\n".join(self.lines(self.machine)[:-1]), re.MULTILINE)
        return int(turns[-1]) if turns else -1

    def prints_on(self):
        first = self.turn()
        self.wait(self.machine, lambda: self.turn() > first, f"turn behind {first}")


def a_session():
    with Panes() as p:
        with open(f"{p.folder}/state/iolite/history", "w", encoding="ascii") as file:
            file.write("info tree\ninfo version\n")
        m = p.monitor()
        # What was typed in a former session.
        p.keys(m, "Up")
        p.until_line(m, f"{PROMPT} info version")
        p.keys(m, "Up")
        p.until_line(m, f"{PROMPT} info tree")
        p.keys(m, "C-u")
        p.until_line(m, PROMPT)
        # Completion: a word, then the only one that it may be.
        p.type(m, "inf")
        p.keys(m, "Tab")
        p.until_line(m, f"{PROMPT} info")
        p.type(m, "cp")
        p.keys(m, "Tab")
        p.until_line(m, f"{PROMPT} info cpus")
        p.prints_on()
        p.until_line(m, f"{PROMPT} info cpus")
        p.keys(m, "Enter")
        p.until(m, "\nCPU 0  runs\n")
        p.until_line(m, PROMPT)
        p.type(m, "x /2")
        p.type(m, "xw $pc")
        p.keys(m, "Enter")
        p.wait(m, lambda: any(re.fullmatch(r"0x[0-9a-f]{16}: 0x[0-9a-f]{8} 0x[0-9a-f]{8}", line) for line in p.lines(m)), "memory")
        p.keys(m, "Up", "Up")
        p.until_line(m, f"{PROMPT} info cpus")
        p.prints_on()
        p.keys(m, "C-d")  # deletes; at the end of a line that has text it does not leave
        p.keys(m, "C-c")
        p.until_line(m, PROMPT)
        p.keys(m, "C-c", "C-c")
        p.type(m, "info status")
        p.keys(m, "Enter")
        p.until(m, "\nrunning, for ")
        expect("the status after Ctrl-C", p.listed(), "running")
        p.prints_on()
        p.until_line(m, PROMPT)
        p.keys(m, "C-d")
        p.until_end(m)
        expect("the status after Ctrl-D", p.listed(), "running")
        p.prints_on()
        with open(f"{p.folder}/state/iolite/history", encoding="ascii") as file:
            expect("the history", file.read().splitlines(),
                   ["info tree", "info version", "info cpus", "x /2xw $pc", "info status"])


def what_happens_is_told():
    """Above the line that is being typed; and the machine's end."""
    with Panes() as p:
        m = p.monitor()
        p.type(m, "info reg")
        p.until_line(m, f"{PROMPT} info reg")
        expect("the status of pause", p.run("pause", NAME).returncode, 0)
        p.wait(m, lambda: p.last(m) == f"{PROMPT} info reg" and any(line.endswith(" STOP") for line in p.lines(m)), "STOP above the line")
        expect("the status of resume", p.run("resume", NAME).returncode, 0)
        p.wait(m, lambda: p.last(m) == f"{PROMPT} info reg" and any(line.endswith(" RESUME") for line in p.lines(m)), "RESUME above the line")
        p.prints_on()
        expect("the status of stop", p.run("stop", NAME).returncode, 0)
        p.until(m, "\nthe machine has ended")
        p.until_end(m)
        p.until_end(p.machine)


def main():
    if not shutil.which("tmux"):
        print("SKIP: there is no tmux (Debian package tmux)")
        return SKIPPED
    return run_cases([a_session, what_happens_is_told], sys.argv[3:]) if has_kvm() else SKIPPED


if __name__ == "__main__":
    sys.exit(main())
