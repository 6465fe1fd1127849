# SPDX-License-Identifier: Apache-2.0
"""Scenarios: shell scripts in scenarios/, with facts in comment lines at their head:

    # limit: 120              seconds that one run may take in level 1
    # variants: a b c         run once for each word (it is $1); the name is then FILE-WORD
    # about: TEXT             for `lab list`
    # after: SCRIPT           when it passed, after/SCRIPT RESULTS NAME runs on the host
"""

import fnmatch
import os
import re

from . import LAB, LabError

FOLDER = os.path.join(LAB, "scenarios")


class Scenario:
    def __init__(self, script, variant, facts):
        self.base = script[:-len(".sh")]
        self.variant = variant
        self.name = f"{self.base}-{variant}" if variant else self.base
        self.limit = int(facts.get("limit", 120))
        self.about = facts.get("about", "")
        self.after = facts.get("after", "")


def every():
    found = []
    for script in sorted(os.listdir(FOLDER)):
        if not script.endswith(".sh"):
            continue
        with open(os.path.join(FOLDER, script), encoding="utf-8") as file:
            facts = dict(re.findall(r"^# (\w+): (.*)$", file.read(), re.M))
        for variant in facts.get("variants", "").split() or [""]:
            found.append(Scenario(script, variant, facts))
    return found


def select(words):
    """The scenarios that WORDS (names, script names or globs) mean; all of them for no word."""
    known = every()
    chosen = []
    for word in words:
        hits = [s for s in known if word == s.base or fnmatch.fnmatchcase(s.name, word)]
        if not hits:
            raise LabError(f"no scenario '{word}': `lab list` shows them", status=2)
        chosen += [s for s in hits if s not in chosen]
    return chosen if words else known
