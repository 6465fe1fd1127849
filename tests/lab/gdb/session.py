# SPDX-License-Identifier: Apache-2.0
"""For scripts that run inside gdb: the guest and its console, symbols, verdicts.

A verdict is a line "ok NAME: VALUES" or "FAIL NAME: VALUES" on standard output; a script ends with end().
Told by the environment: GDB_SOCKET, CONSOLE (a file), INPUT (the guest's end of its serial line), ARCH, PATIENCE.
"""

import os
import re
import signal
import threading
import time

import gdb  # pylint: disable=import-error

SOCKET = os.environ["GDB_SOCKET"]
CONSOLE = os.environ["CONSOLE"]
ARCH = os.environ["ARCH"]
LIMIT = 90 * int(os.environ.get("PATIENCE", "1"))
X86 = ARCH == "x86_64"
failures = []
last_stop = None


class Failed(Exception):
    pass


def say(word, name, values):
    print(f"{word} {name}{f': {values}' if values != '' else ''}", flush=True)


def check(name, good, values=""):
    """A verdict; the script goes on in either case."""
    if not good:
        failures.append(name)
    say("ok" if good else "FAIL", name, values)
    return good


def note(text):
    print(f"note {text}", flush=True)


def part(name, run):
    """A part of a script: what it raises is its verdict."""
    start = time.monotonic()
    try:
        run()
    except (Failed, gdb.error, gdb.MemoryError, OSError, ValueError) as error:
        check(name, False, f"{type(error).__name__}: {error}")
    print(f"time {name}: {time.monotonic() - start:.1f} s", flush=True)


def end():
    print("end", flush=True)
    gdb.execute(f"quit {1 if failures else 0}")


def command(text):
    return gdb.execute(text, to_string=True)


def quietly(*commands):
    for text in commands:
        command(text)


def on_stop(event):
    global last_stop  # pylint: disable=global-statement
    last_stop = event


def on_exit(event):
    global last_stop  # pylint: disable=global-statement
    last_stop = event


def start():
    quietly("set pagination off", "set confirm off", "set height 0", "set width 0", "set remotetimeout 60", "set python print-stack full")
    tells_of_stops(False)
    gdb.events.stop.connect(on_stop)
    gdb.events.exited.connect(on_exit)


def tells_of_stops(yes):
    """Whether `continue` says where it ends: a line each on our own output, or what is captured."""
    try:
        command(f"set suppress-cli-notifications {'off' if yes else 'on'}")
    except gdb.error:
        pass  # an older gdb always does


def attach():
    command(f"target remote {SOCKET}")


# -- the guest's console --

def tell(line):
    with open(os.environ["INPUT"], "w", encoding="ascii") as file:
        file.write(line + "\n")


def console():
    with open(CONSOLE, encoding="utf-8", errors="replace") as file:
        return file.read().replace("\r", "")


def count_on_console(pattern):
    """In lines that are all there."""
    return len(re.findall(pattern, console().rpartition("\n")[0], re.M))


def run_until_console(pattern, count=1, how="interrupt"):
    """Lets the guest run until its console has so many such lines, then stops it; another stop comes first if there is one.

    True when it was the console. HOW: by gdb's command, or as Ctrl-C does, by SIGINT.
    """
    seen = threading.Event()
    over = threading.Event()

    def stop():
        if not over.is_set():
            gdb.execute("interrupt")

    def watch():
        deadline = time.monotonic() + LIMIT
        while not over.is_set():
            if count_on_console(pattern) >= count:
                seen.set()
            if seen.is_set() or time.monotonic() > deadline:
                if how == "interrupt":
                    gdb.post_event(stop)
                else:
                    os.kill(os.getpid(), signal.SIGINT)
                return
            time.sleep(0.05)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        said = command("continue")
    finally:
        over.set()
    watcher.join()
    if count_on_console(pattern) < count and is_signal("SIGINT"):
        raise Failed(f"the console has no {pattern!r} {count} times within {LIMIT} s: {console()[-500:]!r}; {said!r}")
    return seen.is_set()


def is_signal(name):
    return isinstance(last_stop, gdb.SignalEvent) and last_stop.stop_signal == name


def is_break(breakpoint_=None):
    return isinstance(last_stop, gdb.BreakpointEvent) and (breakpoint_ is None or breakpoint_ in last_stop.breakpoints)


# -- registers and symbols --

def value(expression):
    return int(gdb.parse_and_eval(f"(unsigned long)({expression})"))


def pc():
    return value("$pc")


def has(name):
    try:
        value(f"&{name}")
        return True
    except gdb.error:
        return False


def address(name):
    return value(f"&{name}")


def symbol(place):
    """The function that an address is in; "" where none is known."""
    text = command(f"info symbol {place:#x}")
    match = re.match(r"(\S+)(?: \+ \d+)? in section", text)
    return match[1] if match else ""


def memory(place, size):
    return bytes(gdb.selected_inferior().read_memory(place, size))


class Silent(gdb.Breakpoint):
    """Counts, and does not stop."""

    def __init__(self, place):
        super().__init__(place)
        self.silent = True
        self.count = 0

    def stop(self):
        self.count += 1
        return False


class Break:
    """A breakpoint for a while: of the processor where it has such."""

    def __init__(self, place, hard=False):
        self.point = gdb.Breakpoint(f"*{place:#x}" if isinstance(place, int) else f"*{place}",
                                    type=gdb.BP_HARDWARE_BREAKPOINT if hard else gdb.BP_BREAKPOINT)

    def __enter__(self):
        return self.point

    def __exit__(self, *_):
        if self.point.is_valid():
            self.point.delete()


def go_to(place, hard=False):
    """Lets the guest run until it is there."""
    with Break(place, hard) as point:
        command("continue")
        if not is_break(point):
            raise Failed(f"the way to {place} ends at {pc():#x} ({symbol(pc())}) with {last_stop}")
    return pc()
