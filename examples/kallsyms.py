#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a file of symbols for gdb out of System.map or /proc/kallsyms, for kernels without a vmlinux.

  kallsyms.py [--arch ARCH] MAP OUTPUT

  MAP     System.map, or what /proc/kallsyms of the running guest says as root (with the modules' symbols)
  OUTPUT  an ELF file with a table of symbols and no code: gdb OUTPUT, or symbol-file OUTPUT
  ARCH    x86_64, aarch64, powerpc or ppc64; without it, what the addresses look like

It has names and addresses: break, bt (by frame pointers or guesses), x/i and info symbol work with it.
Types, lines and variables' sizes need debug information.
"""

import argparse
import bisect
import os
import re
import struct
import sys
import tempfile

# ELF class, byte order, e_machine
ARCHES = {
    "x86_64": (64, "<", 62),
    "aarch64": (64, "<", 183),
    "powerpc": (32, ">", 20),
    "ppc64": (64, ">", 21),
}
LINE = re.compile(r"^([0-9a-fA-F]{1,16}) ([A-Za-z?]) (\S+)(?:\s+\[(\S+)\])?$")
CODE, DATA, ABSOLUTE = "code", "data", "absolute"
KINDS = {"t": CODE, "w": CODE, "i": CODE, "d": DATA, "b": DATA, "r": DATA, "g": DATA, "s": DATA, "v": DATA,
         "a": ABSOLUTE}
# Between the symbols of the kernel and of its modules: a section does not go across.
GAP = 1 << 20
# What the last symbol of a section is held to have.
TAIL = 4096
SHN_ABS, SECTIONS_MAX = 0xfff1, 0xff00
PROGRAM = os.path.basename(sys.argv[0])


def die(text):
    sys.exit(f"{PROGRAM}: {text}")


def read_map(path):
    """(address, kind, is local, name), sorted by address; and how many digits addresses have."""
    symbols, digits = [], 0
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            for number, line in enumerate(file, 1):
                match = LINE.match(line.rstrip("\n"))
                if "The real System.map is in" in line:
                    die(f"{path}: this is Debian's placeholder: the package linux-image-VERSION-dbg has the real one; or "
                        "give /proc/kallsyms of the guest")
                if not match:
                    die(f"{path}:{number}: this is no line of a System.map: {line.strip()[:64]!r}")
                address, letter, name, _ = match.groups()
                digits = max(digits, len(address))
                kind = KINDS.get(letter.lower())
                # aarch64's $x and $d say where code and data are, and are names of nothing.
                if kind and not name.startswith("$"):
                    symbols.append((int(address, 16), kind, letter.islower(), name))
    except OSError as error:
        die(f"{path}: {error.strerror}")
    if len(symbols) < 2:
        die(f"{path} has no symbols: give a kernel's System.map, or /proc/kallsyms of the guest")
    if not any(address for address, *_ in symbols):
        die(f"{path}: all addresses are 0: read /proc/kallsyms as root, or with kernel.kptr_restrict=0")
    return sorted(symbols), digits


def guess(symbols, digits):
    """The architecture, by where its kernels have their code."""
    if digits <= 8:
        return "powerpc"
    code = [address for address, kind, *_ in symbols if kind == CODE]
    middle = code[len(code) // 2] if code else 0
    if middle >> 60 == 0xc:
        return "ppc64"
    return "x86_64" if middle >= 0xffffffff80000000 else "aarch64"


def sections_of(symbols, address_max):
    """Runs of one kind, as (start, end, kind): gdb tells functions from variables by their section."""
    runs = []
    for address, kind, *_ in symbols:
        if kind == ABSOLUTE:
            continue
        if runs and kind == runs[-1][2] and address - runs[-1][1] < GAP:
            runs[-1][1] = address
        elif runs and address == runs[-1][0] == runs[-1][1]:
            continue        # a second name of the same place
        else:
            runs.append([address, address, kind])
    for run, following in zip(runs, runs[1:] + [[address_max, 0, ""]]):
        run[1] = min(following[0], run[1] + TAIL)
    return [tuple(run) for run in runs if run[0] < run[1]]


class Strings:
    def __init__(self):
        self.bytes = bytearray(1)

    def add(self, text):
        place = len(self.bytes)
        self.bytes += text.encode("ascii", "replace") + b"\0"
        return place


class Elf:
    """Headers of either class; a file of sections without bytes, a table of symbols, and names."""

    def __init__(self, arch):
        self.bits, self.order, self.machine = ARCHES[arch]
        self.names, self.strings = Strings(), Strings()

    def pack(self, narrow, wide, *values):
        return struct.pack(self.order + (wide if self.bits == 64 else narrow), *values)

    def symbol(self, name, info, section, value, size):
        if self.bits == 64:
            return struct.pack(self.order + "IBBHQQ", name, info, 0, section, value, size)
        return struct.pack(self.order + "IIIBBH", name, value, size, info, 0, section)

    def section(self, name, kind, flags, address, place, size, link=0, info=0, entry=0):
        return self.pack("IIIIIIIIII", "IIQQQQIIQQ", self.names.add(name), kind, flags, address, place, size, link, info, 1,
                         entry)

    def header(self, sections_at, count):
        bits64 = self.bits == 64
        ident = b"\x7fELF" + bytes([2 if bits64 else 1, 1 if self.order == "<" else 2, 1]) + bytes(9)
        return ident + self.pack("HHIIIIIHHHHHH", "HHIQQQIHHHHHH", 2, self.machine, 1, 0, 0, sections_at, 0,
                                 64 if bits64 else 52, 0, 0, 64 if bits64 else 40, count, count - 1)


def table_of(elf, symbols, sections):
    """The table of symbols, and how many of them are local: those come first."""
    starts = [start for start, *_ in sections]
    addresses = sorted({address for address, kind, *_ in symbols if kind != ABSOLUTE})
    local, others = [elf.symbol(0, 0, 0, 0, 0)], []
    for address, kind, is_local, name in symbols:
        index, size, kind_of = SHN_ABS, 0, 0
        if kind != ABSOLUTE:
            at = bisect.bisect_right(starts, address) - 1
            if at < 0 or address >= sections[at][1]:
                continue
            following = bisect.bisect_right(addresses, address)
            end = min(sections[at][1], addresses[following] if following < len(addresses) else sections[at][1])
            index, size, kind_of = at + 1, end - address, 2 if sections[at][2] == CODE else 1
        (local if is_local else others).append(
            elf.symbol(elf.strings.add(name), (0 if is_local else 0x10) | kind_of, index, address, size))
    return b"".join(local + others), len(local)


def make(symbols, arch):
    elf = Elf(arch)
    address_max = (1 << elf.bits) - 1
    if symbols[-1][0] > address_max:
        die(f"address {symbols[-1][0]:#x} has more than the {elf.bits} bits of {arch}: give another --arch")
    sections = sections_of(symbols, address_max)
    if len(sections) > SECTIONS_MAX:
        die("code and data change too often for one file: is this a System.map?")
    table, local_count = table_of(elf, symbols, sections)
    head_bytes = 64 if elf.bits == 64 else 52
    entry_bytes = 24 if elf.bits == 64 else 16
    headers = [bytes(64 if elf.bits == 64 else 40)]
    for start, end, kind in sections:
        # SHT_NOBITS; SHF_ALLOC, and SHF_EXECINSTR or SHF_WRITE: bytes are the guest's, not the file's
        headers.append(elf.section(".text" if kind == CODE else ".data", 8, 6 if kind == CODE else 3, start, head_bytes,
                                   end - start))
    headers.append(elf.section(".symtab", 2, 0, 0, head_bytes, len(table), len(sections) + 2, local_count, entry_bytes))
    strings_at = head_bytes + len(table)
    headers.append(elf.section(".strtab", 3, 0, 0, strings_at, len(elf.strings.bytes)))
    names_at = strings_at + len(elf.strings.bytes)
    # its own name is among them
    names_bytes = len(elf.names.bytes) + len(".shstrtab") + 1
    headers.append(elf.section(".shstrtab", 3, 0, 0, names_at, names_bytes))
    padding = -(names_at + names_bytes) % 8
    return b"".join([elf.header(names_at + names_bytes + padding, len(headers)), table, elf.strings.bytes,
                     elf.names.bytes, bytes(padding), *headers])


def write(path, data):
    """In one step: gdb may have the old one open."""
    try:
        with tempfile.NamedTemporaryFile(dir=os.path.dirname(path) or ".", delete=False) as file:
            file.write(data)
            os.fchmod(file.fileno(), 0o644)
        os.replace(file.name, path)
    except OSError as error:
        die(f"{path}: {error.strerror}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arch", choices=ARCHES)
    parser.add_argument("map")
    parser.add_argument("output")
    arguments = parser.parse_args()
    symbols, digits = read_map(arguments.map)
    arch = arguments.arch or guess(symbols, digits)
    write(arguments.output, make(symbols, arch))
    print(f"{PROGRAM}: {len(symbols)} symbols of {arch} in {arguments.output}")


if __name__ == "__main__":
    main()
