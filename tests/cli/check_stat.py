#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`iolite stat`, and the commands of the control socket behind it, with guests that tell how much they did.

  check_stat.py IOLITE GUESTS [WORD...]     GUESTS: the folder of tests/guest/x86_64; WORDs: only cases with one of them in their name
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
import prometheus_text  # noqa: E402
from cases import SKIPPED, Failure, expect, has_kvm, run_cases  # noqa: E402
from guest_machine import LIMIT, GuestMachine  # noqa: E402
from qmp_client import Client, QmpError  # noqa: E402

MIB = 1 << 20
IOLITE, GUESTS = (os.path.abspath(path) for path in sys.argv[1:3])
WARM_UP = 64  # requests of the guest "bench" that it does not count
BYTES = 4096


def run(*arguments, status=0):
    result = subprocess.run([IOLITE, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT, check=False)
    if result.returncode != status:
        raise Failure(f"iolite {' '.join(arguments)}: status {result.returncode}, not {status}; says {result.stdout!r}, {result.stderr!r}")
    return result.stdout


class Machine(GuestMachine):
    """One that stands when its guest has switched it off."""

    def __init__(self, guest, words, disks=(4 * MIB,)):
        self.files = tempfile.TemporaryDirectory()
        self.path = f"{self.files.name}/control"
        options = ["--control", self.path, "--name", "test-stat", "--on-poweroff", "pause"]
        for i, size in enumerate(disks):
            with open(f"{self.files.name}/disk{i}", "wb") as file:
                file.truncate(size)
            options += ["-d", f"{self.files.name}/disk{i}"]
        super().__init__(IOLITE, f"{GUESTS}/{guest}", "-m", "64M", *options, words=words)
        try:
            self.client = Client(self.path, alive=self.alive)
        except QmpError as error:
            raise Failure(f"{error}; stderr: {self.said()!r}") from None

    def __exit__(self, *arguments):
        self.client.close()
        super().__exit__(*arguments)
        self.files.cleanup()

    def switched_off(self):
        """What was counted until then."""
        deadline = time.monotonic() + LIMIT
        while self.client.execute("query-status")["status"] != "paused":
            if time.monotonic() > deadline or not self.alive():
                raise Failure(f"the guest does not come to its end: {self.output()!r}, stderr: {self.said()!r}")
            time.sleep(0.01)
        return self.client.execute("x-iolite-stats")

    def raw_bytes(self):
        return os.path.getsize(f"{self.folder}/out")

    def done(self):
        """How many requests the guest "bench" says that it did."""
        deadline = time.monotonic() + LIMIT
        while True:
            told = re.search(r"bench requests=(\d+) .*\n", self.output())
            if told:
                return int(told[1])
            if time.monotonic() > deadline:
                raise Failure(f"the guest says {self.output()!r}")
            time.sleep(0.01)


def exits_of_accesses():
    """A guest that accesses a register N times more exits N times more."""
    seen = []
    for count in (1000, 3500):
        with Machine("bench", f"pci=1 op=get count={count}") as m:
            stats = m.switched_off()
            exits = stats["cpus"][0]["exits"]
            seen.append(exits["mmio"])
            expect("the name", stats["name"], "test-stat")
            m.done()
            line = stats["lines"][0]
            expect("what the line counts", (line["label"], line["out-bytes"], line["dropped-bytes"]),
                   ("serial0", m.raw_bytes(), 0))
            if exits["io"] < line["out-bytes"]:
                raise Failure(f"{line['out-bytes']} bytes were written with {exits['io']} accesses to ports")
            text = m.client.execute("human-monitor-command", **{"command-line": "info stats"})
            if f"mmio {exits['mmio']}," not in text and f"mmio {exits['mmio']}\n" not in text:
                raise Failure(f"info stats says {text!r}, not {exits}")
    expect("what 2500 accesses are counted as", seen[1] - seen[0], 2500)


def check_disk(m, stats, kind, other):
    requests = m.done() + WARM_UP
    device = next(d for d in stats["devices"] if d["id"] == "disk0")
    disk = device["disk"]
    expect("requests and bytes", (disk[kind]["requests"], disk[kind]["bytes"]), (requests, requests * BYTES))
    expect("what was not done", [disk[k]["requests"] for k in (other, "flush", "discard", "write-zeroes")], [0, 0, 0, 0])
    expect("errors", [disk[kind][k] for k in ("failed", "invalid")], [0, 0])
    expect("chains", (device["requests"], device["in-flight"], device["mistakes"]), (requests, 0, 0))
    moved = requests * BYTES
    expect("bytes of chains", (device["out-bytes"], device["in-bytes"]),
           (16 * requests + (moved if kind == "write" else 0), requests + (moved if kind == "read" else 0)))
    expect("bins of times", sum(disk[kind]["latency"]), requests)
    # The time of all lies between those that the bins stand for.
    least = sum(n * low for n, low in zip(disk[kind]["latency"], [0, *stats["latency-ns"]]))
    most = sum(n * high for n, high in zip(disk[kind]["latency"], [*stats["latency-ns"], 1 << 62]))
    if not least <= disk[kind]["time-ns"] <= most:
        raise Failure(f"{disk[kind]['time-ns']} ns are not between {least} and {most}")
    if not 0 < device["kicks"] <= requests:
        raise Failure(f"{device['kicks']} kicks for {requests} requests, one at a time")
    return requests, device


def requests_of_a_disk():
    for op, other in (("read", "write"), ("write", "read")):
        with Machine("bench", f"pci=1 op={op} ticks=200000000 span={2 * MIB}") as m:
            stats = m.switched_off()
            requests, device = check_disk(m, stats, op, other)
            expect("interrupts, which the guest did not ask for", device["interrupts"], 0)
            metrics = prometheus_text.read(run("stat", m.path, "--prometheus"))
            expect("requests for Prometheus", prometheus_text.value_of(metrics, "iolite_disk_requests_total", device="disk0", operation=op),
                   requests)
            expect("a histogram's count", prometheus_text.value_of(metrics, "iolite_disk_request_duration_seconds", "_count", operation=op),
                   requests)
            block = m.client.execute("query-blockstats")[0]["stats"]
            expect("what query-blockstats says", block["rd_operations" if op == "read" else "wr_operations"], requests)


def interrupts_of_a_disk():
    with Machine("bench", f"pci=1 op=read irq ticks=200000000 span={2 * MIB}") as m:
        requests, device = check_disk(m, m.switched_off(), "read", "write")
        if not 0 < device["interrupts"] <= requests:
            raise Failure(f"{device['interrupts']} interrupts for {requests} requests")


def what_kvm_counts():
    with Machine("bench", "pci=1 op=get count=1000") as m:
        stats = m.switched_off()
        schemas = m.client.execute("query-stats-schemas", provider="kvm")
        if not schemas:
            expect("values without a schema", m.client.execute("query-stats", target="vcpu"), [])
            return "KVM has none here"
        names = {schema["target"]: [s["name"] for s in schema["stats"]] for schema in schemas}
        expect("targets", sorted(names), ["vcpu", "vm"])
        vcpu = m.client.execute("query-stats", target="vcpu", vcpus=["/machine/cpu/0"])
        expect("whom they are of", [(r["provider"], r["qom-path"]) for r in vcpu], [("kvm", "/machine/cpu/0")])
        expect("names", [s["name"] for s in vcpu[0]["stats"]], names["vcpu"])
        machine = m.client.execute("query-stats", target="vm")
        expect("names", [[s["name"] for s in r["stats"]] for r in machine], [names["vm"]])
        values = {s["name"]: s["value"] for s in vcpu[0]["stats"]}
        ours = stats["cpus"][0]["exits"]["mmio"]
        if "mmio_exits" in values and not 1000 < ours <= values["mmio_exits"] + 1:
            raise Failure(f"KVM counts {values['mmio_exits']} exits for registers, iolite {ours}")
        expect("one by its name", m.client.execute("query-stats", target="vcpu", providers=[{"provider": "kvm", "names": ["exits"]}]),
               [{"provider": "kvm", "qom-path": "/machine/cpu/0", "stats": [{"name": "exits", "value": values["exits"]}]}])
        metrics = prometheus_text.read(run("stat", m.path, "--prometheus"))
        expect("KVM's exits for Prometheus", prometheus_text.value_of(metrics, "iolite_kvm_cpu_exits_total", cpu="0"), values["exits"])
        told = json.loads(run("stat", "--json", m.path))
        expect("KVM's part of --json", [r.get("qom-path") for r in told["kvm"]], [None, "/machine/cpu/0"])
    return None


def line_of(line):
    """Numbers of a line of `iolite stat`, by what is above them."""
    if not re.fullmatch(r"( *\d+[kMG]?){12}", line):
        raise Failure(f"a line is {line!r}")
    values = [float(re.sub(r"[kMG]", "", word)) * {"k": 1000, "M": 1e6, "G": 1e9}.get(word[-1], 1) for word in line.split()]
    return dict(zip(("exits", "mmio", "io", "intr", "kicks", "irqs", "read", "read-bytes", "write", "write-bytes", "rx", "tx"), values))


def lines_by_the_second():
    """While the guest writes, lines say so; when it stands, they are zeros; when the machine is gone, they end."""
    # It writes until there is no room for its notes, which a quick host comes to: these are for minutes.
    with Machine("journal", "pci=1,2 seed=1", disks=(4 * MIB, 4096 * MIB)) as m:
        deadline = time.monotonic() + LIMIT
        while m.client.execute("x-iolite-stats")["devices"][0]["disk"]["write"]["requests"] < 100:
            if time.monotonic() > deadline:
                raise Failure(f"the guest does not write: {m.output()!r}")
        lines = run("stat", m.path, "0.3", "3").splitlines()
        expect("how many lines there are", len(lines), 5)
        for line in map(line_of, lines[2:]):
            if not line["write"] > 0 < line["write-bytes"]:
                raise Failure(f"{line} says nothing of writes")
        expect("reads", [line_of(line)["read"] for line in lines[2:]], [0, 0, 0])
        m.client.execute("stop")
        # The requests that it had in flight are done, if not at once.
        first = m.client.execute("x-iolite-stats")
        while first != {**m.client.execute("x-iolite-stats"), "uptime-seconds": first["uptime-seconds"]}:
            first = m.client.execute("x-iolite-stats")
        lines = run("stat", m.path, "0.2", "2").splitlines()
        expect("a line of a machine that stands", set(line_of(lines[3]).values()), {0})
        with subprocess.Popen([IOLITE, "stat", m.path, "0.1"], stdout=subprocess.PIPE, text=True) as watching:
            for _ in range(5):
                watching.stdout.readline()
            m.client.execute("quit")
            watching.communicate(timeout=LIMIT)
            expect("the status when the machine has ended", watching.returncode, 0)


CASES = [exits_of_accesses, requests_of_a_disk, interrupts_of_a_disk, what_kvm_counts, lines_by_the_second]


def main():
    if not has_kvm():
        return SKIPPED
    if not os.path.exists(f"{GUESTS}/bench"):
        print("SKIP: there is no such guest of this architecture")
        return SKIPPED
    prometheus_text.self_test()
    return run_cases(CASES, sys.argv[3:])


if __name__ == "__main__":
    sys.exit(main())
