# SPDX-License-Identifier: Apache-2.0
"""Scenarios: shell scripts in scenarios/, with facts in comment lines at their head:

    # limit: 120              seconds that one run may take in level 1 (times the architecture's patience)
    # variants: a b c         run once for each word (it is $1); the name is then FILE-WORD
    # variants-ARCH: a b      the same for one architecture, instead
    # arches: x86_64          architectures that it is for (all unless said)
    # about: TEXT             for `lab list`
    # after: SCRIPT           when it passed, after/SCRIPT RESULTS NAME runs on the host
"""

import fnmatch
import os
import re

from . import LAB, LabError

FOLDER = os.path.join(LAB, "scenarios")


class Scenario:
    def __init__(self, script, variant, facts, patience):
        self.base = script[:-len(".sh")]
        self.variant = variant
        self.name = f"{self.base}-{variant}" if variant else self.base
        self.limit = int(facts.get("limit", 120)) * patience
        self.about = facts.get("about", "")
        self.after = facts.get("after", "")
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
        for variant in facts.get(f"variants-{arch.name}", facts.get("variants", "")).split() or [""]:
            found.append(Scenario(script, variant, facts, arch.patience))
    return found


def select(arch, words):
    """The scenarios that WORDS (names, script names or globs) mean; all of them for no word."""
    known = every(arch)
    chosen = []
    for word in words:
        hits = [s for s in known if word == s.base or fnmatch.fnmatchcase(s.name, word)]
        if not hits:
            raise LabError(f"no scenario '{word}' for {arch.name}: `lab list` shows them", status=2)
        chosen += [s for s in hits if s not in chosen]
    return chosen if words else known
