# SPDX-License-Identifier: Apache-2.0
"""Files that pass for kernels where nothing runs them."""

import struct


def elf(bits, order, machine, gpa):
    """An executable with one segment of a page at @gpa, which is the entry."""
    header = struct.pack(order + "HHI", 2, machine, 1)
    if bits == 64:
        header += struct.pack(order + "QQQIHHHHHH", gpa, 64, 0, 0, 64, 56, 1, 64, 0, 0)
        header += struct.pack(order + "IIQQQQQQ", 1, 7, 0x1000, gpa, gpa, 0x1000, 0x1000, 0x1000)
    else:
        header += struct.pack(order + "IIIIHHHHHH", gpa, 52, 0, 0, 52, 32, 1, 40, 0, 0)
        header += struct.pack(order + "IIIIIIII", 1, 0x1000, gpa, gpa, 0x1000, 0x1000, 7, 0x1000)
    ident = b"\x7fELF" + bytes([bits // 32, 1 if order == "<" else 2, 1]) + bytes(9)
    return (ident + header).ljust(0x2000, b"\0")


def arm64_image():
    header = struct.pack("<IIQQQQQQII", 0x14000010, 0, 0, 0x10000, 0x0a, 0, 0, 0, 0x644d5241, 0)
    return header.ljust(0x10000, b"\0")


# By iolite's names of architectures.
KERNELS = {
    "x86_64": elf(64, "<", 62, 0x1000000),
    "aarch64": arm64_image(),
    "powerpc": elf(32, ">", 20, 0),
}


def write(folder, arch):
    """Path of the file."""
    path = f"{folder}/kernel-{arch}"
    with open(path, "wb") as file:
        file.write(KERNELS[arch])
    return path
