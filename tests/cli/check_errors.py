#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Mistakes that people make, and what iolite says: one line that names the place, the value and the
remedy, the right exit status, nothing on standard output, nothing left behind.

  check_errors.py IOLITE GUEST     GUEST: a guest that powers off when told "poweroff"
"""

import os
import re
import resource
import signal
import socket
import struct
import subprocess
import sys
import tempfile

IOLITE, GUEST = (os.path.abspath(path) for path in sys.argv[1:3])
HAS_KVM = os.access("/dev/kvm", os.R_OK | os.W_OK)
LIMIT = 30  # seconds a case may take
SKIPPED = 77
MIB = 1 << 20
USAGE, HOST, OK = 2, 1, 0


# --- files ---

def elf64(machine=62, entry=0x100000, data=1, segments=((0x1000, 0x100000, 16, 16),), kind=2, size=None):
    """A 64-bit ELF: segments are (offset, address, bytes in the file, bytes in memory)."""
    order = "<" if data == 1 else ">"
    head = b"\x7fELF" + bytes([2, data, 1]) + bytes(9)
    head += struct.pack(order + "HHIQQQIHHHHHH", kind, machine, 1, entry, 64, 0, 0, 64, 56, len(segments), 0, 0, 0)
    for offset, address, file_bytes, mem_bytes in segments:
        head += struct.pack(order + "IIQQQQQQ", 1, 7, offset, address, address, file_bytes, mem_bytes, 4096)
    body = head.ljust(0x1000, b"\0") + b"\xf4" * 16
    return body if size is None else body[:size]


def elf32():
    head = b"\x7fELF" + bytes([1, 1, 1]) + bytes(9)
    head += struct.pack("<HHIIIIIHHHHHH", 2, 3, 1, 0x100000, 52, 0, 0, 52, 32, 1, 0, 0, 0)
    head += struct.pack("<IIIIIIII", 1, 0x1000, 0x100000, 0x100000, 16, 16, 7, 4096)
    return head.ljust(0x1000, b"\0") + b"\xf4" * 16


def bzimage(version=0x20f, setup_sects=4, boot_flag=0xaa55, magic=b"HdrS", loadflags=1, init_size=MIB,
            alignment=MIB, relocatable=1, pref=MIB, cmdline_size=2047, xloadflags=1, payload=4096, syssize=None):
    image = bytearray((setup_sects + 1 if setup_sects else 5) * 512 + payload)
    struct.pack_into("<B", image, 0x1f1, setup_sects)
    struct.pack_into("<I", image, 0x1f4, payload // 16 if syssize is None else syssize)
    struct.pack_into("<H", image, 0x1fe, boot_flag)
    image[0x200:0x202] = b"\xeb\x66"
    image[0x202:0x206] = magic
    struct.pack_into("<H", image, 0x206, version)
    struct.pack_into("<B", image, 0x211, loadflags)
    struct.pack_into("<I", image, 0x22c, 0x7fffffff)
    struct.pack_into("<IBBHI", image, 0x230, alignment, relocatable, 20, xloadflags, cmdline_size)
    struct.pack_into("<QI", image, 0x258, pref, init_size)
    return bytes(image)


def arm64_image():
    return bytes(56) + b"ARM\x64" + bytes(8192)


FILES = {
    "good": bzimage(),
    "empty": b"",
    "text": b"this is a shell script\n" * 100,
    "zeros": bytes(8192),
    "gzip": b"\x1f\x8b\x08" + bytes(4096),
    "arm64": arm64_image(),
    "elf-arm": elf64(machine=183),
    "elf-big-endian": elf64(data=2),
    "elf32": elf32(),
    "elf-object": elf64(kind=1),
    "elf-no-segments": elf64(segments=()),
    "elf-past-end": elf64(segments=((1 << 40, 0x100000, 16, 16),)),
    "elf-truncated": elf64(size=80),
    "elf-wraps": elf64(segments=((0x1000, (1 << 64) - 8, 16, 16),)),
    "elf-too-high": elf64(segments=((0x1000, 1 << 40, 16, 16),)),
    "elf-low": elf64(entry=0x1000, segments=((0x1000, 0x1000, 16, 16),)),
    "elf-huge": elf64(segments=((0x1000, 0x100000, 16, 1 << 33),)),
    "elf-entry": elf64(entry=0x900000),
    "bz-truncated": bzimage()[:0x210],
    "bz-no-payload": bzimage()[:5 * 512],
    "bz-short-payload": bzimage(syssize=1 << 20),
    "bz-old": bzimage(version=0x0209),
    "bz-32bit": bzimage(xloadflags=0),
    "bz-zimage": bzimage(loadflags=0),
    "bz-alignment": bzimage(alignment=0x30000),
    "bz-huge-init": bzimage(init_size=0xfffff000),
    "bz-pref": bzimage(relocatable=0, pref=1 << 40),
    "bz-no-init": bzimage(init_size=0),
}

# (name, arguments, exit status, what the line must say). {D} is the folder of FILES, {PORT} one that is taken.
CASES = [
    ("no verb", [], USAGE, "no verb"),
    ("unknown verb", ["fly"], USAGE, "'fly' is no verb"),
    ("unknown option", ["run", "--fly"], USAGE, "--fly"),
    ("option without its value", ["run", "-k"], USAGE, "-k"),
    ("kernel without -k", ["run", "{D}/good"], USAGE, "{D}/good: zero bytes, which no JSON has.*-k"),
    ("configuration missing", ["run", "{D}/nowhere"], USAGE,
     "{D}/nowhere: no configuration file .*-k.*No such file or directory"),
    ("configuration a folder", ["run", "{D}"], USAGE, "{D}: Is a directory"),
    ("configuration a pipe without a writer", ["run", "{D}/fifo"], USAGE, "{D}/fifo:1:1: empty"),
    ("configuration without end", ["run", "/dev/zero"], USAGE, "/dev/zero: larger than 1 MiB"),
    ("configuration is a script", ["run", "{D}/text"], USAGE, "{D}/text:1:1: no configuration: .*starts with {.*-k"),
    ("stray argument", ["run", "{D}/empty.json", "disk.img"], USAGE,
     "unexpected argument 'disk.img' behind the configuration '{D}/empty.json'.*-k.*-d"),
    ("no kernel", ["run"], USAGE, "no kernel.*-k.*boot.kernel"),
    ("no kernel in a file", ["run", "{D}/empty.json"], USAGE, "no kernel.*-k.*boot.kernel"),
    ("kernel's name empty", ["run", "-k", ""], USAGE, "--kernel: '' is no path"),
    ("initrd's name empty", ["run", "-k", "{D}/good", "-i", ""], USAGE, "--initrd: '' is no path"),
    ("machine's name empty", ["run", "-k", "{D}/good", "-M", ""], USAGE, "--machine: '' is no machine"),
    ("tree's name empty", ["run", "-k", "{D}/good", "--dtb", ""], USAGE, "--dtb: '' is no path"),
    ("overlay's name empty", ["run", "-k", "{D}/good", "--dtb-overlay", ""], USAGE, "--dtb-overlay: '' is no path"),
    ("overlays too many", ["run", "-k", "{D}/good"] + ["--dtb-overlay", "x"] * 17, USAGE,
     "--dtb-overlay: 'x' is one overlay too many: up to 16"),
    ("overlays too many with a file's", ["run", "-k", "{D}/good", "{D}/overlay.json"] + ["--dtb-overlay", "x"] * 16,
     USAGE, "--dtb-overlay: 'x' is one overlay too many: up to 16"),
    ("disk that a file has", ["run", "{D}/disk.json", "-d", "{D}/a.img"], USAGE,
     r"--disk: '{D}/a.img': given twice \(as disk0 and disk1\)"),
    ("option wrong with a file", ["run", "{D}/disk.json", "-c", "0"], USAGE, "--cpus: '0'.*1 to 64"),
    ("file's kernel missing, in its folder", ["run", "{D}/kernel.json"], USAGE, "kernel: {D}/no-kernel: name a file that is there: No such file"),
    ("option over a file's kernel", ["run", "{D}/kernel.json", "-k", "{D}/nowhere"], USAGE,
     "kernel: {D}/nowhere: name a file that is there: No such file"),
    ("dtb architecture", ["dtb", "--arch", "mips"], USAGE, "--arch: 'mips' is no architecture: give .*x86_64"),
    ("dtb format", ["dtb", "--format", "yaml"], USAGE, "--format: 'yaml' is no format: give dts or dtb"),
    ("dtb output's name empty", ["dtb", "-o", ""], USAGE, "--output: '' is no path: name a file"),
    ("dtb output in no folder", ["dtb", "-o", "{D}/nowhere/x.dts"], USAGE, "--output: {D}/nowhere/x.dts: No such file"),
    ("dtb output a folder", ["dtb", "-o", "{D}"], USAGE, "--output: {D}: Is a directory"),
    ("dtb output full", ["dtb", "-o", "/dev/full"], HOST, "/dev/full: No space left on device"),
    ("dtb memory", ["dtb", "-m", "5x"], USAGE, "dtb: --memory: '5x' is not a size"),
    ("dtb unknown option", ["dtb", "--fly"], USAGE, "--fly.*iolite help dtb"),
    ("dtb configuration", ["dtb", "{D}/nowhere"], USAGE, "dtb: {D}/nowhere: no configuration file"),
    ("doctor with an argument", ["doctor", "now"], USAGE, "'now'"),
    ("version with an argument", ["version", "now"], USAGE, "'now'"),
    ("help for no verb", ["help", "fly"], USAGE, "'fly'"),
    ("memory 0", ["run", "-k", "{D}/good", "-m", "0"], USAGE, "--memory: '0'.*1M to 64G"),
    ("memory negative", ["run", "-k", "{D}/good", "-m", "-1"], USAGE, "--memory: '-1'"),
    ("memory empty", ["run", "-k", "{D}/good", "-m", ""], USAGE, "--memory: ''"),
    ("memory without number", ["run", "-k", "{D}/good", "-m", "lots"], USAGE, "--memory: 'lots'.*512M"),
    ("memory fraction", ["run", "-k", "{D}/good", "-m", "1.5G"], USAGE, "--memory: '1.5G'"),
    ("memory unit", ["run", "-k", "{D}/good", "-m", "512MB"], USAGE, "--memory: '512MB'"),
    ("memory space", ["run", "-k", "{D}/good", "-m", " 512M"], USAGE, "--memory: ' 512M'"),
    ("memory hexadecimal", ["run", "-k", "{D}/good", "-m", "0x1000000"], USAGE, "--memory: '0x1000000'"),
    ("memory too small", ["run", "-k", "{D}/good", "-m", "512K"], USAGE, "--memory: '512K'.*1M to 64G"),
    ("memory too large", ["run", "-k", "{D}/good", "-m", "65G"], USAGE, "--memory: '65G'.*1M to 64G"),
    ("memory overflow", ["run", "-k", "{D}/good", "-m", "99999999999999999999T"], USAGE, "--memory: '9+T'"),
    ("memory odd", ["run", "-k", "{D}/good", "-m", "268435457"], USAGE, "--memory.*262144K and 262148K"),
    ("cpus 0", ["run", "-k", "{D}/good", "-c", "0"], USAGE, "--cpus: '0'.*1 to 64"),
    ("cpus negative", ["run", "-k", "{D}/good", "-c", "-2"], USAGE, "--cpus: '-2'"),
    ("cpus too many", ["run", "-k", "{D}/good", "-c", "65"], USAGE, "--cpus: '65'.*1 to 64"),
    ("cpus word", ["run", "-k", "{D}/good", "-c", "two"], USAGE, "--cpus: 'two'"),
    ("cpus fraction", ["run", "-k", "{D}/good", "-c", "1.5"], USAGE, "--cpus: '1.5'"),
    ("cpus empty", ["run", "-k", "{D}/good", "-c", ""], USAGE, "--cpus: ''"),
    ("cpus pinned to no CPU", ["run", "-k", "{D}/good", "-c", "2,pin=x"], USAGE, "--cpus: 'pin=x' is no set.*such as 2-3"),
    ("cpus pinned in a list", ["run", "-k", "{D}/good", "-c", "2,pin=2,3"], USAGE, "--cpus: '3': there is no '3', but pin"),
    ("cpus pinned too few", ["run", "-k", "{D}/good", "-c", "3,pin=0:1"], USAGE, "3 vCPU.*a list of 2: give one for each"),
    ("cpus policy", ["run", "-k", "{D}/good", "-c", "1,policy=fifo"], USAGE, "--cpus: 'policy=fifo' lacks a priority.*fifo:10"),
    ("loop-pin", ["run", "-k", "{D}/good", "-c", "1,loop-pin=5-4"], USAGE, "--cpus: 'loop-pin=5-4' is no set"),
    ("memory pages", ["run", "-k", "{D}/good", "-m", "64M,hugepages=3M"], USAGE, "--memory: 'hugepages=3M'.*give 2M, 1G"),
    ("memory pages do not divide", ["run", "-k", "{D}/good", "-m", "65M,hugepages=2M"], USAGE, "65M is no multiple.*give 66M"),
    ("memory node", ["run", "-k", "{D}/good", "-m", "64M,node=64"], USAGE, "--memory: 'node=64' is no NUMA node"),
    ("memory key", ["run", "-k", "{D}/good", "-m", "64M,locked"], USAGE, "--memory: 'locked': there is no 'locked': did you mean 'lock'?"),
    ("cpus overflow", ["run", "-k", "{D}/good", "-c", "4294967297"], USAGE, "--cpus: '4294967297'"),
    ("serial unknown", ["run", "-k", "{D}/good", "-s", "vga"], USAGE, "--serial: 'vga' is no kind of serial line: give "
     "stdio, null, pty, file, unix, tcp or mux"),
    ("jail without a value", ["run", "-k", "{D}/good", "--jail=user"], USAGE, "--jail: 'user' lacks its value: write it as user=..."),
    ("jail empty", ["run", "-k", "{D}/good", "--jail="], USAGE, "--jail: a comma with nothing behind it"),
    ("jail key unknown", ["run", "-k", "{D}/good", "--jail=usr=x"], USAGE, "--jail: 'usr=x': there is no 'usr': did you mean 'user'"),
    ("jail user bad", ["run", "-k", "{D}/good", "--jail=user=a b"], USAGE, "--jail: 'user=a b' is neither a name nor a number"),
    ("jail group alone", ["run", "-k", "{D}/good", "--jail=group=x"], USAGE, "there is a group 'x' and no user"),
    ("jail chroot alone", ["run", "-k", "{D}/good", "--jail=chroot=/x"], USAGE, "there is a root folder '/x' and no user"),
    ("jail netns bad", ["run", "-k", "{D}/good", "--jail=netns=a/b"], USAGE, "--jail: 'netns=a/b' is no network namespace"),
    ("jail user absent", ["run", "-k", "{D}/good", "--jail=user=no-such-user"], USAGE, "jail: user: there is no user 'no-such-user': make it"),
    ("jail group absent", ["run", "-k", "{D}/good", "--jail=user=nobody:no-such-group"], USAGE, "jail: group: there is no group 'no-such-group'"),
    ("jail user root", ["run", "-k", "{D}/good", "--jail=user=root"], USAGE, "jail: user: 'root' is root, whom a jail does not hold"),
    ("jail netns absent", ["run", "-k", "{D}/good", "--jail=netns=no-such"], USAGE, "jail: netns: cannot open '/run/netns/no-such', make it first"),
    ("sandbox unknown", ["run", "-k", "{D}/good", "--sandbox=yes"], USAGE, "--sandbox: 'yes' is no sandbox: give on, log or off"),
    ("watchdog action unknown", ["run", "-k", "{D}/good", "--on-watchdog=halt"], USAGE,
     "--on-watchdog: 'halt' is no action: give reset, stop, pause or none"),
    ("watchdog action empty", ["run", "-k", "{D}/good", "--on-watchdog="], USAGE, "--on-watchdog: '' is no action"),
    ("watchdog unknown", ["run", "-k", "{D}/good", "--watchdog", "ib700"], USAGE, "--watchdog: 'ib700' is no watchdog: give i6300esb"),
    ("watchdog empty", ["run", "-k", "{D}/good", "--watchdog="], USAGE, "--watchdog: '' is no watchdog: give i6300esb"),
    ("watchdog key unknown", ["run", "-k", "{D}/good", "--watchdog", "i6300esb,autostrat=5"], USAGE,
     "--watchdog: 'autostrat=5': there is no 'autostrat': did you mean 'autostart'?"),
    ("watchdog at once", ["run", "-k", "{D}/good", "--watchdog", "i6300esb,autostart=0"], USAGE,
     "--watchdog: 'autostart=0' is out of range: give 1 to 2046"),
    ("watchdog for ever", ["run", "-k", "{D}/good", "--watchdog", "i6300esb,autostart=2047"], USAGE,
     "--watchdog: 'autostart=2047' is out of range: give 1 to 2046"),
    ("watchdog without a time", ["run", "-k", "{D}/good", "--watchdog", "i6300esb,autostart"], USAGE,
     "--watchdog: 'autostart' lacks its value: write it as autostart=..."),
    ("watchdog twice started", ["run", "-k", "{D}/good", "--watchdog", "i6300esb,autostart=5,autostart=6"], USAGE,
     "--watchdog: 'autostart=6': 'autostart' is given twice: leave one out"),
    ("watchdog's action as its key", ["run", "-k", "{D}/good", "--watchdog", "i6300esb,action=reset"], USAGE,
     "--watchdog: 'action=reset': there is no 'action', but autostart"),
    ("watchdog action of a tree", ["dtb", "--on-watchdog=stop"], USAGE, "--on-watchdog.*iolite help dtb"),
    ("reboot action unknown", ["run", "-k", "{D}/good", "--on-reboot=stop"], USAGE,
     "--on-reboot: 'stop' is no action: give exit, reset or pause"),
    ("panic action unknown", ["run", "-k", "{D}/good", "--on-panic=none"], USAGE, "--on-panic: 'none' is no action"),
    ("crash action empty", ["run", "-k", "{D}/good", "--on-crash="], USAGE, "--on-crash: '' is no action"),
    ("power-off action", ["run", "-k", "{D}/good", "--on-poweroff=reset"], USAGE,
     "--on-poweroff: 'reset' is no action: give exit or pause"),
    ("daemon at the terminal", ["run", "-k", "{D}/good", "--daemonize"], USAGE,
     "--daemonize: serial line 0 is at the terminal.*-s null"),
    ("daemon's console at the terminal", ["run", "-k", "{D}/good", "-s", "null", "--console", "stdio", "--daemonize"],
     USAGE, "--daemonize: the console is at the terminal.*--console unix:PATH"),
    ("pidfile in no folder", ["run", "-k", "{D}/good", "-s", "null", "--pidfile", "{D}/nowhere/pid"], USAGE,
     "--pidfile: {D}/nowhere/pid: No such file"),
    ("pidfile a folder", ["run", "-k", "{D}/good", "-s", "null", "--pidfile", "{D}"], USAGE,
     "--pidfile: {D}: (Is a directory|this is no file)"),
    ("pidfile a device", ["run", "-k", "{D}/good", "-s", "null", "--pidfile", "/dev/null"], USAGE,
     "--pidfile: /dev/null: this is no file"),
    ("log file in no folder", ["run", "-k", "{D}/good", "-s", "null", "--log-file", "{D}/nowhere/log"], USAGE,
     "--log-file: {D}/nowhere/log: No such file"),
    ("kernel missing", ["run", "-k", "{D}/nowhere"], USAGE, "kernel: {D}/nowhere: name a file that is there: No such file"),
    ("kernel empty", ["run", "-k", "{D}/empty"], USAGE, "kernel: {D}/empty.*empty"),
    ("kernel a folder", ["run", "-k", "{D}"], USAGE, "kernel: {D}.*(director|regular file)"),
    ("kernel a device", ["run", "-k", "/dev/null"], USAGE, "kernel: /dev/null.*regular file"),
    ("kernel a pipe", ["run", "-k", "{D}/fifo"], USAGE, "kernel: {D}/fifo.*regular file"),
    ("kernel a socket", ["run", "-k", "{D}/socket"], USAGE, "kernel: {D}/socket"),
    ("kernel a loop of links", ["run", "-k", "{D}/loop"], USAGE, "kernel: {D}/loop.*symbolic links"),
    ("kernel name with an escape", ["run", "-k", "{D}/\033[2Jx\ny"], USAGE, r"kernel: {D}/\?\[2Jx\?y"),
    ("kernel is text", ["run", "-k", "{D}/text"], USAGE, "{D}/text"),
    ("kernel is zeros", ["run", "-k", "{D}/zeros"], USAGE, "{D}/zeros"),
    ("kernel compressed", ["run", "-k", "{D}/gzip"], USAGE, "{D}/gzip.*gzip"),
    ("kernel for arm64", ["run", "-k", "{D}/arm64"], USAGE, "{D}/arm64.*arm64.*x86_64"),
    ("ELF of another machine", ["run", "-k", "{D}/elf-arm"], USAGE, "{D}/elf-arm.*(aarch64|183).*x86_64"),
    ("ELF big-endian", ["run", "-k", "{D}/elf-big-endian"], USAGE, "{D}/elf-big-endian"),
    ("ELF 32-bit without a note", ["run", "-k", "{D}/elf32"], USAGE, "{D}/elf32.*(32-bit|PVH)"),
    ("ELF object file", ["run", "-k", "{D}/elf-object"], USAGE, "{D}/elf-object"),
    ("ELF without segments", ["run", "-k", "{D}/elf-no-segments"], USAGE, "{D}/elf-no-segments"),
    ("ELF segment past the end", ["run", "-k", "{D}/elf-past-end"], USAGE, "{D}/elf-past-end"),
    ("ELF truncated", ["run", "-k", "{D}/elf-truncated"], USAGE, "{D}/elf-truncated"),
    ("ELF address wraps", ["run", "-k", "{D}/elf-wraps"], USAGE, "{D}/elf-wraps"),
    ("ELF above the memory", ["run", "-k", "{D}/elf-too-high"], USAGE, "{D}/elf-too-high"),
    ("ELF over the boot data", ["run", "-k", "{D}/elf-low"], USAGE, "{D}/elf-low"),
    ("ELF larger than the memory", ["run", "-k", "{D}/elf-huge"], USAGE, "{D}/elf-huge"),
    ("ELF entry outside", ["run", "-k", "{D}/elf-entry"], USAGE, "{D}/elf-entry.*entry"),
    ("bzImage truncated", ["run", "-k", "{D}/bz-truncated"], USAGE, "{D}/bz-truncated"),
    ("bzImage without a kernel", ["run", "-k", "{D}/bz-no-payload"], USAGE, "{D}/bz-no-payload"),
    ("bzImage cut short", ["run", "-k", "{D}/bz-short-payload"], USAGE, "{D}/bz-short-payload"),
    ("bzImage too old", ["run", "-k", "{D}/bz-old"], USAGE, "{D}/bz-old.*2.0?9.*2.12"),
    ("bzImage 32-bit", ["run", "-k", "{D}/bz-32bit"], USAGE, "{D}/bz-32bit.*64"),
    ("zImage", ["run", "-k", "{D}/bz-zimage"], USAGE, "{D}/bz-zimage"),
    ("bzImage alignment", ["run", "-k", "{D}/bz-alignment"], USAGE, "{D}/bz-alignment.*align"),
    ("bzImage larger than the memory", ["run", "-k", "{D}/bz-huge-init"], USAGE, "{D}/bz-huge-init"),
    ("bzImage at an impossible place", ["run", "-k", "{D}/bz-pref"], USAGE, "{D}/bz-pref"),
    ("bzImage of no size", ["run", "-k", "{D}/bz-no-init"], USAGE, "{D}/bz-no-init"),
    ("memory too small for the kernel", ["run", "-k", "{D}/good", "-m", "1M"], USAGE, "{D}/good"),
    ("initrd missing", ["run", "-k", "{D}/good", "-i", "{D}/nowhere"], USAGE, "initrd: {D}/nowhere: name a file that is there: No such file"),
    ("initrd empty", ["run", "-k", "{D}/good", "-i", "{D}/empty"], USAGE, "initrd: {D}/empty.*empty"),
    ("initrd a folder", ["run", "-k", "{D}/good", "-i", "{D}"], USAGE, "initrd: {D}"),
    ("initrd too large", ["run", "-k", "{D}/good", "-i", "{D}/sparse", "-m", "256M"], USAGE,
     "{D}/sparse.*314572800 bytes"),
    ("command line too long (bzImage)", ["run", "-k", "{D}/good", "-a", "x" * 2048], USAGE, "2048.*2047"),
    ("command line too long (ELF)", ["run", "-k", GUEST, "-a", "x" * 70000], USAGE, "70000"),
]


def serial(name, text, pattern):
    """A mistake in the value of -s."""
    return (f"serial line {name}", ["run", "-k", "{D}/good", "-s", text], USAGE, "--serial: " + pattern)


def line(name, text, pattern):
    """A mistake that shows when the line is opened; the guest would power off at once."""
    return (f"serial line {name}", ["run", "-k", "{D}/guest", "-m", "16M", "-a", "poweroff", "-s", text], USAGE, pattern)


CASES += [
    serial("empty", "", "'' is no kind of serial line"),
    serial("with an escape", "\033[2Jx\ny", r"'\?\[2Jx\?y' is no kind of serial line"),
    serial("stdio with an argument", "stdio:1", "'stdio:1': nothing belongs behind 'stdio'"),
    serial("pty with an argument", "pty:/dev/pts/1", "'pty:/dev/pts/1': nothing belongs behind 'pty'.*pty,link=PATH"),
    serial("file without a path", "file", "'file' lacks its path: write it as file:PATH"),
    serial("unix without a path", "unix:", "'unix:' lacks its path: write it as unix:PATH"),
    serial("unix too long", "unix:/" + "x" * 107, "'unix:/x+': the path of the socket is longer than 107 bytes: give a shorter one"),
    serial("tcp without a port", "tcp:localhost", "'localhost' lacks a port.*such as tcp:127.0.0.1:4000"),
    serial("tcp with a name", "tcp:example.org:23", "'example.org' is no address.*names are not looked up"),
    serial("tcp port too large", "tcp::65536", "'65536' is no port: give a number up to 65535"),
    serial("tcp without brackets", "tcp:::1:23", r"'::1:23' has several colons.*tcp:\[::1\]:4000"),
    serial("tcp for everybody", "tcp:0.0.0.0:23", "'tcp:0.0.0.0:23': other machines could reach.*expose=on if that is meant"),
    serial("tcp6 for everybody", "tcp:[::]:23", r"'tcp:\[::\]:23': other machines could reach ::,.*expose=on"),
    serial("connect to port 0", "tcp::0,connect", "'tcp::0': port 0 is for listening"),
    serial("key of another kind", "pty,append", "'pty': 'append' is for file, not for pty: leave it out"),
    serial("unknown key", "pty,lnk=x", "'pty': 'lnk=x': there is no 'lnk': did you mean 'link'?"),
    serial("comma at the end", "pty,", "'pty': a comma with nothing behind it"),
    serial("key twice", "pty,log=a,log=b", "'pty': 'log=b': 'log' is given twice"),
    serial("log without a path", "null,log=", "'null': 'log=' is no path"),
    serial("block unclear", "null,block=1", "'null': 'block=1' is neither on nor off"),
    serial("ring too small", "null,ring=1K", "'null': 'ring=1K' is no size of a ring: give 4K to 16M"),
    serial("log that is itself", "file:a,log=a", "'file:a': its log is itself"),
    ("stdio twice", ["run", "-k", "{D}/good", "-s", "stdio", "-s", "stdio"], USAGE,
     "--serial: serial0 has standard input and output already: give stdio to one line only"),
    ("file of two serial lines", ["run", "-k", "{D}/good", "-s", "file:a", "-s", "null,log=a"], USAGE,
     "--serial: 'a' belongs to serial0 already"),
    ("serial line over a disk", ["run", "-k", "{D}/good", "-d", "{D}/zeros", "-s", "file:{D}/./zeros"], USAGE,
     "serial0: '{D}/./zeros' is the file of the disk disk0 .*written to: give the line another path"),
    ("serial line's log over the kernel", ["run", "-k", "{D}/good", "-s", "null,log={D}/./good"], USAGE,
     "serial0's log: '{D}/./good' is the file of the kernel"),
    # Found when they are opened, which is before anything of the guest's.
    line("socket in use", "unix:{D}/listens", "serial0: .*{D}/listens.*in use"),
    line("socket in no folder", "unix:{D}/none/x",
         "serial0: cannot listen at '{D}/none/x': make its folder first: No such file or directory"),
    line("file in no folder", "file:{D}/none/x",
         "serial0: cannot write to '{D}/none/x': make its folder first: No such file or directory"),
    line("log in no folder", "null,log={D}/none/x", "serial0: .*'{D}/none/x': make its folder first: "),
    line("file that is a folder", "file:{D}", "serial0: cannot write to '{D}': Is a directory"),
    line("link in the place of a file", "pty,link={D}/good", "serial0: '{D}/good' is there and is no symbolic link"),
    line("port in use", "tcp::{PORT}", "serial0: .*{PORT}"),
    ("console's file in no folder", ["run", "-k", "{D}/guest", "-m", "16M", "-s", "null", "--console", "file:{D}/none/x"],
     USAGE, "console0: cannot write to '{D}/none/x': make its folder first: "),
    ("serial lines too many", ["run", "-k", "{D}/good"] + ["-s", "null"] * 5, USAGE,
     "--serial: one serial line too many: a machine has up to 4"),
]


def net(name, text, pattern, status=USAGE):
    """A mistake in the value of -n, or one that shows when the network is made."""
    place = "--net: " if status == USAGE and not pattern.startswith("network ") else ""
    return (f"network {name}", ["run", "-k", "{D}/good", "-n", text], status, place + pattern)


CASES += [
    net("kind", "tab", "'tab' is no kind of network: there is no 'tab': did you mean 'tap'?"),
    net("empty", "", "no kind: name one first, such as user"),
    net("unknown key", "user,hostfw=x", "'user': 'hostfw=x': there is no 'hostfw': did you mean 'hostfwd'?"),
    net("key of another kind", "tap,br=br0", "'tap': 'br=br0': there is no 'br', but"),
    net("MAC", "none,mac=52:54:00:12:34", "'none': 'mac=52:54:00:12:34' is no MAC address: give six bytes"),
    net("MAC of a group", "none,mac=01:00:5e:00:00:01", "'none': 'mac=01:00:5e:00:00:01' is a group's address"),
    net("MTU", "none,mtu=5", "'none': 'mtu=5' is out of range: give 68 to 65535"),
    net("name of an interface", "tap,ifname=a/b", "'tap': 'ifname=a/b' is no name of a network interface"),
    net("no bridge", "bridge", "'bridge': no bridge: name one, such as br=br0"),
    net("no path", "socket", "'socket': no path: name the socket"),
    net("network with a bad mask", "user,net=10.0.2.0/40",
        "network net0: net=10.0.2.0/40: .*neither a number of bits nor a mask"),
    net("forwarding", "user,hostfwd=tcp::22", "network net0: hostfwd=tcp::22: .*such as tcp:127.0.0.1:2222-:22"),
    net("forwarding of no protocol", "user,hostfwd=sctp::1-:1", "network net0: hostfwd=sctp::1-:1: "),
    net("descriptor that is not open", "tap,fd=77", "network net0: descriptor 77 is no tap: Bad file descriptor"),
    net("vhost", "tap,vhost=1", "'tap': 'vhost=1' is no mode of vhost: give auto, on or off"),
    net("folder that is not there", "socket,path={D}/none/x,listen", "network net0: cannot listen at '{D}/none/x': make its folder first: No such file"),
    net("passt that is not there", "passt,path={D}/none", "network net0: no passt listens at {D}/none: start it"),
    ("console without its value", ["run", "-k", "{D}/good", "--console"], USAGE, "console"),
    ("console of no kind", ["run", "-k", "{D}/good", "--console", "vga"], USAGE,
     "--console: 'vga' is no kind of serial line: give"),
    ("console and serial line in one terminal", ["run", "-k", "{D}/good", "--console", "stdio"], USAGE,
     "console: serial0 has standard input and output already"),
]


def disk(name, text, pattern):
    """A mistake in the value of -d."""
    return (f"disk {name}", ["run", "-k", "{D}/good", "-d", text], USAGE, "--disk: " + pattern)


CASES += [
    ("disk without its value", ["run", "-k", "{D}/good", "-d"], USAGE, "-d"),
    disk("empty", "", "'': no path.*disk.img"),
    disk("without a path", ",ro", "'': no path"),
    disk("with a key for its path", "file=x.img,ro", r"'file=x.img'.*stands first.*such as x.img.*\./file=x.img"),
    disk("path with an escape", "\033[2Jx\ny,ro=2", r"'\?\[2Jx\?y': 'ro=2'"),
    disk("comma at the end", "x.img,", "'x.img': a comma with nothing behind it"),
    disk("comma in the middle", "x.img,id=a,,,ro", "'x.img': 'id=a,' is no id"),
    disk("comma in the path", "a,b.img", "'a': .*no 'b.img'.*comma.*twice"),
    disk("unknown key", "x.img,format=raw", "'x.img': 'format=raw': there is no 'format'.*id, ro, .*iops"),
    disk("key with a slip", "x.img,chache=unsafe", "'x.img': 'chache=unsafe'.*no 'chache': did you mean 'cache'"),
    disk("key in capitals", "x.img,RO", "'x.img': 'RO'.*no 'RO'"),
    disk("key of other programs", "x.img,readonly=on", "'x.img': 'readonly=on'.*did you mean 'ro'"),
    disk("key with a space", "x.img, ro", "'x.img': ' ro'.*did you mean 'ro'"),
    disk("key that is empty", "x.img,=on", "'x.img': '=on': there is no ''"),
    disk("key twice", "x.img,queues=1,queues=2", "'x.img': 'queues=2': 'queues' is given twice"),
    disk("flag twice", "x.img,ro,ro=off", "'x.img': 'ro=off': 'ro' is given twice"),
    disk("key without a value", "x.img,cache", "'x.img': 'cache' lacks its value.*cache=..."),
    disk("ro with a word", "x.img,ro=yes", "'x.img': 'ro=yes' is neither on nor off"),
    disk("direct with nothing", "x.img,direct=", "'x.img': 'direct=' is neither on nor off"),
    disk("discard as other programs", "x.img,discard=unmap", "'x.img': 'discard=unmap'.*on or off"),
    disk("lock with a number", "x.img,lock=1", "'x.img': 'lock=1'.*on or off"),
    disk("cache unknown", "x.img,cache=fast", "'x.img': 'cache=fast'.*writeback, writethrough or unsafe"),
    disk("cache none", "x.img,cache=none", "'x.img': 'cache=none'.*direct"),
    disk("id empty", "x.img,id=", "'x.img': 'id=' is no id"),
    disk("id with a digit first", "x.img,id=1st", "'x.img': 'id=1st' is no id: give a letter"),
    disk("id with a slash", "x.img,id=a/b", "'x.img': 'id=a/b' is no id"),
    disk("id too long", "x.img,id=" + "a" * 33, "'x.img': 'id=a+' is too long.*32"),
    disk("queues 0", "x.img,queues=0", "'x.img': 'queues=0'.*1 to 16"),
    disk("queues too many", "x.img,queues=17", "'x.img': 'queues=17'.*1 to 16"),
    disk("queues word", "x.img,queues=many", "'x.img': 'queues=many'.*1 to 16"),
    disk("transport unknown", "x.img,transport=usb", "'x.img': 'transport=usb'.*pci or mmio"),
    disk("serial empty", "x.img,serial=", "'x.img': 'serial=' is empty"),
    disk("serial too long", "x.img,serial=" + "1" * 21, "'x.img': 'serial=1+' is too long.*20"),
    disk("serial not ASCII", "x.img,serial=caf\u00e9", "'x.img': 'serial=caf.*printable ASCII"),
    disk("bps negative", "x.img,bps=-1", "'x.img': 'bps=-1'.*such as 100M"),
    disk("bps fraction", "x.img,bps=1.5M", "'x.img': 'bps=1.5M'.*such as 100M"),
    disk("bps overflow", "x.img,bps=99999999999T", "'x.img': 'bps=99999999999T'"),
    disk("iops with a suffix", "x.img,iops=1K", "'x.img': 'iops=1K'.*such as 500"),
    disk("iops empty", "x.img,iops=", "'x.img': 'iops='.*such as 500"),
    ("disk id twice", ["run", "-k", "{D}/good", "-d", "a.img,id=a", "-d", "b.img,id=a"], USAGE,
     "--disk: 'b.img': its id 'a' is that of the disk 'a.img'"),
    ("disk id that is another's default", ["run", "-k", "{D}/good", "-d", "a.img", "-d", "b.img,id=disk0"], USAGE,
     "--disk: 'b.img': its id 'disk0' is that of the disk 'a.img'.*another id"),
    ("disk twice", ["run", "-k", "{D}/good", "-d", "a.img", "-d", "a.img,ro"], USAGE,
     r"--disk: 'a.img': given twice \(as disk0 and disk1\).*both ro"),
    ("disks too many", ["run", "-k", "{D}/good"] + [word for i in range(17) for word in ("-d", f"{i}.img")], USAGE,
     "--disk: '16.img': one disk too many.*16"),
]


def gdb(name, text, pattern, *more):
    """A mistake in the value of --gdb."""
    return (f"debugger {name}", ["run", "-k", "{D}/good", "--gdb", text, *more], USAGE, "iolite: run: --gdb: " + pattern)


def control(name, path, pattern, *more):
    """A mistake in the value of --control."""
    return (f"control socket {name}", ["run", "-k", "{D}/good", "--control", path, *more], USAGE, "iolite: run: " + pattern)


NOWHERE = "is nowhere for a debugger to connect: give tcp:PORT, tcp:HOST:PORT or unix:PATH"
CASES += [
    gdb("nowhere", "", "'' " + NOWHERE),
    gdb("of no kind", "vga", "'vga' " + NOWHERE),
    gdb("with an escape", "\033[2Jx", r"'\?\[2Jx' " + NOWHERE),
    gdb("with a port alone", "1234", "'1234' has no kind: write it as tcp:1234\n$"),
    gdb("with a colon and a port", ":1234", "':1234' has no kind: write it as tcp:1234\n$"),
    gdb("without its kind", "localhost:1234", "'localhost:1234' has no kind: write it as tcp:localhost:1234"),
    gdb("without its kind, v6", "[::1]:1234", r"'\[::1\]:1234' has no kind: write it as tcp:\[::1\]:1234"),
    gdb("with a path alone", "/run/gdb.sock", "'/run/gdb.sock' has no kind: write it as unix:/run/gdb.sock"),
    gdb("without a port", "tcp:localhost", "'tcp:localhost' lacks a port: .*such as tcp:1234"),
    gdb("without anything", "tcp", "'tcp' lacks a port: write it as tcp:PORT or tcp:HOST:PORT"),
    gdb("at a port too large", "tcp:65536", "'65536' is no port: give a number up to 65535"),
    gdb("at a name", "tcp:example.org:1234", "'example.org' is no address.*names are not looked up"),
    gdb("without brackets", "tcp:::1:1234", r"'::1:1234' has several colons.*tcp:\[::1\]:4000"),
    gdb("without its path", "unix:", "'unix:' lacks its path: write it as unix:PATH"),
    gdb("with a long path", "unix:/" + "x" * 107, "'unix:/x+': the path of the socket is longer than 107 bytes"),
    gdb("for everybody", "tcp:0.0.0.0:1234", "'tcp:0.0.0.0:1234': other machines could reach 0.0.0.0, and whoever connects "
        "has the whole guest: listen at 127.0.0.1 or ::1, or give expose if that is meant"),
    gdb("for everybody, v6", "tcp:[::]:1234,expose=off", r"'tcp:\[::\]:1234': other machines could reach ::,"),
    gdb("in the terminal", "stdio", "'stdio' " + NOWHERE),
    gdb("at a pseudo terminal", "pty", "'pty' " + NOWHERE),
    gdb("in a file", "file:{D}/x", "'file:{D}/x' " + NOWHERE),
    gdb("at nobody", "null", "'null' " + NOWHERE),
    gdb("shared", "mux:stdio", "'mux:stdio' " + NOWHERE),
    gdb("that connects", "tcp:1234,connect", "'connect': 'connect' is for serial lines, not for debuggers: leave it out"),
    gdb("with a log", "unix:{D}/x,log={D}/y", "'log={D}/y': 'log' is for serial lines, not for debuggers: leave it out"),
    gdb("with a ring", "tcp:1234,ring=4K", "'ring=4K': 'ring' is for serial lines, not for debuggers"),
    gdb("that blocks", "tcp:1234,block=on", "'block=on': 'block' is for serial lines, not for debuggers"),
    gdb("that appends", "unix:{D}/x,append", "'append': 'append' is for serial lines, not for debuggers"),
    gdb("with an unknown key", "tcp:1234,server", "'server': there is no 'server', but expose; a comma in a path"),
    gdb("with a comma too many", "tcp:1234,", "'tcp::1234': a comma with nothing behind it"),
    gdb("exposed at a path", "unix:{D}/x,expose", "'unix:{D}/x': 'expose' is for tcp, not for unix: leave it out"),
    ("debugger's address without a value", ["run", "-k", "{D}/good", "--gdb"], USAGE, "gdb"),
    ("wait for no debugger", ["run", "-k", "{D}/good", "--gdb-wait"], USAGE,
     'is to wait for a debugger, and none can connect: say where with --gdb, such as --gdb tcp:1234, .*or leave the wait out'),
    ("debugger at a serial line's socket", ["run", "-k", "{D}/good", "--gdb", "unix:{D}/x", "-s", "unix:{D}/x"], USAGE,
     "gdb: '{D}/x' belongs to serial0 already"),
    ("debugger at the console's log", ["run", "-k", "{D}/good", "--gdb", "unix:{D}/x", "--console", "null,log={D}/x"],
     USAGE, "gdb: '{D}/x' belongs to the console already"),
    ("debugger of a tree", ["dtb", "--gdb", "tcp:1234"], USAGE, "Unknown option --gdb"),
    control("nowhere", "", "--control: '' is no path: give that of a socket to be made, or none"),
    control("with a kind", "unix:{D}/c", "--control: 'unix:{D}/c' is no path: write it as a path alone"),
    control("with a long path", "/" + "x" * 107, "--control: '/x+': the path of the socket is longer than 107 bytes"),
    control("at a serial line's socket", "{D}/x", "control: '{D}/x' belongs to serial0 already", "-s", "unix:{D}/x"),
    control("at the debugger's", "{D}/x", "control: '{D}/x' is where debuggers connect already: give each a path", "--gdb",
            "unix:{D}/x"),
    control("in no folder", "{D}/nofolder/c", "control: .*{D}/nofolder/c.*No such file or directory"),
    control("at a file", "{D}/text", "control: .*{D}/text"),
    control("at one that is in use", "{D}/listens", "control: .*{D}/listens.*in use"),
    ("control socket without a value", ["run", "-k", "{D}/good", "--control"], USAGE, "control"),
    ("control socket of a tree", ["dtb", "--control", "none"], USAGE, "Unknown option --control"),
]


def config(text, says):
    """A mistake in a JSON file, and exactly what is said behind the file's name."""
    name = f"bad{len(FILES)}.json"
    FILES[name] = text if isinstance(text, bytes) else text.encode()
    return (f"configuration {text!r:.60}", ["run", "{D}/" + name, "-k", "{D}/good"], USAGE,
            "^iolite: run: {D}/" + re.escape(name + says).replace(r"\{D\}", "{D}") + "\n$")


def value(text, says, offset=0):
    """A mistake in a property's value, at an offset in it."""
    head = '{"tree": {"node-update": {"/soc": {"p": '
    return config(head + text + "}}}}", f":1:{len(head) + 1 + offset}: tree.node-update./soc.p" + says)


FILES["empty.json"] = b"{}"
FILES["overlay.json"] = b'{"boot": {"dtb-overlays": ["a.dtbo"]}}'
FILES["disk.json"] = b'{"boot": {"kernel": "good"}, "disks": [{"path": "a.img"}]}'
FILES["guest.json"] = b'{"boot": {"kernel": "guest", "cmdline": "poweroff"}, "serials": [{"kind": "null"}], "memory": "16M"}'
FILES["overridden.json"] = b'{"cpus": 9, "boot": {"kernel": "no-kernel", "cmdline": "x"}, "memory": "64G"}'
FILES["kernel.json"] = b'{"boot": {"kernel": "no-kernel"}}'

NUMBER = " is no number as JSON has them: write it as 5, -5 or 0.5, and a size in double quotes"
HEX = " is hexadecimal, which JSON has not: give a decimal number, or text in double quotes in a list of cells"
PROP = "it has letters, digits and , . _ + ? # -"
CASES += [
    # No JSON.
    config("", ":1:1: empty: the least that a configuration has is {}"),
    config(" \n", ":1:1: empty: the least that a configuration has is {}"),
    config('{\n  "cpus": 2\n', ":2:12: it ends too early: a closing quote, } or ] is missing"),
    config('{"name": "x', ":1:12: it ends too early: a closing quote, } or ] is missing"),
    config("cpus = 2\n", ":1:1: no configuration: it is a JSON object and starts with {; a kernel is named with -k, a "
           "disk with -d"),
    config("{}\n{}", ":2:1: { stands behind the end of the configuration: take it away"),
    config(b'{"name": "caf\xe9"}', ":1:14: this is not UTF-8: save the file in that encoding"),
    config('{"cpus": 2}'.encode("utf-16"),
           ": zero bytes, which no JSON has: save it as UTF-8; a kernel is named with -k, a disk with -d"),
    config('{"name": "a\\u0000"}', ":1:10: a text cannot have a \\u0000: take it away"),
    config("// web server\n{}", ":1:1: JSON has no comments: take it away"),
    config('{\n  "cpus": 2 # two\n}', ":2:13: JSON has no comments: take it away"),
    config('{"cpus": 2, /* two */ "memory": "1G"}', ":1:13: JSON has no comments: take it away"),
    config('{\n  "cpus": 2,\n}', ":3:1: a comma before the closing }: take it away"),
    config('{"disks": [{"path": "a"}, ]}', ":1:27: a comma before the closing ]: take it away"),
    config("{'name': 'web'}", ":1:2: single quotes: JSON takes double quotes only"),
    config("{name: 1}", ':1:2: a key without quotes: write "name"'),
    config('{"name": web}', ':1:10: text without quotes: write "web"; true, false and null are in small letters'),
    config('{"disks": [{"path": "a", "ro": True}]}',
           ':1:32: text without quotes: write "True"; true, false and null are in small letters'),
    config('{"cpus": 0x2}', ":1:10: 0x2" + HEX),
    config('{"cpus": 02}', ":1:10: 02" + NUMBER),
    config('{"cpus": +2}', ":1:10: +2" + NUMBER),
    config('{"memory": 512M}', ":1:12: 512M" + NUMBER),
    config('{"memory": 99999999999999999999}', ":1:12: 99999999999999999999 is too large for a number: write it as "
           'text where that will do, such as "8T" or {"u64": "0x..."}'),
    config('{"cpus": 2 "memory": 1}', ':1:12: a comma or } is missing before "memory"'),
    config('{"cpus": 2]', ":1:11: a comma or } is missing before ]"),
    config('{"disks": [{} {}]}', ":1:15: a comma or ] is missing before {"),
    config('{"cpus" 2}', ":1:9: a colon is missing before 2"),
    config('{"cpus": }', ":1:10: a value is missing before }"),
    config('{"cpus": 1,, "memory": 2}', ":1:12: a key is missing before ,"),
    config('{"name": "a\nb"}', ":1:12: a text ends with its line: a closing quote is missing (a line break in a text is "
           "\\n)"),
    config('{"name": "a\tb"}', ":1:12: a control character in a text: write it as \\t or \\u0009"),
    config('{"boot": {"kernel": "C:\\guest"}}',
           ":1:24: a backslash begins an escape such as \\n: write \\\\ for itself"),
    config('{"cpus": 1,\n "cpus": 2}', ':2:2: the key "cpus" is given twice: leave one out'),
    config("[" * 5000, ":1:2049: too many { and [ in each other: take some away"),
    config(b"{}" + b" " * MIB, ": larger than 1 MiB, which no configuration is: a kernel is named with -k, a disk with "
           "-d"),
    # JSON, and no configuration.
    config("[]", ":1:1: this is a list: give an object, in { and }"),
    config('{"cpu": 1}', ":1:2: there is no 'cpu': did you mean 'cpus'?"),
    config('{"net": []}', ":1:2: there is no 'net': did you mean 'nets'?"),
    config('{"\\u001b[2J": 1}',
           ":1:2: there is no '?[2J', but name, machine, cpus, memory, boot, disks, nets, rng, watchdog, console, serials, gdb, control, sandbox, jail, lifecycle, tree"),
    config('{"kernel": "vmlinuz"}', """:1:2: 'kernel' belongs to 'boot': "boot": {"kernel": ...}"""),
    config('{"name": "my web"}', ":1:10: name: 'my web' is no name: give a letter or digit, then letters, digits, dots, "
           "dashes, underscores"),
    config('{"name": "' + "n" * 65 + '"}', f":1:10: name: '{'n' * 64}' is too long: a name has up to 64 bytes"),
    config('{"name": 5}', ":1:10: name: 5 is a number: give text, in double quotes"),
    config('{"machine": ""}', ":1:13: machine: '' is no machine: name one, or leave it out"),
    config('{"cpus": "2"}', ":1:10: cpus: '2' is text: give a whole number, without quotes"),
    config('{"cpus": 1.5}', ":1:10: cpus: 1.5 is no whole number: give a whole number, without quotes"),
    config('{"cpus": 65}', ":1:10: cpus: '65' is not a number of CPUs: give a whole number from 1 to 64"),
    config('{"cpus": {"cout": 2}}', ":1:11: cpus: there is no 'cout': did you mean 'count'?"),
    config('{"cpus": {"count": "2"}}', ":1:20: cpus.count: '2' is text: give a whole number, without quotes"),
    config('{"cpus": {"pin": [2, true]}}', """:1:22: cpus.pin[1]: this is true: give a number, a text such as "0-3,5", or a """
           "list of those"),
    config('{"cpus": {"policy": 5}}', ":1:21: cpus.policy: 5 is a number: give text, in double quotes"),
    config('{"memory": {"size": "64M", "lock": "on"}}', ":1:36: memory.lock: 'on' is text: give true or false"),
    config('{"memory": {"hugepages": "2"}}', ":1:26: memory.hugepages: '2' is no size of huge pages: give 2M, 1G, transparent "
           "or none"),
    config('{"memory": {"node": -1}}', ":1:21: memory.node: '-1' is no NUMA node: give numbers and ranges from 0 to 63, such "
           "as 0 or 0-1, or none"),
    config('{"cpus": null}', ":1:10: cpus: this is null: give a whole number, without quotes, or leave it out"),
    config('{"memory": 512}', ":1:12: memory: '512' is out of range: give 1M to 64G"),
    config('{"memory": "512MB"}', ":1:12: memory: '512MB' is not a size: give a whole number and K, M, G or T, such as 512M"),
    config('{"memory": true}', ':1:12: memory: this is true: give a size, such as "512M", or a number of bytes'),
    config('{"boot": "vmlinuz"}', ":1:10: boot: 'vmlinuz' is text: give an object, in { and }"),
    config('{"boot": {"append": "quiet"}}', ":1:11: boot: there is no 'append': did you mean 'cmdline'?"),
    config('{"boot": {"kernel": ""}}', ":1:21: boot.kernel: '' is no path: name a file"),
    config('{"boot": {"dtb-overlays": "a"}}', ":1:27: boot.dtb-overlays: 'a' is text: give a list of paths, in [ and ]"),
    config('{"boot": {"dtb-overlays": [' + ", ".join(['"a"'] * 17) + "]}}",
           ":1:108: boot.dtb-overlays[16]: '{D}/a' is one overlay too many: up to 16"),
    config('{"disks": {"path": "a"}}', ":1:11: disks: this is an object: give a list of objects, in [ and ]"),
    config('{"disks": ["a.img"]}',
           """:1:12: disks[0]: 'a.img' is text: give an object, such as {"path": "disk.img"}"""),
    config('{"disks": [{"ro": true}]}',
           ':1:12: disks[0]: no path: name a disk image or a block device, such as "path": "disk.img"'),
    config('{"disks": [{"file": "a.img"}]}', ":1:13: disks[0]: there is no 'file': did you mean 'path'?"),
    config('{"disks": [{"path": "a", "format": "raw"}]}', ":1:26: disks[0]: there is no 'format', but path, id, ro, direct, "
           "cache, discard, lock, queues, transport, serial, bps, iops"),
    config('{"disks": [{"path": "a"}, {"path": "b", "cache": "none"}]}', ":1:50: disks[1].cache: 'none' is no cache mode: "
           "give direct, which goes past the host's page cache"),
    config('{"disks": [{"path": "a", "ro": "on"}]}', ":1:32: disks[0].ro: 'on' is text: give true or false"),
    config('{"disks": [{"path": "a", "queues": 17}]}', ":1:36: disks[0].queues: '17' is not a number of queues: give 1 to "
           "16, or leave it out for one for each CPU"),
    config('{"disks": [{"path": "a", "iops": "500"}]}',
           ":1:34: disks[0].iops: '500' is text: give a whole number, without quotes"),
    config('{"disks": [{"path": "a", "bps": "fast"}]}', ":1:33: disks[0].bps: 'fast' is not bytes a second: give a whole "
           "number and K, M, G or T, such as 100M; 0 is no limit"),
    config('{"disks": [{"path": "/a", "id": "x"}, {"path": "/b", "id": "x"}]}',
           ":1:39: disks[1]: '/b': its id 'x' is that of the disk '/a' already: give another id"),
    config('{"disks": [{"path": "/a"}, {"path": "/a", "ro": true}]}',
           ":1:28: disks[1]: '/a': given twice (as disk0 and disk1): leave one out, or make both ro"),
    config('{"serials": {}}', ':1:13: serials: this is an object: give a list, such as [{"kind": "stdio"}]'),
    config('{"serials": [{}]}', ':1:14: serials[0]: no kind: give "kind": "stdio", "null", "pty", "file", "unix", "tcp" or "mux"'),
    config('{"serials": [{"kind": "vga"}]}', ":1:23: serials[0].kind: 'vga' is no kind of serial line: give stdio, null, pty, "
           "file, unix, tcp or mux"),
    config('{"serials": [{"kind": "tcp"}]}', ':1:14: serials[0]: no port: give one, such as "port": 4000'),
    config('{"serials": [{"kind": "tcp", "port": 23, "host": "192.0.2.1"}]}', ":1:14: serials[0]: other machines could reach "
           "192.0.2.1, and whoever connects has the console: listen at 127.0.0.1 or ::1, or give expose=on if that is meant"),
    config('{"serials": [{"kind": "null", "path": "x"}]}',
           ":1:14: serials[0]: 'path' is for file and unix, not for null: leave it out"),
    config('{"control": true}', ":1:13: control: this is true: give text, in double quotes"),
    config('{"control": {"path": "x"}}', ":1:13: control: this is an object: give text, in double quotes"),
    config('{"control": ""}', ":1:13: control: '' is no path: give that of a socket to be made, or none"),
    config('{"control": "unix:x"}', ":1:13: control: 'unix:x' is no path: write it as a path alone, such as /run/web1.sock"),
    config('{"gdb": "tcp:1234"}', """:1:9: gdb: 'tcp:1234' is text: give an object, such as {"listen": "tcp:1234"}"""),
    config('{"gdb": {"port": 1234}}', ":1:10: gdb: there is no 'port', but listen, wait"),
    config('{"gdb": {"listen": 1234}}', ":1:20: gdb.listen: 1234 is a number: give text, in double quotes"),
    config('{"gdb": {"listen": ":1234"}}', ":1:20: gdb.listen: ':1234' has no kind: write it as tcp:1234"),
    config('{"gdb": {"listen": "tcp:1234", "wait": "yes"}}', ":1:40: gdb.wait: 'yes' is text: give true or false"),
    config('{"lifecycle": "reset"}', ":1:15: lifecycle: 'reset' is text: give an object, in { and }"),
    config('{"lifecycle": {"watchdog": "reset"}}', ":1:16: lifecycle: there is no 'watchdog', but on-reboot, on-panic, on-crash, "
           "on-poweroff, on-watchdog"),
    config('{"lifecycle": {"on-watchdog": "halt"}}', ":1:31: lifecycle.on-watchdog: 'halt' is no action: give reset, stop, "
           "pause or none"),
    config('{"lifecycle": {"on-watchdog": false}}', ":1:31: lifecycle.on-watchdog: this is false: give text, in double "
           "quotes"),
    # Changes to the tree.
    config('{"tree": {"node_update": {}}}', ":1:11: tree: there is no 'node_update': did you mean 'node-update'?"),
    config('{"tree": {"node-update": []}}',
           ':1:26: tree.node-update: this is a list: give an object, such as {"/node": {"prop": "text"}}'),
    config('{"tree": {"node-update": {"/a b": {}}}}',
           ":1:27: tree.node-update: '/a b' is no path of a node: names have letters, digits and , . _ + - @"),
    config('{"tree": {"node-update": {"/soc/": {}}}}', ":1:27: tree.node-update: '/soc/' has a / too many: take it away"),
    config('{"tree": {"node-update": {"/soc": null}}}', ":1:35: tree.node-update./soc: this is null: give properties in { "
           "and }; a node is deleted by tree.delete, or leave it out"),
    config('{"tree": {"node-update": {"/soc": {"a b": 1}}}}',
           ":1:36: tree.node-update./soc: 'a b' is no name of a property: " + PROP),
    config('{"tree": {"delete": "/soc"}}',
           """:1:21: tree.delete: '/soc' is text: give a list of paths, such as ["/soc/serial@1000"]"""),
    config('{"tree": {"delete": ["/"]}}',
           ":1:22: tree.delete[0]: '/' is the root, without which there is no tree: name a node below it"),
    value("false", ": false is no value: null deletes a property, true makes one without a value"),
    value("1.5", ": 1.5 is no whole number: give a whole number"),
    value("-1", ": -1 is negative: give 0 and up, such as 4294967295 for a cell of ones"),
    value("4294967296", ': 0x100000000 has more than the 32 bits of a cell: give {"u64": "0x100000000"} for two cells'),
    value("[]", ": an empty list: a property without a value is true"),
    value('["a", 1]', "[1]: 1 is a number: give text, as the list began with one", 6),
    value('[1, "0x2"]', """[1]: '0x2' is text in a list of numbers: give texts only, or {"cells": [...]}, where a """
          "text is a number", 4),
    value("{}", ": 0 keys: give one of u64, cells, bytes, phandle, prepend"),
    value('{"byte": "00"}', ": there is no 'byte': did you mean 'bytes'?", 1),
    value('{"u64": "0x1g"}', """.u64: '0x1g' is no number of up to 64 bits: give one such as "0x1000" or 4096""", 8),
    value('{"cells": []}', '.cells: no cells: give a list, such as ["0x10", 2]', 10),
    value('{"bytes": "abc"}', """.bytes: 'abc' has no byte at 'c': give two hexadecimal digits each, such as """
          '"de ad be ef"', 10),
    value('{"phandle": 1}', '.phandle: 1 is a number: give the path of a node, such as "/soc/pic@40000"', 12),
    value('{"prepend": []}', ".prepend: no texts: give one, or a list of them", 12),
]


def with_limit(kind, value):
    return lambda: resource.setrlimit(kind, (value, value))


# (name, preexec, wrapper command, arguments, exit statuses, what the line must say)
HOST_CASES = [
    ("machine of a file", None, [], ["run", "{D}/guest.json"], {OK}, "^$"),
    ("machine of a file and options", None, [],
     ["run", "{D}/overridden.json", "-k", "{D}/guest", "-a", "poweroff", "-m", "16M", "-c", "1"], {OK}, "^$"),
    ("address space too small", with_limit(resource.RLIMIT_AS, 200 * MIB), [],
     ["run", "-k", GUEST, "-m", "1G"], {HOST}, "1G.*ulimit -v"),
    ("too few descriptors", with_limit(resource.RLIMIT_NOFILE, 6), [], ["run", "-k", GUEST], {HOST}, "ulimit -n"),
    ("locked memory limit 0", with_limit(resource.RLIMIT_MEMLOCK, 0), [],
     ["run", "-k", GUEST, "-a", "poweroff"], {OK, HOST}, "ulimit -l|^$"),
    ("/dev/kvm absent", None, ["unshare", "-m", "sh", "-c", "mount -t tmpfs none /dev && mknod /dev/null c 1 3 && "
     'exec "$@"', "sh"], ["run", "-k", GUEST], {HOST}, "/dev/kvm.*(No such file).*doctor|/dev/kvm.*doctor.*No such file"),
    ("/dev/kvm is something else", None, ["unshare", "-m", "sh", "-c", "mount --bind /dev/null /dev/kvm && "
     'exec "$@"', "sh"], ["run", "-k", GUEST], {HOST}, "/dev/kvm"),
    ("/dev/kvm forbidden", None, ["unshare", "-m", "sh", "-c", "mount -t tmpfs -o dev none /dev && mknod -m 600 /dev/kvm c 10 232 && "
     'mknod -m 666 /dev/null c 1 3 && exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"', "sh"],
     ["run", "-k", "{D}/guest"], {HOST}, "/dev/kvm.*group.*"),
    ("kernel unreadable", None, ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"],
     ["run", "-k", "{D}/secret"], {USAGE}, "kernel: {D}/secret.*Permission denied"),
]


class Failure(Exception):
    pass


class NeedsKvm(Exception):
    """A run that would go wrong later does so at /dev/kvm already."""


def prepare(folder):
    for name, content in FILES.items():
        with open(f"{folder}/{name}", "wb") as file:
            file.write(content)
    with open(GUEST, "rb") as source, open(f"{folder}/guest", "wb") as target:
        target.write(source.read())
    with open(f"{folder}/sparse", "wb") as file:
        file.truncate(300 * MIB)
    with open(f"{folder}/secret", "wb") as file:
        file.write(FILES["good"])
    os.chmod(f"{folder}/secret", 0)
    os.chmod(folder, 0o755)
    os.mkfifo(f"{folder}/fifo")
    os.symlink("loop", f"{folder}/loop")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(f"{folder}/socket")


def run(arguments, wrapper=(), preexec=None):
    process = subprocess.Popen([*wrapper, IOLITE, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, preexec_fn=preexec)
    try:
        out, err = process.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise Failure(f"took more than {LIMIT} s")
    return process.returncode, out.decode(errors="replace"), err.decode(errors="replace")


def judge(folder, result, statuses, pattern):
    status, out, err = result
    if not HAS_KVM and HOST not in statuses and "cannot open /dev/kvm" in err:
        raise NeedsKvm
    if status < 0:
        raise Failure(f"killed by {signal.Signals(-status).name}: {err}")
    if status not in statuses:
        raise Failure(f"exit status {status}, not {statuses}: {err}")
    if status != OK and out:
        raise Failure(f"wrote to standard output: {out!r}")
    if status != OK and (err.count("\n") != 1 or not err.startswith("iolite: ")):
        raise Failure(f"not one line: {err!r}")
    if re.search(r"[\x00-\x09\x0b-\x1f\x7f]", err):
        raise Failure(f"control characters in the message: {err!r}")
    if not re.search(pattern.replace("{D}", re.escape(folder)), err, re.S):
        raise Failure(f"does not say {pattern!r}: {err!r}")


def sanitized():
    """AddressSanitizer reserves terabytes of address space: no limit of it can be set."""
    with open(IOLITE, "rb") as file:
        return b"__asan_init" in file.read()


def available(wrapper):
    """Whether a wrapper's privileges are there, judged by running it on /bin/true."""
    if not wrapper:
        return True
    return subprocess.run([*wrapper, "/bin/true"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False).returncode == 0


def main():
    passed, failed, skipped = 0, 0, 0
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as there, socket.socket() as port:
        prepare(folder)
        # Somebody else's.
        there.bind(f"{folder}/listens")
        there.listen()
        port.bind(("127.0.0.1", 0))
        port.listen()
        number = str(port.getsockname()[1])
        before = sorted(os.listdir(folder))
        cases = [(name, None, [], arguments, {status}, pattern) for name, arguments, status, pattern in CASES]
        for name, preexec, wrapper, arguments, statuses, pattern in cases + HOST_CASES:
            needs_kvm = statuses & {HOST, OK} and not wrapper and arguments[0] == "run"
            if (needs_kvm and not HAS_KVM) or not available(wrapper):
                print(f"SKIP {name}: needs {'/dev/kvm' if needs_kvm else 'root and a mount namespace'}")
                skipped += 1
                continue
            if name == "address space too small" and sanitized():
                print(f"SKIP {name}: the program is built with AddressSanitizer")
                skipped += 1
                continue
            try:
                arguments = [argument.replace("{D}", folder).replace("{PORT}", number) for argument in arguments]
                pattern = pattern.replace("{PORT}", number)
                judge(folder, run(arguments, wrapper, preexec), statuses, pattern)
                passed += 1
            except NeedsKvm:
                print(f"SKIP {name}: needs /dev/kvm")
                skipped += 1
            except Failure as failure:
                print(f"FAIL {name}: {failure}")
                failed += 1
        if sorted(os.listdir(folder)) != before:
            print(f"FAIL files were left behind: {sorted(set(os.listdir(folder)) - set(before))}")
            failed += 1
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0 if passed else SKIPPED


if __name__ == "__main__":
    sys.exit(main())
