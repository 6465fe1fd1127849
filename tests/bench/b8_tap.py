# SPDX-License-Identifier: Apache-2.0
"""B8: frames to and from a tap in a network namespace."""

import load
import net

SMALL, LARGE = 64, 65214  # bytes of a frame, tests/guest/net_frames.h
ARRIVE = 0.99

# title, op, metric, bytes of a frame, goal of the time of a frame against the peer.
LOADS = [
    ("64 B flood", "flood", "mean", SMALL, 1 / 1.5),
    ("64 KiB TSO", "tso", "mean", LARGE, 1 / 1.3),
    ("64 B echo", "echo", "p50", SMALL, 1 / 1.5),
    ("64 B received", "sink", "mean", SMALL, None),
    ("64 KiB TSO received", "sink_tso", "mean", LARGE, None),
]


def check_arrival(what, contender, sample):
    """What a guest has sent counts only when the tap has seen it."""
    if sample["frames"] < ARRIVE * sample["all"]:
        raise load.Failed(f"{what.title}: {contender.name}: {sample['frames']} frames came of {sample['all']} that were sent")


def main(iolite, programs, rounds):
    print("B8 tap: frames to and from the host; us: time for a frame, echo: median of there and back")
    reason = net.why_not(programs)
    if reason:
        print(f"  left out: {reason}\n")
        return
    ours = net.iolite("iolite", iolite, programs, "netbench", f"tap,ifname={net.TAP},vhost=off")
    peer = net.qemu("QEMU microvm", programs, "netbench",
                    f"tap,id=n0,ifname={net.TAP},script=no,downscript=no,vhost=off")  # fmt: skip
    limit = net.host(programs)
    loads = [net.Load(title, op, metric, size, "frames", [(ours, peer, goal), (ours, limit, None)])
             for title, op, metric, size, goal in LOADS]  # fmt: skip
    net.compare("B8", programs, [ours, peer, limit], loads, rounds, check_arrival)
