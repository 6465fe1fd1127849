# SPDX-License-Identifier: Apache-2.0
"""What benchmarks of networks share: who runs the guest, how runs are compared, and what is printed."""

import statistics
import subprocess

import load
import report
import stats

BUDGET_S = 35
COUNT_MS = 600
SLOT = 17  # of the first network card of iolite; QEMU's is put there
TAP = "tap0"  # tests/bench/net_peer.c makes it
NO_NAMESPACE = 77


class Load:
    """One table: op of the guest, metric "mean" or "p50", bytes and name of what is counted.

    pairs are (contender, other, goal of the time of the first against the second, None: no goal).
    """

    def __init__(self, title, op, metric, size, unit, pairs):
        self.title = title
        self.op = op
        self.metric = metric
        self.size = size
        self.unit = unit
        self.pairs = pairs

    def words(self, ticks):
        return [f"op={self.op}", f"ticks={ticks}"]


def peer_of(programs):
    """What runs everybody, in a namespace of its own for each run."""
    return lambda words: [load.program(programs, "bench_net_peer")] + words + ["--"]


def iolite(name, path, programs, guest, backend):
    def command(words, _):
        return [path, "run", "-m", f"{load.MEMORY_MIB}M", "-c", "1", "-s", "stdio", "-k", load.guest(programs, guest),
                "-n", backend, "-a", " ".join([f"pci={SLOT}"] + words)]  # fmt: skip

    return load.Contender(name, "iolite", command, around=peer_of(programs))


def qemu(name, programs, guest, backend, before=()):
    device = (f"virtio-net-pci,disable-legacy=on,netdev=n0,addr={SLOT:#x},mq=off,romfile=,"
              "rx_queue_size=256,tx_queue_size=256")  # fmt: skip

    def command(words, _):
        return list(before) + load.QEMU + [
            "-netdev", backend, "-device", device,
            "-kernel", load.guest(programs, guest), "-append", " ".join([f"pci={SLOT}"] + words)]  # fmt: skip

    return load.Contender(name, "peer", command, load.QEMU_STATUS, peer_of(programs))


def host(programs):
    return load.Contender("host program", "limit",
                          lambda words, _: [load.program(programs, "bench_host_net"), TAP] + words,
                          around=peer_of(programs))  # fmt: skip


def why_not(programs):
    """Why there can be no namespace with a tap here; None: there can."""
    done = subprocess.run(peer_of(programs)([]) + ["true"], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, check=False)  # fmt: skip
    if done.returncode == NO_NAMESPACE:
        return done.stderr.strip()
    if done.returncode:
        raise load.Failed(f"bench_net_peer: status {done.returncode}: {done.stderr.strip()}")
    return None


def time_of(sample, metric, per_ms):
    """us"""
    ticks = sample["p50"] if metric == "p50" else sample["ticks"] / max(1, sample["requests"])
    return ticks * 1e3 / per_ms


def show(what, samples, counts, per_ms):
    """A row for each contender, and its figures for the JSON line."""
    rows, medians = [], {}
    for c, rounds in samples.items():
        flat = [sample for one in rounds for sample in one]
        units = max(1, sum(s["requests"] for s in flat))
        times = [time_of(s, what.metric, per_ms) for s in flat]
        rate = statistics.median(s["requests"] / s["ticks"] for s in flat) * per_ms * 1e3
        entry = {
            "us": round(statistics.median(times), 2),
            "p99_us": round(statistics.median(s["p99"] for s in flat) * 1e3 / per_ms, 1) or None,
            "per_s": round(rate),
            "gbit_s": round(rate * what.size * 8 / 1e9, 3),
            "cpu_us": round(sum(s["cpu_ns"] for s in flat) / units / 1e3, 2),
            "sleeps": round(sum(s["sleeps"] for s in flat) / units, 3),
        }
        for event, name in zip(load.EVENTS, ("system_calls", "exits", "wakes")):
            entry[name] = round(counts[c][event], 3) if c in counts else None
        medians[f"{what.title}: {c.name}"] = entry
        rows.append([c.name, entry["us"], f"{stats.quantile(times, 0.1):.2f}..{stats.quantile(times, 0.9):.2f}",
                     entry["p99_us"], entry["per_s"], entry["gbit_s"], entry["cpu_us"], entry["exits"],
                     entry["system_calls"], entry["wakes"], entry["sleeps"]])  # fmt: skip
    report.table([what.title, "us", "10..90 %", "p99 us", f"{what.unit}/s", "Gbit/s", "CPU us", "exits", "system calls",
                  "wakes", "sleeps"], rows)  # fmt: skip
    return medians


def sample_all(contenders, loads, rounds, per_ms):
    samples = {what: {} for what in loads}
    more = load.within(BUDGET_S)
    for _ in range(rounds):
        for what in loads:
            load.add_rounds(samples[what], load.measure(contenders, what.words(load.SAMPLE_MS * per_ms), None, 1))
        if not more():
            break
    return samples


def count_all(contenders, what, per_ms):
    """A program without a machine is not counted: its system calls are known, and it has no exits."""
    long, short = (what.words(ms * per_ms) for ms in (COUNT_MS, 0))
    return {c: load.per_request(c, long, short, None) for c in contenders if c.kind != "limit"}


def compare(benchmark, programs, contenders, loads, rounds, check):
    """Runs all loads and prints what came of it; check(load, contender, sample) raises when a figure cannot be right."""
    per_ms = load.ticks_per_ms(programs)
    samples = sample_all(contenders, loads, rounds, per_ms)
    result = report.environment(benchmark)
    result["medians"], result["ratios"] = {}, {}
    counting = load.can_count()
    if not counting:
        print("  note: nothing is counted: perf stat with tracepoints does not work here")
    for what in loads:
        for c, found in samples[what].items():
            for sample in (s for one in found for s in one):
                check(what, c, sample)
        counts = count_all(contenders, what, per_ms) if counting else {}
        result["medians"].update(show(what, samples[what], counts, per_ms))
        times = {c: [[time_of(s, what.metric, per_ms) for s in one] for one in found]
                 for c, found in samples[what].items()}  # fmt: skip
        for ours, other, goal in what.pairs:
            key = f"{what.title}: {ours.name} / {other.name}"
            result["ratios"][key] = report.ratio(key, stats.ratio(times[ours], times[other]), goal)
    report.json_line(result)
