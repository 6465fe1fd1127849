#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sessions of a real gdb with `iolite run --gdb`: what a person types, and what comes of it.

  check_gdb_session.py IOLITE GUEST [WORD...]     GUEST: tests/guest/x86_64/g_debug.c; WORDs: only such cases
"""

import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from cases import SKIPPED, Failure, expect  # noqa: E402
from gdb_machine import Machine, main  # noqa: E402

LIMIT = 120
DEBUGGERS = [name for name in ("gdb", "gdb-multiarch") if shutil.which(name)]
PREPARE = """set pagination off
set confirm off
set height 0
set width 0
set remotetimeout 60
"""


def processor_has_breakpoints():
    done = subprocess.run([Machine.iolite, "doctor"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True)
    return bool(re.search(r"[1-9]\d* hardware breakpoints?", done.stdout))


class Session:
    """gdb's own part of it. Scripts say hbreak, which stands for `break` where the processor has no breakpoints."""

    def __init__(self, machine, debugger, script):
        path = f"{machine.folder}/script"
        if not processor_has_breakpoints():
            script = script.replace("hbreak ", "break ")
        with open(path, "w", encoding="ascii") as file:
            file.write(f"{PREPARE}target remote {machine.folder}/gdb\n{script}")
        self.command = [debugger, "-nx", "-batch", "-x", path, Machine.guest]

    def run(self):
        try:
            done = subprocess.run(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  timeout=LIMIT, check=False)
        except subprocess.TimeoutExpired as error:
            raise Failure(f"gdb takes more than {LIMIT} s; it has said {(error.stdout or b'')[-2000:].decode(errors='replace')}") from None
        text = done.stdout.decode(errors="replace")
        for bad in ("Remote connection closed", "Ignoring packet error", "Truncated register", "Packet too long", "Python Exception",
                    "reply contains invalid", "Error in sourced", "Bogus trace", "warning: Invalid remote reply", "Timed out"):
            if bad in text:
                raise Failure(f"gdb says {bad!r}: {text[-3000:]}")
        return text


def wants(text, *patterns):
    """They come in this order."""
    place = 0
    for pattern in patterns:
        hit = re.compile(pattern, re.M).search(text, place)
        if not hit:
            raise Failure(f"gdb does not say {pattern!r} (any more): {text[-3000:]}")
        place = hit.end()


def session(debugger, script, *patterns, words="plain", cpus=1, after="run"):
    with Machine(words, cpus=cpus) as m:
        text = Session(m, debugger, script).run()
        wants(text, *patterns)
        if after == "run":
            m.proves_to_run()
            m.power_off()
        elif after is not None:
            m.end(after)
        return text


def a_look_around(debugger):
    session(debugger, """
hbreak target_function
continue
bt
info registers rip rax eflags cs
print counter
print/x $rip
x/4i $pc
info line
info threads
print multiplier
delete
detach
""", r"^(Hardware assisted b|B)reakpoint 1 at", r"Breakpoint 1, .*target_function", r"^#0 .*target_function \(value=3\)", r"^#1 .*middle_function \(turn=1\)",
            r"^#2 .*outer_function \(\)", r"^#3 .*main \(\)", r"^rip\s+0x[0-9a-f]+\s+0x[0-9a-f]+ <target_function\+\d+>", r"^cs\s", r"= 1$",
            r"^=> 0x[0-9a-f]+ <target_function\+\d+>:", r"Thread 1", r"= 3$", r"Detaching|detached")


def break_in_memory(debugger):
    """What a person types first. Without such a thing in this KVM gdb says so, and goes on to take commands."""
    text = session(debugger, """
break target_function
python
try:
    gdb.execute("continue")
except gdb.error as error:
    print("CANNOT:", error)
end
info registers rip
delete
detach
""", r"^Breakpoint 1", r"Breakpoint 1, .*target_function|CANNOT: .*[Cc]annot insert", r"^rip\s", r"Detaching|detached")
    return "this KVM has none" if "CANNOT" in text else "there are"


def steps_and_finish(debugger):
    session(debugger, """
hbreak outer_function
continue
delete
stepi
stepi
x/i $pc
next
hbreak target_function
continue
delete
finish
print $rip
until
step
nexti
detach
""", r"Breakpoint 1, .*outer_function", r"^=> 0x", r"Breakpoint 2, .*target_function", r"middle_function",
            r"Value returned is .* = 4$", r"Detaching|detached")


def values_that_are_set(debugger):
    session(debugger, """
hbreak target_function
continue
print value
set variable multiplier = 1000
set var value = 41
finish
print result
continue
print value
print multiplier
delete
hbreak *target_function
continue
set $rdi = 77
finish
print result
set var order = 's'
delete
detach
""", r"= 3$", r"Value returned is .* = 42$", r"= 42$", r"= 2000$", r"= 1000$", r"Value returned is .* = 78$", r"= 78$", r"Detaching|detached")


def watch(debugger):
    """By the processor or, where it cannot, by gdb's own stepping."""
    text = session(debugger, """
hbreak outer_function
continue
delete
watch counter
python
try:
    gdb.execute("continue")
except gdb.error:
    print("NONE BY HARDWARE")
    gdb.execute("delete")
    gdb.execute("set can-use-hw-watchpoints 0")
    gdb.execute("watch counter")
    gdb.execute("continue")
end
delete
set can-use-hw-watchpoints 0
watch result
continue
bt 2
delete
detach
""", r"atchpoint 2: counter", r"Old value = 0$", r"^New value = 1$", r"^Watchpoint [34]: result", r"^Old value = 0$", r"^New value = 4$",
                   r"target_function", r"Detaching|detached")
    return "by steps" if "NONE BY HARDWARE" in text else "by hardware"


def processors(debugger):
    session(debugger, """
hbreak second_function
continue
info threads
delete
bt
thread 1
bt 1
set scheduler-locking on
thread 2
stepi
stepi
info threads
set scheduler-locking off
detach
""", r"Thread 2 .*hit Breakpoint|Breakpoint 1, .*second_function", r"\* 2 +Thread", r"^#0 .*second_function", r"^#1 .*ap_main", r"Switching to thread 1",
            r"Switching to thread 2", r"\* 2 +Thread", r"Detaching|detached", words="two", cpus=2)


def monitor(debugger):
    session(debugger, """
monitor help
monitor info registers
monitor info tree
python
try:
    gdb.execute("monitor nonsense")
except gdb.error as error:
    print("REFUSED:", error)
end
print $rip
detach
""", r"info", r"(?i)rip", r"REFUSED|help", r"= .*<?start", r"Detaching|detached")


def detach_and_again(debugger):
    with Machine() as m:
        for i in range(5):
            text = Session(m, debugger, "hbreak target_function\ncontinue\nbt 1\nprint counter\ndelete\ndetach\n").run()
            wants(text, r"^#0 .*target_function", r"= \d+", r"Detaching|detached")
            m.proves_to_run()
        # one that just ends, with its breakpoint, lets go of a machine that it came to
        Session(m, debugger, "hbreak target_function\ncontinue\n").run()
        m.proves_to_run()
        m.power_off()


def kill(debugger):
    text = session(debugger, "hbreak target_function\ncontinue\nkill\n", r"Breakpoint 1, ", after=0)
    expect("an error", "rror" in text, False)


def power_off(debugger):
    session(debugger, "hbreak target_function\ncontinue\ndelete\nset var order = 'q'\ncontinue\n", r"\[Inferior 1 .* exited normally\]", after=0)


def crash(debugger):
    session(debugger, "hbreak target_function\ncontinue\ndelete\nset var order = 'c'\ncontinue\n", r"\[Inferior 1 .* exited with code 03\]", after=3)


def reset(debugger):
    session(debugger, """
hbreak target_function
continue
print counter
continue
print counter
set var order = 'r'
continue
print counter
delete
detach
""", r"= 1$", r"= 2$", r"= [123]$", r"Detaching|detached")


CHECKS = [a_look_around, break_in_memory, steps_and_finish, values_that_are_set, watch, processors, monitor, detach_and_again, kill, power_off,
          crash, reset]


def bound(debugger, check):
    return f"{debugger}: {check.__name__.replace('_', ' ')}", lambda: check(debugger)


if __name__ == "__main__":
    if not DEBUGGERS:
        print("SKIP: there is no gdb here: run scripts/install-deps.sh test")
        sys.exit(SKIPPED)
    sys.exit(main(__doc__, [bound(debugger, check) for debugger in DEBUGGERS for check in CHECKS]))
