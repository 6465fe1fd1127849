#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each call that a host can refuse fails once, while iolite starts, lives and ends: each failure has its outcome.

  sweep.py IOLITE GUEST SHIM [--full] [--part NAME]... [--kind NAME]... [--point N] [--jobs N] [--seconds S] [--report FILE]

IOLITE: with sanitizers it is looked for leaks, too. GUEST: tests/guest/x86_64/g_faults.c. SHIM: shim.c of this folder, which
counts the calls. Without --full: one error for each kind of call, in a small configuration, a machine that runs, and the verbs.
README.md of this folder says what the outcomes are. --seconds is for each part; --full fails where that was not enough.

Exit status: 0 passed, 1 failed, 77 cannot run here.
"""

import argparse
import concurrent.futures
import os
import random
import shutil
import subprocess
import sys
import time

import steady
import verbs
from shimmed import CONFIGS, KIND_NAMES, KINDS, Failed, Outcome, Process, Setup, error_name, judge_end

SKIP = 77
MET_MIN = 20  # a busy host has no time for all; one that does hardly any tests nothing

# --- points ---


def start_point(setup, config, kind, nth, error, child=False):
    """It starts, its guest lives, it ends: somewhere on the way a call fails."""
    process = Process(setup, config.arguments(setup.guest), config.prepare)
    try:
        process.page.arm(kind, nth, error, child)
        process.start()
        lived = process.await_life()
        status = process.end()
        verdict = judge_end(process, config, status, lived, error, child)
        return Outcome(config.name, kind, nth, error, process, status, verdict, lived)
    finally:
        process.close()


def count_calls(setup, config):
    """How many calls of each kind there are until its end: of the process, of its children."""
    process = Process(setup, config.arguments(setup.guest), config.prepare).start()
    try:
        lived = process.await_life()
        status = process.end()
        verdict = judge_end(process, config, status, lived)
        if status or verdict:
            raise Failed(f"{config.name}: does not work without failures: {status}, {verdict}; it says {process.said()}")
        return process.page.counts(), process.page.counts(child=True)
    finally:
        process.close()


RUNS_MAX = 40  # of KVM_RUN, in the short sweep: all are alike


def points_of(setup, config, arguments):
    own, childs = count_calls(setup, config)
    for child, counts in ((False, own), (True, childs)):
        for kind, count in counts.items():
            if arguments.kind and kind not in arguments.kind:
                continue
            if not arguments.full and kind == "run":
                count = min(count, RUNS_MAX)
            for error in KINDS[kind][: None if arguments.full else 1]:
                for nth in [arguments.point] if arguments.point else range(1, count + 1):
                    yield config, kind, nth, error, child


# --- report ---


def symbols(iolite, offsets):
    """{offset: "function file:line"}."""
    offsets = sorted(set(offsets))
    if not offsets or not shutil.which("addr2line"):
        return {offset: hex(offset) for offset in offsets}
    text = subprocess.run(["addr2line", "-fse", iolite], input="".join(f"{offset - 1:#x}\n" for offset in offsets), capture_output=True,
                          text=True, check=False).stdout.splitlines()  # fmt: skip
    return {offset: " ".join(text[2 * i : 2 * i + 2]) for i, offset in enumerate(offsets)}


def write_report(file, setup, outcomes):
    """One paragraph for all that are alike."""
    alike = {}
    for outcome in outcomes:
        if outcome.fired:
            alike.setdefault(outcome.key(), []).append(outcome)
    names = symbols(setup.iolite, [caller for outcome in outcomes for caller in outcome.callers])
    for same in sorted(alike.values(), key=lambda same: (same[0].verdict is None, same[0].where, same[0].kind, same[0].nth)):
        first = same[0]
        print(f"{'FAIL ' + first.verdict if first.verdict else 'ok'}: {first.where} {first.kind} "
              f"{','.join(str(outcome.nth) for outcome in same[:8])}{'...' if len(same) > 8 else ''} ({len(same)}) {error_name(first.error)}: "
              f"{first.call}({first.detail:#x}) exit {first.status}{'' if first.lived else ', never lived'}", file=file)  # fmt: skip
        print("    by " + " < ".join(names[caller] for caller in first.callers[:5]), file=file)
        for line in first.said.splitlines()[:12]:
            print(f"    | {line}", file=file)


def summary(outcomes):
    """Lines: for each place and kind, how many points, how many were met, how they ended."""
    table = {}
    for outcome in outcomes:
        row = table.setdefault((outcome.where, outcome.kind), {"points": 0, "met": 0, "failed": 0})
        row["points"] += 1
        row["met"] += bool(outcome.fired)
        row["failed"] += bool(outcome.verdict)
        if outcome.fired:
            row[outcome.status] = row.get(outcome.status, 0) + 1
    for (where, kind), row in sorted(table.items()):
        ends = ", ".join(f"exit {status}: {count}" for status, count in row.items() if status not in ("points", "met", "failed"))
        yield f"{where:8} {kind:8} {row['points']:5} points, {row['met']:5} met, {row['failed']:3} failed; {ends}"


def sweep(arguments, one, points):
    """Lists of outcomes of one(point), as far as time goes; how many points are left."""
    outcomes, left, until = [], 0, time.monotonic() + arguments.seconds
    arguments.has_time = lambda: time.monotonic() < until
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:

        def in_time(point):
            return one(point) if arguments.has_time() else None

        for some in pool.map(in_time, points):
            left += some is None
            outcomes += some or []
    if left:
        print(f"note: {arguments.seconds} s were not enough for {left} of {len(points)}")
    return outcomes, left


def mixed(points):
    """Some of all kinds are among the first, where there is no time for all."""
    points = list(points)
    random.Random(1).shuffle(points)
    return points


def sweep_part(setup, arguments, part):
    """The outcomes of a configuration, of a machine that runs, or of the verbs; what there was no time for."""
    if part == "steady":
        return sweep(arguments, lambda group: steady.sweep_action(setup, arguments, *group), mixed(steady.groups(arguments)))
    if part == "verbs":
        return sweep(arguments, lambda verb: verbs.sweep_verb(setup, arguments, *verb), verbs.VERBS)
    config = next(config for config in CONFIGS if config.name == part)
    if not config.needs():
        print(f"SKIP {part}: this host does not have what it needs")
        return [], 0
    return sweep(arguments, lambda point: [start_point(setup, *point)], mixed(points_of(setup, config, arguments)))


PARTS = [*(config.name for config in CONFIGS), "steady", "verbs"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--part", action="append", choices=PARTS)
    parser.add_argument("--kind", action="append", choices=KIND_NAMES[1:])
    parser.add_argument("--point", type=int)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seconds", type=int, default=36000)
    parser.add_argument("--report")
    parser.add_argument("iolite")
    parser.add_argument("guest")
    parser.add_argument("shim")
    arguments = parser.parse_args()
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        print("SKIP /dev/kvm is missing or forbidden")
        return SKIP
    setup = Setup(arguments)
    start, outcomes, left = time.monotonic(), [], 0
    for part in arguments.part or (PARTS if arguments.full else ["small", "steady", "verbs"]):
        some, some_left = sweep_part(setup, arguments, part)
        outcomes, left = outcomes + some, left + some_left
    for line in summary(outcomes):
        print(line)
    if arguments.report:
        with open(arguments.report, "w", encoding="utf-8") as file:
            write_report(file, setup, outcomes)
    bad = [outcome for outcome in outcomes if outcome.verdict]
    write_report(sys.stdout, setup, bad)
    print(f"{len(outcomes)} points, {sum(bool(outcome.fired) for outcome in outcomes)} met, {len(bad)} failed, {time.monotonic() - start:.0f} s")
    met = sum(bool(outcome.fired) for outcome in outcomes)
    return 1 if bad or met < MET_MIN or arguments.full and left else 0


if __name__ == "__main__":
    sys.exit(main())
