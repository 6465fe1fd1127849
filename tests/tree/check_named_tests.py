#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that the tests which documents name are there: docs/bug-classes.md, docs/threat-model.md, docs/conformance.md in
part.

In a table whose last column is headed "test" each row names at least one, as "FILE", or "FILE: CASE, CASE", with "; "
between files; what is in brackets is a remark. A case is the end of what the program prints for it.

  virtqueue: pop/order              a path of GTest in tests/unit/test_virtqueue.c, or tests/fault/test_virtqueue.c
  fuzz_boot                         tests/fuzz/fuzz_boot.c, and inputs that are kept for it
  hostile_disk: header_short        a line of tests/guest/hostile_disk_list.h, and the function that does it
  check_chars: clients_that_come    a function of tests/cli/check_chars.py that is run; likewise tests/fault/*.py

  check_named_tests.py              check this tree; exit status 1 and a line for each mistake
  check_named_tests.py --self-test  show that mistakes are found
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLASSES = 32  # rows of docs/bug-classes.md, numbered
DOCS = ("docs/bug-classes.md", "docs/conformance.md", "docs/threat-model.md")

COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
ITEM = re.compile(r"([a-z0-9_]+)(?:: (.+))?$")


def strings_of(text):
    """The string literals of C, without those in comments. A comment cannot begin within the strings of these files."""
    return STRING.findall(COMMENT.sub(" ", text))


def has_gtest(text, case):
    """Whether @case ends a path, which is whole, or made of two literals: "/rtc/" name, or "/elf/bad/%s"."""
    if not case:
        return False
    literals = set(strings_of(text))
    paths = [l for l in literals if l.startswith("/")]
    if any(l.endswith("/" + case) for l in paths):
        return True
    heads = [re.sub(r"%s.*", "", l) for l in paths if l.endswith("/") or "%s" in l]
    parts = case.split("/")
    for i in range(len(parts)):
        name = "/".join(parts[i:])
        before = "/".join(parts[:i])
        if name in literals and any(h.endswith("/" + before + "/" if before else "/") for h in heads):
            return True
    return False


class Tree:
    def __init__(self, root):
        self.root = root

    def text(self, path):
        file = self.root / path
        return file.read_text() if file.is_file() else None

    def unit(self, name, cases):
        for folder in ("unit", "fault"):
            path = f"tests/{folder}/test_{name}.c"
            text = self.text(path)
            if text is not None:
                return [f"{path} has no case '{c}'" for c in cases if not has_gtest(text, c)]
        return [f"there is no tests/unit/test_{name}.c"]

    def fuzz(self, name, cases):
        if cases:
            return [f"{name} has no cases with names"]
        if self.text(f"tests/fuzz/{name}.c") is None:
            return [f"there is no tests/fuzz/{name}.c"]
        corpus = self.root / "tests/fuzz/corpus" / name[len("fuzz_"):]
        if not corpus.is_dir() or not any(corpus.iterdir()):
            return [f"no inputs are kept for {name}"]
        return []

    def hostile(self, name, cases):
        path = f"tests/guest/{name}_list.h"
        text = self.text(path)
        if text is None:
            return [f"there is no {path}"]
        text = COMMENT.sub(" ", text)
        folder = self.root / "tests/guest"
        code = "".join(p.read_text() for p in sorted([*folder.glob("virtio/*hostile*.c"), *folder.glob("x86_64/*hostile*.c")]))
        wrong = [f"{path} has no '{c}'" for c in cases if not re.search(rf"VIOLATION\({re.escape(c)},", text)]
        return wrong + [f"no guest has v_{c}()" for c in cases if not re.search(rf"\bv_{re.escape(c)}\(", code)]

    def script(self, path, cases):
        text = self.text(path)
        # It is defined, and named once more by who runs it.
        return [f"{path} has no case '{c}'" for c in cases
                if not re.search(rf"^def {re.escape(c)}\(", text, re.M) or len(re.findall(rf"\b{re.escape(c)}\b", text)) < 2]

    def check(self, name, cases):
        for folder in ("cli", "fault"):
            if self.text(f"tests/{folder}/{name}.py") is not None:
                return self.script(f"tests/{folder}/{name}.py", cases)
        if name.startswith("fuzz_"):
            return self.fuzz(name, cases)
        if name.startswith("hostile_"):
            return self.hostile(name, cases)
        return self.unit(name, cases)

    def check_cell(self, cell):
        wrong = []
        for item in re.sub(r"\s*\([^)]*\)", "", cell).split("; "):
            found = ITEM.match(item.strip())
            if found:
                cases = found[2].split(", ") if found[2] else []
                wrong += self.check(found[1], [c.strip() for c in cases])
            else:
                wrong.append(f"'{item}' names no test")
        return wrong


def rows_of(text):
    """Line number and cells of each row whose table's last column is headed "test"."""
    named, before = False, False
    for number, line in enumerate(text.splitlines(), 1):
        row = line.startswith("|")
        cells = [c.strip() for c in line.strip().strip("|").split("|")] if row else []
        if row and not before:
            named = cells[-1] == "test"
        elif row and named and not set(line) <= set("|- "):
            yield number, cells
        before = row


def check_doc(tree, path, text):
    wrong, numbers = [], []
    for number, cells in rows_of(text):
        numbers.append(cells[0])
        wrong += [f"{path}:{number}: {w}" for w in tree.check_cell(cells[-1])]
    if not numbers:
        wrong.append(f"{path}: no table names tests")
    if path == DOCS[0] and numbers != [str(i + 1) for i in range(CLASSES)]:
        wrong.append(f"{path}: its rows are not numbered from 1 to {CLASSES}")
    return wrong


def check_tree():
    tree, wrong = Tree(ROOT), []
    for path in DOCS:
        wrong += check_doc(tree, path, tree.text(path))
    for line in wrong:
        print(line)
    return 1 if wrong else 0


def self_test():
    tree = Tree(ROOT)
    good = ("virtqueue: pop/order, pop/head_in_flight", "virtqueue", "rtc: ram", "elf: bad/offset max", "fuzz_boot",
            "virtio_net_hostile: head-twice (a remark; with more)", "hostile_disk: header_short; chain: loops",
            "check_chars: a_reader_that_does_not_read", "stuck: reset_while_a_read_is_stuck", "powercut: writeback")
    bad = ("", "-", "none", "virtqueue: pop/nothing", "virtqueue: op/order", "nothing_such", "fuzz_nothing", "fuzz_boot: a",
           "elf: bad/no such row", "hostile_disk: nothing", "hostile_nothing: a", "check_chars: nothing", "rtc: rame",
           "virtqueue: pop/order,pop/none", "a test that we shall write", "rtc: ram, ")
    wrong = [f"refused: '{c}': {tree.check_cell(c)}" for c in good if tree.check_cell(c)]
    wrong += [f"accepted: '{c}'" for c in bad if not tree.check_cell(c)]
    if has_gtest('/* "/a/b" */ // "/a/b"\n"/a/c"', "b"):
        wrong.append("accepted: a case in a comment")
    table = "| # | test |\n|---|---|\n" + "".join(f"| {i + 1} | virtqueue |\n" for i in range(CLASSES))
    for text, good in ((table, True), (table.replace("| 7 | virtqueue |\n", ""), False), (table.replace("| test", "| tests"), False)):
        if not check_doc(tree, DOCS[0], text) != good:
            wrong.append(f"a table was {'refused' if good else 'accepted'}")
    for line in wrong:
        print(line)
    return 1 if wrong else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    if sys.argv[1:]:
        print(__doc__, file=sys.stderr)
        return 2
    return check_tree()


if __name__ == "__main__":
    sys.exit(main())
