# SPDX-License-Identifier: Apache-2.0
"""The kernels the lab runs, fetched by scripts/fetch-kernel.sh into the cache."""

import os
import shutil
import subprocess

from . import LabError, LabSkip, TREE

FETCH_LIMIT = 600  # seconds; 130 MB the first time


def cache():
    """The folder where kernels and sysroots are, as the scripts have it."""
    return os.path.abspath(os.environ.get("IOLITE_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "iolite"))


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


def fetch_all(arch, bare=False):
    """(level 1's folder, {version: folder}); a guest kernel that apt does not know is left out. BARE: no guests."""
    if not shutil.which("apt-get"):
        raise LabSkip("the lab's kernels are Debian packages and this host has no apt-get to fetch them")
    level1 = fetch(arch.l1_kind)
    if not level1:
        raise LabError("no kernel for level 1: see the line above")
    found = {} if bare else {version: fetch(kind) for version, kind in arch.guests.items()}
    return level1, {version: folder for version, folder in found.items() if folder}
