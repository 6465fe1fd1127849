# SPDX-License-Identifier: Apache-2.0
"""B8: frames to and from a tap in a network namespace."""

import statistics
import subprocess

import load
import report
import stats

BUDGET_S = 35
COUNT_MS = 600
SLOT = 17  # of the first network card of iolite; QEMU's is put there
TAP = "tap0"  # tests/bench/net_peer.c makes it
NO_TAP = 77
SMALL, LARGE = 64, 65214  # bytes of a frame, tests/guest/net_frames.h
ARRIVE = 0.99

# title, op, metric, bytes of a frame, goal of the time of a frame against the peer.
LOADS = [
    ("64 B flood", "flood", "mean", SMALL, 1 / 1.5),
    ("64 KiB TSO", "tso", "mean", LARGE, 1 / 1.3),
    ("64 B echo", "echo", "p50", SMALL, 1 / 1.5),
    ("64 B received", "sink", "mean", SMALL, None),
    ("64 KiB TSO received", "sink_tso", "mean", LARGE, None),
]


def peer_of(programs):
    """What runs everybody, in a namespace of its own for each run."""
    return lambda words: [load.program(programs, "bench_net_peer")] + words + ["--"]


def iolite(path, programs):
    def command(words, _):
        return [path, "run", "-m", f"{load.MEMORY_MIB}M", "-c", "1", "-s", "stdio", "-k", load.guest(programs, "netbench"),
                "-n", f"tap,ifname={TAP}", "-a", " ".join([f"pci={SLOT}"] + words)]  # fmt: skip

    return load.Contender("iolite", "iolite", command, around=peer_of(programs))


def qemu(programs):
    device = (f"virtio-net-pci,disable-legacy=on,netdev=n0,addr={SLOT:#x},mq=off,romfile=,"
              "rx_queue_size=256,tx_queue_size=256")  # fmt: skip

    def command(words, _):
        return load.QEMU + [
            "-netdev", f"tap,id=n0,ifname={TAP},script=no,downscript=no,vhost=off", "-device", device,
            "-kernel", load.guest(programs, "netbench"), "-append", " ".join([f"pci={SLOT}"] + words)]  # fmt: skip

    return load.Contender("QEMU microvm", "peer", command, load.QEMU_STATUS, peer_of(programs))


def host(programs):
    return load.Contender("host program", "limit",
                          lambda words, _: [load.program(programs, "bench_host_net"), TAP] + words,
                          around=peer_of(programs))  # fmt: skip


def why_not(programs):
    """Why there can be no tap here; None: there can."""
    done = subprocess.run(peer_of(programs)([]) + ["true"], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, check=False)  # fmt: skip
    if done.returncode == NO_TAP:
        return done.stderr.strip()
    if done.returncode:
        raise load.Failed(f"bench_net_peer: status {done.returncode}: {done.stderr.strip()}")
    return None


def check_arrival(title, samples):
    """What a guest has sent counts only when the tap has seen it."""
    for c, rounds in samples.items():
        for sample in (s for one in rounds for s in one):
            if sample["frames"] < ARRIVE * sample["all"]:
                raise load.Failed(f"{title}: {c.name}: {sample['frames']} frames came of {sample['all']} that were sent")


def words_of(op, ticks):
    return [f"op={op}", f"ticks={ticks}"]


def time_of(sample, metric, per_ms):
    """us"""
    ticks = sample["p50"] if metric == "p50" else sample["ticks"] / sample["requests"]
    return ticks * 1e3 / per_ms


def show(title, metric, size, samples, counts, per_ms):
    """A row for each contender, and its figures for the JSON line."""
    rows, medians = [], {}
    for c, rounds in samples.items():
        flat = [sample for one in rounds for sample in one]
        frames = sum(s["requests"] for s in flat)
        times = [time_of(s, metric, per_ms) for s in flat]
        rate = statistics.median(s["requests"] / s["ticks"] for s in flat) * per_ms * 1e3
        entry = {
            "us": round(statistics.median(times), 2),
            "p99_us": round(statistics.median(s["p99"] for s in flat) * 1e3 / per_ms, 1) or None,
            "per_s": round(rate),
            "gbit_s": round(rate * size * 8 / 1e9, 3),
            "cpu_us": round(sum(s["cpu_ns"] for s in flat) / frames / 1e3, 2),
            "sleeps": round(sum(s["sleeps"] for s in flat) / frames, 3),
        }
        for event, name in zip(load.EVENTS, ("system_calls", "exits", "wakes")):
            entry[name] = round(counts[c][event], 3) if c in counts else None
        medians[f"{title}: {c.name}"] = entry
        rows.append([c.name, entry["us"], f"{stats.quantile(times, 0.1):.1f}..{stats.quantile(times, 0.9):.1f}",
                     entry["p99_us"], entry["per_s"], entry["gbit_s"], entry["cpu_us"], entry["exits"],
                     entry["system_calls"], entry["wakes"], entry["sleeps"]])  # fmt: skip
    report.table([title, "us", "10..90 %", "p99 us", "frames/s", "Gbit/s", "CPU us", "exits", "system calls", "wakes",
                  "sleeps"], rows)  # fmt: skip
    return medians


def sample_all(contenders, rounds, per_ms):
    samples = {title: {} for title, *_ in LOADS}
    more = load.within(BUDGET_S)
    for _ in range(rounds):
        for title, op, *_ in LOADS:
            load.add_rounds(samples[title], load.measure(contenders, words_of(op, load.SAMPLE_MS * per_ms), None, 1))
        if not more():
            break
    return samples


def main(iolite_path, programs, rounds):
    print("B8 tap: frames to and from the host; us: time for a frame, echo: median of there and back")
    reason = why_not(programs)
    if reason:
        print(f"  left out: {reason}\n")
        return
    per_ms = load.ticks_per_ms(programs)
    ours, peer, limit = iolite(iolite_path, programs), qemu(programs), host(programs)
    samples = sample_all([ours, peer, limit], rounds, per_ms)
    result = report.environment("B8")
    result["medians"], result["ratios"] = {}, {}
    counting = load.can_count()
    if not counting:
        print("  note: nothing is counted: perf stat with tracepoints does not work here")
    for title, op, metric, size, goal in LOADS:
        check_arrival(title, samples[title])
        counts = {}
        if counting:
            long, short = (words_of(op, ms * per_ms) for ms in (COUNT_MS, 0))
            counts = {c: load.per_request(c, long, short, None) for c in (ours, peer)}
        result["medians"].update(show(title, metric, size, samples[title], counts, per_ms))
        times = {c: [[time_of(s, metric, per_ms) for s in one] for one in found] for c, found in samples[title].items()}
        for other, target in ((peer, goal), (limit, None)):
            result["ratios"][f"{title} / {other.name}"] = report.ratio(
                f"{title}: iolite / {other.name}", stats.ratio(times[ours], times[other]), target)  # fmt: skip
    report.json_line(result)
