#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kernels and initrds of powerpc machines, through `iolite dtb`, which loads them without KVM: uImages as mkimage makes
them, raw and packed files, and damaged ones, each with one line that names the file, the value and the remedy.

  check_images.py IOLITE
"""

import gzip
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tree"))
import flat_tree  # noqa: E402

IOLITE = os.path.abspath(sys.argv[1])
LIMIT = 30
KERNEL = bytes(range(1, 252)) * 400
UNTOLD, ROOM = 24 << 20, 2 << 20


class Failure(Exception):
    pass


def run(*arguments):
    return subprocess.run([IOLITE, "dtb", "--arch", "powerpc", *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=LIMIT, check=False)


def up(value, step):
    return (value + step - 1) // step * step


# --- good files ---

def initrd_range(*arguments):
    """What the tree says of the initrd, which tells where the kernel ended."""
    result = run("--format", "dtb", *arguments)
    if result.returncode or result.stderr:
        raise Failure(f"{arguments}: status {result.returncode}: {result.stderr.decode()}")
    chosen = {node.path: node.props for node in flat_tree.read(result.stdout)[0].walk()}["/chosen"]
    return tuple(int.from_bytes(chosen[f"linux,initrd-{end}"], "big") for end in ("start", "end"))


def expect(folder, kernel, start, size, *more):
    """@kernel goes to @start, has @size bytes there, and the initrd, of 1000 bytes, is behind it and the tree."""
    got = initrd_range("-k", f"{folder}/{kernel}", "-m", "128M", *(more or ["-i", f"{folder}/initrd"]))
    initrd = up(up(start + size, 65536) + ROOM, 4096)
    if got != (initrd, initrd + 1000):
        raise Failure(f"the initrd beside {kernel} is from {got[0]:#x} to {got[1]:#x}, not {initrd:#x} to "
                      f"{initrd + 1000:#x}")


def mkimage(folder, name, source, *options):
    result = subprocess.run(["mkimage", "-A", "ppc", "-O", "linux", *options, "-d", f"{folder}/{source}", f"{folder}/{name}"],
                            capture_output=True, text=True, timeout=LIMIT, check=False)
    if result.returncode:
        raise Failure(f"mkimage: {result.stderr}")


def made_by_mkimage(folder):
    mkimage(folder, "plain", "raw", "-T", "kernel", "-C", "none", "-a", "0x400000", "-e", "0x400010", "-n", "Linux")
    expect(folder, "plain", 0x400000, len(KERNEL) + UNTOLD)
    mkimage(folder, "packed", "raw.gz", "-T", "kernel", "-C", "gzip", "-a", "0", "-e", "0", "-n", "Linux")
    expect(folder, "packed", 0, len(KERNEL) + UNTOLD)
    mkimage(folder, "uinitrd", "initrd", "-T", "ramdisk", "-C", "gzip", "-n", "initrd")
    expect(folder, "packed", 0, len(KERNEL) + UNTOLD, "-i", f"{folder}/uinitrd")
    # The same by hand.
    with open(f"{folder}/plain", "rb") as file:
        made = file.read()
    stamp, = struct.unpack_from(">I", made, 8)
    if made != uimage(KERNEL, load=0x400000, entry=0x400010, name=b"Linux", time=stamp):
        raise Failure("what mkimage makes is not what this test makes")


def made_by_hand(folder):
    expect(folder, "good", 0x400000, len(KERNEL) + UNTOLD)
    expect(folder, "good.gzip", 0x400000, len(KERNEL) + UNTOLD)
    expect(folder, "elf", 0x1000000, 0x20000)
    expect(folder, "elf.gz", 0x1000000, 0x20000)
    expect(folder, "good", 0x400000, len(KERNEL) + UNTOLD, "-i", f"{folder}/uramdisk")


def raw(folder):
    for spelling in ("0x1000000", "16777216", "0x01000000"):
        expect(folder, "raw", 0x1000000, len(KERNEL) + UNTOLD, "-i", f"{folder}/initrd", "--kernel-address", spelling)
    path = f"{folder}/raw.json"
    with open(path, "w", encoding="utf-8") as file:
        file.write('{"boot": {"kernel": "raw", "kernel-address": "0x1000000", "initrd": "initrd"}, "memory": "128M"}')
    if initrd_range(path) != initrd_range("-k", f"{folder}/raw", "-i", f"{folder}/initrd", "-m", "128M", "--kernel-address",
                                          "0x1000000"):
        raise Failure("boot.kernel-address is not --kernel-address")
    # Over what the file says.
    expect(folder, "raw", 0x2000000, len(KERNEL) + UNTOLD, path, "--kernel-address", "0x2000000")


# --- files ---

def uimage(data=KERNEL, load=0x400000, entry=0x400000, os_=5, arch=7, kind=2, comp=0, name=b"", time=0, size=None,
           data_crc=None, header_crc=None, magic=0x27051956):
    def header(crc):
        return struct.pack(">7I4B32s", magic, crc, time, len(data) if size is None else size, load, entry,
                           zlib.crc32(data) if data_crc is None else data_crc, os_, arch, kind, comp, name)
    return header(zlib.crc32(header(0)) if header_crc is None else header_crc) + data


def elf(data=2, kind=2, machine=20, version=1, entry=0x1000004, phoff=52, phentsize=32, phnum=1, ident=b"\x7fELF\1",
        p_type=1, offset=0x1000, vaddr=0x1000000, paddr=0x1000000, filesz=0x100, memsz=0x20000):
    order = "<" if data == 1 else ">"
    head = ident + bytes([data, 1]) + bytes(9)
    head += struct.pack(order + "HHIIIIIHHHHHH", kind, machine, version, entry, phoff, 0, 0, 52, phentsize, phnum, 0, 0, 0)
    head += struct.pack(order + "8I", p_type, offset, vaddr, paddr, filesz, memsz, 7, 0x1000)
    return head.ljust(0x1000, b"\0") + KERNEL[:0x100]


FILES = {
    "good": uimage(),
    "good.gzip": uimage(gzip.compress(KERNEL), comp=1),
    "raw": KERNEL,
    "raw.gz": gzip.compress(KERNEL),
    "initrd": b"i" * 1000,
    "uramdisk": uimage(b"i" * 1000, kind=3, load=0, entry=0),
    "elf": elf(),
    "elf.gz": gzip.compress(elf()),
}

# (file, what is said behind its path). {} stands for the path.
BAD = [
    (b"\x27\x05\x19\x56", "truncated: a uImage header has 64 bytes, the file has 4"),
    (uimage()[:63], "truncated: a uImage header has 64 bytes, the file has 63"),
    (uimage()[:64], "truncated: ih_size is 0x18830, 0x0 bytes follow the header; copy the file anew"),
    (uimage()[:-1], "truncated: ih_size is 0x18830, 0x1882f bytes follow the header; copy the file anew"),
    (uimage() + b"\xff", r"0x1 bytes follow the image's 0x18830 \(ih_size\); cut them off \(truncate -s 100464\)"),
    (uimage(b""), "ih_size is 0: there is nothing in it"),
    (uimage(size=1), r"0x1882f bytes follow the image's 0x1 \(ih_size\); cut them off \(truncate -s 65\)"),
    (uimage(size=0xffffffff), "truncated: ih_size is 0xffffffff, 0x18830 bytes follow the header; copy the file anew"),
    (uimage(header_crc=0), "damaged: the uImage header's CRC is 0x00000000, its bytes give 0x[0-9a-f]{8}; make or copy "
     "the file anew"),
    (uimage(data_crc=0), r"damaged: the CRC of the image's data \(ih_dcrc\) is 0x00000000, its bytes give 0x[0-9a-f]{8}; "
     "make or copy the file anew"),
    (uimage()[:-1] + b"\0", r"damaged: the CRC of the image's data \(ih_dcrc\) is 0x.*; make or copy the file anew"),
    (uimage(os_=0), r"ih_os is 0 \(none\), a uImage of Linux \(5\) is needed"),
    (uimage(os_=17), r"ih_os is 17 \(U-Boot\), a uImage of Linux \(5\) is needed"),
    (uimage(arch=2), r"this is a uImage for arm \(ih_arch 2\); this machine is powerpc \(7\)"),
    (uimage(arch=255), r"this is a uImage for unknown \(ih_arch 255\); this machine is powerpc \(7\)"),
    (uimage(kind=0), r"ih_type is 0 \(unknown\), a uImage of a kernel \(2\) is needed here"),
    (uimage(kind=3), r"ih_type is 3 \(RAM disk\), a uImage of a kernel \(2\) is needed here"),
    (uimage(kind=4), r"this uImage \(ih_type 4\) has several files in it; take them out \(dumpimage -p 0 -o FILE\), and "
     "give the kernel with -k, the RAM disk with -i"),
    (uimage(kind=14), r"ih_type is 14 \(kernel that runs where it is\), a uImage of a kernel \(2\) is needed here"),
    (uimage(comp=2), r"the kernel is packed with bzip2 \(ih_comp 2\); only gzip is read: make the uImage with mkimage -C "
     "gzip or none"),
    (uimage(comp=3), r"the kernel is packed with lzma \(ih_comp 3\); only gzip is read: .*"),
    (uimage(comp=6), r"the kernel is packed with zstd \(ih_comp 6\); only gzip is read: .*"),
    (uimage(comp=9), r"the kernel is packed with unknown \(ih_comp 9\); only gzip is read: .*"),
    (uimage(comp=1), "the gzip data are damaged: .*"),
    (uimage(gzip.compress(KERNEL)[:-9], comp=1), "the gzip data are cut short"),
    (uimage(gzip.compress(KERNEL) + b"\0", comp=1), "0x1 bytes follow the gzip data, which nothing reads"),
    (uimage(gzip.compress(b""), comp=1), "unpacked: there is nothing in it"),
    (uimage(gzip.compress(bytes(80 << 20)), load=0, entry=0, comp=1), "unpacked: the kernel has more than the 0x4000000 "
     r"bytes that are free for it from 0x0 \(ih_load\); give the guest more memory, or another ih_load"),
    (uimage(load=0x4000000, entry=0x4000000), r"the kernel's 0x18830 bytes at 0x4000000 \(ih_load\) are not all below "
     "0x4000000; give the guest more memory, or another ih_load"),
    (uimage(load=0xc0000000, entry=0xc0000000), r"the kernel's 0x18830 bytes at 0xc0000000 \(ih_load\) are not all .*"),
    (uimage(entry=0), r"ih_ep 0x0 is not in the kernel, which is from 0x400000 \(ih_load\) to 0x418830; make the uImage "
     "with another -e"),
    (uimage(entry=0x418830), "ih_ep 0x418830 is not in the kernel, which is from .*; make the uImage with another -e"),
    (uimage(entry=0x400001), "ih_ep is 0x400001, not a multiple of an instruction's 4 bytes; make the uImage with another "
     "-e"),
    (uimage(bytes(63 << 20), load=0, entry=0), "the kernel lies from 0x0 to 0x4000000, which leaves no 2 MiB for the "
     "device tree below 64 MiB"),
    (uimage(magic=0x56190527), r"not a kernel: neither an ELF file \(vmlinux\) nor a uImage; --kernel-address=ADDR takes "
     "a raw image"),
    (b"\xd0\x0d\xfe\xed" + bytes(100), r"not a kernel: this is a device tree or a FIT image; take the kernel out of a "
     r"FIT image \(dumpimage -T flat_dt -p 0 -o FILE\), a tree is given with --dtb"),
    (KERNEL, r"not a kernel: neither an ELF file \(vmlinux\) nor a uImage; --kernel-address=ADDR takes a raw image"),
    (b"#!/bin/sh\n", r"not a kernel: this is text; give an ELF file \(vmlinux\) or a uImage"),
    # ELF files, and packed ones.
    (elf()[:20], "truncated: the ELF header has 52 bytes, the file has 20"),
    (elf(ident=b"\x7fELF\3"), r"ELF class is 3, 1 \(32-bit\) or 2 \(64-bit\) is needed"),
    (elf(data=3), r"ELF data encoding is 3, 1 \(little-endian\) or 2 \(big-endian\) is needed"),
    (elf(data=1), "ELF data encoding is little-endian; Book E kernels are big-endian"),
    (elf(kind=1), r"e_type is 1, 2 \(executable\) is needed"),
    (elf(machine=3), "this is a kernel for i386; this machine is powerpc"),
    (elf(machine=99), r"e_machine is 99, a kernel for another machine; this machine is powerpc \(20\)"),
    (elf(version=2), "e_version is 2, 1 is needed"),
    (elf(phnum=0), r"e_phnum is 0: nothing to load \(an object file\?\)"),
    (elf(phnum=257), "e_phnum is 257, at most 256 program headers are read"),
    (elf(phentsize=56), "e_phentsize is 56, 32 is needed"),
    (elf(phoff=0xfffffff0), r"e_phoff 0xfffffff0 \+ 1 program headers is beyond the file's 0x1100 bytes"),
    (elf(p_type=0), r"no loadable segment \(PT_LOAD\)"),
    (elf(p_type=3), r"needs a dynamic loader \(PT_INTERP\): this is a program, not a kernel"),
    (elf(offset=0x10000), r"program header 0: p_offset 0x10000 \+ p_filesz 0x100 is beyond the file's 0x1100 bytes "
     r"\(truncated\?\)"),
    (elf(filesz=0x100, memsz=0x80), "program header 0: p_filesz 0x100 is more than p_memsz 0x80"),
    (elf(entry=0), "e_entry 0x0 is in no loadable segment"),
    (elf(paddr=0x8000000), "segment at 0x8000000 with 0x20000 bytes is not all in RAM; give the guest more memory"),
    (elf(paddr=0xfffff000), "the kernel ends at 0x10001f000, and processors start with at most 0x40000000 mapped; link it "
     "lower"),
    (gzip.compress(elf(data=1)), "ELF data encoding is little-endian; Book E kernels are big-endian"),
    (gzip.compress(elf())[:-1], "the gzip data are cut short"),
    (gzip.compress(elf()) + b"x", "0x1 bytes follow the gzip data, which nothing reads"),
    (gzip.compress(b""), "unpacked: there is nothing in it"),
    (gzip.compress(KERNEL), r"not a kernel: neither an ELF file \(vmlinux\) nor a uImage; .*"),
]

# The same for an initrd beside a good kernel.
BAD_INITRDS = [
    (uimage(b"x", kind=3, header_crc=1), "damaged: the uImage header's CRC is 0x00000001, its bytes give 0x[0-9a-f]{8}; "
     "make or copy the file anew"),
    (uimage(b"x", kind=3, data_crc=1), "damaged: the CRC of the image's data .*; make or copy the file anew"),
    (uimage(b"x" * 9, kind=3)[:-1], "truncated: ih_size is 0x9, 0x8 bytes follow the header; copy the file anew"),
    (uimage(b"x", kind=3, arch=2), r"this is a uImage for arm \(ih_arch 2\); this machine is powerpc \(7\)"),
    (uimage(b"x", kind=2), r"ih_type is 2 \(kernel\), a uImage of a RAM disk \(3\) is needed here"),
    (uimage(b"x", kind=4), r"this uImage \(ih_type 4\) has several files in it; .*"),
    (uimage(b"")[:10], "truncated: a uImage header has 64 bytes, the file has 10"),
]

# (options beside a kernel that is a good raw file, what is said behind "iolite: dtb: ")
BAD_OPTIONS = [
    (["--kernel-address", "0x1000002"], "--kernel-address: '0x1000002' is no multiple of 4, as addresses of instructions are"),
    (["--kernel-address", ""], "--kernel-address: '' is no address: give a number such as 0x1000000"),
    (["--kernel-address", "16M"], "--kernel-address: '16M' is no address: give a number such as 0x1000000"),
    (["--kernel-address", "-4"], "--kernel-address: '-4' is no address: give a number such as 0x1000000"),
    (["--kernel-address", "0x"], "--kernel-address: '0x' is no address: give a number such as 0x1000000"),
    (["--kernel-address", "0x10000000000000000"], "--kernel-address: '0x10000000000000000' is no address: .*"),
    (["--kernel-address", "0x3fffffc"], r"{}: the kernel's 0x18830 bytes at 0x3fffffc \(--kernel-address\) are not all "
     "below 0x4000000; give a lower address, or the guest more memory"),
    (["--kernel-address", "0xfffffffffffffffc"], r"{}: the kernel's 0x18830 bytes at 0xfffffffffffffffc "
     r"\(--kernel-address\) are not all .*"),
    (["--arch", "x86_64", "--kernel-address", "0x1000000"], "kernel address 0x1000000: kernels of x86_64 say themselves "
     "where they go; leave --kernel-address out"),
    (["--arch", "aarch64", "--kernel-address", "0x1000000"], "kernel address 0x1000000: kernels of aarch64 say themselves "
     "where they go; leave --kernel-address out"),
    # What is a kernel for powerpc is none for others.
    (["--arch", "x86_64", "-k", "{F}/good"], r"{F}/good: not a kernel: this is a U-Boot uImage; give the kernel that is in "
     r"it \(dumpimage -p 0 -o FILE\)"),
    (["--arch", "aarch64", "-k", "{F}/good"], r"{F}/good: not a kernel: this is a U-Boot uImage; give the kernel that is "
     r"in it \(dumpimage -p 0 -o FILE\)"),
]


def refused(arguments, says):
    result = run("-m", "64M", *arguments)
    text = result.stderr.decode()
    if result.returncode != 2 or result.stdout:
        raise Failure(f"status {result.returncode}, not 2, or output: {text!r}")
    if not re.fullmatch(f"iolite: dtb: {says}\n", text):
        raise Failure(f"it says {text!r}, not {says!r}")


def write(folder, name, content):
    with open(f"{folder}/{name}", "wb") as file:
        file.write(content)
    return f"{folder}/{name}"


def cases(folder):
    """(name, function) of all."""
    yield "by hand", lambda: made_by_hand(folder)
    yield "raw", lambda: raw(folder)
    for i, (content, says) in enumerate(BAD):
        yield (f"kernel {i}: {says}",
               lambda c=content, s=says: refused(["-k", write(folder, "bad", c)], f"{folder}/bad: {s}"))
    for i, (content, says) in enumerate(BAD_INITRDS):
        yield (f"initrd {i}: {says}", lambda c=content, s=says: refused(
            ["-k", f"{folder}/good", "-i", write(folder, "bad", c)], f"{folder}/bad: {s}"))
    for options, says in BAD_OPTIONS:
        yield (f"{options}", lambda o=options, s=says: refused(
            ["-k", f"{folder}/raw", *[word.replace("{F}", folder) for word in o]],
            s.replace("{}", f"{folder}/raw").replace("{F}", folder)))


def main():
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, content in FILES.items():
            write(folder, name, content)
        todo = list(cases(folder))
        if shutil.which("mkimage"):
            todo.append(("mkimage", lambda: made_by_mkimage(folder)))
        else:
            print("SKIP mkimage: not installed (scripts/install-deps.sh test)")
        for name, case in todo:
            try:
                case()
                passed += 1
            except Failure as failure:
                print(f"FAIL {name}: {failure}")
                failed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
