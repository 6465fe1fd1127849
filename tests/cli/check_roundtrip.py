#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What --dry-run prints is the configuration: read again it gives the same, byte for byte, and the same device tree. The
shipped JSON Schema is what the program's tables give, and takes the examples; iolite-config(5) has each of its keys.

  check_roundtrip.py IOLITE
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

IOLITE = os.path.abspath(sys.argv[1])
ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "docs/iolite-config.schema.json"
FAILED = []
ARCHES = ("x86_64", "aarch64", "powerpc")

# What options and --set say on top of a file, and what shows of it: (arguments, keys, value).
OVERRIDES = [
    (["--set", "boot.cmdline=quiet"], ("boot", "cmdline"), "quiet"),
    (["--set", "disks[0].direct=true"], ("disks", 0, "direct"), True),
    (["--set", "memory=2G"], ("memory",), "2G"),
    (["--set", "memory=1048576"], ("memory",), "1M"),
    (["--set", "lifecycle.on-watchdog=none"], ("lifecycle", "on-watchdog"), "none"),
    (["--watchdog", "i6300esb"], ("watchdog",), {"kind": "i6300esb"}),
    (["--watchdog", "i6300esb,autostart=7"], ("watchdog", "autostart"), 7),
    (["--set", "watchdog.kind=i6300esb", "--set", "watchdog.autostart=2046"], ("watchdog", "autostart"), 2046),
    (["--set", "watchdog.kind=i6300esb", "--set", "watchdog.autostart=9", "--watchdog", "i6300esb"], ("watchdog",), {"kind": "i6300esb"}),
    (["--set", 'name="7"'], ("name",), "7"),
    (["--set", "cpus=3", "--set", "cpus=4"], ("cpus",), 4),
    (["--set", "cpus=3"], ("disks", 0, "queues"), 3),
    (["--set", "cpus=3", "-c", "5"], ("cpus",), 5),
    (["--set", "disks[2]={\"path\": \"more.img\"}"], ("disks", 2, "id"), "disk2"),
    (["--set", "disks[2].path=/more.img"], ("disks", 2, "path"), "/more.img"),
    (["--set", 'tree.node-update."/a.b".p=[1, 2]'], ("tree", "node-update", "/a.b", "p"), [1, 2]),
    (["--set", "gdb.listen=tcp:1234"], ("gdb", "listen"), "tcp:127.0.0.1:1234"),
    (["--set", "gdb.listen=unix:/a,,b"], ("gdb", "listen"), "unix:/a,,b"),
    (["-d", "/x,,y,ro"], ("disks", 2, "path"), "/x,y"),
    (["-s", "pty,link=/l"], ("serials", 0, "link"), "/l"),
    (["-n", "none,mac=52:54:00:00:00:09"], ("nets", 1, "mac"), "52:54:00:00:00:09"),
    (["--console", "tcp:[::1]:4000"], ("console", "host"), "::1"),
    (["-c", "1,pin=7"], ("cpus", "pin"), 7),
    (["-c", "1,pin=7:"], ("cpus", "pin"), [7]),
    (["--set", 'cpus={"pin": [7]}'], ("cpus", "pin"), [7]),
    (["--set", "cpus=1", "--set", "cpus.pin=[7]"], ("cpus", "pin"), [7]),
    (["--set", "cpus=3", "--set", "cpus.pin=7"], ("cpus", "count"), 3),
    (["--set", "memory=3G", "--set", "memory.lock=true"], ("memory", "size"), "3G"),
    (["--set", "memory.lock=true"], ("memory", "lock"), True),
    (["-c", "2,pin=2:3-4,,8"], ("cpus", "pin"), [2, "3-4,8"]),
    (["-c", "2,pin=8,,2-4"], ("cpus", "pin"), "2-4,8"),
    # A set is written whole, however long it is.
    (["-c", "2,pin=" + ",,".join(str(cpu) for cpu in range(0, 1024, 2))], ("cpus", "pin"), ",".join(map(str, range(0, 1024, 2)))),
    (["-c", "2,pin=2,loop-pin=0"], ("cpus", "loop-pin"), 0),
    (["-c", "2,pin=2"], ("cpus", "loop-pin"), "none"),
    (["-c", "2,pin=2"], ("cpus", "policy"), "default"),
    (["-c", "2,policy=rr:7"], ("cpus", "policy"), "rr:7"),
    (["-c", "2,pin=2", "-c", "2,pin=none"], ("cpus",), 2),
    (["-m", "2G,hugepages=1G"], ("memory", "hugepages"), "1G"),
    (["-m", "2G,hugepages=1G"], ("memory", "size"), "2G"),
    (["-m", "2G,hugepages=transparent"], ("memory", "node"), "none"),
    (["-m", "2G,node=0:2-3"], ("memory", "node"), "0,2-3"),
    (["-m", "2G,lock", "-m", "2G,lock=off"], ("memory",), "2G"),
    (["--control", "none"], ("control",), "none"),
    (["--control", "./none"], ("control",), os.path.join(os.getcwd(), "./none")),
    (["--set", "control=x.sock"], ("control",), os.path.join(os.getcwd(), "x.sock")),
    (["--jail", "user=vm:kvm"], ("jail",), {"user": "vm", "group": "kvm"}),
    (["--jail", "user=vm,chroot=x"], ("jail", "chroot"), os.path.join(os.getcwd(), "x")),
    (["--set", "jail.netns=/proc/1/ns/net"], ("jail", "netns"), "/proc/1/ns/net"),
    (["-m", "1G,dump"], ("memory", "dump"), True),
    (["--sandbox", "off"], ("sandbox",), "off"),
    (["--set", "sandbox=log"], ("sandbox",), "log"),
    (["--sandbox", "log", "--sandbox", "on"], ("sandbox",), "on"),
    (["--on-panic", "pause"], ("lifecycle", "on-panic"), "pause"),
    (["--on-reboot", "exit"], ("lifecycle", "on-reboot"), "exit"),
    (["--set", "lifecycle.on-crash=reset"], ("lifecycle", "on-crash"), "reset"),
    (["--set", "lifecycle.on-poweroff=pause"], ("lifecycle", "on-poweroff"), "pause"),
]

# Keys that no example has, for they depend on the host's architecture or on files that are there.
RARE = {
    "machine": "pc",
    "boot": {"kernel": "/k", "kernel-address": "0x100000", "dtb": "/d", "dtb-overlays": ["/a.dtbo", "/b.dtbo"]},
}


def run(*arguments, cwd=None):
    result = subprocess.run([IOLITE, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            timeout=30, check=False, cwd=cwd)
    if result.returncode or result.stderr:
        FAILED.append(f"iolite {' '.join(map(str, arguments))}: status {result.returncode}, says {result.stderr!r}")
    return result.stdout


def tree_of(text, folder):
    """The device trees of a configuration; kernels and initrds are not there."""
    whole = json.loads(text)
    for key in ("kernel", "initrd"):
        whole.get("boot", {}).pop(key, None)
    (folder / "tree.json").write_text(json.dumps(whole))
    return [run("dtb", "--arch", arch, folder / "tree.json") for arch in ARCHES]


def check_example(path, folder):
    first = run("run", "--dry-run", path)
    (folder / "first.json").write_text(first)
    # From another folder: nothing depends on where it is started.
    if run("run", "--dry-run", folder / "first.json", cwd="/") != first:
        FAILED.append(f"{path}: --dry-run of what --dry-run printed is something else")
    if run("check", path) != f"{path}: no mistakes\n":
        FAILED.append(f"{path}: check finds mistakes")
    if tree_of(path.read_text(), folder) != tree_of(first, folder):
        FAILED.append(f"{path}: the tree of what --dry-run printed is another one")
    # Whatever the file says, the whole has, but for paths that are now from the root.
    check_within(path.name, json.loads(path.read_text()), json.loads(first))


def check_rare(folder):
    (folder / "rare.json").write_text(json.dumps(RARE))
    first = run("run", "--dry-run", folder / "rare.json")
    (folder / "first.json").write_text(first)
    if run("run", "--dry-run", folder / "first.json") != first:
        FAILED.append("rare keys: --dry-run of what --dry-run printed is something else")
    check_within("rare", RARE, json.loads(first))


def used_keys(value):
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from used_keys(item)
    elif isinstance(value, list):
        for item in value:
            yield from used_keys(item)


def check_within(place, said, whole):
    if place.endswith(".tree") or (isinstance(said, str) and whole == os.path.join(ROOT / "examples", said)):
        return
    if isinstance(said, dict) and isinstance(whole, dict):
        for key, value in said.items():
            check_within(f"{place}.{key}", value, whole.get(key))
    elif isinstance(said, list) and isinstance(whole, list) and len(said) == len(whole):
        for i, value in enumerate(said):
            check_within(f"{place}[{i}]", value, whole[i])
    elif said != whole:
        FAILED.append(f"{place}: the file has {said!r}, --dry-run {whole!r}")


def check_overrides():
    for arguments, keys, wanted in OVERRIDES:
        found = run("run", "--dry-run", ROOT / "examples/web.json", *arguments)
        try:
            found = json.loads(found)
            for key in keys:
                found = found[key]
        except (LookupError, ValueError) as error:
            found = error
        if found != wanted:
            FAILED.append(f"{arguments}: {keys} is {found!r}, not {wanted!r}")


def check_not_utf8():
    """A file's name may be any bytes, which JSON cannot say: nothing is printed without it."""
    for arguments, place in (
        ([b"-k", b"\x8e"], "boot.kernel"),
        ([b"-k", b"k", b"-d", b"a", b"-d", b"b\xff"], "disks[1].path"),
        ([b"-k", b"k", b"--dtb-overlay", b"\xc3"], "boot.dtb-overlays[0]"),
        ([b"-k", b"k", b"-a", b"caf\xe9"], "boot.cmdline"),
    ):
        result = subprocess.run([IOLITE.encode(), b"run", b"--dry-run", *arguments], stdin=subprocess.DEVNULL,
                                capture_output=True, timeout=30, check=False)
        wanted = f"iolite: run: --dry-run: {place}: is not UTF-8, which JSON is: give a text in that encoding\n"
        if result.returncode != 2 or result.stdout or result.stderr != wanted.encode():
            FAILED.append(f"{arguments}: status {result.returncode}, prints {result.stdout!r}, says {result.stderr!r}")


def check_nothing_made():
    """What is to be done with a process is no part of a machine: check and --dry-run take it, and nothing comes of it."""
    with tempfile.TemporaryDirectory() as folder:
        own = ["--daemonize", "--pidfile", "pid", "--log-file", "log", "--control", "control", "-k", "kernel", "--name", "x"]
        plain = run("run", "--dry-run", *own[5:], cwd=folder)
        if run("run", "--dry-run", *own, cwd=folder) != plain or json.loads(plain)["control"] != f"{folder}/control":
            FAILED.append(f"{own}: --dry-run prints something else than without what is the process's")
        if run("check", *own, cwd=folder) != "no mistakes\n":
            FAILED.append(f"{own}: check finds mistakes")
        if os.listdir(folder):
            FAILED.append(f"{own}: made {os.listdir(folder)}")
        # Where a control socket is that has no place of its own is the matter of who starts the machine.
        plain = run("run", "--dry-run", "-k", "kernel", "--name", "x", cwd=folder)
        if json.loads(plain)["name"] != "x" or "control" in json.loads(plain):
            FAILED.append(f"--dry-run writes a place of the control socket that nobody gave: {plain}")


def mistakes_of(schema, value, place="the whole"):
    """As much of draft 2020-12 as the schema uses."""
    if "oneOf" in schema:
        each = [list(mistakes_of(one, value, place)) for one in schema["oneOf"]]
        if sum(not found for found in each) != 1:
            yield f"{place}: {each}"
        return
    types = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "null": type(None)}
    names = schema.get("type", list(types))
    names = [names] if isinstance(names, str) else names
    if not any(isinstance(value, types[name]) and (name == "boolean" or not isinstance(value, bool)) for name in names):
        yield f"{place}: {value!r} is no {names}"
        return
    if "enum" in schema and value not in schema["enum"] or value != schema.get("const", value):
        yield f"{place}: {value!r}"
    if isinstance(value, int) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{place}: {value} is out of range"
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        yield f"{place}: {value!r} does not match"
    if isinstance(value, list):
        if len(value) > schema.get("maxItems", len(value)):
            yield f"{place}: too many"
        for i, item in enumerate(value):
            yield from mistakes_of(schema.get("items", {}), item, f"{place}[{i}]")
    if isinstance(value, dict):
        rest = schema.get("additionalProperties", {})
        for key, item in value.items():
            one = schema.get("properties", {}).get(key, rest)
            if one is False:
                yield f"{place}: no {key}"
            else:
                yield from mistakes_of(one, item, f"{place}.{key}")
        for key in schema.get("required", ()):
            if key not in value:
                yield f"{place}: {key} is missing"


def keys_of(schema):
    for key, value in schema.get("properties", {}).items():
        yield key
        yield from keys_of(value)
    for one in schema.get("oneOf", ()):
        yield from keys_of(one)
    if "items" in schema:
        yield from keys_of(schema["items"])


def check_schema(examples):
    shipped = SCHEMA.read_text()
    if run("check", "--schema") != shipped:
        FAILED.append(f"{SCHEMA} is not what `iolite check --schema` prints: make it anew")
    schema = json.loads(shipped)
    for path in examples:
        FAILED.extend(f"{path}: the schema refuses {found}" for found in mistakes_of(schema, json.loads(path.read_text())))
        whole = json.loads(run("run", "--dry-run", path))
        FAILED.extend(f"{path}: the schema refuses --dry-run's {found}" for found in mistakes_of(schema, whole))
    # What --dry-run must not lose, it is held to by an example.
    used = set(used_keys(RARE)).union(*(used_keys(json.loads(path.read_text())) for path in examples))
    FAILED.extend(f"no example has the key {key}" for key in sorted(set(keys_of(schema)) - used))
    for wrong in ({"cpus": 0}, {"cpus": True}, {"disks": [{}]}, {"nets": [{"kind": "user", "ifname": "x"}]}, {"cpu": 1},
                  {"memory": "1X"}, {"cpus": {"count": 65}}, {"cpus": {"pin": True}}, {"cpus": {"pin": [[1]]}}, {"cpus": {"node": 0}},
                  {"cpus": [2]}, {"memory": {"lock": "on"}}, {"memory": {"size": "1X"}}, {"memory": [1]}, {"control": True},
                  {"lifecycle": {"on-poweroff": "reset"}}, {"lifecycle": {"on-panic": "stop"}}, {"serials": [{"kind": "x"}]}, {"lifecycle": {"on-watchdog": "x"}}, {"watchdog": {}}, {"watchdog": {"kind": "x"}},
                  {"watchdog": {"kind": "i6300esb", "autostart": 0}}, {"watchdog": {"kind": "i6300esb", "action": "reset"}}):
        if not list(mistakes_of(schema, wrong)):
            FAILED.append(f"the schema takes {wrong}")
    pages = "".join((ROOT / "docs/man" / name).read_text().replace("\\-", "-")
                    for name in ("iolite-config.5", "iolite-run.1"))
    for key in sorted(set(keys_of(schema))):
        if not re.search(rf"(?<![\w-]){re.escape(key)}(?![\w-])", pages):
            FAILED.append(f"the manual pages lack the key {key}")
    return len(set(keys_of(schema)))


def main():
    examples = sorted((ROOT / "examples").glob("*.json"))
    with tempfile.TemporaryDirectory() as folder:
        for path in examples:
            check_example(path, pathlib.Path(folder))
        check_rare(pathlib.Path(folder))
    check_overrides()
    check_not_utf8()
    check_nothing_made()
    keys = check_schema(examples)
    for line in FAILED:
        print("FAIL", line)
    print(f"{len(examples)} examples, {len(OVERRIDES)} changes, {keys} keys, {len(FAILED)} failed")
    return 1 if FAILED or len(examples) < 5 else 0


if __name__ == "__main__":
    sys.exit(main())
