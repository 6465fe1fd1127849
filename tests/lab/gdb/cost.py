# SPDX-License-Identifier: Apache-2.0
"""How long a stub takes for 1 MiB of guest memory, by m packets as large as it takes. Runs inside gdb, for its Python; see session.py.

Prints "read SOCKET MS BYTES", the best and the median of some rounds; or, with PART=hold, attaches, lets the guest run, and
stays until its console says that the work is done.
"""

import os
import sys
import time

sys.dont_write_bytecode = True
sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)), os.path.join(os.environ["TREE"], "tests/cli")]
# pylint: disable=wrong-import-position
from gdb_client import Client, GdbError  # noqa: E402
from session import SOCKET, Failed, address, check, count_on_console, end, start, tell  # noqa: E402
import session  # noqa: E402

MIB = 1 << 20
ROUNDS = 7


def read():
    """The kernel's text: it is mapped, and no page of it is all zeroes."""
    client = Client(f"unix:{SOCKET}").start()
    place = address("_stext")
    first, times = None, []
    for _ in range(ROUNDS):
        begun = time.monotonic()
        data = client.read(place, MIB)
        times.append((time.monotonic() - begun) * 1000)
        if first not in (None, data):
            raise Failed("the same memory reads differently")
        first = data
    times.sort()
    check("1 MiB is read", len(first) == MIB and first.count(0) < MIB // 2, f"{len(first)} bytes")
    print(f"read {times[ROUNDS // 2]:.1f} {times[0]:.1f} {client.packet_bytes}", flush=True)
    client.close()


def hold():
    client = Client(f"unix:{SOCKET}").start()
    client.status()
    client.resume()
    work()
    client.interrupt()
    client.detach()
    client.close()
    check("the work was done with a client there", True)


def work():
    tell(f"requests {os.environ['REQUESTS']}")
    deadline = time.monotonic() + session.LIMIT
    while not count_on_console("^@lab requested"):
        if time.monotonic() > deadline:
            raise Failed("the work is not done")
        time.sleep(0.2)


def main():
    start()
    {"read": read, "hold": hold}[os.environ["PART"]]()


try:
    main()
except (Failed, GdbError, OSError, ValueError) as error:
    check("the script", False, f"{type(error).__name__}: {error}")
end()
