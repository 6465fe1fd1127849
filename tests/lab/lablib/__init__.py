# SPDX-License-Identifier: Apache-2.0
"""The lab's host side. See tests/lab/README.md."""

import os

LAB = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TREE = os.path.dirname(os.path.dirname(LAB))


class LabError(Exception):
    """Something the user can mend, said in one line; STATUS is what the lab then exits with."""

    def __init__(self, text, status=1):
        super().__init__(text)
        self.status = status


class LabSkip(Exception):
    """The lab cannot run on this kind of host; the text says why."""
