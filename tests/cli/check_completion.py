#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bash's completion of iolite, in a bash of its own; and zsh's, where there is one.

  check_completion.py IOLITE
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from fake_machine import LIMIT, FakeMachine  # noqa: E402

IOLITE = os.path.abspath(sys.argv[1])
FOLDER = pathlib.Path(__file__).resolve().parents[2] / "packaging/completion"
# What bash does when TAB is pressed behind the words of its arguments.
SCRIPT = """
. "$1"; shift
complete -p iolite > /dev/null || exit 1
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_iolite
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed(environment, *words):
    result = subprocess.run(["bash", "--norc", "--noprofile", "-c", SCRIPT, "bash", FOLDER / "iolite.bash", IOLITE, *words],
                            capture_output=True, text=True, timeout=LIMIT, check=False, env=environment, cwd=environment["HOME"])
    if result.returncode or result.stderr:
        sys.exit(f"FAIL {words}: status {result.returncode}, says {result.stderr!r}")
    return sorted(result.stdout.split("\n")[:-1]) if result.stdout.strip() else []


def help_of(*words):
    return subprocess.run([IOLITE, "help", *words], capture_output=True, text=True, timeout=LIMIT, check=True).stdout


def check_bash(environment, machine):
    verbs = re.findall(r"^  (\w+) {2,}", help_of(), re.M)
    run_options = re.findall(r"^  (?:-\w, )?(--[\w-]+=?)", help_of("run"), re.M)
    cases = [
        ([""], verbs),
        (["mon"], ["monitor"]),
        (["che"], ["check"]),
        (["help", "che"], ["check"]),
        (["check", "--set"], ["--set="]),
        (["check", "--dry"], []),
        (["check", "web"], ["web space.json"]),
        (["run", "--dry"], ["--dry-run"]),
        (["re"], ["reset", "restart", "resume"]),
        (["zz"], []),
        (["help", "do"], ["doctor", "down"]),
        (["run", "--"], run_options),
        (["run", "--cmd"], ["--cmdline="]),
        (["run", "web"], ["web space.json"]),
        (["dtb", "--form"], ["--format="]),
        (["powerdown", "--w"], ["--wait="]),
        (["list", ""], []),
        (["list", "--j"], ["--json"]),
        (["pause", "web"], ["web1", "web2"]),
        (["stat", "web"], ["web1", "web2"]),
        (["stat", "web1", "--"], ["--help", "--json", "--prometheus"]),
        (["st"], ["start", "stat", "status", "stop"]),
        (["up", "web"], ["web space.json"]),
        (["up", "--pid"], ["--pidfile="]),
        (["start", "no"], []),
        (["down", "gate"], ["gateway"]),
        (["status", "gatew"], ["gateway"]),
        (["stop", "web1"], ["web1"]),
        (["stop", "not"], []),
        (["info", "./web"], ["./web space.json"]),
        (["monitor", machine, ""], ["help", "info", "log", "quit", "reset", "x"]),
        (["monitor", machine, "i"], ["info"]),
        (["monitor", machine, "info", ""], ["cpus", "memory", "registers"]),
        (["monitor", machine, "info", "registers", ""], ["all"]),
        (["monitor", machine, "x", ""], []),
        (["monitor", machine, "log", ""], ["debug", "info", "warn"]),
        (["monitor", machine, "log", "w"], ["warn"]),
        (["monitor", machine, "log", "warn", ""], []),
        (["monitor", machine, "nothing", ""], []),
        (["monitor", "no-such-machine", ""], []),
        (["monitor", "$(touch evil)", ""], []),
    ]
    failed = 0
    for words, wanted in cases:
        got = completed(environment, *words)
        if got != sorted(wanted):
            print(f"FAIL iolite {' '.join(words)}<TAB>: {got}, not {sorted(wanted)}")
            failed += 1
    if os.path.exists(f"{environment['HOME']}/evil"):
        print("FAIL a word of the command line was run")
        failed += 1
    return len(cases) - failed, failed


def check_zsh():
    """That it is zsh; what it offers cannot be asked for without a terminal."""
    if not shutil.which("zsh"):
        print("SKIP zsh: it is not here")
        return 0, 0
    result = subprocess.run(["zsh", "-n", FOLDER / "_iolite"], capture_output=True, text=True, timeout=LIMIT, check=False)
    if result.returncode or result.stderr:
        print(f"FAIL zsh does not read _iolite: {result.stderr!r}")
        return 0, 1
    return 1, 0


def main():
    with tempfile.TemporaryDirectory() as folder, FakeMachine(f"{folder}/iolite/web1.sock") as machine, \
            FakeMachine(f"{folder}/iolite/web2.sock"), FakeMachine(f"{folder}/iolite/gateway.system"):
        for name in ("iolite/web3", "iolite/notes.sock", "web space.json"):
            with open(f"{folder}/{name}", "w", encoding="ascii"):
                pass
        environment = {"PATH": os.environ["PATH"], "HOME": folder, "XDG_RUNTIME_DIR": folder, "LC_ALL": "C.UTF-8"}
        passed, failed = check_bash(environment, machine.path)
    more, wrong = check_zsh()
    print(f"{passed + more} passed, {failed + wrong} failed")
    return 1 if failed + wrong else 0


if __name__ == "__main__":
    sys.exit(main())
