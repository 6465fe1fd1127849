# SPDX-License-Identifier: Apache-2.0
"""B9: a TCP stream from the guest to the host's loopback through networks that need no rights."""

import os
import shutil
import socket
import subprocess
import tempfile

import load
import net

GOAL = 0.2  # of the time of libslirp in QEMU
ARRIVE = 0.9
KIB = 1024


def check_arrival(what, contender, sample):
    """What is acknowledged has come, but for what libslirp and sockets hold."""
    if sample["taken"] < ARRIVE * sample["all"] * KIB:
        raise load.Failed(f"{what.title}: {contender.name}: {sample['taken']} bytes came of {sample['all']} KiB")


def qemu_passt(programs, folder):
    """passt goes to the background when QEMU can connect, and ends with its connection."""
    path = os.path.join(folder, "passt")
    start = ["sh", "-c", 'passt --quiet --one-off --socket "$0" 2>/dev/null && exec "$@"', path]
    return net.qemu("QEMU with passt", programs, "tcpbench", f"stream,id=n0,server=off,addr.type=unix,addr.path={path}", start)


def why_no_passt(folder):
    """Why passt gives no figures here; None: it does. It goes to the background when it listens, and ends with its connection."""
    if not shutil.which("passt"):
        return "there is none here: scripts/install-deps.sh bench"
    path = os.path.join(folder, "probe")
    done = subprocess.run(["passt", "--quiet", "--one-off", "--socket", path], stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)  # fmt: skip
    if done.returncode:
        # in a chroot, and where user namespaces are not allowed
        return f"it does not start here: {' '.join(done.stderr.split())}"
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
    return None


def main(iolite, programs, rounds):
    print("B9 user network: a TCP stream to the host's loopback; us: time for a KiB")
    reason = net.why_not(programs)
    if reason:
        print(f"  left out: {reason}\n")
        return
    limit = net.host(programs)
    slirp = net.iolite("iolite user", iolite, programs, "tcpbench", "user")
    qemu_slirp = net.qemu("QEMU user", programs, "tcpbench", "user,id=n0")
    contenders, pairs = [slirp, qemu_slirp, limit], [(slirp, qemu_slirp, None)]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        os.chmod(folder, 0o777)  # passt is nobody when it makes its socket
        no_passt = why_no_passt(folder)
        if no_passt:
            print(f"  passt and its goal left out: {no_passt}")
        else:
            passt, peer = net.iolite("iolite passt", iolite, programs, "tcpbench", "passt"), qemu_passt(programs, folder)
            contenders = [passt, peer] + contenders
            pairs = [(passt, qemu_slirp, GOAL), (passt, peer, None), (passt, limit, None)] + pairs
        loads = [net.Load("TCP stream", "tcp", "mean", KIB, "KiB", pairs)]
        net.compare("B9", programs, contenders, loads, rounds, check_arrival)
