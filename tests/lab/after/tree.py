#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The tree that a guest's kernel was given is the one that iolite dtb writes: byte for byte, or where it had seeds
(which are new at each start, and which Linux wipes) node by node without them.

  tree.py RESULTS SCENARIO
"""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tree"))
import flat_tree  # noqa: E402  pylint: disable=wrong-import-position

SEEDS = ("rng-seed", "kaslr-seed")


def main():
    results, scenario = sys.argv[1:]
    with open(os.path.join(results, f"{scenario}-fdt"), encoding="ascii") as file:
        seen = bytes.fromhex(file.read())
    with open(os.path.join(results, f"{scenario}-wanted.dtb"), "rb") as file:
        wanted = file.read()
    (root, reservations), (wanted_root, wanted_reservations) = flat_tree.read(seen), flat_tree.read(wanted)
    chosen = root.find("/chosen").props
    seeds = [name for name in SEEDS if chosen.pop(name, None) is not None]
    difference = flat_tree.equal(root, wanted_root)
    if not difference and reservations != wanted_reservations:
        difference = f"reserved memory: {reservations} and {wanted_reservations}"
    if not difference and not seeds and seen != wanted:
        places = [i for i, (a, b) in enumerate(zip(seen, wanted)) if a != b]
        difference = f"{len(seen)} and {len(wanted)} bytes, which differ at {', '.join(map(str, places[:8])) or 'the end'}"
    if difference:
        sys.exit(f"the guest's tree and that of iolite dtb: {difference}")
    count = sum(len(node.props) for node in root.walk())
    print(f"the guest's tree is iolite dtb's {'but for seeds' if seeds else 'byte for byte'}: {count} properties")


main()
