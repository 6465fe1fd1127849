# SPDX-License-Identifier: Apache-2.0
"""The kernels the lab runs, fetched by scripts/fetch-kernel.sh into the cache."""

import os
import platform
import shutil
import subprocess

from . import LabError, LabSkip, TREE

L1_KIND = "full"
GUEST_KINDS = ("cloud-6.1", "cloud-6.12")
FETCH_LIMIT = 600  # seconds; 130 MB the first time


def fetch(kind):
    """The folder of this kind of kernel, or None where apt has no such package."""
    script = os.path.join(TREE, "scripts/fetch-kernel.sh")
    try:
        done = subprocess.run([script, kind], stdout=subprocess.PIPE, text=True, timeout=FETCH_LIMIT, check=False)
    except subprocess.TimeoutExpired:
        raise LabError(f"fetching kernel {kind} took more than {FETCH_LIMIT} s") from None
    if done.returncode == 3:
        return None
    if done.returncode:
        raise LabError(f"cannot fetch kernel {kind} (see above)")
    return done.stdout.split(maxsplit=1)[1].strip()


def fetch_all(guests):
    """{kind: folder} for level 1 and these kinds of guests; a guest kernel that apt does not know is left out."""
    if platform.machine() != "x86_64":
        raise LabSkip(f"the lab's kernels are x86-64 ones and this host is {platform.machine()}")
    if not shutil.which("apt-get"):
        raise LabSkip("the lab's kernels are Debian packages and this host has no apt-get to fetch them")
    found = {kind: fetch(kind) for kind in (L1_KIND, *guests)}
    if not found[L1_KIND]:
        raise LabError("no kernel for level 1: see the line above")
    return {kind: folder for kind, folder in found.items() if folder}
