# SPDX-License-Identifier: Apache-2.0
"""B5, B6, B7: requests to a disk, one at a time, 32 at a time, and as a stream."""

import statistics

import load
import report
import stats

SPAN = 64 << 20
BUDGET_S = 25
COUNT_MS = 600  # a longer run: few requests say little of what each takes

# Goals are of the time of a request: a third more requests a second is 0.75 of the time.
B5 = {
    "title": "B5 disk, one at a time: 4 KiB random reads",
    "metric": "p50",
    "words": ["bytes=4096", "depth=1"],
    "goals": (0.5, 1.5),
    "loads": [("page cache", []), ("O_DIRECT", ["direct"]),
              ("page cache, interrupts", ["irq"]), ("O_DIRECT, interrupts", ["direct", "irq"])],
}  # fmt: skip
B6 = {
    "title": "B6 disk, 32 at a time: 4 KiB at random places",
    "metric": "mean",
    "words": ["bytes=4096", "depth=32"],
    "goals": (1 / 1.5, 1 / 0.85),
    "loads": [("reads, page cache", []), ("writes, page cache", ["op=write"]),
              ("reads, O_DIRECT", ["direct"]), ("writes, O_DIRECT", ["op=write", "direct"]),
              ("reads, page cache, interrupts", ["irq"])],
}  # fmt: skip
B7 = {
    "title": "B7 disk stream: 128 KiB, 8 at a time",
    "metric": "mean",
    "words": ["bytes=131072", "depth=8", "stream"],
    "goals": (None, 1 / 0.97),
    "loads": [("reads, page cache", []), ("reads, O_DIRECT", ["direct"]),
              ("writes, page cache", ["op=write"]), ("reads, page cache, interrupts", ["irq"])],
}  # fmt: skip
KINDS = {"B5": B5, "B6": B6, "B7": B7}


def time_of(sample, metric, per_ms):
    """ns"""
    ticks = sample["p50"] if metric == "p50" else sample["ticks"] / sample["requests"]
    return ticks * 1e6 / per_ms


def show(kind, title, contenders, samples, counts, per_ms):
    """A row for each contender, and its figures for the JSON line."""
    rows, medians = [], {}
    for c in contenders:
        flat = [sample for one in samples[c] for sample in one]
        requests = sum(s["requests"] for s in flat)
        times = [time_of(s, kind["metric"], per_ms) / 1e3 for s in flat]
        count = counts.get(c)
        entry = {
            "us": round(statistics.median(times), 2),
            "p99_us": round(statistics.median(s["p99"] for s in flat) * 1e3 / per_ms, 1) or None,
            "per_s": round(statistics.median(s["requests"] / s["ticks"] for s in flat) * per_ms * 1e3),
            "cpu_us": round(sum(s["cpu_ns"] for s in flat) / requests / 1e3, 2),
            "sleeps": round(sum(s["sleeps"] for s in flat) / requests, 3),
        }
        for event, name in zip(load.EVENTS, ("system_calls", "exits", "wakes")):
            entry[name] = round(count[event], 3) if count else None
        medians[f"{title}: {c.name}"] = entry
        rows.append([c.name, entry["us"], f"{stats.quantile(times, 0.1):.1f}..{stats.quantile(times, 0.9):.1f}",
                     entry["p99_us"], entry["per_s"], entry["cpu_us"], entry["exits"], entry["system_calls"],
                     entry["wakes"], entry["sleeps"]])  # fmt: skip
    report.table([title, "us", "10..90 %", "p99 us", "per s", "CPU us", "exits", "system calls", "wakes", "sleeps"],
                 rows)  # fmt: skip
    return medians


def words_of(kind, extra, ticks):
    words = kind["words"] + [f"span={SPAN}", f"ticks={ticks}"] + extra
    return words if any(w.startswith("op=") for w in extra) else words + ["op=read"]


def main(name, iolite, programs, rounds):
    kind = KINDS[name]
    per_ms = load.ticks_per_ms(programs)
    disk = load.Disk(programs, SPAN)
    ours, peer, limit = load.iolite(iolite, programs), load.qemu(programs), load.host(programs)
    print(kind["title"] + ("; us: median of a request" if kind["metric"] == "p50" else "; us: time for a request"))

    samples = {title: {} for title, _ in kind["loads"]}
    more = load.within(BUDGET_S)
    for _ in range(rounds):
        for title, extra in kind["loads"]:
            found = load.measure([ours, peer, limit], words_of(kind, extra, load.SAMPLE_MS * per_ms), disk.path, 1)
            load.add_rounds(samples[title], found)
        if not more():
            break

    result = report.environment(name)
    result["medians"], result["ratios"] = {}, {}
    counting = load.can_count()
    if not counting:
        print("  note: nothing is counted: perf stat with tracepoints does not work here")
    for title, extra in kind["loads"]:
        counts = {}
        if counting:
            long, short = (words_of(kind, extra, ms * per_ms) for ms in (COUNT_MS, 0))
            counts = {c: load.per_request(c, long, short, disk.path) for c in (ours, peer)}
        result["medians"].update(show(kind, title, [ours, peer, limit], samples[title], counts, per_ms))
        times = {c: [[time_of(s, kind["metric"], per_ms) for s in one] for one in samples[title][c]]
                 for c in (ours, peer, limit)}  # fmt: skip
        for other, goal in zip((peer, limit), kind["goals"]):
            found = stats.ratio(times[ours], times[other])
            result["ratios"][f"{title} / {other.name}"] = report.ratio(
                f"{title}: iolite / {other.name}", found, None if "irq" in extra else goal)  # fmt: skip
    report.json_line(result)
