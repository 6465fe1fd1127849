# SPDX-License-Identifier: Apache-2.0
"""Failures in the verbs that start no machine, and in those that speak to one."""

import os
import signal

from shimmed import KINDS, Outcome, Process, judge_lines, make_disk
from steady import LIFE

VERB_S = 20
SHORT_MAX = 20  # points of a kind in the short sweep, spread over all


def make_files(folder):
    make_disk(folder)
    with open(os.path.join(folder, "machine.json"), "w", encoding="ascii") as file:
        file.write('{"name": "fault", "boot": {"kernel": "disk"}, "memory": "64M", "disks": [{"path": "disk"}], "nets": [{"kind": "user"}]}')


# Name, words after `iolite`; MACHINE is the control socket of one that runs.
VERBS = [
    ("check", ["check", "machine.json"]),
    ("dry-run", ["run", "machine.json", "-d", "disk,ro", "--dry-run"]),
    ("dtb", ["dtb", "--arch", "aarch64", "-c", "2", "-d", "disk", "-n", "user", "-o", "tree.dtb"]),
    ("doctor", ["doctor"]),
    ("list", ["list"]),
    ("info", ["info", "MACHINE"]),
    ("stat", ["stat", "MACHINE"]),
    ("monitor", ["monitor", "MACHINE", "info", "stats"]),
    ("pause", ["pause", "MACHINE"]),
    ("resume", ["resume", "MACHINE"]),
]
NEEDS_MACHINE = "MACHINE"


def run_verb(setup, name, words, machine, arm):
    process = Process(setup, [machine if word == NEEDS_MACHINE else word for word in words], make_files)
    try:
        if arm:
            process.page.arm(*arm)
        process.start()
        process.process.stdin.close()
        status = process.process.returncode if process.ended(VERB_S) else None
        return process, status
    except BaseException:
        process.close()
        raise


def judge_verb(name, process, status, error):
    """What is wrong, or None. A doctor finds what is missing: that is no failure of its own."""
    said = process.said()
    if status is None:
        return "it does not end"
    if status == -signal.SIGABRT and "GSlice: failed to allocate" in said:
        return None
    if status not in (0, 1, 2):
        return f"exit status {status}"
    lines = said.splitlines()
    complaint = judge_lines(lines, 0 if name == "doctor" or name == "check" else status)
    if complaint:
        return complaint
    if status and not lines and not process.said("out"):
        return "a failure without a word"
    left = process.left_behind(("tree.dtb",) if status == 0 else ())
    return f"left behind: {' '.join(left)}" if left else None


def sweep_verb(setup, arguments, name, words):
    """All points of one verb, beside a machine of its own where it needs one."""
    machine, outcomes, path = None, [], ""
    try:
        if NEEDS_MACHINE in words:
            machine = Process(setup, LIFE.arguments(setup.guest), LIFE.prepare).start()
            if not machine.await_life():
                raise RuntimeError(f"no machine starts: {machine.said()}")
            path = os.path.join(machine.folder, "ctl")
        process, status = run_verb(setup, name, words, path, None)
        counts = process.page.counts()
        process.close()
        for kind, count in counts.items():
            if arguments.kind and kind not in arguments.kind:
                continue
            for error in KINDS[kind][: None if arguments.full else 1]:
                for nth in range(1, count + 1) if arguments.full else range(1, count + 1, max(1, count // SHORT_MAX)):
                    if not arguments.has_time():
                        return outcomes
                    process, status = run_verb(setup, name, words, path, (kind, nth, error))
                    verdict = judge_verb(name, process, status, error)
                    outcomes.append(Outcome(f"verb/{name}", kind, nth, error, process, status, verdict, True))
                    process.close()
        return outcomes
    finally:
        if machine:
            machine.close()
