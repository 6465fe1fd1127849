#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The verbs that speak to running machines, with machines that are played here: list, info, pause, resume, reset, powerdown, stop, and
monitor with a command. The monitor's shell is check_monitor_shell.py's.

  check_control_verbs.py IOLITE [WORD...]     WORDs: only cases with one of them in their name
"""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
import prometheus_text  # noqa: E402
from fake_machine import LIMIT, FakeMachine, Refusal  # noqa: E402

IOLITE = os.path.abspath(sys.argv[1])
# Where sockets are found by name, and what iolite has to know for that.
FOLDER = "/run/iolite"
ENVIRONMENT = dict(os.environ, LC_ALL="C.UTF-8")


class Failure(Exception):
    pass


class Skipped(Exception):
    pass


def expect(what, got, wanted):
    if got != wanted:
        raise Failure(f"{what} is {got!r}, not {wanted!r}")


def expect_in(what, text, *parts):
    for part in parts:
        if part not in text:
            raise Failure(f"{what} lacks {part!r}: {text!r}")


def run(*arguments, status=0, stdin=b""):
    """Standard output and error."""
    result = subprocess.run([IOLITE, *arguments], input=stdin, capture_output=True, timeout=LIMIT, check=False, env=ENVIRONMENT)
    out, err = result.stdout.decode(), result.stderr.decode()
    if result.returncode != status:
        raise Failure(f"iolite {' '.join(arguments)}: status {result.returncode}, not {status}; says {out!r}, {err!r}")
    for text in (out, err):
        if re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", text):
            raise Failure(f"iolite {' '.join(arguments)} writes control characters: {text!r}")
    return out, err


def named(name):
    if not FOLDER:
        raise Skipped("root's folder is the host's, and this process may not have one of its own (unshare -m)")
    return f"{FOLDER}/{name}.sock"


def dead(path):
    """A socket that nobody listens at."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)


# -- list --

def list_shows_machines():
    with FakeMachine(named("web1")) as web1, FakeMachine(named("db-2.x"), {"query-status": {"status": "paused"}}):
        out, err = run("list")
        expect("standard error", err, "")
        lines = [re.split(r"\s{1,}", line) for line in out.splitlines()]
        expect("the title", lines[0], ["NAME", "STATUS", "PID", "CPUS", "MEMORY", "UPTIME"])
        expect("the first", lines[1][:5], ["db-2.x", "paused", str(os.getpid()), "2", "512M"])
        expect("the second", lines[2][:5], ["web1", "running", str(os.getpid()), "2", "512M"])
        if not re.fullmatch(r"\d\d:\d\d:\d\d", lines[2][5]):
            raise Failure(f"the uptime is {lines[2][5]!r}")
        both = json.loads(run("list", "--json")[0])
        expect("names", [m["name"] for m in both], ["db-2.x", "web1"])
        expect("the second in JSON", {k: v for k, v in both[1].items() if k != "uptime"},
               {"name": "web1", "status": "running", "socket": web1.path, "pid": os.getpid(), "cpus": 2, "memory": 512 << 20})
        if not 0 <= both[1]["uptime"] < 100000:
            raise Failure(f"the uptime is {both[1]['uptime']!r}")


def list_of_none():
    named("x")
    expect("the table", run("list")[0].split(), ["NAME", "STATUS", "PID", "CPUS", "MEMORY", "UPTIME"])
    expect("JSON", json.loads(run("list", "--json")[0]), [])


def list_removes_stale_sockets():
    dead(named("gone"))
    for name in ("file", "folder"):
        os.makedirs(FOLDER, exist_ok=True)
    with open(named("file"), "w", encoding="ascii"):
        pass
    os.mkdir(named("folder"))
    dead(f"{FOLDER}/not a name.sock")
    os.symlink(named("gone"), named("link"))
    try:
        with FakeMachine(named("web1")):
            out, err = run("list")
            expect("names", [line.split()[0] for line in out.splitlines()], ["NAME", "web1"])
            expect_in("standard error", err, f"removed {named('gone')}: nobody listens there any more")
            expect("what is there", sorted(os.listdir(FOLDER)),
                   ["file.sock", "folder.sock", "link.sock", "not a name.sock", "web1.sock"])
            expect("standard error of the second", run("list")[1], "")
    finally:
        os.rmdir(named("folder"))
        for name in ("file", "link", "not a name"):
            os.unlink(f"{FOLDER}/{name}.sock")


def list_with_machines_that_hang():
    def silent(connection):
        connection.recv(1)

    def other(connection):
        connection.sendall(b"SSH-2.0-x\r\n")

    def leaves(connection):
        connection.close()

    with FakeMachine(named("a"), behave=silent), FakeMachine(named("b"), behave=other), FakeMachine(named("c"), behave=leaves), \
            FakeMachine(named("d")), FakeMachine(named("e"), {"query-status": lambda _: None}), \
            FakeMachine(named("f"), {"query-status": {"status": "\x1b[31m\nred"}, "query-cpus-fast": "no list",
                                     "query-memory-size-summary": Refusal("GenericError", "no")}):
        out, _ = run("list")
        expect("what list says", {line.split()[0]: line.split()[1] for line in out.splitlines()[1:]},
               {"a": "silent", "b": "strange", "d": "running", "e": "silent", "f": "?[31m?red"})


# -- by name --

def names_that_are_none():
    for name in ("", "..", "a b", "-x.", "web\n1", "a" * 100, "\x1b[2J"):
        _, err = run("stop", "--", name, status=2)
        expect_in("standard error", err, "iolite: stop: ", "name")
    _, err = run("stop", status=2)
    expect_in("standard error", err, "which machine?")
    _, err = run("stop", "a", "b", status=2)
    expect_in("standard error", err, "unexpected argument 'b'")
    _, err = run("list", "a", status=2)
    _, err = run("stop", "--unheard-of", "a", status=2)
    expect_in("standard error", err, "`iolite help stop` lists the options")


def machines_that_are_not_there():
    _, err = run("pause", "no-such-machine", status=1)
    expect_in("standard error", err, "no machine named 'no-such-machine' runs here; `iolite list` shows those that do")
    with tempfile.TemporaryDirectory() as folder:
        _, err = run("pause", f"{folder}/x", status=1)
        expect("standard error", err, f"iolite: pause: {folder}/x: No such file or directory; with a slash it is the path of a control socket, "
               "else a machine's name: `iolite list` shows those that run\n")
        dead(f"{folder}/x")
        _, err = run("pause", f"{folder}/x", status=1)
        expect_in("standard error", err, "is gone without a goodbye: nobody listens")
        expect("the socket", os.path.lexists(f"{folder}/x"), True)
        _, err = run("pause", f"{folder}/{'x' * 120}", status=2)
        expect_in("standard error", err, "longer than 107 bytes")


def by_name_and_by_path():
    with FakeMachine(named("web1")) as machine:
        run("pause", "web1")
        run("resume", machine.path)
        expect("the commands", machine.commands(), ["qmp_capabilities", "stop", "qmp_capabilities", "cont"])


# -- one command --

class Folder:
    """A machine somewhere else."""

    def __init__(self, *arguments, **options):
        self.folder = tempfile.TemporaryDirectory()
        self.machine = FakeMachine(f"{self.folder.name}/web1.sock", *arguments, **options)

    def __enter__(self):
        return self.machine

    def __exit__(self, *_):
        self.machine.end()
        self.folder.cleanup()


def one_command_each():
    for verb, command in (("pause", "stop"), ("resume", "cont"), ("reset", "system_reset")):
        with Folder() as machine:
            expect("output", run(verb, machine.path), ("", ""))
            expect("the commands", machine.commands(), ["qmp_capabilities", command])
        with Folder({command: Refusal("GenericError", "not\x1b[2J now")}) as machine:
            _, err = run(verb, machine.path, status=1)
            expect("standard error", err, f"iolite: {verb}: {machine.path}: not?[2J now\n")


def powerdown_without_waiting():
    with Folder() as machine:
        expect("output", run("powerdown", machine.path), ("", ""))
        expect("the last command", machine.commands()[-1], "system_powerdown")


def powerdown_of_a_paused_machine():
    with Folder({"query-status": {"status": "paused", "running": False}}) as machine:
        expect_in("standard error", run("powerdown", machine.path)[1], "is paused: it notices the button after `iolite resume")


def powerdown_waits():
    with Folder() as machine:
        def shut_down(_):
            threading.Timer(0.2, lambda: (machine.event("SHUTDOWN", {"guest": True, "reason": "guest-shutdown"}), machine.end())).start()
            return {}
        machine.answers["system_powerdown"] = shut_down
        expect("output", run("powerdown", "--wait", "20", machine.path), ("", ""))
    with Folder() as machine:
        _, err = run("powerdown", machine.path, "-w", "1", status=1)
        expect_in("standard error", err, "has not ended within 1 s; `iolite stop")
    for value in ("0", "-1", "x", "1.5", "", "99999999"):
        _, err = run("powerdown", f"--wait={value}", "web1", status=2)
        expect_in("standard error", err, f"--wait: '{value}' is no number of seconds: give 1 to 604800")


def powerdown_waits_through_a_flood():
    """Events without end are no reason to wait longer."""
    with Folder() as machine:
        def flood(_):
            def loop():
                try:
                    while True:
                        machine.event("STOP")
                except OSError:
                    pass
            threading.Thread(target=loop, daemon=True).start()
            return {}
        machine.answers["system_powerdown"] = flood
        _, err = run("powerdown", machine.path, "-w", "2", status=1)
        expect_in("standard error", err, "has not ended within 2 s")


def stop_ends_it():
    with Folder() as machine:
        def leave(_):
            machine.end()
        machine.answers["quit"] = leave
        expect("output", run("stop", machine.path), ("", ""))
    with Folder() as machine:
        def answer(_):
            threading.Timer(0.2, machine.end).start()
            return {}
        machine.answers["quit"] = answer
        expect("output", run("stop", machine.path), ("", ""))


# -- info --

def info_of_questions():
    with Folder() as machine:
        info = json.loads(run("info", machine.path, "--json")[0])
        expect("the keys", sorted(set(info) - {"uptime-seconds"}),
               ["cpus", "disks", "kvm", "memory", "name", "pid", "status", "version"])
        expect("the CPUs", info["cpus"], [{"cpu-index": 0, "thread-id": 11}, {"cpu-index": 1, "thread-id": 12}])
        out, _ = run("info", machine.path)
        expect_in("the text", out, "name:           web1\n", "status:         running\n",
                  "cpus:\n- cpu-index: 0\n  thread-id: 11\n- cpu-index: 1\n", "memory:\n  base-memory:    536870912\n")


def info_of_its_own():
    own = {"name": "w", "list": [1, "two\x1b", True], "none": [], "deep": {"a": [{"b": {"c": [{"d": None}]}}]}, "bad\nkey": "\n"}
    nested = {}
    for _ in range(300):
        nested = {"x": nested, "y": 1}
    with Folder({"x-iolite-info": own}) as machine:
        out, _ = run("info", machine.path)
        expect_in("the text", out, "list:           1, two?, yes\n", "none:           none\n", "      - d: -\n", "bad?key:        ?\n")
        expect("what was asked", machine.commands(), ["qmp_capabilities", "x-iolite-info"])
        machine.answers["x-iolite-info"] = nested
        run("info", machine.path)
        expect("the name in JSON", json.loads(run("info", "--json", machine.path)[0])["y"], 1)


# -- stat --

def counts(**more):
    """An answer to x-iolite-stats."""
    kind = {"requests": 0, "bytes": 0, "failed": 0, "invalid": 0, "time-ns": 0, "latency": [0, 0, 0]}
    disk = {"read": {**kind, "requests": 7, "bytes": 1 << 20, "time-ns": 1500, "latency": [4, 2, 1]}, "write": kind}
    device = {"id": "disk0", "kind": "virtio-blk", "kicks": 3, "interrupts": 4, "requests": 7, "in-flight": 1, "out-bytes": 1,
              "in-bytes": 2, "mistakes": 0, "disk": disk}
    return {"name": None, "status": "running", "uptime-seconds": 2.5, "resets": 0, "devices": [device], "lines": [],
            "cpus": [{"index": 0, "exits": {"mmio": 100, "io": 25, "hlt": 1}}], "latency-ns": [2048, 4096], **more}


def stat_by_the_second():
    at = [0]

    def growing(_):
        at[0] += 1
        answer = counts(**{"uptime-seconds": 0.5 * at[0]})
        answer["cpus"].append({"index": 1, "exits": {"intr": 123456789 * at[0], "mmio": 30 * at[0]}})
        answer["devices"][0]["disk"]["write"] = {"requests": 6 * at[0], "bytes": 700000 * at[0]}
        answer["devices"].append({"id": "net0", "net": {"rx-frames": 10 * at[0], "tx-frames": 20 * at[0]}})
        answer["lines"] = [{"label": "serial0", "interrupts": 5 * at[0]}]
        return answer
    with Folder({"x-iolite-stats": growing}) as machine:
        lines = run("stat", machine.path, "0.1", "3")[0].splitlines()
        expect("the titles", lines[1].split(), "total mmio io intr kicks irqs read bytes write bytes rx tx".split())
        expect("the first", lines[2].split(), "247M 260 50 247M 6 18 14 2048k 12 1367k 20 40".split())
        for line in lines[3:]:
            expect("another", line.split(), "247M 60 0 247M 0 10 0 0 12 1367k 20 40".split())
        expect("how many there are", len(lines), 5)
        expect("what was asked", machine.commands(), ["qmp_capabilities"] + 3 * ["x-iolite-stats"])
    with Folder({"x-iolite-stats": counts(**{"uptime-seconds": 0})}) as machine:
        expect("a machine that has not run", run("stat", machine.path)[0].splitlines()[2].split(), ["0"] * 12)


def stat_until_the_end():
    with Folder() as machine:
        def leave(_):
            if machine.commands().count("x-iolite-stats") == 3:
                machine.end()
                return None
            return counts()
        machine.answers["x-iolite-stats"] = leave
        expect("how many lines there are", len(run("stat", machine.path, "0.1")[0].splitlines()), 4)
    with Folder() as machine:
        machine.answers["x-iolite-stats"] = lambda _: machine.end()
        expect_in("standard error", run("stat", machine.path, status=1)[1], "the machine has closed the connection")


def stat_for_prometheus():
    prometheus_text.self_test()
    evil = 'a"b\\c\nd\x1b[2J}'
    schema = [{"provider": "kvm", "target": "vcpu", "stats": [
        {"name": "exits", "type": "cumulative", "exponent": 0}, {"name": "exits", "type": "instant", "exponent": 0},
        {"name": "exits", "type": "cumulative", "exponent": 0}, {"name": "a b", "type": "instant"}, {"name": "h", "type": "log2-histogram"},
        {"name": "wait_ns", "type": "cumulative", "exponent": -9, "base": 10, "unit": "sec\\onds\n"},
        {"name": "guest_mode", "type": "instant", "unit": "boolean", "exponent": 0}]}]
    values = {"vm": [{"provider": "kvm", "stats": [{"name": "exits", "value": 99}]}],
              "vcpu": [{"provider": "kvm", "qom-path": "/machine/cpu/0", "stats": [
                  {"name": "exits", "value": 11}, {"name": "exits", "value": 12}, {"name": "guest_mode", "value": True}]},
                  {"provider": "kvm", "qom-path": evil, "stats": [{"name": "exits", "value": 13}]}]}
    stats = counts(name=evil)
    stats["devices"] += [{**stats["devices"][0], "kicks": 1000}, {"id": evil, "kind": evil, "kicks": 5}]
    stats["cpus"][0]["exits"][evil] = 6
    with Folder({"x-iolite-stats": stats, "query-stats-schemas": schema, "query-stats": lambda args: values[args["target"]]}) as machine:
        metrics = prometheus_text.read(run("stat", machine.path, "--prometheus")[0])

        def value(*arguments, **labels):
            return prometheus_text.value_of(metrics, *arguments, **labels)
        shown = evil.replace("\x1b", "?")
        expect("the machine's name", value("iolite_running", machine=shown), 1)
        expect("kicks", (value("iolite_device_kicks_total", device="disk0"), value("iolite_device_kicks_total", device=shown)), (3, 5))
        expect("exits", [value("iolite_cpu_exits_total", cpu="0", reason=r) for r in ("mmio", "hlt", shown)], [100, 1, 6])
        expect("buckets", [value("iolite_disk_request_duration_seconds", "_bucket", operation="read", le=le)
                           for le in ("2.048e-06", "4.096e-06", "+Inf")], [4, 6, 7])
        expect("the sum", value("iolite_disk_request_duration_seconds", "_sum", operation="read"), 1.5e-6)
        expect("KVM's", [value("iolite_kvm_cpu_exits_total", cpu=c) for c in ("0", shown)], [11, 13])
        expect("KVM's type", (metrics["iolite_kvm_cpu_exits_total"].type, metrics["iolite_kvm_cpu_guest_mode"].type), ("counter", "gauge"))
        expect("a boolean", value("iolite_kvm_cpu_guest_mode", cpu="0"), 1)
        expect("names that cannot be", [name for name in metrics if " " in name or name.endswith("_h")], [])
        told = json.loads(run("stat", "--json", machine.path)[0])
        expect("--json", told, {**stats, "kvm": values["vm"] + values["vcpu"]})


def stat_of_machines_that_say_anything():
    """What is odd is left out, and what is printed is right all the same."""
    nothings = [None, [], {}, "x", -5, 1e308, True, [[]], [{}], {"a": {}}, [None, 5]]
    for odd in nothings:
        answers = [{key: odd for key in counts()}, counts(devices=[odd]), counts(cpus=[odd]), counts(lines=[odd]),
                   counts(devices=[{"id": odd, "kicks": odd, "disk": odd, "net": odd}]), counts(cpus=[{"index": odd, "exits": odd}]),
                   counts(devices=[{"id": "d", "disk": {"read": odd}}]), counts(**{"latency-ns": odd}), counts(**{"latency-ns": [odd, odd]}), counts(**{"latency-ns": [9, 8]}),
                   counts(devices=[{"id": "d", "disk": {"read": {"requests": odd, "latency": [odd] * 3}}}])]
        for answer in answers:
            with Folder({"x-iolite-stats": answer, "query-stats": odd or "", "query-stats-schemas": [odd]}) as machine:
                prometheus_text.read(run("stat", machine.path, "--prometheus")[0])
                if answer is answers[0]:
                    json.loads(run("stat", machine.path, "--json")[0])
                expect("how many lines there are", len(run("stat", machine.path)[0].splitlines()), 3)
    for odd in nothings[1:]:  # None: the machine that is played does not answer
        if not isinstance(odd, dict):
            with Folder({"x-iolite-stats": odd}) as machine:
                expect_in("standard error", run("stat", machine.path, status=1)[1], "does not say what it has counted")
    with Folder() as machine:
        expect_in("standard error", run("stat", machine.path, status=1)[1], f"iolite: stat: {machine.path}: no such command")
        machine.answers.update({"x-iolite-stats": counts()})
        expect("KVM's of a machine without", json.loads(run("stat", machine.path, "--json")[0])["kvm"], [])


def stat_mistakes():
    for arguments, words in (
            (["a", "0"], "INTERVAL: '0' is no number of seconds: give 0.1 to 86400"), (["a", "1,5"], "INTERVAL: '1,5'"),
            (["a", "nan"], "INTERVAL: 'nan'"), (["a", "1e9"], "INTERVAL: '1e9'"), (["a", ""], "INTERVAL: ''"), (["a", " 1"], "INTERVAL: ' 1'"),
            (["a", "1", "0"], "COUNT: '0' is no number of lines: give 1 to"), (["a", "1", "x"], "COUNT: 'x'"),
            (["a", "1", "2", "3"], "unexpected argument '3'"), (["a", "--json", "--prometheus"], "one of --json and --prometheus"),
            (["--json", "a", "1"], "--json is printed once"), (["a", "1", "--prometheus"], "--prometheus is printed once"),
            ([], "which machine?"), (["a", "-1"], "iolite help stat")):
        expect_in("standard error", run("stat", *arguments, status=2)[1], "iolite: stat: ", words)


# -- monitor with a command --

def monitor_with_a_command():
    with Folder() as machine:
        expect("output", run("monitor", machine.path, "info", "cpus"), ("did info cpus\n", ""))
        expect("output", run("monitor", machine.path, "x  /4 -a"), ("did x  /4 -a\n", ""))
        expect("output", run("monitor", machine.path, "x", "--json", "-h"), ("did x --json -h\n", ""))
        expect("the requests", machine.requests[1:3],
               [(name, {"command-line": "info cpus"}) for name in ("x-iolite-monitor", "human-monitor-command")])
        machine.answers["human-monitor-command"] = "a\x1b]0;t\x07\u009b2J\tb\r\nä\U0001f600"
        expect("output", run("monitor", machine.path, "x"), ("a?]0;t??2J\tb?\nä\U0001f600\n", ""))
        machine.answers["human-monitor-command"] = ""
        expect("output", run("monitor", machine.path, "x"), ("", ""))
        machine.answers["human-monitor-command"] = Refusal("GenericError", "there is no 'x'")
        _, err = run("monitor", machine.path, "x", status=1)
        expect_in("standard error", err, "there is no 'x'")
    with Folder() as machine:
        expect("output", run("monitor", machine.path, "quit"), ("", ""))


def monitor_that_knows_mistakes():
    answer = {"text": "did it\n", "done": True}
    with Folder({"x-iolite-monitor": answer}) as machine:
        expect("output", run("monitor", machine.path, "info", "cpus"), ("did it\n", ""))
        expect("the commands", machine.commands(), ["qmp_capabilities", "x-iolite-monitor"])
        answer.update(text="no such command;\x1b there is help\n", done=False)
        expect("output", run("monitor", machine.path, "x", status=1),
               ("", f"iolite: monitor: {machine.path}: no such command;? there is help\n"))
        out, err = run("monitor", machine.path, stdin=b"x\n", status=1)
        expect("output", (out, err), ("", "iolite: monitor: no such command;? there is help\n"))
        for wrong in ("", [], {}, {"text": 5, "done": "yes"}):
            machine.answers["x-iolite-monitor"] = wrong
            run("monitor", machine.path, "x", status=1)


def monitor_with_bytes_that_are_no_text():
    with Folder() as machine:
        result = subprocess.run([IOLITE.encode(), b"monitor", machine.path.encode(), b"x\xff"], capture_output=True, timeout=LIMIT,
                                check=False)
        expect("status and message", (result.returncode, b"no text in UTF-8" in result.stderr), (1, True))


def monitor_with_a_script():
    with Folder() as machine:
        out, err = run("monitor", machine.path, stdin=b"info cpus\n\n  info memory  \nexit\nnever\n")
        expect("output", (out, err), ("did info cpus\ndid info memory\n", ""))
        out, _ = run("monitor", machine.path, stdin=b"info cpus")
        expect("output of a line without an end", out, "did info cpus\n")
        machine.answers["human-monitor-command"] = Refusal("GenericError", "no")
        run("monitor", machine.path, stdin=b"a\nb\n", status=1)
    with Folder() as machine:
        run("monitor", machine.path, stdin=b"quit\n")
    with Folder() as machine:
        def leave(arguments):
            if arguments["command-line"] != "help":
                machine.end()
                return None
            return "help"
        machine.answers["human-monitor-command"] = leave
        _, err = run("monitor", machine.path, stdin=b"info cpus\n", status=1)
        expect_in("standard error", err, "the machine has closed the connection")


# -- machines that misbehave --

GREETING = b'{"QMP": {"version": {}, "capabilities": []}}\r\n'


def after_greeting(data, times=1):
    def behave(connection):
        connection.sendall(GREETING)
        connection.recv(1000)
        for _ in range(times):
            connection.sendall(data)
        connection.recv(1000)
    return behave


def at_once(data, times=1):
    def behave(connection):
        for _ in range(times):
            connection.sendall(data)
        connection.recv(1000)
    return behave


def misbehaves(behave, text):
    def check():
        with Folder(behave=behave) as machine:
            _, err = run("pause", machine.path, status=1)
            expect_in("standard error", err, f"iolite: pause: {machine.path}: ", text)
    return check


def flood_of_events(connection):
    connection.sendall(GREETING)
    while True:
        connection.sendall(b'{"event": "STOP"}\n' * 1000)


def flood_of_answers(connection):
    connection.sendall(GREETING)
    while True:
        connection.sendall(b'{"return": {}, "id": 99}\n' * 1000)


def flood_of_blanks(connection):
    while True:
        connection.sendall(b"\r\n" * 1000)


def byte_by_byte(connection):
    while True:
        connection.sendall(b" ")
        time.sleep(0.01)


MISBEHAVING = [
    ("silent", lambda connection: connection.recv(1), "the machine does not answer"),
    ("silent after the greeting", after_greeting(b""), "the machine does not answer"),
    ("no JSON", at_once(b"220 hello\r\n"), "does not speak QMP"),
    ("another object", at_once(b"{}\r\n"), "does not speak QMP"),
    ("a list", at_once(b"[]\r\n"), "does not speak QMP"),
    ("bytes", at_once(bytes(range(256)) + b"\n"), "does not speak QMP"),
    ("a deep list", at_once(b"[" * 100000 + b"\n"), "does not speak QMP"),
    ("a line without an end", at_once(b"x" * (1 << 20), 17), "a message of more than 16 MiB"),
    ("an answer without an end", after_greeting(b'{"return": "' + b"x" * (1 << 20), 17), "a message of more than 16 MiB"),
    ("closes", lambda connection: connection.close(), "has closed the connection"),
    ("closes after the greeting", lambda c: (c.sendall(GREETING), c.recv(1000), c.close()), "has closed the connection"),
    ("full", at_once(b'{"error": {"class": "GenericError", "desc": "16 clients\\u001b are here"}}\n'), "16 clients? are here"),
    ("an error without a text", at_once(b'{"error": 5}\n'), "refused without a reason"),
    ("refuses to negotiate", after_greeting(b'{"error": {"desc": "not you"}, "id": 1}\n'), "not you"),
    ("answers another request", after_greeting(b'{"return": {}, "id": 7}\n{"return": {}, "id": "1"}\n'), "does not answer"),
    ("events without end", flood_of_events, "does not answer"),
    ("answers without end", flood_of_answers, "does not answer"),
    ("blank lines without end", flood_of_blanks, "does not answer"),
    ("byte by byte", byte_by_byte, "does not answer"),
]


def machines_that_misbehave():
    """All at once: many are waited for as long as a client waits."""
    failed = []

    def check(name, behave, text):
        try:
            misbehaves(behave, text)()
        except (Failure, subprocess.TimeoutExpired) as failure:
            failed.append(f"{name}: {failure}")
    threads = [threading.Thread(target=check, args=case) for case in MISBEHAVING]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise Failure("; ".join(failed))
    return f"{len(MISBEHAVING)} of them"


def a_full_queue():
    """Nobody takes the connection."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder}/x")
        listener.listen(0)
        with socket.socket(socket.AF_UNIX) as first:
            first.connect(f"{folder}/x")
            _, err = run("pause", f"{folder}/x", status=1)
            expect_in("standard error", err, "does not answer: it takes no more connections")


CASES = [
    list_of_none, list_shows_machines, list_removes_stale_sockets, list_with_machines_that_hang, names_that_are_none,
    machines_that_are_not_there, by_name_and_by_path, one_command_each, powerdown_without_waiting, powerdown_of_a_paused_machine,
    powerdown_waits, powerdown_waits_through_a_flood, stop_ends_it, info_of_questions, info_of_its_own, stat_by_the_second,
    stat_until_the_end, stat_for_prometheus, stat_of_machines_that_say_anything, stat_mistakes, monitor_with_a_command,
    monitor_that_knows_mistakes, monitor_with_bytes_that_are_no_text, monitor_with_a_script, machines_that_misbehave, a_full_queue,
]


def own_folder(arguments):
    """Makes a folder for names that is nobody else's. Root's is in /run: then this program starts anew with a /run of its own."""
    global FOLDER
    if os.geteuid():
        ENVIRONMENT["XDG_RUNTIME_DIR"] = tempfile.mkdtemp()
        FOLDER = f"{ENVIRONMENT['XDG_RUNTIME_DIR']}/iolite"
    elif os.environ.get("IOLITE_TEST_RUN") != "own":
        script = 'mount -t tmpfs none /run && exec "$@"'
        trial = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/run"], capture_output=True, check=False)
        if trial.returncode:
            FOLDER = None
            return
        os.environ["IOLITE_TEST_RUN"] = "own"
        os.execvp("unshare", ["unshare", "-m", "sh", "-c", script, "sh", sys.executable, *arguments])


def main():
    own_folder(sys.argv)
    failed = passed = 0
    for check in CASES:
        name = check.__name__.replace("_", " ")
        if sys.argv[2:] and not any(word in name for word in sys.argv[2:]):
            continue
        try:
            said = check()
            print(f"PASS {name}{f' ({said})' if said else ''}", flush=True)
            passed += 1
        except Skipped as reason:
            print(f"SKIP {name}: {reason}")
        except (Failure, OSError, ValueError, KeyError, subprocess.TimeoutExpired) as failure:
            print(f"FAIL {name}: {type(failure).__name__}: {failure}", flush=True)
            failed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
