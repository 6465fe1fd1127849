# SPDX-License-Identifier: Apache-2.0
"""The kernels the lab runs, and packages: scripts/fetch-*.sh and scripts/build-kernel.sh put them into the cache."""

import os
import shutil
import subprocess

from . import LabError, LabSkip, TREE

LIMITS = {"fetch": 600, "build": 1500}  # seconds, where nothing is in the cache: 130 MB, or a kernel to compile


def cache():
    """The folder where kernels and sysroots are, as the scripts have it."""
    return os.path.abspath(os.environ.get("IOLITE_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "iolite"))


def _folder(script, what, limit, *options):
    """What SCRIPT puts into the cache for WHAT, or None where apt has no such package."""
    try:
        done = subprocess.run([os.path.join(TREE, "scripts", script), *options, what], stdout=subprocess.PIPE, text=True,
                              timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        raise LabError(f"{what}: {script} took more than {limit} s") from None
    if done.returncode == 3:
        return None
    if done.returncode:
        raise LabError(f"no {what}: {script} failed (see above)")
    return done.stdout.split(maxsplit=1)[1].strip()


def get(kind, how="fetch"):
    """The folder of this kind of kernel, or None where apt has no such package. HOW: fetch or build."""
    return _folder(f"{how}-kernel.sh", kind, LIMITS[how])


def package(name, backports=False):
    """The folder with the files of this Debian package, or None where apt does not know it. BACKPORTS: that of Debian's."""
    return _folder("fetch-package.sh", name, LIMITS["fetch"], *(["--backports"] if backports else []))


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
