#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Help, manual pages and program say the same.

  check_help.py IOLITE
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

MAN = pathlib.Path(__file__).resolve().parents[2] / "docs/man"


def run(*arguments):
    result = subprocess.run([sys.argv[1], *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            timeout=20, check=False)
    if result.returncode or result.stderr:
        sys.exit(f"FAIL iolite {' '.join(arguments)}: status {result.returncode}, says {result.stderr!r}")
    return result.stdout


def refusal(*arguments):
    """What the program says to options that it does not take."""
    result = subprocess.run([sys.argv[1], *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            timeout=20, check=False)
    # an emulated host has no such filters, which is its fault
    if result.returncode != (1 if result.stderr.startswith("iolite: run: --sandbox: ") else 2):
        sys.exit(f"FAIL iolite {' '.join(arguments)}: status {result.returncode}, not 2")
    return result.stderr


def page(name, section=1):
    text = (MAN / f"{name}.{section}").read_text(encoding="utf-8")
    for escape, plain in (("\\-", "-"), ("\\fI", ""), ("\\fB", ""), ("\\fR", "")):
        text = text.replace(escape, plain)
    return text


def option_names(text):
    """(short or "", long) of each option that a help tells of."""
    return re.findall(r"^  (?:-(\w), )?--([\w-]+)", text, re.M)


def check_options(verb, pages, without=()):
    """Options of a verb are in its manual pages, and the other way round; @without are told of there as not its own."""
    failed = []
    options = run("help", verb)
    if run(verb, "--help") != options:
        failed.append(f"iolite {verb} --help is not iolite help {verb}")
    names = option_names(options)
    manual = "".join(page(name) for name in pages)
    for short, name in names:
        if f"--{name}" not in manual or (short and f".BR -{short} " not in manual):
            failed.append(f"{', '.join(pages)} lack -{short}, --{name}")
    for name in re.findall(r"(?:^\.BI |\" )--([\w-]+)", manual, re.M):
        if (name in [n for _, n in names]) == (name in without):
            failed.append(f"{', '.join(pages)} tell of --{name}, which is no option of {verb}")
    for mentioned in re.findall(r"^  iolite \w+ .*$", options, re.M):
        for name in re.findall(r" --([\w-]+)", mentioned):
            if name not in [n for _, n in names]:
                failed.append(f"an example of {verb} has --{name}, which is no option")
    return len(names), failed


# Where an example of iolite-config(5) stands in a file.
EXAMPLES = {
    "KEYS": "{%s}",
    "CPUS": '{"cpus": {%s}}',
    "MEMORY": '{"memory": {%s}}',
    "BOOT": '{"boot": {%s}}',
    "DISKS": '{"disks": [{"path": "other.img", %s}]}',
    "path": '{"disks": [{%s}]}',
    "SERIALS": '{"serials": [{%s}]}',
    "GDB": '{"gdb": {%s}}',
    "JAIL": '{"jail": {%s}}',
    "LIFECYCLE": '{"lifecycle": {%s}}',
    "TREE": '{"tree": {%s}}',
    "Values of properties": '{"tree": {"node-update": {"/node": {%s}}}}',
    "EXAMPLE": "%s",
}


def config_refusal(text):
    """What the program says to a file, with a kernel that is nowhere."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(text)
        file.flush()
        return refusal("run", file.name, "-k", "/nowhere/kernel")


def check_config():
    """Every key of a file is in iolite-config(5) with an example that the program takes."""
    failed, count = [], 0
    # Each name, with the example under it.
    told = {}
    for title, text in re.findall(r'^\.S[HS] "?([\w ]+?)"?\n(.*?)(?=^\.S[HS]|\Z)', page("iolite-config", 5), re.M | re.S):
        told[title] = []
        for item in re.split(r"^\.TP\n", text, flags=re.M)[title != "EXAMPLE":]:
            if title not in EXAMPLES:
                continue
            name = re.sub(r"^\.\w+ ", "", item.splitlines()[0])
            example = re.search(r"^\.EX\n(.*?)^\.EE", item, re.M | re.S)
            told[title].append(name)
            if not example:
                failed.append(f"iolite-config.5 has no example of {name}")
                continue
            count += 1
            file = EXAMPLES.get(name if title == "DISKS" else title, EXAMPLES[title]) % example[1]
            said = config_refusal(file)
            # Users and namespaces of examples need not be there, and are looked for first.
            absent = re.match(r"iolite: run: (jail: (user|netns): .*make it|--sandbox: .*filters of system calls)", said)
            if "/nowhere/kernel: name a file that is there: No such file" not in said and not absent:
                failed.append(f"iolite-config.5, {title}, {name}: {said}")
            elif title not in ("EXAMPLE", "Values of properties") and name not in example[1]:
                failed.append(f"iolite-config.5, {title}: the example of {name} is of something else")
    unknown = {"unheard-of-key": 1}
    for title, file in (("KEYS", unknown), ("BOOT", {"boot": unknown}), ("DISKS", {"disks": [unknown]}),
                        ("CPUS", {"cpus": unknown}), ("MEMORY", {"memory": unknown}),
                        ("SERIALS", {"serials": [unknown]}),
                        ("GDB", {"gdb": unknown}), ("JAIL", {"jail": unknown}), ("LIFECYCLE", {"lifecycle": unknown}), ("TREE", {"tree": unknown})):
        keys = re.search(r"but (.*)$", config_refusal(json.dumps(file)))[1].split(", ")
        if sorted(keys) != sorted(told[title]):
            failed.append(f"the program knows the keys {keys}, iolite-config.5 {told[title]}")
    forms = config_refusal(json.dumps({"tree": {"node-update": {"/x": {"p": unknown}}}}))
    for form in re.search(r"but (.*)$", forms)[1].split(", "):
        if form not in told["Values of properties"]:
            failed.append(f"iolite-config.5 lacks the value {form}")
    if count < 55:
        failed.append(f"found only {count} examples in iolite-config.5")
    return count, failed


def check_networks(told, manual):
    """Help, manual and the program's own messages agree on the kinds of networks and their keys."""
    failed = []
    section = manual[manual.index(".SH NETWORKS"):manual.index(".SH TERMINAL")]
    kinds = re.search(r"but (.*)$", refusal("run", "-k", "none", "-n", "unheard-of"))[1].split(", ")
    in_help = re.findall(r"^  ([a-z]+)(?=[,\[ ])", told[told.index("and of each kind"):].split("\n\n")[0], re.M)
    if sorted(kinds) != sorted(in_help):
        failed.append(f"networks: help tells of the kinds {in_help}, the program's message of {kinds}")
    for kind in kinds:
        keys = re.search(r"but (.*?);", refusal("run", "-k", "none", "-n", f"{kind},unheard-of-key"))[1].split(", ")
        failed += [f"networks: iolite-run.1 does not tell of {key} of {kind}" for key in keys
                   if not re.search(rf"\b{key}\b", section.replace("\\-", "-"))]
        if kind not in section:
            failed.append(f"networks: iolite-run.1 does not tell of {kind}")
    return failed


# Verbs that share a page.
CONTROL = ("list", "info", "stat", "pause", "resume", "reset", "powerdown", "stop")


SYSTEM = ("up", "down", "start", "restart", "status", "console")


def check_shared(title, verbs):
    failed, count, names = [], 0, set()
    manual = page(title)
    for verb in verbs:
        told = run("help", verb)
        if run(verb, "--help") != told:
            failed.append(f"iolite {verb} --help is not iolite help {verb}")
        if f".B {verb}\n" not in manual or f".B iolite {verb}\n" not in manual:
            failed.append(f"{title}.1 does not tell of {verb}")
        for short, name in option_names(told):
            count += 1
            names.add(name)
            if not re.search(rf'^\.BR (?:-{short} ", " )?--{name}\b' if short else rf"^\.BR --{name}(?: =\w+)?$", manual, re.M):
                failed.append(f"{title}.1 lacks -{short}, --{name} of {verb}")
        if "Exit status:" not in told or "Examples:" not in told:
            failed.append(f"iolite help {verb} lacks examples or exit statuses")
    for name in re.findall(r'^\.BR (?:-\w ", " )?--([\w-]+)', manual, re.M):
        if name not in names:
            failed.append(f"{title}.1 tells of --{name}, which is no option")
    return count, failed


def main():
    failed = []
    overview = run("help")
    for spelling in (["--help"], ["-h"]):
        if run(*spelling) != overview:
            failed.append(f"iolite {spelling[0]} is not iolite help")
    verbs = re.findall(r"^  (\w+) {2,}", overview, re.M)
    for verb in verbs:
        if not re.search(rf'^\.BR? (?:.*", " )?{verb}\b', page("iolite"), re.M):
            failed.append(f"iolite.1 lacks the verb {verb}")
        run("help", verb)
    options = run("help", "run")
    names, mistakes = check_options("run", ["iolite-run"])
    failed += mistakes
    more_names, mistakes = check_options("dtb", ["iolite-dtb", "iolite-run"], [
        "on-reboot", "on-panic", "on-crash", "on-poweroff", "on-watchdog", "gdb", "gdb-wait", "control", "sandbox", "jail", "daemonize", "pidfile",
        "log-file", "dry-run"])
    failed += mistakes
    monitor_names, mistakes = check_options("monitor", ["iolite-monitor"])
    failed += mistakes
    control_names, mistakes = check_shared("iolite-control", CONTROL)
    failed += mistakes
    system_names, mistakes = check_shared("iolite-up", SYSTEM)
    failed += mistakes
    failed += check_options("check", ["iolite-check", "iolite-run"], ["dry-run"])[1]
    examples, mistakes = check_config()
    failed += mistakes
    manual = page("iolite-run")
    all_keys = []
    for what, begin, end, section, option in (
            ("disks", "Disks are", "Serial lines and", "DISKS", ["-d", "x"]),
            ("serial lines", "Serial lines and", "Network cards", "SERIAL LINES", ["-s", "null"])):
        text = options[options.index(begin):options.index(end)]
        keys = re.findall(r"^  ([a-z]+)(?:=\S+)? {2,}\S", text, re.M)
        text = re.search(rf"^\.SH {section}\n(.*?)^\.SH", manual, re.M | re.S)[1]
        text = text[text.rindex("\n.P\n") if "\n.P\n" in text else 0:]
        told = [re.match(r"[a-z]+", text)[0] for text in re.findall(r"^\.TP\n\.\w+ (\S+)", text, re.M)]
        if keys != told:
            failed.append(f"{what}: help tells of the keys {keys}, iolite-run.1 of {told}")
        for key in keys:
            said = refusal("run", "-k", "none", option[0], f"{option[1]},{key},{key}")
            if f"there is no '{key}'" in said:
                failed.append(f"{what}: {key} is no key: {said}")
        known = refusal("run", "-k", "none", option[0], f"{option[1]},unheard-of-key")
        known = re.search(r"but (.*?);", known)[1].split(", ")
        if known != keys:
            failed.append(f"{what}: help tells of the keys {keys}, the program's message of {known}")
        all_keys += keys
    keys = all_keys
    failed += check_networks(options[options.index("Network cards"):], manual)
    if len(verbs) < 21 or control_names < 13 or system_names < 14 or monitor_names != 1 or names < 14 or more_names < 14 or len(keys) < 18:
        failed.append(f"found only the verbs {verbs}, {names} and {more_names} options, and keys of disks {keys}")
    for mistake in failed:
        print(f"FAIL {mistake}")
    print(f"{len(verbs) + names + control_names + system_names + monitor_names + more_names + examples + len(keys) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
