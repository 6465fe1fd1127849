#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`iolite dtb`: a file and options that say the same give the same tree; changes that a file asks for are in it; the output
is whole or not there.

  check_dtb.py IOLITE
"""

import json
import os
import re
import pty
import resource
import signal
import stat
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tree"))
import flat_tree  # noqa: E402

IOLITE = os.path.abspath(sys.argv[1])
LIMIT = 30
ARCHES = subprocess.run([IOLITE, "dtb", "--arch", "none"], capture_output=True, text=True, check=False, timeout=LIMIT)
ARCHES = ARCHES.stderr.split(": give ")[1].replace(" or ", ", ").strip().split(", ")


class Failure(Exception):
    pass


def expect(what, got, wanted):
    if got != wanted:
        raise Failure(f"{what} is {got!r}, not {wanted!r}")


def run(*arguments, status=0, preexec=None, stdout=subprocess.PIPE):
    """Standard output as bytes, or standard error as text where @status is not 0."""
    result = subprocess.run([IOLITE, "dtb", *arguments], stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE,
                            timeout=LIMIT, check=False, preexec_fn=preexec)
    if result.returncode != status:
        raise Failure(f"{arguments}: status {result.returncode}, not {status}: {result.stderr!r}")
    return result.stderr.decode() if status else result.stdout


def make(folder, config):
    with open(f"{folder}/web.json", "w", encoding="utf-8") as file:
        json.dump(config, file)
    return f"{folder}/web.json"


def tree(*arguments):
    """Path of each node -> its properties."""
    blob = run("--format", "dtb", *arguments)
    expect("total size", int.from_bytes(blob[4:8], "big"), len(blob))
    return {node.path: node.props for node in flat_tree.read(blob)[0].walk()}


# --- what is in the tree ---

def file_and_options_agree(folder):
    machines = [
        ({}, []),
        ({"name": "web1", "serials": [{"kind": "null"}]}, ["-s", "null"]),
        ({"cpus": 3, "memory": "1G"}, ["-c", "3", "-m", "1G"]),
        ({"memory": 67108864, "boot": {"cmdline": "a b"}}, ["-m", "64M", "-a", "a b"]),
        ({"disks": [{"path": "a", "transport": "mmio"}, {"path": "b,c"}, {"path": "d", "transport": "mmio"}]},
         ["-d", "a,transport=mmio", "-d", "b,,c", "-d", "d,transport=mmio"]),
    ]
    for arch in ARCHES:
        for config, options in machines:
            path = make(folder, config)
            wanted = run("--arch", arch, *options)
            expect(f"the tree of {config} on {arch}", run("--arch", arch, path), wanted)
            # The option in front of the file means the same as behind.
            expect("the tree", run(path, "--arch", arch), wanted)


def options_go_on_top(folder):
    path = make(folder, {"cpus": 4, "memory": "1G", "boot": {"cmdline": "old"}, "disks": [{"path": "a", "transport": "mmio"}]})
    for arch in ARCHES:
        got = run("--arch", arch, path, "-c", "2", "-m", "64M", "-a", "new", "-d", "b,transport=mmio")
        expect(f"the tree on {arch}", got, run("--arch", arch, "-c", "2", "-m", "64M", "-a", "new", "-d", "a,transport=mmio",
                                               "-d", "b,transport=mmio"))


def changes_are_made(folder):
    for arch in ARCHES:
        before = tree("--arch", arch)
        console = before["/aliases"]["serial0"].rstrip(b"\0").decode()
        path = make(folder, {"tree": {
            "delete": ["/goes/away"],
            "node-update": {
                "/": {"model": "mine", "acme,list": ["a", "bc"], "acme,flag": True},
                "/deep/new/node": {},
                "/goes/away/too": {"x": 1},
                "serial0": {"acme,cell": 258, "acme,cells": [1, {"phandle": "/deep"}, 2], "compatible": {"prepend": "acme,uart"},
                            "acme,u64": {"u64": "0x1ffffffff"}, "acme,hex": {"cells": ["0x10", {"u64": 3}]},
                            "acme,bytes": {"bytes": "de ad be"}, "acme,handle": {"phandle": "/deep/new"}},
                "/chosen": {"stdout-path": None}}}})
        after = tree("--arch", arch, path)
        handle = after["/deep"]["phandle"]
        uart = after[console]
        expect("model", after["/"]["model"], b"mine\0")
        expect("list", after["/"]["acme,list"], b"a\0bc\0")
        expect("flag", after["/"]["acme,flag"], b"")
        expect("a new node", after["/deep/new/node"], {})
        expect("nodes that went away", sorted(n for n in after if n.startswith("/goes")), ["/goes"])
        expect("cell", uart["acme,cell"], b"\0\0\1\2")
        expect("cells", uart["acme,cells"], b"\0\0\0\1" + handle + b"\0\0\0\2")
        expect("compatible", uart["compatible"], b"acme,uart\0" + before[console]["compatible"])
        expect("u64", uart["acme,u64"], b"\0\0\0\1\xff\xff\xff\xff")
        expect("hexadecimal cells", uart["acme,hex"], bytes([0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 3]))
        expect("bytes", uart["acme,bytes"], b"\xde\xad\xbe")
        expect("phandle", uart["acme,handle"], after["/deep/new"]["phandle"])
        expect("/chosen", after["/chosen"], {k: v for k, v in before["/chosen"].items() if k != "stdout-path"})


def wrong_changes_are_told(folder):
    for change, place in (({"delete": ["/nowhere"]}, "tree.delete[0]"),
                          ({"node-update": {"/chosen": {"nothing": None}}}, "tree.node-update./chosen.nothing"),
                          ({"node-update": {"/chosen": {"x": {"phandle": "/nowhere"}}}}, "tree.node-update./chosen.x"),
                          ({"node-update": {"/chosen": {"x": {"prepend": "a"}}}}, "tree.node-update./chosen.x"),
                          ({"node-update": {"nobody": {"x": 1}}}, "tree.node-update.nobody.x")):
        path = make(folder, {"tree": change})
        said = run(path, "-o", f"{folder}/out.dtb", status=2)
        start = re.escape(f"iolite: dtb: {path}") + ":1:[0-9]+: " + re.escape(place) + ": "
        if not re.match(start, said) or said.count("\n") != 1:
            raise Failure(f"{change}: it says {said!r}")
        expect("files", sorted(os.listdir(folder)), ["web.json"])


# --- where the tree goes ---

def formats(folder):
    source = run()
    if not source.startswith(b"/dts-v1/;\n"):
        raise Failure(f"the source begins with {source[:40]!r}")
    binary = run("--format", "dtb")
    flat_tree.read(binary)
    for name, options, wanted in (("x.dts", [], source), ("x.dtb", [], binary), ("x", [], source),
                                  ("y.dtb", ["--format", "dts"], source), ("y", ["--format", "dtb"], binary)):
        expect("standard output", run("-o", f"{folder}/{name}", *options), b"")
        with open(f"{folder}/{name}", "rb") as file:
            expect(f"{name} {options}", file.read(), wanted)


def no_binary_to_a_terminal(_folder):
    master, slave = pty.openpty()
    said = run("--format", "dtb", stdout=slave, status=2)
    expect("the message", said, "iolite: dtb: --format: a binary tree is nothing for a terminal: name a file with -o\n")
    run(stdout=slave)
    expect("the beginning of the source", os.read(master, 9), b"/dts-v1/;")
    os.close(master)
    os.close(slave)


def a_new_file_has_the_usual_permissions(folder):
    run("-o", f"{folder}/x", preexec=lambda: os.umask(0o027))
    expect("permissions", stat.S_IMODE(os.stat(f"{folder}/x").st_mode), 0o640)


def an_old_file_is_replaced(folder):
    with open(f"{folder}/x", "w", encoding="utf-8") as file:
        file.write("old " * 10000)
        os.chmod(file.fileno(), 0o604)
    os.symlink("x", f"{folder}/link")
    run("-o", f"{folder}/link")
    expect("the link", os.readlink(f"{folder}/link"), "x")
    expect("permissions", stat.S_IMODE(os.stat(f"{folder}/x").st_mode), 0o604)
    with open(f"{folder}/x", "rb") as file:
        expect("the file", file.read(), run())


def a_failure_leaves_the_old_file(folder):
    def small_files_only():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    with open(f"{folder}/x", "w", encoding="utf-8") as file:
        file.write("old")
    said = run("-o", f"{folder}/x", preexec=small_files_only, status=1)
    expect("the message", said, f"iolite: dtb: {folder}/x: File too large\n")
    with open(f"{folder}/x", encoding="utf-8") as file:
        expect("the file", file.read(), "old")
    expect("files", os.listdir(folder), ["x"])


def what_is_no_file_stays(folder):
    run("-o", "/dev/null")
    expect("/dev/null is a device", stat.S_ISCHR(os.stat("/dev/null").st_mode), True)
    os.mkfifo(f"{folder}/fifo")
    got = []

    def reader():
        with open(f"{folder}/fifo", "rb") as file:
            got.append(file.read())

    thread = threading.Thread(target=reader, daemon=True)
    thread.start()
    run("-o", f"{folder}/fifo")
    thread.join(LIMIT)
    expect("what went through the pipe", got, [run()])


CASES = [
    file_and_options_agree, options_go_on_top, changes_are_made, wrong_changes_are_told, formats, no_binary_to_a_terminal,
    a_new_file_has_the_usual_permissions, an_old_file_is_replaced, a_failure_leaves_the_old_file, what_is_no_file_stays,
]


def main():
    failed = 0
    for case in CASES:
        name = case.__name__.replace("_", " ")
        try:
            with tempfile.TemporaryDirectory() as folder:
                case(folder)
            print(f"PASS {name}")
        except (Failure, LookupError, subprocess.TimeoutExpired) as failure:
            print(f"FAIL {name}: {failure}")
            failed += 1
    print(f"{len(CASES) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
