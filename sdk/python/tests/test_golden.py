"""The recordings that the readers of all languages are tried with: each is read as the .events file beside it says.

STROBE_GOLDEN is a folder with one folder of segments a golden, and its .events; `go test ./sdk/python` makes it.
"""

import os
import pathlib

import pytest

import describe
from strobe_plugin import recording

_folder = os.environ.get("STROBE_GOLDEN", "")
_names = sorted(p.stem for p in pathlib.Path(_folder).glob("*.events")) if _folder else []


@pytest.mark.skipif(not _names, reason="STROBE_GOLDEN is not set; run it with STROBE_TEST=full go test ./sdk/python")
@pytest.mark.parametrize("name", _names or ["none"])
def test_golden(name):
    lines = []
    summaries = recording.read(os.path.join(_folder, name), lambda b: lines.extend(describe.event(e) for e in b))
    got = "".join(lines) + "".join(describe.summary(s) for s in summaries)
    assert got == (pathlib.Path(_folder) / f"{name}.events").read_text()
