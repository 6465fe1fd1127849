# SPDX-License-Identifier: Apache-2.0
"""The kernels the lab runs: scripts/fetch-kernel.sh and scripts/build-kernel.sh put them into the cache."""

import os
import shutil
import subprocess

from . import LabError, LabSkip, TREE

LIMITS = {"fetch": 600, "build": 1500}  # seconds, where nothing is in the cache: 130 MB, or a kernel to compile


def cache():
    """The folder where kernels and sysroots are, as the scripts have it."""
    return os.path.abspath(os.environ.get("IOLITE_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "iolite"))


def get(kind, how="fetch"):
    """The folder of this kind of kernel, or None where apt has no such package. HOW: fetch or build."""
    script = os.path.join(TREE, f"scripts/{how}-kernel.sh")
    try:
        done = subprocess.run([script, kind], stdout=subprocess.PIPE, text=True, timeout=LIMITS[how], check=False)
    except subprocess.TimeoutExpired:
        raise LabError(f"kernel {kind}: {how}-kernel.sh took more than {LIMITS[how]} s") from None
    if done.returncode == 3:
        return None
    if done.returncode:
        raise LabError(f"cannot {how} kernel {kind} (see above)")
    return done.stdout.split(maxsplit=1)[1].strip()


def get_all(arch, bare=False, built=()):
    """(level 1's folder, {version: folder}); a guest kernel that apt does not know is left out.

    BARE: no guests. BUILT: those of arch.built among these versions are wanted, too.
    """
    if not shutil.which("apt-get"):
        raise LabSkip("the lab's kernels are Debian packages and this host has no apt-get to fetch them")
    level1 = get(arch.l1_kind, arch.kernels)
    if not level1 and arch.kernels == "build":
        raise LabSkip(f"no kernel for level 1, see the line above; scripts/build-kernel.sh {arch.l1_kind} builds it")
    if not level1:
        raise LabError("no kernel for level 1: see the line above")
    found = {} if bare else {version: get(kind, arch.kernels) for version, kind in arch.guests.items()}
    found.update({version: get(kind, "build") for version, kind in arch.built.items() if version in built})
    return level1, {version: folder for version, folder in found.items() if folder}
