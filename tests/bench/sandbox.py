# SPDX-License-Identifier: Apache-2.0
"""What the sandbox costs: iolite with it against iolite without, at the start (B1) and for requests and frames (B5, B6, B8)."""

import os
import statistics

import b1_start
import b5_disk
import b8_tap
import contenders
import load
import net
import report
import stats

GOAL_START_MS = 1
GOAL_TIME = 1.03
BUDGET_S = 25
OFF = ["--sandbox", "off"]


def start(found, programs, rounds):
    """Both programs' starts, with the end of the process: the difference in ms."""
    on = next(c for c in found if c.kind == "iolite")
    off = contenders.Contender("iolite --sandbox off", "iolite", on.command + OFF)
    samples = b1_start.measure([on, off], os.path.join(programs, "bench_launch"), rounds)
    medians, differences = {}, {}
    for which, name in enumerate(("wall", "cpu")):
        columns = {c: b1_start.column(samples[c], which) for c in (on, off)}
        for c, rows in columns.items():
            medians[f"{name}_ms: {c.name}"] = round(statistics.median(x for one in rows for x in one), 3)
        value, low, high = stats.difference(columns[on], columns[off])
        goal = f", goal <= {GOAL_START_MS}: {'met' if value <= GOAL_START_MS else 'not met'}" if name == "wall" else ""
        print(f"  start: {name:4} with - without, ms: {value:.3f} [{low:.3f}, {high:.3f}]{goal}")
        differences[name] = {"ms": round(value, 3), "low": round(low, 3), "high": round(high, 3)}
    return medians, differences


def without(contender):
    return load.Contender(contender.name + " --sandbox off", "iolite",
                          lambda words, disk: contender.command(words, disk) + OFF, around=contender.around)  # fmt: skip


def compare(title, on, words, disk, metric, per_ms, rounds, check=lambda contender, sample: None):
    """One load with and without: the ratio of times."""
    off = without(on)
    samples, more = {}, load.within(BUDGET_S)
    for _ in range(rounds):
        load.add_rounds(samples, load.measure([on, off], words, disk, 1))
        if not more():
            break
    for c, found in samples.items():
        for sample in (s for one in found for s in one):
            check(c, sample)
    times = {c: [[b5_disk.time_of(s, metric, per_ms) for s in one] for one in samples[c]] for c in (on, off)}
    return report.ratio(f"{title}: with / without", stats.ratio(times[on], times[off]), GOAL_TIME)


def main(found, iolite, programs, rounds):
    print("sandbox: iolite with it and without, in turns")
    per_ms = load.ticks_per_ms(programs)
    disk = load.Disk(programs, b5_disk.SPAN)
    ticks = load.SAMPLE_MS * per_ms
    result = report.environment("sandbox")
    result["medians"], result["differences"] = start(found, programs, rounds)
    ratios = result["ratios"] = {}
    for name in ("B5", "B6"):
        kind = b5_disk.KINDS[name]
        for title, extra in kind["loads"][:3]:
            ratios[f"{name} {title}"] = compare(f"{name} {title}", load.iolite(iolite, programs),
                                                b5_disk.words_of(kind, extra, ticks), disk.path, kind["metric"],
                                                per_ms, rounds)  # fmt: skip
    reason = net.why_not(programs)
    if reason:
        print(f"  B8: left out: {reason}")
    for title, op, metric, size, _ in () if reason else b8_tap.LOADS[:3]:
        what = net.Load(title, op, metric, size, "frames", [])
        ours = net.iolite("iolite", iolite, programs, "netbench", f"tap,ifname={net.TAP},vhost=off")
        ratios[f"B8 {title}"] = compare(f"B8 {title}", ours, what.words(ticks), None, metric, per_ms, rounds,
                                        lambda c, s, w=what: b8_tap.check_arrival(w, c, s))  # fmt: skip
    report.json_line(result)
