#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Machines as services: the unit for systemd is verified by it, the scripts of System V and OpenRC start and stop real
machines in a root of their own.

  check_init.py IOLITE GUEST PACKAGING     GUEST: tests/guest/x86_64/g_life.c
                                           PACKAGING: the folder of the configured scripts
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

IOLITE, GUEST, PACKAGING = (os.path.abspath(path) for path in sys.argv[1:4])
HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = os.path.join(HERE, "../../packaging")
EXAMPLES = os.path.join(SOURCES, "examples")
LIMIT = 60
SKIPPED = 77
HAS_KVM = os.access("/dev/kvm", os.R_OK | os.W_OK) and os.path.exists(GUEST)


class Failure(Exception):
    pass


class Skip(Exception):
    pass


def expect(what, got, wanted):
    if got != wanted:
        raise Failure(f"{what} is {got!r}, not {wanted!r}")


def run(*command, **more):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=LIMIT, check=False, **more)


def program(name):
    path = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if not path:
        raise Skip(f"{name} is not installed")
    return path


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def expect_gone(pid):
    """It has let go of all it had when its pidfile goes, and may have some instructions left."""
    deadline = time.monotonic() + LIMIT
    while alive(pid):
        if time.monotonic() > deadline:
            raise Failure(f"process {pid} lives on")
        time.sleep(0.02)


class Root:
    """Folders as a host has them, machines in them, and what the scripts are told of that."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="iolite-init-")
        self.config, self.run, self.log = (os.path.join(self.path, name) for name in ("etc", "run", "log"))
        os.mkdir(self.config)
        self.environment = {**os.environ, "IOLITE": IOLITE, "CONFIG_DIR": self.config, "RUN_DIR": self.run,
                            "LOG_DIR": self.log, "STOP_SECONDS": "30", "iolite_stop_seconds": "30"}
        self.pids = set()

    def machine(self, name, order="button", guest=GUEST):
        with open(os.path.join(self.config, f"{name}.json"), "w", encoding="utf-8") as file:
            json.dump({"name": name, "memory": "16M", "boot": {"kernel": guest, "cmdline": order},
                       "serials": [{"kind": "file", "path": os.path.join(self.path, f"{name}.console")}]}, file)

    def ready(self, name):
        """Until the guest waits for its button."""
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            with open(os.path.join(self.path, f"{name}.console"), encoding="utf-8") as file:
                if "ready\n" in file.read():
                    return
            time.sleep(0.05)
        raise Failure(f"the guest of {name} is not ready within {LIMIT} s")

    def pid(self, name):
        with open(os.path.join(self.run, f"{name}.pid"), encoding="utf-8") as file:
            pid = int(file.read())
        self.pids.add(pid)
        return pid

    def pidfiles(self):
        return sorted(os.listdir(self.run))

    def log_of(self, name):
        with open(os.path.join(self.log, f"{name}.log"), encoding="utf-8") as file:
            return file.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for name in self.pidfiles() if os.path.isdir(self.run) else []:
            try:
                self.pid(os.path.splitext(name)[0])
            except ValueError:
                pass
        for pid in self.pids:
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.path)


def expect_said(done, status, *texts):
    expect(f"the status (it says {done.stdout!r})", done.returncode, status)
    for text in texts:
        if text not in done.stdout:
            raise Failure(f"it does not say {text!r}: {done.stdout!r}")


def need_kvm():
    if not HAS_KVM:
        raise Skip("no access to /dev/kvm, or no guest for this architecture")


def verify_unit(analyze, name, kill_mode):
    with Root() as root:
        with open(os.path.join(PACKAGING, f"systemd/{name}@.service"), encoding="utf-8") as file:
            unit = file.read()
        # It wants the program and the manual to be there.
        unit, count = re.subn(r"^ExecStart=\S+ ", f"ExecStart={IOLITE} ", unit, flags=re.M)
        expect("how often the program is named", count, 1)
        unit = re.sub(r"^Documentation=.*\n", "", unit, flags=re.M)
        path = os.path.join(root.path, f"{name}@web1.service")
        with open(path, "w", encoding="utf-8") as file:
            file.write(unit)
        done = run(analyze, "verify", "--man=no", path)
        if done.returncode or done.stdout.strip():
            raise Failure(f"systemd-analyze verify: status {done.returncode}: {done.stdout}")
        # That it looks: a mistake is seen.
        with open(path, "w", encoding="utf-8") as file:
            file.write(unit.replace(f"KillMode={kill_mode}", "KillMode=sometimes"))
        done = run(analyze, "verify", "--man=no", path)
        if "kill mode" not in done.stdout.lower():
            raise Failure(f"systemd-analyze verify sees no mistake in KillMode=sometimes: {done.stdout!r}")


def check_unit():
    """systemd finds nothing wrong with the units, for an instance of each."""
    analyze = program("systemd-analyze")
    verify_unit(analyze, "iolite", "mixed")
    verify_unit(analyze, "iolite-system", "process")


def check_socket():
    """The same for the unit of its control socket, whose name is one that iolite takes."""
    analyze = program("systemd-analyze")
    with open(os.path.join(SOURCES, "systemd/iolite@.socket"), encoding="utf-8") as file:
        unit = file.read()
    expect("its name for iolite", re.findall(r"^FileDescriptorName=(.*)$", unit, re.M), ["control"])
    with Root() as root:
        path = os.path.join(root.path, "iolite@web1.socket")
        with open(os.path.join(root.path, "iolite@web1.service"), "w", encoding="utf-8") as file:
            file.write(f"[Service]\nExecStart={IOLITE} help\n")
        for text, said in ((unit, ""), (unit.replace("SocketMode=0600", "SocketMode=all"), "parse mode")):
            with open(path, "w", encoding="utf-8") as file:
                file.write(re.sub(r"^Documentation=.*\n", "", text, flags=re.M))
            done = run(analyze, "verify", "--man=no", path)
            if done.stdout.strip() and not said or said not in done.stdout:
                raise Failure(f"systemd-analyze verify says {done.stdout!r}, not {said!r}")


def check_syntax():
    """All shells read the scripts, and shellcheck likes them."""
    for script in ("sysv/iolite", "openrc/iolite"):
        path = os.path.join(PACKAGING, script)
        for shell in (["sh", "-n"], ["dash", "-n"], ["busybox", "sh", "-n"], ["bash", "-n"]):
            if shutil.which(shell[0]):
                done = run(*shell, path)
                expect_said(done, 0)
    # OpenRC's own variables are set for nobody here, and shellcheck does not know its interpreter.
    shellcheck = program("shellcheck")
    expect_said(run(shellcheck, "-s", "sh", "-e", "SC1091", os.path.join(PACKAGING, "sysv/iolite")), 0)
    expect_said(run(shellcheck, "-s", "sh", "-e", "SC2034,SC2154", os.path.join(PACKAGING, "openrc/iolite")), 0)


def check_examples():
    """The program takes the example, up to the kernel, which is not there."""
    with open(os.path.join(EXAMPLES, "web1.json"), encoding="utf-8") as file:
        kernel = json.load(file)["boot"]["kernel"]
    done = run(IOLITE, "run", os.path.join(EXAMPLES, "web1.json"))
    expect_said(done, 2, f"kernel: {kernel}: name a file that is there")


def sysv(root, *words):
    return run(os.path.join(PACKAGING, "sysv/iolite"), *words, env=root.environment)


def check_sysv():
    """All machines and one of them: started, looked at, started again, stopped by their button."""
    need_kvm()
    with Root() as root:
        for name in ("one", "two.b"):
            root.machine(name)
        expect_said(sysv(root, "status"), 3, "one does not run", "two.b does not run")
        expect_said(sysv(root, "start"), 0, "one started", "two.b started")
        first = {name: root.pid(name) for name in ("one", "two.b")}
        for name, pid in first.items():
            root.ready(name)
            expect_said(sysv(root, "status", name), 0, f"{name} runs (process {pid})")
        expect_said(sysv(root, "start"), 0, "one runs already", "two.b runs already")
        expect_said(sysv(root, "stop", "one"), 0, "one is stopped")
        expect_gone(first["one"])
        if "power button pressed" not in root.log_of("one"):
            raise Failure(f"the button was not pressed: {root.log_of('one')!r}")
        expect_said(sysv(root, "status"), 3, "one does not run", f"two.b runs (process {first['two.b']})")
        expect_said(sysv(root, "restart"), 0, "one started", "two.b started")
        for name, pid in first.items():
            if root.pid(name) == pid:
                raise Failure(f"{name} was not restarted")
            root.ready(name)
        # The configuration went, the machine is still there.
        os.remove(os.path.join(root.config, "two.b.json"))
        expect_said(sysv(root, "stop"), 0, "one is stopped", "two.b is stopped")
        expect("pidfiles", root.pidfiles(), [])
        expect_said(sysv(root, "stop"), 0)


def check_sysv_bad():
    """Machines that do not start, that were killed, that do not hear the button; and words that are none."""
    need_kvm()
    with Root() as root:
        root.machine("good")
        root.machine("bad", guest="/nowhere/kernel")
        expect_said(sysv(root, "start"), 1, "/nowhere/kernel", "bad did not start", "good started")
        root.ready("good")
        expect("pidfiles", root.pidfiles(), ["good.pid"])
        expect_said(sysv(root, "start", "unheard-of"), 6, "there is no")
        expect_said(sysv(root, "status", "unheard-of"), 4, "no such machine")
        pid = root.pid("good")
        os.kill(pid, signal.SIGKILL)
        expect_gone(pid)
        expect_said(sysv(root, "status", "good"), 1, "good was killed")
        # Its number is another's by now, who is left alone.
        with open(os.path.join(root.run, "good.pid"), "w", encoding="utf-8") as file:
            file.write(f"{os.getpid()}\n")
        expect_said(sysv(root, "stop", "good"), 0)
        expect_said(sysv(root, "start", "good"), 0, "good started")
        root.ready("good")
        expect_said(sysv(root, "stop", "good"), 0, "good is stopped")
        # One that is deaf: it panicked, and its machine stands.
        root.machine("deaf", order="panic")
        with open(os.path.join(root.config, "deaf.json"), "r+", encoding="utf-8") as file:
            config = json.load(file)
            config["lifecycle"] = {"on-panic": "pause"}
            file.seek(0)
            json.dump(config, file)
        expect_said(sysv(root, "start", "deaf"), 0, "deaf started")
        pid = root.pid("deaf")
        root.environment["STOP_SECONDS"] = "1"
        expect_said(sysv(root, "stop", "deaf"), 0, "did not shut down within 1 s", "deaf is stopped")
        expect_gone(pid)
        for words in ((), ("reload",), ("",)):
            expect_said(sysv(root, *words), 2, "usage: ")
        root.environment["IOLITE"] = "/nowhere/iolite"
        expect_said(sysv(root, "start", "good"), 5, "there is no /nowhere/iolite")


def check_openrc():
    """What OpenRC makes of the script's variables, with a stand-in for its openrc-run."""
    need_kvm()
    program("start-stop-daemon")
    script, runner = os.path.join(PACKAGING, "openrc/iolite"), os.path.join(HERE, "openrc-run")
    with Root() as root:
        root.machine("web1")

        def rc(service, verb):
            environment = {**root.environment, "RC_SVCNAME": service,
                           "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
            return run("sh", runner, script, verb, env=environment)

        expect_said(rc("iolite.web2", "start"), 1, "web2.json is not there")
        expect_said(rc("iolite.web1", "start"), 0)
        pid = root.pid("web1")
        root.ready("web1")
        expect_said(rc("iolite.web1", "status"), 0)
        expect_said(rc("iolite.web1", "stop"), 0)
        expect_gone(pid)
        if "power button pressed" not in root.log_of("web1"):
            raise Failure(f"the button was not pressed: {root.log_of('web1')!r}")
        expect("pidfiles", root.pidfiles(), [])
        root.machine("iolite")
        expect_said(rc("iolite", "start"), 1, "ln -s iolite /etc/init.d/iolite.NAME")


CHECKS = (check_unit, check_socket, check_syntax, check_examples, check_sysv, check_sysv_bad, check_openrc)


def main():
    failed, skipped = 0, 0
    for check in CHECKS:
        try:
            check()
            print(f"ok {check.__name__}")
        except Skip as reason:
            skipped += 1
            print(f"SKIP {check.__name__}: {reason}")
        except (Failure, subprocess.TimeoutExpired, OSError, ValueError) as error:
            failed += 1
            print(f"FAIL {check.__name__}: {error}")
    print(f"{len(CHECKS) - failed - skipped} passed, {failed} failed, {skipped} skipped")
    if failed:
        return 1
    return SKIPPED if skipped == len(CHECKS) else 0


if __name__ == "__main__":
    sys.exit(main())
