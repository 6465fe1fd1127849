#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Puts mistakes into source files, one at a time, and looks whether the tests notice.

  mutate.py BUILD [--seed S] [--count N | --all] [--jobs J] [--file F]... [--line L] [--limit PERCENT]
  mutate.py --self-test

BUILD is a folder that CMake configured with AddressSanitizer; the programs of TESTS below are built there first. Of
each mutant one object is compiled and linked with the objects that are there, in front of the archive of all of iolite; its
tests run until one fails, crashes or takes too long: the mutant is killed.

Not counted are mutants that do not compile, those that an optimising compiler makes the same code of, and those of
equivalent.txt, which has a reason for each. Of N that are left, chosen by the seed, at least PERCENT
must be killed; the others are shown.

Exit status: 0 enough were killed, 1 too few, 2 cannot run.
"""

import argparse
import concurrent.futures
import difflib
import json
import os
import pathlib
import random
import resource
import shlex
import signal
import subprocess
import sys
import tempfile
import time

from mutants import mutants_of

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORPUS = ROOT / "tests/fuzz/corpus"
EQUIVALENT = pathlib.Path(__file__).with_name("equivalent.txt")
# Of each file what runs it, the quick ones first. A fuzz target replays its kept inputs.
TESTS = {
    "src/devices/virtio/virtqueue.c": [
        "test_virtqueue", "test_virtqueue_lend", "fuzz_virtqueue", "test_chain", "test_virtio_lend",
        "test_virtqueue_threads", "fuzz_virtio", "fuzz_virtio_blk", "test_virtqueue_model",
    ],
    "src/devices/virtio/chain.c": [
        "test_chain", "test_chain_indirect", "test_virtqueue", "fuzz_virtqueue", "test_virtqueue_threads",
        "fuzz_virtio_blk", "test_virtqueue_model",
    ],
}
# A test that takes this many times as long as without a mistake, and some, hangs.
SLOWER, SLOWER_S = 10, 20
EQUIVALENT_MAX = 0.05  # of the mutants of a file


class Program:
    """One test: how it is linked with another object of a file, and run."""

    def __init__(self, build, name, source):
        folder = "tests/fuzz" if name.startswith("fuzz_") else "tests"
        self.name = name
        self.path = f"{folder}/{name}"
        commands = subprocess.run(["ninja", "-C", str(build), "-t", "commands", "-s", self.path], check=True,
                                  capture_output=True, text=True).stdout.strip().splitlines()
        link = [line for line in commands if f" -o {self.path} " in line][-1]
        self.link = shlex.split(link.removeprefix(": &&").removesuffix("&& :"))
        # Some programs have the file compiled once more, with defines of their own.
        own = [word for word in self.link if word.endswith(f"/{name}.dir/__/__/{source}.o")]
        self.own = own[0] if own else None
        self.arguments = [str(CORPUS / name.removeprefix("fuzz_"))] if folder == "tests/fuzz" else ["--tap"]
        self.limit_s = 600

    def run(self, build, objects, folder):
        """None when it passes, otherwise what it did."""
        program = folder / self.name
        link = list(self.link)
        link[link.index("-o") + 1] = str(program)
        if self.own:
            link[link.index(self.own)] = str(objects[self.own])
        else:
            at = next(i for i, word in enumerate(link) if word.endswith(".o"))
            link.insert(at, str(objects[None]))
        done = subprocess.run(link, cwd=build, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{self.name} does not link: {done.stderr}")
        try:
            return run_limited([str(program), *self.arguments], folder, self.limit_s)
        finally:
            program.unlink()


def limits():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))


def run_limited(command, folder, limit_s):
    environment = {**os.environ, "G_SLICE": "always-malloc", "TMPDIR": str(folder)}
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, start_new_session=True, preexec_fn=limits)
    try:
        status = process.wait(limit_s)
    except subprocess.TimeoutExpired:
        status = None
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)  # and what it has started
        except ProcessLookupError:
            pass
        process.wait()
    if status is None:
        return f"no end within {limit_s:.0f} s"
    return None if status in (0, 77) else f"status {status}"


class File:
    """A source file, how its objects are made, and the tests that concern it."""

    def __init__(self, build, name, tests):
        self.build, self.name = build, name
        self.source = (ROOT / name).read_text()
        self.mutants = mutants_of(self.source)
        if build:
            self.find_commands(build, name, tests)

    def find_commands(self, build, name, tests):
        self.programs = [Program(build, test, name) for test in tests]
        entries = [e for e in json.loads((build / "compile_commands.json").read_text())
                   if pathlib.Path(e["file"]) == ROOT / name]
        self.commands = {}
        for entry in entries:
            words = shlex.split(entry["command"])
            if words[0].endswith("ccache"):
                words = words[1:]
            own = words[words.index("-o") + 1]
            self.commands[own if "core.dir" not in own else None] = words

    def compile(self, words, text, folder, name, extra=()):
        """The object of the source @text, None: it does not compile."""
        source, target = folder / self.name, folder / name
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text(text)
        words = [word for word in words if word not in ("-c", str(ROOT / self.name))]
        words[words.index("-o") + 1] = str(target)
        # The file's own folder has its private headers; no path may tell one mutant from another.
        words += ["-w", f"-I{(ROOT / self.name).parent}", f"-ffile-prefix-map={folder}=.", *extra, "-c", str(source)]
        done = subprocess.run(words, cwd=self.build, capture_output=True, check=False)
        return target if done.returncode == 0 else None

    def objects(self, text, folder):
        found = {}
        for own, words in self.commands.items():
            used = own is None or any(program.own == own for program in self.programs)
            target = self.compile(words, text, folder, f"{len(found)}.o") if used else None
            if used and not target:
                return None
            if used:
                found[own] = target
        return found

    def code(self, text, folder):
        """What an optimising compiler makes of it."""
        plain = [w for w in self.commands[None] if not w.startswith(("-fsanitize", "-fno-sanitize", "-g", "-O"))]
        target = self.compile(plain, text, folder, "plain.o", ("-O2", "-g0", "-fno-sanitize=all"))
        return target.read_bytes() if target else None

    def where(self, mutant):
        return f"{self.name}:{self.source.count(chr(10), 0, mutant.start) + 1}"

    def diff(self, mutant):
        lines = difflib.unified_diff(self.source.splitlines(), mutant.apply(self.source).splitlines(), n=0, lineterm="")
        return [line for line in list(lines)[3:] if line.strip("+- \t") or line.startswith("-")]

    def key(self, mutant):
        """What equivalent.txt knows it by: not its line, which moves."""
        return (self.name, *(f"{line[0]} {line[1:].strip()}" for line in self.diff(mutant) if line[1:].strip()))


def check_unchanged(files):
    """All tests must pass as long as there is no mistake; how long they take is what limits are made of."""
    for file in files:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            objects = file.objects(file.source, folder)
            file.unchanged = file.code(file.source, folder)
            for program in file.programs:
                start = time.monotonic()
                failure = program.run(file.build, objects, folder)
                if failure:
                    sys.exit(f"mutate: {program.name} fails without a mistake in {file.name}: {failure}")
                program.limit_s = SLOWER * (time.monotonic() - start) + SLOWER_S


def try_mutant(file, mutant):
    """(result, by what)"""
    text = mutant.apply(file.source)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        code = file.code(text, folder)
        if code is None:
            return "does not compile", ""
        if code == file.unchanged:
            return "same code", ""
        objects = file.objects(text, folder)
        if objects is None:
            return "does not compile", ""
        for program in file.programs:
            failure = program.run(file.build, objects, folder)
            if failure:
                return "killed", f"{program.name}: {failure}"
    return "survived", ""


def read_equivalent(path):
    """{key: reason}: paragraphs of a file's name, lines that begin with - and +, and the reason."""
    found = {}
    for paragraph in path.read_text().split("\n\n"):
        lines = [line for line in paragraph.splitlines() if not line.startswith("#")]
        if not lines:
            continue
        marks = [f"{line[0]} {line[1:].strip()}" for line in lines[1:] if line.startswith(("-", "+"))]
        reason = " ".join(line.strip() for line in lines[1:] if not line.startswith(("-", "+")))
        if not marks or len(reason) < 20:
            sys.exit(f"mutate: {path.name}: a paragraph without lines or a reason: {paragraph}")
        found[(lines[0].strip(), *marks)] = reason
    return found


def check_equivalent(files, equivalent):
    """Each must still be a mutant, and there are few."""
    for file in files:
        keys = {file.key(mutant) for mutant in file.mutants}
        mine = [key for key in equivalent if key[0] == file.name]
        for key in mine:
            if key not in keys:
                sys.exit("mutate: equivalent.txt has what is no mutant (any more):\n" + "\n".join(key))
        if len(mine) > EQUIVALENT_MAX * len(keys):
            sys.exit(f"mutate: equivalent.txt has {len(mine)} of the {len(keys)} mutants of {file.name}: too many")


def run(files, order, count, jobs, equivalent):
    """Tries mutants in @order until @count of them are judged. {result: [(file, mutant, by)]}"""
    results = {name: [] for name in ("killed", "survived", "equivalent", "same code", "does not compile")}
    judged = told = 0
    tty = sys.stderr.isatty()
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        waiting, ahead = list(reversed(order)), {}
        while (waiting or ahead) and judged < count:
            while waiting and len(ahead) < min(jobs, count - judged):
                file, mutant = waiting.pop()
                known = equivalent.get(file.key(mutant))
                if known:
                    results["equivalent"].append((file, mutant, known))
                    continue
                ahead[pool.submit(try_mutant, file, mutant)] = (file, mutant)
            done, _ = concurrent.futures.wait(ahead, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in done:
                file, mutant = ahead.pop(future)
                result, by = future.result()
                results[result].append((file, mutant, by))
                judged += result in ("killed", "survived")
                if result == "survived":
                    print(f"\nsurvived: {file.where(mutant)} ({mutant.kind})", *file.diff(mutant), sep="\n    ", flush=True)
            percent = 100 * (judged if count < len(order) else len(order) - len(waiting)) // count
            if tty:
                print(f"\rmutation: {percent} % ", end="", file=sys.stderr)
            elif percent // 10 > told:
                told = percent // 10
                print(f"mutation: {percent} %", file=sys.stderr)
    if tty:
        print(file=sys.stderr)
    return results


def summary(results, files, seed, limit):
    killed, survived = len(results["killed"]), len(results["survived"])
    for file in files:
        mine = {name: sum(entry[0] is file for entry in entries) for name, entries in results.items()}
        print(f"{file.name}: {mine['killed']} of {mine['killed'] + mine['survived']} killed; not counted: "
              f"{mine['equivalent']} equivalent, {mine['same code']} same code, "
              f"{mine['does not compile']} do not compile")
    by = {}
    for _, _, text in results["killed"]:
        name = text.split(":")[0]
        by[name] = by.get(name, 0) + 1
    print("first killed by: " + ", ".join(f"{name} {number}" for name, number in sorted(by.items(), key=lambda x: -x[1])))
    percent = 100 * killed / (killed + survived) if killed + survived else 0
    print(f"mutation: seed {seed}: {killed} of {killed + survived} killed, {percent:.1f} %; {limit} % are asked for")
    return 0 if percent >= limit else 1


def self_test():
    """Mutants are what they should be, and nothing between functions, in comments or in texts; the list is of mutants."""
    source = ("/* a < b */\n#define X (1 + 2)\nstatic int f(const char *p, int n)\n{\n\tint a = n - 1;\n\n"
              "\tif (a < n && *p)\n\t\tg(\"a + b\", &a);\n\t__atomic_store_n(p, 1, __ATOMIC_RELEASE);\n"
              "\treturn (uint16_t)(a + n);\n}\n")
    got = {(source[m.start:m.end], m.text) for m in mutants_of(source)}
    for want in (("<", "<="), ("&&", "||"), ("-", "+"), ("1", "(1 + 1)"), ("__ATOMIC_RELEASE", "__ATOMIC_RELAXED"),
                 ("(a < n && *p)", "(!(a < n && *p))"), ('g("a + b", &a)', ""), ("(uint16_t)(a + n);", "0;"),
                 ("(uint16_t)", "")):
        if want not in got and (want[0].rstrip(";"), want[1].rstrip(";")) not in got:
            sys.exit(f"mutate: there is no mutant {want} among {sorted(got)}")
    for mutant in mutants_of(source):
        text = mutant.apply(source)
        if text.count("\n") != source.count("\n") or text == source or '"a + b"' not in text and mutant.kind != "statement":
            sys.exit(f"mutate: a mutant that should not be: {mutant}")
        if "/* a < b */\n#define X (1 + 2)\n" not in text:
            sys.exit(f"mutate: a mutant of no code: {mutant}")
    check_equivalent([File(None, name, []) for name in TESTS], read_equivalent(EQUIVALENT))
    print("mutate: self-test passed")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", nargs="?")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--file", action="append", choices=sorted(TESTS))
    parser.add_argument("--line", type=int)
    parser.add_argument("--limit", type=float, default=95)
    parser.add_argument("--self-test", action="store_true")
    options = parser.parse_args()
    if options.self_test:
        return self_test()
    if not options.build:
        parser.error("name the folder of a build, such as build/dev")
    build = pathlib.Path(options.build).resolve()
    names = sorted({test for name in options.file or TESTS for test in TESTS[name]})
    built = subprocess.run(["cmake", "--build", build, "--target", *names], capture_output=True, text=True, check=False)
    if built.returncode:
        print(f"mutate: {build} cannot be built:\n{built.stdout}", file=sys.stderr)
        return 2
    files = [File(build, name, TESTS[name]) for name in options.file or TESTS]
    equivalent = read_equivalent(EQUIVALENT)
    check_equivalent(files, equivalent)
    check_unchanged(files)
    order = [(file, mutant) for file in files for mutant in file.mutants]
    if options.line:
        order = [(f, m) for f, m in order if f.where(m).endswith(f":{options.line}")]
    print(f"mutation: {len(order)} mutants of {', '.join(file.name for file in files)}", flush=True)
    random.Random(options.seed).shuffle(order)
    count = len(order) if options.all else options.count
    return summary(run(files, order, count, options.jobs, equivalent), files, options.seed, options.limit)


if __name__ == "__main__":
    sys.exit(main())
