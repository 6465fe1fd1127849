# SPDX-License-Identifier: Apache-2.0
"""Failures in a machine that runs: while something is done with it, a call fails; afterwards the same works, or the machine has ended
for a reason that it gave."""

import json
import os
import re
import socket
import time

from shimmed import Config, KINDS, Outcome, Process, judge_end, make_disk

ANSWER_S = 15
POINTS_MAX = {False: 8, True: 400}  # of one kind in one action, by --full
RUNS_MAX = {False: 1, True: 10}  # KVM_RUN: each costs a machine

LIFE = Config("steady", ["-s", "stdio", "-n", "user", "-d", "disk", "--console", "file:con", "--rng", "--control", "ctl", "--gdb", "unix:gdb"],
              "17,1,26,25", prepare=make_disk, may_stay=("con",))  # fmt: skip


class Stuck(Exception):
    """Something did not come in time; the text says what."""


class Refused(Exception):
    """Something was not done, which is a right answer while a call fails."""


class Ended(Exception):
    """Something has come to its end for good, and it was said: the machine is to be stopped."""


# What is said, the number that shows it, and what that is from then on.
FOR_GOOD = (
    ("every later flush fails too", 2, "1"),
    ("the link is down for good", 1, "0"),
)


# --- what is done ---


def ask_guest(order, pattern, right, allowed):
    """The guest does something, and says numbers that match. @right: without failures; @allowed: with one."""

    def act(machine, failing):
        before = len(re.findall(pattern, machine.said("out")))
        machine.order(order)
        deadline = time.monotonic() + ANSWER_S
        while not machine.await_words(pattern, 0.5, before + 1):
            if not machine.alive():
                raise Refused
            if machine.has_no_line():
                raise Ended("the guest has no line any more")
            if time.monotonic() < deadline:
                continue
            raise Stuck(f"the guest does not answer {order!r}")
        numbers = re.findall(pattern, machine.said("out"))[-1]
        numbers = [numbers] if isinstance(numbers, str) else list(numbers)
        if not failing and numbers != right:
            for text, place, number in FOR_GOOD:
                if text in machine.said() and len(numbers) > place and numbers[place] == number:
                    raise Ended(text)
            raise Stuck(f"the guest got {numbers}, not {right}")
        if any(number not in allowed for number in numbers):
            raise Stuck(f"the guest got {numbers}")

    return act


def connect(machine, name):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(ANSWER_S)
    try:
        client.connect(os.path.join(machine.folder, name))
    except OSError as error:
        client.close()
        raise Refused(str(error)) from None
    return client


class Qmp:
    """A client that knows as little as possible."""

    def __init__(self, machine):
        self.socket = connect(machine, "ctl")
        self.lines = self.socket.makefile("rb")

    def line(self):
        try:
            line = self.lines.readline()
        except TimeoutError:
            raise Stuck("the control socket says nothing") from None
        except OSError as error:
            raise Refused(str(error)) from None
        if not line:
            raise Refused("the control socket hung up")
        return json.loads(line)

    def execute(self, command, **arguments):
        try:
            self.socket.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        except OSError as error:
            raise Refused(str(error)) from None
        while True:
            answer = self.line()
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise Refused(str(answer["error"]))

    def close(self):
        self.lines.close()
        self.socket.close()


def with_qmp(*commands):
    def act(machine, failing):
        qmp = Qmp(machine)
        try:
            qmp.line()
            for command, arguments in (("qmp_capabilities", {}), *commands):
                qmp.execute(command, **arguments)
        finally:
            qmp.close()

    return act


def reset(machine, failing):
    before = machine.said("out").count("ready")
    with_qmp(("system_reset", {}))(machine, failing)
    if not machine.await_words("ready", ANSWER_S, before + 1):
        if not machine.alive():
            raise Refused
        if machine.has_no_line():
            raise Ended("the guest has no line any more")
        raise Stuck("the guest does not come back from a reset")


def packet(text):
    return f"${text}#{sum(text.encode()) & 0xFF:02x}".encode()


def debug(machine, failing):
    """Attach, look, let go."""
    client = connect(machine, "gdb")
    try:
        for text in ("?", "g", "m100000,40", "D"):
            client.sendall(packet(text))
            got = b""
            while not re.search(rb"\$[^#]*#..", got):
                more = client.recv(4096)
                if not more:
                    raise Refused("gdb's server hung up")
                got += more
            client.sendall(b"+")
    except TimeoutError:
        raise Stuck("gdb's server says nothing") from None
    except OSError as error:
        raise Refused(str(error)) from None
    finally:
        client.close()


def resume(machine):
    """A command that pauses may have been the last that got through."""
    try:
        with_qmp(("cont", {}))(machine, True)
    except Refused:
        pass


STATUS = {"0", "1", "2"}  # of virtio-blk
ACTIONS = {
    "disk": ask_guest("w", r"disk (\d+) (\d+) (\d+) (\d+)\n", ["0"] * 4, STATUS),
    "net": ask_guest("n", r"net (\d+) (\d+)\n", ["1", "1"], {"0", "1"}),
    "console": ask_guest("c", r"console (\d+)\n", ["1"], {"1"}),
    "rng": ask_guest("e", r"rng (\d+)\n", ["1"], {"1"}),
    "control": with_qmp(("query-status", {}), ("stop", {}), ("query-blockstats", {}), ("cont", {})),
    "monitor": with_qmp(("human-monitor-command", {"command-line": "info stats"}), ("human-monitor-command", {"command-line": "registers"}),
                        ("human-monitor-command", {"command-line": "help"})),
    "gdb": debug,
    "reset": reset,
}  # fmt: skip


# --- points ---


class Life:
    """A machine, and the next one where it ended."""

    def __init__(self, setup):
        self.setup, self.machine = setup, None

    def ready(self):
        if not self.machine:
            self.machine = Process(self.setup, LIFE.arguments(self.setup.guest), LIFE.prepare).start()
            if not self.machine.await_life():
                raise Stuck(f"no machine starts: {self.machine.said()}")
        return self.machine

    def close(self):
        if self.machine:
            self.machine.close()
        self.machine = None

    def point(self, name, kind, nth, error):
        """One failure during one action; None: there is no such call in it."""
        machine, verdict, status, ended = self.ready(), None, 0, False
        said_before = len(machine.said())
        machine.page.arm(kind, nth, error)
        try:
            ACTIONS[name](machine, True)
        except Refused:
            pass
        except Ended:
            ended = True
        except Stuck as stuck:
            verdict = str(stuck)
        machine.page.disarm()
        fired = machine.page.fired()
        if not fired and not verdict and machine.alive():
            return None
        if not verdict and not ended:
            try:
                verdict = self.recover(name)
            except Ended:
                ended = True
        if not machine.alive() or verdict or ended:
            right = (0,) if machine.alive() else (1, 3, -6)
            status = machine.end()
            verdict = verdict or judge_end(machine, LIFE, status, True, error, since=said_before)
            verdict = verdict or (None if status in right else f"it ended with status {status}")
        outcome = Outcome(f"steady/{name}", kind, nth, error, machine, status, verdict, True)
        outcome.said = machine.said()[said_before:].replace(machine.folder, "FOLDER").strip()
        if not machine.process or not machine.alive():
            self.close()
        return outcome

    def recover(self, name):
        """The action works again, and the guest lives; what is wrong, None: nothing, or the machine has ended."""
        machine, last = self.machine, None
        deadline = time.monotonic() + ANSWER_S
        while machine.alive() and time.monotonic() < deadline:
            try:
                resume(machine)
                ACTIONS[name](machine, False)
                ask_guest("s", r"(alive)\n", ["alive"], {"alive"})(machine, False)
                return None
            except (Stuck, Refused) as error:
                last = error
                time.sleep(0.1)
        return f"afterwards: {last}" if machine.alive() else None

    def end(self):
        """An orderly one of what has lived through failures."""
        if not self.machine:
            return None
        status = self.machine.end()
        verdict = judge_end(self.machine, LIFE, status, True)
        # The last call may have failed just as that was called off.
        if not verdict and status and not self.machine.page.fired():
            verdict = f"the end has status {status}"
        outcome = Outcome("steady/end", "none", 0, 0, self.machine, status, verdict, True) if verdict else None
        self.close()
        return outcome


def sweep_action(setup, arguments, name, kind):
    """All points of one kind of call in one action."""
    life, outcomes = Life(setup), []
    limit = (RUNS_MAX if kind == "run" else POINTS_MAX)[arguments.full]
    try:
        for error in KINDS[kind][: None if arguments.full else 1]:
            for nth in range(1, limit + 1):
                outcome = life.point(name, kind, nth, error) if arguments.has_time() else None
                if not outcome:
                    break
                outcomes.append(outcome)
        last = life.end()
        return outcomes + ([last] if last else [])
    finally:
        life.close()


def groups(arguments):
    """Pairs of action and kind."""
    for name in ACTIONS:
        for kind in KINDS:
            if kind != "none" and (not arguments.kind or kind in arguments.kind):
                yield name, kind
