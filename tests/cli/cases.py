# SPDX-License-Identifier: Apache-2.0
"""Cases of a check, one function each: what they fail with, and how they are run and reported."""

import os
import subprocess

SKIPPED = 77


class Failure(Exception):
    """The text says what was got and what was wanted."""


def expect(what, got, wanted):
    if got != wanted:
        raise Failure(f"{what} is {got!r}, not {wanted!r}")


def expect_in(what, got, wanted):
    if got not in wanted:
        raise Failure(f"{what} is {got!r}, none of {wanted!r}")


def has_kvm():
    """Says so if not."""
    if os.access("/dev/kvm", os.R_OK | os.W_OK):
        return True
    print("SKIP: /dev/kvm is missing or forbidden")
    return False


def run_cases(cases, words=()):
    """The exit status. @cases: functions, named for what they check, or pairs of a name and a function; what one returns is printed.
    @words: only those with one of them in their name."""
    failed = ran = 0
    for case in cases:
        name, check = case if isinstance(case, tuple) else (case.__name__.replace("_", " "), case)
        if words and not any(word in name for word in words):
            continue
        ran += 1
        try:
            said = check()
            print(f"PASS {name}{f' ({said})' if said else ''}", flush=True)
        except (Failure, OSError, ValueError, LookupError, TypeError, subprocess.TimeoutExpired) as failure:
            print(f"FAIL {name}: {type(failure).__name__}: {failure}", flush=True)
            failed += 1
    print(f"{ran - failed} passed, {failed} failed")
    return 1 if failed else 0
