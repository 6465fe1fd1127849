# SPDX-License-Identifier: Apache-2.0
"""Runs scenarios: some workers, each with a level 1 of its own that runs one scenario at a time."""

import collections
import os
import subprocess
import threading
import time

from . import LAB, l1

SKIPPED = 77    # a scenario's exit status, and the lab's own
GRACE = 20      # seconds beyond its limit until a scenario that level 1 should have ended counts as hanging
LOSSES = 2      # times that a scenario may lose its level 1 before it fails


class Run:
    def __init__(self, setup, chosen, limit, faults):
        self.setup = setup
        self.results = setup.results
        self.faults = os.path.abspath(faults) if faults else ""
        self.deadline = time.monotonic() + limit
        self.limit = limit
        # the long ones first, so that no worker is left with one at the end
        self.waiting = collections.deque(sorted(chosen, key=lambda s: (not s.first, -s.limit)))
        self.counts = collections.Counter()
        self.losses = collections.Counter()
        self.lock = threading.Lock()
        self.live = set()
        self.helpers = []

    def say(self, lines):
        with self.lock:
            print("\n".join(lines), flush=True)

    def verdict(self, word, scenario, text, more=()):
        with self.lock:
            self.counts[word] += 1
        self.say([f"{word} {scenario.name}{text}", *(f"  | {line}" for line in more)])

    def log_tail(self, scenario, lines=60):
        path = os.path.join(self.results, f"{scenario.name}.log")
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                text = file.read().replace("\r", "").splitlines()
        except OSError:
            return []
        return [f"(the end of {path})", *text[-lines:]]

    def one(self, level1, scenario):
        """Run one scenario to its verdict. Raises l1.Lost."""
        level1.send(f"run {scenario.name} {scenario.base} {scenario.limit} {scenario.variant}")
        until = min(self.deadline, time.monotonic() + scenario.limit + GRACE)
        while True:
            line = level1.receive(until)
            if line is None:
                level1.send("state")  # for the tail of the console
                level1.receive(time.monotonic() + 5)
                raise l1.Lost("is past the limit of the whole run" if time.monotonic() >= self.deadline
                              else f"has not ended {scenario.name} {GRACE} s after its limit")
            word, _, rest = line.partition(" ")
            if word == "note":  # something to know that is no verdict, such as measured counts
                self.say([f"  {rest}"])
            if word == "end":
                break
        status, seconds, *reason = rest.split(" ", 2)
        why = f": {reason[0]}" if reason and reason[0] else ""
        if status == "0":
            if scenario.after:
                helper = threading.Thread(target=self.after, args=(scenario, seconds))
                self.helpers.append(helper)
                helper.start()
            else:
                self.verdict("PASS", scenario, f" ({seconds} s)")
        elif status == str(SKIPPED):
            self.verdict("SKIP", scenario, why)
        else:
            self.verdict("FAIL", scenario, why or f": ended with status {status} after {seconds} s",
                         self.log_tail(scenario))

    def after(self, scenario, seconds):
        """Level 1 is content and goes on with the next one: what a script on the host says decides."""
        started = time.monotonic()
        try:
            done = subprocess.run(
                [os.path.join(LAB, "after", scenario.after), self.results, scenario.name],
                env=dict(os.environ, IOLITE_FAULTS=self.faults), stdin=subprocess.DEVNULL, text=True, errors="replace",
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=scenario.limit, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            self.verdict("FAIL", scenario, f": {scenario.after}: {error}")
            return
        lines = done.stdout.splitlines() or [""]
        if done.returncode:
            self.verdict("FAIL", scenario, f": {scenario.after}: {lines[-1]}", lines)
        else:
            self.verdict("PASS", scenario, f" ({seconds} s, then {time.monotonic() - started:.1f} s: {lines[-1]})")

    def lost(self, level1, scenario, reason):
        """A level 1 is gone: run its scenario again in a fresh one, if that may help."""
        tail = [f"level 1 {reason}; the end of its console:", *level1.console_tail()]
        if not scenario:
            self.say(tail)
            return
        self.losses[scenario.name] += 1
        if self.losses[scenario.name] < LOSSES and time.monotonic() < self.deadline:
            self.say([f"  {scenario.name}: level 1 {reason}; once more in a fresh one", *(f"  | {x}" for x in tail)])
            self.waiting.appendleft(scenario)
        else:
            self.verdict("FAIL", scenario, f": level 1 {reason}", tail)

    def work(self, name):
        """A worker: boots level 1 and runs scenarios in it until none is left."""
        boots = 0
        while self.waiting and time.monotonic() < self.deadline and boots < 4:
            boots += 1
            scenario = None
            level1 = l1.Level1(self.setup, name)
            self.live.add(level1)
            try:
                level1.wait_ready()
                while time.monotonic() < self.deadline:
                    try:
                        scenario = self.waiting.popleft()
                    except IndexError:
                        break
                    self.one(level1, scenario)
                    scenario = None
            except l1.Lost as reason:
                self.lost(level1, scenario, reason)
            finally:
                level1.stop()
                self.live.discard(level1)

    def all(self, jobs):
        workers = [threading.Thread(target=self.work, args=(f"L1-{i}",), daemon=True)
                   for i in range(min(jobs, len(self.waiting)))]
        try:
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            for helper in self.helpers:
                helper.join()
        finally:
            for level1 in list(self.live):  # we were interrupted: leave no QEMU behind
                level1.process.kill()
        for scenario in self.waiting:
            self.verdict("FAIL", scenario, ": not run: " + (
                f"the whole run took more than {self.limit} s" if time.monotonic() >= self.deadline
                else "level 1 was lost too often"))
