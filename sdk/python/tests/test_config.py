from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest

from strobe_plugin import Finding, Severity, config, option


@dataclass
class TLS:
    ca: str = option(required=True, doc="File with certificates.")
    verify: bool = option(True)

    def validate(self):
        if self.ca == "bad":
            yield Finding("cannot be read", path=("ca",))
        if not self.verify:
            yield Finding("nobody is checked", severity=Severity.WARNING)


@dataclass
class Config:
    path: str = option(required=True, doc="Folder with the weights.")
    preset: str = option("tiny", enum=("tiny", "xl"), doc="Size.")
    steps: int = option(20, min=1, max=200)
    scale: float = option(1.5, min=0)
    timeout: timedelta = option(timedelta(seconds=90), max=3600)
    tags: list[str] = option(["a", "b"])
    labels: dict[str, str] = option({})
    seed: int | None = option(None)
    tls: TLS | None = option(None)
    plain: bool = False


def test_schema():
    by_name = {a.name: a for a in config.schema(Config)}
    assert [a.kind for a in by_name.values()] == [1, 1, 3, 4, 5, 6, 7, 3, 8, 2]
    assert {n: a.default_text() for n, a in by_name.items()} == {
        "path": None, "preset": "tiny", "steps": "20", "scale": "1.5", "timeout": "1m30s", "tags": "a,b", "labels": None, "seed": None,
        "tls": None, "plain": "false"}
    assert [n for n, a in by_name.items() if a.required] == ["path"]
    assert by_name["steps"].min == 1 and by_name["steps"].max == 200 and by_name["preset"].enum == ("tiny", "xl")
    assert [f.name for f in by_name["tls"].fields] == ["ca", "verify"]


def test_defaults_and_values():
    made, found = config.decode({"path": "/m"}, Config)
    assert not found and made == Config(path="/m")
    made, found = config.decode(
        {"path": "/m", "preset": "xl", "steps": 5, "scale": 2, "timeout": "1m0.5s", "tags": ["x"], "labels": {"k": "v"}, "seed": 7,
         "tls": {"ca": "file"}, "plain": True}, Config)
    assert not found
    assert made == Config(path="/m", preset="xl", steps=5, scale=2.0, timeout=timedelta(seconds=60.5), tags=["x"], labels={"k": "v"}, seed=7,
                          tls=TLS(ca="file"), plain=True)
    made.tags.append("y")
    assert config.decode({"path": "/m"}, Config)[0].tags == ["a", "b"], "a default is not shared"


def test_null_is_absent():
    made, found = config.decode({"path": "/m", "steps": None, "seed": None, "tls": None}, Config)
    assert not found and made == Config(path="/m")
    assert [f.summary for f in config.decode({"path": None}, Config)[1]] == ['key "path" must not be null']


@pytest.mark.parametrize("values, path, summary, detail", [
    ({}, ("path",), 'missing key "path"', "Folder with the weights."),
    ({"path": "", "stesp": 1}, ("stesp",), 'unknown key "stesp"', 'did you mean "steps"?\nknown keys: path, preset, steps'),
    ({"path": "", "preset": "tyni"}, ("preset",), '"tyni" is not allowed', 'did you mean "tiny"?\nallowed: tiny, xl'),
    ({"path": "", "steps": 0}, ("steps",), "0 is out of range: 1 to 200", ""),
    ({"path": "", "steps": True}, ("steps",), "must be a whole number, not true or false", ""),
    ({"path": "", "steps": 1.5}, ("steps",), "must be a whole number, not a number", ""),
    ({"path": "", "scale": -1}, ("scale",), "-1 is too small: at least 0", ""),
    ({"path": "", "timeout": "2h"}, ("timeout",), "2h is too large: at most 1h0m0s", ""),
    ({"path": "", "timeout": 5}, ("timeout",), "must be text with a unit", ""),
    ({"path": "", "timeout": "5 s"}, ("timeout",), '"5 s" is no duration', 'write a number and a unit'),
    ({"path": "", "tags": ["x", 1]}, ("tags", "1"), "must be text, not a whole number", ""),
    ({"path": "", "labels": {"k": []}}, ("labels", "k"), "must be text, not a list", ""),
    ({"path": "", "tls": "x"}, ("tls",), "must be a block or an object, not text", ""),
    ({"path": "", "tls": {}}, ("tls", "ca"), 'missing key "ca"', "File with certificates."),
    ({"path": "", "tls": {"ca": "bad"}}, ("tls", "ca"), "cannot be read", ""),
])
def test_findings(values, path, summary, detail):
    made, found = config.decode(values, Config)
    assert made is None and len(found) == 1
    assert found[0].path == path and found[0].summary.startswith(summary) and found[0].detail.startswith(detail)


def test_all_findings_at_once():
    _, found = config.decode({"nope": 1, "steps": 0, "tls": {"ca": 1, "x": 2}}, Config)
    assert sorted(f.path for f in found) == [("nope",), ("path",), ("steps",), ("tls", "ca"), ("tls", "x")]


def test_warnings_do_not_refuse():
    made, found = config.decode({"path": "", "tls": {"ca": "f", "verify": False}}, Config)
    assert made is not None and [f.severity for f in found] == [Severity.WARNING] and found[0].path == ("tls",)


def test_nothing_to_configure():
    assert config.decode({}, None) == (None, [])
    assert config.decode({"x": 1}, None)[1][0].detail == "the plugin takes no configuration"


def test_authors_mistakes():
    @dataclass
    class Wrong:
        x: set = option(None)

    with pytest.raises(TypeError, match="option x"):
        config.schema(Wrong)
    with pytest.raises(TypeError, match="must be a dataclass"):
        config.schema(int)


@pytest.mark.parametrize("text, seconds", [("0", 0), ("10s", 10), ("1m30s", 90), ("500ms", 0.5), ("-1h", -3600), (".5s", 0.5)])
def test_durations(text, seconds):
    assert config.parse_duration(text).total_seconds() == seconds
    with pytest.raises(ValueError):
        config.parse_duration(text + "x")
