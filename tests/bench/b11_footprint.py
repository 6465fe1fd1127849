# SPDX-License-Identifier: Apache-2.0
"""B11: what a VMM costs in memory while its tiny guest stands halted, guest RAM left out."""

import os
import re
import shutil
import statistics
import subprocess
import tempfile
import time

import report
import stats
from contenders import MEMORY_MIB, Failed

GOAL_PEER = 0.03
GOAL_KIB = 400
MARKER = b"\xa5"  # marker.h
SETTLE_S = 0.1
LIMIT_S = 20

# A VMM may map guest RAM with room for its alignment.
RAM_KIB = MEMORY_MIB * 1024
RAM_SLACK_KIB = 4096

HEAD = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)$")
FIELD = re.compile(r"^(\w+): +(\d+) kB$")


def parse_smaps(text):
    """[{name, writable, start, end, size, Pss, Private_Dirty, ...}], sizes in KiB."""
    mappings = []
    for line in text.splitlines():
        head, field = HEAD.match(line), FIELD.match(line)
        if head:
            start, end = int(head[1], 16), int(head[2], 16)
            mappings.append({"name": head[4], "writable": "w" in head[3],
                             "start": start, "end": end, "size": (end - start) // 1024})  # fmt: skip
        elif field:
            mappings[-1][field[1]] = int(field[2])
    return mappings


def find_ram(mappings, name):
    """The mappings that are guest RAM: the largest, and of its neighbours what it lacks in size.

    A VMM that gives parts of guest RAM other properties splits its mapping.
    """
    first = last = max(range(len(mappings)), key=lambda i: mappings[i]["writable"] * mappings[i]["size"])
    size = mappings[first]["size"]
    while size < RAM_KIB:
        if first > 0 and adjoin(mappings[first - 1], mappings[first]):
            first -= 1
            size += mappings[first]["size"]
        elif last + 1 < len(mappings) and adjoin(mappings[last], mappings[last + 1]):
            last += 1
            size += mappings[last]["size"]
        else:
            break
    if not RAM_KIB <= size < RAM_KIB + RAM_SLACK_KIB:
        raise Failed(f"{name}: no mapping looks like {MEMORY_MIB} MiB of guest RAM")
    return mappings[first : last + 1]


def adjoin(below, above):
    return below["end"] == above["start"] and below["writable"] and above["writable"]


def footprint(pid, name):
    with open(f"/proc/{pid}/smaps", encoding="ascii", errors="replace") as f:
        mappings = parse_smaps(f.read())
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
        status = {key: value for key, _, value in (line.partition(":") for line in f)}
    ram = find_ram(mappings, name)
    rest = [m for m in mappings if m not in ram]
    files = {m["name"] for m in mappings}
    return {
        "private_dirty": sum(m["Private_Dirty"] for m in rest),
        "pss": sum(m["Pss"] for m in rest),
        "ram": sum(m["Rss"] for m in ram),
        "page_tables": int(status["VmPTE"].split()[0]),
        "mappings": len(mappings),
        "threads": int(status["Threads"]),
        "libraries": sum(1 for f in files if re.search(r"\.so(\.[0-9.]+)?$", f)),
    }


def await_marker(process, name):
    deadline = time.monotonic() + LIMIT_S
    os.set_blocking(process.stdout.fileno(), False)
    while time.monotonic() < deadline:
        if MARKER in (process.stdout.read() or b""):
            return
        if process.poll() is not None:
            break
        time.sleep(0.002)
    raise Failed(f"{name}: its guest gave no sign of life")


def one_sample(contender):
    with subprocess.Popen(contender.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as process:  # fmt: skip
        try:
            await_marker(process, contender.name)
            time.sleep(SETTLE_S)
            return footprint(process.pid, contender.name)
        finally:
            process.kill()


def binary_kib(program):
    """Size of a program without its symbols, as packages ship it."""
    path = shutil.which(program)
    if shutil.which("strip"):
        with tempfile.NamedTemporaryFile() as stripped:
            subprocess.run(["strip", "-o", stripped.name, path], check=True)
            return os.path.getsize(stripped.name) // 1024
    return os.path.getsize(path) // 1024


COLUMNS = [
    ("private dirty KiB", "private_dirty"),
    ("PSS KiB", "pss"),
    ("page tables KiB", "page_tables"),
    ("RAM in use KiB", "ram"),
    ("mappings", "mappings"),
    ("threads", "threads"),
    ("libraries", "libraries"),
    ("binary KiB", "binary"),
]


def flush(path):
    """A program fresh from the linker counts as dirty memory until it is on disk."""
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def main(contenders, rounds):
    print(f"B11 footprint: the guest halted, guest RAM left out, {2 * rounds} runs each")
    for c in contenders:
        flush(shutil.which(c.command[0]))
    samples = {c: [] for c in contenders}
    for _ in range(rounds):
        for c in contenders:
            samples[c].append([])
        for c in contenders + contenders[::-1]:
            samples[c][-1].append(one_sample(c))

    def rounds_of(contender, key):
        return [[sample[key] for sample in one] for one in samples[contender]]

    medians = {}
    for c in contenders:
        keys = [key for _, key in COLUMNS if key != "binary"]
        medians[c.name] = {
            key: round(statistics.median(x for one in rounds_of(c, key) for x in one)) for key in keys
        }
        medians[c.name]["binary"] = binary_kib(c.command[0])
    report.table([""] + [title for title, _ in COLUMNS],
                 [[c.name] + [medians[c.name][key] for _, key in COLUMNS] for c in contenders])  # fmt: skip

    ours = next(c for c in contenders if c.kind == "iolite")
    peers = [c for c in contenders if c.kind == "peer"]
    least = min(peers, key=lambda c: medians[c.name]["private_dirty"])
    result = report.environment("B11")
    result["medians_kib"] = medians
    result["ratios"] = {}
    for key, title, goal in (("private_dirty", "private dirty", GOAL_PEER), ("pss", "PSS", None)):
        found = stats.ratio(rounds_of(ours, key), rounds_of(least, key))
        result["ratios"][f"{key} / {least.name}"] = report.ratio(
            f"{title} iolite / {least.name}", found, goal)  # fmt: skip
    kib = medians[ours.name]["private_dirty"]
    print(f"  private dirty iolite: {kib} KiB, goal <= {GOAL_KIB} KiB: "
          f"{'met' if kib <= GOAL_KIB else 'not met'}")  # fmt: skip
    report.json_line(result)
