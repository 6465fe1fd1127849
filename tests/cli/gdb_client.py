# SPDX-License-Identifier: Apache-2.0
"""A client of the GDB remote serial protocol (GDB manual, appendix E), for tests.

Every wait has a limit. Nothing here knows iolite: it speaks to any stub.
"""

import os
import re
import select
import socket
import struct
import time
import xml.etree.ElementTree

from cases import Failure

LIMIT = float(os.environ.get("GDB_CLIENT_LIMIT", "60"))


class GdbError(Failure):
    """The stub did not do what the protocol says; the text has what it did."""


class Gone(GdbError):
    """The stub closed the connection."""


def connect_socket(address, limit=LIMIT, alive=lambda: True):
    """A socket to "unix:PATH" or "tcp:HOST:PORT", which may not be listened to yet."""
    kind, _, where = address.partition(":")
    deadline = time.monotonic() + limit
    while True:
        if kind == "unix":
            sock, target = socket.socket(socket.AF_UNIX), where
        else:
            host, _, port = where.rpartition(":")
            sock, target = socket.socket(socket.AF_INET), (host or "127.0.0.1", int(port))
        try:
            sock.settimeout(limit)
            sock.connect(target)
            return sock
        except OSError as error:
            sock.close()
            if time.monotonic() > deadline or not alive():
                raise GdbError(f"cannot connect to {address}: {error}") from None
            time.sleep(0.01)


def frame(payload):
    """A packet, with what has to be escaped."""
    escaped = bytearray()
    for byte in payload:
        if byte in b"#$}*":
            escaped += bytes((0x7d, byte ^ 0x20))
        else:
            escaped.append(byte)
    return b"$" + bytes(escaped) + b"#%02x" % (sum(escaped) & 0xff)


def unescape(raw):
    """What a packet's bytes mean: run lengths, then escapes. A plain asterisk is always escaped."""
    while b"*" in raw[1:-1]:
        raw = re.sub(rb"([^*])\*(.)", lambda match: match[1] * (match[2][0] - 28), raw, flags=re.DOTALL)
    if b"}" in raw:
        raw = re.sub(rb"\}(.)", lambda match: bytes((match[1][0] ^ 0x20,)), raw, flags=re.DOTALL)
    return raw


class Stop:
    """A stop reply: `kind` is its first letter, `signal` the number behind it, `facts` the rest."""

    def __init__(self, payload):
        self.text = payload.decode("latin-1")
        self.kind = self.text[:1]
        self.signal = int(self.text[1:3], 16) if self.kind in "TSWX" and len(self.text) >= 3 else None
        self.facts = {}
        if self.kind == "T":
            for part in filter(None, self.text[3:].split(";")):
                key, _, value = part.partition(":")
                self.facts[key] = value

    @property
    def thread(self):
        return self.facts.get("thread")

    def __repr__(self):
        return repr(self.text)


class Client:
    """One connection; with `alive`, a call that says whether waiting makes sense."""

    def __init__(self, address, limit=LIMIT, alive=lambda: True, sock=None):
        self.limit = limit
        self.sock = sock or connect_socket(address, limit, alive)
        self.sock.setblocking(False)
        self.buffer = b""
        self.acks = True
        self.registers = {}     # name: (number, offset, bytes)
        self.features = {}

    # -- bytes and packets --

    def send_raw(self, data):
        deadline = time.monotonic() + self.limit
        while data:
            _, ready, _ = select.select([], [self.sock], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise GdbError(f"{len(data)} bytes were not taken within {self.limit} s")
            try:
                data = data[self.sock.send(data):]
            except (BrokenPipeError, ConnectionResetError):
                raise Gone("the stub hung up while it was sent something") from None

    def _fill(self, deadline):
        ready, _, _ = select.select([self.sock], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            raise GdbError(f"no answer within {self.limit} s; unfinished: {self.buffer[:200]!r}")
        try:
            data = self.sock.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        if not data:
            raise Gone(f"the stub hung up; unfinished: {self.buffer[:200]!r}")
        self.buffer += data

    def receive(self):
        """The next packet's payload; acknowledged while that is the custom."""
        deadline = time.monotonic() + self.limit
        while True:
            self.buffer = self.buffer.lstrip(b"+")
            end = self.buffer.find(b"#")
            if self.buffer[:1] == b"-":
                raise GdbError("the stub did not understand a packet: '-'")
            if self.buffer[:1] not in (b"", b"$"):
                raise GdbError(f"no packet: {self.buffer[:100]!r}")
            if self.buffer and end > 0 and len(self.buffer) >= end + 3:
                raw, check = self.buffer[1:end], self.buffer[end + 1:end + 3]
                self.buffer = self.buffer[end + 3:]
                if int(check, 16) != sum(raw) & 0xff:
                    raise GdbError(f"a packet with the wrong sum {check!r}: {raw[:100]!r}")
                if self.acks:
                    self.send_raw(b"+")
                return unescape(raw)
            self._fill(deadline)

    def send(self, payload):
        self.send_raw(frame(payload if isinstance(payload, bytes) else payload.encode("latin-1")))

    def ask(self, payload):
        self.send(payload)
        return self.receive()

    def ask_text(self, payload):
        return self.ask(payload).decode("latin-1")

    def expect(self, payload, wanted):
        got = self.ask_text(payload)
        if got != wanted:
            raise GdbError(f"{payload[:100]!r} is answered {got[:100]!r}, not {wanted!r}")

    def take_byte(self, wanted):
        """An acknowledgement, where a test is about those."""
        deadline = time.monotonic() + self.limit
        while not self.buffer:
            self._fill(deadline)
        got, self.buffer = self.buffer[:1], self.buffer[1:]
        if got != wanted:
            raise GdbError(f"{got!r} came, not {wanted!r}")

    def wait_end(self):
        """Until the stub hangs up; what came before."""
        rest, deadline = b"", time.monotonic() + self.limit
        while True:
            try:
                self._fill(deadline)
            except Gone:
                rest, self.buffer = self.buffer, b""
                return rest

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # -- a session --

    def start(self, ack=False):
        """What gdb does first."""
        text = self.ask_text("qSupported:multiprocess+;swbreak+;hwbreak+;qRelocInsn+;fork-events+;vfork-events+;"
                             "exec-events+;vContSupported+;QThreadEvents+;no-resumed+;memory-tagging+;xmlRegisters=i386")
        while text[:1] in ("T", "S"):  # QEMU tells of the stop that it makes for a client
            text = self.receive().decode("latin-1")
        for part in text.split(";"):
            name, separator, value = part.partition("=")
            self.features[name if separator else name.rstrip("+-?")] = value if separator else part[-1:]
        if not ack and self.features.get("QStartNoAckMode") == "+":
            self.expect("QStartNoAckMode", "OK")
            self.acks = False
        return self

    @property
    def packet_bytes(self):
        return int(self.features.get("PacketSize", "400"), 16)

    def read_object(self, name, annex=""):
        """qXfer."""
        data = b""
        while True:
            part = self.ask(f"qXfer:{name}:read:{annex}:{len(data):x},{self.packet_bytes - 64:x}")
            if part[:1] not in (b"m", b"l"):
                raise GdbError(f"qXfer:{name}:read:{annex} is answered {part[:100]!r}")
            data += part[1:]
            if part[:1] == b"l":
                return data
            if part == b"m":
                raise GdbError(f"qXfer:{name}:read:{annex} gives nothing, and says there is more")

    def describe(self):
        """The target's description: names, numbers and places of registers."""
        number = offset = 0
        todo = [self.read_object("features", "target.xml")]
        self.registers = {}
        while todo:
            # stubs use XInclude's prefix without saying what it stands for; gdb does not mind
            root = xml.etree.ElementTree.fromstring(todo.pop(0).replace(b"xi:include", b"include"))
            for element in root.iter():
                tag = element.tag.rpartition("}")[2]
                if tag == "include":
                    todo.append(self.read_object("features", element.get("href")))
                elif tag == "reg":
                    number = int(element.get("regnum", number))
                    size = int(element.get("bitsize")) // 8
                    self.registers[element.get("name")] = (number, offset, size)
                    number, offset = number + 1, offset + size
        return self.registers

    def threads(self):
        found, part = [], self.ask_text("qfThreadInfo")
        while part[:1] == "m":
            found += part[1:].split(",")
            part = self.ask_text("qsThreadInfo")
        if part != "l":
            raise GdbError(f"the list of threads ends with {part!r}")
        return found

    def choose(self, thread):
        """Whom registers and memory are of."""
        self.expect(f"Hg{thread}", "OK")

    def status(self):
        return Stop(self.ask("?"))

    # -- registers and memory --

    def register(self, name, big=False):
        number, _, size = self.registers[name]
        text = self.ask_text(f"p{number:x}")
        try:
            data = bytes.fromhex(text)
        except ValueError:
            data = b""
        if len(data) != size:
            raise GdbError(f"register {name} ({number}) is {text!r}")
        return int.from_bytes(data, "big" if big else "little")

    def set_register(self, name, value, big=False):
        number, _, size = self.registers[name]
        self.expect(f"P{number:x}={value.to_bytes(size, 'big' if big else 'little').hex()}", "OK")

    def read(self, address, size):
        """By as many packets as it takes."""
        data = b""
        most = (self.packet_bytes - 16) // 2
        while len(data) < size:
            text = self.ask_text(f"m{address + len(data):x},{min(most, size - len(data)):x}")
            if not text or text[0] == "E":
                raise GdbError(f"memory at {address + len(data):#x} is {text!r}")
            data += bytes.fromhex(text)
        return data

    def read_u64(self, address):
        return struct.unpack("<Q", self.read(address, 8))[0]

    def write(self, address, data):
        self.expect(f"M{address:x},{len(data):x}:{data.hex()}", "OK")

    def write_u64(self, address, value):
        self.write(address, struct.pack("<Q", value))

    def insert(self, kind, address, size=1):
        """True, or the answer that says why not."""
        got = self.ask_text(f"Z{kind},{address:x},{size:x}")
        return True if got == "OK" else got

    def remove(self, kind, address, size=1):
        self.expect(f"z{kind},{address:x},{size:x}", "OK")

    # -- running --

    def wait_stop(self):
        """Passes over what a monitor command or a program says meanwhile."""
        while True:
            payload = self.receive()
            if payload[:1] != b"O" or payload[:2] == b"OK":
                return Stop(payload)

    def resume(self, packet="vCont;c"):
        self.send(packet)

    def go(self, packet="vCont;c"):
        """Until it stops."""
        self.resume(packet)
        return self.wait_stop()

    def step(self, thread=None):
        return self.go(f"vCont;s:{thread}" if thread else "vCont;s")

    def interrupt(self):
        self.send_raw(b"\x03")
        return self.wait_stop()

    def monitor(self, command):
        """(what it says, its last answer)."""
        self.send("qRcmd," + command.encode().hex())
        said = ""
        while True:
            got = self.receive().decode("latin-1")
            if got[:1] == "O" and got != "OK":
                said += bytes.fromhex(got[1:]).decode(errors="replace")
            elif got == "OK" or got == "" or (got[:1] == "E" and len(got) == 3):
                return said, got
            else:
                return said + bytes.fromhex(got).decode(errors="replace"), "OK"

    def go_on(self, kind, address, packet="vCont;c"):
        """From a breakpoint to the next stop as gdb does it: a step without the breakpoint, then on."""
        self.remove(kind, address)
        self.step(packet.partition(":")[2] or None)
        if self.insert(kind, address) is not True:
            raise GdbError(f"the breakpoint at {address:#x} cannot be put back")
        return self.go(packet)

    def detach(self):
        self.expect("D", "OK")


def symbols(path):
    """{name: address} of a little-endian 64-bit ELF (System V ABI, 4.3 and 4.19)."""
    with open(path, "rb") as file:
        image = file.read()
    if image[:6] != b"\x7fELF\x02\x01":
        raise GdbError(f"{path} is no little-endian 64-bit ELF")
    start, = struct.unpack_from("<Q", image, 40)
    size, count = struct.unpack_from("<HH", image, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", image, start + i * size) for i in range(count)]
    found = {}
    for section in sections:
        if section[1] != 2:  # SHT_SYMTAB
            continue
        strings = sections[section[6]][4]
        for at in range(section[4], section[4] + section[5], 24):
            name, _, _, index, value, _ = struct.unpack_from("<IBBHQQ", image, at)
            if name and index:
                end = image.index(b"\0", strings + name)
                found[image[strings + name:end].decode()] = value
    return found
