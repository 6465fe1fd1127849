#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the device trees of iolite's machines against those of QEMU's, node by node and property by property. Every
difference must be in the kept list of the machine (NAME.differences here) under its reason, and every line of a list
must still be a difference.

  compare_dtb.py IOLITE [NAME...]           compare; NAME: virt-aarch64, ppce500 ..., all unless told
  compare_dtb.py --print IOLITE NAME        all differences, in the form of the lists
  compare_dtb.py --files OURS.dtb QEMU.dtb  the same of two files
  compare_dtb.py --self-test                show that differences and stale lines are found

Nodes are the same if they have the same name, or else if they alone have it but for the unit address, alone have the
first of their compatible strings, or alone have the unit address. References are compared by the node they lead to, so phandles may have any numbers.

A list has blocks: lines with '#' give the reason for what follows, up to an empty line. Then, one a line,

  ours PATH            a node that QEMU has not, with all in it; PATH PROPERTY: a property
  qemu PATH            one that iolite has not
  name PATH NAME       a node that QEMU calls NAME
  value PATH PROPERTY: OURS | QEMU

where PATH and PROPERTY may have * in them, and a value may be *. Paths are iolite's where both have the node. Values are
as dtc writes them, a reference as &PATH.
"""

import fnmatch
import os
import shutil
import subprocess
import sys
import tempfile

import flat_tree
import tiny_kernels

LIMIT = 60
HERE = os.path.dirname(os.path.abspath(__file__))
CMDLINE = "console=ttyS0"
SIZES = {"cpus": "4", "memory": "1G"}

# Name of the list -> how QEMU is called, iolite's architecture and machine.
CASES = {
    "virt-aarch64": (["qemu-system-aarch64", "-M", "virt,gic-version=3", "-cpu", "cortex-a57"], "aarch64", "virt"),
    "ppce500": (["qemu-system-ppc", "-M", "ppce500", "-cpu", "e500v2_v30"], "powerpc", "e500v2"),
    "ppce500-36": (["qemu-system-ppc", "-M", "ppce500", "-cpu", "e500v2_v30"], "powerpc", "e500v2-36"),
    "ppce500-e500mc": (["qemu-system-ppc", "-M", "ppce500", "-cpu", "e500mc"], "powerpc", "e500mc"),
    "ppce500-e5500": (["qemu-system-ppc64", "-M", "ppce500", "-cpu", "e5500"], "powerpc", "e5500"),
    "ppce500-e6500": (["qemu-system-ppc64", "-M", "ppce500", "-cpu", "e6500"], "powerpc", "e6500"),
}

# Numbers that stand for a node, and nothing else.
HANDLES = ("phandle", "linux,phandle")
# Which cells of a property are phandles: the first, and every so many.
REFERENCES = {
    "interrupt-parent": (0, 1),
    "msi-parent": (0, 1),
    "fsl,msi": (0, 1),
    "cpu": (0, 1),
    "clocks": (0, 1),  # of clocks without cells of their own
    "gpios": (0, 3),
    "msi-map": (1, 4),
}


class Failure(Exception):
    pass


def base(node):
    return node.name.split("@")[0]


def binding(node):
    return node.props.get("compatible", b"").split(b"\0")[0]


def unit(node):
    return node.name.partition("@")[2]


def pair_children(ours, theirs):
    """[(our child or None, their child or None)]"""
    left, right, pairs = list(ours.children.values()), list(theirs.children.values()), []
    for key in (lambda node: node.name, base, binding, unit):
        for a in list(left):
            same_left = [n for n in left if key(n) == key(a)]
            same_right = [n for n in right if key(n) == key(a)]
            if key(a) and len(same_left) == len(same_right) == 1:
                pairs.append((a, same_right[0]))
                left.remove(a)
                right.remove(same_right[0])
    return pairs + [(a, None) for a in left] + [(None, b) for b in right]


def pair_all(ours, theirs):
    yield ours, theirs
    if ours is None or theirs is None:
        return
    for a, b in pair_children(ours, theirs):
        yield from pair_all(a, b)


class Side:
    """One of the two trees, for writing its values."""

    def __init__(self, root, path_of):
        self.path_of = path_of
        self.by_handle = {int.from_bytes(n.props["phandle"], "big"): n for n in root.walk() if "phandle" in n.props}

    def reference(self, cell):
        if cell not in self.by_handle:
            return f"&{cell:#x}?"
        return "&" + self.path_of(self.by_handle[cell])

    def references(self, node, prop, cells):
        """The places of phandles in the @cells of @prop."""
        if prop != "interrupt-map":
            first, step = REFERENCES.get(prop, (len(cells), 1))
            return range(first, len(cells), step)
        places, at = [], 0
        child = node.cell("#address-cells", 2) + node.cell("#interrupt-cells", 1)
        while at + child < len(cells):
            places.append(at + child)
            parent = self.by_handle[cells[at + child]]
            at += child + 1 + parent.cell("#address-cells", 0) + parent.cell("#interrupt-cells", 1)
        return places

    def write(self, node, prop):
        value = node.props[prop]
        if not value:
            return "true"
        strings = value[:-1].split(b"\0") if value.endswith(b"\0") else []
        if strings and all(s and all(0x20 <= byte < 0x7f for byte in s) for s in strings):
            return ", ".join(f'"{s.decode()}"' for s in strings)
        if len(value) % 4:
            return f"[{value.hex(' ')}]"
        cells = node.cells(prop)
        places = set(self.references(node, prop, cells))
        return "<" + " ".join(self.reference(c) if i in places else f"{c:#x}" for i, c in enumerate(cells)) + ">"


def compare(ours, theirs):
    """[(kind, path, what, text)] of all differences."""
    pairs = list(pair_all(ours, theirs))
    their_path = {id(b): (a or b).path for a, b in pairs if b is not None}
    left = Side(ours, lambda node: node.path)
    right = Side(theirs, lambda node: their_path.get(id(node), node.path))
    found = []
    for a, b in pairs:
        if a is None or b is None:
            found.append(("ours" if b is None else "qemu", (a or b).path, "", ""))
            continue
        if a.name != b.name:
            found.append(("name", a.path, b.name, ""))
        for prop in dict.fromkeys([*a.props, *b.props]):
            if prop in HANDLES:
                continue
            if prop not in b.props or prop not in a.props:
                found.append(("ours" if prop in a.props else "qemu", a.path, prop, ""))
                continue
            values = left.write(a, prop), right.write(b, prop)
            if values[0] != values[1]:
                found.append(("value", a.path, prop, " | ".join(values)))
    return found


def as_line(difference):
    kind, path, what, text = difference
    return f"{kind} {path}" + (f" {what}" if what else "") + (f": {text}" if kind == "value" else "")


class Line:
    """A line of a list."""

    def __init__(self, number, text, has_reason):
        self.number, self.text, self.used = number, text, False
        head, _, self.values = text.partition(": ")
        words = head.split()
        if not has_reason:
            raise Failure(f"line {number}: {text}: there is no reason above it")
        if words[0] not in ("ours", "qemu", "name", "value") or not 2 <= len(words) <= 3:
            raise Failure(f"line {number}: {text}: not understood")
        self.kind, self.path, self.what = words[0], words[1], words[2] if len(words) == 3 else ""

    def covers(self, difference):
        kind, path, what, text = difference
        return (kind == self.kind and fnmatch.fnmatchcase(path, self.path) and fnmatch.fnmatchcase(what, self.what)
                and (kind != "value" or all(a in ("*", b) for a, b in zip(self.values.split(" | "), text.split(" | ")))))


def parse_list(text):
    lines, has_reason = [], False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("#"):
            has_reason = True
        elif not line:
            has_reason = False
        else:
            lines.append(Line(number, line, has_reason))
    return lines


def read_list(name):
    with open(f"{HERE}/{name}.differences", encoding="utf-8") as file:
        return parse_list(file.read())


def hold_against_list(name, lines, found):
    """Lines that tell what is wrong."""
    wrong = []
    for difference in found:
        covering = [line for line in lines if line.covers(difference)]
        for line in covering:
            line.used = True
        if not covering:
            wrong.append(f"{name}: not in the list: {as_line(difference)}")
    wrong += [f"{name}.differences: line {line.number}: no difference any more: {line.text}"
              for line in lines if not line.used]
    return wrong


def run(*command):
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT, check=False)
    if result.returncode:
        raise Failure(f"{' '.join(command)}: status {result.returncode}: {result.stderr}")
    return result


def make_trees(iolite, name, folder):
    command, arch, machine = CASES[name]
    kernel = tiny_kernels.write(folder, arch)
    place = command.index("-M") + 1
    qemu = [*command, "-smp", SIZES["cpus"], "-m", SIZES["memory"], "-kernel", kernel, "-append", CMDLINE, "-display", "none",
            "-serial", "null", "-monitor", "none"]
    qemu[place] += f",dumpdtb={folder}/qemu.dtb"
    run(*qemu)
    run(iolite, "dtb", "--arch", arch, "-M", machine, "-c", SIZES["cpus"], "-m", SIZES["memory"], "-a", CMDLINE,
        "--format", "dtb", "-o", f"{folder}/ours.dtb")
    return (flat_tree.load(f"{folder}/{which}.dtb")[0] for which in ("ours", "qemu"))


def differences_of(iolite, name):
    with tempfile.TemporaryDirectory() as folder:
        return compare(*make_trees(iolite, name, folder))


def make_node(name, props, *children):
    node = flat_tree.Node(name, None)
    node.props = props
    for child in children:
        child.parent, node.children[child.name] = node, child
    return node


def self_test():
    ours = make_node("", {"a": b"x\0"}, make_node("pic@1", {"phandle": b"\0\0\0\1"}),
                     make_node("serial@2", {"interrupt-parent": b"\0\0\0\1", "reg": b"\0\0\0\2"}), make_node("only", {}))
    theirs = make_node("", {"a": b"y\0", "b": b""}, make_node("pic@3", {"phandle": b"\0\0\0\7"}),
                       make_node("uart@2", {"interrupt-parent": b"\0\0\0\7", "reg": b"\0\0\0\3"}))
    wanted = ['value / a: "x" | "y"', "qemu / b", "name /pic@1 pic@3", "name /serial@2 uart@2",
              "value /serial@2 reg: <0x2> | <0x3>", "ours /only"]
    found = compare(ours, theirs)
    cases = [
        ("what is found", list(map(as_line, found)) == wanted),
        ("a whole list", not hold_against_list("", parse_list("# why\n" + "\n".join(wanted)), found)),
        ("patterns", not hold_against_list("", parse_list("# why\nvalue / ?: * | *\nqemu / b\nname * *\nvalue * reg: <0x2> | *\nours *"),
                                           found)),
        ("a line less", len(hold_against_list("", parse_list("# why\n" + "\n".join(wanted[1:])), found)) == 1),
        ("a line more", len(hold_against_list("", parse_list("# why\n" + "\n".join([*wanted, "ours /gone"])), found)) == 1),
        ("another value", len(hold_against_list("", parse_list("# why\n" + "\n".join(wanted).replace("<0x3>", "<0x4>")), found)) == 2),
    ]
    try:
        parse_list("# why\nours /a\n\nours /b")
        cases.append(("a line without a reason", False))
    except Failure:
        pass
    for name, passed in cases:
        if not passed:
            print(f"self test: {name}")
    return 0 if all(passed for _, passed in cases) else 1


def main(arguments):
    if arguments == ["--self-test"]:
        return self_test()
    if arguments[:1] == ["--files"]:
        print("\n".join(map(as_line, compare(*(flat_tree.load(path)[0] for path in arguments[1:3])))))
        return 0
    if arguments[:1] == ["--print"]:
        print("\n".join(map(as_line, differences_of(os.path.abspath(arguments[1]), arguments[2]))))
        return 0
    names = arguments[1:] or list(CASES)
    missing = sorted({CASES[name][0][0] for name in names} - {p for name in names if shutil.which(p := CASES[name][0][0])})
    if missing:
        print(f"compare_dtb: missing: {', '.join(missing)}")
        return 77
    wrong = []
    for name in names:
        try:
            found = differences_of(os.path.abspath(arguments[0]), name)
            told = hold_against_list(name, read_list(name), found)
        except Failure as failure:
            found, told = [], [f"{name}: {failure}"]
        wrong += told
        print(f"{name}: {len(found)} differences, {len(told)} that the list does not have or has no more")
    if wrong:
        version = run(CASES[names[0]][0][0], "--version").stdout.splitlines()[0]
        print("\n".join(wrong), f"({version}; the lists are for 7.2)", sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
