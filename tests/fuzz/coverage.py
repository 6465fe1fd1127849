#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Replays the kept inputs of fuzz targets and says which share of the lines they run.

  coverage.py BUILD [--lines] [TARGET...]
  coverage.py --table                 only look whether README.md has what is there

BUILD is a folder that CMake configured with IOLITE_COVERAGE, with the programs of the targets. README.md beside this file says which files
each target is for: the kept inputs of all TARGETs together must run at least LIMIT per cent of the lines of each. A file with
a `*` there is shown and not held against it. Functions that no input comes to are not counted: see NOT_COUNTED.
--lines shows the numbers of the lines that do not run.

Exit status: 0 all is well, 1 a file is below, or a replay failed, 2 cannot run.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LIMIT = 90
# What writes a device's node of the tree has no input but the machine's layout, and tests of its own (trees); what writes the
# schema of the configuration has none at all; rings are lent to the kernel's vhost only, which no target has.
NOT_COUNTED = re.compile(r"_describe(_\w+)?$|^(iol_json_)?schema_|^iol_virtqueue_(rings|resume)$")
ROW = re.compile(r"\| `(\w+)` \| ((?:`src/[^`]+`\*?[, ]*)+) \|")


def read_table():
    """{target: {file: held}} of README.md; patterns stand for what is there."""
    table = {}
    for name, cell in ROW.findall((HERE / "README.md").read_text()):
        for pattern, star in re.findall(r"`(src/[^`]+)`(\*?)", cell):
            files = sorted(ROOT.glob(pattern))
            if not files:
                sys.exit(f"coverage: README.md names {pattern}, which is not there")
            # Named once more, a file is what it is there.
            table.setdefault(name, {}).update((str(f.relative_to(ROOT)), not star) for f in files)
    kept = {path.name for path in (HERE / "corpus").iterdir()}
    if set(table) != kept:
        sys.exit(f"coverage: README.md has files of {sorted(table)}, and corpora are there of {sorted(kept)}")
    return table


def replay(build, targets):
    for path in build.rglob("*.gcda"):
        path.unlink()  # of an earlier run
    for target in targets:
        done = subprocess.run([build / f"tests/fuzz/fuzz_{target}", HERE / "corpus" / target], timeout=600,
                              stdout=subprocess.DEVNULL, check=False)
        if done.returncode:
            sys.exit(f"coverage: fuzz_{target} failed on a kept input: run {build}/tests/fuzz/fuzz_{target}")


def count(build):
    """{file: {line: how often}} of all objects; a file may be compiled more than once."""
    found = {}
    objects = [str(path) for path in build.rglob("*.gcda")]
    done = subprocess.run(["gcov", "--json-format", "--stdout", *objects], cwd=build, check=True, capture_output=True, text=True)
    for text in done.stdout.splitlines():
        for file in json.loads(text)["files"]:
            path = (build / file["file"]).resolve()
            if not path.is_relative_to(ROOT / "src"):
                continue
            lines = found.setdefault(str(path.relative_to(ROOT)), {})
            for line in file["lines"]:
                if not NOT_COUNTED.search(line.get("function_name", "")):
                    number = line["line_number"]
                    lines[number] = max(lines.get(number, 0), line["count"])
    return found


def ranges(numbers):
    text = []
    for number in sorted(numbers):
        if text and number == text[-1][1] + 1:
            text[-1][1] = number
        else:
            text.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", nargs="?")
    parser.add_argument("targets", nargs="*", default=[], metavar="TARGET")
    parser.add_argument("--lines", action="store_true")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_intermixed_args()
    table = read_table()
    if options.table:
        return 0
    if not options.build:
        parser.error("name the folder of a build, such as build/coverage")
    targets = options.targets or sorted(table)
    for target in targets:
        if target not in table:
            print(f"coverage: there is no target '{target}'; these are there: {' '.join(sorted(table))}", file=sys.stderr)
            return 2
    build = pathlib.Path(options.build).resolve()
    replay(build, targets)
    counts = count(build)
    below = []
    for target in targets:
        for name, held in table[target].items():
            lines = counts.get(name, {})
            missing = [number for number, times in lines.items() if not times]
            percent = 100 * (len(lines) - len(missing)) / len(lines) if lines else 0
            if held and percent < LIMIT:
                below.append(f"{name} ({percent:.1f} %)")
            print(f"{target:13} {percent:6.1f} % {name}{'' if held else '*'}")
            if options.lines and missing:
                print(f"{'':24}{ranges(missing)}")
    if below:
        print(f"coverage: below {LIMIT} %: {', '.join(below)}", file=sys.stderr)
        return 1
    print(f"coverage: the kept inputs run {LIMIT} % or more of the lines of each file; * are not held against that")
    return 0


if __name__ == "__main__":
    sys.exit(main())
