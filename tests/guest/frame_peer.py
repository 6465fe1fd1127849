# SPDX-License-Identifier: Apache-2.0
"""The other end of devices of hostile guests: unix stream sockets.

Network cards: frames have their length before them in 32 bits, big-endian. A frame of type 0x88b5 (IEEE 802 for local experiments) is sent back to its sender. Its payload says how:
little-endian, 16 bits each, how many copies, how long (0: as long as it is), how many ms later nothing is
read meanwhile, and a zero. What follows comes back as it is, zeros behind it.

Consoles: all bytes from 0x80 on come back.
"""

import os
import selectors
import socket
import struct
import threading
import time

LENGTH_BYTES = 4
ETHERNET_BYTES = 14
FRAME_MAX = 65535 + ETHERNET_BYTES + 4
TYPE = b"\x88\xb5"
ORDER = struct.Struct("<HHHH")
BACKLOG_MAX = 4 << 20  # bytes for a machine that does not read; what is more is dropped


class FrameLink:
    """The connection of a card."""

    def __init__(self, sock):
        self.sock = sock
        self.incoming = bytearray()
        self.outgoing = bytearray()
        self.asleep_until = 0.0

    def events(self, now):
        reads = selectors.EVENT_READ if now >= self.asleep_until else 0
        return reads | (selectors.EVENT_WRITE if self.outgoing else 0)

    def take_frame(self):
        """The next frame that is there, or None. ValueError: no frame has such a length."""
        if len(self.incoming) < LENGTH_BYTES:
            return None
        length = int.from_bytes(self.incoming[:LENGTH_BYTES], "big")
        if not ETHERNET_BYTES <= length <= FRAME_MAX:
            raise ValueError(f"a frame of {length} bytes")
        end = LENGTH_BYTES + length
        if len(self.incoming) < end:
            return None
        frame = bytes(self.incoming[LENGTH_BYTES:end])
        del self.incoming[:end]
        return frame

    def answer(self, frame, now):
        if frame[12:14] != TYPE or len(frame) < ETHERNET_BYTES + ORDER.size:
            return
        copies, length, pause_ms, _ = ORDER.unpack_from(frame, ETHERNET_BYTES)
        if pause_ms:
            self.asleep_until = now + pause_ms / 1000
        back = frame[6:12] + frame[:6] + frame[12:]
        if length:
            back = back[:length].ljust(max(length, ETHERNET_BYTES), b"\0")
        record = len(back).to_bytes(LENGTH_BYTES, "big") + back
        for _ in range(copies):
            if len(self.outgoing) < BACKLOG_MAX:
                self.outgoing += record

    def take(self, data, now):
        self.incoming += data
        while frame := self.take_frame():
            self.answer(frame, now)

    def receive(self, now):
        """False: the other end has gone."""
        data = self.sock.recv(1 << 18)
        self.take(data, now)
        return bool(data)

    def send(self):
        del self.outgoing[: self.sock.send(self.outgoing)]


class ByteLink(FrameLink):
    """The connection of a console."""

    def take(self, data, now):
        if len(self.outgoing) < BACKLOG_MAX:
            self.outgoing += data.translate(None, delete=bytes(range(0x80)))


class Peer:
    """Listens at each of @paths, and answers from a thread of its own. complaints: lines."""

    def __init__(self, paths, link=FrameLink):
        self.complaints = []
        self.link = link
        self.links = []
        self.selector = selectors.DefaultSelector()
        self.stop_read, self.stop_write = os.pipe()
        self.selector.register(self.stop_read, selectors.EVENT_READ)
        for path in paths:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.bind(path)
            sock.listen()
            self.selector.register(sock, selectors.EVENT_READ, sock)
        self.thread = threading.Thread(target=self.work)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        os.write(self.stop_write, b"s")
        self.thread.join()
        for key in list(self.selector.get_map().values()):
            if key.data:
                getattr(key.data, "sock", key.data).close()
        for link in self.links:
            link.sock.close()
        self.selector.close()
        os.close(self.stop_read)
        os.close(self.stop_write)

    def accept(self, listener):
        sock, _ = listener.accept()
        sock.setblocking(False)
        self.links.append(self.link(sock))

    def drop(self, link, why):
        if why:
            self.complaints.append(f"the machine sent {why}")
        self.links.remove(link)
        link.sock.close()

    def register(self, now):
        for link in self.links:
            events = link.events(now)
            if events:
                self.selector.register(link.sock, events, link)

    def unregister(self):
        for link in self.links:
            if link.sock in self.selector.get_map():
                self.selector.unregister(link.sock)

    def serve(self, link, events, now):
        try:
            if events & selectors.EVENT_WRITE:
                link.send()
            if events & selectors.EVENT_READ and not link.receive(now):
                self.drop(link, None)
        except BlockingIOError:
            pass
        except OSError:
            self.drop(link, None)
        except ValueError as error:
            self.drop(link, error)

    def work(self):
        while True:
            now = time.monotonic()
            self.register(now)
            sleepers = [link.asleep_until - now for link in self.links if link.asleep_until > now]
            ready = self.selector.select(min(sleepers, default=None))
            self.unregister()
            for key, events in ready:
                if isinstance(key.data, FrameLink):
                    self.serve(key.data, events, time.monotonic())
                elif key.data:
                    self.accept(key.data)
                else:
                    return
