#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kills iolite at random moments and looks for acknowledged writes that are not there.

  kill9.py IOLITE GUEST [--points N] [--seed S] [--seconds S]
  kill9.py --self-test

The guest (tests/guest/x86_64/g_journal.c) writes records to disk 0 and, once each is acknowledged, a
note to disk 1. SIGKILL leaves both in the page cache. Afterwards each noted record must be whole: each
of its sectors is there, or one of a later record for the same place, which may have been under way.
A sector that is neither is lost or torn.

Exit status: 0 passed, 1 failed, 77 cannot run here.
"""

import argparse
import os
import random
import select
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib

SKIP = 77
SECTOR = 512
PLACE_SECTORS = 8
RECORD = 0x31726F636572696F  # tests/guest/journal.h
NOTE = 0x3165746F6E2D696F
HEAD = struct.Struct("<QQIHH")
RECORD_BYTES = 4 << 20
NOTE_BYTES = 4 << 20
READY_S = 30
DELAY_MAX_S = 0.12
LIMIT_S = 75  # no new points after that, unless told otherwise
POINTS_MIN = 0.2  # of what was asked for: a busy machine does not fail, one that stands still does

# What is killed, and its share of the points.
VARIANTS = {"": 0.6, ",cache=writethrough": 0.2, ",direct": 0.2}


def parse(sector, magic):
    """(seq, place, index, count) of a whole sector, None: it is none, or torn."""
    found, seq, place, index, count = HEAD.unpack_from(sector)
    if found != magic or zlib.crc32(sector[:-4]) != struct.unpack_from("<I", sector, SECTOR - 4)[0]:
        return None
    return seq, place, index, count


def read_notes(data):
    """{place: (seq, count)} of the last acknowledged record of each place, and their number."""
    last, number = {}, 0
    empty = bytes(SECTOR)
    for at in range(0, len(data), SECTOR):
        sector = data[at : at + SECTOR]
        note = None if sector == empty else parse(sector, NOTE)
        if not note:
            continue
        seq, place, _, count = note
        number += 1
        if place not in last or last[place][0] < seq:
            last[place] = seq, count
    return last, number


def check_images(records, notes):
    """Complaints, and the number of acknowledged records."""
    complaints = []
    last, number = read_notes(notes)
    for place, (seq, count) in sorted(last.items()):
        for index in range(count):
            at = (place * PLACE_SECTORS + index) * SECTOR
            got = parse(records[at : at + SECTOR], RECORD)
            if got and got[1:3] == (place, index) and (got[0] == seq and got[3] == count or got[0] > seq):
                continue
            complaints.append(f"record {seq}, sector {index} of {count} at place {place}: found "
                              f"{'record %d' % got[0] if got else 'no whole sector'}")  # fmt: skip
    return complaints, number


def await_ready(process):
    deadline = time.monotonic() + READY_S
    text = b""
    while b"ready\n" not in text:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([process.stdout], [], [], left)[0]:
            return False
        data = os.read(process.stdout.fileno(), 4096)
        if not data:
            return False
        text += data
    return True


def kill_once(command, delay_s):
    """Runs and kills; a complaint or None."""
    with tempfile.TemporaryFile() as log:
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log) as process:
            ready = await_ready(process)
            time.sleep(delay_s)
            early = process.poll()
            process.send_signal(signal.SIGKILL)
            rest = process.stdout.read()
            process.wait()
        log.seek(0)
        said = rest.decode(errors="replace") + log.read().decode(errors="replace")
    if not ready or early is not None or "FAIL" in said:
        return f"it did not run until it was killed: {said[-500:]}"
    return None


def make_images(folder):
    paths = []
    for name, size in (("records", RECORD_BYTES), ("notes", NOTE_BYTES)):
        paths.append(os.path.join(folder, name))
        with open(paths[-1], "wb") as f:
            f.truncate(size)
    return paths


def read(path):
    with open(path, "rb") as f:
        return f.read()


def one_point(arguments, variant, seed, delay_s):
    """(complaints, acknowledged records) of one kill; new images each time."""
    with tempfile.TemporaryDirectory() as folder:
        images = make_images(folder)
        command = [arguments.iolite, "run", "-m", "64M", "-s", "stdio", "-k", arguments.guest,
                   "-a", f"pci=1,2 seed={seed}"]  # fmt: skip
        for image in images:
            command += ["-d", image + variant]
        why = kill_once(command, delay_s)
        if why:
            return [why], 0
        records, notes = map(read, images)
        complaints, number = check_images(records, notes)
        if not complaints and number and not check_images(spoil(records, notes), notes)[0]:
            complaints = ["a spoiled sector went unnoticed"]
        return complaints, number


def spoil(records, notes):
    """The same with one bit of one acknowledged record changed."""
    place = max(read_notes(notes)[0])
    at = place * PLACE_SECTORS * SECTOR + 100
    return records[:at] + bytes([records[at] ^ 1]) + records[at + 1 :]


def check(arguments):
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        print("skipped: /dev/kvm cannot be used")
        return SKIP
    draw = random.Random(arguments.seed)
    start = time.monotonic()
    failures = 0
    points = {variant: [] for variant in VARIANTS}  # (ms, acknowledged records)
    print(f"seed {arguments.seed}, {arguments.points} points")
    for done in range(arguments.points):
        if time.monotonic() - start > arguments.seconds:
            print(f"note: {arguments.seconds} s were enough for {done} points")
            failures += done < POINTS_MIN * arguments.points
            break
        variant = draw.choices(list(VARIANTS), VARIANTS.values())[0]
        seed, delay_s = draw.randrange(1 << 31), draw.uniform(0, DELAY_MAX_S)
        complaints, number = one_point(arguments, variant, seed, delay_s)
        if not complaints and not number:
            complaints = ["no record was acknowledged"]
        points[variant].append((round(delay_s * 1000, 1), number))
        for line in complaints[:5]:
            print(f"FAIL disk{variant}, guest seed {seed}, killed after {delay_s * 1000:.1f} ms: {line}")
        failures += bool(complaints)
    for variant, found in points.items():
        print(f"disk{variant or ',cache=writeback'}: {len(found)} kills, {sum(n for _, n in found)} "
              "acknowledged records; after ms:", *(ms for ms, _ in found))  # fmt: skip
    print(f"{time.monotonic() - start:.0f} s, {failures} failures")
    return 1 if failures else 0


# --- itself ---


def make_sector(magic, seq, place, index, count):
    body = HEAD.pack(magic, seq, place, index, count).ljust(SECTOR - 4, b"p")
    return body + struct.pack("<I", zlib.crc32(body))


def self_test():
    def images(changes=()):
        """Records 1 to 3, of 3 sectors, at places 0 to 2; record 4 over that of place 1. All noted."""
        records, notes = bytearray(4 * PLACE_SECTORS * SECTOR), bytearray(16 * SECTOR)
        for seq, place in ((1, 0), (2, 1), (3, 2), (4, 1)):
            notes[seq * SECTOR : (seq + 1) * SECTOR] = make_sector(NOTE, seq, place, 0, 3)
            for index in range(3):
                at = (place * PLACE_SECTORS + index) * SECTOR
                records[at : at + SECTOR] = make_sector(RECORD, seq, place, index, 3)
        for at, data in changes:
            records[at : at + len(data)] = data
        return bytes(records), bytes(notes)

    place_1 = PLACE_SECTORS * SECTOR
    cases = [
        ("all is well", [], 0),
        ("a later record was under way", [(place_1 + SECTOR, make_sector(RECORD, 9, 1, 1, 5))], 0),
        ("a sector is lost", [(0, bytes(SECTOR))], 1),
        ("a sector is torn", [(SECTOR + 256, b"x" * 256)], 1),
        ("one bit is wrong", [(SECTOR + 100, b"q")], 1),
        ("an earlier record is back", [(place_1, make_sector(RECORD, 2, 1, 0, 3))], 1),
        ("a sector of another place", [(0, make_sector(RECORD, 9, 2, 0, 3))], 1),
        ("a sector of another index", [(0, make_sector(RECORD, 9, 0, 2, 3))], 1),
        ("a whole record is lost", [(0, bytes(3 * SECTOR))], 3),
    ]
    wrong = 0
    for name, changes, expected in cases:
        complaints, number = check_images(*images(changes))
        if len(complaints) != expected or number != 4:
            print(f"FAIL {name}: {number} notes, {complaints}")
            wrong += 1
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--points", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--seconds", type=int, default=LIMIT_S)
    parser.add_argument("iolite", nargs="?")
    parser.add_argument("guest", nargs="?")
    arguments = parser.parse_args()
    if arguments.self_test:
        return self_test()
    if not arguments.guest:
        parser.error("IOLITE GUEST")
    if arguments.seed is None:
        arguments.seed = random.randrange(1 << 31)
    return check(arguments)


if __name__ == "__main__":
    sys.exit(main())
