#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds device trees against dtc: it prints each without a warning, and compiles what it printed back to an equal
tree.

  check_dtb.py FILE...       check trees (.dtb); exit status 1 and a line for each mistake
  check_dtb.py --self-test   show that mistakes are found

Exit status 77 without dtc (device-tree-compiler).
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile


def dtc(source, *options):
    """What dtc makes of the bytes @source, and what it says about them."""
    done = subprocess.run(["dtc", *options, "-"], input=source, capture_output=True, timeout=60,
                          check=False)
    said = done.stderr.decode(errors="replace").strip().splitlines()
    if done.returncode and not said:
        said = [f"dtc: exit status {done.returncode}"]
    return done.stdout, said


def check(tree):
    """Mistakes of the tree in the bytes @tree."""
    source, said = dtc(tree, "-I", "dtb", "-O", "dts")
    if said:
        return said
    # What dtc printed has numbers in the place of references; about these it would complain.
    again, said = dtc(source, "-q", "-I", "dts", "-O", "dtb")
    if said:
        return said
    before, _ = dtc(tree, "-I", "dtb", "-O", "dts", "-s")
    after, _ = dtc(again, "-I", "dtb", "-O", "dts", "-s")
    return [] if before == after else ["is not the same after it was printed and compiled"]


def self_test():
    node = "/dts-v1/; / { #address-cells = <1>; #size-cells = <1>; %s };"
    cases = [
        (node % "a@0 { reg = <0 1>; };", False),
        (node % "a { reg = <0 1>; };", True),
        (node % "a@1 { };", True),
        (node % "a@0 { reg = <0>; };", True),
        (node % "a { interrupts = <1>; };", True),
        (node % "compatible = [00ff];", True),
    ]
    wrong = []
    for source, is_wrong in cases:
        tree, _ = dtc(source.encode(), "-q", "-q", "-f", "-I", "dts", "-O", "dtb")
        if bool(check(tree)) != is_wrong or not tree:
            wrong.append(f"self test: {source}")
    tree, _ = dtc(cases[0][0].encode(), "-I", "dts", "-O", "dtb")
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "cut.dtb")
        path.write_bytes(tree[:-1])
        if not check_files([str(path)]) or not check_files([str(path) + ".none"]):
            wrong.append("self test: files that are cut short or missing")
    return len(cases) + 2, wrong


def check_files(paths):
    mistakes = []
    for path in paths:
        try:
            mistakes += [f"{path}: {said}" for said in check(pathlib.Path(path).read_bytes())]
        except OSError as error:
            mistakes.append(f"{path}: {error.strerror}")
    return mistakes


def main():
    if not shutil.which("dtc"):
        print("dtc is not installed (device-tree-compiler)")
        return 77
    if not sys.argv[1:]:
        print(__doc__)
        return 2
    if sys.argv[1:] == ["--self-test"]:
        count, mistakes = self_test()
    else:
        count, mistakes = len(sys.argv) - 1, check_files(sys.argv[1:])
    for mistake in mistakes:
        print(mistake)
    print(f"{count} checked, {len(mistakes)} mistakes")
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
