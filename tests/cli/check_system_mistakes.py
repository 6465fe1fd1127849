#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each mistaken system of system_mistakes.py: `iolite check` tells all of its mistakes with the right line and column, in the
order of the file; `iolite up` tells the same; both end with status 2 and leave nothing behind. `iolite run` says whose file
it is.

  check_system_mistakes.py IOLITE
"""

import os
import pathlib
import subprocess
import sys
import tempfile

from check_mistakes import IOLITE, judge, run
from system_mistakes import CASES, RIGHT

CASES_MIN = 60
EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples/systems"


def judge_right(text, folder):
    """What is wrong with what is said of one without mistakes, or None."""
    with open(f"{folder}/bad.json", "wb") as file:
        file.write(text.encode())
    said = run("check", folder)
    return None if said == (0, f"{folder}/bad.json: no mistakes\n", "") else f"says {said!r}"


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/there", "w", encoding="ascii") as file:
            file.write("there")
        os.symlink("there", f"{folder}/link")
        for marked, *wanted in CASES + [(right,) for right in RIGHT]:
            wrong = judge(marked, wanted, folder, "up") if wanted else judge_right(marked, folder)
            left = sorted(os.listdir(folder))
            if not wrong and left != ["bad.json", "link", "there"]:
                wrong = f"leaves {left}"
            if wrong:
                failed += 1
                print(f"FAIL {marked!r}: {wrong}")
        for example in sorted(EXAMPLES.glob("*.json")):
            status = subprocess.run([IOLITE, "check", example], stdout=subprocess.DEVNULL, timeout=60, check=False).returncode
            if status:
                failed += 1
                print(f"FAIL {example} has mistakes")
        status, _, err = run("run", folder)
        if status != 2 or "give it to `iolite up`" not in err or err.count("\n") != 1:
            failed += 1
            print(f"FAIL run of a system: status {status}, says {err!r}")
    print(f"{len(CASES)} mistaken systems, {failed} failed")
    return 1 if failed or len(CASES) < CASES_MIN else 0


if __name__ == "__main__":
    sys.exit(main())
