#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`iolite up` and the verbs for systems, with partitions that run on /dev/kvm: order, restarts, stops, adoption.

  check_system.py IOLITE GUEST [WORD...]

GUEST is tests/guest/x86_64/g_life.c. WORD: only the cases with one of them in their names.
"""

import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

from cases import SKIPPED, Failure, expect, expect_in, has_kvm, run_cases

IOLITE, GUEST = (os.path.abspath(path) for path in sys.argv[1:3])
LIMIT = float(os.environ.get("SYSTEM_LIMIT", "90"))
KILLS = 20
RUNTIME = tempfile.TemporaryDirectory()
ENV = {**os.environ, "XDG_RUNTIME_DIR": RUNTIME.name}
FOLDER = "/run/iolite" if os.geteuid() == 0 else f"{RUNTIME.name}/iolite"
PREFIX = f"t{os.getpid()}"  # others may have systems on this host


def wait_until(what, happened):
    deadline = time.monotonic() + LIMIT
    while True:
        got = happened()
        if got:
            return got
        if time.monotonic() > deadline:
            raise Failure(f"{what} has not come about within {LIMIT} s")
        time.sleep(0.02)


def iolite(*args, status=0):
    result = subprocess.run([IOLITE, *args], env=ENV, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            timeout=LIMIT, check=False)
    if result.returncode != status:
        raise Failure(f"iolite {' '.join(args)} ends with {result.returncode}, not {status}: {result.stdout}{result.stderr}")
    return result.stdout if not status else result.stderr


def processes():
    """Numbers of all processes that are partitions of this iolite; each may have a child of its own, its sweeper."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes().split(b"\0")
            if os.readlink(entry / "exe") == IOLITE and command[1:3] == [b"run", b"/proc/self/fd/3"]:
                found[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            pass
    return {pid for pid, parent in found.items() if parent not in found}


def alive(pid):
    try:
        return re.search(r"^State:\s+(\S)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)[1] not in "ZX"
    except OSError:
        return False


class System:
    """A system of partitions, from the command line of each guest ("button" runs until the power button is pressed)."""

    def __init__(self, *options, partitions=None, more=None, **guests):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder, self.options, self.process = self.temporary.name, options, None
        self.name = f"{PREFIX}-sys"
        machines = {}
        for name, order in guests.items():
            own = dict((partitions or {}).get(name, {}))
            if "after" in own:
                own["after"] = [self.full(other) for other in own["after"]]
            machines[self.full(name)] = {"boot": {"cmdline": order}, **own}
        self.file = f"{self.folder}/system.json"
        pathlib.Path(self.file).write_text(json.dumps({
            "name": self.name, "defaults": {"memory": "16M", "boot": {"kernel": GUEST}}, "partitions": machines, **(more or {})}))
        self.log = open(f"{self.folder}/log", "w+b")

    @staticmethod
    def full(name):
        return f"{PREFIX}-{name}"

    def up(self):
        self.process = subprocess.Popen([IOLITE, "up", self.file, "-v", *self.options], env=ENV, stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)
        return self

    def __enter__(self):
        return self.up()

    def __exit__(self, *_):
        # By their own numbers, whatever has become of the supervisor.
        left = {partition.get("pid") for partition in self.partitions().values()} | set(self.state_pids().values())
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        left |= set(self.state_pids().values())
        for pid in left - {None, 0}:
            if pid in processes():
                os.kill(pid, signal.SIGKILL)
        for ending in ("state", "lock", "system"):
            pathlib.Path(f"{FOLDER}/{self.name}.{ending}").unlink(missing_ok=True)
        for file in pathlib.Path(FOLDER).glob(f"{PREFIX}-*"):
            file.unlink(missing_ok=True)
        self.log.close()
        self.temporary.cleanup()

    def said(self):
        return pathlib.Path(f"{self.folder}/log").read_text(errors="replace").replace(f"{PREFIX}-", "")

    def state_pids(self, wanted=False):
        """As the supervisor has written them down; @wanted: of those that are to run."""
        try:
            said = json.loads(pathlib.Path(f"{FOLDER}/{self.name}.state").read_text())
        except OSError:
            return {}
        return {name.removeprefix(f"{PREFIX}-"): entry["pid"] for name, entry in said["partitions"].items()
                if entry["wanted"] or not wanted}

    def partitions(self):
        for system in json.loads(iolite("status", "--json")):
            if system["system"] == self.name:
                return {p["name"].removeprefix(f"{PREFIX}-"): p for p in system["partitions"]}
        return {}

    def partition(self, name):
        return self.partitions().get(name, {})

    def wait_for(self, name, **wanted):
        def there():
            partition = self.partition(name)
            return partition if all(partition.get(key) == value for key, value in wanted.items()) else None
        try:
            return wait_until(f"{name} with {wanted}", there)
        except Failure as failure:
            raise Failure(f"{failure}; it is {self.partition(name)}; said: {self.said()[-3000:]}") from None

    def wait_running(self, *names):
        return {name: self.wait_for(name, state="running")["pid"] for name in names}

    def end(self, status=0):
        try:
            got = self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            raise Failure(f"iolite up still runs; it says {self.said()}") from None
        if got != status:
            raise Failure(f"iolite up ends with {got}, not {status}: {self.said()}")
        left = sorted(file.name for file in pathlib.Path(FOLDER).glob(f"{self.name}.*"))
        expect("what is left behind", left, [])

    def verb(self, verb, name, *options, status=0):
        return iolite(verb, self.full(name), *options, status=status)


def in_order(said, *lines):
    at = 0
    for line in lines:
        found = said.find(line, at)
        if found < 0:
            raise Failure(f"{line!r} does not come after what precedes it: {said}")
        at = found + len(line)


def order():
    with System(c="button", b="button", a="button",
                partitions={"c": {"after": ["b"]}, "b": {"after": ["a"]}}) as system:
        system.wait_running("a", "b", "c")
        in_order(system.said(), "iolite: a: process", "iolite: a: running", "iolite: b: process", "iolite: b: running",
                 "iolite: c: process", "iolite: c: running")
        iolite("down", system.name)
        system.end()
        in_order(system.said(), "iolite: c: stopping", "iolite: c: stopped", "iolite: b: stopping", "iolite: b: stopped",
                 "iolite: a: stopping", "iolite: a: stopped")


def restarts_with_a_limit():
    policy = {"policy": "on-failure", "delay-ms": 10, "limit": 3}
    with System(a="crash", partitions={"a": {"restart": policy}}) as system:
        system.end(3)
        expect("starts", system.said().count("iolite: a: process"), 4)
        in_order(system.said(), "a: crash; restart 1 in 10 ms", "a: crash; restart 2 in 20 ms", "a: crash; restart 3 in 40 ms",
                 "a: crash; it is not started again")


def causes():
    with System(off="poweroff", panic="panic", crash="crash", b="button", more={"on-all-stopped": "stay"}) as system:
        for name, cause in (("off", "power-off"), ("panic", "panic"), ("crash", "crash")):
            system.wait_for(name, state="stopped", cause=cause, wanted=False)
        pid = system.wait_running("b")["b"]
        os.kill(pid, signal.SIGKILL)
        system.wait_for("b", state="stopped", cause="killed by signal 9")
        os.kill(system.process.pid, signal.SIGTERM)
        system.end()


def power_off_is_no_failure():
    with System(a="poweroff", partitions={"a": {"restart": "on-failure"}}) as system:
        system.end()
        expect("starts", system.said().count("iolite: a: process"), 1)
    with System(a="poweroff", partitions={"a": {"restart": {"policy": "always", "delay-ms": 10, "limit": 2}}}) as system:
        system.end()
        expect("starts", system.said().count("iolite: a: process"), 3)


def status_of_the_last_failure():
    with System(a="panic", b="poweroff") as system:
        system.end(4)


def by_name():
    always = {"policy": "always", "delay-ms": 0, "limit": 0}
    with System(a="button", b="button", partitions={"a": {"restart": always}, "b": {"autostart": False}},
                more={"on-all-stopped": "stay"}) as system:
        first = system.wait_running("a")["a"]
        expect("b", system.partition("b")["state"], "stopped")
        system.verb("pause", "a")
        expect("a", system.partition("a")["state"], "paused")
        system.verb("resume", "a")
        expect("a", system.partition("a")["state"], "running")
        system.verb("pause", "b", status=1)
        system.verb("restart", "a")
        second = system.wait_running("a")["a"]
        if first == second or alive(first):
            raise Failure(f"process {first} is not another one after a restart: {second}")
        system.verb("stop", "a")
        partition = system.partition("a")
        expect("a", (partition["state"], partition["cause"], partition["wanted"]), ("stopped", "stopped", False))
        if alive(second):
            raise Failure("stop returns before the process has ended")
        system.verb("start", "a")
        system.verb("start", "b")
        system.wait_running("a", "b")
        # By the machine's own socket, past the supervisor: wanted all the same.
        iolite("stop", f"{FOLDER}/{system.full('a')}.sock")
        system.wait_for("a", state="stopped", cause="stopped", wanted=False)
        expect_in("a verb for none", iolite("start", f"{PREFIX}-none", status=1), [
            f"iolite: start: no system that runs here has a partition '{PREFIX}-none'; `iolite status` shows those that there are\n"])
        iolite("down", "--wait", "0", system.name)
        system.end()


def status_table():
    with System(a="button", b="crash", c="button",
                partitions={"b": {"restart": {"policy": "always", "delay-ms": 600000, "delay-max-ms": 600000}},
                            "c": {"after": ["b"], "autostart": False}}) as system:
        pid = system.wait_running("a")["a"]
        system.wait_for("b", cause="crash", restarts=1)
        lines = iolite("status", system.name).splitlines()
        expect("heading", lines[0], f"{system.name} (supervisor {system.process.pid})")
        expect("columns", lines[1].split(), ["PARTITION", "STATE", "CAUSE", "RESTARTS", "PID", "CPU", "RSS", "READ", "WRITTEN"])
        row = lines[2].split()
        expect("row of a", (row[0], row[1], row[4]), (system.full("a"), "running", str(pid)))
        if not re.match(r"\S+ +stopped \(restart in [\d.]+ s\) +crash +1 ", lines[3]):
            raise Failure(f"the row of b is {lines[3]!r}")
        told = system.partition("a")
        if told["rss"] < 4096 or told["cpu-seconds"] < 0:
            raise Failure(f"status --json says {told}")
        iolite("status", f"{PREFIX}-other", status=1)


def status_again_and_again():
    with System(a="button") as system:
        system.wait_running("a")
        watch = subprocess.Popen([IOLITE, "status", system.name, "--watch"], env=ENV, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            rows = 0
            while rows < 2:
                line = watch.stdout.readline()
                if not line:
                    raise Failure(f"it ends with {watch.wait(LIMIT)} after {rows} rows: {watch.stderr.read()!r}")
                rows += bool(re.match(rf"{system.full('a')} +running ", line))
            iolite("down", "--wait", "0", system.name)
            watch.stdout.read()
            expect("its status at the end of the system", watch.wait(LIMIT), 0)
        finally:
            watch.kill()
            watch.wait()
            watch.stdout.close()
            watch.stderr.close()
        system.end()


class Wire:
    """The supervisor's socket, by hand."""

    def __init__(self, system):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(LIMIT)
        self.socket.connect(f"{FOLDER}/{system.name}.system")
        self.file = self.socket.makefile("r", encoding="ascii")
        self.events = []
        expect("the greeting", list(self.message()), ["QMP"])
        self.ask("qmp_capabilities")

    def message(self):
        return json.loads(self.file.readline())

    def ask(self, command, **arguments):
        request = {"execute": command, "arguments": {key.replace("_", "-"): value for key, value in arguments.items()}}
        self.socket.sendall(json.dumps(request).encode())
        while True:
            message = self.message()
            if "event" not in message:
                return message
            self.events.append(message)

    def event(self, **wanted):
        while True:
            while self.events:
                data = self.events.pop(0)["data"]
                if all(data[key] == value for key, value in wanted.items()):
                    return data
            self.events.append(self.message())

    def close(self):
        self.file.close()
        self.socket.close()


def wire():
    with System(a="button", more={"on-all-stopped": "stay"}) as system:
        system.wait_running("a")
        wire_of = Wire(system)
        a = system.full("a")
        commands = {entry["name"] for entry in wire_of.ask("query-commands")["return"]}
        for name in ("partitions", "start", "stop", "restart", "pause", "resume", "down"):
            expect(f"x-iolite-{name} is there", f"x-iolite-{name}" in commands, True)
        for command, arguments, error in (
                ("x-iolite-stop", {}, "Parameter 'name' is missing"),
                ("x-iolite-stop", {"name": 5}, "Invalid parameter type for 'name', expected: string"),
                ("x-iolite-stop", {"name": a, "wait_ms": -1}, "wait-ms: give milliseconds, up to a week"),
                ("x-iolite-restart", {"name": a, "wait_ms": 1 << 62}, "wait-ms: give milliseconds, up to a week"),
                ("x-iolite-start", {"name": "../a"}, f"the system '{system.name}' has no partition '../a'"),
                ("x-iolite-resume", {"name": "x" * 5000}, f"the system '{system.name}' has no partition '{'x' * 64}'"),
                ("x-iolite-down", {"now": True}, "Parameter 'now' is unexpected"),
                ("system_powerdown", {}, "The command system_powerdown has not been found")):
            expect(f"{command} {str(arguments)[:80]}", wire_of.ask(command, **arguments).get("error", {}).get("desc"), error)
        expect("the state after all that", system.partition("a")["state"], "running")
        expect("stop", wire_of.ask("x-iolite-stop", name=a, wait_ms=60000), {"return": {}})
        wire_of.event(name=a, state="stopping")
        expect("the cause", wire_of.event(name=a, state="stopped")["cause"], "stopped")
        expect("down", wire_of.ask("x-iolite-down"), {"return": {}})
        wire_of.close()
        system.end()


def one_supervisor():
    with System(a="button") as system:
        pid = system.wait_running("a")["a"]
        said = iolite("up", system.file, status=2)
        if "has a supervisor already" not in said:
            raise Failure(f"a second supervisor says {said!r}")
        expect("a", system.wait_running("a")["a"], pid)


def adopts():
    policy = {"policy": "on-failure", "delay-ms": 0}
    with System(a="button", b="button", c="button", partitions={"b": {"restart": policy}}) as system:
        before = system.wait_running("a", "b", "c")
        system.verb("pause", "c")
        system.process.kill()
        system.process.wait()
        os.kill(before["b"], signal.SIGKILL)
        wait_until("the end of b", lambda: not alive(before["b"]))
        system.up()
        after = system.wait_running("a", "b")
        expect("the process of a", after["a"], before["a"])
        paused = system.wait_for("c", state="paused", adopted=True)
        expect("the process of c", paused["pid"], before["c"])
        expect("why b ended", system.partition("b")["cause"], "lost")
        # What it adopted it also stops, and sees the end of.
        system.verb("stop", "a")
        expect("a", system.partition("a")["cause"], "stopped")
        iolite("down", "--wait", "1", system.name)
        system.end()


def file_edited_in_between():
    with System(a="button", b="button", more={"on-all-stopped": "stay"}) as system:
        before = system.wait_running("a", "b")
        system.process.kill()
        system.process.wait()
        text = json.loads(pathlib.Path(system.file).read_text())
        left = text["partitions"].pop(system.full("b"))
        text["partitions"][system.full("c")] = left
        pathlib.Path(system.file).write_text(json.dumps(text))
        system.up()
        after = system.wait_running("a", "c")
        expect("the process of a", after["a"], before["a"])
        in_order(system.said(), f"is no partition any more and runs on, as process {before['b']}: `iolite stop`")
        expect("whether b runs", alive(before["b"]), True)
        iolite("stop", system.full("b"))
        wait_until("the end of b", lambda: not alive(before["b"]))
        iolite("down", "--wait", "0", system.name)
        system.end()


def adopted_causes():
    """Of another's child there is no exit status: what the machine says about its end is believed."""
    with System(a="panic", partitions={"a": {"lifecycle": {"on-panic": "pause"}}}) as system:
        pid = system.wait_for("a", state="paused")["pid"]
        system.process.kill()
        system.process.wait()
        system.up()
        expect("the process", system.wait_for("a", state="paused")["pid"], pid)
        os.kill(pid, signal.SIGKILL)
        system.end(1)
        in_order(system.said(), "a: lost; it is not started again")


def killed_at_random_points():
    """Whenever a supervisor is killed, the next one has each partition exactly once, and what ran is what runs."""
    seed = int(os.environ.get("SEED", random.randrange(1 << 32)))
    chance = random.Random(seed)
    policy = {"policy": "always", "delay-ms": 50, "delay-max-ms": 50, "limit": 0}
    adopted = 0
    with System(a="button", b="button", c="crash",
                partitions={"b": {"after": ["a"]}, "c": {"restart": policy}}) as system:
        for _ in range(KILLS):
            # Sometimes in the middle of what it was asked to do.
            asked = chance.random() < 0.4 and subprocess.Popen(
                [IOLITE, "restart", system.full("a")], env=ENV, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
            time.sleep(chance.random() * 0.5)
            before = system.state_pids()
            system.process.kill()
            system.process.wait()
            if asked:
                asked.wait(LIMIT)
            # Who was about to stop does not count.
            survivors = {name: pid for name, pid in system.state_pids(wanted=True).items() if pid in processes()}
            system.up()
            after = system.wait_running("a", "b")
            for name in ("a", "b"):
                if name in survivors:
                    adopted += 1
                    expect(f"the process of {name} (seed {seed}, before {before})", after[name], survivors[name])
            wait_until("an end of c", lambda: system.partition("c").get("cause") in ("crash", "lost"))
            running = {partition.get("pid") for partition in system.partitions().values()} - {None}
            ours = {pid for pid in processes() if pid not in running}
            # c comes and goes: whoever is no partition now must be gone soon.
            wait_until(f"the end of processes that nobody knows (seed {seed})",
                       lambda: not {pid for pid in ours if alive(pid) and pid not in
                                    {p.get("pid") for p in system.partitions().values()}})
        iolite("down", "--wait", "0", system.name)
        system.end()
    if not adopted:
        raise Failure("nothing was ever adopted")
    return f"seed {seed}, {adopted} adopted"


def stuck_partition():
    """Who does not end is stopping, and then killed; never taken for gone before."""
    with System(a="button", more={"on-all-stopped": "stay"}) as system:
        pid = system.wait_running("a")["a"]
        os.kill(pid, signal.SIGSTOP)
        stop = subprocess.Popen([IOLITE, "stop", system.full("a")], env=ENV, stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        partition = system.wait_for("a", state="stopping")
        expect("its process", (partition["pid"], alive(pid)), (pid, True))
        expect("stop's status", stop.wait(LIMIT), 0)
        stop.stderr.close()
        expect("a", (system.partition("a")["state"], alive(pid)), ("stopped", False))
        in_order(system.said(), "iolite: a: killed", "iolite: a: stopped")


def all_stopped_runs_a_program():
    with tempfile.TemporaryDirectory() as folder:
        program = ["/bin/sh", "-c", 'echo "$0" > "$1"; exit 7', "word", f"{folder}/done"]
        with System(a="poweroff", more={"on-all-stopped": program}) as system:
            system.end(7)
            expect("what the program wrote", pathlib.Path(f"{folder}/done").read_text(), "word\n")


def signals():
    with System(a="button", b="button", partitions={"b": {"after": ["a"]}}) as system:
        system.wait_running("a", "b")
        system.process.send_signal(signal.SIGTERM)
        system.end()
        in_order(system.said(), "iolite: b: stopped", "iolite: a: stopped")
    # Guests that do not listen: the second signal is not polite.
    with System(a="panic", partitions={"a": {"lifecycle": {"on-panic": "pause"}}}) as system:
        system.wait_for("a", state="paused")
        system.process.send_signal(signal.SIGTERM)
        system.wait_for("a", state="stopping")
        system.process.send_signal(signal.SIGTERM)
        system.end()


def background():
    with tempfile.TemporaryDirectory() as folder:
        pidfile = f"{folder}/pid"
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        listener.bind(f"{folder}/notify")
        listener.settimeout(LIMIT)
        system = System("--daemonize", "--pidfile", pidfile, "--log-file", f"{folder}/log", a="button", b="crash")
        os.environ["NOTIFY_SOCKET"] = ENV["NOTIFY_SOCKET"] = f"{folder}/notify"
        try:
            with system:
                del ENV["NOTIFY_SOCKET"]
                expect("the status of who waits", system.process.wait(LIMIT), 0)
                pid = int(pathlib.Path(pidfile).read_text())
                # Nobody has the terminal any more, nor what stood in its place.
                for number in (pid, system.state_pids()["a"]):
                    expect(f"standard error of {number}", os.readlink(f"/proc/{number}/fd/2"), f"{folder}/log")
                wait_until("what b says, in the log", lambda: "triple fault" in pathlib.Path(f"{folder}/log").read_text())
                expect("a, at once", system.partition("a")["state"], "running")
                if f"READY=1\nSTATUS=running\nMAINPID={pid}" != listener.recv(512).decode():
                    raise Failure("the manager is not told that it is ready")
                iolite("down", "--wait", "0", system.name)
                wait_until("the end of the supervisor", lambda: not alive(pid))
                expect("the pidfile is there", os.path.exists(pidfile), False)
        finally:
            ENV.pop("NOTIFY_SOCKET", None)
            os.environ.pop("NOTIFY_SOCKET", None)
            listener.close()


def console():
    with System(a="button") as system:
        system.wait_running("a")
        process = subprocess.Popen([IOLITE, "console", system.full("a")], env=ENV, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            said = b""
            while b"ready" not in said:
                piece = os.read(process.stdout.fileno(), 4096)
                if not piece:
                    raise Failure(f"the console has said {said!r} {process.stderr.read()!r}")
                said += piece
            iolite("down", "--wait", "0", system.name)
            expect("its status at the machine's end", process.wait(LIMIT), 0)
        finally:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                stream.close()
        system.end()


CASES = (order, restarts_with_a_limit, causes, power_off_is_no_failure, status_of_the_last_failure, by_name, status_table,
         status_again_and_again, wire, one_supervisor, adopts, file_edited_in_between, adopted_causes, killed_at_random_points, stuck_partition, all_stopped_runs_a_program, signals,
         background, console)


if __name__ == "__main__":
    sys.exit(run_cases(CASES, sys.argv[3:]) if has_kvm() else SKIPPED)
