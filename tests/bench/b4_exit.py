# SPDX-License-Identifier: Apache-2.0
"""B4: what an exit to the VMM costs: reads and writes of a device register in memory."""

import statistics

import load
import report
import stats

GOAL_BARE = 1.02
GOAL_PEER_CPU = 0.2
COUNT = 5000
BUDGET_S = 40


def nanoseconds(rounds, per_ms, key):
    return [[sample[key] * 1e6 / per_ms for sample in one] for one in rounds]


def user_above(rounds, bare_rounds):
    """[[ns of user time]] that the bare program, next to it, did not need: the guest's own left out."""
    return [[s["user_ns"] - statistics.median(b["user_ns"] for b in bare) for s in one]
            for one, bare in zip(rounds, bare_rounds)]  # fmt: skip


def main(iolite, programs, rounds):
    per_ms = load.ticks_per_ms(programs)
    disk = load.Disk(programs, 1 << 20)
    ours, peer, bare = load.iolite(iolite, programs), load.qemu(programs), load.bare(programs)
    contenders = [ours, peer, bare]
    print(f"B4 exit: {COUNT} accesses to a device register a run, in rounds of two runs")
    result = report.environment("B4")
    result["medians"], result["ratios"] = {}, {}
    more = load.within(BUDGET_S)
    samples = {op: {} for op in ("get", "set")}
    for _ in range(rounds):
        for op in samples:
            load.add_rounds(samples[op], load.measure(contenders, [f"op={op}", f"count={COUNT}"], disk.path, 1))
        if not more():
            break
    for op, title in (("get", "read"), ("set", "write")):
        rows = []
        for c in contenders:
            flat = [sample for one in samples[op][c] for sample in one]
            entry = {
                "p50_us": round(statistics.median(s["p50"] for s in flat) * 1e3 / per_ms, 2),
                "mean_us": round(statistics.median(s["ticks"] / s["requests"] for s in flat) * 1e3 / per_ms, 2),
                "user_us": round(statistics.median(s["user_ns"] for s in flat) / COUNT / 1e3, 2),
                "cpu_us": round(statistics.median(s["cpu_ns"] for s in flat) / COUNT / 1e3, 2),
            }
            result["medians"][f"{title}: {c.name}"] = entry
            rows.append([f"{title}: {c.name}", entry["p50_us"], entry["mean_us"], entry["cpu_us"],
                         entry["user_us"], len(flat) * COUNT])  # fmt: skip
        report.table(["", "median us", "mean us", "CPU us", "user us", "exits"], rows)
        times = {c: nanoseconds(samples[op][c], per_ms, "p50") for c in contenders}
        above = {c: user_above(samples[op][c], samples[op][bare]) for c in (ours, peer)}
        for other, goal in ((bare, GOAL_BARE), (peer, None)):
            key = f"{title} / {other.name}"
            result["ratios"][key] = report.ratio(f"{title}: median iolite / {other.name}",
                                                 stats.ratio(times[ours], times[other]), goal)  # fmt: skip
        key = f"{title} user time / {peer.name}"
        result["ratios"][key] = report.ratio(f"{title}: user time above the bare program's, iolite / {peer.name}",
                                             stats.ratio(above[ours], above[peer]), GOAL_PEER_CPU)  # fmt: skip
    report.json_line(result)
