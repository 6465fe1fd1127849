# SPDX-License-Identifier: Apache-2.0
"""The machine's side of a control socket, as far as its clients go; and machines that misbehave. For check_control*.py and check_completion.py."""

import json
import os
import socket
import threading
import time

LIMIT = 30

HELP = """help                    this text
info cpus               what each CPU does
info registers [all]    registers of the CPU
info memory             RAM
quit                    stop the machine
reset                   reset the machine
x ADDRESS [COUNT]       memory
log debug|info|warn     what is told
"""

ANSWERS = {
    "qmp_capabilities": {},
    "query-status": {"status": "running", "running": True},
    "query-name": {"name": "web1"},
    "query-version": {"qemu": {"major": 7, "minor": 2, "micro": 0}, "package": "iolite"},
    "query-cpus-fast": [{"cpu-index": 0, "thread-id": 11}, {"cpu-index": 1, "thread-id": 12}],
    "query-memory-size-summary": {"base-memory": 512 << 20, "plugged-memory": 0},
    "query-block": [{"device": "disk0", "locked": False, "removable": False}],
    "query-kvm": {"enabled": True, "present": True},
    "stop": {}, "cont": {}, "system_reset": {}, "system_powerdown": {}, "quit": {},
}


class FakeMachine:
    """@answers: in the place of ANSWERS'; a function gets the arguments and returns the answer, raises Refusal, or None: no answer.
    @behave: a function with the connection in the place of all this."""

    def __init__(self, path, answers=None, behave=None):
        self.path = path
        self.answers = {**ANSWERS, "human-monitor-command": self.monitor, **(answers or {})}  # and x-iolite-monitor, where a test has it
        self.behave = behave or self.serve
        self.requests = []
        self.connections = []
        self.lock = threading.Lock()
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(10)
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections.append(connection)
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection):
        try:
            self.behave(connection)
        except OSError:
            pass

    @staticmethod
    def send(connection, message):
        connection.sendall(json.dumps(message).encode() + b"\r\n")

    def serve(self, connection):
        self.send(connection, {"QMP": {"version": {"qemu": {"major": 7, "minor": 2, "micro": 0}, "package": ""},
                                       "capabilities": []}})
        for line in connection.makefile("rb"):
            request = json.loads(line)
            self.requests.append((request["execute"], request.get("arguments")))
            answer = self.answers.get(request["execute"], Refusal("CommandNotFound", "no such command"))
            if callable(answer):
                try:
                    answer = answer(request.get("arguments"))
                except Refusal as refusal:
                    answer = refusal
            if isinstance(answer, Refusal):
                self.send(connection, {"error": {"class": answer.kind, "desc": answer.text}, "id": request.get("id")})
            elif answer is not None:
                self.send(connection, {"return": answer, "id": request.get("id")})

    def monitor(self, arguments):
        line = arguments["command-line"]
        if line == "help":
            return HELP
        if line == "quit":
            self.end()
            return None
        return f"did {line}\n"

    def event(self, name, data=None):
        message = {"event": name, "timestamp": {"seconds": 1700000000, "microseconds": 5}}
        if data is not None:
            message["data"] = data
        with self.lock:
            for connection in self.connections:
                self.send(connection, message)

    def commands(self):
        return [name for name, _ in self.requests]

    def wait_for(self, command, count=1):
        deadline = time.monotonic() + LIMIT
        while self.commands().count(command) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"no {command} came, but {self.commands()}")
            time.sleep(0.01)

    def end(self):
        """As a machine does that ends in good order."""
        if os.path.lexists(self.path):
            os.unlink(self.path)
        self.die()

    def die(self):
        """As one that was killed: its socket stays."""
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        with self.lock:
            for connection in self.connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                connection.close()
            self.connections = []


class Refusal(Exception):
    def __init__(self, kind, text):
        super().__init__(text)
        self.kind, self.text = kind, text
