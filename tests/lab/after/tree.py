#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The tree that a guest's kernel was given is, byte for byte, the one that iolite dtb writes.

  tree.py RESULTS SCENARIO

Seeds are new each time, and Linux wipes them: they are left out of the comparison.
"""

import os
import struct
import sys

BEGIN_NODE, END_NODE, PROP, NOP, END = 1, 2, 3, 4, 9
SEEDS = ("rng-seed", "kaslr-seed")


def without_seeds(blob, name):
    """(the blob with NOPs for each property in SEEDS, how many properties there are)."""
    if len(blob) < 40 or struct.unpack(">I", blob[:4])[0] != 0xd00dfeed:
        sys.exit(f"{name} is no device tree: it starts with {blob[:4].hex()}")
    total, at, strings = struct.unpack(">III", blob[4:16])
    if total != len(blob):
        sys.exit(f"{name} has {len(blob)} bytes, its header says {total}")
    blob = bytearray(blob)
    properties = 0
    while True:
        token = struct.unpack_from(">I", blob, at)[0]
        start = at
        at += 4
        if token == BEGIN_NODE:
            at = (blob.index(0, at) + 4) & ~3
        elif token == PROP:
            length, offset = struct.unpack_from(">II", blob, at)
            at = (at + 8 + length + 3) & ~3
            word = blob[strings + offset:blob.index(0, strings + offset)].decode()
            properties += 1
            if word in SEEDS:
                blob[start:at] = struct.pack(">I", NOP) * ((at - start) // 4)
        elif token == END:
            return blob, properties
        elif token not in (END_NODE, NOP):
            sys.exit(f"{name} has token {token} at byte {start}")


def main():
    results, scenario = sys.argv[1:]
    with open(os.path.join(results, f"{scenario}-fdt"), encoding="ascii") as file:
        seen, count = without_seeds(bytes.fromhex(file.read()), "the guest's tree")
    with open(os.path.join(results, f"{scenario}-wanted.dtb"), "rb") as file:
        wanted, _ = without_seeds(file.read(), "what iolite dtb wrote")
    if seen != wanted:
        places = [i for i, pair in enumerate(zip(seen, wanted)) if pair[0] != pair[1]]
        sys.exit(f"the guest's tree of {len(seen)} bytes and that of iolite dtb, {len(wanted)} bytes, differ at "
                 f"{', '.join(map(str, places[:8])) or 'the end'}")
    print(f"a tree of {len(seen)} bytes with {count} properties is the guest's and iolite dtb's")


main()
