# SPDX-License-Identifier: Apache-2.0
"""A client of the QEMU Machine Protocol (QEMU, docs/interop/qmp-spec), for tests.

Every wait has a limit. Nothing here knows iolite: it speaks to any server.
"""

import json
import os
import socket
import time

from cases import Failure

LIMIT = float(os.environ.get("QMP_CLIENT_LIMIT", "60"))


class QmpError(Failure):
    """The server did not do what the protocol says; the text has what it did."""


class Gone(QmpError):
    """The server closed the connection."""


class Refused(QmpError):
    """The answer is an error."""

    def __init__(self, command, error):
        super().__init__(f"{command}: {error}")
        self.kind, self.desc = error["class"], error["desc"]


class Client:
    """Connected to @path, which may not be listened to yet; @negotiate: and through the negotiation."""

    def __init__(self, path, negotiate=True, alive=lambda: True):
        deadline = time.monotonic() + LIMIT
        while True:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(LIMIT)
            self.lines = self.sock.makefile("rb")
            try:
                self.sock.connect(path)
                self.greeting = self.read()
                break
            except (OSError, Gone) as error:  # also one that is just being taken down
                self.close()
                if time.monotonic() > deadline or not alive():
                    raise QmpError(f"cannot connect to {path}: {error}") from None
                time.sleep(0.01)
        self.events = []
        self.next_id = 0
        if set(self.greeting) != {"QMP"}:
            raise QmpError(f"the greeting is {self.greeting}")
        if negotiate:
            self.execute("qmp_capabilities")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.lines.close()
        self.sock.close()

    def read(self):
        """The next message of any kind."""
        try:
            line = self.lines.readline()
        except socket.timeout:
            raise QmpError(f"nothing came within {LIMIT} s") from None
        except ConnectionError as error:
            raise Gone(str(error)) from None
        if not line:
            raise Gone("the connection is closed")
        return json.loads(line)

    def send(self, message, fd=None):
        text = json.dumps(message).encode() + b"\n"
        if fd is None:
            self.sock.sendall(text)
        elif socket.send_fds(self.sock, [text], [fd]) != len(text):
            raise QmpError("a request with a descriptor was not sent in one piece")

    def save(self, command, path, **arguments):
        """The machine writes memory to a file that we open: one in a sandbox opens none."""
        with open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            number = self.execute("add-fd", pass_fd=file)["fdset-id"]
            try:
                return self.execute(command, filename=f"/dev/fdset/{number}", **arguments)
            finally:
                self.execute("remove-fd", fdset_id=number)

    def execute(self, command, pass_fd=None, **arguments):
        """What it returns; "_" in names of arguments stands for "-"; @pass_fd: a file or socket that goes with it. Events that come before are kept."""
        self.next_id += 1
        message = {"execute": command, "id": self.next_id}
        if arguments:
            message["arguments"] = {name.replace("_", "-"): value for name, value in arguments.items()}
        self.send(message, pass_fd and pass_fd.fileno())
        while True:
            answer = self.read()
            if "event" in answer:
                self.events.append(answer)
                continue
            if answer.get("id") != self.next_id:
                raise QmpError(f"the answer to {message} is {answer}")
            if "error" in answer:
                raise Refused(command, answer["error"])
            return answer["return"]

    def event(self, name):
        """The data of the next event @name; those that come before are dropped."""
        while True:
            event = self.events.pop(0) if self.events else self.read()
            if "event" not in event:
                raise QmpError(f"no event {name} but {event}")
            stamp = event.get("timestamp", {})
            if set(stamp) != {"seconds", "microseconds"} or not 0 <= stamp["microseconds"] < 1000000:
                raise QmpError(f"the time stamp of {event}")
            if event["event"] == name:
                return event.get("data")

    def wait_end(self):
        """Until the server closes the connection; what came before it."""
        messages = []
        try:
            while True:
                messages.append(self.read())
        except Gone:
            return messages
