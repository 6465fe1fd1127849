# SPDX-License-Identifier: Apache-2.0
"""Scenarios: shell scripts in scenarios/, with facts in comment lines at their head:

    # limit: 120              seconds that one run may take in level 1 (times the architecture's patience)
    # variants: a b c         run once for each word (it is $1); the name is then FILE-WORD
    # variants-ARCH: a b      the same for one architecture, instead
    # full: d e               further variants, for the full run; of an architecture with a line variants-ARCH its full-ARCH:
    # first: a                of the variants, those that want a level 1 whose memory nobody has used: the first there
    # arches: x86_64          architectures that it is for (all unless said)
    # about: TEXT             for `lab list`
    # packages: A B           Debian packages that scripts/fetch-package.sh unpacks: $PACKAGE_A where there is one
    # after: SCRIPT           when it passed, after/SCRIPT RESULTS NAME runs on the host
"""

import fnmatch
import os
import re

from . import LAB, LabError

FOLDER = os.path.join(LAB, "scenarios")


class Scenario:
    def __init__(self, script, variant, facts, patience, everyday):
        self.base = script[:-len(".sh")]
        self.variant = variant
        self.everyday = everyday
        self.name = f"{self.base}-{variant}" if variant else self.base
        self.first = variant in facts.get("first", "").split()
        self.limit = int(facts.get("limit", 120)) * patience
        self.about = facts.get("about", "")
        self.after = facts.get("after", "")
        self.packages = facts.get("packages", "").split()
        self.version = variant.split("-")[0]


def every(arch):
    """All scenarios for an architecture."""
    found = []
    for script in sorted(os.listdir(FOLDER)):
        if not script.endswith(".sh"):
            continue
        with open(os.path.join(FOLDER, script), encoding="utf-8") as file:
            facts = dict(re.findall(r"^# ([\w-]+): (.*)$", file.read(), re.M))
        if arch.name not in facts.get("arches", arch.name).split():
            continue
        own = f"-{arch.name}" if f"variants-{arch.name}" in facts else ""
        everyday = facts.get(f"variants{own}", "").split() or [""]
        found += [Scenario(script, variant, facts, arch.patience, variant in everyday)
                  for variant in everyday + facts.get(f"full{own}", "").split()]
    return found


def select(arch, words, full=False):
    """The scenarios that WORDS (names, script names or globs) mean; all of them for no word. Variants of the full run alone are in
    it when FULL, or where a word is the scenario's very name."""
    everything = every(arch)
    known = [s for s in everything if full or s.everyday]
    chosen = []
    for word in words:
        hits = ([s for s in known if word == s.base or fnmatch.fnmatchcase(s.name, word)] or
                [s for s in everything if word == s.name])
        if not hits:
            raise LabError(f"no scenario '{word}' for {arch.name}: `lab list` shows them", status=2)
        chosen += [s for s in hits if s not in chosen]
    return chosen if words else known
