# SPDX-License-Identifier: Apache-2.0
"""B1: from fork+exec to the guest's first byte on the VMM's standard output."""

import os
import statistics
import subprocess

import report
import stats
from contenders import MEMORY_MIB, Failed, run

GOAL_PEER = 0.2
GOAL_BARE = 1.2
KVM_RUN = 0xAE80


def one_start(launcher, contender):
    """(wall, CPU) in ms."""
    wall_ns, cpu_ns = map(int, run([launcher] + contender.command, contender.name).split())
    return wall_ns / 1e6, cpu_ns / 1e6


def measure(contenders, launcher, rounds):
    """A B B A: each round goes through all contenders forth and back. {contender: [[sample]]}"""
    samples = {c: [] for c in contenders}
    for _ in range(rounds):
        for c in contenders:
            samples[c].append([])
        for c in contenders + contenders[::-1]:
            samples[c][-1].append(one_start(launcher, c))
    return samples


def count(counter, contender):
    """(system calls, {KVM request: how often}) of one start, or None where nothing may be traced."""
    done = subprocess.run([counter] + contender.command, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)  # fmt: skip
    if done.returncode == 3:
        return None
    if done.returncode:
        raise Failed(f"{contender.name} does not start under ptrace: {done.stderr.strip()[-200:]}")
    lines = [line.split() for line in done.stdout.splitlines()]
    kvm = {int(words[1], 16): int(words[2]) for words in lines if words[0] == "kvm"}
    return int(lines[0][1]), kvm


def warn_of_drift(ours, bare):
    """The limit is one only as long as it issues iolite's calls (KVM_RUN aside)."""
    differ = [r for r in sorted(ours.keys() | bare.keys())
              if r != KVM_RUN and ours.get(r, 0) != bare.get(r, 0)]  # fmt: skip
    for request in differ:
        print(f"  note: KVM call 0x{request:08x}: iolite {ours.get(request, 0)} times, "
              f"the bare program {bare.get(request, 0)} times")  # fmt: skip


def column(rounds, which):
    return [[sample[which] for sample in one] for one in rounds]


def flat(rounds, which):
    return [sample[which] for one in rounds for sample in one]


def main(contenders, programs, rounds):
    print(f"B1 start: fork+exec to the guest's first device write, {MEMORY_MIB} MiB, "
          f"{2 * rounds} starts each")  # fmt: skip
    samples = measure(contenders, os.path.join(programs, "bench_launch"), rounds)
    counts = {c: count(os.path.join(programs, "bench_count"), c) for c in contenders}

    rows, medians = [], {}
    for c in contenders:
        wall, cpu, counted = flat(samples[c], 0), flat(samples[c], 1), counts[c]
        medians[c.name] = {
            "wall_ms": round(statistics.median(wall), 3),
            "cpu_ms": round(statistics.median(cpu), 3),
            "system_calls": counted and counted[0],
            "kvm_calls": counted and sum(counted[1].values()),
            "exits": counted and counted[1].get(KVM_RUN, 0),
        }
        m = medians[c.name]
        rows.append([c.name, f"{m['wall_ms']:.2f}",
                     f"{stats.quantile(wall, 0.1):.2f}..{stats.quantile(wall, 0.9):.2f}",
                     f"{m['cpu_ms']:.2f}", m["system_calls"], m["kvm_calls"], m["exits"]])  # fmt: skip
    report.table(["", "wall ms", "10..90 %", "CPU ms", "system calls", "of KVM", "KVM_RUN"], rows)

    ours = next(c for c in contenders if c.kind == "iolite")
    bare = next(c for c in contenders if c.kind == "bare")
    peers = [c for c in contenders if c.kind == "peer"]
    fastest = min(peers, key=lambda c: medians[c.name]["wall_ms"])
    result = report.environment("B1")
    result["medians"] = medians
    result["ratios"] = {}
    others = [(fastest, GOAL_PEER), (bare, GOAL_BARE)] + [(c, None) for c in peers if c != fastest]
    for other, goal in others:
        for which, name in enumerate(("wall", "cpu")):
            found = stats.ratio(column(samples[ours], which), column(samples[other], which))
            result["ratios"][f"{name} / {other.name}"] = report.ratio(
                f"{name:4} iolite / {other.name}", found, goal if name == "wall" else None)  # fmt: skip
    if counts[ours] and counts[bare]:
        warn_of_drift(counts[ours][1], counts[bare][1])
    report.json_line(result)
