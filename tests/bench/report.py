# SPDX-License-Identifier: Apache-2.0
"""What benchmarks print."""

import datetime
import json
import os
import platform

versions = {}  # of the programs that take part; set once by the main program


def table(head, rows):
    cells = [head] + [["-" if cell is None else str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    for row in cells:
        texts = [row[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(row[1:], widths[1:])]
        print("  " + "  ".join(texts).rstrip())


def ratio(what, found, goal):
    """Prints a ratio with its interval, and its goal if any; returns what goes into the JSON line."""
    value, low, high = found
    line = f"  {what}: {value:.3f} [{low:.3f}, {high:.3f}]"
    if goal is not None:
        line += f", goal <= {goal:g}: {'met' if value <= goal else 'not met'}"
        line += "" if (high <= goal) == (low <= goal) else " (the interval holds the goal)"
    print(line)
    return {"ratio": round(value, 4), "low": round(low, 4), "high": round(high, 4), "goal": goal}


def cpuinfo(key):
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        for line in f:
            name, _, value = line.partition(":")
            if name.strip() == key:
                return value.strip()
    return "unknown"


def environment(benchmark):
    flags = cpuinfo("flags").split()
    return {
        "benchmark": benchmark,
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "kernel": platform.release(),
        "cpu": cpuinfo("model name"),
        "cpus": os.cpu_count(),
        "virtualization": next((f for f in ("vmx", "svm") if f in flags), "none"),
        "versions": versions,
    }


def json_line(result):
    print(json.dumps(result, separators=(",", ":")))
    print()
