# SPDX-License-Identifier: Apache-2.0
"""A stock kernel under gdb, in parts: boot, calls, smp, life (PART in the environment). Runs inside gdb; see session.py."""

import os
import re
import sys
import time

import gdb  # pylint: disable=import-error

sys.dont_write_bytecode = True
sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)), os.path.join(os.environ["TREE"], "tests/cli")]
# pylint: disable=wrong-import-position
from gdb_client import Client  # noqa: E402
from session import (  # noqa: E402
    ARCH, CONSOLE, SOCKET, X86, Break, Failed, Silent, address, attach, check, command, console, count_on_console, end, go_to, has, is_break,
    is_signal, last_stop, memory, note, part, pc, quietly, run_until_console, start, symbol, tell, tells_of_stops, value)
import session  # noqa: E402

KILL = "__x64_sys_kill" if X86 else "__arm64_sys_kill"
HLT = b"\xf4" if X86 else bytes.fromhex("7f2003d5")     # HLT; WFI
IDLE_FUNCTIONS = re.compile(r"idle|halt|wfi|mwait")
HARD = os.environ["HARD"] != "0"                        # this KVM has hardware breakpoints and watchpoints
X86_TEXT = 0xffffffff80000000   # where the kernel's text is mapped: physical 0
ARM_HEAD = 0x10000              # before _stext in an arm64 Image, whose own start /proc/kallsyms does not have
panic_timeout = 0
CYCLES = int(os.environ.get("CYCLES", "1000"))


def exited():
    return isinstance(session.last_stop, gdb.ExitedEvent)


# -- boot: from the first instruction on --

def first_instruction():
    here = pc()
    if X86:
        check("stands at the first instruction (PVH, 32 bits, no paging)", here == address("pvh_start_xen") - X86_TEXT,
              f"pc {here:#x}, pvh_start_xen {address('pvh_start_xen'):#x}")
    else:
        check("stands at the first instruction (MMU off)", memory(here + 56, 4) == b"ARMd", f"pc {here:#x}, {memory(here + 56, 4)!r}")
    check("the guest has said nothing", console() == "", repr(console()[:100]))
    return here


def early_x86(entry):
    """A few instructions into the code without paging."""
    registers = [name for name in "rax rbx rcx rdx rsi rdi rbp rsp".split()]
    before = {name: value(f"${name}") for name in registers}
    for _ in range(5):
        command("stepi")
    place = pc()
    check("steps before paging", entry < place < entry + 100, f"{entry:#x} to {place:#x} in 5 steps")
    for name, number in before.items():
        command(f"set ${name} = {number:#x}")
    for hard in (False, True) if HARD else (False,):
        command(f"set $pc = {entry:#x}")
        check("back at the entry", pc() == entry, f"{pc():#x}")
        go_to(place, hard)
        check(f"a {'hardware' if hard else 'software'} breakpoint before paging", pc() == place, f"pc {pc():#x}")


def early_arm(entry):
    delta = address("_stext") - ARM_HEAD - entry
    for name in ("primary_entry", "preserve_boot_args"):
        place = address(name) - delta
        go_to(place, hard=True)
        check(f"a hardware breakpoint with the MMU off: {name}", pc() == place, f"pc {pc():#x}, of the image {place - entry:#x}")
    command("stepi 3")
    check("steps with the MMU off", 0 < pc() - place <= 16, f"pc {pc():#x}")


def to_start_kernel():
    """Its address means something once there are page tables; a hardware breakpoint need not wait for that."""
    steps = 0
    if not HARD:
        while True:
            try:
                memory(address("start_kernel"), 2)
                break
            except gdb.MemoryError:
                command("stepi")
                steps += 1
                if steps > 2000:
                    raise Failed(f"no page tables after {steps} steps; pc {pc():#x}") from None
        note(f"{steps} steps until start_kernel has a place")
    go_to("start_kernel", hard=HARD)
    check("stops at start_kernel, which has not run", pc() == address("start_kernel") and not console(), f"pc {pc():#x}, console {console()[:60]!r}")
    trace = command("bt 3")
    check("backtrace there", "start_kernel" in trace.splitlines()[0], trace.splitlines()[0])
    before = pc()
    command("stepi 3")
    check("steps in start_kernel", pc() != before, f"{before:#x} to {pc():#x} ({symbol(pc())})")


def boot():
    entry = first_instruction()
    part("early boot", lambda: (early_x86 if X86 else early_arm)(entry))
    part("start_kernel", to_start_kernel)
    part("boots on", boots_on)


def boots_on():
    check("the guest boots on to its init", run_until_console("^@lab gdb-ready"), "")
    tell("off")
    command("continue")
    check("power-off is the end of the program, with status 0", exited() and getattr(session.last_stop, "exit_code", None) == 0,
          f"{session.last_stop}, exit code {getattr(session.last_stop, 'exit_code', None)}")


# -- calls: a system call, steps, variables --

def exact_counts():
    point = Silent(f"*{KILL}")
    begun = time.monotonic()
    tell("calls 1000")
    run_until_console("^@lab called 1000")
    took = time.monotonic() - begun
    check("1000 system calls, 1000 hits", point.count == 1000, f"{point.count} in {took:.1f} s")
    point.delete()
    tell("calls 100")
    run_until_console("^@lab called 100$")
    point = gdb.Breakpoint(f"*{KILL}")
    command(f"ignore {point.number} 99")
    tell("calls 100")
    command("continue")
    check("ignore 99: the 100th stops", is_break(point) and point.hit_count == 100, f"{point.hit_count} hits")
    point.delete()
    run_until_console("^@lab called 100$", 2)
    check("no call has failed", count_on_console("^@lab kill failed") == 0)


def in_a_call():
    tell("calls 1")
    go_to(KILL)
    trace = command("bt 4").splitlines()
    check("stops in the system call", pc() == address(KILL), trace[0])
    check("its caller is the system call's entry", any(re.search("syscall|invoke|el0_svc", line) for line in trace[1:]), " | ".join(trace[1:]))
    command("finish")
    check("finish", symbol(pc()) != KILL and re.search("syscall|invoke", symbol(pc())), f"in {symbol(pc())}")
    register = "$rax" if X86 else "$x0"
    check("the call's result", value(register) == 0, f"{register} is {value(register):#x}")
    failed = count_on_console("^@lab kill failed")
    command(f"set {register} = -1")
    run_until_console("^@lab called 1$")
    check("a result that is set is the guest's", count_on_console("^@lab kill failed") == failed + 1, "EPERM")
    tell("calls 1")
    go_to(KILL)
    level = gdb.selected_frame().older()
    place = level.pc() if level else 0
    command(f"until *{place:#x}")
    check("until", pc() == place, f"{symbol(pc())} at {pc():#x}")
    run_until_console("^@lab called 1$", 2)


def two_hundred_steps():
    tell("calls 1")
    go_to(KILL)
    places, functions = [], set()
    begun = time.monotonic()
    for _ in range(200):
        command("stepi")
        places.append(pc())
        functions.add(symbol(pc()))
    took = time.monotonic() - begun
    strange = [place for place in places if not symbol(place)]
    check("200 steps", len(set(places)) > 100 and not strange, f"{len(set(places))} places in {len(functions)} functions, {took * 5:.0f} ms each; "
          f"strange: {[hex(place) for place in strange[:3]]}")
    run_until_console("^@lab called 1$", 3)


def over_the_halt():
    """A guest that is idle stands behind its halt: from there on it is known where that is."""
    for i in range(50):
        said = count_on_console("^@lab said halt")
        tell("say halt")
        run_until_console("^@lab said halt", said + 1)
        place = next((pc() - back for back in (len(HLT), 0) if memory(pc() - back, len(HLT)) == HLT), None)
        if place:
            break
    else:
        raise Failed(f"an idle guest is never seen at a halt, but at {pc():#x} ({symbol(pc())})")
    tell("say halt")
    go_to(place)
    command("stepi")
    check(f"a step over {'HLT' if X86 else 'WFI'}", pc() != place, f"{place:#x} ({symbol(place)}) to {pc():#x} ({symbol(pc())}), seen in try {i + 1}")
    run_until_console("^@lab said halt", said + 2)
    check("the guest goes on from there", True)


def int_of_a_sysctl():
    """Where the variable behind it is: struct ctl_table, which the handler is given, has it behind the name."""
    tell("set-panic 1234")
    go_to("proc_dointvec")
    table = value("$rdi" if X86 else "$x0")
    place = int.from_bytes(memory(table + 8, 8), "little")
    run_until_console("^@lab set 1234")
    return place


def watchpoint():
    global panic_timeout  # pylint: disable=global-statement
    place = panic_timeout = int_of_a_sysctl()
    expression = f"*(int *){place:#x}"
    check("a variable in memory", int(gdb.parse_and_eval(expression)) == 1234, f"{symbol(place) or 'panic_timeout'} at {place:#x} is 1234")
    tell("set-panic 17")
    if not HARD:  # by steps: from near where it happens
        go_to("proc_dointvec")
        command("set can-use-hw-watchpoints 0")
    begun = time.monotonic()
    point = gdb.Breakpoint(expression, gdb.BP_WATCHPOINT, gdb.WP_WRITE)
    kind = {getattr(gdb, "BP_HARDWARE_WATCHPOINT", -1): "hardware"}.get(point.type, "software")
    tells_of_stops(True)  # gdb says both values, which the scenario looks for
    command("continue")
    tells_of_stops(False)
    check("a watchpoint stops where the variable is written", is_break(point) and int(gdb.parse_and_eval(expression)) == 17,
          f"{session.last_stop}, now {gdb.parse_and_eval(expression)}, in {symbol(pc())}")
    check("of the kind that this KVM has", kind == ("hardware" if HARD else "software"), kind)
    note(f"watchpoint: {kind}, {time.monotonic() - begun:.1f} s")
    point.delete()
    run_until_console("^@lab set 17")


def variables():
    command(f"set var *(int *){panic_timeout:#x} = 4242")
    tell("get-panic")
    run_until_console("^@lab panic")
    check("a variable that is set is the guest's", count_on_console("^@lab panic 4242$") == 1, console().splitlines()[-1])


def ctrl_c():
    said = count_on_console("^@lab said idle")
    tell("say idle")
    run_until_console("^@lab said idle", said + 1, how="SIGINT")
    check("Ctrl-C in an idle guest", is_signal("SIGINT"), f"{session.last_stop and session.last_stop.stop_signal} in {symbol(pc())}")


def calls():
    part("exact counts", exact_counts)
    part("in a call", in_a_call)
    part("200 steps", two_hundred_steps)
    part("halt", over_the_halt)
    part("watchpoint", watchpoint)
    part("variables", variables)
    part("Ctrl-C", ctrl_c)
    quietly("delete", "detach")


# -- smp: four processors --

def where_all_are():
    """[(number, pc, stack pointer, backtrace)]"""
    found = []
    for thread in sorted(gdb.selected_inferior().threads(), key=lambda thread: thread.num):
        thread.switch()
        found.append((thread.num, pc(), value("$sp"), command("bt 6")))
    return found


def idle_processors():
    text = command("info threads")
    check("info threads has 4", len(re.findall(r"^[* ] \d+ +Thread", text, re.M)) == 4, " | ".join(text.splitlines()[1:]))
    places = where_all_are()
    names = {number: symbol(place) for number, place, _, _ in places}
    idle = [number for number, name in names.items() if IDLE_FUNCTIONS.search(name)]
    check("processors that are idle stand in idle functions", len(idle) >= 3, names)
    check("each has a stack of its own", len({stack >> 13 for _, _, stack, _ in places}) == 4, [hex(stack) for _, _, stack, _ in places])
    deep = [number for number, _, _, trace in places if number in idle and re.search("do_idle|cpu_startup_entry|cpu_idle", trace)]
    if X86:
        note(f"backtraces of {len(deep)} of {len(idle)} idle processors come to do_idle: this kernel has no frame pointers, and gdb no debug information")
    else:
        check("their backtraces come to do_idle", len(deep) >= 3, f"{len(deep)} of {len(idle)}")


def spinning_processors():
    tell("spin 2")
    run_until_console("^@lab spins")
    user, idle = set(), set()
    for _ in range(5):
        said = count_on_console("^@lab said spin")
        tell("say spin")
        run_until_console("^@lab said spin", said + 1)
        for number, place, _, _ in where_all_are():
            if place < 1 << 47:
                user.add(number)
            elif IDLE_FUNCTIONS.search(symbol(place)):
                idle.add(number)
    check("processors whose program spins are in it", len(user) >= 2, f"in user mode: {sorted(user)}, idle: {sorted(idle)}")


def one_processor_alone():
    threads = sorted(gdb.selected_inferior().threads(), key=lambda thread: thread.num)
    quietly("set scheduler-locking on")
    before = [place for _, place, _, _ in where_all_are()]
    chosen = next((i for i, place in enumerate(before) if place < 1 << 47), 0)
    threads[chosen].switch()
    for _ in range(5):
        command("stepi")
    after = [place for _, place, _, _ in where_all_are()]
    still = [i for i in range(4) if i != chosen and before[i] == after[i]]
    check("a step of one alone", len(still) == 3, f"thread {chosen + 1}: {before[chosen]:#x} to {after[chosen]:#x}; others stood: {still}")
    quietly("set scheduler-locking off")


def breakpoints_on_all():
    """A function that all processors come to."""
    name = "scheduler_tick" if has("scheduler_tick") else "sched_tick"
    seen = set()
    with Break(name):
        for _ in range(60):
            command("continue")
            if not is_break():
                raise Failed(f"{session.last_stop} instead of the breakpoint at {name}")
            if pc() != address(name):
                raise Failed(f"pc {pc():#x} is not at {name}")
            seen.add(gdb.selected_thread().num)
            if len(seen) > 2:
                break
    check("a breakpoint is met by several processors", len(seen) >= 2, f"{name}: by {sorted(seen)}")


def smp():
    part("idle processors", idle_processors)
    part("spinning processors", spinning_processors)
    part("breakpoints", breakpoints_on_all)
    part("one alone", one_processor_alone)
    run_off()


def run_off():
    tell("off")
    command("continue")
    check("power-off", exited(), session.last_stop)


# -- life: clients come and go, resets, the end --

def descriptors():
    return len(os.listdir(f"/proc/{os.environ['PID']}/fd"))


def cycles():
    """By a client of the raw protocol."""
    def cycle(i):
        client = Client(f"unix:{SOCKET}").start()
        client.status()
        client.threads()
        if i % 2:
            client.insert(0, kill)
        if i % 4 < 2:
            client.detach()
        client.close()

    kill = address(KILL)
    for i in range(8):
        cycle(i)
    settle()
    before, begun = descriptors(), time.monotonic()
    for i in range(CYCLES):
        cycle(i)
    took = time.monotonic() - begun
    settle()
    check(f"{CYCLES} times attached and left", descriptors() == before, f"{took:.1f} s, descriptors {before} and {descriptors()}")
    tell("calls 3")
    wait_console("^@lab called 3$")
    check("no breakpoint is left", True)


def settle():
    """The last client is gone when the next one is let in."""
    client = Client(f"unix:{SOCKET}").start()
    client.detach()
    client.close()
    said = count_on_console("^@lab said settled")
    tell("say settled")
    wait_console("^@lab said settled", said + 1)


def wait_console(pattern, count=1):
    """While no debugger is there."""
    deadline = time.monotonic() + session.LIMIT
    while count_on_console(pattern) < count:
        if time.monotonic() > deadline:
            raise Failed(f"no {pattern!r} {count} times within {session.LIMIT} s")
        time.sleep(0.05)


def gdb_again():
    for i in range(3):
        attach()
        with Break(KILL):
            tell("calls 1")
            command("continue")
            if not is_break():
                raise Failed(f"time {i}: {session.last_stop}")
        command("detach")
        wait_console("^@lab called 1$", i + 1)
    check("gdb comes, stops at a breakpoint and leaves, 3 times", True)


def reset():
    attach()
    tell("reboot")
    run_until_console("^@lab gdb-ready", 2)
    check("a reboot goes on under the debugger", count_on_console("^@lab init") == 2, f"{count_on_console('^@lab init')} times init")
    with Break(KILL) as point:
        tell("calls 1")
        command("continue")
        check("breakpoints after it", is_break(point) and pc() == address(KILL), f"{session.last_stop} at {pc():#x}")
    run_until_console("^@lab called 1$", 4)


def life():
    quietly("detach")
    part("cycles", cycles)
    part("gdb again", gdb_again)
    part("reset", reset)
    command("kill")
    check("kill", True, "iolite's status is for the scenario to see")


def main():
    start()
    attach()
    {"boot": boot, "calls": calls, "smp": smp, "life": life}[os.environ["PART"]]()
    end()


try:
    main()
except (Failed, gdb.error, gdb.MemoryError, OSError, ValueError) as error:
    check("the script", False, f"{type(error).__name__}: {error}")
    end()
