#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Help, manual pages and program say the same.

  check_help.py IOLITE
"""

import pathlib
import re
import subprocess
import sys

MAN = pathlib.Path(__file__).resolve().parents[2] / "docs/man"


def run(*arguments):
    result = subprocess.run([sys.argv[1], *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            timeout=20, check=False)
    if result.returncode or result.stderr:
        sys.exit(f"FAIL iolite {' '.join(arguments)}: status {result.returncode}, says {result.stderr!r}")
    return result.stdout


def refusal(*arguments):
    """What the program says to options that it does not take."""
    result = subprocess.run([sys.argv[1], *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            timeout=20, check=False)
    if result.returncode != 2:
        sys.exit(f"FAIL iolite {' '.join(arguments)}: status {result.returncode}, not 2")
    return result.stderr


def page(name):
    return (MAN / f"{name}.1").read_text(encoding="utf-8").replace("\\-", "-").replace("\\fI", "").replace("\\fR", "")


def main():
    failed = []
    overview = run("help")
    for spelling in (["--help"], ["-h"]):
        if run(*spelling) != overview:
            failed.append(f"iolite {spelling[0]} is not iolite help")
    verbs = re.findall(r"^  (\w+) {2,}", overview, re.M)
    for verb in verbs:
        if f".B {verb}" not in page("iolite") and f".BR {verb}" not in page("iolite"):
            failed.append(f"iolite.1 lacks the verb {verb}")
        run("help", verb)
    options = run("help", "run")
    if run("run", "--help") != options:
        failed.append("iolite run --help is not iolite help run")
    names = re.findall(r"^  (?:-(\w), )?--([\w-]+)", options, re.M)
    manual = page("iolite-run")
    for short, name in names:
        if f"--{name}" not in manual or (short and f".BR -{short} " not in manual):
            failed.append(f"iolite-run.1 lacks -{short}, --{name}")
    for name in re.findall(r'" --([\w-]+)', manual):
        if name not in [n for _, n in names]:
            failed.append(f"iolite-run.1 tells of --{name}, which is no option")
    keys = re.findall(r"^  ([a-z]+)(?:=\S+)? {2,}\S", options[options.index("Disks are"):], re.M)
    disks = manual[manual.index(".SH DISKS"):manual.index(".SH TERMINAL")]
    told = [re.match(r"[a-z]+", text)[0] for text in re.findall(r"^\.TP\n\.\w+ (\S+)", disks, re.M)]
    if keys != told:
        failed.append(f"disks: help tells of the keys {keys}, iolite-run.1 of {told}")
    for key in keys:
        said = refusal("run", "-k", "none", "-d", f"x,{key},{key}")
        if f"there is no '{key}'" in said:
            failed.append(f"disks: {key} is no key: {said}")
    known = re.search(r"but (.*?);", refusal("run", "-k", "none", "-d", "x,unheard-of-key"))[1].split(", ")
    if known != keys:
        failed.append(f"disks: help tells of the keys {keys}, the program's message of {known}")
    if len(verbs) < 4 or len(names) < 8 or len(keys) < 11:
        failed.append(f"found only the verbs {verbs}, options {names} and keys of disks {keys}")
    for mistake in failed:
        print(f"FAIL {mistake}")
    print(f"{len(verbs) + len(names) + len(keys) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
