# SPDX-License-Identifier: Apache-2.0
"""Reads flattened device trees (DTSpec-0.4 5), for tests. Trees are trusted: they come from iolite, dtc and QEMU."""

import struct

MAGIC, HEADER = 0xd00dfeed, ">10I"
BEGIN, END, PROP, NOP, LAST = 1, 2, 3, 4, 9


class Node:
    """Properties are bytes by name, children nodes by name, both in the tree's order."""

    def __init__(self, name, parent):
        self.name, self.parent, self.props, self.children = name, parent, {}, {}

    @property
    def path(self):
        if self.parent is None:
            return "/"
        return self.parent.path.rstrip("/") + "/" + self.name

    def walk(self):
        yield self
        for child in self.children.values():
            yield from child.walk()

    def find(self, path):
        node = self
        for name in path.strip("/").split("/") if path.strip("/") else []:
            node = node.children[name]
        return node

    def cells(self, prop):
        value = self.props[prop]
        return list(struct.unpack(f">{len(value) // 4}I", value))

    def cell(self, prop, default):
        return self.cells(prop)[0] if prop in self.props else default

    def inherited(self, prop):
        """The nearest node, this or above, that has the property; None: none has."""
        node = self
        while node is not None and prop not in node.props:
            node = node.parent
        return node


def text_at(blob, at):
    return blob[at:blob.index(b"\0", at)].decode()


def read(blob):
    """(root, memory reservations)"""
    magic, total, structure, strings, reserve, _, _, _, _, _ = struct.unpack_from(HEADER, blob)
    if magic != MAGIC or total > len(blob):
        raise ValueError("this is no device tree")
    reservations = []
    while struct.unpack_from(">QQ", blob, reserve) != (0, 0):
        reservations.append(struct.unpack_from(">QQ", blob, reserve))
        reserve += 16
    node, root, at = None, None, structure
    while True:
        token, at = struct.unpack_from(">I", blob, at)[0], at + 4
        if token == BEGIN:
            name = text_at(blob, at)
            at += (len(name.encode()) + 4) & ~3
            child = Node(name, node)
            if node is None:
                root = child
            else:
                node.children[name] = child
            node = child
        elif token == END:
            node = node.parent
        elif token == PROP:
            size, offset = struct.unpack_from(">II", blob, at)
            node.props[text_at(blob, strings + offset)] = blob[at + 8:at + 8 + size]
            at += (8 + size + 3) & ~3
        elif token == LAST:
            return root, reservations
        elif token != NOP:
            raise ValueError(f"token {token} at {at - 4}")


def load(path):
    with open(path, "rb") as file:
        return read(file.read())


def equal(a, b):
    """None, or where two trees differ first. The order of properties does not count, that of nodes does."""
    if a.name != b.name:
        return f"{a.path}: called {b.name} in the other tree"
    for prop in list(a.props) + list(b.props):
        if a.props.get(prop) != b.props.get(prop):
            return f"{a.path}: {prop}: {a.props.get(prop)!r} and {b.props.get(prop)!r}"
    if list(a.children) != list(b.children):
        return f"{a.path}: children {list(a.children)} and {list(b.children)}"
    for name, child in a.children.items():
        difference = equal(child, b.children[name])
        if difference:
            return difference
    return None
