# SPDX-License-Identifier: Apache-2.0
"""What the suites of the command line share: how a test is announced, and how the tool is called.

    @case("name")                   def work(view): assert view.explain(...).status == 0
    @case("name", (1, 2), (3, 4))   the same for each tuple of arguments, as name[1,2] and name[3,4]
"""

import dataclasses
import json
import os
import pathlib
import subprocess

PROJECT = pathlib.Path(__file__).resolve().parents[2]
CALL_SECONDS = 30  # A call takes milliseconds; on a busy machine, some more.


@dataclasses.dataclass
class Case:
    name: str
    work: object
    arguments: tuple


CASES = []


def case(name, *rows):
    """Announces a test, or one for each row of arguments."""
    def announce(work):
        for row in rows or [()]:
            title = f"{name}[{','.join(map(str, row))}]" if row else name
            CASES.append(Case(title, work, row))
        return work
    return announce


@dataclasses.dataclass
class Answer:
    """What a call came to."""
    status: int
    out: str
    errors: str

    @property
    def json(self):
        return json.loads(self.out)


class View:
    """What a test sees: the tool, and a folder of its own."""

    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder

    def write(self, name, text):
        """A file in the folder of the test; its folders are made."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path.parent

    def call(self, *arguments):
        # Without close_fds Python may use posix_spawn, and thousands of calls take half the time.
        done = subprocess.run([self.binary, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, close_fds=False, timeout=CALL_SECONDS, env=os.environ | {"NO_COLOR": "1"})
        assert done.returncode >= 0, f"{' '.join(map(str, arguments))} died of signal {-done.returncode}: {done.stderr}"
        return Answer(done.returncode, done.stdout, done.stderr)

    def explain(self, manifests, caller, to, *options):
        return self.call("explain", "-f", manifests, "--from", caller, "--to", to, "-o", "json", *options)


def expect(name, found, wanted):
    assert found == wanted, f"{name}: it is {found!r} and should be {wanted!r}"
