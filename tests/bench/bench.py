#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Benchmarks of iolite against its peers on this machine. See docs/benchmarks.md.

Exit status: 0 everything ran, whatever the figures; 1 something did not run; 2 wrong usage.
"""

import argparse
import sys

import b1_start
import b11_footprint
import b4_exit
import b5_disk
import b8_tap
import b9_user
import contenders
import report
import sandbox

ALL = ["B1", "B4", "B5", "B6", "B7", "B8", "B9", "B11", "sandbox"]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--iolite", default="build/release/iolite", help="the program to measure")
    parser.add_argument("--programs", default="build/release/tests/bench",
                        help="folder with the bench_* programs of the same build")  # fmt: skip
    parser.add_argument("--rounds", type=int, default=60,
                        help="rounds of B1, of two starts each; others have fewer")  # fmt: skip
    parser.add_argument("benchmarks", nargs="*", metavar="B", help=f"which of {', '.join(ALL)}")
    arguments = parser.parse_args()
    unknown = set(arguments.benchmarks) - set(ALL)
    if unknown or arguments.rounds < 1:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}" if unknown else "--rounds: from 1")
    return arguments


def main():
    arguments = parse_arguments()
    wanted = arguments.benchmarks or ALL
    found = contenders.find(arguments.iolite, arguments.programs)
    report.versions["iolite"] = contenders.version([arguments.iolite, "version"])
    report.versions["qemu"] = contenders.version([contenders.QEMU[0], "--version"])
    if "B1" in wanted:
        b1_start.main(found, arguments.programs, arguments.rounds)
    if "B4" in wanted:
        b4_exit.main(arguments.iolite, arguments.programs, max(2, arguments.rounds // 6))
    for name in b5_disk.KINDS:
        if name in wanted:
            b5_disk.main(name, arguments.iolite, arguments.programs, max(2, arguments.rounds // 10))
    if "B8" in wanted:
        b8_tap.main(arguments.iolite, arguments.programs, max(2, arguments.rounds // 10))
    if "B9" in wanted:
        b9_user.main(arguments.iolite, arguments.programs, max(2, arguments.rounds // 4))
    if "B11" in wanted:
        b11_footprint.main(found, max(3, arguments.rounds // 20))
    if "sandbox" in wanted:
        sandbox.main(found, arguments.iolite, arguments.programs, arguments.rounds)


if __name__ == "__main__":
    try:
        main()
    except contenders.Failed as failure:
        print(f"bench: {failure}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
