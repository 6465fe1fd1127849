#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cut the power at points of a log that disk_powercut made, and look at what is left.

usage: disk_powercut.py RESULTS NAME, with the program powercut beside $IOLITE_FAULTS.

For each point the file system must recover from its journal, then be clean, and
hold the last files that were promised before the point, whole.
"""

import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile

POINTS = 40
SIZE = 32 << 20
MARKER = 28 << 20  # where the guest's script writes the number of the last file promised
KEPT = 9           # files before that one which the guest had not yet removed
FILES = 60

RECORD = struct.Struct("<IHHQQQQ")
MAGIC = 0x474f4c46
WRITE = 1


def contents(number):
    return (b"file %d\n" % number * 50001)[:number * 977 % 50000 + 1]


def markers(path):
    """(records in the log, [(record, file promised with it)])."""
    with open(path, "rb") as file:
        log = file.read()
    at, record, found = 0, 0, []
    while at + RECORD.size <= len(log):
        magic, kind, _, offset, length, sequence, _ = RECORD.unpack_from(log, at)
        record += 1
        if magic != MAGIC or sequence != record:
            sys.exit(f"{path}: no record {record} at byte {at}")
        at += RECORD.size
        if kind == WRITE:
            if offset == MARKER:
                found.append((record, int(log[at:at + length])))
            at += length
    return record, found


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.returncode, done.stdout.decode(errors="replace").strip()


def look(image, folder, promised):
    """What is wrong with the file system in IMAGE, or None."""
    status, said = run("e2fsck", "-y", "-E", "journal_only", image)
    if status not in (0, 1):
        return f"the journal cannot be replayed: {said}"
    status, said = run("e2fsck", "-fn", image)
    if status:
        return f"not clean after the journal was replayed: {said}"
    run("debugfs", "-R", f"rdump / {folder}", image)
    for number in range(max(1, promised - KEPT), promised + 1):
        try:
            with open(os.path.join(folder, f"file{number}"), "rb") as file:
                data = file.read()
        except OSError:
            data = None
        if data != contents(number):
            return f"file{number} of {promised} promised is {'gone' if data is None else f'wrong, {len(data)} bytes'}"
    return None


def main():
    results, name = sys.argv[1:]
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    program = os.path.join(os.path.dirname(os.environ["IOLITE_FAULTS"]), "tests/fault/powercut")
    log = os.path.join(results, f"{name}-writes")
    records, found = markers(log)
    if [number for _, number in found] != list(range(FILES + 1)):
        sys.exit(f"the log's markers are {[number for _, number in found]}")
    dice = random.Random(1)
    # right behind a promise is where it breaks most easily
    points = {record for record, _ in dice.sample(found, POINTS // 2)}
    points |= set(dice.sample(range(found[0][0], records + 1), POINTS // 2)) | {records}
    with tempfile.TemporaryDirectory(prefix="powercut-") as folder:
        for point in sorted(points):
            promised = [number for record, number in found if record <= point][-1]
            image, files = os.path.join(folder, "image"), os.path.join(folder, "files")
            status, said = run(program, log, str(SIZE), str(point), str(point), image)
            if status:
                sys.exit(f"powercut: {said}")
            shutil.rmtree(files, ignore_errors=True)
            os.mkdir(files)
            wrong = look(image, files, promised)
            if wrong:
                sys.exit(f"power cut after record {point} of {records}, seed {point}: {wrong}")
    print(f"{len(points)} power cuts in {records} records")


main()
