#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each mistaken configuration of config_mistakes.py: `iolite check` tells all of its mistakes with the right line and
column, in the order of the file; `iolite run` tells the same; both end with status 2 and leave nothing behind.

  check_mistakes.py IOLITE
"""

import os
import re
import subprocess
import sys
import tempfile

from config_mistakes import CASES

IOLITE = os.path.abspath(sys.argv[1])
MARK = "\u00a7"
CASES_MIN = 300


def places(marked):
    """Line and column of what is behind each mark, as people count them."""
    found, text = [], ""
    for piece in marked.split(MARK)[:-1]:
        text += piece
        found.append((text.count("\n") + 1, len(text) - text.rfind("\n")))
    return found


def run(verb, folder):
    result = subprocess.run([IOLITE, verb, f"{folder}/bad.json"], stdin=subprocess.DEVNULL, capture_output=True,
                            timeout=60, check=False, cwd=folder)
    return result.returncode, result.stdout.decode(), result.stderr.decode()


def judge(marked, wanted, folder, verb="run"):
    """What is wrong with what is said, or None; @verb would start it."""
    with open(f"{folder}/bad.json", "wb") as file:
        file.write(marked.replace(MARK, "").encode())
    status, told, err = run("check", folder)
    if status != 2 or err:
        return f"status {status}, says {err!r}"
    lines = told.splitlines()
    if len(lines) != len(wanted):
        return f"{len(wanted)} mistakes, told of {lines}"
    for line, (row, column), words in zip(lines, places(marked), wanted):
        start, words = f"{folder}/bad.json:{row}:{column}: ", words.replace("{D}", folder)
        if not line.startswith(start) or words not in line:
            return f"{line!r} is not {start!r} and {words!r}"
        # A shown place may be cut, a remedy never is: all messages have one.
        if not re.search(r"give|name|take|leave|write|did you mean|belongs|but |missing|save|has up to|up to |multiple|"
                         r"least|less than|the first of|closing|starts with|double quotes|deletes|without a value|say where", line):
            return f"{line!r} has no advice"
    status, out, err = run(verb, folder)
    if (status, out, err) != (2, "", "".join(f"iolite: {verb}: {line}\n" for line in lines)):
        return f"{verb}: status {status}, says {out!r} {err!r}"
    return None


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/there", "w", encoding="ascii") as file:
            file.write("there")
        for marked, *wanted in CASES:
            wrong = judge(marked, wanted, folder)
            left = sorted(os.listdir(folder))
            if not wrong and (left != ["bad.json", "there"] or os.path.getsize(f"{folder}/there") != 5):
                wrong = f"leaves {left}"
            if wrong:
                failed += 1
                print(f"FAIL {marked!r}: {wrong}")
    print(f"{len(CASES)} mistaken configurations, {failed} failed")
    return 1 if failed or len(CASES) < CASES_MIN else 0


if __name__ == "__main__":
    sys.exit(main())
