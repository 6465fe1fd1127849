#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The device trees of all machines, with what changes them: processors, disks, an initrd. For each tree:

  - dtc reads it without a warning;
  - the source form that iolite writes compiles to the same tree;
  - iol_fdt_validate() finds nothing (the program VALIDATE);
  - the initrd is in it where one was given, and nowhere else.

  check_trees.py IOLITE VALIDATE
"""

import os
import shutil
import subprocess
import sys
import tempfile

import flat_tree
import tiny_kernels

LIMIT = 60
# Architecture, machine.
MACHINES = [
    ("x86_64", "pc"),
    ("aarch64", "virt"),
    ("powerpc", "e500v2"),
    ("powerpc", "e500v2-36"),
    ("powerpc", "e500mc"),
    ("powerpc", "e5500"),
    ("powerpc", "e6500"),
]
DISKS = {
    "none": [],
    "mmio": ["a,transport=mmio", "b,transport=mmio"],
    "pci": ["a", "b"],
}
SERIALS = {"": [], "-4serials": ["-s", "null"] * 4}
INITRD_BYTES = 0x12345


class Failure(Exception):
    pass


def run(*command, status=0):
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT, check=False)
    if result.returncode != status:
        raise Failure(f"{command[0]}: status {result.returncode}: {result.stderr.decode()}{result.stdout.decode()}")
    return result


def check_initrd(tree, wanted):
    chosen = tree.find("/chosen").props
    if not wanted:
        if any(prop.startswith("linux,initrd") for prop in chosen):
            raise Failure("/chosen has an initrd, and there is none")
        return
    start, end = (int.from_bytes(chosen[f"linux,initrd-{which}"], "big") for which in ("start", "end"))
    if end - start != INITRD_BYTES or start % 4096:
        raise Failure(f"/chosen has the initrd from {start:#x} to {end:#x}")


def check_one(iolite, folder, name, options, initrd):
    dtb, dts, back = (f"{folder}/{name}{end}" for end in (".dtb", ".dts", ".back.dtb"))
    run(iolite, "dtb", *options, "--format", "dtb", "-o", dtb)
    run(iolite, "dtb", *options, "--format", "dts", "-o", dts)
    warnings = run("dtc", "-I", "dtb", "-O", "null", dtb).stderr.decode()
    if warnings:
        raise Failure(f"dtc says: {warnings}")
    # In source, dtc would have references by label; that it does not warn of anything is known.
    run("dtc", "-q", "-I", "dts", "-O", "dtb", "-o", back, dts)
    tree, reservations = flat_tree.load(dtb)
    again, reservations_again = flat_tree.load(back)
    difference = flat_tree.equal(tree, again)
    if difference or reservations != reservations_again:
        raise Failure(f"as source and compiled again it is another tree: {difference or 'reservations'}")
    check_initrd(tree, initrd)
    return dtb


def combinations(folder):
    for arch, machine in MACHINES:
        for cpus in ("1", "4"):
            for disks, arguments in DISKS.items():
                for initrd in (False, True):
                    serials = "-4serials" if initrd and not arguments else ""
                    options = ["--arch", arch, "-M", machine, "-c", cpus, "-m", "256M", *SERIALS[serials]]
                    for disk in arguments:
                        options += ["-d", disk]
                    if initrd:
                        options += ["-k", f"{folder}/kernel-{arch}", "-i", f"{folder}/initrd"]
                    yield f"{machine}-{cpus}-{disks}{'-initrd' if initrd else ''}{serials}", options, initrd


def main():
    iolite, validate = (os.path.abspath(path) for path in sys.argv[1:3])
    if not shutil.which("dtc"):
        print("check_trees: dtc (device-tree-compiler) is missing")
        return 77
    failures, trees = 0, []
    with tempfile.TemporaryDirectory() as folder:
        for arch in tiny_kernels.KERNELS:
            tiny_kernels.write(folder, arch)
        with open(f"{folder}/initrd", "wb") as file:
            file.write(bytes(INITRD_BYTES))
        for name, options, initrd in combinations(folder):
            try:
                trees.append(check_one(iolite, folder, name, options, initrd))
            except Failure as failure:
                failures += 1
                print(f"{name} ({' '.join(options)}): {failure}")
        result = subprocess.run([validate, *trees], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                timeout=LIMIT, check=False)
        print(result.stdout.replace(folder + "/", ""), end="")
        print(result.stderr, end="")
        failures += result.returncode != 0
    print(f"{len(trees)} trees, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
