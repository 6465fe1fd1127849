#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`iolite run --gdb` as a client of the remote protocol sees it: registers, memory, points, steps, threads, the life of the machine,
and packets that make no sense.

  check_gdb.py IOLITE GUEST [WORD...]     GUEST: tests/guest/x86_64/g_debug.c; WORDs: only cases with one of them in their name
"""

import socket
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from cases import Failure, expect, expect_in  # noqa: E402
from gdb_client import Client, GdbError, Gone, Stop, frame  # noqa: E402
from gdb_machine import Machine, main, run_to, set_break  # noqa: E402

NOWHERE = 0x300000000       # 12 GiB: the guest's page tables end at 8
NO_MEMORY = 0xd0000000      # mapped by them, but the machine has nothing there
RAM = 16 << 20


def at(name):
    return Machine.names[name]


# -- coming and going --

def nothing_runs_before_the_debugger_says_so():
    with Machine() as m:
        with m.debugger() as c:
            stop = c.status()
            expect("the first stop", (stop.kind, stop.signal), ("T", 2))
            expect("the pc", hex(c.register("rip")), hex(at("start")))
            expect("paging", c.register("cr0") >> 31 if "cr0" in c.registers else 0, 0)
            expect("what the guest has said", m.output(), "")
            expect("its counter", c.read_u64(at("counter")), 0)
            expect("the stop after a step", c.step().signal, 5)
            if c.register("rip") == at("start"):
                raise Failure("the pc is still at the entry after a step")
            expect("what the guest has said", m.output(), "")
            c.resume()
            m.wait_for("ready")
            c.interrupt()
        m.power_off()


def a_running_machine_stops_for_a_client():
    with Machine(wait=False) as m:
        m.wait_for("ready")
        with m.debugger() as c:
            expect_in("the first stop's signal", c.status().signal, (2, 5))
            before = c.read_u64(at("counter"))
            for _ in range(20):
                c.threads()
            expect("the counter of a machine that stands", c.read_u64(at("counter")), before)
            c.detach()
        m.proves_to_run()
        m.power_off()


def detach_resumes():
    with Machine() as m:
        with m.client() as c:
            c.detach()
            m.wait_for("ready")
            m.proves_to_run()
        with m.debugger() as c:
            run_to(c, at("target_function"))
            set_break(c, at("target_function"))
            c.detach()
        m.proves_to_run()
        m.power_off()


def kill_ends_the_machine():
    with Machine() as m:
        with m.client() as c:
            c.send("k")
            c.wait_end()
        m.end(0)


def vkill_ends_the_machine():
    with Machine() as m:
        with m.client() as c:
            answer = c.ask_text("vKill;1")
            if answer == "":
                raise Failure("vKill is not known: gdb falls back to k, which has no answer")
            expect("the answer to vKill", answer, "OK")
        m.end(0)


def power_off_while_attached():
    with Machine() as m:
        with m.debugger() as c:
            c.resume()
            m.wait_for("ready")
            m.order("q")
            stop = c.wait_stop()
            expect("the last stop", stop.text[:3], "W00")
            c.wait_end()
        m.end(0)


def crash_while_attached():
    with Machine() as m:
        with m.debugger() as c:
            c.resume()
            m.wait_for("ready")
            m.order("c")
            stop = c.wait_stop()
            expect("the last stop", stop.text[:3], "W03")
            c.wait_end()
        m.end(3)


def reset_while_attached():
    with Machine() as m:
        with m.debugger() as c:
            c.resume()
            m.wait_for("ready")
            m.order("r")
            m.wait_for("ready", 2)
            expect("the signal of Ctrl-C", c.interrupt().signal, 2)
            kind = set_break(c, at("target_function"))
            expect("the stop at the breakpoint", c.go().signal, 5)
            c.write(at("order"), b"r")
            seen = 0
            while True:  # turns before the reset, then the first one after it
                expect("the stop at the breakpoint", c.go_on(kind, at("target_function")).signal, 5)
                expect("the pc", hex(c.register("rip")), hex(at("target_function")))
                seen += 1
                if c.read_u64(at("counter")) == 1:
                    break
                if seen > 3:
                    raise Failure(f"no reset within {seen} turns")
            m.wait_for("ready", 3)
            c.remove(kind, at("target_function"))
            c.resume()
            m.proves_to_run()
            c.interrupt()
        m.power_off()


def a_step_over_the_reset():
    """The instruction that resets the machine is stepped: it stands at its first one."""
    with Machine() as m:
        with m.debugger() as c:
            run_to(c, at("target_function"))
            c.write(at("order"), b"r")
            for _ in range(2000):
                stop = c.step()
                expect("the stop's signal", stop.signal, 5)
                if c.register("rip") == at("start"):
                    break
            else:
                raise Failure(f"no reset within 2000 steps; the pc is {c.register('rip'):#x}")
            expect("the counter after the reset", c.read_u64(at("counter")), 0)
            c.resume()
            m.wait_for("ready", 2)
            c.interrupt()
        m.power_off()


# -- registers and memory --

def registers():
    with Machine() as m, m.debugger() as c:
        wanted = ("rax", "rsp", "rip", "eflags", "cs")
        missing = [name for name in wanted if name not in c.registers]
        if missing:
            raise Failure(f"the description has no {missing}, but {sorted(c.registers)}")
        run_to(c, at("step_3"))
        expect("rax", c.register("rax"), 3)
        whole = bytes.fromhex(c.ask_text("g").replace("x", "0"))
        checked = 0
        for name, (number, offset, size) in c.registers.items():
            text = c.ask_text(f"p{number:x}")
            expect(f"the digits of {name}", len(text), 2 * size)
            if offset + size <= len(whole):
                expect(f"{name} by p", text, whole[offset:offset + size].hex())
                checked += 1
        c.set_register("rax", 0x1122334455667788)
        expect("rax", hex(c.register("rax")), hex(0x1122334455667788))
        c.set_register("rip", at("step_1"))
        c.set_register("rax", 10)
        c.step()
        expect("rax after the step", c.register("rax"), 11)
        c.expect("G" + whole.hex(), "OK")
        expect("rax after G", c.register("rax"), 3)
        expect("the pc after G", hex(c.register("rip")), hex(at("step_3")))
        for bad in ("G", "G00", "G" + whole.hex() + "00", "pffff", "P0=", "P0=12", "Pffff=00", "P0=zz" + "00" * 7):
            if not c.ask_text(bad).startswith("E"):
                raise Failure(f"{bad[:20]!r} is no error")
        expect("rax after mistakes", c.register("rax"), 3)
        return f"{len(c.registers)} registers, {checked} in g"


def a_register_changes_what_the_guest_does():
    with Machine() as m, m.debugger() as c:
        run_to(c, at("target_function"))
        c.set_register("rdi", 4711)
        run_to(c, at("debug_steps"))
        expect("result", c.read_u64(at("result")), 4712)


def memory():
    with Machine() as m, m.debugger() as c:
        run_to(c, at("target_function"))
        code = c.read(at("target_function"), 16)
        with open(Machine.guest, "rb") as file:
            if code not in file.read():
                raise Failure(f"the code at target_function is {code.hex()}, which the guest's file has not")
        place = 0x900000  # RAM that nobody uses
        data = bytes(range(256)) * 16
        c.write(place, data)
        expect("what M wrote", c.read(place, len(data)) == data, True)
        c.expect(b"X%x,%x:" % (place, 256) + bytes(reversed(range(256))), "OK")
        expect("what X wrote", c.read(place, 256).hex(), bytes(reversed(range(256))).hex())
        c.expect(f"X{place:x},0:", "OK")
        c.write(place + 3, b"\x01")  # not aligned, odd
        c.write_u64(at("multiplier"), 5)
        before = c.read_u64(at("counter"))
        for place in ("debug_steps", "target_function", "debug_steps"):
            run_to(c, at(place))
        expect("result", c.read_u64(at("result")), c.read_u64(at("counter")) * 5 + 1)
        if c.read_u64(at("counter")) <= before:
            raise Failure("the counter does not count")


def memory_that_is_not_there():
    with Machine() as m, m.debugger() as c:
        run_to(c, at("target_function"))
        for address in (NOWHERE, NO_MEMORY, 0xffffffffffffffff, 0xfffffffffffffff0, 1 << 47):
            for packet in (f"m{address:x},10", f"M{address:x},2:0000", f"X{address:x},2:ab"):
                answer = c.ask_text(packet)
                if not answer.startswith("E"):
                    raise Failure(f"{packet!r} is answered {answer!r}")
        text = c.ask_text(f"m{RAM - 8:x},10")
        expect_in("what is read over the end of memory", text[:1] == "E" or len(text), (True, 16))
        if not c.ask_text(f"M{RAM - 8:x},10:{'00' * 16}").startswith("E"):
            raise Failure("a write over the end of memory is no error")
        if c.insert(0, NOWHERE) is True:
            raise Failure("a breakpoint in no memory is taken")
        expect("the pc", hex(c.register("rip")), hex(at("target_function")))


def packet_size():
    with Machine() as m, m.debugger() as c:
        run_to(c, at("target_function"))
        size = c.packet_bytes
        if size < 1024:
            raise Failure(f"PacketSize is {size}")
        place = 0x800000
        most = (size - 32) // 2
        text = c.ask_text(f"m{place:x},{most:x}")
        expect("the bytes that m gives", len(text) // 2, most)
        c.write(place, bytes(i * 7 & 0xff for i in range(most)))
        expect("what the largest M wrote", c.read(place, most) == bytes(i * 7 & 0xff for i in range(most)), True)
        data = bytes(i & 0x1f | 0x40 for i in range(size - 64))  # nothing to escape
        c.expect(b"X%x,%x:" % (place, len(data)) + data, "OK")
        expect("what the largest X wrote", c.read(place, len(data)) == data, True)
        text = c.ask_text(f"m{place:x},ffffffff")
        if not text or len(text) > size or (text[0] != "E" and len(text) % 2):
            raise Failure(f"m of 4 GiB is answered with {len(text)} digits")
        return f"PacketSize {size}"


# -- points and steps --

def breakpoints_in_memory():
    with Machine() as m, m.debugger() as c:
        answer = c.insert(0, at("target_function"))
        if answer is not True:
            expect_in("the answer to Z0 of a KVM without", answer[:1], ("", "E"))
            return f"this KVM has none: {answer!r}"
        code = c.read(at("target_function"), 8)
        with open(Machine.guest, "rb") as file:
            expect("that the breakpoint is hidden", code in file.read(), True)
        c.expect(f"Z0,{at('target_function'):x},1", "OK")  # again
        hits_of(c, 0, "swbreak")
        c.remove(0, at("target_function"))
        c.remove(0, at("target_function"))
        c.resume()
        m.proves_to_run()
        c.interrupt()
        return None


def hits_of(c, kind, word):
    """A breakpoint at target_function stops each turn, once."""
    last = 0
    for _ in range(25):
        stop = c.go_on(kind, at("target_function")) if last else c.go()
        expect("the stop's signal", stop.signal, 5)
        if c.features.get(word) == "+":
            expect(f"that the stop says {word}", word in stop.facts, True)
        expect("the pc", hex(c.register("rip")), hex(at("target_function")))
        counter = c.read_u64(at("counter"))
        expect("the counter", counter, last + 1)
        last = counter


def breakpoints_of_the_processor():
    with Machine() as m, m.debugger() as c:
        answer = c.insert(1, at("target_function"))
        if answer is not True:
            expect_in("the answer to Z1 of a KVM without", answer[:1], ("", "E"))
            return f"this KVM has none: {answer!r}"
        hits_of(c, 1, "hwbreak")
        taken = 1
        while c.insert(1, at("target_function") + 0x1000 + taken) is True:
            taken += 1
            if taken > 64:
                raise Failure("there is no end of hardware breakpoints")
        for i in range(1, taken):
            c.remove(1, at("target_function") + 0x1000 + i)
        hits = c.read_u64(at("counter"))
        c.remove(1, at("target_function"))
        c.expect(f"Z1,{at('step_2'):x},1", "OK")
        c.go()
        expect("the pc", hex(c.register("rip")), hex(at("step_2")))
        expect_in("the counter", c.read_u64(at("counter")), (hits, hits + 1))
        c.remove(1, at("step_2"))
        c.resume()
        m.proves_to_run()
        c.interrupt()
        return f"{taken} of them"


def watchpoints():
    with Machine() as m, m.debugger() as c:
        run_to(c, at("target_function"))
        said = []
        for kind, word in ((2, "watch"), (3, "rwatch"), (4, "awatch")):
            where = at("multiplier" if kind == 3 else "result")  # the guest reads the one and writes the other
            answer = c.insert(kind, where, 8)
            if answer is not True:
                expect_in(f"the answer to Z{kind} of a KVM without", answer[:1], ("", "E"))
                said.append(f"no {word}: {answer!r}")
                continue
            before = c.read_u64(at("result"))
            stop = c.go()
            expect("the stop's signal", stop.signal, 5)
            if word != "rwatch":
                expect("what the stop is for", next((k for k in stop.facts if k.endswith("watch")), None), word)
                expect("the address", int(stop.facts[word], 16), where)
            if kind == 2:
                expect("that the value is another", c.read_u64(at("result")) != before, True)
            c.remove(kind, where, 8)
            said.append(word)
        return ", ".join(said)


def steps():
    places = [at(f"step_{i}") for i in range(6)]
    with Machine() as m, m.debugger() as c:
        for how in ("vCont;s", "s", "vCont;s:1"):
            run_to(c, at("step_0"))
            thread = c.status().thread or c.threads()[0]
            for i, (place, rax) in enumerate(zip(places[1:], (0, 1, 3, 3, 7)), 1):
                stop = c.go(how.replace(":1", f":{thread}"))
                expect(f"the signal of step {i} by {how}", stop.signal, 5)
                expect(f"the pc after step {i} by {how}", hex(c.register("rip")), hex(place))
                expect(f"rax after step {i}", c.register("rax"), rax)
        # a step onto a breakpoint is a step
        kind = set_break(c, places[1])
        run_to(c, places[0])
        c.step()
        expect("the pc", hex(c.register("rip")), hex(places[1]))
        c.remove(kind, places[1])
        c.step()
        expect("the pc behind the breakpoint", hex(c.register("rip")), hex(places[2]))
        expect("rax", c.register("rax"), 1)


def steps_leave_no_trace():
    """Flags that a step may use (TF) are not the guest's."""
    with Machine() as m, m.debugger() as c:
        run_to(c, at("step_0"))
        before = c.register("eflags")
        c.step()
        expect("TF in eflags", c.register("eflags") & 0x100, before & 0x100)
        c.resume()
        m.proves_to_run()
        c.interrupt()


def kernel_mode_is_emulated():
    done = subprocess.run([Machine.iolite, "doctor"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True)
    return "guest kernels are emulated" in done.stdout


def a_step_over_hlt():
    """The step ends at once, or when an interrupt has come and gone; the guest counts its halt."""
    with Machine("idle") as m, m.debugger() as c:
        run_to(c, at("halt_here"))
        halts = c.read_u64(at("halts"))
        for count in range(1, 401):
            stop = c.step()
            expect("the stop's signal", stop.signal, 5)
            if c.register("rip") == at("halt_done"):
                break
        else:
            raise Failure(f"not behind the hlt after {count} steps; the pc is {c.register('rip'):#x}")
        if kernel_mode_is_emulated():
            # such a KVM forgets the halt during the step, and makes up for it later, with interrupts off
            return f"{count} steps until behind it; this KVM cannot go on from there"
        run_to(c, at("target_function"))
        if c.read_u64(at("halts")) <= halts:
            raise Failure("the guest has not counted its halt")
        c.resume()
        m.proves_to_run()
        return f"{count} steps until behind it"


def ctrl_c():
    with Machine() as m, m.debugger() as c:
        c.resume()
        m.wait_for("ready")
        for _ in range(50):
            stop = c.interrupt()
            expect("the stop", (stop.kind, stop.signal), ("T", 2))
            before = c.read_u64(at("counter"))
            expect("the counter of a machine that stands", c.read_u64(at("counter")), before)
            c.resume()
        c.interrupt()


def ctrl_c_at_once():
    """The interrupt comes with the packet that lets the machine run."""
    with Machine() as m, m.debugger() as c:
        for _ in range(50):
            c.send_raw(frame(b"vCont;c") + b"\x03")
            expect("the signal", c.wait_stop().signal, 2)
        c.resume()
        m.proves_to_run()


def ctrl_c_in_a_halted_guest():
    for words, order in (("idle", ""), ("plain", "h")):
        with Machine(words) as m, m.debugger() as c:
            c.resume()
            m.wait_for("ready")
            m.order(order)
            for _ in range(10):
                stop = c.interrupt()
                expect("the signal", stop.signal, 2)
                c.resume()
            c.interrupt()
            c.send("k")
            m.end(0)


def more_interrupts_than_stops():
    with Machine() as m, m.debugger() as c:
        c.resume()
        m.wait_for("ready")
        c.send_raw(b"\x03" * 20)
        expect("the signal", c.wait_stop().signal, 2)
        c.send_raw(b"\x03\x03")
        expect_in("the status", c.status().signal, (2, 5))
        c.expect(b"X900000,4:\x03\x03\x03\x03", "OK")
        expect("what has been written", c.read(0x900000, 4), b"\x03" * 4)
        c.resume()
        m.proves_to_run()
        expect("the signal", c.interrupt().signal, 2)


# -- threads --

def threads_go_their_own_ways():
    with Machine("two", cpus=2) as m, m.debugger() as c:
        first, second = c.threads()
        c.resume()
        m.wait_for("ready")
        c.interrupt()
        while not c.read_u64(at("second_counter")):
            c.resume()
            c.interrupt()
        if "c" not in c.ask_text("vCont?").split(";")[1:] or "s" not in c.ask_text("vCont?").split(";")[1:]:
            raise Failure(f"vCont? is answered {c.ask_text('vCont?')!r}")

        def both():
            return c.read_u64(at("counter")), c.read_u64(at("second_counter"))

        def pcs():
            found = []
            for thread in (first, second):
                c.choose(thread)
                found.append(c.register("rip"))
            return found

        before, stood = both(), pcs()
        for _ in range(40):  # the second alone
            stop = c.step(second)
            expect("the thread of the stop", stop.thread, second)
        expect("the first one's counter", both()[0], before[0])
        expect("the first one's pc", hex(pcs()[0]), hex(stood[0]))

        c.choose(first)
        before = both()
        kind = set_break(c, at("target_function"))
        for _ in range(3):  # the first alone
            here = c.register("rip") == at("target_function")
            stop = c.go_on(kind, at("target_function"), f"vCont;c:{first}") if here else c.go(f"vCont;c:{first}")
            expect("the thread of the stop", stop.thread, first)
        expect("the second one's counter", both()[1], before[1])
        expect("that the first counts", both()[0] > before[0], True)
        c.remove(kind, at("target_function"))

        before = both()
        c.resume(f"vCont;s:{first};c")  # the first a step, the others run
        expect("the stop's signal", c.wait_stop().signal, 5)
        expect("that the first has no turn", both()[0] - before[0] <= 1, True)

        c.choose(second)
        c.set_register("rax", 0x5555)
        c.choose(first)
        expect("that registers are of one thread", c.register("rax") != 0x5555, True)
        for thread in (first, second):
            c.expect(f"T{thread}", "OK")
            text = c.ask_text(f"qThreadExtraInfo,{thread}")
            if text and text[0] != "E":
                bytes.fromhex(text)
        if not c.ask_text("T77").startswith("E") or not c.ask_text("Hg77").startswith("E"):
            raise Failure("a thread that is not there is no error")
        c.resume()
        m.proves_to_run()
        c.interrupt()


def a_processor_that_is_not_started():
    with Machine(cpus=2) as m, m.debugger() as c:
        first, second = c.threads()
        run_to(c, at("target_function"))
        c.choose(second)
        c.register("rip")
        said = bytes.fromhex(c.ask_text(f"qThreadExtraInfo,{second}")).decode()
        c.choose(first)
        run_to(c, at("step_0"))
        c.step(first)
        c.resume()
        m.proves_to_run()
        c.interrupt()
        c.choose(first)
        return f"it is {said!r}"


# -- commands of a person --

def monitor():
    with Machine(cpus=2) as m, m.debugger() as c:
        help_text, last = c.monitor("help")
        expect("the last answer", last, "OK")
        lacking = [word for word in ("registers", "memory", "devices", "irq", "tree") if word not in help_text]
        if lacking:
            raise Failure(f"help has no {lacking}: {help_text!r}")
        for command in ("info registers", "info memory", "info devices", "info irq", "info tree"):
            said, last = c.monitor(command)
            if last != "OK" or len(said) < 20 or "\n" not in said:
                raise Failure(f"{command!r} says {said[:200]!r}, then {last!r}")
        for command in ("", "nonsense", "info nonsense", "info", "help " * 50, "\xff\xfe", "info memory 1 2 3", "x" * 4000):
            c.monitor(command)
        said, _ = c.monitor("nonsense")
        if "help" not in said:
            raise Failure(f"an unknown command says {said!r}, and nothing of help")
        expect("the pc", hex(c.register("rip")), hex(at("start")))


def the_memory_map():
    with Machine() as m, m.debugger() as c:
        if c.features.get("qXfer:memory-map:read") != "+":
            return "there is none"
        text = c.read_object("memory-map").decode()
        if 'type="ram"' not in text or f"{RAM:#x}" not in text:
            raise Failure(f"the memory map is {text!r}")
        return None


# -- packets that make no sense --

NONSENSE = [
    "m", "m,", "m1", "m1,", "mzz,1", "m1,zz", "m-1,1", "M", "M0,1", "M0,4:zz", "M0,4:00", "M0,ffffffffffffffff:00", "X", "X0,5:abc",
    "X0,ffffffff:", "Z", "Z9,0,0", "Z0", "Z0,,", "Z0,1", "Z1,0,0", "Z2,100000,0", "Z2,100000,ffffffffffffffff",
    "Z0,100000,ffffffffffffffff", "z", "z0", "z0,,", "z9,0,0", "P", "P=", "P0", "Pffff=00", "Pffffffffffffffff=00", "p", "pzz",
    "pffffffffffffffffff", "G", "Gzz", "H", "Hg", "Hgzz", "Hg-5", "Hx1", "Hgffffffffffffffffff", "T", "Tzz", "T-1", "Tffffffffffffffff",
    "vCont;", "vCont;x", "vCont;c:zz", "vCont;s:99", "vCont;;;", "vCont;C", "vCont;Czz", "vCont;r", "vCont;r1,2:zz",
    "qXfer", "qXfer:", "qXfer:features", "qXfer:features:read:target.xml", "qXfer:features:read:target.xml:zz,1",
    "qXfer:features:read:target.xml:ffffffffffffffff,ffffffffffffffff", "qXfer:features:read:nosuch.xml:0,10",
    "qXfer:features:read:../../etc/passwd:0,10", "qXfer:features:write:target.xml:0:00", "qXfer:nosuch:read::0,10",
    "qRcmd", "qRcmd,", "qRcmd,z", "qRcmd,zz", "qRcmd,6", "qThreadExtraInfo", "qThreadExtraInfo,zz", "qThreadExtraInfo,99",
    "qSupported", "qSupported:" + ";" * 1000, "qSupported:xmlRegisters=" + "a" * 5000, "qsThreadInfo", "q", "Q", "QStartNoAckMode;",
    "qC;1", "qAttached:99", "qOffsets", "qSymbol::", "qCRC:0,0", "qSearch:memory:0;1;a", "v", "vNosuch", "vMustReplyEmpty", "vFile:open:00,0,0",
    "vAttach;1", "vRun;", "A1,0,00", "B0,S", "d", "e", "f", "t00", "r", "y", "_", "\x00", "\x01\x02", "\xff" * 100, "m" * 1000,
]


def nonsense():
    with Machine() as m, m.debugger() as c:
        run_to(c, at("step_3"))
        for packet in NONSENSE:
            try:
                answer = c.ask(packet)
                while packet.startswith("qRcmd") and answer[:1] == b"O" and answer != b"OK":
                    answer = c.receive()
            except GdbError as error:
                raise Failure(f"{packet[:60]!r}: {error}") from None
            if answer[:1] in (b"T", b"S", b"W"):
                raise Failure(f"{packet[:60]!r} is answered by a stop: {answer!r}")
            if packet[:1] in ("m", "M", "X", "P", "G", "p", "Z", "z") and answer == b"OK" and not packet.startswith(("Z1,0,0", "Z0,", "z")):
                raise Failure(f"{packet[:60]!r} is answered OK")
        for kind in range(5):  # which may be there, for it says nothing that cannot be
            c.ask(f"z{kind},0,0")
        c.choose(c.threads()[0])
        expect("the pc", hex(c.register("rip")), hex(at("step_3")))
        expect("rax", c.register("rax"), 3)
        c.resume()
        m.proves_to_run()
        c.interrupt()
        return f"{len(NONSENSE)} packets"


def an_empty_packet():
    with Machine() as m, m.client() as c:
        expect("the answer", c.ask(b""), b"")
        expect("the answer", c.ask("vMustReplyEmpty"), b"")


def acknowledgements():
    with Machine() as m, m.client(ack=True) as c:
        c.send_raw(b"$?#00")
        c.take_byte(b"-")
        c.send_raw(b"$?#zz")
        c.take_byte(b"-")
        c.send_raw(frame(b"?"))
        c.take_byte(b"+")
        first = receive_raw(c)
        c.send_raw(b"-")
        expect("what is sent again", receive_raw(c), first)
        c.send_raw(b"+")
        c.send_raw(b"++++ noise +" + frame(b"vMustReplyEmpty"))
        c.take_byte(b"+")
        expect("the answer", c.receive(), b"")
        c.expect("QStartNoAckMode", "OK")
        c.acks = False
        c.send_raw(frame(b"vMustReplyEmpty"))
        expect("what comes without acknowledgements", receive_raw(c), b"$#00")


def receive_raw(c):
    """A packet as it is on the wire, not acknowledged."""
    acks, c.acks = c.acks, False
    try:
        return frame(c.receive())
    finally:
        c.acks = acks


def bytes_that_come_one_by_one():
    with Machine() as m, m.client() as c:
        for byte in frame(b"m100000,10"):
            c.send_raw(bytes((byte,)))
        expect("the digits", len(c.receive()), 32)
        c.send_raw(b"".join(frame(b"m%x,4" % (0x100000 + 4 * i)) for i in range(500)))
        parts = [bytes.fromhex(c.receive().decode()) for _ in range(500)]
        expect("500 answers in order", b"".join(parts) == c.read(0x100000, 2000), True)


def packets_that_are_too_long():
    for data in (b"$" + b"m" * 200000 + b"#00", b"$" + b"}" * 300000, b"$M0,1:" + b"0" * (1 << 20) + b"#00", b"\x80" * 500000,
                 frame(b"G" + b"0" * 100000), b"#" * 100000, b"$" * 100000):
        with Machine() as m:
            with Client(m.address, alive=m.alive) as c:
                try:
                    c.send_raw(data)
                    c.send_raw(b"#00" + frame(b"?"))
                except (Gone, GdbError):
                    pass
            with m.debugger() as c:
                expect("the pc", hex(c.register("rip")), hex(at("start"))) if not m.output() else None
                c.detach()
            m.proves_to_run()
            m.power_off()


def stops_are_told_once():
    with Machine() as m, m.debugger() as c:
        run_to(c, at("target_function"))
        for _ in range(100):
            c.step()
        c.expect("vMustReplyEmpty", "")
        expect("what is left", c.buffer, b"")
        text = c.ask("?")
        expect("the status", Stop(text).kind, "T")


def over_tcp():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Machine(gdb=f"tcp:{port}") as m:
        m.address = f"tcp:127.0.0.1:{port}"
        with m.debugger() as c:
            run_to(c, at("target_function"))
            c.detach()
        m.proves_to_run()
        m.power_off()


CASES = [
    nothing_runs_before_the_debugger_says_so, a_running_machine_stops_for_a_client, detach_resumes, kill_ends_the_machine,
    vkill_ends_the_machine, power_off_while_attached, crash_while_attached, reset_while_attached, a_step_over_the_reset, registers,
    a_register_changes_what_the_guest_does, memory, memory_that_is_not_there, packet_size, breakpoints_in_memory,
    breakpoints_of_the_processor, watchpoints, steps, steps_leave_no_trace, a_step_over_hlt, ctrl_c, ctrl_c_at_once,
    ctrl_c_in_a_halted_guest, more_interrupts_than_stops, threads_go_their_own_ways, a_processor_that_is_not_started, monitor,
    the_memory_map, nonsense, an_empty_packet, acknowledgements, bytes_that_come_one_by_one, packets_that_are_too_long,
    stops_are_told_once, over_tcp,
]

if __name__ == "__main__":
    sys.exit(main(__doc__, CASES))
