#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""examples/kallsyms.py makes tables of symbols that say what the map said, for every architecture.

  check_kallsyms.py
"""

import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "examples/kallsyms.py"
# Names with their kinds, behind a start of code; the offsets are of bytes.
MAP = ((0, "T", "_text"), (0, "T", "_stext"), (0x40, "t", "helper"), (0x100, "T", "start_kernel"), (0x180, "W", "weak"),
       (0x2000, "R", "banner"), (0x2100, "D", "jiffies"), (0x2108, "b", "helper"), (0x200000, "T", "late"))
NO_NAMES = ((0x44, "t", "$x"), (0x48, "U", "undefined"))
STARTS = {"x86_64": "ffffffff81000000", "aarch64": "ffff800008000000", "powerpc": "c0000000",
          "ppc64": "c000000000000000"}
failed = []


def run(*arguments):
    return subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, timeout=30,
                          check=False)


def symbols_of(path):
    """{(name, address): (is local, type, kind of section or None)} and the machine of an ELF file."""
    data = path.read_bytes()
    wide, order = data[4] == 2, "<" if data[5] == 1 else ">"
    machine, = struct.unpack_from(order + "H", data, 18)
    at, = struct.unpack_from(order + ("Q" if wide else "I"), data, 40 if wide else 32)
    entry, count = struct.unpack_from(order + "HH", data, 58 if wide else 46)
    headers = [struct.unpack_from(order + ("IIQQQQIIQQ" if wide else "10I"), data, at + entry * i) for i in range(count)]
    table = next(h for h in headers if h[1] == 2)
    strings = headers[table[6]]
    names = data[strings[4]:strings[4] + strings[5]]
    found = {}
    for i in range(table[5] // table[9]):
        symbol = struct.unpack_from(order + ("IBBHQQ" if wide else "IIIBBH"), data, table[4] + table[9] * i)
        name, info, section, value = ((symbol[0], symbol[1], symbol[3], symbol[4]) if wide else
                                      (symbol[0], symbol[3], symbol[5], symbol[1]))
        if (i < table[7]) != (info >> 4 == 0):
            failed.append(f"symbol {i} of {path}: local ones end at {table[7]}, and its info is {info:#x}")
        if not i:
            continue
        kind = None
        if section != 0xfff1:
            start, size = headers[section][3], headers[section][5]
            kind = "code" if headers[section][2] & 4 else "data"
            if not start <= value < start + size:
                failed.append(f"symbol {i} of {path}: {value:#x} is not in {start:#x}, {size:#x} bytes")
        text = names[name:names.index(b"\0", name)].decode()
        found[text, value] = (info >> 4 == 0, info & 15, kind)
    return found, machine


def check_arch(folder, arch, start):
    base, out = int(start, 16), folder / f"{arch}.sym"
    lines = [f"{base + offset:0{len(start)}x} {kind} {name}\n" for offset, kind, name in MAP + NO_NAMES]
    lines.append(f"{16:0{len(start)}x} A per_cpu_thing\n")
    lines.append(f"{base + 0x10000000:0{len(start)}x} t in_module\t[virtio_net]\n")
    (folder / "map").write_text("".join(lines))
    done = run(str(folder / "map"), str(out))
    if done.returncode:
        failed.append(f"{arch}: {done.stderr}")
        return
    found, machine = symbols_of(out)
    wanted = {(name, base + offset): (kind.islower(), 2 if kind in "TtW" else 1, "code" if kind in "TtW" else "data")
              for offset, kind, name in MAP}
    wanted["per_cpu_thing", 16] = (False, 0, None)
    wanted["in_module", base + 0x10000000] = (True, 2, "code")
    if found != wanted:
        failed.append(f"{arch}: {set(found.items()) ^ set(wanted.items())}")
    if machine != {"x86_64": 62, "aarch64": 183, "powerpc": 20, "ppc64": 21}[arch]:
        failed.append(f"{arch}: the file is for machine {machine}")


def check_gdb(folder):
    gdb = shutil.which("gdb")
    if not gdb:
        print("SKIP what gdb reads: needs gdb")
        return
    said = subprocess.run([gdb, "-nx", "--batch", str(folder / "x86_64.sym"), "-ex", "info symbol 0xffffffff81000105",
                           "-ex", "info symbol 0xffffffff81002104"], capture_output=True, text=True, timeout=60,
                          check=False).stdout
    for wanted in ("start_kernel + 5 in section .text", "jiffies + 4 in section .data"):
        if wanted not in said:
            failed.append(f"gdb lacks {wanted!r}: {said!r}")


def check_mistakes(folder):
    zeros = "".join(f"{0:016x} T name{i}\n" for i in range(5))
    for text, says in (("", "has no symbols"), ("ffffffffffffffff B The real System.map is in the linux-image-x-dbg "
                       "package\n", "this is Debian's placeholder"),
                       (zeros, "all addresses are 0: read /proc/kallsyms as root"),
                       ("ffffffff81000000 T a\nsomething else\n", ":2: this is no line of a System.map")):
        (folder / "bad").write_text(text)
        done = run(str(folder / "bad"), str(folder / "none"))
        if done.returncode != 1 or says not in done.stderr or "Traceback" in done.stderr or (folder / "none").exists():
            failed.append(f"{text!r:.40}: status {done.returncode}, {done.stderr!r}, not {says!r}")
    done = run("--arch", "powerpc", str(folder / "map"), str(folder / "none"))
    if done.returncode != 1 or "more than the 32 bits of powerpc" not in done.stderr:
        failed.append(f"64 bits for powerpc: {done.stderr!r}")
    done = run(str(folder / "nowhere"), str(folder / "none"))
    if done.returncode != 1 or "No such file" not in done.stderr:
        failed.append(f"no file: {done.stderr!r}")


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for arch, start in STARTS.items():
            check_arch(folder, arch, start)
        check_gdb(folder)
        check_mistakes(folder)
    for mistake in failed:
        print(f"FAIL {mistake}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
